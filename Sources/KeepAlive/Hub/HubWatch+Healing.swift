import Ledger
import Logging
import Runtime
import StokerCore

/// Healing: what ``Healer`` decides is carried out, written down before and after, and shown.
extension HubWatch {
    /// Looks at every Space that fails.
    package func heal() async {
        await remember()
        let now = clocks.wall()
        let page = await boiler.statuses(StatusQuery(verdicts: [.down, .slow], kind: .http))
        let failing = page.items.filter { $0.check.space != nil }
        await watchPlatform(failing, now: now)
        await forgetTheWell(failing)
        for status in failing { await treat(status.check.name) }
    }

    private func watchPlatform(_ failing: [CheckStatus], now: Instant) async {
        var bySpace: [String: PlatformWatch.Failing] = [:]
        for status in failing where status.state.verdict == .down && status.check.policy.role == .alive {
            guard let space = status.check.space else { continue }
            bySpace[SpaceName.key(space)] = .init(
                space: SpaceName.key(space), cause: status.state.cause, began: status.state.troubleSince)
        }
        let turn = platform.look(bySpace.values.sorted { $0.space < $1.space }, now: now)
        knowledge.set(incident: Set(platform.incident.keys))
        for (cause, count) in turn.began.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            await boiler.say(
                "heal.suspended",
                "\(count) Spaces began to fail alike (\(cause.sentence)): that is the platform. Nothing is restarted while it lasts; "
                    + "see https://status.huggingface.co", check: nil)
        }
        for cause in turn.ended {
            await boiler.say("heal.resumed", "The Spaces do not fail alike any more (\(cause.sentence))", check: nil)
        }
    }

    /// What was said of a check stays on its page until it is well again.
    private func forgetTheWell(_ failing: [CheckStatus]) async {
        let names = Set(failing.map(\.check.name))
        for name in knowledge.checksWithHealing where !names.contains(name) {
            let status = try? await boiler.status(of: name)  // gone from the fleet: forgotten
            guard status == nil || status?.state.verdict == .up else { continue }
            knowledge.set(healing: nil, of: name)
            spoken[name] = nil
        }
    }

    /// The check as it is now: those treated before took their time. nil when it is gone, or when this master may not act any more.
    private func present(_ name: String) async -> (status: CheckStatus, space: String, cell: SpaceVerdict.Cell?)? {
        guard await boiler.mayAct, let status = try? await boiler.status(of: name),  // it left the fleet meanwhile
            let space = status.check.space
        else { return nil }
        return (status, space, await boiler.cell(of: name))
    }

    private func decide(
        _ status: CheckStatus, _ space: String, _ cell: SpaceVerdict.Cell?, _ facts: SpaceFacts?
    ) -> Healer.Decision {
        let (check, state) = (status.check, status.state)
        let cause = platform.incident[state.cause] != nil ? .platformIncident : state.cause
        let patient = Healer.Patient(
            rule: check.policy.heal, awake: check.policy.awake, verdict: state.verdict, cause: cause,
            failures: Int(state.failures), cell: cell, facts: facts)
        var past = pasts[SpaceName.key(space)] ?? Healer.Past()
        past.blankBefore = blankBefore
        return Healer.decide(patient, past, now: clocks.wall())
    }

    private func treat(_ name: String) async {
        guard let (status, space, cell) = await present(name) else { return }
        let check = status.check
        let now = clocks.wall()
        let word = knowledge.word(of: space).flatMap { $0.isFresh(at: now) ? $0 : nil }
        let why = cell?.name ?? status.state.cause.sentence
        let decision = decide(status, space, cell, word?.facts)
        switch decision {
        case .nothing: return
        case .act(let step):
            if let damage = await boiler.standingDamage {
                return await tellOnce(
                    decision, status, kind: "heal.held",
                    "\(check.name): no \(step.word) (\(why)), for the ledger was damaged and earlier restarts may be forgotten; "
                        + "`stoker acknowledge \(damage.incident)` lets healing go on")
            }
            guard remembered != nil else { return }  // what was done before is not known: it may be the whole budget
            if step == .wake { return await perform(step, status, space: space, why: why) }
            guard let word, let facts = await factsIfSame(as: word.facts, space: space) else { return }
            // The Hub's answer took its time, in which a person may have paused the check or the Space may have come back.
            guard let (status, same, cell) = await present(name), same == space,
                decide(status, space, cell, facts) == .act(step)
            else { return want() }
            await perform(step, status, space: space, why: why)
        case .suggest(let step):
            await tellOnce(
                decision, status, kind: "heal.suggested",
                "\(check.name): a \(step.word) may help (\(why)). “heal: act” would do it")
        case .exhausted:
            await tellOnce(
                decision, status, kind: "heal.exhausted",
                "\(check.name) still fails (\(why)) and its budget of restarts is used up: somebody should look")
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

    /// Once for each trouble.
    private func tellOnce(_ decision: Healer.Decision, _ status: CheckStatus, kind: String, _ text: String) async {
        let name = status.check.name
        let since = status.state.incidentOpen ? status.state.troubleSince : status.state.since
        if let last = spoken[name], last.since == since, last.decision == decision { return }
        spoken[name] = (since, decision)
        knowledge.set(healing: text, of: name)
        await boiler.say(kind, text, check: status)
    }

    private func perform(_ step: Healer.Step, _ status: CheckStatus, space: String, why: String) async {
        let now = clocks.wall()
        let name = status.check.name
        let key = SpaceName.key(space)
        let rule = status.check.policy.heal
        let seen = "\(why), \(status.state.failures) failed pings in a row"
        let text = HealNote.text(step, check: name, space: space, because: seen)
        // Written down before it is done: whoever starts after a crash in between counts it.
        do throws(Failure) {
            try await ledger.record(
                Batch(events: [
                    Event(at: now, kind: "heal.\(step.rawValue)", check: status.id >= 0 ? status.id : nil, text: text)
                ]), within: .seconds(3))
        } catch {
            let refusal = "\(name): no \(step.word), because it could not be written down (\(error.because))"
            knowledge.set(healing: refusal, of: name)
            logger.error("Healing could not be written down", metadata: ["check": "\(name)", "error": "\(error)"])
            return
        }
        pasts[key, default: Healer.Past()].actions.append(.init(at: now, step: step))
        // All checks of the Space count them, each for a span of its own.
        let longest = await lookAtFleet().longestBudget
        pasts[key]?.actions.removeAll { now - $0.at > longest }
        logger.notice(
            "Healing",
            metadata: ["check": "\(name)", "space": "\(space)", "step": "\(step.rawValue)", "why": "\(seen)"])
        if step == .wake {
            knowledge.set(healing: text, of: name)
            return await boiler.bringForward(name)
        }
        let count = pasts[key]?.actions.count { $0.step == step && now - $0.at < rule.within } ?? 1
        let most = step == .restart ? rule.restarts : rule.factoryRestarts
        let which = "\(step.word) \(count) of \(most) in \(rule.within.text)"
        noteCalls(Self.callsOfRestart)
        do throws(Failure) {
            try await hub.restart(knowledge.newName(of: space) ?? space, factory: step == .factoryRestart)
            let said = "\(name): the Hub took the restart (\(which)); it was \(seen)"
            knowledge.set(healing: said, of: name)
            await boiler.say("heal.result", said, check: status)
        } catch {
            let hint = error.hint.map { "; \($0)" } ?? ""
            noteCalls(Self.callsAfterALostAnswer)
            let said = "\(name): the Hub refused the restart (\(which)): \(error.because)\(hint)"
            knowledge.set(healing: said, of: name)
            await boiler.say("heal.failed", said, check: status)
            logger.error("The Hub refused a restart", metadata: ["space": "\(space)", "error": "\(error)"])
        }
        want()
    }

    /// A look at the stage, and the restart.
    private static let callsOfRestart = 2
    /// Looks at the stage and at the log whether it began, and the restart once more: at most.
    private static let callsAfterALostAnswer = 5

    /// Reads what was done before this process began, as far back as any budget reaches.
    private func remember() async {
        let span = await lookAtFleet().longestBudget
        if let remembered, remembered >= span { return }
        let horizon = clocks.wall() - span
        do throws(Failure) {
            var before: Int64?
            var found: [String: [Healer.Past.Action]] = [:]
            reading: while true {
                let page = try await ledger.events(of: nil, before: before, limit: 500)
                for event in page {
                    if event.at < horizon { break reading }
                    guard event.kind.hasPrefix("heal."),
                        let step = Healer.Step(rawValue: String(event.kind.dropFirst(5))),
                        let space = HealNote.space(in: event.text, step)
                    else { continue }
                    found[SpaceName.key(space), default: []].append(.init(at: event.at, step: step))
                }
                guard page.count == 500, let last = page.last?.id, last != before else { break }
                before = last
            }
            pasts = found.mapValues { Healer.Past($0.sorted { $0.at < $1.at }) }
            remembered = span
        } catch {
            remembered = nil
            logger.warning("Earlier restarts could not be read", metadata: ["error": "\(error)"])
        }
    }
}

/// The line that is written before an action. Who starts later reads in it which Space was meant, whatever its check is called by then.
enum HealNote {
    static func text(_ step: Healer.Step, check: String, space: String, because: String) -> String {
        "\(check): \(step.word) of \(space) because of: \(because)"
    }

    /// nil when it is no such line.
    static func space(in text: String, _ step: Healer.Step) -> String? {
        guard let start = text.firstRange(of: ": \(step.word) of ")?.upperBound,
            let end = text[start...].firstRange(of: " because of: ")?.lowerBound
        else { return nil }
        return String(text[start..<end])
    }
}
