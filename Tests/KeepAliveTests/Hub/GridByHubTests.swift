import HubClient
import HubSimulator
import Logging
import Operations
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

/// Every cell of the grid made to happen, from both ends: 140 Spaces of a simulated Hub, one for each cell. The Hub tells the stage in its
/// listing, which the Hub's client reads; the visitor is the prober, at the address that the Hub told; the verdict is the engine's.
@Suite(.serialized) struct GridByHubTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let within = Duration.milliseconds(30)

    /// How a cell comes about on the simulated Hub.
    private struct Scene {
        var id: String
        var visibility = HubSimulator.RepoVisibility.public
        var app = SpaceEngine.usualApp
        var anonymousLimit: Int?
        var servesOld = false
        /// What the Space really does, as the edge sees it.
        var stage: HubSimulator.SpaceStage
        /// What the Hub says instead, where no Space of that stage would answer its visitors so.
        var said: String?

        init(_ row: GridRow, _ place: Int) throws {
            id = "maren/cell-\(place)"
            let behaviour = try #require(row.behaviour)
            let known = HubSimulator.SpaceStage(rawValue: row.stage)
            /// The stages in which a visitor can really meet this.
            let own: Set<HubSimulator.SpaceStage>
            var other = HubSimulator.SpaceStage.running
            let serving: Set<HubSimulator.SpaceStage> = [.running, .runningBuilding, .runningAppStarting]
            switch behaviour {
            case .serves: own = serving
            case .oldBuild:
                own = serving
                servesOld = true
            case .slow:
                own = serving
                app = .slow(.milliseconds(60) ... .milliseconds(80))
            case .wrong:
                own = serving
                app = .failing
            case .held:
                own = serving
                app = .dead
            case .unreachable:
                own = serving
                app = .portClosed
            case .throttled:
                // The edge counts before it looks at the stage.
                own = Set(HubSimulator.SpaceStage.allCases)
                anonymousLimit = 0
            case .hidden:
                own = Set(HubSimulator.SpaceStage.allCases)
                visibility = .private
            case .starting:
                own = [.building, .appStarting]
                other = .building
            case .inError:
                own = [.runtimeError, .configError, .buildError, .noAppFile, .paused]
                other = .runtimeError
            }
            if let known, own.contains(known) {
                stage = known
            } else {
                stage = other
                said = known?.rawValue ?? "MELTING"
            }
        }
    }

    private static func start(_ scenes: [Scene]) async throws -> SimulatedWorld {
        let apps = Dictionary(uniqueKeysWithValues: scenes.map { ($0.id, $0.app) })
        let edge = EdgeRules(limit: .milliseconds(400))
        var strict = edge
        strict.anonymousLimit = 0
        let special = scenes.filter { $0.anonymousLimit != nil }.map { ($0.id, SpaceOverride(edge: strict)) }
        return try await SimulatedWorld.start(
            HubConfiguration(), rules: SpaceRules(buildTakes: .seconds(3_600), startTakes: .seconds(3_600)),
            edge: edge, special: Dictionary(uniqueKeysWithValues: special), app: { apps[$0] ?? SpaceEngine.usualApp },
            logger: quiet)
    }

    private static func make(_ scene: Scene, in world: SimulatedWorld) async throws {
        var wanted = SceneSpace(scene.id, visibility: scene.visibility, stage: .running)
        wanted.servesOld = scene.servesOld
        let space = try await world.add(wanted)
        // A version that serves while the next one is made was RUNNING before.
        if scene.stage != .running { space.live.set(scene.stage) }
        if let said = scene.said { space.show(stage: said) }
    }

    @Test(.timeLimit(.minutes(3))) func everyCell() async throws {
        #expect(GridRow.all.count == 140)
        let scenes = try GridRow.all.enumerated().map { try Scene($1, $0) }
        let world = try await Self.start(scenes)
        let hub = Hub(.init(endpoint: world.endpoint, token: Secret("hf_maren")), logger: Self.quiet)
        let result: Result<Void, any Error>
        do { result = .success(try await Self.play(scenes, world, hub)) } catch { result = .failure(error) }
        try await hub.shutdown()
        await world.shutdown()
        try result.get()
    }

    private static func play(_ scenes: [Scene], _ world: SimulatedWorld, _ hub: Hub) async throws {
        try await each(of: scenes) { try await make($0, in: world) }
        let clock = MovedClock()
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let watch = HubPoller(
                hub: HubClientGateway(hub: hub), monitor: room.monitor, knowledge: room.monitor.hub,
                ledger: room.ledger,
                clocks: clock.clocks, logger: quiet)
            // Retries off: what fails for good is not asked again in this test.
            func policy(_ within: Duration?) -> CheckPolicy {
                CheckPolicy(
                    every: .seconds(3_600), timeout: .seconds(20), retry: [], recheck: .seconds(3_600),
                    expect: Expectation(within: within))
            }
            let (plain, strict) = (policy(nil), policy(within))
            let checks = scenes.enumerated().map { place, scene in
                Check(
                    // Nothing is there: only the Hub knows where the Space answers.
                    name: "cell-\(place)", address: "http://127.0.0.1:9/health", space: scene.id,
                    policy: GridRow.all[place].behaviour == .slow ? strict : plain)
            }
            let fleet = Fleet(
                // Without the token private Spaces are hidden from visitors.
                hub: Fleet.Hub(
                    namespace: "maren", token: Secret("hf_maren"), endpoint: world.endpoint, privateHeader: .off),
                checks: checks, serve: .quiet)

            await watch.firstRead(fleet, within: .seconds(60))
            try await room.serve(fleet)
            // What is known to be paused is visited only when a person wants it.
            for (place, row) in GridRow.all.enumerated() where row.stage == "PAUSED" {
                _ = try await room.monitor.resume("cell-\(place)")
            }
            try await eventually(within: .seconds(60), "every Space had its first visit") {
                await room.monitor.overview().work.pings >= 140
            }
            // Longer than a build is waited for: then the Hub says the same again, and a visitor comes again.
            clock.advance(SpaceVerdict.HubReading.buildGrace + .seconds(1))
            await watch.read(fleet)
            try await each(of: checks) { _ = try await room.monitor.ping($0.name) }

            for (place, row) in GridRow.all.enumerated() {
                let status = try await room.monitor.status(of: "cell-\(place)")
                let stage = row.stage == "unknown" ? "MELTING" : row.stage
                #expect(status.hubStatus?.stage?.rawValue == stage, "\(row.name): the Hub's word")
                #expect(status.state.verdict.name == row.verdict, "\(row.name): \(status.state.cause)")
                let seen = SpaceVerdict.cell(row.knownStage, try #require(row.behaviour)).cause == nil
                let visitors: Cause =
                    switch row.behaviour {
                    case .slow: .tooSlow
                    case .wrong: .status
                    case .inError: .spaceError
                    case .unreachable: .spacePlatformPage
                    default: .none
                    }
                // What says nothing for or against a Space leaves the belief, and its cause, as they were.
                let cause = row.behaviour == .throttled ? "none" : seen ? visitors.code : row.cause
                #expect(status.state.cause.code == cause, "\(row.name)")
                #expect((status.hubStatus?.disagreement != nil) == (row.sources == "disagree"), "\(row.name)")
                if row.sources == "disagree" { #expect(status.hubStatus?.disagreement == row.said) }
            }
            // One listing a reading tells of all of them, and one question where such Spaces answer.
            let paths = world.journal.entries.map(\.path)
            #expect(paths.count { $0 == "/api/spaces" } == 2)
            #expect(paths.count { $0.hasSuffix("/host") } == 1)
        }
    }

    /// A few at a time.
    private static func each<Item: Sendable>(
        of items: [Item], _ body: @escaping @Sendable (Item) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, item) in items.enumerated() {
                if number >= 16 { try await group.next() }
                group.addTask { try await body(item) }
            }
            try await group.waitForAll()
        }
    }
}
