import ArgumentParser
import Foundation
import Operations
import StokerCore

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Write a fleet file of what exists.",
        discussion: """
            EXAMPLES
              stoker import hub
              stoker import hub acme --output acme.yaml
            """,
        subcommands: [ImportHubCommand.self])
}

struct ImportHubCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub", abstract: "Describe the Spaces of a namespace as they are, with their `deploy:`.",
        discussion: """
            Only reads. The plan right after is empty: settings, variables, volumes and names of secrets are those of the Hub, and files \
            are left as they are until `from:` names a source. Values of secrets cannot be read; a secret is left as it is while its \
            value is not set here.

            EXAMPLES
              stoker import hub
              stoker import hub acme --output acme.yaml && stoker plan --fleet acme.yaml
            """)

    @Argument(
        help: ArgumentHelp("A user or an organisation (default: the token's own account).", valueName: "namespace"))
    var namespace: String?
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"), completion: .file())
    var output = "fleet.yaml"
    @Flag(help: "Overwrite the file.")
    var force = false
    @OptionGroup var hub: HubOptions

    static var operations: [Operations.Operation] { [.importHub] }

    func run() async throws {
        if output != "-", !force, FileManager.default.fileExists(atPath: output) {
            throw Failure(
                .usage, doing: "write \(output)", because: "it exists already", hint: "--force overwrites it")
        }
        let answer = try await hub.use { hub in
            try await perform(
                .importHub, namespace.map { [("namespace", .string($0))] } ?? [], in: .ofThisProcess(hub), output: nil)
        }
        let content = answer["content"]?.string ?? ""
        guard output != "-" else { return Terminal.own.write(content) }
        try OutputFile.write(content, to: output, force: force)
        let count = answer["addresses"]?.integer ?? 0
        Terminal.writeError(
            "Wrote \(output) with \(count) Space\(count == 1 ? "" : "s").\nNext: stoker plan\(output == FleetOptions.usualPath ? "" : " --fleet \(Quote.shell(output))")\n"
        )
    }
}
