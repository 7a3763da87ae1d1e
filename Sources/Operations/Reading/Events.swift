import Ledger
import StokerCore

extension Operation {
    package static let events = Operation(
        name: "events", summary: "What happened, newest first, to one check or to all", doing: "list the events",
        needsFleet: true, path: "/events",
        parameters: [
            .init("check", .query, .text(upTo: 300), "Only this check"),
            .init("limit", .query, .integer(1...1_000), standard: 100, "Events on a page"),
            .cursor,
        ],
        answer: .eventPage
    ) { (context, arguments) throws(Failure) in
        let check = try await context.status(named: arguments.text("check"))
        let limit = arguments.integer("limit") ?? 100
        let found = try await context.ledger.events(
            of: check?.id, before: try arguments.cursor(doing: "list the events"), limit: limit + 1)
        let page = found.prefix(limit)
        let names = try await context.names(of: page.compactMap(\.check), unless: check)
        return [
            "items": .array(page.map { event in event.json(name: event.check.flatMap { names[$0] }) }),
            "next_cursor": found.count > limit ? .text(page.last.map { "\($0.id)" }) : .null,
        ]
    }
}
