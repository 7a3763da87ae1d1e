package import HubClient
package import StokerCore

/// Carries the plan of one Space out: looks again first, makes the changes that the plan lists so that the Space restarts once, and does nothing
/// twice when it is killed and run again.
///
/// Each step is written down before it is begun. After a kill the step that was begun last is looked for on the Hub; what others changed
/// meanwhile makes the plan refused, as it does before the first step.
package struct Applier: Sendable {
    package let hub: Hub
    package let memory: any ApplyMemory
    let now: @Sendable () -> Instant
    /// Before each further look at what a lost answer left open.
    let waits: [Duration]

    package init(
        hub: Hub, memory: any ApplyMemory, now: @escaping @Sendable () -> Instant, waits: [Duration] = Hub.looks
    ) {
        self.hub = hub
        self.memory = memory
        self.now = now
        self.waits = waits
    }

    /// What came of it.
    package struct Applied: Sendable, Equatable {
        /// Head of `main` now; nil when it is not known.
        package var commit: String?
        /// A commit was made by this plan, now or before it was killed.
        package var hasCommitted = false
        /// Steps that were made now.
        package var steps: [String] = []
        /// The Space was paused by its owner and stays so: it cannot answer.
        package var isPaused = false
        package var wasServing = false
        package init() {}
    }

    /// Looks whether the Space is as the plan found it, or as a killed apply of the same plan left it. Changes nothing.
    /// - Throws: `conflict` that says which part was changed, and by whom.
    package func check(_ plan: SpacePlan, _ inputs: ApplyInputs) async throws {
        _ = try await begin(plan, inputs)
    }

    /// - Parameters:
    ///   - goesOn: asked before each step; after a no the Space is not left paused, and the failure says how to go on.
    ///   - step: told before each step.
    /// - Throws: `conflict` when something was changed since the plan; `interrupted`; what the Hub says.
    package func apply(
        _ plan: SpacePlan, _ inputs: ApplyInputs, goesOn: @Sendable () -> Bool = { true },
        step: @Sendable (_ step: ApplyStep, _ number: Int, _ all: Int) -> Void = { _, _, _ in }
    ) async throws -> Applied {
        var (progress, seen) = try await begin(plan, inputs)
        // One that ended in its midst may have been answered well for what was not done.
        Self.reopen(unmade(plan, progress, seen), &progress)
        let files = try await checkedFiles(plan, inputs)
        var applied = Applied()
        applied.wasServing = progress.wasServing
        applied.isPaused = seen.runtime?.stage == .paused && !progress.pauses
        let steps = Self.steps(of: plan, pauses: progress.pauses)
        var left = steps.filter { !progress.done.contains($0.id) }
        // What was paused for writes that are all there needs its restart; what was not, needs neither.
        if progress.pauses, left.allSatisfy({ $0 == .pause || $0 == .restart || $0 == .note }) {
            left.removeAll { $0 == .pause || $0 == .restart && seen.runtime?.stage != .paused }
        }
        if left.isEmpty {
            if !progress.isOver {
                progress.isOver = true
                try await memory.keep(progress, of: plan.space)
            }
        } else {
            let run = Run(applier: self, plan: plan, inputs: inputs, files: files, all: steps.count, seen: seen)
            var result: Result<(ApplyProgress, [String]), any Error> = .success((progress, []))
            if left.contains(.pause) || left.contains(.restart) {
                await memory.whileOwingRestart(plan.space) {
                    let (outcome, isWhole) = await run.carryOut(left, progress, goesOn, step)
                    result = outcome
                    return isWhole
                }
            } else {
                result = await run.carryOut(left, progress, goesOn, step).0
            }
            (progress, applied.steps) = try result.get()
            try await verify(plan, progress)
        }
        applied.hasCommitted = progress.commit != nil
        applied.commit = progress.commit ?? progress.head
        if applied.commit == nil { applied.commit = try await hub.find(plan.space, expand: ["sha"])?.sha }
        return applied
    }

    // MARK: Steps

    /// All steps of a plan, in their order: what is removed makes room for what is written, files come last before the restart.
    static func steps(of plan: SpacePlan, pauses: Bool) -> [ApplyStep] {
        var steps: [ApplyStep] = []
        var isNew = false
        var removals: [ApplyStep] = []
        var writes: [ApplyStep] = []
        var later: Set<ApplyStep> = []
        for change in plan.changes {
            switch change {
            case .create, .duplicate:
                steps.append(.create)
                isNew = true
            case .visibility: steps.append(.visibility)
            case .hardware: later.insert(.hardware)
            case .sleepTime: later.insert(.sleep)
            case .variable(let key, _, let to):
                if to == nil { removals.append(.remove(.variable, key)) } else { writes.append(.write(.variable, key)) }
            case .secret(let key, let change):
                if change == .remove {
                    removals.append(.remove(.secret, key))
                } else {
                    writes.append(.write(.secret, key))
                }
            case .volumes: later.insert(.volumes)
            case .files: later.insert(.files)
            }
        }
        let hasSecrets = (removals + writes).contains {
            if case .write(.secret, _) = $0 { true } else if case .remove(.secret, _) = $0 { true } else { false }
        }
        // A new Space gets all of it in the call that makes it; only a copy has what is to go.
        if isNew {
            writes = []
            later.formIntersection([.files])
        }
        if pauses { steps.append(.pause) }
        steps += removals + writes
        if hasSecrets { steps.append(.note) }
        steps += [.volumes, .hardware, .sleep, .files].filter { later.contains($0) }
        if pauses { steps.append(.restart) }
        return steps
    }

    /// Whether the Space is paused meanwhile: when more than one of the changes would restart it.
    static func pauses(_ plan: SpacePlan, _ seen: ObservedSpace, isLeftPaused: Bool) -> Bool {
        guard seen.exists, let runtime = seen.runtime, !runtime.isStatic else { return false }
        // Somebody has to end what a killed change began.
        if runtime.stage == .paused { return isLeftPaused }
        guard runtime.stage != .noAppFile, runtime.stage != .deleting else { return false }
        let restarts = steps(of: plan, pauses: false).count { step in
            switch step {
            case .remove, .write, .volumes, .hardware, .files: true
            default: false
            }
        }
        return restarts > 1
    }

    // MARK: Looking again

    private func begin(
        _ plan: SpacePlan, _ inputs: ApplyInputs
    ) async throws -> (progress: ApplyProgress, seen: ObservedSpace) {
        let digest = PlanDigest.of(plan)
        let seen = try await hub.observe(plan.space)
        let known = try await memory.progress(of: plan.space)
        if var progress = known, progress.plan == digest {
            let prints = try await memory.prints()
            let comparison = Comparison(
                plan: plan, inputs: inputs, prints: prints, seen: seen, applier: self)
            let was = try await comparison.undone(&progress)
            var found = was.fingerprint
            // Other hardware brings another sleep time along.
            if progress.done.contains(ApplyStep.hardware.id), !progress.done.contains(ApplyStep.sleep.id) {
                found.parts["sleep-time"] = nil
            }
            let changed = plan.fingerprint.differences(from: found)
            guard changed.isEmpty else { throw await refusal(plan, seen: seen, changed: changed, progress: progress) }
            return (progress, seen)
        }
        let changed = plan.fingerprint.differences(from: seen.fingerprint)
        guard changed.isEmpty else { throw await refusal(plan, seen: seen, changed: changed, progress: nil) }
        let isLeft = seen.runtime?.stage == .paused ? await memory.isLeftPaused(plan.space) : false
        var stamps: [String: String] = [:]
        for case .secret(let key, _) in plan.changes { stamps[key] = seen.secrets[key] ?? "" }
        return (
            ApplyProgress(
                plan: digest, began: now(), head: seen.head,
                pauses: Self.pauses(plan, seen, isLeftPaused: isLeft),
                wasServing: seen.runtime?.stage.isServing ?? false, stamps: stamps),
            seen
        )
    }

    /// Says what differs from what the plan was made on, and who did it as far as the Hub tells.
    private func refusal(
        _ plan: SpacePlan, seen: ObservedSpace, changed: [String], progress: ApplyProgress?
    ) async -> Failure {
        var said: [String] = []
        for part in changed { said.append(await describe(part, plan, seen)) }
        return Failure(
            .conflict, doing: "apply the plan to \(plan.space)",
            because: "it was changed since the plan was made: \(said.joined(separator: "; "))",
            hint: "look at it with `stoker plan \(plan.target)`, then apply what that shows")
    }

    private func describe(_ part: String, _ plan: SpacePlan, _ seen: ObservedSpace) async -> String {
        switch part {
        case "exists":
            guard seen.exists else { return "it was deleted" }
            return "somebody created it\(seen.createdAt.map { " at \($0)" } ?? "")"
        case "commit":
            // Who did it is an extra; that it was done is known.
            let commit = try? await hub.history(of: plan.space, pageSize: 1, limit: 1).all().first
            guard let commit else { return "its files are of another commit" }
            let who = commit.authors.isEmpty ? "somebody" : commit.authors.joined(separator: ", ")
            let when = commit.date.map { " at \($0)" } ?? ""
            return
                "its files, by commit \(commit.id.prefix(7)) \"\(Redaction.text(String(commit.title.prefix(80))))\" of \(who)\(when)"
        case "secrets":
            let planned = Set(plan.changes.compactMap { if case .secret(let key, _) = $0 { key } else { nil } })
            let newest = seen.secrets.filter { !$0.value.isEmpty }.max { $0.value < $1.value }
            guard let newest else { return "its secrets; there are \(seen.secrets.count) now" }
            return
                "its secrets; \(newest.key)\(planned.contains(newest.key) ? ", which the plan writes," : "") was set last, at \(newest.value)"
        case "variables":
            for case .variable(let key, let from, _) in plan.changes where seen.variables[key] != from {
                return "its variables; \(key) is \(seen.variables[key] == nil ? "gone" : "another") now"
            }
            return "its variables; it has \(NameList.text(seen.variables.keys.sorted())) now"
        case "visibility": return "who sees it (\(seen.visibility?.rawValue ?? "unknown") now)"
        case "hardware": return "its hardware (\(seen.hardware ?? "none") now)"
        case "sleep-time": return "its sleep time (\(seen.sleepSeconds.map { "\($0) s" } ?? "never") now)"
        case "volumes": return "its volumes (\(NameList.text(seen.volumes.map(\.mountPath))) now)"
        default: return "its \(part)"
        }
    }

    // MARK: Contents

    /// What is committed, each file checked against the plan.
    private func checkedFiles(_ plan: SpacePlan, _ inputs: ApplyInputs) async throws -> [HubChange] {
        var changes: [HubChange] = []
        for case .files(let files) in plan.changes {
            for file in files.files {
                guard file.kind != .delete else {
                    changes.append(.delete(path: file.path))
                    continue
                }
                let doing = "apply the plan to \(plan.space)"
                guard let text = file.content, let colon = text.firstIndex(of: ":"),
                    let expected = ContentHash(String(text[text.index(after: colon)...]))
                else { throw Failure(.usage, doing: doing, because: "the plan does not say what \(file.path) holds") }
                guard let source = inputs.files[file.path],
                    let checked = try await source.checked(expected, path: file.path)
                else {
                    throw Failure(
                        .conflict, doing: doing,
                        because: inputs.files[file.path] == nil
                            ? "\(file.path) is not there any more" : "\(file.path) is not what the plan was made of",
                        hint: "make a new plan with `stoker plan \(plan.target)`")
                }
                changes.append(.add(path: file.path, checked))
            }
        }
        return changes
    }
}

extension SpaceVolume {
    /// Whether a list is as wished, apart from what the Hub fills in.
    static func isSame(_ present: [SpaceVolume], as wished: [SpaceVolume]) -> Bool {
        Hub.merged(present, [.replaceAll(wished)]) == present
    }
}

extension DeployPlan {
    /// Names what the plan changes and what it was found on: 64 hexadecimal digits. A plan made later has the same one as long as nothing was
    /// changed.
    package var digest: String {
        var lines = [endpoint] + needs.map { "\($0.kind.rawValue) \($0.id)" }
        for space in spaces where !space.changes.isEmpty {
            lines.append("\(PlanDigest.of(space)) \(space.after.map { "\($0)" }.joined(separator: " "))")
        }
        return SecretFingerprints.digest(of: lines.joined(separator: "\n"))
    }
}

/// Names a plan of one Space, so that progress is known to belong to it.
enum PlanDigest {
    static func of(_ plan: SpacePlan) -> String {
        var lines = ["\(plan.space)"]
        lines += plan.fingerprint.parts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        for change in plan.changes { lines.append(text(change)) }
        return SecretFingerprints.digest(of: lines.joined(separator: "\n"))
    }

    private static func text(_ change: PlannedChange) -> String {
        func maybe(_ value: String?) -> String { value.map { "\($0.utf8.count):\($0)" } ?? "-" }
        func maybe(_ value: Int?) -> String { maybe(value.map { "\($0)" }) }
        return switch change {
        case .create(let sdk, let visibility, let hardware, let sleep):
            "create \(sdk) \(maybe(visibility?.rawValue)) \(maybe(hardware)) \(maybe(sleep))"
        case .duplicate(let of, let visibility, let hardware, let sleep):
            "duplicate \(of) \(maybe(visibility?.rawValue)) \(maybe(hardware)) \(maybe(sleep))"
        case .visibility(let from, let to): "visibility \(maybe(from?.rawValue)) \(to.rawValue)"
        case .hardware(let from, let to): "hardware \(maybe(from)) \(to)"
        case .sleepTime(let from, let to): "sleep \(maybe(from)) \(maybe(to))"
        case .variable(let key, let from, let to): "variable \(key) \(maybe(from)) \(maybe(to))"
        case .secret(let key, let change): "secret \(key) \(change.rawValue)"
        case .volumes(let from, let to):
            "volumes \(from.map { maybe($0.notation) }.joined()) \(to.map { maybe($0.notation) }.joined())"
        case .files(let files):
            "files "
                + files.files.map { "\($0.kind.rawValue) \(maybe($0.path)) \(maybe($0.content))" }.joined(
                    separator: " ")
        }
    }
}
