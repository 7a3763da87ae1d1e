import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

enum EnvironmentInputs {
    /// Values from `KEY=value`, from the environment for a bare `KEY`, and from a file; what was written on the command line wins.
    ///
    /// Errors tell places and never words: who forgets the name gives the secret in its place, and a CI keeps what it is shown.
    static func read(
        _ kind: SpaceValueKind, pairs: [String], file: String?, description: String?
    ) throws -> JSONValue {
        let doing = "set \(kind.plural)"
        let letter = kind == .secret ? "-s" : "-e"
        var values: [(name: String, value: String, place: String)] = []
        if let file {
            guard !file.contains("=") || FileManager.default.fileExists(atPath: file) else {
                throw Failure(
                    .usage, doing: doing, because: "what was given as the file of NAME=value lines is no file",
                    hint: "it looks like KEY=value, which goes to \(letter); it is not shown")
            }
            let text = try FleetOptions.contents(of: file, kind: "environment file", hint: "it has NAME=value lines")
            values = try DotEnv.entries(text: text, name: file).get().map {
                ($0.name, $0.value, "the name in line \($0.line) of \(file)")
            }
        }
        let environment = ProcessInfo.processInfo.environment
        for (index, pair) in pairs.enumerated() {
            let place = pairs.count == 1 ? letter : "the \(letter) number \(index + 1)"
            guard pair.first != "=", !pair.allSatisfy(\.isWhitespace) else {
                throw Failure(
                    .usage, doing: doing, because: "\(place) names no \(kind)",
                    hint: "give \(letter) KEY=value, or \(letter) KEY for the environment's value")
            }
            if let equals = pair.firstIndex(of: "=") {
                values.append(
                    (String(pair[..<equals]), String(pair[pair.index(after: equals)...]), "the name in \(place)"))
            } else if let value = environment[pair] {
                values.append((pair, value, "the name in \(place)"))
            } else {
                throw Failure(
                    .usage, doing: doing,
                    because:
                        "\(place) is neither KEY=value nor the name of a variable in the environment (it is not shown: it may be a value)",
                    hint: "write \(letter) KEY=value, or export the variable first and name it with \(letter) KEY")
            }
        }
        guard !values.isEmpty else {
            throw Failure(
                .usage, doing: doing, because: "no \(kind) was named",
                hint: "give \(letter) KEY=value or --env-file FILE")
        }
        let wrong = values.filter { !SpaceValueKind.isKey($0.name) }
        guard wrong.isEmpty else {
            throw Failure(
                .usage, doing: doing,
                because: "\(wrong.map(\.place).joined(separator: ", ")) cannot be one on the Hub",
                hint: "a name has a letter first, then letters, digits and _; it stands before the first =")
        }
        return .array(
            values.map { name, value, _ in
                .object(
                    [.init("key", .string(name)), .init("value", .string(value))]
                        + (description.map { [.init("description", .string($0))] } ?? []))
            })
    }
}

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
    static var list: Operations.Operation { get }
    static var set: Operations.Operation { get }
    static var delete: Operations.Operation { get }
    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput
}

extension SpaceValueWords {
    /// `stoker space secrets`
    static var command: String { "stoker space \(kind.plural)" }
}

enum SecretNames: SpaceValueWords {
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

    static var list: Operations.Operation { .listSecrets }
    static var set: Operations.Operation { .setSecrets }
    static var delete: Operations.Operation { .deleteSecrets }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var table = TextTable(columns: [
            .init(title: "SECRET", shrinksTo: 12), .init(title: "CHANGED"), .init(title: "BY"),
            .init(title: "DESCRIPTION", shrinksTo: 10),
        ])
        let secrets = answer["secrets"]?.array ?? []
        for secret in secrets {
            let drifted = secret["drifted"]?.bool
            table.rows.append([
                .init(secret["key"]?.string ?? ""), .init(OutputFormatting.time(secret["updated_at"])),
                drifted == true ? .init("somebody else", .yellow) : .init(drifted == false ? "stoker, here" : "", .dim),
                .init(secret["description"]?.string ?? "", .dim),
            ])
        }
        return CommandOutput(
            json: answer, text: secrets.isEmpty ? "No secrets.\n" : table.text(for: screen.look),
            names: secrets.compactMap { $0["key"]?.string })
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

    static var list: Operations.Operation { .listVariables }
    static var set: Operations.Operation { .setVariables }
    static var delete: Operations.Operation { .deleteVariables }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var table = TextTable(columns: [
            .init(title: "VARIABLE", shrinksTo: 12), .init(title: "VALUE", shrinksTo: 16), .init(title: "CHANGED"),
            .init(title: "DESCRIPTION", shrinksTo: 10),
        ])
        let variables = answer["variables"]?.array ?? []
        for variable in variables {
            table.rows.append([
                .init(variable["key"]?.string ?? ""), .init(variable["value"]?.string ?? ""),
                .init(OutputFormatting.time(variable["updated_at"])),
                .init(variable["description"]?.string ?? "", .dim),
            ])
        }
        return CommandOutput(
            json: answer, text: variables.isEmpty ? "No variables.\n" : table.text(for: screen.look),
            names: variables.compactMap { $0["key"]?.string })
    }
}

typealias SpaceSecretsCommand = SpaceValuesCommand<SecretNames>
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

struct SpaceValuesListCommand<Words: SpaceValueWords>: OperationCommand {
    static var operations: [Operations.Operation] { [Words.list] }
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list", abstract: Words.listAbout,
            discussion: "EXAMPLES\n  \(Words.command) list owner/bot", aliases: ["ls"])
    }
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            Words.answer(try await calls.call(Words.list, on: space), .own).show(output)
        }
    }
}

struct SpaceValuesAddCommand<Words: SpaceValueWords>: OperationCommand {
    static var operations: [Operations.Operation] { [Words.set] }
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
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        let values = try EnvironmentInputs.read(Words.kind, pairs: pairs, file: envFile, description: description)
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let answer = try await calls.call(
                Words.set, on: space, [("values", values), ("dry_run", .bool(dryRun))])
            EnvironmentAnswer.show(answer, output, calls)
        }
    }
}

struct SpaceValuesDeleteCommand<Words: SpaceValueWords>: OperationCommand {
    static var operations: [Operations.Operation] { [Words.delete] }
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
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let answer = try await calls.call(
                Words.delete, on: space, [("keys", .strings(keys)), ("dry_run", .bool(dryRun))])
            EnvironmentAnswer.show(answer, output, calls)
        }
    }
}

/// What was changed of a Space's environment.
private enum EnvironmentAnswer {
    static func show(_ answer: JSONValue, _ output: OutputOptions, _ calls: SpaceCalls) {
        let isDry = answer["dry_run"] == true
        func names(_ name: String) -> [String] { answer[name]?.texts ?? [] }
        var text = ""
        if !names("set").isEmpty {
            text += "\(isDry ? "would set" : "set")        \(names("set").joined(separator: ", "))\n"
        }
        if !names("deleted").isEmpty {
            text += "\(isDry ? "would delete" : "deleted")    \(names("deleted").joined(separator: ", "))\n"
        }
        if !names("unchanged").isEmpty {
            text += Terminal.own.paint("unchanged  \(names("unchanged").joined(separator: ", "))", .dim) + "\n"
        }
        text += (answer["sentence"]?.string ?? "") + "\n"
        CommandOutput(json: answer, text: text).show(output)
        let way = answer["way"]?.string.flatMap { EnvironmentPlan.Way(rawValue: $0) }
        if !isDry, way == .direct || way?.restarts == true { calls.showNextStep(after: answer) }
    }
}
