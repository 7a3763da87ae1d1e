import FoundationEssentials
import Synchronization

/// Every request the Hub took, for tests to read. Secrets are not in it: a token shows as the account it belongs to, a body as
/// its SHA-256.
package final class Journal: Sendable {
    package struct Entry: Sendable, Equatable {
        /// From 1, in order of arrival.
        package var number: Int
        package var host = Fault.Host.hub
        /// Simulated time.
        package var at: Duration
        package var method: String
        /// As it was sent, without the query.
        package var path: String
        package var query: String
        /// nil: anonymous, or a token that was refused.
        package var account: String?
        /// `user-agent`, `content-type`, `accept`, `range` and the like; never credentials.
        package var headers: [String: String]
        package var bodyBytes = 0
        /// Hex; nil without a body, or when the route did not read all of it.
        package var bodySHA256: String?
        /// Only for a test that asked for it with ``Journal/keepBodies(upTo:)``; never shown over HTTP.
        package var body: String?
        /// nil while it is being answered.
        package var status: Int?
        package var fault: String?
    }

    private struct State {
        var entries: [Entry] = []
        var dropped = 0
        var bodyLimit = 0
    }
    private let state = Mutex(State())
    /// Older entries are dropped.
    package static let most = 20_000
    /// Characters that are kept of a path, a query or a header.
    static let longestText = 4_000

    package init() {}

    /// Of the Hub itself.
    package var entries: [Entry] { state.withLock { $0.entries.filter { $0.host == .hub } } }
    /// Of the storage host: its links are secrets, so the query is left out.
    package var storageEntries: [Entry] { state.withLock { $0.entries.filter { $0.host == .storage } } }
    /// Those with this method and a path that fits the pattern (stars as in ``Fault/path``).
    package func entries(_ method: String? = nil, path: String = "/**") -> [Entry] {
        Self.picked(entries, method, path: path)
    }
    static func picked(_ entries: [Entry], _ method: String?, path: String) -> [Entry] {
        let pattern = Fault(.cut, method: method, path: path)
        return entries.filter { pattern.fits(method: $0.method, path: $0.path, account: nil) }
    }
    /// From now on bodies of at most so many bytes are kept as text. They hold secrets: for worlds whose secrets are made up.
    package func keepBodies(upTo bytes: Int) { state.withLock { $0.bodyLimit = bytes } }
    var bodyLimit: Int { state.withLock { $0.bodyLimit } }
    package func clear() {
        state.withLock { state in
            state.dropped += state.entries.count
            state.entries = []
        }
    }

    /// - Returns: its number.
    func begin(_ entry: Entry) -> Int {
        state.withLock { state in
            if state.entries.count == Self.most {
                state.entries.removeFirst(Self.most / 10)
                state.dropped += Self.most / 10
            }
            var entry = entry
            entry.number = state.dropped + state.entries.count + 1
            state.entries.append(entry)
            return entry.number
        }
    }
    func change(_ number: Int, _ body: (inout Entry) -> Void) {
        state.withLock { state in
            let index = number - state.dropped - 1
            if state.entries.indices.contains(index) { body(&state.entries[index]) }
        }
    }
}

extension Journal.Entry {
    var json: JSON {
        .object(dropping: [
            "number": .int(number), "host": .string(host.rawValue), "at": .double(at / .seconds(1)),
            "method": .string(method), "path": .string(path),
            "query": .string(query), "account": .text(account),
            "headers": .object(headers.mapValues { .string($0) }), "bodyBytes": .int(bodyBytes),
            "bodySHA256": .text(bodySHA256), "status": status.map { .int($0) } ?? .null, "fault": .text(fault),
        ])
    }
}
