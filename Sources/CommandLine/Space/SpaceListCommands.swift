import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceListCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.listSpaces] }
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List Spaces with their stage, your own unless told otherwise.",
        discussion: """
            One call of the Hub tells of many Spaces; nothing is woken.

            EXAMPLES
              stoker space list
              stoker space list --author acme --stage RUNTIME_ERROR
              stoker space list --author acme --json
              stoker space list -q --stage PAUSED
            """, aliases: ["ls"])
    @Option(help: "A user or an organisation (default: the token's own account).") var author: String?
    @Option(help: "Part of a name.") var search: String?
    @Option(help: "A tag; may be given several times.") var filter: [String] = []
    @Option(help: "createdAt, lastModified, likes or trendingScore; the greatest first.") var sort: String?
    @Option(help: "Only these stages, joined by commas, such as RUNNING,SLEEPING.") var stage: String?
    @Option(name: .shortAndLong, help: "At most so many.") var limit = 100
    @Flag(name: .shortAndLong, help: "Only the names, one a line; the same as --format quiet.") var quiet = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if quiet, output.json { throw ValidationError("--quiet and --json exclude each other.") }
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if let sort, !["createdAt", "lastModified", "likes", "trendingScore"].contains(sort) {
            throw ValidationError("--sort takes createdAt, lastModified, likes or trendingScore.")
        }
    }

    private static func stages(_ text: String) throws(Failure) -> String {
        let words = text.uppercased().split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let known = SpaceStage.known.map(\.rawValue)
        if let odd = words.first(where: { !known.contains($0) }) {
            throw Failure(
                .usage, doing: "read --stage", because: "\"\(odd.printable)\" is not a stage",
                hint: "the stages are \(known.joined(separator: ", "))")
        }
        return words.joined(separator: ",")
    }

    func run() async throws {
        let stages = try stage.map(Self.stages)
        try await hub.calls(output) { calls in
            let answer = try await calls.call(
                .listSpaces,
                [
                    ("author", .maybe(author)), ("search", .maybe(search)), ("filter", .optional(filter)),
                    ("sort", .maybe(sort)), ("stage", .maybe(stages)), ("limit", .integer(Int64(limit))),
                ])
            Self.answer(answer, .own).show(shown)
        }
    }

    private var shown: OutputOptions {
        var shown = output
        if quiet { shown.format = .quiet }
        return shown
    }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var table = TextTable(columns: [
            .init(title: "STAGE"), .init(title: "SPACE", shrinksTo: 16), .init(title: "SDK"), .init(title: "HARDWARE"),
            .init(title: "VISIBLE"), .init(title: "CHANGED"),
        ])
        let items = answer["spaces"]?.array ?? []
        for item in items {
            let runtime = item["runtime"]
            let stage = runtime?["stage"]?.string.map { SpaceStage(rawValue: $0) }
            let behind =
                runtime?["commit"]?.string.flatMap { running in item["commit"]?.string.map { $0 != running } } ?? false
            let hardware = runtime?["hardware"]
            table.rows.append([
                .init(
                    stage.map { "\($0)\(behind ? " (old commit)" : "")" } ?? "–",
                    stage.map { TextStyle(stage: $0) } ?? .dim),
                .init(item["space"]?.string ?? ""), .init(item["sdk"]?.string ?? "–"),
                .init(hardware?["current"]?.string ?? hardware?["requested"]?.string ?? ""),
                .init(item["visibility"]?.string ?? ""), .init(OutputFormatting.time(item["last_modified"]), .dim),
            ])
        }
        var text = items.isEmpty ? "No Spaces.\n" : table.text(for: screen.look)
        if answer["more"] == true { text += screen.paint("… and more; raise --limit\n", .dim) }
        return CommandOutput(json: answer, text: text, names: items.compactMap { $0["space"]?.string })
    }
}

struct SpaceInfoCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.showSpace] }
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what the Hub knows of a Space.",
        discussion: """
            EXAMPLES
              stoker space info owner/bot
              stoker space info owner/bot --json
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let id = try await calls.name(space.space)
            let answer = try await calls.call(.showSpace, on: id)
            Self.answer(answer, .own).show(output)
            if let now = answer["space"]?.string, now != "\(id)" {
                calls.caller.progress.hint("It moved: \(id) is now \(now).")
            }
        }
    }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var rows: [(String, String)] = []
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { rows.append((name, value.printable)) }
        }
        add("title", answer["raw"]?["cardData"]?["title"]?.string)
        add("sdk", answer["sdk"]?.string)
        add("visible", answer["visibility"]?.string)
        add("address", answer["host"]?.string)
        add("head", answer["commit"]?.string)
        add("changed", OutputFormatting.time(answer["last_modified"]))
        add("created", OutputFormatting.time(answer["created_at"]))
        add("tags", answer["tags"]?.texts.joined(separator: ", "))
        add("likes", answer["likes"]?.integer.map { "\($0)" })
        add("storage", answer["used_storage"]?.integer.map { Bytes.text(Int64($0)) })
        if answer["disabled"] == true { rows.append(("disabled", screen.paint("by the Hub", .red))) }
        rows += SpaceAnswer.rows(answer["runtime"], screen)
        return CommandOutput(
            json: answer,
            text: "\(screen.paint((answer["space"]?.string ?? "").printable, .bold))\n"
                + KeyValueTable.text(rows, screen))
    }
}

struct SpaceFilesCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.spaceFiles] }
    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "List the files of a Space's repository.",
        discussion: """
            EXAMPLES
              stoker space files owner/bot
              stoker space files owner/bot --folder src --revision 3f1c9a7e
            """)
    @OptionGroup var space: SpaceArgument
    @Option(help: ArgumentHelp("Only what is in this folder.", valueName: "path")) var folder = ""
    @Option(help: "A branch, tag or commit.") var revision = "main"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let answer = try await calls.call(
                .spaceFiles, on: space, [("folder", .string(folder)), ("revision", .string(revision))])
            let files = answer["files"]?.array ?? []
            let screen = Terminal.own
            var table = TextTable(columns: [
                .init(title: "SIZE", isRight: true), .init(title: "LFS"), .init(title: "PATH", shrinksTo: 20),
            ])
            var sum: Int64 = 0
            for file in files {
                let size = Int64(file["size"]?.integer ?? 0)
                sum += size
                table.rows.append([
                    .init(Bytes.text(size)), .init(file["lfs"] == true ? "lfs" : "", .dim),
                    .init(file["path"]?.string ?? ""),
                ])
            }
            CommandOutput(
                json: answer,
                text: files.isEmpty
                    ? "No files.\n"
                    : table.text(for: screen.look)
                        + screen.paint("\(files.count) files, \(Bytes.text(sum))\n", .dim),
                names: files.compactMap { $0["path"]?.string }
            ).show(output)
        }
    }
}
