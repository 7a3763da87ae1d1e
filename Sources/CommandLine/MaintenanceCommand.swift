import ArgumentParser
import Operations
import StokerCore

/// `stoker maintenance`: what is being worked on.
struct MaintenanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance",
        abstract: "Work on targets: pinged and shown, but no alarms, no healing, not in the uptime.",
        discussion: """
            EXAMPLES
              stoker maintenance start --group production --for 2h
              stoker maintenance list
            """,
        subcommands: [Start.self, Stop.self, List.self])

    struct Start: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "start", abstract: "Begin maintenance, now or later.",
            discussion: """
                EXAMPLES
                  stoker maintenance start embedder --for 2h
                  stoker maintenance start --group production --until 2026-12-01T06:00:00Z
                  stoker maintenance start embedder --from 2026-12-01T05:30:00Z --for 2h
                  stoker maintenance start --all --for 30m --name "new network"
                """)
        @Argument(help: "Targets, or single checks.", completion: CheckNames.completion)
        var targets: [String] = []
        @Option(name: .customLong("group"), help: "A group; may be given several times.")
        var groups: [String] = []
        @Flag(help: "Everything.")
        var all = false
        @Option(help: "When it begins: 2026-12-01T05:30:00Z (default: now).")
        var from: String?
        @Option(name: .customLong("for"), help: "How long: 30m, 2h, 1d12h (default: 1h).")
        var span: String?
        @Option(help: "Until when: 2026-12-01T06:00:00Z.")
        var until: String?
        @Option(help: "What it is called.")
        var name: String?
        @Option(help: "What people read.")
        var text: String?
        @Option(help: "Who begins it.")
        var by: String?
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.startMaintenance] }

        func validate() throws {
            if span != nil, until != nil { throw ValidationError("--for and --until exclude each other.") }
            if all == (!targets.isEmpty || !groups.isEmpty) {
                throw ValidationError("Name targets or groups, or give --all.")
            }
        }

        func run() async throws {
            func given(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
            func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
            let answer = try await server.client().call(
                .startMaintenance,
                [
                    ("targets", targets.isEmpty ? .null : list(targets)),
                    ("groups", groups.isEmpty ? .null : list(groups)), ("all", all ? .bool(true) : .null),
                    ("from", given(from)), ("for", given(span)), ("until", given(until)), ("name", given(name)),
                    ("text", given(text)), ("by", given(by)),
                ])
            MaintenanceCommand.tell(answer, output)
        }
    }

    struct Stop: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "stop", abstract: "End maintenance, or call off what is planned. What is down then is alarmed."
        )
        @Argument(help: "Its number or name, or a target that it names.")
        var id: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.stopMaintenance] }

        func run() async throws {
            let answer = try await server.client().call(.stopMaintenance, [("id", .string(id))])
            MaintenanceCommand.tell(answer, output)
        }
    }

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List what goes on, what comes, and what was.")
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.listMaintenance] }

        func run() async throws {
            let answer = try await server.client().call(.listMaintenance, [])
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let items = ["active", "planned", "past"].flatMap { answer[$0]?.array ?? [] }
            guard !items.isEmpty else { return screen.write("No maintenance goes on, is planned or was.\n") }
            var table = TextTable(columns: [
                .init(title: "STATE"), .init(title: "FROM"), .init(title: "UNTIL"), .init(title: "WHAT"),
                .init(title: "NAME"), .init(title: "ID"),
            ])
            for item in items {
                table.rows.append([
                    .init(item["state"]?.string ?? ""), .init(OutputFormatting.time(item["from"])),
                    .init(OutputFormatting.time(item["until"])), .init((item["scope"]?.string ?? "").printable),
                    .init((item["name"]?.string ?? "").printable), .init((item["id"]?.string ?? "").printable),
                ])
            }
            screen.write(table.text(for: screen.look))
        }
    }

    private static func tell(_ answer: JSONValue, _ output: OutputOptions) {
        if output.chosen == .json { return Terminal.own.write(answer.prettyText) }
        if output.chosen == .quiet { return }
        let scope = (answer["scope"]?.string ?? "").printable
        let (from, until) = (OutputFormatting.time(answer["from"]), OutputFormatting.time(answer["until"]))
        let what =
            switch answer["state"]?.string {
            case "active": "begun until \(until)"
            case "planned": "planned from \(from) until \(until)"
            default: from == until ? "called off" : "ended"
            }
        Terminal.own.write("maintenance of \(scope) \(what) (\((answer["id"]?.string ?? "").printable))\n")
    }
}
