import Deployment
import Diagnosis
import HubClient
import StokerCore
import Synchronization

extension Operation {
    package static let apply = Operation(
        name: "apply",
        summary:
            "Makes the Hub as `deploy:` of the fleet file says, in waves; each changed Space has to run and answer. Refuses a plan whose Spaces were changed since",
        doing: "apply the plan", effect: .destructive, method: .post, path: "/apply",
        parameters: [
            .fleetFile(.local, "The fleet file; that of the running fleet unless given"),
            .init("names", .body, .list(.text(upTo: 200), upTo: 10_000), "Spaces of the file; all unless given"),
            .init(
                "plan", .body, .text(upTo: planLimit),
                "A plan as `stoker plan --out` wrote it; nothing else is done. Made anew unless given"),
            .init(
                "digest", .body, .text(upTo: 64),
                "`digest` of a plan that was looked at: one made now is applied only when it is that one"),
            .init(
                "rollback_on_failure", .body, .flag,
                "Spaces that do not run or answer get the files of their last good commit; as rollout.on_failure of the file unless given"
            ),
            .init(
                "allow_destroy", .body, .list(.text(upTo: 200), upTo: 10_000),
                "Spaces whose secrets or volumes may be removed"),
        ], bodyLimit: planLimit * 2, answer: .applied
    ) { context, arguments in
        try await DeployApply(arguments, context).run()
    }

    /// Bytes of a written plan.
    private static let planLimit = 32 * 1024 * 1024
}

/// One apply, from the plan to what became of each Space.
private struct DeployApply: Sendable {
    let context: OperationContext
    let work: DeployWork
    let names: [String]
    let given: DeployPlan?
    /// Digest of the plan that was looked at.
    let seen: String?
    let rollout: Rollout
    let allowed: [String]

    init(_ arguments: Arguments, _ context: OperationContext) async throws {
        self.context = context
        work = try await DeployWork(arguments, context)
        names = arguments.texts("names")
        allowed = arguments.texts("allow_destroy")
        seen = arguments.text("digest")
        if let text = arguments.text("plan") {
            guard let json = try? JSONValue(reading: Array(text.utf8)) else {
                throw Failure(
                    .usage, doing: "read the plan", because: "it is no JSON",
                    hint: "write one with `stoker plan --out plan.json`")
            }
            given = try DeployPlan(reading: json, name: "plan")
        } else {
            given = nil
        }
        var rollout = work.fleet[RolloutSection.section]
        if arguments.flag("rollback_on_failure") { rollout.onFailure = .rollback }
        self.rollout = rollout
    }

    func run() async throws -> JSONValue {
        let hub = try context.hub
        let endpoint = hub.settings.endpoint
        let chosen = try work.chosen(given.map { $0.spaces.map(\.target) } ?? names)
        if let given, given.endpoint != endpoint {
            throw Failure(
                .usage, doing: "apply the plan",
                because: "it was made for \(given.endpoint), and this is \(endpoint)",
                hint: "make it anew with `stoker plan`, or name the Hub with HF_ENDPOINT")
        }
        let prepared = try await work.prepare(chosen)
        let plan = given ?? prepared.plan
        if let seen, seen.lowercased() != plan.digest {
            if given == nil, names.isEmpty { await DeployLooks.keep(plan, as: .plan, in: context) }
            throw Failure(
                .conflict, doing: "apply the plan",
                because:
                    "it is another one now: something was changed at the Hub, in the fleet file or in its sources since it was looked at",
                hint: "look at the plan as it is now, then apply that")
        }
        let ledger = try await ApplyLedger.open(context, endpoint: endpoint)
        do {
            let answer = try await run(plan, prepared, hub, ledger)
            await ledger.close()
            return answer
        } catch {
            await ledger.close()
            throw error
        }
    }

    private func run(
        _ plan: DeployPlan, _ prepared: PreparedPlan, _ hub: Hub, _ ledger: ApplyLedger
    ) async throws -> JSONValue {
        // A Space that a killed apply changed and nobody looked at since is looked at again, also when nothing is left to be changed.
        var changing: [SpacePlan] = []
        for space in plan.spaces {
            let isOpen = try await ledger.progress(of: space.space).map { !$0.isProven } ?? false
            let isLeft = await ledger.isLeftPaused(space.space)
            if !space.changes.isEmpty || isOpen || isLeft { changing.append(space) }
        }
        guard !changing.isEmpty || !plan.needs.isEmpty else { return answer([], plan, made: []) }
        try refuse(plan)
        try await confirm(changing, plan)
        let what = changing.count == 1 ? "\(changing[0].space)" : "\(changing.count) Spaces"
        let spaces = changing
        let status = ApplyLease.Status()
        return try await ApplyLease.holding(
            ledger.actions, endpoint: hub.settings.endpoint, what: what, context: context,
            result: { $0["sentence"]?.string }, status: status
        ) {
            context.caller.deferStop(
                until: "the steps that are under way are done",
                ifKilled: Failure(
                    .interrupted, doing: "apply the plan", because: "it was left at once, in the midst of a step",
                    hint: "the same command goes on where it stopped"))
            defer { context.caller.release() }
            return try await carryOut(spaces, plan, prepared, hub, ledger, status)
        }
    }

    private func carryOut(
        _ spaces: [SpacePlan], _ plan: DeployPlan, _ prepared: PreparedPlan, _ hub: Hub, _ ledger: ApplyLedger,
        _ status: ApplyLease.Status
    ) async throws -> JSONValue {
        let (caller, context) = (context.caller, context)
        let (news, feed) = AsyncStream.makeStream(of: RolloutRun.News.self, bufferingPolicy: .bufferingNewest(10_000))
        defer { feed.finish() }
        let run = RolloutRun(
            applier: Applier(hub: hub, memory: ledger, now: context.now), rollout: rollout,
            goesOn: { !caller.wantsToStop && !status.isLost },
            gate: { plan, commit in
                await ApplyGate(
                    space: plan.space, path: work.path(of: plan.target), within: rollout.within, hub: hub,
                    context: context
                ).wait(for: commit)
            },
            recording: { plan, work in
                await context.recording(
                    .deploy, on: plan.space, as: "apply", of: "", within: rollout.within + .seconds(600),
                    ending: { $0.actionEnd }
                ) { await work() }
            },
            tell: { one in
                tell(one)
                if ApplyNotes.takes(one) { feed.yield(one) }
            })
        let inputs: @Sendable (SpacePlan) async throws -> ApplyInputs = { plan in
            ApplyInputs(
                secrets: prepared.secrets[plan.target] ?? [:],
                files: (prepared.wished[plan.target]?.contents.files ?? [:]).mapValues(\.source))
        }
        try await run.check(spaces, inputs: inputs)
        let made = try await makeNeeds(plan.needs, hub)
        let notes = ApplyNotes(waves: Waves.plan(spaces.map { ($0.space, $0.after) }, rollout))
        async let noted: Void = ledger.note(news, notes, of: status)
        let outcomes = await run.run(spaces, inputs: inputs)
        feed.finish()
        await noted
        await work.learn(outcomes.compactMap { one in one.commit.map { (one.space, $0) } })
        if status.isLost {
            throw Failure(
                .conflict, doing: "apply the plan",
                because:
                    "its lease was over, as after a sleep of this machine, and another apply took over; it stopped",
                hint: "look at what the other one did with `stoker deploys` or `stoker plan`")
        }
        if caller.wantsToStop, outcomes.contains(where: { [.interrupted, .untouched].contains($0.state) }) {
            let done = outcomes.filter { $0.state == .done || $0.state == .paused }.map { "\($0.space)" }
            throw Failure(
                .interrupted, doing: "apply the plan",
                because:
                    "it was interrupted; \(done.isEmpty ? "no Space is done" : "\(NameList.text(done)) \(done.count == 1 ? "is" : "are") done") of \(outcomes.count)",
                hint: "the same command does the rest")
        }
        return answer(outcomes, plan, made: made)
    }

    // MARK: Before anything is done

    private func refuse(_ plan: DeployPlan) throws(Failure) {
        let obstacles = plan.obstacles
        guard obstacles.isEmpty else {
            throw Failure(
                .conflict, doing: "apply the plan",
                because: obstacles.prefix(10).map { "\($0.space): \($0.text)" }.joined(separator: "; "),
                hint: obstacles.compactMap(\.hint).first ?? "`stoker plan` shows what stands in the way")
        }
        let losses = plan.spaces.filter { !$0.losses.isEmpty && !isAllowed($0) }
        guard losses.isEmpty else {
            throw Failure(
                .usage, doing: "apply the plan",
                because:
                    losses.prefix(10).map { "it \($0.losses.joined(separator: " and ")) of \($0.space)" }
                    .joined(separator: "; ") + "; what is in them cannot be got back",
                hint: "allow it with \(losses.map { "--allow-destroy \($0.target)" }.joined(separator: " "))")
        }
    }

    private func isAllowed(_ space: SpacePlan) -> Bool {
        allowed.contains { $0 == space.target || $0.lowercased() == "\(space.space)".lowercased() }
    }

    /// One question about all of it: what it costs and what it shows stands in it.
    private func confirm(_ spaces: [SpacePlan], _ plan: DeployPlan) async throws(Failure) {
        let added = spaces.reduce(0.0) { $0 + max(0, ($1.costAfter ?? 0) - ($1.costBefore ?? 0)) }
        let isUnpriced = spaces.contains { $0.costAfter == nil && !$0.changes.isEmpty }
        let shown = spaces.filter { space in
            space.changes.contains { change in
                if case .visibility(_, .public) = change { true } else { false }
            }
        }
        var background: [String] = []
        if added > 0 {
            background.append("it costs up to \(Money.text(added.rounded(.up))) more a month")
        }
        if !shown.isEmpty { background.append("everybody will see \(NameList.text(shown.map { "\($0.space)" }))") }
        let losses = spaces.flatMap { space in space.losses.map { "it \($0) of \(space.space)" } }
        background += losses
        let names = NameList.text(spaces.map { "\($0.space)" })
        let text = spaces.isEmpty ? "Make \(NameList.text(plan.needs.map(\.id)))?" : "Change \(names)?"
        let reason: Question.Reason =
            !losses.isEmpty ? .destroys : added > 0 || isUnpriced ? .costs : shown.isEmpty ? .destroys : .reveals
        try await context.confirm(
            Question(
                reason, doing: "apply the plan",
                (background.map { "\(Formatting.capitalized($0)). " } + [text]).joined(),
                because: "it would change \(names)"))
    }

    // MARK: Datasets and buckets

    private func makeNeeds(_ needs: [NeededRepo], _ hub: Hub) async throws -> [NeededRepo] {
        for need in needs {
            context.tell(.init("needs", "making the \(need.kind.rawValue) \(need.id)"))
            let id = try RepoID(.dataset, need.id)
            switch need.kind {
            case .dataset: _ = try await hub.ensure(NewRepo(id, visibility: .private))
            case .bucket: try await hub.ensureBucket(id.namespace, id.name)
            }
        }
        return needs
    }

    // MARK: What is told

    private func tell(_ news: RolloutRun.News) {
        switch news {
        case .wave(let number, let all, let spaces):
            guard all > 1 else { return }
            context.tell(
                .init(.note, "wave", "Wave \(number) of \(all): \(NameList.text(spaces.map { "\($0)" }))"))
        case .step(let space, let step, let number, let all):
            context.tell(
                .init(
                    "changing", "\(step.sentence(space)) (\(number) of \(all))", done: Int64(number - 1),
                    total: Int64(all), unit: .changes))
        case .gate(let space): context.tell(.init("waiting", "waiting until \(space) runs and answers"))
        case .goingBack(let space, let commit):
            context.tell(.init(.note, "rollback", "\(space) gets the files of \(commit.prefix(7)) again"))
        case .over(let outcome):
            context.tell(
                .init(.note, "space", "\(outcome.space): \(outcome.sentence)", data: outcome.json))
        }
    }

    private func answer(_ outcomes: [RolloutRun.Outcome], _ plan: DeployPlan, made: [NeededRepo]) -> JSONValue {
        let bad = outcomes.filter { ![.done, .paused].contains($0.state) }
        let state = outcomes.isEmpty && made.isEmpty ? "nothing" : bad.isEmpty ? "done" : "failed"
        let sentence: String
        switch state {
        case "nothing": sentence = "Nothing to do: the Hub is as the fleet file says."
        case "done":
            sentence =
                outcomes.isEmpty
                ? "Done: \(NameList.text(made.map(\.id))) made."
                : "Done: \(outcomes.count) of \(outcomes.count) Spaces changed."
        default:
            let untouched = outcomes.count { $0.state == .untouched }
            let failed = bad.filter { $0.state != .untouched }.map { "\($0.space)" }
            sentence =
                "Stopped: \(NameList.text(failed)) \(failed.count == 1 ? "is" : "are") not well; \(untouched) of \(outcomes.count) Spaces were not touched."
        }
        return [
            "state": .string(state), "sentence": .string(sentence),
            "spaces": .array(outcomes.map(\.json)), "made": .strings(made.map { "\($0.kind.rawValue) \($0.id)" }),
            "waves": .integer(Int64(outcomes.map(\.wave).max() ?? 0)),
        ]
    }
}

extension RolloutRun.Outcome {
    var json: JSONValue {
        [
            "space": .string("\(space)"), "target": .string(target), "state": .string(state.rawValue),
            "sentence": .string(sentence), "hint": .maybe(hint), "commit": .maybe(commit), "steps": .strings(steps),
            "wave": .integer(Int64(wave)), "diagnosis": diagnosis ?? .null,
        ]
    }
}

/// Whether a changed Space is well: its commit runs and a visitor gets an answer. When not, the doctor says why.
struct ApplyGate: Sendable {
    let space: RepoID
    /// Of the app, that has to answer.
    let path: String
    let within: Duration
    let hub: Hub
    let context: OperationContext

    /// Lines of the log that are shown of a Space that is not well.
    private static let lastLines = 20
    /// For the doctor and the log.
    private static let longestLook = Duration.seconds(8)

    func wait(for commit: String?) async -> RolloutRun.GateResult {
        let waiting = SpaceWaiting(space: space, path: path, timeout: within, every: .seconds(5))
        let (hub, context) = (hub, context)
        // While steps are held a signal does not cancel; waiting changes nothing and may be left.
        let result = await withTaskGroup(of: Result<SpaceWaiting.Result, any Error>?.self) { group in
            group.addTask {
                do {
                    return .success(try await waiting.run(hub, commit: commit, isFresh: true, context: context))
                } catch { return .failure(error) }
            }
            group.addTask {
                await context.caller.wantedToStop(for: .zero)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        switch result {
        case nil: return interrupted
        case .success(let found)?:
            if found.isReady { return .init(isGood: true, sentence: found.sentence) }
            if context.caller.wantsToStop { return interrupted }
            return await ill(found.sentence, found.hint)
        case .failure(let error)?:
            let failure = Failure(of: error, doing: "wait for \(space)")
            if context.caller.wantsToStop { return interrupted }
            return await ill("could not \(failure.doing): \(failure.because)", failure.hint)
        }
    }

    private var interrupted: RolloutRun.GateResult {
        var result = RolloutRun.GateResult(
            isGood: false, sentence: "changed; whether it runs and answers was not waited for",
            hint: "look with `stoker space wait \(space)`; the same command waits for it, too")
        result.isInterrupted = true
        return result
    }

    /// With the cause as `stoker doctor` finds it, and the end of the log.
    private func ill(_ sentence: String, _ hint: String?) async -> RolloutRun.GateResult {
        context.tell(.init("diagnosing", "\(space) is not well: \(sentence); looking for the cause"))
        // What cannot be found out is no reason to hide what was seen, nor to wait long with the way back.
        let (hub, space, context) = (hub, space, context)
        let end = ContinuousClock.now + Self.longestLook
        async let found = try? await Deadline.run(until: end) {
            try await SpaceExamination(hub: hub, id: space, lines: 2_000).run(context)
        }
        let lines = (try? await Deadline.run(until: end) { await lastLines() }) ?? []
        var diagnosis = await found
        if !lines.isEmpty { diagnosis = (diagnosis ?? [:]).adding([.init("last_lines", .strings(lines))]) }
        var told = sentence
        if diagnosis?["verdict"]?.string == "found", let name = diagnosis?["causes"]?.array?.first?["name"]?.string {
            told += "; cause: \(name)"
        }
        return .init(
            isGood: false, sentence: told, hint: hint ?? "look with `stoker doctor \(space)`", diagnosis: diagnosis)
    }

    private func lastLines() async -> [String] {
        let stage = try? await hub.runtime(of: space).stage
        let isOfBuild = stage.map { $0.isBuilding || $0 == .buildError } ?? false
        let kept = Mutex<[String]>([])
        // A log that cannot be read tells nothing.
        try? await hub.drainLog(isOfBuild ? .build : .run, of: space, tail: Self.lastLines) { line in
            kept.withLock { $0.append(Redaction.text(line.plainText)) }
        }
        return Array(kept.withLock { $0 }.suffix(Self.lastLines))
    }
}

extension DeployWork {
    /// Path of the app that the fleet file's own check asks; the root without one.
    func path(of target: String) -> String {
        let own = fleet.checks.first { $0.name == target } ?? fleet.checks.first { $0.target == target }
        return own.flatMap { AddressParts($0.address)?.target } ?? "/"
    }
}

extension Shape {
    static let applied = Shape(
        name: "Applied", summary: "What became of an apply.",
        fields: [
            .init("state", .choice(["nothing", "done", "failed"]), "All of it in a word"),
            .init("sentence", .text, "The same for a person"),
            .init("spaces", .list(.shape(outcome)), "Those that the plan changes"),
            .init("made", .list(.text), "Datasets and buckets that were missing, as `bucket owner/name`"),
            .init("waves", .integer, "In how many waves they were gone through"),
        ])

    static let outcome = Shape(
        name: "AppliedSpace", summary: "What became of one Space.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("target", .text, "Its name in the fleet file"),
            .init(
                "state", .choice(RolloutRun.Outcome.State.allCases.map(\.rawValue)),
                "`done`: it runs and answers. `paused`: changed, its owner has paused it. `failed`: a change could not be made. `ill`: changed, and it does not run or answer. `rolled-back`: the same, and it has the files of its last good commit again. `untouched`: its wave did not begin"
            ),
            .init("sentence", .text, "What was seen"), .init("hint", .text, optional: true, "What to do"),
            .init("commit", .text, optional: true, "Head of `main` now"),
            .init("steps", .list(.text), "What was done now"), .init("wave", .integer, "Number of its wave, from 1"),
            .init(
                "diagnosis", .any, optional: true,
                "Of a Space that is not well: as `stoker doctor` answers, with `last_lines` of its log"),
        ])
}
