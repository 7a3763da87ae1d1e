import MCP
import StokerCore
import Testing

/// What a message is, by itself and by its headers.
@Suite struct MessageTests {
    private static func read(_ text: String, _ headers: [String: [String]]? = nil) -> MCPMessage {
        MCPMessage(Array(text.utf8), headers.map { MCPHeaders($0) })
    }

    private static func error(_ message: MCPMessage) -> (code: Int, id: JSONValue, status: Int)? {
        guard case .refused(let error, let id, let status) = message else { return nil }
        return (error.code, id, status)
    }

    private static let meta =
        #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#
    private static let modern = ["mcp-protocol-version": ["2026-07-28"], "mcp-method": ["tools/list"]]

    @Test(arguments: [
        ("{", -32_700, JSONValue.null), ("", -32_700, .null), (String(repeating: "[", count: 100_000), -32_700, .null),
        ("[]", -32_600, .null), (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32_600, .null), ("3", -32_600, .null),
        (#"{"id":1,"method":"ping"}"#, -32_600, .null),
        (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32_600, .null),
        (#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, -32_600, .null),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32_600, .null),
        (#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32_600, .null), (#"{"jsonrpc":"2.0","id":1}"#, -32_600, .null),
        (#"{"jsonrpc":"2.0"}"#, -32_600, .null), (#"{"jsonrpc":"2.0","id":4,"method":"ping","params":[]}"#, -32_602, 4),
    ]) func whatIsNoMessageIsRefused(_ text: String, _ code: Int, _ id: JSONValue) throws {
        for headers in [nil, [:]] as [[String: [String]]?] {
            let found = try #require(Self.error(Self.read(text, headers)))
            #expect(found.code == code && found.id == id && found.status == 400)
        }
    }

    @Test func erasAreToldApart() throws {
        func era(_ params: String, _ headers: [String: [String]]?) throws -> MCPEra? {
            let text = #"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{\#(params)}}"#
            guard case .request(let request) = Self.read(text, headers) else { return nil }
            return request.era
        }
        #expect(try era("", nil) == .legacy)
        #expect(try era(Self.meta, nil) == .modern)
        #expect(try era("", [:]) == .legacy)
        for version in MCPEra.legacyVersions { #expect(try era("", ["mcp-protocol-version": [version]]) == .legacy) }
        #expect(try era(Self.meta, Self.modern) == .modern)
        #expect(try era(Self.meta, Self.modern.merging(["mcp-session-id": ["any"]]) { $1 }) == .modern)
        // A version nobody knows, without the members of the modern era.
        #expect(try era("", ["mcp-protocol-version": ["1999-01-01"]]) == nil)
        #expect(try era("", Self.modern) == nil)
    }

    @Test func notificationsAndResponsesAreTakenWhateverTheySay() {
        guard
            case .notification("anything/at/all", [:]) = Self.read(
                #"{"jsonrpc":"2.0","method":"anything/at/all"}"#, [:])
        else {
            Issue.record("no notification")
            return
        }
        let response = Self.read(#"{"jsonrpc":"2.0","id":"stoker-1","result":{"a":1}}"#, [:])
        #expect(response == .response(id: "stoker-1", result: .result(["a": 1])))
    }

    @Test func statusesFollowTheEra() {
        #expect(MCPError.noMethod("x").status(.modern) == 404 && MCPError.noMethod("x").status(.legacy) == 200)
        #expect(MCPError.params("x").status(.modern) == 400 && MCPError.params("x").status(.legacy) == 200)
        #expect(MCPError.noResource("x", .legacy).code == -32_002 && MCPError.noResource("x", .modern).code == -32_602)
        #expect(MCPError.trouble("x").status(.modern) == 200)
    }

    @Test func whatIsSealedIsOurs() {
        let seal = Seal(key: Seal.newKey())
        let text = seal.close(["a": [1, 2]], for: "one")
        #expect(seal.open(text, for: "one") == ["a": [1, 2]])
        #expect(text.utf8.allSatisfy { (0x21...0x7E).contains($0) })
        for wrong in [text + "x", String(text.dropFirst()), String(text.dropLast()), "", ".", "a.b", text + "." + text]
        {
            #expect(seal.open(wrong, for: "one") == nil)
        }
        #expect(seal.open(text, for: "two") == nil && Seal().open(text, for: "one") == nil)
    }
}
