import Ledger
import StokerCore

/// What the visitor wants to see of the fleet, as the address bar says it.
struct View: Equatable {
    var text = ""
    /// Name of a ``Look``.
    var verdict: String = ""
    var group: String = ""
    /// Name of a ``Cause``: those that fail alike.
    var cause: String = ""
    var sort = StatusQuery.Sort.trouble
    /// Rules the bars and the uptime together.
    var range = Chart.Range.day
    var page = 1

    init(query: [String: String]) {
        text = String((query["q"] ?? "").prefix(200))
        verdict = query["show"].flatMap { Look(name: $0) }?.name ?? ""
        group = String((query["group"] ?? "").prefix(200))
        cause = String((query["cause"] ?? "").prefix(60))
        sort = query["sort"].flatMap(StatusQuery.Sort.init(rawValue:)) ?? .trouble
        range = query["span"].flatMap(Chart.Range.init(rawValue:)) ?? .day
        page = min(max(1, query["page"].flatMap { Int($0) } ?? 1), 1_000_000)
    }

    /// Address of this view with something changed.
    func address(_ change: (inout View) -> Void) -> String {
        var view = self
        change(&view)
        var parts: [String] = []
        if !view.text.isEmpty { parts.append("q=\(PercentCoding.encoded(view.text))") }
        if !view.verdict.isEmpty { parts.append("show=\(view.verdict)") }
        if !view.cause.isEmpty { parts.append("cause=\(PercentCoding.encoded(view.cause))") }
        if !view.group.isEmpty { parts.append("group=\(PercentCoding.encoded(view.group))") }
        if view.sort != .trouble { parts.append("sort=\(view.sort.rawValue)") }
        if view.range != .day { parts.append("span=\(view.range.rawValue)") }
        if view.page > 1 { parts.append("page=\(view.page)") }
        return parts.isEmpty ? "/" : "/?\(parts.joined(separator: "&"))"
    }

    var isNarrowed: Bool { !text.isEmpty || !verdict.isEmpty || !group.isEmpty || !cause.isEmpty }
    /// One list in the order that was asked for, in place of trouble and groups.
    var isList: Bool { !text.isEmpty || !verdict.isEmpty || !cause.isEmpty || sort != .trouble }
}

/// `/`: the whole fleet.
///
/// What needs a look comes first, then what is unsteady, then the groups: open in a small fleet, closed with a square a check in a larger one, a table in a
/// very large one. A group is opened as a page of its own, so that turning pages never tears one.
struct DashboardPage {
    var view: View
    /// Of the whole fleet.
    var whole: Overview
    var digest: FleetDigest
    /// Names of groups to choose from.
    var groups: [String]
    var mayWrite: Bool
    /// Rows of one page.
    var size: Int

    /// More checks than this: groups are closed.
    private static let open = 60
    /// More than this: trouble is joined by its cause, groups are a table.
    private static let joined = 1_000
    /// Squares of a closed group.
    private static let cells = 200

    /// State of the whole fleet: icon, title, banners.
    var health: FleetHealth { FleetHealth(whole) }
    private var now: Instant { whole.now }
    private var isPart: Bool { !view.text.isEmpty || !view.group.isEmpty }

    /// Nothing but Stoker's own ping is nothing: whoever starts needs to be told how to go on.
    private var isEmpty: Bool {
        whole.total == 0
            || whole.total == 1 && !view.isNarrowed && digest.items.first?.check.name == "self-ping"
    }

    // MARK: What stands where

    /// Rows under one heading.
    struct Section {
        enum Heading { case none, look, unsteady, group, list }
        var heading: Heading
        var name = ""
        var items: [CheckStatus] = []
        /// Of the section, before the cut to a page.
        var total = 0
        var isClosed = false
    }

    /// Those that fail alike in a very large fleet.
    struct Alike {
        var look: Look
        var cause: Cause
        var items: [CheckStatus]
    }

    private(set) var sections: [Section] = []
    private(set) var alike: [Alike] = []
    private(set) var table: [FleetDigest.Group] = []
    /// Rows that are turned through in pages, and how many there are.
    private(set) var turned = 0

    init(view: View, whole: Overview, digest: FleetDigest, groups: [String], mayWrite: Bool, size: Int) {
        self.view = view
        self.whole = whole
        self.digest = digest
        self.groups = groups
        self.mayWrite = mayWrite
        self.size = size
        arrange()
    }

    private func cut(_ items: [CheckStatus]) -> [CheckStatus] {
        Array(items.dropFirst((view.page - 1) * size).prefix(size))
    }

    private mutating func arrange() {
        let items = digest.items
        guard !view.isList else {
            var found = items
            if let look = Look(name: view.verdict) { found = found.filter { $0.state.appearance == look } }
            if !view.cause.isEmpty { found = found.filter { $0.state.cause.code == view.cause } }
            found = Self.ordered(found, by: view.sort)
            turned = found.count
            sections = [Section(heading: .list, items: cut(found), total: found.count)]
            return
        }
        // Only a list and an opened group have pages.
        if view.group.isEmpty { view.page = 1 }
        let (sick, unsteady) = (digest.sick, digest.unsteady)
        let isFirst = view.page == 1
        if isFirst, items.count > Self.joined, sick.count > 12 {
            join(sick)
        } else if isFirst, !sick.isEmpty {
            sections.append(Section(heading: .look, items: Array(sick.prefix(size)), total: sick.count))
        }
        if isFirst, !unsteady.isEmpty {
            sections.append(
                Section(
                    heading: .unsteady, items: Array(unsteady.prefix(items.count > Self.open ? 12 : size)),
                    total: unsteady.count))
        }
        if !view.group.isEmpty {
            // Of an opened group all that is well stands here, page by page.
            let calm = items.filter { !$0.state.isTrouble && !$0.isUnsteady }
            turned = calm.count
            sections.append(Section(heading: .group, name: view.group, items: cut(calm), total: items.count))
            return
        }
        guard items.count <= Self.joined else {
            table = digest.groups
            return
        }
        for group in digest.groups {
            let calm = group.items.filter { !$0.state.isTrouble && !$0.isUnsteady }
            let isClosed = items.count > Self.open
            sections.append(
                Section(
                    heading: .group, name: group.name, items: isClosed ? group.items : calm, total: group.items.count,
                    isClosed: isClosed))
        }
    }

    private mutating func join(_ sick: [CheckStatus]) {
        var order: [String] = []
        var found: [String: Alike] = [:]
        for status in sick {
            let key = "\(status.state.look) \(status.state.cause.code)"
            if found[key] == nil {
                order.append(key)
                found[key] = Alike(look: status.state.appearance, cause: status.state.cause, items: [])
            }
            found[key]?.items.append(status)
        }
        alike = order.compactMap { found[$0] }.enumerated().sorted {
            ($1.element.items.count, $0.offset) < ($0.element.items.count, $1.offset)
        }.map(\.element)
    }

    private static func ordered(_ items: [CheckStatus], by sort: StatusQuery.Sort) -> [CheckStatus] {
        switch sort {
        case .file: items
        case .trouble: FleetDigest.sorted(items)
        case .name: items.sorted { $0.check.name < $1.check.name }
        case .latency: items.sorted { $0.state.latencyMicroseconds > $1.state.latencyMicroseconds }
        case .lastPing: items.sorted { $0.state.lastPing > $1.state.lastPing }
        }
    }

    /// Checks whose bars the page shows.
    var shown: [CheckStatus] { sections.filter { !$0.isClosed }.flatMap(\.items) }

    // MARK: The template's

    /// Whether a row is shown that brings its buttons along.
    var hasLoudRows: Bool { sections.contains { section in section.items.contains { Self.isLoud($0, in: section) } } }

    private static func isLoud(_ status: CheckStatus, in section: Section) -> Bool {
        section.heading == .look || section.heading == .list && status.state.isTrouble
    }

    /// - Parameter incidents: those that last, by the check's number.
    func model(
        strips: [Int32: String], uptimes: [Int32: SpanTotals], incidents: [Int32: OpenIncident] = [:]
    ) -> [String: Any] {
        let health = isPart ? FleetHealth(digest.overview) : health
        let pages = max(1, (turned + size - 1) / size)
        let first = (view.page - 1) * size + 1
        let on = view.page > pages ? 0 : min(size, turned - first + 1)
        let total = digest.items.count
        let fleetUptime = Self.uptime(of: digest.items, uptimes)
        let from = view.address { _ in }
        let sections = sections.map { section in
            model(section, strips: strips, uptimes: uptimes, incidents: incidents, from: from)
        }
        return [
            "empty": isEmpty, "fleetPath": whole.fleetFile.path ?? "",
            "hasFleetPath": whole.fleetFile.path != nil,
            "sentence": isPart && total == 0 ? "Nothing matches" : health.sentence, "sign": health.look.name,
            "mood": health.mood.rawValue,
            "links": headline, "hasLinks": !headline.isEmpty, "fleetUptime": fleetUptime,
            "hasFleetUptime": fleetUptime != "–", "what": isPart ? "These were" : "The fleet was",
            "uptime": Formatting.duration(whole.uptime), "started": whole.startedAt.milliseconds,
            "startedText": Formatting.time(whole.startedAt),
            "pings": Formatting.count(whole.work.pings), "pingsWord": whole.work.pings == 1 ? "ping" : "pings",
            "isPart": isPart, "attempts": Formatting.count(whole.work.attempts),
            "flapping": FleetHealth.comeAndGo(whole.flapping),
            // The sentence says it when there is nothing worse to say.
            "hub": whole.hub?.phrase(now: now) ?? "", "hasHub": whole.hub != nil,
            "hubAddress": whole.hub?.endpoint ?? "",
            "hasLedgerVault": whole.ledgerVault != nil, "ledgerVault": whole.ledgerVault?.name ?? "",
            "ledgerKept": Markup.time(whole.ledgerVault?.safeUntil, now: now, never: "not yet"),
            "hasFlapping": whole.flapping > 0 && health.mood != .unsteady,
            "banners": self.health.notices.map(Self.banner),
            "bannerKey": Self.bannerKey(self.health), "chips": chips,
            "query": view.text, "show": view.verdict,
            "hasShow": !view.verdict.isEmpty, "span": view.range.rawValue, "hasSpan": view.range != .day,
            "spanLabel": view.range.label, "half": view.range.half,
            "spans": Chart.Range.allCases.map { range in
                [
                    "label": range.label, "current": range == view.range,
                    "href": view.address { $0.range = range },
                ] as [String: Any]
            },
            "group": view.group, "hasGroup": !view.group.isEmpty,
            "groups": groups.map { ["name": $0, "current": $0 == view.group] as [String: Any] },
            "hasGroups": groups.count > 1,
            "sorts": StatusQuery.Sort.allCases.map {
                ["value": $0.rawValue, "label": Self.sortLabel($0), "current": $0 == view.sort] as [String: Any]
            },
            "sections": sections, "alike": alike.map(model), "hasAlike": !alike.isEmpty,
            "alikeNote": "\(Formatting.count(digest.sick.count)) by \(alike.count.counted("cause")), largest first",
            "table": table.map { model($0, uptimes) }, "hasTable": !table.isEmpty,
            "none": self.sections.allSatisfy { $0.items.isEmpty } && alike.isEmpty && table.isEmpty,
            "narrowed": view.isNarrowed,
            "all": view.address { $0 = View(query: [:]) },
            "total": Formatting.count(turned), "first": Formatting.count(first),
            "until": Formatting.count(first + on - 1), "paged": pages > 1 && on > 0, "page": view.page,
            "pages": Formatting.count(pages),
            "previous": view.page > 1 ? view.address { $0.page = min(view.page - 1, pages) } : "",
            "hasPrevious": view.page > 1,
            "next": view.page < pages ? view.address { $0.page += 1 } : "", "hasNext": view.page < pages,
            "settled": [.trouble, .file, .name].contains(view.sort) && view.verdict.isEmpty, "mayWrite": mayWrite,
            "here": from, "now": now.milliseconds, "generation": String(whole.generation),
            "checks": whole.total,
        ]
    }

    /// The headline's counts, each a link to its rows.
    private var headline: [[String: Any]] {
        let looks = Look.all.sorted { $0.urgency < $1.urgency }.filter {
            ($0.tone == .bad || $0.isUnsteady)
                && (digest.counts[$0.name] ?? 0) > 0
        }
        return looks.enumerated().map { index, look in
            let count = digest.counts[look.name] ?? 0
            return [
                "text": "\(Formatting.count(count)) \(look.phrase)",
                "href": view.address {
                    $0.verdict = look.name; $0.page = 1; $0.cause = ""
                }, "last": index == looks.count - 1,
            ]
        }
    }

    private var chips: [[String: Any]] {
        var chips: [[String: Any]] = [
            [
                "label": "All", "count": Formatting.count(digest.items.count),
                "href": view.address {
                    $0.verdict = ""; $0.page = 1; $0.cause = ""
                },
                "current": view.verdict.isEmpty && view.cause.isEmpty, "name": "all", "shown": true, "sign": false,
            ]
        ]
        for look in Look.all.sorted(by: { $0.urgency < $1.urgency }) {
            let (count, name) = (digest.counts[look.name] ?? 0, look.name)
            chips.append([
                "label": look.title, "count": Formatting.count(count), "name": name,
                "href": view.address {
                    $0.verdict = name; $0.page = 1; $0.cause = ""
                }, "current": view.verdict == name,
                // There is nothing behind an empty one; the sentence above says that nothing is down.
                "shown": count > 0 || view.verdict == name,
                "sign": name,
            ])
        }
        return chips
    }

    private func model(
        _ section: Section, strips: [Int32: String], uptimes: [Int32: SpanTotals], incidents: [Int32: OpenIncident],
        from: String
    ) -> [String: Any] {
        let group = digest.groups.first { $0.name == section.name }
        let isGroup = section.heading == .group
        let hidden = section.total - section.items.count
        var model: [String: Any] = [
            "isGroup": isGroup && !section.isClosed, "isClosed": section.isClosed, "heading": section.name,
            "isLook": section.heading == .look, "isUnsteady": section.heading == .unsteady,
            "wakingWord": Look.waking.name,
            "count": Formatting.count(section.total), "hasRows": !section.isClosed && !section.items.isEmpty,
            "href": view.address {
                $0.group = section.name; $0.page = 1
            },
            "loud": section.heading == .look,
            "hasMore": !isGroup && section.heading != .list && hidden > 0, "more": Formatting.count(hidden),
            "moreHref": view.address {
                $0.verdict = section.items.first?.state.look ?? ""
                $0.page = 1
            },
            "rows": section.isClosed
                ? []
                : section.items.map { status in
                    CheckRow(status, now: now).model(
                        mayWrite: mayWrite, from: from,
                        history: RowHistory(strip: strips[status.id] ?? "", tally: uptimes[status.id]),
                        hub: whole.hub?.endpoint,
                        isLoud: Self.isLoud(status, in: section), incident: incidents[status.id])
                },
        ]
        if isGroup, let group {
            model["facts"] = facts(group, uptimes)
            model["label"] = "\(group.name): \(facts(group, uptimes).joined(separator: ", "))"
            model["hasCells"] = section.isClosed
            model["cells"] = Self.cells(group)
            let above = group.items.count { $0.state.isTrouble || $0.isUnsteady }
            model["hasAbove"] = above > 0 && !section.isClosed && view.page == 1
            model["above"] = "\(Formatting.count(above)) above"
        }
        return model
    }

    /// `12 up`, `1 paused`, `99.9 % in 24 h`.
    private func facts(_ group: FleetDigest.Group, _ uptimes: [Int32: SpanTotals]) -> [String] {
        var facts = notUp(group, with: .up)
        let share = Self.uptime(of: group.items, uptimes)
        if share != "–" { facts.append("\(share) in \(view.range.label)") }
        return facts
    }

    private func notUp(_ group: FleetDigest.Group, with first: Look?) -> [String] {
        var counts: [String: Int] = [:]
        for item in group.items { counts[item.state.look, default: 0] += 1 }
        var facts: [String] = []
        if let first, let count = counts[first.name] { facts.append("\(Formatting.count(count)) up") }
        for look in Look.all.sorted(by: { $0.urgency < $1.urgency }) where look != .up {
            if let count = counts[look.name] { facts.append("\(Formatting.count(count)) \(look.name)") }
        }
        return facts
    }

    /// A square a check, as HTML: names are the fleet file's and escaped.
    private static func cells(_ group: FleetDigest.Group) -> String {
        group.items.prefix(cells).map {
            "<i class=\"v-\($0.state.look)\" title=\"\(Markup.escape("\($0.check.name): \($0.state.look)"))\"></i>"
        }.joined()
    }

    private static func uptime(of items: [CheckStatus], _ uptimes: [Int32: SpanTotals]) -> String {
        var (up, down): (Int64, Int64) = (0, 0)
        for item in items {
            guard let tally = uptimes[item.id] else { continue }
            up += tally.upTime
            down += tally.downTime
        }
        return up + down == 0 ? "–" : Formatting.share(Double(up) / Double(up + down))
    }

    private func model(_ alike: Alike) -> [String: Any] {
        let groups = Set(alike.items.map(\.check.groupLabel)).sorted()
        let isSpaces = alike.items.allSatisfy { $0.check.space != nil }
        return [
            "verdict": alike.look.name, "word": alike.look.title,
            "title": alike.items.count.counted(isSpaces ? "Space" : "check", as: Formatting.count(alike.items.count)),
            "where": groups.prefix(3).joined(separator: ", ") + (groups.count > 3 ? " and others" : ""),
            "cause": Formatting.capitalized(alike.cause == .none ? alike.look.phrase : alike.cause.sentence) + ".",
            "since": Markup.time(alike.items.map(\.state.since).filter { !$0.isNever }.min(), now: now),
            "href": view.address {
                $0.verdict = alike.look.name; $0.cause = alike.cause.code; $0.page = 1
            },
        ]
    }

    private func model(_ group: FleetDigest.Group, _ uptimes: [Int32: SpanTotals]) -> [String: Any] {
        let kinds: [(name: String, tones: [Look.Tone])] = [
            ("up", [.good]), ("slow", [.fair]), ("waking", [.busy]), ("down", [.bad]), ("none", [.paused, .unknown]),
        ]
        var x = 0.0
        var bars = ""
        for kind in kinds {
            let count = group.items.count { kind.tones.contains($0.state.appearance.tone) }
            guard count > 0 else { continue }
            let width = Double(count) / Double(group.items.count) * 100
            bars +=
                "<rect class=\"b-\(kind.name)\" x=\"\(Chart.number(x))\" width=\"\(Chart.number(max(0.8, width)))\" height=\"10\"/>"
            x += width
        }
        let notUp = notUp(group, with: nil).joined(separator: ", ")
        return [
            "name": group.name,
            "href": view.address {
                $0.group = group.name; $0.page = 1
            },
            "share":
                "<svg class=\"share\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"\(notUp.isEmpty ? "all up" : notUp)\">\(bars)</svg>",
            "total": Formatting.count(group.items.count), "notUp": notUp.isEmpty ? "–" : notUp,
            "uptime": Self.uptime(of: group.items, uptimes),
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

extension Chart.Range {
    /// Half of it, for the middle of an axis.
    var half: String {
        switch self {
        case .hour: "30 min"
        case .day: "12 h"
        case .week: "3.5 d"
        case .month: "15 d"
        case .quarter: "45 d"
        }
    }
}
