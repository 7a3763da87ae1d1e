import FoundationEssentials
import Ledger
import Runtime
import StokerCore

/// What a model thought of a change, between the stages that need it.
struct ModelThought: Sendable, Equatable, Codable {
    struct Option: Sendable, Equatable, Codable {
        var what: String
        var risk: String
    }
    struct Risk: Sendable, Equatable, Codable {
        var what: String
        var seenBy: String
        var mitigatedBy: String
    }
    struct Case: Sendable, Equatable, Codable {
        var given: String
        var when: String
        var then: String
    }
    var target: String
    var head: String
    var options: [Option]
    var chosen: Int
    var why: String
    var risks: [Risk]
    var cases: [Case]

    static let schema = ModelNotes.object([
        (
            "options",
            ModelNotes.list(
                ModelNotes.object([("what", ModelNotes.text), ("risk", ModelNotes.text)]), least: 2, most: 3)
        ), ("chosen", ["type": "integer", "minimum": 1, "maximum": 3]), ("why", ModelNotes.text),
        (
            "risks",
            ModelNotes.list(
                ModelNotes.object([
                    ("what", ModelNotes.text), ("seen_by", ModelNotes.text), ("mitigated_by", ModelNotes.text),
                ]), least: 1, most: 4)
        ),
        (
            "cases",
            ModelNotes.list(
                ModelNotes.object([("given", ModelNotes.text), ("when", ModelNotes.text), ("then", ModelNotes.text)]),
                least: 1, most: 4)
        ),
    ])

    static func read(_ json: JSONValue, target: String, head: String) -> Result<ModelThought, ModelFault> {
        func texts<Value>(_ key: String, _ most: Int, _ make: (JSONValue) -> Value?) -> [Value] {
            (json[key]?.array ?? []).prefix(most).compactMap(make)
        }
        func text(_ value: JSONValue, _ key: String) -> String? { ModelText.clean(value[key]?.string) }
        let options = texts("options", 3) { one -> Option? in
            text(one, "what").map { Option(what: $0, risk: text(one, "risk") ?? "") }
        }
        let risks = texts("risks", 4) { one -> Risk? in
            text(one, "what").map {
                Risk(what: $0, seenBy: text(one, "seen_by") ?? "", mitigatedBy: text(one, "mitigated_by") ?? "")
            }
        }
        let cases = texts("cases", 4) { one -> Case? in
            guard let given = text(one, "given"), let when = text(one, "when"), let then = text(one, "then") else {
                return nil
            }
            return Case(given: given, when: when, then: then)
        }
        guard options.count >= 2, let chosen = json["chosen"]?.integer, (1...options.count).contains(chosen),
            let why = ModelText.clean(json["why"]?.string), !cases.isEmpty
        else {
            return .failure(
                ModelFault(
                    because: "it has fewer than two options in plain text, no choice among them, no reason or no case"))
        }
        return .success(
            ModelThought(
                target: target, head: head, options: options, chosen: chosen, why: why, risks: risks, cases: cases))
    }
}

extension WorkerRun {
    static let thoughtKind = "worker-thought"

    /// The next stage of the most important thing that other workers left, by a model.
    /// - Returns: nil when there is nothing to do, or the model may not be asked now.
    func implementByModel(
        _ record: inout WorkerRecord, _ version: inout Int64, _ mirror: GitMirror, _ head: GitMirror.Head,
        _ view: RepositoryView
    ) async throws -> ImplementationStep {
        guard let reading else { return .nothing }
        let all = WorkItem.sorted(try await reading())
        guard let client = modelClient else { return .nothing }
        let claims = WorkClaims(records: store.records, worker: name)
        // What was begun goes first.
        let ordered = all.filter { $0.id == record.target } + all.filter { $0.id != record.target }
        var chosen: WorkItem?
        for item in ordered where Self.canTry(item, view) {
            if try await claims.take(item.id, at: now()) {
                chosen = item
                break
            }
        }
        guard let item = chosen else { return .nothing }
        let isSame = record.target == item.id && record.targetHead == head.commit
        var stage = isSame ? min(record.stage + 1, 6) : 1
        var thought = try await self.thought(of: item, head)
        // Without the thoughts of the third stage the later ones have nothing to say.
        if stage > 3, thought == nil { stage = 3 }
        let sheet = await Self.sheet(of: item, view, all)
        let subject = ImplementationSubject(
            id: item.id, perspective: item.perspective, title: item.title, place: "\(item.file):\(item.line)",
            source: "model: \(client.settings.name ?? "")", reads: item.json)
        report("thinking: \(Recipe.stageNames[stage - 1].lowercased())")
        if stage == 3 {
            switch try await client.ask(
                answer: 1_500,
                { room in
                    let sheet = sheet.fitting(bytes: room.bytes)
                    return ModelQuestion(
                        purpose: "weigh \(item.id)",
                        task:
                            "A fault is described by the evidence. Name two or three changes that would mend it, the smallest first, choose one and say why; name what could break, and cases of a test that fails today and passes with the change.",
                        sheet: sheet, document: ["fault": .string(item.title), "evidence": sheet.json],
                        schema: ModelThought.schema,
                        answer: room.answer)
                }, read: { json, _ in ModelThought.read(json, target: item.id, head: head.commit) })
            {
            case .answered(let found):
                thought = found
                try await keep(found)
            case .waiting(let until, let because):
                report("the model waits until \(Formatting.time(until)): \(because)")
                return .waits
            case .unusable(let because):
                return try await give(up: item, subject, stage, because, claims, &record, &version, head)
            }
        }
        if stage < 6 {
            let (summary, facts) = Self.words(stage, item, sheet, thought)
            let number = try await writeStage(
                subject, stage, summary: summary, facts: [.init("facts", facts)], proof: nil, &record, &version, head)
            return .made(row: number, stage: Recipe.stageNames[stage - 1], isLast: false)
        }
        return try await change(item, subject, sheet, thought, client, claims, &record, &version, mirror, head, view)
    }

    // MARK: The last stage

    private func change(
        _ item: WorkItem, _ subject: ImplementationSubject, _ sheet: EvidenceSheet, _ thought: ModelThought?,
        _ client: ModelClient, _ claims: WorkClaims, _ record: inout WorkerRecord, _ version: inout Int64,
        _ mirror: GitMirror, _ head: GitMirror.Head, _ view: RepositoryView
    ) async throws -> ImplementationStep {
        var sheet = sheet
        var tried: (PatchProposal, PatchProof)?
        guard let manner = TestRunner.manner(of: SourceLanguage(path: item.file)) else { return .nothing }
        let check = Self.checkPath(item, manner, view)
        // A change whose test did not go well is shown its output once.
        tries: for _ in 0..<2 {
            let now = sheet
            let outcome = try await client.ask(
                answer: 4_000,
                { room in
                    let sheet = now.fitting(bytes: room.bytes)
                    return ModelQuestion(
                        purpose: "change \(item.file)",
                        task:
                            "Mend the fault by replacing texts. `find` is copied from the evidence, occurs exactly once in its file, and `replace` takes its place; keep the change as small as it can be. `test` is \(manner.words), which fails before the change and passes with it. It is saved as \(check).",
                        sheet: sheet,
                        document: [
                            "fault": .string(item.title),
                            "plan": .string(thought.map { $0.options[$0.chosen - 1].what } ?? item.why),
                            "cases": .array(
                                (thought?.cases ?? []).map {
                                    .string("given \($0.given), when \($0.when), then \($0.then)")
                                }), "evidence": sheet.json,
                        ], schema: Self.editSchema(sheet), answer: room.answer)
                }, read: { json, shown in Self.proposal(json, item, shown, check, view) })
            let proposal: PatchProposal
            switch outcome {
            case .answered(let found): proposal = found
            case .waiting(let until, let because):
                // What was tried already is told rather than lost.
                if tried != nil { break tries }
                report("the model waits until \(Formatting.time(until)): \(because)")
                return .waits
            case .unusable(let because):
                if tried != nil { break tries }
                return try await give(up: item, subject, 6, because, claims, &record, &version, head)
            }
            let proof = try await self.tried(proposal, mirror, view)
            tried = (proposal, proof)
            guard proof.verdict == .worse || proof.verdict == .neutral, !proof.output.isEmpty else { break }
            sheet.add(
                EvidenceSheet.Item(
                    kind: .run, file: check, line: 1, says: "your last change was tried: \(proof.because)",
                    text: proof.output))
        }
        guard let (proposal, proof) = tried else { return .waits }
        let number = try await writeStage(
            subject, 6, summary: "\(proposal.title): \(proof.verdict.rawValue), for \(proof.because).",
            facts: proof.facts(of: proposal), proof: proof, &record, &version, head)
        try await claims.finish(item.id, proof.verdict.rawValue, at: now())
        return .made(row: number, stage: Recipe.stageNames[5], isLast: true)
    }

    /// The model has no answer that can be used: the row says so, and the next thing is taken.
    private func give(
        up item: WorkItem, _ subject: ImplementationSubject, _ stage: Int, _ because: String, _ claims: WorkClaims,
        _ record: inout WorkerRecord, _ version: inout Int64, _ head: GitMirror.Head
    ) async throws -> ImplementationStep {
        let proof = PatchProof(
            verdict: .unjudged, because: "the model gave no answer that can be used: \(because)", changes: [], runs: [])
        let number = try await writeStage(
            subject, stage, summary: "\(item.title): unjudged, for \(proof.because).",
            facts: [.init("verdict", "unjudged"), .init("because", .string(proof.because))], proof: proof, &record,
            &version, head)
        try await claims.finish(item.id, proof.verdict.rawValue, at: now())
        return .made(row: number, stage: Recipe.stageNames[stage - 1], isLast: true)
    }

    private static func editSchema(_ sheet: EvidenceSheet) -> JSONValue {
        let files = Set(sheet.items.filter { $0.kind == .place || $0.kind == .finding }.map(\.file)).sorted()
        return ModelNotes.object([
            ("title", ModelNotes.text),
            (
                "edits",
                ModelNotes.list(
                    ModelNotes.object([
                        ("file", ["type": "string", "enum": .array(files.map { .string($0) })]),
                        ("find", ModelNotes.text), ("replace", ModelNotes.text),
                    ]), least: 1, most: 6)
            ), ("test", ModelNotes.text),
        ])
    }

    static func proposal(
        _ json: JSONValue, _ item: WorkItem, _ sheet: EvidenceSheet, _ check: String, _ view: RepositoryView
    ) -> Result<PatchProposal, ModelFault> {
        // Only what it was shown, and only code that is the product itself.
        let shown = Set(sheet.items.filter { $0.kind == .place || $0.kind == .finding }.map(\.file))
        var edits: [PatchProposal.Edit] = []
        for one in (json["edits"]?.array ?? []).prefix(7) {
            guard let file = one["file"]?.string, let find = one["find"]?.string, let replace = one["replace"]?.string
            else { return .failure(ModelFault(because: "an edit has no file, find or replace")) }
            guard shown.contains(file), view.file(file)?.role == .source, view.file(file)?.language != nil else {
                return .failure(
                    ModelFault(
                        because: "\(ModelText.clean(file, limit: 100) ?? "a file") is no code on the evidence sheet"))
            }
            edits.append(.init(file: file, find: find, replace: replace))
        }
        guard (1...6).contains(edits.count) else {
            return .failure(ModelFault(because: "it has no edits, or more than six"))
        }
        let mark = TestRunner.manner(of: SourceLanguage(path: check))?.mark ?? "unittest"
        guard let test = json["test"]?.string, test.contains(mark), test.utf8.count <= 20_000 else {
            return .failure(ModelFault(because: "its test is no file with \(mark) of at most 20,000 bytes"))
        }
        // A star may stand for a secret: what would be written with stars is not the text that was meant.
        let proposal = PatchProposal(
            title: ModelText.clean(json["title"]?.string, limit: 120) ?? "Mend \(item.file)", edits: edits,
            newFiles: [check: test], check: check)
        do throws(Failure) { _ = try proposal.texts(in: view) } catch {
            return .failure(ModelFault(because: error.because))
        }
        return .success(proposal)
    }

    private static func checkPath(_ item: WorkItem, _ manner: TestRunner.Manner, _ view: RepositoryView) -> String {
        let folder =
            manner.folder.first { name in view.files.contains { $0.path.hasPrefix(name + "/") } } ?? manner.folder[0]
        let name = item.symbol.split(separator: ".").last.map(String.init) ?? "change"
        let plain = name.lowercased().filter { ("a"..."z").contains($0) || $0.isNumber || $0 == "_" }
        return
            "\(folder)/\(manner.name(plain.isEmpty ? "change" : String(plain.prefix(40)), String(item.id.prefix(6))))"
    }

    // MARK: What is known

    /// Of languages whose own runner of tests is here; what cannot be tried is left to others.
    private static func canTry(_ item: WorkItem, _ view: RepositoryView) -> Bool {
        guard let file = view.file(item.file), file.role == .source, TestRunner.manner(of: file.language) != nil,
            file.language != .javascript || JailedNode.find() != nil
        else { return false }
        // A finding whose lines are not at head is none any more.
        return item.finding.map { $0.isTrue(of: file.lines) } ?? (item.line <= file.lineCount)
    }

    private func thought(of item: WorkItem, _ head: GitMirror.Head) async throws -> ModelThought? {
        guard let found = try await store.records.record(kind: Self.thoughtKind, key: name),
            let thought = try? JSONDecoder().decode(ModelThought.self, from: Data(found.body.utf8)),
            thought.target == item.id, thought.head == head.commit
        else { return nil }
        return thought
    }

    private func keep(_ thought: ModelThought) async throws {
        let body = String(decoding: try JSONEncoder.stable.encode(thought), as: UTF8.self)
        try await store.records.put(NewRecord(kind: Self.thoughtKind, key: name, body: body, at: now()))
    }

    /// The code that is meant, whole where it is short, who names it, and the cases that plans have for its file.
    @concurrent private static func sheet(of item: WorkItem, _ view: RepositoryView, _ all: [WorkItem]) async
        -> EvidenceSheet
    {
        var sheet = EvidenceSheet()
        guard let file = view.file(item.file) else { return sheet }
        sheet.add(
            EvidenceSheet.Item(
                kind: item.kind == .finding ? .finding : .place, file: item.file, line: item.line, symbol: item.symbol,
                says: "\(item.title). \(item.why) \(item.finding?.evidence.prefix(5).joined(separator: ". ") ?? "")",
                text: EvidenceSheet.excerpt(
                    file, around: item.line, before: 20, after: max(60, item.lineEnd - item.line + 30))),
            longest: 9_000)
        let symbol = item.symbol.split(separator: ".").last.map(String.init) ?? ""
        if symbol.count >= 3 {
            for other in view.files where other.language == file.language && other.path != item.file {
                guard sheet.items.count < 8,
                    let line = other.lines.firstIndex(where: { $0.contains(symbol) })
                else { continue }
                sheet.add(
                    EvidenceSheet.Item(
                        kind: other.role == .test ? .about : .place, file: other.path, line: line + 1, symbol: symbol,
                        says: other.role == .test ? "a test that names it" : "uses it",
                        text: EvidenceSheet.excerpt(other, around: line + 1, before: 6, after: 20)))
            }
        }
        for plan in all where plan.kind == .plan && plan.file == item.file && plan.id != item.id {
            guard sheet.items.count < 12 else { break }
            sheet.add(
                EvidenceSheet.Item(
                    kind: .plan, file: plan.file, line: plan.line, symbol: plan.symbol,
                    says: "a plan of tests from \(plan.from)", text: "\(plan.title). \(plan.why)"))
        }
        return sheet
    }

    /// What each of the first five stages says.
    private static func words(_ stage: Int, _ item: WorkItem, _ sheet: EvidenceSheet, _ thought: ModelThought?)
        -> (String, JSONValue)
    {
        let users = sheet.items.filter { $0.says == "uses it" }
        let tests = sheet.items.filter { $0.says == "a test that names it" }
        switch stage {
        case 1:
            return (
                "\(item.title).",
                [
                    "observed": .string(item.title), "expected": .string(item.why),
                    "place": .string("\(item.file):\(item.line)"), "command": .string(item.finding?.command ?? ""),
                    "tests": .array(tests.map { .string($0.place) }),
                ]
            )
        case 2:
            return (
                "\(users.count.counted("other file")) and \(tests.count.counted("test file")) name `\(item.symbol)`.",
                [
                    "dependents": .array(users.map { .string($0.place) }),
                    "tests": .array(tests.map { .string($0.place) }),
                ]
            )
        case 3:
            let options = (thought?.options ?? []).enumerated().map { index, option -> JSONValue in
                [
                    "what": .string(option.what), "risk": .string(option.risk),
                    "chosen": .bool(index + 1 == thought?.chosen),
                ]
            }
            return (
                thought.map { "\($0.options[$0.chosen - 1].what): \($0.why)" } ?? "",
                ["options": .array(options), "why": .string(thought?.why ?? "")]
            )
        case 4:
            let risks = (thought?.risks ?? []).map { risk -> JSONValue in
                [
                    "what": .string(risk.what), "seen_by": .string(risk.seenBy),
                    "mitigated_by": .string(risk.mitigatedBy),
                ]
            }
            return (
                thought?.risks.first.map { "\($0.what)." } ?? "The model names no risk.", ["risks": .array(risks)]
            )
        default:
            let cases = (thought?.cases ?? []).map {
                JSONValue.string("given \($0.given), when \($0.when), then \($0.then)")
            }
            return (
                "\((thought?.cases.count ?? 0).counted("case")) that fail today.", ["cases": .array(cases)]
            )
        }
    }
}
