import StokerCore

/// What the visitor wants to see of the fleet, as the address bar says it.
struct View: Equatable {
    var text = ""
    var verdict: String = ""
    var group: String = ""
    var sort = StatusQuery.Sort.file
    var page = 1

    /// Filter words that stand for several verdicts, in the order of the chips.
    static let filters: [(name: String, label: String, verdicts: Set<Verdict>, sign: Verdict)] = [
        ("down", "Down", [.down], .down), ("silent", "Silent", [.silent], .silent), ("slow", "Slow", [.slow], .slow),
        ("waking", "Waking", [.waking], .waking), ("up", "Up", [.up], .up),
        ("unknown", "Unknown", [.unknown], .unknown),
        ("paused", "Paused", [.paused], .paused),
    ]

    init(query: [String: String]) {
        text = String((query["q"] ?? "").prefix(200))
        verdict = Self.filters.contains { $0.name == query["show"] } ? query["show"] ?? "" : ""
        group = String((query["group"] ?? "").prefix(200))
        sort = query["sort"].flatMap(StatusQuery.Sort.init(rawValue:)) ?? .file
        page = min(max(1, query["page"].flatMap { Int($0) } ?? 1), 1_000_000)
    }

    func statusQuery(size: Int) -> StatusQuery {
        StatusQuery(
            text: text, verdicts: Self.filters.first { $0.name == verdict }?.verdicts ?? [],
            group: group.isEmpty ? nil : group,
            sort: sort, offset: (page - 1) * size, limit: size)
    }

    /// Address of this view with something changed.
    func address(_ change: (inout View) -> Void) -> String {
        var view = self
        change(&view)
        var parts: [String] = []
        if !view.text.isEmpty { parts.append("q=\(PercentCoding.encoded(view.text))") }
        if !view.verdict.isEmpty { parts.append("show=\(view.verdict)") }
        if !view.group.isEmpty { parts.append("group=\(PercentCoding.encoded(view.group))") }
        if view.sort != .file { parts.append("sort=\(view.sort.rawValue)") }
        if view.page > 1 { parts.append("page=\(view.page)") }
        return parts.isEmpty ? "/" : "/?\(parts.joined(separator: "&"))"
    }

    var isNarrowed: Bool { !text.isEmpty || !verdict.isEmpty || !group.isEmpty }
}

/// `/`: the whole fleet.
struct DashboardPage {
    var view: View
    var overview: Overview
    var statuses: StatusPage
    var strips: [[Sample]]
    /// Names of groups to choose from.
    var groups: [String]
    var mayWrite: Bool
    var size: Int

    var headline: Headline { Headline(overview) }

    /// Nothing but Stoker's own ping is nothing: whoever starts needs to be told how to go on.
    private var isEmpty: Bool {
        overview.total == 0
            || overview.total == 1 && !view.isNarrowed && statuses.items.first?.check.name == "self-ping"
    }

    func model() -> [String: Any] {
        let headline = headline
        let pages = max(1, (statuses.total + size - 1) / size)
        let first = (view.page - 1) * size + 1
        // What a group or a search leaves is what the chips choose from.
        let isPart = !view.text.isEmpty || !view.group.isEmpty
        let counts = isPart ? statuses.counts : overview.counts
        let all = isPart ? counts.values.reduce(0, +) : overview.total
        var chips: [[String: Any]] = [
            [
                "label": "All", "count": Words.count(all),
                "href": view.address {
                    $0.verdict = ""; $0.page = 1
                },
                "current": view.verdict.isEmpty, "name": "all", "shown": true, "sign": false,
            ]
        ]
        for filter in View.filters {
            let count = filter.verdicts.reduce(0) { $0 + (counts[$1] ?? 0) }
            chips.append([
                "label": filter.label, "count": Words.count(count), "name": filter.name,
                "href": view.address {
                    $0.verdict = filter.name; $0.page = 1
                }, "current": view.verdict == filter.name,
                // There is nothing behind an empty one; the sentence above says that nothing is down.
                "shown": count > 0 || view.verdict == filter.name,
                "sign": filter.sign.name,
            ])
        }
        return [
            "empty": isEmpty, "fleetPath": overview.fleetFile.path ?? "",
            "hasFleetPath": overview.fleetFile.path != nil,
            "sentence": headline.sentence, "sign": headline.sign, "mood": headline.mood.rawValue,
            "uptime": Words.span(overview.uptime), "started": overview.startedAt.milliseconds,
            "startedText": Words.absolute(overview.startedAt),
            "pings": Words.count(overview.work.pings), "pingsWord": overview.work.pings == 1 ? "ping" : "pings",
            "isPart": isPart, "attempts": Words.count(overview.work.attempts),
            "flapping": overview.flapping == 1 ? "1 comes and goes" : "\(Words.count(overview.flapping)) come and go",
            // The sentence says it when there is nothing worse to say.
            "hub": Self.hub(overview), "hasHub": overview.hub != nil,
            "hubAddress": overview.hub?.endpoint ?? "",
            "hasFlapping": overview.flapping > 0 && headline.mood != .unsteady, "banners": banners,
            "bannerKey": bannerKey, "chips": chips,
            "query": view.text, "show": view.verdict,
            "hasShow": !view.verdict.isEmpty,
            "groups": groups.map { ["name": $0, "current": $0 == view.group] as [String: Any] },
            "hasGroups": groups.count > 1,
            "sorts": StatusQuery.Sort.allCases.map {
                ["value": $0.rawValue, "label": Self.sortLabel($0), "current": $0 == view.sort] as [String: Any]
            },
            "sections": sections, "none": statuses.items.isEmpty, "narrowed": view.isNarrowed,
            "all": view.address { $0 = View(query: [:]) },
            "total": Words.count(statuses.total), "first": Words.count(first),
            "until": Words.count(first + statuses.items.count - 1), "paged": pages > 1, "page": view.page,
            "pages": Words.count(pages),
            "previous": view.page > 1 ? view.address { $0.page = min(view.page - 1, pages) } : "",
            "hasPrevious": view.page > 1,
            "next": view.page < pages ? view.address { $0.page += 1 } : "", "hasNext": view.page < pages,
            "settled": view.sort == .file && view.verdict.isEmpty, "mayWrite": mayWrite, "here": view.address { _ in },
            "now": overview.now.milliseconds, "generation": String(overview.generation),
        ]
    }

    /// What is left of the Hub's windows, in one phrase; of the API's, which a fleet lives on.
    static func hub(_ overview: Overview) -> String {
        guard let hub = overview.hub else { return "" }
        guard let answered = hub.answeredAt else { return "the Hub has not answered yet" }
        let silent = overview.now - answered
        if silent >= .seconds(180) { return "the Hub has been silent for \(Words.span(silent))" }
        guard let window = hub.windows(at: overview.now).first(where: { $0.bucket == "api" }) else {
            return "the Hub answers"
        }
        let quota = window.quota.map { " of \(Words.count($0))" } ?? ""
        return "\(Words.count(window.remaining))\(quota) Hub calls left"
    }

    private static func sortLabel(_ sort: StatusQuery.Sort) -> String {
        switch sort {
        case .file: "fleet file order"
        case .trouble: "trouble first"
        case .name: "by name"
        case .latency: "slowest first"
        case .lastPing: "last ping first"
        }
    }

    /// Rows under their groups' headings; one section without heading when another order was asked for.
    private var sections: [[String: Any]] {
        let from = view.address { _ in }
        let rows = zip(statuses.items, strips).map { Row(status: $0, samples: $1, now: overview.now) }
        guard view.sort == .file else {
            return rows.isEmpty
                ? []
                : [["heading": "", "hasHeading": false, "rows": rows.map { $0.model(mayWrite: mayWrite, from: from) }]]
        }
        var order: [String] = []
        var grouped: [String: [[String: Any]]] = [:]
        for row in rows {
            let name = Self.group(of: row.status.check)
            if grouped[name] == nil { order.append(name) }
            grouped[name, default: []].append(row.model(mayWrite: mayWrite, from: from))
        }
        return order.map { ["heading": $0, "hasHeading": order.count > 1 || view.page > 1, "rows": grouped[$0] ?? []] }
    }

    static func group(of check: Check) -> String {
        if let group = check.policy.group { return group }
        if check.policy.kind == .heartbeat { return "Heartbeats" }
        return check.space == nil ? "Addresses" : "Spaces"
    }

    /// What is wrong or special about Stoker itself. The first word of each names its kind.
    private var banners: [[String: Any]] {
        var banners: [[String: Any]] = []
        func add(_ kind: String, _ title: String, _ text: String, lines: [String] = [], code: String = "") {
            banners.append([
                "kind": kind, "title": title, "text": text, "lines": lines, "hasLines": !lines.isEmpty, "code": code,
                "hasCode": !code.isEmpty,
            ])
        }
        let now = overview.now
        if overview.demo {
            add(
                "demo", "This is a demonstration.",
                overview.hub == nil
                    ? "A simulated fleet on this machine; nothing leaves it. To tend your own:"
                    : "A simulated Hub and its Spaces on this machine; nothing leaves it. To tend your own:",
                code: "stoker init && stoker serve")
        }
        if case .offline(let since) = overview.connectivity {
            add(
                "trouble", "No connection of our own.",
                "Since \(Words.absolute(since)) everything fails at once, so the fault is here. Verdicts stand still until it is back."
            )
        }
        if case .stalled(let since, let because, let waiting, let limit, let dropped) = overview.ledger {
            add(
                "trouble", "Results cannot be written to disk.",
                "Since \(Words.absolute(since)): \(because). "
                    // With no limit there is no file to wait for.
                    + (limit == 0
                        ? "" : "\(Words.count(waiting)) of at most \(Words.count(limit)) wait in memory. ")
                    + (dropped > 0 ? "\(Words.count(dropped)) were given up. " : "") + "Pinging goes on.")
        }
        for damage in overview.ledgerDamage {
            add(
                "trouble", "The ledger was damaged.",
                "\(Words.absolute(damage.at)): \(damage.text). Nothing is healed until somebody acknowledges it:",
                code: "stoker acknowledge \(damage.incident)")
        }
        if let trouble = overview.hub?.trouble {
            add("trouble", "The Hub cannot be asked.", "Stoker \(trouble). Until then only what visitors see counts.")
        }
        if !overview.fleetFile.rejected.isEmpty {
            add(
                "trouble", "The changed fleet file was not taken.",
                "Stoker goes on with the version of \(Words.absolute(overview.fleetFile.loadedAt)).",
                lines: Array(overview.fleetFile.rejected.prefix(12)))
        }
        switch overview.role {
        case .active: break
        case .standby(let master, let seen):
            add(
                "note", "Standing by.",
                "\(Redaction.address(master)) is at work"
                    + (seen.map { ", last seen \(Words.relative($0, to: now))." } ?? ", not seen yet."))
        case .standingIn(let master, let since):
            add(
                "note", "Standing in.",
                "\(Redaction.address(master)) has been silent since \(Words.absolute(since)); this one does its work.")
        }
        if overview.work.shed > 0 {
            add(
                "note", "More is due than this machine can ping.",
                "\(overview.work.shed.counted("ping", as: Words.count(overview.work.shed))) \(overview.work.shed == 1 ? "was" : "were") left out since the start. Longer intervals or a larger open-file limit help."
            )
        }
        return banners
    }

    /// Equal while the same banners stand: tells the script when to fetch the page anew.
    var bannerKey: String { Self.bannerKey(overview) }

    static func bannerKey(_ overview: Overview) -> String {
        var key = overview.demo ? "d" : ""
        if case .offline = overview.connectivity { key += "o" }
        if case .stalled = overview.ledger { key += "l" }
        for damage in overview.ledgerDamage { key += "a\(damage.incident)" }
        if overview.hub?.trouble != nil { key += "h" }
        if !overview.fleetFile.rejected.isEmpty { key += "f" }
        switch overview.role {
        case .active: break
        case .standby: key += "s"
        case .standingIn: key += "i"
        }
        if overview.work.shed > 0 { key += "w" }
        return key
    }
}
