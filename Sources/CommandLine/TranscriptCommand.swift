import ArgumentParser
import Operations
import StokerCore

struct TranscriptCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcript", abstract: "Show what the last ping of a check sent and what came back.",
        discussion: """
            Nothing is pinged. Secrets were removed before it was kept.

            EXAMPLES
              stoker transcript llm-backend
              stoker transcript llm-backend --failed --verbose
            """)

    @Argument(help: "Name of the check.", completion: CheckNames.completion)
    var name: String
    @Flag(help: "That of the last failed attempt.")
    var failed = false
    @Flag(name: .shortAndLong, help: "Show headers and the beginning of the body too.")
    var verbose = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.transcript] }

    func run() async throws {
        let answer = try await server.client().call(.transcript, [("name", .string(name))])
        let screen = Terminal.own
        switch output.chosen {
        case .json: screen.write(answer.prettyText)
        case .quiet: break
        case .auto, .human:
            let transcript = answer[failed ? "last_failed" : "last"] ?? .null
            guard !transcript.isNull else {
                return screen.write(failed ? "No failed attempt is kept.\n" : "It was not pinged since the start.\n")
            }
            let outcome = transcript["outcome"]?.string ?? ""
            screen.write(
                "\(screen.paint(name.printable, .bold))  \(OutputFormatting.time(transcript["at"]))  "
                    + "\(screen.paint(outcome, .init(verdict: outcome)))  \((transcript["sentence"]?.string ?? "").printable)\n"
                    + PingText.exchanges(transcript, verbose: verbose, screen))
        }
    }
}
