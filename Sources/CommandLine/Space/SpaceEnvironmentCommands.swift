import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

/// Secrets and variables are worked with by the same commands; this is what differs.
protocol SpaceValueWords: Sendable {
    static var kind: SpaceValueKind { get }
    static var about: String { get }
    static var listAbout: String { get }
    static var addAbout: String { get }
    static var addExamples: String { get }
    static var deleteAbout: String { get }
    static var pairs: NameSpecification { get }
    static var file: NameSpecification { get }
    static func list(_ id: RepoID, _ hub: Hub, _ screen: Screen) async throws -> Answer
}

extension SpaceValueWords {
    /// `stoker space secrets`
    static var command: String { "stoker space \(kind.plural)" }
}

enum SecretWords: SpaceValueWords {
    static let kind = SpaceValueKind.secret
    static let about = """
        Values are write-only on the Hub. What was written last is remembered here as keyed hashes, so that unchanged secrets are \
        skipped, and the Space restarts once for all changes together.
        """
    static let listAbout = "Names and times; the Hub never gives values back."
    static let addAbout = """
        A name alone takes its value from the environment, which keeps it out of the process list and the shell's history. \
        On a static Space every visitor can read secrets: that is asked first.
        """
    static let addExamples = """
          stoker space secrets add owner/bot -s OPENAI_API_KEY
          stoker space secrets add owner/bot --env-file .env.secrets
          stoker space secrets add owner/bot --env-file - < .env.secrets
        """
    static let deleteAbout = "Remove secrets; their values cannot be got back."
    static var pairs: NameSpecification { [.customLong("secrets"), .customShort("s")] }
    static var file: NameSpecification { [.customLong("env-file"), .customLong("secrets-file")] }

    static func list(_ id: RepoID, _ hub: Hub, _ screen: Screen) async throws -> Answer {
        let prints = try await PrintsFile.own.read()
        let secrets = try await hub.secrets(of: id)
        var table = TextTable(columns: [
            .init(title: "SECRET", shrinksTo: 12), .init(title: "CHANGED"), .init(title: "BY"),
            .init(title: "DESCRIPTION", shrinksTo: 10),
        ])
        var items: [JSONValue] = []
        for secret in secrets {
            let drifted = prints.hasDrifted(secret.key, in: id, updatedAt: secret.updatedAt)
            table.rows.append([
                .init(secret.key), .init(Wording.time(.maybe(secret.updatedAt))),
                drifted == true ? .init("somebody else", .yellow) : .init(drifted == false ? "stoker, here" : "", .dim),
                .init(secret.description ?? "", .dim),
            ])
            items.append([
                "key": .string(secret.key), "description": .maybe(secret.description),
                "updated_at": .maybe(secret.updatedAt), "drifted": .maybe(drifted),
            ])
        }
        return Answer(
            json: ["space": .string("\(id)"), "secrets": .array(items)],
            text: secrets.isEmpty ? "No secrets.\n" : table.text(for: screen.look), names: secrets.map(\.key))
    }
}

enum VariableWords: SpaceValueWords {
    static let kind = SpaceValueKind.variable
    static let about =
        "Variables of a public Space are public. The Space restarts once for all changes together; unchanged ones are skipped."
    static let listAbout = "Names and values."
    static let addAbout =
        "A name alone takes its value from the environment. A value that looks like a secret is asked for first."
    static let addExamples = """
          stoker space variables add owner/bot -e MODE=live -e REGION=eu
          stoker space variables add owner/bot --env-file .env
        """
    static let deleteAbout = "Remove variables."
    static var pairs: NameSpecification { [.customLong("env"), .customShort("e")] }
    static var file: NameSpecification { .customLong("env-file") }

    static func list(_ id: RepoID, _ hub: Hub, _ screen: Screen) async throws -> Answer {
        let variables = try await hub.variables(of: id)
        var table = TextTable(columns: [
            .init(title: "VARIABLE", shrinksTo: 12), .init(title: "VALUE", shrinksTo: 16), .init(title: "CHANGED"),
            .init(title: "DESCRIPTION", shrinksTo: 10),
        ])
        var items: [JSONValue] = []
        for variable in variables {
            table.rows.append([
                .init(variable.key), .init(variable.value), .init(Wording.time(.maybe(variable.updatedAt))),
                .init(variable.description ?? "", .dim),
            ])
            items.append([
                "key": .string(variable.key), "value": .string(variable.value),
                "description": .maybe(variable.description), "updated_at": .maybe(variable.updatedAt),
            ])
        }
        return Answer(
            json: ["space": .string("\(id)"), "variables": .array(items)],
            text: variables.isEmpty ? "No variables.\n" : table.text(for: screen.look), names: variables.map(\.key))
    }
}

typealias SpaceSecretsCommand = SpaceValuesCommand<SecretWords>
typealias SpaceVariablesCommand = SpaceValuesCommand<VariableWords>

struct SpaceValuesCommand<Words: SpaceValueWords>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Words.kind.plural, abstract: "List, set and delete the \(Words.kind.plural) of a Space.",
            discussion: """
                \(Words.about)

                EXAMPLES
                  \(Words.command) list owner/bot
                \(Words.addExamples)
                  \(Words.command) delete owner/bot OLD_KEY
                """,
            subcommands: [
                SpaceValuesListCommand<Words>.self, SpaceValuesAddCommand<Words>.self,
                SpaceValuesDeleteCommand<Words>.self,
            ])
    }
}

struct SpaceValuesListCommand<Words: SpaceValueWords>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list", abstract: Words.listAbout,
            discussion: "EXAMPLES\n  \(Words.command) list owner/bot", aliases: ["ls"])
    }
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            try await Words.list(try await hub.canonical(try await space.id(hub)), hub, .own).show(output)
        }
    }
}

struct SpaceValuesAddCommand<Words: SpaceValueWords>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "add", abstract: "Set \(Words.kind.plural), all in one go.",
            discussion: "\(Words.addAbout)\n\nEXAMPLES\n\(Words.addExamples)")
    }
    @OptionGroup var space: SpaceArgument
    @Option(
        name: Words.pairs,
        help: ArgumentHelp(
            "KEY=value, or KEY for the environment's value; may be given several times.", valueName: "key"))
    var pairs: [String] = []
    @Option(
        name: Words.file,
        help: ArgumentHelp("File of NAME=value lines; - is standard input.", valueName: "file"), completion: .file())
    var envFile: String?
    @Option(help: "Kept with each of them on the Hub.") var description: String?
    @Flag(name: .customLong("dry-run"), help: "Only show what would be written.") var dryRun = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let wishes = try EnvironmentWishes.read(Words.kind, pairs: pairs, file: envFile, description: description)
        try await hub.use { hub in
            let work = EnvironmentWork(
                kind: Words.kind, space: try await hub.canonical(try await space.id(hub)), hub: hub, output: output,
                dryRun: dryRun)
            try await work.run(wishes) { plan, isStatic in
                try await confirm.ask(
                    ofPublished: plan.publishedSecrets, doing: "set variables of \(work.space)")
                guard isStatic, Words.kind == .secret, !plan.writes.isEmpty else { return }
                try await confirm.askToPublish(
                    plan.writes.map(\.key), of: work.space, doing: "set secrets of the static Space \(work.space)")
            }
        }
    }
}

struct SpaceValuesDeleteCommand<Words: SpaceValueWords>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "delete", abstract: Words.deleteAbout,
            discussion: "EXAMPLES\n  \(Words.command) delete owner/bot OLD_KEY OTHER_KEY")
    }
    @OptionGroup var space: SpaceArgument
    @Argument(help: "Names.") var keys: [String]
    @Flag(name: .customLong("dry-run"), help: "Only show what would be deleted.") var dryRun = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let kind = Words.kind
        try await hub.use { hub in
            let id = try await hub.canonical(try await space.id(hub))
            let work = EnvironmentWork(kind: kind, space: id, hub: hub, output: output, dryRun: dryRun)
            try await work.run(keys.map { EnvironmentChange(kind, $0, .delete) }) { plan, _ in
                guard !plan.writes.isEmpty else { return }
                let lost = kind == .secret ? " The values cannot be got back." : ""
                let names = plan.writes.map(\.key).joined(separator: ", ")
                try await confirm.ask(
                    "Delete the \(plan.writes.count == 1 ? kind.rawValue : kind.plural) \(names) of \(id)?\(lost)",
                    doing: "delete \(kind.plural) of \(id)")
            }
        }
    }
}

extension ConfirmOptions {
    /// Tells of variables whose values look like secrets.
    static func warn(ofPublished found: [String], in id: RepoID) {
        guard !found.isEmpty else { return }
        let them = found.count == 1 ? "it" : "them"
        Screen.writeError(
            "warning: \(found.joined(separator: ", ")) \(found.count == 1 ? "looks like a secret" : "look like secrets"). Everybody who sees \(id) can read its variables, and copies of it get them; `stoker space secrets add` keeps \(them) hidden.\n"
        )
    }

    /// A value that looks like a secret becomes a variable only when somebody says so.
    func ask(ofPublished found: [String], doing: String) async throws {
        guard !found.isEmpty else { return }
        try await ask(
            "Set \(found.count == 1 ? "it" : "them") as \(found.count == 1 ? "a variable" : "variables") all the same?",
            doing: doing)
    }

    /// A static Space has no server that could keep a secret.
    func askToPublish(_ secrets: [String], of id: RepoID, doing: String) async throws {
        Screen.writeError(
            "warning: \(id) is a static Space: every visitor's browser is given its secrets (window.huggingface.variables).\n"
        )
        try await ask("Publish \(secrets.joined(separator: ", ")) to everybody who visits \(id)?", doing: doing)
    }
}
