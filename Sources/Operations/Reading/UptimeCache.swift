import Ledger
import StokerCore
import Synchronization

/// Uptime of checks, for some seconds at most and until a check's next ping: to sum up 90 days costs more than all else of an answer, and
/// programs ask for the same checks again and again.
final class UptimeCache: Sendable {
    private struct Kept {
        var lastPing: Instant
        var readAt: Instant
        var uptimes: [Uptime]
    }
    private let kept = Mutex<[Int32: Kept]>([:])
    private static let fresh = Duration.seconds(5)
    private static let most = 2_000

    func uptimes(of status: CheckStatus, from ledger: any Ledger, now: Instant) async throws(Failure) -> [Uptime] {
        let lastPing = status.state.lastPing
        if let known = kept.withLock({ $0[status.id] }), known.lastPing == lastPing, now >= known.readAt,
            now - known.readAt < Self.fresh
        {
            return known.uptimes
        }
        let uptimes = try await Uptime.read(of: status.id, from: ledger, now: now)
        kept.withLock { kept in
            if kept.count >= Self.most { kept = kept.filter { now - $0.value.readAt < Self.fresh } }
            guard kept.count < Self.most else { return }
            kept[status.id] = Kept(lastPing: lastPing, readAt: now, uptimes: uptimes)
        }
        return uptimes
    }
}
