import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `examples/autocoder`: four Spaces by one command on a simulated Hub, and the fleet files that they run.
    @Suite(.timeLimit(.minutes(6))) struct AutocoderTests {
        private static let names = [
            "autocoder-analysis-worker", "autocoder-test-planning-worker", "autocoder-implementation-worker",
            "autocoder-dashboard",
        ]
        private static let example = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../examples/autocoder").standardized.path

        private static func copy(to hub: HubScratch) throws {
            for name in try FileManager.default.contentsOfDirectory(atPath: example) {
                try FileManager.default.copyItem(
                    atPath: "\(example)/\(name)", toPath: "\(hub.scratch.path)/\(name)")
            }
        }

        private static func run(
            _ hub: HubScratch, _ arguments: [String], token: String = HubScratch.token, user: String = "maren",
            exit: Int32 = 0
        ) async throws -> StokerProcess {
            let child = try await hub.scratch.run(
                Binary.path, arguments,
                environment: hub.environment(
                    token,
                    [
                        "HF_USERNAME": user, "AUTOCODER_REPOSITORY": "https://github.com/acme/app",
                        "XDG_CACHE_HOME": hub.scratch.path + "/cache", "XZ_OPT": "-0",
                    ]), within: .seconds(300))
            #expect(child.exit == .code(exit), "\(arguments): \(child.tail)")
            return child
        }

        @Test func fourSpacesByOneCommand() async throws {
            try await HubScratch.with("autocoder", scene: "empty", speed: 60) { hub in
                try Self.copy(to: hub)
                // An account without a plan is told before anything is made.
                let free = try await hub.scratch.run(
                    Binary.path, ["apply", "--yes"],
                    environment: hub.environment(
                        "hf_tobi",
                        ["HF_USERNAME": "tobi", "XDG_CACHE_HOME": hub.scratch.path + "/cache", "XZ_OPT": "-0"]),
                    within: .seconds(300))
                #expect(free.exit != .code(0) && free.tail.contains("402"), "\(free.tail)")
                for name in Self.names {
                    #expect(try await HTTP.call(hub.endpoint + "/api/spaces/tobi/\(name)").status == 401)
                }

                let applied = try await Self.run(hub, ["apply", "--yes"])
                for name in Self.names {
                    #expect(applied.output.contains("\(name): done"), "\(applied.output)")
                    #expect(try await hub.state("maren/\(name)").stage.string == "RUNNING")
                }
                let secrets = try await hub.json("space", "secrets", "list", "maren/autocoder-analysis-worker")
                #expect("\(secrets)".contains("HF_TOKEN") && "\(secrets)".contains("HF_USERNAME"), "\(secrets)")
                #expect(try await Self.run(hub, ["apply", "--yes"]).output.contains("Nothing to do"))

                // The cheaper choice, with the same packed program.
                let one = try await Self.run(hub, ["apply", "--yes", "--fleet", "all-in-one.yaml"])
                #expect(one.output.contains("maren/autocoder: done") || one.output.contains("autocoder: done"))
                #expect(try await hub.state("maren/autocoder").stage.string == "RUNNING")
            }
        }

        private static let token = "the-token-of-the-dashboard"

        /// What a Space of the example does, done here: its workers fill the datasets that the guide names.
        @Test func theWorkersOfTheExampleFillTheirDatasets() async throws {
            try await HubScratch.with("autocoder-run", scene: "empty") { hub in
                try Self.copy(to: hub)
                let app = hub.scratch.path + "/app"
                try FileManager.default.createDirectory(atPath: app + "/src", withIntermediateDirectories: true)
                try hub.scratch.write("def total(rows):\n    return sum(rows) if rows else 0\n", to: "app/src/app.py")
                for arguments in [
                    ["init", "--quiet", "--initial-branch=main"], ["add", "--all"],
                    ["-c", "user.name=m", "-c", "user.email=m@example.org", "commit", "--quiet", "--message", "Begin"],
                ] {
                    let git = try await hub.scratch.run("/usr/bin/git", ["-C", app] + arguments)
                    #expect(git.exit == .code(0), "\(git.tail)")
                }
                let child = try hub.scratch.start(
                    Binary.path, ["serve", "--fleet", "workers.yaml", "--host", "127.0.0.1", "--port", "0"],
                    environment: hub.environment(
                        HubScratch.token,
                        [
                            "HF_USERNAME": "maren", "AUTOCODER_REPOSITORY": "file://" + app,
                            "STOKER_TOOLS": WorkshopDemoTests.tools,
                        ]), name: "serve")
                let server = try await Server.ready(child)
                for name in ["analysis", "test-planning"] {
                    let dataset = "maren/autocoder-\(name)-results"
                    try await Wait.until("\(dataset) has a row", within: .seconds(90)) {
                        let latest = try await hub.scratch.run(
                            Binary.path, ["results", "latest", "--dataset", dataset, "--json"],
                            environment: hub.environment())
                        return latest.exit == .code(0) && latest.output.contains("\"iteration\"")
                    }
                }
                // The dashboard, elsewhere, with a token that may only read: all of it on one page.
                let lines = try String(contentsOfFile: hub.scratch.path + "/dashboard.yaml", encoding: .utf8)
                    .replacing(/runs_at: autocoder-[a-z-]+-worker/, with: "runs_at: \"\(server.address)\"")
                    .split(separator: "\n").filter { !$0.contains("keep:") && $0 != "spaces:" }
                try hub.scratch.write(lines.joined(separator: "\n") + "\n", to: "elsewhere.yaml")
                let shown = try await Server.ready(
                    try hub.scratch.start(
                        Binary.path,
                        [
                            "serve", "--fleet", "elsewhere.yaml", "--data", "elsewhere", "--host", "127.0.0.1",
                            "--port",
                            "0",
                        ],
                        environment: hub.environment(
                            "hf_maren_read", ["HF_USERNAME": "maren", "STOKER_TOKEN": Self.token]), name: "dashboard"))
                let reader = ["Authorization": "Bearer \(Self.token)"]
                try await Wait.until("all three are online there", within: .seconds(60)) {
                    let list = try await shown.get("/api/v1/workers", reader).json
                    return list.online.int == 3 && (list.iterations.int ?? 0) >= 2
                }
                let page = try await shown.get("/workers", reader).body
                #expect(page.contains("3 of 3 workers are online") && page.contains("Latest findings"), "\(page)")
                #expect(page.contains("maren/autocoder-test-planning-results"))
                // A small app may give none.
                let insights = try await shown.get("/api/v1/workers", reader).json.insights
                let isAny = ["failure_modes_identified", "integration_points", "edge_cases_discovered"].contains {
                    insights[$0][0].string != nil
                }
                #expect(page.contains("Combined insights") == isAny, "\(insights)")
                shown.process.send(SIGTERM)
                // Leads of another tool, handed in; and what is not to be had is refused with its reason.
                try hub.scratch.write(
                    #"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan","version":"1"}},"results":[{"ruleId":"r","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/app.py"},"region":{"startLine":2}}}]}]}]}"#,
                    to: "scan.sarif")
                let environment = hub.environment(
                    HubScratch.token, ["STOKER_SERVER": server.address])
                let taken = try await hub.scratch.run(
                    Binary.path, ["results", "import", "--sarif", "scan.sarif", "--worker", "analysis", "--json"],
                    environment: environment)
                #expect(taken.exit == .code(0) && taken.output.contains("\"taken\": 1"), "\(taken.tail)")
                let gate = try await hub.scratch.run(
                    Binary.path,
                    ["results", "gate", "--dataset", "maren/autocoder-test-planning-results", "--cases", "10000"],
                    environment: environment)
                #expect(gate.exit == .code(0) && gate.output.contains("a test."), "\(gate.tail)")
                let strict = try await hub.scratch.run(
                    Binary.path,
                    ["results", "gate", "--dataset", "maren/autocoder-test-planning-results", "--cases", "0"],
                    environment: environment)
                #expect(strict.exit == .code(1), "\(strict.tail)")
                // Begin afresh: asked for, then done by the worker before its next look.
                let unasked = try await hub.scratch.run(
                    Binary.path, ["workers", "afresh", "analysis"], environment: environment)
                #expect(unasked.exit == .code(2) && unasked.tail.contains("--yes"), "\(unasked.tail)")
                // By the command line, which has the server's token.
                func counter() async throws -> Int {
                    let worker = try await hub.scratch.run(
                        Binary.path, ["workers", "show", "analysis", "--json"], environment: environment)
                    return worker.output.firstMatch(of: /"iteration"\s*:\s*(\d+)/).flatMap { Int($0.1) } ?? 0
                }
                try await Wait.until("there is something to begin anew", within: .seconds(150)) {
                    try await counter() >= 2
                }
                let before = try await counter()
                let afresh = try await hub.scratch.run(
                    Binary.path, ["workers", "afresh", "analysis", "--yes"], environment: environment)
                #expect(afresh.exit == .code(0), "\(afresh.tail)")
                try await Wait.until("the counter begins again", within: .seconds(90)) { try await counter() < before }
                server.process.send(SIGTERM)
            }
        }
    }
}
