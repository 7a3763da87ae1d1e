import Ledger
import StokerCore

extension Operation {
    package static let checkSeries = Operation(
        name: "check-series", summary: "Equal spans of one check's history: counts, uptime and latency for a chart",
        doing: "chart the check", needsFleet: true, path: "/checks/{name}/series",
        parameters: [
            .checkName,
            .init("from", .query, .instant(ago: true), defaultValue: "24h", "Begin (inclusive)"),
            .init("to", .query, .instant(ago: true), "End (exclusive); now unless given"),
            .init("buckets", .query, .integer(1...1_000), defaultValue: 96, "Number of spans"),
        ],
        answer: .series
    ) { (context, arguments) throws(Failure) in
        let status = try await context.monitor.status(of: arguments.name())
        let now = context.now()
        let to = arguments.instant("to") ?? now
        let from = arguments.instant("from") ?? to - .seconds(86_400)
        guard from < to else {
            throw Failure(
                .usage, doing: "chart \(status.check.name)", because: "\"from\" (\(from)) is not before \"to\" (\(to))")
        }
        let buckets = try await context.ledger.series(
            of: status.id, from: from, to: to, buckets: arguments.integer("buckets") ?? 96)
        return [
            "check": .string(status.check.name), "from": .instant(from), "to": .instant(to),
            "buckets": .array(buckets.map(\.json)),
        ]
    }
}
