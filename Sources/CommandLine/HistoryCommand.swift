import ArgumentParser
import Foundation
import Operations
import StokerCore

struct HistoryCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show what pings saw, spans of trouble, or events.",
        discussion: """
            Asks a running Stoker, or with --data reads a ledger file itself, which also works while none runs. \
            Newest first. Times are UTC.

            EXAMPLES
              stoker history llm-backend
              stoker history llm-backend --since 24h --outcome down
              stoker history --incidents --since 30d
              stoker history llm-backend --spans 30 --since 30d
              stoker history gateway --csv --limit 100000 > gateway.csv
              stoker history --events --data ./data
            """)

    @Argument(help: "Name of a check; all of them unless given.", completion: CheckNames.completion)
    var name: String?
    @Flag(help: "Spans of trouble in place of single pings.")
    var incidents = false
    @Flag(help: "Events in place of single pings.")
    var events = false
    @Option(
        help: ArgumentHelp(
            "That many equal spans of one check in place of single pings, of --since (24h) until --until.",
            valueName: "number"))
    var spans: Int?
    @Option(
        help: "Only these outcomes of pings, joined by commas: \(Outcome.allCases.map(\.name).joined(separator: ", "))."
    )
    var outcome: String?
    @OptionGroup var record: RecordOptions

    private var format: OutputFormat { record.output.chosen }

    static var operations: [Operations.Operation] { [.observations, .incidents, .events, .checkSeries] }

    func validate() throws {
        if incidents, events { throw ValidationError("--incidents and --events exclude each other.") }
        if outcome != nil, incidents || events { throw ValidationError("--outcome is for single pings.") }
        if let spans {
            if !(1...1_000).contains(spans) { throw ValidationError("--spans takes a number from 1 to 1000.") }
            if name == nil { throw ValidationError("--spans needs the name of a check.") }
            if incidents || events || outcome != nil || record.csv {
                throw ValidationError("--spans excludes --incidents, --events, --outcome and --csv.")
            }
        }
    }

    func run() async throws {
        let now = Instant(seconds: Date().timeIntervalSince1970)
        let window = try HistoryWindow(since: record.since, until: record.until, now: now)
        try await record.read(now: now) { executor in try await show(through: executor, window, Terminal.own) }
    }

    private func show(through executor: any OperationExecutor, _ window: HistoryWindow, _ screen: Terminal)
        async throws
    {
        let (limit, csv) = (record.limit, record.csv)
        if let spans, let name { return try await show(spans, of: name, through: executor, window, screen) }
        let kind: HistoryKind = incidents ? .incidents : events ? .events : .observations
        var given: [(name: String, value: JSONValue)] = [("check", name.map { .string($0) } ?? .null)]
        if kind == .observations {
            given += [
                ("from", window.from.map { .string($0.description) } ?? .null),
                ("to", window.to.map { .string($0.description) } ?? .null),
                ("outcome", outcome.map { .string($0) } ?? .null),
            ]
        }
        var items: [JSONValue] = []
        var count = 0
        var cursor: JSONValue = nil
        if csv { screen.write(kind.columns.joined(separator: ",") + "\r\n") }
        repeat {
            let size = min(limit - count, kind == .observations ? 10_000 : 1_000)
            let page = try await executor.call(
                kind.operation, given + [("limit", .integer(Int64(size))), ("cursor", cursor)])
            let found = page["items"]?.array ?? []
            let wanted = found.filter { window.contains(kind.instant(of: $0)) }.prefix(limit - count)
            count += wanted.count
            if csv {
                screen.write(wanted.map { kind.csv($0) }.joined())
            } else {
                items += wanted
            }
            cursor = page["next_cursor"] ?? nil
            // Newest first: once one is too old, all that follow are.
            if let last = found.last, window.isTooOld(kind.instant(of: last)) { break }
        } while !cursor.isNull && count < limit
        if csv || format == .quiet { return }
        if format == .json {
            let document: JSONValue = ["items": .array(items), "more": .bool(!cursor.isNull && count >= limit)]
            return screen.write(document.prettyText)
        }
        guard !items.isEmpty else {
            return screen.write("Nothing is recorded\(record.since == nil ? "" : " in that time").\n")
        }
        screen.write(kind.table(items).text(for: screen.look))
        if !cursor.isNull, count >= limit {
            screen.write(screen.paint("… older ones with a greater --limit", .dim) + "\n")
        }
    }
}

extension HistoryCommand {
    private func show(
        _ spans: Int, of name: String, through executor: any OperationExecutor, _ window: HistoryWindow,
        _ screen: Terminal
    ) async throws {
        let answer = try await executor.call(
            .checkSeries,
            [
                ("name", .string(name)), ("buckets", .integer(Int64(spans))),
                ("from", window.from.map { .string($0.description) } ?? .null),
                ("to", window.to.map { .string($0.description) } ?? .null),
            ])
        switch format {
        case .quiet: return
        case .json: return screen.write(answer.prettyText)
        case .auto, .human: break
        }
        screen.write(Self.table(ofSpans: answer["buckets"]?.array ?? []).text(for: screen.look))
    }

    /// With a column of maintenance where there was some.
    static func table(ofSpans spans: [JSONValue]) -> TextTable {
        func maintenance(_ span: JSONValue) -> Double { span["maintenance_seconds"]?.double ?? 0 }
        let hasMaintenance = spans.contains { maintenance($0) >= 1 }
        var table = TextTable(
            columns: [
                .init(title: "BEGAN"), .init(title: "UP", isRight: true), .init(title: "SUCCEEDED", isRight: true),
                .init(title: "FAILED", isRight: true), .init(title: "MEAN LATENCY", isRight: true),
                .init(title: "MAX LATENCY", isRight: true),
            ] + (hasMaintenance ? [.init(title: "MAINTENANCE", isRight: true)] : []))
        for span in spans {
            let failed = span["down"]?.integer ?? 0
            let left = maintenance(span)
            table.rows.append(
                [
                    .init(OutputFormatting.time(span["from"])), .init(Formatting.share(span["uptime"]?.double)),
                    .init("\((span["up"]?.integer ?? 0) + (span["slow"]?.integer ?? 0))"),
                    .init("\(failed)", failed > 0 ? .red : .plain),
                    .init(OutputFormatting.latency(span["latency_mean_ms"])),
                    .init(OutputFormatting.latency(span["latency_max_ms"])),
                ] + (hasMaintenance ? [.init(left >= 1 ? OutputFormatting.span(left) : "–")] : []))
        }
        return table
    }
}

/// `--since` and `--until`.
struct HistoryWindow {
    var from: Instant?
    var to: Instant?

    init(since: String?, until: String?, now: Instant) throws(Failure) {
        func read(_ text: String?, _ option: String) throws(Failure) -> Instant? {
            guard let text else { return nil }
            if let instant = Instant(rfc3339: text) { return instant }
            if let span = Duration(text: text) { return now - span }
            throw Failure(
                .usage, doing: "read \(option)", because: "\"\(text.shortened)\" is neither a duration nor a time",
                hint: "write 24h, 7d or 2026-11-21T08:00:00Z")
        }
        from = try read(since, "--since")
        to = try read(until, "--until")
    }

    func contains(_ instant: Instant) -> Bool { from.map { $0 <= instant } ?? true && to.map { instant < $0 } ?? true }
    func isTooOld(_ instant: Instant) -> Bool { from.map { instant < $0 } ?? false }
}

enum HistoryKind {
    case observations, incidents, events

    var operation: Operations.Operation {
        switch self {
        case .observations: .observations
        case .incidents: .incidents
        case .events: .events
        }
    }

    var columns: [String] {
        switch self {
        case .observations: ["at", "check", "outcome", "cause", "status_code", "attempts", "latency_ms"]
        case .incidents: OutputFormatting.incidentColumns
        case .events: OutputFormatting.eventColumns
        }
    }

    func instant(of item: JSONValue) -> Instant {
        OutputFormatting.instant(item[self == .incidents ? "began" : "at"]) ?? .never
    }

    func csv(_ item: JSONValue) -> String { OutputFormatting.csv(item, columns) }

    func table(_ items: [JSONValue]) -> TextTable {
        func text(_ item: JSONValue, _ name: String) -> String {
            let value = item[name] ?? nil
            return value.isNull ? "–" : value.string ?? value.text
        }
        switch self {
        case .observations:
            var table = TextTable(columns: [
                .init(title: "TIME"), .init(title: "CHECK", shrinksTo: 16), .init(title: "OUTCOME"),
                .init(title: "STATUS", isRight: true),
                .init(title: "TRIES", isRight: true), .init(title: "MEAN LATENCY", isRight: true),
                .init(title: "CAUSE", shrinksTo: 8),
            ])
            for item in items {
                let outcome = text(item, "outcome")
                table.rows.append([
                    .init(OutputFormatting.time(item["at"])), .init(text(item, "check")),
                    .init(outcome, .init(verdict: outcome)),
                    .init(text(item, "status_code")), .init(text(item, "attempts")),
                    .init(OutputFormatting.latency(item["latency_ms"])),
                    .init(text(item, "cause"), .dim),
                ])
            }
            return table
        case .incidents:
            var table = TextTable(columns: [
                .init(title: "BEGAN"), .init(title: "ENDED"), .init(title: "LASTED", isRight: true),
                .init(title: "CHECK", shrinksTo: 16),
                .init(title: "VERDICT"), .init(title: "WHY", shrinksTo: 10),
            ])
            for item in items {
                let verdict = text(item, "verdict")
                let open = item["ended"]?.isNull ?? true
                table.rows.append([
                    .init(OutputFormatting.time(item["began"])),
                    .init(open ? "ongoing" : OutputFormatting.time(item["ended"]), open ? .red : .plain),
                    .init(OutputFormatting.span(item["seconds"]?.double ?? 0)), .init(text(item, "check")),
                    .init(verdict, .init(verdict: verdict)),
                    .init(OutputFormatting.cause(ofIncident: item), .dim),
                ])
            }
            return table
        case .events:
            var table = TextTable(columns: [
                .init(title: "TIME"), .init(title: "KIND"), .init(title: "TEXT", shrinksTo: 20),
            ])
            for item in items {
                table.rows.append([
                    .init(OutputFormatting.time(item["at"])), .init(text(item, "kind"), .dim),
                    .init(text(item, "text")),
                ])
            }
            return table
        }
    }
}
