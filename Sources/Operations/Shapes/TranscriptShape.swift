import StokerCore

extension Shape {
    static let transcripts = Shape(
        name: "Transcripts", summary: "What was sent and what came back.",
        fields: [
            .init("check", .text, "Name"),
            .init(
                "last", .shape(transcript), optional: true,
                "Of the last attempt; null before the first one since the start"),
            .init("last_failed", .shape(transcript), optional: true, "Of the last failed attempt"),
        ])

    static let transcript = Shape(
        name: "Transcript", summary: "One attempt; secrets are redacted before it is kept.",
        fields: [
            .init("at", .instant, "When the attempt began"),
            .init("attempt", .integer, "Which attempt of its ping, from 1"),
            .init("outcome", .choice(Outcome.allCases.map(\.name)), "What it saw"),
            .init("cause", .text, optional: true, "Why it is not simply up"),
            .init("sentence", .text, "The same for a person"),
            .init("detail", .text, "What exactly was expected and seen"),
            .init("exchanges", .list(.shape(exchange)), "Requests and answers; several when redirects were followed"),
            .init("tls", .list(.text), "Subject, issuer, end and protocol of the TLS session"),
        ])

    private static let exchange = Shape(
        name: "Exchange", summary: "One request and its answer.",
        fields: [
            .init("sent", .list(.text), "Request line and headers"),
            .init("peer", .text, optional: true, "Address that was connected to"),
            .init("phases", .list(.shape(phase)), "Where the time went"),
            .init("received", .list(.text), "Status line and headers"),
            .init("body", .text, "First KiB of the body"),
            .init("body_bytes", .integer, "Bytes of body that were read"),
        ])

    private static let phase = Shape(
        name: "Phase", summary: "One phase of an exchange.",
        fields: [
            .init("name", .text, "`resolve`, `connect`, `tls`, `request`, `first byte` or `body`"),
            .init("ms", .number, "How long it took"),
        ])

    static let ping = Shape(
        name: "Ping", summary: "The result of a ping that was asked for.",
        fields: [
            .init("check", .shape(check), "What is believed now"),
            .init("transcript", .shape(transcript), optional: true, "Its last attempt"),
        ])

    static let beat = Shape(
        name: "BeatTaken", summary: "A heartbeat call was taken.",
        fields: [
            .init("name", .text, "The heartbeat"),
            .init("verdict", .choice(Verdict.allCases.map(\.name)), "What is believed now"),
            .init("next_due", .instant, optional: true, "When the next beat is due"),
        ])

    static let heartbeatKey = Shape(
        name: "HeartbeatKey", summary: "Where a job calls.",
        fields: [
            .init("name", .text, "The heartbeat"),
            .init("path", .text, "Address below this server; with the key in it when one is needed"),
            .init(
                "key", .text, optional: true,
                "Lets its holder beat this heartbeat and nothing else; null when none is needed"),
        ])

    static let backup = Shape(
        name: "Backup", summary: "A copy of the ledger was made.",
        fields: [
            .init("path", .text, "File on the server"),
            .init("seconds", .number, "How long it took"),
        ])
}

extension Transcript {
    var json: JSONValue {
        [
            "at": .instant(at), "attempt": .count(attempt), "outcome": .string(outcome.name),
            "cause": cause == .none ? .null : .string(cause.code), "sentence": .string(cause.sentence),
            "detail": .string(detail),
            "exchanges": .array(exchanges.map(\.json)), "tls": .array(tls.map { .string($0) }),
        ]
    }
}

extension Transcript.Exchange {
    fileprivate var json: JSONValue {
        [
            "sent": .array(sent.map { .string($0) }), "peer": .text(peer),
            "phases": .array(
                phases.map { ["name": .string($0.name), "ms": .number(Double($0.microseconds) / 1_000)] }),
            "received": .array(received.map { .string($0) }), "body": .string(body), "body_bytes": .count(bodyBytes),
        ]
    }
}
