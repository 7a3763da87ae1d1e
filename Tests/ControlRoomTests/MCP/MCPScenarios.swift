import MCP
import StokerCore
import Synchronization
import Testing

/// The protocol's public scenarios, told anew: what each one asks of a server, against our fixtures.
///
/// Source: modelcontextprotocol/conformance 0.2.0-alpha.11, its frozen sets of 2025-11-25 (30) and 2026-07-28 (37).
struct MCPScenario: Sendable, CustomTestStringConvertible {
    let name: String
    let run: @Sendable (MCPVisitor) async throws -> Void
    var testDescription: String { name }

    init(_ name: String, _ run: @escaping @Sendable (MCPVisitor) async throws -> Void) {
        self.name = name
        self.run = run
    }

    static let legacy = both + legacyOnly
    static let modern = both + modernOnly

    private static func content(_ reply: MCPVisitor.Reply) -> [JSONValue] { reply.result["content"]?.array ?? [] }
    private static func text(_ reply: MCPVisitor.Reply) -> String { content(reply).first?["text"]?.string ?? "" }
    private static func cached(_ reply: MCPVisitor.Reply, _ visitor: MCPVisitor) {
        guard visitor.era == .modern else { return }
        #expect(reply.result["ttlMs"]?.integer.map { $0 >= 0 } == true)
        #expect(["public", "private"].contains(reply.result["cacheScope"]?.string))
    }

    // MARK: Both eras

    static let both: [MCPScenario] = [
        MCPScenario("completion-complete") { visitor in
            let reply = try await visitor.ask(
                "completion/complete",
                [
                    "ref": ["type": "ref/prompt", "name": "test_prompt_with_arguments"],
                    "argument": ["name": "arg1", "value": "par"],
                ])
            #expect(reply.result["completion"]?["values"]?.array?.compactMap(\.string) == ["paris", "park", "party"])
            #expect(reply.result["completion"]?["hasMore"] == false)
        },
        MCPScenario("tools-list") { visitor in
            let reply = try await visitor.ask("tools/list")
            let tools = reply.result["tools"]?.array ?? []
            #expect(tools.count > 10)
            for tool in tools {
                let name = tool["name"]?.string ?? ""
                #expect((1...64).contains(name.count))
                #expect(name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) })
                #expect(tool["description"]?.string?.isEmpty == false)
                #expect(tool["inputSchema"]?["type"] == "object")
            }
            cached(reply, visitor)
        },
        MCPScenario("tools-call-simple-text") { visitor in
            let reply = try await visitor.ask("tools/call", ["name": "test_simple_text"])
            #expect(content(reply) == [["type": "text", "text": "This is a simple text response for testing."]])
        },
        MCPScenario("tools-call-image") { visitor in
            let image = content(try await visitor.call("test_image_content")).first
            #expect(image?["type"] == "image" && image?["mimeType"] == "image/png")
            #expect(image?["data"]?.string?.hasPrefix("iVBORw0KGgo") == true)
        },
        MCPScenario("tools-call-audio") { visitor in
            let audio = content(try await visitor.call("test_audio_content")).first
            #expect(audio?["type"] == "audio" && audio?["mimeType"] == "audio/wav")
            #expect(audio?["data"]?.string?.hasPrefix("UklGR") == true)
        },
        MCPScenario("tools-call-embedded-resource") { visitor in
            let part = content(try await visitor.call("test_embedded_resource")).first
            #expect(part?["type"] == "resource" && part?["resource"]?["uri"] == "test://embedded-resource")
            #expect(part?["resource"]?["mimeType"] == "text/plain" && part?["resource"]?["text"]?.string != nil)
        },
        MCPScenario("tools-call-mixed-content") { visitor in
            let parts = content(try await visitor.call("test_multiple_content_types"))
            #expect(parts.compactMap { $0["type"]?.string } == ["text", "image", "resource"])
        },
        MCPScenario("tools-call-error") { visitor in
            let reply = try await visitor.call("test_error_handling")
            #expect(reply.result["isError"] == true && !text(reply).isEmpty)
        },
        MCPScenario("tools-call-with-progress") { visitor in
            let reply = try await visitor.call("test_tool_with_progress", meta: ["progressToken": "p-1"])
            let told = reply.notifications("notifications/progress")
            #expect(told.compactMap { $0["progress"]?.integer } == [0, 50, 100])
            #expect(told.allSatisfy { $0["progressToken"] == "p-1" && $0["total"] == 100 })
            #expect(reply.isStream && !text(reply).isEmpty)
            let silent = try await visitor.call("test_tool_with_progress")
            #expect(silent.messages.count == 1 && !silent.isStream)
        },
        MCPScenario("server-sse-multiple-streams") { visitor in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...3 {
                    group.addTask { try await visitor.ask("tools/list", id: .integer(Int64(number))).status }
                }
                for try await status in group { #expect(status == 200) }
            }
        },
        MCPScenario("resources-list") { visitor in
            let reply = try await visitor.ask("resources/list")
            let resources = reply.result["resources"]?.array ?? []
            #expect(
                !resources.isEmpty && resources.allSatisfy { $0["uri"]?.string != nil && $0["name"]?.string != nil })
            cached(reply, visitor)
        },
        MCPScenario("resources-read-text") { visitor in
            let reply = try await visitor.ask("resources/read", ["uri": "test://static-text"])
            let part = reply.result["contents"]?.array?.first
            #expect(part?["uri"] == "test://static-text" && part?["mimeType"] == "text/plain")
            #expect(part?["text"]?.string?.isEmpty == false)
            cached(reply, visitor)
        },
        MCPScenario("resources-read-binary") { visitor in
            let reply = try await visitor.ask("resources/read", ["uri": "test://static-binary"])
            #expect(reply.result["contents"]?.array?.first?["blob"]?.string?.hasPrefix("iVBORw0KGgo") == true)
        },
        MCPScenario("resources-templates-read") { visitor in
            let list = try await visitor.ask("resources/templates/list")
            #expect(
                list.result["resourceTemplates"]?.array?.first?["uriTemplate"] == "test://template/{id}/data")
            cached(list, visitor)
            let reply = try await visitor.ask("resources/read", ["uri": "test://template/123/data"])
            #expect(reply.result["contents"]?.array?.first?["text"]?.string?.contains("123") == true)
        },
        MCPScenario("prompts-list") { visitor in
            let reply = try await visitor.ask("prompts/list")
            let prompts = reply.result["prompts"]?.array ?? []
            #expect(prompts.count >= 4 && prompts.allSatisfy { $0["name"]?.string != nil })
            cached(reply, visitor)
        },
        MCPScenario("prompts-get-simple") { visitor in
            let reply = try await visitor.ask("prompts/get", ["name": "test_simple_prompt"])
            let message = reply.result["messages"]?.array?.first
            #expect(message?["role"] == "user" && message?["content"]?["text"]?.string?.isEmpty == false)
        },
        MCPScenario("prompts-get-with-args") { visitor in
            let reply = try await visitor.ask(
                "prompts/get",
                ["name": "test_prompt_with_arguments", "arguments": ["arg1": "testValue1", "arg2": "testValue2"]])
            let words = reply.result["messages"]?.array?.first?["content"]?["text"]?.string ?? ""
            #expect(words.contains("testValue1") && words.contains("testValue2"))
        },
        MCPScenario("prompts-get-embedded-resource") { visitor in
            let reply = try await visitor.ask(
                "prompts/get",
                ["name": "test_prompt_with_embedded_resource", "arguments": ["resourceUri": "test://example"]])
            let part = reply.result["messages"]?.array?.first?["content"]
            #expect(part?["type"] == "resource" && part?["resource"]?["uri"] == "test://example")
        },
        MCPScenario("prompts-get-with-image") { visitor in
            let reply = try await visitor.ask("prompts/get", ["name": "test_prompt_with_image"])
            let parts = reply.result["messages"]?.array?.compactMap { $0["content"]?["type"]?.string }
            #expect(parts == ["image", "text"])
        },
        MCPScenario("dns-rebinding-protection") { visitor in
            let foreign = try await visitor.ask("tools/list") { headers in
                headers += [("Host", "evil.example.com"), ("Origin", "http://evil.example.com")]
            }
            #expect(foreign.status == 421)
            let origin = try await visitor.ask("tools/list") { $0.append(("Origin", "http://evil.example.com")) }
            #expect(origin.status == 403)
            let null = try await visitor.ask("tools/list") { $0.append(("Origin", "null")) }
            #expect(null.status == 403)
            let port = visitor.served.port
            let own = try await visitor.ask("tools/list") { headers in
                headers += [("Host", "localhost:\(port)"), ("Origin", "http://localhost:\(port)")]
            }
            #expect(own.status == 200)
        },
    ]

    // MARK: Legacy era only

    static let legacyOnly: [MCPScenario] = [
        MCPScenario("server-initialize") { visitor in
            for (asked, answered) in [
                ("2025-11-25", "2025-11-25"), ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"),
                ("2025-06-18", "2025-06-18"), ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25"),
            ] {
                let reply = try await visitor.ask(
                    "initialize",
                    [
                        "protocolVersion": .string(asked), "capabilities": [:],
                        "clientInfo": ["name": "test", "version": "1"],
                    ]
                ) { $0 = [] }
                #expect(reply.result["protocolVersion"]?.string == answered)
                #expect(reply.result["serverInfo"]?["name"]?.string != nil && reply.result["capabilities"] != nil)
                let session = try #require(reply.headers["mcp-session-id"])
                #expect(!session.isEmpty && session.utf8.allSatisfy { (0x21...0x7E).contains($0) })
            }
            let told = try await visitor.post(
                #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, visitor.headers("", [:]))
            #expect(told.status == 202 && told.messages.isEmpty)
        },
        MCPScenario("logging-set-level") { visitor in
            let reply = try await visitor.ask("logging/setLevel", ["level": "info"])
            #expect(reply.result == [:])
        },
        MCPScenario("ping") { visitor in
            let reply = try await visitor.ask("ping")
            #expect(reply.result == [:])
        },
        MCPScenario("resources-subscribe") { visitor in
            let reply = try await visitor.ask("resources/subscribe", ["uri": "test://watched-resource"])
            #expect(reply.result == [:])
        },
        MCPScenario("resources-unsubscribe") { visitor in
            let reply = try await visitor.ask("resources/unsubscribe", ["uri": "test://watched-resource"])
            #expect(reply.result == [:])
        },
        MCPScenario("tools-call-with-logging") { visitor in
            let reply = try await visitor.call("test_tool_with_logging")
            let told = reply.notifications("notifications/message")
            #expect(
                told.compactMap { $0["data"]?.string } == [
                    "Tool execution started", "Tool processing data", "Tool execution completed",
                ])
            #expect(told.allSatisfy { $0["level"] == "info" })
        },
        MCPScenario("tools-call-sampling") { visitor in
            let reply = try await asked(
                visitor, "test_sampling", ["prompt": "Say hello"], "sampling/createMessage",
                [
                    "role": "assistant", "model": "none", "stopReason": "endTurn",
                    "content": ["type": "text", "text": "hello there"],
                ]
            ) { params in
                #expect(params["messages"]?.array?.first?["content"]?["text"] == "Say hello")
                #expect(params["maxTokens"]?.integer != nil)
            }
            #expect(text(reply).contains("hello there"))
        },
        MCPScenario("tools-call-elicitation") { visitor in
            let reply = try await asked(
                visitor, "test_elicitation", ["message": "Who are you?"], "elicitation/create",
                ["action": "accept", "content": ["username": "ada", "email": "ada@example.com"]]
            ) { params in
                #expect(params["message"] == "Who are you?")
                #expect(params["requestedSchema"]?["properties"]?["username"]?["type"] == "string")
            }
            #expect(text(reply).contains("accept") && text(reply).contains("ada"))
        },
        MCPScenario("elicitation-sep1034-defaults") { visitor in
            let reply = try await asked(
                visitor, "test_elicitation_sep1034_defaults", [:], "elicitation/create", ["action": "decline"]
            ) { params in
                let fields = params["requestedSchema"]?["properties"]
                #expect(fields?["name"]?["default"] == "John Doe" && fields?["age"]?["default"] == 30)
                #expect(fields?["score"]?["default"] == 95.5 && fields?["verified"]?["default"] == true)
                #expect(fields?["status"]?["default"] == "active" && fields?["status"]?["enum"]?.array?.count == 3)
                #expect(fields?["age"]?["type"] == "integer" && fields?["score"]?["type"] == "number")
            }
            #expect(text(reply).contains("decline"))
        },
        MCPScenario("elicitation-sep1330-enums") { visitor in
            let reply = try await asked(
                visitor, "test_elicitation_sep1330_enums", [:], "elicitation/create",
                ["action": "accept", "content": ["untitledSingle": "option1"]]
            ) { params in
                let fields = params["requestedSchema"]?["properties"]
                #expect(fields?["untitledSingle"]?["enum"]?.array?.count == 3)
                #expect(fields?["titledSingle"]?["oneOf"]?.array?.first?["title"]?.string != nil)
                #expect(fields?["legacyEnum"]?["enumNames"]?.array?.count == 3)
                #expect(fields?["untitledMulti"]?["items"]?["enum"]?.array?.count == 3)
                #expect(fields?["titledMulti"]?["items"]?["anyOf"]?.array?.first?["const"]?.string != nil)
            }
            #expect(text(reply).contains("accept"))
        },
    ]

    /// A call that asks its client on its stream; the answer is a message of its own.
    private static func asked(
        _ visitor: MCPVisitor, _ tool: String, _ arguments: JSONValue, _ method: String, _ answer: JSONValue,
        look: @escaping @Sendable (JSONValue) -> Void
    ) async throws -> MCPVisitor.Reply {
        let introduced = try await visitor.ask(
            "initialize", ["protocolVersion": "2025-11-25", "capabilities": visitor.capabilities]
        ) { $0 = [] }
        var visitor = visitor
        visitor.session = introduced.headers["mcp-session-id"]
        let own = visitor
        let seen = Mutex(0)
        let reply = try await visitor.call(tool, arguments) { message in
            guard message["method"]?.string == method else { return true }
            seen.withLock { $0 += 1 }
            look(message["params"] ?? .null)
            let posted = try await own.post(
                JSONValue.object([
                    .init("jsonrpc", "2.0"), .init("id", message["id"] ?? .null), .init("result", answer),
                ]).text, own.headers("", [:]))
            #expect(posted.status == 202 && posted.messages.isEmpty)
            return true
        }
        #expect(seen.withLock { $0 } == 1)
        return reply
    }

    // MARK: Modern era only

    static let modernOnly: [MCPScenario] = [
        MCPScenario("server-stateless") { try await stateless($0) },
        MCPScenario("sep-2164-resource-not-found") { visitor in
            let reply = try await visitor.ask("resources/read", ["uri": "test://nothing"])
            #expect(reply.code == -32_602 && reply.status == 400)
            #expect(reply.answer["error"]?["data"]?["uri"] == "test://nothing")
        },
        MCPScenario("caching") { visitor in
            for (method, params) in [
                ("server/discover", [:]), ("tools/list", [:]), ("prompts/list", [:]), ("resources/list", [:]),
                ("resources/templates/list", [:]), ("resources/read", ["uri": "test://static-text"]),
            ] as [(String, JSONValue)] { cached(try await visitor.ask(method, params), visitor) }
        },
        MCPScenario("input-required-result-basic-elicitation") { visitor in
            let first = try await visitor.call(elicitation)
            let asks = wanted(first)["user_name"]
            #expect(asks?["method"] == "elicitation/create" && asks?["params"]?["requestedSchema"]?["type"] == "object")
            let second = try await again(visitor, elicitation, first, ["user_name": accepted(["name": "Alice"])])
            #expect(second.result["resultType"] == "complete" && text(second).contains("Alice"))
        },
        MCPScenario("input-required-result-basic-sampling") { visitor in
            let tool = "test_input_required_result_sampling"
            let first = try await visitor.call(tool)
            #expect(wanted(first)["capital_question"]?["method"] == "sampling/createMessage")
            let second = try await again(
                visitor, tool, first,
                [
                    "capital_question": [
                        "role": "assistant", "model": "none", "content": ["type": "text", "text": "Paris"],
                    ]
                ])
            #expect(text(second) == "Paris")
        },
        MCPScenario("input-required-result-basic-list-roots") { visitor in
            let tool = "test_input_required_result_list_roots"
            let first = try await visitor.call(tool)
            #expect(wanted(first)["client_roots"]?["method"] == "roots/list")
            let second = try await again(
                visitor, tool, first, ["client_roots": ["roots": [["uri": "file:///home/ada"]]]])
            #expect(text(second).contains("file:///home/ada"))
        },
        MCPScenario("input-required-result-request-state") { visitor in
            let tool = "test_input_required_result_request_state"
            let first = try await visitor.call(tool)
            #expect(first.result["requestState"]?.string?.isEmpty == false)
            let second = try await again(visitor, tool, first, ["confirm": accepted(["ok": true])])
            #expect(text(second).contains("state-ok"))
        },
        MCPScenario("input-required-result-multiple-input-requests") { visitor in
            let tool = "test_input_required_result_multiple_inputs"
            let first = try await visitor.call(tool)
            #expect(Set((wanted(first).members ?? []).map(\.name)) == ["user_name", "greeting", "client_roots"])
            let second = try await again(
                visitor, tool, first,
                [
                    "user_name": accepted(["name": "Ada"]),
                    "greeting": ["role": "assistant", "model": "none", "content": ["type": "text", "text": "hi"]],
                    "client_roots": ["roots": []],
                ])
            #expect(second.result["resultType"] == "complete")
        },
        MCPScenario("input-required-result-multi-round") { visitor in
            let tool = "test_input_required_result_multi_round"
            let first = try await visitor.call(tool)
            #expect(wanted(first)["step1"] != nil)
            let second = try await again(visitor, tool, first, ["step1": accepted(["name": "Ada"])])
            #expect(wanted(second)["step2"] != nil)
            #expect(second.result["requestState"] != first.result["requestState"])
            let third = try await again(visitor, tool, second, ["step2": accepted(["color": "blue"])])
            #expect(third.result["resultType"] == "complete")
        },
        MCPScenario("input-required-result-missing-input-response") { visitor in
            let first = try await visitor.call(elicitation)
            let second = try await again(visitor, elicitation, first, ["wrong_key": accepted(["x": 1])])
            #expect(wanted(second)["user_name"] != nil)
        },
        MCPScenario("input-required-result-non-tool-request") { visitor in
            let name: JSONValue.Member = .init("name", "test_input_required_result_prompt")
            let first = try await visitor.ask("prompts/get", .object([name]))
            #expect(wanted(first)["user_context"]?["method"] == "elicitation/create")
            let second = try await visitor.ask(
                "prompts/get",
                .object([name, .init("inputResponses", ["user_context": accepted(["context": "tea"])])]), id: 2)
            #expect(second.result["messages"]?.array?.first?["content"]?["text"]?.string?.contains("tea") == true)
        },
        MCPScenario("input-required-result-result-type") { visitor in
            let reply = try await visitor.call(elicitation)
            #expect(reply.result["resultType"] == "input_required")
        },
        MCPScenario("input-required-result-unsupported-methods") { visitor in
            for method in ["tools/list", "prompts/list", "resources/list", "server/discover"] {
                let reply = try await visitor.ask(method)
                #expect(reply.result["resultType"] == "complete")
            }
        },
        MCPScenario("input-required-result-tampered-state") { visitor in
            let tool = "test_input_required_result_tampered_state"
            let first = try await visitor.call(tool)
            let state = try #require(first.result["requestState"]?.string)
            for wrong in [state + "-TAMPERED", String(state.dropFirst()), "", String(state.reversed())] {
                let reply = try await visitor.call(
                    tool,
                    more: [
                        .init("inputResponses", ["confirm": accepted(["ok": true])]),
                        .init("requestState", .string(wrong)),
                    ])
                #expect(reply.code == -32_602, "\(wrong)")
            }
        },
        MCPScenario("input-required-result-capability-check") { visitor in
            var narrow = visitor
            narrow.capabilities = ["sampling": [:]]
            let reply = try await narrow.call("test_input_required_result_capabilities")
            let methods = (wanted(reply).members ?? []).compactMap { $0.value["method"]?.string }
            #expect(methods == ["sampling/createMessage"])
        },
        MCPScenario("input-required-result-ignore-extra-params") { visitor in
            let reply = try await visitor.call(
                elicitation,
                more: [
                    .init(
                        "inputResponses",
                        [
                            "user_name": accepted(["name": "Alice"]), "unknown_extra_key": accepted(["foo": "bar"]),
                        ])
                ])
            #expect(reply.result["resultType"] == "complete")
        },
        MCPScenario("input-required-result-validate-input") { visitor in
            let reply = try await visitor.call(elicitation, more: [.init("inputResponses", ["user_name": 12_345])])
            #expect(reply.result["resultType"] == "input_required" || reply.code != nil)
        },
    ]

    private static let elicitation = "test_input_required_result_elicitation"
    private static func wanted(_ reply: MCPVisitor.Reply) -> JSONValue {
        #expect(reply.result["resultType"] == "input_required")
        return reply.result["inputRequests"] ?? .null
    }
    private static func accepted(_ content: JSONValue) -> JSONValue { ["action": "accept", "content": content] }
    private static func again(
        _ visitor: MCPVisitor, _ tool: String, _ first: MCPVisitor.Reply, _ responses: JSONValue
    ) async throws -> MCPVisitor.Reply {
        let state = first.result["requestState"].map { [JSONValue.Member("requestState", $0)] } ?? []
        return try await visitor.call(tool, more: [.init("inputResponses", responses)] + state)
    }

    private static func stateless(_ visitor: MCPVisitor) async throws {
        // `_meta`, member by member.
        let version: JSONValue.Member = .init(MCPMeta.version, "2026-07-28")
        let can: JSONValue.Member = .init(MCPMeta.capabilities, [:])
        for (meta, code) in [(nil, -32_602), ([can], -32_602), ([version], -32_602), ([version, can], nil)]
            as [([JSONValue.Member]?, Int?)]
        {
            let params = meta.map { JSONValue.object([.init("_meta", .object($0))]) } ?? [:]
            let reply = try await visitor.post(
                JSONValue.object([
                    .init("jsonrpc", "2.0"), .init("id", 101), .init("method", "server/discover"),
                    .init("params", params),
                ]).text, visitor.headers("server/discover", [:]))
            #expect(reply.code == code && reply.status == (code == nil ? 200 : 400))
            #expect(reply.answer["id"] == 101)
        }
        let discovered = try await visitor.ask("server/discover")
        #expect(discovered.result["supportedVersions"] == ["2026-07-28"])
        let features = discovered.result["capabilities"]
        #expect(features?["prompts"] != nil && features?["tools"]?["listChanged"] == true)
        // Versions.
        let strange = try await visitor.ask(
            "server/discover", meta: .object([.init(MCPMeta.version, "v999.0.0")])
        ) { $0[0].1 = "v999.0.0" }
        #expect(strange.code == -32_022 && strange.status == 400)
        #expect(strange.answer["error"]?["data"]?["supported"] == ["2026-07-28"])
        #expect(strange.answer["error"]?["data"]?["requested"] == "v999.0.0")
        let differs = try await visitor.ask("server/discover", meta: .object([.init(MCPMeta.version, "v999.0.0")]))
        #expect(differs.code == -32_020 && differs.status == 400)
        for old in ["2025-11-25", nil] as [String?] {
            let mixed = try await visitor.ask("tools/list") { headers in
                headers.removeFirst()
                if let old { headers.append(("MCP-Protocol-Version", old)) }
            }
            #expect(mixed.code == -32_020 && mixed.status == 400)
        }
        // What a client lacks.
        var poor = visitor
        poor.capabilities = [:]
        let lacking = try await poor.call("test_missing_capability")
        #expect(lacking.code == -32_021 && lacking.status == 400)
        #expect(lacking.answer["error"]?["data"]?["requiredCapabilities"] == ["sampling": [:]])
        // Methods that are gone, or never were.
        for method in [
            "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "unknown/method",
        ] {
            let reply = try await visitor.ask(method)
            #expect(reply.status == 404 && reply.code == -32_601, "\(method)")
        }
        // Streams: no requests of ours, no log that was not asked for.
        let streaming = try await visitor.call("test_streaming_elicitation", meta: ["progressToken": 7])
        #expect(streaming.isStream && streaming.result["resultType"] == "input_required")
        #expect(streaming.messages.allSatisfy { $0["method"]?.string?.hasPrefix("notifications/") ?? true })
        let silent = try await visitor.call("test_logging_tool")
        #expect(silent.notifications("notifications/message").isEmpty && silent.result["isError"] != true)
        let loud = try await visitor.call("test_logging_tool", meta: .object([.init(MCPMeta.logLevel, "info")]))
        #expect(loud.notifications("notifications/message").count == 1)
        // Changes.
        for (kind, trigger, isTold) in [
            ("tools", "test_trigger_tool_change", true), ("prompts", "test_trigger_tool_change", false),
            ("prompts", "test_trigger_prompt_change", true),
        ] {
            let told = Mutex<[JSONValue]>([])
            _ = try await visitor.ask(
                "subscriptions/listen", ["notifications": .object([.init("\(kind)ListChanged", true)])], id: "listen-1",
                onMessage: { message in
                    told.withLock { $0.append(message) }
                    guard message["method"]?.string == "notifications/subscriptions/acknowledged" else { return false }
                    #expect(message["params"]?["notifications"] == .object([.init("\(kind)ListChanged", true)]))
                    _ = try await visitor.call(trigger)
                    // What was not asked for does not come; something that was ends the wait.
                    if !isTold { _ = try await visitor.call("test_trigger_prompt_change") }
                    return true
                })
            let messages = told.withLock { $0 }
            #expect(
                messages.compactMap { $0["method"]?.string } == [
                    "notifications/subscriptions/acknowledged", "notifications/\(kind)/list_changed",
                ])
            #expect(messages.allSatisfy { $0["params"]?["_meta"]?[MCPMeta.subscription] == "listen-1" })
        }
    }

    // MARK: Headers

    /// Not scored by the suite; kept all the same.
    static let headers: [MCPScenario] = [
        MCPScenario("http-header-validation") { visitor in
            func rejected(
                _ method: String, _ params: JSONValue, _ change: @escaping @Sendable (inout [(String, String)]) -> Void
            ) async throws {
                let reply = try await visitor.ask(method, params, change: change)
                #expect(reply.status == 400 && reply.code == -32_020)
            }
            let call: JSONValue = ["name": "test_simple_text", "arguments": [:]]
            try await rejected("tools/list", [:]) { $0[1].1 = "prompts/list" }
            try await rejected("tools/list", [:]) { $0.remove(at: 1) }
            try await rejected("tools/list", [:]) { $0[1].1 = "TOOLS/LIST" }
            try await rejected("tools/list", [:]) { $0.append(("Mcp-Method", "tools/list")) }
            try await rejected("tools/call", call) { $0[2].1 = "wrong_tool_name" }
            try await rejected("tools/call", call) { $0.remove(at: 2) }
            for change in [
                { $0[2].1 = "  test_simple_text  " }, { $0[1].0 = "mcp-method" }, { $0[1].0 = "MCP-METHOD" },
                { $0[2].1 = "=?base64?dGVzdF9zaW1wbGVfdGV4dA==?=" },
            ] as [@Sendable (inout [(String, String)]) -> Void] {
                let reply = try await visitor.ask("tools/call", call, change: change)
                #expect(reply.status == 200 && reply.code == nil)
            }
        },
        MCPScenario("http-custom-header-server-validation") { visitor in
            let tools = try await visitor.ask("tools/list").result["tools"]?.array ?? []
            let tool = try #require(tools.first { $0["inputSchema"]?["properties"]?["region"]?["x-mcp-header"] != nil })
            let name = tool["name"] ?? .null
            for (header, value, isTaken) in [
                ("=?base64?SGVsbG8=?=", "Hello", true), ("SGVsbG8=", "SGVsbG8=", true),
                ("=?base64?SGVsbG8=", "=?base64?SGVsbG8=", true), ("plain", "plain", true),
                ("=?base64?SGVs!!!bG8=?=", "Hello", false), ("=?base64?SGVsbG8?=", "Hello", false),
                ("other", "plain", false), (nil, "test-value", false), ("alone", nil, false), (nil, nil, true),
            ] as [(String?, String?, Bool)] {
                let arguments = JSONValue.object(value.map { [.init("region", .string($0))] } ?? [])
                let reply = try await visitor.ask("tools/call", ["name": name, "arguments": arguments]) { headers in
                    if let header { headers.append(("Mcp-Param-Region", header)) }
                }
                #expect(reply.status == (isTaken ? 200 : 400), "\(header ?? "none") for \(value ?? "none")")
                #expect(reply.code == (isTaken ? nil : -32_020))
            }
        },
    ]
}
