import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceDownloadCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.downloadSpace] }
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
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if !files.isEmpty, !include.isEmpty {
            throw ValidationError("Name files, or patterns with --include, and not both.")
        }
    }

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let name = try await calls.name(space.space)
            let folder = folder ?? name.name
            guard case .here = calls.executor else {
                throw Failure(
                    .usage, doing: "download \(name)",
                    because: "a server gives contents and writes no folder of this machine",
                    hint: "download without --server, or ask GET /api/v1/spaces/\(name)/contents")
            }
            let answer = try await calls.call(
                .downloadSpace, on: name,
                [
                    ("folder", .string(folder)), ("files", .optional(files)), ("revision", .string(revision)),
                    ("include", .optional(include)), ("exclude", .optional(exclude)),
                ])
            let count = answer["files"]?.array?.count ?? 0
            CommandOutput(
                json: answer,
                text:
                    "\(folder.printable) has \(count) file\(count == 1 ? "" : "s") of commit \((answer["commit"]?.string ?? "").prefix(7)): \(answer["unchanged"]?.integer ?? 0) were there, \(Bytes.text(Int64(answer["received_bytes"]?.integer ?? 0))) received\n"
            ).show(output)
        }
    }
}

struct SpaceDeleteFilesCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.deleteFiles] }
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
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let name = try await calls.name(space.space)
            let answer = try await calls.call(
                .deleteFiles, on: name,
                [
                    ("patterns", .strings(patterns)), ("revision", .string(revision)), ("message", .maybe(message)),
                    ("create_pr", .bool(createPR)),
                ])
            let going = answer["deleted"]?.texts ?? []
            let named = going.prefix(8).joined(separator: ", ") + (going.count > 8 ? ", …" : "")
            let commit = answer["commit"]?.string ?? ""
            let page = answer["pull_request"]?.string
            var text =
                "\(page == nil ? "\(name)" : "A pull request of \(name)") has commit \(commit.prefix(7)) without \(named)\n"
            if let page { text += "  proposed at \(page.printable)\n" }
            CommandOutput(json: answer, text: text).show(output)
            if page == nil, revision == "main" { await calls.showNextStep(after: name, commit: commit) }
        }
    }
}
