import NIOCore
import StokerCore
import Synchronization

/// A text about the whole fleet that many ask for at once: made at most a few times a second, however many ask.
final class CachedPage: Sendable {
    struct Copy: Sendable {
        var body: ByteBuffer
        var packed: ByteBuffer?
        /// Weak: the same statuses, although the uptime in it goes on.
        var tag: String
        fileprivate var generation: UInt64
        fileprivate var second: Int64
        fileprivate var checkedAt: ContinuousClock.Instant
    }
    private struct Shelf {
        var copy: Copy?
        var refreshing = false
    }

    /// How old a copy may be before the monitor is asked again.
    private static let fresh = Duration.milliseconds(200)
    /// How old a copy may be that is handed out while a newer one is being made.
    private static let usable = Duration.seconds(2)
    private let shelf = Mutex(Shelf())
    private let monitor: any FleetMonitoring
    private let make: @Sendable (any FleetMonitoring, Overview) async -> ByteBuffer
    /// Differs between processes: generations begin anew with each.
    private let epoch: String

    init(
        monitor: any FleetMonitoring, epoch: String,
        make: @escaping @Sendable (any FleetMonitoring, Overview) async -> ByteBuffer
    ) {
        self.monitor = monitor
        self.epoch = epoch
        self.make = make
    }

    func copy() async -> Copy {
        let now = ContinuousClock.now
        let ready: Copy? = shelf.withLock { shelf in
            guard let copy = shelf.copy else { return nil }
            let age = now - copy.checkedAt
            if age < Self.fresh || (shelf.refreshing && age < Self.usable) { return copy }
            shelf.refreshing = true
            return nil
        }
        if let ready { return ready }
        let overview = await monitor.overview()
        let second = overview.now.milliseconds / 1_000
        let unchanged: Copy? = shelf.withLock { shelf in
            guard var copy = shelf.copy, copy.generation == overview.generation, copy.second == second else {
                return nil
            }
            copy.checkedAt = now
            shelf = Shelf(copy: copy)
            return copy
        }
        if let unchanged { return unchanged }
        let body = await make(monitor, overview)
        let copy = Copy(
            body: body, packed: nil, tag: "W/\"\(epoch)-\(overview.generation)-\(Self.standing(overview))\"",
            generation: overview.generation,
            second: second,
            checkedAt: now)
        shelf.withLock { $0 = Shelf(copy: copy) }
        return copy
    }

    /// What may change without any check's status.
    private static func standing(_ overview: Overview) -> String {
        var hasher = Hasher()
        hasher.combine("\(overview.role)")
        if case .stalled(let since, let because, _, _, _) = overview.ledger { hasher.combine("\(since) \(because)") }
        for damage in overview.ledgerDamage { hasher.combine(damage.incident) }
        hasher.combine(overview.ledgerVault?.trouble)
        if case .offline(let since) = overview.connectivity { hasher.combine(since.milliseconds) }
        hasher.combine(overview.fleetFile.loadedAt.milliseconds)
        hasher.combine(overview.fleetFile.rejected)
        return String(UInt(bitPattern: hasher.finalize()), radix: 36)
    }

    /// The copy with its packed form, which is made once per copy and only when somebody wants it.
    func packedCopy() async -> Copy {
        var copy = await copy()
        guard copy.packed == nil, let packed = Gzip.pack(copy.body) else { return copy }
        copy.packed = packed
        shelf.withLock { shelf in
            if shelf.copy?.tag == copy.tag, shelf.copy?.second == copy.second { shelf.copy?.packed = packed }
        }
        return copy
    }
}
