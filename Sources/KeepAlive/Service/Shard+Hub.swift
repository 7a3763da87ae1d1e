import Runtime
import StokerCore

/// What the Hub says of Spaces, as a shard takes it. Nothing here runs for what is no Space.
extension Shard {
    func join(
        _ finding: AttemptResult, _ index: UInt32, space: String, began: Instant, now: Instant
    ) -> SpaceVerdict.Combined {
        let state = states[Int(index)]
        var troubleBegan = began
        if !state.wakingSince.isNever { troubleBegan = min(troubleBegan, state.wakingSince) }
        if state.failures > 0, !state.troubleSince.isNever { troubleBegan = min(troubleBegan, state.troubleSince) }
        guard
            let combined = shared.hub.join(
                finding, space: space, troubleBegan: troubleBegan,
                believed: state.verdict == .down || state.pause == .byOwner ? state.cause : nil, now: now)
        else { return SpaceVerdict.Combined(finding: finding) }
        if let cell = combined.cell, cell.disagrees || cell.verdict != .up {
            cells[index] = cell
        } else if !cells.isEmpty {
            cells[index] = nil
        }
        if combined.finding.outcome != .up { shared.earlyPoll.set() }
        return combined
    }

    /// What follows from both sources beyond the judge's decisions.
    func applyHubPolicy(_ index: UInt32, _ combined: SpaceVerdict.Combined, now: Instant) {
        if combined.pauses { return leave(index, .byOwner, now: now) }
        // On demand: seen once after its start, it is left alone, or the pings would keep it awake.
        if check(Int(index)).policy.awake == .onDemand, combined.finding.outcome.isGood,
            states[Int(index)].verdict != .paused
        {
            timetable.cancel(index)
        }
    }

    /// The Hub says something else than before.
    func applyHubChange(_ change: HubReadings.Change, _ index: UInt32, _ name: String) {
        guard holds(index, name) else { return }
        let now = clocks.wall()
        let facts = change.word.facts
        let policy = check(Int(index)).policy
        touch(index)
        switch HubStep.of(facts, states[Int(index)], awake: policy.awake) {
        case .none: break
        case .leave(let pause): return leave(index, pause, now: now)
        case .moderated:
            // Judged without a ping: a flagged Space is left alone from the first sign on.
            if states[Int(index)].verdict == .paused { resume(index) }
            abandonPing(index)
            let before = states[Int(index)]
            let observation = Observation(
                check: ids[Int(index)], at: now, outcome: .down, cause: .spaceModerated, attempts: 1)
            let actions = Judge.judge(&states[Int(index)], observation, policy: policy, now: now)
            recordChange(index, actions, from: before, now: now)
            return arm()
        }
        if endsHubPause(states[Int(index)], change.space) { resume(index) }
        if HubStep.pings(facts, states[Int(index)], awake: policy.awake, wasKnown: change.wasKnown) {
            bringForward(index, now: now)
        }
    }

    /// What the Hub said before the check was here: what is flagged, paused or left to its sleep is not pinged to be told so.
    func applyEarlierHubReading(_ index: UInt32, now: Instant) {
        let check = check(Int(index))
        guard let space = check.space, let word = shared.hub.word(of: space), word.isFresh(at: now) else {
            return
        }
        guard HubStep.leaves(word.facts, states[Int(index)], awake: check.policy.awake) else { return }
        applyHubChange(.init(space: space, from: nil, word: word, wasKnown: false), index, check.name)
    }

    /// When a check that has just been installed is pinged, wall-clock milliseconds; nil for not at all.
    /// - Parameter due: as it was before; nil for at once.
    func firstDue(_ index: Int, _ due: Int64?, now: Instant) -> Int64? {
        let check = check(index)
        guard check.policy.awake == .onDemand, let space = check.space else { return due ?? now.milliseconds }
        if check.rests(states[index], due) { return nil }
        // It may sleep, and a ping would wake it: the Hub has some time to say so.
        let soonest = shared.hub.awaits(space) ? now + SpaceVerdict.HubReading.freshFor : now
        return max(due ?? soonest.milliseconds, soonest.milliseconds)
    }

    /// Pings soon, unless it is paused, being pinged, or a job that calls us.
    func bringForward(_ index: UInt32, now: Instant) {
        guard states[Int(index)].verdict != .paused, pings[index] == nil else { return }
        if let window = windows[ObjectIdentifier(check(Int(index)).policy)], !window.contains(now) { return }
        timetable.schedule(index, at: now.milliseconds)
        arm()
    }

    /// Not pinged any more until the Hub says something else.
    private func leave(_ index: UInt32, _ pause: CheckState.Pause, now: Instant) {
        let before = states[Int(index)]
        let actions = Judge.pause(&states[Int(index)], pause, check: ids[Int(index)], now: now)
        guard states[Int(index)] != before else { return }
        states[Int(index)].cause = pause == .byOwner ? .spacePausedByOwner : .spaceAsleep
        abandonPing(index)
        timetable.cancel(index)
        recordChange(index, actions, from: before, now: now)
        arm()
    }

    /// A pause that the Hub's word began ends with it, and when nobody asks the Hub any more.
    func endsHubPause(_ state: CheckState, _ space: String?) -> Bool {
        // Asked of the Hub only where it matters.
        guard state.verdict == .paused else { return false }
        let isWatched = shared.hub.isWatched && space != nil
        let facts = isWatched ? space.flatMap { shared.hub.word(of: $0)?.facts } : nil
        return HubStep.endsPause(state, isWatched: isWatched, facts)
    }
}

extension Check {
    /// Seen well once after its start, and left alone since (`awake: on-demand`).
    /// - Parameter due: of the next ping; nil for none.
    func rests(_ state: CheckState, _ due: Int64?) -> Bool {
        policy.awake == .onDemand && space != nil && due == nil && (state.verdict == .up || state.verdict == .slow)
    }
}
