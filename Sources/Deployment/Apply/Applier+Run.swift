import HubClient
import StokerCore

/// One go through the steps that are left of a plan.
struct Run: Sendable {
    let applier: Applier
    let plan: SpacePlan
    let inputs: ApplyInputs
    let files: [HubChange]
    /// Steps of the whole plan.
    let all: Int
    let seen: ObservedSpace

    private var hub: Hub { applier.hub }
    private var space: RepoID { plan.space }

    /// - Returns: how far it came, and whether the Space is not left paused.
    func carryOut(
        _ steps: [ApplyStep], _ known: ApplyProgress, _ goesOn: @Sendable () -> Bool,
        _ tell: @Sendable (ApplyStep, Int, Int) -> Void
    ) async -> (Result<(ApplyProgress, [String]), any Error>, isWhole: Bool) {
        var progress = known
        var made: [String] = []
        var isPaused = progress.pauses && seen.runtime?.stage == .paused
        do {
            for step in steps {
                // Nothing is left but what ends the pause.
                if step != .restart, !goesOn() { throw interrupted(progress) }
                tell(step, min(progress.done.count + 1, all), all)
                if step == .pause && isPaused {
                    progress.done.append(step.id)
                    continue
                }
                progress.doing = step.id
                progress.since = applier.now()
                try await applier.memory.keep(progress, of: space)
                // Asked for and not yet there: it may come about all the same.
                if step == .pause { isPaused = true }
                try await carryOut(step, &progress)
                if step == .restart { isPaused = false }
                made.append(step.id)
                progress.done.append(step.id)
                progress.doing = nil
            }
            progress.isOver = true
            try await applier.memory.keep(progress, of: space)
            return (.success((progress, made)), true)
        } catch {
            guard isPaused else { return (.failure(error), true) }
            return (.failure(error), await endPause(progress))
        }
    }

    /// What fails or is called off in its midst does not leave the Space paused; the same plan pauses it again for the rest.
    private func endPause(_ known: ApplyProgress) async -> Bool {
        do {
            _ = try await hub.restart(space, waits: applier.waits)
        } catch { return false }
        var progress = known
        progress.done.removeAll { $0 == ApplyStep.pause.id || $0 == ApplyStep.restart.id }
        if progress.doing == ApplyStep.pause.id || progress.doing == ApplyStep.restart.id { progress.doing = nil }
        // Unwritten, the pause counts as done, and the rest is written to a Space that runs: more restarts, no harm.
        try? await applier.memory.keep(progress, of: space)
        return true
    }

    private func interrupted(_ progress: ApplyProgress) -> Failure {
        Failure(
            .interrupted, doing: "apply the plan to \(space)",
            because: "it was interrupted; \(progress.done.count) of \(all) steps are done",
            hint: "the same command does the rest")
    }

    private func carryOut(_ step: ApplyStep, _ progress: inout ApplyProgress) async throws {
        switch step {
        case .create: try await create(&progress)
        case .pause: _ = try await hub.pause(space, waits: applier.waits)
        case .restart: _ = try await hub.restart(space, waits: applier.waits)
        case .remove(let kind, let key): try await hub.delete(kind, key, of: space)
        case .write(.secret, let key):
            try await hub.set(
                .secret, key, to: try secret(key), of: space, before: progress.stamps[key] ?? "", waits: applier.waits)
        case .note: try await note()
        case .files: try await commit(&progress)
        case .write(.variable, _), .visibility, .volumes, .hardware, .sleep: try await set(step)
        }
    }

    private func set(_ step: ApplyStep) async throws {
        for change in plan.changes {
            switch (step, change) {
            case (.write(.variable, let key), .variable(let own, _, let to?)) where own == key:
                try await hub.set(.variable, key, to: Secret(to), of: space, waits: applier.waits)
            case (.visibility, .visibility(_, let to)): try await hub.change(space, RepoSettings(visibility: to))
            case (.volumes, .volumes(_, let to)): _ = try await hub.changeVolumes(of: space, [.replaceAll(to)])
            case (.hardware, .hardware(_, let to)):
                _ = try await hub.requestHardware(of: space, flavor: to, waits: applier.waits)
            case (.sleep, .sleepTime(_, let to)):
                _ = try await hub.setSleepTime(of: space, seconds: to ?? -1, waits: applier.waits)
            default: break
            }
        }
    }

    private func secret(_ key: String) throws(Failure) -> Secret {
        guard let value = inputs.secrets[key] else {
            throw Failure(
                .usage, doing: "write the secret \(key) of \(space)", because: "it has no value here",
                hint: "set \(key) in the environment, or name a file with --env-file")
        }
        return value
    }

    private func note() async throws {
        let before = try await applier.memory.prints()
        var after = before
        let now = try await hub.secrets(of: space)
        for case .secret(let key, let change) in plan.changes {
            let stamp = now.first { $0.key == key }?.updatedAt
            if change != .remove, let value = inputs.secrets[key], let stamp {
                after.note(key, value: value, in: space, updatedAt: stamp)
            } else {
                after.forget(key, in: space)
            }
        }
        try await applier.memory.keep(from: before, to: after)
    }

    // MARK: A new Space

    private func create(_ progress: inout ApplyProgress) async throws {
        var new = NewRepo(space)
        var source: RepoID?
        for change in plan.changes {
            switch change {
            case .create(let sdk, let visibility, let hardware, let sleep):
                new.sdk = sdk
                (new.visibility, new.hardware, new.sleepSeconds) = (visibility, hardware, sleep)
            case .duplicate(let of, let visibility, let hardware, let sleep):
                source = of
                (new.visibility, new.hardware, new.sleepSeconds) = (visibility, hardware, sleep)
            case .variable(let key, _, let to?): new.variables.append(.init(key: key, value: Secret(to)))
            case .secret(let key, let change) where change != .remove:
                new.secrets.append(.init(key: key, value: try secret(key)))
            case .volumes(_, let to): new.volumes = to
            case .variable, .secret, .visibility, .hardware, .sleepTime, .files: break
            }
        }
        let made = if let source { try await hub.duplicate(source, as: new) } else { try await hub.ensure(new) }
        guard made.wasCreated else {
            throw Failure(
                .conflict, doing: "create \(space)", because: "somebody created it since the plan was made",
                hint: "look at it with `stoker plan \(plan.target)`, then apply what that shows")
        }
        // What others commit from here on is seen.
        progress.head = try await hub.find(space, expand: ["sha"])?.sha
    }

    // MARK: Files

    private func commit(_ progress: inout ApplyProgress) async throws {
        var parent = progress.commit ?? progress.head
        var changes = files
        if parent == nil { parent = try await hub.info(of: space, expand: ["sha"]).sha }
        if progress.commit != nil {
            changes = try await remaining(at: progress.commit)
        } else if case .create? = plan.changes.first, plan.paths != ["README.md"] {
            // The Hub puts files of its own into a new Space; a source knows nothing of them. The README alone is written without a source too, and
            // then they stay.
            let named = Set(plan.paths)
            for entry in try await hub.tree(of: space, revision: parent ?? "main").all()
            where entry.kind == .file && entry.path != ".gitattributes" && !named.contains(entry.path) {
                changes.append(.delete(path: entry.path))
            }
        }
        guard !changes.isEmpty else { return }
        var options = UploadOptions(summary: summary)
        options.description = CommitMark.of(progress.plan)
        options.parent = parent
        // What is ignored was left out of the plan.
        options.usesIgnoreFiles = false
        progress.commit = try await hub.commit(changes, to: space, options: options).commit
    }

    /// Behind a first commit of several: what it deleted is not deleted again.
    private func remaining(at head: String?) async throws -> [HubChange] {
        let there = Set(
            try await hub.entries(at: plan.paths, in: space, revision: head ?? "main").filter { $0.kind == .file }
                .map(\.path))
        return files.filter { change in
            if case .delete(let path) = change { there.contains(path) } else { true }
        }
    }

    private var summary: String {
        let paths = plan.paths
        return paths.count == 1 ? "Change \(paths[0]) with stoker" : "Change \(paths.count) files with stoker"
    }
}

extension SpacePlan {
    /// Files that are written or deleted.
    var paths: [String] {
        changes.flatMap { change -> [String] in
            guard case .files(let files) = change else { return [] }
            return files.files.map(\.path)
        }
    }
}
