import ArgumentParser
import Operations
import StokerCore

struct AcknowledgeCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge",
        abstract: "Say that you have seen what was damaged in the ledger; healing goes on then.",
        discussion: """
            The dashboard and `stoker status` show the number, and what was kept and saved.

            EXAMPLES
              stoker acknowledge 17
            """)

    @Argument(help: "Number of the incident.")
    var incident: String
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.acknowledge] }

    func run() async throws {
        let overview = try await server.client().call(.acknowledge, [("name", .string(incident))])
        let screen = Terminal.own
        switch output.chosen {
        case .json: screen.write(overview.prettyText)
        case .auto, .human:
            screen.write("Incident \(incident.printable) is acknowledged; healing goes on.\n")
        default: break
        }
    }
}
