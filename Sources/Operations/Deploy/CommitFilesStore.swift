import Deployment
import Foundation
import HubClient
import Ledger
import Logging
import Runtime
import StokerCore
import Synchronization

/// The files of commits in the ledger's records: read once at the beginning of a plan, written once at its end.
final class CommitFilesStore: CommitFilesMemory {
    /// Key: SHA-256 of `owner/name`, and the number of the part. A commit of many files has several.
    static let kind = "commit-files"
    /// Files of a record; a body has 64 KiB at most.
    private static let part = 200
    /// More parts are not kept.
    private static let mostParts = 20

    private let folder: String
    private let now: @Sendable () -> Instant
    private struct Known {
        var commit: String
        var files: [String: RemoteFile]
        var isNew = false
    }
    private let known = Mutex<[String: Known]>([:])

    private init(folder: String, now: @escaping @Sendable () -> Instant) {
        self.folder = folder
        self.now = now
    }

    private var path: String { folder + "/stoker.sqlite" }
    private static var silent: Logger { Logger(label: "stoker") { _ in SwiftLogNoOpLogHandler() } }

    /// What is kept. A ledger that cannot be read knows nothing: it costs requests and no more.
    static func open(folder: String, now: @escaping @Sendable () -> Instant) async -> CommitFilesStore {
        let store = CommitFilesStore(folder: folder, now: now)
        let records =
            (try? await SharedStores.using(store.path, making: false, logger: silent) {
                (stores) async throws(Failure) in try await stores.records.records(kind: kind)
            }) ?? []
        var parts: [String: [JSONValue]] = [:]
        for record in records {
            guard let body = try? JSONValue(reading: Array(record.body.utf8)), let space = body["space"]?.string else {
                continue
            }
            parts[space, default: []].append(body)
        }
        store.known.withLock { known in
            for (space, bodies) in parts { known[space] = whole(bodies) }
        }
        return store
    }

    /// nil unless all parts of one commit are there.
    private static func whole(_ bodies: [JSONValue]) -> Known? {
        guard let commit = bodies.first?["commit"]?.string, let count = bodies.first?["parts"]?.integer,
            bodies.count == count, bodies.allSatisfy({ $0["commit"]?.string == commit })
        else { return nil }
        var files: [String: RemoteFile] = [:]
        for member in bodies.flatMap({ $0["files"]?.members ?? [] }) {
            guard let row = member.value.array, row.count == 3, let sha1 = row[0].string, let size = row[2].integer
            else {
                return nil
            }
            files[member.name] = RemoteFile(sha1: sha1, sha256: row[1].string, size: Int64(size))
        }
        return Known(commit: commit, files: files)
    }

    func files(of space: RepoID, at commit: String) async throws(Failure) -> [String: RemoteFile]? {
        known.withLock { known in
            guard let one = known["\(space)"], one.commit == commit else { return nil }
            return one.files
        }
    }

    func keep(_ files: [String: RemoteFile], of space: RepoID, at commit: String) async throws(Failure) {
        known.withLock { $0["\(space)"] = Known(commit: commit, files: files, isNew: true) }
    }

    /// Writes what was learned. Not being able to costs requests the next time and no more.
    func save() async {
        let fresh = known.withLock { known in known.filter { $0.value.isNew } }
        guard !fresh.isEmpty, (try? PrivateFolder.make(folder)) != nil else { return }
        _ = try? await SharedStores.using(path, making: true, logger: Self.silent) {
            (stores) async throws(Failure) in
            for (space, one) in fresh.sorted(by: { $0.key < $1.key }) {
                let names = one.files.keys.sorted()
                let count = max(1, (names.count + Self.part - 1) / Self.part)
                let key = SecretFingerprints.digest(of: space)
                for old in try await stores.records.records(
                    kind: Self.kind, prefix: key, after: nil, limit: Self.mostParts * 2)
                {
                    try await stores.records.remove(kind: Self.kind, key: old.key)
                }
                guard count <= Self.mostParts else { continue }
                for part in 0..<count {
                    let some = names.dropFirst(part * Self.part).prefix(Self.part)
                    let body: JSONValue = [
                        "space": .string(space), "commit": .string(one.commit), "parts": .count(count),
                        "files": .object(
                            some.compactMap { name in
                                one.files[name].map {
                                    .init(name, [.string($0.sha1), .maybe($0.sha256), .integer($0.size)])
                                }
                            }),
                    ]
                    // Very long paths: not kept whole, and so not used.
                    guard body.text.utf8.count <= Record.maxBody else { break }
                    try await stores.records.put(
                        NewRecord(kind: Self.kind, key: "\(key)-\(part)", body: body.text, at: self.now()))
                }
            }
        }
    }
}
