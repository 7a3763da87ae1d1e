import Deployment
import Ledger
import StokerCore

extension Operation {
    package static let listDeploys = Operation(
        name: "deploys", summary: "What was deployed, newest first: applies with their Spaces, and one that is at work",
        doing: "list the deploys", permission: .write, needsFleet: true, path: "/deploys",
        parameters: [.init("limit", .query, .integer(1...200), defaultValue: 20, "Deploys on a page"), .cursor],
        answer: .deployPage
    ) { (context, arguments) throws(Failure) in
        let limit = arguments.integer("limit") ?? 20
        let before = try arguments.cursor(doing: "list the deploys")
        let ledger = try context.ledger
        let found = try await ledger.actions.actions(
            ActionQuery(kinds: [ApplyLease.kind], before: before, limit: limit + 1))
        let page = found.prefix(limit)
        var items: [JSONValue] = []
        if let oldest = page.last {
            // Two to one Hub exclude each other, so its Spaces are those of its time.
            let parts = try await ledger.actions.actions(
                ActionQuery(kinds: DeployRun.partKinds, since: oldest.began - .seconds(60), limit: DeployRun.mostParts))
            for action in page {
                items.append(try await DeployRun(action, parts: parts, now: context.now()).json(ledger.records))
            }
        }
        return [
            "items": .array(items),
            "next_cursor": found.count > limit ? .text(page.last.map { "\($0.id)" }) : .null,
        ]
    }
}

/// One apply, rollback or deletion: the lease it held, and what was done to Spaces meanwhile.
private struct DeployRun {
    static let partKinds: Set<Action.Kind> = [.asked(.deploy), .asked(.rollback)]
    /// Actions on Spaces that one call reads.
    static let mostParts = 5_000

    let action: Action
    let parts: [Action]
    /// It is at work, as far as its lease and its process say.
    let isRunning: Bool

    init(_ action: Action, parts: [Action], now: Instant) {
        self.action = action
        let isGone = action.owner.flatMap { ProcessOwner($0) }?.isGone == true
        isRunning = action.state == .begun && !isGone && (action.leaseUntil ?? .never) > now
        let end = action.ended ?? (isRunning ? nil : action.leaseUntil)
        // Newest first, as they are read; a page wants them in the order in which they were begun.
        self.parts = parts.filter { part in
            // A rollback writes its own down around the lease.
            part.began >= action.began - .seconds(60) && end.map { part.began <= $0 } ?? true
                && (part.ended.map { $0 >= action.began } ?? true)
        }.reversed()
    }

    /// A word for how it stands.
    private var state: String {
        switch action.state {
        case .begun: isRunning ? "running" : "left"
        case .succeeded: action.result?.hasPrefix("Stopped") == true ? "stopped" : "done"
        case .failed: "failed"
        case .unknown: "left"
        }
    }

    func json(_ records: any RecordStore) async throws(Failure) -> JSONValue {
        let notes = try await ApplyNotes.read(action.id, in: records)
        var spaces: [JSONValue] = []
        for part in parts {
            var progress: ApplyProgress?
            if part.state == .begun, isRunning, let endpoint = action.details["endpoint"] {
                progress = try await ApplyLedger.progress(of: part.space, at: endpoint, in: records)
            }
            let end = DeployEnd(part)
            let trouble = notes?.troubles[part.space]
            spaces.append([
                "space": .string(part.space), "began": .instant(part.began), "ended": .instant(part.ended),
                "state": .string(part.state == .begun && !isRunning ? "left" : end.word),
                "sentence": .text(end.sentence), "done": .strings(progress?.done ?? []),
                "doing": .text(progress?.doing), "commit": .text(progress?.commit),
                "all_done": .bool(progress?.isOver ?? false), "cause": .text(trouble?.cause),
                "hint": .text(trouble?.hint), "last_lines": .strings(trouble?.lines ?? []),
                "goes_back_to": .text(trouble?.goesBackTo),
            ])
        }
        return [
            "id": .integer(action.id), "state": .string(state), "began": .instant(action.began),
            "ended": .instant(action.ended), "by": .string(action.actor), "what": .string(action.reason),
            "sentence": .text(action.result.map { Redaction.text($0) }), "spaces": .array(spaces),
            "waves": .array((notes?.waves ?? []).map { .strings($0) }), "wave": .count(notes?.wave ?? 0),
        ]
    }
}

/// How the work on one Space ended, as its action keeps it: `rolled-back: what was seen`.
private struct DeployEnd {
    var word: String
    var sentence: String?

    init(_ action: Action) {
        let words = Set(RolloutRun.Outcome.State.allCases.map(\.rawValue))
        let text = action.result ?? ""
        if let colon = text.firstIndex(of: ":"), words.contains(String(text[..<colon])) {
            word = String(text[..<colon])
            sentence = Redaction.text(String(text[text.index(after: colon)...].drop { $0 == " " }))
            return
        }
        sentence = text.isEmpty ? nil : Redaction.text(text)
        word =
            switch action.state {
            case .begun: "running"
            case .succeeded: action.kind == .asked(.rollback) ? "rolled-back" : "done"
            case .failed: "failed"
            case .unknown: "interrupted"
            }
    }
}

extension RolloutRun.Outcome {
    /// As it is written down. What was changed counts as done, also when the Space is not well: healing has to know of its restart.
    var actionEnd: (Action.State, String?) {
        let end: Action.State =
            switch state {
            case .done, .paused, .ill, .rolledBack: .succeeded
            case .failed, .untouched: .failed
            case .interrupted: .unknown
            }
        return (end, "\(state.rawValue): \(Redaction.text(sentence))")
    }
}

extension Shape {
    static let deployPage = Shape(
        name: "DeployPage", summary: "Deploys, newest first.",
        fields: [
            .init("items", .list(.shape(deployRun)), "The deploys"),
            .init("next_cursor", .text, optional: true, "For the next page; null on the last"),
        ])

    private static let deployRun = Shape(
        name: "Deploy", summary: "One apply, rollback or deletion.",
        fields: [
            .init("id", .integer, "Number of its action"),
            .init(
                "state", .choice(["running", "done", "stopped", "failed", "left"]),
                "`stopped`: a Space was not well, and what had not begun was left alone. `failed`: it was refused or broke off. `left`: its process was gone before its end was known"
            ),
            .init("began", .instant, "When"), .init("ended", .instant, optional: true, "When it was over"),
            .init("by", .text, "Who did it, as it names itself"), .init("what", .text, "What it was about"),
            .init("sentence", .text, optional: true, "How it ended"),
            .init("spaces", .list(.shape(deployedSpace)), "In the order in which they were begun"),
            .init("waves", .list(.list(.text)), "Of an apply: its Spaces, `owner/name`, wave by wave"),
            .init("wave", .integer, "The wave that began last, from 1; 0 before the first"),
        ])

    private static let deployedSpace = Shape(
        name: "DeployedSpace", summary: "What was done to one Space.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("began", .instant, "When"),
            .init("ended", .instant, optional: true, "When it was over"),
            .init(
                "state", .choice(["running", "left"] + RolloutRun.Outcome.State.allCases.map(\.rawValue)),
                "As `apply` answers it, or `running`"),
            .init("sentence", .text, optional: true, "What was seen"),
            .init("done", .list(.text), "While it runs: steps that are done"),
            .init("doing", .text, optional: true, "While it runs: the step that is being done"),
            .init("commit", .text, optional: true, "While it runs: the commit that was made"),
            .init("all_done", .flag, "While it runs: all is changed, and it is waited for an answer"),
            .init("cause", .text, optional: true, "Of one that is not well: why, as the doctor found it"),
            .init("hint", .text, optional: true, "Of one that is not well: what to do"),
            .init("last_lines", .list(.text), "Of one that is not well: the end of its log"),
            .init("goes_back_to", .text, optional: true, "The commit whose files it gets, or got, again"),
        ])
}
