import HubSimulator
import Ledger
import Logging
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// A Hub on whose looks at a single Space something else happens meanwhile.
private final class BusyHub: HubGateway {
    let inner: StageHub
    let meanwhile = Mutex<(@Sendable () async throws -> Void)?>(nil)
    init(_ inner: StageHub) { self.inner = inner }

    func spaces(of namespace: String) async throws(Failure) -> HubListing { try await inner.spaces(of: namespace) }
    func space(_ id: String) async throws(Failure) -> SpaceFacts? {
        let facts = try await inner.space(id)
        let happens = meanwhile.withLock { happens in
            defer { happens = nil }
            return happens
        }
        do { try await happens?() } catch { Issue.record(error) }
        return facts
    }
    func restart(_ id: String, factory: Bool) async throws(Failure) { try await inner.restart(id, factory: factory) }
}

/// A Hub of owners with one Space each, all of them hidden; it counts what it is asked.
private final class CountingHub: HubGateway {
    let asked = Mutex<[(at: Instant, space: String)]>([])
    let now: @Sendable () -> Instant
    init(_ now: @escaping @Sendable () -> Instant) { self.now = now }

    func spaces(of namespace: String) async throws(Failure) -> HubListing { HubListing(spaces: [], calls: 1) }
    func space(_ id: String) async throws(Failure) -> SpaceFacts? {
        asked.withLock { $0.append((now(), id)) }
        return nil
    }
    func restart(_ id: String, factory: Bool) async throws(Failure) {}
}

/// What the Hub's word, a late one and a missing one may not do: forget, restart what is well, wake what may sleep.
@Suite(.serialized) struct HubGuardTests {
    private static func space(
        _ id: String, _ stage: HubSimulator.SpaceStage = .running, app: SimulatedApp = .healthy,
        visibility: SpaceBlueprint.Visibility = .public
    ) -> SpaceBlueprint {
        SpaceBlueprint(
            id, visibility: visibility, stage: stage, lifecycle: .test, app: app,
            edge: EdgeRules(limit: .milliseconds(300)))
    }

    private static func policy(heal: HealRule = HealRule(), awake: Awake = .always, role: CheckPolicy.Role = .alive)
        -> CheckPolicy
    {
        CheckPolicy(
            every: .seconds(3_600), timeout: .seconds(5), retry: [], recheck: .seconds(600), jitter: 0, role: role,
            awake: awake, heal: heal)
    }

    private static func fleet(_ names: [String], _ policy: CheckPolicy = policy(), owner: String = "acme") -> Fleet {
        let checks = names.map {
            Check(name: $0, address: "http://127.0.0.1:9/health", space: "\(owner)/\($0)", policy: policy)
        }
        return Fleet(hub: Fleet.Hub(namespace: "acme", token: Secret("hf_test")), checks: checks, serve: .quiet)
    }

    private static func discovering(_ policy: CheckPolicy = policy()) -> Fleet {
        var fleet = fleet([])
        fleet.hub.discovery = Fleet.Discovery(namespaces: ["acme"], policy: policy)
        return fleet
    }

    private static let silence = Failure(.unreachable, doing: "list acme", because: "no answer", retry: .soon)

    private static func watch(_ room: FleetMonitorRoom, _ hub: any HubGateway, _ clocks: Clocks = .real) -> HubPoller {
        HubPoller(
            hub: hub, monitor: room.monitor, knowledge: room.monitor.hub, ledger: room.ledger, clocks: clocks,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private static func texts(_ room: FleetMonitorRoom, _ kind: String) async throws -> [String] {
        _ = try await room.events()
        return try await room.ledger.events(of: nil, before: nil, limit: 100).filter { $0.kind == kind }.map(\.text)
    }

    private static func openIncidents(_ room: FleetMonitorRoom) async throws -> Int {
        try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).count
    }

    // MARK: Spaces that the Hub lists late

    /// The first reading after a start fails: what discovery brings comes with the second.
    @Test(arguments: [true, false]) func whatDiscoveryBringsLateKeepsItsState(stays: Bool) async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/broken", app: .failing))
            try await room.simulated.add(Self.space("acme/held"))
            let hub = StageHub(room.simulated)
            await Self.watch(room, hub, clock.clocks).firstRead(Self.discovering(), within: .seconds(5))
            try await room.serve(Self.discovering())
            try await room.until("broken", is: .down)
            try await room.until("held", is: .up)
            _ = try await room.monitor.pause("held", until: nil)
            try await eventually { try await Self.openIncidents(room) == 1 }
            let before = try await room.monitor.status(of: "broken")

            hub.scene.withLock { $0.failure = Self.silence }
            var watch: HubPoller?
            try await room.restart { _ in
                watch = Self.watch(room, hub, clock.clocks)
                await watch?.firstRead(Self.discovering(), within: .seconds(5))
            }
            await #expect(throws: Failure.self) { try await room.monitor.status(of: "held") }
            _ = try await room.events()
            #expect(try await Self.openIncidents(room) == 1, "it may come back")
            hub.scene.withLock {
                $0.failure = nil
                if !stays { $0.hidden = ["acme/broken"] }
            }
            clock.advance(.seconds(61))
            await watch?.turn()
            #expect(try await room.monitor.status(of: "held").state.pause == .byPerson)
            if stays {
                let after = try await room.monitor.status(of: "broken")
                #expect(after.state.incidentOpen && after.state.troubleSince == before.state.troubleSince)
                #expect(
                    after.nextDue == before.nextDue || after.pinging || after.state.lastPing > before.state.lastPing)
                _ = try await room.events()
                #expect(try await Self.openIncidents(room) == 1)
            } else {
                try await eventually { try await Self.openIncidents(room) == 0 }
            }
        }
    }

    @Test func aPauseOutlivesAMissingListing() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/app"))
            let hub = StageHub(room.simulated)
            let watch = Self.watch(room, hub, clock.clocks)
            await watch.firstRead(Self.discovering(), within: .seconds(5))
            try await room.serve(Self.discovering())
            try await room.until("app", is: .up)
            _ = try await room.monitor.pause("app", until: nil)
            hub.scene.withLock { $0.hidden = ["acme/app"] }
            clock.advance(.seconds(31))
            await watch.turn()
            await #expect(throws: Failure.self) { try await room.monitor.status(of: "app") }
            hub.scene.withLock { $0.hidden = [] }
            clock.advance(.seconds(31))
            await watch.turn()
            #expect(try await room.monitor.status(of: "app").state.pause == .byPerson)
        }
    }

    // MARK: Healing

    @Test(arguments: ["paused here", "switched off", "stepped back", "came back", "another Space"])
    func whatHappensWhileTheHubIsAskedCounts(news: String) async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(Self.space("acme/app", .runtimeError))
            try await room.simulated.add(Self.space("other/app"))
            let stages = StageHub(room.simulated)
            stages.say(
                SpaceFacts(
                    id: "acme/app", stage: .runtimeError, host: room.simulated.spaces.first?.address, sdk: "docker"),
                of: "acme/app")
            let hub = BusyHub(stages)
            let watch = Self.watch(room, hub)
            let healing = HealRule(mode: .act, after: 1)
            let fleet = Self.fleet(["app"], Self.policy(heal: healing))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .down)
            let monitor = room.monitor
            hub.meanwhile.withLock {
                $0 = {
                    switch news {
                    case "paused here": _ = try await monitor.pause("app", until: nil)
                    case "switched off":
                        try await monitor.replace(
                            with: Self.fleet(["app"], Self.policy(heal: HealRule(mode: .off, after: 1))))
                    case "stepped back": await monitor.setRole(.standby(of: "http://first", lastSeen: nil))
                    case "another Space":
                        try await monitor.replace(
                            with: Self.fleet(["app"], Self.policy(heal: healing), owner: "other"))
                    default:
                        space.set(.running)
                        _ = try await monitor.ping("app")
                    }
                }
            }
            await watch.heal()
            #expect(stages.restarts.isEmpty)
        }
    }

    /// The list of those that fail is as old as the first of them took.
    @Test func theNeighboursTimeIsNotTheirs() async throws {
        try await withFleetMonitorRoom { room in
            for name in ["a", "b"] { try await room.simulated.add(Self.space("acme/\(name)", .runtimeError)) }
            let stages = StageHub(room.simulated)
            let hub = BusyHub(stages)
            let watch = Self.watch(room, hub)
            let fleet = Self.fleet(["a", "b"], Self.policy(heal: HealRule(mode: .act, after: 1)))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            for name in ["a", "b"] { try await room.until(name, is: .down) }
            let monitor = room.monitor
            hub.meanwhile.withLock { $0 = { _ = try await monitor.pause("b", until: nil) } }
            let calls = await watch.callsInWindow
            await watch.heal()
            #expect(stages.restarts == ["acme/a"])
            #expect(await watch.callsInWindow == calls + 3, "the look, and the restart's own two requests")
        }
    }

    @Test func nothingIsHealedInMaintenance() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            let hub = StageHub(room.simulated)
            let watch = Self.watch(room, hub)
            let fleet = Self.fleet(["app"], Self.policy(heal: HealRule(mode: .act, after: 1)))
            await watch.firstRead(fleet, within: .seconds(5))
            let now = Clocks.real.wall()
            let window = MaintenanceWindow(
                id: "hand-1", name: "move", from: now, until: now + .seconds(3_600),
                scope: MaintenanceScope(targets: ["app"]), isByHand: true)
            room.monitor.maintenance.set(begun: [window], ended: [:])
            try await room.serve(fleet)
            try await room.until("app", is: .down)
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            let status = try await room.monitor.status(of: "app")
            #expect(status.maintenance == window)
            #expect(status.hubStatus?.healing?.contains("in maintenance until") == true)
            #expect(await room.monitor.overview().inMaintenance == 1)
            let before = await room.monitor.overview().generation
            room.monitor.maintenance.set(begun: [], ended: [:])
            #expect(await room.monitor.overview().generation > before, "pages are made anew")
            await watch.heal()
            #expect(hub.restarts == ["acme/app"])
        }
    }

    @Test func aNameThatMeansAnotherSpaceNowBeginsAnew() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            try await room.simulated.add(Self.space("other/app"))
            let hub = StageHub(room.simulated)
            let watch = Self.watch(room, hub)
            let policy = Self.policy(heal: HealRule(mode: .act, after: 1))
            await watch.firstRead(Self.fleet(["app"], policy), within: .seconds(5))
            await watch.firstRead(Self.fleet(["app"], policy, owner: "other"), within: .seconds(5))
            try await room.serve(Self.fleet(["app"], policy))
            try await room.until("app", is: .down)
            #expect(await room.monitor.cell(of: "app") != nil)
            try await eventually { try await Self.openIncidents(room) == 1 }

            try await room.serve(Self.fleet(["app"], policy, owner: "other"))
            #expect(await room.monitor.cell(of: "app") == nil)
            #expect(try await !room.monitor.status(of: "app").state.incidentOpen)
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            try await room.until("app", is: .up)
            try await eventually { try await Self.openIncidents(room) == 0 }
            #expect(try await Self.texts(room, "incident.ended").contains { $0.contains("another Space") })
        }
    }

    @Test func aSiblingsShorterBudgetForgetsNothing() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(Self.space("acme/app", .runtimeError))
            _ = try await room.ledger.actions.begin(
                NewAction(
                    .healing(.restart), on: "acme/app", by: "healing", because: "crashed, 3 failed pings in a row",
                    began: clock.clocks.wall() - .seconds(2 * 86_400), details: ["check": "app"]), within: .seconds(5))
            let hub = StageHub(room.simulated)
            let watch = Self.watch(room, hub, clock.clocks)
            let day = HealRule(
                mode: .act, after: 1, restarts: 1, factoryRestarts: 0, within: .seconds(6 * 3_600), wait: .seconds(60))
            let week = HealRule(
                mode: .act, after: 1, restarts: 2, factoryRestarts: 0, within: .seconds(7 * 86_400), wait: .seconds(60))
            var fleet = Self.fleet(["app"], Self.policy(heal: day, role: .ready))
            fleet.checks.append(
                Check(
                    name: "app.weekly", address: "http://127.0.0.1:9/health", space: "acme/app",
                    policy: Self.policy(heal: week)))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .down)
            try await room.until("app.weekly", is: .down)
            await watch.heal()
            #expect(hub.restarts == ["acme/app"], "the one with six hours")
            clock.advance(.seconds(3_600))
            space.set(.runtimeError)
            await watch.turn()
            for name in ["app", "app.weekly"] { _ = try await room.monitor.ping(name) }
            await watch.heal()
            #expect(hub.restarts == ["acme/app"], "two in seven days are two")
        }
    }

    /// The budget is the Space's, whatever its checks are called.
    @Test func theBudgetOutlivesANewNameOfTheCheck() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            _ = try await room.ledger.actions.begin(
                NewAction(
                    .healing(.restart), on: "acme/app", by: "healing", because: "crashed, 3 failed pings in a row",
                    began: Clocks.real.wall() - .seconds(3_600), details: ["check": "old-name"]), within: .seconds(5))
            let hub = StageHub(room.simulated)
            let watch = Self.watch(room, hub)
            let rule = HealRule(mode: .act, after: 1, restarts: 1, factoryRestarts: 0)
            await watch.firstRead(Self.fleet(["app"], Self.policy(heal: rule)), within: .seconds(5))
            try await room.serve(Self.fleet(["app"], Self.policy(heal: rule)))
            try await room.until("app", is: .down)
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            #expect(try await room.events().contains("heal.exhausted"))
            let left = try await room.ledger.actions.actions(ActionQuery(space: "acme/app")).map(\.state)
            #expect(left == [.unknown], "whoever did it is gone, and nobody knows how it ended")
        }
    }

    @Test func afterDamageOfTheLedgerNothingIsHealedUntilSomebodyLooked() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            let hub = StageHub(room.simulated)
            let rule = HealRule(mode: .act, after: 1, restarts: 1, factoryRestarts: 0)
            let fleet = Self.fleet(["app"], Self.policy(heal: rule))
            let at = Clocks.real.wall()
            try await room.ledger.record(
                Batch(
                    incidents: [
                        Incident(check: Incident.ofLedger, began: at, verdict: .down, cause: .ledgerDamaged)
                    ],
                    events: [Event(at: at, kind: "ledger.damaged", check: Incident.ofLedger, text: "What was seen")]))
            try await room.restart()
            let damage = try #require(await room.monitor.overview().ledgerDamage.first)
            #expect(damage.text == "What was seen")
            let watch = Self.watch(room, hub)
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .down)
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            #expect(try await room.events().contains("heal.held"))
            await #expect(throws: Failure.self) { try await room.monitor.acknowledge(damage.incident + 1) }
            try await room.monitor.acknowledge(damage.incident)
            #expect(await room.monitor.overview().ledgerDamage.isEmpty)
            #expect(
                try await room.ledger.incidents(of: Incident.ofLedger, openOnly: true, before: nil, limit: 5).isEmpty)
            await watch.heal()
            #expect(hub.restarts.count == 1)
        }
    }

    // MARK: What may sleep, and what is paused

    @Test(arguments: [
        ("asleep", CheckState.Pause.asleep), ("paused", .byOwner), ("flagged", .byModeration),
    ]) func whatIsKnownWhenACheckJoinsSparesItThePing(news: String, pause: CheckState.Pause) async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/witness"))
            let hub = StageHub(room.simulated)
            let watch = Self.watch(room, hub, clock.clocks)
            let policy = Self.policy(awake: .onDemand)
            func add(_ name: String) async throws -> SimulatedSpace {
                let space = try await room.simulated.add(Self.space("acme/\(name)"))
                switch news {
                case "asleep": space.set(.sleeping)
                case "paused": space.pause()
                default: space.flag()
                }
                return space
            }
            let first = try await add("first")
            await watch.firstRead(Self.discovering(policy), within: .seconds(5))
            try await room.serve(Self.discovering(policy))
            try await room.until("witness", is: .up)
            #expect(try await room.monitor.status(of: "first").state.pause == pause)
            #expect(first.visits == 0)
            // One that is found later.
            let second = try await add("second")
            let later = try await room.simulated.add(Self.space("acme/later"))
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("later", is: .up)
            #expect(try await room.monitor.status(of: "second").state.pause == pause)
            #expect(second.visits == 0 && first.visits == 0 && later.visits == 1)
        }
    }

    @Test func oneLeftAloneStaysSo() async throws {
        try await withFleetMonitorRoom { room in
            let left = try await room.simulated.add(Self.space("acme/left"))
            try await room.simulated.add(Self.space("acme/other"))
            try await room.simulated.add(Self.space("acme/third"))
            let hub = StageHub(room.simulated)
            let policy = Self.policy(awake: .onDemand)
            let watch = Self.watch(room, hub)
            await watch.firstRead(Self.fleet(["left"], policy), within: .seconds(5))
            try await room.serve(Self.fleet(["left"], policy))
            try await room.until("left", is: .up)
            #expect(left.visits == 1)
            // A new fleet file with another rule for it …
            let both = Self.fleet(["left", "other"], Self.policy(heal: HealRule(mode: .act), awake: .onDemand))
            try await room.serve(both)
            try await room.until("other", is: .up)
            #expect(try await room.monitor.status(of: "left").nextDue == nil)
            #expect(left.visits == 1)
            // … and a new process leave it alone.
            room.nextStart(with: both)
            try await room.restart { monitor in
                await Self.watch(room, hub).firstRead(both, within: .seconds(5))
            }
            #expect(try await room.monitor.status(of: "left").nextDue == nil)
            var third = both
            third.checks += Self.fleet(["third"], policy).checks
            try await room.serve(third)
            try await room.until("third", is: .up)
            #expect(left.visits == 1)
        }
    }

    @Test func oneThatMaySleepWaitsForTheHubsWord() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let app = try await room.simulated.add(Self.space("acme/app"))
            let hub = StageHub(room.simulated)
            hub.scene.withLock { $0.failure = Self.silence }
            let watch = Self.watch(room, hub, clock.clocks)
            var fleet = Self.fleet(["app"], Self.policy(awake: .onDemand))
            fleet.checks[0].address = try #require(room.simulated.spaces.first?.address) + "/health"
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            let due = try #require(try await room.monitor.status(of: "app").nextDue)
            #expect(due > clock.clocks.wall() + .seconds(200))
            #expect(app.visits == 0)
            hub.scene.withLock { $0.failure = nil }
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("app", is: .up)
        }
    }

    // MARK: Before the Hub has spoken

    @Test(arguments: [true, false]) func aHiddenSpaceIsNotDownBeforeTheHubHasSpoken(isPrivate: Bool) async throws {
        let clock = MovedClock()
        let group = try await SimulatedFleet.start(tokens: ["hf_test"])
        try await group.add(Self.space("acme/secret", visibility: .private))
        try await group.add(Self.space("acme/other"))
        let hub = StageHub(group)
        hub.scene.withLock { $0.failure = Self.silence }
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let watch = Self.watch(room, hub, clock.clocks)
            var fleet = Self.fleet(["secret"])
            fleet.checks[0].address = try #require(group.spaces.first?.address) + "/health"
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await eventually {
                try await room.ledger.observations(of: nil, before: nil, limit: 9).contains { $0.outcome == .unknown }
            }
            #expect(try await room.monitor.status(of: "secret").state.verdict == .unknown)
            #expect(try await !room.events().contains("incident.began"))
            hub.scene.withLock {
                $0.failure = nil
                if !isPrivate { $0.hidden = ["acme/secret"] }
            }
            clock.advance(.seconds(61))
            await watch.turn()
            // The Hub does not know it either: then it is not there.
            if !isPrivate { _ = try await room.monitor.ping("secret") }
            try await room.until("secret", is: isPrivate ? .up : .down)
        }
        await group.shutdown()
    }

    @Test func whoAsksBeforeTheStartGetsTheWholeFleet() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app"))
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .up)
            var asked: Task<[String], Never>?
            try await room.restart { monitor in
                let isAsking = Mutex(false)
                asked = Task {
                    isAsking.withLock { $0 = true }
                    return await monitor.statuses(StatusQuery()).items.map(\.check.name)
                }
                while !isAsking.withLock({ $0 }) { await Task.yield() }
                _ = await monitor.overview()
            }
            #expect(await asked?.value == ["app"])
        }
    }

    // MARK: More owners than a window has requests

    @Test func aReadingThatIsTooLargeIsSpreadAndASmallerFleetRecovers() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let hub = CountingHub(clock.clocks.wall)
            let watch = Self.watch(room, hub, clock.clocks)
            let policy = CheckPolicy(every: .seconds(3_600), enabled: false)
            let checks = (0..<80).map {
                Check(name: "s\($0)", address: "http://127.0.0.1:9/", space: "o\($0)/s", policy: policy)
            }
            try await room.serve(Fleet(hub: Fleet.Hub(token: Secret("hf_test")), checks: checks, serve: .quiet))
            func minutes(_ count: Int) async {
                for _ in 0..<count * 2 {
                    await watch.turn()
                    clock.advance(.seconds(30))
                }
            }
            await minutes(21)
            let asked = hub.asked.withLock { $0 }
            for one in asked {
                #expect(asked.count { $0.at >= one.at && $0.at - one.at < .seconds(300) } <= 50)
            }
            let times = Dictionary(grouping: asked, by: \.space).mapValues(\.count)
            #expect(times.count == 80 && times.values.allSatisfy { $0 >= 2 })
            #expect(try await Self.texts(room, "hub.spread").count == 1)
            // The next reading of a small fleet does not wait for the large one.
            try await room.serve(
                Fleet(hub: Fleet.Hub(token: Secret("hf_test")), checks: Array(checks.prefix(2)), serve: .quiet))
            hub.asked.withLock { $0 = [] }
            await minutes(11)
            #expect(hub.asked.withLock { $0.count } >= 10)
        }
    }

    // MARK: Words

    @Test func anIncidentThatAPauseEndsIsNotCalledARecovery() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app", app: .failing))
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .down)
            _ = try await room.monitor.pause("app", until: nil)
            // A shard hands over what happened four times a second.
            try await eventually { try await !Self.texts(room, "incident.ended").isEmpty }
            let said = try await Self.texts(room, "incident.ended")
            #expect(said.count == 1 && said[0].contains("was paused") && !said[0].contains("well"))
        }
    }
}
