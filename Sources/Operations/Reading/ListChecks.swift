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
                "sort", .query, .choice(StatusQuery.Sort.allCases.map(\.rawValue)), standard: "file",
                "`file` and `name` keep their order between two pages; the others move with the fleet"),
            .init("limit", .query, .integer(1...1_000), standard: 100, "Checks on a page"),
            .init("offset", .query, .integer(0...Int(Int32.max)), standard: 0, "Checks before the page"),
            .init("strips", .query, .flag, standard: false, "Adds the newest samples of each check"),
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
        let page = try await context.monitor.statuses(query)
        let now = context.now()
        var items = page.items.map { $0.json(now: now) }
        if arguments.flag("strips") {
            let strips = try await context.monitor.samples(of: page.items.map(\.check.name))
            items = zip(items, strips).map { item, strip in item.adding([.init("strip", .array(strip.map(\.json)))]) }
        }
        let next = offset + page.items.count
        return [
            "items": .array(items), "total": .count(page.total), "offset": .count(offset), "limit": .count(limit),
            "next_offset": page.items.isEmpty || next >= page.total ? .null : .count(next),
        ]
    }
}

extension Operation.Parameter {
    static let checkName = Operation.Parameter(
        "name", .path, .text(upTo: 300), "Name of the check; a slash in it may stay as it is or be written `%2F`")
}
