package import StokerCore

/// The state machine of a check: what is believed after each ping, and what follows from it. See docs/verdicts.md.
package enum Judge {
    /// A start may take this long. Source: `startup_duration_timeout` of a Space's README, default 30 min.
    package static let longestStart = Duration.seconds(30 * 60)
    /// First wait while a Space wakes. The Hub documents no time; 30 to 60 s are reported for small apps (README files of keep-alive tools).
    package static let firstWakingRecheck = Duration.seconds(20)
    /// Flapping begins with this many changes between good and bad among the last 20 pings, …
    package static let flipsToFlap = 5
    package static let flapWindow: UInt32 = 0xF_FFFF
    /// … and ends after 10 pings without one.
    package static let calmWindow: UInt32 = 0x3FF

    /// Takes one ping into the state. Returns nothing (and allocates nothing) when a well check stays well.
    /// Without a ``JudgeAction/recheck(_:)`` the next ping is due after the policy's interval.
    /// - Parameter failedFrom: when the first failed attempt of this ping began, or the silence; nil when the observation tells it.
    package static func judge(
        _ state: inout CheckState, _ observation: Observation, policy: CheckPolicy, certificateEndHours: UInt32 = 0,
        failedFrom: Instant? = nil, now: Instant
    ) -> [JudgeAction] {
        // A ping that was under way when the pause began says nothing any more.
        if state.verdict == .paused { return [] }
        if certificateEndHours != 0 { state.certificateEndHours = certificateEndHours }

        switch observation.outcome {
        case .unknown:
            if observation.cause == .spaceThrottled || observation.code == 429 {
                state.slowdown = min(2, state.slowdown + 1)
                return [.recheck(stretched(policy.every, state.slowdown))]
            }
            // Ours is the fault: look again soon, but not with the whole fleet at once.
            if observation.cause == .selfOffline || observation.cause == .selfOverloaded { state.isBlind = true }
            return [.recheck(min(policy.every, max(policy.recheck, policy.every / 8)))]
        case .up, .slow:
            note(observation, in: &state)
            return good(&state, observation, policy: policy)
        case .waking:
            let gap = observation.at - state.lastPing
            note(observation, in: &state)
            return waking(&state, observation, gap: gap, policy: policy)
        case .down:
            note(observation, in: &state)
            return bad(&state, observation, from: failedFrom ?? observation.at, policy: policy)
        }
    }

    /// A target that says 429 is asked half as often, then a quarter as often. When that is still too often for it, its
    /// visitors fare no better: it is down.
    package static func meaning(of finding: AttemptResult, in state: CheckState) -> AttemptResult {
        guard finding.outcome == .unknown, finding.cause == .status, state.slowdown >= 2 || state.wasBad else {
            return finding
        }
        var finding = finding
        finding.outcome = .down
        return finding
    }

    // MARK: Outcomes

    private static func good(_ state: inout CheckState, _ observation: Observation, policy: CheckPolicy)
        -> [JudgeAction]
    {
        shift(&state, failed: false)
        state.failures = 0
        state.failingSince = .never
        state.successes = state.successes == .max ? .max : state.successes + 1
        if state.wasBad, state.successes == 1 { state.goodSince = observation.at }
        defer { if !state.wasBad, !state.flapping { state.goodSince = .never } }
        state.lastGood = observation.at
        state.wakingSince = .never
        let calmer = state.slowdown > 0
        if calmer { state.slowdown -= 1 }

        var actions: [JudgeAction] = []
        if state.wasBad, !hasRecovered(state, policy) {
            actions.append(.recheck(recheck(state, policy)))
            return actions
        }
        let verdict: Verdict = observation.outcome == .slow ? .slow : .up
        // Well again since the first of the good pings that it took.
        let since = state.wasBad && !state.goodSince.isNever ? state.goodSince : observation.at
        if state.wasBad { flip(&state, toBad: false) }
        if state.flapping {
            settle(&state, verdict, observation, since: since)
            calm(&state, at: observation.at, check: observation.check, &actions)
        } else if state.verdict != verdict {
            let before = state.verdict
            settle(&state, verdict, observation, since: since)
            if flapsNow(state), state.incidentOpen {
                state.flapping = true
                countFlip(&state)
                actions.append(.flappingBegan)
            } else {
                actions.append(.changed(from: before, to: verdict))
                endIncident(&state, at: since, check: observation.check, &actions)
            }
        } else {
            state.cause = observation.cause
            // Resumed with an open incident and nothing but good pings since: see ``resume(_:now:)``.
            endIncident(&state, at: since, check: observation.check, &actions)
        }
        if calmer { actions.append(.recheck(stretched(policy.every, state.slowdown))) }
        return actions
    }

    private static func waking(
        _ state: inout CheckState, _ observation: Observation, gap: Duration, policy: CheckPolicy
    ) -> [JudgeAction] {
        // After a long silence of ours nobody knows whether it has been the same start all along.
        if state.wakingSince.isNever || gap > longestStart { state.wakingSince = observation.at }
        if observation.at - state.wakingSince > longestStart {
            var stuck = observation
            stuck.cause = .spaceStuck
            return down(&state, stuck, from: state.wakingSince, policy: policy)
        }
        state.successes = 0
        var actions: [JudgeAction] = []
        if state.verdict != .waking {
            let before = state.verdict
            settle(&state, .waking, observation, since: observation.at)
            if !state.flapping { actions.append(.changed(from: before, to: .waking)) }
        } else {
            state.cause = observation.cause
        }
        let growing = max(firstWakingRecheck, min(policy.recheck, (observation.at - state.wakingSince) / 2))
        actions.append(.recheck(min(policy.every, growing)))
        return actions
    }

    private static func bad(
        _ state: inout CheckState, _ observation: Observation, from: Instant, policy: CheckPolicy
    ) -> [JudgeAction] {
        if observation.cause == .spaceModerated { return moderated(&state, observation) }
        shift(&state, failed: true)
        countFailure(&state, from: from)
        let window = mask(policy.downAfter.of)
        guard
            state.wasBad || policy.kind == .heartbeat
                || (state.recentFailures & window).nonzeroBitCount >= max(1, policy.downAfter.failures)
        else {
            // Nothing else tells a person what was seen: see ``CheckStatus/failuresSoFar``.
            if state.verdict == .unknown || state.verdict == .up { state.cause = observation.cause }
            return [.recheck(recheck(state, policy))]
        }
        state.wakingSince = .never
        return settleDown(&state, observation, since: state.wasBad ? from : state.failingSince, policy: policy)
    }

    /// Down at once, whatever the threshold: used when time itself is the proof.
    private static func down(
        _ state: inout CheckState, _ observation: Observation, from: Instant, policy: CheckPolicy
    ) -> [JudgeAction] {
        shift(&state, failed: true)
        countFailure(&state, from: from)
        return settleDown(&state, observation, since: state.wasBad ? from : state.failingSince, policy: policy)
    }

    private static func settleDown(
        _ state: inout CheckState, _ observation: Observation, since: Instant, policy: CheckPolicy
    ) -> [JudgeAction] {
        var actions: [JudgeAction] = []
        if !state.wasBad { flip(&state, toBad: true) }
        let before = state.verdict
        let verdict = trouble(observation.cause)
        if before != verdict {
            settle(&state, verdict, observation, since: since)
            if !state.flapping { actions.append(.changed(from: before, to: verdict)) }
            beginIncident(&state, observation, &actions)
            if !state.flapping, flapsNow(state) {
                state.flapping = true
                actions.append(.flappingBegan)
            }
        } else {
            state.cause = observation.cause
        }
        if state.flapping { calm(&state, at: observation.at, check: observation.check, &actions) }
        actions.append(.recheck(recheck(state, policy)))
        return actions
    }

    /// The platform flagged the Space. The incident stays open while the check is paused: somebody should look.
    private static func moderated(_ state: inout CheckState, _ observation: Observation) -> [JudgeAction] {
        var actions: [JudgeAction] = []
        shift(&state, failed: true)
        countFailure(&state, from: observation.at)
        if !state.wasBad { flip(&state, toBad: true) }
        let before = state.verdict
        settle(&state, .paused, observation, since: observation.at)
        state.pause = .byModeration
        state.pausedUntil = .never
        state.wakingSince = .never
        state.flapping = false
        actions.append(.changed(from: before, to: .paused))
        beginIncident(&state, observation, &actions)
        actions.append(.stopPinging(.byModeration))
        return actions
    }

    // MARK: Pause and resume

    /// Stops judging. An open incident ends: nobody looks any more. Pausing twice moves the end and the reason.
    /// - Parameter until: `.never` means until resumed.
    package static func pause(
        _ state: inout CheckState, _ pause: CheckState.Pause, until: Instant = .never, check: Int32, now: Instant
    ) -> [JudgeAction] {
        var actions: [JudgeAction] = []
        // Hours and the fleet file do not overrule a person or the platform.
        if state.verdict == .paused, rank(pause) < rank(state.pause) { return actions }
        state.pause = pause
        state.pausedUntil = until
        guard state.verdict != .paused else { return actions }
        let before = state.verdict
        state.verdict = .paused
        state.since = now
        state.flapping = false
        state.isBlind = false
        actions.append(.changed(from: before, to: .paused))
        endIncident(&state, at: now, check: check, &actions)
        forget(&state)
        return actions
    }

    /// Goes on as if never looked at before; only an incident of the platform's moderation stays open until a good ping.
    /// Does nothing when the check is not paused.
    package static func resume(_ state: inout CheckState, now: Instant) -> [JudgeAction] {
        guard state.verdict == .paused else { return [] }
        state.verdict = .unknown
        state.cause = .none
        state.pause = .none
        state.pausedUntil = .never
        state.since = now
        forget(&state)
        return [.changed(from: .paused, to: .unknown)]
    }

    /// Brings a state that was read from the ledger in line with the fleet file and the time that has passed: a pause
    /// that has run out ends, `enabled: false` pauses, and what has not been looked at for long is not counted on.
    package static func recover(_ state: inout CheckState, policy: CheckPolicy, check: Int32, now: Instant)
        -> [JudgeAction]
    {
        clockSetBack(&state, to: now)
        if !policy.enabled { return pause(&state, .byFleetFile, check: check, now: now) }
        if state.verdict == .paused {
            let over = !state.pausedUntil.isNever && state.pausedUntil <= now
            let obsolete = state.pause == .byFleetFile || state.pause == .byHours && policy.hours == nil
            return over || obsolete ? resume(&state, now: now) : []
        }
        if policy.kind != .heartbeat, now - state.lastPing > longestStart { state.wakingSince = .never }
        return []
    }

    /// The wall clock shows an earlier time than before: a streak that lasts has begun by now. An open incident keeps its beginning,
    /// which it is known by.
    package static func clockSetBack(_ state: inout CheckState, to now: Instant) {
        state.failingSince = min(state.failingSince, now)
        state.goodSince = min(state.goodSince, now)
        if !state.incidentOpen { state.troubleSince = min(state.troubleSince, now) }
    }

    // MARK: Parts

    private static func note(_ observation: Observation, in state: inout CheckState) {
        state.lastPing = observation.at
        state.code = observation.code
        state.attempts = observation.attempts
        state.latencyMicroseconds = observation.latencyMicroseconds
        state.isBlind = false
    }

    private static func shift(_ state: inout CheckState, failed: Bool) {
        state.recentFailures = state.recentFailures << 1 | (failed ? 1 : 0)
        state.recentFlips <<= 1
        state.recentCount = min(32, state.recentCount + 1)
    }

    private static func countFailure(_ state: inout CheckState, from: Instant) {
        if state.failures == 0 || state.failingSince.isNever { state.failingSince = from }
        if state.failures == 0, !state.incidentOpen { state.troubleSince = from }
        state.failures = state.failures == .max ? .max : state.failures + 1
        state.successes = 0
    }

    private static func settle(
        _ state: inout CheckState, _ verdict: Verdict, _ observation: Observation, since: Instant
    ) {
        if state.verdict != verdict { state.since = since }
        state.verdict = verdict
        state.cause = observation.cause
    }

    /// The belief turned. The first belief of all is no turn.
    private static func flip(_ state: inout CheckState, toBad: Bool) {
        state.wasBad = toBad
        if !toBad { state.recentFailures = 0 }
        if !state.lastGood.isNever || !toBad { state.recentFlips |= 1 }
        if state.flapping { countFlip(&state) }
    }

    private static func countFlip(_ state: inout CheckState) {
        if state.incidentFlips < .max { state.incidentFlips += 1 }
    }

    private static func flapsNow(_ state: CheckState) -> Bool {
        (state.recentFlips & flapWindow).nonzeroBitCount >= flipsToFlap
    }

    /// Ends flapping after ten pings of the same kind, and with it the incident if it ended well.
    private static func calm(_ state: inout CheckState, at: Instant, check: Int32, _ actions: inout [JudgeAction]) {
        guard state.recentFlips & calmWindow == 0 else { return }
        state.flapping = false
        state.recentFlips = 0
        actions.append(.flappingEnded)
        guard !state.wasBad else { return }
        actions.append(.changed(from: .down, to: state.verdict))
        endIncident(
            &state, at: state.goodSince.isNever ? state.since : state.goodSince, check: check, &actions)
    }

    private static func hasRecovered(_ state: CheckState, _ policy: CheckPolicy) -> Bool {
        let threshold = policy.downAfter
        return policy.kind == .heartbeat || Int(state.successes) >= threshold.failures
            || (state.recentFailures & mask(threshold.of)).nonzeroBitCount < max(1, threshold.failures)
    }

    private static func beginIncident(
        _ state: inout CheckState, _ observation: Observation, _ actions: inout [JudgeAction]
    ) {
        guard !state.incidentOpen else { return }
        state.incidentOpen = true
        state.incidentCause = observation.cause
        state.incidentCode = observation.code
        state.incidentFlips = 1
        actions.append(.incidentBegan(incident(state, check: observation.check, ended: nil)))
    }

    private static func endIncident(
        _ state: inout CheckState, at: Instant, check: Int32, _ actions: inout [JudgeAction]
    ) {
        guard state.incidentOpen else { return }
        state.incidentOpen = false
        actions.append(.incidentEnded(incident(state, check: check, ended: max(at, state.troubleSince))))
    }

    /// The open incident of a state, as it stands.
    package static func openIncident(_ state: CheckState, check: Int32) -> Incident? {
        state.incidentOpen ? incident(state, check: check, ended: nil) : nil
    }

    private static func incident(_ state: CheckState, check: Int32, ended: Instant?) -> Incident {
        Incident(
            check: check, began: state.troubleSince, ended: ended, verdict: trouble(state.incidentCause),
            cause: state.incidentCause, code: state.incidentCode, flips: Int(state.incidentFlips))
    }

    private static func trouble(_ cause: Cause) -> Verdict {
        cause == .heartbeatMissed || cause == .heartbeatOverran ? .silent : .down
    }

    private static func forget(_ state: inout CheckState) {
        state.failures = 0
        state.failingSince = .never
        state.goodSince = .never
        state.successes = 0
        state.recentFailures = 0
        state.recentFlips = 0
        state.recentCount = 0
        state.wakingSince = .never
        state.slowdown = 0
        state.wasBad = state.incidentOpen
    }

    private static func rank(_ pause: CheckState.Pause) -> Int {
        switch pause {
        case .none: 0
        case .byHours, .byOwner, .asleep: 1
        case .byFleetFile: 2
        case .byPerson: 3
        case .byModeration: 4
        }
    }

    private static func mask(_ count: Int) -> UInt32 {
        count >= 32 ? .max : (1 << UInt32(max(1, count))) - 1
    }

    private static func stretched(_ every: Duration, _ slowdown: UInt8) -> Duration { every * (1 << Int(slowdown)) }

    /// The policy's recheck for ten failures; then ever longer, up to 15 minutes or the interval: what has been dead
    /// for hours need not be asked every minute.
    private static func recheck(_ state: CheckState, _ policy: CheckPolicy) -> Duration {
        // It asked for less.
        if state.code == 429 { return stretched(policy.every, 2) }
        let doublings = min(8, max(0, (Int(state.failures) - 10) / 2))
        let longest = max(policy.recheck, .seconds(15 * 60))
        return min(policy.every, longest, policy.recheck * (1 << doublings))
    }
}
