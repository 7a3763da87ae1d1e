import Foundation
import Runtime
import StokerCore

extension WorkerRun {
    /// The next stage of the next change that follows from a recipe; the last stage tries it.
    func implement(
        _ record: inout WorkerRecord, _ version: inout Int64
    ) async throws -> (row: Int?, perspective: String, hasNews: Bool)? {
        let (mirror, head) = try await fetch(&record)
        let view = try await RepositoryView.read(mirror, at: head)
        let open = Recipe.targets(in: view).filter { !record.told.contains($0.id) }
        guard let target = open.first(where: { $0.id == record.target }) ?? open.first else {
            try await rest(&record, &version, head)
            return nil
        }
        // A new commit begins the change anew.
        let isSame = record.target == target.id && record.targetHead == head.commit
        let stage = isSame ? min(record.stage + 1, 6) : 1
        var row = Iteration(
            iteration: record.iteration + 1, timestamp: now(), head: head.commit, perspective: target.perspective,
            stageName: Recipe.stageNames[stage - 1], summary: "", findings: [])
        row.insights.lists = record.insights
        let subject: [JSONValue.Member] = [
            .init("target", .string(target.id)), .init("title", .string(target.title)),
            .init("place", .string("\(target.file):\(target.line)")), .init("stage", .integer(Int64(stage))),
            .init("source", "recipe: declare the transitive dependency"),
        ]
        if stage < 6 {
            row.summary = target.stages[stage - 1].summary
            row.body = .object(subject + [.init("facts", target.stages[stage - 1].facts)])
            report("thinking: \(row.stageName.lowercased())")
        } else {
            let proof = try await tried(target.proposal, mirror, view)
            row.summary = "\(target.proposal.title): \(proof.verdict.rawValue), for \(proof.because)."
            row.codeChanges = proof.verdict == .unjudged ? [] : proof.changes
            row.body = .object(
                subject + [
                    .init("verdict", .string(proof.verdict.rawValue)), .init("because", .string(proof.because)),
                    .init("runs", .array(proof.runs.map { .string($0) })),
                    .init(
                        "edits",
                        .array(
                            target.proposal.edits.map {
                                ["file": .string($0.file), "find": .string($0.find), "replace": .string($0.replace)]
                            })), .init("check", .string(target.proposal.check)),
                ])
            record.told.append(target.id)
        }
        record.target = target.id
        record.targetHead = head.commit
        record.stage = stage
        record.last = target.perspective
        let number = try await write(row, &record, &version)
        return (number, row.stageName, stage == 6)
    }

    private func tried(_ proposal: PatchProposal, _ mirror: GitMirror, _ view: RepositoryView) async throws
        -> PatchProof
    {
        guard let python = JailedPython.find() else {
            return PatchProof(
                verdict: .unjudged, because: "there is no python3 to run the check with", changes: [], runs: [])
        }
        let scratch = try Self.jailScratch()
        defer { try? FileManager.default.removeItem(atPath: scratch) }  // in the temporary folder anyway
        let trial = PatchTrial(mirror: mirror, view: view, scratch: scratch, python: python)
        return try await trial.run(proposal, report: report)
    }
}
