import ArgumentParser
import Operations
import StokerCore

struct ReloadCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Let a running Stoker read its fleet file again.",
        discussion: """
            Saving the file does the same. A file with mistakes changes nothing.

            EXAMPLES
              stoker reload
              stoker reload --server https://master.example.org
            """)

    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.reload] }

    func run() async throws {
        let overview = try await server.client().call(.reload, [])
        switch output.chosen {
        case .json: Terminal.own.write(overview.prettyText)
        case .auto, .human:
            Terminal.own.write("The fleet file is in use: \((overview["total"]?.integer ?? 0).counted("check")).\n")
        case .quiet: break
        }
    }
}
