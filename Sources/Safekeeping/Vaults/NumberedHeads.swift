import NIOCore
import StokerCore

/// The head of a place that does one thing at once only: it creates what is not there. Heads are objects `v1/h/<number>`; the highest counts.
///
/// A number that was pruned can be made once more by a request from long ago. So each success is followed by a look: who is not the highest has
/// written where nobody looks, and was refused.
struct NumberedHeads: Sendable {
    static let prefix = "v1/h/"
    /// Heads that stay behind the newest, for readers whose list is a moment old.
    private static let kept: UInt64 = 16

    let vault: String
    /// Stores an object unless one of that name is there; false when it is.
    let create: @Sendable (ByteBuffer, String) async throws(VaultFailure) -> Bool
    let read: @Sendable (String) async throws(VaultFailure) -> ByteBuffer?
    /// Names that begin with ``prefix``; never from a cache.
    let list: @Sendable () async throws(VaultFailure) -> [String]
    let delete: @Sendable ([String]) async throws(VaultFailure) -> Void

    /// The number that a version of ours stands for; nil for versions of another kind.
    static func number(_ version: HeadVersion) -> UInt64? {
        version.text.hasPrefix("#") ? UInt64(version.text.dropFirst()) : nil
    }

    private static func version(_ number: UInt64) -> HeadVersion { HeadVersion("#\(number)") }
    /// Of one length, so that their order is that of the numbers.
    private static func name(_ number: UInt64) -> String { prefix + Hex.text(number) }

    private func numbers() async throws(VaultFailure) -> [UInt64] {
        let names = try await list()
        return names.compactMap { UInt64($0.dropFirst(Self.prefix.count), radix: 16) }.sorted()
    }

    /// nil when there is none.
    func head() async throws(VaultFailure) -> StoredHead? {
        for _ in 0..<4 {
            guard let highest = try await numbers().last else { return nil }
            // Pruned since the list was made: a newer one is there.
            if let bytes = try await read(Self.name(highest)) {
                return StoredHead(bytes: bytes, version: Self.version(highest))
            }
        }
        throw VaultFailure(
            .transient, vault: vault, doing: "read the head", said: "it was replaced each time it was read")
    }

    /// - Parameter number: of the head that is to be replaced; 0 for none.
    func swap(_ bytes: ByteBuffer, expecting number: UInt64) async throws(VaultFailure) -> HeadSwap {
        let own = number + 1
        guard try await create(bytes, Self.name(own)) else { return .refused }
        let all: [UInt64]
        do throws(VaultFailure) { all = try await numbers() } catch {
            throw VaultFailure(
                .unknownOutcome, vault: vault, doing: "write the head", said: error.said, hint: error.hint, cause: error
            )
        }
        guard all.last == own else { return .refused }
        let old = all.filter { $0 + Self.kept < own }
        // What cannot be pruned now is with the next head.
        if !old.isEmpty { do throws(VaultFailure) { try await delete(old.map { Self.name($0) }) } catch {} }
        return .swapped(Self.version(own))
    }
}
