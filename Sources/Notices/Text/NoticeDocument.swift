import StokerCore

/// A message as JSON, for programs: what a webhook and a command get. Names are never changed; later ones may come.
enum NoticeDocument {
    static func json(_ notice: Notice, _ text: NoticeText) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("key", .string(notice.key)), .init("kind", .string(notice.kind.rawValue)),
            .init("at", .string(notice.at.description)), .init("title", .string(text.title)),
            .init("text", .string(text.text)), .init("sentence", .string(Redaction.quote(notice.sentence))),
            .init("count", .integer(Int64(notice.count))), .init("targets", .array(notice.subjects.map(subject))),
            .init("done", .array(notice.done.map { .string(Redaction.quote($0)) })),
            .init("repeated", .integer(Int64(notice.repeated))), .init("late", .bool(notice.isLate)),
        ]
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { members.append(.init(name, .string(value))) }
        }
        add("hint", notice.hint.map { Redaction.quote($0) })
        add("link", text.link)
        add("acknowledge", text.acknowledge)
        add("sender", notice.sender)
        return .object(members)
    }

    private static func subject(_ subject: Notice.Subject) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("check", .string(subject.check)), .init("verdict", .string(subject.verdict.traits.look.name)),
        ]
        if let group = subject.group { members.append(.init("group", .string(group))) }
        if let sentence = subject.sentence { members.append(.init("sentence", .string(Redaction.quote(sentence)))) }
        if let since = subject.since { members.append(.init("since", .string(since.description))) }
        if let lasted = subject.lastedMilliseconds { members.append(.init("lasted_ms", .integer(lasted))) }
        if let incident = subject.incident { members.append(.init("incident", .integer(incident))) }
        return .object(members)
    }
}
