package import StokerCore

/// One line of `notify:`: who is told what, when.
package struct NoticeRule: Sendable, Equatable {
    /// Names of channels.
    package var to: [FleetReference] = []
    /// A channel that is said in the rule itself.
    package var inline: ConfiguredChannel?
    package var on: [Notice.Kind] = standardKinds
    /// Only these groups; empty for all.
    package var groups: [FleetReference] = []
    /// Only these targets or checks; empty for all. With groups, either is enough.
    package var targets: [FleetReference] = []
    /// Only what has lasted so long and was not acknowledged.
    package var lasting: Duration?
    /// Told again as long as it lasts and is not acknowledged.
    package var `repeat`: Duration?
    /// When nothing is sent; what happens then is sent afterwards.
    package var quiet: Hours?
    /// How long what happens is gathered before it is sent as one message.
    package var together: Duration = .zero

    package static let standardKinds: [Notice.Kind] = [.down, .recovered, .silent, .moderated, .gaveUp, .offline]

    package init() {}
}

extension Notice.Kind {
    /// Those that a rule can name.
    static let ofRules = allCases.filter { $0 != .test && $0 != .acknowledged }

    /// Kinds of rooms that are not built yet.
    static let unsupported = [
        "iteration": "no worker runs", "worker-failed": "no worker runs",
    ]

    /// Whether it is told that something is wrong, and stays so until it recovers.
    package var isAlarm: Bool {
        switch self {
        case .down, .silent, .moderated, .wakingTooLong: true
        default: false
        }
    }
}

/// `notify:` of the fleet file.
package enum NotifySection {
    package static let table = FleetTable<NoticeRule>(
        [
            FleetKey(
                "to", .list(.reference("a channel's name, such as team"), "names of channels, such as team", limit: 20),
                \.to, "Names of channels. In its place the rule may have a channel of its own, such as `webhook: …`.",
                example: "[team]", invalidExamples: ["nowhere", "{ a: b }"]),
            FleetKey(
                "on", .list(kind, "kinds of event", limit: 20), \.on,
                "Which events are told. A tool that reads YAML 1.1 turns this key into `true`, which is understood as well.",
                defaultValue: "`[down, recovered, silent, moderated, gave-up, offline]`",
                range: Notice.Kind.ofRules.map { "`\($0.rawValue)`" }.joined(separator: ", "),
                example: "[down, recovered]", invalidExamples: ["worker-failed", "sideways", "{ a: b }"]),
            FleetKey(
                "groups", .list(.reference("a group's name"), "groups", limit: 1_000), \.groups,
                "Only what belongs to these groups.", defaultValue: "all", example: "[]",
                invalidExamples: ["nowhere", "{ a: b }"]),
            FleetKey(
                "targets", .list(.reference("a target's name"), "targets", limit: 1_000), \.targets,
                "Only these targets, or single checks such as `bot/ready`; with `groups`, either is enough.",
                defaultValue: "all", example: "[]", invalidExamples: ["nowhere", "{ a: b }"]),
            FleetKey(
                "lasting", .duration(.seconds(1) ... .seconds(30 * 86_400), example: "10m"), \.lasting,
                "Tells only of trouble that has lasted so long and that nobody has acknowledged: the escalation.",
                defaultValue: "told at once", example: "10m", invalidExamples: ["10", "0s", "31d"]),
            FleetKey(
                "repeat", .duration(.seconds(60) ... .seconds(30 * 86_400), example: "1h"), \.repeat,
                "Tells it again and again, as long as it lasts and nobody has acknowledged it.",
                defaultValue: "told once",
                example: "1h", invalidExamples: ["1", "30s", "31d"]),
            FleetKey(
                "quiet", .hours, \.quiet,
                "When nothing is sent; what happens then is sent afterwards, as one message.", defaultValue: "never",
                range: "`22:00-07:00 Europe/Berlin`, as `hours`", example: "\"22:00-07:00 Europe/Berlin\"",
                invalidExamples: ["\"25:00-26:00\"", "\"22:00-07:00 Europe/Nowhere\""]),
            FleetKey(
                "together", .duration(.zero ... .seconds(3_600), example: "30s"), \.together,
                "How long events are gathered, from the first on, to be sent as one message. Many at once are put together in any case.",
                defaultValue: "0s", example: "30s", invalidExamples: ["30", "2h"]),
        ], aliases: ["true": "on"],
        finish: { rule, said in
            if said.has("to"), rule.inline != nil {
                said.report(.conflict, "names channels, and the rule has one of its own; make it two rules", at: "to")
            } else if !said.has("to"), rule.inline == nil {
                said.report(
                    .missing, "names no channel; write to: team, or a channel itself such as { webhook: … }")
            }
            let alarms = rule.on.contains { $0.isAlarm }
            for key in ["lasting", "repeat"] where said.has(key) && !alarms {
                said.report(
                    .conflict, "needs one of the events that last in `on`: down, silent, moderated, waking-too-long",
                    at: key)
            }
        })

    package static let section = FleetSection(
        "notify", "Who is told what, a list of rules; each is asked on its own.",
        FleetValue<[NoticeRule]>.list(
            .table(table, NoticeRule(), or: ChannelsSection.kinds, "a channel", at: \.inline), "rules", limit: 200),
        initial: [],
        groups: [
            FleetKeyGroup(
                "notify", table.rows,
                document: "channels: { team: { webhook: \"\" } }\nnotify: [ { to: team, % } ]", schemaPath: [])
        ]
    ).checking { rules, fleet, report in
        let channels = fleet[ChannelsSection.section].map(\.name)
        for rule in rules {
            for channel in rule.to where !channels.contains(channel.name) {
                report.unknown(channel, "a channel", among: channels)
            }
            report.check(groups: rule.groups, targets: rule.targets, in: fleet)
        }
    }

    private static let kind = FleetValue<String>.text(
        "a kind of event, such as down",
        pattern: "^(\(Notice.Kind.ofRules.map(\.rawValue).joined(separator: "|")))$"
    ) { word in
        if Notice.Kind.ofRules.contains(where: { $0.rawValue == word }) { return nil }
        if let instead = Notice.Kind.unsupported[word] {
            return "is not built yet in this version of Stoker: \(instead); leave it out"
        }
        let all = Notice.Kind.ofRules.map(\.rawValue)
        let hint =
            ClosestMatch.of(word, among: all).map { "did you mean `\($0)`?" }
            ?? "there are \(all.joined(separator: ", "))"
        return "is not a kind of event; \(hint)"
    }.map({ Notice.Kind(rawValue: $0) ?? .down }, back: { $0.rawValue })
}
