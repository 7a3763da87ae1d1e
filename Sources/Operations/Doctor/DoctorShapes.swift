import Diagnosis
import Ledger
import StokerCore

extension Shape {
    /// What the doctor found in logs, settings and answers.
    static let diagnosis = Shape(
        name: "Diagnosis", summary: "Why a Space fails, as far as it can be proved.",
        fields: [
            .init("subject", .text, "The Space, or the name of the log"),
            .init(
                "verdict", .choice(DoctorReport.Outcome.allCases.map(\.rawValue)),
                "`found`: at least one cause; `unknown`: it failed, and no rule knows why; `nothing`: no sign of a failure"
            ),
            .init("ill", .flag, "Whether a cause is more than information"),
            .init("platform", .list(.shape(platformReport)), "What the platform says is wrong with Spaces right now"),
            .init("causes", .list(.shape(diagnosedCause)), "The likeliest first"),
            .init("done", .list(.shape(doneAction)), "What was done to the Space in the last 24 hours, newest first"),
            .init("unexplained", .list(.shape(proof)), "What shows that it failed, when no cause is known"),
            .init("looked_at", .list(.text), "What was read"),
            .init("not_seen", .list(.text), "What could not be read, and why"),
        ])

    private static let platformReport = Shape(
        name: "DiagnosisPlatformReport", summary: "Trouble of which the platform's status page tells.",
        fields: [
            .init("title", .text, "In the platform's words"),
            .init("since", .instant, optional: true, "Since when, where it says so"),
            .init("page", .text, "The page for people"),
        ])
    private static let doneAction = Shape(
        name: "DiagnosisAction", summary: "Something that was done to a Space.",
        fields: [
            .init("at", .instant, "When it began"),
            .init(
                "action", .text,
                "What: `heal.` and a step for what Stoker did by itself, `space.` and a deed for what somebody asked for"
            ),
            .init("automatic", .flag, "Whether Stoker did it by itself"),
            .init("actor", .text, "Who"),
            .init("reason", .text, "Why"),
            .init("state", .choice(Action.State.allCases.map(\.rawValue)), "How it ended; `begun` while it goes on"),
            .init("result", .text, optional: true, "What was seen after it"),
        ])

    private static let diagnosedCause = Shape(
        name: "DiagnosedCause", summary: "One cause with its proof.",
        fields: [
            .init("rule", .text, "Stable name of the rule, such as `D01`"),
            .init("name", .text, "In a few words"),
            .init("cause", .text, "What is so"),
            .init("fix", .text, "What to do about it"),
            .init("command", .text, optional: true, "The command that fixes it or leads on"),
            .init("verify", .text, optional: true, "The command that shows whether it is well again"),
            .init("severity", .choice(FailureSignature.Severity.allCases.map(\.rawValue)), "How bad it is"),
            .init(
                "automatic", .text,
                "What may be done without a person: R restart, F build from scratch, C configuration, D new commit, W wait, A tell, N nothing"
            ),
            .init("proof", .list(.shape(proof)), "What shows it"),
        ])
    private static let proof = Shape(
        name: "DiagnosisProof", summary: "A line, a setting or an answer that shows a cause.",
        fields: [
            .init("source", .choice(FailureSignature.Source.allCases.map(\.rawValue)), "Where it is from"),
            .init("line", .integer, optional: true, "Of a log, from 1"),
            .init("text", .text, "As it was written; secrets are replaced by `***`"),
        ])
}

extension DoctorReport {
    func json(
        subject: String, space: String?, lookedAt: [String], notSeen: [String] = [], platform: [PlatformReport] = [],
        done: [Action] = []
    ) -> JSONValue {
        [
            "subject": .string(subject), "verdict": .string(outcome.rawValue), "ill": .bool(hasProblem),
            "platform": .array(
                platform.map {
                    [
                        "title": .string(Redaction.text($0.title)), "since": .instant($0.since),
                        "page": .string($0.page),
                    ]
                }),
            "done": .array(
                done.map {
                    [
                        "at": .instant($0.began), "action": .string($0.kind.rawValue),
                        "automatic": .bool($0.kind.rawValue.hasPrefix("heal.")), "actor": .string($0.actor),
                        "reason": .string(Redaction.text($0.reason)), "state": .string($0.state.rawValue),
                        "result": .text($0.result.map(Redaction.text)),
                    ]
                }),
            "causes": .array(
                causes.map { cause in
                    func command(_ text: String?) -> JSONValue {
                        .text(text.map { $0.replacing("{space}", with: space ?? "OWNER/NAME") })
                    }
                    return [
                        "rule": .string(cause.rule), "name": .string(cause.name), "cause": .string(cause.explanation),
                        "fix": .string(cause.fix), "command": command(cause.command), "verify": command(cause.verify),
                        "severity": .string(cause.severity.rawValue), "automatic": .string(cause.automatic),
                        "proof": .array(cause.proof.map(\.json)),
                    ]
                }),
            "unexplained": .array(unexplained.map(\.json)), "looked_at": .array(lookedAt.map { .string($0) }),
            "not_seen": .array(notSeen.map { .string($0) }),
        ]
    }
}

extension DoctorReport.Proof {
    fileprivate var json: JSONValue {
        ["source": .string(source.rawValue), "line": line.map { .count($0) } ?? .null, "text": .string(text)]
    }
}
