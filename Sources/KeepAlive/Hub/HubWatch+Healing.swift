import Ledger
import Logging
import StokerCore

/// Healing: what ``Healer`` decides is carried out, written down before and after, and shown.
extension HubWatch {
    /// Looks at every Space that fails.
    package func heal() async {
        await remember()
        await foldPast()
        let now = clocks.wall()
        let page = await boiler.statuses(StatusQuery(verdicts: [.down, .slow], kind: .http))
        let failing = page.items.filter { $0.check.space != nil }
        await watchPlatform(failing, now: now)
        await forgetTheWell(failing)
        for status in failing { await treat(status, now: now) }
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
                    + "see https://status.huggingface.co")
        }
        for cause in turn.ended {
            await boiler.say("heal.resumed", "The Spaces do not fail alike any more (\(cause.sentence))")
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

    private func treat(_ status: CheckStatus, now: Instant) async {
        let check = status.check
        guard let space = check.space else { return }
        let word = knowledge.word(of: space).flatMap { $0.isFresh(at: now) ? $0 : nil }
        let state = status.state
        var cause = state.cause
        if platform.incident[cause] != nil { cause = .platformIncident }
        let patient = Healer.Patient(
            rule: check.policy.heal, awake: check.policy.awake, verdict: state.verdict, cause: cause,
            failures: Int(state.failures), cell: knowledge.cell(of: check.name), facts: word?.facts)
        var past = pasts[SpaceName.key(space)] ?? Healer.Past()
        past.blankBefore = blankBefore
        let why = knowledge.cell(of: check.name)?.name ?? state.cause.sentence
        let decision = Healer.decide(patient, past, now: now)
        switch decision {
        case .nothing: return
        case .act(let step):
            guard hasRemembered else { return }  // what was done before is not known: it may be the whole budget
            if step != .wake, await !isStillSo(patient, past, step, space: space) { return }
            await perform(step, status, space: space, why: why, now: now)
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
    private func isStillSo(_ patient: Healer.Patient, _ past: Healer.Past, _ step: Healer.Step, space: String) async
        -> Bool
    {
        var patient = patient
        let before = patient.facts
        do throws(Failure) {
            let facts = try await hub.space(space)
            noteCalls(1)
            patient.facts = facts
        } catch {
            noteCalls(1)
            logger.warning(
                "No restart, for the Hub cannot be asked", metadata: ["space": "\(space)", "error": "\(error)"])
            return false
        }
        let isSame = patient.facts?.stage == before?.stage && patient.facts?.runningSHA == before?.runningSHA
        guard isSame, Healer.decide(patient, past, now: clocks.wall()) == .act(step) else {
            knowledge.want()
            return false
        }
        return true
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

    private func perform(_ step: Healer.Step, _ status: CheckStatus, space: String, why: String, now: Instant) async {
        let name = status.check.name
        let key = SpaceName.key(space)
        let rule = status.check.policy.heal
        let seen = "\(why), \(status.state.failures) failed pings in a row"
        let text = "\(name): \(step.word) of \(space) because of: \(seen)"
        // Written down before it is done: whoever starts after a crash in between counts it.
        do throws(Failure) {
            try await ledger.record(
                Batch(events: [
                    Event(at: now, kind: "heal.\(step.rawValue)", check: status.id >= 0 ? status.id : nil, text: text)
                ]))
        } catch {
            let refusal = "\(name): no \(step.word), because it could not be written down (\(error.because))"
            knowledge.set(healing: refusal, of: name)
            logger.error("Healing could not be written down", metadata: ["check": "\(name)", "error": "\(error)"])
            return
        }
        pasts[key, default: Healer.Past()].actions.append(.init(at: now, step: step))
        pasts[key]?.actions.removeAll { now - $0.at > max(rule.within, .seconds(86_400)) }
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
        do throws(Failure) {
            try await hub.restart(knowledge.newName(of: space) ?? space, factory: step == .factoryRestart)
            let said = "\(name): the Hub took the restart (\(which)); it was \(seen)"
            knowledge.set(healing: said, of: name)
            await boiler.say("heal.result", said, check: status)
        } catch {
            let hint = error.hint.map { "; \($0)" } ?? ""
            let said = "\(name): the Hub refused the restart (\(which)): \(error.because)\(hint)"
            knowledge.set(healing: said, of: name)
            await boiler.say("heal.failed", said, check: status)
            logger.error("The Hub refused a restart", metadata: ["space": "\(space)", "error": "\(error)"])
        }
        knowledge.want()
    }

    /// Reads what was done before this process began.
    private func remember() async {
        guard !hasRemembered else { return }
        let fleet = await boiler.fleet()
        let longest = fleet.checks.reduce(Duration.seconds(6 * 3_600)) { max($0, $1.policy.heal.within) }
        let horizon = clocks.wall() - longest
        do throws(Failure) {
            var before: Int64?
            var found: [Int32: [Healer.Past.Action]] = [:]
            reading: while true {
                let page = try await ledger.events(of: nil, before: before, limit: 500)
                for event in page {
                    if event.at < horizon { break reading }
                    guard event.kind.hasPrefix("heal."), let check = event.check,
                        let step = Healer.Step(rawValue: String(event.kind.dropFirst(5)))
                    else { continue }
                    found[check, default: []].append(.init(at: event.at, step: step))
                }
                guard page.count == 500, let last = page.last?.id, last != before else { break }
                before = last
            }
            unclaimed = found
            hasRemembered = true
        } catch {
            logger.warning("Earlier restarts could not be read", metadata: ["error": "\(error)"])
        }
    }

    /// Gives what was done to the Spaces it was done to. Those that the Hub lists only later get theirs then.
    private func foldPast() async {
        guard !unclaimed.isEmpty else { return }
        let checks = await boiler.fleet().checks.filter { $0.space != nil }
        do throws(Failure) {
            let ids = try await ledger.register(checks.map(\.name))
            for (id, check) in zip(ids, checks) {
                guard let space = check.space, let actions = unclaimed.removeValue(forKey: id) else { continue }
                let all = actions + (pasts[SpaceName.key(space)]?.actions ?? [])
                pasts[SpaceName.key(space)] = Healer.Past(all.sorted { $0.at < $1.at })
            }
        } catch {
            hasRemembered = false
            logger.warning("Earlier restarts could not be read", metadata: ["error": "\(error)"])
        }
    }
}
