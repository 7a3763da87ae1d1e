import Ledger
import NIOCore
import Operations
import StokerCore
import Synchronization

/// Status pages as bytes: made at most every few seconds, however many ask. Only names of the fleet file are kept.
final class StatusPageCache: Sendable {
    struct Copy: Sendable {
        var page: ByteBuffer
        var packed: ByteBuffer?
        var feed: ByteBuffer
        var tag: String
        var settings: StatusPageSettings
        fileprivate var madeAt: ContinuousClock.Instant
    }
    private struct Entry {
        var copy: Copy?
        var history = StatusReport.History()
        var historyAt: ContinuousClock.Instant?
        var work: Task<Copy?, any Error>?
    }

    /// How old a copy may be before a new one is made.
    private static let fresh = Duration.seconds(3)
    /// The days behind are read so often.
    private static let historyFresh = Duration.seconds(60)
    private let shelf = Mutex<[String: Entry]>([:])
    private let monitor: any FleetMonitoring
    private let ledger: any Ledger
    private let render: @Sendable (StatusReport) -> (page: String, feed: String)

    init(
        monitor: any FleetMonitoring, ledger: any Ledger,
        render: @escaping @Sendable (StatusReport) -> (page: String, feed: String)
    ) {
        self.monitor = monitor
        self.ledger = ledger
        self.render = render
    }

    /// nil: the fleet file has no such page.
    func copy(of slug: String) async throws -> Copy? {
        let now = ContinuousClock.now
        let (ready, running) = shelf.withLock { shelf -> (Copy?, Task<Copy?, any Error>?) in
            guard let entry = shelf[slug] else { return (nil, nil) }
            // Whoever comes while a newer one is made takes what is there.
            if let copy = entry.copy, now - copy.madeAt < Self.fresh || entry.work != nil { return (copy, nil) }
            return (nil, entry.work)
        }
        if let ready { return ready }
        if let running { return try await running.value }
        guard let page = await monitor.fleet()[StatusPagesSection.section].first(where: { $0.name == slug })?.value
        else {
            shelf.withLock { $0[slug] = nil }
            return nil
        }
        let work = shelf.withLock { shelf -> Task<Copy?, any Error> in
            if let running = shelf[slug]?.work { return running }
            let work = Task { try await self.make(slug, page) }
            shelf[slug, default: Entry()].work = work
            return work
        }
        return try await work.value
    }

    private func make(_ slug: String, _ page: StatusPageSettings) async throws -> Copy? {
        let began = ContinuousClock.now
        do {
            let now = await monitor.overview().now
            let old = shelf.withLock { $0[slug] ?? Entry() }
            var history = old.history
            var historyAt = old.historyAt
            if old.copy?.settings != page || historyAt.map({ began - $0 > Self.historyFresh }) ?? true {
                history = try await .read(page, monitor, ledger, now: now)
                historyAt = began
            }
            let report = try await StatusReport.read(slug, page, monitor, ledger, history: history, now: now)
            let text = render(report)
            let body = ByteBuffer(string: text.page)
            var hasher = Hasher()
            hasher.combine(text.page)
            let copy = Copy(
                page: body, packed: Gzip.pack(body), feed: ByteBuffer(string: text.feed),
                tag: "W/\"\(String(UInt(bitPattern: hasher.finalize()), radix: 36))\"", settings: page, madeAt: began)
            shelf.withLock { $0[slug] = Entry(copy: copy, history: history, historyAt: historyAt) }
            return copy
        } catch {
            // What was true a moment ago is better than no page; it says how old it is.
            let old = shelf.withLock { shelf -> Copy? in
                shelf[slug]?.work = nil
                shelf[slug]?.copy?.madeAt = began
                return shelf[slug]?.copy
            }
            if let old, old.settings == page { return old }
            throw error
        }
    }
}
