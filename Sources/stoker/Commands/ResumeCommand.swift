import ArgumentParser
import Operations
import StokerCore

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Ping paused checks again.",
        discussion: """
            Examples:
              stoker resume llm-backend
              stoker resume llm-backend gateway
            """)

    @Argument(help: "Names of the checks.")
    var names: [String]
    @Option(help: "auto, human, json or quiet.")
    var format: OutputFormat = .auto
    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await changeEach(names, by: .resume, on: server, format) { _ in "is pinged again" }
    }
}
