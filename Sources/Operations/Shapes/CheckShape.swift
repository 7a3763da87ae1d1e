import StokerCore

extension Shape {
    private static let looks = Look.all.map(\.name)

    private static let checkFields: [Field] = [
        .init("name", .text, "Unique in the fleet; a further check of a target has a slash in it: `llm-backend/ready`"),
        .init("id", .integer, "The ledger's number of the check, kept for good"),
        .init("target", .text, "What the check belongs to: the name up to the slash"),
        .init("kind", .choice(CheckPolicy.Kind.allCases.map(\.rawValue)), "How it is checked"),
        .init("role", .choice(["alive", "ready"]), "`ready` checks tell more and never keep a Space warm"),
        .init("group", .text, optional: true, "Label of the fleet file"),
        .init("address", .text, optional: true, "What is pinged, secrets replaced by `***`; null for a heartbeat"),
        .init("space", .text, optional: true, "`owner/name` of a Space"),
        .init("verdict", .choice(Verdict.allCases.map(\.name)), "What is believed"),
        .init(
            "look", .choice(looks),
            "One word for a screen: the verdict, or `flapping` and `moderated` where it alone looks better than it is"),
        .init("trouble", .flag, "Somebody should look: down, silent or flagged by the platform"),
        .init("cause", .text, optional: true, "Why it is not simply up; a stable name such as `dns.no_such_name`"),
        .init("sentence", .text, "What is believed, for a person"),
        .init(
            "reason", .text, optional: true,
            "The sentence where something is wrong or special; null while all is as expected"),
        .init("since", .instant, optional: true, "Since when the verdict is what it is"),
        .init("flapping", .flag, "Changes too often to be told one by one"),
        .init("paused", .shape(pause), optional: true, "Why and until when it is paused"),
        .init(
            "maintenance", .shape(maintenanceNow), optional: true, "The maintenance it is in; null while it is in none"),
        .init("status_code", .integer, optional: true, "HTTP status of the last ping"),
        .init("attempts", .integer, "Attempts the last ping took"),
        .init("latency_ms", .number, optional: true, "First byte of the last ping after the start of its connection"),
        .init("failures_in_a_row", .integer, "Failed pings in a row"),
        .init("successes_in_a_row", .integer, "Good pings in a row"),
        .init("every_seconds", .number, "Time between two pings; for a heartbeat the longest time between two beats"),
        .init("schedule", .text, optional: true, "A heartbeat's cron expression and zone; null for an interval"),
        .init("last_ping", .instant, optional: true, "When it was last pinged, or last beat"),
        .init("last_good", .instant, optional: true, "When that last went well"),
        .init("next_due", .instant, optional: true, "When it is due next; null while paused"),
        .init(
            "overdue_seconds", .number, optional: true,
            "For how long a job's call has been awaited; null when it is not late"),
        .init("rechecking", .flag, "The next ping comes sooner than the interval, because the last ones were not good"),
        .init("pinging", .flag, "A ping is under way right now"),
        .init("certificate_ends", .instant, optional: true, "End of the certificate, to the hour"),
        .init("hub", .shape(hub), optional: true, "What the Hub says of the Space; null when the Hub is not asked"),
    ]

    private static let hub = Shape(
        name: "HubWord", summary: "What the Hub says of a Space, beside what a visitor saw.",
        fields: [
            .init("stage", .text, optional: true, "Such as `RUNNING`; as the Hub spells it"),
            .init("stage_since", .instant, optional: true, "Since when, as far as it was watched"),
            .init("read", .instant, optional: true, "When the Hub was read"),
            .init("fresh", .flag, "Whether that is recent enough to count"),
            .init("message", .text, optional: true, "What the Hub says of an error"),
            .init("running_commit", .text, optional: true, "The commit that runs, when it is not the newest"),
            .init("newest_commit", .text, optional: true, "The newest commit then"),
            .init("hardware", .text, optional: true, "What it runs on"),
            .init("disagreement", .text, optional: true, "What both sources mean together, when they disagree"),
            .init("healing", .text, optional: true, "What healing did last, or suggests"),
        ])

    static let check = Shape(
        name: "Check", summary: "One check and what is believed about it.",
        fields: checkFields + [
            .init("strip", .list(.shape(sample)), sparse: true, "Newest samples, oldest first; with `strips=true`")
        ])

    static let checkDetail = Shape(
        name: "CheckDetail", summary: "Everything about one check.",
        fields: checkFields + [
            .init("policy", .shape(policy), "How it is checked and judged"),
            .init("siblings", .list(.shape(sibling)), "The other checks of its target"),
            .init("certificate_days", .number, optional: true, "Days until the certificate ends"),
            .init(
                "uptime", .table(.shape(uptime)), optional: true,
                "Sums over the last `24h`, `7d`, `30d` and `90d`; null when the ledger cannot be read"),
            .init("incident", .shape(incident), optional: true, "The incident that lasts"),
        ])

    static let checkPage = Shape(
        name: "CheckPage", summary: "One page of checks.",
        fields: [
            .init("items", .list(.shape(check)), "The checks of this page"),
            .init("total", .integer, "How many match, on all pages"),
            .init("offset", .integer, "How many come before this page"),
            .init("limit", .integer, "How many a page holds"),
            .init("next_offset", .integer, optional: true, "Offset of the next page; null on the last"),
            .init(
                "next_cursor", .text, optional: true,
                "For the next page, in the orders `file` and `name`; null on the last one and in other orders"),
        ])

    private static let maintenanceNow = Shape(
        name: "MaintenanceNow", summary: "Work on a check: no alarm, no healing, no uptime.",
        fields: [
            .init("id", .text, "As `list-maintenance` has it"), .init("name", .text, "What it is called"),
            .init("from", .instant, "When it began"), .init("until", .instant, "When it ends by itself"),
            .init("sentence", .text, "For a person"),
        ])

    private static let pause = Shape(
        name: "Pause", summary: "Why a check is not pinged.",
        fields: [
            .init(
                "by", .choice(["person", "fleet_file", "hours", "moderation", "owner", "asleep"]),
                "Who or what paused it"),
            .init("until", .instant, optional: true, "When it ends by itself; null means until resumed"),
        ])

    private static let sample = Shape(
        name: "Sample", summary: "One bar of a latency strip.",
        fields: [
            .init("at", .instant, "When"),
            .init("outcome", .choice(Outcome.allCases.map(\.name)), "What the ping saw"),
            .init("latency_ms", .number, optional: true, "Time to the first byte"),
        ])

    private static let sibling = Shape(
        name: "Sibling", summary: "Another check of the same target.",
        fields: [
            .init("name", .text, "Its name"),
            .init("verdict", .choice(Verdict.allCases.map(\.name)), "What is believed"),
            .init("look", .choice(looks), "One word for a screen, as of a check"),
        ])

    private static let policy = Shape(
        name: "Policy", summary: "How a check is made and judged; values of headers are never shown.",
        fields: [
            .init("method", .text, optional: true, "HTTP method"),
            .init("headers", .list(.text), "Names of the headers that are sent"),
            .init("timeout_seconds", .number, "Limit of one attempt"),
            .init("retry_seconds", .list(.number), "Waits before the further attempts of one ping"),
            .init("recheck_seconds", .number, "Time between two pings while it fails"),
            .init("jitter", .number, "Share by which the interval is varied"),
            .init("hours", .text, optional: true, "When pings are made at all"),
            .init("down_after_failures", .integer, "So many failed pings …"),
            .init("down_after_of", .integer, "… of so many make it down"),
            .init("grace_seconds", .number, optional: true, "How late a beat may be"),
            .init("warmth", .text, optional: true, "Named interval"),
            .init("paid_hardware", .flag, "Whether the Space runs on paid hardware"),
            .init("expect_status", .list(.text), "Accepted status codes, such as `200-399`"),
            .init("expect_text", .text, optional: true, "Text that must be in the body"),
            .init("expect_regex", .text, optional: true, "Pattern that must match in the body"),
            .init("expect_json", .list(.text), "JSON paths that must have their value"),
            .init("expect_within_ms", .number, optional: true, "Longest time to the first byte"),
            .init("expect_certificate_days", .integer, optional: true, "Fewest days the certificate must be good for"),
        ] + CheckKinds.ownExpectations.map { .init("expect_\($0.key)", .list(.text), $0.summary) })
}

extension CheckView {
    var json: JSONValue {
        let paused: JSONValue =
            !isPaused || state.pause == .none
            ? .null : ["by": .string(state.pause.name), "until": .instant(pausedUntil)]
        return [
            "name": .string(name), "id": .count(status.id), "target": .string(check.target),
            "kind": .string(check.policy.kind.rawValue), "role": .string(check.policy.role.rawValue),
            "group": .text(check.policy.group), "address": .text(address), "space": .text(check.space),
            "verdict": .string(state.verdict.name), "look": .string(look.name), "trouble": .bool(isTrouble),
            "cause": state.cause == .none ? .null : .string(state.cause.code),
            "sentence": .string(sentence.text), "reason": .text(reason?.text), "since": .instant(since),
            "flapping": .bool(state.flapping), "paused": paused,
            "maintenance": status.maintenance.map { window in
                [
                    "id": .string(window.id), "name": .string(window.name), "from": .instant(window.from),
                    "until": .instant(window.until), "sentence": .string(window.sentence.text),
                ]
            } ?? .null,
            "status_code": statusCode.map { .count($0) } ?? .null, "attempts": .count(state.attempts),
            "latency_ms": .milliseconds(state.latencyMicroseconds), "failures_in_a_row": .count(state.failures),
            "successes_in_a_row": .count(state.successes), "every_seconds": .seconds(check.policy.every),
            "schedule": .text(check.policy.schedule?.text),
            "last_ping": .instant(lastPing), "last_good": .instant(lastGood), "next_due": .instant(status.nextDue),
            "overdue_seconds": overdue.map { .seconds($0) } ?? .null,
            "rechecking": .bool(status.isRecheckPlanned), "pinging": .bool(status.pinging),
            "certificate_ends": .instant(certificateEnd), "hub": status.hubStatus.map(\.json) ?? .null,
        ]
    }
}

extension CheckStatus {
    func json(now: Instant) -> JSONValue { CheckView(self, now: now).json }
}

extension SpaceHubStatus {
    var json: JSONValue {
        [
            "stage": .text(stage?.rawValue), "stage_since": .instant(stageSince), "read": .instant(readAt),
            "fresh": .bool(isFresh), "message": .text(errorMessage), "running_commit": .text(oldBuild?.running),
            "newest_commit": .text(oldBuild?.head), "hardware": .text(hardware), "disagreement": .text(disagreement),
            "healing": .text(healing),
        ]
    }
}

extension CheckState.Pause {
    fileprivate var name: String {
        switch self {
        case .none, .byPerson: "person"
        case .byFleetFile: "fleet_file"
        case .byHours: "hours"
        case .byModeration: "moderation"
        case .byOwner: "owner"
        case .asleep: "asleep"
        }
    }
}

extension Sample {
    var json: JSONValue {
        ["at": .instant(at), "outcome": .string(outcome.name), "latency_ms": .milliseconds(latencyMicroseconds)]
    }
}

extension CheckPolicy {
    var json: JSONValue {
        let own = CheckKinds.ownExpectations.map { key in
            JSONValue.Member(
                "expect_\(key.key)",
                .array((expect.own[key.key] ?? []).map { .string(Redaction.hide(request.hidden, in: $0)) }))
        }
        let common: JSONValue = [
            "method": kind.type.settings.contains("method") ? .string(request.method) : .null,
            "headers": .array(request.headers.map { .string($0.name) }),
            "timeout_seconds": .seconds(timeout), "retry_seconds": .array(retry.map { .seconds($0) }),
            "recheck_seconds": .seconds(recheck), "jitter": .number(jitter), "hours": .text(hours?.text),
            "down_after_failures": .count(downAfter.failures), "down_after_of": .count(downAfter.of),
            "grace_seconds": kind.type.isPassive ? .seconds(grace) : .null, "warmth": .text(warmth?.rawValue),
            "paid_hardware": .bool(paidHardware),
            "expect_status": .array(
                kind.type.expectations.contains("status") ? expect.status.map { .string(Expectation.text($0)) } : []),
            "expect_text": .text(expect.text), "expect_regex": .text(expect.regex),
            "expect_json": .array(expect.json.map { .string($0.path) }),
            "expect_within_ms": expect.within.map { .count($0.wholeMilliseconds) } ?? .null,
            "expect_certificate_days": expect.certificateDays.map { .count($0) } ?? .null,
        ]
        return common.adding(own)
    }
}
