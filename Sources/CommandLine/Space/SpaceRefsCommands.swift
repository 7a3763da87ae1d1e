import ArgumentParser
import HubClient
import Operations
import StokerCore

/// Branches and tags are worked with by the same commands; this is what differs.
protocol SpaceRefWords: Sendable {
    /// `branch`
    static var word: String { get }
    static var about: String { get }
    static func list(_ refs: RepoRefs) -> [RepoRefs.Ref]
    static func delete(_ name: String, of id: RepoID, missingOK: Bool, _ hub: Hub) async throws -> Bool
}

enum BranchWords: SpaceRefWords {
    static let word = "branch"
    static let about = "The app is built from main; other branches hold work that is not live."
    static func list(_ refs: RepoRefs) -> [RepoRefs.Ref] { refs.branches }
    static func delete(_ name: String, of id: RepoID, missingOK: Bool, _ hub: Hub) async throws -> Bool {
        try await hub.deleteBranch(name, of: id, missingOK: missingOK)
    }
}

enum TagWords: SpaceRefWords {
    static let word = "tag"
    static let about = "A tag names a commit, such as a release to go back to."
    static func list(_ refs: RepoRefs) -> [RepoRefs.Ref] { refs.tags }
    static func delete(_ name: String, of id: RepoID, missingOK: Bool, _ hub: Hub) async throws -> Bool {
        try await hub.deleteTag(name, of: id, missingOK: missingOK)
    }
}

struct SpaceBranchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "branch", abstract: "List, create and delete the branches of a Space.",
        discussion: """
            \(BranchWords.about)

            EXAMPLES
              stoker space branch list owner/bot
              stoker space branch create owner/bot next
              stoker space branch delete owner/bot next
            """,
        subcommands: [
            SpaceRefListCommand<BranchWords>.self, SpaceBranchCreateCommand.self,
            SpaceRefDeleteCommand<BranchWords>.self,
        ])
}

struct SpaceTagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "List, create and delete the tags of a Space.",
        discussion: """
            \(TagWords.about)

            EXAMPLES
              stoker space tag list owner/bot
              stoker space tag create owner/bot v1.4 --message "as shipped"
              stoker space tag delete owner/bot v1.4
            """,
        subcommands: [
            SpaceRefListCommand<TagWords>.self, SpaceTagCreateCommand.self, SpaceRefDeleteCommand<TagWords>.self,
        ])
}

struct SpaceRefListCommand<Words: SpaceRefWords>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list", abstract: "Names, and the commits they point to.",
            discussion: "EXAMPLES\n  stoker space \(Words.word) list owner/bot", aliases: ["ls"])
    }
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let refs = Words.list(try await hub.refs(of: id)).sorted { $0.name < $1.name }
            var table = TextTable(columns: [
                .init(title: Words.word.uppercased(), shrinksTo: 16), .init(title: "COMMIT"),
            ])
            for ref in refs { table.rows.append([.init(ref.name), .init(ref.commit, .dim)]) }
            Answer(
                json: [
                    "space": .string("\(id)"),
                    "refs": .array(
                        refs.map { ["name": .string($0.name), "ref": .string($0.ref), "commit": .string($0.commit)] }),
                ],
                text: refs.isEmpty ? "No \(Words.word).\n" : table.text(for: Screen.own.look), names: refs.map(\.name)
            ).show(output)
        }
    }
}

/// What the creation of either says.
private func show(
    _ word: String, _ name: String, of id: RepoID, wasMade: Bool, _ output: OutputOptions
) {
    Answer(
        json: ["space": .string("\(id)"), word: .string(name), "created": .bool(wasMade)],
        text: wasMade
            ? "\(id) has the \(word) \(name.printable) now\n" : "\(id) has a \(word) \(name.printable) already\n"
    ).show(output)
}

struct SpaceBranchCreateCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            // The Hub takes a branch or a commit to begin at; a tag is one name of a commit.
            var start = revision
            if let revision { start = try await hub.info(of: id, revision: revision, expand: ["sha"]).sha ?? revision }
            let wasMade = try await hub.createBranch(name, in: id, at: start, existsOK: existOK)
            show("branch", name, of: id, wasMade: wasMade, output)
        }
    }
}

struct SpaceTagCreateCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let wasMade = try await hub.createTag(name, in: id, at: revision, message: message, existsOK: existOK)
            show("tag", name, of: id, wasMade: wasMade, output)
        }
    }
}

struct SpaceRefDeleteCommand<Words: SpaceRefWords>: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            try await confirm.ask(
                "Delete the \(Words.word) \(name.shortened) of \(id)? What only it leads to is lost.",
                doing: "delete the \(Words.word) \(name.shortened) of \(id)")
            let was = try await Words.delete(name, of: id, missingOK: missingOK, hub)
            Answer(
                json: ["space": .string("\(id)"), Words.word: .string(name), "deleted": .bool(was)],
                text: was
                    ? "deleted the \(Words.word) \(name.printable) of \(id)\n" : "\(name.printable) was not there\n"
            ).show(output)
        }
    }
}
