import Foundation
import HubClient
import HubSimulator
import NIOCore
import StokerCore
import Testing

@testable import Deployment

/// What anybody changes between a plan and its apply makes the plan refused, with what was changed and by whom.
@Suite struct RefusalTests {
    enum Foreign: String, CaseIterable, Sendable {
        case file, deletedFile = "deleted file", variable, newVariable = "new variable", deletedVariable =
            "deleted variable"
        case secret, newSecret = "new secret", deletedSecret = "deleted secret"
        case hardware, sleep, volumes, visibility, deletion

        /// What the refusal has to say.
        var words: String {
            switch self {
            case .file, .deletedFile: "its files, by commit"
            case .variable: "LEVEL is another now"
            case .newVariable, .deletedVariable: "its variables"
            case .secret, .newSecret, .deletedSecret: "its secrets"
            case .hardware: "its hardware (cpu-upgrade now)"
            case .sleep: "its sleep time (3600 s now)"
            case .volumes: "its volumes (/weights now)"
            case .visibility: "who sees it (private now)"
            case .deletion: "it was deleted"
            }
        }

        func happen(to space: RepoID, _ hub: Hub) async throws {
            switch self {
            case .file:
                var options = UploadOptions(summary: "Edit by hand")
                options.description = "by somebody"
                _ = try await hub.commit(
                    [.add(path: "notes.txt", ApplyWorld.text("mine"))], to: space, options: options)
            case .deletedFile: _ = try await hub.commit([.delete(path: "old.txt")], to: space)
            case .variable: try await hub.set(.variable, "LEVEL", to: Secret("trace"), of: space)
            case .newVariable: try await hub.set(.variable, "MINE", to: Secret("1"), of: space)
            case .deletedVariable: try await hub.delete(.variable, "OLD", of: space)
            case .secret: try await hub.set(.secret, "KEPT", to: Secret("other-value-of-somebody"), of: space)
            case .newSecret: try await hub.set(.secret, "MINE", to: Secret("other-value-of-somebody"), of: space)
            case .deletedSecret: try await hub.delete(.secret, "GONE", of: space)
            case .hardware: _ = try await hub.requestHardware(of: space, flavor: "cpu-upgrade")
            case .sleep: _ = try await hub.setSleepTime(of: space, seconds: 3_600)
            case .volumes:
                _ = try await hub.changeVolumes(
                    of: space, [.mount(SpaceVolume(type: "model", source: "maren/weights", mountPath: "/weights"))])
            case .visibility: try await hub.change(space, RepoSettings(visibility: .private))
            case .deletion: _ = try await hub.delete(space)
            }
        }
    }

    /// On hardware whose sleep time can be chosen, unless that is what is changed.
    private static func space(_ world: ApplyWorld, _ foreign: Foreign) async throws -> RepoID {
        var wishes = SpaceWishes()
        wishes.variables = [.init(key: "OLD", value: "1"), .init(key: "LEVEL", value: "info")]
        wishes.secrets = [.init(key: "GONE", value: "x"), .init(key: "KEPT", value: "y")]
        if foreign == .sleep { wishes.hardware = "t4-small" }
        let name = "maren/\(foreign.rawValue.replacing(" ", with: "-"))"
        _ = try await world.world.add(
            SceneSpace(
                name,
                files: [
                    "README.md": "---\ntitle: App\nsdk: docker\n---\n", "Dockerfile": "FROM scratch\n",
                    "old.txt": "old\n",
                ], wishes: wishes))
        try await world.settle()
        return try RepoID.space(name)
    }

    private static let changes: [PlannedChange] = [
        .variable(key: "LEVEL", from: "info", to: "debug"), .secret(key: "KEPT", .replaceUnknown),
    ]
    private static let inputs = ApplyInputs(secrets: ["KEPT": Secret("value-of-the-plan")])

    @Test func everyChangeSinceThePlanIsRefused() async throws {
        try await ApplyWorld.with { world in
            for foreign in Foreign.allCases {
                let space = try await Self.space(world, foreign)
                let plan = try await world.plan(space, Self.changes)
                // The Hub's times have milliseconds.
                try await Task.sleep(for: .milliseconds(3))
                try await foreign.happen(to: space, world.hub)
                try await world.settle()
                world.world.journal.clear()
                let failure = await #expect(throws: Failure.self, "\(foreign)") {
                    _ = try await world.applier().apply(plan, Self.inputs)
                }
                #expect(
                    failure?.code == .conflict && failure?.because.contains(foreign.words) == true,
                    "\(foreign): \(String(describing: failure))")
                if foreign == .file {
                    #expect(failure?.because.contains("\"Edit by hand\" of maren") == true)
                }
                #expect(failure?.because.contains("value-of") == false)
                #expect(world.effects.isEmpty, "\(foreign)")
                #expect(try await world.memory.progress(of: space) == nil)
            }
        }
    }

    /// The same while a killed apply waits to be gone on with.
    @Test func whatOthersChangedBehindAKillIsRefused() async throws {
        try await ApplyWorld.with { world in
            for foreign in [Foreign.variable, .newVariable, .newSecret, .file, .hardware, .visibility] {
                let space = try await Self.space(world, foreign)
                let plan = try await world.plan(space, Self.changes)
                // Pause, one write, and what is behind it is not noted.
                let memory = FakeMemory(kill: .before(3))
                let first = Task { try await world.applier(memory).apply(plan, Self.inputs) }
                _ = await first.result
                #expect(memory.wasKilled)
                try await foreign.happen(to: space, world.hub)
                let failure = await #expect(throws: Failure.self, "\(foreign)") {
                    _ = try await world.applier(memory.again()).apply(plan, Self.inputs)
                }
                #expect(failure?.code == .conflict, "\(foreign): \(String(describing: failure))")
            }
        }
    }

    @Test func otherContentsThanPlannedAreNotSent() async throws {
        try await ApplyWorld.with { world in
            let space = try await Self.space(world, .file)
            let plan = try await world.plan(
                space,
                [
                    .files(
                        FileChanges(files: [
                            .init(.add, "app.py", sizeAfter: 9, content: try await ApplyWorld.content("print(2)\n"))
                        ]))
                ])
            world.world.journal.clear()
            let other = await #expect(throws: Failure.self) {
                _ = try await world.applier().apply(
                    plan, ApplyInputs(files: ["app.py": ApplyWorld.text("print(3)\n")]))
            }
            #expect(other?.because == "app.py is not what the plan was made of")
            let gone = await #expect(throws: Failure.self) { _ = try await world.applier().apply(plan, ApplyInputs()) }
            #expect(gone?.because == "app.py is not there any more")
            #expect(world.effects.isEmpty)
        }
    }
}
