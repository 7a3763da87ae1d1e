import Foundation
import HubClient
import HubSimulator
import StokerCore
import Testing

@testable import Deployment

@Suite struct ApplierTests {
    private static let readme = "---\ntitle: App\nsdk: docker\n---\n"
    static let secretValue = "s3cr3t-value-of-the-test"

    static func space(_ world: ApplyWorld, _ name: String = "maren/app") async throws -> RepoID {
        var wishes = SpaceWishes()
        wishes.variables = [.init(key: "OLD", value: "1"), .init(key: "LEVEL", value: "info")]
        wishes.secrets = [.init(key: "GONE", value: "x"), .init(key: "KEPT", value: "y")]
        _ = try await world.world.add(
            SceneSpace(
                name,
                files: [
                    "README.md": readme, "Dockerfile": "FROM scratch\n", "app.py": "print(1)\n", "old.txt": "old\n",
                ],
                wishes: wishes))
        try await world.settle()
        world.world.journal.clear()
        world.world.journal.keepBodies(upTo: 65_536)
        return try RepoID.space(name)
    }

    /// Everything that can be changed, in about `count + 13` steps.
    static func everything(_ count: Int, secret: String = secretValue) async throws -> (
        changes: [PlannedChange], inputs: ApplyInputs
    ) {
        var changes: [PlannedChange] = [
            .visibility(from: .public, to: .private), .hardware(from: "cpu-basic", to: "cpu-upgrade"),
            .sleepTime(from: 172_800, to: 3_600),
            .variable(key: "OLD", from: "1", to: nil), .variable(key: "LEVEL", from: "info", to: "debug"),
            .secret(key: "GONE", .remove), .secret(key: "KEPT", .replaceUnknown),
            .volumes(from: [], to: [SpaceVolume(type: "model", source: "maren/weights", mountPath: "/weights")]),
        ]
        var inputs = ApplyInputs(secrets: ["KEPT": Secret(secret)])
        for number in 0..<count {
            if number % 2 == 0 {
                changes.append(.variable(key: "V\(number)", from: nil, to: "value \(number)"))
            } else {
                changes.append(.secret(key: "S\(number)", .add))
                inputs.secrets["S\(number)"] = Secret("\(secret)-\(number)")
            }
        }
        changes.append(
            .files(
                FileChanges(files: [
                    .init(.change, "app.py", sizeAfter: 9, content: try await ApplyWorld.content("print(2)\n")),
                    .init(.add, "data/new.txt", sizeAfter: 4, content: try await ApplyWorld.content("new\n")),
                    .init(.delete, "old.txt"),
                ])))
        inputs.files = ["app.py": ApplyWorld.text("print(2)\n"), "data/new.txt": ApplyWorld.text("new\n")]
        return (changes, inputs)
    }

    /// What is there, without times and commits.
    static func end(_ world: ApplyWorld, _ space: RepoID) async throws -> String {
        try await world.settle()
        let seen = try await world.hub.observe(space)
        let files = try await world.hub.tree(of: space).all().filter { $0.kind == .file }.map { "\($0.path) \($0.oid)" }
        return """
            \(seen.visibility?.rawValue ?? "") \(seen.hardware ?? "") \(seen.sleepSeconds ?? 0) \(seen.runtime?.stage.rawValue ?? "")
            \(seen.variables.sorted { $0.key < $1.key }) \(seen.secrets.keys.sorted()) \(seen.volumes.map(\.notation))
            \(files.sorted().joined(separator: " "))
            """
    }

    @Test func allOfASpaceIsChangedWithOneRestart() async throws {
        try await ApplyWorld.with { world in
            let space = try await Self.space(world)
            let hosted = try #require(world.world.spaces.space("maren/app"))
            let restarts = hosted.restarts
            let (changes, inputs) = try await Self.everything(4)
            let plan = try await world.plan(space, changes)
            let applied = try await world.applier().apply(plan, inputs)
            #expect(applied.hasCommitted && applied.wasServing && !applied.isPaused)
            try await world.settle()
            #expect(hosted.restarts == restarts + 1)
            let seen = try await world.hub.observe(space)
            #expect(
                seen.runtime?.stage == .running && seen.runtime?.sha == applied.commit && seen.head == applied.commit)
            #expect(seen.variables == ["LEVEL": "debug", "V0": "value 0", "V2": "value 2"])
            #expect(seen.secrets.keys.sorted() == ["KEPT", "S1", "S3"])
            #expect(seen.visibility == .private && seen.hardware == "cpu-upgrade" && seen.sleepSeconds == 3_600)
            #expect(seen.volumes.map(\.mountPath) == ["/weights"])
            #expect(try await world.hub.text(of: "app.py", in: space) == "print(2)\n")
            let paths = try await world.hub.tree(of: space).all().map(\.path)
            #expect(paths.contains("data/new.txt") && !paths.contains("old.txt"))
            // Given again it finds all of it done.
            let before = world.effects
            let again = try await world.applier().apply(plan, inputs)
            #expect(again.steps.isEmpty && again.commit == applied.commit && world.effects == before)
        }
    }

    @Test func oneChangeNeedsNoPause() async throws {
        try await ApplyWorld.with { world in
            let space = try await Self.space(world)
            let plan = try await world.plan(space, [.variable(key: "LEVEL", from: "info", to: "debug")])
            let applied = try await world.applier().apply(plan, ApplyInputs())
            #expect(applied.steps == ["write variable LEVEL"] && !applied.hasCommitted)
            #expect(applied.commit == plan.fingerprint.parts["commit"])
        }
    }

    @Test func whatItsOwnerPausedStaysPaused() async throws {
        try await ApplyWorld.with { world in
            let space = try await Self.space(world)
            _ = try await world.hub.pause(space)
            let (changes, inputs) = try await Self.everything(2)
            let applied = try await world.applier().apply(try await world.plan(space, changes), inputs)
            #expect(applied.isPaused && applied.hasCommitted && !applied.steps.contains("restart"))
            #expect(try await world.hub.runtime(of: space).stage == .paused)
        }
    }

    @Test func aNewSpaceIsMadeWithAllItsSettings() async throws {
        try await ApplyWorld.with { world in
            let space = try RepoID.space("maren/new")
            world.world.journal.keepBodies(upTo: 65_536)
            let inputs = ApplyInputs(
                secrets: ["KEY": Secret(Self.secretValue)],
                files: ["README.md": ApplyWorld.text(Self.readme), "Dockerfile": ApplyWorld.text("FROM scratch\n")])
            let plan = try await world.plan(
                space,
                [
                    .create(sdk: "docker", visibility: .private, hardware: nil, sleepSeconds: nil),
                    .variable(key: "LEVEL", from: nil, to: "info"), .secret(key: "KEY", .add),
                    .files(
                        FileChanges(files: [
                            .init(
                                .add, "README.md", sizeAfter: Int64(Self.readme.utf8.count),
                                content: try await ApplyWorld.content(Self.readme)),
                            .init(
                                .add, "Dockerfile", sizeAfter: 13,
                                content: try await ApplyWorld.content("FROM scratch\n")),
                        ])),
                ])
            let applied = try await world.applier().apply(plan, inputs)
            #expect(applied.steps == ["create", "note", "files"])
            try await world.settle()
            let seen = try await world.hub.observe(space)
            #expect(seen.runtime?.stage == .running && seen.runtime?.sha == applied.commit)
            #expect(seen.variables == ["LEVEL": "info"] && seen.visibility == .private)
            let prints = try await world.memory.prints()
            #expect(
                prints.comparison(
                    of: "KEY", value: Secret(Self.secretValue), in: space, updatedAt: seen.secrets["KEY"]) == .unchanged
            )
            #expect(world.effects.count == 2)
        }
    }

    // MARK: Answered well and not done

    @Test(arguments: ["secrets", "variables", "volumes", "hardware", "sleeptime"])
    func whatTheHubTookAndDoesNotHaveIsDoneAgain(_ verb: String) async throws {
        try await ApplyWorld.with { world in
            let space = try await Self.space(world)
            let clean = try await Self.space(world, "maren/clean")
            let (changes, inputs) = try await Self.everything(4)
            _ = try await world.applier().apply(try await world.plan(clean, changes), inputs)
            let wanted = try await Self.end(world, clean)
            let plan = try await world.plan(space, changes)
            world.world.faults.add(
                Fault(
                    .empty, method: verb == "volumes" ? "PUT" : "POST", path: "/api/spaces/maren/app/\(verb)",
                    account: "maren"))
            var failures: [Failure] = []
            for _ in 0..<3 {
                do {
                    _ = try await world.applier().apply(plan, inputs)
                    break
                } catch {
                    failures.append(try #require(error as? Failure ?? (error as? HubFailure)?.failure))
                }
            }
            #expect(
                failures.count <= 1
                    && failures.allSatisfy {
                        $0.hint?.contains("the same command") == true || $0.code == .hubUnreadable
                    }, "\(failures)")
            #expect(try await Self.end(world, space) == wanted, "\(failures)")
            // What was sent is known.
            let seen = try await world.hub.observe(space)
            let prints = try await world.memory.prints()
            #expect(
                prints.comparison(
                    of: "S1", value: try #require(inputs.secrets["S1"]), in: space, updatedAt: seen.secrets["S1"])
                    == .unchanged)
        }
    }

    // MARK: Killed

    /// Killed before and behind its notes, and run again: the end is that of a run that was not killed, and nothing is done twice. Every third
    /// note, another third behind than before; with `STOKER_APPLY_KILLS=all` each.
    @Test(arguments: [false, true]) func killedAnywhereItEndsTheSame(behind: Bool) async throws {
        try await ApplyWorld.with { world in
            let (changes, inputs) = try await Self.everything(28)
            let clean = try await Self.space(world, "maren/clean")
            let applied = try await world.applier().apply(try await world.plan(clean, changes), inputs)
            #expect(applied.steps.count == 40)
            let wanted = try await Self.end(world, clean)
            let once = world.effects.reduce(into: [:]) { $0[$1.key.replacing("maren/clean", with: "")] = $1.value }
            #expect(once.values.allSatisfy { $0 == 1 })

            let step = ProcessInfo.processInfo.environment["STOKER_APPLY_KILLS"] == "all" ? 1 : 3
            var number = step > 1 && behind ? 2 : 1
            while true {
                let name = "maren/killed-\(number)"
                let space = try await Self.space(world, name)
                let hosted = try #require(world.world.spaces.space(name))
                let restarts = hosted.restarts
                let plan = try await world.plan(space, changes)
                let memory = FakeMemory(kill: behind ? .behind(number) : .before(number))
                let first = Task { try await world.applier(memory).apply(plan, inputs) }
                guard case .failure = await first.result else { break }
                #expect(memory.wasKilled)
                _ = try await world.applier(memory.again()).apply(plan, inputs)
                #expect(try await Self.end(world, space) == wanted, "killed at \(number)")
                let made = world.effects.reduce(into: [:]) { $0[$1.key.replacing(name, with: "")] = $1.value }
                #expect(made == once, "killed at \(number)")
                #expect(hosted.restarts == restarts + 1, "killed at \(number)")
                number += step
            }
            // One for each step and one for the end; the hashes of secrets are another.
            #expect((43..<43 + step).contains(number))
        }
    }
}
