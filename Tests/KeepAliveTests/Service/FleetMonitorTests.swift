import HubSimulator
import Ledger
import Logging
import NIOCore
import NIOPosix
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// The fleet monitor over real sockets: simulated Spaces on loopback, a real ledger, real time with short intervals.
@Suite(.serialized) struct FleetMonitorTests {
    // MARK: What is monitored

    @Test func everythingIsLookedAtAndJudged() async throws {
        try await withFleetMonitorRoom { room in
            let well = try await room.simulated.add(SpaceBlueprint("acme/well", story: "", lifecycle: .test))
            _ = try await room.simulated.add(SpaceBlueprint("acme/broken", story: "", lifecycle: .test, app: .failing))
            _ = try await room.simulated.add(
                SpaceBlueprint("acme/hidden", story: "", visibility: .private, lifecycle: .test))
            try await room.serve(["well": "acme/well", "broken": "acme/broken", "hidden": "acme/hidden"])
            try await room.until("well", is: .up)
            try await room.until("broken", is: .down)
            try await room.until("hidden", is: .down)
            let broken = try await room.monitor.status(of: "broken")
            #expect(broken.state.cause == .status)
            #expect(broken.state.code == 500)
            #expect(broken.state.attempts == 2, "one retry is configured")
            #expect(try await room.monitor.status(of: "hidden").state.cause == .spaceHidden)
            #expect(well.visits == 1, "a good answer needs no second attempt")
            let overview = await room.monitor.overview()
            #expect(overview.counts == [.up: 1, .down: 2])
            #expect(overview.total == 3)
            try await eventually {
                try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).count == 2
            }
            let transcript = try #require(try await room.monitor.transcripts(of: "broken").lastFailed)
            #expect(transcript.exchanges.first?.received.first?.contains("500") == true)
        }
    }

    @Test func anIncidentEndsWhenTheAppAnswersAgain() async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(
                SpaceBlueprint("acme/app", story: "", lifecycle: .test, app: .failing))
            try await room.serve(["app": "acme/app"], every: .milliseconds(300))
            try await room.until("app", is: .down)
            space.run(.healthy)
            try await room.until("app", is: .up)
            try await eventually {
                let incidents = try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9)
                return incidents.count == 1 && incidents[0].ended != nil && incidents[0].cause == .status
            }
            try await eventually {
                let kinds = try await room.ledger.events(of: nil, before: nil, limit: 50).map(\.kind)
                return kinds.contains("incident.began") && kinds.contains("incident.ended")
            }
        }
    }

    @Test func aSleeperIsWakingNotDown() async throws {
        try await withFleetMonitorRoom { room in
            // It starts until the test ends it: on a busy machine a start of a few seconds could be over before it was seen.
            let lifecycle = SpaceLifecycle(sleepAfter: nil, startTakes: .seconds(3_600), buildTakes: .seconds(1))
            let space = try await room.simulated.add(
                SpaceBlueprint("acme/sleeper", story: "", stage: .sleeping, lifecycle: lifecycle))
            try await room.serve(["sleeper": "acme/sleeper"], every: .milliseconds(500), timeout: .seconds(1))
            try await room.until("sleeper", is: .waking)
            #expect(try await room.monitor.status(of: "sleeper").state.cause == .spaceHeld)
            space.set(.running)
            // The judge looks again after its own short wait, not before: ask for it.
            try await eventually(within: .seconds(30)) {
                try await room.monitor.ping("sleeper").state.verdict == .up
            }
            #expect(try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9).isEmpty)
        }
    }

    // MARK: Restart

    @Test func dueTimesAndStatesSurviveARestart() async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"], every: .seconds(3_600))
            try await room.until("app", is: .up)
            let due = try #require(try await room.monitor.status(of: "app").nextDue)
            #expect(due > Clocks.real.wall() + .seconds(60))
            try await room.restart()
            let after = try await room.monitor.status(of: "app")
            #expect(after.state.verdict == .up, "what was known is known")
            #expect(after.nextDue == due)
            // A second target proves that the new fleet monitor is at work while the first one rests.
            let other = try await room.simulated.add(SpaceBlueprint("acme/other", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app", "other": "acme/other"], every: .seconds(3_600))
            try await room.until("other", is: .up)
            #expect(other.visits == 1)
            #expect(space.visits == 1)
        }
    }

    @Test func anOpenIncidentIsEndedByTheNextProcess() async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(
                SpaceBlueprint("acme/app", story: "", lifecycle: .test, app: .failing))
            try await room.serve(["app": "acme/app"], every: .milliseconds(300))
            try await room.until("app", is: .down)
            try await room.restart()
            space.run(.healthy)
            try await room.until("app", is: .up)
            try await eventually {
                let incidents = try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9)
                return incidents.count == 1 && incidents[0].ended != nil
            }
        }
    }

    /// What a ping saw before the program ended is not forgotten: the incident begins with its first failed attempt.
    @Test(arguments: [false, true]) func aPingThatDidNotEndIsRemembered(reloaded: Bool) async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test, app: .failing))
            let address = try #require(room.simulated.spaces.first { $0.id == "acme/app" }).address
            func fleet(_ retry: [Duration]) -> Fleet {
                let policy = CheckPolicy(every: .seconds(3_600), retry: retry, recheck: .milliseconds(300))
                let check = Check(name: "app", address: address + "/health", space: "acme/app", policy: policy)
                return Fleet(checks: [check], serve: .quiet)
            }
            try await room.serve(fleet([.seconds(600)]))
            try await eventually {
                try await room.ledger.savedStates().values.first?.state.failingSince.isNever == false
            }
            let first = try #require(try await room.ledger.savedStates().values.first).state
            #expect(first.failures == 0 && first.verdict == .unknown)
            room.nextStart(with: fleet([]))
            try await room.restart()
            if reloaded { try await room.monitor.replace(with: fleet([.milliseconds(5)])) }
            _ = try await room.monitor.ping("app")
            try await room.until("app", is: .down)
            try await eventually {
                let incidents = try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9)
                return incidents.map(\.began) == [first.failingSince]
            }
            let state = try await room.monitor.status(of: "app").state
            #expect(state.failingSince == first.failingSince && state.failures >= 1)
        }
    }

    // MARK: What a person asks for

    @Test func pausedIsNotPingedUntilResumed() async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"], every: .milliseconds(200))
            try await room.until("app", is: .up)
            let paused = try await room.monitor.pause("app", until: nil)
            #expect(paused.state.verdict == .paused)
            #expect(paused.nextDue == nil)
            let kept = try await room.ledger.savedStates().values.map(\.state.verdict)
            #expect(kept == [.paused], "written before it is answered")
            let visits = space.visits
            // Another check goes through several intervals meanwhile.
            let witness = try await room.simulated.add(SpaceBlueprint("acme/witness", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app", "witness": "acme/witness"], every: .milliseconds(200))
            try await eventually { witness.visits >= 4 }
            #expect(space.visits == visits)
            #expect(
                try await room.monitor.status(of: "app").state.verdict == .paused, "a new fleet file does not resume it"
            )
            _ = try await room.monitor.resume("app")
            try await eventually { space.visits > visits }
            try await room.until("app", is: .up)
        }
    }

    @Test func aPauseWithAnEndEndsByItself() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"], every: .milliseconds(200))
            try await room.until("app", is: .up)
            _ = try await room.monitor.pause("app", until: Clocks.real.wall() + .milliseconds(600))
            try await room.until("app", is: .up)
        }
    }

    @Test func askingForAPingGivesItsResult() async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"], every: .seconds(3_600))
            try await room.until("app", is: .up)
            space.run(.failing)
            let status = try await room.monitor.ping("app")
            #expect(status.state.verdict == .down)
            #expect(space.visits == 3, "the first look, and two attempts")
        }
    }

    @Test func unknownNamesAreToldWithTheNearest() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["discord-bot": "acme/app"])
            let failure = await #expect(throws: Failure.self) { try await room.monitor.ping("discord-bit") }
            #expect(failure?.code == .notFound)
            #expect(failure?.hint?.contains("discord-bot") == true)
        }
    }

    // MARK: Heartbeats

    @Test func aJobThatFallsSilentIsSeen() async throws {
        try await withFleetMonitorRoom { room in
            let policy = CheckPolicy(kind: .heartbeat, every: .milliseconds(300), grace: .milliseconds(200))
            try await room.monitor.replace(
                with: Fleet(checks: [Check(name: "job", address: "", policy: policy)], serve: .quiet))
            #expect(try await room.monitor.beat("job", Beat(signal: .success)).state.verdict == .up)
            try await room.until("job", is: .silent)
            #expect(try await room.monitor.beat("job", Beat(signal: .success)).state.verdict == .up)
            #expect(
                try await room.monitor.beat("job", Beat(signal: .exit(3), body: "no space left")).state.verdict
                    .isTrouble
            )
            let said = try #require(try await room.monitor.transcripts(of: "job").lastFailed)
            #expect(said.exchanges.first?.body == "no space left")
            await #expect(throws: Failure.self) { try await room.monitor.ping("job") }
        }
    }

    // MARK: The whole

    @Test func aNewFleetFileKeepsWhatItKeeps() async throws {
        try await withFleetMonitorRoom { room in
            let stays = try await room.simulated.add(SpaceBlueprint("acme/stays", story: "", lifecycle: .test))
            _ = try await room.simulated.add(SpaceBlueprint("acme/goes", story: "", lifecycle: .test))
            try await room.serve(["stays": "acme/stays", "goes": "acme/goes"], every: .seconds(3_600))
            try await room.until("stays", is: .up)
            try await room.until("goes", is: .up)
            _ = try await room.simulated.add(SpaceBlueprint("acme/comes", story: "", lifecycle: .test))
            try await room.serve(["stays": "acme/stays", "comes": "acme/comes"], every: .seconds(3_600))
            try await room.until("comes", is: .up)
            #expect(stays.visits == 1)
            #expect(try await room.monitor.status(of: "stays").state.verdict == .up)
            await #expect(throws: Failure.self) { try await room.monitor.status(of: "goes") }
            #expect(await room.monitor.statuses(StatusQuery()).items.map(\.check.name) == ["comes", "stays"])
            var query = StatusQuery()
            query.looks = ["moderated", "flapping"]
            #expect(await room.monitor.statuses(query).items.isEmpty)
            query.verdicts = Set(Verdict.allCases)
            #expect(await room.monitor.statuses(query).items.count == 2)
        }
    }

    @Test func aStandbyPingsNobodyUntilItStandsIn() async throws {
        try await withFleetMonitorRoom(active: false) { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"], every: .milliseconds(200))
            await room.monitor.setRole(.standby(of: "http://first", lastSeen: nil))
            await #expect(throws: Failure.self) { try await room.monitor.ping("app") }
            #expect(space.visits == 0)
            await room.monitor.setRole(.standingIn(for: "http://first", since: Clocks.real.wall()))
            try await room.until("app", is: .up)
            await room.monitor.setRole(.standby(of: "http://first", lastSeen: Clocks.real.wall()))
            let kinds = try await room.events()
            #expect(kinds.contains("master.took_over") && kinds.contains("master.stepped_back"))
        }
    }

    @Test(.timeLimit(.minutes(2))) func changesReachWhoListens() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            let changes = await room.monitor.changes()
            try await room.serve(["app": "acme/app"], every: .seconds(3_600))
            var seen: Set<String> = []
            for await batch in changes {
                seen.formUnion(batch.names)
                // A ping that ends within the quarter of a second of the new fleet is part of "everything".
                if batch.everything, try await room.monitor.status(of: "app").state.verdict == .up {
                    seen.insert("app")
                }
                if seen.contains("app") { break }
            }
            #expect(seen == ["app"])
        }
    }

    /// Names that cannot be looked up, because the only name server answers nobody.
    @Test func withoutNetworkOneAlarmAboutOurselvesAndNoneAboutTheTargets() async throws {
        var configuration = ResolverConfiguration()
        // Nothing listens there: what is sent is lost or refused at once.
        configuration.servers = [try SocketAddress(ipAddress: "127.0.0.1", port: 9)]
        configuration.limit = .milliseconds(500)
        configuration.firstRetry = .milliseconds(200)
        configuration.hosts = nil
        try await withFleetMonitorRoom(resolver: configuration) { room in
            let policy = CheckPolicy(
                every: .milliseconds(500), timeout: .seconds(2), retry: [.milliseconds(700)],
                recheck: .milliseconds(500))
            let checks = (0..<8).map { Check(name: "t\($0)", address: "http://t\($0).example.test/", policy: policy) }
            try await room.monitor.replace(with: Fleet(checks: checks, serve: .quiet))
            try await eventually(within: .seconds(30)) {
                if case .offline = await room.monitor.overview().connectivity { true } else { false }
            }
            try await eventually { try await room.ledger.observations(of: nil, before: nil, limit: 100).count >= 8 }
            #expect(try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9).isEmpty)
            #expect(await room.monitor.overview().counts[.down] == nil)
            #expect(try await room.events().count { $0 == "self.offline" } == 1)
        }
    }
}

extension SpaceLifecycle {
    static let test = SpaceLifecycle(sleepAfter: nil, startTakes: .seconds(1), buildTakes: .seconds(1))
}

extension Fleet.Serve {
    /// Without the ping to ourselves: no server runs in these tests.
    static let quiet = Fleet.Serve(selfPing: nil)
}

/// A fleet monitor with all that it stands on, and a way to stop it and start the next one on the same ledger.
final class FleetMonitorRoom: Sendable {
    let simulated: SimulatedFleet
    let ledger: MemoryLedger
    let group: MultiThreadedEventLoopGroup
    private let resolver: ResolverConfiguration
    private let clocks: Clocks
    private let source: FleetMonitor.Source?
    private struct Running {
        var monitor: FleetMonitor
        var writer: LedgerWriter
        var tasks: [Task<Void, any Error>]
    }
    private let running: Mutex<Running>
    private let fleet = Mutex(Fleet(serve: .quiet))

    var monitor: FleetMonitor { running.withLock { $0.monitor } }

    init(
        simulated: SimulatedFleet, group: MultiThreadedEventLoopGroup, resolver: ResolverConfiguration, clocks: Clocks,
        active: Bool, source: FleetMonitor.Source? = nil
    ) async {
        self.simulated = simulated
        self.group = group
        self.resolver = resolver
        self.clocks = clocks
        self.source = source
        ledger = MemoryLedger()
        running = Mutex(Self.start(Fleet(serve: .quiet), ledger, group, resolver, clocks, source))
        await monitor.begin(selfAddress: nil, active: active)
    }

    private static func start(
        _ fleet: Fleet, _ ledger: MemoryLedger, _ group: MultiThreadedEventLoopGroup, _ resolver: ResolverConfiguration,
        _ clocks: Clocks, _ source: FleetMonitor.Source?
    ) -> Running {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let writer = LedgerWriter(
            ledger: ledger, retention: Fleet.LedgerSettings(), settings: .init(interval: .milliseconds(50)),
            clock: ContinuousClock(), now: clocks.wall, logger: logger)
        let monitor = FleetMonitor(
            fleet: fleet, fleetPath: nil, source: source, ledger: ledger, writer: writer,
            loops: Array(group.makeIterator()),
            resolver: NameResolver(eventLoop: group.next(), configuration: resolver), tls: ProbeTLS(),
            settings: FleetMonitor.Settings(openLimit: 100, seed: 1, userAgent: "Stoker/test"), clocks: clocks,
            logger: logger
        )
        let tasks = [
            Task { try await writer.run() },
            Task { try await monitor.run() },
        ]
        return Running(monitor: monitor, writer: writer, tasks: tasks)
    }

    /// Stops as SIGTERM would, and starts anew with what the ledger remembers.
    /// - Parameter meanwhile: done when the port would be open, before the fleet is monitored.
    func restart(meanwhile: (FleetMonitor) async -> Void = { _ in }) async throws {
        await stop()
        let next = Self.start(fleet.withLock { $0 }, ledger, group, resolver, clocks, source)
        running.withLock { $0 = next }
        await meanwhile(next.monitor)
        await next.monitor.begin(selfAddress: nil)
    }

    func stop() async {
        let old = running.withLock { $0 }
        for task in old.tasks.reversed() {
            task.cancel()
            _ = await task.result
        }
        _ = await old.writer.drain(within: .seconds(5))
    }

    func serve(_ spaces: [String: String], every: Duration = .seconds(3_600), timeout: Duration = .seconds(5))
        async throws
    {
        let addresses = Dictionary(uniqueKeysWithValues: simulated.spaces.map { ($0.id, $0.address) })
        let policy = CheckPolicy(
            every: every, timeout: timeout, retry: [.milliseconds(100)], recheck: .milliseconds(300), jitter: 0.05)
        let checks = try spaces.sorted { $0.key < $1.key }.map { name, id in
            Check(name: name, address: try #require(addresses[id]) + "/health", space: id, policy: policy)
        }
        let new = Fleet(checks: checks, serve: .quiet)
        fleet.withLock { $0 = new }
        try await monitor.replace(with: new)
    }

    /// Takes over a fleet as it is, and begins with it after a restart.
    func serve(_ new: Fleet) async throws {
        fleet.withLock { $0 = new }
        try await monitor.replace(with: new)
    }

    /// The fleet file that the next start will find.
    func nextStart(with new: Fleet) { fleet.withLock { $0 = new } }

    func until(_ name: String, is verdict: Verdict) async throws {
        try await eventually("\(name) becomes \(verdict.name)") {
            try await self.monitor.status(of: name).state.verdict == verdict
        }
    }

    /// Kinds of the events so far, what waits for the writer included.
    func events() async throws -> [String] {
        _ = await running.withLock { $0.writer }.drain(within: .seconds(5))
        return try await ledger.events(of: nil, before: nil, limit: 100).map(\.kind)
    }
}

func withFleetMonitorRoom(
    resolver: ResolverConfiguration = ResolverConfiguration(), clocks: Clocks = .real, active: Bool = true,
    source: FleetMonitor.Source? = nil, _ body: (FleetMonitorRoom) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let simulated = try await SimulatedFleet.start(group: group)
    let room = await FleetMonitorRoom(
        simulated: simulated, group: group, resolver: resolver, clocks: clocks, active: active, source: source)
    let result: Result<Void, any Error>
    do { result = .success(try await body(room)) } catch { result = .failure(error) }
    await room.stop()
    await simulated.shutdown()
    try await group.shutdownGracefully()
    try result.get()
}
