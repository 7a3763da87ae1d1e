import StokerCore

/// What the visitor wants to see of the fleet, as the address bar says it.
struct View: Equatable {
    var text = ""
    var verdict: String = ""
    var group: String = ""
    var sort = StatusQuery.Sort.file
    var page = 1

    init(query: [String: String]) {
        text = String((query["q"] ?? "").prefix(200))
        verdict = query["show"].flatMap { Verdict(name: $0) }?.name ?? ""
        group = String((query["group"] ?? "").prefix(200))
        sort = query["sort"].flatMap(StatusQuery.Sort.init(rawValue:)) ?? .file
        page = min(max(1, query["page"].flatMap { Int($0) } ?? 1), 1_000_000)
    }

    func statusQuery(size: Int) -> StatusQuery {
        StatusQuery(
            text: text, verdicts: Set(Verdict(name: verdict).map { [$0] } ?? []),
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

    var health: FleetHealth { FleetHealth(overview) }

    /// Nothing but Stoker's own ping is nothing: whoever starts needs to be told how to go on.
    private var isEmpty: Bool {
        overview.total == 0
            || overview.total == 1 && !view.isNarrowed && statuses.items.first?.check.name == "self-ping"
    }

    func model() -> [String: Any] {
        let health = health
        let pages = max(1, (statuses.total + size - 1) / size)
        let first = (view.page - 1) * size + 1
        // What a group or a search leaves is what the chips choose from.
        let isPart = !view.text.isEmpty || !view.group.isEmpty
        let counts = isPart ? statuses.counts : overview.counts
        let all = isPart ? counts.values.reduce(0, +) : overview.total
        var chips: [[String: Any]] = [
            [
                "label": "All", "count": Formatting.count(all),
                "href": view.address {
                    $0.verdict = ""; $0.page = 1
                },
                "current": view.verdict.isEmpty, "name": "all", "shown": true, "sign": false,
            ]
        ]
        for verdict in Verdict.byUrgency {
            let (count, name) = (counts[verdict] ?? 0, verdict.name)
            chips.append([
                "label": verdict.traits.look.title, "count": Formatting.count(count), "name": name,
                "href": view.address {
                    $0.verdict = name; $0.page = 1
                }, "current": view.verdict == name,
                // There is nothing behind an empty one; the sentence above says that nothing is down.
                "shown": count > 0 || view.verdict == name,
                "sign": name,
            ])
        }
        return [
            "empty": isEmpty, "fleetPath": overview.fleetFile.path ?? "",
            "hasFleetPath": overview.fleetFile.path != nil,
            "sentence": health.sentence, "sign": health.look.name, "mood": health.mood.rawValue,
            "uptime": Formatting.duration(overview.uptime), "started": overview.startedAt.milliseconds,
            "startedText": Formatting.time(overview.startedAt),
            "pings": Formatting.count(overview.work.pings), "pingsWord": overview.work.pings == 1 ? "ping" : "pings",
            "isPart": isPart, "attempts": Formatting.count(overview.work.attempts),
            "flapping": FleetHealth.comeAndGo(overview.flapping),
            // The sentence says it when there is nothing worse to say.
            "hub": overview.hub?.phrase(now: overview.now) ?? "", "hasHub": overview.hub != nil,
            "hubAddress": overview.hub?.endpoint ?? "",
            "hasFlapping": overview.flapping > 0 && health.mood != .unsteady,
            "banners": health.notices.map(Self.banner),
            "bannerKey": Self.bannerKey(health), "chips": chips,
            "query": view.text, "show": view.verdict,
            "hasShow": !view.verdict.isEmpty,
            "groups": groups.map { ["name": $0, "current": $0 == view.group] as [String: Any] },
            "hasGroups": groups.count > 1,
            "sorts": StatusQuery.Sort.allCases.map {
                ["value": $0.rawValue, "label": Self.sortLabel($0), "current": $0 == view.sort] as [String: Any]
            },
            "sections": sections, "none": statuses.items.isEmpty, "narrowed": view.isNarrowed,
            "all": view.address { $0 = View(query: [:]) },
            "total": Formatting.count(statuses.total), "first": Formatting.count(first),
            "until": Formatting.count(first + statuses.items.count - 1), "paged": pages > 1, "page": view.page,
            "pages": Formatting.count(pages),
            "previous": view.page > 1 ? view.address { $0.page = min(view.page - 1, pages) } : "",
            "hasPrevious": view.page > 1,
            "next": view.page < pages ? view.address { $0.page += 1 } : "", "hasNext": view.page < pages,
            "settled": view.sort == .file && view.verdict.isEmpty, "mayWrite": mayWrite, "here": view.address { _ in },
            "now": overview.now.milliseconds, "generation": String(overview.generation),
        ]
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
        let rows = zip(statuses.items, strips).map { CheckRow($0, samples: $1, now: overview.now) }
        guard view.sort == .file else {
            return rows.isEmpty
                ? []
                : [["heading": "", "hasHeading": false, "rows": rows.map { $0.model(mayWrite: mayWrite, from: from) }]]
        }
        var order: [String] = []
        var grouped: [String: [[String: Any]]] = [:]
        for row in rows {
            let name = row.view.check.groupLabel
            if grouped[name] == nil { order.append(name) }
            grouped[name, default: []].append(row.model(mayWrite: mayWrite, from: from))
        }
        return order.map { ["heading": $0, "hasHeading": order.count > 1 || view.page > 1, "rows": grouped[$0] ?? []] }
    }

    /// A notice for the template.
    private static func banner(_ notice: FleetHealth.Notice) -> [String: Any] {
        [
            "kind": notice.kind.rawValue, "title": notice.title, "text": Markup.sentence(notice.text),
            "lines": notice.lines, "hasLines": !notice.lines.isEmpty, "code": notice.command ?? "",
            "hasCode": notice.command != nil,
        ]
    }

    /// Equal while the same banners stand: tells the script when to fetch the page anew.
    static func bannerKey(_ health: FleetHealth) -> String {
        health.notices.map { $0.number == 0 ? $0.name : "\($0.name)-\($0.number)" }.joined(separator: " ")
    }
}
