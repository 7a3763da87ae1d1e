import ArgumentParser
import Foundation
import Operations
import StokerCore

/// A service outside that ``Operations/Operation/export`` writes a waker for.
struct SchedulerKind: ExpressibleByArgument {
    let name: String

    init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        name = argument
    }

    static var allValueStrings: [String] {
        for case .choice(let kinds) in Operations.Operation.export.parameters.map(\.kind) { return kinds }
        return []
    }

    /// Only for enumerations does the parser offer the values to shells by itself.
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

struct ExportCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a waker for a service outside that keeps the master awake.",
        discussion: """
            The file asks the master's /health and, while it is silent, wakes the hot and warm Spaces directly. It has its own \
            instructions and holds no secret: private Spaces, and addresses that only this machine reaches, are left out and named.

            EXAMPLES
              stoker export apps-script --master https://owner-master.hf.space
              stoker export github-actions --output .github/workflows/keepalive.yml
              stoker export crontab --every 3m
            """)

    @Argument(help: "The service that wakes.")
    var kind: SchedulerKind
    @OptionGroup var options: FleetOptions
    @Option(
        help: ArgumentHelp(
            "The master's public address (default: serve.public_url of the fleet file).", valueName: "url"))
    var master: String?
    @Option(name: .customLong("every"), help: "How often the master is woken, 1m to 30m.")
    var every = "5m"
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write here instead of to standard output.", valueName: "file"), completion: .file())
    var output: String?
    @Flag(help: "Overwrite the output file.")
    var force = false
    @OptionGroup var remote: RemoteOptions

    static var operations: [Operations.Operation] { [.export] }

    func validate() throws { try remote.exclude(options) }

    func run() async throws {
        guard Duration(text: every) != nil else {
            throw Failure(
                .usage, doing: "read --every", because: "it is not a duration", hint: "write it like --every 5m")
        }
        let server = try remote.client()
        let made = try await perform(
            .export,
            [
                ("kind", .string(kind.name)), ("master", master.map { .string($0) } ?? .null),
                ("every", .string(every)),
            ], on: server == nil ? try options.read() : nil, at: server, output: nil)
        let content = made["content"]?.string ?? ""
        let instructions = made["instructions"]?.array?.compactMap(\.string) ?? []
        guard let output else {
            Terminal.own.write(content)
            if isatty(STDOUT_FILENO) != 1 || kind.name == "uptimerobot" { tell(instructions) }
            return
        }
        try OutputFile.write(content, to: output, force: force)
        Terminal.writeError("Wrote \(output).\n")
        tell(instructions.map { $0.replacing("keepalive.crontab", with: output) })
    }

    private func tell(_ instructions: [String]) {
        for text in instructions { Terminal.writeError("  * \(text)\n") }
    }
}
