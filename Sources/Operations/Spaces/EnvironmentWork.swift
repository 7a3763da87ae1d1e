import HubClient
import StokerCore

extension EnvironmentPlan {
    /// Variables to be written whose values look like secrets.
    var publishedSecrets: [String] {
        SecretWarnings.lookLikeSecrets(
            writes.compactMap { change -> (name: String, value: Secret)? in
                guard change.kind == .variable, case .set(let value, _) = change.wish else { return nil }
                return (change.key, value)
            })
    }
}

/// One change of a Space's environment, from the plan to what is told about it.
struct EnvironmentWork: Sendable {
    var kind: SpaceValueKind
    var space: RepoID
    var hub: Hub
    var context: OperationContext
    var dryRun: Bool

    func run(
        _ wishes: [EnvironmentChange], ask: (EnvironmentPlan, _ isStatic: Bool) async throws -> Void
    ) async throws -> JSONValue {
        let caller = context.caller
        let store = try context.secretPrints
        var prints = try await store.begin()
        let runtime = try await hub.runtime(of: space)
        var plan = try await hub.plan(wishes, for: space, prints: prints)
        SecretWarnings.tell(plan.publishedSecrets, in: space, context)
        let isLeft =
            runtime.stage == .paused
            ? await (try context.restartNotes).left(of: space, endpoint: endpoint) != nil : false
        if isLeft { plan.way = .finishesRestart }
        if dryRun { return answer(plan, isStatic: runtime.isStatic, runtime: nil) }
        try await ask(plan, runtime.isStatic)
        let before = prints
        let note = try await noteRestart(plan)
        var isWhole = false
        func perform() async -> Result<EnvironmentResult, HubFailure> {
            do throws(HubFailure) {
                return .success(
                    try await hub.perform(
                        plan, for: space, prints: &prints, goesOn: { !caller.wantsToStop },
                        hurry: { await caller.wantedToStop(for: .seconds(4)) }
                    ) { step in
                        take(step, plan)
                        if step == .over { isWhole = true }
                    })
            } catch {
                return .failure(error)
            }
        }
        let outcome = if let note { await note.during { await perform() } } else { await perform() }
        // A restart that did not come about is for the next command to see to.
        if isWhole || (try? outcome.get()) != nil { await note?.remove() } else { await note?.keep() }
        caller.release()
        // Also after a failure: what was written is remembered, so that the next try skips it.
        if prints != before { try await store.keep(from: before, to: prints) }
        let result = try outcome.get()
        if caller.wantsToStop { throw interrupted(result) }
        return answer(plan, isStatic: runtime.isStatic, runtime: result.runtime)
    }

    private var endpoint: String { hub.settings.endpoint }

    /// Written down before the Space is paused: a command that is killed in the midst of it cannot restart it any more, the next one can.
    private func noteRestart(_ plan: EnvironmentPlan) async throws(Failure) -> RestartNotes.Held? {
        guard plan.way.restarts else { return nil }
        let notes = try context.restartNotes
        do {
            return try await notes.begin(space, endpoint: endpoint, command: "stoker space \(kind.plural)")
        } catch {
            context.tell(
                .init(
                    .warning, "unnoted-restart",
                    "stoker: \(error.because); if this process is killed, \(space) stays paused"))
            return nil
        }
    }

    /// Tells a step, and what a signal has to wait for.
    private func take(_ step: EnvironmentStep, _ plan: EnvironmentPlan) {
        let caller = context.caller
        let pauses = plan.way.restarts
        func left(_ what: String, hint: String) -> Failure {
            Failure(.interrupted, doing: "set \(kind.plural) of \(space)", because: what, hint: hint)
        }
        let restart = "start it with `stoker space restart \(space)`"
        switch step {
        case .pausing:
            context.tell(.init("pausing", "pausing \(space)"))
            caller.deferStop(
                until: "\(space) is restarted",
                ifKilled: left("it was left at once; nothing is written, and \(space) is paused", hint: restart))
        case .writing(let change, let number, let all):
            let verb = change.wish == .delete ? "deleting" : "writing"
            context.tell(
                .init(
                    verb, "\(verb) \(change.key) (\(number) of \(all))", done: Int64(number - 1), total: Int64(all),
                    unit: .changes))
            caller.deferStop(
                until: pauses ? "\(change.key) is written and \(space) restarted" : "\(change.key) is written",
                ifKilled: left(
                    "it was left at once; \(number - 1) of \(all) changes are written, perhaps \(change.key) too"
                        + (pauses ? ", and \(space) is paused" : ""),
                    hint: pauses ? "\(restart), then give the same command again" : "the same command does the rest"))
        case .unnoted(let because):
            context.tell(
                .init("unnoted", "what was written could not be noted, and is written once more next time: \(because)"))
        case .restarting:
            context.tell(.init("restarting", "restarting \(space)"))
            caller.deferStop(
                until: "\(space) is restarted",
                ifKilled: left("it was left at once, and \(space) may still be paused", hint: restart))
        case .over: caller.release()
        }
    }

    private func interrupted(_ result: EnvironmentResult) -> Failure {
        func names(_ changes: [EnvironmentChange]) -> String { changes.map(\.key).joined(separator: ", ") }
        let rest = result.plan.writes.filter { !result.written.contains($0) }
        var said: [String] = []
        if !result.written.isEmpty {
            said.append("\(names(result.written)) \(result.written.count == 1 ? "is" : "are") done")
        }
        if !rest.isEmpty { said.append("\(names(rest)) \(rest.count == 1 ? "is" : "are") not") }
        if let stage = result.runtime?.stage, result.plan.way.restarts {
            said.append("\(space) was restarted (\(stage))")
        }
        return Failure(
            .interrupted, doing: rest.isEmpty ? "end the command quietly" : "set all \(kind.plural) of \(space)",
            because: "it was interrupted; " + said.joined(separator: "; "),
            hint: rest.isEmpty ? "nothing is left to do" : "the same command does the rest")
    }

    private func answer(_ plan: EnvironmentPlan, isStatic: Bool, runtime: SpaceRuntime?) -> JSONValue {
        func names(_ changes: [EnvironmentChange], _ fits: (EnvironmentChange) -> Bool = { _ in true }) -> JSONValue {
            .strings(changes.filter(fits).map(\.key))
        }
        return [
            "space": .string("\(space)"), "set": names(plan.writes) { $0.wish != .delete },
            "deleted": names(plan.writes) { $0.wish == .delete }, "unchanged": names(plan.unchanged),
            "way": .string(plan.way.rawValue), "dry_run": .bool(dryRun),
            "sentence": .string(sentence(plan, isStatic: isStatic)),
            "stage": .maybe(runtime?.stage.rawValue),
        ]
    }

    private func sentence(_ plan: EnvironmentPlan, isStatic: Bool) -> String {
        let would = dryRun ? "would be " : "was "
        return switch plan.way {
        case .nothing: "Nothing to do: everything is as wished already."
        case .direct:
            isStatic
                ? "A static Space is not restarted: pages get the values when they are loaded."
                : plan.writes.count == 1
                    ? "The Space restarts by itself if it runs."
                    : "The Space does not run; the values count from its next start."
        case .pausedMeanwhile:
            "The Space \(would)paused, written to, and restarted once instead of \(plan.writes.count) times."
        case .finishesRestart:
            "An earlier command paused the Space and was ended before it restarted it; it \(would)restarted\(plan.writes.isEmpty ? "" : " behind the writes")."
        case .staysPaused: "The Space is paused and stays so; the values count from its next start."
        }
    }
}
