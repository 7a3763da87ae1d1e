import Ledger
import StokerCore

extension Operation {
    package static let activity = Operation(
        name: "activity",
        summary:
            "Who had what done, newest first: each change by a person, a token, an agent or Stoker itself, from where, and what came of it",
        doing: "list the activity", permission: .write, scope: .operate, needsFleet: true, path: "/activity",
        parameters: [
            .init("actor", .query, .choices(Principal.Kind.allCases.map(\.rawValue)), "Only of these kinds of actor"),
            .init("by", .query, .text(upTo: 200), "Only of the person or token of this name"),
            .init("result", .query, .choices(Activity.Result.allCases.map(\.rawValue)), "Only with these results"),
            .init("operation", .query, .text(upTo: 100), "Only this operation"),
            .init("target", .query, .text(upTo: 300), "Only what was done to this Space, check or incident"),
            .init("from", .query, .instant(ago: true), "Not older than this"),
            .init("to", .query, .instant(ago: true), "Older than this"),
            .init("limit", .query, .integer(1...1_000), defaultValue: 100, "Entries on a page"),
            .cursor,
        ],
        answer: .activityPage
    ) { (context, arguments) throws(Failure) in
        let limit = arguments.integer("limit") ?? 100
        let found = try await context.ledger.activities.activities(
            ActivityQuery(
                actors: Set(arguments.texts("actor").compactMap(Principal.Kind.init(rawValue:))),
                name: arguments.text("by"),
                results: Set(arguments.texts("result").compactMap(Activity.Result.init(rawValue:))),
                operation: arguments.text("operation"), target: arguments.text("target"),
                from: arguments.instant("from"), to: arguments.instant("to"),
                before: try arguments.cursor(doing: "list the activity"), limit: limit + 1))
        let page = found.prefix(limit)
        return [
            "items": .array(page.map(\.json)),
            "next_cursor": .text(found.count > limit ? page.last.map { "\($0.id)" } : nil),
        ]
    }
}

extension Activity {
    fileprivate var json: JSONValue {
        let named = Operation.named(what.operation)
        return [
            "id": .integer(id), "at": .instant(what.at), "actor": .string(what.actor.rawValue),
            "by": .string(what.name), "address": .text(what.address), "operation": .string(what.operation),
            "doing": .string(named?.doing ?? Activity.Own(rawValue: what.operation)?.doing ?? what.operation),
            "target": .text(what.target),
            "inputs": what.inputs.flatMap { try? JSONValue(reading: $0) } ?? .null, "result": .string(result.rawValue),
            "because": .text(because),
        ]
    }
}

extension Shape {
    static let activityPage = Shape(
        name: "ActivityPage", summary: "Who had what done.",
        fields: [
            .init("items", .list(.shape(.activityEntry)), "The newest first"),
            .init("next_cursor", .text, optional: true, "For the next page; null on the last"),
        ])

    private static let activityEntry = Shape(
        name: "ActivityEntry", summary: "A change that somebody asked for, or that Stoker made by itself.",
        fields: [
            .init("id", .integer, "Its number"), .init("at", .instant, "When it was asked for"),
            .init(
                "actor", .choice(Principal.Kind.allCases.map(\.rawValue)),
                "person: signed in or at a terminal; token: a program; agent: a model's client; machine: this machine without a token; stoker: healing, drills and workers"
            ),
            .init("by", .text, "Name of the person or the token; of an agent, with whose right it works"),
            .init("address", .text, optional: true, "From where"),
            .init("operation", .text, "Name of the operation"), .init("doing", .text, "The same in words"),
            .init("target", .text, optional: true, "What it was done to"),
            .init("inputs", .any, "The other inputs, without secrets; null for none"),
            .init(
                "result", .choice(Activity.Result.allCases.map(\.rawValue)),
                "refused: not allowed; asked: answered with a question, nothing was changed; begun: at work, or its end is not known"
            ),
            .init("because", .text, optional: true, "Why it was not done; of what Stoker did by itself, its cause"),
        ])
}
