import KeepAlive
import Ledger
import StokerCore

extension Operation {
    package static let listMaintenance = Operation(
        name: "list-maintenance", summary: "Maintenance: what goes on, what comes within 30 days, and what was",
        doing: "list maintenance", needsFleet: true, path: "/maintenance",
        answer: .maintenanceList,
        paging: Paging(
            "past", by: "id",
            limit: .init("past", .query, .integer(0...1_000), defaultValue: 20, "How many that are over, the newest"))
    ) { (context, _) throws(Failure) in
        let keeper = try context.maintenance
        let now = context.now()
        let spans = try await keeper.spans()
        let near = keeper.book.windows(in: now..<(now + .seconds(30 * 86_400)))
        let remembered = Dictionary(spans.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
        let over = spans.filter { $0.until <= now.milliseconds && $0.from < $0.until }
        return [
            "active": .array(near.filter { $0.from <= now }.map { $0.json(remembered[$0.id], now: now) }),
            "planned": .array(near.filter { $0.from > now }.prefix(100).map { $0.json(remembered[$0.id], now: now) }),
            "past": .array(over.reversed().map { $0.window.json($0, now: now) }),
            "rules": .array(
                keeper.book.rules(now: now).map { one in
                    [
                        "name": .string(one.rule.name), "rhythm": .string(one.rule.rhythm),
                        "for_seconds": one.rule.length.map { .seconds($0) } ?? .null,
                        "scope": .string(one.rule.scope.sentence), "next": .instant(one.next),
                    ]
                }),
        ]
    }

    package static let startMaintenance = Operation(
        name: "start-maintenance",
        summary:
            "Begins maintenance, now or later: pinging goes on, but nobody is alarmed, nothing is healed, and the time is not in the uptime",
        doing: "begin maintenance", effect: .write, needsFleet: true, method: .post, path: "/maintenance",
        parameters: [
            .init("targets", .body, .list(.text(upTo: 300), upTo: 1_000), "Targets or single checks"),
            .init("groups", .body, .list(.text(upTo: 300), upTo: 1_000), "Groups; with targets, both are in it"),
            .init("all", .body, .flag, "Everything, in place of targets and groups"),
            .init("from", .body, .instant(ago: false), "When it begins; now unless given, at most 30 days ahead"),
            .init("for", .body, .duration, "How long, 1h unless given; at most one of `for` and `until`"),
            .init("until", .body, .instant(ago: false), "Until when"),
            .init("name", .body, .text(upTo: 100), "What it is called"),
            .init("text", .body, .text(upTo: 500), "What people read"),
            .init("by", .body, .text(upTo: 100), "Who begins it"),
        ],
        answer: .maintenanceWindow
    ) { (context, arguments) throws(Failure) in
        let now = context.now()
        let scope = MaintenanceScope(targets: arguments.texts("targets"), groups: arguments.texts("groups"))
        guard scope.isEverything == arguments.flag("all") else {
            throw Failure(
                .usage, doing: "begin maintenance",
                because: scope.isEverything ? "nothing is named" : "\"all\" is given beside targets or groups",
                hint: "name targets or groups, or give \"all\"")
        }
        let (span, until) = (arguments.duration("for"), arguments.instant("until"))
        guard span == nil || until == nil else {
            throw Failure(
                .usage, doing: "begin maintenance", because: "both \"for\" and \"until\" are given",
                hint: "give one of them")
        }
        var begin = arguments.instant("from")
        // The minute that a form sends has begun already.
        if let from = begin, from <= now, now - from < .seconds(60) { begin = nil }
        let start = begin ?? now
        guard start >= now, start - now <= .seconds(30 * 86_400) else {
            throw Failure(
                .usage, doing: "begin maintenance", because: "its beginning (\(start)) is not within the next 30 days",
                hint: "what is later belongs into `maintenance` of the fleet file")
        }
        let end = until ?? start + (span ?? .seconds(3_600))
        guard end > start, end - start <= .seconds(31 * 86_400) else {
            throw Failure(
                .usage, doing: "begin maintenance",
                because: "its end (\(end)) is not within 31 days after its beginning (\(start))",
                hint: "what is longer belongs into `maintenance` of the fleet file")
        }
        let begun = try await context.maintenance.start(
            scope, name: arguments.text("name") ?? "", from: begin, until: end, by: arguments.text("by"),
            text: arguments.text("text"))
        return begun.window.json(begun, now: context.now())
    }

    package static let stopMaintenance = Operation(
        name: "stop-maintenance",
        summary: "Ends maintenance that goes on, and what is down then is alarmed; or calls off what is planned",
        doing: "end maintenance", effect: .write, needsFleet: true, method: .post, path: "/maintenance/stop",
        parameters: [
            .init(
                "id", .body, .text(upTo: 300), required: true,
                "Its number, its name, or a target that it names, where that says which; its number for what the fleet file plans"
            )
        ],
        answer: .maintenanceWindow
    ) { (context, arguments) throws(Failure) in
        let ended = try await context.maintenance.stop(arguments.text("id") ?? "")
        return ended.window.json(ended, now: context.now())
    }
}

extension Shape {
    static let maintenanceWindow = Shape(
        name: "MaintenanceWindow", summary: "A time of maintenance.",
        fields: [
            .init("id", .text, "Its number"),
            .init("name", .text, "What it is called; empty when it has no name"),
            .init("state", .choice(["planned", "active", "over"]), "Where it stands"),
            .init("from", .instant, "When it begins"),
            .init("until", .instant, "When it ends, or ended"),
            .init("scope", .text, "What it is for, in words: `everything`, `group websites`"),
            .init("targets", .list(.text), "Targets and checks it names"),
            .init("groups", .list(.text), "Groups it names; with no targets either, it is for everything"),
            .init("by_hand", .flag, "Begun by a person, not by the fleet file"),
            .init("stopped", .flag, "A person ended it before its time"),
            .init("text", .text, optional: true, "What people read"),
            .init("by", .text, optional: true, "Who began it, as they said"),
        ])

    static let maintenanceList = Shape(
        name: "MaintenanceList", summary: "Maintenance that goes on, comes, and was.",
        fields: [
            .init("active", .list(.shape(maintenanceWindow)), "What goes on"),
            .init("planned", .list(.shape(maintenanceWindow)), "What comes within 30 days, at most 100"),
            .init("past", .list(.shape(maintenanceWindow)), "What is over, newest first"), .nextCursor,
            .init(
                "rules",
                .list(
                    .shape(
                        Shape(
                            name: "MaintenanceRule", summary: "A line of `maintenance` in the fleet file.",
                            fields: [
                                .init("name", .text, "Its name"),
                                .init("rhythm", .text, "`once`, or by which schedule"),
                                .init(
                                    "for_seconds", .number, optional: true,
                                    "How long it lasts; null where its end is said"),
                                .init("scope", .text, "What it is for, in words"),
                                .init("next", .instant, optional: true, "When it begins next"),
                            ]))), "The lines of the fleet file"),
        ])
}

extension MaintenanceWindow {
    /// - Parameter span: as it is remembered; nil when it is not yet.
    func json(_ span: MaintenanceSpan?, now: Instant) -> JSONValue {
        [
            "id": .string(id), "name": .string(name),
            "state": .string(until <= now || until <= from ? "over" : from > now ? "planned" : "active"),
            "from": .instant(from),
            "until": .instant(until), "scope": .string(scope.sentence),
            "targets": .array(scope.targets.map { .string($0) }), "groups": .array(scope.groups.map { .string($0) }),
            "by_hand": .bool(isByHand), "stopped": .bool(span?.stopped == true), "text": .text(text),
            "by": .text(span?.by),
        ]
    }
}
