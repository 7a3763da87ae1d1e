import Foundation
import Glibc
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// `stoker plan`, `apply`, `rollback` and `destroy` as a person uses them, against a simulated Hub.
    @Suite(.timeLimit(.minutes(3))) struct ApplyCommandTests {
        private static let secret = "hunter2-of-the-apply-test"
        private static let fleet = """
            version: 1
            rollout: { canary: 1, within: 60s, on_failure: rollback }
            spaces:
              maren/backend:
                deploy:
                  from: ./backend
                  sdk: docker
                  visibility: public
                  variables: { LOG_LEVEL: info }
                  secrets: [API_KEY]
            """

        private static func write(_ hub: HubScratch, app: String = "print(1)\n", fleet: String = fleet) throws {
            try FileManager.default.createDirectory(
                atPath: hub.scratch.path + "/backend", withIntermediateDirectories: true)
            try hub.scratch.write(fleet, to: "fleet.yaml")
            try hub.scratch.write("---\ntitle: Backend\nsdk: docker\n---\n", to: "backend/README.md")
            try hub.scratch.write("FROM scratch\nCOPY . .\n", to: "backend/Dockerfile")
            try hub.scratch.write(app, to: "backend/app.py")
        }

        private static func run(_ hub: HubScratch, _ arguments: String..., exit: Int32 = 0) async throws
            -> StokerProcess
        {
            let child = try await hub.scratch.run(
                Binary.path, arguments, environment: hub.environment(HubScratch.token, ["API_KEY": secret]),
                within: .seconds(90))
            #expect(child.exit == .code(exit), "\(arguments): \(child.tail)")
            #expect(!child.output.contains(secret) && !child.tail.contains(secret), "\(arguments)")
            return child
        }

        private static func text(_ hub: HubScratch, _ path: String) async throws -> String {
            try await HTTP.call(hub.endpoint + "/spaces/maren/backend/resolve/main/\(path)").body
        }

        @Test func fromNothingToARunningSpaceAndOn() async throws {
            try await HubScratch.with("apply", scene: "empty", speed: 60) { hub in
                try Self.write(hub)
                // Nobody is there to ask.
                let unasked = try await Self.run(hub, "apply", exit: 2)
                #expect(unasked.tail.contains("--yes"))

                let first = try await Self.run(hub, "apply", "--yes")
                #expect(first.output.contains("maren/backend: done"))
                let state = try await hub.state("maren/backend")
                #expect(state.stage.string == "RUNNING")
                #expect(try await Self.run(hub, "apply", "--yes").output.contains("Nothing to do"))
                _ = try await Self.run(hub, "plan", "--detailed-exitcode")

                // What somebody changes behind a plan is seen.
                try Self.write(hub, app: "print(2)\n")
                _ = try await Self.run(hub, "plan", "--out", "plan.json")
                _ = try await Self.run(hub, "space", "variables", "add", "maren/backend", "-e", "MINE=1")
                let stale = try await Self.run(hub, "apply", "plan.json", exit: 3)
                #expect(stale.tail.contains("its variables"))
                _ = try await Self.run(hub, "space", "variables", "delete", "maren/backend", "MINE", "--yes")

                // A bad release goes back and says why.
                try await hub.admin("spaces/maren/backend/fate", #"{"next": ["build-error"]}"#)
                let bad = try await Self.run(hub, "apply", "--yes", exit: 1)
                #expect(bad.output.contains("maren/backend: rolled-back"))
                #expect(bad.output.contains("The last lines of its log"))
                #expect(try await Self.text(hub, "app.py") == "print(1)\n")
                #expect(try await hub.state("maren/backend").stage.string == "RUNNING")

                // The same release, when it builds.
                let good = try await Self.run(hub, "apply", "--yes")
                #expect(good.output.contains("maren/backend: done"))
                #expect(try await Self.text(hub, "app.py") == "print(2)\n")

                // Back by hand.
                let back = try await Self.run(hub, "rollback", "maren/backend", "--yes")
                #expect(back.output.contains("by the new commit"))
                #expect(try await Self.text(hub, "app.py") == "print(1)\n")

                // Secrets are not removed in passing.
                try Self.write(
                    hub, app: "print(1)\n", fleet: Self.fleet.replacingOccurrences(of: "secrets: [API_KEY]", with: ""))
                let lossy = try await Self.run(hub, "apply", "--yes", exit: 2)
                #expect(lossy.tail.contains("removes the secret API_KEY"))
                #expect(lossy.tail.contains("--allow-destroy"))
                _ = try await Self.run(hub, "apply", "--yes", "--allow-destroy", "backend")

                // One that leaves the file stays, and is told of.
                try Self.write(
                    hub, fleet: Self.fleet.replacingOccurrences(of: "maren/backend", with: "maren/other"))
                let left = try await Self.run(hub, "plan")
                #expect(
                    left.output.contains("maren/backend: was deployed, and the fleet file does not name it any more"))
                try Self.write(hub)

                _ = try await Self.run(hub, "destroy", "maren/backend", exit: 2)
                let gone = try await Self.run(hub, "destroy", "maren/backend", "--yes")
                #expect(gone.output.contains("is deleted"))
                try Self.checkLedger(hub)
            }
        }

        // MARK: In its midst

        private static let many = (1...6).map { "V\($0)" }
        private static let manyFleet = """
            version: 1
            rollout: { within: 60s }
            spaces:
              maren/orbit-api:
                deploy: { variables: { \(many.map { "\($0): new" }.joined(separator: ", ")) } }
            """

        /// An apply whose fourth variable gets no answer until the faults are cleared.
        private static func held(_ hub: HubScratch) async throws -> StokerProcess {
            try hub.scratch.write(manyFleet, to: "fleet.yaml")
            try await hub.admin(
                "faults", #"{"kind": "held", "method": "POST", "path": "/api/spaces/*/*/variables", "skip": 3}"#)
            let child = try hub.scratch.start(
                Binary.path, ["apply", "--yes"], environment: hub.environment(), name: "apply")
            try await Wait.until("the held request") {
                try await HTTP.call(hub.endpoint + "/-/admin/faults").json.array.contains { $0.met.int == 1 }
            }
            return child
        }

        /// The same command does the rest, and what was done is not done again.
        private static func checkRest(_ hub: HubScratch, restarts: Int) async throws {
            let rest = try await run(hub, "apply", "--yes")
            #expect(rest.output.contains("maren/orbit-api: done"))
            let state = try await hub.state("maren/orbit-api")
            #expect(state.stage.string == "RUNNING")
            #expect(Set(many).isSubset(of: state.variables.keys), "\(state.variables.keys)")
            #expect((state.restarts.int ?? 0) <= restarts + 2)
            #expect(try await run(hub, "apply", "--yes").output.contains("Nothing to do"))
            _ = try await run(hub, "plan", "--detailed-exitcode")
            let posts = try await HTTP.call(hub.endpoint + "/-/admin/journal").json.array.filter {
                $0.method.string == "POST" && $0.path.string?.hasSuffix("/variables") == true && $0.status.int == 200
            }
            // The one that was held reached the Hub once or not at all.
            #expect((many.count...many.count + 1).contains(posts.count), "\(posts.count)")
        }

        @Test func interruptedItRestartsTheSpaceAndGoesOnLater() async throws {
            try await HubScratch.with("apply-sigint", speed: 60) { hub in
                let before = try await hub.state("maren/orbit-api").restarts.int ?? 0
                let child = try await Self.held(hub)
                #expect(try await hub.state("maren/orbit-api").runtime.stage.string == "PAUSED")
                child.send(SIGINT)
                try await Wait.until("the word about it") { child.errors.contains("A second Ctrl-C leaves at once") }
                _ = try await HTTP.call(hub.endpoint + "/-/admin/faults", method: .DELETE)
                #expect(try await child.waitForExit(within: .seconds(30)) == .code(130), "\(child.tail)")
                #expect(child.errors.contains("the same command does the rest"), "\(child.tail)")
                try await Wait.until("it runs again") {
                    try await hub.state("maren/orbit-api").runtime.stage.string != "PAUSED"
                }
                try await Self.checkRest(hub, restarts: before)
            }
        }

        @Test func killedItGoesOnWhereItStopped() async throws {
            try await HubScratch.with("apply-sigkill", speed: 60) { hub in
                let before = try await hub.state("maren/orbit-api").restarts.int ?? 0
                let child = try await Self.held(hub)
                child.send(SIGKILL)
                _ = try await child.waitForExit()
                _ = try await HTTP.call(hub.endpoint + "/-/admin/faults", method: .DELETE)
                #expect(try await hub.state("maren/orbit-api").runtime.stage.string == "PAUSED")
                try await Self.checkRest(hub, restarts: before)
                let deploys = try await Self.run(hub, "space", "runtime", "maren/orbit-api", "--json")
                #expect(deploys.output.contains("RUNNING"))
            }
        }

        /// Values are nowhere on the disk but where the person put them.
        private static func checkLedger(_ hub: HubScratch) throws {
            let folder = hub.scratch.path + "/data"
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let data = FileManager.default.contents(atPath: folder + "/" + name) ?? Data()
                #expect(data.range(of: Data(secret.utf8)) == nil, "\(name)")
            }
        }
    }
}
