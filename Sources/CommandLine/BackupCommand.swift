import ArgumentParser
import Operations
import StokerCore

struct BackupCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Let a running Stoker copy its ledger, beside it.",
        discussion: """
            The copy is consistent, and pinging goes on. An existing file is kept.

            EXAMPLES
              stoker backup
              stoker backup before-the-update.sqlite
            """)

    @Argument(help: "Name of the file in the server's data folder (default: stoker-TIME.sqlite).")
    var name: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.backup] }

    func run() async throws {
        let answer = try await server.client().call(.backup, [("name", name.map { .string($0) } ?? .null)])
        switch output.chosen {
        case .json: Terminal.own.write(answer.prettyText)
        case .auto, .human:
            Terminal.own.write("The ledger was copied to \((answer["path"]?.string ?? "").printable) on the server.\n")
        case .quiet: break
        }
    }
}
