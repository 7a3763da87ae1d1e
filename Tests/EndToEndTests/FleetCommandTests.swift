import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What surrounds a fleet file: its schema, its variables, the machine it is served on, the Hub it names.
    @Suite(.timeLimit(.minutes(3))) struct FleetCommandTests {
        @Test func initWritesASchemaThatItsLineNames() async throws {
            try await Scratch.with("schema") { scratch in
                let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                    .deletingLastPathComponent()
                let printed = try await scratch.stoker("schema")
                #expect(printed.exit == .code(0))
                #expect(
                    try printed.output
                        == String(contentsOf: root.appendingPathComponent("docs/fleet.schema.json"), encoding: .utf8))

                let (one, two) = ("sub", "other")
                for folder in [one, two] {
                    try FileManager.default.createDirectory(
                        atPath: scratch.path + "/" + folder, withIntermediateDirectories: true)
                }
                _ = try await scratch.stoker("init", "acme/demo", "--output", "\(one)/fleet.yaml")
                let text = try String(contentsOfFile: scratch.path + "/\(one)/fleet.yaml", encoding: .utf8)
                #expect(text.contains("# yaml-language-server: $schema=./fleet.schema.json\n"))
                #expect(
                    try String(contentsOfFile: scratch.path + "/\(one)/fleet.schema.json", encoding: .utf8)
                        == printed.output)

                // What is not ours is left alone, and no line leads to it.
                _ = try scratch.write("{}", to: "\(two)/fleet.schema.json")
                _ = try await scratch.stoker("init", "acme/demo", "--output", "\(two)/fleet.yaml")
                #expect(try String(contentsOfFile: scratch.path + "/\(two)/fleet.schema.json", encoding: .utf8) == "{}")
                let other = try String(contentsOfFile: scratch.path + "/\(two)/fleet.yaml", encoding: .utf8)
                #expect(!other.contains("yaml-language-server"))
                let refused = try await scratch.stoker("schema", "--output", "\(two)/fleet.schema.json")
                #expect(refused.exit == .code(2))
                let piped = try await scratch.stoker("init", "acme/demo", "--output", "-")
                #expect(!piped.output.contains("yaml-language-server") && piped.output.contains("stoker schema"))
            }
        }

        @Test func filesOfWindowsToolsAreRead() async throws {
            try await Scratch.with("bom") { scratch in
                let mark = "\u{FEFF}"
                for text in [
                    "version: 1\ntargets:\n  t: https://example.com/\n",
                    #"{"version":1,"targets":{"t":"https://example.com/"}}"#, "# c\nversion: 1\n",
                    "version: 1\r\ntargets:\r\n  t: https://example.com/\r\n",
                ] {
                    let file = try scratch.write(mark + text, to: "f.yaml")
                    let child = try await scratch.stoker("check-config", file)
                    #expect(child.exit == .code(0), "\(child.tail)")
                }
                let wrong = try scratch.write(mark + "versoin: 1\n", to: "f.yaml")
                #expect(try await scratch.stoker("check-config", wrong).errors.contains("f.yaml:1:1: "))
                let list = try scratch.write(mark + #"[{"space_id": "acme/demo"}]"#, to: "pings.json")
                #expect(try await scratch.stoker("init", "--from", list, "--output", "-").exit == .code(0))
            }
        }

        @Test func onlyNeededLinesOfAnEnvironmentFileMatter() async throws {
            try await Scratch.with("env") { scratch in
                let file = try scratch.write(
                    "targets: { t: \"https://${HOST}/\", u: \"https://a.test/${PART:-}\" }\n", to: "f.yaml")
                let own = try scratch.write(
                    "\u{FEFF}HOST=example.com\nthis is no line\n9X=1\nOPEN='never closed\nPART=p\n", to: "own.env")
                let child = try await scratch.stoker("check-config", file, "--env-file", own, "--format", "json")
                #expect(child.exit == .code(0), "\(child.tail)")
                #expect(child.output.contains("https://example.com/") && child.output.contains("https://a.test/***"))
                for line in [2, 3, 4] { #expect(child.output.contains("own.env:\(line):")) }
                // A variable that the file takes by default is needed, too: its line is not passed over in silence.
                for broken in ["HOST 'x'\n", "HOST=example.com\nPART='open\n", "HOST=example.com\nexport PART\n"] {
                    let file2 = try scratch.write(broken, to: "broken.env")
                    let refused = try await scratch.stoker("check-config", file, "--env-file", file2)
                    #expect(refused.exit == .code(2), "\(broken)")
                    #expect(refused.errors.contains("broken.env:"))
                }
            }
        }

        @Test func inAContainerTheFilesHostHoldsAndAnotherIsExplained() async throws {
            try await Scratch.with("container") { scratch in
                func start(_ name: String, _ serve: String, _ more: [String] = []) async throws -> Server {
                    let file = try scratch.write("serve: { self_ping: off\(serve) }\n", to: "\(name).yaml")
                    let child = try scratch.start(
                        Binary.path, ["serve", "--fleet", file, "--port", "0", "--data", name] + more,
                        environment: ["KUBERNETES_SERVICE_HOST": "10.0.0.1"], name: name)
                    return try await Server.ready(child)
                }
                let said = try await start("said", ", host: 127.0.0.1")
                #expect(said.address.hasPrefix("http://127.0.0.1:"))
                #expect(!said.process.errors.contains("token"))
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/said/token"))
                await said.process.stop()

                let open = try await start("open", "")
                #expect(open.process.errors.contains("listens on 0.0.0.0"))
                #expect(open.process.errors.contains("KUBERNETES_SERVICE_HOST is set"))
                #expect(open.process.errors.contains("STOKER_TOKEN="))
                await open.process.stop()
                // The second time it is told where the token is.
                let again = try await start("open", "")
                #expect(again.process.errors.contains("open/token: it listens on 0.0.0.0"))
                await again.process.stop()
            }
        }

        @Test func aServerWithoutAPortLeavesNoToken() async throws {
            try await Scratch.with("no-token") { scratch in
                let holder = try Port.Holder()
                defer { holder.close() }
                let file = try scratch.write("serve: { private: true }\n", to: "f.yaml")
                let child = try await scratch.stoker(
                    "serve", "--fleet", file, "--host", "127.0.0.1", "--port", "\(holder.port)", "--data", "data")
                #expect(child.exit == .code(3))
                #expect(!child.errors.contains("STOKER_TOKEN"))
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/data/token"))
            }
        }

        @Test func theSelfPingKnowsThePublicAddress() async throws {
            try await Scratch.with("self-ping") { scratch in
                let server = try await scratch.serve(
                    "serve: { self_ping: 10s, public_url: \"https://master.example.com/\" }\n")
                #expect(try await server.check("self-ping").address.string == "https://master.example.com/health")
                await server.process.stop()
            }
        }

        @Test func aRenamedCheckKeepsItsHistoryWhateverHappens() async throws {
            try await Scratch.with("was") { scratch in
                let web = try await scratch.nginx("location /bad { return 500; } location / { return 200; }")
                func target(_ name: String, _ more: String = "") -> String {
                    "\(name): { url: \"\(web.address)/bad\", every: 1h, timeout: 5s, retry: off, recheck: 1h\(more) }"
                }
                let first = try await scratch.serve(ServeTests.fleet([target("old")]), name: "first")
                try await first.wait(for: "old", toBe: "down")
                try await scratch.waitForIncident(in: "data/stoker.sqlite")
                let incidents = try await first.incidents(of: "old")
                #expect(incidents.count == 1)
                first.process.send(SIGKILL)
                _ = try await first.process.waitForExit()
                // Killed again right after the start that carries the history over, at any instant of it.
                for round in 0..<3 {
                    let server = try await scratch.serve(
                        ServeTests.fleet([target("new", ", was: old")]), name: "again\(round)")
                    #expect(try await server.check("new").verdict.string == "down")
                    #expect(try await server.incidents(of: "new").map(\.id) == incidents.map(\.id))
                    server.process.send(SIGKILL)
                    _ = try await server.process.waitForExit()
                }
                #expect(try await web.answered("/bad") == 1, "nothing was forgotten, so nothing was asked anew")
            }
        }

        @Test func watchingEndsWithWhatWasSeenLast() async throws {
            try await Scratch.with("watch") { scratch in
                let web = try await scratch.nginx("location /bad { return 500; } location / { return 200; }")
                let server = try await scratch.serve(
                    ServeTests.fleet([
                        ServeTests.hourly("good", web.address + "/good"),
                        ServeTests.hourly("bad", web.address + "/bad"),
                    ]))
                try await server.wait(for: "good", toBe: "up")
                try await server.wait(for: "bad", toBe: "down")
                for (name, status) in [("good", Int32(0)), ("bad", 1)] {
                    let child = try scratch.start(
                        Binary.path, ["status", name, "--watch", "--json", "--server", server.address],
                        name: "watch-\(name)")
                    _ = try await child.waitForLine("what is seen", within: .seconds(30)) { $0.contains(name) }
                    child.send(SIGINT)
                    #expect(try await child.waitForExit(within: .seconds(10)) == .code(status), "\(name)")
                }
                await server.process.stop()
            }
        }

        @Test func completionKnowsValues() async throws {
            try await Scratch.with("completion") { scratch in
                let script = try await scratch.stoker("completion", "bash")
                #expect(script.exit == .code(0))
                for value in ["heartbeat", "last-ping", "silent"] { #expect(script.output.contains(value)) }
                #expect(script.output.contains("---completion status"))
            }
        }

        @Test func checkAndExportAskTheHub() async throws {
            try await Scratch.with("check-hub") { scratch in
                let hub = try scratch.start(
                    Binary.path, ["hub-simulator", "--port", "0", "--scene", "small"], name: "hub")
                var endpoint = ""
                try await Wait.until("the simulated Hub is there", within: .seconds(30)) {
                    let prefix = "stoker: simulating "
                    endpoint =
                        hub.outputLines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } ?? ""
                    return !endpoint.isEmpty
                }
                let file = try scratch.write(
                    """
                    hub: { namespace: maren, token: hf_maren, endpoint: "\(endpoint)", discover: true }
                    keep: { warmth: warm, timeout: 5s }

                    """, to: "f.yaml")
                // `worker` is private, and none is where its name would have it: what is asked is the Hub's word.
                let checked = try await scratch.stoker("check", "orbit-api", "worker", "--fleet", file, "--json")
                #expect(checked.exit == .code(0), "\(checked.tail)")
                #expect(!checked.output.contains("hf.space"))
                let export = try await scratch.stoker("export", "crontab", "--fleet", file)
                #expect(export.exit == .code(0), "\(export.tail)")
                #expect(export.errors.contains("Spaces are private") && export.errors.contains("worker"))
                #expect(!export.output.contains("hf_maren"))

                await hub.stop()
                let silent = try await scratch.stoker("check", "--fleet", file, within: .seconds(60))
                #expect(silent.errors.contains("the Hub could not be asked"))
            }
        }
    }
}
