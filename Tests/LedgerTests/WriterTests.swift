import Foundation
import Ledger
import Logging
import ServiceLifecycle
import StokerCore
import Synchronization
import TestSupport
import Testing

/// Waiting is a fiftieth as long as asked for.
struct FastClock: Clock {
    private let real = ContinuousClock()
    var now: ContinuousClock.Instant { real.now }
    var minimumResolution: Duration { real.minimumResolution }
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        let rest = real.now.duration(to: deadline)
        try await real.sleep(for: rest / 50)
    }
}

/// A ledger that can be told to fail.
actor FaultyLedger: Ledger {
    private let real = MemoryLedger()
    nonisolated var jobs: any JobStore { real.jobs }
    nonisolated var actions: any ActionStore { real.actions }
    nonisolated var records: any RecordStore { real.records }
    nonisolated var activities: any ActivityStore { real.activities }
    private var failure: Failure?
    private(set) var attempts = 0
    private(set) var batches: [Int] = []

    func fail(_ because: String?) {
        failure = because.map { Failure(.ledger, doing: "record", because: $0, retry: .soon) }
    }
    /// Writes do not come back while it hangs.
    func hang(_ hangs: Bool) {
        isHanging = hangs
        guard !hangs else { return }
        for one in hanging { one.resume() }
        hanging = []
    }
    private var isHanging = false
    private var hanging: [CheckedContinuation<Void, Never>] = []

    func record(_ batch: Batch) async throws(Failure) {
        attempts += 1
        if isHanging { await withCheckedContinuation { hanging.append($0) } }
        if let failure { throw failure }
        batches.append(batch.observations.count)
        try await real.record(batch)
    }

    func register(_ names: [String]) async throws(Failure) -> [Int32] { try await real.register(names) }
    func rename(_ renames: [Fleet.Rename]) async throws(Failure) -> Renamed { try await real.rename(renames) }
    func checkNames() async throws(Failure) -> [(id: Int32, name: String)] { try await real.checkNames() }
    func savedStates() async throws(Failure) -> [Int32: SavedState] { try await real.savedStates() }
    func transcript(lastFailedOf check: Int32) async throws(Failure) -> Transcript? {
        try await real.transcript(lastFailedOf: check)
    }
    func observations(of check: Int32?, before: Instant?, limit: Int) async throws(Failure) -> [Observation] {
        try await real.observations(of: check, before: before, limit: limit)
    }
    func latest(of checks: [Int32], limit: Int) async throws(Failure) -> [[Observation]] {
        try await real.latest(of: checks, limit: limit)
    }
    func series(of check: Int32, from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [SpanTotals] {
        try await real.series(of: check, from: from, to: to, buckets: buckets)
    }
    func tally(of checks: [Int32], from: Instant, to: Instant) async throws(Failure) -> [SpanTotals] {
        try await real.tally(of: checks, from: from, to: to)
    }
    func incidents(of check: Int32?, openOnly: Bool, before: Int64?, limit: Int) async throws(Failure) -> [Incident] {
        try await real.incidents(of: check, openOnly: openOnly, before: before, limit: limit)
    }
    func events(of check: Int32?, before: Int64?, limit: Int) async throws(Failure) -> [Event] {
        try await real.events(of: check, before: before, limit: limit)
    }
    func prune(_ settings: Fleet.LedgerSettings, now: Instant) async throws(Failure) -> Int { 0 }
    func compact() async throws(Failure) -> Bool { false }
    func backup(to path: String) async throws(Failure) { try await real.backup(to: path) }
    func statistics() async throws(Failure) -> LedgerStatistics { try await real.statistics() }
    func close() async { await real.close() }
}

/// A wall clock that a test sets.
final class Wall: Sendable {
    private let time = Mutex(morning)
    var now: Instant {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }
}

/// What the writer told, in order.
final class Heard: Sendable {
    /// What is told of writes that fail and then work again: each once, however often it was tried.
    static let stallAndEnd = ["results cannot be written; they wait in memory", "results are written again"]

    private let all = Mutex<[String]>([])
    var list: [String] { all.withLock { $0 } }
    /// Takes what a person is told; what is for the curious only it leaves out.
    var logger: Logger { Logger(label: "writer") { _ in Handler(heard: self) } }

    private struct Handler: LogHandler {
        let heard: Heard
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.notice
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { heard.all.withLock { $0.append(event.message.description) } }
    }
}

@Suite("Ledger writer")
struct WriterTests {
    /// - Parameter settings: where they leave the standard, a write may take a minute: other tests may keep both threads of the pool for
    ///   longer than the standard's seconds, and a stall is only what a test makes.
    func writer(
        _ ledger: any Ledger, _ heard: Heard, settings: LedgerWriter.Settings = LedgerWriter.Settings(),
        now: @escaping @Sendable () -> Instant = { morning }
    ) -> LedgerWriter {
        let standard = LedgerWriter.Settings()
        var settings = settings
        if settings.stallAfter == standard.stallAfter { settings.stallAfter = .seconds(60) }
        if settings.drainWithin == standard.drainWithin { settings.drainWithin = .seconds(60) }
        return LedgerWriter(
            ledger: ledger, retention: Fleet.LedgerSettings(), settings: settings, clock: FastClock(), now: now,
            logger: heard.logger)
    }

    /// Runs the writer in a service group, as the program does, and stops it in order.
    func running(_ writer: LedgerWriter, _ body: () async throws -> Void) async throws {
        let group = ServiceGroup(configuration: .init(services: [.init(service: writer)], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test("writes after its interval, joins what came, keeps the newest state")
    func joins() async throws {
        let ledger = FaultyLedger()
        let writer = writer(ledger, Heard())
        try await running(writer) { () async throws -> Void in
            for number in 0..<100 {
                var state = CheckState()
                state.code = UInt16(number)
                writer.enqueue(
                    Batch(
                        observations: [observation(1, Double(number))],
                        states: [(1, SavedState(state: state, nextDue: morning))]))
            }
            try await eventually { writer.written == 100 }
            #expect(await ledger.batches.count < 100)
            #expect(try await ledger.savedStates()[1]?.state.code == 99)
            #expect(writer.health == .healthy)
        }
    }

    @Test("until when the fleet was watched is written though nothing else is, and at the stop")
    func watches() async throws {
        let ledger = FaultyLedger()
        let wall = Wall()
        let writer = writer(ledger, Heard(), now: { wall.now })
        func known() async throws -> Duration {
            try await ledger.tally(of: [1], from: morning, to: morning + .seconds(3_600))[0].known
        }
        try await running(writer) { () async throws -> Void in
            writer.watch(true)
            let change = StandingChange(check: 1, at: morning, seen: morning, standing: .up)
            writer.enqueue(Batch(timeline: [.change(change)]))
            wall.now = morning + .seconds(60)
            try await eventually { try await known() == .seconds(60) }
            // A second master steps back, and takes over again.
            writer.watch(false)
            wall.now = morning + .seconds(100)
            writer.watch(true)
            wall.now = morning + .seconds(130)
            try await eventually { try await known() == .seconds(90) }
            // A disk that refuses is noticed though nothing is to be written, and loses nothing of it.
            await ledger.fail("full")
            try await eventually { writer.health != .healthy }
            await ledger.fail(nil)
            wall.now = morning + .seconds(200)
            writer.watch(false)
        }
        #expect(try await known() == .seconds(160))
    }

    @Test("what waits is written at the stop, without waiting for the interval")
    func stop() async throws {
        let ledger = FaultyLedger()
        let writer = writer(ledger, Heard(), settings: .init(interval: .seconds(86_400)))
        try await running(writer) { () async throws -> Void in writer.enqueue(Batch(observations: [observation(1, 1)]))
        }
        #expect(try await ledger.statistics().observations == 1)
        #expect(writer.waiting == 0)
    }

    @Test("who waits for it is told when it is written, long before the interval")
    func settles() async throws {
        let ledger = FaultyLedger()
        let writer = writer(ledger, Heard(), settings: .init(interval: .seconds(86_400), batch: 10))
        writer.enqueue(Batch(observations: [observation(1, 0)]))
        await writer.settle(within: .seconds(86_400))
        #expect(writer.written == 0, "nobody writes yet, so there is nothing to wait for")
        try await running(writer) { () async throws -> Void in
            try await eventually {
                await writer.settle(within: .seconds(86_400))
                return writer.written == 1
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for person in 1...20 {
                    group.addTask {
                        writer.enqueue(
                            Batch(
                                observations: (0..<7).map { observation(Int32(person), Double($0)) },
                                states: [(Int32(person), SavedState(state: CheckState(), nextDue: morning))]))
                        // The clock is fifty times as fast: a hang ends after half an hour.
                        await writer.settle(within: .seconds(86_400))
                        let kept = try await ledger.savedStates()
                        #expect(kept[Int32(person)] != nil)
                    }
                }
                try await group.waitForAll()
            }
            #expect(writer.written == 141)
        }
    }

    @Test("who waits for a disk that refuses is not kept waiting")
    func settlesNot() async throws {
        let ledger = FaultyLedger()
        await ledger.fail("disk full")
        let writer = writer(ledger, Heard(), settings: .init(interval: .seconds(86_400), drainWithin: .milliseconds(1)))
        try await running(writer) { () async throws -> Void in
            writer.enqueue(Batch(observations: [observation(1, 0)]))
            // Until somebody is at work there is nothing to wait for.
            try await eventually {
                await writer.settle(within: .seconds(86_400))
                return writer.health != .healthy
            }
            await writer.settle(within: .seconds(86_400))
            #expect(writer.written == 0)
            await ledger.fail(nil)
        }
    }

    @Test("a lot is written at once, in bounded transactions")
    func urgent() async throws {
        let ledger = FaultyLedger()
        let writer = writer(ledger, Heard(), settings: .init(interval: .seconds(86_400), urgent: 50, batch: 30))
        try await running(writer) { () async throws -> Void in
            writer.enqueue(Batch(observations: (0..<100).map { observation(1, Double($0)) }))
            try await eventually { writer.written >= 60 }
        }
        #expect(await ledger.batches.allSatisfy { $0 <= 30 })
        #expect(writer.written == 100)
    }

    @Test("while writing fails everything waits; afterwards it is all there, told once each")
    func stall() async throws {
        let ledger = FaultyLedger()
        let heard = Heard()
        let writer = writer(ledger, heard)
        try await running(writer) { () async throws -> Void in
            await ledger.fail("the disk is full")
            var incident = Incident(check: 1, began: morning, verdict: .down, cause: .status)
            writer.enqueue(
                Batch(observations: [observation(1, 0)], incidents: [incident], transcripts: [(1, transcript(1))]))
            try await eventually { await ledger.attempts >= 3 }
            guard case .stalled(let since, let because, _, let limit, let dropped) = writer.health else {
                Issue.record("\(writer.health)")
                return
            }
            #expect(since == morning)
            #expect(because == "the disk is full")
            #expect(limit == 1_000_000)
            #expect(dropped == 0)
            incident.ended = morning + .seconds(60)
            writer.enqueue(
                Batch(
                    observations: [observation(1, 1)], incidents: [incident],
                    events: [Event(at: morning, kind: "incident.ended", text: "over")],
                    transcripts: [(1, transcript(2))]))
            await ledger.fail(nil)
            try await eventually { writer.health == .healthy && writer.waiting == 0 }
        }
        #expect(heard.list.filter(Heard.stallAndEnd.contains) == Heard.stallAndEnd)
        #expect(
            try await ledger.observations(of: 1, before: nil, limit: 9).map(\.at) == [morning + .seconds(1), morning])
        #expect(
            try await ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9).map(\.ended) == [
                morning + .seconds(60)
            ])
        #expect(try await ledger.transcript(lastFailedOf: 1) == transcript(2))
        #expect(try await ledger.events(of: nil, before: nil, limit: 9).count == 1)
    }

    @Test("a write that does not come back is a stall: told, counted, and nothing is called safe meanwhile")
    func hang() async throws {
        let ledger = FaultyLedger()
        let heard = Heard()
        let writer = writer(ledger, heard, settings: .init(interval: .milliseconds(1), stallAfter: .milliseconds(200)))
        try await running(writer) { () async throws -> Void in
            await ledger.hang(true)
            writer.enqueue(Batch(observations: [observation(1, 0), observation(1, 1)]))
            try await eventually { await ledger.attempts == 1 }
            try await eventually { writer.health != .healthy && heard.list.count == 1 }
            writer.enqueue(Batch(observations: [observation(1, 2)]))
            guard case .stalled(_, let because, let waiting, _, 0) = writer.health else {
                Issue.record("\(writer.health)")
                return
            }
            #expect(because.contains("does not answer"))
            #expect(waiting == 3, "what is being written is not on the disk yet")
            #expect(await writer.settle(within: .seconds(86_400)) == because, "nobody waits for it")
            await ledger.hang(false)
            try await eventually { writer.health == .healthy && writer.waiting == 0 }
            #expect(await writer.settle(within: .seconds(86_400)) == nil)
        }
        #expect(heard.list.contains("the disk answers again"))
        #expect(await ledger.attempts == 2)
    }

    @Test("beyond the limit the oldest observations go, and are counted")
    func limit() async throws {
        let ledger = FaultyLedger()
        await ledger.fail("the disk is full")
        let writer = writer(ledger, Heard(), settings: .init(limit: 10))
        for number in 0..<25 { writer.enqueue(Batch(observations: [observation(1, Double(number))])) }
        #expect(await writer.drain(within: .zero) == false)
        #expect(writer.waiting == 10)
        #expect(writer.dropped == 15)
        writer.enqueue(Batch(observations: [observation(1, 25)]))
        await ledger.fail(nil)
        #expect(await writer.drain(within: .seconds(60)))
        let kept = try await ledger.observations(of: 1, before: nil, limit: 99)
        #expect(kept.map(\.at) == (16...25).reversed().map { morning + .seconds($0) })
    }

    @Test("a stop does not wait for a disk that stays full")
    func hopeless() async throws {
        let ledger = FaultyLedger()
        await ledger.fail("the disk is full")
        let writer = writer(ledger, Heard(), settings: .init(drainWithin: .milliseconds(50)))
        try await running(writer) { () async throws -> Void in
            writer.enqueue(Batch(observations: [observation(1, 0)]))
            try await eventually { await ledger.attempts >= 1 }
        }
        #expect(writer.waiting == 1)
    }
}
