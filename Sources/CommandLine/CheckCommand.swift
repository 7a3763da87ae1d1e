import ArgumentParser
import Operations
import StokerCore

struct CheckCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Probe everything of a fleet file once, now, without a server.",
        discussion: """
            One attempt each, no retries, nothing is recorded. With a Hub token the addresses are the Hub's, private Spaces are visited \
            with the token and discovered ones are there, as in `stoker serve`. Heartbeats and what the file pauses are left out. \
            Ends with status 0 when nothing is down, 1 when something is, 2 when the fleet file is wrong.

            EXAMPLES
              stoker check
              stoker check --fleet my.yaml --format json
              stoker check llm-backend llm-backend/ready
              stoker check --format quiet || echo trouble
            """)

    @Argument(help: "Only these checks, or all checks of these targets.", completion: CheckNames.completion)
    var names: [String] = []
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "\(Look.slow.title) and \(Look.waking.name) ones are trouble too.")
    var strict = false
    @Option(help: "How many are probed at once.")
    var concurrency: Int = 200
    @OptionGroup var output: OutputOptions
    @OptionGroup var remote: RemoteOptions

    static var operations: [Operations.Operation] { [.check] }

    func validate() throws {
        if concurrency < 1 { throw ValidationError("--concurrency must be at least 1.") }
        try remote.exclude(fleet)
    }

    func run() async throws {
        let server = try remote.client()
        let report = try await perform(
            .check,
            [
                ("names", .array(names.map { .string($0) })), ("strict", .bool(strict)),
                ("concurrency", .integer(Int64(min(concurrency, 10_000)))),
            ], on: server == nil ? try fleet.read() : nil, at: server, output: output)
        let screen = Terminal.own
        switch output.chosen {
        case .json: screen.write(report.prettyText)
        case .quiet: break
        case .auto, .human: screen.write(CheckReportText.text(report, screen))
        }
        if report["trouble"] == true { throw ExitCode(1) }
    }
}

/// What one look at each check found, for a person.
enum CheckReportText {
    static func text(_ report: JSONValue, _ screen: Terminal) -> String {
        let results = report["checks"]?.array ?? []
        let left = report["left_out"]?.integer ?? 0
        guard !results.isEmpty else {
            return "There is nothing to probe\(left > 0 ? ": all \(left) are heartbeats or paused" : "").\n"
        }
        var table = TextTable(columns: [
            .init(title: "OUTCOME"), .init(title: "CHECK", shrinksTo: 16), .init(title: "STATUS", isRight: true),
            .init(title: "LATENCY", isRight: true), .init(title: "WHY", shrinksTo: 10),
        ])
        // Trouble last, where the eye is when the table has scrolled by.
        let order: [Outcome] = [.up, .slow, .waking, .unknown, .down]
        for outcome in order.map(\.name) {
            for result in results where result["outcome"]?.string == outcome {
                let sentence = result["sentence"]?.string ?? ""
                let detail = result["detail"]?.string ?? ""
                let why = outcome == "up" ? "" : detail.isEmpty ? sentence : "\(sentence): \(detail)"
                table.rows.append([
                    .init(outcome, .init(verdict: outcome)), .init(result["name"]?.string ?? ""),
                    .init(result["status_code"]?.integer.map { "\($0)" } ?? "–"),
                    .init(OutputFormatting.latency(result["latency_ms"])), .init(why, .dim),
                ])
            }
        }
        let bad = results.count { $0["trouble"] == true }
        let end = bad == 0 ? "No trouble: \(results.count) probed." : "Trouble: \(bad) of \(results.count) probed."
        let rest = left > 0 ? " \(left) left out (heartbeats, paused)." : ""
        return table.text(for: screen.look) + "\n" + screen.paint(end, bad == 0 ? .green : .red) + rest + "\n"
    }
}
