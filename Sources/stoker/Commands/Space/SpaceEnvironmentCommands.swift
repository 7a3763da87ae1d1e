import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceSecretsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secrets", abstract: "List, set and delete the secrets of a Space.",
        discussion: """
            Values are write-only on the Hub. What was written last is remembered here as keyed hashes, so that unchanged secrets are \
            skipped, and the Space restarts once for all changes together.

            EXAMPLES
              stoker space secrets list owner/bot
              stoker space secrets add owner/bot --env-file .env.secrets
              stoker space secrets add owner/bot -s OPENAI_API_KEY
              stoker space secrets delete owner/bot OLD_KEY
            """,
        subcommands: [SpaceSecretsListCommand.self, SpaceSecretsAddCommand.self, SpaceSecretsDeleteCommand.self])
}

struct SpaceVariablesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "variables", abstract: "List, set and delete the variables of a Space.",
        discussion: """
            Variables of a public Space are public. The Space restarts once for all changes together; unchanged ones are skipped.

            EXAMPLES
              stoker space variables list owner/bot
              stoker space variables add owner/bot -e MODE=live -e REGION=eu
              stoker space variables delete owner/bot REGION
            """,
        subcommands: [SpaceVariablesListCommand.self, SpaceVariablesAddCommand.self, SpaceVariablesDeleteCommand.self])
}

struct SpaceSecretsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Names and times; the Hub never gives values back.",
        discussion: """
            EXAMPLES
              stoker space secrets list owner/bot
            """, aliases: ["ls"])
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let prints = try PrintsFile.own.read()
        try await hub.use { hub in
            let id = try await space.id(hub)
            let secrets = try await hub.secrets(of: id)
            let screen = Screen.own
            var table = TextTable(columns: [
                .init(title: "SECRET", shrinksTo: 12), .init(title: "CHANGED"), .init(title: "BY"),
                .init(title: "DESCRIPTION", shrinksTo: 10),
            ])
            for secret in secrets {
                let drifted = prints.hasDrifted(secret.key, in: id, updatedAt: secret.updatedAt)
                table.rows.append([
                    .init(secret.key), .init(Wording.time(.maybe(secret.updatedAt))),
                    drifted == true
                        ? .init("somebody else", .yellow) : .init(drifted == false ? "stoker, here" : "", .dim),
                    .init(secret.description ?? "", .dim),
                ])
            }
            Answer(
                json: [
                    "space": .string("\(id)"),
                    "secrets": .array(
                        secrets.map { secret in
                            [
                                "key": .string(secret.key), "description": .maybe(secret.description),
                                "updated_at": .maybe(secret.updatedAt),
                                "drifted": .maybe(prints.hasDrifted(secret.key, in: id, updatedAt: secret.updatedAt)),
                            ]
                        }),
                ], text: secrets.isEmpty ? "No secrets.\n" : table.text(for: screen.look)
            ).show(output)
        }
    }
}

struct SpaceVariablesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Names and values.",
        discussion: """
            EXAMPLES
              stoker space variables list owner/bot
            """, aliases: ["ls"])
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let variables = try await hub.variables(of: id)
            let screen = Screen.own
            var table = TextTable(columns: [
                .init(title: "VARIABLE", shrinksTo: 12), .init(title: "VALUE", shrinksTo: 16), .init(title: "CHANGED"),
                .init(title: "DESCRIPTION", shrinksTo: 10),
            ])
            for variable in variables {
                table.rows.append([
                    .init(variable.key), .init(variable.value), .init(Wording.time(.maybe(variable.updatedAt))),
                    .init(variable.description ?? "", .dim),
                ])
            }
            Answer(
                json: [
                    "space": .string("\(id)"),
                    "variables": .array(
                        variables.map {
                            [
                                "key": .string($0.key), "value": .string($0.value),
                                "description": .maybe($0.description), "updated_at": .maybe($0.updatedAt),
                            ]
                        }),
                ], text: variables.isEmpty ? "No variables.\n" : table.text(for: screen.look)
            ).show(output)
        }
    }
}

struct SpaceSecretsAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Set secrets, all in one go.",
        discussion: """
            A name alone takes its value from the environment, which keeps it out of the process list and the shell's history. \
            On a static Space every visitor can read secrets: that is asked first.

            EXAMPLES
              stoker space secrets add owner/bot -s OPENAI_API_KEY
              stoker space secrets add owner/bot --env-file .env.secrets
              stoker space secrets add owner/bot --env-file - < .env.secrets
            """)
    @OptionGroup var space: SpaceArgument
    @Option(
        name: [.customLong("secrets"), .customShort("s")],
        help: ArgumentHelp(
            "KEY=value, or KEY for the environment's value; may be given several times.", valueName: "key"))
    var pairs: [String] = []
    @Option(
        name: [.customLong("env-file"), .customLong("secrets-file")],
        help: ArgumentHelp("File of NAME=value lines; - is standard input.", valueName: "file"), completion: .file())
    var envFile: String?
    @OptionGroup var change: ChangeOptions
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let wishes = try EnvironmentWishes.read(.secret, pairs: pairs, file: envFile, description: change.description)
        try await hub.use { hub in
            let id = try await space.id(hub)
            try await change.carryOut(wishes, id, hub, output, confirm)
        }
    }
}

struct SpaceVariablesAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Set variables, all in one go.",
        discussion: """
            EXAMPLES
              stoker space variables add owner/bot -e MODE=live -e REGION=eu
              stoker space variables add owner/bot --env-file .env
            """)
    @OptionGroup var space: SpaceArgument
    @Option(
        name: [.customLong("env"), .customShort("e")],
        help: ArgumentHelp(
            "KEY=value, or KEY for the environment's value; may be given several times.", valueName: "key"))
    var pairs: [String] = []
    @Option(
        name: .customLong("env-file"),
        help: ArgumentHelp("File of NAME=value lines; - is standard input.", valueName: "file"), completion: .file())
    var envFile: String?
    @OptionGroup var change: ChangeOptions
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let wishes = try EnvironmentWishes.read(.variable, pairs: pairs, file: envFile, description: change.description)
        try await hub.use { hub in
            let id = try await space.id(hub)
            try await change.carryOut(wishes, id, hub, output, confirm)
        }
    }
}

struct SpaceSecretsDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove secrets; their values cannot be got back.",
        discussion: """
            EXAMPLES
              stoker space secrets delete owner/bot OLD_KEY OTHER_KEY
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: "Names.") var keys: [String]
    @OptionGroup var change: DeletionOptions
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws { try await change.delete(.secret, keys, space, hub, output, confirm) }
}

struct SpaceVariablesDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove variables.",
        discussion: """
            EXAMPLES
              stoker space variables delete owner/bot REGION
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: "Names.") var keys: [String]
    @OptionGroup var change: DeletionOptions
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws { try await change.delete(.variable, keys, space, hub, output, confirm) }
}
