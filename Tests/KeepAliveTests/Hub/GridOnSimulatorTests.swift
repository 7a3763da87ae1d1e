import HubSimulator
import NIOCore
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

/// Every cell of the grid made to happen: ten simulated Spaces whose visitors meet the ten behaviours, fourteen words of the Hub about
/// each, pinged and judged by the real engine.
@Suite(.serialized) struct GridOnSimulatorTests {
    private static let edge = EdgeRules(limit: .milliseconds(400))

    private static func blueprint(_ behaviour: SpaceVerdict.Behaviour) -> SpaceBlueprint {
        let id = "acme/\(behaviour.word.replacing(" ", with: "-"))"
        func space(
            _ stage: HubSimulator.SpaceStage = .running, app: SimulatedApp = .healthy, edge: EdgeRules = edge,
            visibility: SpaceBlueprint.Visibility = .public
        ) -> SpaceBlueprint {
            SpaceBlueprint(
                id, visibility: visibility, stage: stage,
                lifecycle: SpaceLifecycle(sleepAfter: nil, startTakes: .seconds(3_600), buildTakes: .seconds(3_600)),
                app: app, edge: edge)
        }
        var strict = edge
        strict.anonymousLimit = 0
        return switch behaviour {
        case .serves, .oldBuild: space()
        case .slow: space(app: .slow(.milliseconds(60) ... .milliseconds(80)))
        case .wrong: space(app: .failing)
        case .held: space(app: .dead)
        case .starting: space(.building)
        case .inError: space(.runtimeError)
        case .hidden: space(visibility: .private)
        case .throttled: space(edge: strict)
        case .unreachable: space(app: .portClosed)
        }
    }

    @Test func everyCell() async throws {
        #expect(GridRow.all.count == 140)
        try await withBoilerRoom { room in
            for behaviour in SpaceVerdict.Behaviour.allCases { try await room.simulated.add(Self.blueprint(behaviour)) }
            let addresses = Dictionary(uniqueKeysWithValues: room.simulated.spaces.map { ($0.id, $0.address) })
            let hub = room.boiler.hub
            hub.isWatched = true
            let now = Clocks.real.wall()
            var checks: [Check] = []
            // Retries off: what fails for good in two seconds is not asked again in this test.
            func policy(_ within: Duration?) -> CheckPolicy {
                CheckPolicy(
                    every: .seconds(3_600), timeout: .seconds(20), retry: [], recheck: .seconds(3_600),
                    expect: Expectation(within: within))
            }
            let (plain, strict) = (policy(nil), policy(.milliseconds(30)))
            for (place, row) in GridRow.all.enumerated() {
                let behaviour = try #require(row.behaviour)
                let simulated = Self.blueprint(behaviour).id
                let id = "acme/cell-\(place)"
                let facts = SpaceFacts(
                    id: id, stage: row.knownStage ?? SpaceStage(rawValue: "MELTING"),
                    runningSHA: behaviour == .oldBuild ? "old" : "new", repoSHA: "new")
                // The Hub has said so for an hour, and says so after the trouble began.
                _ = hub.take([facts], of: nil, now: now - .seconds(3_600))
                _ = hub.take([facts], of: nil, now: now + .seconds(120))
                checks.append(
                    Check(
                        name: "cell-\(place)", address: try #require(addresses[simulated]) + "/health", space: id,
                        policy: behaviour == .slow ? strict : plain))
            }
            try await room.boiler.replace(with: Fleet(checks: checks, serve: .quiet))
            try await eventually(within: .seconds(60)) { await room.boiler.overview().work.pings >= 140 }
            for (place, row) in GridRow.all.enumerated() {
                let status = try await room.boiler.status(of: "cell-\(place)")
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
                #expect((status.sight?.disagreement != nil) == (row.sources == "disagree"), "\(row.name)")
                if row.sources == "disagree" { #expect(status.sight?.disagreement == row.said) }
            }
        }
    }
}
