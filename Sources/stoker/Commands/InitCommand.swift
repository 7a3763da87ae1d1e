import ArgumentParser
import Deployment
import Foundation
import StokerCore

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a commented fleet.yaml from addresses, from a list of pings, or by asking.",
        discussion: """
            EXAMPLES
              stoker init owner/bot owner/rag https://example.com/health
              stoker init --from pings.json
              stoker init
            """)

    @Argument(help: "Spaces (owner/name, their page or their *.hf.space address) and any other addresses.")
    var addresses: [String] = []
    @Option(
        help: ArgumentHelp(
            "A JSON list of {\"url\", \"interval_minutes\", \"space_id\"}; - reads standard input.", valueName: "file"),
        completion: .file())
    var from: String?
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"), completion: .file())
    var output = "fleet.yaml"
    @Flag(help: "Overwrite the file.")
    var force = false

    func run() async throws {
        // Before any question is asked in vain.
        if output != "-", !force, FileManager.default.fileExists(atPath: output) {
            throw Failure(
                .usage, doing: "write \(output)", because: "it exists already", hint: "--force overwrites it")
        }
        var draft = try FleetDraft(addresses: addresses)
        if let from {
            let text = try FleetOptions.contents(of: from, kind: "list of pings", hint: nil)
            draft.entries += try FleetDraft(json: text).entries
        }
        if addresses.isEmpty, from == nil, isatty(STDIN_FILENO) == 1 { draft = try ask() }
        guard output != "-" else { return Screen.own.write(draft.text) }
        try NewFile.write(draft.text, to: output, force: force)
        Screen.writeError(
            """
            Wrote \(output) with \(draft.entries.count) address\(draft.entries.count == 1 ? "" : "es").
            Next: stoker check-config \(output), then stoker serve --fleet \(output)

            """)
    }

    /// Asks for addresses, one a line, until an empty line.
    private func ask() throws -> FleetDraft {
        Screen.writeError(
            "What shall be kept warm? A Space (owner/name) or an address a line; an empty line ends the list.\n")
        var draft = FleetDraft()
        while true {
            Screen.writeError("> ")
            guard let line = readLine()?.trimmingCharacters(in: .whitespaces), !line.isEmpty else { return draft }
            do {
                let more = try FleetDraft(addresses: [line])
                draft.entries += more.entries
            } catch {
                Screen.writeError("  \(error)\n")
            }
        }
    }
}
