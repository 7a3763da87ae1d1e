import StokerCore

extension Operation {
    package static let listChecks = Operation(
        name: "list-checks", summary: "Checks with what is believed about them, filtered, sorted and paged",
        doing: "list the checks", needsFleet: true, path: "/checks",
        parameters: [
            .init("q", .query, .text(upTo: 200), "Part of the name, address or Space, in any case"),
            .init(
                "verdict", .query, .choices(Look.all.map(\.name)),
                "Only these verdicts, or what stands for one on a screen"),
            .init("group", .query, .text(upTo: 200), "Only this group"),
            .init("kind", .query, .choice(CheckPolicy.Kind.allCases.map(\.rawValue)), "Only this kind"),
            .init(
                "sort", .query, .choice(StatusQuery.Sort.allCases.map(\.rawValue)), defaultValue: "file",
                "`file` and `name` keep their order between two pages; the others move with the fleet"),
            .init("limit", .query, .integer(1...1_000), defaultValue: 100, "Checks on a page"),
            .init("offset", .query, .integer(0...Int(Int32.max)), defaultValue: 0, "Checks before the page"),
            .init(
                "cursor", .query, .text(upTo: 330), form: "^(file\\.[0-9]{1,9}\\.|name\\.).+$",
                "`next_cursor` of the page before, in place of `offset`: checks that join or leave before it move nothing"
            ),
            .init("strips", .query, .flag, defaultValue: false, "Adds the newest samples of each check"),
        ],
        answer: .checkPage
    ) { (context, arguments) throws(Failure) in
        let offset = arguments.integer("offset") ?? 0
        let limit = arguments.integer("limit") ?? 100
        let words = arguments.texts("verdict")
        var query = StatusQuery(
            text: arguments.text("q") ?? "", verdicts: Set(words.compactMap { Verdict(name: $0) }),
            group: arguments.text("group"), kind: arguments.text("kind").flatMap { CheckPolicy.Kind(rawValue: $0) },
            sort: arguments.text("sort").flatMap { StatusQuery.Sort(rawValue: $0) } ?? .file, offset: offset,
            limit: limit)
        query.looks = Set(words.filter { Verdict(name: $0) == nil })
        if let text = arguments.text("cursor") {
            guard offset == 0, let cursor = CheckCursor(text), cursor.sort == query.sort else {
                throw Failure(
                    .usage, doing: "list the checks", because: "\"cursor\" is not one that a page of this order gave",
                    hint: "use a page's next_cursor as it is, with the same `sort`, and without `offset`")
            }
            query.offset = try await cursor.offset(of: query, in: context.monitor)
        }
        let page = try await context.monitor.statuses(query)
        let now = context.now()
        var items = page.items.map { $0.json(now: now) }
        if arguments.flag("strips") {
            let strips = try await context.monitor.samples(of: page.items.map(\.check.name))
            items = zip(items, strips).map { item, strip in item.adding([.init("strip", .array(strip.map(\.json)))]) }
        }
        let next = query.offset + page.items.count
        let isLast = page.items.isEmpty || next >= page.total
        let cursor =
            isLast ? nil : try await CheckCursor(behind: page.items.last, of: query, in: context.monitor)
        return [
            "items": .array(items), "total": .count(page.total), "offset": .count(query.offset),
            "limit": .count(limit), "next_offset": isLast ? .null : .count(next), "next_cursor": .text(cursor?.text),
        ]
    }
}

extension Operation.Parameter {
    static let checkName = Operation.Parameter(
        "name", .path, .text(upTo: 300), "Name of the check; a slash in it may stay as it is or be written `%2F`")
}

/// A place between two checks of a list that keeps its order.
struct CheckCursor: Equatable {
    /// `file` or `name`.
    var sort: StatusQuery.Sort
    /// Of the last check that was shown; its place counts where it has left.
    var name: String
    var place = 0

    var text: String { sort == .file ? "file.\(place).\(name)" : "name.\(name)" }

    init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2, let sort = StatusQuery.Sort(rawValue: parts[0]) else { return nil }
        self.sort = sort
        switch sort {
        case .name: name = parts[1]
        case .file:
            let rest = parts[1].split(separator: ".", maxSplits: 1).map(String.init)
            guard rest.count == 2, let place = Int(rest[0]), place >= 0 else { return nil }
            (self.place, name) = (place, rest[1])
        default: return nil
        }
    }

    /// nil for orders that move with the fleet.
    init?(behind status: CheckStatus?, of query: StatusQuery, in monitor: any FleetMonitoring) async {
        guard let status, query.sort == .file || query.sort == .name else { return nil }
        sort = query.sort
        name = status.check.name
        if sort == .file { place = await monitor.position(of: name) ?? 0 }
    }

    /// How many of those that a query finds stand before this place, or at it.
    func offset(of query: StatusQuery, in monitor: any FleetMonitoring) async -> Int {
        let own = sort == .file ? await monitor.position(of: name) : nil
        if sort == .file, query.isPlain { return own.map { $0 + 1 } ?? place }
        func isBehind(_ status: CheckStatus) async -> Bool {
            guard sort == .file else { return status.check.name > name }
            let other = await monitor.position(of: status.check.name) ?? 0
            return own.map { other > $0 } ?? (other >= place)
        }
        var query = query
        (query.offset, query.limit) = (0, 0)
        var range = 0..<(await monitor.statuses(query).total)
        query.limit = 1
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            query.offset = middle
            // The fleet may shrink meanwhile.
            guard let status = await monitor.statuses(query).items.first, !(await isBehind(status)) else {
                range = range.lowerBound..<middle
                continue
            }
            range = (middle + 1)..<range.upperBound
        }
        return range.lowerBound
    }
}
