package import Logging
import ServiceLifecycle
import Runtime
package import StokerCore
import Synchronization

/// What is done with the jobs of one kind. It may be done twice: when its process is killed before its end is written, or when it
/// goes on after it lost its lease. It ends soon after its task is cancelled.
package struct JobHandler: Sendable {
    /// What became of an attempt that did not fail.
    package enum Outcome: Sendable, Equatable {
        case done
        /// It is done, with something that a person may want to know. Without secrets.
        case doneWith(note: String)
        /// Not yet: the attempt does not count.
        case later(Instant)
        /// It is not wanted any more.
        case cancelled(because: String)
    }

    /// The kind of jobs it does.
    package var kind: String
    /// Told of what was claimed, oldest due first, before any of it is begun: tasks begin in any order. Short.
    package var taken: @Sendable ([Job]) -> Void
    /// Does one job. Cancelled when the lease is lost or the runner stops.
    package var work: @Sendable (Job) async throws -> Outcome
    /// What came of it is written, or cannot be. Short.
    package var settled: @Sendable (Job) -> Void

    /// - Parameter work: throws a ``Failure`` that says when it is tried again: `.never` gives the job up. Its `because` is kept with the
    ///   job, so it holds no secrets.
    package init(
        kind: String, taken: @escaping @Sendable ([Job]) -> Void = { _ in },
        settled: @escaping @Sendable (Job) -> Void = { _ in },
        work: @escaping @Sendable (Job) async throws -> Outcome
    ) {
        self.kind = kind
        self.settled = settled
        self.taken = taken
        self.work = work
    }
}

/// Claims jobs and does them, a bounded number at a time: extends the lease of each while it works, and calls off what it lost. A stop claims
/// nothing more, gives what runs a little time, and hands the rest back.
package final class JobRunner: Service {
    /// How jobs are claimed and done.
    package struct Settings: Sendable {
        /// Jobs at a time. Default 4.
        package var concurrency: Int
        /// Places that must be free before more is claimed: a claim is a transaction. Default 1.
        package var batch: Int
        /// For how long a claim holds without being extended, which happens after a third of it. Default 60 s.
        package var lease: Duration
        /// Longest wait between two looks: other processes insert jobs too. Default 5 s.
        package var poll: Duration
        /// How long running jobs may go on after a stop began. Default 1.5 s.
        package var stopWithin: Duration
        package init(
            concurrency: Int = 4, batch: Int = 1, lease: Duration = .seconds(60), poll: Duration = .seconds(5),
            stopWithin: Duration = .milliseconds(1_500)
        ) {
            self.concurrency = max(1, concurrency)
            self.batch = min(max(1, batch), self.concurrency)
            self.lease = max(.milliseconds(30), lease)
            self.poll = poll
            self.stopWithin = stopWithin
        }
    }

    private struct Shared {
        /// Claimed and not over.
        var running = 0
        var isStopping = false
        /// Stopping was waited for long enough: what runs is handed back.
        var isStopOver = false
        /// By a number of its own: a job that was lost may be claimed again while the first work on it ends.
        var work: [UInt64: Work] = [:]
        var last: UInt64 = 0

        mutating func callOff(_ number: UInt64, _ end: End) {
            guard work[number]?.calledOff == nil else { return }
            work[number]?.calledOff = end
            work[number]?.signal.fire()
        }
    }

    /// A job that is being done.
    private struct Work {
        var job: Int64
        var fence: Int64
        /// End of the lease.
        var until: Instant
        var calledOff: End?
        let signal = AsyncSignal()
    }

    private let store: any JobStore
    private let handlers: [String: JobHandler]
    private let owner: String
    private let settings: Settings
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Instant
    private let backoff: @Sendable (_ attempt: Int) -> Duration
    private let logger: Logger
    private let shared = Mutex(Shared())
    /// Something may be there to be claimed, or places are free.
    private let news = AsyncSignal()
    private let stopBegan = AsyncSignal()

    /// - Parameters:
    ///   - owner: names this process in what it claims.
    ///   - clock: measures waiting. `now` is the wall clock, for leases and due times.
    ///   - backoff: the wait after so many attempts that failed, 1 or more.
    package init(
        store: any JobStore, handlers: [JobHandler], owner: String, settings: Settings = Settings(),
        clock: any Clock<Duration>, now: @escaping @Sendable () -> Instant,
        backoff: @escaping @Sendable (_ attempt: Int) -> Duration, logger: Logger
    ) {
        self.store = store
        self.handlers = Dictionary(handlers.map { ($0.kind, $0) }) { first, _ in first }
        self.owner = owner
        self.settings = settings
        self.clock = clock
        self.now = now
        self.backoff = backoff
        self.logger = logger
    }

    /// Looks for jobs at once: this process has inserted one.
    package func wake() { news.fire() }

    /// Jobs that run.
    package var running: Int { shared.withLock { $0.running } }

    /// Until the service group stops or the task is cancelled.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { helpers in
                helpers.addTask { await self.extendLeases() }
                helpers.addTask { await self.awaitStop() }
                await withDiscardingTaskGroup { group in
                    var failures = 0
                    while !isStopping {
                        do throws(Failure) {
                            for job in try await claim() { group.addTask { await self.take(job) } }
                            if failures > 0 { logger.notice("Jobs can be claimed again") }
                            failures = 0
                        } catch {
                            failures += 1
                            if failures == 1 {
                                logger.warning("No jobs can be claimed", metadata: ["error": "\(error)"])
                            }
                        }
                        if isStopping { break }
                        await news.wait(atMost: await pause(failures), clock: clock)
                    }
                }
                helpers.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    private var isStopping: Bool { shared.withLock { $0.isStopping } }

    private func stop() {
        shared.withLock { $0.isStopping = true }
        stopBegan.fire()
        news.fire()
    }

    private func claim() async throws(Failure) -> [Job] {
        let free = settings.concurrency - running
        guard free >= settings.batch else { return [] }
        let jobs = try await store.claim(
            handlers.keys.sorted(), by: owner, limit: free, lease: settings.lease, now: now())
        shared.withLock { $0.running += jobs.count }
        for (kind, jobs) in Dictionary(grouping: jobs, by: \.kind) { handlers[kind]?.taken(jobs) }
        return jobs
    }

    /// Between looks that failed.
    private static let growing = Backoff(first: .seconds(1), longest: .seconds(30))
    /// Between tries to write a job's end.
    private static let growingForEnds = Backoff(first: .milliseconds(200))

    /// Until something may be claimed. A place that becomes free rings.
    private func pause(_ failures: Int) async -> Duration {
        guard failures == 0 else { return Self.growing.wait(after: failures) }
        guard settings.concurrency - running >= settings.batch else { return settings.poll }
        do throws(Failure) {
            guard let due = try await store.nextDue(handlers.keys.sorted()) else { return settings.poll }
            return min(settings.poll, max(.milliseconds(10), due - now()))
        } catch {
            // Claiming says so.
            return settings.poll
        }
    }

    // MARK: One job

    private enum End: Sendable {
        case outcome(JobHandler.Outcome)
        case failure(any Error)
        /// Somebody else has it now, or it was cancelled.
        case lost
        /// A stop was not waited out.
        case stopped
    }

    private func take(_ job: Job) async {
        let end = await work(job)
        await finish(job, end)
        handlers[job.kind]?.settled(job)
        let mayClaim = shared.withLock { shared in
            shared.running -= 1
            return shared.running == settings.concurrency - settings.batch
        }
        // What waits again has a time that the loop does not know of. Otherwise it looks when enough places have become free.
        if mayClaim || Self.waitsAgain(end) { news.fire() }
    }

    private static func waitsAgain(_ end: End) -> Bool {
        switch end {
        case .outcome(.done), .outcome(.doneWith), .outcome(.cancelled): false
        case .outcome(.later), .failure, .lost, .stopped: true
        }
    }

    private func work(_ job: Job) async -> End {
        guard let handler = handlers[job.kind] else { return .stopped }
        let work = Work(job: job.id, fence: job.fence, until: job.leaseUntil ?? now() + settings.lease)
        let number = shared.withLock { shared in
            shared.last += 1
            shared.work[shared.last] = work
            if shared.isStopOver { shared.callOff(shared.last, .stopped) }
            return shared.last
        }
        defer { shared.withLock { $0.work[number] = nil } }
        return await withTaskGroup(of: End?.self) { group in
            group.addImmediateTask {
                do { return .outcome(try await handler.work(job)) } catch {
                    return error is CancellationError && self.isStopping ? .stopped : .failure(error)
                }
            }
            group.addTask {
                await work.signal.wait(atMost: nil, clock: self.clock)
                return self.shared.withLock { $0.work[number]?.calledOff }
            }
            var end: End?
            while end == nil, let next = await group.next() { end = next }
            group.cancelAll()
            // What was called off may have come to its end all the same.
            if case .stopped = end {
                for await last in group {
                    switch last {
                    case .outcome(.done), .outcome(.doneWith): end = last
                    default: break
                    }
                }
            }
            return end ?? .stopped
        }
    }

    /// Extends the leases of what runs, until it is cancelled; calls off what is lost.
    private func extendLeases() async {
        while true {
            do { try await clock.sleep(for: settings.lease / 3) } catch { return }
            for (number, work) in shared.withLock({ $0.work }) where work.calledOff == nil {
                let until = now() + settings.lease
                do throws(Failure) {
                    let isHeld = try await store.extend(work.job, fence: work.fence, until: until)
                    shared.withLock { shared in
                        if isHeld { shared.work[number]?.until = until } else { shared.callOff(number, .lost) }
                    }
                } catch {
                    // As long as the lease holds nobody else has it.
                    if now() >= work.until { shared.withLock { $0.callOff(number, .lost) } }
                }
            }
        }
    }

    /// Hands back what still runs some time after a stop began.
    private func awaitStop() async {
        await stopBegan.wait(atMost: nil, clock: clock)
        do { try await clock.sleep(for: settings.stopWithin) } catch { return }
        shared.withLock { shared in
            shared.isStopOver = true
            for number in shared.work.keys { shared.callOff(number, .stopped) }
        }
    }

    private func finish(_ job: Job, _ end: End) async {
        let metadata: Logger.Metadata = ["job": "\(job.id)", "kind": "\(job.kind)", "attempt": "\(job.attempt)"]
        switch end {
        case .lost: logger.warning("A job was lost to another worker, or cancelled", metadata: metadata)
        case .stopped:
            await write(job) { () async throws(Failure) in
                try await self.store.snooze(job.id, fence: job.fence, until: self.now())
            }
        case .outcome(.done):
            await write(job) { () async throws(Failure) in
                try await self.store.complete(job.id, fence: job.fence, now: self.now())
            }
        case .outcome(.doneWith(let note)):
            await write(job) { () async throws(Failure) in
                try await self.store.complete(job.id, fence: job.fence, note: note, now: self.now())
            }
        case .outcome(.later(let time)):
            await write(job) { () async throws(Failure) in
                try await self.store.snooze(job.id, fence: job.fence, until: time)
            }
        case .outcome(.cancelled(let because)):
            await write(job) { () async throws(Failure) in
                try await self.store.cancel(job.id, because: because, now: self.now())
            }
        case .failure(let error):
            let failure = error as? Failure
            let retryAt: Instant? =
                switch failure?.retry {
                case .never: nil
                case .after(let wait): now() + wait
                case .soon, nil: now() + backoff(job.attempt)
                }
            let because = failure?.because ?? "\(type(of: error))"
            let isLast = retryAt == nil || job.attempt >= job.maxAttempts
            logger.log(
                level: isLast ? .error : .info, "A job failed",
                metadata: metadata.merging(
                    ["error": "\(because)", "again": "\(isLast ? "never" : retryAt?.description ?? "never")"]
                ) { $1 })
            await write(job) { () async throws(Failure) in
                try await self.store.fail(
                    job.id, fence: job.fence, error: because, retryAt: retryAt, now: self.now())
            }
        }
    }

    /// Tries a few times: what is not written is done once more after the lease.
    private func write(_ job: Job, _ body: () async throws(Failure) -> Bool) async {
        for attempt in 0..<4 {
            do throws(Failure) {
                if try await !body() {
                    logger.warning("The end of a job was not taken: it is another's", metadata: ["job": "\(job.id)"])
                }
                return
            } catch {
                logger.warning(
                    "The end of a job could not be written", metadata: ["job": "\(job.id)", "error": "\(error)"])
                do { try await clock.sleep(for: Self.growingForEnds.wait(after: attempt + 1)) } catch { return }
            }
        }
    }
}
