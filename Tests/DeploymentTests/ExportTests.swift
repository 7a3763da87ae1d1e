import Deployment
import Foundation
import StokerCore
import Testing
import Yams

@Suite struct ExportTests {
    func export(_ kind: Export.Kind, _ text: String = sampleText, every: Duration = .seconds(300)) throws -> String {
        try Export.make(kind, fleet: try fleet(text), wakeEvery: every).content
    }

    @Test(arguments: Export.Kind.allCases) func noSecretLeavesTheFleet(kind: Export.Kind) throws {
        let export = try Export.make(kind, fleet: try fleet(sampleText, ["KEY": "t0psecret"]))
        for text in [export.content, export.instructions.joined()] {
            #expect(!text.contains("s3cret") && !text.contains("t0psecret") && !text.contains("?key="))
        }
        #expect(export.content.contains("https://acme-master.hf.space/health"))
        #expect(export.instructions.joined().contains("private, keyed"))
        #expect(!export.content.contains("acme-rag"), "pinged every 30m: it can wait for the master")
        #expect(!export.content.contains("off.example.com") && !export.content.contains("db.example.com"))
    }

    @Test(arguments: Export.Kind.allCases) func withoutAMasterThereIsAPlaceholderThatIsExplained(kind: Export.Kind)
        throws
    {
        let export = try Export.make(kind, fleet: try fleet("spaces: { a/b: }"))
        #expect(export.content.contains("YOUR-MASTER"))
        #expect(export.instructions.joined().contains("YOUR-MASTER"))
        #expect(export.instructions.joined().contains("No check is hot or warm"))
    }

    @Test(arguments: Export.Kind.allCases) func whatCannotWorkOutsideIsLeftOutAndTold(kind: Export.Kind) throws {
        let text = """
            serve: { public_url: "http://127.0.0.1:7860" }
            spaces: { acme/hidden: { keep: { warmth: hot } }, acme/open: { keep: { warmth: hot } } }
            targets: { near: { url: "http://192.168.1.9/x", every: 1m }, here: { url: "http://localhost:9/", every: 1m } }
            """
        let export = try Export.make(kind, fleet: try fleet(text), hidden: ["hidden"])
        for gone in ["acme-hidden", "192.168", "localhost:9"] { #expect(!export.content.contains(gone), "\(gone)") }
        #expect(export.content.contains("acme-open"))
        let told = export.instructions.joined(separator: "\n")
        #expect(told.contains("answer only with a token") && told.contains(": hidden."))
        #expect(told.contains("reaches their addresses: near, here."))
        #expect(told.contains("http://127.0.0.1:7860 is reached from this machine"))
    }

    @Test(arguments: Export.Kind.allCases) func aSpaceWithoutAnAddressIsLeftOutAndTold(kind: Export.Kind) throws {
        var fleet = try fleet("version: 1\nspaces: { acme/new: { keep: { warmth: hot } } }\n")
        for index in fleet.checks.indices { fleet.checks[index].address = "" }
        let export = try Export.make(kind, fleet: fleet, hidden: [])
        #expect(export.instructions.contains { $0.contains("tells no address") && $0.contains("new") })
        for empty in ["for u in ''", "url: \"\"", "url: \\\"\\\"", "HTTP,new,,"] {
            #expect(!export.content.contains(empty))
        }
    }

    @Test(arguments: ["tcp://a:1", "x", "https://a/?k=v"]) func aMasterThatIsNoneIsRefused(master: String) {
        #expect(throws: Failure.self) { try Export.make(.n8n, fleet: Fleet(), master: master) }
    }

    @Test(arguments: [Duration.seconds(30), .seconds(90), .seconds(3_600)]) func oddIntervalsAreRefused(every: Duration)
    {
        #expect(throws: Failure.self) { try Export.make(.crontab, fleet: Fleet(), wakeEvery: every) }
    }

    // MARK: Apps Script, run by node with stubs for Google's services

    /// Runs the script in a little world and returns what `scenario` logs, one JSON value a line.
    func play(_ scenario: String, every: Duration = .seconds(300)) async throws -> [String] {
        let stubs = """
            const log = [], store = {}, triggers = [];
            let now = 1700000000000;
            Date.now = () => now;
            let answer = () => { throw new Error("unreachable"); };
            const PropertiesService = { getScriptProperties: () => ({
              getProperty: (k) => (k in store ? store[k] : null),
              setProperty: (k, v) => { if (typeof v !== "string") throw new Error("properties are text"); store[k] = v; } }) };
            const UrlFetchApp = {
              fetch: (url, options) => { log.push(["fetch", url]); if (!options.muteHttpExceptions) throw new Error("loud"); return answer(url); },
              fetchAll: (list) => { log.push(["fetchAll"].concat(list.map((r) => r.url))); return list.map((r) => answer(r.url)); } };
            const ScriptApp = {
              getProjectTriggers: () => triggers.slice(),
              deleteTrigger: (t) => { triggers.splice(triggers.indexOf(t), 1); log.push(["delete"]); },
              newTrigger: (name) => ({ timeBased: () => ({ everyMinutes: (n) => ({ create: () => {
                if (![1, 5, 10, 15, 30].includes(n)) throw new Error("no such trigger: " + n);
                triggers.push({ getHandlerFunction: () => name }); log.push(["trigger", name, n]); } }) }) }) };
            console.warn = console.info = () => {};
            const alive = () => ({ getResponseCode: () => 200, getContentText: () => '{"status":"alive"}' });
            const page = () => ({ getResponseCode: () => 200, getContentText: () => "<html>starting</html>" });

            """
        let script =
            stubs + (try export(.appsScript, every: every)) + scenario
            + "\nlog.forEach((line) => process.stdout.write(JSON.stringify(line) + '\\n'));\n"
        let (output, status) = try await Program.run("node", [], file: script, suffix: "js")
        try #require(status == 0, "\(output)")
        return output.split(separator: "\n").map(String.init)
    }

    static let hasNode = Program.exists("node")
    static let master = #"["fetch","https://acme-master.hf.space/health"]"#

    @Test(.enabled(if: hasNode, "node is not installed")) func setUpMakesOneTriggerHoweverOftenItRuns() async throws {
        let lines = try await play("answer = alive; setup(); now += 600000; setup();")
        #expect(
            lines == [#"["trigger","wake",5]"#, Self.master, #"["delete"]"#, #"["trigger","wake",5]"#, Self.master])
    }

    @Test(.enabled(if: hasNode, "node is not installed")) func anAwakeMasterIsAllThatIsAsked() async throws {
        let lines = try await play("answer = alive; for (let i = 0; i < 4; i++) { wake(); now += 300000; }")
        #expect(lines == Array(repeating: Self.master, count: 4))
    }

    @Test(.enabled(if: hasNode, "node is not installed")) func aSilentMasterIsStoodInForAtEachSpacesOwnPace()
        async throws
    {
        let lines = try await play(
            "for (let i = 0; i < 3; i++) { wake(); now += 300000; } answer = alive; wake(); now += 300000; answer = page; wake();"
        )
        let all =
            #"["fetchAll","https://acme-bot.hf.space/health","https://acme-llm.hf.space/","https://api.example.com/it's%20100%"]"#
        #expect(lines == [Self.master, Self.master, all, Self.master, all, Self.master, Self.master])
    }

    @Test(.enabled(if: hasNode, "node is not installed")) func threeMinutesAreMadeOfTriggersThatExist() async throws {
        let lines = try await play(
            "answer = alive; setup(); for (let i = 0; i < 6; i++) { now += 60000; wake(); }", every: .seconds(180))
        #expect(lines == [#"["trigger","wake",1]"#, Self.master, Self.master, Self.master])
    }

    @Test(.enabled(if: hasNode, "node is not installed")) func aPlaceholderIsNotScheduled() async throws {
        let script =
            try export(.appsScript, "spaces: { a/b: }")
            + "\ntry { setup(); } catch (error) { console.log(error.message); }\n"
        let (output, _) = try await Program.run("node", [], file: script, suffix: "js")
        #expect(output.contains("Put your master's address"))
    }

    // MARK: n8n

    @Test func theWorkflowHangsTogether() throws {
        let json = try export(.n8n)
        let workflow = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let nodes = try #require(workflow["nodes"] as? [[String: Any]])
        let names = Set(nodes.compactMap { $0["name"] as? String })
        #expect(names.count == nodes.count)
        #expect(Set(nodes.compactMap { $0["id"] as? String }).count == nodes.count)
        for node in nodes {
            let id = try #require(node["id"] as? String)
            #expect(UUID(uuidString: id) != nil)
            #expect((node["type"] as? String)?.hasPrefix("n8n-nodes-base.") == true)
            #expect(
                node["typeVersion"] is NSNumber && (node["position"] as? [Any])?.count == 2
                    && node["parameters"] is [String: Any])
            #expect(node["credentials"] == nil)
        }
        // Every connection joins nodes that exist, and from the trigger every node but the note is reached.
        let connections = try #require(workflow["connections"] as? [String: [String: [[[String: Any]]]]])
        var reached: Set<String> = ["Every 5 minutes"]
        var open = ["Every 5 minutes"]
        while let name = open.popLast() {
            for branch in connections[name]?["main"] ?? [] {
                for link in branch {
                    let target = try #require(link["node"] as? String)
                    #expect(names.contains(target))
                    if reached.insert(target).inserted { open.append(target) }
                }
            }
        }
        #expect(reached == names.subtracting(["Read me"]))
        #expect(Set(connections.keys).isSubset(of: names))
        let trigger = try #require(nodes.first { ($0["type"] as? String) == "n8n-nodes-base.scheduleTrigger" })
        let rule = try #require(
            ((trigger["parameters"] as? [String: Any])?["rule"] as? [String: Any])?["interval"] as? [[String: Any]])
        #expect(rule.first?["minutesInterval"] as? Int == 5)
        // What n8n's own sources call these parameters; see the head of N8N.swift.
        func parameters(_ type: String) -> [[String: Any]] {
            nodes.filter { ($0["type"] as? String) == "n8n-nodes-base.\(type)" }
                .compactMap { $0["parameters"] as? [String: Any] }
        }
        let requests = parameters("httpRequest")
        #expect(requests.count == 2)
        for request in requests {
            #expect(Set(request.keys) == ["url", "options"])
            let options = try #require(request["options"] as? [String: Any])
            #expect(Set(options.keys) == ["timeout", "response", "redirect"])
        }
        let condition = try #require(parameters("if").first)
        #expect(Set(condition.keys) == ["conditions", "looseTypeValidation", "options"])
        #expect(
            Set(try #require(condition["conditions"] as? [String: Any]).keys) == [
                "options", "conditions", "combinator",
            ])
        #expect(try export(.n8n) == json, "two exports of one fleet are equal")
    }

    @Test(.enabled(if: hasNode, "node is not installed")) func theWorkflowsCodeListsTheCriticalSpaces() async throws {
        let json = try export(.n8n)
        let workflow = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let nodes = try #require(workflow["nodes"] as? [[String: Any]])
        let codes = nodes.compactMap { ($0["parameters"] as? [String: Any])?["jsCode"] as? String }
        let code = try #require(codes.first)
        let (output, status) = try await Program.run(
            "node", [],
            file: "const items = (() => {\n\(code)})();\nconsole.log(items.map((i) => i.json.url).join(' '));",
            suffix: "js")
        #expect(status == 0)
        #expect(
            output
                == "https://acme-bot.hf.space/health https://acme-llm.hf.space/ https://api.example.com/it's%20100%\n")
    }

    // MARK: GitHub Actions

    @Test func theWorkflowOfGitHubIsOne() async throws {
        let text = try export(.githubActions)
        let workflow = try #require(try Yams.load(yaml: text) as? [String: Any])
        let triggers = try #require(workflow["on"] as? [String: Any] ?? workflow["true"] as? [String: Any])
        let schedule = try #require(triggers["schedule"] as? [[String: Any]])
        #expect(schedule.compactMap { $0["cron"] as? String } == ["2-57/5 * * * *"])
        #expect(triggers.keys.contains("workflow_dispatch"))
        #expect((workflow["permissions"] as? [String: Any])?.isEmpty == true)
        let jobs = try #require(workflow["jobs"] as? [String: [String: Any]])
        let steps = try #require(jobs["wake"]?["steps"] as? [[String: Any]])
        #expect(steps.count == 2)
        #expect(steps[1]["if"] as? String == "steps.master.outcome == 'failure'")
        for step in steps {
            let script = try #require(step["run"] as? String)
            let (output, status) = try await Program.run("bash", ["-n"], file: script, suffix: "sh")
            #expect(status == 0, "\(output)")
        }
        // The addresses survive the shell's quotes.
        let probe = try #require(steps[1]["run"] as? String).replacing("curl", with: "echo")
        let (output, _) = try await Program.run("bash", [], file: probe, suffix: "sh")
        #expect(output.contains("https://api.example.com/it's%20100%"))
        #expect(text.contains("60 days"))
    }

    @Test func gitHubStartsNothingMoreOftenThanEveryFiveMinutes() throws {
        let text = try export(.githubActions, every: .seconds(180))
        #expect(text.contains("cron: \"2-57/5 * * * *\"") && text.contains("became 5"))
    }

    @Test func withoutCriticalSpacesThereIsOneStep() throws {
        let workflow = try #require(
            try Yams.load(yaml: try export(.githubActions, "spaces: { a/b: }")) as? [String: Any])
        let jobs = try #require(workflow["jobs"] as? [String: [String: Any]])
        #expect((jobs["wake"]?["steps"] as? [Any])?.count == 1)
    }

    // MARK: crontab

    /// The grammar of crontab(5): five fields, then the command, in which a bare `%` would be a line break.
    func commands(_ text: String) throws -> [(field: String, command: String)] {
        try text.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.contains(#/^[A-Z]+=/#) }.map { line in
            let match = try #require(line.wholeMatch(of: #/([0-9*,\/-]+) \* \* \* \* (.+)/#), "\(line)")
            let command = String(match.2)
            #expect(line.utf8.count < 998)
            #expect(!command.contains(#/[^\\]%/#), "a bare % ends the command")
            return (String(match.1), command.replacing("\\%", with: "%"))
        }
    }

    @Test func theCrontabIsOne() async throws {
        let lines = try commands(try export(.crontab))
        #expect(lines.map(\.field) == ["2-57/5"])
        for line in lines {
            let (output, status) = try await Program.run("bash", ["-n"], file: line.command, suffix: "sh")
            #expect(status == 0, "\(output)")
        }
    }

    /// Runs the line with a `curl` that writes down what it is asked for.
    @Test(arguments: [true, false]) func theLineWakesTheSpacesOnlyWhenTheMasterIsSilent(alive: Bool) async throws {
        let line = try #require(try commands(try export(.crontab)).first).command
        let script = """
            curl() { for last; do :; done; echo "asked $last" >&2; case "$last" in *master*) echo '{"status":"\(alive ? "alive" : "asleep")"}';; esac; }
            \(line.replacing(" 2>/dev/null", with: ""))
            wait
            """
        let (output, _) = try await Program.run("bash", [], file: script, suffix: "sh")
        let asked = Set(output.split(separator: "\n").map(String.init))
        let spaces: Set = [
            "asked https://acme-bot.hf.space/health", "asked https://acme-llm.hf.space/",
            "asked https://api.example.com/it's%20100%",
        ]
        #expect(asked == spaces.filter { _ in !alive }.union(["asked https://acme-master.hf.space/health"]))
    }

    @Test func manySpacesAreSpreadOverLinesThatCronCanRun() throws {
        let many = "keep: { warmth: hot }\nspaces:\n" + (0..<60).map { "  acme/space-with-a-name-\($0):\n" }.joined()
        let lines = try commands(try export(.crontab, many))
        #expect(lines.count > 3)
        let text = lines.map(\.command).joined()
        for number in 0..<60 { #expect(text.contains("acme-space-with-a-name-\(number).hf.space")) }
    }

    @Test(arguments: [(1, "*"), (3, "2-59/3"), (5, "2-57/5"), (7, "2,9,16,23,30,37,44,51,58"), (30, "2-32/30")])
    func minutes(every: Int, field: String) throws {
        #expect(try commands(try export(.crontab, every: .seconds(every * 60)))[0].field == field)
    }

    // MARK: UptimeRobot

    @Test func theListIsCSV() throws {
        let lines = try export(.uptimeRobot).split(separator: "\r\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        #expect(lines.allSatisfy { $0.count == 7 })
        #expect(lines.map { $0[1] } == ["Friendly Name", "Stoker master", "bot", "llm", "odd"])
        #expect(lines.dropFirst().allSatisfy { (Int($0[3]) ?? 0) >= 300 })
    }
}
