import StokerCore
import Synchronization

extension Operation {
    package static let check = Operation(
        name: "check",
        summary: "Probes checks once, now: one attempt each, no retries, nothing is recorded",
        doing: "check the fleet", permission: .write, scope: .operate, method: .post, path: "/check",
        parameters: [
            .init(
                "names", .body, .list(.text(upTo: 300), upTo: 1_000),
                "Only these checks, or all checks of these targets; all unless given"),
            .init(
                "strict", .body, .flag, defaultValue: false,
                "\(Look.slow.title) and \(Look.waking.name) ones are trouble too"),
            .init("concurrency", .body, .integer(1...10_000), defaultValue: 200, "How many are probed at once"),
            // Over the network only what is monitored anyway is probed: whoever could name an address could look into our network.
            .fleetFile(.local, "The fleet; the running one unless given"),
        ], answer: .checkReport
    ) { context, arguments in
        let completed = try await context.completedFleet(arguments)
        let all = completed.fleet.checks
        let names = arguments.texts("names")
        for name in names where !all.contains(where: { $0.name == name || $0.target == name }) {
            let near = ClosestMatch.of(name, among: all.map(\.name)).map { "did you mean \"\($0)\"?" }
            let place = arguments.object("fleet_file")?.text("name") ?? "the fleet"
            throw Failure(
                .notFound, doing: "check \(name.shortened)", because: "\(place) has no check of that name", hint: near)
        }
        let chosen = all.filter { names.isEmpty || names.contains($0.name) || names.contains($0.target) }
        let checks = chosen.filter { !$0.policy.kind.type.isPassive && $0.policy.enabled }
        let isFree = isUnderWay.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
        guard isFree else {
            throw Failure(
                .overloaded, doing: "check the fleet", because: "a check of the whole fleet is under way",
                hint: "ask again when it has ended", retry: .soon)
        }
        defer { isUnderWay.store(false, ordering: .relaxed) }
        let results = await OneTimeCheck(concurrency: arguments.integer("concurrency") ?? 200).run(checks) { done in
            context.tell(
                OperationProgress(
                    .step, "probing", "probing \(done)/\(checks.count)", done: Int64(done), total: Int64(checks.count),
                    unit: .checks, isFrequent: true))
        }
        try Task.checkCancellation()
        return CheckReport(
            results: results, left: chosen.count - checks.count, strict: arguments.flag("strict")
        ).json
    }
}

/// A sweep takes as many descriptors as the machine has to spare, which two at once would take from each other.
private let isUnderWay = Atomic(false)

extension Shape {
    static let checkReport = Shape(
        name: "CheckReport", summary: "What one look at each check found.",
        fields: [
            .init(
                "trouble", .flag,
                "Something is \(Look.down.name) or \(Look.unknown.name); with `strict` \(Look.slow.name) or \(Look.waking.name) too"
            ),
            .init("total", .integer, "Checks that were probed"),
            .init("left_out", .integer, "Heartbeats and paused checks, which are not probed"),
            .init("counts", .table(.integer), "How many had each outcome"),
            .init("checks", .list(.shape(probed)), "In the order of the fleet file"),
        ])

    private static let probed = Shape(
        name: "ProbedCheck", summary: "One check as it was found.",
        fields: [
            .init("name", .text, "Name of the check"),
            .init("address", .text, optional: true, "What was probed, secrets replaced by `***`"),
            .init("outcome", .choice(Outcome.allCases.map(\.name)), "What was found"),
            .init("trouble", .flag, "Whether that is trouble"),
            .init("cause", .text, optional: true, "Why it is not simply up; a stable name"),
            .init("sentence", .text, "The same for a person"), .init("detail", .text, "More of it; may be empty"),
            .init("status_code", .integer, optional: true, "HTTP status"),
            .init("latency_ms", .number, optional: true, "First byte after the start of the connection"),
            .init("certificate_ends", .instant, optional: true, "End of the certificate, to the hour"),
        ])
}

/// What a sweep found.
private struct CheckReport {
    var results: [OneTimeCheck.Result]
    /// Heartbeats and paused checks, which are not probed.
    var left: Int
    var strict: Bool

    private func isTrouble(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .up: false
        case .down, .unknown: true
        case .slow, .waking: strict
        }
    }

    var json: JSONValue {
        [
            "trouble": .bool(results.contains { isTrouble($0.outcome) }), "total": .count(results.count),
            "left_out": .count(left),
            "counts": .object(
                Outcome.allCases.map { outcome in
                    .init(outcome.name, .count(results.count { $0.outcome == outcome }))
                }),
            "checks": .array(
                results.map { result in
                    [
                        "name": .string(result.check.name), "address": .text(result.check.shownAddress),
                        "outcome": .string(result.outcome.name), "trouble": .bool(isTrouble(result.outcome)),
                        "cause": result.cause == .none ? .null : .string(result.cause.code),
                        "sentence": .string(result.cause.sentence(code: result.code)), "detail": .string(result.detail),
                        "status_code": result.code == 0 ? .null : .count(result.code),
                        "latency_ms": .milliseconds(result.latencyMicroseconds),
                        "certificate_ends": .instant(result.certificateEnd),
                    ]
                }),
        ]
    }
}
