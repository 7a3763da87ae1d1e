import Foundation
import HubClient
import NIOPosix
import StokerCore

extension Operation {
    /// Contents of files in one call, all together; bytes.
    static let contentLimit = 16 * 1024 * 1024

    package static let uploadSpace = Operation(
        name: "upload-space",
        summary:
            "Puts files into a Space in one commit; the same ones are not sent again. Asks before it deletes or stops something",
        doing: "upload to the Space", effect: .write, asks: true, method: .post, path: "/spaces/{owner}/{name}/upload",
        parameters: Parameter.space + [
            .init("folder", .local, .text(upTo: 4_096), "Folder or file of this machine"),
            .init(
                "files", .body,
                .list(
                    .object([
                        .init("path", .body, .text(upTo: 1_000), required: true, "Path in the repository"),
                        .init("content", .body, .bytes(upTo: contentLimit), required: true, "Content"),
                    ]), upTo: 2_000), "Files with their contents, \(contentLimit / 1024 / 1024) MiB all together"),
            .init("into", .body, Parameter.hubText, defaultValue: "", "Folder of the Space they go into"),
            .revision(.body, "The branch; the app is built from main"),
            .init("message", .body, .text(upTo: 5_000), defaultValue: "Upload with stoker", "First line of the commit"),
            .init(
                "include", .body, Parameter.patterns,
                "Only files that match; one that usually holds secrets goes up only when it is named exactly"),
            .init("exclude", .body, Parameter.patterns, "No files that match"),
            .init("delete", .body, Parameter.patterns, "Deletes files of the Space that match and are not among these"),
            .init("create_pr", .body, .flag, "Proposes it as a pull request"),
            .init("strict", .body, .flag, "Refuses what a warning would tell of"),
            .init("keep_front_matter", .body, .flag, "Puts the Space's front matter before a README that has none"),
            .init("wait", .body, .flag, "Waits until it runs and answers"),
        ], bodyLimit: contentLimit / 3 * 4 + 1024 * 1024, answer: .spaceUpload
    ) { context, arguments in
        let upload = try SpaceUpload(arguments)
        let (hub, id) = try await context.space(arguments)
        let result = try await upload.run(hub, id, context)
        let changed = !result.commits.isEmpty
        var answer = SpaceUpload.answer(result, id)
        if arguments.flag("wait"), upload.revision == "main", !context.caller.wantsToStop {
            let waited = try await SpaceWaiting(space: id, path: "/").run(
                hub, commit: result.commit, isFresh: changed, context: context)
            answer = answer.adding([.init("wait", waited.json)])
        }
        return answer
    }
}

/// Files on their way into a Space.
private struct SpaceUpload: Sendable {
    private enum Source: Sendable {
        /// A folder or file of this machine.
        case local(String)
        case contents([(path: String, bytes: [UInt8])])
    }
    private let source: Source
    let revision: String
    private let into: String
    private let patterns: (include: [String], exclude: [String], delete: [String])
    private let message: String
    private let createsPullRequest: Bool
    private let isStrict: Bool
    private let keepsFrontMatter: Bool

    init(_ arguments: Arguments) throws(Failure) {
        let doing = "upload to the Space"
        let files = arguments.objects("files").map { (path: $0.name("path"), bytes: $0.bytes("content") ?? []) }
        switch (arguments.text("folder"), files.isEmpty) {
        case (let folder?, true): source = .local(folder)
        case (nil, false): source = .contents(files)
        case (nil, true):
            throw Failure(.usage, doing: doing, because: "no files are given", hint: "give them in \"files\"")
        case (_?, false): throw Failure(.usage, doing: doing, because: "both a folder and files are given")
        }
        let size = files.reduce(0) { $0 + $1.bytes.count }
        guard size <= Operation.contentLimit else {
            throw Failure(
                .tooLarge, doing: doing,
                because: "the files are larger than \(Operation.contentLimit / 1024 / 1024) MiB together",
                hint: "upload them in several calls, or with the command line where they are")
        }
        revision = arguments.name("revision")
        into = arguments.name("into")
        patterns = (arguments.texts("include"), arguments.texts("exclude"), arguments.texts("delete"))
        message = arguments.name("message")
        createsPullRequest = arguments.flag("create_pr")
        isStrict = arguments.flag("strict")
        keepsFrontMatter = arguments.flag("keep_front_matter")
        guard !(createsPullRequest && arguments.flag("wait")) else {
            throw Failure(.usage, doing: doing, because: "a pull request runs nothing that could be waited for")
        }
    }

    func run(_ hub: Hub, _ id: RepoID, _ context: OperationContext) async throws -> CommitResult {
        switch source {
        case .local(let path):
            var isFolder: ObjCBool = false
            let doing = "upload \(path) to \(id)"
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw Failure(
                    .usage, doing: doing, because: "there is no such folder or file",
                    hint: "name the folder that holds the app")
            }
            if !isFolder.boolValue, !patterns.delete.isEmpty || !patterns.include.isEmpty || !patterns.exclude.isEmpty {
                throw Failure(
                    .usage, doing: doing,
                    because: "it is one file, and --include, --exclude and --delete are about the files of a folder",
                    hint: "name the folder, or leave them out")
            }
            let isWhole = isFolder.boolValue
            return try await send(hub, id, doing, context) { options, tell in
                if isWhole {
                    return try await hub.upload(
                        folder: path, to: id, revision: revision, options: options, progress: tell)
                }
                let name = URL(fileURLWithPath: path).lastPathComponent
                return try await hub.commit(
                    [.add(path: into.isEmpty ? name : "\(into)/\(name)", .file(path))], to: id, revision: revision,
                    options: options, progress: tell)
            }
        case .contents(let files):
            // A folder of their own, so that they are looked at as any others: ignore rules, secrets, front matter, deletions.
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "stoker-upload-\(UUID().uuidString)"
            ).path
            defer { try? FileManager.default.removeItem(atPath: folder) }  // what is left is in the temporary folder
            try await TemporaryFiles.write(files, to: folder, doing: "upload to \(id)")
            return try await send(hub, id, "upload to \(id)", context) { options, tell in
                try await hub.upload(folder: folder, to: id, revision: revision, options: options, progress: tell)
            }
        }
    }

    private func send(
        _ hub: Hub, _ id: RepoID, _ doing: String, _ context: OperationContext,
        _ work: (UploadOptions, @escaping @Sendable (TransferProgress) -> Void) async throws -> CommitResult
    ) async throws -> CommitResult {
        let questions = UploadQuestions(
            id: id, doing: doing, isStrict: isStrict, asksToDelete: !createsPullRequest, context: context)
        var options = UploadOptions(summary: message)
        options.into = into
        options.allow = patterns.include.isEmpty ? nil : patterns.include
        options.ignore = patterns.exclude
        options.delete = patterns.delete
        options.createsPullRequest = createsPullRequest
        options.keepsFrontMatter = keepsFrontMatter
        options.executables = { revision, paths in
            await GitModes.executables(among: paths, of: id, revision: revision, hub: hub)
        }
        options.review = { await questions.goesOn($0) }
        // A commit on its way cannot be called back: it is waited for.
        let caller = context.caller
        let left = Failure(
            .interrupted, doing: "wait for the commit to \(id)",
            because: "it was left at once, and the commit may have been made",
            hint: "the same command tells: what is there already is not sent again")
        let tell: @Sendable (TransferProgress) -> Void = { state in
            if state.phase == .committing {
                caller.deferStop(until: "the commit to \(id) is made", ifKilled: left)
            } else {
                caller.release()
            }
            context.tell(OperationProgress(state, verb: "sending"))
        }
        defer { caller.release() }
        do {
            return try await work(options, tell)
        } catch let failure as HubFailure {
            if let why = questions.refusal { throw why }
            guard failure.isCancelled else { throw failure }
            throw Failure(
                .interrupted, doing: doing,
                because: "it was interrupted before it was committed; \(id) is as it was",
                hint: "the same command goes on where it stopped: what was sent is not sent again")
        }
    }

    static func answer(_ result: CommitResult, _ id: RepoID) -> JSONValue {
        [
            "space": .string("\(id)"), "commit": .string(result.commit), "url": .maybe(result.url),
            "pull_request": .maybe(result.pullRequest), "commits": .strings(result.commits),
            "written": .integer(Int64(result.written)), "deleted": .integer(Int64(result.deleted)),
            "unchanged": .integer(Int64(result.unchanged)), "ignored": .integer(Int64(result.ignored)),
            "sent_bytes": .integer(result.sent), "deleted_paths": .strings(result.deletedPaths),
            "skipped": .array(
                result.skipped.prefix(1_000).map {
                    ["path": .string($0.path), "rule": .string($0.rule.rawValue), "reason": .string($0.reason)]
                }),
            "left_out": .integer(Int64(result.skipped.count)),
            "warnings": .array(
                result.remarks.map {
                    [
                        "kind": .string($0.kind.rawValue), "text": .string($0.text), "risk": .bool($0.isRisk),
                        "paths": .strings($0.paths.prefix(1_000)),
                    ]
                }),
            "notes": .strings(result.notes),
        ]
    }
}

/// Contents that came with a call, as files for a moment.
enum TemporaryFiles {
    /// - Throws: `usage` for a path that leaves the folder, or comes twice.
    static func write(_ files: [(path: String, bytes: [UInt8])], to folder: String, doing: String) async throws {
        var seen: Set<String> = []
        for (path, _) in files {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            // What a file system takes: 255 bytes a part, and less than 4,096 all together.
            guard
                !parts.contains(where: {
                    $0.isEmpty || $0 == "." || $0 == ".." || $0.utf8.contains(0) || $0.utf8.count > 255
                }), path.utf8.count < 3_500, seen.insert(path).inserted
            else {
                throw Failure(
                    .usage, doing: doing, because: "\"\(path.shortened)\" is no path of a repository, or comes twice",
                    hint: "write folder/file, without . and .. and without a slash at either end")
            }
        }
        for path in seen {
            var folder = path.parentFolder
            while !folder.isEmpty, folder != "/" {
                if seen.contains(folder) {
                    throw Failure(
                        .usage, doing: doing, because: "\"\(folder.shortened)\" is a file and a folder",
                        hint: "give one of them another name")
                }
                folder = folder.parentFolder
            }
        }
        do {
            try await NIOThreadPool.singleton.runIfActive {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                for (path, bytes) in files {
                    let place = folder + "/" + path
                    try FileManager.default.createDirectory(
                        atPath: place.parentFolder, withIntermediateDirectories: true)
                    try Data(bytes).write(to: URL(fileURLWithPath: place))
                }
            }
        } catch {
            throw Failure(
                .internal, doing: doing, because: "the files could not be put into a temporary folder",
                hint: "look whether the disk is full", cause: error)
        }
    }
}

extension OperationProgress {
    init(_ state: TransferProgress, verb: String) {
        let text =
            switch state.phase {
            case .scanning: "reading the folder"
            case .comparing: "comparing \(state.filesTotal) files"
            case .sending:
                "\(verb) \(Bytes.text(state.bytes)) of \(Bytes.text(state.bytesTotal)), \(Bytes.text(Int64(state.rate)))/s"
                    + (state.secondsLeft.map { ", \(OutputFormatting.span($0)) left" } ?? "")
            case .downloading:
                "fetched \(Bytes.text(state.bytes)) of \(Bytes.text(state.bytesTotal)), \(state.files) of \(state.filesTotal) files"
            case .committing: "committing"
            case .done: "done"
            }
        self.init(
            state.phase.rawValue, text, done: state.bytes, total: state.bytesTotal, unit: .bytes, isFrequent: true)
    }
}
