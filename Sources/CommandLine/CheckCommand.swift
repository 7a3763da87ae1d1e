import ArgumentParser
import Operations
import StokerCore

struct CheckCommand: AsyncParsableCommand {
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
    @Flag(help: "Slow and waking ones are trouble too.")
    var strict = false
    @Option(help: "How many are probed at once.")
    var concurrency: Int = 200
    @OptionGroup var output: OutputOptions

    private var format: OutputFormat { output.chosen }

    func validate() throws {
        if concurrency < 1 { throw ValidationError("--concurrency must be at least 1.") }
    }

    func run() async throws {
        let completed = try await HubFleet.completed(try fleet.load().fleet())
        completed.tell()
        let all = completed.fleet.checks
        for name in names where !all.contains(where: { $0.name == name || $0.target == name }) {
            let near = NearestName.of(name, among: all.map(\.name)).map { "did you mean \"\($0)\"?" }
            throw Failure(
                .notFound, doing: "check \(name.shortened)", because: "\(fleet.path) has no check of that name",
                hint: near)
        }
        let chosen = all.filter { names.isEmpty || names.contains($0.name) || names.contains($0.target) }
        let checks = chosen.filter { !$0.policy.kind.type.isPassive && $0.policy.enabled }
        let screen = Screen.own
        let shown = format == .auto || format == .human
        let results = await Sweep(concurrency: concurrency).run(checks) { done in
            if shown { screen.progress("probing \(done)/\(checks.count)") }
        }
        if shown { screen.endProgress() }
        try Task.checkCancellation()
        let report = CheckReport(results: results, left: chosen.count - checks.count, strict: strict)
        switch format {
        case .json: screen.write(report.json.prettyText)
        case .quiet: break
        case .auto, .human: screen.write(report.text(for: screen))
        }
        if report.trouble { throw ExitCode(1) }
    }
}

/// What a sweep found.
struct CheckReport {
    var results: [Sweep.Result]
    /// Heartbeats and paused checks, which are not probed.
    var left: Int
    var strict: Bool

    func isTrouble(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .up: false
        case .down, .unknown: true
        case .slow, .waking: strict
        }
    }

    var trouble: Bool { results.contains { isTrouble($0.outcome) } }

    var json: JSONValue {
        [
            "trouble": .bool(trouble), "total": .integer(Int64(results.count)), "left_out": .integer(Int64(left)),
            "counts": .object(
                Outcome.allCases.map { outcome in
                    .init(outcome.name, .integer(Int64(results.count { $0.outcome == outcome })))
                }),
            "checks": .array(
                results.map { result in
                    [
                        "name": .string(result.check.name),
                        "address": result.check.shownAddress.map { .string($0) } ?? .null,
                        "outcome": .string(result.outcome.name),
                        "cause": result.cause == .none ? .null : .string(result.cause.code),
                        "sentence": .string(result.cause.sentence), "detail": .string(result.detail),
                        "status_code": result.code == 0 ? .null : .integer(Int64(result.code)),
                        "latency_ms": Self.milliseconds(result.latencyMicroseconds),
                        "certificate_ends": result.certificateEnd.map { .string($0.description) } ?? .null,
                    ]
                }),
        ]
    }

    private static func milliseconds(_ microseconds: UInt32) -> JSONValue {
        microseconds == 0 ? .null : .number(Double(microseconds) / 1_000)
    }

    func text(for screen: Screen) -> String {
        guard !results.isEmpty else {
            return "There is nothing to probe\(left > 0 ? ": all \(left) are heartbeats or paused" : "").\n"
        }
        var table = TextTable(columns: [
            .init(title: "OUTCOME"), .init(title: "CHECK", shrinksTo: 16), .init(title: "STATUS", isRight: true),
            .init(title: "LATENCY", isRight: true), .init(title: "WHY", shrinksTo: 10),
        ])
        // Trouble last, where the eye is when the table has scrolled by.
        let order: [Outcome] = [.up, .slow, .waking, .unknown, .down]
        let sorted = results.enumerated().sorted { a, b in
            let (first, second) = (
                order.firstIndex(of: a.element.outcome) ?? 0, order.firstIndex(of: b.element.outcome) ?? 0
            )
            return first == second ? a.offset < b.offset : first < second
        }
        for result in sorted.map(\.element) {
            let why =
                result.outcome == .up
                ? "" : result.detail.isEmpty ? result.cause.sentence : "\(result.cause.sentence): \(result.detail)"
            table.rows.append([
                .init(result.outcome.name, .init(verdict: result.outcome.name)), .init(result.check.name),
                .init(result.code == 0 ? "–" : "\(result.code)"),
                .init(Wording.latency(Self.milliseconds(result.latencyMicroseconds))),
                .init(why, .dim),
            ])
        }
        let bad = results.count { isTrouble($0.outcome) }
        let end = bad == 0 ? "No trouble: \(results.count) probed." : "Trouble: \(bad) of \(results.count) probed."
        let rest = left > 0 ? " \(left) left out (heartbeats, paused)." : ""
        return table.text(for: screen.look) + "\n" + screen.paint(end, bad == 0 ? .green : .red) + rest + "\n"
    }
}
