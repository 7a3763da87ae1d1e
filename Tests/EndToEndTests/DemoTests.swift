import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The demonstration over its simulated Hub, as a stranger meets it.
    @Suite(.timeLimit(.minutes(4))) struct DemoTests {
        @Test func bothSourcesShowAndHealingActs() async throws {
            try await Scratch.with("demo-hub") { scratch in
                let child = try scratch.start(
                    Binary.path, ["demo", "--host", "127.0.0.1", "--port", "0"], name: "demo")
                let server = try await Server.ready(child)

                // The command lines that it prints work as they are.
                let export = try await Wait.for("how to point others at its Hub") {
                    child.outputLines.first { $0.contains("export HF_ENDPOINT=") }
                }
                var environment: [String: String] = [:]
                for part in export.split(separator: " ").dropFirst() {
                    let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
                    environment[try #require(pair.first)] = pair.last
                }
                let list = try #require(child.outputLines.first { $0.contains("stoker space list") })
                    .split(separator: " ").map(String.init).dropFirst()
                let listed = try await scratch.run(Binary.path, Array(list) + ["--json"], environment: environment)
                #expect(listed.exit == .code(0), "\(listed.tail)")
                for name in ["chat-ui", "docs-demo", "backoffice"] {
                    #expect(listed.output.contains("kestrel-labs/\(name)"))
                }

                // Left of the Hub's windows, wherever somebody looks.
                let hub = try await server.overview().hub
                #expect(hub.endpoint.string == environment["HF_ENDPOINT"])
                let window = try #require(hub.windows.array.first { $0.bucket.string == "api" })
                #expect((window.remaining.int ?? 0) > 0 && (window.remaining.int ?? 0) < (window.quota.int ?? 0))
                #expect(try await server.get("/metrics").body.contains("stoker_hub_window_remaining{bucket=\"api\"} "))
                #expect(try await server.get("/").body.contains(" Hub calls left"))

                let moderated = try await Wait.for("what the Hub says of the flagged one") {
                    let seen = try await server.check("remote-desk")
                    return seen.hub.stage.string == "PAUSED" && seen.cause.string == "space.moderated" ? seen : nil
                }
                #expect(moderated.trouble == .bool(true))
                try await Self.wait(server, for: "docs-demo", cause: "space.old_build")
                try await Self.wait(server, for: "chat-ui", cause: "space.running_dead")
                let page = try await server.get("/targets/chat-ui").body
                #expect(page.contains("The Hub says that it runs, but the edge holds every request"))
                try await Wait.until("both are restarted", within: .seconds(120)) {
                    let events = try await server.json("/api/v1/events?limit=200").items.array
                    let results = events.filter { $0.kind.string == "heal.result" }.compactMap(\.text.string)
                    return ["chat-ui", "image-tagger"].allSatisfy { name in results.contains { $0.hasPrefix(name) } }
                }
                try await server.wait(for: "chat-ui", toBe: "up", within: .seconds(60))
                let events = try await server.json("/api/v1/events?limit=200").items.array.compactMap(\.text.string)
                #expect(!events.contains { $0.contains("restart of kestrel-labs/remote-desk") })
                for line in [server.process.errors] { #expect(!line.contains("hf_maren")) }
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
            }
        }

        @Test func withoutGitThereIsAWordInPlaceOfTheHub() async throws {
            try await Scratch.with("demo-plain") { scratch in
                let child = try scratch.start(
                    Binary.path, ["demo", "--host", "127.0.0.1", "--port", "0"],
                    environment: ["PATH": "/nowhere"], name: "demo")
                let server = try await Server.ready(child)
                try await Wait.until("the word") { child.output.contains("needs git, which is not installed") }
                try await server.wait(for: "backoffice", toBe: "up")
                try await server.wait(for: "image-tagger", toBe: "down")
                #expect(try await server.overview().hub.isNull)
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
            }
        }

        @Test func aFleetFileIsWrittenFromTheHub() async throws {
            try await Scratch.with("init-hub") { scratch in
                let hub = try scratch.start(
                    Binary.path, ["hub-simulator", "--port", "0", "--scene", "small"], name: "hub")
                var endpoint = ""
                try await Wait.until("the simulated Hub is there", within: .seconds(30)) {
                    let start = "stoker: simulating "
                    endpoint =
                        hub.outputLines.first { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) } ?? ""
                    return !endpoint.isEmpty
                }
                let environment = ["HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_maren"]
                let made = try await scratch.stoker("init", "--from-hub", environment: environment)
                #expect(made.exit == .code(0), "\(made.tail)")
                let text = try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8)
                #expect(text.contains("namespace: maren") && text.contains("  worker:    # private"))
                #expect(text.contains("\(endpoint)") && !text.contains("hf_maren"))
                let checked = try await scratch.stoker("check-config", environment: environment)
                #expect(checked.exit == .code(0), "\(checked.tail)")
                for name in ["orbit-api", "Notes.Board_v2", "worker"] { #expect(checked.output.contains(name)) }

                // Filters; static pages only when they are asked for.
                func taken(_ arguments: String...) async throws -> String {
                    let child = try await scratch.run(
                        Binary.path, ["init", "--from-hub", "--output", "-"] + arguments, environment: environment)
                    return child.exit == .code(0) ? child.output : "status: \(child.tail)"
                }
                let gradio = try await taken("--sdk", "gradio")
                #expect(gradio.contains("Notes.Board_v2") && !gradio.contains("orbit-api"))
                let named = try await taken("--name", "ORBIT-*")
                #expect(named.contains("orbit-api") && !named.contains("worker"))
                #expect(try await taken("--namespace", "kestrel-labs").contains("is static: it never sleeps"))
                #expect(try await taken("--namespace", "kestrel-labs", "--sdk", "static").contains("landing"))
                let refused = try await scratch.stoker("init", "--sdk", "docker", environment: environment)
                #expect(refused.exit == .code(2) || refused.exit == .code(64))
                await hub.stop()
            }
        }

        private static func wait(_ server: Server, for name: String, cause: String) async throws {
            try await Wait.until("\(name) is \(cause)", within: .seconds(90)) {
                try await server.check(name).cause.string == cause
            }
        }
    }
}
