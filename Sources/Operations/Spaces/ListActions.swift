import Ledger
import StokerCore

extension Operation {
    package static let listActions = Operation(
        name: "list-actions",
        summary:
            "What was done to Spaces, newest first: by healing, by people, by deploys and by commands that change one",
        doing: "list the actions", permission: .write, path: "/actions",
        parameters: [
            .init("space", .query, .text(upTo: 300), "Only those on this Space, as owner/name"),
            .init(
                "kind", .query, .text(upTo: 100),
                "Only this kind, such as `heal.restart`, or all that begin with it, such as `heal` or `space`"),
            .init("state", .query, .choice(Action.State.allCases.map(\.rawValue)), "Only those in this state"),
            .init("from", .query, .instant(ago: true), "That began at this time or later"),
            .init("limit", .query, .integer(1...1_000), defaultValue: 100, "Actions on a page"),
            .cursor,
        ],
        answer: .actionPage
    ) { (context, arguments) throws(Failure) in
        let limit = arguments.integer("limit") ?? 100
        let (kind, state) = (arguments.text("kind"), arguments.text("state"))
        let cursor = try arguments.cursor(doing: "list the actions")
        let page = try await context.withActions { (actions) async throws(Failure) in
            var query = ActionQuery(
                space: arguments.text("space"), since: arguments.instant("from"), before: cursor, limit: 500)
            var kept: [Action] = []
            var more = true
            // What the store cannot choose by is chosen here. All that a ledger keeps are 50,000.
            while more, kept.count <= limit {
                let found = try await actions.actions(query)
                more = found.count == query.limit
                query.before = found.last?.id ?? query.before
                kept += found.filter { action in
                    let own = action.kind.rawValue
                    return (kind.map { own == $0 || own.hasPrefix("\($0).") } ?? true)
                        && (state.map { action.state.rawValue == $0 } ?? true)
                }
            }
            return kept
        }
        guard let page else {
            throw Failure(
                .conflict, doing: "list the actions", because: "there is no ledger in the data folder",
                hint: "let STOKER_DATA name the data folder of `stoker serve`, or ask a server with --server")
        }
        return [
            "items": .array(page.prefix(limit).map(\.json)),
            "next_cursor": .text(page.count > limit ? "\(page[limit - 1].id)" : nil),
        ]
    }
}

extension Shape {
    static let action = Shape(
        name: "Action", summary: "Something that was done to a Space. It is written down before it is done.",
        fields: [
            .init("id", .integer, "Rises with time"),
            .init(
                "kind", .text, "`heal.` and the step, `space.` and what was done, or another kind of a later version"),
            .init("space", .text, "owner/name"),
            .init(
                "state", .choice(Action.State.allCases.map(\.rawValue)),
                "`unknown`: who did it was gone before its end was known"),
            .init("began", .instant, "When it began"),
            .init("ended", .instant, optional: true, "When it ended; null while it is under way"),
            .init("actor", .text, "By whom: `healing`, a command or a request"),
            .init("reason", .text, "Why"),
            .init("result", .text, optional: true, "What was seen at its end"),
            .init("details", .table(.text), "What is to be known to finish it; no secrets"),
        ])

    static let actionPage = Shape(
        name: "ActionPage", summary: "A page of actions.",
        fields: [
            .init("items", .list(.shape(action)), "Newest first"),
            .init("next_cursor", .text, optional: true, "`cursor` of the next page; null when this is the last"),
        ])
}

extension Action {
    fileprivate var json: JSONValue {
        [
            "id": .integer(id), "kind": .string(kind.rawValue), "space": .string(space),
            "state": .string(state.rawValue), "began": .instant(began), "ended": .instant(ended),
            "actor": .string(actor), "reason": .string(reason), "result": .text(result),
            "details": .object(details.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }),
        ]
    }
}
