import HubClient
import HubSimulator
import Logging
import Operations
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

@Suite struct SpaceEventStreamsTests {
    private static let now = Instant(seconds: 1_800_000_000)

    private func next(
        _ hints: inout SpaceEventStreams, _ moving: [String], _ now: Instant, strangers: Set<String> = []
    ) -> [String] {
        hints.choose(among: hints.candidates(moving, now: now), now: now) { !strangers.contains($0) }
    }

    @Test func strangersAreNotListenedTo() {
        var hints = SpaceEventStreams()
        #expect(next(&hints, ["a/x", "a/y"], Self.now, strangers: ["a/x"]) == ["a/y"])
        #expect(hints.candidates(["a/x", "a/y"], now: Self.now) == [])
    }

    @Test func aFewAreListenedToAtATime() {
        var hints = SpaceEventStreams()
        let all = (0..<9).map { "acme/s\($0)" }
        #expect(next(&hints, all, Self.now) == Array(all.prefix(4)))
        #expect(next(&hints, all, Self.now) == [])
        hints.ended("acme/s1", now: Self.now)
        #expect(next(&hints, all, Self.now) == ["acme/s4"])
    }

    @Test func aStreamThatEndsIsNotOpenedAgainAtOnce() {
        var hints = SpaceEventStreams()
        #expect(next(&hints, ["a/b"], Self.now) == ["a/b"])
        hints.ended("a/b", now: Self.now)
        #expect(next(&hints, ["a/b"], Self.now + .seconds(59)) == [])
        #expect(next(&hints, ["a/b"], Self.now + .seconds(60)) == ["a/b"])
    }

    /// A thousand Spaces that build at once, and streams that end as they begin.
    @Test func openingThemStaysInsideAFifthOfTheBudget() {
        var hints = SpaceEventStreams()
        let all = (0..<1_000).map { "acme/s\($0)" }
        var opened: [Instant] = []
        for second in 0..<1_800 {
            let now = Self.now + .seconds(second)
            for space in next(&hints, all, now) {
                opened.append(now)
                hints.ended(space, now: now)
            }
        }
        for (place, at) in opened.enumerated() {
            #expect(opened[place...].prefix { $0 - at < PollSchedule.window }.count <= SpaceEventStreams.opened)
        }
        #expect(opened.count >= 60)
    }
}

/// The streams on a simulated Hub.
@Suite(.serialized) struct HintedWatchTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A clock that the test alone moves: no reading on schedule comes in between.
    private final class HandClock: Sendable {
        private let at = Mutex(Duration.seconds(1_000))
        func advance(_ by: Duration) { at.withLock { $0 += by } }
        var clocks: Clocks {
            Clocks(
                wall: { [self] in Instant(seconds: 1_800_000_000) + at.withLock { $0 } },
                running: { [self] in at.withLock { $0 } }, elapsed: { [self] in at.withLock { $0 } })
        }
    }

    @Test(arguments: [true, false]) func theEndOfABuildIsReadSooner(streams: Bool) async throws {
        let world = try await SimulatedWorld.start(
            HubConfiguration(), rules: SpaceRules(buildTakes: .seconds(3_600), startTakes: .seconds(3_600)),
            logger: Self.quiet)
        let hub = Hub(.init(endpoint: world.endpoint, token: Secret("hf_maren")), logger: Self.quiet)
        let result: Result<Void, any Error>
        do { result = .success(try await Self.play(world, hub, streams: streams)) } catch { result = .failure(error) }
        try await hub.shutdown()
        await world.shutdown()
        try result.get()
    }

    private static func play(_ world: SimulatedWorld, _ hub: Hub, streams: Bool) async throws {
        let space = try await world.add(SceneSpace("maren/app"))
        space.live.set(.building)
        if !streams {
            world.faults.add(Fault(.cut, method: "GET", path: "/api/spaces/*/*/events", times: nil))
        }
        world.journal.clear()
        let clock = HandClock()
        // Pings have the machine's own time; only the watch stands still.
        try await withFleetMonitorRoom { room in
            let check = Check(
                name: "app", address: "http://127.0.0.1:9/", space: "maren/app",
                policy: CheckPolicy(every: .seconds(3_600), timeout: .seconds(20), retry: [], recheck: .seconds(3_600)))
            let fleet = Fleet(
                hub: Fleet.Hub(namespace: "maren", token: Secret("hf_maren"), endpoint: world.endpoint),
                checks: [check], serve: .quiet)
            let watch = HubPoller(
                hub: HubClientGateway(hub: hub), monitor: room.monitor, knowledge: room.monitor.hub,
                ledger: room.ledger,
                clocks: clock.clocks, logger: quiet)
            await watch.firstRead(fleet, within: .seconds(20))
            try await room.serve(fleet)
            let knowledge = room.monitor.hub
            #expect(knowledge.word(of: "maren/app")?.facts.stage == .building)
            let running = Task { try await watch.run() }
            func listings() -> Int { world.journal.entries.count { $0.path == "/api/spaces" } }
            try await eventually("the stream is asked for") {
                world.journal.entries.contains { $0.path == "/api/spaces/maren/app/events" }
            }
            let before = listings()
            space.live.set(.running)
            if streams {
                // Soon enough for one that is asked for, too soon for the schedule.
                clock.advance(PollSchedule.soonest)
                try await eventually("the hint is followed") {
                    knowledge.word(of: "maren/app")?.facts.stage == .running
                }
                #expect(listings() == before + 1)
            } else {
                clock.advance(PollSchedule.shortest * 2)
                try await eventually("the schedule tells it") {
                    knowledge.word(of: "maren/app")?.facts.stage == .running
                }
            }
            running.cancel()
            _ = await running.result
            if streams { #expect(world.journal.entries.count { $0.path.hasSuffix("/events") } == 1) }
        }
    }
}

/// What the log says of a Hub that cannot be read.
@Suite(.serialized) struct HubTroubleTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
        struct Handler: LogHandler {
            let lines: Lines
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.warning
            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) { lines.all.withLock { $0.append("\(event.message)") } }
        }
        var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }
        var count: Int { all.withLock { $0.count } }
    }

    @Test func oneTroubleIsOneLineAndStaysOnThePage() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let lines = Lines()
            let hub = StageHub(room.simulated)
            let watch = HubPoller(
                hub: hub, monitor: room.monitor, knowledge: room.monitor.hub, ledger: room.ledger, clocks: clock.clocks,
                logger: lines.logger)
            let policy = CheckPolicy(every: .seconds(3_600), timeout: .seconds(1), retry: [])
            let fleet = Fleet(
                hub: Fleet.Hub(namespace: "acme", token: Secret("hf_test")),
                checks: [Check(name: "app", address: "http://127.0.0.1:9/", space: "acme/app", policy: policy)],
                serve: .quiet)
            func fail(_ because: String, id: Int, _ code: Failure.Code = .hubBadToken) {
                let cause = HubFailure(
                    .badToken, doing: "list the Spaces of acme", said: because, status: 401, requestID: "\(id)")
                hub.scene.withLock { $0.failure = cause.failure }
            }
            for id in 0..<20 {
                fail("Invalid credentials", id: id)
                clock.advance(.seconds(300))
                await watch.read(fleet)
            }
            #expect(lines.count == 1)
            #expect(room.monitor.hub.use?.trouble?.contains("Invalid credentials") == true)
            #expect(room.monitor.hub.use?.trouble?.contains("19") == false)
            fail("Token expired", id: 21)
            await watch.read(fleet)
            #expect(lines.count == 2, "another trouble")
            clock.advance(HubPoller.complainEvery)
            await watch.read(fleet)
            #expect(lines.count == 3, "it lasts")
            hub.scene.withLock { $0.failure = nil }
            await watch.read(fleet)
            #expect(room.monitor.hub.use?.trouble == nil)
            fail("Token expired", id: 22)
            await watch.read(fleet)
            #expect(lines.count == 4, "it came back")
        }
    }
}
