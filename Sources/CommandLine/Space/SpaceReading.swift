import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

extension RepoInfo {
    /// Who sees it, in one word; the older field cannot tell protected from private.
    var seen: String? { visibility?.rawValue ?? isPrivate.map { $0 ? "private" : "public" } }

    var json: JSONValue {
        let runtime: JSONValue =
            if let runtime, let space = try? RepoID.space(id) { runtime.json(space) } else { .null }
        return [
            "space": .string(id), "sdk": .maybe(sdk), "visibility": .maybe(seen), "commit": .maybe(sha),
            "host": .maybe(host), "created_at": .maybe(createdAt), "last_modified": .maybe(lastModified),
            "tags": .array(tags.map { .string($0) }), "likes": .maybe(likes), "disabled": .maybe(isDisabled),
            "region": .maybe(region), "used_storage": .maybe(usedStorage), "runtime": runtime,
        ]
    }
}

struct SpaceListCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if quiet, output.json { throw ValidationError("--quiet and --json exclude each other.") }
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if let sort, !["createdAt", "lastModified", "likes", "trendingScore"].contains(sort) {
            throw ValidationError("--sort takes createdAt, lastModified, likes or trendingScore.")
        }
    }

    private static func stages(_ text: String) throws(Failure) -> Set<String> {
        let words = text.uppercased().split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let known = SpaceStage.known.map(\.rawValue)
        if let odd = words.first(where: { !known.contains($0) }) {
            throw Failure(
                .usage, doing: "read --stage", because: "\"\(odd.printable)\" is not a stage",
                hint: "the stages are \(known.joined(separator: ", "))")
        }
        return Set(words)
    }

    func run() async throws {
        let stages = try stage.map(Self.stages)
        try await hub.use { hub in
            // Everybody's Spaces are no list anybody wants; a search over them may be.
            var whose = author
            if whose == nil, search == nil, filter.isEmpty { whose = try await hub.whoami().name }
            let found = hub.list(
                .space, author: whose, search: search, filter: filter, sort: sort,
                expand: ["runtime", "sha", "sdk", "private", "lastModified", "disabled"],
                pageSize: min(500, stages == nil ? limit : 500))
            var items: [RepoInfo] = []
            var more = false
            for try await item in found {
                if let stages, !stages.contains(item.runtime?.stage.rawValue ?? "") { continue }
                if items.count == limit {
                    more = true
                    break
                }
                items.append(item)
            }
            Self.answer(items, more: more, .own).show(shown)
        }
    }

    private var shown: OutputOptions {
        var shown = output
        if quiet { shown.format = .quiet }
        return shown
    }

    static func answer(_ items: [RepoInfo], more: Bool, _ screen: Screen) -> Answer {
        var table = TextTable(columns: [
            .init(title: "STAGE"), .init(title: "SPACE", shrinksTo: 16), .init(title: "SDK"), .init(title: "HARDWARE"),
            .init(title: "VISIBLE"), .init(title: "CHANGED"),
        ])
        for item in items {
            let stage = item.runtime?.stage
            let behind = item.runtime?.sha.flatMap { running in item.sha.map { $0 != running } } ?? false
            table.rows.append([
                .init(
                    stage.map { "\($0)\(behind ? " (old commit)" : "")" } ?? "–",
                    stage.map { TextStyle(stage: $0) } ?? .dim),
                .init(item.id), .init(item.sdk ?? "–"),
                .init(item.runtime?.hardware ?? item.runtime?.requestedHardware ?? ""), .init(item.seen ?? ""),
                .init(Wording.time(.maybe(item.lastModified)), .dim),
            ])
        }
        var text = items.isEmpty ? "No Spaces.\n" : table.text(for: screen.look)
        if more { text += screen.paint("… and more; raise --limit\n", .dim) }
        return Answer(
            json: ["spaces": .array(items.map(\.json)), "more": .bool(more)], text: text, names: items.map(\.id))
    }
}

struct SpaceInfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what the Hub knows of a Space.",
        discussion: """
            EXAMPLES
              stoker space info owner/bot
              stoker space info owner/bot --json
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let info = try await hub.info(of: id)
            Self.answer(info, asked: id, .own).show(output)
            if info.id != "\(id)" { Progress(output).hint("It moved: \(id) is now \(info.id).") }
        }
    }

    static func answer(_ info: RepoInfo, asked: RepoID, _ screen: Screen) -> Answer {
        var rows: [(String, String)] = []
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { rows.append((name, value.printable)) }
        }
        add("title", info.card?["title"]?.string)
        add("sdk", info.sdk)
        add("visible", info.seen)
        add("address", info.host)
        add("head", info.sha)
        add("changed", Wording.time(.maybe(info.lastModified)))
        add("created", Wording.time(.maybe(info.createdAt)))
        add("tags", info.tags.joined(separator: ", "))
        add("likes", info.likes.map(String.init))
        add("storage", info.usedStorage.map { Bytes.text(Int64($0)) })
        if info.isDisabled == true { rows.append(("disabled", screen.paint("by the Hub", .red))) }
        rows += info.runtime?.rows(screen) ?? []
        return Answer(
            json: info.json.adding([.init("raw", info.raw)]),
            text: "\(screen.paint(info.id.printable, .bold))\n" + Rows.text(rows, screen))
    }
}

enum Bytes {
    /// `842 B`, `17.5 MiB`.
    static func text(_ bytes: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1_024, unit < units.count - 1 {
            value /= 1_024
            unit += 1
        }
        return unit == 0 ? "\(bytes) B" : "\(Wording.tenths(value)) \(units[unit])"
    }
}

struct SpaceFilesCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let files = try await hub.tree(of: id, revision: revision, path: folder).all()
                .filter { $0.kind == .file }.sorted { $0.path < $1.path }
            let screen = Screen.own
            var table = TextTable(columns: [
                .init(title: "SIZE", isRight: true), .init(title: "LFS"), .init(title: "PATH", shrinksTo: 20),
            ])
            for file in files {
                table.rows.append([
                    .init(Bytes.text(file.size)), .init(file.lfs == nil ? "" : "lfs", .dim), .init(file.path),
                ])
            }
            let sum = files.reduce(0) { $0 + $1.size }
            Answer(
                json: [
                    "space": .string("\(id)"), "revision": .string(revision),
                    "files": .array(
                        files.map {
                            [
                                "path": .string($0.path), "size": .integer($0.size), "oid": .string($0.oid),
                                "lfs": .bool($0.lfs != nil), "sha256": .maybe($0.lfs),
                            ]
                        }),
                ],
                text: files.isEmpty
                    ? "No files.\n"
                    : table.text(for: screen.look)
                        + screen.paint("\(files.count) files, \(Bytes.text(sum))\n", .dim), names: files.map(\.path)
            ).show(output)
        }
    }
}
