import Ledger
import StokerCore

extension Operation {
    package static let incidents = Operation(
        name: "incidents", summary: "Spans of trouble, newest first, of one check or of all",
        doing: "list the incidents",
        needsFleet: true, path: "/incidents",
        parameters: [
            .init("check", .query, .text(upTo: 300), "Only this check"),
            .init("open", .query, .flag, standard: false, "Only those that last"),
            .init("limit", .query, .integer(1...1_000), standard: 100, "Incidents on a page"),
            .cursor,
        ],
        answer: .incidentPage
    ) { (context, arguments) throws(Failure) in
        let check = try await context.status(named: arguments.text("check"))
        let limit = arguments.integer("limit") ?? 100
        let found = try await context.ledger.incidents(
            of: check?.id, openOnly: arguments.flag("open"), before: try arguments.cursor(doing: "list the incidents"),
            limit: limit + 1)
        let page = found.prefix(limit)
        let names = try await context.names(of: page.map(\.check), unless: check)
        let now = context.now()
        return [
            "items": .array(page.map { $0.json(name: names[$0.check], now: now) }),
            "next_cursor": found.count > limit ? .text(page.last.map { "\($0.id)" }) : .null,
        ]
    }
}
