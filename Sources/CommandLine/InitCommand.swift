import ArgumentParser
import Foundation
import Operations
import StokerCore

struct InitCommand: OperationCommand {
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
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        guard !fromHub else { return try remote.exclude(hub) }
        for (name, isGiven) in [
            ("--namespace", !namespace.isEmpty), ("--name", !names.isEmpty), ("--sdk", !sdks.isEmpty),
            ("--tag", !tags.isEmpty), ("--token", hub.token != nil), ("--endpoint", hub.endpoint != nil),
            ("--server", remote.server != nil),
        ] where isGiven {
            throw ValidationError("\(name) goes with --from-hub.")
        }
    }

    static var operations: [Operations.Operation] { [.initFleet, .schema] }

    func run() async throws {
        // Before any question is asked in vain.
        if output != "-", !force, FileManager.default.fileExists(atPath: output) {
            throw Failure(
                .usage, doing: "write \(output)", because: "it exists already", hint: "--force overwrites it")
        }
        var addresses = addresses
        if addresses.isEmpty, from == nil, !fromHub, isatty(STDIN_FILENO) == 1 { addresses = try await ask() }
        let schema = schemaPath
        let draft = try await draft(addresses, namesSchema: schema != nil)
        let content = draft["content"]?.string ?? ""
        guard output != "-" else { return Terminal.own.write(content) }
        if let schema {
            let text = try await perform(.schema, [], output: nil)["content"]?.string ?? ""
            try OutputFile.write(text, to: schema, force: true)
        }
        try OutputFile.write(content, to: output, force: force)
        let count = draft["addresses"]?.integer ?? 0
        let also = schema.map { ", and \($0), by which editors complete it" } ?? ""
        Terminal.writeError("Wrote \(output) with \(count) address\(count == 1 ? "" : "es")\(also).\n")
        Terminal.writeError(next(addresses: count))
    }

    private func draft(_ addresses: [String], namesSchema: Bool) async throws -> JSONValue {
        func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        let pings = try from.map { try FleetOptions.contents(of: $0, kind: "list of pings", hint: nil) }
        let given: [(name: String, value: JSONValue)] = [
            ("addresses", list(addresses)), ("pings", pings.map { .string($0) } ?? .null),
            ("schema", namesSchema ? .string(FleetSchema.fileName) : .null),
        ]
        guard fromHub else { return try await perform(.initFleet, given, output: nil) }
        let wanted: JSONValue = [
            "namespaces": list(namespace), "names": list(names), "sdks": list(sdks), "tags": list(tags),
        ]
        let draft: JSONValue
        do {
            let given = given + [("from_hub", wanted)]
            if let server = try remote.client() {
                draft = try await perform(.initFleet, given, on: nil, at: server, output: nil)
            } else {
                draft = try await hub.use { hub in
                    try await perform(.initFleet, given, in: .ofThisProcess(hub), output: nil)
                }
            }
        } catch var failure as Failure where failure.code == .notFound {
            failure.hint = failure.hint.map { $0 + " (--namespace, --name, --sdk, --tag)" }
            throw failure
        }
        let left = draft["left_out"]?.array?.compactMap(\.string) ?? []
        if !left.isEmpty {
            Terminal.writeError(
                "stoker: left out \(left.count) static Space\(left.count == 1 ? "" : "s"), for they never sleep: \(left.prefix(10).joined(separator: ", ").printable)\(left.count > 10 ? ", …" : "") (--sdk static takes them)\n"
            )
        }
        return draft
    }

    /// What fits the file: as the shell takes it, and beginning with what is still to be filled in.
    private func next(addresses: Int) -> String {
        let isUsual = output == "fleet.yaml" && FleetOptions.usualPath == output
        let file =
            output.allSatisfy { $0.isLetter || $0.isNumber || "-_./".contains($0) } ? output : Quote.shell(output)
        let first = addresses == 0 ? "name a Space or an address in it, then " : ""
        let token =
            fromHub
            ? "\nPrivate Spaces and what the Hub says need the token there, too: HF_TOKEN, or a .env file.\n" : "\n"
        return
            "Next: \(first)stoker check-config\(isUsual ? "" : " \(file)"), then stoker serve\(isUsual ? "" : " --fleet \(file)")\(token)"
    }

    /// Where the schema is written: beside the fleet file, so that the line that names it works. nil when a file of somebody else's is
    /// in its place, and on standard output.
    private var schemaPath: String? {
        guard output != "-" else { return nil }
        let folder = output.parentFolder
        let path = folder.isEmpty ? FleetSchema.fileName : folder + "/" + FleetSchema.fileName
        return FileManager.default.fileExists(atPath: path) && !FleetSchema.isOurs(path) ? nil : path
    }

    /// Asks for addresses, one a line, until an empty line.
    private func ask() async throws -> [String] {
        Terminal.writeError(
            "What shall be kept warm? A Space (owner/name) or an address a line; an empty line ends the list.\n")
        var addresses: [String] = []
        while true {
            Terminal.writeError("> ")
            guard let line = readLine()?.trimmingCharacters(in: .whitespaces), !line.isEmpty else { return addresses }
            do {
                _ = try await perform(.initFleet, [("addresses", [.string(line)])], output: nil)
                addresses.append(line)
            } catch {
                Terminal.writeError("  \(error)\n")
            }
        }
    }
}
