import Operations
import StokerCore

/// What a fleet file says, for a person: from the answer of ``Operations/Operation/checkConfig``.
enum FleetReportText {
    /// At most so many checks are listed for people; JSON has them all.
    private static let listed = 200

    /// The report, its tables no wider than that.
    static func text(_ report: JSONValue, look: TextLook = .plain) -> String {
        let checks = report["checks"]?.array ?? []
        let spaces = Set(checks.compactMap { $0["space"]?.string }).count
        let heartbeats = checks.count { $0["kind"] == "heartbeat" }
        let targets = checks.count { $0["space"]?.string == nil && $0["kind"] != "heartbeat" }
        var text =
            "\(report["file"]?.string ?? ""): \(checks.count.counted("check")) (\(spaces.counted("Space")), \(targets.counted("target")), \(heartbeats.counted("heartbeat")))\n\n"
        guard !checks.isEmpty else { return text + BudgetText.text(report["budget"] ?? .null, look: look) }
        text += TextTable(
            columns: [
                .init(title: "CHECK", shrinksTo: 16), .init(title: "WHEN", shrinksTo: 12),
                .init(title: "WHAT", shrinksTo: 16), .init(title: "A DAY", isRight: true),
            ],
            rows: checks.prefix(listed).map { check in
                [
                    check["name"]?.string ?? "", check["when"]?.string ?? "", check["what"]?.string ?? "",
                    Quantity.number(check["requests_per_day"]?.double ?? 0),
                ].map { .init($0) }
            }, indent: 2
        ).text(for: look)
        if checks.count > listed {
            text += "  … and \(checks.count - listed) more (--format json lists all)\n"
        }
        text +=
            "\n\(Quantity.requests(report["requests_per_day"]?.double ?? 0)) a day, at most \(Quantity.number(report["requests_per_five_minutes"]?.double ?? 0)) per 5 min while all is well.\n"
        text += "\nWarmth\n"
        return text + warmth(report["warmth"]?.array ?? [], look)
    }

    private static func warmth(_ levels: [JSONValue], _ look: TextLook) -> String {
        TextTable(
            columns: [
                .init(title: "LEVEL"), .init(title: "EVERY"), .init(title: "GOOD FOR", shrinksTo: 20),
                .init(title: "HERE", shrinksTo: 10),
            ],
            rows: levels.map { level in
                let here = level["checks"]?.array?.compactMap(\.string) ?? []
                let names = here.prefix(4).joined(separator: ", ")
                return [
                    level["level"]?.string ?? "",
                    Duration.milliseconds(Int64((level["every_seconds"]?.double ?? 0) * 1_000)).text,
                    level["services"]?.string ?? "", here.count > 4 ? "\(names) and \(here.count - 4) more" : names,
                ].map { .init($0) }
            }, indent: 2
        ).text(for: look)
    }
}
