import ArgumentParser
import Foundation
import Operations
import Runtime
import StokerCore

/// `stoker results`: what workers found, from their datasets or from a running fleet.
struct ResultsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "results", abstract: "Read what workers found, and let a CI job fail by it.",
        discussion: """
            With --dataset a dataset is read; without, the workers of a running Stoker are asked.

            EXAMPLES
              stoker results latest --dataset acme/analysis-results
              stoker results list --severity high
              stoker results gate --dataset acme/analysis-results --severity high
              stoker results gate --dataset acme/test-planning-results --cases 10
              stoker results export --sarif > findings.sarif
              stoker results import --sarif semgrep.sarif --worker analysis
              stoker results dismiss 3f2a9c0d11e84b57 --for 90d
            """,
        subcommands: [Latest.self, List.self, Show.self, Gate.self, Dismiss.self, Export.self, Import.self])

    struct Latest: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "latest", abstract: "Show the newest iteration of a dataset.")
        @Option(help: "The dataset, owner/name.")
        var dataset: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var source: ResultSourceOptions

        static var operations: [Operations.Operation] { [.latestResult] }

        func run() async throws {
            let answer = try await source.call(.latestResult, [("dataset", .string(dataset))], dataset: dataset, output)
            ResultsCommand.tell(answer, .latestResult, output)
        }
    }

    struct List: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List findings, the most important first; the open ones unless told otherwise.")
        @Option(help: "A dataset, owner/name (default: the workers of the running Stoker).")
        var dataset: String?
        @Option(help: "Only of this worker.")
        var worker: String?
        @Option(help: "From this severity on: low, medium, high or critical.")
        var severity: String?
        @Option(help: "Only these states, joined by commas: new, open, gone, returned, dismissed.")
        var state: String?
        @Option(name: .shortAndLong, help: "How many, at most.")
        var limit: Int = 100
        @OptionGroup var output: OutputOptions
        @OptionGroup var source: ResultSourceOptions

        static var operations: [Operations.Operation] { [.listFindings] }

        func run() async throws {
            let answer = try await source.call(
                .listFindings,
                [
                    ("dataset", .maybe(dataset)), ("worker", .maybe(worker)), ("severity", .maybe(severity)),
                    ("state", .maybe(state)), ("limit", .integer(Int64(limit))),
                ], dataset: dataset, output)
            let screen = Terminal.own
            if output.chosen == .json { return screen.write(answer.prettyText) }
            if output.chosen == .quiet { return }
            let items = answer["items"]?.array ?? []
            // What was chosen is not there; that others are is not known.
            guard !items.isEmpty || (state == nil && severity == nil) else {
                let chosen = [state.map { "in a state of \($0)" }, severity.map { "of severity \($0) or above" }]
                return screen.write(
                    "No finding \(chosen.compactMap(\.self).joined(separator: ", ").printable) is there.\n")
            }
            ResultsCommand.table(items, screen)
        }
    }

    struct Show: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show one finding with its lines and its evidence.")
        @Argument(help: "Its id.")
        var finding: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.showFinding] }

        func run() async throws {
            let answer = try await server.client().call(.showFinding, [("name", .string(finding))])
            ResultsCommand.tell(answer, .showFinding, output)
        }
    }

    struct Gate: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "gate",
            abstract: "End with 1 when findings of a severity are open, or planned cases lack a test: for CI.",
            discussion: """
                EXAMPLES
                  stoker results gate --dataset acme/analysis-results
                  stoker results gate --severity critical
                  stoker results gate --dataset acme/test-planning-results --cases 0
                """)
        @Option(help: "A dataset, owner/name (default: the workers of the running Stoker).")
        var dataset: String?
        @Option(help: "Only of this worker.")
        var worker: String?
        @Option(help: "From this severity on: low, medium, high or critical.")
        var severity: String = "high"
        @Option(help: "Cases of the newest plans that may lack a test (default: plans are not looked at).")
        var cases: Int?
        @OptionGroup var output: OutputOptions
        @OptionGroup var source: ResultSourceOptions

        static var operations: [Operations.Operation] { [.gateResults] }

        func run() async throws {
            let answer = try await source.call(
                .gateResults,
                [
                    ("dataset", .maybe(dataset)), ("worker", .maybe(worker)), ("severity", .string(severity)),
                    ("cases", cases.map { .integer(Int64($0)) } ?? JSONValue.null),
                ], dataset: dataset, output)
            let screen = Terminal.own
            switch output.chosen {
            case .json: screen.write(answer.prettyText)
            case .quiet: break
            default:
                let open = answer["open"]?.integer ?? 0
                if open > 0 { ResultsCommand.table(answer["items"]?.array ?? [], screen) }
                screen.write(
                    open == 0
                        ? "No finding of severity \(severity) or above is open in what the rules look at.\n"
                        : "\(open.counted("finding")) of severity \(severity) or above \(open == 1 ? "is" : "are") open.\n"
                )
                let lacking = answer["cases_without_test"]?.integer ?? 0
                if cases != nil {
                    for one in (answer["cases"]?.array ?? []).prefix(20) {
                        let place = one["evidence"]?.array?.first?.string ?? ""
                        screen.write("\(place.printable)  \((one["text"]?.string ?? "").printable)\n")
                    }
                    screen.write(
                        "\(lacking.counted("case")) of the newest plans \(lacking == 1 ? "lacks" : "lack") a test.\n")
                }
            }
            if answer["passed"]?.bool != true { throw ExitCode(1) }
        }
    }

    struct Dismiss: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "dismiss", abstract: "Hear nothing of a finding for a time.")
        @Argument(help: "Its id.")
        var finding: String
        @Option(name: .customLong("for"), help: "How long: 1d to 3650d (default: 90d).")
        var span: String?
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.dismissFinding] }

        func run() async throws {
            let answer = try await server.client().call(
                .dismissFinding, [("name", .string(finding)), ("for", .maybe(span))].filter { !$0.1.isNull })
            ResultsCommand.tell(answer, .dismissFinding, output)
        }
    }

    struct Export: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write the open findings as SARIF 2.1.0, for code scanning.")
        @Flag(help: "SARIF 2.1.0, which is the only format so far.")
        var sarif = false
        @Option(help: "A dataset, owner/name (default: the workers of the running Stoker).")
        var dataset: String?
        @Option(help: "Only of this worker.")
        var worker: String?
        @OptionGroup var source: ResultSourceOptions

        static var operations: [Operations.Operation] { [.exportResults] }

        func validate() throws {
            if !sarif { throw ValidationError("Say --sarif, the format to write.") }
        }

        func run() async throws {
            let answer = try await source.call(
                .exportResults, [("dataset", .maybe(dataset)), ("worker", .maybe(worker))], dataset: dataset,
                OutputOptions.parse(["--json"]))
            Terminal.own.write((answer["document"] ?? .null).prettyText)
        }
    }

    struct Import: OperationCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Hand the results of another tool to a worker, which looks there first.",
            discussion: """
                They are leads: nothing of them is published. They take the place of what the same tool said before.

                EXAMPLES
                  stoker results import --sarif semgrep.sarif --worker analysis
                """)
        @Option(help: "A file of SARIF 2.1.0.", completion: .file(extensions: ["sarif", "json"]))
        var sarif: String
        @Option(help: "Name of the worker.")
        var worker: String
        @OptionGroup var output: OutputOptions
        @OptionGroup var server: ServerOptions

        static var operations: [Operations.Operation] { [.importLeads] }

        func run() async throws {
            let text: String
            do {
                let bytes = try await FileLane().run("read \(sarif)", within: .seconds(10)) { [sarif] in
                    try PlainFile.read(sarif, upTo: 4_000_000)
                }
                text = String(decoding: bytes, as: UTF8.self)
            } catch {
                throw Failure(
                    .fileUnreadable, doing: "read \(sarif)", because: "it cannot be read as a file of at most 4 MB",
                    cause: error)
            }
            let answer = try await server.client().call(
                .importLeads, [("name", .string(worker)), ("document", .string(text))])
            ResultsCommand.tell(answer, .importLeads, output)
        }
    }

    fileprivate static func table(_ items: [JSONValue], _ screen: Terminal) {
        guard !items.isEmpty else { return screen.write("No finding is open in what the rules look at.\n") }
        var table = TextTable(columns: [
            .init(title: "ID"), .init(title: "SEVERITY"), .init(title: "STATE"), .init(title: "WHERE", shrinksTo: 16),
            .init(title: "WHAT", shrinksTo: 24),
        ])
        for item in items {
            let severity = item["severity"]?.string ?? ""
            table.rows.append([
                .init((item["id"]?.string ?? "").printable),
                .init(severity, ["high", "critical"].contains(severity) ? .red : .plain),
                .init(item["state"]?.string ?? ""),
                .init("\((item["file"]?.string ?? "").printable):\(item["line_start"]?.integer ?? 0)"),
                .init((item["title"]?.string ?? "").printable),
            ])
        }
        screen.write(table.text(for: screen.look))
    }

    fileprivate static func tell(_ answer: JSONValue, _ operation: Operations.Operation, _ output: OutputOptions) {
        switch output.chosen {
        case .json: Terminal.own.write(answer.prettyText)
        case .quiet: break
        default: Terminal.own.write(ShapeText(.own).text(answer, operation.answer))
        }
    }
}

/// Where results are read: a dataset with this command's account, or a running Stoker.
struct ResultSourceOptions: ParsableArguments {
    @OptionGroup var hub: HubOptions
    @OptionGroup var remote: RemoteOptions

    func validate() throws { try remote.exclude(hub) }

    func call(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)], dataset: String?,
        _ output: OutputOptions
    ) async throws -> JSONValue {
        let given = given.filter { !$0.value.isNull }
        if let server = try remote.client() { return try await server.call(operation, given) }
        if dataset != nil {
            return try await hub.use { hub in
                try await operation.call(given, in: .ofThisProcess(hub).called(by: TerminalCaller(output)))
            }
        }
        return try await ServerOptions.parse([]).client().call(operation, given)
    }
}
