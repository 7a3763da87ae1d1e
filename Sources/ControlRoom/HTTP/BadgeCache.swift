import Hummingbird
import Ledger
import NIOCore
import StokerCore
import Synchronization

/// Badges that were drawn a moment ago. Pages of others show them, so many ask for few.
///
/// A copy here is at most ``fresh`` old and may be kept by others for as long again: nobody sees one that is older than 10 s.
final class BadgeCache: Sendable {
    struct Copy: Sendable {
        var body: ByteBuffer
        /// Of its content: the same badge has the same tag, also after a restart.
        var tag: String
        fileprivate var madeAt: ContinuousClock.Instant
    }
    struct Key: Hashable, Sendable {
        var check: String
        var kind: Badge.Kind
        var format: Badge.Format
    }

    static let fresh = Duration.seconds(5)
    /// Of one check there are as many badges as kinds and formats.
    private static let most = 20_000
    private let copies = Mutex<[Key: Copy]>([:])

    /// - Parameter make: draws it anew.
    func copy(of key: Key, make: () async throws(Failure) -> Badge) async throws(Failure) -> Copy {
        let now = ContinuousClock.now
        if let copy = copies.withLock({ $0[key] }), now - copy.madeAt < Self.fresh { return copy }
        let bytes = try await make().written(as: key.format)
        let copy = Copy(body: ByteBuffer(bytes: bytes), tag: Self.tag(bytes), madeAt: now)
        copies.withLock { copies in
            if copies.count >= Self.most { copies = copies.filter { now - $0.value.madeAt < Self.fresh } }
            if copies.count < Self.most { copies[key] = copy }
        }
        return copy
    }

    /// A tag is no proof, only a name for the content.
    private static func tag(_ bytes: [UInt8]) -> String {
        "\"\(String(FNV1a.hash(bytes), radix: 36))-\(bytes.count)\""
    }
}
