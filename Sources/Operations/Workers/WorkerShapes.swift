package import StokerCore
package import Workshop

extension Shape {
    static let workerLine = Shape(
        name: "WorkerLogLine", summary: "Something a worker did.",
        fields: [.init("at", .instant, "When"), .init("text", .text, "What, in a few words")])

    static let workerSpent = Shape(
        name: "WorkerSpent", summary: "What was spent of a budget, and its limit.",
        fields: [
            .init("spent", .number, "Tokens, or US dollars, in this span"),
            .init("limit", .number, optional: true, "At most; null where there is no limit"),
            .init("resets", .instant, "When the next span begins"),
        ])

    static let workerModel = Shape(
        name: "WorkerModel", summary: "The language model of a worker, and what it spent.",
        fields: [
            .init("name", .text, "Its name"), .init("url", .text, "Its server, without secrets"),
            .init(
                "format", .choice(ModelFormat.allCases.map(\.rawValue)), optional: true,
                "How its answers are kept to a schema, as was seen; null before it was asked"),
            .init("context", .integer, optional: true, "Tokens of a question and its answer; null: not known"),
            .init("tokens", .shape(.workerSpent), "Tokens, questions that are on their way included"),
            .init("usd", .shape(.workerSpent), optional: true, "US dollars; null where the price is not known"),
            .init("asked", .integer, "Questions so far"),
            .init("waits_until", .instant, optional: true, "Nothing is asked before; null: it may be asked"),
            .init("waits_because", .text, optional: true, "Why"),
        ])

    static let workerAsk = Shape(
        name: "WorkerAsk", summary: "A question to a model and its answer, both without secrets.",
        fields: [
            .init("number", .integer, "Its number, from 1"), .init("at", .instant, "When it was sent"),
            .init("purpose", .text, "What for"), .init("model", .text, "The model"),
            .init("question", .text, "The document that was sent, as JSON"),
            .init("answer", .text, "What came back"), .init("outcome", .text, "`answered`, or why it was not used"),
            .init("tokens", .integer, "What it counts in the budget"),
            .init("usd", .number, "US dollars, 0 where the price is not known"),
        ])

    static let workerAskList = Shape(
        name: "WorkerAskList", summary: "What a worker asked its model, newest first.",
        fields: [.init("items", .list(.shape(.workerAsk)), "Questions"), .nextCursor])

    static let worker = Shape(
        name: "Worker", summary: "A worker of the fleet file, and how it is.",
        fields: [
            .init("name", .text, "Its name in the fleet file"),
            .init("kind", .choice(WorkerSettings.Kind.allCases.map(\.rawValue)), "What it does"),
            .init("repository", .text, "What it looks at, without secrets"),
            .init("branch", .text, optional: true, "Its branch; null for the repository's own"),
            .init("dataset", .text, optional: true, "Where its results go; null when they stay here"),
            .init(
                "runs_at", .text, optional: true,
                "The Space or address of the Stoker that runs it; null when this one does"),
            .init("private", .flag, "Whether a dataset that is made is private"),
            .init("perspectives", .list(.text), "What it takes turns with"),
            .init("state", .choice(WorkerBoard.State.allCases.map(\.rawValue)), "How it is, in a word"),
            .init("text", .text, "What it does, or why it does not"),
            .init("hint", .text, optional: true, "What to do about it"),
            .init("iteration", .integer, "Rows that were made so far"),
            .init("published", .integer, "The newest of them that is in the dataset"),
            .init("perspective", .text, optional: true, "Which it took last"),
            .init("head", .text, optional: true, "The commit it looked at last"),
            .init("every_seconds", .number, "From start to start"),
            .init("started", .instant, optional: true, "When it began its last look"),
            .init("beat", .instant, optional: true, "When a look last went well"),
            .init("next", .instant, optional: true, "When it looks again; null while it works or is paused"),
            .init("paused_since", .instant, optional: true, "Since when a person keeps it paused"),
            .init("open", .table(.integer), "Open findings by severity"),
            .init(
                "model", .shape(.workerModel), optional: true, "Its language model; null for a worker without one"),
            .init("commits_last_hour", .integer, "Commits to the dataset within an hour; 30 at most"),
            .init("log", .list(.shape(.workerLine)), "What it did since this process began, newest last"),
        ])

    static let workerList = Shape(
        name: "WorkerList", summary: "All workers of the fleet file.",
        fields: [
            .init("items", .list(.shape(.worker)), "In the order of the file"), .nextCursor,
            .init("online", .integer, "Of them, those that looked within two intervals and are not paused"),
            .init("iterations", .integer, "Rows of all of them together"),
            .init(
                "insights", .any,
                "What all of them learned, the newest of each list last: `failure_modes_identified`, `integration_points`, `edge_cases_discovered`"
            ),
        ])

    static let finding = Shape(
        name: "Finding", summary: "Something true of a repository at one commit, with the lines that show it.",
        fields: [
            .init("id", .text, "Its fingerprint: the same wherever it moves"),
            .init("rule", .text, "Which rule saw it"),
            .init("perspective", .text, "From which perspective"), .init("title", .text, "What it is, in a sentence"),
            .init("why", .text, "Why it matters"), .init("file", .text, "Where"),
            .init("line_start", .integer, "First line cited"), .init("line_end", .integer, "Last line cited"),
            .init("symbol", .text, "The function or thing meant; may be empty"),
            .init("quote", .text, "The cited lines"),
            .init("quote_sha", .text, "SHA-256 of the lines with their whitespace folded"),
            .init("evidence", .list(.text), "Further facts: commits, counts, other places"),
            .init("command", .text, "Shows the same in a clean clone"),
            .init("severity", .choice(Finding.Severity.allCases.map(\.rawValue)), "By consequence"),
            .init("priority", .number, "Greater is earlier"),
            .init("confidence", .number, "Measured precision of its rule, 0.8 to 1: a rule below that makes leads"),
            .init("state", .choice(Finding.State.allCases.map(\.rawValue)), "What became of it"),
            .init("first_seen", .text, "When it was first seen, RFC 3339"), .init("head", .text, "The commit"),
            .init("tools", .list(.text), "What it was found with"),
            .init("source", .text, "`evidence`, or `model`"),
        ])

    static let findingList = Shape(
        name: "FindingList", summary: "Findings, the most important first.",
        fields: [
            .init("items", .list(.shape(.finding)), "Findings"), .nextCursor,
            .init("from", .text, "The worker or dataset that they are of"),
        ])

    static let findingPage = Shape(
        name: "FindingDetail", summary: "A finding, and what is known of it.",
        fields: [
            .init("worker", .text, "Which worker has it"), .init("finding", .shape(.finding), "The finding"),
            .init("dismissed_until", .instant, optional: true, "Until when nobody wants to hear of it"),
            .init("taken_by", .text, optional: true, "The implementation worker that took it up"),
            .init("taken_state", .text, optional: true, "`taken`, or the verdict on its change"),
        ])

    static let iteration = Shape(
        name: "Iteration", summary: "What one look came to: a row of the dataset.",
        fields: [
            .init("iteration", .integer, "Its number, from 1"), .init("schema_version", .integer, "Of the row"),
            .init("timestamp", .text, "When, RFC 3339 with milliseconds"), .init("head", .text, "The commit"),
            .init("perspective", .text, "From which perspective"), .init("stage_name", .text, "How deep"),
            .init("summary", .text, "What came of it"), .init("findings", .list(.shape(.finding)), "At most five"),
            .init("analysis", .any, "Changes of code that were tried, under `code_changes`"),
            .init("cumulative_insights", .any, "The newest of what was learned so far, three lists"),
            .init("body", .text, "Everything else, as JSON"),
        ])

    static let iterationList = Shape(
        name: "IterationList", summary: "Iterations, newest first.",
        fields: [.init("items", .list(.shape(.iteration)), "Iterations"), .nextCursor])

    static let plannedCase = Shape(
        name: "PlannedCase", summary: "A case of a plan that no test names.",
        fields: [
            .init("id", .text, "The same for the same case"), .init("perspective", .text, "From which perspective"),
            .init("text", .text, "Given, when, then"), .init("evidence", .list(.text), "`path:line`"),
        ])

    static let gate = Shape(
        name: "ResultsGate", summary: "Whether the open findings let a change pass.",
        fields: [
            .init("passed", .flag, "No open finding is as bad as asked for, and no more cases lack a test"),
            .init("severity", .text, "From which severity on"),
            .init("open", .integer, "Open findings of that severity and above"),
            .init("items", .list(.shape(.finding)), "They, the most important first; at most 100"),
            .init("cases_without_test", .integer, "Cases of the newest plans, where `cases` was asked for"),
            .init("cases", .list(.shape(.plannedCase)), "They; at most 100"),
            .init("from", .text, "The worker or dataset that was asked"),
        ])

    static let sarif = Shape(
        name: "ResultsSARIF", summary: "Findings as SARIF 2.1.0, for code scanning.",
        fields: [.init("document", .any, "The document")])
}

extension WorkerBoard.Status {
    package func json(now: Instant) -> JSONValue {
        [
            "name": .string(name), "kind": .string(settings.kind.rawValue),
            "repository": .string(Redaction.address(settings.repository?.name ?? "")), "branch": .text(settings.branch),
            "dataset": .text(dataset), "runs_at": .text(runsAt), "private": .bool(settings.isPrivate),
            "perspectives": .array(perspectives.map { .string($0) }), "state": .string(state.rawValue),
            "text": .string(text), "hint": .text(hint),
            "iteration": .count(record.iteration), "published": .count(record.published),
            "perspective": .text(record.last), "head": .text(record.head), "every_seconds": .seconds(settings.interval),
            "started": .instant(record.startedAt), "beat": .instant(record.beatAt), "next": .instant(nextAt),
            "paused_since": .instant(pausedSince),
            "open": .object(
                Finding.Severity.allCases.reversed().map { .init($0.rawValue, .count(open[$0] ?? 0)) }),
            "model": model?.json ?? .null,
            "commits_last_hour": .count(record.commits.count { now - $0 < .seconds(3_600) }),
            "log": .array(log.map { ["at": .instant($0.at), "text": .string($0.text)] }),
        ]
    }

    /// It looked within two intervals, or is at it, and nobody paused it.
    package func isOnline(_ now: Instant) -> Bool {
        guard state != .paused, state != .offline else { return false }
        return state == .working || record.beatAt.map { now - $0 <= settings.interval * 2 + .seconds(30) } ?? false
    }
}

extension WorkerBoard.ModelStatus {
    private static let billion = 1_000_000_000.0

    package var json: JSONValue {
        func spent(_ one: Spent, _ unit: Double) -> JSONValue {
            [
                "spent": .number(Double(one.spent) / unit),
                "limit": one.limit.map { .number(Double($0) / unit) } ?? .null, "resets": .instant(one.resets),
            ]
        }
        return [
            "name": .string(name), "url": .string(url), "format": .text(capability?.format.rawValue),
            "context": capability?.context.map { .count($0) } ?? .null, "tokens": spent(tokens, 1),
            "usd": money.map { spent($0, Self.billion) } ?? .null, "asked": .count(asked),
            "waits_until": .instant(waitsUntil), "waits_because": .text(waitsBecause),
        ]
    }
}

extension ModelAsk {
    package var json: JSONValue {
        [
            "number": .count(number), "at": .instant(at), "purpose": .string(purpose), "model": .string(model),
            "question": .string(question), "answer": .string(answer), "outcome": .string(outcome),
            "tokens": .count(Int(tokens)), "usd": .number(Double(cost) / 1_000_000_000),
        ]
    }
}
