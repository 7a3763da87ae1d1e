import ArgumentParser
import Deployment
import Foundation
import HubClient
import KeepAlive
import Operations
import StokerCore

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a commented fleet.yaml from addresses, from a list of pings, from the Hub, or by asking.",
        discussion: """
            EXAMPLES
              stoker init owner/bot owner/rag https://example.com/health
              stoker init --from pings.json
              stoker init --from-hub
              stoker init --from-hub --namespace acme --name 'bot-*' --tag production
              stoker init

            With `hub: { discover: true }` in the file, Spaces that are made later join by themselves.
            """)

    @Argument(help: "Spaces (owner/name, their page or their *.hf.space address) and any other addresses.")
    var addresses: [String] = []
    @Option(
        help: ArgumentHelp(
            "A JSON list of {\"url\", \"interval_minutes\", \"space_id\"}; - reads standard input.", valueName: "file"),
        completion: .file())
    var from: String?
    @Flag(help: "Take the Spaces that run an app, as the Hub lists them.")
    var fromHub = false
    @Option(
        help: ArgumentHelp(
            "With --from-hub: a user or an organisation; may be given several times (default: the token's own account).",
            valueName: "name"))
    var namespace: [String] = []
    @Option(
        name: .customLong("name"),
        help: ArgumentHelp(
            "With --from-hub: only names like this, * is any text; may be given several times.", valueName: "pattern"))
    var names: [String] = []
    @Option(
        name: .customLong("sdk"),
        help: ArgumentHelp(
            "With --from-hub: only this SDK: docker, gradio, streamlit or static; may be given several times.",
            valueName: "sdk"), completion: .list(["docker", "gradio", "streamlit", "static"]))
    var sdks: [String] = []
    @Option(
        name: .customLong("tag"),
        help: ArgumentHelp("With --from-hub: only Spaces with this tag, and all others given.", valueName: "tag"))
    var tags: [String] = []
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"), completion: .file())
    var output = "fleet.yaml"
    @Flag(help: "Overwrite the file.")
    var force = false
    @OptionGroup var hub: HubOptions

    func validate() throws {
        guard !fromHub else { return }
        for (name, isGiven) in [
            ("--namespace", !namespace.isEmpty), ("--name", !names.isEmpty), ("--sdk", !sdks.isEmpty),
            ("--tag", !tags.isEmpty), ("--token", hub.token != nil), ("--endpoint", hub.endpoint != nil),
        ] where isGiven {
            throw ValidationError("\(name) goes with --from-hub.")
        }
    }

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
        if fromHub {
            let found = try await spacesOfHub()
            draft.entries += found.entries.filter { !draft.entries.contains($0) }
            draft.endpoint = found.endpoint
        }
        if addresses.isEmpty, from == nil, !fromHub, isatty(STDIN_FILENO) == 1 { draft = try ask() }
        guard output != "-" else { return Screen.own.write(draft.text) }
        let schema = try writeSchema()
        if schema != nil { draft.schemaLine = FleetSchema.line(FleetSchema.fileName) }
        try NewFile.write(draft.text, to: output, force: force)
        let count = draft.entries.count
        let also = schema.map { ", and \($0), by which editors complete it" } ?? ""
        Screen.writeError("Wrote \(output) with \(count) address\(count == 1 ? "" : "es")\(also).\n")
        Screen.writeError(next(draft))
    }

    /// What fits the file: as the shell takes it, and beginning with what is still to be filled in.
    private func next(_ draft: FleetDraft) -> String {
        let isUsual = output == "fleet.yaml" && FleetOptions.usualPath == output
        let file =
            output.allSatisfy { $0.isLetter || $0.isNumber || "-_./".contains($0) } ? output : Quote.shell(output)
        let first = draft.entries.isEmpty ? "name a Space or an address in it, then " : ""
        let token =
            fromHub
            ? "\nPrivate Spaces and what the Hub says need the token there, too: HF_TOKEN, or a .env file.\n" : "\n"
        return
            "Next: \(first)stoker check-config\(isUsual ? "" : " \(file)"), then stoker serve\(isUsual ? "" : " --fleet \(file)")\(token)"
    }

    /// The schema beside the fleet file, so that the line that names it works. nil when a file of somebody else's is in its place.
    private func writeSchema() throws -> String? {
        let folder = output.parentFolder
        let path = folder.isEmpty ? FleetSchema.fileName : folder + "/" + FleetSchema.fileName
        if FileManager.default.fileExists(atPath: path), !FleetSchema.isOurs(path) { return nil }
        try NewFile.write(try FleetSchema.text(), to: path, force: true)
        return path
    }

    /// What the Hub lists and the filters let pass. Nothing is woken by it.
    private func spacesOfHub() async throws -> FleetDraft {
        try await hub.use { hub in
            let owners = namespace.isEmpty ? [try await hub.whoami().name] : namespace
            let wanted = Fleet.Discovery(namespaces: owners, sdks: sdks, tags: tags, names: names)
            let door = HubDoor(hub: hub)
            var listed: [SpaceFacts] = []
            for owner in owners { listed += try await door.spaces(of: owner).spaces }
            let whose = owners.joined(separator: ", ")
            if let nothing = wanted.nothingFound(among: listed) {
                throw Failure(
                    .notFound, doing: "find Spaces of \(whose.printable)", because: nothing.because,
                    hint: nothing.hint + " (--namespace, --name, --sdk, --tag)")
            }
            let isStatic = sdks.isEmpty ? listed.filter(\.isStatic).map(\.id) : []
            if !isStatic.isEmpty {
                Screen.writeError(
                    "stoker: left out \(isStatic.count) static Space\(isStatic.count == 1 ? "" : "s"), for they never sleep: \(isStatic.sorted().prefix(10).joined(separator: ", ").printable)\(isStatic.count > 10 ? ", …" : "") (--sdk static takes them)\n"
                )
            }
            var draft = FleetDraft(spaces: listed.filter(wanted.takes))
            let endpoint = hub.settings.endpoint
            if endpoint != Fleet.Hub().endpoint { draft.endpoint = endpoint }
            return draft
        }
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
