import Operations
import StokerCore
import TestSupport
import Testing

/// Operations that look at a fleet file or at the running fleet, whichever there is.
@Suite struct FleetFileOperationTests {
    struct LocalCaller: OperationCaller {
        var isLocal: Bool { true }
    }

    static let text = """
        serve: { public_url: https://acme-master.hf.space }
        hub: { watch: false }
        spaces:
          acme/bot: { keep: { warmth: hot } }
          acme/demo: { keep: { every: 12h, headers: { X-Key: "${KEY:-none}" } } }
        heartbeats: { job: { every: 1h } }
        """

    static func local(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)] = [], text: String? = Self.text
    ) async throws -> JSONValue {
        let context = OperationContext(now: { Instant(seconds: 1_000_000) }, caller: LocalCaller())
        let file = text.map { [(name: "fleet_file", value: FleetText(name: "f.yaml", text: $0).json)] } ?? []
        return try await operation.call(given + file, in: context)
    }

    @Test func aFleetFileIsExplained() async throws {
        let report = try await Self.local(.checkConfig)
        #expect(problems(of: report, as: .shape(Operations.Operation.checkConfig.answer), at: "report") == [])
        #expect(report["valid"] == true && report["file"] == "f.yaml")
        let checks = try #require(report["checks"]?.array)
        #expect(checks.compactMap { $0["name"]?.string } == ["bot", "demo", "job"])
        #expect(checks[0]["requests_per_day"]?.double == 720 && checks[0]["every_seconds"]?.double == 120)
        #expect(checks[2]["address"] == .null && checks[2]["timeout_seconds"] == .null)
        #expect(report["budget"]?["checks"] == 2)
        #expect(report["warmth"]?.array?.first?["checks"] == ["bot"])
    }

    @Test func everyMistakeIsToldWithItsPlace() async throws {
        let report = try await Self.local(
            .checkConfig, text: "targets:\n  a: { url: 17, evry: 1 }\n  b: { url: \"https://${NOWHERE}/\" }\n")
        #expect(problems(of: report, as: .shape(Operations.Operation.checkConfig.answer), at: "report") == [])
        #expect(report["valid"] == false)
        let lines = try #require(report["problems"]?.array)
        #expect(Set(lines.compactMap { $0["line"]?.integer }) == [2, 3])
        #expect(lines.contains { $0["rule"] == "unknown-key" } && lines.contains { $0["rule"] == "variable" })
    }

    /// What a server knows must not be asked for by a file that somebody sends.
    @Test func aTextIsFilledWithItsOwnVariablesOnly() async throws {
        let text = "targets: { t: \"https://${HOST}/${PATH}\" }"
        let refused = try await Self.local(.checkConfig, text: text)
        #expect(refused["problems"]?.array?.count == 2, "PATH is set in every process")
        let file = FleetText(
            name: "f.yaml", text: text, variables: ["PATH": "a", "OTHER": "not sent"],
            environmentFile: .init(name: ".env", text: "HOST=example.com\nPATH=b\nnonsense\n"))
        #expect(!file.json.text.contains("not sent"))
        let report = try await Operations.Operation.checkConfig.call(
            [("fleet_file", file.json)], in: OperationContext(now: { .never }))
        #expect(report["checks"]?.array?.first?["address"] == "https://example.com/***")
        #expect(report["warnings"]?.array?.contains { $0["text"]?.string?.contains(".env:3:") == true } == true)
    }

    @Test func aBudgetIsOfTheFileOrOfTheRunningFleet() async throws {
        let budget = try await Self.local(.budget, [("every", "10m")])
        #expect(problems(of: budget, as: .shape(Operations.Operation.budget.answer), at: "budget") == [])
        #expect(budget["through_master"]?["per_day"]?.double == 144)
        let fleet = FleetDouble()
        let running = try await fleet.call("budget")
        let checks = await fleet.monitor.fleet().checks
        #expect(
            running["checks"]?.integer == checks.count { $0.policy.kind != .heartbeat && $0.policy.enabled })
        let failure = await #expect(throws: Failure.self) { try await Self.local(.budget, text: nil) }
        #expect(failure?.code == .conflict)
        let short = await #expect(throws: Failure.self) { try await Self.local(.budget, [("every", "59s")]) }
        #expect(short?.code == .unsuitable)
    }

    @Test(arguments: ["apps-script", "n8n", "github-actions", "crontab", "uptimerobot"])
    func aWakerIsWritten(kind: String) async throws {
        let made = try await Self.local(.export, [("kind", .string(kind))])
        #expect(problems(of: made, as: .shape(Operations.Operation.export.answer), at: kind) == [])
        let content = try #require(made["content"]?.string)
        #expect(content.contains("https://acme-master.hf.space/health") && content.contains("acme-bot.hf.space"))
        #expect(!content.contains("acme-demo"))
        let other = try await Self.local(.export, [("kind", .string(kind)), ("master", "https://other.example")])
        #expect(other["content"]?.string?.contains("https://other.example/health") == true)
    }

    /// Whoever could name a file's text could have the server look into its own network, or ask a Hub of his.
    @Test(arguments: ["check", "budget", "export", "whoami", "hub-allowance"]) func noRouteTakesAFleet(name: String)
        async throws
    {
        let operation = try #require(Operations.Operation.named(name))
        let given: [(name: String, value: JSONValue)] = operation.pathNames.map { ($0, "crontab") }
        let file = FleetText(name: "f.yaml", text: Self.text)
        let failure = await #expect(throws: Failure.self) {
            try await operation.call(given + [("fleet_file", file.json)], in: OperationContext(now: { .never }))
        }
        #expect(failure?.code == .usage && failure?.because.contains("fleet_file") == true)
    }

    @Test func aFirstFileIsWritten() async throws {
        let draft = try await Self.local(
            .initFleet,
            [
                ("addresses", ["acme/bot", "https://example.com/health"]),
                ("pings", #"[{"url": "https://a.example", "interval_minutes": 5}]"#), ("schema", "fleet.schema.json"),
            ], text: nil)
        #expect(problems(of: draft, as: .shape(Operations.Operation.initFleet.answer), at: "draft") == [])
        #expect(draft["addresses"] == 3)
        let content = try #require(draft["content"]?.string)
        #expect(content.contains("\n# yaml-language-server: $schema=./fleet.schema.json\n"))
        let report = try await Self.local(.checkConfig, text: content)
        #expect(report["valid"] == true && report["checks"]?.array?.count == 3)
        let failure = await #expect(throws: Failure.self) {
            try await Self.local(.initFleet, [("from_hub", .object([]))], text: nil)
        }
        #expect(failure?.code == .hubNoAccount)
    }

    @Test func theSchemaIsTheOneOfTheDocumentation() async throws {
        let made = try await Self.local(.schema, text: nil)
        #expect(problems(of: made, as: .shape(Operations.Operation.schema.answer), at: "schema") == [])
        let schema = try JSONValue(reading: Array((made["content"]?.string ?? "").utf8))
        #expect(schema["title"] == "Stoker fleet file")
    }

    @Test func aCheckLooksOnceAtWhatTheFileNames() async throws {
        // Nothing listens on port 1 of this machine.
        let text = """
            targets:
              a: { url: "http://127.0.0.1:1/", every: 1h, timeout: 5s }
              b: { url: "tcp://127.0.0.1:1", every: 1h, timeout: 5s }
              off: { url: "http://127.0.0.1:1/", paused: true }
            heartbeats: { job: { every: 1h } }
            """
        let report = try await Self.local(.check, text: text)
        #expect(problems(of: report, as: .shape(Operations.Operation.check.answer), at: "check") == [])
        #expect(report["trouble"] == true && report["total"] == 2 && report["left_out"] == 2)
        #expect(report["counts"]?["down"] == 2)
        #expect(report["checks"]?.array?.allSatisfy { $0["trouble"] == true } == true)
        let unknown = await #expect(throws: Failure.self) {
            try await Self.local(.check, [("names", ["aa"])], text: text)
        }
        #expect(unknown?.code == .notFound && unknown?.hint?.contains("\"a\"") == true)
    }
}
