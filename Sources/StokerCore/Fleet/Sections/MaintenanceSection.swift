/// `maintenance:` of the fleet file.
package enum MaintenanceSection {
    package static let table = FleetTable<MaintenanceRule>(
        [
            FleetKey(
                "name", .text("a name, such as updates"), \.name, "What it is called; each has its own.",
                example: "moving, from: \"2026-12-01 05:30\", for: 1h", invalidExamples: ["[a]"]),
            FleetKey(
                "schedule", .schedule, \.schedule,
                "When it begins, again and again: a cron expression and a zone, see [schedules](#schedules). Needs `for`.",
                example: "\"0 2 * * Sun Europe/Berlin\", for: 2h", invalidExamples: ["\"0 0 30 2 *\"", "\"0 2 * *\""]),
            FleetKey(
                "for", .duration(.seconds(60) ... .seconds(31 * 86_400), example: "2h"), \.length,
                "How long it lasts, in real time.", example: "2h, from: \"2026-12-01 05:30\"",
                invalidExamples: ["2", "10s", "32d"]),
            FleetKey(
                "from", .text("a time, such as 2026-12-01 05:30"), \.from,
                "Once: when it begins, in the zone. In place of `schedule`.", range: "`2026-12-01 05:30`",
                example: "\"2026-12-01 05:30\", until: \"2026-12-01 07:30\"", invalidExamples: ["\"tomorrow\", for: 1h"]
            ),
            FleetKey(
                "until", .text("a time, such as 2026-12-01 07:30"), \.until,
                "Once: when it ends, or `for` in its place.",
                range: "`2026-12-01 07:30`", example: "\"2026-12-01 07:30\", from: \"2026-12-01 05:30\"",
                invalidExamples: ["\"later\", from: \"2026-12-01 05:30\""]),
            FleetKey(
                "zone", .text("a time zone, such as Europe/Berlin"), \.zone, "Of `from` and `until`.",
                defaultValue: "UTC",
                example: "Europe/Berlin, from: \"2026-12-01 05:30\", for: 1h",
                invalidExamples: ["Europe/Nowhere, from: \"2026-12-01 05:30\", for: 1h"]),
            FleetKey(
                "groups", .list(.reference("a group's name"), "groups", limit: 1_000), \.groups,
                "Only these groups.", defaultValue: "all", example: "[], from: \"2026-12-01 05:30\", for: 1h",
                invalidExamples: ["nowhere, from: \"2026-12-01 05:30\", for: 1h", "{ a: b }"]),
            FleetKey(
                "targets", .list(.reference("a target's name"), "targets", limit: 1_000), \.targets,
                "Only these targets, or single checks; with `groups`, either is enough.", defaultValue: "all",
                example: "[], from: \"2026-12-01 05:30\", for: 1h",
                invalidExamples: ["nowhere, from: \"2026-12-01 05:30\", for: 1h", "{ a: b }"]),
        ],
        finish: { rule, said in finish(&rule, said) })

    package static let section = FleetSection(
        "maintenance",
        "When something is worked on: it is pinged and shown, but nobody is alarmed, nothing is healed, and the time is not in the uptime.",
        FleetValue<[MaintenanceRule]>.list(.table(table, MaintenanceRule()), "times of maintenance", limit: 200),
        initial: [],
        groups: [
            FleetKeyGroup(
                "maintenance", table.rows,
                document: "maintenance: [ { % } ]", schemaPath: [])
        ]
    ).checking { rules, fleet, report in
        for rule in rules {
            report.check(groups: rule.groups, targets: rule.targets, in: fleet)
        }
    }

    private static func finish(_ rule: inout MaintenanceRule, _ said: FleetTableReport) {
        if rule.name.isEmpty {
            rule.name = rule.scope.isEverything ? "maintenance" : "maintenance of \(rule.scope.sentence)"
        }
        rule.name = String(rule.name.prefix(100))
        if said.has("schedule") {
            for key in ["from", "until", "zone"] where said.has(key) {
                said.report(
                    .conflict,
                    key == "zone"
                        ? "is said in `schedule` already; leave it out"
                        : "is for once, and `schedule` is for again and again",
                    at: key)
            }
            if !said.has("for") { said.report(.missing, "has a `schedule` but no `for`; write for: 2h") }
            return
        }
        guard said.has("from") else {
            return said.report(
                .missing,
                "has neither `schedule` nor `from`; write schedule: \"0 2 * * Sun Europe/Berlin\" and for: 2h, or from and until"
            )
        }
        guard said.has("until") != said.has("for") else {
            return said.report(.conflict, "needs exactly one of `until` and `for`")
        }
        do throws(Hours.Fault) { rule.zone = try Hours.checked(zone: rule.zone) } catch {
            return said.report(.value, error.because, at: "zone")
        }
        func moment(_ text: String?, _ key: String) -> Instant? {
            guard let text else { return nil }
            if let found = CronSchedule.moment(of: text, zone: rule.zone) { return found }
            said.report(.value, "is not a time; write 2026-12-01 05:30, and the zone in `zone`", at: key)
            return nil
        }
        guard let from = moment(rule.from, "from") else { return }
        if let length = rule.length {
            rule.once = from..<(from + length)
        } else if let until = moment(rule.until, "until") {
            guard from < until else { return said.report(.range, "is not after `from`", at: "until") }
            guard until - from <= .seconds(366 * 86_400) else {
                return said.report(.range, "is more than a year after `from`", at: "until")
            }
            rule.once = from..<until
        }
    }
}
