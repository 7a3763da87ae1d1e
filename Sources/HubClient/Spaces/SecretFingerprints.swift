import Crypto
package import FoundationEssentials
package import StokerCore

/// What we last wrote into secrets, as keyed hashes: the Hub never gives a secret's value back, so this is how an unchanged one is known and
/// a change by somebody else is noticed. Spaces go by the name that the Hub calls them by (``Hub/canonical(_:)``). Without the key the hashes tell nothing, not even of short values.
package struct SecretFingerprints: Sendable, Codable, Equatable {
    /// What is known of one secret: a keyed hash of its value, never the value.
    package struct Entry: Sendable, Codable, Equatable {
        /// HMAC-SHA256 of the Space, the name and the value, in hexadecimal.
        package var print: String
        /// The Hub's `updatedAt` after our write.
        package var updatedAt: String

        package init(print: String, updatedAt: String) {
            self.print = print
            self.updatedAt = updatedAt
        }
    }

    /// Of the hashes; at least ``leastKey`` bytes.
    package let key: Data
    /// By `owner/name/SECRET`.
    package private(set) var entries: [String: Entry] = [:]

    package static let leastKey = 16

    /// An empty list with a new random key of 256 bits.
    package init() {
        key = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
    }

    /// - Returns: nil for a key that is too short.
    package init?(key: Data, entries: [String: Entry] = [:]) {
        guard key.count >= Self.leastKey else { return nil }
        self.key = key
        self.entries = entries
    }

    /// Tells one key from another, and nothing else of it.
    package var keyName: String { Hex.text(SHA256.hash(data: key).prefix(8)) }

    /// What a value here is to the one on the Hub.
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
        guard let entry = entries[Self.key(name, space)], let updatedAt else { return .unknown }
        guard entry.updatedAt == updatedAt else { return .drifted }
        return entry.print == print(name, value, space) ? .unchanged : .different
    }

    /// Whether the Hub's secret was written by somebody else after us; nil when we never wrote it.
    package func hasDrifted(_ name: String, in space: RepoID, updatedAt: String?) -> Bool? {
        entries[Self.key(name, space)].map { $0.updatedAt != updatedAt }
    }

    package mutating func note(_ name: String, value: Secret, in space: RepoID, updatedAt: String) {
        entries[Self.key(name, space)] = Entry(print: print(name, value, space), updatedAt: updatedAt)
    }

    package mutating func forget(_ name: String, in space: RepoID) {
        entries[Self.key(name, space)] = nil
    }

    /// What was noted since, and nil for what was forgotten; nothing when the keys differ.
    package func changes(since before: SecretFingerprints) -> [String: Entry?] {
        guard key == before.key else { return [:] }
        var changes: [String: Entry?] = [:]
        for place in Set(before.entries.keys).union(entries.keys) where before.entries[place] != entries[place] {
            changes[place] = .some(entries[place])
        }
        return changes
    }

    /// SHA-256 of a place, in hexadecimal: a place may be longer than a name of a record.
    package static func digest(of place: String) -> String { Hex.text(SHA256.hash(data: Data(place.utf8))) }

    private static func key(_ name: String, _ space: RepoID) -> String { "\(space)/\(name)" }

    private func print(_ name: String, _ value: Secret, _ space: RepoID) -> String {
        // The place goes in too: the same value in two Spaces must not look the same.
        var bytes = Data(Self.key(name, space).utf8)
        bytes.append(0)
        bytes.append(Data(value.reveal().utf8))
        let code = HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: key))
        return Hex.text(code)
    }
}
