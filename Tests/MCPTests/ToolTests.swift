import Foundation
import MCP
import Operations
import StokerCore
import TestSupport
import Testing

/// The tools as they are listed: all follows from the operations.
@Suite struct ToolTests {
    private static func listing(isLocal: Bool) async throws -> [JSONValue] {
        let answer = await Wire(ScriptedExecutor(), isLocal: isLocal).ask("tools/list")
        return try #require(answer?["result"]?["tools"]?.array)
    }

    /// Names that people who deploy by agents know, and the operation behind each.
    private static let operations: [(tool: String, operation: Operations.Operation)] = [
        ("fleet_status", .listChecks), ("check_history", .checkSeries), ("get_space_runtime", .spaceRuntime),
        ("get_space_logs", .spaceLogs), ("wait_for_space_ready", .waitForSpace), ("check_space_health", .spaceHealth),
        ("diagnose_space", .doctor), ("create_space", .createSpace), ("duplicate_space", .duplicateSpace),
        ("upload_space", .uploadSpace), ("restart_space", .restartSpace), ("pause_space", .pauseSpace),
        ("set_space_hardware", .setHardware), ("set_space_secrets", .setSecrets),
        ("set_space_variables", .setVariables), ("delete_space", .deleteSpace), ("plan", .plan), ("apply", .apply),
        ("drift", .drift), ("snapshots", .listSnapshots), ("restore", .restoreSnapshot),
        ("worker_results", .listFindings),
    ]

    @Test(arguments: [true, false]) func theListIsSmallAndPlain(isLocal: Bool) async throws {
        let tools = try await Self.listing(isLocal: isLocal)
        // A folder to restore into is one of the client's own machine.
        let names = Self.operations.map(\.tool).filter { isLocal || $0 != "restore" }
        #expect(tools.compactMap { $0["name"]?.string } == names)
        #expect(tools.count <= 24)
        #expect(JSONValue.array(tools).bytes.count <= 24 * 1024)
        #expect(try await Self.listing(isLocal: isLocal) == tools)
        for tool in tools {
            let name = tool["name"]?.string ?? ""
            for schema in [tool["inputSchema"], tool["outputSchema"]].compactMap({ $0 }) {
                #expect(schema["type"] == "object" && schema["properties"]?.members != nil, "\(name)")
                Self.lookThrough(schema, name)
            }
            #expect((tool["description"]?.string?.count ?? 0) > 20)
        }
    }

    /// What some clients cannot read: `$ref`, composition, lists without items.
    private static func lookThrough(_ schema: JSONValue, _ tool: String) {
        if let items = schema.array { return items.forEach { lookThrough($0, tool) } }
        for member in schema.members ?? [] {
            #expect(!["$ref", "$schema", "oneOf", "anyOf", "allOf"].contains(member.name), "\(tool)")
            lookThrough(member.value, tool)
        }
        if schema["type"] == "array" { #expect(schema["items"] != nil, "\(tool)") }
    }

    @Test func annotationsFollowFromTheEffect() async throws {
        for (tool, pair) in zip(try await Self.listing(isLocal: true), Self.operations) {
            let (hints, operation) = (tool["annotations"], pair.operation)
            #expect(hints?["readOnlyHint"]?.bool == (operation.effect == .read), "\(pair.tool)")
            #expect(hints?["destructiveHint"]?.bool == (operation.effect == .destructive), "\(pair.tool)")
            #expect(hints?["openWorldHint"]?.bool == !operation.needsFleet, "\(pair.tool)")
            #expect(hints?["idempotentHint"]?.bool != nil && hints?["title"]?.string?.isEmpty == false)
            #expect((tool["outputSchema"] != nil) == (operation.effect == .read), "\(pair.tool)")
            // Whatever asks a person takes the plan.
            #expect((tool["inputSchema"]?["properties"]?["plan_id"] != nil) == operation.asks, "\(pair.tool)")
        }
    }

    @Test func foldersAreForClientsOfThisMachine() async throws {
        for isLocal in [true, false] {
            let upload = try await Self.listing(isLocal: isLocal).first { $0["name"] == "upload_space" }
            #expect((upload?["inputSchema"]?["properties"]?["folder"] != nil) == isLocal)
        }
    }

    @Test func inputsGoToTheOperationUnderItsNames() async throws {
        let executor = ScriptedExecutor([
            "space-logs": { (_, _) throws(Failure) in ["space": "acme/bot", "log": "run", "lines": []] },
            "wait-for-space": { (_, _) throws(Failure) in ["space": "acme/bot", "ready": false, "stage": "BUILDING"] },
            "create-space": { (_, _) throws(Failure) in ["space": "acme/bot", "created": true] },
            "set-space-secrets": { (_, _) throws(Failure) in ["space": "acme/bot", "way": "direct"] },
            "set-space-hardware": { (_, _) throws(Failure) in ["space": "acme/bot", "stage": "RUNNING"] },
        ])
        let wire = Wire(executor)
        _ = await wire.call(
            "get_space_logs", ["space_id": "https://huggingface.co/spaces/acme/bot/logs?x=1", "lines": "7"])
        let waited = await wire.call(
            "wait_for_space_ready", ["space_id": "acme/bot", "timeout": 600, "poll_interval": 2])
        _ = await wire.call(
            "create_space",
            ["space_id": "acme/bot", "sdk": "docker", "private": true, "secrets": ["A": "1"], "hardware": "cpu-basic"])
        let set = await wire.call(
            "set_space_secrets", ["space_id": "acme/bot", "secrets": ["B": "2"], "from_environment": ["API_KEY"]])
        _ = await wire.call("set_space_hardware", ["space_id": "acme/bot", "hardware": "t4-small"])
        let calls = executor.calls
        #expect(
            calls.map(\.name) == [
                "space-logs", "wait-for-space", "create-space", "set-space-secrets", "set-space-hardware",
            ])
        #expect(calls[0].given == ["owner": "acme", "name": "bot", "lines": 7])
        #expect(calls[1].given == ["owner": "acme", "name": "bot", "timeout": "48s", "every": "2s"])
        #expect(waited.structured["next_steps"]?.array?.first?.string?.hasPrefix("still BUILDING, call") == true)
        #expect(calls[2].given["visibility"] == "private" && calls[2].given["secrets"] == [["key": "A", "value": "1"]])
        #expect(
            calls[3].given["values"] == [["key": "B", "value": "2"], ["key": "API_KEY", "value": "sk-of-mine"]])
        #expect(!set.text.contains("sk-of-mine"))
        #expect(calls[4].given["flavor"] == "t4-small")
    }

    @Test(
        arguments: [
            ("get_space_runtime", [:], "\"space_id\" is missing"),
            ("get_space_runtime", ["space_id": "acme/bot", "linse": 3], "\"linse\" is no input"),
            ("get_space_runtime", ["space_id": 3], "space_id"),
            ("get_space_runtime", ["space_id": "no-slash"], "owner/name"),
            ("get_space_logs", ["space_id": "acme/bot", "line": 3], "did you mean lines?"),
            ("get_space_logs", ["space_id": "acme/bot", "lines": 0], "lines"),
            ("get_space_logs", ["space_id": "acme/bot", "log": "rnu"], "run"),
            ("wait_for_space_ready", ["space_id": "acme/bot", "timeout": 100_000], "seconds"),
            (
                "set_space_secrets", ["space_id": "acme/bot", "from_environment": ["HF_TOKEN"]],
                "HF_TOKEN is not allowed"
            ),
            (
                "set_space_secrets", ["space_id": "acme/bot", "from_environment": ["UNSET"]],
                "UNSET is not allowed or not set"
            ),
            ("set_space_variables", ["space_id": "acme/bot"], "\"variables\" is missing"),
            ("upload_space", ["space_id": "acme/bot", "folder": "/etc"], "\"folder\" is no input"),
            ("delete_space", ["space_id": "acme/bot", "confirm": true], "\"confirm\" is no input"),
            ("fleet_status", ["limit": 5_000], "limit"),
        ] as [(String, JSONValue, String)]) func wrongInputsAreToldAsText(
            _ tool: String, _ arguments: JSONValue, _ words: String
        ) async
    {
        let executor = ScriptedExecutor()
        let result = await Wire(executor).call(tool, arguments)
        #expect(result["isError"] == true && result.firstText.contains(words), "\(result.firstText)")
        #expect(result["structuredContent"] == nil && executor.calls.isEmpty)
    }

    @Test func anUnknownToolIsAnErrorOfTheProtocol() async {
        let error = await Wire(ScriptedExecutor()).call("get_space_log")
        #expect(error["code"] == -32_602 && error["message"]?.string?.contains("did you mean get_space_logs") == true)
    }

    @Test func longAnswersAreCutAndSaySo() async throws {
        let line = String(repeating: "a \"quoted\" word; ", count: 40)
        let executor = ScriptedExecutor([
            "space-logs": { (_, _) throws(Failure) in
                [
                    "space": "acme/bot", "log": "run",
                    "lines": .array((0..<1_000).map { ["at": .null, "text": .string("\($0) \(line)")] }),
                ]
            }
        ])
        let result = await Wire(executor).call("get_space_logs", ["space_id": "acme/bot", "lines": 1_000])
        #expect(result.bytes.count <= 32 * 1024)
        let lines = try #require(result.structured["lines"]?.array)
        #expect(lines.count > 5 && lines.last?.string?.hasPrefix("999 ") == true)
        #expect(result.structured["warnings"]?.array?.first?.string?.contains("of 1000") == true)
        #expect(result.firstText == result.structured.text)
    }

    @Test func theFleetIsToldInFewWords() async throws {
        let double = FleetDouble()
        let wire = Wire(ServerToolExecutor(double.context))
        let result = await wire.call("fleet_status", ["limit": 3])
        let checks = try #require(result.structured["checks"]?.array)
        #expect(
            checks.count == 3
                && result.structured["total"]?.integer
                    == result.structured["counts"]?.members?.reduce(0) {
                        $0 + ($1.value.integer ?? 0)
                    }
        )
        #expect(checks.allSatisfy { $0["name"]?.string != nil && $0["verdict"]?.string != nil && $0["id"] == nil })
        let history = await wire.call("check_history", ["check": checks[0]["name"] ?? .null])
        #expect(history.structured["buckets"]?.array?.count == 24, "\(history.firstText)")
        #expect(history.structured["verdict"] != nil)
        let fleet = await wire.ask("resources/read", ["uri": "stoker://fleet"])
        #expect(fleet?["result"]?["contents"]?.array?.first?["text"]?.string?.contains("\"checks\"") == true)
        let completed = await wire.ask(
            "completion/complete",
            [
                "ref": ["type": "ref/prompt", "name": "why_is_down"],
                "argument": ["name": "target", "value": .string(String(checks[0]["name"]?.string?.prefix(1) ?? ""))],
            ])
        #expect(completed?["result"]?["completion"]?["values"]?.array?.isEmpty == false)
    }

    @Test func pagesOfTheDocumentationAreThere() async throws {
        let wire = Wire(ScriptedExecutor())
        let list = try #require(await wire.ask("resources/list")?["result"]?["resources"]?.array)
        for resource in list.dropFirst() {
            let page = await wire.ask("resources/read", ["uri": resource["uri"] ?? .null])
            let text = try #require(page?["result"]?["contents"]?.array?.first?["text"]?.string)
            #expect(text.hasPrefix("# ") && text.utf8.count <= 32 * 1024)
            #expect(resource["title"]?.string?.isEmpty == false)
        }
        #expect(list.count > 5)
    }
}
