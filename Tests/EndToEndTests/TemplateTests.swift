import AsyncHTTPClient
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `stoker new`, and the apps that its templates make, each from its own requirements.
    @Suite(.timeLimit(.minutes(4))) struct TemplateTests {
        private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()

        /// Python with the packages of a template, as `Scripts/setup.sh test` installs them.
        private static func python(_ template: String) throws -> String {
            let python = root.appendingPathComponent(".build/venv-\(template)/bin/python").path
            try #require(FileManager.default.isExecutableFile(atPath: python), "Scripts/setup.sh test makes it")
            return python
        }

        private static func made(_ template: String, _ scratch: Scratch, name: String = "backend") async throws
            -> String
        {
            let child = try await scratch.stoker("new", template, name, environment: ["HF_USERNAME": "acme"])
            try #require(child.exit == .code(0), "\(child.tail)")
            return scratch.path + "/" + name
        }

        /// Its address, as the server itself tells it.
        private static func address(_ app: StokerProcess) async throws -> String {
            try await Wait.for("the address of the app", within: .seconds(60)) {
                guard app.exit == nil else { throw Server.Unlike(seen: app.tail) }
                return (app.output + app.errors).firstMatch(of: /http:\/\/(?:127.0.0.1|0.0.0.0):(\d+)/).map {
                    "http://127.0.0.1:\($0.1)"
                }
            }
        }

        @Test(arguments: ["fastapi", "gradio", "guarded", "static", "swift"])
        func theDoctorFindsNothingInANewSpace(template: String) async throws {
            try await Scratch.with("new-\(template)") { scratch in
                let folder = try await Self.made(template, scratch)
                let doctor = try await scratch.stoker("doctor", folder)
                #expect(doctor.exit == .code(0) && doctor.output.contains("nothing found"), "\(doctor.tail)")
                let fleet = try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8)
                #expect(fleet.contains("namespace: ${HF_USERNAME:-acme}"))
                #expect(fleet.contains("  backend:\n") && fleet.contains("      from: ./backend\n"))
                let hadolint = Self.root.appendingPathComponent(".build/venv/bin/hadolint").path
                if template != "static" {
                    try #require(
                        FileManager.default.isExecutableFile(atPath: hadolint), "Scripts/setup.sh test installs it")
                    let linted = try await scratch.run(hadolint, [folder + "/Dockerfile"])
                    #expect(linted.exit == .code(0) && linted.output.isEmpty, "\(linted.tail)")
                }
            }
        }

        @Test func theFileIsAddedToAndNothingOfItMoves() async throws {
            try await Scratch.with("new-add") { scratch in
                let before =
                    "# mine\nversion: 1\nhub: { namespace: maren }\nspaces:\n  a: { keep: { every: 5m } }   # first\n\n# more\ntargets: { t: https://a.example.com/ }\n"
                try scratch.write(before, to: "fleet.yaml")
                let child = try await scratch.stoker("new", "static", "apps/site", environment: ["HF_USERNAME": "acme"])
                #expect(child.exit == .code(0), "\(child.tail)")
                #expect(child.output.contains("maren/site"), "the file's own namespace counts")
                let after = try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8)
                let parts = before.components(separatedBy: "\n# more")
                #expect(after.hasPrefix(parts[0]) && after.hasSuffix("\n# more" + parts[1]))
                #expect(after.contains("  site:\n    url: https://maren-site.static.hf.space\n"))
                #expect(after.contains("from: ./apps/site\n"))

                // A taken name, a folder that is not empty, and a name that is none leave everything as it is.
                for arguments in [
                    ["fastapi", "a"], ["fastapi", "t"], ["static", "apps/site"], ["gradio", "apps"],
                    ["gradio", "no name"],
                ] {
                    let refused = try await scratch.run(Binary.path, ["new"] + arguments)
                    #expect(refused.exit == .code(2), "\(refused.tail)")
                    #expect(refused.errors.contains("stoker: could not"), "\(refused.tail)")
                }
                #expect(try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8) == after)
                let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/apps")
                #expect(left == ["site"], "and no half of a folder")
                let top = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
                #expect(!top.contains("a") && !top.contains("t") && !top.contains { $0.contains(".new-") })
            }
        }

        @Test func theOwnerIsTheAccountWhereNobodyNamesOne() async throws {
            try await HubScratch.with("new-owner") { hub in
                let child = try await hub.stoker("new", "static", "site", "--format", "quiet")
                #expect(child.exit == .code(0) && child.output == "maren/site\n", "\(child.tail)")
                let fleet = try String(contentsOfFile: hub.scratch.path + "/fleet.yaml", encoding: .utf8)
                #expect(!fleet.contains("url:"), "a Hub of one's own has its own addresses")
            }
            try await Scratch.with("new-nobody") { scratch in
                let child = try await scratch.stoker(
                    "new", "static", "site", environment: ["HF_ENDPOINT": "http://127.0.0.1:1"])
                #expect(child.exit != .code(0) && child.errors.contains("HF_USERNAME"), "\(child.tail)")
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/site"))
            }
        }

        @Test func aFastAPIAppAnswersAlsoWhenItsDatabaseIsDead() async throws {
            let python = try Self.python("fastapi")
            // It takes connections and says nothing.
            let silent = try await MisbehavingServer.start(on: HTTPClient.defaultEventLoopGroup) { _ in [.hold] }
            try await Scratch.with("new-run-fastapi") { scratch in
                let folder = try await Self.made("fastapi", scratch)
                let dead = "postgresql://user:geheim@127.0.0.1:\(silent.port)/app"
                let app = try scratch.start(
                    python,
                    [
                        "-m", "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", "0", "--no-access-log",
                        "--app-dir", folder,
                    ],
                    environment: ["DATABASE_URL": dead], name: "app")
                let url = try await Self.address(app)
                let health = try await HTTP.call(url + "/health")
                #expect(health.status == 200)
                #expect(try health.json.database.string == "unreachable")
                let ready = try await HTTP.call(url + "/ready")
                #expect(ready.status == 503)
                // Every line is JSON, none holds the password, and the app itself says that it bounded the wait.
                let lines = try await Wait.for("the log lines, each JSON") {
                    // Read once: the file grows meanwhile, and its last line may be half a line.
                    let written = app.errorLines
                    let lines = written.compactMap { try? JSONDecoder().decode(JSON.self, from: Data($0.utf8)) }
                    let requests = lines.count { $0.message.string == "request" }
                    return requests >= 2 && lines.count == written.count ? lines : nil
                }
                #expect(!app.errors.contains("geheim"))
                for line in lines where line.message.string == "request" {
                    let took = try #require(line.milliseconds.double)
                    #expect(took >= 1_900 && took < 4_000, "the check waits 2 s, and no longer")
                }
                let own = try await scratch.run(
                    python, ["-m", "pytest", "-q", "-p", "no:cacheprovider", folder], within: .seconds(90))
                #expect(own.exit == .code(0), "its own tests: \(own.tail)")
            }
            try await silent.stop()
        }

        @Test func aGradioAppAnswers() async throws {
            let python = try Self.python("gradio")
            try await Scratch.with("new-run-gradio") { scratch in
                let folder = try await Self.made("gradio", scratch)
                let app = try scratch.start(
                    python, [folder + "/app.py"],
                    environment: ["PORT": "0", "GRADIO_ANALYTICS_ENABLED": "False", "HOME": scratch.path], name: "app")
                let url = try await Self.address(app)
                let health = try await HTTP.call(url + "/health")
                #expect(health.status == 200)
                #expect(try health.json.status.string == "alive")
                let page = try await HTTP.call(url + "/config")
                #expect(page.status == 200 && page.body.contains("greet"), "\(page.body.prefix(200))")
            }
        }

        /// As its Dockerfile starts it, with a vault in a folder: the count goes on in another container.
        @Test func aGuardedAppKeepsItsState() async throws {
            try await Scratch.with("new-run-guarded") { scratch in
                let folder = try await Self.made("guarded", scratch)
                let fleet = try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8)
                #expect(fleet.contains("    backend-state:\n") || fleet.contains("  backend-state:\n"), "\(fleet)")
                #expect(fleet.contains("vault: backend-state\n") && fleet.contains("proxy: 8000\n"), "\(fleet)")
                let checked = try await scratch.stoker("check-config", "--fleet", "fleet.yaml")
                #expect(checked.exit == .code(0), "\(checked.tail)")
                let docker = try String(contentsOfFile: folder + "/Dockerfile", encoding: .utf8)
                func list(_ name: String) throws -> [String] {
                    let line = try #require(docker.split(separator: "\n").last { $0.hasPrefix(name + " [") })
                    return try JSONDecoder().decode([String].self, from: Data(line.dropFirst(name.count).utf8))
                }
                let command = try (list("ENTRYPOINT") + list("CMD")).map { $0 == "python" ? "python3" : $0 }
                try #require(command.first == "stoker" && command.contains("8000"))
                for (number, count) in [("one", "visit 1"), ("two", "visit 2")] {
                    let place = scratch.path + "/" + number
                    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                    try FileManager.default.copyItem(atPath: folder + "/app.py", toPath: place + "/app.py")
                    let ports = [try ReservedPort(), try ReservedPort()]
                    let (port, own) = (ports[0].number, ports[1].number)
                    for port in ports { port.release() }
                    let app = try scratch.start(
                        "/bin/sh",
                        ["-c", "cd \"$0\" && exec \"$@\"", place, Binary.path]
                            + command.dropFirst().map { $0 == "8000" ? "\(own)" : $0 },
                        environment: [
                            "STOKER_VAULT": "folder:\(scratch.path)/vault", "PORT": "\(port)", "HOME": place,
                            "STOKER_KEY": "correct-horse-battery-staple",
                        ], name: number)
                    let url = "http://127.0.0.1:\(port)"
                    try await Wait.until("the app behind the guard", within: .seconds(30)) {
                        guard app.exit == nil else { throw Server.Unlike(seen: app.tail) }
                        return (try? await HTTP.call(url + "/health").status) == 200
                    }
                    #expect(try await HTTP.call(url + "/").body == "backend: \(count)\n")
                    await app.stop(within: .seconds(20))
                }
            }
        }

        @Test func aStaticPageIsServedAsItIs() async throws {
            try await Scratch.with("new-run-static") { scratch in
                let folder = try await Self.made("static", scratch)
                let app = try scratch.start(
                    "/usr/bin/env",
                    ["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder],
                    name: "app")
                let page = try await HTTP.call(Self.address(app) + "/index.html")
                #expect(page.status == 200 && page.body.contains("<h1>backend</h1>"))
            }
        }
    }
}
