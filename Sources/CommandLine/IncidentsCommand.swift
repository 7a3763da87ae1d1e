import ArgumentParser
import Operations
import StokerCore

struct IncidentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents",
        abstract: "List spans of trouble, acknowledge them, and write what people shall read.",
        discussion: """
            EXAMPLES
              stoker incidents                                   those that last
              stoker incidents list --since 30d --longer 10m
              stoker incidents show 214
              stoker incidents acknowledge 214 --text "going back a version"
              stoker incidents note 214 "We have found the cause."
            """,
        subcommands: [
            IncidentsListCommand.self, IncidentsShowCommand.self, IncidentsAcknowledgeCommand.self,
            IncidentsNoteCommand.self,
        ],
        defaultSubcommand: IncidentsListCommand.self)
}

struct IncidentsListCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List incidents, newest first; those that last unless a time or state is given.")

    @Option(help: "Only this target, with all its checks.", completion: CheckNames.completion)
    var target: String?
    @Option(help: "Only checks of this group.")
    var group: String?
    @Option(help: "Only this cause: dns.no_such_name, http.status …")
    var cause: String?
    @Option(help: "open, closed or all. Default: open, and all with --since or --until.")
    var state: String?
    @Flag(inversion: .prefixedNo, help: "Only those that somebody has acknowledged, or nobody.")
    var acknowledged: Bool?
    @Option(help: "That lasted since then: 24h, 30d, or a time.")
    var since: String?
    @Option(help: "That began before: a duration ago or a time.")
    var until: String?
    @Option(help: "At least so long: 10m.")
    var longer: String?
    @Option(name: .shortAndLong, help: "How many, at most.")
    var limit: Int = 50
    @Flag(help: "Comma-separated values (RFC 4180).")
    var csv = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.incidents] }

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if csv, output.chosen == .json { throw ValidationError("--csv and JSON exclude each other.") }
        if let state, !["open", "closed", "all"].contains(state) {
            throw ValidationError("--state takes open, closed or all.")
        }
    }

    func run() async throws {
        let client = try server.client()
        let chosen = state ?? (since == nil && until == nil ? "open" : "all")
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        let given: [(name: String, value: JSONValue)] = [
            ("target", text(target)), ("group", text(group)), ("cause", text(cause)),
            ("state", chosen == "all" ? .null : .string(chosen)),
            ("acknowledged", acknowledged.map { .string("\($0)") } ?? .null), ("from", text(since)),
            ("to", text(until)), ("longer", text(longer)),
        ]
        var items: [JSONValue] = []
        var cursor: JSONValue = nil
        repeat {
            let size = JSONValue.integer(Int64(min(limit - items.count, 1_000)))
            let page = try await client.call(.incidents, given + [("limit", size), ("cursor", cursor)])
            items += page["items"]?.array ?? []
            cursor = page["next_cursor"] ?? nil
        } while !cursor.isNull && items.count < limit
        let screen = Terminal.own
        if csv {
            screen.write(CSV.row(OutputFormatting.incidentColumns))
            return screen.write(items.map { OutputFormatting.csv($0, OutputFormatting.incidentColumns) }.joined())
        }
        switch output.chosen {
        case .quiet: return
        case .json:
            let document: JSONValue = ["items": .array(items), "more": .bool(!cursor.isNull)]
            return screen.write(document.prettyText)
        case .auto, .human: break
        }
        guard !items.isEmpty else {
            return screen.write(chosen == "open" ? "No incident is open.\n" : "No incident is recorded for that.\n")
        }
        screen.write(Self.table(items).text(for: screen.look))
        if !cursor.isNull { screen.write(screen.paint("… older ones with a greater --limit", .dim) + "\n") }
    }

    static func table(_ items: [JSONValue]) -> TextTable {
        func text(_ item: JSONValue, _ name: String) -> String {
            let value = item[name] ?? nil
            return value.isNull ? "–" : value.string ?? value.text
        }
        var table = TextTable(columns: [
            .init(title: "ID", isRight: true), .init(title: "BEGAN"), .init(title: "LASTED", isRight: true),
            .init(title: "CHECK", shrinksTo: 16), .init(title: "VERDICT"), .init(title: "SEEN BY", shrinksTo: 8),
            .init(title: "WHY", shrinksTo: 10),
        ])
        for item in items {
            let isOpen = item["ended"]?.isNull ?? true
            let seen = item["acknowledged"].flatMap { $0.isNull ? nil : $0["by"]?.string ?? "yes" }
            let verdict = text(item, "verdict")
            table.rows.append([
                .init(text(item, "id")), .init(OutputFormatting.time(item["began"])),
                .init(
                    OutputFormatting.span(item["seconds"]?.double ?? 0) + (isOpen ? " so far" : ""),
                    isOpen ? .red : .plain),
                .init(item["check"].flatMap { $0.isNull ? nil : $0.string } ?? "Stoker itself"),
                .init(verdict, .init(verdict: verdict)), .init(seen ?? "–"),
                .init(OutputFormatting.cause(ofIncident: item), .dim),
            ])
        }
        return table
    }
}

struct IncidentsShowCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an incident with what people said about it.")
    @Argument(help: "Number of the incident.")
    var incident: String
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.showIncident] }

    func run() async throws {
        show(try await server.client().call(.showIncident, [("name", .string(incident))]), output.chosen)
    }
}

struct IncidentsAcknowledgeCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge",
        abstract: "Say that you have seen an incident: its messages are not repeated or escalated any more.")
    @Argument(help: "Number of the incident.")
    var incident: String
    @Option(help: "What is done about it.")
    var text: String?
    @Option(help: "Who says it. Default: $USER.")
    var by: String?
    @Flag(help: "Take the acknowledgement back.")
    var undo = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.acknowledge, .withdrawAcknowledgement, .showIncident] }

    func validate() throws {
        if undo, text != nil || by != nil { throw ValidationError("--undo excludes --text and --by.") }
    }

    func run() async throws {
        let client = try server.client()
        let name: (name: String, value: JSONValue) = ("name", .string(incident))
        if undo {
            show(try await client.call(.withdrawAcknowledgement, [name]), output.chosen)
        } else {
            _ = try await client.call(
                .acknowledge,
                [
                    name, ("by", personHere(by).map { .string($0) } ?? .null),
                    ("text", text.map { .string($0) } ?? .null),
                ])
            show(try await client.call(.showIncident, [name]), output.chosen)
        }
    }
}

struct IncidentsNoteCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "note", abstract: "Add to an incident's story, which status pages show.")
    @Argument(help: "Number of the incident.")
    var incident: String
    @Argument(help: "What people shall read.")
    var text: String
    @Option(help: "Who says it. Default: $USER.")
    var by: String?
    @Flag(help: "Not for status pages.")
    var `internal` = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.noteIncident] }

    func run() async throws {
        let answer = try await server.client().call(
            .noteIncident,
            [
                ("name", .string(incident)), ("text", .string(text)),
                ("by", personHere(by).map { .string($0) } ?? .null), ("internal", .bool(`internal`)),
            ])
        show(answer, output.chosen)
    }
}

/// Who sits here, unless named.
private func personHere(_ named: String?) -> String? {
    guard let name = named ?? ProcessEnvironment.process.user, !name.isEmpty else { return nil }
    return String(name.prefix(100))
}

private func show(_ incident: JSONValue, _ format: OutputFormat) {
    let screen = Terminal.own
    switch format {
    case .quiet: return
    case .json: return screen.write(incident.prettyText)
    case .auto, .human: break
    }
    func text(_ value: JSONValue?) -> String? { value.flatMap { $0.isNull ? nil : ($0.string ?? $0.text).printable } }
    let isOpen = incident["ended"]?.isNull ?? true
    let span =
        OutputFormatting.span(incident["seconds"]?.double ?? 0)
        + (OutputFormatting.maintenance(ofIncident: incident).map { ", \($0)" } ?? "")
    var lines = [
        "\(text(incident["check"]) ?? "Stoker itself"): \(text(incident["verdict"]) ?? "") – \(text(incident["sentence"]) ?? "")",
        "began \(OutputFormatting.time(incident["began"])), \(isOpen ? "lasts since \(span)" : "ended \(OutputFormatting.time(incident["ended"])) after \(span)")",
    ]
    if let seen = incident["acknowledged"], !seen.isNull {
        lines.append(
            "acknowledged \(OutputFormatting.time(seen["at"]))" + (text(seen["by"]).map { " by \($0)" } ?? "")
                + (text(seen["text"]).map { ": \($0)" } ?? ""))
    } else if isOpen {
        lines.append("not acknowledged: `stoker incidents acknowledge \(text(incident["id"]) ?? "")`")
    }
    for note in incident["notes"]?.array ?? [] {
        let who = [text(note["by"]), note["internal"]?.bool == true ? "internal" : nil].compactMap(\.self)
        lines.append(
            "\(OutputFormatting.time(note["at"]))  \(text(note["text"]) ?? "")"
                + (who.isEmpty ? "" : "  (\(who.joined(separator: ", ")))"))
    }
    screen.write(lines.joined(separator: "\n") + "\n")
}
