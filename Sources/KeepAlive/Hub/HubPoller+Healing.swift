import Ledger
import Logging
import Runtime
import StokerCore

/// Healing: what ``Healer`` decides is carried out, written down before and after, and shown.
extension HubPoller {
    /// Looks at every Space that fails.
    package func heal() async {
        await remember()
        let now = clocks.wall()
        let page = await monitor.statuses(StatusQuery(verdicts: [.down, .slow], kind: .http))
        let failing = page.items.filter { $0.check.space != nil }
        await watchPlatform(failing, now: now)
        await forgetTheWell(failing)
        for status in failing { await treat(status.check.name) }
    }

    private func watchPlatform(_ failing: [CheckStatus], now: Instant) async {
        var bySpace: [String: PlatformIncidentDetector.Failing] = [:]
        for status in failing where status.state.verdict == .down && status.check.policy.role == .alive {
            guard let space = status.check.space else { continue }
            bySpace[SpaceName.key(space)] = .init(
                space: SpaceName.key(space), cause: status.state.cause, began: status.state.troubleSince)
        }
        await askPlatform(isAnyFailing: bySpace.values.contains { PlatformIncidentDetector.counts($0.cause) }, now: now)
        let turn = platform.look(
            bySpace.values.sorted { $0.space < $1.space }, now: now, isKnown: !platformReports.isEmpty)
        knowledge.set(incident: Set(platform.incident.keys))
        for (cause, count) in turn.began.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            await monitor.emit(
                .healingSuspended(spaces: count, cause: cause, platform: platformReports.first?.phrase))
        }
        for cause in turn.ended {
            await monitor.emit(.healingResumed(cause: cause))
        }
    }

    /// Reads the platform's status page, while Spaces fail and at most once a minute. Where it cannot be reached it is let be for longer.
    private func askPlatform(isAnyFailing: Bool, now: Instant) async {
        guard isAnyFailing else {
            platformTold = [:]
            return platformReports = []
        }
        guard now >= platformAskedNext else { return }
        do throws(Failure) {
            platformReports = try await hub.platformReports(at: now)
            platformAskedNext = now + .seconds(60)
            await tellOfPlatform(now)
        } catch {
            platformReports = []
            platformAskedNext = now + .seconds(600)
            logger.info("The platform's status page could not be read", metadata: ["error": "\(error)"])
        }
    }

    /// Each of its reports is an event, again after a while: an incident that begins later finds it near its own beginning.
    private func tellOfPlatform(_ now: Instant) async {
        let titles = Set(platformReports.map(\.title))
        platformTold = platformTold.filter { titles.contains($0.key) }
        for report in platformReports {
            if let told = platformTold[report.title], now - told < PlatformReport.toldEvery { continue }
            platformTold[report.title] = now
            await monitor.emit(.platformReported(title: report.title, since: report.since, page: report.page))
        }
    }

    /// What was said of a check stays on its page until it is well again.
    private func forgetTheWell(_ failing: [CheckStatus]) async {
        let names = Set(failing.map(\.check.name))
        for name in knowledge.checksWithHealing where !names.contains(name) {
            let status = try? await monitor.status(of: name)  // gone from the fleet: forgotten
            guard status == nil || status?.state.verdict == .up else { continue }
            knowledge.set(healing: nil, of: name)
            spoken[name] = nil
        }
    }

    /// The check as it is now: those treated before took their time. nil when it is gone, or when this master may not act any more.
    private func present(_ name: String) async -> (status: CheckStatus, space: String, cell: SpaceVerdict.GridCell?)? {
        guard await monitor.mayAct, let status = try? await monitor.status(of: name),  // it left the fleet meanwhile
            let space = status.check.space
        else { return nil }
        return (status, space, await monitor.cell(of: name))
    }

    private func decide(
        _ status: CheckStatus, _ space: String, _ cell: SpaceVerdict.GridCell?, _ facts: SpaceFacts?
    ) -> Healer.Decision {
        let (check, state) = (status.check, status.state)
        let cause = platform.incident[state.cause] != nil ? .platformIncident : state.cause
        let patient = Healer.FailingCheck(
            rule: check.policy.heal, awake: check.policy.awake, verdict: state.verdict, cause: cause,
            failures: Int(state.failures), cell: cell, facts: facts)
        var past = pasts[budget(of: space)] ?? Healer.Past()
        past.blankBefore = blankBefore
        return Healer.decide(patient, past, now: clocks.wall())
    }

    private func treat(_ name: String) async {
        guard let (status, space, cell) = await present(name) else { return }
        let check = status.check
        if let maintenance = status.maintenance {
            knowledge.set(healing: "nothing is healed: \(maintenance.sentence)", of: name)
            // What is decided afterwards is told again.
            spoken[name] = nil
            return
        }
        let now = clocks.wall()
        let word = knowledge.word(of: space).flatMap { $0.isFresh(at: now) ? $0 : nil }
        let why = cell?.name ?? status.state.cause.sentence
        let decision = decide(status, space, cell, word?.facts)
        switch decision {
        case .nothing(.platform):
            knowledge.set(
                healing: "nothing is restarted: "
                    + (platformReports.first?.phrase ?? "several Spaces fail alike, so the platform has trouble"),
                of: check.name)
        case .nothing: return
        case .act(let step):
            if let damage = await monitor.standingDamage {
                await tellOnce(
                    decision, status,
                    .healingHeld(step: step, check: check.name, because: why, incident: damage.incident))
                return
            }
            guard isRemembered else { return }  // what was done before is not known: it may be the whole budget
            if step == .wake { return await perform(step, status, space: space, why: why) }
            guard let word, let facts = await factsIfSame(as: word.facts, space: space) else { return }
            // The Hub's answer took its time, in which a person may have paused the check or the Space may have come back.
            guard let (status, same, cell) = await present(name), same == space, status.maintenance == nil,
                decide(status, space, cell, facts) == .act(step)
            else { return want() }
            await perform(step, status, space: space, why: why)
        case .suggest(let step):
            let isNew = await tellOnce(
                decision, status, .healingSuggested(step: step, check: check.name, because: why))
            if isNew { await note(suggestion: step, of: check.name, space, because: why) }
        case .exhausted(let how):
            await tellOnce(
                decision, status,
                .healingExhausted(check: check.name, because: why, once: how == .once ? true : nil))
        }
    }

    /// Looks once more right before a restart: minutes may lie between the last reading and now, in which the owner paused it or
    /// pushed a correction. When the Hub cannot be asked, nothing is done.
    private func factsIfSame(as before: SpaceFacts, space: String) async -> SpaceFacts? {
        noteCalls(1)
        do throws(Failure) {
            guard let facts = try await hub.space(space), facts.stage == before.stage,
                facts.runningSHA == before.runningSHA
            else {
                want()
                return nil
            }
            return facts
        } catch {
            logger.warning(
                "No restart, for the Hub cannot be asked", metadata: ["space": "\(space)", "error": "\(error)"])
            return nil
        }
    }

    /// Once for each trouble. - Returns: whether this was the time.
    @discardableResult
    private func tellOnce(_ decision: Healer.Decision, _ status: CheckStatus, _ event: EventPayload) async -> Bool {
        let name = status.check.name
        let since = status.state.incidentOpen ? status.state.troubleSince : status.state.since
        if let last = spoken[name], last.since == since, last.decision == decision { return false }
        spoken[name] = (since, decision)
        knowledge.set(healing: event.sentence, of: name)
        await monitor.emit(event, check: status)
        return true
    }

    private func note(suggestion step: Healer.Step, of check: String, _ space: String, because why: String) async {
        let now = clocks.wall()
        do throws(Failure) {
            let action = try await ledger.actions.begin(
                NewAction(
                    .suggestion, on: name(of: space), by: "healing", because: why, began: now,
                    details: ["check": check, "step": step.rawValue]), within: .seconds(3))
            try await ledger.actions.end(action.id, fence: action.fence, as: .succeeded, result: nil, now: now)
        } catch {
            logger.warning("A suggestion could not be written down", metadata: ["error": "\(error)"])
        }
    }

    /// As the Hub calls a Space now.
    private func name(of space: String) -> String { knowledge.word(of: space)?.facts.id ?? space }
    /// All checks of a Space share its budget, which stays with it when it is renamed.
    private func budget(of space: String) -> String { SpaceName.key(name(of: space)) }

    private func perform(_ step: Healer.Step, _ status: CheckStatus, space: String, why: String) async {
        let now = clocks.wall()
        let name = status.check.name
        let key = budget(of: space)
        let rule = status.check.policy.heal
        let seen = "\(why), \(status.state.failures) failed pings in a row"
        let event = EventPayload.healing(step: step, check: name, space: space, because: seen)
        // Written down before it is done: whoever starts after a crash in between counts it.
        let action: Action
        do throws(Failure) {
            action = try await ledger.actions.begin(
                NewAction(
                    .healing(step), on: self.name(of: space), by: "healing", because: seen, began: now,
                    details: ["check": name]), within: .seconds(3))
        } catch {
            // It was not done, but the row may still come: what waits for the disk is not taken back.
            notDone.append(NotDone(space: key, began: now))
            if notDone.count > Self.maxNotDone { notDone.removeFirst() }
            let refusal = "\(name): no \(step.word), because it could not be written down (\(error.because))"
            knowledge.set(healing: refusal, of: name)
            logger.error("Healing could not be written down", metadata: ["check": "\(name)", "error": "\(error)"])
            return
        }
        let entry = await ledger.activities.beginOwn(
            Activity.Own(step), on: self.name(of: space), because: seen, at: now)
        await monitor.emit(event, check: status)
        pasts[key, default: Healer.Past()].actions.append(.init(at: now, step: step))
        // All checks of the Space count them, each for a span of its own.
        let longest = await lookAtFleet().longestBudget
        pasts[key]?.actions.removeAll { now - $0.at > longest }
        logger.notice(
            "Healing",
            metadata: ["check": "\(name)", "space": "\(space)", "step": "\(step.rawValue)", "why": "\(seen)"])
        if step == .wake {
            knowledge.set(healing: event.sentence, of: name)
            await monitor.bringForward(name)
            await ledger.activities.endOwn(entry, as: .done, because: seen)
            return await end(action, as: .succeeded, "it was pinged")
        }
        let count =
            pasts[key]?.actions.count { $0.step == step && !$0.isAsked && now - $0.at < rule.within } ?? 1
        let most = step == .restart ? rule.restarts : rule.factoryRestarts
        noteCalls(Self.callsOfRestart)
        do throws(Failure) {
            try await hub.restart(knowledge.newName(of: space) ?? space, factory: step == .factoryRestart)
            let said = EventPayload.healed(
                step: step, check: name, because: seen, number: count, most: most,
                withinMilliseconds: rule.within.wholeMilliseconds)
            knowledge.set(healing: said.sentence, of: name)
            await monitor.emit(said, check: status)
            await end(action, as: .succeeded, "the Hub took it")
            await ledger.activities.endOwn(entry, as: .done, because: seen)
        } catch {
            noteCalls(Self.callsAfterALostAnswer)
            let said = EventPayload.healingFailed(
                step: step, check: name, because: error.because, hint: error.hint, number: count, most: most,
                withinMilliseconds: rule.within.wholeMilliseconds)
            knowledge.set(healing: said.sentence, of: name)
            await monitor.emit(said, check: status)
            // Without an answer nobody knows whether the Hub did it.
            await end(action, as: error.code == .hubUnreachable ? .unknown : .failed, error.because)
            if error.code != .hubUnreachable {
                await ledger.activities.endOwn(entry, as: .failed, because: "\(seen); \(error.because)")
            }
            logger.error("The Hub refused a restart", metadata: ["space": "\(space)", "error": "\(error)"])
        }
        want()
    }

    private func end(_ action: Action, as state: Action.State, _ result: String) async {
        do throws(Failure) {
            try await ledger.actions.end(
                action.id, fence: action.fence, as: state, result: result, now: clocks.wall())
        } catch {
            // It counts all the same: it was written down when it began.
            logger.warning("The end of an action could not be written down", metadata: ["error": "\(error)"])
        }
    }

    /// A look at the stage, and the restart.
    private static let callsOfRestart = 2
    /// Looks at the stage and at the log whether it began, and the restart once more: at most.
    private static let callsAfterALostAnswer = 5

    /// Reads what was done, by this process and before it, as far back as any budget reaches.
    private func remember() async {
        let horizon = clocks.wall() - (await lookAtFleet().longestBudget)
        do throws(Failure) {
            var before: Int64?
            var found: [Action] = []
            reading: while true {
                let page = try await ledger.actions.actions(
                    ActionQuery(kinds: Self.countedKinds, before: before, limit: 500))
                for action in page {
                    if action.began < horizon { break reading }
                    found.append(action)
                }
                // A page is shorter than asked for where a row is damaged.
                guard let last = page.last?.id else { break }
                before = last
            }
            try await leaveOutNotDone(&found, horizon: horizon)
            if !isResumed {
                // Only one engine heals by a ledger: what it left open was left by one that is gone.
                for action in found where action.state == .begun && action.kind.healingStep != nil {
                    try await ledger.actions.end(
                        action.id, fence: action.fence, as: .unknown,
                        result: "the process ended before the answer came", now: clocks.wall())
                }
                isResumed = true
            }
            try await followNames(&found)
            pasts = Dictionary(grouping: found) { SpaceName.key($0.space) }.mapValues { actions in
                Healer.Past(actions.compactMap { $0.past }.sorted { $0.at < $1.at })
            }
            isRemembered = true
        } catch {
            isRemembered = false
            logger.warning("Earlier restarts could not be read", metadata: ["error": "\(error)"])
        }
    }

    /// Rows that came after ``perform(_:_:space:why:)`` had given them up: nothing was done, so nothing is counted.
    private func leaveOutNotDone(_ found: inout [Action], horizon: Instant) async throws(Failure) {
        notDone.removeAll { $0.began < horizon }
        let given = Set(notDone)
        for action in found where action.state == .begun && action.kind.healingStep != nil {
            // The Space may have got another name meanwhile.
            let keys = [SpaceName.key(action.space), budget(of: action.space)]
            guard keys.contains(where: { given.contains(NotDone(space: $0, began: action.began)) }) else { continue }
            try await ledger.actions.end(
                action.id, fence: action.fence, as: .failed, result: Self.notWrittenInTime, now: clocks.wall())
            found.removeAll { $0.id == action.id }
            notDone.removeAll { $0.began == action.began && keys.contains($0.space) }
        }
        found.removeAll { $0.state == .failed && $0.result == Self.notWrittenInTime }
    }

    /// A step that was not done, because it could not be written down in time.
    struct NotDone: Hashable, Sendable {
        /// Key of its Space's budget.
        var space: String
        var began: Instant
    }

    /// Kept with the action: also a later process leaves it out of the count.
    static let notWrittenInTime = "not done: it was not written down in time"
    private static let maxNotDone = 10_000

    /// What people do comes in by other processes, or by this one's API: it is told, and explained by a new reading.
    func lookAtDeeds() async {
        let now = clocks.wall()
        if let lookedAtDeeds, now >= lookedAtDeeds, now - lookedAtDeeds < Self.lookAtDeedsEvery { return }
        lookedAtDeeds = now
        let found: [Action]
        do throws(Failure) {
            found = try await ledger.actions.actions(
                ActionQuery(kinds: Self.deedKinds, since: max(startedAt, now - Self.deedsToldFor), limit: 100))
        } catch { return }  // the next look tells
        let checks = await lookAtFleet().fleet.checks
        for action in found.reversed() where action.isTold && !toldDeeds.contains(action.id) {
            guard let deed = action.kind.askedDeed else { continue }
            let key = budget(of: action.space)
            let own = checks.filter { check in check.space.map { budget(of: $0) } == key }
            let check = own.first { $0.policy.role == .alive } ?? own.first
            // A Space that is not of this fleet is nobody's news here.
            guard let check else { continue }
            toldDeeds.insert(action.id)
            let status = try? await monitor.status(of: check.name)  // it left the fleet meanwhile
            await monitor.emit(.spaceAsked(deed: deed, space: name(of: action.space), by: action.actor), check: status)
            want()
        }
        toldDeeds.formIntersection(found.map(\.id))
    }
    private static let lookAtDeedsEvery = Duration.seconds(5)
    /// A command that waits for a lost answer ends its row sooner.
    private static let deedsToldFor = Duration.seconds(3_600)

    private static let deedKinds = Set(SpaceDeed.allCases.map { Action.Kind.asked($0) })
    private static let countedKinds =
        deedKinds.union(HealingStep.allCases.map { Action.Kind.healing($0) }).union([.environment])

    /// What was done to a Space under an old name counts under the new one, also when the fleet file says only that.
    private func followNames(_ actions: inout [Action]) async throws(Failure) {
        for old in Set(actions.map(\.space)) where budget(of: old) != SpaceName.key(old) {
            let new = name(of: old)
            try await ledger.actions.rename(space: old, to: new)
            for index in actions.indices where actions[index].space == old { actions[index].space = new }
        }
    }
}

extension Action {
    /// It was done, or may have been.
    fileprivate var isTold: Bool { state == .succeeded || state == .unknown }

    /// As healing counts it; nil for what neither restarts a Space nor wakes it.
    fileprivate var past: Healer.Past.Action? {
        if let step = kind.healingStep { return .init(at: began, step: step) }
        guard state != .failed else { return nil }
        // A change while it is paused ends with a restart.
        if kind == .environment { return .init(at: ended ?? began, step: .restart, isAsked: true) }
        let step: HealingStep? =
            switch kind.askedDeed {
            case .restart: .restart
            case .factoryRestart: .factoryRestart
            case .wake: .wake
            case .deploy, .rollback: .restart
            case .pause, nil: nil
            }
        // Who waits for what he changed does not want it restarted meanwhile.
        let isDeploy = kind == .asked(.deploy) || kind == .asked(.rollback)
        let at = isDeploy ? ended ?? leaseUntil ?? began : began
        return step.map { .init(at: at, step: $0, isAsked: true) }
    }
}
