import ArgumentParser
import Foundation
import HubClient
import NIOPosix
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

    /// The inputs of both operations.
    func given() throws -> [(name: String, value: JSONValue)] {
        if let sleepTime { _ = try SleepTime.seconds(sleepTime) }
        return [
            ("visibility", .maybe(isPrivate ? "private" : isPublic ? "public" : isProtected ? "protected" : nil)),
            ("hardware", .maybe(hardware)), ("sleep_time", .maybe(sleepTime)),
            ("secrets", try Self.values(.secret, secrets, secretsFile)),
            ("variables", try Self.values(.variable, variables, envFile)), ("volumes", .optional(volumes)),
            ("exist_ok", .bool(existOK)),
        ]
    }

    private static func values(_ kind: SpaceValueKind, _ pairs: [String], _ file: String?) throws -> JSONValue {
        guard !pairs.isEmpty || file != nil else { return .null }
        return try EnvironmentInputs.read(kind, pairs: pairs, file: file, description: nil)
    }

    func show(_ answer: JSONValue, _ output: OutputOptions) {
        let url = answer["url"]?.string ?? ""
        var text = answer["created"] == true ? "created  \(url)\n" : "exists   \(url)\n"
        if let note = answer["note"]?.string { text += "  \(note)\n" }
        for difference in answer["differences"]?.array ?? [] {
            func word(_ name: String) -> String { difference[name]?.string ?? "" }
            text += "  \(word("what")) is \(word("found")), not \(word("wanted"))\n".printableLines
        }
        if answer["files_pending"] == true { text += "  Large files are still being copied.\n" }
        CommandOutput(json: answer, text: text).show(output)
    }
}

extension String {
    fileprivate var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(separator: "\n")
    }
}

struct SpaceCreateCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.createSpace] }
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
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        let given =
            try [
                ("sdk", .string(sdk)), ("template", .maybe(template)), ("description", .maybe(description)),
            ] + options.given()
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let name = try await calls.name(space.space)
            let answer = try await calls.call(.createSpace, on: name, given)
            options.show(answer, output)
            // One with a template has an app, and one that was there may have.
            if template != nil, answer["created"] == true {
                calls.caller.progress.hint("Next: stoker space wait \(name)")
            } else if answer["created"] == true {
                calls.caller.progress.hint("Next: stoker space upload \(name) FOLDER")
            }
        }
    }
}

struct SpaceDuplicateCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.duplicateSpace] }
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
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        let given = try options.given()
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let source = try await calls.name(space.space)
            let target = try await calls.name(copy)
            let answer = try await calls.call(.duplicateSpace, on: source, [("to", .string("\(target)"))] + given)
            options.show(answer, output)
            let left = answer["secrets_left"]?.texts ?? []
            if !left.isEmpty {
                calls.caller.progress.hint("Not copied are the secrets \(left.joined(separator: ", ")).")
            }
        }
    }
}

struct SpaceMoveCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.moveSpace] }
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
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let name = try await calls.name(space.space)
            let new = try await calls.name(target)
            let answer = try await calls.call(.moveSpace, on: name, [("to", .string("\(new)"))])
            let host = answer["address"]?.string
            CommandOutput(
                json: answer, text: "\(name) is now \(new)\(host.map { ", its app \($0.printable)" } ?? "")\n"
            ).show(output)
        }
    }
}

struct SpaceDeleteCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.deleteSpace] }
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
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let name = try await calls.name(space.space)
            let answer = try await calls.call(.deleteSpace, on: name, [("missing_ok", .bool(missingOK))])
            CommandOutput(
                json: answer, text: answer["deleted"] == true ? "deleted \(name)\n" : "\(name) was not there\n"
            )
            .show(output)
        }
    }
}

struct SpaceUploadCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.uploadSpace] }
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
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if createPR, wait { throw ValidationError("A pull request runs nothing that --wait could wait for.") }
    }

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let name = try await calls.name(space.space)
            let answer = try await calls.call(
                .uploadSpace, on: name,
                try await source(for: calls, name) + [
                    ("into", .string(into)), ("revision", .string(revision)), ("message", .string(message)),
                    ("include", .optional(include)), ("exclude", .optional(exclude)), ("delete", .optional(delete)),
                    ("create_pr", .bool(createPR)), ("strict", .bool(strict)),
                    ("keep_front_matter", .bool(keepFrontMatter)), ("wait", .bool(wait)),
                ])
            CommandOutput(json: answer, text: Self.text(answer, .own)).show(output)
            await tellNext(answer, name, calls)
            if answer["wait"]?["ready"] == false { throw ExitCode(1) }
        }
    }

    /// The folder itself here; what is in it for a server.
    private func source(for calls: SpaceCalls, _ name: RepoID) async throws -> [(name: String, value: JSONValue)] {
        guard case .server = calls.executor else { return [("folder", .string(folder))] }
        let files = try await FolderUpload.read(folder, doing: "upload \(folder) to \(name)")
        return [("files", .array(files.map { ["path": .string($0.path), "content": .string($0.content)] }))]
    }

    private func tellNext(_ answer: JSONValue, _ name: RepoID, _ calls: SpaceCalls) async {
        let progress = calls.caller.progress
        if answer["skipped"]?.array?.contains(where: { $0["rule"] == "secret" }) == true {
            progress.hint(
                "`stoker space secrets add \(name) --env-file FILE` sets secrets; --include \"PATH\" with its exact path uploads such a file all the same."
            )
        }
        if answer["pull_request"]?.string != nil {
            progress.hint("Next: merge it on that page, then stoker space wait \(name)")
        } else if !wait, answer["commits"]?.array?.isEmpty == false, revision == "main" {
            await calls.showNextStep(after: name, commit: answer["commit"]?.string ?? "")
        }
    }

    static func text(_ answer: JSONValue, _ screen: Terminal) -> String {
        func number(_ name: String) -> Int { answer[name]?.integer ?? 0 }
        let space = answer["space"]?.string ?? ""
        let page = answer["pull_request"]?.string
        let skipped = (answer["skipped"]?.array ?? []).compactMap { file in
            file["path"]?.string.map {
                (path: $0, rule: file["rule"]?.string ?? "", reason: file["reason"]?.string ?? "")
            }
        }
        var text =
            answer["commits"]?.array?.isEmpty == false
            ? "\(page == nil ? space : "A pull request of \(space)") has commit \((answer["commit"]?.string ?? "").prefix(7)): \(number("written")) written, \(number("deleted")) deleted, \(number("unchanged")) unchanged, \(Bytes.text(Int64(number("sent_bytes")))) sent\n"
            : skipped.contains { $0.rule != SkippedFile.Rule.never.rawValue }
                ? "Nothing to do: \(space) has already what was not left out (\(number("unchanged") == 1 ? "1 file" : "\(number("unchanged")) files")).\n"
                : "Nothing to do: \(space) has these files already.\n"
        if let page { text += "  proposed at \(page.printable)\n" }
        let deleted = answer["deleted_paths"]?.texts ?? []
        if !deleted.isEmpty { text += "  deleted \(NameList.text(deleted, atMost: Self.shown).printable)\n" }
        // What was told before it was sent stands above.
        let told = (answer["warnings"]?.array ?? []).compactMap { $0["text"]?.string }
        for note in answer["notes"]?.texts ?? [] where !told.contains(note) { text += "  \(note.printable)\n" }
        text += Self.leftOut(skipped.map { ($0.path, $0.reason) })
        if let wait = answer["wait"] { text += WaitAnswer.text(wait, screen) }
        return text
    }

    /// Names that are shown of each kind; `--json` has up to 1,000.
    private static let shown = 20

    /// One line a reason, in the order they came up.
    private static func leftOut(_ skipped: [(path: String, reason: String)]) -> String {
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
}

/// A small folder's files, for a server: it reads no disk but its own.
enum FolderUpload {
    /// - Throws: `too_large` beyond what one call takes.
    static func read(_ folder: String, doing: String) async throws -> [(path: String, content: String)] {
        try await NIOThreadPool.singleton.runIfActive {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
                throw Failure(
                    .usage, doing: doing, because: "there is no such folder or file",
                    hint: "name the folder that holds the app")
            }
            let paths =
                isFolder.boolValue
                ? try FileManager.default.subpathsOfDirectory(atPath: folder).sorted().filter {
                    !$0.split(separator: "/").contains(".git")
                } : [""]
            var files: [(path: String, content: String)] = []
            var left = 16 << 20
            for path in paths {
                let place = path.isEmpty ? folder : "\(folder)/\(path)"
                let attributes = try FileManager.default.attributesOfItem(atPath: place)
                // Links may lead anywhere.
                guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
                left -= attributes[.size] as? Int ?? 0
                guard left >= 0, files.count < 2_000 else {
                    throw Failure(
                        .tooLarge, doing: doing, because: "a server takes 2,000 files of 16 MiB together",
                        hint: "upload it without --server")
                }
                let name = path.isEmpty ? URL(fileURLWithPath: folder).lastPathComponent : path
                files.append((name, try Data(contentsOf: URL(fileURLWithPath: place)).base64EncodedString()))
            }
            return files
        }
    }
}
