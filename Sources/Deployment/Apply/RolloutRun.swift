package import HubClient
package import StokerCore

/// Applies the plans of many Spaces in waves. A wave begins when all Spaces of the one before run and answer; when one does not, no further
/// wave begins.
package struct RolloutRun: Sendable {
    /// Whether a changed Space is well.
    package struct GateResult: Sendable, Equatable {
        package var isGood: Bool
        /// What was seen.
        package var sentence: String
        package var hint: String?
        /// The doctor's answer, when it is not.
        package var diagnosis: JSONValue?
        /// The caller called it off: nothing is known.
        package var isInterrupted = false
        package init(isGood: Bool, sentence: String, hint: String? = nil, diagnosis: JSONValue? = nil) {
            self.isGood = isGood
            self.sentence = sentence
            self.hint = hint
            self.diagnosis = diagnosis
        }
    }

    /// What became of one Space.
    package struct Outcome: Sendable, Equatable {
        package enum State: String, Sendable, CaseIterable {
            /// Changed; it runs and answers.
            case done
            /// Its owner has paused it: it is changed, and whether it answers will be seen when it is started.
            case paused
            /// A change could not be made.
            case failed
            /// Changed, and it does not run or answer.
            case ill
            /// The same, and it has the files of its last good commit again.
            case rolledBack = "rolled-back"
            /// Its wave never began.
            case untouched
            /// Called off in its midst.
            case interrupted
        }
        package var space: RepoID
        package var target: String
        package var state: State
        package var sentence: String
        package var hint: String?
        package var commit: String?
        /// Steps that were made now.
        package var steps: [String] = []
        package var diagnosis: JSONValue?
        /// Number of its wave, from 1.
        package var wave: Int
    }

    /// What is going on, for people.
    package enum News: Sendable {
        case wave(Int, of: Int, [RepoID])
        case step(RepoID, ApplyStep, Int, of: Int)
        case gate(RepoID)
        case goingBack(RepoID, to: String)
        case over(Outcome)
    }

    let applier: Applier
    let rollout: Rollout
    let goesOn: @Sendable () -> Bool
    /// Waits until a Space runs a commit and answers.
    let gate: @Sendable (_ plan: SpacePlan, _ commit: String?) async -> GateResult
    /// Surrounds all that is done to one Space, so that it is written down.
    let recording: @Sendable (_ plan: SpacePlan, _ work: @Sendable () async -> Outcome) async -> Outcome
    let tell: @Sendable (News) -> Void

    /// Spaces of a wave that are changed at the same time.
    private static let lanes = 8

    package init(
        applier: Applier, rollout: Rollout, goesOn: @escaping @Sendable () -> Bool = { true },
        gate: @escaping @Sendable (_ plan: SpacePlan, _ commit: String?) async -> GateResult,
        recording:
            @escaping @Sendable (_ plan: SpacePlan, _ work: @Sendable () async -> Outcome) async -> Outcome = {
                await $1()
            },
        tell: @escaping @Sendable (News) -> Void = { _ in }
    ) {
        self.applier = applier
        self.rollout = rollout
        self.goesOn = goesOn
        self.gate = gate
        self.recording = recording
        self.tell = tell
    }

    /// - Parameters:
    ///   - plans: of those that change.
    ///   - inputs: values and contents of a plan, made anew.
    /// - Returns: one outcome for each, in the order of `plans`.
    /// - Throws: before anything is done, `conflict` when any of them was changed since the plan was made.
    package func run(
        _ plans: [SpacePlan], inputs: @escaping @Sendable (SpacePlan) async throws -> ApplyInputs
    ) async throws -> [Outcome] {
        try await check(plans, inputs)
        let byID = Dictionary(plans.map { ($0.space, $0) }, uniquingKeysWith: { first, _ in first })
        let waves = Waves.plan(plans.map { ($0.space, $0.after) }, rollout)
        var outcomes: [RepoID: Outcome] = [:]
        var isStopped = false
        for (index, wave) in waves.enumerated() {
            let plans = wave.compactMap { byID[$0] }
            guard !isStopped, goesOn() else {
                for plan in plans {
                    outcomes[plan.space] = Outcome(
                        space: plan.space, target: plan.target, state: .untouched,
                        sentence: "nothing was changed: its wave did not begin", wave: index + 1)
                }
                continue
            }
            tell(.wave(index + 1, of: waves.count, wave))
            await Self.inLanes(plans) { plan in
                await one(plan, wave: index + 1, inputs)
            } each: { outcome in
                outcomes[outcome.space] = outcome
                tell(.over(outcome))
                if ![.done, .paused].contains(outcome.state) { isStopped = true }
            }
        }
        return plans.compactMap { outcomes[$0.space] }
    }

    /// Looks at all before the first is changed.
    private func check(
        _ plans: [SpacePlan], _ inputs: @escaping @Sendable (SpacePlan) async throws -> ApplyInputs
    ) async throws {
        var refused: [RepoID: any Error] = [:]
        let applier = applier
        await Self.inLanes(plans) { plan -> (RepoID, (any Error)?) in
            do {
                try await applier.check(plan, try await inputs(plan))
                return (plan.space, nil)
            } catch {
                return (plan.space, error)
            }
        } each: { space, error in
            if let error { refused[space] = error }
        }
        let failures = plans.compactMap { refused[$0.space] }
        guard let first = failures.first else { return }
        let stale = failures.compactMap { $0 as? Failure }.filter { $0.code == .conflict }
        // What cannot be looked at is told as it is.
        guard stale.count == failures.count, stale.count > 1 else { throw first }
        let names = plans.filter { refused[$0.space] != nil }.map { "\($0.space)" }
        throw Failure(
            .conflict, doing: "apply the plan",
            because: zip(names, stale).map { "\($0): \($1.because)" }.joined(separator: ". "),
            hint: "look at it with `stoker plan`, then apply what that shows")
    }

    private static func inLanes<Item: Sendable, Value: Sendable>(
        _ items: [Item], _ work: @escaping @Sendable (Item) async -> Value, each: (Value) -> Void
    ) async {
        await withTaskGroup(of: Value.self) { group in
            var waiting = items[...]
            for item in waiting.prefix(lanes) { group.addTask { await work(item) } }
            waiting = waiting.dropFirst(lanes)
            while let value = await group.next() {
                each(value)
                if let item = waiting.popFirst() { group.addTask { await work(item) } }
            }
        }
    }

    // MARK: One Space

    private func one(
        _ plan: SpacePlan, wave: Int, _ inputs: @escaping @Sendable (SpacePlan) async throws -> ApplyInputs
    ) async -> Outcome {
        let outcome = Outcome(space: plan.space, target: plan.target, state: .failed, sentence: "", wave: wave)
        return await recording(plan) {
            do {
                return try await change(plan, outcome, inputs)
            } catch {
                var outcome = outcome
                let failure = error as? Failure ?? (error as? HubFailure)?.failure
                outcome.sentence = failure.map { "could not \($0.doing): \($0.because)" } ?? "\(error)"
                outcome.hint = failure?.hint
                let isCalledOff = failure?.code == .interrupted || failure?.code == .hubCancelled
                if isCalledOff || error is CancellationError { outcome.state = .interrupted }
                return outcome
            }
        }
    }

    private func change(
        _ plan: SpacePlan, _ begun: Outcome, _ inputs: @Sendable (SpacePlan) async throws -> ApplyInputs
    ) async throws -> Outcome {
        var outcome = begun
        let applied = try await applier.apply(plan, try await inputs(plan), goesOn: goesOn) { step, number, all in
            tell(.step(plan.space, step, number, of: all))
        }
        outcome.commit = applied.commit
        outcome.steps = applied.steps
        if applied.isPaused {
            outcome.state = .paused
            outcome.sentence = "changed; it is paused and stays so"
            outcome.hint = "its owner starts it with `stoker space restart \(plan.space)`"
            return outcome
        }
        tell(.gate(plan.space))
        let result = await gate(plan, applied.commit)
        outcome.sentence = result.sentence
        outcome.hint = result.hint
        if result.isGood {
            outcome.state = .done
            if let commit = applied.commit { try await applier.memory.keep(good: commit, of: plan.space) }
            return outcome
        }
        if result.isInterrupted {
            outcome.state = .interrupted
            return outcome
        }
        outcome.state = .ill
        outcome.diagnosis = result.diagnosis
        if rollout.onFailure == .rollback { await goBack(plan, applied, &outcome) }
        return outcome
    }

    /// Back to the files that ran before. Settings stay: a secret's old value is not known.
    private func goBack(_ plan: SpacePlan, _ applied: Applier.Applied, _ outcome: inout Outcome) async {
        guard let commit = applied.commit, applied.hasCommitted else {
            outcome.sentence += "; its files were not changed, so there is nothing to go back to"
            return
        }
        do {
            var good = try await applier.memory.lastGood(plan.space)
            if good == nil, applied.wasServing { good = plan.fingerprint.parts["commit"] }
            guard let good, !good.isEmpty, good != commit else {
                outcome.sentence += "; there is no earlier commit of which it is known that it ran"
                return
            }
            tell(.goingBack(plan.space, to: good))
            let restore = try await FileRestore(of: plan.space, to: good, hub: applier.hub, head: commit)
            outcome.commit = try await restore.run(applier.hub)
            outcome.state = .rolledBack
            outcome.sentence += "; it has the files of \(good.prefix(7)) again"
            let again = await gate(plan, outcome.commit)
            outcome.sentence += again.isGood ? ", and \(again.sentence)" : ", but \(again.sentence)"
            if again.isGood, let commit = outcome.commit {
                try await applier.memory.keep(good: commit, of: plan.space)
            }
        } catch {
            let failure = error as? Failure ?? (error as? HubFailure)?.failure
            outcome.sentence += "; it could not go back: \(failure?.because ?? "\(error)")"
            outcome.hint = "go back with `stoker rollback \(plan.space)`"
        }
    }
}

extension SpacePlan {
    /// What is lost for good by it, each in words that fit behind "it": secrets and volumes that go.
    package var losses: [String] {
        changes.flatMap { change -> [String] in
            switch change {
            case .secret(let key, .remove): return ["removes the secret \(key)"]
            case .volumes(let from, let to):
                let kept = Set(to.map(\.mountPath))
                return from.filter { !kept.contains($0.mountPath) }.map { "removes the volume at \($0.mountPath)" }
            default: return []
            }
        }
    }
}
