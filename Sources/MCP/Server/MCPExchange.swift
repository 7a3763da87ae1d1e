package import StokerCore

/// Who calls, as the door knows it.
package struct MCPClient: Sendable {
    /// Whose calls these are: what was sealed for one is no other's.
    package var principal: Principal
    /// Works in the client's own process tree: folders of its disk may be named.
    package var isLocal: Bool

    /// - Parameter principal: with whose right the agent works.
    package init(_ principal: Principal, isLocal: Bool = false) {
        self.principal = principal.asAgent
        self.isLocal = isLocal
    }
}

/// One call while it goes on: what came with it, and the way back to its client.
package struct MCPExchange: Sendable {
    package let era: MCPEra
    package let client: MCPClient
    /// What the client can do, as it said.
    package let capabilities: JSONValue
    package let params: JSONValue
    let progressToken: JSONValue?
    let logLevel: String?
    let requests: ClientRequests
    let emit: @Sendable (JSONValue) -> Void

    package func can(_ capability: String) -> Bool { capabilities[capability]?.members != nil }

    /// What the client answered to what an earlier result asked.
    package var inputResponses: JSONValue? { params["inputResponses"] }
    package var requestState: String? { params["requestState"]?.string }

    /// Whether anybody follows.
    package var isFollowed: Bool { progressToken != nil }

    /// - Parameter done: has to rise.
    package func progress(_ done: Double, of total: Double? = nil, _ message: String? = nil) {
        guard let progressToken else { return }
        var params: [JSONValue.Member] = [.init("progressToken", progressToken), .init("progress", Self.number(done))]
        if let total { params.append(.init("total", Self.number(total))) }
        if let message { params.append(.init("message", .string(message))) }
        notify("notifications/progress", .object(params))
    }

    private static func number(_ value: Double) -> JSONValue {
        Int64(exactly: value).map { .integer($0) } ?? .number(value)
    }

    /// Goes out where the client wants a log: always in the legacy era, else when the request says so.
    func log(_ level: String, _ data: JSONValue) {
        guard era == .legacy || logLevel != nil else { return }
        notify("notifications/message", ["level": .string(level), "logger": "stoker", "data": data])
    }

    func notify(_ method: String, _ params: JSONValue) {
        emit(["jsonrpc": "2.0", "method": .string(method), "params": params])
    }

    /// Asks the client while the call goes on. Legacy era only.
    /// - Throws: `MCPError` when the client answers with an error.
    func ask(_ method: String, _ params: JSONValue) async throws -> JSONValue {
        try await requests.ask { id in
            emit(["jsonrpc": "2.0", "id": .string(id), "method": .string(method), "params": params])
        }
    }
}
