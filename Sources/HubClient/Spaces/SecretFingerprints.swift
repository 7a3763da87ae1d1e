import Crypto
import FoundationEssentials
package import StokerCore

/// What we last wrote into secrets, as keyed hashes: the Hub never gives a secret's value back, so this is how an unchanged one is known and
/// a change by somebody else is noticed. Spaces go by the name that the Hub calls them by (``Hub/canonical(_:)``). Without the key the hashes tell nothing, not even of short values.
package struct SecretFingerprints: Sendable, Codable, Equatable {
    struct Entry: Sendable, Codable, Equatable {
        /// HMAC-SHA256 of the Space, the name and the value, in hexadecimal.
        var print: String
        /// The Hub's `updatedAt` after our write.
        var updatedAt: String
    }

    private var key: Data
    private var entries: [String: Entry] = [:]

    /// An empty list with a new random key of 256 bits.
    package init() {
        key = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
    }

    package enum Comparison: Sendable, Equatable {
        /// Nothing is known of it.
        case unknown
        /// It is what we wrote last, and nobody has touched it since.
        case unchanged
        /// We wrote something else.
        case different
        /// Somebody else has written it after us.
        case drifted
    }

    /// - Parameter updatedAt: what the Hub says now; nil when it has no such secret.
    package func comparison(of name: String, value: Secret, in space: RepoID, updatedAt: String?) -> Comparison {
        guard let entry = entries[Self.place(name, space)], let updatedAt else { return .unknown }
        guard entry.updatedAt == updatedAt else { return .drifted }
        return entry.print == print(name, value, space) ? .unchanged : .different
    }

    /// Whether the Hub's secret was written by somebody else after us; nil when we never wrote it.
    package func hasDrifted(_ name: String, in space: RepoID, updatedAt: String?) -> Bool? {
        entries[Self.place(name, space)].map { $0.updatedAt != updatedAt }
    }

    package mutating func note(_ name: String, value: Secret, in space: RepoID, updatedAt: String) {
        entries[Self.place(name, space)] = Entry(print: print(name, value, space), updatedAt: updatedAt)
    }

    package mutating func forget(_ name: String, in space: RepoID) {
        entries[Self.place(name, space)] = nil
    }

    /// Takes over what was noted or forgotten between two states of a list by somebody who has the same key, as one command among several does.
    /// - Returns: false when the keys differ: then hashes of one list say nothing in the other.
    @discardableResult
    package mutating func merge(from before: SecretFingerprints, to after: SecretFingerprints) -> Bool {
        guard key == after.key, key == before.key else { return false }
        for place in Set(before.entries.keys).union(after.entries.keys)
        where before.entries[place] != after.entries[place] {
            entries[place] = after.entries[place]
        }
        return true
    }

    private static func place(_ name: String, _ space: RepoID) -> String { "\(space)/\(name)" }

    private func print(_ name: String, _ value: Secret, _ space: RepoID) -> String {
        // The place goes in too: the same value in two Spaces must not look the same.
        var bytes = Data(Self.place(name, space).utf8)
        bytes.append(0)
        bytes.append(Data(value.reveal().utf8))
        let code = HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: key))
        return Hex.text(code)
    }
}
