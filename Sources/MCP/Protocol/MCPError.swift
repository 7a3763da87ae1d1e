package import StokerCore

/// An error of the protocol itself. What an operation could not do is no such error but a result with `isError`.
package struct MCPError: Error, Sendable, Equatable {
    package var code: Int
    package var message: String
    package var data: JSONValue?

    package init(_ code: Int, _ message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    package static func unreadable(_ why: String) -> MCPError { MCPError(-32_700, "the message is no JSON: \(why)") }
    package static func invalid(_ why: String) -> MCPError { MCPError(-32_600, why) }
    package static func noMethod(_ name: String) -> MCPError {
        MCPError(-32_601, "there is no method \"\(Redaction.quote(name, limit: 60))\"")
    }
    package static func params(_ why: String, data: JSONValue? = nil) -> MCPError {
        MCPError(-32_602, why, data: data)
    }
    package static func trouble(_ why: String) -> MCPError { MCPError(-32_603, why) }
    package static func header(_ why: String) -> MCPError { MCPError(-32_020, why) }
    /// - Parameter capability: `sampling`, `elicitation` or `roots`.
    package static func needs(_ capability: String) -> MCPError {
        MCPError(
            -32_021, "this needs a client with the capability \"\(capability)\"",
            data: ["requiredCapabilities": .object([.init(capability, [:])])])
    }
    package static func version(_ requested: String) -> MCPError {
        MCPError(
            -32_022, "this version of the protocol is not spoken here",
            data: [
                "supported": .array(MCPEra.modernVersions.map { .string($0) }),
                "requested": .string(Redaction.quote(requested, limit: 60)),
            ])
    }
    package static func noResource(_ uri: String, _ era: MCPEra) -> MCPError {
        MCPError(
            era == .modern ? -32_602 : -32_002, "there is no such resource",
            data: ["uri": .string(Redaction.quote(uri, limit: 500))])
    }

    /// HTTP status of an answer with this error.
    package func status(_ era: MCPEra) -> Int {
        switch code {
        case -32_700, -32_600, -32_020, -32_021, -32_022: 400
        case -32_601: era == .modern ? 404 : 200
        case -32_602: era == .modern ? 400 : 200
        default: 200
        }
    }

    /// The whole message.
    package func json(id: JSONValue) -> JSONValue {
        var error: [JSONValue.Member] = [
            .init("code", .integer(Int64(code))), .init("message", .string(message)),
        ]
        if let data { error.append(.init("data", data)) }
        return ["jsonrpc": "2.0", "id": id, "error": .object(error)]
    }
}
