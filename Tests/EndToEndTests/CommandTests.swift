import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The commands, their outputs and their exit codes.
    @Suite(.timeLimit(.minutes(3))) struct CommandTests {
        static let commands = [
            "serve", "demo", "check", "status", "history", "pause", "resume", "ping", "init", "check-config", "budget",
            "export", "schema",
            "completion", "hub-simulator", "space", "whoami",
        ]

        @Test func helpNamesEveryCommand() async throws {
            try await Scratch.with("help") { scratch in
                let child = try await scratch.stoker("--help")
                #expect(child.exit == .code(0))
                for command in Self.commands { #expect(child.output.contains(command)) }
                let version = try await scratch.stoker("--version")
                #expect(version.exit == .code(0))
                #expect(version.output.contains(/^\d+\.\d+\.\d+/))
            }
        }

        @Test(arguments: commands) func everyCommandHasHelpWithExamples(command: String) async throws {
            try await Scratch.with("help") { scratch in
                let child = try await scratch.stoker(command, "--help")
                #expect(child.exit == .code(0))
                #expect(child.output.contains("stoker \(command)"))
                #expect(child.output.localizedCaseInsensitiveContains("example"))
                #expect(child.errors.isEmpty)
            }
        }

        @Test func whatIsNotKnownIsSaid() async throws {
            try await Scratch.with("unknown") { scratch in
                let command = try await scratch.stoker("serv")
                #expect(command.exit == .code(2) || command.exit == .code(64))
                #expect(command.errors.contains("serv"))
                #expect(command.output.isEmpty)
                let option = try await scratch.stoker("serve", "--prot", "1")
                #expect(option.exit == .code(2) || option.exit == .code(64))
                #expect(option.errors.contains("--prot"))
                #expect(option.errors.contains("--port"), "the nearest known name")
            }
        }

        @Test func checkTellsByItsExitCode() async throws {
            try await Scratch.with("check") { scratch in
                let web = try await scratch.nginx("location /bad { return 500; } location / { return 200; }")
                let good = ServeTests.hourly("good", web.address + "/good")
                let fine = try scratch.write(ServeTests.fleet([good]), to: "fine.yaml")
                let well = try await scratch.stoker("check", "--fleet", fine)
                #expect(well.exit == .code(0), "\(well.tail)")
                #expect(well.output.contains("good"))

                let ill = try scratch.write(
                    ServeTests.fleet([good, ServeTests.hourly("bad", web.address + "/bad")]), to: "ill.yaml")
                let trouble = try await scratch.stoker("check", "--fleet", ill, "--format", "json")
                #expect(trouble.exit == .code(1), "\(trouble.tail)")
                let answer = try JSONDecoder().decode(JSON.self, from: Data(trouble.output.utf8))
                #expect("\(answer)".contains("expect.status"))

                let broken = try scratch.write("version: 1\ntargets: { a: { url: 17, evry: 1 } }\n", to: "broken.yaml")
                let config = try await scratch.stoker("check", "--fleet", broken)
                #expect(config.exit == .code(2), "\(config.tail)")
                #expect(config.errors.contains("broken.yaml:2:"))

                let quiet = try await scratch.stoker("check", "--fleet", fine, "--format", "quiet")
                #expect(quiet.exit == .code(0))
                #expect(quiet.output.isEmpty)
            }
        }

        @Test func checkConfigReportsAllProblemsAtOnce() async throws {
            try await Scratch.with("config") { scratch in
                let text = """
                    version: 1
                    targets:
                      a: { url: "http://127.0.0.1/", every: 5sec }
                      b: { url: "http://127.0.0.1/", intervall: 5m }

                    """
                let file = try scratch.write(text, to: "bad.yaml")
                let bad = try await scratch.stoker("check-config", "--fleet", file)
                #expect(bad.exit == .code(2))
                #expect(bad.errors.contains("bad.yaml:3:"))
                #expect(bad.errors.contains("bad.yaml:4:"))
                let missing = try await scratch.stoker("check-config", "--fleet", "nowhere.yaml")
                #expect(missing.exit == .code(2))
                #expect(missing.errors.contains("nowhere.yaml"))
                let good = try scratch.write(
                    ServeTests.fleet([ServeTests.hourly("a", "http://127.0.0.1/")]), to: "good.yaml")
                let well = try await scratch.stoker("check-config", "--fleet", good)
                #expect(well.exit == .code(0), "\(well.tail)")
                #expect(well.output.contains("1h"))
            }
        }

        @Test func initWritesAFileThatWorks() async throws {
            try await Scratch.with("init") { scratch in
                let made = try await scratch.stoker("init", "acme/demo", "https://example.com/health")
                #expect(made.exit == .code(0), "\(made.tail)")
                #expect(FileManager.default.fileExists(atPath: scratch.path + "/fleet.yaml"))
                let well = try await scratch.stoker("check-config")
                #expect(well.exit == .code(0), "\(well.tail)")
                let again = try await scratch.stoker("init", "acme/other")
                #expect(again.exit != .code(0), "a file is never overwritten unasked")
                #expect(
                    try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8).contains("example.com"))
            }
        }

        @Test(arguments: ["bash", "zsh", "fish"]) func completionIsWritten(shell: String) async throws {
            try await Scratch.with("completion") { scratch in
                let child = try await scratch.stoker("completion", shell)
                #expect(child.exit == .code(0))
                #expect(child.output.contains("check-config"))
                if shell == "bash" {
                    let file = try scratch.write(child.output, to: "completion.bash")
                    #expect(try await scratch.run("bash", ["-n", file]).exit == .code(0))
                }
            }
        }

        @Test func budgetAndExportsAreMade() async throws {
            try await Scratch.with("budget") { scratch in
                let spaces = (1...4).map { "  acme/s\($0): { keep: { every: 5m } }" }.joined(separator: "\n")
                let file = try scratch.write("version: 1\nspaces:\n\(spaces)\n", to: "fleet.yaml")
                let budget = try await scratch.stoker("budget", "--fleet", file)
                #expect(budget.exit == .code(0), "\(budget.tail)")
                // Four Spaces every 5 min: KA9's own numbers.
                #expect(budget.output.contains("1,152") || budget.output.contains("1152"))
                #expect(budget.output.contains("288"))
                let json = try await scratch.stoker("budget", "--fleet", file, "--format", "json")
                _ = try JSONDecoder().decode(JSON.self, from: Data(json.output.utf8))
                for kind in ["apps-script", "n8n", "github-actions", "crontab", "uptimerobot"] {
                    let child = try await scratch.stoker(
                        "export", kind, "--fleet", file, "--master", "https://acme-master.hf.space")
                    #expect(child.exit == .code(0), "\(kind): \(child.tail)")
                    #expect(child.output.contains("acme-master.hf.space"), "\(kind)")
                }
            }
        }

        @Test func aRunningServerIsAskedAndTold() async throws {
            try await Scratch.with("remote") { scratch in
                let web = try await scratch.nginx()
                let server = try await scratch.serve(ServeTests.fleet([ServeTests.hourly("web", web.address + "/web")]))
                try await server.wait(for: "web", toBe: "up")
                let status = try await scratch.stoker("status", "--server", server.address)
                #expect(status.exit == .code(0), "\(status.tail)")
                #expect(status.output.contains("web"))
                let named = try await scratch.stoker(
                    "status", "--format", "json", environment: ["STOKER_SERVER": server.address])
                #expect(named.exit == .code(0), "\(named.tail)")
                _ = try JSONDecoder().decode(JSON.self, from: Data(named.output.utf8))

                let ping = try await scratch.stoker("ping", "web", "--server", server.address)
                #expect(ping.exit == .code(0), "\(ping.tail)")
                #expect(try await web.answered("/web") == 2)

                let pause = try await scratch.stoker("pause", "web", "--server", server.address)
                #expect(pause.exit == .code(0), "\(pause.tail)")
                #expect(try await server.check("web").paused.by.string == "person")
                let resume = try await scratch.stoker("resume", "web", "--server", server.address)
                #expect(resume.exit == .code(0), "\(resume.tail)")
                #expect(try await server.check("web").verdict.string != "paused")

                try await Wait.until("history to reach the disk") {
                    try await server.json("/api/v1/observations?check=web").items.array.count >= 2
                }
                let history = try await scratch.stoker("history", "web", "--server", server.address, "--format", "json")
                #expect(history.exit == .code(0), "\(history.tail)")
                _ = try JSONDecoder().decode(JSON.self, from: Data(history.output.utf8))

                let unknown = try await scratch.stoker("ping", "wbe", "--server", server.address)
                #expect(unknown.exit == .code(2), "\(unknown.tail)")
                #expect(unknown.errors.contains("web"), "the nearest known name")
                server.process.send(SIGTERM)
                try await server.process.waitForExit()
                let gone = try await scratch.stoker("status", "--server", server.address)
                #expect(gone.exit == .code(3), "\(gone.tail)")
                #expect(gone.errors.contains(server.address))
            }
        }
    }
}
