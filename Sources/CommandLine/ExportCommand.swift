import ArgumentParser
import Foundation
import Operations
import StokerCore

/// A service outside that ``Operations/Operation/export`` writes a waker for, or ``Operations/Operation/exportPipeline`` a file for CI.
struct ExportKind: ExpressibleByArgument {
    let name: String

    init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        name = argument
    }

    static var allValueStrings: [String] { kinds(.export) + kinds(.exportPipeline) }

    var isPipeline: Bool { Self.kinds(.exportPipeline).contains(name) }

    private static func kinds(_ operation: Operations.Operation) -> [String] {
        for case .choice(let kinds) in operation.parameters.map(\.kind) { return kinds }
        return []
    }

    /// Only for enumerations does the parser offer the values to shells by itself.
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

struct ExportCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract:
            "Write a file for a service outside: a waker that keeps the master awake, or CI that ships the fleet.",
        discussion: """
            A waker asks the master's /health and, while it is silent, wakes the hot and warm Spaces directly. It has its own \
            instructions and holds no secret: private Spaces, and addresses that only this machine reaches, are left out and named.

            github-deploy and gitlab-deploy write a file for CI: it checks each folder that the fleet file ships from (type check, tests, audit of the \
            packages, `stoker doctor`), and then ships from main by `stoker apply --yes`. The token is a secret of the service.

            EXAMPLES
              stoker export apps-script --master https://owner-master.hf.space
              stoker export github-actions --output .github/workflows/keepalive.yml
              stoker export crontab --every 3m
              stoker export github-deploy --output .github/workflows/deploy.yml
              stoker export gitlab-deploy --folder ./backend --output .gitlab-ci.yml
            """)

    @Argument(help: "The service that wakes, or runs CI.")
    var kind: ExportKind
    @OptionGroup var options: FleetOptions
    @Option(
        help: ArgumentHelp(
            "The master's public address (default: serve.public_url of the fleet file).", valueName: "url"))
    var master: String?
    @Option(name: .customLong("every"), help: "How often the master is woken, 1m to 30m (default: 5m).")
    var every: String?
    @Option(
        name: .customLong("folder"),
        help: ArgumentHelp(
            "For CI: a folder of a Space, seen from the fleet file; may be given several times (default: those that the fleet file ships from).",
            valueName: "folder"))
    var folders: [String] = []
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write here instead of to standard output.", valueName: "file"), completion: .file())
    var output: String?
    @Flag(help: "Overwrite the output file.")
    var force = false
    @OptionGroup var remote: RemoteOptions

    static var operations: [Operations.Operation] { [.export, .exportPipeline] }

    func validate() throws {
        guard kind.isPipeline else {
            if !folders.isEmpty { throw ValidationError("--folder goes with github-deploy and gitlab-deploy.") }
            return try remote.exclude(options)
        }
        for (name, isGiven) in [
            ("--master", master != nil), ("--every", every != nil), ("--server", remote.server != nil),
        ]
        where isGiven {
            throw ValidationError("\(name) goes with a waker, not with \(kind.name).")
        }
    }

    func run() async throws {
        let made = kind.isPipeline ? try await pipeline() : try await waker()
        let content = made["content"]?.string ?? ""
        let instructions = made["instructions"]?.array?.compactMap(\.string) ?? []
        guard let output else {
            Terminal.own.write(content)
            if isatty(STDOUT_FILENO) != 1 || kind.name == "uptimerobot" || kind.isPipeline { tell(instructions) }
            return
        }
        try OutputFile.write(content, to: output, force: force)
        Terminal.writeError("Wrote \(output).\n")
        tell(instructions.map { $0.replacing("keepalive.crontab", with: output) })
    }

    private func pipeline() async throws -> JSONValue {
        let path = options.path
        let isThere = FileManager.default.fileExists(atPath: path)
        return try await perform(
            .exportPipeline,
            [
                ("kind", .string(kind.name)), ("fleet", .string(path)),
                ("folders", .array(folders.map { .string($0) })),
            ], on: isThere ? try options.read() : nil, output: nil)
    }

    private func waker() async throws -> JSONValue {
        let every = every ?? "5m"
        guard Duration(text: every) != nil else {
            throw Failure(
                .usage, doing: "read --every", because: "it is not a duration", hint: "write it like --every 5m")
        }
        let server = try remote.client()
        return try await perform(
            .export,
            [
                ("kind", .string(kind.name)), ("master", master.map { .string($0) } ?? .null),
                ("every", .string(every)),
            ], on: server == nil ? try options.read() : nil, at: server, output: nil)
    }

    private func tell(_ instructions: [String]) {
        for text in instructions { Terminal.writeError("  * \(text)\n") }
    }
}
