import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceDownloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Fetch the files of a Space into a folder.",
        discussion: """
            All files are of one commit. What is there with the right content is not fetched again, and an interrupted download goes on \
            where it stopped. Files of the folder that the Space does not have are left alone; those with another content are replaced: asks.

            EXAMPLES
              stoker space download owner/bot
              stoker space download owner/bot app.py README.md --local-dir bot
              stoker space download owner/bot --include "*.py" --revision v1.4
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: "Only these files or folders of the Space.") var files: [String] = []
    @Option(
        name: [.customLong("local-dir"), .customShort("o")],
        help: ArgumentHelp("Where to (default: a folder named like the Space).", valueName: "folder"),
        completion: .directory)
    var folder: String?
    @Option(help: "A branch, tag or commit.") var revision = "main"
    @Option(help: ArgumentHelp("Only files that match; may be given several times.", valueName: "pattern"))
    var include: [String] = []
    @Option(help: ArgumentHelp("No files that match.", valueName: "pattern")) var exclude: [String] = []
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if !files.isEmpty, !include.isEmpty {
            throw ValidationError("Name files, or patterns with --include, and not both.")
        }
    }

    func run() async throws {
        let progress = Progress(output)
        try await hub.use { hub in
            let id = try await space.id(hub)
            let folder = folder ?? id.name
            let commit = try await hub.info(of: id, revision: revision, expand: ["sha"]).sha ?? revision
            let all = try await hub.tree(of: id, revision: commit).all().filter { $0.kind == .file }
            let wanted = try chosen(all.map(\.path), of: id)
            let filter = PathFilter(exactly: wanted)
            let replaced = try await hub.differing(all.filter { filter.takes($0.path) }, from: folder)
            if !replaced.isEmpty {
                let named = replaced.prefix(5).joined(separator: ", ") + (replaced.count > 5 ? ", …" : "")
                try await confirm.ask(
                    "\(replaced.count) file\(replaced.count == 1 ? "" : "s") in \(folder) with another content will be replaced: \(named). Proceed?",
                    doing: "download \(id) into \(folder)")
            }
            let done: Snapshot
            do {
                done = try await hub.snapshot(of: id, revision: commit, to: folder, filter: filter) { state in
                    if progress.screen.showsProgress { progress.say(Self.words(state)) }
                }
            } catch let failure as HubFailure where failure.isCancelled {
                throw Failure(
                    .interrupted, doing: "download \(id)", because: "it was interrupted",
                    hint: "the same command goes on where it stopped")
            }
            progress.end()
            Answer(
                json: [
                    "space": .string("\(id)"), "commit": .string(done.commit), "folder": .string(folder),
                    "files": .array(wanted.sorted().map { .string($0) }), "unchanged": .integer(Int64(done.unchanged)),
                    "replaced": .array(replaced.map { .string($0) }), "received_bytes": .integer(done.received),
                ],
                text:
                    "\(folder.printable) has \(done.files) file\(done.files == 1 ? "" : "s") of commit \(done.commit.prefix(7)): \(done.unchanged) were there, \(Bytes.text(done.received)) received\n"
            ).show(output)
        }
    }

    /// - Throws: when a file that was named is not there, or nothing matches.
    private func chosen(_ paths: [String], of id: RepoID) throws -> Set<String> {
        let doing = "download \(id)"
        var chosen: Set<String> = []
        for name in files {
            let plain = name.split(separator: "/").joined(separator: "/")
            let found = paths.filter { $0 == plain || $0.hasPrefix(plain + "/") }
            guard !found.isEmpty else {
                let near = NearestName.of(name, among: paths).map { "did you mean \($0)? " } ?? ""
                throw Failure(
                    .notFound, doing: doing, because: "it has no file or folder \(name.shortened) at \(revision)",
                    hint: near + "`stoker space files \(id)` lists them")
            }
            chosen.formUnion(found)
        }
        if files.isEmpty { chosen = Set(paths) }
        let filter = PathFilter(allow: include.isEmpty ? nil : include, ignore: exclude)
        chosen = chosen.filter { filter.takes($0) }
        guard !chosen.isEmpty else {
            throw Failure(
                .notFound, doing: doing,
                because: paths.isEmpty ? "it has no files at \(revision)" : "none of its \(paths.count) files matches",
                hint: "`stoker space files \(id)` lists them")
        }
        return chosen
    }

    private static func words(_ state: TransferProgress) -> String {
        "fetched \(Bytes.text(state.bytes)) of \(Bytes.text(state.bytesTotal)), \(state.files) of \(state.filesTotal) files"
    }
}

struct SpaceDeleteFilesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete-files", abstract: "Delete files of a Space, in one commit; asks.",
        discussion: """
            Patterns are those of the official client: `*` matches slashes too, and a folder with its slash means all that is in it.

            EXAMPLES
              stoker space delete-files owner/bot old.py
              stoker space delete-files owner/bot "data/*" --message "Without data"
              stoker space delete-files owner/bot logs/ --yes
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: "Files, folders (`logs/`) or patterns.") var patterns: [String]
    @Option(help: "The branch. The app is built from main.") var revision = "main"
    @Option(name: [.long, .customShort("m")], help: ArgumentHelp("First line of the commit.", valueName: "text"))
    var message: String?
    @Flag(
        name: .customLong("create-pr"),
        help: "Propose it as a pull request; the app stays as it is until it is merged.")
    var createPR = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let head = try await hub.info(of: id, revision: revision, expand: ["sha"]).sha
            let paths = try await hub.tree(of: id, revision: head ?? revision).all().filter { $0.kind == .file }.map(
                \.path)
            // A name with a sign of patterns in it is a name where such a file is.
            let going = paths.filter { path in
                patterns.contains { $0 == path || PathFilter(allow: [$0]).takes(path) }
            }
            let idle = patterns.filter { pattern in
                !paths.contains { $0 == pattern || PathFilter(allow: [pattern]).takes($0) }
            }
            guard idle.isEmpty else {
                let folder = idle.first { name in paths.contains { $0.hasPrefix(name + "/") } }
                throw Failure(
                    .notFound, doing: "delete files of \(id)",
                    because: "nothing of it matches \(idle.map(\.shortened).joined(separator: ", "))",
                    hint: folder.map { "for the folder write \($0)/" } ?? "`stoker space files \(id)` lists them")
            }
            let named = going.prefix(8).joined(separator: ", ") + (going.count > 8 ? ", …" : "")
            if !createPR {
                try await confirm.ask(
                    "Delete \(going.count) file\(going.count == 1 ? "" : "s") of \(id): \(named)? The history keeps them.",
                    doing: "delete files of \(id)")
            }
            var options = UploadOptions(
                summary: message ?? (going.count == 1 ? "Delete \(going[0])" : "Delete \(going.count) files"))
            options.parent = head
            options.createsPullRequest = createPR
            let interruption = Interruption.current
            interruption.hold(
                "the commit to \(id) is made",
                left: Failure(
                    .interrupted, doing: "wait for the commit to \(id)",
                    because: "it was left at once, and the commit may have been made",
                    hint: "`stoker space files \(id)` tells"))
            defer { interruption.release() }
            let result = try await hub.commit(
                going.map { .delete(path: $0) }, to: id, revision: revision, options: options)
            var text =
                "\(result.pullRequest == nil ? "\(id)" : "A pull request of \(id)") has commit \(result.commit.prefix(7)) without \(named)\n"
            if let page = result.pullRequest { text += "  proposed at \(page.printable)\n" }
            Answer(
                json: [
                    "space": .string("\(id)"), "commit": .string(result.commit), "url": .maybe(result.url),
                    "pull_request": .maybe(result.pullRequest), "deleted": .array(going.map { .string($0) }),
                ], text: text
            ).show(output)
            if result.pullRequest == nil, revision == "main" {
                await Progress(output).next(after: id, hub, commit: result.commit)
            }
        }
    }
}
