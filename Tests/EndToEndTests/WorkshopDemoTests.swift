import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Workers over the built program: `stoker demo workshop`, and their commands.
    @Suite(.timeLimit(.minutes(3))) struct WorkshopDemoTests {
        static let tools = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../.build/venv/bin").standardized.path

        @Test func workersPublishAndTheirPagesFill() async throws {
            try await Scratch.with("demo-workshop") { scratch in
                let child = try scratch.start(
                    Binary.path, ["demo", "workshop", "--host", "127.0.0.1", "--port", "0"],
                    environment: ["STOKER_TOOLS": Self.tools], name: "demo")
                let server = try await Server.ready(child)
                try await Wait.until("all perspectives have looked", within: .seconds(120)) {
                    let worker = try await server.json("/api/v1/workers/analysis")
                    return (worker.published.int ?? 0) >= 1 && worker.state.string == "complete"
                }
                let line = try #require(child.outputLines.first { $0.contains("results latest") })
                var environment: [String: String] = [:]
                for part in line.split(separator: " ") {
                    let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
                    if pair.count == 2 { environment[pair[0]] = pair[1] }
                }
                let dataset = "maren/autocoder-analysis-results"
                let latest = try await scratch.run(
                    Binary.path, ["results", "latest", "--dataset", dataset, "--json"], environment: environment)
                #expect(latest.exit == .code(0) && latest.output.contains("\"iteration\""), "\(latest.tail)")
                let list = try await scratch.run(
                    Binary.path, ["results", "list", "--severity", "high", "--json"],
                    environment: ["STOKER_SERVER": server.address])
                #expect(list.output.contains("plan_route"), "\(list.tail)")
                // What is not certain enough is a lead, and published nowhere.
                let leads = try await scratch.run(
                    Binary.path, ["workers", "leads", "analysis"], environment: ["STOKER_SERVER": server.address])
                #expect(leads.output.contains("stoker:") && leads.exit == .code(0), "\(leads.tail)")
                let gate = try await scratch.run(
                    Binary.path, ["results", "gate", "--severity", "high"],
                    environment: ["STOKER_SERVER": server.address])
                #expect(
                    gate.exit == .code(1) && gate.output.contains("1 finding of severity high or above is open"),
                    "\(gate.tail)")
                let sarif = try await scratch.run(
                    Binary.path, ["results", "export", "--sarif"], environment: ["STOKER_SERVER": server.address])
                #expect(sarif.output.contains("\"version\": \"2.1.0\""), "\(sarif.tail)")
                #expect(try await server.get("/workers").body.contains("workers"))
                #expect(try await server.get("/workers/analysis").body.contains("test coverage"))

                // A pause holds until it is ended.
                let paused = try await scratch.run(
                    Binary.path, ["workers", "pause", "analysis", "--json"],
                    environment: ["STOKER_SERVER": server.address])
                #expect(paused.output.contains("\"paused\""), "\(paused.tail)")
                let shown = try await scratch.run(
                    Binary.path, ["workers"], environment: ["STOKER_SERVER": server.address])
                #expect(shown.output.contains("stoker workers resume analysis"), "\(shown.tail)")
                _ = try await scratch.run(
                    Binary.path, ["workers", "resume", "analysis"], environment: ["STOKER_SERVER": server.address])
                try await Wait.until("it looks again", within: .seconds(30)) {
                    ["complete", "working", "waiting"].contains(
                        try await server.json("/api/v1/workers/analysis").state.string)
                }
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
            }
        }
    }
}
