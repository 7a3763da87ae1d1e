import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

/// What a new Space gets along, by creation or as a copy.
struct NewSpaceOptions: ParsableArguments {
    @Flag(name: .customLong("private"), help: "Only you see it.") var isPrivate = false
    @Flag(name: .customLong("public"), help: "Everybody sees it.") var isPublic = false
    @Flag(name: .customLong("protected"), help: "Everybody may use the app, only you see the code (paid plans).")
    var isProtected = false
    @Option(help: ArgumentHelp("What it runs on (default: cpu-basic).", valueName: "flavor")) var hardware: String?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Put it to sleep after so long without a visit, or never.", valueName: "duration"))
    var sleepTime: String?
    @Option(
        name: [.customLong("secrets"), .customShort("s")],
        help: ArgumentHelp(
            "KEY=value, or KEY for the environment's value; may be given several times.", valueName: "key"))
    var secrets: [String] = []
    @Option(
        name: .customLong("secrets-file"), help: ArgumentHelp("File of NAME=value lines.", valueName: "file"),
        completion: .file())
    var secretsFile: String?
    @Option(
        name: [.customLong("env"), .customShort("e")],
        help: ArgumentHelp("A variable: KEY=value, or KEY for the environment's value.", valueName: "key"))
    var variables: [String] = []
    @Option(
        name: .customLong("env-file"), help: ArgumentHelp("File of NAME=value lines for variables.", valueName: "file"),
        completion: .file())
    var envFile: String?
    @Option(
        name: [.customLong("volume"), .customShort("v")],
        help: ArgumentHelp("hf://buckets/owner/name[/folder]:/mount[:ro]", valueName: "volume"))
    var volumes: [String] = []
    @Flag(name: .customLong("exist-ok"), help: "One that exists already is no failure; it is left as it is.")
    var existOK = false

    func validate() throws {
        if [isPrivate, isPublic, isProtected].count(where: { $0 }) > 1 {
            throw ValidationError("--private, --public and --protected exclude each other.")
        }
    }

    func fill(_ new: inout NewRepo) throws {
        new.visibility = isPrivate ? .private : isPublic ? .public : isProtected ? .protected : nil
        new.hardware = hardware
        if let sleepTime { new.sleepSeconds = try SleepTime.seconds(sleepTime) }
        new.secrets = try Self.values(.secret, secrets, secretsFile)
        new.variables = try Self.values(.variable, variables, envFile)
        new.volumes = try volumes.map { try SpaceVolume(notation: $0) }
    }

    private static func values(_ kind: SpaceValueKind, _ pairs: [String], _ file: String?) throws -> [NewRepo.Value] {
        guard !pairs.isEmpty || file != nil else { return [] }
        return try EnvironmentWishes.read(kind, pairs: pairs, file: file, description: nil).compactMap { change in
            guard case .set(let value, let description) = change.wish else { return nil }
            return NewRepo.Value(key: change.key, value: value, description: description)
        }
    }

    /// Paid hardware is asked for with its price, secrets of a static Space with a warning.
    func ask(_ new: NewRepo, _ hub: Hub, _ confirm: ConfirmOptions) async throws {
        if let hardware = new.hardware, hardware != "cpu-basic" {
            let offer = try await hub.hardwareCatalogue().first { $0.name == hardware }
            if offer?.dollarsPerHour != 0 {
                try await confirm.ask(
                    "\(hardware) costs \(offer.map(Price.text) ?? "an unknown price") while \(new.id) runs. Proceed?",
                    doing: "create \(new.id)")
            }
        }
        let published = EnvironmentWishes.lookLikeSecrets(new.variables.map { (name: $0.key, value: $0.value) })
        ConfirmOptions.warn(ofPublished: published, in: new.id)
        try await confirm.ask(ofPublished: published, doing: "create \(new.id)")
        if new.sdk == "static", !new.secrets.isEmpty {
            try await confirm.askToPublish(new.secrets.map(\.key), of: new.id, doing: "create \(new.id)")
        }
    }

    func show(_ made: EnsuredRepo, _ id: RepoID, _ output: OutputOptions) throws {
        if !made.wasCreated, !existOK {
            throw Failure(
                .hubConflict, doing: "create \(id)", because: "it exists already",
                hint: "--exist-ok takes it as it is; nothing of it was changed")
        }
        var text = made.wasCreated ? "created  \(made.url)\n" : "exists   \(made.url)\n"
        let note: String? =
            made.wasSettledByLooking
            ? made.wasCreated
                ? "The Hub's answer was lost; it is there now, made since it was asked for and as it was wished."
                : "The Hub's answer was lost; what is there now was not made by this command, as its time or kind shows."
            : nil
        if let note { text += "  \(note)\n" }
        for difference in made.differences {
            text += "  \(difference.what) is \(difference.found), not \(difference.wanted)\n".printableLines
        }
        if made.filesPending { text += "  Large files are still being copied.\n" }
        Answer(
            json: [
                "space": .string("\(id)"), "url": .string(made.url), "created": .bool(made.wasCreated),
                "files_pending": .bool(made.filesPending), "note": .maybe(note),
                "differences": .array(
                    made.differences.map {
                        ["what": .string($0.what), "wanted": .string($0.wanted), "found": .string($0.found)]
                    }),
            ], text: text
        ).show(output)
    }
}

extension String {
    fileprivate var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(separator: "\n")
    }
}

struct SpaceCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create a Space.",
        discussion: """
            Looks first: what exists is never changed. Gradio and Docker Spaces need a paid plan (the Hub answers 402); static ones are free.

            EXAMPLES
              stoker space create owner/bot --sdk docker --private
              stoker space create owner/page --sdk static --public --exist-ok
              stoker space create owner/bot --sdk docker -s OPENAI_API_KEY -e MODE=live
            """)
    @OptionGroup var space: SpaceArgument
    @Option(help: "gradio, docker or static.") var sdk: String
    @Option(help: ArgumentHelp("Begin with a template of the Hub.", valueName: "space")) var template: String?
    @Option(help: ArgumentHelp("At most 60 characters.", valueName: "text")) var description: String?
    @OptionGroup var options: NewSpaceOptions
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if sdk.lowercased() == "streamlit" {
            // Source: hub-api 10: retired on 30 April 2025. The template is what the Hub's own list names.
            throw ValidationError(
                "The Hub has no SDK streamlit any more: use --sdk docker --template streamlit/streamlit-template-space, or a Dockerfile that runs `streamlit run app.py --server.port 7860 --server.address 0.0.0.0`."
            )
        }
        if !["gradio", "docker", "static"].contains(sdk) {
            throw ValidationError("--sdk takes gradio, docker or static.")
        }
        if let description, description.count > 60 {
            throw ValidationError("--description takes 60 characters at most.")
        }
    }

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            var new = NewRepo(id, sdk: sdk)
            try options.fill(&new)
            new.template = template
            new.shortDescription = description
            try await options.ask(new, hub, confirm)
            let made = try await hub.ensure(new)
            try options.show(made, id, output)
            // One with a template has an app, and one that was there may have.
            if template != nil, made.wasCreated {
                Progress(output).hint("Next: stoker space wait \(id)")
            } else if made.wasCreated {
                Progress(output).hint("Next: stoker space upload \(id) FOLDER")
            }
        }
    }
}

struct SpaceDuplicateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "duplicate", abstract: "Copy a Space with its files and variables.",
        discussion: """
            Secrets are not copied, and hardware falls back to cpu-basic unless it is named.

            EXAMPLES
              stoker space duplicate owner/bot owner/bot-staging --private
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("The copy.", valueName: "copy")) var copy: String
    @OptionGroup var options: NewSpaceOptions
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let source = try await space.id(hub)
            let id = try await SpaceArgument.id(copy, hub)
            var new = NewRepo(id)
            try options.fill(&new)
            try await options.ask(new, hub, confirm)
            let missing = new.secrets.map(\.key)
            try options.show(try await hub.duplicate(source, as: new), id, output)
            // Who may not see them is not told; that is no reason to fail.
            let left = (try? await hub.secrets(of: source))?.map(\.key).filter { !missing.contains($0) } ?? []
            if !left.isEmpty {
                Progress(output).hint("Not copied are the secrets \(left.joined(separator: ", ")).")
            }
        }
    }
}

struct SpaceMoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Rename a Space or give it to an organisation; its address changes.",
        discussion: """
            The Hub points from the old name to the new one, but the app's own address is another one afterwards.

            EXAMPLES
              stoker space move owner/bot owner/assistant
              stoker space move owner/bot acme/bot --yes
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("The new name.", valueName: "new")) var target: String
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let new = try await SpaceArgument.id(target, hub)
            try await confirm.ask(
                "Move \(id) to \(new)? The address of its app changes, and what calls the old one breaks.",
                doing: "move \(id) to \(new)")
            try await hub.move(id, to: new)
            // It is moved, whether its new address can be asked for or not.
            var host: String?
            do { host = try await hub.host(of: new) } catch let error as HubFailure {
                Progress(output).hint("Its address could not be asked for: \(error.said).")
            }
            Answer(
                json: ["from": .string("\(id)"), "space": .string("\(new)"), "address": .maybe(host)],
                text: "\(id) is now \(new)\(host.map { ", its app \($0.printable)" } ?? "")\n"
            ).show(output)
        }
    }
}

struct SpaceDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a Space for good.",
        discussion: """
            There is no trash, and a free account may not be able to create such a Space again.

            EXAMPLES
              stoker space delete owner/bot
              stoker space delete owner/bot --yes --missing-ok
            """)
    @OptionGroup var space: SpaceArgument
    @Flag(name: .customLong("missing-ok"), help: "One that is not there is no failure.") var missingOK = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            try await confirm.ask(
                "Delete \(id) with its files, history, secrets and variables? This cannot be undone.",
                doing: "delete \(id)")
            let was = try await hub.delete(id, missingOK: missingOK)
            Answer(
                json: ["space": .string("\(id)"), "deleted": .bool(was)],
                text: was ? "deleted \(id)\n" : "\(id) was not there\n"
            ).show(output)
        }
    }
}

struct SpaceUploadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Make a folder's files those of a Space, in one commit.",
        discussion: """
            Files that are the same already are not sent; without a change there is no commit and no restart. Large files go on where an \
            interrupted upload stopped. .gitignore is kept to. Files that usually hold secrets (.env and the like, private keys, \
            .streamlit/secrets.toml) are left out unless --include names them exactly. What is left out is listed with the reason.

            Before anything is sent, a warning tells of what would break: LFS pointers whose files are not here, executable bits (the \
            Hub's commits know none), a README without front matter. --strict refuses such an upload; the last one is asked for when it \
            would stop a Space, and --keep-front-matter mends it.

            EXAMPLES
              stoker space upload owner/bot ./bot
              stoker space upload owner/bot ./bot --delete "*" --message "1.4.1" --wait
              stoker space upload owner/page dist --include "*.html" --include "*.css"
              stoker space upload owner/bot ./bot --strict --wait
              stoker space upload acme/bot ./bot --create-pr -m "Fix the prompt"
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("The folder, or one file.", valueName: "folder"), completion: .file()) var folder = "."
    @Option(help: ArgumentHelp("Folder of the repository to put it into.", valueName: "path")) var into = ""
    @Option(name: [.long, .customShort("m")], help: ArgumentHelp("First line of the commit.", valueName: "text"))
    var message = "Upload with stoker"
    @Option(help: "The branch. The app is built from main.") var revision = "main"
    @Option(help: ArgumentHelp("Only files that match; may be given several times.", valueName: "pattern"))
    var include: [String] = []
    @Option(help: ArgumentHelp("No files that match.", valueName: "pattern")) var exclude: [String] = []
    @Option(
        help: ArgumentHelp(
            "Delete files of the Space that match and are not in the folder; \"*\" makes both alike. Asks with their names.",
            valueName: "pattern"))
    var delete: [String] = []
    @Flag(
        name: .customLong("create-pr"),
        help: "Propose the changes as a pull request; the app stays as it is until it is merged.")
    var createPR = false
    @Flag(help: "Refuse an upload that a warning is told of.") var strict = false
    @Flag(
        name: .customLong("keep-front-matter"),
        help: "Put the front matter that the Space has before a README that has none.")
    var keepFrontMatter = false
    @Flag(help: "Wait until it runs and answers.") var wait = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if createPR, wait { throw ValidationError("A pull request runs nothing that --wait could wait for.") }
    }

    func run() async throws {
        let progress = Progress(output)
        try await hub.use { hub in
            let id = try await space.id(hub)
            var options = UploadOptions(summary: message)
            options.into = into
            options.allow = include.isEmpty ? nil : include
            options.ignore = exclude
            options.delete = delete
            options.createsPullRequest = createPR
            options.keepsFrontMatter = keepFrontMatter
            options.executables = { revision, paths in
                await GitModes.executables(among: paths, of: id, revision: revision, hub: hub)
            }
            let result = try await upload(hub, id, options, progress)
            progress.end()
            try await finish(result, id, hub, progress)
        }
    }

    private func upload(_ hub: Hub, _ id: RepoID, _ options: UploadOptions, _ progress: Progress) async throws
        -> CommitResult
    {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
            throw Failure(
                .usage, doing: "upload \(folder) to \(id)", because: "there is no such folder or file",
                hint: "name the folder that holds the app")
        }
        if !isFolder.boolValue, !delete.isEmpty || !include.isEmpty || !exclude.isEmpty {
            throw Failure(
                .usage, doing: "upload \(folder) to \(id)",
                because: "it is one file, and --include, --exclude and --delete are about the files of a folder",
                hint: "name the folder, or leave them out")
        }
        let asking = UploadAsking(
            id: id, folder: folder, isStrict: strict, isSure: confirm.yes, asksToDelete: !createPR,
            json: output.chosen == .json, quiet: output.chosen == .quiet)
        var options = options
        options.review = { await asking.goesOn($0) }
        // A commit on its way cannot be called back: it is waited for.
        let interruption = Interruption.current
        let left = Failure(
            .interrupted, doing: "wait for the commit to \(id)",
            because: "it was left at once, and the commit may have been made",
            hint: "the same command tells: what is there already is not sent again")
        let tell: @Sendable (TransferProgress) -> Void = { state in
            if state.phase == .committing {
                interruption.hold("the commit to \(id) is made", left: left)
            } else {
                interruption.release()
            }
            // Elsewhere than on a terminal a line for every tenth of a second would be noise.
            if progress.screen.showsProgress { progress.say(Self.words(state)) }
        }
        defer { interruption.release() }
        do {
            return try await send(hub, id, options, isFolder: isFolder.boolValue, tell)
        } catch let failure as HubFailure {
            if let why = asking.refusal { throw why }
            guard failure.isCancelled else { throw failure }
            throw Failure(
                .interrupted, doing: "upload \(folder) to \(id)",
                because: "it was interrupted before it was committed; \(id) is as it was",
                hint: "the same command goes on where it stopped: what was sent is not sent again")
        }
    }

    private func send(
        _ hub: Hub, _ id: RepoID, _ options: UploadOptions, isFolder: Bool,
        _ tell: @escaping @Sendable (TransferProgress) -> Void
    ) async throws -> CommitResult {
        if isFolder {
            return try await hub.upload(folder: folder, to: id, revision: revision, options: options, progress: tell)
        }
        let name = URL(fileURLWithPath: folder).lastPathComponent
        let path = into.isEmpty ? name : "\(into)/\(name)"
        return try await hub.commit(
            [.add(path: path, .file(folder))], to: id, revision: revision, options: options, progress: tell)
    }

    private func finish(_ result: CommitResult, _ id: RepoID, _ hub: Hub, _ progress: Progress) async throws {
        let changed = !result.commits.isEmpty
        var text =
            changed
            ? "\(result.pullRequest == nil ? "\(id)" : "A pull request of \(id)") has commit \(result.commit.prefix(7)): \(result.written) written, \(result.deleted) deleted, \(result.unchanged) unchanged, \(Bytes.text(result.sent)) sent\n"
            : result.skipped.contains { $0.rule != .never }
                ? "Nothing to do: \(id) has already what was not left out (\(result.unchanged == 1 ? "1 file" : "\(result.unchanged) files")).\n"
                : "Nothing to do: \(id) has these files already.\n"
        if let page = result.pullRequest { text += "  proposed at \(page.printable)\n" }
        if !result.deletedPaths.isEmpty {
            text += "  deleted \(NameList.text(result.deletedPaths, atMost: Self.shown).printable)\n"
        }
        // What was told before it was sent stands above.
        for note in result.notes where !result.remarks.contains(where: { $0.text == note }) {
            text += "  \(note.printable)\n"
        }
        text += Self.leftOut(result.skipped)
        var json: [JSONValue.Member] = [
            .init("space", .string("\(id)")), .init("commit", .string(result.commit)), .init("url", .maybe(result.url)),
            .init("pull_request", .maybe(result.pullRequest)),
            .init("commits", .array(result.commits.map { .string($0) })),
            .init("written", .integer(Int64(result.written))), .init("deleted", .integer(Int64(result.deleted))),
            .init("unchanged", .integer(Int64(result.unchanged))), .init("ignored", .integer(Int64(result.ignored))),
            .init("sent_bytes", .integer(result.sent)),
            .init("deleted_paths", .array(result.deletedPaths.map { .string($0) })),
            .init(
                "skipped",
                .array(
                    result.skipped.prefix(1_000).map {
                        [
                            "path": .string($0.path), "rule": .string($0.rule.rawValue), "reason": .string($0.reason),
                        ]
                    })),
            .init("left_out", .integer(Int64(result.skipped.count))),
            .init(
                "warnings",
                .array(
                    result.remarks.map {
                        [
                            "kind": .string($0.kind.rawValue), "text": .string($0.text), "risk": .bool($0.isRisk),
                            "paths": .array($0.paths.prefix(1_000).map { .string($0) }),
                        ]
                    })),
            .init("notes", .array(result.notes.map { .string($0) })),
        ]
        var isReady = true
        if wait, revision == "main", !Interruption.current.wasMet {
            let waited = try await SpaceWaiting(space: id, path: "/").run(
                hub, commit: result.commit, isFresh: changed, progress: progress)
            progress.end()
            isReady = waited.isReady
            json.append(.init("wait", waited.json))
            text += waited.answer(.own).text
        }
        Answer(json: .object(json), text: text).show(output)
        if result.skipped.contains(where: { $0.rule == .secret }) {
            progress.hint(
                "`stoker space secrets add \(id) --env-file FILE` sets secrets; --include \"PATH\" with its exact path uploads such a file all the same."
            )
        }
        if result.pullRequest != nil {
            progress.hint("Next: merge it on that page, then stoker space wait \(id)")
        } else if !wait, changed, revision == "main" {
            await progress.next(after: id, hub, commit: result.commit)
        }
        if !isReady { throw ExitCode(1) }
    }

    /// Names that are shown of each kind; `--json` has up to 1,000.
    private static let shown = 20

    /// One line a reason, in the order they came up.
    static func leftOut(_ skipped: [SkippedFile]) -> String {
        var order: [String] = []
        var names: [String: [String]] = [:]
        for file in skipped {
            if names[file.reason] == nil { order.append(file.reason) }
            names[file.reason, default: []].append(file.path)
        }
        var text = order.prefix(100).map { reason in
            "  left out \(NameList.text(names[reason] ?? [], atMost: shown).printable): \(reason.printable)\n"
        }
        .joined()
        if order.count > 100 { text += "  and more for \(order.count - 100) other reasons\n" }
        return text
    }

    static func words(_ state: TransferProgress) -> String {
        switch state.phase {
        case .scanning: "reading the folder"
        case .comparing: "comparing \(state.filesTotal) files"
        case .sending, .downloading:
            "sending \(Bytes.text(state.bytes)) of \(Bytes.text(state.bytesTotal)), \(Bytes.text(Int64(state.rate)))/s"
                + (state.secondsLeft.map { ", \(Wording.span($0)) left" } ?? "")
        case .committing: "committing"
        case .done: "done"
        }
    }
}
