import Ledger
import StokerCore

extension Shape {
    static let observation = Shape(
        name: "Observation", summary: "What one ping saw.",
        fields: [
            .init("check", .text, optional: true, "Name; null when the check is no longer in the fleet"),
            .init("check_id", .integer, "The ledger's number of the check"),
            .init("at", .instant, "When the ping's last attempt began"),
            .init("outcome", .choice(Outcome.allCases.map(\.name)), "What it saw"),
            .init("cause", .text, optional: true, "Why it is not simply up"),
            .init("status_code", .integer, optional: true, "HTTP status"),
            .init("attempts", .integer, "Attempts made"),
            .init("latency_ms", .number, optional: true, "First byte after the start of the connection"),
        ])

    static let acknowledgement = Shape(
        name: "Acknowledgement", summary: "Somebody has seen an incident.",
        fields: [
            .init("at", .instant, "When it was said"),
            .init("by", .text, optional: true, "Who said it, as the caller named itself"),
            .init("text", .text, optional: true, "What is done about it"),
        ])

    static let incidentNote = Shape(
        name: "IncidentNote", summary: "An entry of an incident's story.",
        fields: [
            .init("number", .integer, "From 1 for each incident"),
            .init("at", .instant, "When it was written"),
            .init("by", .text, optional: true, "Who wrote it, as the caller named itself"),
            .init("text", .text, "What it says"),
            .init("internal", .flag, "Not shown on status pages"),
        ])

    private static let incidentFields: [Field] = [
        .init("id", .integer, "The ledger's number of the incident"),
        .init("check", .text, optional: true, "Name; null when the check is no longer in the fleet"),
        .init("check_id", .integer, "The ledger's number of the check"),
        .init("began", .instant, "When it began"),
        .init("ended", .instant, optional: true, "When it ended; null while it lasts"),
        .init("seconds", .number, "How long it lasted, or lasts by now"),
        .init("maintenance_seconds", .number, "Of that in maintenance: nobody is told of it, and uptime leaves it out"),
        .init("verdict", .choice(Verdict.allCases.map(\.name)), "What was believed"),
        .init("cause", .text, optional: true, "Why"),
        .init("sentence", .text, "The same for a person"),
        .init("status_code", .integer, optional: true, "HTTP status at its beginning"),
        .init("flips", .integer, "Changes inside it, for a flapping check; otherwise 1"),
        .init("acknowledged", .shape(acknowledgement), optional: true, "Who has seen it; null while nobody has"),
    ]

    static let incident = Shape(name: "Incident", summary: "A span of trouble.", fields: incidentFields)

    static let incidentDetail = Shape(
        name: "IncidentDetail", summary: "A span of trouble, with its story.",
        fields: incidentFields + [.init("notes", .list(.shape(incidentNote)), "What people wrote, oldest first")])

    static let event = Shape(
        name: "Event", summary: "Something that happened.",
        fields: [
            .init("id", .integer, "Grows with time"),
            .init("at", .instant, "When"),
            .init("kind", .text, "Bounded, such as `verdict`, `incident.began`, `fleet.rejected`"),
            .init("check", .text, optional: true, "Name; null for events of the fleet"),
            .init("text", .text, "One plain sentence"),
            .init("verdict", .text, optional: true, "What a check became; null for another kind of event"),
        ])

    private static let tallyFields: [Field] = [
        .init("from", .instant, optional: true, "Begin (inclusive)"),
        .init("to", .instant, "End (exclusive)"),
        .init(
            "uptime", .number, optional: true,
            "Time up ÷ time known, 0…1: up and slow against down and silent; null when nothing is known"),
        .init("up_seconds", .number, "Time up, or slow"),
        .init("down_seconds", .number, "Time down, or silent"),
        .init("maintenance_seconds", .number, "Time in maintenance, as far as Stoker watched; in neither of the above"),
        .init(
            "estimated", .flag,
            "Whether part of these times was derived from pings or sums of them, because nothing finer is kept"),
        .init(
            "pings_good", .number, optional: true,
            "Good pings among up, slow and down ones, 0…1; null when there were none. A failing check is pinged more often"
        ),
        .init("up", .integer, "Pings that were answered as expected"),
        .init("slow", .integer, "… but too slowly"),
        .init("waking", .integer, "Pings that found it on its way up; they count neither way"),
        .init("down", .integer, "Failed pings"),
        .init("unknown", .integer, "Pings made while we ourselves were offline"),
        .init("latency_min_ms", .number, optional: true, "Of good pings"),
        .init("latency_mean_ms", .number, optional: true, "Of good pings"),
        .init("latency_max_ms", .number, optional: true, "Of good pings"),
    ]

    static let tally = Shape(name: "Tally", summary: "Time, counts and latency over a span.", fields: tallyFields)

    static let uptime = Shape(
        name: "Uptime", summary: "Time, counts and latency over a span that ends now, and how much of it is known.",
        fields: tallyFields + [
            .init(
                "known_seconds", .number,
                "For how long of the span it is known whether it was up: `up_seconds` and `down_seconds` together"),
            .init("whole", .flag, "Whether that is practically all of the span"),
        ])

    static let series = Shape(
        name: "Series", summary: "Equal spans of one check's history, for a chart.",
        fields: [
            .init("check", .text, "Name"),
            .init("from", .instant, optional: true, "Begin (inclusive)"),
            .init("to", .instant, "End (exclusive)"),
            .init("buckets", .list(.shape(tally)), "The spans, oldest first"),
        ])

    static let observationPage = page(of: observation, next: .text, "One page of observations, newest first.")
    static let incidentPage = page(of: incident, next: .text, "One page of incidents, newest first.")
    static let eventPage = page(of: event, next: .text, "One page of events, newest first.")

    private static func page(of item: Shape, next: FieldType, _ summary: String) -> Shape {
        Shape(
            name: "\(item.name)Page", summary: summary,
            fields: [
                .init("items", .list(.shape(item)), "What is on this page"),
                .init("next_cursor", next, optional: true, "`cursor` of the next, older page; null on the last"),
            ])
    }
}

extension Observation {
    func json(name: String?) -> JSONValue {
        [
            "check": .text(name), "check_id": .count(check), "at": .instant(at), "outcome": .string(outcome.name),
            "cause": cause == .none ? .null : .string(cause.code), "status_code": code == 0 ? .null : .count(code),
            "attempts": .count(attempts), "latency_ms": .milliseconds(latencyMicroseconds),
        ]
    }
}

extension Incident {
    func json(
        name: String?, now: Instant, acknowledged: Acknowledgement?, maintenance: IncidentMaintenance
    ) -> JSONValue {
        [
            "id": .count(id), "check": .text(name), "check_id": .count(check), "began": .instant(began),
            "ended": .instant(ended), "seconds": .seconds(length(now: now)),
            "maintenance_seconds": .seconds(maintenance.time(of: self, now: now)), "verdict": .string(verdict.name),
            "cause": cause == .none ? .null : .string(cause.code), "sentence": .string(sentence),
            "status_code": code == 0 ? .null : .count(code), "flips": .count(flips),
            "acknowledged": acknowledged?.json ?? .null,
        ]
    }
}

extension Event {
    /// The verdict that a check came to; nil for another kind of event.
    private var became: Verdict? { if case .verdict(_, _, let to, _, _) = payload { to } else { nil } }

    func json(name: String?) -> JSONValue {
        [
            "id": .count(id), "at": .instant(at), "kind": .string(kind), "check": .text(name),
            "text": .string(Sentence(reading: text).text), "verdict": .text(became?.name),
        ]
    }
}

extension SpanTotals {
    var json: JSONValue {
        [
            "from": .instant(from), "to": .instant(to), "uptime": .number(uptime),
            "up_seconds": .seconds(.milliseconds(upTime)), "down_seconds": .seconds(.milliseconds(downTime)),
            "maintenance_seconds": .seconds(maintenance),
            "estimated": .bool(isEstimated), "pings_good": .number(pingsGood), "up": .count(up),
            "slow": .count(slow),
            "waking": .count(waking), "down": .count(down), "unknown": .count(unknown),
            "latency_min_ms": .milliseconds(latencyMin), "latency_mean_ms": .milliseconds(latencyMean),
            "latency_max_ms": .milliseconds(latencyMax),
        ]
    }
}
