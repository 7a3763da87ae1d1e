package import StokerCore

extension OperationCatalogue {
    package func resources() async throws -> [JSONValue] { [] }
    package var resourceTemplates: [JSONValue] { [] }
    package func read(_ uri: String, _ exchange: MCPExchange) async throws -> [JSONValue]? { nil }
    package func isWatched(_ uri: String) -> Bool { false }
    package var prompts: [JSONValue] { [] }
    package func prompt(_ name: String, _ arguments: JSONValue, _ exchange: MCPExchange) async throws -> JSONValue? {
        nil
    }
    package func complete(_ reference: JSONValue, argument: String, _ begun: String) async throws -> [String] { [] }
    package func changes() async -> AsyncStream<MCPChange> { AsyncStream { $0.finish() } }
}
