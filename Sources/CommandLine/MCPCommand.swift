import ArgumentParser
import Foundation
import HubClient
import MCP
import Operations
import StokerCore

/// The operations for an agent on this machine, over standard input and output.
struct MCPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp", abstract: "Serve this machine's agents over standard input and output (MCP).",
        discussion: """
            An MCP client starts this command and speaks to it; people configure it there (docs/mcp.md). Spaces are worked on by \
            this process, with the account of $HF_TOKEN or of the official command line. What is about the monitored fleet is \
            asked of the server of --server, $STOKER_SERVER or this machine.
            plan, apply and drift work on the fleet file of --fleet.

            EXAMPLES
              stoker mcp --fleet fleet.yaml
              claude mcp add stoker -- stoker mcp
              STOKER_MCP_SECRETS=OPENAI_API_KEY stoker mcp
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var hub: HubOptions
    @Option(
        help: ArgumentHelp(
            "The running Stoker that monitors the fleet (default: $STOKER_SERVER, else http://127.0.0.1:7860).",
            valueName: "url"))
    var server: String?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        // Nothing but messages may reach standard output.
        let write = StdioTransport.writer(to: STDOUT_FILENO)
        let fleet = fleet
        let client = try ServerOptions.parse(server.map { ["--server", $0] } ?? []).client()
        try await hub.use { hub in
            let seal = Seal()
            let catalogue: any MCPCatalogue
            if FixtureCatalogue.isWanted(environment) {
                catalogue = FixtureCatalogue(seal: seal)
            } else {
                catalogue = OperationCatalogue(
                    executor: LocalToolExecutor(context: .ofThisProcess(hub), server: client), isLocal: true,
                    seal: seal, uses: PlanUsesInMemory(), secrets: EnvironmentSecrets(environment: environment)
                ) { (operation) throws(Failure) in
                    guard operation.parameters.contains(where: { $0.name == "fleet_file" }) else { return [] }
                    // Read for each call: people edit it meanwhile.
                    return [("fleet_file", try fleet.read().json)]
                }
            }
            await StdioTransport(
                server: MCPServer(catalogue: catalogue, seal: seal),
                client: MCPClient(.ofThisProcess, isLocal: true),
                lines: StdioTransport.lines(of: STDIN_FILENO), write: write
            ).run()
        }
    }
}

/// Spaces by this process, the monitored fleet by its server.
private struct LocalToolExecutor: ToolExecutor {
    let context: OperationContext
    let server: ServerClient

    func perform(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)],
        for caller: any OperationCaller
    ) async throws(Failure) -> JSONValue {
        if operation.needsFleet { return try await server.callStreaming(operation, given, caller) }
        return try await operation.call(given, in: context.called(by: caller))
    }
}
