import HubClient
import StokerCore

extension Applier {
    /// Looks whether the Hub has what it answered well. What it does not have counts as not done, so that the same plan does it again.
    /// - Throws: `hub.trouble` that names what is not there.
    func verify(_ plan: SpacePlan, _ progress: ApplyProgress) async throws {
        var unmade = unmade(plan, progress, try await hub.observe(plan.space))
        for wait in waits.prefix(2) where !unmade.isEmpty {
            // A Hub of several machines may be a moment behind itself.
            try await hub.pause(for: wait, doing: "look at \(plan.space) once more")
            unmade = self.unmade(plan, progress, try await hub.observe(plan.space))
        }
        guard !unmade.isEmpty else { return }
        var progress = progress
        Self.reopen(unmade, &progress)
        try await memory.keep(progress, of: plan.space)
        throw Failure(
            .hubTrouble, doing: "apply the plan to \(plan.space)",
            because: "the Hub took it and does not have it: \(NameList.text(unmade.map(\.id)))",
            hint: "the same command does it again", retry: .soon)
    }

    /// Counts steps as not done.
    static func reopen(_ steps: [ApplyStep], _ progress: inout ApplyProgress) {
        var again = Set(steps.map(\.id)).intersection(progress.done)
        guard !again.isEmpty else { return }
        // A secret that is written again is another one.
        if steps.contains(where: { if case .write(.secret, _) = $0 { true } else { false } }) {
            again.insert(ApplyStep.note.id)
        }
        if again.contains(ApplyStep.files.id) { progress.commit = nil }
        progress.done.removeAll { again.contains($0) }
        progress.isOver = false
    }

    /// Steps whose effect is not on the Hub. What others did meanwhile to something else does not count.
    func unmade(_ plan: SpacePlan, _ progress: ApplyProgress, _ seen: ObservedSpace) -> [ApplyStep] {
        // Deleted meanwhile: the gate tells that.
        guard seen.exists else { return [] }
        var isNew = false
        var unmade: [ApplyStep] = []
        for change in plan.changes {
            switch change {
            // What a creation brings along cannot be brought by another one: the next plan shows it.
            case .create, .duplicate: isNew = true
            case .visibility(_, let to):
                // Private and protected are not told apart here.
                if let now = seen.visibility, (now == .public) != (to == .public) { unmade.append(.visibility) }
            case .hardware(_, let to):
                if let now = seen.hardware, now != (to == "zerogpu" ? "zero-a10g" : to) { unmade.append(.hardware) }
            case .sleepTime(_, let to):
                if seen.runtime != nil, seen.sleepSeconds != to, !keepsItsSleepTime(seen) { unmade.append(.sleep) }
            case .variable(let key, _, let to):
                if seen.variables[key] != to {
                    unmade.append(to == nil ? .remove(.variable, key) : .write(.variable, key))
                }
            case .secret(let key, let change):
                if (seen.secrets[key] == nil) != (change == .remove) {
                    unmade.append(change == .remove ? .remove(.secret, key) : .write(.secret, key))
                }
            case .volumes(_, let to):
                if seen.runtime != nil, !SpaceVolume.isSame(seen.volumes, as: to) { unmade.append(.volumes) }
            case .files:
                if let commit = progress.commit, commit != progress.head, seen.head == progress.head {
                    unmade.append(.files)
                }
            }
        }
        return isNew ? [] : unmade
    }
}
