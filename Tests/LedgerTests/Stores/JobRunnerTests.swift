import Ledger
import ServiceLifecycle
import StokerCore
import Synchronization
import TestSupport
import Testing

@Suite("Job runner")
struct JobRunnerTests {
    /// What handlers saw, in order.
    private final class Seen: Sendable {
        private let all = Mutex<[String]>([])
        private let counts = Mutex<(now: Int, most: Int)>((0, 0))
        var list: [String] { all.withLock { $0 } }
        var most: Int { counts.withLock { $0.most } }
        func add(_ word: String) { all.withLock { $0.append(word) } }
        func begin() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
        func end() { counts.withLock { $0.now -= 1 } }
    }

    private func runner(
        _ store: any JobStore, _ wall: Wall, settings: JobRunner.Settings = .init(poll: .seconds(1)),
        _ handlers: [JobHandler]
    ) -> JobRunner {
        JobRunner(
            store: store, handlers: handlers, owner: "test", settings: settings, clock: FastClock(), now: { wall.now },
            backoff: { .seconds(10 * $0) }, logger: quiet)
    }

    /// Runs it as the program does, and stops it in order.
    private func running(_ runner: JobRunner, _ body: () async throws -> Void) async throws {
        let group = ServiceGroup(configuration: .init(services: [.init(service: runner)], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do { try await body() } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func job(_ payload: String, at: Instant = morning, runAt: Instant? = nil, maxAttempts: Int = 5) throws
        -> NewJob
    {
        try NewJob(kind: "mail", payload: payload, createdAt: at, runAt: runAt, maxAttempts: maxAttempts)
    }

    @Test("does what is due, a bounded number at a time, each once", arguments: Kind.allCases)
    func work(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let (store, wall, seen) = (ledger.jobs, Wall(), Seen())
            try await store.insert((0..<40).map { try job("\($0)") })
            try await store.insert([job("later", runAt: morning + .seconds(3_600))])
            let handler = JobHandler(kind: "mail") { job in
                seen.begin()
                try await Task.sleep(for: .milliseconds(3))
                seen.add(job.payload)
                seen.end()
                return .done
            }
            let runner = runner(store, wall, settings: .init(concurrency: 3, poll: .seconds(1)), [handler])
            try await running(runner) {
                try await eventually { seen.list.count == 40 }
                try await eventually { runner.running == 0 }
                // Inserted by this process: seen at once; by another: with the next look.
                try await store.insert([job("more")])
                runner.wake()
                try await eventually { seen.list.count == 41 }
                wall.now = morning + .seconds(3_600)
                try await eventually { seen.list.count == 42 }
            }
            #expect(Set(seen.list).count == 42 && seen.list.last == "later")
            #expect((1...3).contains(seen.most))
            let states = try await store.jobs(kind: "mail", states: [], before: nil, limit: 99).map(\.state)
            #expect(states.count == 42 && states.allSatisfy { $0 == .completed })
        }
    }

    @Test("what fails is tried again after its back-off; what cannot succeed is given up")
    func failures() async throws {
        let (store, wall, seen) = (MemoryJobs(), Wall(), Seen())
        let ids = store.insert([try job("twice"), try job("never"), try job("busy"), try job("dropped")])
        let handler = JobHandler(kind: "mail") { job in
            seen.add("\(job.payload) \(job.attempt)")
            switch (job.payload, job.attempt) {
            case ("twice", 1): throw Failure(.unreachable, doing: "send", because: "no answer", retry: .soon)
            case ("never", _): throw Failure(.forbidden, doing: "send", because: "refused", retry: .never)
            case ("busy", 1) where seen.list.count { $0 == "busy 1" } == 1: return .later(morning + .seconds(20))
            case ("busy", 1): throw Failure(.unreachable, doing: "send", because: "429", retry: .after(.seconds(7)))
            case ("dropped", _): return .cancelled(because: "not wanted")
            default: return .done
            }
        }
        try await running(runner(store, wall, [handler])) {
            try await eventually { store.job(ids[0])?.state == .retryable }
            #expect(store.job(ids[0])?.runAt == morning + .seconds(10))
            #expect(store.job(ids[0])?.lastError == "no answer")
            try await eventually { store.job(ids[1])?.state == .discarded }
            #expect(store.job(ids[1])?.lastError == "refused")
            try await eventually { store.job(ids[2])?.state == .scheduled }
            try await eventually { store.job(ids[3])?.state == .cancelled }
            wall.now = morning + .seconds(10)
            try await eventually { store.job(ids[0])?.state == .completed }
            wall.now = morning + .seconds(20)
            try await eventually { store.job(ids[2])?.state == .retryable }
            #expect(store.job(ids[2])?.runAt == morning + .seconds(27))
            wall.now = morning + .seconds(27)
            try await eventually { store.job(ids[2])?.state == .completed }
        }
        #expect(seen.list.count { $0 == "busy 1" } == 2, "what was put off did not count")
    }

    @Test("a lease is extended while it works; who lost the job is called off and writes nothing")
    func leases() async throws {
        let (store, wall, seen) = (MemoryJobs(), Wall(), Seen())
        let id = store.insert([try job("long")])[0]
        let handler = JobHandler(kind: "mail") { job in
            seen.add("began")
            do { try await Task.sleep(for: .seconds(60)) } catch { seen.add("called off") }
            return .done
        }
        let settings = JobRunner.Settings(lease: .seconds(3), poll: .seconds(1))
        try await running(runner(store, wall, settings: settings, [handler])) {
            try await eventually { seen.list == ["began"] }
            for second in 1...5 {
                wall.now = morning + .seconds(second)
                try await eventually { store.job(id)?.leaseUntil == morning + .seconds(second + 3) }
            }
            #expect(store.claim(["mail"], by: "other", limit: 1, lease: .seconds(9), now: wall.now) == [])
            // Its process slept for longer than its lease: another took it.
            let taken = store.claim(
                ["mail"], by: "other", limit: 1, lease: .seconds(900), now: morning + .seconds(60))
            #expect(taken.first?.id == id)
            try await eventually { seen.list == ["began", "called off"] }
            #expect(store.job(id)?.owner == "other" && store.job(id)?.state == .running)
            #expect(store.complete(id, fence: taken[0].fence, now: wall.now))
        }
    }

    @Test("a stop claims nothing more, lets work end, and hands back what does not")
    func stop() async throws {
        let (store, wall, seen) = (MemoryJobs(), Wall(), Seen())
        let ids = store.insert([try job("quick"), try job("endless"), try job("waits")])
        let go = Mutex(false)
        let handler = JobHandler(kind: "mail") { job in
            seen.add(job.payload)
            if job.payload == "quick" {
                while !go.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
            } else {
                try await Task.sleep(for: .seconds(600))
            }
            return .done
        }
        let settings = JobRunner.Settings(concurrency: 2, poll: .seconds(1), stopWithin: .seconds(25))
        let runner = runner(store, wall, settings: settings, [handler])
        try await running(runner) {
            try await eventually { seen.list.count == 2 }
            go.withLock { $0 = true }
            try await eventually { store.job(ids[0])?.state == .completed || seen.list.count == 3 }
        }
        #expect(runner.running == 0)
        #expect(store.job(ids[0])?.state == .completed)
        let endless = try #require(store.job(ids[1]))
        #expect(endless.state == .scheduled && endless.attempt == 0 && endless.owner == nil, "handed back")
        #expect(
            store.claim(["mail"], by: "next", limit: 9, lease: .seconds(9), now: wall.now).map(\.id).contains(ids[1]))
    }

    /// A store whose disk refuses for a while.
    private final class Refusing: JobStore {
        let real = MemoryJobs()
        let refuses = Mutex(false)
        private func check() throws(Failure) {
            if refuses.withLock({ $0 }) {
                throw Failure(.ledger, doing: "write", because: "the disk is full", retry: .soon)
            }
        }
        func insert(_ jobs: [NewJob]) async throws(Failure) -> [Int64] { real.insert(jobs) }
        func claim(
            _ kinds: [String], by owner: String, limit: Int, lease: Duration, now: Instant
        ) async throws(Failure) -> [Job] {
            try check()
            return real.claim(kinds, by: owner, limit: limit, lease: lease, now: now)
        }
        func extend(_ job: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool {
            try check()
            return real.extend(job, fence: fence, until: until)
        }
        func complete(_ job: Int64, fence: Int64, note: String?, now: Instant) async throws(Failure) -> Bool {
            try check()
            return real.complete(job, fence: fence, note: note, now: now)
        }
        func release(kind: String) async throws(Failure) -> Int { real.release(kind: kind) }
        func fail(
            _ job: Int64, fence: Int64, error: String, retryAt: Instant?, now: Instant
        ) async throws(Failure) -> Bool {
            try check()
            return real.fail(job, fence: fence, error: error, retryAt: retryAt, now: now)
        }
        func snooze(_ job: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool {
            try check()
            return real.snooze(job, fence: fence, until: until)
        }
        func cancel(_ job: Int64, because: String, now: Instant) async throws(Failure) -> Bool {
            real.cancel(job, because: because, now: now)
        }
        func job(_ id: Int64) async throws(Failure) -> Job? { real.job(id) }
        func jobs(kind: String?, states: Set<Job.State>, before: Int64?, limit: Int) async throws(Failure) -> [Job] {
            real.jobs(kind: kind, states: states, before: before, limit: limit)
        }
        func nextDue(_ kinds: [String]) async throws(Failure) -> Instant? { real.nextDue(kinds) }
        func prune(now: Instant) async throws(Failure) -> Int { real.prune(now: now) }
    }

    @Test("a disk that refuses holds nothing up for good")
    func refusing() async throws {
        let (store, wall, seen) = (Refusing(), Wall(), Seen())
        store.real.insert([try job("1")])
        store.refuses.withLock { $0 = true }
        let handler = JobHandler(kind: "mail") { job in
            seen.add("\(job.payload) \(job.attempt)")
            // The end of the first cannot be written.
            if job.attempt == 1 { store.refuses.withLock { $0 = true } }
            return .done
        }
        let settings = JobRunner.Settings(lease: .seconds(60), poll: .seconds(1))
        try await running(runner(store, wall, settings: settings, [handler])) {
            try await Task.sleep(for: .milliseconds(30))
            #expect(seen.list.isEmpty)
            store.refuses.withLock { $0 = false }
            try await eventually { seen.list == ["1 1"] }
            store.refuses.withLock { $0 = false }
            // Written late, or done once more after its lease.
            wall.now = morning + .seconds(61)
            try await eventually { store.real.job(1)?.state == .completed }
        }
    }
}
