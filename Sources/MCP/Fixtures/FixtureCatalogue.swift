import Foundation
package import StokerCore
import Synchronization

/// The tools, resources and prompts that the protocol's public scenarios call, in place of Stoker's own: for tests of the protocol.
///
/// Source: the scenarios of modelcontextprotocol/conformance, 0.2.0-alpha.11.
package struct FixtureCatalogue: MCPCatalogue {
    private let state: RequestState
    private let changed = FixtureChanges()

    package init(seal: Seal) { state = RequestState(seal: seal) }

    /// Set to 1, a server shows these in place of its operations.
    package static let variable = "STOKER_MCP_FIXTURES"
    package static func isWanted(_ environment: [String: String]) -> Bool { environment[variable] == "1" }

    package var serverInfo: JSONValue { ["name": "stoker-fixtures", "version": .string(Version.current)] }
    package var instructions: String { "Fixtures for tests of the protocol; nothing here does anything." }

    package func capabilities(_ era: MCPEra) -> JSONValue {
        [
            "tools": ["listChanged": true], "prompts": ["listChanged": true],
            "resources": ["listChanged": true, "subscribe": true], "completions": [:], "logging": [:],
        ]
    }

    // MARK: Tools

    private struct Fixture: Sendable {
        var name: String
        var about: String
        var properties: JSONValue = [:]
        var required: [JSONValue] = []
        var call: @Sendable (FixtureCatalogue, JSONValue, MCPExchange) async throws -> JSONValue

        var listing: JSONValue {
            var schema: [JSONValue.Member] = [.init("type", "object"), .init("properties", properties)]
            if !required.isEmpty { schema.append(.init("required", .array(required))) }
            return ["name": .string(name), "description": .string(about), "inputSchema": .object(schema)]
        }
    }

    package let tools: [JSONValue] = all.map(\.listing) + [schemaTool]

    package func call(_ tool: String, _ arguments: JSONValue, _ exchange: MCPExchange) async throws -> JSONValue {
        if tool == Self.schemaTool["name"]?.string { return Self.text("The arguments were taken.") }
        guard let fixture = Self.all.first(where: { $0.name == tool }) else {
            throw MCPError.params("there is no tool \"\(Redaction.quote(tool, limit: 60))\"")
        }
        return try await fixture.call(self, arguments, exchange)
    }

    package func headerParameters(of tool: String) -> [String: String] {
        tool == "test_x_mcp_header" ? ["region": "Region"] : [:]
    }

    private static let plain: [Fixture] = [
        Fixture(name: "test_simple_text", about: "Returns text") { _, _, _ in
            text("This is a simple text response for testing.")
        },
        Fixture(name: "test_image_content", about: "Returns an image") { _, _, _ in ["content": [image]] },
        Fixture(name: "test_audio_content", about: "Returns audio") { _, _, _ in
            ["content": [["type": "audio", "data": .string(wave), "mimeType": "audio/wav"]]]
        },
        Fixture(name: "test_embedded_resource", about: "Returns a resource") { _, _, _ in
            [
                "content": [
                    resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
                ]
            ]
        },
        Fixture(name: "test_multiple_content_types", about: "Returns text, an image and a resource") { _, _, _ in
            [
                "content": [
                    ["type": "text", "text": "Multiple content types test:"], image,
                    resource("test://mixed-content-resource", "application/json", #"{"test":"data","value":123}"#),
                ]
            ]
        },
        Fixture(name: "test_error_handling", about: "Always fails") { _, _, _ in
            text("This tool intentionally returns an error for testing").adding([.init("isError", true)])
        },
        Fixture(name: "test_tool_with_progress", about: "Reports progress") { _, _, exchange in
            for step in [0.0, 50, 100] {
                if step > 0 { try await Task.sleep(for: .milliseconds(50)) }
                exchange.progress(step, of: 100)
            }
            return text("Progress was reported.")
        },
        Fixture(name: "test_tool_with_logging", about: "Logs") { _, _, exchange in
            for (index, line) in ["Tool execution started", "Tool processing data", "Tool execution completed"]
                .enumerated()
            {
                if index > 0 { try await Task.sleep(for: .milliseconds(50)) }
                exchange.log("info", .string(line))
            }
            return text("It was logged.")
        },
        Fixture(name: "test_logging_tool", about: "Logs where the request wants it") { _, _, exchange in
            exchange.log("info", "a line of the log")
            return text("It was logged where that was wanted.")
        },
        Fixture(
            name: "test_x_mcp_header", about: "Has an input that is repeated in a header",
            properties: ["region": ["type": "string", "description": "Any text", "x-mcp-header": "Region"]]
        ) { _, arguments, _ in text("region: \(arguments["region"]?.string ?? "none")") },
        Fixture(name: "test_trigger_tool_change", about: "Tells that the list of tools changed") { own, _, _ in
            own.changed.tell(.tools)
            return text("It was told.")
        },
        Fixture(name: "test_trigger_prompt_change", about: "Tells that the list of prompts changed") { own, _, _ in
            own.changed.tell(.prompts)
            return text("It was told.")
        },
    ]

    // MARK: Asking the client, legacy era

    private static let asking: [Fixture] = [
        Fixture(
            name: "test_sampling", about: "Asks the client's model",
            properties: ["prompt": ["type": "string", "description": "What it is asked"]], required: ["prompt"]
        ) { _, arguments, exchange in
            guard exchange.era == .legacy, exchange.can("sampling") else { throw MCPError.needs("sampling") }
            let answer = try await exchange.ask(
                "sampling/createMessage", sampling(arguments["prompt"]?.string ?? "", tokens: 100))
            return text("LLM response: \(answer["content"]?["text"]?.string ?? answer["content"]?.text ?? "none")")
        },
        Fixture(
            name: "test_elicitation", about: "Asks the client's user",
            properties: ["message": ["type": "string", "description": "What the user sees"]], required: ["message"]
        ) { _, arguments, exchange in
            try await elicited(
                exchange, arguments["message"]?.string ?? "",
                [
                    "username": ["type": "string", "description": "User's response"],
                    "email": ["type": "string", "description": "User's email address"],
                ], ["username", "email"], says: "User response: ")
        },
        Fixture(name: "test_elicitation_sep1034_defaults", about: "Asks with defaults") { _, _, exchange in
            try await elicited(
                exchange, "Please review the defaults",
                [
                    "name": ["type": "string", "description": "Name", "default": "John Doe"],
                    "age": ["type": "integer", "description": "Age", "default": 30],
                    "score": ["type": "number", "description": "Score", "default": 95.5],
                    "status": [
                        "type": "string", "description": "Status", "enum": ["active", "inactive", "pending"],
                        "default": "active",
                    ],
                    "verified": ["type": "boolean", "description": "Verified", "default": true],
                ], [], says: "Elicitation completed: ")
        },
        Fixture(name: "test_elicitation_sep1330_enums", about: "Asks with choices of every kind") { _, _, exchange in
            let titled: JSONValue = [
                ["const": "value1", "title": "First Option"], ["const": "value2", "title": "Second Option"],
                ["const": "value3", "title": "Third Option"],
            ]
            return try await elicited(
                exchange, "Please choose",
                [
                    "untitledSingle": ["type": "string", "enum": ["option1", "option2", "option3"]],
                    "titledSingle": ["type": "string", "oneOf": titled],
                    "legacyEnum": [
                        "type": "string", "enum": ["opt1", "opt2", "opt3"],
                        "enumNames": ["Option One", "Option Two", "Option Three"],
                    ],
                    "untitledMulti": [
                        "type": "array", "items": ["type": "string", "enum": ["option1", "option2", "option3"]],
                    ],
                    "titledMulti": ["type": "array", "items": ["anyOf": titled]],
                ], [], says: "Elicitation completed: ")
        },
    ]

    private static func elicited(
        _ exchange: MCPExchange, _ message: String, _ properties: JSONValue, _ required: [JSONValue], says: String
    ) async throws -> JSONValue {
        guard exchange.era == .legacy, exchange.can("elicitation") else { throw MCPError.needs("elicitation") }
        var schema: JSONValue = ["type": "object", "properties": properties]
        if !required.isEmpty { schema = schema.adding([.init("required", .array(required))]) }
        let answer = try await exchange.ask(
            "elicitation/create", ["mode": "form", "message": .string(message), "requestedSchema": schema])
        return text("\(says)action=\(answer["action"]?.string ?? "none"), content=\((answer["content"] ?? [:]).text)")
    }

    // MARK: Asking the client, modern era

    private static func question(_ message: String, _ name: String, _ type: String = "string") -> JSONValue {
        [
            "method": "elicitation/create",
            "params": [
                "mode": "form", "message": .string(message),
                "requestedSchema": [
                    "type": "object", "properties": .object([.init(name, ["type": .string(type)])]),
                    "required": [.string(name)],
                ],
            ],
        ]
    }
    private static let roots: JSONValue = ["method": "roots/list", "params": [:]]
    private static func sampling(_ prompt: String, tokens: Int64) -> JSONValue {
        [
            "messages": [["role": "user", "content": ["type": "text", "text": .string(prompt)]]],
            "maxTokens": .integer(tokens),
        ]
    }
    private static func sampled(_ prompt: String, tokens: Int64 = 100) -> JSONValue {
        ["method": "sampling/createMessage", "params": sampling(prompt, tokens: tokens)]
    }

    private static func wanted(_ requests: JSONValue, state: String? = nil) -> JSONValue {
        let result: JSONValue = ["resultType": "input_required", "inputRequests": requests]
        return state.map { result.adding([.init("requestState", .string($0))]) } ?? result
    }

    private static func needs(_ exchange: MCPExchange, _ capabilities: String...) throws(MCPError) {
        guard exchange.era == .modern else { throw .params("this is asked in the protocol of 2026-07-28 only") }
        for capability in capabilities where !exchange.can(capability) { throw .needs(capability) }
    }

    /// What the user gave, where he agreed.
    private static func given(_ exchange: MCPExchange, _ key: String) -> JSONValue? {
        guard let answer = exchange.inputResponses?[key], answer["action"]?.string == "accept" else { return nil }
        return answer["content"]
    }

    private static let now: @Sendable () -> Instant = { Instant(seconds: Date().timeIntervalSince1970) }

    private static let rounds: [Fixture] = [
        Fixture(name: "test_missing_capability", about: "Needs a client that can sample") { _, _, exchange in
            guard exchange.can("sampling") else { throw MCPError.needs("sampling") }
            return text("The client can sample.")
        },
        Fixture(name: "test_streaming_elicitation", about: "Asks by its result, not on the stream") { _, _, exchange in
            try needs(exchange, "elicitation")
            exchange.progress(1, nil)
            guard let name = given(exchange, "user_name")?["name"]?.string else {
                return wanted(["user_name": question("What is your name?", "name")])
            }
            return text("Hello, \(name)!")
        },
        Fixture(name: "test_input_required_result_elicitation", about: "Asks for a name") { _, _, exchange in
            try needs(exchange, "elicitation")
            guard let name = given(exchange, "user_name")?["name"]?.string else {
                return wanted(["user_name": question("What is your name?", "name")])
            }
            return text("Hello, \(name)!")
        },
        Fixture(name: "test_input_required_result_sampling", about: "Asks the client's model") { _, _, exchange in
            try needs(exchange, "sampling")
            guard let answer = exchange.inputResponses?["capital_question"], answer["content"] != nil else {
                return wanted(["capital_question": sampled("What is the capital of France?")])
            }
            return text(answer["content"]?["text"]?.string ?? "no text")
        },
        Fixture(name: "test_input_required_result_list_roots", about: "Asks for roots") { _, _, exchange in
            try needs(exchange, "roots")
            guard let found = exchange.inputResponses?["client_roots"]?["roots"]?.array else {
                return wanted(["client_roots": roots])
            }
            return text("Roots: \(found.compactMap { $0["uri"]?.string }.joined(separator: ", "))")
        },
        Fixture(name: "test_input_required_result_request_state", about: "Asks with a state") { own, _, exchange in
            try needs(exchange, "elicitation")
            let call = "test_input_required_result_request_state"
            let step = try own.state.step(call, exchange, now: now())
            guard step == 1, given(exchange, "confirm")?["ok"]?.bool != nil else {
                return wanted(
                    ["confirm": question("Please confirm", "ok", "boolean")],
                    state: own.state.issue(call, step: 1, exchange, now: now()))
            }
            return text("state-ok")
        },
        Fixture(name: "test_input_required_result_tampered_state", about: "Looks whether its state is whole") {
            own, _, exchange in
            try needs(exchange, "elicitation")
            let call = "test_input_required_result_tampered_state"
            let step = try own.state.step(call, exchange, now: now())
            guard step == 1, given(exchange, "confirm") != nil else {
                return wanted(
                    ["confirm": question("Please confirm", "ok", "boolean")],
                    state: own.state.issue(call, step: 1, exchange, now: now()))
            }
            return text("The state is whole.")
        },
        Fixture(name: "test_input_required_result_multiple_inputs", about: "Asks three things at once") {
            own, _, exchange in
            try needs(exchange, "elicitation", "sampling", "roots")
            let call = "test_input_required_result_multiple_inputs"
            let step = try own.state.step(call, exchange, now: now())
            guard step == 1, let name = given(exchange, "user_name")?["name"]?.string,
                exchange.inputResponses?["greeting"]?["content"] != nil,
                let found = exchange.inputResponses?["client_roots"]?["roots"]?.array
            else {
                return wanted(
                    [
                        "user_name": question("What is your name?", "name"),
                        "greeting": sampled("Generate a greeting", tokens: 50), "client_roots": roots,
                    ], state: own.state.issue(call, step: 1, exchange, now: now()))
            }
            return text("Hello, \(name)! There are \(found.count) roots.")
        },
        Fixture(name: "test_input_required_result_multi_round", about: "Asks twice") { own, _, exchange in
            try needs(exchange, "elicitation")
            let call = "test_input_required_result_multi_round"
            let step = try own.state.step(call, exchange, now: now())
            if step == 2, let color = given(exchange, "step2")?["color"]?.string {
                return text("The color is \(color).")
            }
            if step == 2 || (step == 1 && given(exchange, "step1")?["name"] != nil) {
                return wanted(
                    ["step2": question("Step 2: What is your favorite color?", "color")],
                    state: own.state.issue(call, step: 2, exchange, now: now()))
            }
            return wanted(
                ["step1": question("Step 1: What is your name?", "name")],
                state: own.state.issue(call, step: 1, exchange, now: now()))
        },
        Fixture(name: "test_input_required_result_capabilities", about: "Asks what the client can") { _, _, exchange in
            try needs(exchange)
            var requests: [JSONValue.Member] = []
            if exchange.can("elicitation") {
                requests.append(.init("user_name", question("What is your name?", "name")))
            }
            if exchange.can("sampling") { requests.append(.init("greeting", sampled("Generate a greeting"))) }
            if exchange.can("roots") { requests.append(.init("client_roots", roots)) }
            let open = requests.filter { exchange.inputResponses?[$0.name]?.members == nil }
            guard !open.isEmpty else { return text("All was answered.") }
            return wanted(.object(open))
        },
    ]

    private static let all: [Fixture] = plain + asking + rounds

    /// Keeps what JSON Schema 2020-12 can say, which many clients cannot read; for this test only.
    private static let schemaTool: JSONValue = [
        "name": "json_schema_2020_12_tool", "description": "Tool with JSON Schema 2020-12 features",
        "inputSchema": [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "$defs": [
                "address": [
                    "$anchor": "addressDef", "type": "object",
                    "properties": ["street": ["type": "string"], "city": ["type": "string"]],
                ]
            ],
            "properties": [
                "name": ["type": "string"], "address": ["$ref": "#/$defs/address"],
                "contactMethod": ["type": "string", "enum": ["phone", "email"]], "phone": ["type": "string"],
                "email": ["type": "string"],
            ],
            "allOf": [["anyOf": [["required": ["phone"]], ["required": ["email"]]]]],
            "if": ["properties": ["contactMethod": ["const": "phone"]], "required": ["contactMethod"]],
            "then": ["required": ["phone"]], "else": ["required": ["email"]], "additionalProperties": false,
        ],
    ]

    // MARK: Contents

    private static func text(_ text: String) -> JSONValue { ["content": [["type": "text", "text": .string(text)]]] }
    private static func resource(_ uri: String, _ type: String, _ text: String) -> JSONValue {
        [
            "type": "resource",
            "resource": ["uri": .string(uri), "mimeType": .string(type), "text": .string(text)],
        ]
    }
    /// One red pixel.
    private static let picture =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
    private static let image: JSONValue = ["type": "image", "data": .string(picture), "mimeType": "image/png"]
    /// No sound at 8 kHz.
    private static let wave = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="

    // MARK: Resources

    package func resources() async throws -> [JSONValue] {
        [
            [
                "uri": "test://static-text", "name": "static-text", "description": "A text that never changes",
                "mimeType": "text/plain",
            ],
            [
                "uri": "test://static-binary", "name": "static-binary", "description": "A picture that never changes",
                "mimeType": "image/png",
            ],
            [
                "uri": "test://watched-resource", "name": "watched-resource",
                "description": "A text that can be watched",
                "mimeType": "text/plain",
            ],
        ]
    }

    package var resourceTemplates: [JSONValue] {
        [
            [
                "uriTemplate": "test://template/{id}/data", "name": "template", "description": "Data of an id",
                "mimeType": "application/json",
            ]
        ]
    }

    package func read(_ uri: String, _ exchange: MCPExchange) async throws -> [JSONValue]? {
        switch uri {
        case "test://static-text":
            return [
                [
                    "uri": .string(uri), "mimeType": "text/plain",
                    "text": "This is the content of the static text resource.",
                ]
            ]
        case "test://static-binary":
            return [["uri": .string(uri), "mimeType": "image/png", "blob": .string(Self.picture)]]
        case "test://watched-resource":
            return [["uri": .string(uri), "mimeType": "text/plain", "text": "Watched resource content."]]
        default:
            let parts = uri.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 5, parts[0] == "test:", parts[2] == "template", parts[4] == "data", !parts[3].isEmpty
            else { return nil }
            let data: JSONValue = [
                "id": .string(String(parts[3])), "templateTest": true, "data": .string("Data for ID: \(parts[3])"),
            ]
            return [["uri": .string(uri), "mimeType": "application/json", "text": .string(data.text)]]
        }
    }

    package func isWatched(_ uri: String) -> Bool { uri == "test://watched-resource" }

    // MARK: Prompts

    package var prompts: [JSONValue] {
        func argument(_ name: String, _ about: String) -> JSONValue {
            ["name": .string(name), "description": .string(about), "required": true]
        }
        return [
            ["name": "test_simple_prompt", "description": "A prompt without arguments"],
            [
                "name": "test_prompt_with_arguments", "description": "A prompt with two arguments",
                "arguments": [argument("arg1", "First"), argument("arg2", "Second")],
            ],
            [
                "name": "test_prompt_with_embedded_resource", "description": "A prompt with a resource in it",
                "arguments": [argument("resourceUri", "Address of the resource")],
            ],
            ["name": "test_prompt_with_image", "description": "A prompt with an image"],
            ["name": "test_input_required_result_prompt", "description": "A prompt that asks first"],
        ]
    }

    package func prompt(_ name: String, _ arguments: JSONValue, _ exchange: MCPExchange) async throws -> JSONValue? {
        func said(_ contents: JSONValue...) -> JSONValue {
            ["messages": .array(contents.map { ["role": "user", "content": $0] })]
        }
        func words(_ text: String) -> JSONValue { ["type": "text", "text": .string(text)] }
        func argument(_ name: String) throws(MCPError) -> String {
            guard let text = arguments[name]?.string else { throw .params("the argument \"\(name)\" is missing") }
            return text
        }
        switch name {
        case "test_simple_prompt": return said(words("This is a simple prompt for testing."))
        case "test_prompt_with_arguments":
            return said(
                words("Prompt with arguments: arg1='\(try argument("arg1"))', arg2='\(try argument("arg2"))'"))
        case "test_prompt_with_embedded_resource":
            let uri = try argument("resourceUri")
            return said(
                Self.resource(uri, "text/plain", "Embedded resource content for testing."),
                words("Please process the embedded resource above."))
        case "test_prompt_with_image": return said(Self.image, words("Please analyze the image above."))
        case "test_input_required_result_prompt":
            try Self.needs(exchange, "elicitation")
            guard let context = Self.given(exchange, "user_context")?["context"]?.string else {
                return Self.wanted(["user_context": Self.question("What context should the prompt use?", "context")])
            }
            return said(words("Use this context: \(context)"))
        default: return nil
        }
    }

    package func complete(_ reference: JSONValue, argument: String, _ begun: String) async throws -> [String] {
        guard reference["name"]?.string == "test_prompt_with_arguments", argument == "arg1" else { return [] }
        return ["paris", "park", "party"].filter { $0.hasPrefix(begun) }
    }

    package func changes() async -> AsyncStream<MCPChange> { changed.stream() }
}

/// Who is told of changes.
private final class FixtureChanges: Sendable {
    private let followers = Mutex((next: 0, all: [Int: AsyncStream<MCPChange>.Continuation]()))

    func stream() -> AsyncStream<MCPChange> {
        let (stream, continuation) = AsyncStream<MCPChange>.makeStream(bufferingPolicy: .bufferingOldest(100))
        let number = followers.withLock { followers in
            followers.next += 1
            followers.all[followers.next] = continuation
            return followers.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.followers.withLock { $0.all[number] = nil }
        }
        return stream
    }

    func tell(_ change: MCPChange) {
        for follower in followers.withLock({ Array($0.all.values) }) { follower.yield(change) }
    }
}
