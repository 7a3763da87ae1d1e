import StokerCore

/// What the Hub says of Spaces, as a shard takes it. Nothing here runs for what is no Space.
extension Shard {
    func join(
        _ finding: Finding, _ index: UInt32, _ name: String, space: String, began: Instant, now: Instant
    ) -> SpaceVerdict.Joint {
        let state = states[Int(index)]
        var troubleBegan = began
        if !state.wakingSince.isNever { troubleBegan = min(troubleBegan, state.wakingSince) }
        if state.failures > 0, !state.troubleSince.isNever { troubleBegan = min(troubleBegan, state.troubleSince) }
        return surroundings.hub.join(
            finding, check: name, space: space, troubleBegan: troubleBegan,
            believed: state.verdict == .down || state.pause == .byOwner ? state.cause : nil, now: now)
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
        guard change.wasKnown || wakes, facts.stage?.isMoving == false else { return }
        bringForward(index, now: now)
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
