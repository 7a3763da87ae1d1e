package import StokerCore

/// How a worker reaches its model.
package struct ModelAccess: Sendable {
    var transport: ModelTransport
    /// Tokens that never leave in a text.
    var secrets: [Secret]

    package init(transport: @escaping ModelTransport, secrets: [Secret]) {
        self.transport = transport
        self.secrets = secrets
    }
}

extension WorkerRun {
    /// nil for a worker without a model.
    var modelClient: ModelClient? {
        guard let settings = settings.model, let model else { return nil }
        let secrets = model.secrets + [settings.token, self.settings.token].compactMap(\.self)
        return ModelClient(
            settings: settings, budget: self.settings.budget ?? ModelBudget(),
            store: ModelStore(records: store.records, worker: name), transport: model.transport,
            secrets: secrets.filter { !$0.isEmpty }, now: now)
    }

    /// What a row of evidence says of the model: nothing is left out in silence.
    var modelNote: JSONValue {
        guard let name = settings.model?.name else {
            return "none: the worker has no model, so that leads which need one were not looked for"
        }
        return .string("\(name) is asked when the evidence has said all it can")
    }

    /// The step behind evidence: a model reads it, one perspective a look. Its answers are leads and cases; they change no finding.
    /// - Returns: nil when there is nothing to ask, or nothing may be asked now.
    func askModel(
        _ record: inout WorkerRecord, _ version: inout Int64, findings: [Finding], _ mirror: GitMirror,
        _ head: GitMirror.Head
    ) async throws -> (row: Int?, perspective: String, hasNews: Bool)? {
        guard let client = modelClient else { return nil }
        var known = record.modelRead ?? [:]
        let waiting = perspectives.filter { known[$0.id]?.head != head.commit }
        guard !waiting.isEmpty else { return nil }
        if let block = try await client.store.book().book.block(at: now()) {
            report("the model waits until \(Formatting.time(block.until)): \(block.because)")
            return nil
        }
        let view = try await RepositoryView.read(mirror, at: head)
        let history = head.isShallow ? nil : try await History.read(mirror, at: head, ignoring: [])
        let readme = try await mirror.blobs(["\(head.commit):README.md"]).first.flatMap(\.self)
            .flatMap { String(validating: $0.prefix(4_000), as: UTF8.self) }
        let leads = try await store.leads()
        for perspective in waiting {
            let own = findings.filter { $0.perspective == perspective.id }
            let sheet = await Self.sheet(perspective, own, leads, view, history, readme)
            let asks = perspective.modelAsks ?? perspective.question
            let mark = String(
                Finding.sha256("\(client.settings.name ?? "")\n\(asks)\n\(sheet.fingerprint)").prefix(24))
            // The same evidence brings the same answer, and costs again.
            guard sheet.items.contains(where: { $0.kind == .place || $0.kind == .finding }),
                known[perspective.id]?.evidence != mark
            else {
                known[perspective.id] = .init(head: head.commit, evidence: mark)
                continue
            }
            report("asking the model: \(perspective.id.replacing("_", with: " "))")
            let outcome = try await ask(client, perspective, asks, sheet)
            let notes: ModelNotes
            switch outcome {
            case .waiting(let until, let because):
                report("the model waits until \(Formatting.time(until)): \(because)")
                record.modelRead = known
                version = try await store.save(record, version: version, at: now())
                return nil
            case .unusable(let because):
                report("the model gave no answer that can be used: \(because)")
                notes = ModelNotes()
            case .answered(let found): notes = found
            }
            known[perspective.id] = .init(head: head.commit, evidence: mark)
            record.modelRead = known
            guard !notes.notes.isEmpty || !notes.cases.isEmpty else {
                version = try await store.save(record, version: version, at: now())
                return (nil, perspective.id, false)
            }
            let number = try await write(
                row(of: notes, perspective, asks, client, record, head), &record, &version)
            return (number, perspective.id, false)
        }
        record.modelRead = known
        version = try await store.save(record, version: version, at: now())
        return nil
    }

    private func ask(_ client: ModelClient, _ perspective: Perspective, _ asks: String, _ sheet: EvidenceSheet)
        async throws -> ModelOutcome<ModelNotes>
    {
        let isPlan = settings.kind == .testPlanning
        @Sendable func question(_ room: ModelRoom) -> ModelQuestion {
            let sheet = sheet.fitting(bytes: room.bytes)
            return ModelQuestion(
                purpose: "\(isPlan ? "plan" : "explain") \(perspective.id)",
                task: isPlan
                    ? "Name at most six cases that deserve a test and that the evidence shows, the most important first. A case names the places it is about."
                    : "Say at most six things a maintainer would want to know of this evidence, the most important first: explain what a piece means, connect pieces, or propose a smaller change. `quote` is a line of the evidence that shows it, or empty.",
                sheet: sheet, document: ["question": .string(asks), "evidence": sheet.json],
                schema: isPlan ? ModelNotes.casesSchema(sheet) : ModelNotes.schema(sheet), answer: room.answer)
        }
        return try await client.ask(answer: 2_000, question) { json, sheet in
            isPlan
                ? ModelNotes.readCases(json, sheet, perspective: perspective.id) : ModelNotes.read(json, sheet)
        }
    }

    private func row(
        of notes: ModelNotes, _ perspective: Perspective, _ asks: String, _ client: ModelClient, _ record: WorkerRecord,
        _ head: GitMirror.Head
    ) -> Iteration {
        let isPlan = settings.kind == .testPlanning
        let count = isPlan ? notes.cases.count.counted("case") : notes.notes.count.counted("lead")
        let first =
            isPlan
            ? notes.cases.first.map { "\($0.when), given \($0.given)" } : notes.notes.first.map(\.text)
        var row = Iteration(
            iteration: record.iteration + 1, timestamp: now(), head: head.commit, perspective: perspective.id,
            stageName: isPlan ? "Read by a model" : "Leads of a model",
            summary: "\(count) of \(client.settings.name ?? "a model"), not proven; first: \(first ?? "")", findings: []
        )
        row.insights.lists = record.insights
        var body: [JSONValue.Member] = [
            .init("question", .string(asks)), .init("source", "model"),
            .init("model", .string(client.settings.name ?? "")), .init("dropped", .integer(Int64(notes.dropped))),
            .init("epoch", .integer(Int64(record.epoch))),
        ]
        if isPlan {
            var plan = TestPlan()
            plan.cases = notes.cases
            body += plan.json.members ?? []
        } else {
            body.append(.init("leads", .array(notes.notes.map(\.json))))
        }
        row.body = .object(body)
        return row
    }

    /// Heavy, so not on the thread of whoever waits.
    @concurrent private static func sheet(
        _ perspective: Perspective, _ findings: [Finding], _ leads: [Lead], _ view: RepositoryView,
        _ history: History?, _ readme: String?
    ) async -> EvidenceSheet {
        EvidenceSheet.of(
            perspective, findings: findings, leads: leads, view: view, history: history, readme: readme)
    }
}
