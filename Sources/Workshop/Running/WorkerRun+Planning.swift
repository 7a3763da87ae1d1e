import StokerCore

extension WorkerRun {
    /// The next perspective's plan of tests. A row is made when its cases are others than those of its last row.
    func plan(
        _ record: inout WorkerRecord, _ version: inout Int64
    ) async throws -> (row: Int?, perspective: String, hasNews: Bool)? {
        let (mirror, head) = try await fetch(&record)
        guard
            case .look(let id) = WorkerDecision.next(
                perspectives.map(\.id), record, head: head.commit, hasNews: { _ in false }),
            let perspective = perspectives.first(where: { $0.id == id })
        else {
            if let made = try await askModel(&record, &version, findings: [], mirror, head) { return made }
            try await rest(&record, &version, head)
            return nil
        }
        report("planning: \(id.replacing("_", with: " "))")
        let view = try await RepositoryView.read(mirror, at: head)
        let history = head.isShallow ? nil : try await History.read(mirror, at: head, ignoring: [])
        let plan = await Self.planned(TestPlanner(view: view, history: history), id)
        record.looked[id] = head.commit
        record.last = id
        guard record.planned[id] != plan.fingerprint else {
            version = try await store.save(record, version: version, at: now())
            return (nil, id, false)
        }
        var known = Iteration.Insights()
        known.lists = record.insights
        known.add(plan.insights)
        record.insights = known.lists.map { Array($0.suffix(100)) }
        record.planned[id] = plan.fingerprint
        if !record.told.contains(id) { record.told.append(id) }
        var row = Iteration(
            iteration: record.iteration + 1, timestamp: now(), head: head.commit, perspective: id,
            stageName: "Static evidence",
            summary: plan.cases.isEmpty
                ? perspective.nothing
                : "\(plan.cases.count.counted("case")); first: \(plan.cases[0].when), given \(plan.cases[0].given).",
            findings: [])
        row.insights = known
        row.body = .object(
            [.init("question", .string(perspective.question)), .init("model", modelNote)] + (plan.json.members ?? []))
        let number = try await write(row, &record, &version)
        return (number, id, !plan.cases.isEmpty)
    }

    /// Heavy, so not on the thread of whoever waits.
    @concurrent private static func planned(_ planner: TestPlanner, _ id: String) async -> TestPlan { planner.plan(id) }
}
