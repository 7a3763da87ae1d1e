package import StokerCore

/// What a server offers. Everything is a value of the protocol without what belongs to an era: `resultType`, caching, `serverInfo`.
package protocol MCPCatalogue: Sendable {
    /// `{"name", "version", …}`
    var serverInfo: JSONValue { get }
    /// What a model is told of the server as a whole.
    var instructions: String { get }
    func capabilities(_ era: MCPEra) -> JSONValue

    /// In an order that does not change.
    var tools: [JSONValue] { get }
    /// - Returns: `{"content", "isError", "structuredContent"?}`, or one with `resultType: input_required`.
    /// - Throws: `MCPError` for an unknown tool.
    func call(_ tool: String, _ arguments: JSONValue, _ exchange: MCPExchange) async throws -> JSONValue

    /// Inputs that the modern era repeats in headers `Mcp-Param-…`, and the rest of the header's name.
    func headerParameters(of tool: String) -> [String: String]

    func resources() async throws -> [JSONValue]
    var resourceTemplates: [JSONValue] { get }
    /// - Returns: the contents; nil when there is no such resource.
    func read(_ uri: String, _ exchange: MCPExchange) async throws -> [JSONValue]?
    /// Whether changes of the resource are told.
    func isWatched(_ uri: String) -> Bool

    var prompts: [JSONValue] { get }
    /// - Returns: `{"description"?, "messages"}`; nil when there is no such prompt.
    func prompt(_ name: String, _ arguments: JSONValue, _ exchange: MCPExchange) async throws -> JSONValue?
    /// What may stand in an argument of a prompt or in a template of a resource. At most 100 are sent.
    /// - Parameter reference: `{"type": "ref/prompt", "name"}` or `{"type": "ref/resource", "uri"}`.
    func complete(_ reference: JSONValue, argument: String, _ begun: String) async throws -> [String]

    /// Ends when nobody listens any more.
    func changes() async -> AsyncStream<MCPChange>
    /// Returns when nothing is under way that must not be torn.
    func settle() async
}

extension MCPCatalogue {
    package func settle() async {}
    /// None: not every client knows of them.
    package func headerParameters(of tool: String) -> [String: String] { [:] }
}

/// Something that clients can ask to be told.
package enum MCPChange: Sendable, Equatable {
    case tools
    case prompts
    case resources
    case resource(String)
}
