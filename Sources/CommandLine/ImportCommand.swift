import ArgumentParser
import Foundation
import Operations
import StokerCore

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Write a fleet file of what exists, on the Hub or in another tool.",
        discussion: """
            EXAMPLES
              stoker import hub
              stoker import hub acme --output acme.yaml
              stoker import gatus config.yaml
              stoker import uptime-kuma backup.json --output kuma.yaml
            """,
        subcommands: [
            ImportHubCommand.self, ImportUptimeKumaCommand.self, ImportGatusCommand.self, ImportUptimeRobotCommand.self,
            ImportHealthchecksCommand.self,
        ])
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

/// What `stoker import TOOL FILE` takes, for each tool.
struct ImportFileOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The other tool's file; - reads standard input.", valueName: "file"), completion: .file())
    var file: String
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"), completion: .file())
    var output = "fleet.yaml"
    @Flag(help: "Overwrite the file.")
    var force = false
}

protocol ImportFileCommand: OperationCommand {
    static var tool: String { get }
    var options: ImportFileOptions { get }
}

extension ImportFileCommand {
    static var operations: [Operations.Operation] { [.importFleet] }

    static func configuration(_ title: String, getting: String, example: String) -> CommandConfiguration {
        CommandConfiguration(
            commandName: tool,
            abstract: "Write a fleet file from a file of \(title): checks, groups, notices, maintenance.",
            discussion: """
                \(getting) What cannot be carried over is listed with its reason, also as comments at the end of the file. Values that may be secrets are \
                not copied: the file has variables in their place.

                EXAMPLES
                  \(example)
                  stoker import \(tool) FILE --output - | stoker check-config -
                """)
    }

    func run() async throws {
        let output = options.output
        if output != "-", !options.force, FileManager.default.fileExists(atPath: output) {
            throw Failure(
                .usage, doing: "write \(output)", because: "it exists already", hint: "--force overwrites it")
        }
        let text = try FleetOptions.contents(of: options.file, kind: "file", hint: nil)
        let answer = try await perform(
            .importFleet,
            [
                ("tool", .string(Self.tool)), ("text", .string(text)),
                ("name", .string(options.file == "-" ? "standard input" : options.file)),
            ], output: nil)
        let content = answer["content"]?.string ?? ""
        let left = answer["left_out"]?.array ?? []
        let words = left.map { "  \($0["what"]?.string ?? ""): \($0["why"]?.string ?? "")".printable + "\n" }.joined()
        let told = left.isEmpty ? "" : "Not carried over (\(left.count)):\n\(words)"
        guard output != "-" else {
            Terminal.own.write(content)
            return Terminal.writeError(told)
        }
        try OutputFile.write(content, to: output, force: options.force)
        let (checks, variables) = (answer["checks"]?.integer ?? 0, answer["variables"]?.array ?? [])
        Terminal.writeError("Wrote \(output) with \(checks) check\(checks == 1 ? "" : "s").\n\(told)")
        if !variables.isEmpty {
            Terminal.writeError("Set in the environment or in a .env file:\n")
            for variable in variables {
                Terminal.writeError(
                    "  \(variable["name"]?.string ?? "")  \(variable["what"]?.string ?? "")".printable + "\n")
            }
        }
        Terminal.writeError(
            "Next: stoker check-config\(output == FleetOptions.usualPath ? "" : " \(Quote.shell(output))")\n")
    }
}

struct ImportUptimeKumaCommand: ImportFileCommand {
    static let tool = "uptime-kuma"
    static let configuration = configuration(
        "Uptime Kuma",
        getting:
            "Uptime Kuma 1.x writes the file under Settings → Backup → Export. 2.x has no export: a client of its API gives the same lists, "
            + "`monitorList`, `notificationList` and `maintenanceList`.",
        example: "stoker import uptime-kuma Uptime_Kuma_Backup.json")
    @OptionGroup var options: ImportFileOptions
}

struct ImportGatusCommand: ImportFileCommand {
    static let tool = "gatus"
    static let configuration = configuration(
        "Gatus", getting: "The file is Gatus's config.yaml.", example: "stoker import gatus config.yaml")
    @OptionGroup var options: ImportFileOptions
}

struct ImportUptimeRobotCommand: ImportFileCommand {
    static let tool = "uptimerobot"
    static let configuration = configuration(
        "UptimeRobot",
        getting:
            "The file is the answer of getMonitors (API v2), best called with alert_contacts=1, mwindows=1, custom_http_headers=1, "
            + "custom_http_statuses=1 and http_request_details=1.",
        example: "stoker import uptimerobot monitors.json")
    @OptionGroup var options: ImportFileOptions
}

struct ImportHealthchecksCommand: ImportFileCommand {
    static let tool = "healthchecks"
    static let configuration = configuration(
        "healthchecks.io",
        getting:
            "The file is the answer of https://healthchecks.io/api/v3/checks/ (header X-Api-Key); `jq -s add` joins it with that of /api/v3/channels/, which has the integrations.",
        example: "stoker import healthchecks checks.json")
    @OptionGroup var options: ImportFileOptions
}
