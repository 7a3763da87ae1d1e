import Ledger
import StokerCore

extension Operation {
    package static let events = Operation(
        name: "events", summary: "What happened, newest first, to one check or to all", doing: "list the events",
        needsFleet: true, path: "/events",
        parameters: [
            .init("check", .query, .text(upTo: 300), "Only this check"),
            .init("target", .query, .text(upTo: 300), "Only this target, with all its checks"),
            .init("group", .query, .text(upTo: 300), "Only checks of this group"),
            .init(
                "kind", .query, .text(upTo: 120),
                "Only this kind, or all that begin with it: `incident`; several joined by commas"),
            .init("from", .query, .instant(ago: true), "Not older than this"),
            .init("to", .query, .instant(ago: true), "Older than this"),
            .init("limit", .query, .integer(1...1_000), defaultValue: 100, "Events on a page"),
            .cursor,
        ],
        answer: .eventPage
    ) { (context, arguments) throws(Failure) in
        let check = try await context.status(named: arguments.text("check"))
        let limit = arguments.integer("limit") ?? 100
        let family = try await context.family(arguments)
        let kinds = arguments.text("kind").map { $0.split(separator: ",").map(String.init) }
        let (from, to) = (arguments.instant("from"), arguments.instant("to"))
        let isPlain = family == nil && kinds == nil && from == nil && to == nil
        func passes(_ event: Event) -> Bool {
            if let family, !(event.check.map { family.contains($0) } ?? false) { return false }
            if let kinds, !kinds.contains(where: { event.kind == $0 || event.kind.hasPrefix($0 + ".") }) {
                return false
            }
            if let to, event.at >= to { return false }
            return from.map { $0 <= event.at } ?? true
        }
        var kept: [Event] = []
        var before = try arguments.cursor(doing: "list the events")
        var more = true
        // The next page goes on where this one stopped to look.
        var left = 20_000
        while more, kept.count <= limit, left > 0 {
            let size = isPlain ? limit + 1 : 1_000
            let found = try await context.ledger.events(of: check?.id, before: before, limit: size)
            left -= found.count
            more = found.count == size
            before = found.last?.id ?? before
            kept += found.filter(passes)
            // Newest first: what follows is older still, but for a clock that was set back.
            if let from, let last = found.last, last.at < from - .seconds(86_400) { more = false }
        }
        let page = kept.prefix(limit)
        let names = try await context.names(of: page.compactMap(\.check), unless: check)
        let next: Int64? = kept.count > limit ? page.last?.id : more ? before : nil
        return [
            "items": .array(page.map { event in event.json(name: event.check.flatMap { names[$0] }) }),
            "next_cursor": .text(next.map { "\($0)" }),
        ]
    }
}
