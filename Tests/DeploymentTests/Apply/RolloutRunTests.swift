import Foundation
import HubClient
import HubSimulator
import StokerCore
import Synchronization
import Testing

@testable import Deployment

@Suite struct RolloutRunTests {
    private static func fleet(_ world: ApplyWorld, _ count: Int) async throws -> ([SpacePlan], ApplyInputs) {
        var plans: [SpacePlan] = []
        let content = try await ApplyWorld.content("print(2)\n")
        for number in 1...count {
            let name = "maren/app-\(number)"
            _ = try await world.world.add(
                SceneSpace(
                    name,
                    files: [
                        "README.md": "---\ntitle: App\nsdk: docker\n---\n", "Dockerfile": "FROM scratch\n",
                        "app.py": "print(1)\n",
                    ]))
        }
        try await world.settle()
        for number in 1...count {
            plans.append(
                try await world.plan(
                    try RepoID.space("maren/app-\(number)"),
                    [.files(FileChanges(files: [.init(.change, "app.py", sizeAfter: 9, content: content)]))]))
        }
        return (plans, ApplyInputs(files: ["app.py": ApplyWorld.text("print(2)\n")]))
    }

    /// As the real one, by what the simulator's runtime says.
    private static func gate(_ world: ApplyWorld) -> @Sendable (SpacePlan, String?) async -> RolloutRun.GateResult {
        { plan, commit in
            try? await world.settle()
            let runtime = try? await world.hub.runtime(of: plan.space)
            let isGood = runtime?.stage == .running && runtime?.sha == commit
            return .init(isGood: isGood, sentence: isGood ? "it runs" : "stage \(runtime?.stage.rawValue ?? "unknown")")
        }
    }

    @Test func aGoodReleaseGoesThroughAllWaves() async throws {
        try await ApplyWorld.with { world in
            let (plans, inputs) = try await Self.fleet(world, 6)
            let waves = Mutex<[Int]>([])
            let run = RolloutRun(
                applier: world.applier(), rollout: Rollout(), gate: Self.gate(world),
                tell: { news in if case .wave(_, _, let spaces) = news { waves.withLock { $0.append(spaces.count) } } })
            let outcomes = await run.run(plans) { _ in inputs }
            #expect(outcomes.allSatisfy { $0.state == .done } && outcomes.count == 6)
            #expect(waves.withLock { $0 } == [1, 2, 2, 1])
            for outcome in outcomes {
                #expect(try await world.memory.lastGood(outcome.space) == outcome.commit)
                #expect(try await world.memory.progress(of: outcome.space)?.isProven == true)
            }
        }
    }

    /// In a fleet of 20 a bad release is stopped with waves untouched; those that it reached go back when that is wanted.
    @Test(arguments: [Rollout.OnFailure.stop, .rollback], [SpaceFate.badBuild, .badExit])
    func aBadReleaseStopsAtTheCanary(_ onFailure: Rollout.OnFailure, _ fate: SpaceFate) async throws {
        try await ApplyWorld.with { world in
            let (plans, inputs) = try await Self.fleet(world, 20)
            for plan in plans { world.world.spaces.space("\(plan.space)")?.meet([fate]) }
            var rollout = Rollout()
            rollout.onFailure = onFailure
            let run = RolloutRun(applier: world.applier(), rollout: rollout, gate: Self.gate(world))
            let outcomes = await run.run(plans) { _ in inputs }
            #expect(outcomes[0].state == (onFailure == .rollback ? .rolledBack : .ill), "\(outcomes[0])")
            #expect(outcomes.dropFirst().allSatisfy { $0.state == .untouched })
            for plan in plans.dropFirst() {
                #expect(
                    try await world.hub.info(of: plan.space, expand: ["sha"]).sha == plan.fingerprint.parts["commit"])
            }
            let text = try await world.hub.text(of: "app.py", in: plans[0].space)
            #expect(text == (onFailure == .rollback ? "print(1)\n" : "print(2)\n"))
            if onFailure == .rollback {
                // The next container is well again.
                #expect(try await world.hub.runtime(of: plans[0].space).stage == .running)
                #expect(outcomes[0].sentence.contains("it has the files of"))
            }
        }
    }

    @Test func aSpaceThatFailsInAWaveStopsTheOnesBehind() async throws {
        try await ApplyWorld.with { world in
            let (plans, inputs) = try await Self.fleet(world, 8)
            world.world.spaces.space("maren/app-3")?.meet([.badExit])
            let run = RolloutRun(applier: world.applier(), rollout: Rollout(), gate: Self.gate(world))
            let outcomes = await run.run(plans) { _ in inputs }
            #expect(outcomes.map(\.state) == [.done, .done, .ill] + Array(repeating: .untouched, count: 5))
        }
    }

    @Test func oneThatWasChangedKeepsAllFromBeginning() async throws {
        try await ApplyWorld.with { world in
            let (plans, inputs) = try await Self.fleet(world, 3)
            try await world.hub.set(.variable, "MINE", to: Secret("1"), of: plans[2].space)
            try await world.settle()
            world.world.journal.clear()
            let run = RolloutRun(applier: world.applier(), rollout: Rollout(), gate: Self.gate(world))
            let failure = await #expect(throws: Failure.self) { try await run.check(plans) { _ in inputs } }
            #expect(failure?.code == .conflict && failure?.because.contains("its variables") == true)
            #expect(world.effects.isEmpty)
        }
    }

    @Test func calledOffNothingFurtherBegins() async throws {
        try await ApplyWorld.with { world in
            let (plans, inputs) = try await Self.fleet(world, 3)
            let stops = Mutex(false)
            let gate = Self.gate(world)
            let run = RolloutRun(
                applier: world.applier(), rollout: Rollout(), goesOn: { !stops.withLock { $0 } },
                gate: { plan, commit in
                    stops.withLock { $0 = true }
                    return await gate(plan, commit)
                })
            let outcomes = await run.run(plans) { _ in inputs }
            #expect(outcomes.map(\.state) == [.done, .untouched, .untouched])
        }
    }

    // MARK: The way back

    @Test func filesOfAnEarlierCommitComeBack() async throws {
        try await ApplyWorld.with { world in
            let (plans, _) = try await Self.fleet(world, 1)
            let space = plans[0].space
            let large = String(repeating: "large ", count: 2_000_000)
            var options = UploadOptions(summary: "A model")
            options.stateFolder = NSTemporaryDirectory() + "apply-tests-\(UInt64.random(in: 0 ... .max))"
            let first = try await world.hub.commit(
                [.add(path: "model.bin", ApplyWorld.text(large)), .add(path: "a/b.txt", ApplyWorld.text("b\n"))],
                to: space, options: options
            ).commit
            let wanted = try await Self.contents(world, space)
            _ = try await world.hub.commit(
                [
                    .delete(path: "model.bin"), .delete(path: "a/b.txt"),
                    .add(path: "app.py", ApplyWorld.text("print(9)\n")),
                    .add(path: "new.txt", ApplyWorld.text("new\n")),
                ], to: space)
            let restore = try await FileRestore(of: space, to: first, hub: world.hub)
            #expect(restore.files.map(\.path) == ["a/b.txt", "app.py", "model.bin", "new.txt"])
            #expect(restore.files.map(\.kind) == [.add, .change, .add, .delete])
            let head = try await restore.run(world.hub)
            #expect(try await Self.contents(world, space) == wanted)
            // Nothing is left to do, and the history is whole.
            let again = try await FileRestore(of: space, to: first, hub: world.hub)
            #expect(again.files.isEmpty)
            #expect(try await again.run(world.hub) == head)
            #expect(try await world.hub.history(of: space).all().map(\.id).contains(first))
        }
    }

    private static func contents(_ world: ApplyWorld, _ space: RepoID) async throws -> [String] {
        try await world.hub.tree(of: space).all().filter { $0.kind == .file }
            .map { "\($0.path) \($0.content?.description ?? "")" }.sorted()
    }
}
