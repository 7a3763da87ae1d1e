import ArgumentParser
import Foundation
import Ledger
import Operations
import StokerCore

/// `stoker activity`: who had what done.
struct ActivityCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "activity", abstract: "Who had what done: each change, by whom, from where, and what came of it.",
        discussion: """
            Asks a running Stoker, or with --data reads a ledger file itself. Newest first. Times are UTC. Kept as long as incidents.

            EXAMPLES
              stoker activity
              stoker activity --actor agent --since 7d
              stoker activity --result refused,failed
              stoker activity --target acme/bot --csv --limit 10000 > activity.csv
            """)

    @Option(
        help:
            "Only these kinds of actor, joined by commas: \(Principal.Kind.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var actor: String?
    @Option(help: "Only the person or token of this name.")
    var by: String?
    @Option(
        help:
            "Only these results, joined by commas: \(Activity.Result.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var result: String?
    @Option(help: "Only this operation.")
    var operation: String?
    @Option(help: "Only what was done to this Space, check or incident.")
    var target: String?
    @OptionGroup var record: RecordOptions

    static var operations: [Operations.Operation] { [.activity] }

    func run() async throws {
        try await record.read(now: Instant(seconds: Date().timeIntervalSince1970)) { try await show(through: $0) }
    }

    private func show(through executor: any OperationExecutor) async throws {
        let limit = record.limit
        func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        let given: [(name: String, value: JSONValue)] = [
            ("actor", text(actor)), ("by", text(by)), ("result", text(result)), ("operation", text(operation)),
            ("target", text(target)), ("from", text(record.since)), ("to", text(record.until)),
        ]
        var items: [JSONValue] = []
        var cursor: JSONValue = nil
        repeat {
            let page = try await executor.call(
                .activity, given + [("limit", .integer(Int64(min(limit - items.count, 1_000)))), ("cursor", cursor)])
            items += page["items"]?.array ?? []
            cursor = page["next_cursor"] ?? nil
        } while !cursor.isNull && items.count < limit
        let screen = Terminal.own
        if record.csv {
            return screen.write(
                CSV.row(OutputFormatting.activityColumns)
                    + items.map { OutputFormatting.csv($0, OutputFormatting.activityColumns) }.joined())
        }
        if record.output.chosen == .json {
            return screen.write(JSONValue.object([.init("items", .array(items))]).prettyText)
        }
        if record.output.chosen == .quiet { return }
        guard !items.isEmpty else { return screen.write("Nothing is recorded for this choice.\n") }
        var table = TextTable(columns: [
            .init(title: "TIME"), .init(title: "WHO"), .init(title: "FROM"), .init(title: "DID", shrinksTo: 24),
            .init(title: "TO", shrinksTo: 16), .init(title: "RESULT", shrinksTo: 24),
        ])
        for item in items {
            let kind = item["actor"]?.string ?? ""
            let who = (item["by"]?.string ?? "").printable
            let because = item["because"]?.string.map { ": \($0.printable)" } ?? ""
            table.rows.append([
                .init(OutputFormatting.time(item["at"])),
                .init(kind == "machine" || kind == "stoker" ? who : "\(kind) \(who)"),
                .init((item["address"]?.string ?? "").printable), .init((item["doing"]?.string ?? "").printable),
                .init((item["target"]?.string ?? "").printable), .init((item["result"]?.string ?? "") + because),
            ])
        }
        screen.write(table.text(for: screen.look))
    }
}
