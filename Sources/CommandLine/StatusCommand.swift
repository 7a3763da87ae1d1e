import ArgumentParser
import Foundation
import Operations
import StokerCore

struct StatusCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the fleet of a running Stoker, or one check.",
        discussion: """
            Trouble comes first. Ends with status 1 when something that is shown is down, silent or flagged by \
            the platform, so scripts can ask; with --watch that is what was seen last, however it is ended.

            EXAMPLES
              stoker status
              stoker status --watch
              stoker status --verdict down,silent --format json
              stoker status llm-backend
              stoker status nightly-export --heartbeat
              STOKER_TOKEN=… stoker status --server https://master.example.org
            """)

    @Argument(help: "One check, with everything about it.", completion: CheckNames.completion)
    var name: String?
    @Option(name: .shortAndLong, help: "Part of a name, address or Space.")
    var query: String?
    @Option(
        help:
            "Only these verdicts, joined by commas: \(Look.all.map(\.name).joined(separator: ", ")).",
        completion: .list(Look.all.map(\.name)))
    var verdict: String?
    @Option(help: "Only this group.")
    var group: String?
    @Option(
        help: ArgumentHelp("Only this kind: \(CheckPolicy.Kind.allCases.map(\.rawValue).joined(separator: ", "))."),
        completion: .list(CheckPolicy.Kind.allCases.map(\.rawValue)))
    var kind: String?
    @Option(
        help: "file, trouble, name, latency or last-ping.", completion: .list(StatusQuery.Sort.allCases.map(\.rawValue))
    )
    var sort: String = "trouble"
    @Option(help: "Checks to show, 1…1000.")
    var limit: Int = 200
    @Flag(name: .shortAndLong, help: "Keep showing, every 2 seconds, until Ctrl-C.")
    var watch = false
    @Flag(help: "The address a job calls, for a heartbeat.")
    var heartbeat = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.overview, .listChecks, .showCheck, .heartbeatKey] }

    private var format: OutputFormat { output.chosen }

    func validate() throws {
        if heartbeat, name == nil { throw ValidationError("--heartbeat needs the name of a heartbeat.") }
        if name != nil, query != nil || verdict != nil || group != nil || kind != nil {
            throw ValidationError("a name and a filter exclude each other.")
        }
    }

    func run() async throws {
        let client = try server.client()
        let screen = Terminal.own
        if heartbeat, let name { return try await showHeartbeat(name, client, screen) }
        let hasTrouble: Bool
        if watch {
            hasTrouble = try await keepShowing(client, screen)
        } else {
            let (text, trouble) = try await look(client, screen)
            if format != .quiet { screen.write(text) }
            hasTrouble = trouble
        }
        if hasTrouble { throw ExitCode(1) }
    }

    /// Shows until somebody ends it, by a signal or by closing what reads: that is no failure. - Returns: what was seen last.
    private func keepShowing(_ client: ServerClient, _ screen: Terminal) async throws -> Bool {
        let interruption = Interruption.current
        var hasTrouble = false
        do {
            try await interruption.catchingSignals {
                repeat {
                    let (text, trouble) = try await look(client, screen)
                    hasTrouble = trouble
                    let shown = screen.isTerminal && format != .json ? "\u{1B}[H\u{1B}[2J\(text)" : text
                    if !Terminal.readerIsGone, format != .quiet { try screen.stream(shown) }
                    if Terminal.readerIsGone { return }
                    try await Task.sleep(for: .seconds(2))
                } while true
            }
        } catch {
            guard interruption.isInterrupted else { throw error }
        }
        return hasTrouble
    }

    private func showHeartbeat(_ name: String, _ client: ServerClient, _ screen: Terminal) async throws {
        let answer = try await client.call(.heartbeatKey, [("name", .string(name))])
        screen.write(format == .json ? answer.prettyText : "\(client.base)\(answer["path"]?.string ?? "")\n")
    }

    private func look(_ client: ServerClient, _ screen: Terminal) async throws -> (text: String, trouble: Bool) {
        if let name {
            let check = try await client.call(.showCheck, [("name", .string(name))])
            let trouble = check["trouble"]?.bool == true
            // One document a line while watching, so that a reader can follow.
            if format == .json { return (watch ? check.text + "\n" : check.prettyText, trouble) }
            return (StatusText.detail(check, screen), trouble)
        }
        func given(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        let page = try await client.call(
            .listChecks,
            [
                ("q", given(query)), ("verdict", given(verdict)), ("group", given(group)), ("kind", given(kind)),
                ("sort", .string(sort)), ("limit", .integer(Int64(limit))),
            ])
        let overview = try await client.call(.overview, [])
        let trouble = page["items"]?.array?.contains { $0["trouble"]?.bool == true } ?? false
        if format == .json {
            let document: JSONValue = ["overview": overview, "checks": page]
            return (watch ? document.text + "\n" : document.prettyText, trouble)
        }
        let isPart = query != nil || verdict != nil || group != nil || kind != nil
        return (StatusText.fleet(overview, page, isPart: isPart, screen), trouble)
    }
}

/// The status pages of the command line.
enum StatusText {
    /// - Parameter isPart: the page was narrowed, while the first sentence is about the whole.
    static func fleet(_ overview: JSONValue, _ page: JSONValue, isPart: Bool = false, _ screen: Terminal) -> String {
        let now = OutputFormatting.instant(overview["now"]) ?? .never
        let mood = overview["mood"]?.string ?? ""
        let style: TextStyle =
            overview["trouble"]?.bool == true ? .red : ["unsteady", "waking"].contains(mood) ? .yellow : .green
        var text = screen.paint((overview["sentence"]?.string ?? "").printable, style) + "\n"
        text += notices(overview, screen)
        if let vault = overview["ledger"]?["vault"], let name = vault["name"]?.string {
            let kept = OutputFormatting.ago(vault["safe_until"], now: now)
            text += screen.paint("Ledger kept in \(name.printable), last snapshot \(kept)", .dim) + "\n"
        }
        let items = page["items"]?.array ?? []
        guard !items.isEmpty else { return text + (overview["total"]?.integer == 0 ? "" : "No check matches.\n") }
        if isPart {
            let (shown, all) = (page["total"]?.integer ?? 0, overview["total"]?.integer ?? 0)
            text += screen.paint("\(shown) of \(all) \(shown == 1 ? "matches" : "match"):", .dim) + "\n"
        }
        var table = TextTable(columns: [
            .init(title: "VERDICT"), .init(title: "CHECK", shrinksTo: 16), .init(title: "LATENCY", isRight: true),
            .init(title: "LAST", isRight: true), .init(title: "NEXT", isRight: true),
            .init(title: "WHY", shrinksTo: 10),
        ])
        for item in items {
            let look = item["look"]?.string ?? ""
            table.rows.append([
                .init(look, .init(verdict: look)), .init(item["name"]?.string ?? ""),
                .init(OutputFormatting.latency(item["latency_ms"])),
                .init(OutputFormatting.ago(item["last_ping"], now: now)),
                .init(next(item, now)), .init(item["reason"]?.string ?? "", .dim),
            ])
        }
        text += "\n" + table.text(for: screen.look)
        let rest = (page["total"]?.integer ?? 0) - items.count
        if rest > 0 {
            text +=
                screen.paint("… and \(rest) more; narrow it with --query or --verdict, or raise --limit", .dim) + "\n"
        }
        return text
    }

    /// When the next ping comes; while that is a recheck, with the interval that holds when all is well.
    private static func next(_ item: JSONValue, _ now: Instant) -> String {
        if item["pinging"]?.bool == true { return "pinging" }
        // A job is to call us: for how long it has not is what matters.
        if let late = item["overdue_seconds"]?.double { return "overdue \(OutputFormatting.span(late))" }
        let ahead = OutputFormatting.ahead(item["next_due"], now: now)
        guard item["rechecking"]?.bool == true, let every = item["every_seconds"]?.double else { return ahead }
        return "\(ahead), else \(OutputFormatting.span(every))"
    }

    /// What is wrong or special about Stoker itself.
    private static func notices(_ overview: JSONValue, _ screen: Terminal) -> String {
        (overview["notices"]?.array ?? []).map { notice in
            func part(_ name: String) -> String { notice[name]?.string ?? "" }
            let lines = notice["lines"]?.array?.compactMap(\.string).map { "\n  \($0.printable)" }.joined() ?? ""
            let command = part("command").isEmpty ? "" : " \(part("command"))"
            return screen.paint("\(part("title")) \(part("text"))\(command)".printable + lines, .yellow) + "\n"
        }.joined()
    }

    static func detail(_ check: JSONValue, _ screen: Terminal) -> String {
        let verdict = check["look"]?.string ?? ""
        let sentence = check["sentence"]?.string ?? ""
        var text =
            "\(screen.paint((check["name"]?.string ?? "").printable, .bold))  "
            + "\(screen.paint(verdict, .init(verdict: verdict)))  \(sentence.printable)\n\n"
        var rows: [(String, String)] = []
        func row(_ name: String, _ value: String?) { if let value, value != "–" { rows.append((name, value)) } }
        row("address", check["address"]?.string)
        row("space", check["space"]?.string)
        row("since", OutputFormatting.time(check["since"]))
        row("last ping", OutputFormatting.time(check["last_ping"]))
        let every = check["every_seconds"]?.double.map(OutputFormatting.span)
        row(
            "next",
            OutputFormatting.time(check["next_due"])
                + (check["rechecking"]?.bool == true ? " (recheck; else every \(every ?? "interval"))" : ""))
        row("latency", OutputFormatting.latency(check["latency_ms"]))
        row("status", check["status_code"]?.integer.map { "\($0)" })
        row("attempts", check["attempts"]?.integer.map { "\($0)" })
        let schedule = check["schedule"]?.string
        row("schedule", schedule)
        if schedule == nil { row("every", every) }
        row("work", check["maintenance"]?["sentence"]?.string)
        row(
            "cert ends",
            check["certificate_days"]?.double.map {
                "\(OutputFormatting.time(check["certificate_ends"])) (in \(OutputFormatting.tenths($0)) days)"
            })
        for span in ["24h", "7d", "30d", "90d"] {
            row("up \(span)", check["uptime"]?[span].map(OutputFormatting.uptime))
        }
        let incident = check["incident"]
        row(
            "incident",
            incident?["began"].map { "since \(OutputFormatting.time($0)): \(incident?["sentence"]?.string ?? "")" })
        let hub = check["hub"]
        row(
            "hub",
            hub?["read"].map {
                let age = hub?["fresh"]?.bool == true ? "" : ", too long ago to count"
                return "\(hub?["stage"]?.string ?? "nothing"), read \(OutputFormatting.time($0))\(age)"
            })
        row("together", hub?["disagreement"]?.string)
        row("healing", hub?["healing"]?.string)
        let siblings =
            check["siblings"]?.array?.map { "\($0["name"]?.string ?? "") \($0["look"]?.string ?? "")" } ?? []
        row("also", siblings.isEmpty ? nil : siblings.joined(separator: ", "))
        let width = rows.map(\.0.count).max() ?? 0
        for (name, value) in rows {
            let label = name + String(repeating: " ", count: width - name.count)
            text += "  \(screen.paint(label, .dim))  \(value.printable)\n"
        }
        return text
    }
}
