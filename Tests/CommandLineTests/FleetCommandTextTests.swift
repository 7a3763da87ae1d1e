import Operations
import StokerCore
import Testing

@testable import CommandLine

/// What the commands about a fleet file show of the operations' answers.
@Suite struct FleetCommandTextTests {
    /// A caller in the operation's own process, as a command is.
    struct LocalCaller: OperationCaller {
        var isLocal: Bool { true }
    }

    static let sample = """
        hub: { namespace: acme }
        serve: { public_url: https://acme-master.hf.space }
        spaces:
          bot: { keep: { warmth: hot, path: /health } }
          llm: { keep: { warmth: warm } }
          rag: { keep: { every: 30m } }
          private: { keep: { every: 2m, headers: { Authorization: "Bearer ${KEY:-s3cret}" } } }
        targets:
          keyed: { url: "https://api.example.com/a?key=s3cret", every: 1m }
          odd: { url: "https://api.example.com/it's%20100%", every: 3m }
          db: { url: "tcp://db.example.com:5432", every: 1m }
          off: { url: https://off.example.com, every: 1m, paused: true }
        heartbeats:
          job: { every: 1m }
        """

    private func answer(
        _ operation: Operations.Operation, _ text: String, _ given: [(name: String, value: JSONValue)] = []
    ) async throws -> JSONValue {
        let file = FleetText(name: "fleet.yaml", text: text)
        return try await operation.call(
            given + [("fleet_file", file.json)],
            in: OperationContext(now: { Instant(seconds: 1_000_000) }, caller: LocalCaller()))
    }

    @Test func theReportSaysWhatIsPingedWhen() async throws {
        let text = FleetReportText.text(try await answer(.checkConfig, Self.sample))
        #expect(text.contains("9 checks (4 Spaces, 4 targets, 1 heartbeat)"))
        #expect(text.contains("every 2m (hot)"))
        #expect(text.contains("GET https://acme-bot.hf.space/health"))
        #expect(text.contains("/api/heartbeats/job"))
        let levels = try #require(text.firstRange(of: "\nWarmth\n"))
        let hot = try #require(text[levels.upperBound...].split(separator: "\n").first { $0.contains("hot") })
        #expect(hot.hasSuffix("bot, private"))
        #expect(!text.contains("s3cret"))
    }

    @Test func aFleetOfOneEveryFiveMinutesIsToldInNumbers() async throws {
        let four = "keep: { every: 5m }\nspaces: { a/one: , a/two: , a/three: , a/four: }"
        let text = BudgetText.text(try await answer(.budget, four))
        #expect(text.contains("1,152") && text.contains("288") && text.contains("75 % fewer"))
        #expect(text.contains("makes 10 of these at most"))
        let other = BudgetText.text(try await answer(.budget, four, [("every", "10m")]))
        #expect(other.contains("only the master, every 10m") && other.contains("144"))
    }

    @Test func wakingMayCostMoreThanItSaves() async throws {
        #expect(BudgetText.text(try await answer(.budget, "spaces: { a/one: }")).contains("costs more"))
    }

    @Test func anEmptyFleetSpendsNothingAndADiscoveredOneSomething() async throws {
        #expect(BudgetText.text(try await answer(.budget, "version: 1")).contains("nothing is spent"))
        let text = BudgetText.text(
            try await answer(.budget, "hub: { namespace: a, discover: true }\nkeep: { every: 5m }"))
        #expect(text.contains("each adds 288 requests a day"))
        #expect(!text.contains("nothing is spent"))
    }

    @Test func whatTheHubLeavesIsShown() {
        let answer: JSONValue = [
            "account": "hf_…1234 from HF_TOKEN", "plan": "free",
            "windows": [["bucket": "api", "left": 742, "quota": 1000, "ends_in_seconds": 131]],
            "commits": [["repo": "space a/b", "last_hour": 3, "budget": 128]],
            "stops": [["what": "commits to space a/b", "seconds": 60, "said": "slow down"]],
        ]
        let text = BudgetText.allowance(answer)
        #expect(
            text.contains("742") && text.contains("1,000") && text.contains("in 2m11s") && text.contains("hf_…1234"))
        #expect(text.contains("quota of the plan free"))
        #expect(text.contains("space a/b: 3 of about 128 commits"))
        #expect(text.contains("stopped: commits to space a/b, for 1m: slow down"))
        let empty = BudgetText.allowance(["account": nil, "windows": []], server: "https://stoker.example")
        #expect(empty.contains("did not say") && empty.contains("the account of https://stoker.example"))
    }

    @Test func mistakesLookLikeACompilers() async throws {
        let file = FleetText(name: "f.yaml", text: "targets:\n  a: { url: 17, evry: 1 }\n")
        let report = try await Operations.Operation.checkConfig.call(
            [("fleet_file", file.json)], in: OperationContext(now: { .never }))
        #expect(report["valid"] == false)
        let lines = (report["problems"]?.array ?? []).map { ProblemPrinter.Line($0) }
        let plain = ProblemPrinter(name: file.name, source: file.text, look: .plain).text(lines)
        #expect(plain.hasPrefix("f.yaml:2:"))
        #expect(plain.contains(": error: targets.a"))
        #expect(plain.contains("\n 2 |   a: { url: 17, evry: 1 }\n   | "))
        #expect(plain.hasSuffix("\nf.yaml: \(lines.count) problems\n"))
        let coloured = ProblemPrinter(name: file.name, source: file.text, look: TextLook(hasColour: true)).text(lines)
        #expect(coloured.contains("\u{1B}[1;31merror:"))
    }

    /// The line of the fleet file that happens to have the same number would mislead.
    @Test func aMistakeOfTheEnvironmentFileShowsNoLineOfTheFleetFile() {
        let file = FleetText(
            name: "f.yaml", text: "targets: { t: \"https://${HOST}/\" }\n",
            environmentFile: .init(name: "own.env", text: "HOST 'x'\n"))
        guard case .failure(let problems) = file.read() else {
            Issue.record("it was read")
            return
        }
        let text = ProblemPrinter(name: file.name, source: file.text, look: .plain).text(
            problems.list.map(ProblemPrinter.Line.init))
        #expect(text.hasPrefix("own.env:1:"))
        #expect(!text.contains("https://") && !text.contains("f.yaml"))
    }

    @Test func troubleStandsLastInAReportOfChecks() {
        func check(_ name: String, _ outcome: String, trouble: Bool) -> JSONValue {
            [
                "name": .string(name), "outcome": .string(outcome), "trouble": .bool(trouble), "sentence": "refused",
                "detail": "", "status_code": nil, "latency_ms": 3,
            ]
        }
        let text = CheckReportText.text(
            [
                "left_out": 2,
                "checks": [check("bad", "down", trouble: true), check("good", "up", trouble: false)],
            ], Terminal(look: .plain, errorLook: .plain))
        let good = text.firstRange(of: "good")?.lowerBound
        let bad = text.firstRange(of: "bad")?.lowerBound
        #expect(good != nil && bad != nil && good! < bad!)
        #expect(text.hasSuffix("Trouble: 1 of 2 probed. 2 left out (heartbeats, paused).\n"))
    }
}
