import AsyncHTTPClient
import Foundation
import Ledger
import Logging
import NIOCore
import NIOPosix
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import Notices

/// The outbox, its planner and its delivery at work, against receivers on loopback.
@Suite struct DeliveryTests {
    /// What a body of ``run`` has to do with.
    struct World: Sendable {
        var ledger: any Ledger
        var board: NoticeBoard
        var writer: LedgerWriter
        var server: MisbehavingServer

        func insert(_ numbers: some Sequence<Int>, to channel: String = "hook", check: String = "web") async throws {
            let now = board.now()
            try await ledger.jobs.insert(
                try numbers.map { number in
                    let notice = Notice(
                        key: "\(channel)-\(number)", kind: .down, at: now,
                        subjects: [.init(check: check, verdict: .down, since: now)], sentence: "it is refused")
                    return try OutgoingMessage(channel: channel, notice: notice, order: Int64(number)).job(
                        createdAt: now)
                })
        }

        /// Keys in the order of their arrival.
        var keys: [String] { server.requests.compactMap { $0.json?["key"]?.string } }

        func untilEmpty(within time: Duration = .seconds(40)) async throws {
            try await eventually(within: time, "the outbox is not empty") {
                try await board.jobs(states: NoticeBoard.live, limit: 1).isEmpty
            }
        }
    }

    static func run(
        _ channels: @escaping (_ port: Int) -> String, _ script: @escaping MisbehavingServer.Script,
        before: (World) async throws -> Void = { _ in }, _ body: @escaping @Sendable (World) async throws -> Void
    ) async throws {
        let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        let ledger = MemoryLedger()
        let clocks = Clocks.real
        try await Means.serve(script) { server in
            let text = "targets: { web: \"http://127.0.0.1:1/\" }\n" + channels(server.port)
            let fleet = try FleetFile.read(
                text: text, name: "fleet.yaml", environment: [:], sections: PlannerTests.sections
            ).get()
            let board = NoticeBoard(
                fleet: fleet, ledger: ledger, awaitsRestore: true, now: clocks.wall, logger: quiet)
            let writer = LedgerWriter(
                ledger: ledger, retention: Fleet.LedgerSettings(), clock: ContinuousClock(), now: clocks.wall,
                outbox: board.outbox, logger: quiet)
            let http = DeliveryMeans.client(on: MultiThreadedEventLoopGroup.singleton)
            let service = NoticeService(
                board: board, writer: writer, client: http, owner: "tests", clocks: clocks, logger: quiet)
            let world = World(ledger: ledger, board: board, writer: writer, server: server)
            try await before(world)
            let result = await withTaskGroup(of: Result<Void, any Error>?.self) { group in
                group.addTask {
                    try? await writer.run()
                    return nil
                }
                group.addTask {
                    try? await service.run()
                    return nil
                }
                group.addTask {
                    await board.restore()
                    do { return .success(try await body(world)) } catch { return .failure(error) }
                }
                var found: Result<Void, any Error>?
                while found == nil, let next = await group.next() { found = next }
                group.cancelAll()
                return found
            }
            try await http.shutdown()
            try result?.get()
        }
    }

    static func hook(_ port: Int) -> String { "channels: { hook: { webhook: \"http://127.0.0.1:\(port)/hook\" } }" }

    @Test func aBacklogOfOneTargetLeavesInOrderAndQuickly() async throws {
        try await Self.run(Self.hook, { _ in Means.answer("200 OK") }) { world in
            try await world.insert(1...300)
            world.board.wake()
            try await world.untilEmpty()
            #expect(world.keys == (1...300).map { "hook-\($0)" })
        }
    }

    @Test func whatFollowsAFailureWaitsForIt() async throws {
        let first = Mutex(true)
        let script: MisbehavingServer.Script = { _ in
            let isFirst = first.withLock { value in
                defer { value = false }
                return value
            }
            // The service says how long: the others of its channel wait as long, and come after it.
            if isFirst { return Means.answer("429 Too Many Requests", headers: ["retry-after: 1"]) }
            return [.wait(.milliseconds(5))] + Means.answer("200 OK")
        }
        // They are there when it starts: then it knows their order.
        try await Self.run(Self.hook, script, before: { try await $0.insert(1...30) }) { world in
            try await world.untilEmpty()
            #expect(world.keys == ["hook-1"] + (1...30).map { "hook-\($0)" })
        }
    }

    @Test func aChannelThatHangsHoldsUpNoOther() async throws {
        let text = { (port: Int) in
            """
            channels:
              slow: { webhook: "http://127.0.0.1:\(port)/slow" }
              hook: { webhook: "http://127.0.0.1:\(port)/hook" }
            """
        }
        let isOver = Mutex(false)
        let script: MisbehavingServer.Script = { request in
            guard request.hasPrefix("POST /slow") else { return Means.answer("200 OK") }
            return [.wait(isOver.withLock { $0 } ? .zero : .seconds(20))] + Means.answer("200 OK")
        }
        try await Self.run(text, script) { world in
            try await world.insert(1...20, to: "slow", check: "a")
            world.board.wake()
            try await eventually("the slow one was not asked") { world.keys.contains("slow-1") }
            try await world.insert(101...110, to: "hook", check: "b")
            world.board.wake()
            try await eventually("the other channel waits") { world.keys.filter { $0.hasPrefix("hook") }.count == 10 }
            #expect(world.keys.filter { $0.hasPrefix("slow") } == ["slow-1"])
            isOver.withLock { $0 = true }
        }
    }

    @Test func whatADeadProcessHeldIsSentAtOnceAfterAStart() async throws {
        try await Self.run(
            Self.hook, { _ in Means.answer("200 OK") },
            before: { world in
                try await world.insert(1...5)
                let held = try await world.ledger.jobs.claim(
                    [OutgoingMessage.jobKind], by: "dead", limit: 5, lease: .seconds(3_600), now: world.board.now())
                #expect(held.count == 5)
            }
        ) { world in
            try await world.untilEmpty()
            #expect(world.keys == (1...5).map { "hook-\($0)" })
            let jobs = try await world.board.jobs(states: [], limit: 10)
            #expect(jobs.map(\.attempt) == [1, 1, 1, 1, 1], "what was not begun did not count")
        }
    }
}

@Suite struct MessageOrderTests {
    @Test func theOlderOneAboutTheSameCheckGoesFirst() {
        var order = MessageOrder()
        order.insert(5, checks: ["a"], isWide: false)
        order.insert(3, checks: ["a", "b"], isWide: false)
        order.insert(9, checks: [], isWide: false)
        #expect(order.first(before: 5, checks: ["a"], isWide: false) == 3)
        #expect(order.first(before: 3, checks: ["a", "b"], isWide: false) == nil)
        #expect(order.first(before: 9, checks: [], isWide: false) == nil)
        #expect(order.first(before: 4, checks: ["c"], isWide: false) == nil)
        // One that tells of more than it lists may be about any check.
        #expect(order.first(before: 8, checks: ["c"], isWide: true) == 3)
        order.insert(2, checks: ["z"], isWide: true)
        #expect(order.first(before: 4, checks: ["c"], isWide: false) == 2)
        order.remove(2)
        order.remove(3)
        #expect(order.first(before: 5, checks: ["a"], isWide: false) == nil)
        // In place of what it was.
        order.insert(5, checks: ["b"], isWide: false)
        #expect(order.first(before: 6, checks: ["a"], isWide: false) == nil)
        #expect(order.first(before: 6, checks: ["b"], isWide: false) == 5)
        order.remove(5)
        order.remove(9)
        #expect(order.isEmpty)
    }
}

@Suite struct IncidentListTests {
    @Test func everyIncidentIsReadAgain() {
        var random = SplitMix64(seed: 3)
        var keys = (0..<500).map { _ in
            IncidentKey(
                check: Int32.random(in: .min ... .max, using: &random),
                began: Instant(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &random)))
        }
        keys += [IncidentKey(check: 0, began: Instant(milliseconds: 0))]
        #expect(IncidentList.keys(IncidentList.text(keys)) == keys)
        #expect(IncidentList.keys("no base64!").isEmpty)
        #expect(IncidentList.keys(IncidentList.text([])).isEmpty)
    }

    @Test func tenThousandThatBeganTogetherFitIntoAMessage() throws {
        let start = Instant(milliseconds: 1_795_000_000_000)
        var random = SplitMix64(seed: 4)
        let keys = (0..<10_000).map {
            IncidentKey(check: Int32($0), began: start + .milliseconds(Int.random(in: 0...10_000, using: &random)))
        }.sorted { ($0.began, $0.check) < ($1.began, $1.check) }
        let subjects = (0..<OutgoingMessage.mostListed).map {
            Notice.Subject(
                check: "target-\($0)", group: "production", verdict: .down, sentence: Cause.connectRefused.sentence,
                since: start)
        }
        let notice = Notice(
            key: "k", kind: .down, at: start, subjects: subjects, count: 10_000, sentence: "connection refused")
        let job = try OutgoingMessage(channel: "team", notice: notice, incidents: keys).job(createdAt: start)
        let read = try JSONDecoder().decode(OutgoingMessage.self, from: Data(job.payload.utf8))
        #expect(Set(read.incidentKeys) == Set(keys))
        #expect(read.notice.count == 10_000)
        #expect(read.notice.subjects.count >= 5)
    }
}
