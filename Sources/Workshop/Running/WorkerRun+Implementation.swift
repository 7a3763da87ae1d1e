import Foundation
import Runtime
import StokerCore

/// What an implementation is about, for its rows.
struct ImplementationSubject: Sendable {
    var id: String
    var perspective: String
    var title: String
    /// `path:line`
    var place: String
    /// A recipe, or a model.
    var source: String
    /// What of another worker it takes up.
    var reads: JSONValue?
}

/// What a look of an implementation worker came to.
enum ImplementationStep: Sendable {
    /// There is nothing to change at this commit.
    case nothing
    /// There is, and it has to wait for the model.
    case waits
    case made(row: Int, stage: String, isLast: Bool)
}

extension WorkerRun {
    /// The next stage of the next change: by a recipe where there is one, else by a model what other workers found. The last stage tries it.
    func implement(
        _ record: inout WorkerRecord, _ version: inout Int64
    ) async throws -> (row: Int?, perspective: String, hasNews: Bool)? {
        let (mirror, head) = try await fetch(&record)
        let view = try await RepositoryView.read(mirror, at: head)
        let open = Recipe.targets(in: view).filter { !record.told.contains($0.id) }
        guard let target = open.first(where: { $0.id == record.target }) ?? open.first else {
            switch try await implementByModel(&record, &version, mirror, head, view) {
            case .made(let row, let stage, let isLast): return (row, stage, isLast)
            case .waits:
                version = try await store.save(record, version: version, at: now())
                return nil
            case .nothing:
                try await rest(&record, &version, head)
                return nil
            }
        }
        // A new commit begins the change anew.
        let isSame = record.target == target.id && record.targetHead == head.commit
        let stage = isSame ? min(record.stage + 1, 6) : 1
        let subject = ImplementationSubject(
            id: target.id, perspective: target.perspective, title: target.title,
            place: "\(target.file):\(target.line)", source: "recipe: declare the transitive dependency")
        let number: Int
        if stage < 6 {
            report("thinking: \(Recipe.stageNames[stage - 1].lowercased())")
            number = try await writeStage(
                subject, stage, summary: target.stages[stage - 1].summary,
                facts: [.init("facts", target.stages[stage - 1].facts)], proof: nil, &record, &version, head)
        } else {
            let proof = try await tried(target.proposal, mirror, view)
            record.told.append(target.id)
            number = try await writeStage(
                subject, stage,
                summary: "\(target.proposal.title): \(proof.verdict.rawValue), for \(proof.because).",
                facts: proof.facts(of: target.proposal), proof: proof, &record, &version, head)
        }
        return (number, Recipe.stageNames[stage - 1], stage == 6)
    }

    /// The row of one stage.
    /// - Parameter proof: what became of the change; nil before it was tried.
    func writeStage(
        _ subject: ImplementationSubject, _ stage: Int, summary: String, facts: [JSONValue.Member], proof: PatchProof?,
        _ record: inout WorkerRecord, _ version: inout Int64, _ head: GitMirror.Head
    ) async throws -> Int {
        var row = Iteration(
            iteration: record.iteration + 1, timestamp: now(), head: head.commit, perspective: subject.perspective,
            stageName: Recipe.stageNames[stage - 1], summary: summary, findings: [])
        row.insights.lists = record.insights
        var withheld: [String] = []
        if let proof, proof.verdict != .unjudged {
            (row.codeChanges, withheld) = VisibleCode.changes(proof.changes)
        }
        var members: [JSONValue.Member] = [
            .init("target", .string(subject.id)), .init("title", .string(subject.title)),
            .init("place", .string(subject.place)), .init("stage", .integer(Int64(stage))),
            .init("source", .string(subject.source)),
        ]
        if let reads = subject.reads { members.append(.init("reads", reads)) }
        if !withheld.isEmpty { members.append(.init("withheld", .array(withheld.map { .string($0) }))) }
        row.body = .object(members + facts)
        record.target = subject.id
        record.targetHead = head.commit
        record.stage = stage
        record.last = subject.perspective
        return try await write(row, &record, &version)
    }

    func tried(_ proposal: PatchProposal, _ mirror: GitMirror, _ view: RepositoryView) async throws
        -> PatchProof
    {
        guard let runner = TestRunner.find(for: proposal.check) else {
            let program = SourceLanguage(path: proposal.check) == .javascript ? "node" : "python3"
            return PatchProof(
                verdict: .unjudged, because: "there is no \(program) to run the check with", changes: [], runs: [])
        }
        let scratch = try Self.jailScratch()
        defer { try? FileManager.default.removeItem(atPath: scratch) }  // in the temporary folder anyway
        let trial = PatchTrial(mirror: mirror, view: view, scratch: scratch, runner: runner)
        return try await trial.run(proposal, report: report)
    }
}
