import ArgumentParser
import Operations
import StokerCore

struct ResumeCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Ping paused checks again.",
        discussion: """
            EXAMPLES
              stoker resume llm-backend
              stoker resume llm-backend gateway
            """)

    @Argument(help: "Names of the checks.", completion: CheckNames.completion)
    var names: [String]
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    private var format: OutputFormat { output.chosen }

    static var operations: [Operations.Operation] { [.resume] }

    func run() async throws {
        try await changeEach(names, by: .resume, on: server, format) { _ in "is pinged again" }
    }
}
