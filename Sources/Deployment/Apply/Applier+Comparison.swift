import HubClient
import StokerCore

/// Takes away from what is seen what a killed apply of the same plan has done: what is left has to be what the plan was made on.
struct Comparison: Sendable {
    let plan: SpacePlan
    let inputs: ApplyInputs
    let prints: SecretFingerprints
    let seen: ObservedSpace
    let applier: Applier

    /// A step that was begun last and whose effect is there counts as done from here on.
    func undone(_ progress: inout ApplyProgress) async throws -> ObservedSpace {
        if let doing = progress.doing {
            let steps = Applier.steps(of: plan, pauses: progress.pauses)
            if let step = steps.first(where: { $0.id == doing }), try await isThere(step, &progress) {
                progress.done.append(doing)
                progress.doing = nil
            }
        }
        guard !progress.done.contains(ApplyStep.create.id) else { return await withoutCreation(progress) }
        var was = seen
        let done = Set(progress.done)
        func isDone(_ step: ApplyStep) -> Bool { done.contains(step.id) }
        for change in plan.changes {
            switch change {
            case .create, .duplicate: break
            case .visibility(let from, let to):
                if isDone(.visibility), seen.visibility == to { was.visibility = from }
            case .hardware(let from, let to):
                if isDone(.hardware), seen.hardware == to { was.hardware = from }
            case .sleepTime(let from, let to):
                if isDone(.sleep), seen.sleepSeconds == to || applier.keepsItsSleepTime(seen) {
                    was.sleepSeconds = from
                }
            case .variable(let key, let from, let to):
                if isDone(to == nil ? .remove(.variable, key) : .write(.variable, key)), seen.variables[key] == to {
                    was.variables[key] = from
                }
            case .secret(let key, let change):
                let before = progress.stamps[key].flatMap { $0.isEmpty ? nil : $0 }
                if change == .remove {
                    if isDone(.remove(.secret, key)), seen.secrets[key] == nil { was.secrets[key] = before }
                } else if isDone(.write(.secret, key)), isOurs(key, progress) {
                    was.secrets[key] = before
                }
            case .volumes(let from, let to):
                if isDone(.volumes), SpaceVolume.isSame(seen.volumes, as: to) { was.volumes = from }
            case .files:
                if isDone(.files), let head = seen.head, head == progress.commit { was.head = progress.head }
            }
        }
        return was
    }

    /// A Space that this plan made was not there. What others did to it since is seen by its files.
    private func withoutCreation(_ progress: ApplyProgress) async -> ObservedSpace {
        guard seen.exists else { return seen }
        let head = progress.commit ?? progress.head
        guard head == nil || head == seen.head else { return seen }
        return ObservedSpace()
    }

    /// Whether the effect of a step is on the Hub.
    private func isThere(_ step: ApplyStep, _ progress: inout ApplyProgress) async throws -> Bool {
        switch step {
        case .create: return seen.exists && isRecent(seen.createdAt, progress)
        case .pause: return seen.runtime?.stage == .paused
        // The pause was there before it.
        case .restart: return seen.runtime?.stage != .paused
        case .note: return false
        case .remove(.variable, let key): return seen.variables[key] == nil
        case .remove(.secret, let key): return seen.secrets[key] == nil
        case .write(.secret, let key): return isOurs(key, progress)
        case .files:
            guard let head = seen.head, head != progress.head,
                let newest = try await applier.hub.history(of: plan.space, pageSize: 1, limit: 1).all().first,
                newest.id == head, newest.message.contains(CommitMark.of(progress.plan))
            else { return false }
            progress.commit = head
            return try await isWhole(at: head)
        case .visibility, .hardware, .sleep, .volumes, .write(.variable, _):
            return plan.changes.contains { change in
                switch (step, change) {
                case (.visibility, .visibility(_, let to)): seen.visibility == to
                case (.hardware, .hardware(_, let to)): seen.hardware == to
                case (.sleep, .sleepTime(_, let to)):
                    seen.sleepSeconds == to || applier.keepsItsSleepTime(seen)
                case (.volumes, .volumes(_, let to)): SpaceVolume.isSame(seen.volumes, as: to)
                case (.write(_, let key), .variable(let own, _, let to)): own == key && seen.variables[key] == to
                default: false
                }
            }
        }
    }

    /// Whether all files of the plan are there: a plan of many is several commits.
    private func isWhole(at head: String) async throws -> Bool {
        for case .files(let files) in plan.changes {
            let there = try await applier.hub.entries(
                at: files.files.map(\.path), in: plan.space, revision: head)
            let contents = Dictionary(
                there.filter { $0.kind == .file }.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
            for file in files.files {
                let present = contents[file.path]
                guard file.kind == .delete ? present == nil : present?.size == file.sizeAfter else { return false }
            }
        }
        return true
    }

    /// Whether a secret has the value that this plan gives it, written by this plan.
    private func isOurs(_ key: String, _ progress: ApplyProgress) -> Bool {
        guard let stamp = seen.secrets[key], stamp != progress.stamps[key] ?? "" else { return false }
        let known = inputs.secrets[key].map {
            prints.comparison(of: key, value: $0, in: plan.space, updatedAt: stamp)
        }
        switch known {
        case .unchanged: return true
        // Written, and the process killed before it could be noted: known by when.
        case .unknown, .drifted: return !progress.done.contains(ApplyStep.note.id) && isRecent(stamp, progress)
        case .different, nil: return false
        }
    }

    /// Whether something happened while this plan was carried out, by the Hub's clock, which may differ from ours by two minutes.
    private func isRecent(_ stamp: String?, _ progress: ApplyProgress) -> Bool {
        guard let stamp, !stamp.isEmpty, let at = Instant(rfc3339: stamp) else { return true }
        return at >= progress.began - .seconds(120) && at <= progress.since + .seconds(600)
    }
}

extension Applier {
    /// On free hardware the Hub keeps its own sleep time, whatever is asked.
    func keepsItsSleepTime(_ seen: ObservedSpace) -> Bool { seen.hardware == "cpu-basic" }
}

/// Stands in the description of a commit, so that a killed apply knows its own.
enum CommitMark {
    static func of(_ digest: String) -> String { "Stoker-Plan: \(digest.prefix(32))" }
}
