import ArgumentParser
import Operations
import StokerCore

/// `stoker settings`: what is in force at a running server, and where it comes from.
struct SettingsCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "What a running server is configured with, and where each value comes from.",
        discussion: """
            Shows what is not the default; --all shows every key. Behind the table: what reading the fleet file again would change.

            EXAMPLES
              stoker settings
              stoker settings serve --all
              stoker settings --json
            """)

    @Argument(help: "Only keys with this in their name.")
    var key: String?
    @Flag(help: "Defaults too.")
    var all = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.configuration] }

    func run() async throws {
        let answer = try await server.client().call(.configuration, [])
        let screen = Terminal.own
        if output.chosen == .json { return screen.write(answer.prettyText) }
        if output.chosen == .quiet { return }
        let items = (answer["items"]?.array ?? []).filter { item in
            (all || item["source"]?.string != "default")
                && (key.map { (item["key"]?.string ?? "").contains($0) } ?? true)
        }
        var table = TextTable(columns: [
            .init(title: "SETTING"), .init(title: "IN FORCE", shrinksTo: 16), .init(title: "FROM"),
            .init(title: "NOTE", shrinksTo: 16),
        ])
        for item in items {
            table.rows.append([
                .init((item["key"]?.string ?? "").printable), .init((item["value"]?.string ?? "–").printable),
                .init((item["place"]?.string ?? item["source"]?.string ?? "").printable),
                .init((item["note"]?.string ?? "").printable),
            ])
        }
        screen.write(items.isEmpty ? "Nothing but defaults is in force.\n" : table.text(for: screen.look))
        if let refused = answer["refused"]?.string {
            screen.write("The fleet file cannot be read, and what is in force stays so:\n\(refused.printable)\n")
        }
        for change in answer["changes"]?.array ?? [] {
            let restart = change["needs_restart"]?.bool == true ? " (after a restart)" : ""
            screen.write(
                "would change: \((change["key"]?.string ?? "").printable): \((change["from"]?.text ?? "").printable) → \((change["to"]?.text ?? "").printable)\(restart)\n"
            )
        }
        for (name, word) in [("checks_added", "join"), ("checks_removed", "leave"), ("checks_changed", "change")] {
            let count = answer[name]?.integer ?? 0
            if count > 0 { screen.write("would \(word): \(count.counted("check", as: "\(count)"))\n") }
        }
    }
}
