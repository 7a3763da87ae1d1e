package import Ledger
package import Notices
package import StokerCore

extension Shape {
    static let channel = Shape(
        name: "Channel", summary: "A way to reach people, and how it fares.",
        fields: [
            .init("name", .text, "Its name in the fleet file; `rule 2` for one that is said in a rule"),
            .init("kind", .text, "`discord`, `email` and the like"),
            .init("goes_to", .text, "Where it goes, without secrets"),
            .init("on", .flag, "False: its address is empty, so it is switched off"),
            .init("last_delivered", .instant, optional: true, "When a message was last taken"),
            .init("last_attempt", .instant, optional: true, "When one was last tried"),
            .init("failure", .text, optional: true, "Why the last attempt failed; null when it did not"),
            .init("failing_since", .instant, optional: true, "Since when"),
            .init("waiting", .integer, "Messages that are on their way to it"),
            .init("given_up", .integer, "Messages that were given up within seven days"),
        ])

    static let channelList = Shape(
        name: "ChannelList", summary: "All channels of the fleet file.",
        fields: [.init("items", .list(.shape(.channel)), "In the order of the file"), .nextCursor])

    static let hearer = Shape(
        name: "Hearer", summary: "A channel that hears of something, and on which conditions.",
        fields: [
            .init("channel", .text, "Its name in the fleet file; `rule 2` for one that is said in a rule"),
            .init("on", .flag, "False: its address is empty, so it hears nothing"),
            .init("lasting_seconds", .number, optional: true, "Only of trouble that lasts so long unacknowledged"),
            .init("repeat_seconds", .number, optional: true, "Told again so often, until it is acknowledged or over"),
            .init("together_seconds", .number, "How long events are gathered; 0: told at once"),
            .init("quiet", .text, optional: true, "Hours without messages, as the fleet file writes them"),
            .init("groups", .list(.text), "Only of these groups; with `targets`, either is enough"),
            .init("targets", .list(.text), "Only of these targets or checks"),
            .init("sentence", .text, "All of it in words"),
        ])

    static let audienceLine = Shape(
        name: "AudienceLine", summary: "Kinds of event that the same channels hear of.",
        fields: [
            .init("kinds", .list(.text), "`down`, `recovered` and the like"),
            .init("hearers", .list(.shape(.hearer)), "In the order of the rules"),
        ])

    static let audience = Shape(
        name: "Audience", summary: "Who hears of what, and what nobody hears of.",
        fields: [
            .init("items", .list(.shape(.audienceLine)), "What somebody hears of"),
            .init("unheard_kinds", .list(.text), "Kinds of event that no channel hears of"),
            .init(
                "unheard_checks", .list(.text),
                "Checks whose trouble no channel hears of, though some hear of others'; at most 100"),
            .init("unheard_checks_count", .integer, "How many they are"),
        ])

    static let message = Shape(
        name: "Message", summary: "A message to one channel.",
        fields: [
            .init("id", .integer, "Number of its job"),
            .init("key", .text, "The same in each attempt, for receivers that must not take it twice"),
            .init("channel", .text, "Name of the channel"),
            .init("kind", .text, "What happened: `down`, `recovered` and the like"),
            .init("at", .instant, "When it happened"),
            .init(
                "state", .choice(["waiting", "sending", "failing", "delivered", "given_up", "dropped"]),
                "`failing` is tried again; `dropped` was not wanted any more"),
            .init("due", .instant, optional: true, "When it is tried next; null once it is over"),
            .init("ended", .instant, optional: true, "When it was delivered or given up"),
            .init("attempts", .integer, "Made so far"),
            .init("error", .text, optional: true, "Why the last attempt failed, or why it was dropped"),
            .init("targets", .list(.text), "What it is about; at most 50 are listed"),
            .init("count", .integer, "How many it is about"),
            .init("sentence", .text, "The cause, or what happened"),
            .init("repeated", .integer, "How often it was told before"),
        ])

    static let messages = Shape(
        name: "Messages", summary: "Messages, one for each channel.",
        fields: [.init("items", .list(.shape(.message)), "The messages")])

    static let messagePage = Shape(
        name: "MessagePage", summary: "Messages, newest first.",
        fields: [
            .init("items", .list(.shape(.message)), "The messages"),
            .init("next_cursor", .text, optional: true, "For the next page; null on the last"),
        ])
}

extension NoticeAudience {
    package var json: JSONValue {
        [
            "items": .array(
                lines.map { line in
                    [
                        "kinds": .array(line.kinds.map { .string($0.rawValue) }),
                        "hearers": .array(line.hearers.map(\.json)),
                    ]
                }), "unheard_kinds": .array(unheard.map { .string($0.rawValue) }),
            "unheard_checks": .array(unheardChecks.prefix(100).map { .string($0) }),
            "unheard_checks_count": .integer(Int64(unheardChecks.count)),
        ]
    }
}

extension NoticeAudience.Hearer {
    fileprivate var json: JSONValue {
        [
            "channel": .string(channel), "on": .bool(!isOff),
            "lasting_seconds": lasting.map { .seconds($0) } ?? .null,
            "repeat_seconds": self.repeat.map { .seconds($0) } ?? .null,
            "together_seconds": .seconds(together), "quiet": .text(quiet),
            "groups": .array(groups.map { .string($0) }), "targets": .array(targets.map { .string($0) }),
            "sentence": .string(sentence),
        ]
    }
}

extension NoticeBoard.ChannelStatus {
    package var json: JSONValue {
        [
            "name": .string(name), "kind": .string(kind), "goes_to": .string(shown), "on": .bool(isOn),
            "last_delivered": .instant(report.delivered), "last_attempt": .instant(report.at),
            "failure": .text(report.failure), "failing_since": .instant(report.failedSince),
            "waiting": .integer(Int64(waiting)), "given_up": .integer(Int64(givenUp)),
        ]
    }
}

/// Words of the states of a message.
package enum MessageState: String, CaseIterable {
    case waiting, sending, failing, delivered, dropped
    case givenUp = "given_up"

    package init(_ state: Job.State) {
        self =
            switch state {
            case .available, .scheduled: .waiting
            case .running: .sending
            case .retryable: .failing
            case .completed: .delivered
            case .discarded: .givenUp
            case .cancelled: .dropped
            }
    }

    package var jobStates: Set<Job.State> { Set(Job.State.allCases.filter { Self($0) == self }) }
}

extension Job {
    /// As a message; nil for one that cannot be read.
    package var message: JSONValue? {
        guard let outgoing = OutgoingMessage(self) else { return nil }
        let notice = outgoing.notice
        return [
            "id": .integer(id), "key": .string(notice.key), "channel": .string(outgoing.channel),
            "kind": .string(notice.kind.rawValue), "at": .instant(notice.at),
            "state": .string(MessageState(state).rawValue), "due": .instant(state.isOver ? nil : due),
            "ended": .instant(endedAt), "attempts": .integer(Int64(attempt)), "error": .text(lastError),
            "targets": .array(notice.subjects.map { .string($0.check) }), "count": .integer(Int64(notice.count)),
            "sentence": .string(Redaction.text(notice.sentence)), "repeated": .integer(Int64(notice.repeated)),
        ]
    }
}
