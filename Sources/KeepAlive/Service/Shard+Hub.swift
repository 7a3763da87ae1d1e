import Runtime
import StokerCore

/// What the Hub says of Spaces, as a shard takes it. Nothing here runs for what is no Space.
extension Shard {
    func join(
        _ finding: Finding, _ index: UInt32, space: String, began: Instant, now: Instant
    ) -> SpaceVerdict.Joint {
        let state = states[Int(index)]
        var troubleBegan = began
        if !state.wakingSince.isNever { troubleBegan = min(troubleBegan, state.wakingSince) }
        if state.failures > 0, !state.troubleSince.isNever { troubleBegan = min(troubleBegan, state.troubleSince) }
        guard
            let joint = surroundings.hub.join(
                finding, space: space, troubleBegan: troubleBegan,
                believed: state.verdict == .down || state.pause == .byOwner ? state.cause : nil, now: now)
        else { return SpaceVerdict.Joint(finding: finding) }
        if let cell = joint.cell, cell.disagrees || cell.verdict != .up {
            cells[index] = cell
        } else if !cells.isEmpty {
            cells[index] = nil
        }
        if joint.finding.outcome != .up { surroundings.readingWish.set() }
        return joint
    }

    /// What follows from both sources beyond the judge's rulings.
    func hubRules(_ index: UInt32, _ joint: SpaceVerdict.Joint, now: Instant) {
        if joint.pauses { return leave(index, .byOwner, now: now) }
        // On demand: seen once after its start, it is left alone, or the pings would keep it awake.
        if check(Int(index)).policy.awake == .onDemand, joint.finding.outcome.isGood,
            states[Int(index)].verdict != .paused
        {
            timetable.cancel(index)
        }
    }

    /// The Hub says something else than before.
    func hubSays(_ change: HubKnowledge.Change, _ index: UInt32, _ name: String) {
        guard holds(index, name) else { return }
        let now = clocks.wall()
        let facts = change.word.facts
        let policy = check(Int(index)).policy
        touch(index)
        switch facts.pauseReason {
        case .moderation:
            // A person's pause stands, in the file or on the page: what the Hub says counts again when it ends.
            switch states[Int(index)].pause {
            case .byModeration, .byPerson, .byFleetFile: return
            case .none, .byHours, .byOwner, .asleep: break
            }
            // Judged without a ping: a flagged Space is left alone from the first sign on.
            if states[Int(index)].verdict == .paused { resume(index) }
            abandonPing(index)
            let before = states[Int(index)]
            let observation = Observation(
                check: ids[Int(index)], at: now, outcome: .down, cause: .spaceModerated, attempts: 1)
            let rulings = Judge.judge(&states[Int(index)], observation, policy: policy, now: now)
            settle(index, rulings, from: before, now: now)
            return arm()
        case .owner: return leave(index, .byOwner, now: now)
        case .spendLimit, nil: break
        }
        if facts.stage?.isAsleep == true, policy.awake == .onDemand { return leave(index, .asleep, now: now) }
        if endsHubPause(states[Int(index)], change.space) { resume(index) }
        // What has just been read for the first time is pinged on its timetable anyway, but for a Space that sleeps.
        let wakes = facts.stage?.isAsleep == true && policy.awake != .onDemand
        // One that may sleep has waited for this word.
        let waited = policy.awake == .onDemand && states[Int(index)].verdict == .unknown
        guard change.wasKnown || wakes || waited, facts.stage?.isMoving == false else { return }
        bringForward(index, now: now)
    }

    /// What the Hub said before the check was here: what is flagged, paused or left to its sleep is not pinged to be told so.
    func heed(_ index: UInt32, now: Instant) {
        let check = check(Int(index))
        guard let space = check.space, let word = surroundings.hub.word(of: space), word.isFresh(at: now) else {
            return
        }
        let state = states[Int(index)]
        let leaves =
            switch word.facts.pauseReason {
            case .moderation: ![.byModeration, .byPerson, .byFleetFile].contains(state.pause)
            case .owner: state.verdict != .paused
            case .spendLimit, nil:
                state.verdict != .paused && check.policy.awake == .onDemand && word.facts.stage?.isAsleep == true
            }
        guard leaves else { return }
        hubSays(.init(space: space, from: nil, word: word, wasKnown: false), index, check.name)
    }

    /// When a check that has just been installed is pinged, wall-clock milliseconds; nil for not at all.
    /// - Parameter due: as it was before; nil for at once.
    func firstDue(_ index: Int, _ due: Int64?, now: Instant) -> Int64? {
        let check = check(index)
        guard check.policy.awake == .onDemand, let space = check.space else { return due ?? now.milliseconds }
        if check.rests(states[index], due) { return nil }
        // It may sleep, and a ping would wake it: the Hub has some time to say so.
        let soonest = surroundings.hub.awaits(space) ? now + SpaceVerdict.Word.freshFor : now
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
        let rulings = Judge.pause(&states[Int(index)], pause, check: ids[Int(index)], now: now)
        guard states[Int(index)] != before else { return }
        states[Int(index)].cause = pause == .byOwner ? .spacePausedByOwner : .spaceAsleep
        abandonPing(index)
        timetable.cancel(index)
        settle(index, rulings, from: before, now: now)
        arm()
    }

    /// A pause that the Hub's word began ends with it, and when nobody asks the Hub any more.
    func endsHubPause(_ state: CheckState, _ space: String?) -> Bool {
        guard state.verdict == .paused, state.pause == .byOwner || state.pause == .asleep else { return false }
        guard surroundings.hub.isWatched, let space else { return true }
        // Not read yet: it stays as it was left.
        guard let facts = surroundings.hub.word(of: space)?.facts else { return false }
        return state.pause == .byOwner ? facts.pauseReason != .owner : facts.stage?.isAsleep != true
    }
}

extension Check {
    /// Seen well once after its start, and left alone since (`awake: on-demand`).
    /// - Parameter due: of the next ping; nil for none.
    func rests(_ state: CheckState, _ due: Int64?) -> Bool {
        policy.awake == .onDemand && space != nil && due == nil && (state.verdict == .up || state.verdict == .slow)
    }
}
