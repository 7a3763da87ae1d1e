import HubSimulator
import Ledger
import Logging
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// A Hub made of the simulated Spaces' own stages, with what a test puts over them.
final class StageHub: HubGateway {
    struct Scene {
        var over: [String: SpaceFacts] = [:]
        var hidden: Set<String> = []
        var failure: Failure?
        var restarts: [String] = []
        var listings = 0
        var calls = 0
        /// What the platform's status page tells; nil: it cannot be reached.
        var reports: [PlatformReport]? = []
        var reportReadings = 0
    }
    let simulated: SimulatedFleet
    let scene = Mutex(Scene())
    init(_ simulated: SimulatedFleet) { self.simulated = simulated }

    func say(_ facts: SpaceFacts?, of id: String) { scene.withLock { $0.over[id] = facts } }
    var restarts: [String] { scene.withLock { $0.restarts } }

    private func facts() -> [SpaceFacts] {
        let addresses = Dictionary(uniqueKeysWithValues: simulated.spaces.map { ($0.id, $0.address) })
        return simulated.spaces.compactMap { space in
            guard let living = simulated.space(space.id), !scene.withLock({ $0.hidden.contains(space.id) }) else {
                return nil
            }
            if let said = scene.withLock({ $0.over[space.id] }) { return said }
            return SpaceFacts(
                id: space.id, stage: StokerCore.SpaceStage(rawValue: living.stage.rawValue), runningSHA: "1",
                repoSHA: "1", errorMessage: living.errorMessage, host: addresses[space.id],
                subdomain: living.subdomain,
                visibility: living.blueprint.visibility == .private ? .private : .public, sdk: "docker")
        }
    }

    func spaces(of namespace: String) async throws(Failure) -> HubListing {
        let failure = scene.withLock { scene in
            scene.listings += 1
            scene.calls += 1
            return scene.failure
        }
        if let failure { throw failure }
        return HubListing(spaces: facts().filter { $0.id.hasPrefix(namespace + "/") }, calls: 1)
    }

    func space(_ id: String) async throws(Failure) -> SpaceFacts? {
        let failure = scene.withLock { scene in
            scene.calls += 1
            return scene.failure
        }
        if let failure { throw failure }
        return facts().first { $0.id.lowercased() == id.lowercased() }
    }

    func rateUsage(at now: Instant) -> HubRateUsage? {
        HubRateUsage(endpoint: "http://hub.test", calls: scene.withLock { $0.calls })
    }

    func platformReports(at now: Instant) async throws(Failure) -> [PlatformReport] {
        let reports = scene.withLock { scene in
            scene.reportReadings += 1
            return scene.reports
        }
        if let reports { return reports }
        throw Failure(.unreachable, doing: "read the status page", because: "nobody answers", retry: .soon)
    }

    func restart(_ id: String, factory: Bool) async throws(Failure) {
        scene.withLock {
            $0.calls += 1
            $0.restarts.append(factory ? "\(id) factory" : id)
        }
        simulated.space(id)?.restart(factory: factory)
    }
}

/// Writes down what begins, but says so too late, as a disk that was silent for a while.
private final class LateActions: ActionStore {
    let isLate = Mutex(true)
    private let base = MemoryActions()

    func begin(_ action: NewAction, within limit: Duration) async throws(Failure) -> Action {
        let written = base.begin(action, within: limit)
        guard isLate.withLock({ $0 }) else { return written }
        throw Failure(.ledger, doing: "write down an action", because: "the disk is silent")
    }
    func beginAlone(_ action: NewAction, within limit: Duration) -> ExclusiveAction {
        base.beginAlone(action, within: limit)
    }
    func extend(_ action: Int64, fence: Int64, until: Instant) -> Bool {
        base.extend(action, fence: fence, until: until)
    }
    func end(_ action: Int64, fence: Int64, as state: Action.State, result: String?, now: Instant) -> Bool {
        base.end(action, fence: fence, as: state, result: result, now: now)
    }
    func takeOver(_ action: Int64, by owner: String, until: Instant, gone: String?, now: Instant) -> Action? {
        base.takeOver(action, by: owner, until: until, gone: gone, now: now)
    }
    func actions(_ query: ActionQuery) -> [Action] { base.actions(query) }
    func rename(space: String, to new: String) -> Int { base.rename(space: space, to: new) }
    func prune(endedBefore: Instant) -> Int { base.prune(endedBefore: endedBefore) }
}

extension FleetMonitorRoom {
    /// A watch over the present fleet monitor, turned by the test.
    func watch(_ hub: StageHub, clocks: Clocks = .real) -> HubPoller {
        HubPoller(
            hub: hub, monitor: monitor, knowledge: monitor.hub, ledger: ledger, clocks: clocks,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

/// Clocks that a test moves on, as if the machine had stood still meanwhile.
final class MovedClock: Sendable {
    private let offset = Mutex(Duration.zero)
    func advance(_ by: Duration) { offset.withLock { $0 += by } }
    var clocks: Clocks {
        let real = Clocks.real
        return Clocks(
            wall: { [self] in real.wall() + offset.withLock { $0 } },
            running: { [self] in real.running() + offset.withLock { $0 } },
            elapsed: { [self] in real.elapsed() + offset.withLock { $0 } })
    }
}

@Suite(.serialized) struct HubPollerTests {
    private static func space(
        _ id: String, _ stage: HubSimulator.SpaceStage = .running, app: SimulatedApp = .healthy,
        visibility: SpaceBlueprint.Visibility = .public, errorMessage: String? = nil
    ) -> SpaceBlueprint {
        SpaceBlueprint(
            id, visibility: visibility, stage: stage, errorMessage: errorMessage, lifecycle: .test, app: app,
            edge: EdgeRules(limit: .milliseconds(300)))
    }

    private static func fleet(
        _ names: [String], heal: HealRule = HealRule(), awake: Awake = .always, role: CheckPolicy.Role = .alive
    ) -> Fleet {
        let policy = CheckPolicy(
            every: .seconds(3_600), timeout: .seconds(5), retry: [], recheck: .milliseconds(200), jitter: 0, role: role,
            awake: awake, heal: heal)
        let checks = names.map {
            Check(name: $0, address: "http://127.0.0.1:9/health", space: "acme/\($0)", policy: policy)
        }
        return Fleet(hub: Fleet.Hub(namespace: "acme", token: Secret("hf_test")), checks: checks, serve: .quiet)
    }

    @Test func theHubsAddressIsPinged() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app"))
            let watch = room.watch(StageHub(room.simulated))
            await watch.firstRead(Self.fleet(["app"]), within: .seconds(5))
            try await room.serve(Self.fleet(["app"]))
            try await room.until("app", is: .up)
            let status = try await room.monitor.status(of: "app")
            #expect(status.hubStatus?.stage == .running)
            #expect(status.check.address.hasSuffix("/health"))
        }
    }

    @Test func runningButDeadIsDownInASecondPing() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/app", app: .dead))
            let watch = room.watch(StageHub(room.simulated), clocks: clock.clocks)
            await watch.firstRead(Self.fleet(["app"]), within: .seconds(5))
            try await room.serve(Self.fleet(["app"]))
            try await room.until("app", is: .waking)
            clock.advance(.seconds(61))
            await watch.turn()
            _ = try await room.monitor.ping("app")
            let status = try await room.monitor.status(of: "app")
            #expect(status.state.verdict == .down)
            #expect(status.state.cause == .spaceRunningDead)
            #expect(status.hubStatus?.disagreement?.contains("holds every request") == true)
        }
    }

    @Test func aChangedStageIsToldAndPingedAtOnce() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(Self.space("acme/app"))
            let watch = room.watch(StageHub(room.simulated), clocks: clock.clocks)
            await watch.firstRead(Self.fleet(["app"]), within: .seconds(5))
            try await room.serve(Self.fleet(["app"]))
            try await room.until("app", is: .up)
            space.set(.runtimeError, errorMessage: "Exit code: 1. Reason: boom")
            clock.advance(.seconds(31))
            await watch.turn()
            // The next ping would be due in an hour.
            try await room.until("app", is: .down)
            #expect(try await room.events().contains("space.stage"))
        }
    }

    @Test func whatItsOwnerPausedIsNoOutageAndGoesOnByItself() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(Self.space("acme/app"))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub, clocks: clock.clocks)
            await watch.firstRead(Self.fleet(["app"], heal: HealRule(mode: .act)), within: .seconds(5))
            try await room.serve(Self.fleet(["app"], heal: HealRule(mode: .act)))
            try await room.until("app", is: .up)
            space.pause()
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("app", is: .paused)
            #expect(try await room.monitor.status(of: "app").state.pause == .byOwner)
            #expect(hub.restarts.isEmpty)
            #expect(try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9).isEmpty)
            space.set(.running)
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("app", is: .up)
        }
    }

    @Test func aFlaggedSpaceIsLeftAloneWithoutAPing() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(Self.space("acme/app"))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub, clocks: clock.clocks)
            await watch.firstRead(Self.fleet(["app"]), within: .seconds(5))
            try await room.serve(Self.fleet(["app"], heal: HealRule(mode: .act, after: 1)))
            try await room.until("app", is: .up)
            let visits = space.visits
            space.flag()
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("app", is: .paused)
            #expect(try await room.monitor.status(of: "app").state.pause == .byModeration)
            #expect(space.visits == visits)
            clock.advance(.seconds(31))
            await watch.turn()
            #expect(hub.restarts.isEmpty)
        }
    }

    /// Somebody paused it, for an hour or in the file: that the Space is flagged meanwhile does not start the pings again.
    @Test(arguments: ["page", "file"]) func aPersonsPauseOutlivesModeration(where place: String) async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(Self.space("acme/app"))
            let watch = room.watch(StageHub(room.simulated), clocks: clock.clocks)
            var fleet = Self.fleet(["app"])
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .up)
            if place == "page" {
                _ = try await room.monitor.pause("app", until: clock.clocks.wall() + .seconds(86_400))
            } else {
                fleet.checks[0].policy = CheckPolicy(
                    every: .seconds(3_600), timeout: .seconds(5), retry: [], enabled: false)
                try await room.serve(fleet)
            }
            let pause: CheckState.Pause = place == "page" ? .byPerson : .byFleetFile
            let before = try await room.monitor.status(of: "app").state
            #expect(before.pause == pause)
            let visits = space.visits
            space.flag()
            clock.advance(.seconds(31))
            await watch.turn()
            #expect(room.monitor.hub.word(of: "acme/app")?.facts.pauseReason == .moderation)
            let after = try await room.monitor.status(of: "app").state
            #expect(after.pause == pause && after.pausedUntil == before.pausedUntil)
            #expect(space.visits == visits)
            #expect(try await !room.events().contains("resumed"))
            #expect(try await room.events().contains("space.stage"), "but it is told")
        }
    }

    /// A listing takes a namespace as it is written; the file may write it otherwise.
    @Test func aNamespaceInAnotherCaseIsFound() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app"))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub)
            var fleet = Self.fleet([])
            fleet.hub.namespace = "Acme"
            fleet.checks = [
                Check(name: "app", address: "http://127.0.0.1:9/", space: "Acme/App", policy: CheckPolicy())
            ]
            await watch.firstRead(fleet, within: .seconds(5))
            #expect(room.monitor.hub.word(of: "acme/app")?.facts.id == "acme/app")
            #expect(hub.scene.withLock { $0.listings } == 2)
            await watch.read(fleet)
            #expect(hub.scene.withLock { $0.listings } == 3, "learned once")
        }
    }

    @Test func aCrashedSpaceIsRestartedInsideItsBudgetWhichOutlivesTheProcess() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(Self.space("acme/app", .runtimeError))
            let hub = StageHub(room.simulated)
            var watch = room.watch(hub, clocks: clock.clocks)
            let fleet = Self.fleet(["app"], heal: HealRule(mode: .act, after: 2))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            func failAndHeal(_ count: Int) async throws {
                space.set(.runtimeError)
                for _ in 0..<3 { _ = try await room.monitor.ping("app") }
                clock.advance(.seconds(3_600))
                await watch.turn()
                for _ in 0..<3 {
                    _ = try await room.monitor.ping("app")
                    await watch.heal()
                }
                #expect(hub.restarts.count == count)
            }
            try await failAndHeal(1)
            #expect(hub.restarts == ["acme/app"])
            try await failAndHeal(2)
            // Killed and started anew: it knows what was done.
            try await room.restart()
            watch = room.watch(hub, clocks: clock.clocks)
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.monitor.replace(with: fleet)
            try await failAndHeal(3)
            #expect(hub.restarts == ["acme/app", "acme/app", "acme/app factory"])
            try await failAndHeal(3)
            let kinds = try await room.events()
            #expect(kinds.count { $0 == "heal.restart" } == 2)
            #expect(kinds.count { $0 == "heal.factory_restart" } == 1)
            #expect(kinds.count { $0 == "heal.result" } == 3)
            let done = try await room.ledger.actions.actions(ActionQuery(space: "Acme/App"))
            #expect(done.map(\.kind) == [.healing(.factoryRestart), .healing(.restart), .healing(.restart)])
            #expect(done.allSatisfy { $0.state == .succeeded && $0.actor == "healing" && $0.details["check"] == "app" })
            #expect(kinds.contains("heal.exhausted"))
            // The activity log has it beside what people have done, with its cause.
            let log = try await room.ledger.activities.activities(ActivityQuery(actors: [.stoker]))
            #expect(log.map(\.what.operation) == ["heal.factory_restart", "heal.restart", "heal.restart"])
            #expect(
                log.allSatisfy {
                    $0.result == .done && SpaceName.key($0.what.target ?? "") == "acme/app"
                        && $0.because?.contains("failed pings in a row") == true
                })
        }
    }

    /// A command of another process, or a request to this server, has restarted it: that is told, and waited for as for a restart of ours.
    @Test func aPersonsRestartIsToldAndWaitedFor() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub, clocks: clock.clocks)
            let fleet = Self.fleet(
                ["app"], heal: HealRule(mode: .act, after: 1, restarts: 1, factoryRestarts: 0, wait: .seconds(600)))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .down)
            func record(_ kind: Action.Kind, on space: String, as state: Action.State) async throws {
                let action = try await room.ledger.actions.begin(
                    NewAction(
                        kind, on: space, by: "`stoker space restart`", because: "a person asked for it",
                        began: clock.clocks.wall()), within: .seconds(5))
                guard state != .begun else { return }
                try await room.ledger.actions.end(
                    action.id, fence: action.fence, as: state, result: nil, now: clock.clocks.wall())
            }
            try await record(.asked(.restart), on: "Acme/App", as: .succeeded)
            try await record(.asked(.pause), on: "acme/app", as: .failed)
            try await record(.asked(.restart), on: "acme/stranger", as: .succeeded)
            await watch.lookAtDeeds()
            await watch.heal()
            #expect(hub.restarts.isEmpty, "it was restarted a moment ago")
            clock.advance(.seconds(6))
            await watch.lookAtDeeds()
            #expect(try await room.events().count { $0 == "space.asked" } == 1)
            let told = try await room.ledger.events(of: nil, before: nil, limit: 50).first { $0.kind == "space.asked" }
            #expect(told?.text == "acme/app was restarted by `stoker space restart`" && told?.check != nil)
            // The same after a start of the engine, and for a change of secrets with a restart.
            clock.advance(.seconds(600))
            try await record(.environment, on: "acme/app", as: .succeeded)
            let next = room.watch(hub, clocks: clock.clocks)
            await next.firstRead(fleet, within: .seconds(5))
            _ = try await room.monitor.ping("app")
            await next.heal()
            #expect(hub.restarts.isEmpty)
            clock.advance(.seconds(601))
            await next.read()
            _ = try await room.monitor.ping("app")
            await next.heal()
            #expect(hub.restarts == ["acme/app"], "a person's restarts cost no budget")
        }
    }

    /// A step that was written down too late was not done: it costs no budget, in this process and the next.
    @Test func aRowThatComesTooLateCostsNoBudget() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            let hub = StageHub(room.simulated)
            let late = LateActions()
            func watch() -> HubPoller {
                HubPoller(
                    hub: hub, monitor: room.monitor, knowledge: room.monitor.hub, ledger: DoubleLedger(actions: late),
                    clocks: clock.clocks, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            }
            let first = watch()
            let fleet = Self.fleet(["app"], heal: HealRule(mode: .act, after: 1, restarts: 1, factoryRestarts: 0))
            await first.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            _ = try await room.monitor.ping("app")
            try await room.until("app", is: .down)
            await first.heal()
            #expect(hub.restarts.isEmpty)
            #expect(late.actions(ActionQuery()).map(\.state) == [.begun])
            late.isLate.withLock { $0 = false }
            // Reads what came late; a silent Hub keeps it from more.
            hub.scene.withLock { $0.failure = Failure(.hubUnreachable, doing: "ask", because: "no answer") }
            await first.heal()
            #expect(late.actions(ActionQuery()).map(\.state) == [.failed])
            hub.scene.withLock { $0.failure = nil }
            let next = watch()
            await next.firstRead(fleet, within: .seconds(5))
            await next.heal()
            #expect(hub.restarts == ["acme/app"])
            #expect(late.actions(ActionQuery()).map(\.state) == [.succeeded, .failed])
        }
    }

    /// The owner's pause is minutes younger than the last reading, or the Hub cannot say whether there is one.
    @Test(arguments: ["paused", "gone", "mended", "no answer"]) func rightBeforeARestartTheHubIsAskedAgain(
        news: String
    ) async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub)
            let fleet = Self.fleet(["app"], heal: HealRule(mode: .act, after: 1))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .down)
            switch news {
            case "paused": hub.say(SpaceFacts(id: "acme/app", stage: .paused), of: "acme/app")
            case "mended": hub.say(SpaceFacts(id: "acme/app", stage: .runningAppStarting), of: "acme/app")
            case "gone": hub.scene.withLock { _ = $0.hidden.insert("acme/app") }
            default:
                hub.scene.withLock {
                    $0.failure = Failure(.unreachable, doing: "look", because: "no answer", retry: .soon)
                }
            }
            let calls = await watch.callsInWindow
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            #expect(try await !room.events().contains { $0.hasPrefix("heal.") })
            #expect(await watch.callsInWindow == calls + 1)
            hub.say(nil, of: "acme/app")
            hub.scene.withLock {
                $0.hidden = []
                $0.failure = nil
            }
            await watch.heal()
            #expect(hub.restarts == ["acme/app"])
        }
    }

    /// What was done before the process began counts for a Space too that the Hub lists only later.
    @Test func theBudgetOfADiscoveredSpaceOutlivesTheProcess() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            _ = try await room.ledger.actions.begin(
                NewAction(
                    .healing(.restart), on: "acme/app", by: "healing", because: "crashed",
                    began: clock.clocks.wall() - .seconds(3_600), details: ["check": "app"]), within: .seconds(5))
            let hub = StageHub(room.simulated)
            hub.scene.withLock { _ = $0.hidden.insert("acme/app") }
            let watch = room.watch(hub, clocks: clock.clocks)
            var fleet = Self.fleet([])
            fleet.hub.discovery = Fleet.Discovery(
                namespaces: ["acme"],
                policy: CheckPolicy(
                    every: .seconds(3_600), timeout: .seconds(5), retry: [],
                    heal: HealRule(mode: .act, after: 1, restarts: 1, factoryRestarts: 0)))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            await watch.turn()
            hub.scene.withLock { $0.hidden = [] }
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("app", is: .down)
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            #expect(try await room.events().contains("heal.exhausted"))
        }
    }

    @Test func suggestingDoesNothingButSaysItOnce() async throws {
        try await withFleetMonitorRoom { room in
            try await room.simulated.add(Self.space("acme/app", .runtimeError))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub)
            let fleet = Self.fleet(["app"], heal: HealRule(after: 1))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .down)
            await watch.heal()
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            #expect(try await room.monitor.status(of: "app").hubStatus?.healing?.contains("heal: act") == true)
            #expect(try await room.events().count { $0 == "heal.suggested" } == 1)
            let noted = try await room.ledger.actions.actions(ActionQuery())
            #expect(noted.map(\.kind) == [.suggestion] && noted.first?.details["step"] == "restart")
        }
    }

    @Test func threeThatFailAlikeAreThePlatformAndNothingIsRestarted() async throws {
        try await withFleetMonitorRoom { room in
            for name in ["a", "b", "c"] { try await room.simulated.add(Self.space("acme/\(name)", .runtimeError)) }
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub)
            let fleet = Self.fleet(["a", "b", "c"], heal: HealRule(mode: .act, after: 1))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            for name in ["a", "b", "c"] { try await room.until(name, is: .down) }
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            #expect(try await room.events().contains("heal.suspended"))
            _ = try await room.monitor.ping("a")
            #expect(try await room.monitor.status(of: "a").state.cause == .platformIncident)
        }
    }

    /// Its status page names the trouble: then two are enough, and everybody reads what it says.
    @Test func whatThePlatformTellsOfItselfIsTheCause() async throws {
        try await withFleetMonitorRoom { room in
            for name in ["a", "b", "well"] {
                try await room.simulated.add(
                    name == "well" ? Self.space("acme/well") : Self.space("acme/\(name)", .runtimeError))
            }
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub)
            let fleet = Self.fleet(["a", "b", "well"], heal: HealRule(mode: .act, after: 1))
            await watch.firstRead(fleet, within: .seconds(5))
            await watch.heal()
            #expect(hub.scene.withLock { $0.reportReadings } == 0, "nothing fails")
            hub.scene.withLock {
                $0.reports = [PlatformReport(title: "Spaces are down", since: nil, page: "https://status.test")]
            }
            try await room.serve(fleet)
            for name in ["a", "b"] { try await room.until(name, is: .down) }
            await watch.heal()
            await watch.heal()
            #expect(hub.scene.withLock { $0.reportReadings } == 1, "once a minute")
            #expect(try await room.events().count { $0 == "hub.platform" } == 1)
            #expect(hub.restarts.isEmpty)
            #expect(try await room.events().contains("heal.suspended"))
            let shown = try await room.monitor.status(of: "a").hubStatus?.healing
            #expect(shown?.contains("“Spaces are down”") == true, "\(shown ?? "nothing")")
        }
    }

    @Test func aStatusPageThatCannotBeReachedChangesNothing() async throws {
        try await withFleetMonitorRoom { room in
            for name in ["a", "b"] { try await room.simulated.add(Self.space("acme/\(name)", .runtimeError)) }
            let hub = StageHub(room.simulated)
            hub.scene.withLock { $0.reports = nil }
            let watch = room.watch(hub)
            let fleet = Self.fleet(["a", "b"], heal: HealRule(mode: .act, after: 1))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            for name in ["a", "b"] { try await room.until(name, is: .down) }
            await watch.heal()
            #expect(hub.scene.withLock { $0.reportReadings } == 1)
            #expect(try await !room.events().contains("heal.suspended"))
            #expect(!hub.restarts.isEmpty)
        }
    }

    @Test func aSleeperIsWokenAtOnceUnlessItMaySleep() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let kept = try await room.simulated.add(Self.space("acme/kept"))
            let left = try await room.simulated.add(Self.space("acme/left"))
            let watch = room.watch(StageHub(room.simulated), clocks: clock.clocks)
            var fleet = Self.fleet(["kept"])
            fleet.checks += Self.fleet(["left"], awake: .onDemand).checks
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("kept", is: .up)
            try await room.until("left", is: .up)
            #expect(try await room.monitor.status(of: "left").nextDue == nil, "looked at once after its start")
            let visits = left.visits
            kept.set(.sleeping)
            left.set(.sleeping)
            clock.advance(.seconds(31))
            await watch.turn()
            try await eventually { kept.stage == .running }
            try await room.until("left", is: .paused)
            #expect(try await room.monitor.status(of: "left").state.pause == .asleep)
            #expect(left.visits == visits)
            #expect(left.stage == .sleeping)
            // Somebody visits it: it is looked at again.
            left.set(.running)
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("left", is: .up)
        }
    }

    @Test func privateSpacesArePingedWithTheToken() async throws {
        let group = try await SimulatedFleet.start(tokens: ["hf_test"])
        try await group.add(Self.space("acme/secret", visibility: .private))
        let hub = StageHub(group)
        try await withFleetMonitorRoom { room in
            let watch = room.watch(hub)
            let fleet = Self.fleet(["secret"])
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("secret", is: .up)
            let transcripts = try await room.monitor.transcripts(of: "secret")
            #expect(!"\(transcripts)".contains("hf_test"), "the token is in no transcript")
        }
        await group.shutdown()
    }

    @Test func discoveredSpacesComeAndGo() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            try await room.simulated.add(Self.space("acme/one"))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub, clocks: clock.clocks)
            var fleet = Self.fleet([])
            fleet.hub.discovery = Fleet.Discovery(
                namespaces: ["acme"], policy: CheckPolicy(every: .seconds(3_600), timeout: .seconds(5), retry: []))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("one", is: .up)
            try await room.simulated.add(Self.space("acme/two"))
            clock.advance(.seconds(31))
            await watch.turn()
            try await room.until("two", is: .up)
            hub.scene.withLock { _ = $0.hidden.insert("acme/one") }
            clock.advance(.seconds(31))
            await watch.turn()
            await #expect(throws: Failure.self) { try await room.monitor.status(of: "one") }
            #expect(try await room.monitor.status(of: "two").state.verdict == .up)
            let kinds = try await room.events()
            #expect(kinds.contains("space.found") && kinds.contains("space.gone"))
        }
    }

    @Test func whenTheHubIsSilentTheVisitorsWordHolds() async throws {
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(Self.space("acme/app"))
            let hub = StageHub(room.simulated)
            let watch = room.watch(hub, clocks: clock.clocks)
            let fleet = Self.fleet(["app"], heal: HealRule(mode: .act, after: 1))
            await watch.firstRead(fleet, within: .seconds(5))
            try await room.serve(fleet)
            try await room.until("app", is: .up)
            hub.scene.withLock {
                $0.failure = Failure(.unreachable, doing: "list acme", because: "no answer", retry: .soon)
            }
            space.run(.dead)
            for _ in 0..<4 {
                clock.advance(.seconds(100))
                await watch.turn()
            }
            _ = try await room.monitor.ping("app")
            let status = try await room.monitor.status(of: "app")
            #expect(status.state.verdict == .waking)
            #expect(status.hubStatus?.isFresh == false)
            await watch.heal()
            #expect(hub.restarts.isEmpty)
            #expect(try await room.events().contains("hub.unreachable"))
            hub.scene.withLock { $0.failure = nil }
            clock.advance(.seconds(301))
            await watch.turn()
            #expect(try await room.events().contains("hub.back"))
        }
    }

    @Test func namespacesAreReadWholeAndLonelySpacesAlone() {
        var fleet = Self.fleet(["a", "b"])
        fleet.checks.append(Check(name: "x", address: "https://x", space: "other/x", policy: CheckPolicy()))
        fleet.checks.append(Check(name: "y", address: "https://y", policy: CheckPolicy()))
        fleet.checks.append(Check(name: "p", address: "https://p", space: "pair/p", policy: CheckPolicy()))
        fleet.checks.append(Check(name: "q", address: "https://q", space: "pair/q", policy: CheckPolicy()))
        let plan = ReadingPlan.divide(fleet)
        #expect(plan.namespaces == ["acme", "pair"])
        #expect(plan.singles == ["other/x"])
        fleet.checks.append(Check(name: "x2", address: "https://x", space: "Other/X", policy: CheckPolicy()))
        fleet.checks.append(Check(name: "a2", address: "https://x", space: "ACME/A", policy: CheckPolicy()))
        #expect(ReadingPlan.divide(fleet).namespaces == plan.namespaces)
        #expect(ReadingPlan.divide(fleet).singles == plan.singles)
    }
}
