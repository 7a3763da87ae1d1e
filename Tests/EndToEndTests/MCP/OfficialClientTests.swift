import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The official Python SDK of MCP against `stoker mcp` and `/mcp`, with a server that has an account on a simulated Hub.
    ///
    /// The limit is that of `make mcp-restarts`: of two limits the shorter one counts.
    @Suite(.timeLimit(.minutes(30))) struct OfficialClientTests {
        private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

        /// `STOKER_MCP_RESTARTS=1000` makes a campaign of it (ten minutes).
        @Test func aRestartBetweenTwoCallsIsNotNoticed() async throws {
            let python = "\(Self.root)/.build/venv/bin/python"
            try #require(FileManager.default.fileExists(atPath: python), "run Scripts/setup.sh test")
            let count = Int(ProcessInfo.processInfo.environment["STOKER_MCP_RESTARTS"] ?? "") ?? 4
            try await Scratch.with("mcp-restarts") { scratch in
                let fleet = try scratch.write(
                    """
                    targets: { nothing: { url: "http://127.0.0.1:9/", every: 1h } }
                    serve: { self_ping: off }

                    """, to: "fleet.yaml")
                let child = try await scratch.run(
                    python,
                    ["-B", "\(Self.root)/Tests/EndToEndTests/MCP/restarts.py", "\(count)", fleet, scratch.path],
                    environment: ["STOKER": Binary.path, "HOME": scratch.path, "PATH": "/usr/bin:/bin"],
                    within: .seconds(60 + 2 * count))
                #expect(child.exit == .code(0), "\(child.tail)")
                #expect(child.output.contains(#""failed": 0"#), "\(child.output)")
            }
        }

        @Test func everyModeOverBothTransports() async throws {
            let python = "\(Self.root)/.build/venv/bin/python"
            try #require(FileManager.default.fileExists(atPath: python), "run Scripts/setup.sh test")
            try await HubScratch.with("mcp-official") { hub in
                let secrets = ["STOKER_MCP_SECRETS": "FROM_OUTSIDE", "FROM_OUTSIDE": "v4lue-from-outside"]
                let server = try await hub.scratch.serve(
                    """
                    hub: { namespace: maren, token: hf_maren, endpoint: "\(hub.endpoint)", discover: true }
                    keep: { every: 1h, timeout: 3s, retry: off }
                    targets: { page: { url: "\(hub.endpoint)/health" } }
                    serve: { self_ping: off }

                    """, environment: secrets)
                let child = try await hub.scratch.run(
                    python, ["-B", "\(Self.root)/Tests/EndToEndTests/MCP/official_client.py"],
                    environment: hub.environment(
                        HubScratch.token,
                        secrets.merging([
                            "STOKER": Binary.path, "MCP_URL": "\(server.address)/mcp", "MCP_TOKEN": server.token ?? "",
                            "SPACE": "maren/orbit-api", "CHECK": "page", "HOME": hub.scratch.path,
                            "PATH": "/usr/bin:/bin",
                        ]) { $1 }), within: .seconds(120))
                #expect(child.exit == .code(0), "\(child.tail)")
                #expect(child.output.contains(#""visits": 6, "tools": 22"#), "\(child.output)")
                for text in [server.process.errors, server.process.output, child.output] {
                    #expect(!text.contains("v4lue-from-outside") && !text.contains("s3cr3t-of-mine"))
                }
            }
        }
    }
}
