import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The commands that ask a running server or a ledger, and the ones that prepare a fleet, down to what they print.
    @Suite(.timeLimit(.minutes(3))) struct ClientCommandTests {
        static let web = "location /bad { return 500; } location / { return 200; }"

        static func json(_ child: StokerProcess) throws -> JSON {
            try JSONDecoder().decode(JSON.self, from: Data(child.output.utf8))
        }
        static func error(_ child: StokerProcess) throws -> JSON {
            try JSONDecoder().decode(JSON.self, from: Data(child.errors.utf8)).error
        }
        static func fleet(_ web: Nginx) -> String {
            ServeTests.fleet([
                ServeTests.hourly("good", web.address + "/good"), ServeTests.hourly("bad", web.address + "/bad"),
            ])
        }

        @Test func everyCommandIsDocumentedWithItsOptionsAndHasExamples() async throws {
            let source = URL(fileURLWithPath: #filePath)
            let root = source.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            let page = try String(contentsOf: root.appendingPathComponent("docs/cli.md"), encoding: .utf8)
            let sections = page.components(separatedBy: "\n## ")
            try await Scratch.with("tree") { scratch in
                let tree = try Self.json(try await scratch.stoker("--experimental-dump-help"))
                // A hidden command is a step of another one.
                let commands = tree.command.subcommands.array.filter {
                    $0.commandName.string != "help" && $0.shouldDisplay != .bool(false)
                }
                #expect(commands.count >= 13)
                for command in commands {
                    let name = try #require(command.commandName.string)
                    let section = try #require(
                        sections.first { $0.hasPrefix("`stoker \(name)`\n") }, "docs/cli.md has no section of \(name)")
                    let discussion = command.discussion.string ?? ""
                    #expect(discussion.contains("EXAMPLES\n  stoker \(name)"), "\(name) has examples")
                    // A line of an example that is wrapped cannot be copied.
                    for line in discussion.split(separator: "\n") where line.hasPrefix("  ") {
                        #expect(line.count <= 80)
                    }
                    for argument in command.arguments.array {
                        for option in argument.names.array where option.kind.string == "long" {
                            let long = "--" + (option.name.string ?? "")
                            #expect(
                                section.contains(long) || sections[1].contains(long), "docs/cli.md: \(name) \(long)")
                        }
                    }
                }
            }
        }

        @Test func historyIsReadFromTheServerAndWithoutIt() async throws {
            try await Scratch.with("history") { scratch in
                let web = try await scratch.nginx(Self.web)
                let server = try await scratch.serve(Self.fleet(web))
                let at = ["STOKER_SERVER": server.address]
                try await server.wait(for: "good", toBe: "up")
                try await server.wait(for: "bad", toBe: "down")
                try await Wait.until("both and the incident are on disk") {
                    guard try await server.json("/api/v1/observations").items.array.count == 2 else { return false }
                    return try await server.incidents(of: "bad").count == 1
                }
                let pings = try Self.json(try await scratch.stoker("history", "--json", environment: at))
                #expect(Set(pings.items.array.compactMap(\.check.string)) == ["good", "bad"])
                #expect(pings.more == .bool(false))
                let down = try Self.json(
                    try await scratch.stoker(
                        "history", "--outcome", "down", "--since", "1h", "--format", "json", environment: at))
                #expect(down.items.array.compactMap(\.check.string) == ["bad"])
                #expect(down.items[0].attempts.int == 2)
                #expect(try await scratch.stoker("history", "good", environment: at).output.contains("up"))
                let none = try await scratch.stoker("history", "--until", "1h", environment: at)
                #expect(none.exit == .code(0))
                #expect(none.output.contains("Nothing is recorded"))

                let incidents = try Self.json(
                    try await scratch.stoker("history", "--incidents", "--json", environment: at))
                #expect(incidents.items.array.compactMap(\.check.string) == ["bad"])
                #expect(incidents.items[0].ended.isNull)
                let table = try await scratch.stoker("history", "bad", "--incidents", environment: at)
                #expect(table.output.contains("ongoing"))

                let csv = try await scratch.stoker("history", "--csv", environment: at)
                let lines = csv.output.components(separatedBy: "\r\n")
                #expect(lines.first == "at,check,outcome,cause,status_code,attempts,latency_ms")
                #expect(lines.count == 4 && lines.last == "")
                let one = try await scratch.stoker("history", "--csv", "--limit", "1", environment: at)
                #expect(one.output.components(separatedBy: "\r\n").prefix(2) == lines.prefix(2))

                server.process.send(SIGTERM)
                try await server.process.waitForExit()
                let kept = try await scratch.stoker("history", "--csv", "--data", "data")
                #expect(kept.output == csv.output, "the ledger tells what the server told: \(kept.tail)")
                let events = try Self.json(try await scratch.stoker("history", "--events", "--data", "data", "--json"))
                #expect(events.items.array.contains { $0.kind.string == "incident.began" })
                let unknown = try await scratch.stoker("history", "goood", "--data", "data")
                #expect(unknown.exit == .code(2))
                #expect(unknown.errors.contains("did you mean \"good\"?"))
                let nowhere = try await scratch.stoker("history", "--data", "nowhere")
                #expect(nowhere.exit == .code(2))
                #expect(nowhere.errors.contains("nowhere does not exist"))
            }
        }

        @Test func checkTakesNames() async throws {
            try await Scratch.with("names") { scratch in
                let web = try await scratch.nginx(Self.web)
                try scratch.write(Self.fleet(web), to: "fleet.yaml")
                let good = try await scratch.stoker("check", "good", "--json")
                #expect(good.exit == .code(0), "\(good.tail)")
                #expect(try Self.json(good).checks.array.compactMap(\.name.string) == ["good"])
                #expect(try await web.answered("/bad") == 0)
                let both = try await scratch.stoker("check", "good", "bad")
                #expect(both.exit == .code(1))
                #expect(both.output.contains("Trouble: 1 of 2 probed."))
                #expect(try await web.answered("/bad") == 1, "one attempt, no retries")
                let unknown = try await scratch.stoker("check", "goood")
                #expect(unknown.exit == .code(2))
                #expect(unknown.errors.contains("did you mean \"good\"?"))
            }
        }

        @Test func aRedirectDoesNotLeadTheTokenAway() async throws {
            try await Scratch.with("redirect") { scratch in
                let web = try await scratch.nginx(
                    "location /taken { return 200 '{}'; } location /api/ { return 307 /taken; }")
                let paused = try await scratch.run(
                    Binary.path, ["pause", "bot", "--server", web.address], environment: ["STOKER_TOKEN": "t0ken-4711"])
                #expect(paused.exit != .code(0))
                #expect(paused.errors.contains("redirect (status 307), which is not followed"), "\(paused.tail)")
                #expect(try await web.answered("/taken") == 0)
                // Without a scheme only this machine is asked in the clear.
                let far = try await scratch.stoker("pause", "bot", "--server", "stoker.invalid")
                #expect(far.errors.contains("https://stoker.invalid"), "\(far.tail)")
            }
        }

        @Test func aRunningServerDoesItForItsOwnFleet() async throws {
            try await Scratch.with("remote") { scratch in
                let web = try await scratch.nginx(Self.web)
                let server = try await scratch.serve(Self.fleet(web))
                try await server.wait(for: "good", toBe: "up")
                try await server.wait(for: "bad", toBe: "down")
                let seen = try await web.answered("/bad")

                // No fleet file lies in the folder that the command runs in.
                let checked = try await scratch.stoker("check", "good", "bad", "--server", server.address, "--json")
                #expect(checked.exit == .code(1), "\(checked.tail)")
                #expect(try Self.json(checked).checks.array.compactMap(\.outcome.string) == ["up", "down"])
                #expect(try await web.answered("/bad") == seen + 1)
                #expect(try await server.check("bad").failures_in_a_row.int == 1, "nothing is recorded")
                let budget = try Self.json(try await scratch.stoker("budget", "--server", server.address, "--json"))
                #expect(budget.checks.int == 2)
                let waker = try await scratch.stoker(
                    "export", "crontab", "--server", server.address, "--master", "https://acme-master.hf.space")
                #expect(waker.output.contains("https://acme-master.hf.space/health"), "\(waker.tail)")
                let account = try await scratch.stoker("whoami", "--server", server.address, "--json")
                #expect(account.exit == .code(3))
                #expect(try Self.error(account).code.string == "hub.no_account")
                let both = try await scratch.stoker("budget", "f.yaml", "--server", server.address)
                #expect(both.exit == .code(2))
                #expect(both.errors.contains("exclude each other"))

                // Over the network a file comes as text, and the server's environment is not its own.
                let text = "{\"fleet_file\": {\"text\": \"targets: { a: { url: \\\"https://${PATH}/\\\" } }\"}}"
                let answer = try await server.post("/api/v1/check-config", text)
                #expect(
                    answer.body.contains("\"rule\":\"variable\"") && !answer.body.contains("/bin"), "\(answer.body)")
                let named = try await server.post(
                    "/api/v1/check", "{\"fleet_file\": {\"text\": \"targets: { a: { url: http://127.0.0.1:1/ } }\"}}")
                #expect(named.body.contains("is not a parameter of check"), "\(named.body)")
            }
        }

        @Test func checksArePausedForATimeResumedAndPinged() async throws {
            try await Scratch.with("acting") { scratch in
                let web = try await scratch.nginx(Self.web)
                let server = try await scratch.serve(Self.fleet(web))
                let at = ["STOKER_SERVER": server.address]
                try await server.wait(for: "good", toBe: "up")
                try await server.wait(for: "bad", toBe: "down")

                let paused = try await scratch.stoker("pause", "good", "bad", "--for", "2h", "--json", environment: at)
                #expect(paused.exit == .code(0), "\(paused.tail)")
                let checks = try Self.json(paused).array
                #expect(checks.compactMap(\.name.string) == ["good", "bad"])
                #expect(checks.allSatisfy { $0.verdict.string == "paused" && $0.paused.until.string != nil })
                let status = try await scratch.stoker("status", environment: at)
                #expect(status.exit == .code(0), "what is paused is no trouble: \(status.tail)")
                let resumed = try await scratch.stoker("resume", "good", "bad", environment: at)
                #expect(resumed.output == "good is pinged again\nbad is pinged again\n")
                #expect(try await server.check("good").paused.isNull)
                let dated = try await scratch.stoker(
                    "pause", "good", "--until", "2999-01-01T06:00:00Z", environment: at)
                #expect(dated.output == "good is paused by hand until 2999-01-01 06:00:00 UTC\n")

                let soon = try await scratch.stoker("pause", "good", "--for", "soon", "--json", environment: at)
                #expect(soon.exit == .code(2))
                #expect(try Self.error(soon).code.string == "usage")
                let both = try await scratch.stoker("pause", "good", "--for", "1h", "--until", "x", environment: at)
                #expect(both.exit == .code(2))
                #expect(both.errors.contains("stoker pause --help"))

                let ping = try await scratch.stoker("ping", "good", "--json", environment: at)
                #expect(ping.exit == .code(0), "\(ping.tail)")
                #expect(try Self.json(ping).transcript.exchanges.array.isEmpty == false)
                let bad = try await scratch.stoker("ping", "bad", "--verbose", environment: at)
                #expect(bad.exit == .code(1), "\(bad.tail)")
                #expect(bad.output.contains("HTTP/1.1 500"))
                #expect(bad.output.contains("2 attempts"))
                #expect(!bad.output.contains("\u{1B}"), "no colour into a pipe")
            }
        }

        @Test func aTokenIsAskedForAndTaken() async throws {
            try await Scratch.with("token") { scratch in
                let web = try await scratch.nginx()
                let token = "a-token-of-this-test-only-0123456789"
                let server = try await scratch.serve(
                    ServeTests.fleet([ServeTests.hourly("web", web.address + "/web")]),
                    environment: ["STOKER_TOKEN": token])
                let at = ["STOKER_SERVER": server.address]
                try await server.wait(for: "web", toBe: "up")
                let status = try await scratch.stoker("status", environment: at)
                #expect(status.exit == .code(0), "reading is open: \(status.tail)")

                let none = try await scratch.stoker("ping", "web", environment: at)
                #expect(none.exit == .code(3))
                #expect(none.errors.contains("could not ping the check: \(server.address) wants its token"))
                #expect(none.errors.contains("STOKER_TOKEN or --token"))
                let wrong = try await scratch.stoker(
                    "pause", "web", "--token", "not-this-one", "--json", environment: at)
                #expect(wrong.exit == .code(3))
                #expect(try Self.error(wrong).code.string == "unauthorized")
                #expect(try Self.error(wrong).message.string?.contains("does not accept this token") == true)
                #expect(!wrong.errors.contains("not-this-one"))
                #expect(try await web.answered("/web") == 1)

                let given = try await scratch.stoker("ping", "web", "--token", token, environment: at)
                #expect(given.exit == .code(0), "\(given.tail)")
                let named = try await scratch.stoker(
                    "ping", "web", "--format", "quiet", environment: at.merging(["STOKER_TOKEN": token]) { $1 })
                #expect(named.exit == .code(0), "\(named.tail)")
                #expect(named.output.isEmpty && named.errors.isEmpty)
                #expect(try await web.answered("/web") == 3)
            }
        }

        @Test func initTakesAListOfPings() async throws {
            try await Scratch.with("from") { scratch in
                let list = try scratch.write(
                    """
                    [{"url": "https://acme-bot.hf.space/health", "interval_minutes": 5, "space_id": "acme/bot"},
                     {"url": "https://example.com/"}]
                    """, to: "pings.json")
                let made = try await scratch.stoker("init", "--from", list)
                #expect(made.exit == .code(0), "\(made.tail)")
                let config = try Self.json(try await scratch.stoker("check-config", "--json"))
                #expect(
                    config.checks.array.compactMap(\.address.string) == [
                        "https://acme-bot.hf.space/health", "https://example.com/",
                    ])
                #expect(config.checks[0].every_seconds.int == 300)

                let piped = try await scratch.stoker("init", "--from", "-", "--output", "-", input: list)
                // The comment that leads an editor to the schema is for the file that has it beside it.
                func lines(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.hasPrefix("#") } }
                let file = try String(contentsOfFile: scratch.path + "/fleet.yaml", encoding: .utf8)
                #expect(lines(piped.output) == lines(file))
                let kept = try await scratch.stoker("init", "--from", list)
                #expect(kept.exit == .code(2))
                #expect(kept.errors.contains("--force overwrites it"))
                let forced = try await scratch.stoker("init", "acme/other", "--force")
                #expect(forced.exit == .code(0))
                let broken = try await scratch.stoker(
                    "init", "--from", try scratch.write("{\"a\"", to: "broken.json"), "-o", "-")
                #expect(broken.exit == .code(2))
                #expect(broken.output.isEmpty)
            }
        }

        @Test(arguments: ["apps-script", "n8n", "github-actions", "crontab", "uptimerobot"])
        func eachExportWakesTheMasterAndTheWarmSpaces(kind: String) async throws {
            try await Scratch.with("export") { scratch in
                try scratch.write(
                    "version: 1\nspaces:\n  acme/bot: { keep: { warmth: hot } }\n  acme/demo: {}\n", to: "fleet.yaml")
                let master = "https://acme-master.hf.space"
                let shown = try await scratch.stoker("export", kind, "--master", master)
                #expect(shown.exit == .code(0), "\(shown.tail)")
                #expect(shown.output.contains(master + "/health"))
                #expect(shown.output.contains("acme-bot.hf.space"))
                #expect(!shown.output.contains("acme-demo"), "what may sleep is not woken from outside")
                #expect(shown.errors.contains("  * "), "what to do next")
                if kind == "n8n" { _ = try Self.json(shown) }

                let written = try await scratch.stoker("export", kind, "--master", master, "-o", "made/waker")
                #expect(written.exit == .code(0), "\(written.tail)")
                #expect(written.output.isEmpty)
                #expect(try String(contentsOfFile: scratch.path + "/made/waker", encoding: .utf8) == shown.output)
                let again = try await scratch.stoker("export", kind, "--master", master, "-o", "made/waker")
                #expect(again.exit == .code(2))
                let forced = try await scratch.stoker("export", kind, "--master", master, "-o", "made/waker", "--force")
                #expect(forced.exit == .code(0))
            }
        }

        @Test func aWrongCommandLineIsToldInTheFormatAskedFor() async throws {
            try await Scratch.with("wrong") { scratch in
                let command = try await scratch.stoker("statsu", "--json")
                #expect(command.exit == .code(2))
                #expect(try Self.error(command).hint.string?.contains("`stoker status`") == true)
                let help = try await scratch.stoker("help", "statsu")
                #expect(help.exit == .code(2))
                let name = try await scratch.stoker("ping", "--format", "json")
                #expect(name.exit == .code(2))
                #expect(try Self.error(name).code.string == "usage")
                let option = try await scratch.stoker("status", "--limt", "3")
                #expect(option.exit == .code(2))
                #expect(option.errors.contains("'--limit'"))
                #expect(option.errors.contains("hint: see `stoker status --help`"))
                let both = try await scratch.stoker("budget", "--json", "--format", "quiet")
                #expect(both.exit == .code(2))
                let file = try await scratch.stoker("check-config", "none.yaml", "--json")
                #expect(file.exit == .code(2))
                #expect(try Self.error(file).code.string == "fleet.unreadable")
                let fleet = try scratch.write(ServeTests.fleet([]), to: "fleet.yaml")
                let host = try await scratch.stoker(
                    "serve", "-f", fleet, "--host", "300.1.1.1", "--port", "0", "--data", "d")
                #expect(host.exit == .code(3), "\(host.tail)")
                #expect(host.errors.contains("could not listen on 300.1.1.1"))
            }
        }

        @Test func anyOperationCanBeCalledByItsName() async throws {
            try await Scratch.with("call") { scratch in
                let list = try Self.json(try await scratch.stoker("call", "--list", "--json")).array
                #expect(list.compactMap(\.name.string).contains("list-actions"))
                let help = try await scratch.stoker("call", "incidents", "--help")
                #expect(help.exit == .code(0) && help.output.contains("GET /api/v1/incidents"), "\(help.tail)")
                let own = try await scratch.stoker("call", "--help")
                #expect(own.exit == .code(0) && own.output.contains("stoker call --list"), "\(own.tail)")

                let fleet = try scratch.write(ServeTests.fleet([]), to: "fleet.yaml")
                let report = try Self.json(try await scratch.stoker("call", "check-config", "-f", fleet, "--json"))
                #expect(report.valid == .bool(true))
                let broken = try scratch.write("version: 1\nspacs: {}\n", to: "broken.yaml")
                let budget = try await scratch.stoker("call", "budget", "-f", broken)
                #expect(budget.exit == .code(2) && budget.errors.contains("broken.yaml:2:1: error:"), "\(budget.tail)")

                let name = try await scratch.stoker("call", "incident", "--json")
                #expect(name.exit == .code(2))
                #expect(try Self.error(name).hint.string?.contains("\"incidents\"") == true)
                let inputs = try await scratch.stoker("call", "export", "kind=none", "mster=x", "--json")
                #expect(inputs.exit == .code(2))
                #expect(try Self.error(inputs).message.string?.contains("did you mean \"master\"?") == true)
                let absent = try await scratch.stoker(
                    "call", "overview", environment: ["STOKER_SERVER": "http://127.0.0.1:9"])
                #expect(absent.exit == .code(3), "\(absent.tail)")

                let server = try await scratch.serve(ServeTests.fleet([]))
                let overview = try await scratch.stoker(
                    "call", "overview", environment: ["STOKER_SERVER": server.address])
                #expect(overview.exit == .code(0) && overview.output.contains("sentence  "), "\(overview.tail)")
                let actions = try await scratch.stoker("call", "list-actions", "--server", server.address)
                #expect(actions.exit == .code(0) && actions.output == "items: none\n", "\(actions.tail)")
            }
        }

        @Test func aFleetFileFromStandardInputAndWarningsThatCount() async throws {
            try await Scratch.with("stdin") { scratch in
                let empty = try scratch.write("version: 1\n", to: "empty.yaml")
                let well = try await scratch.stoker("check-config", "-", input: empty)
                #expect(well.exit == .code(0), "\(well.tail)")
                #expect(well.errors.contains("-:1:1: warning:"))
                let strict = try await scratch.stoker("check-config", empty, "--strict", "--format", "quiet")
                #expect(strict.exit == .code(1))
                #expect(strict.output.isEmpty)
            }
        }
    }
}
