package import Logging
import Runtime
import ServiceLifecycle
package import StokerCore
import Synchronization

/// Stands between the engine and the disk: takes results from any thread without waiting, writes them within a second, and
/// keeps them while the disk refuses. Runs the ledger's housekeeping as well.
///
/// States of the same check keep the newest. A failed write is tried again after 1, 2, 4 … 30 s for as long as it takes; the first
/// failure and the recovery are told once each. A write that does not come back is a stall as well, told after 3 s.
package final class LedgerWriter: Service {
    /// How long results may wait, and how many.
    package struct Settings: Sendable {
        /// Longest time a result waits in memory while all is well. Default 600 ms: with the quarter of a second in which the
        /// engine gathers results, and the write itself, a result is on disk within a second.
        package var interval: Duration
        /// So many observations are written at once, without waiting for the interval. Default 20,000.
        package var urgent: Int
        /// Most observations in one transaction, so that no write takes long. Default 50,000.
        package var batch: Int
        /// Most observations that wait while writing fails, 32 bytes each. Default 1,000,000. Beyond it the oldest are dropped.
        package var limit: Int
        /// Time between two deletions of what is past its time. Default 1 h.
        package var pruneEvery: Duration
        /// Time between two full checks. Default 1 day.
        package var verifyEvery: Duration
        /// A write that takes longer is told as a stall. Default 3 s.
        package var stallAfter: Duration
        /// How long a stop may take. Default 2.5 s.
        package var drainWithin: Duration
        package init(
            interval: Duration = .milliseconds(600), urgent: Int = 20_000, batch: Int = 50_000, limit: Int = 1_000_000,
            pruneEvery: Duration = .seconds(3_600), verifyEvery: Duration = .seconds(86_400),
            stallAfter: Duration = .seconds(3), drainWithin: Duration = .milliseconds(2_500)
        ) {
            self.interval = interval
            self.urgent = max(1, urgent)
            self.batch = max(1, batch)
            self.limit = max(1, limit)
            self.pruneEvery = pruneEvery
            self.verifyEvery = verifyEvery
            self.stallAfter = stallAfter
            self.drainWithin = drainWithin
        }
    }

    private struct Shared {
        var backlog: Backlog
        var isWriting = false
        /// When the write under way began.
        var writing: (began: Duration, since: Instant)?
        /// Somebody writes what is handed over.
        var isAtWork = false
        /// Counts what is handed over, and tells up to where it is written.
        var handed: UInt64 = 0
        var settled: UInt64 = 0
        var waiters: [(for: UInt64, signal: AsyncSignal)] = []
        /// Observations of the batch that is being written: they are still in memory.
        var inFlight = 0
        var isStopping = false
        var stall: (since: Instant, because: String)?
        var written: UInt64 = 0
        var uncompacted = 0
        var damages = 0
        var retention: Fleet.LedgerSettings
        /// The fleet is being watched: each write says until when.
        var isWatching = false
        /// When watching ended, until it is written; and, while it has, since when nobody watches.
        var watchedUntil: Instant?
        var unwatchedSince: Instant?
        /// Jobs in what waits that are wanted at once.
        var hasUrgentJobs = false
    }

    private let ledger: any Ledger
    private let settings: Settings
    private let clock: any Clock<Duration>
    /// Since this was made, on the clock.
    private let elapsed: @Sendable () -> Duration
    private let now: @Sendable () -> Instant
    private let logger: Logger
    private let outbox: OutboxPlan?
    private let shared: Mutex<Shared>
    /// Something is there to be written.
    private let work = AsyncSignal()
    /// Enough is there to be written at once.
    private let urgency = AsyncSignal()
    private let housekeeping = AsyncSignal()
    private let checking = AsyncSignal()
    private let watching = AsyncSignal()

    /// - Parameters:
    ///   - ledger: stays the caller's to close, after ``run()`` has ended.
    ///   - retention: how long what kind of row is kept.
    ///   - clock: measures waiting.
    ///   - now: tells since when writing fails, and what is past its time.
    ///   - outbox: what has to be done because of what is written; nil for nothing.
    package init(
        ledger: any Ledger, retention: Fleet.LedgerSettings, settings: Settings = Settings(),
        clock: any Clock<Duration>,
        now: @escaping @Sendable () -> Instant, outbox: OutboxPlan? = nil, logger: Logger
    ) {
        self.outbox = outbox
        self.ledger = ledger
        self.settings = settings
        self.clock = clock
        elapsed = Self.stopwatch(clock)
        self.now = now
        self.logger = logger
        shared = Mutex(Shared(backlog: Backlog(limit: settings.limit), retention: retention))
    }

    private static func stopwatch<C: Clock>(_ clock: C) -> @Sendable () -> Duration where C.Duration == Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    // MARK: From the engine

    /// Takes results; never waits for a disk. What has to be done because of them is planned here and written with them.
    package func enqueue(_ batch: Batch) {
        guard !batch.isEmpty else { return }
        enqueue { [outbox] in
            var batch = batch
            if let outbox { batch.jobs += outbox.plan(batch) }
            return batch
        }
    }

    /// Takes what `make` makes, in its place among everything that is handed over. `make` runs under the writer's lock: it must be short, and
    /// must not call the writer, which would wait for itself.
    package func enqueue(making make: @Sendable () -> Batch) {
        let now = now()
        let (isAny, isUrgent) = shared.withLock { shared in
            let batch = make()
            guard !batch.isEmpty else { return (false, false) }
            shared.backlog.add(batch)
            shared.handed += 1
            if batch.jobs.contains(where: { $0.runAt <= now }) { shared.hasUrgentJobs = true }
            return (true, shared.backlog.waiting >= settings.urgent || shared.hasUrgentJobs)
        }
        guard isAny else { return }
        work.fire()
        if isUrgent { urgency.fire() }
    }

    /// Says that the fleet is watched from now on, or no more. While it is, the ledger is told so at least once in
    /// ``Settings/interval``, so that the time in which nobody watched is known after any end.
    package func watch(_ isWatching: Bool) {
        let now = now()
        shared.withLock { shared in
            guard shared.isWatching != isWatching else { return }
            shared.isWatching = isWatching
            if isWatching {
                shared.backlog.add(Batch(timeline: [.absence(from: shared.unwatchedSince, to: now)]))
                shared.handed += 1
                shared.watchedUntil = nil
            } else {
                shared.watchedUntil = now
                shared.unwatchedSince = now
            }
        }
        work.fire()
    }

    /// Waits until what was handed over is written, without the usual interval. Not longer than `time` (default 2 s), and not at all while nobody writes
    /// or the disk refuses.
    /// - Returns: why it is not written, as a part of a sentence for a person; nil when it is.
    @discardableResult
    package func settle(within time: Duration = .seconds(2)) async -> String? {
        let (wanted, signal): (UInt64, AsyncSignal?) = shared.withLock { shared in
            guard shared.isAtWork, shared.stall == nil, hang(shared) == nil, shared.settled < shared.handed else {
                return (shared.handed, nil)
            }
            let signal = AsyncSignal()
            shared.waiters.append((shared.handed, signal))
            return (shared.handed, signal)
        }
        if let signal {
            work.fire()
            urgency.fire()
            await signal.wait(atMost: time, clock: clock)
        }
        return shared.withLock { shared in
            if let signal { shared.waiters.removeAll { $0.signal === signal } }
            if shared.settled >= wanted { return nil }
            if let stall = shared.stall { return stall.because }
            if !shared.isAtWork { return "nothing is written before the start is over, and after a stop began" }
            return hang(shared)?.because ?? "the disk has not taken it within \(time.text)"
        }
    }

    /// Whether the write under way takes too long.
    private func hang(_ shared: Shared) -> (since: Instant, because: String)? {
        guard let writing = shared.writing, elapsed() - writing.began >= settings.stallAfter else { return nil }
        return (
            writing.since, "a write has been taking longer than \(settings.stallAfter.text): the disk does not answer"
        )
    }

    /// Other times of keeping, after a reload. The next housekeeping deletes what is too old by them.
    package func keep(_ retention: Fleet.LedgerSettings) {
        shared.withLock { $0.retention = retention }
        housekeeping.fire()
    }

    /// Whether results reach the disk now.
    package var health: LedgerHealth {
        shared.withLock { shared in
            guard let stall = shared.stall ?? hang(shared) else { return .healthy }
            return .stalled(
                since: stall.since, because: stall.because, waiting: shared.backlog.waiting + shared.inFlight,
                limit: settings.limit,
                dropped: shared.backlog.dropped)
        }
    }

    /// Whether everything that was handed over is on disk.
    package var isSettled: Bool { shared.withLock { $0.settled >= $0.handed } }
    /// Observations written since the start.
    package var written: UInt64 { shared.withLock { $0.written } }
    /// Observations, lines of the timeline, incidents, events and jobs given up since the start.
    package var dropped: UInt64 { shared.withLock { $0.backlog.dropped } }
    /// Observations in memory.
    package var waiting: Int { shared.withLock { $0.backlog.waiting + $0.inFlight } }

    // MARK: Running

    /// Writes until asked to stop, then writes what is left (see ``drain(within:)``) and returns.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.writeForEver() }
                group.addTask { await self.maintainForEver() }
                group.addTask { await self.verifyForEver() }
                group.addTask { await self.watchdogForEver() }
            }
        } onGracefulShutdown: {
            self.stop()
        }
        if await !drain(within: settings.drainWithin) {
            logger.error("results were lost at the stop", metadata: ["observations": "\(waiting)"])
        }
    }

    private func stop() {
        shared.withLock { $0.isStopping = true }
        work.fire()
        urgency.fire()
        housekeeping.fire()
        checking.fire()
        watching.fire()
        ledger.endVerifying()
    }

    private var isStopping: Bool { Task.isCancelled || shared.withLock { $0.isStopping } }

    private static let growing = Backoff(first: .seconds(1), longest: .seconds(30))

    private func writeForEver() async {
        shared.withLock { $0.isAtWork = true }
        defer {
            for waiter in shared.withLock({ shared in
                shared.isAtWork = false
                return shared.waiters
            }) { waiter.signal.fire() }
        }
        var failures = 0
        while !isStopping {
            if failures == 0 {
                let watching = shared.withLock { $0.isWatching }
                await work.wait(atMost: watching ? settings.interval : nil, clock: clock)
                if isStopping { return }
                // An interval without results is over: nothing is worth another.
                if hasWork, !isUrgent { await urgency.wait(atMost: settings.interval, clock: clock) }
                if isStopping { return }
            } else {
                // Full or not, a disk that refuses is not asked more often than this.
                await stopping(within: Self.growing.wait(after: failures))
                if isStopping { return }
            }
            do throws(Failure) {
                while try await flush(telling: true), isLarge {
                    if isStopping { return }
                }
                failures = 0
                // What came meanwhile is not much: it waits its interval.
                if shared.withLock({ !$0.backlog.isEmpty }) { work.fire() }
            } catch {
                failures += 1
            }
        }
    }

    /// Waits, unless a stop comes first.
    private func stopping(within time: Duration) async {
        let end = elapsed() + time
        while !isStopping {
            let left = end - elapsed()
            guard left > .zero else { return }
            await urgency.wait(atMost: min(left, .milliseconds(500)), clock: clock)
        }
    }

    private func maintainForEver() async {
        var lastRetention: Duration?
        var failing: Set<String> = []
        while !isStopping {
            await runMaintenance("joining observations", &failing) { () async throws(Failure) in
                while !isStopping, try await ledger.compact() {}
                shared.withLock { $0.uncompacted = 0 }
            }
            let time = elapsed()
            if !isStopping, lastRetention.map({ time - $0 >= settings.pruneEvery }) ?? true {
                await runMaintenance("deleting what is past its time", &failing) { () async throws(Failure) in
                    let gone = try await ledger.prune(shared.withLock { $0.retention }, now: now())
                    lastRetention = time
                    if gone > 0 { logger.debug("deleted what was past its time", metadata: ["rows": "\(gone)"]) }
                }
            }
            await housekeeping.wait(atMost: min(settings.pruneEvery, .seconds(600)), clock: clock)
        }
    }

    /// Tells of a write that does not come back, for whoever waits for it cannot.
    private func watchdogForEver() async {
        var told = false
        while !isStopping {
            await watching.wait(atMost: .milliseconds(500), clock: clock)
            let found = shared.withLock { hang($0) }
            if let found, !told {
                logger.warning(
                    "results cannot be written; they wait in memory", metadata: ["error": "\(found.because)"])
            } else if found == nil, told {
                logger.notice("the disk answers again")
            }
            told = found != nil
        }
    }

    /// Once after the start, then once a day.
    private func verifyForEver() async {
        var failing: Set<String> = []
        while !isStopping {
            await runMaintenance("checking the whole ledger", &failing) { () async throws(Failure) in
                if try await ledger.verify() { shared.withLock { $0.damages += 1 } }
            }
            housekeeping.fire()
            await checking.wait(atMost: settings.verifyEvery, clock: clock)
        }
    }

    /// How often damage was found since the start that a person has to know of.
    package var damages: Int { shared.withLock { $0.damages } }

    /// Tells the first failure of a row, and its end: a ledger that is never tidied grows.
    private func runMaintenance(
        _ name: String, _ failing: inout Set<String>, _ work: () async throws(Failure) -> Void
    ) async {
        do throws(Failure) {
            try await work()
            if failing.remove(name) != nil { logger.notice("housekeeping of the ledger works again: \(name)") }
        } catch {
            // Before a stop it is merely interrupted; while the disk refuses, writing has said so.
            guard !isStopping, shared.withLock({ $0.stall == nil }), failing.insert(name).inserted else { return }
            logger.warning("housekeeping of the ledger failed: \(name)", metadata: ["error": "\(error)"])
        }
    }

    private var isUrgent: Bool {
        shared.withLock { $0.hasUrgentJobs || $0.backlog.waiting + $0.inFlight >= settings.urgent }
    }
    private var hasWork: Bool { shared.withLock { !$0.backlog.isEmpty } }

    private var isLarge: Bool {
        shared.withLock { shared in
            shared.backlog.waiting >= settings.urgent || shared.backlog.entries >= settings.urgent
                || shared.backlog.states >= settings.urgent
                || !shared.waiters.isEmpty && !shared.backlog.isEmpty
        }
    }

    /// Writes one batch. - Returns: whether there was one. - Throws: why it could not be written; it waits again then.
    /// - Parameter telling: writes until when the fleet was watched also where nothing else waits.
    private func flush(telling: Bool = false) async throws(Failure) -> Bool {
        let taken: (batch: Batch, last: UInt64?)? = shared.withLock { shared in
            let isTold = telling && (shared.isWatching || shared.watchedUntil != nil)
            guard !shared.isWriting, isTold || !shared.backlog.isEmpty else { return nil }
            shared.isWriting = true
            shared.writing = (elapsed(), now())
            var batch = shared.backlog.take(observations: settings.batch, states: settings.batch)
            batch.watchedUntil = shared.isWatching ? now() : shared.watchedUntil
            shared.hasUrgentJobs = false
            shared.inFlight = batch.observations.count
            return (batch, shared.backlog.isEmpty ? shared.handed : nil)
        }
        guard let (batch, last) = taken else { return false }
        do throws(Failure) {
            try await ledger.record(batch)
        } catch {
            let (began, waiters) = shared.withLock { shared in
                shared.isWriting = false
                shared.writing = nil
                shared.inFlight = 0
                shared.backlog.putBack(batch)
                defer { shared.stall = (shared.stall?.since ?? now(), error.because) }
                return (shared.stall == nil, shared.waiters)
            }
            for waiter in waiters { waiter.signal.fire() }
            if began {
                logger.warning("results cannot be written; they wait in memory", metadata: ["error": "\(error)"])
            }
            throw error
        }
        let (recovered, isCompacting, waiters) = shared.withLock { shared in
            shared.isWriting = false
            shared.writing = nil
            shared.inFlight = 0
            shared.settled = max(shared.settled, last ?? 0)
            if shared.watchedUntil == batch.watchedUntil { shared.watchedUntil = nil }
            shared.written += UInt64(batch.observations.count)
            shared.uncompacted += batch.observations.count
            let recovered = shared.stall != nil
            shared.stall = nil
            let settled = shared.settled
            return (
                recovered, shared.uncompacted >= 16_384 || ledger.wantsCompaction,
                shared.waiters.filter { $0.for <= settled }
            )
        }
        for waiter in waiters { waiter.signal.fire() }
        if !batch.jobs.isEmpty { outbox?.written() }
        if recovered {
            logger.log(
                level: dropped > 0 ? .warning : .notice, "results are written again",
                metadata: ["dropped": "\(dropped)"])
        }
        if isCompacting { housekeeping.fire() }
        return true
    }

    /// Writes what waits, trying again every 100 ms until it is done or the time is over.
    /// A batch that is being written is waited for; it is at most ``Settings/batch`` rows.
    /// - Returns: whether everything is written.
    @discardableResult
    package func drain(within time: Duration) async -> Bool {
        let end = elapsed() + time
        while true {
            do throws(Failure) {
                if try await flush(telling: true), elapsed() >= end { return isWritten }
                while try await flush() {
                    if elapsed() >= end { break }
                }
                if isWritten { return true }
            } catch {
                // Told by `flush`; tried again below.
            }
            if elapsed() >= end { return false }
            do {
                try await clock.sleep(for: .milliseconds(100))
            } catch {
                // Cancelled: no time to wait for a disk to recover, and what it took was tried above.
                return isWritten
            }
        }
    }

    private var isWritten: Bool {
        shared.withLock { $0.backlog.isEmpty && !$0.isWriting && $0.watchedUntil == nil }
    }
}
