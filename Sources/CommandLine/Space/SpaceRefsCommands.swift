import ArgumentParser
import Operations
import StokerCore

/// Branches and tags are worked with by the same commands; this is what differs.
protocol SpaceRefKind: Sendable {
    /// `branch`
    static var word: String { get }
    static var about: String { get }
    static var list: Operations.Operation { get }
    static var delete: Operations.Operation { get }
}

enum BranchKind: SpaceRefKind {
    static let word = "branch"
    static let about = "The app is built from main; other branches hold work that is not live."
    static var list: Operations.Operation { .listBranches }
    static var delete: Operations.Operation { .deleteBranch }
}

enum TagKind: SpaceRefKind {
    static let word = "tag"
    static let about = "A tag names a commit, such as a release to go back to."
    static var list: Operations.Operation { .listTags }
    static var delete: Operations.Operation { .deleteTag }
}

struct SpaceBranchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "branch", abstract: "List, create and delete the branches of a Space.",
        discussion: """
            \(BranchKind.about)

            EXAMPLES
              stoker space branch list owner/bot
              stoker space branch create owner/bot next
              stoker space branch delete owner/bot next
            """,
        subcommands: [
            SpaceRefListCommand<BranchKind>.self, SpaceBranchCreateCommand.self,
            SpaceRefDeleteCommand<BranchKind>.self,
        ])
}

struct SpaceTagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "List, create and delete the tags of a Space.",
        discussion: """
            \(TagKind.about)

            EXAMPLES
              stoker space tag list owner/bot
              stoker space tag create owner/bot v1.4 --message "as shipped"
              stoker space tag delete owner/bot v1.4
            """,
        subcommands: [
            SpaceRefListCommand<TagKind>.self, SpaceTagCreateCommand.self, SpaceRefDeleteCommand<TagKind>.self,
        ])
}

struct SpaceRefListCommand<Words: SpaceRefKind>: OperationCommand {
    static var operations: [Operations.Operation] { [Words.list] }
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list", abstract: "Names, and the commits they point to.",
            discussion: "EXAMPLES\n  stoker space \(Words.word) list owner/bot", aliases: ["ls"])
    }
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let answer = try await calls.call(Words.list, on: space)
            let refs = answer["refs"]?.array ?? []
            var table = TextTable(columns: [
                .init(title: Words.word.uppercased(), shrinksTo: 16), .init(title: "COMMIT"),
            ])
            for ref in refs {
                table.rows.append([.init(ref["name"]?.string ?? ""), .init(ref["commit"]?.string ?? "", .dim)])
            }
            CommandOutput(
                json: answer, text: refs.isEmpty ? "No \(Words.word).\n" : table.text(for: Terminal.own.look),
                names: refs.compactMap { $0["name"]?.string }
            ).show(output)
        }
    }
}

/// What the creation of either says.
private func show(_ answer: JSONValue, _ word: String, _ output: OutputOptions) {
    let (space, name) = (answer["space"]?.string ?? "", (answer[word]?.string ?? "").printable)
    CommandOutput(
        json: answer,
        text: answer["created"] == true
            ? "\(space) has the \(word) \(name) now\n" : "\(space) has a \(word) \(name) already\n"
    ).show(output)
}

struct SpaceBranchCreateCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.createBranch] }
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Begin a branch.",
        discussion: """
            EXAMPLES
              stoker space branch create owner/bot next
              stoker space branch create owner/bot fix --revision v1.4
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("The new name.", valueName: "branch")) var name: String
    @Option(help: "Branch, tag or commit to begin at (default: the head of main).") var revision: String?
    @Flag(name: .customLong("exist-ok"), help: "One that exists already is no failure, wherever it points.")
    var existOK = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            show(
                try await calls.call(
                    .createBranch, on: space,
                    [("branch", .string(name)), ("revision", .maybe(revision)), ("exist_ok", .bool(existOK))]),
                "branch", output)
        }
    }
}

struct SpaceTagCreateCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.createTag] }
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Name a commit.",
        discussion: """
            EXAMPLES
              stoker space tag create owner/bot v1.4
              stoker space tag create owner/bot v1.3 --revision 3f1c9a7e
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("The new name.", valueName: "tag")) var name: String
    @Option(help: "Branch, tag or commit to name.") var revision = "main"
    @Option(name: [.long, .customShort("m")], help: ArgumentHelp("Words about it.", valueName: "text"))
    var message: String?
    @Flag(name: .customLong("exist-ok"), help: "One that exists already is no failure, wherever it points.")
    var existOK = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            show(
                try await calls.call(
                    .createTag, on: space,
                    [
                        ("tag", .string(name)), ("revision", .string(revision)), ("message", .maybe(message)),
                        ("exist_ok", .bool(existOK)),
                    ]), "tag", output)
        }
    }
}

struct SpaceRefDeleteCommand<Words: SpaceRefKind>: OperationCommand {
    static var operations: [Operations.Operation] { [Words.delete] }
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "delete", abstract: "Delete a \(Words.word); asks.",
            discussion: "EXAMPLES\n  stoker space \(Words.word) delete owner/bot old-name")
    }
    @OptionGroup var space: SpaceArgument
    @Argument(help: "The name.") var name: String
    @Flag(name: .customLong("missing-ok"), help: "One that is not there is no failure.") var missingOK = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let answer = try await calls.call(
                Words.delete, on: space, [(Words.word, .string(name)), ("missing_ok", .bool(missingOK))])
            CommandOutput(
                json: answer,
                text: answer["deleted"] == true
                    ? "deleted the \(Words.word) \(name.printable) of \(answer["space"]?.string ?? "")\n"
                    : "\(name.printable) was not there\n"
            ).show(output)
        }
    }
}
