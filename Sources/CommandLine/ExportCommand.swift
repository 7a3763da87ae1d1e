import ArgumentParser
import Deployment
import Foundation
import StokerCore

extension Export.Kind: ExpressibleByArgument {}

struct ExportCommand: AsyncParsableCommand {
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
    var kind: Export.Kind
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

    func run() async throws {
        guard let wakeEvery = Duration(text: every) else {
            throw Failure(
                .usage, doing: "read --every", because: "it is not a duration", hint: "write it like --every 5m")
        }
        let completed = try await HubFleet.completed(try options.load().fleet())
        completed.tell()
        let export = try Export.make(
            kind, fleet: completed.fleet, master: master, wakeEvery: wakeEvery, hidden: completed.hidden)
        guard let output else {
            Screen.own.write(export.content)
            if isatty(STDOUT_FILENO) != 1 || kind == .uptimeRobot { tell(export) }
            return
        }
        try NewFile.write(export.content, to: output, force: force)
        Screen.writeError("Wrote \(output).\n")
        tell(export, as: output)
    }

    /// - Parameter file: the name that the person chose in place of the usual one.
    private func tell(_ export: Export, as file: String? = nil) {
        for text in export.instructions {
            let shown = file.map { text.replacing("keepalive.crontab", with: $0) } ?? text
            Screen.writeError("  * \(shown)\n")
        }
    }
}

/// Files that are made for a person, who may have changed them since.
enum NewFile {
    /// Writes the file whole or not at all, with the folders it needs.
    /// - Throws: `usage` when it exists and `force` is not given.
    static func write(_ text: String, to path: String, force: Bool) throws(Failure) {
        let url = URL(fileURLWithPath: path)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url, options: force ? .atomic : .withoutOverwriting)
        } catch {
            if !force, FileManager.default.fileExists(atPath: path) {
                throw Failure(
                    .usage, doing: "write \(path)", because: "it exists already", hint: "--force overwrites it",
                    cause: error)
            }
            throw Failure(
                .fleetUnreadable, doing: "write \(path)", because: "the file cannot be written",
                hint: "look at its folder and rights",
                cause: error)
        }
    }
}
