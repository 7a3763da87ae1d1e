package import Hummingbird
package import Ledger
package import MCP
import Operations
import StokerCore

/// `/mcp`: the operations for agents, over Streamable HTTP.
/// - Parameter server: see ``mcpServer(executor:records:environment:)``.
package func addMCP(to router: Router<AppRequestContext>, server: MCPServer, access: Access) {
    let door = MCPHandler(server: server, access: access)
    for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options] {
        router.on("mcp", method: method) { request, visit in try await door.answer(request, visit) }
    }
}

/// What `/mcp` offers: a server's operations; the fixtures of the protocol's scenarios where the environment wants them.
package func mcpServer(
    executor: any ToolExecutor, records: any RecordStore, environment: [String: String]
) async -> MCPServer {
    // Kept, so that a plan outlives a restart.
    let seal = Seal(key: await MCPLedger.key(in: records, now: executor.context.now()))
    if FixtureCatalogue.isWanted(environment) {
        return MCPServer(catalogue: FixtureCatalogue(seal: seal), seal: seal)
    }
    return MCPServer(
        catalogue: OperationCatalogue(
            executor: executor, isLocal: false, seal: seal, uses: MCPLedger(records: records),
            secrets: EnvironmentSecrets(environment: environment)), seal: seal)
}

/// What the protocol's server keeps: its key, and the plans that were carried out.
struct MCPLedger: PlanUses {
    let records: any RecordStore

    /// nil when it cannot be kept: what is sealed then dies with the process.
    static func key(in records: any RecordStore, now: Instant) async -> [UInt8]? {
        do {
            let fresh = Hex.text(Seal.newKey())
            try await records.put(
                NewRecord(
                    kind: "mcp-key", key: "seal", body: JSONValue.object([.init("key", .string(fresh))]).text, at: now),
                ifVersion: 0)
            let kept = try await records.record(kind: "mcp-key", key: "seal")
            let text = kept.flatMap { try? JSONValue(reading: $0.body) }?["key"]?.string  // damaged: none
            return text.flatMap { Hex.bytes($0[...]) }.flatMap { $0.count == 32 ? $0 : nil }
        } catch {
            return nil
        }
    }

    func claim(_ id: String, at now: Instant, until end: Instant) async throws(Failure) -> Bool {
        try await records.put(NewRecord(kind: "mcp-plan", key: id, at: now, expires: end), ifVersion: 0) != nil
    }
}
