import Operations
import StokerCore

/// What a fleet costs, for a person: from the answers of ``Operations/Operation/budget`` and ``Operations/Operation/hubAllowance``.
enum BudgetText {
    static func text(_ budget: JSONValue, look: TextLook = .plain) -> String {
        let checks = budget["checks"]?.integer ?? 0
        let discovered = budget["each_discovered"]?["per_day"]?.double
        guard checks > 0 || discovered != nil else { return "Nothing is pinged, so nothing is spent.\n" }
        func perFiveMinutes(_ name: String) -> Double { budget[name]?["per_five_minutes"]?.double ?? 0 }
        func row(_ title: String, _ name: String) -> [String] {
            [title, Quantity.number(perFiveMinutes(name)), Quantity.number(budget[name]?["per_day"]?.double ?? 0)]
        }
        func table(_ titles: [String], _ rows: [[String]]) -> String {
            TextTable(
                columns: titles.enumerated().map { .init(title: $1, isRight: $0 > 0, shrinksTo: $0 == 0 ? 12 : nil) },
                rows: rows.map { $0.map { .init($0) } }, indent: 2
            ).text(for: look)
        }
        let every = Duration.milliseconds(Int64((budget["wake_every_seconds"]?.double ?? 0) * 1_000))
        var text = "Requests from outside\n"
        text += table(
            ["", "PER 5 MIN", "PER DAY"],
            [
                row("every check woken directly", "direct"),
                row("only the master, every \(every.text)", "through_master"),
            ])
        if let saving = budget["saving"]?.double {
            text +=
                saving >= 0
                ? "\(Quantity.number(saving * 100)) % fewer through the master.\n"
                : "Waking the master costs more than this fleet does: it is pinged seldom enough to be woken directly.\n"
        }
        text += "\nRequests the master sends (\(checks.counted("check")))\n"
        text += table(
            ["", "PER 5 MIN", "PER DAY"],
            [row("all well", "master"), row("everything failing, with retries", "master_at_worst")])
        if let discovered {
            text +=
                "Spaces that the Hub lists join while Stoker runs; each adds \(Quantity.requests(discovered)) a day.\n"
        }
        text += "\nHub calls against the plan's quota, per 5 min\n"
        let calls = Quantity.number(perFiveMinutes("hub_api") + perFiveMinutes("hub_watch"))
        text += table(
            ["PLAN", "API CALLS", "OF", "PAGES", "OF"],
            (budget["quotas_per_five_minutes"]?.array ?? []).map { plan in
                [
                    plan["plan"]?.string ?? "", calls, Quantity.number(plan["api"]?.double ?? 0),
                    Quantity.number(perFiveMinutes("hub_pages")),
                    plan["pages"]?.double.map { Quantity.number($0) } ?? "–",
                ]
            })
        if perFiveMinutes("hub_watch") > 0 {
            text +=
                "A master that watches stages makes \(Quantity.number(perFiveMinutes("hub_watch"))) of these at most; pings go to the Spaces' own addresses, which have no documented limit.\n"
        }
        return text
    }

    /// - Parameter server: whose account it is where the answer names none.
    static func allowance(_ answer: JSONValue, server: String? = nil, look: TextLook = .plain) -> String {
        let whose = answer["account"]?.string ?? "the account of \(server ?? "the server")"
        let plan = answer["plan"]?.string.map { ", quota of the plan \($0)" } ?? ""
        var text = "\nLeft of the Hub's windows (\(whose)\(plan))\n"
        let windows = answer["windows"]?.array ?? []
        guard !windows.isEmpty else { return text + "  The Hub did not say.\n" }
        func span(_ json: JSONValue?) -> String { Duration.seconds(Int64(json?.integer ?? 0)).text }
        text += TextTable(
            columns: [
                .init(title: "BUCKET"), .init(title: "LEFT", isRight: true), .init(title: "OF", isRight: true),
                .init(title: "WINDOW ENDS", isRight: true),
            ],
            rows: windows.map { window in
                [
                    window["bucket"]?.string ?? "", Quantity.number(window["left"]?.double ?? 0),
                    window["quota"]?.double.map { Quantity.number($0) } ?? "–",
                    (window["ends_in_seconds"]?.integer ?? 0) > 0 ? "in \(span(window["ends_in_seconds"]))" : "now",
                ].map { .init($0) }
            }, indent: 2
        ).text(for: look)
        for commits in answer["commits"]?.array ?? [] {
            text +=
                "  \(commits["repo"]?.string ?? ""): \(commits["last_hour"]?.integer ?? 0) of about \(commits["budget"]?.integer ?? 0) commits in the last hour\n"
        }
        for stop in answer["stops"]?.array ?? [] {
            text +=
                "  stopped: \(stop["what"]?.string ?? ""), for \(span(stop["seconds"])): \(stop["said"]?.string ?? "")\n"
        }
        return text
    }
}
