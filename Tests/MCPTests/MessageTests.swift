import MCP
import StokerCore
import Testing

@Suite struct MessageTests {
    @Test func aRequestIsRead() {
        guard case .request(let request) = MCPMessage(Array(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.utf8), nil)
        else {
            Issue.record("no request")
            return
        }
        #expect(request.era == .legacy)
    }
}
