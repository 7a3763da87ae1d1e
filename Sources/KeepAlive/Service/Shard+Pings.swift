import Ledger
import Logging
import Runtime
import StokerCore

/// One ping, from its first attempt to what follows from it.
extension Shard {
    /// Carries out what follows from a change of the state, and marks it to be kept and told.
    /// - Parameter seen: when what was seen began, where that is not now.
    @discardableResult
    func recordChange(
        _ index: UInt32, _ actions: [JudgeAction], from before: CheckState, seen: Instant? = nil, now: Instant
    ) -> Duration? {
        if let change = StandingChange(
            of: ids[Int(index)], from: before, to: states[Int(index)], seen: seen ?? now)
        {
            batch.timeline.append(.change(change))
        }
        let recheck = actions.isEmpty ? nil : perform(actions, index: index, now: now)
        counts.change(before, to: states[Int(index)])
        touch(index)
        return recheck
    }

    func begin(_ index: UInt32, running: Int64) {
        guard var ping = pings[index], ping.ticket == nil else { return }
        if ping.attempt == 0, let since = unfinished.removeValue(forKey: index), Self.isRecent(since, clocks.wall()) {
            ping.failedFrom = since
        }
        ping.attempt &+= 1
        ping.ticket = admission.begin(at: running)
        counters.attempts &+= 1
        let serial = counters.attempts
        ping.serial = serial
        ping.probingShard = number
        pings[index] = ping
        lane.start(check(Int(index))) { [self] attempt in
            nonisolated(unsafe) let attempt = attempt  // made on this loop for us alone
            assumeIsolated { $0.attemptEnded(index, serial: serial, attempt) }
        }
    }

    func attemptEnded(_ index: UInt32, serial: UInt64, _ attempt: Attempt) {
        if handovers[serial] != nil { return forwardAttempt(serial, attempt) }
        // Otherwise the ping was given up meanwhile (paused, its check changed), and its ticket with it.
        guard let ping = pings[index], ping.serial == serial, ping.probingShard == number, let ticket = ping.ticket
        else {
            return
        }
        admission.end(ticket)
        evaluateAttempt(index, ping, attempt)
    }

    func evaluateAttempt(_ index: UInt32, _ under: Ping, _ attempt: Attempt) {
        var ping = under
        ping.ticket = nil
        let check = self.check(Int(index))
        let finding = shared.evaluator.examine(attempt, check: check, now: attempt.at)
        let now = clocks.wall()
        let countsForConnectivity = flags[Int(index)].contains(.countsForConnectivity)
        if countsForConnectivity {
            // Only of a failure it matters whose it is.
            let host =
                if case .failed = attempt.result { SharedConnectivity.hostKey(of: check.address) } else { UInt64(0) }
            evidence.note(
                attempt.result, host: host, began: attempt.at, ended: now, wasBad: states[Int(index)].wasBad)
        }

        // Beside what the visitor got stands what the Hub says.
        let combined = check.space.map { join(finding, index, space: $0, began: attempt.at, now: now) }
        let meant = combined?.finding ?? finding
        let entry = TranscriptCache.Entry(attempt: attempt, number: Int(ping.attempt), finding: meant)
        transcriptCache.put(entry, for: index)
        if ping.failedFrom == nil, meant.outcome.isFailure { ping.failedFrom = attempt.at }
        if meant.outcome.isFailure {
            batch.transcripts.append((ids[Int(index)], entry.transcript))
            let attempt = Int(ping.attempt)
            if !stopping, let at = AttemptStep.retry(of: meant, attempt: attempt, retries: check.policy.retry, now: now)
            {
                wait(index, ping, until: at)
                // Kept now, so that an incident begins here also when this program is killed before the ping ends.
                if attempt == 1 { touch(index) }
                return
            }
        }
        var observed = meant
        if finding.outcome != .up, finding.outcome != .slow, countsForConnectivity {
            suspect()
            let treatment = shared.connectivity.treatment(of: finding.cause, now: now)
            switch AttemptStep.after(treatment, meant, detail: finding.detail, now: now) {
            case .retry(let at), .hold(let at): return wait(index, ping, until: at)
            case .conclude(let finding): observed = finding
            }
        }
        pings[index] = nil
        conclude(index, ping, attempt, observed, now: now)
        if let combined, observed == meant { applyHubPolicy(index, combined, now: now) }
        arm()
    }

    /// The ping goes on with another attempt then.
    func wait(_ index: UInt32, _ ping: Ping, until at: Int64) {
        pings[index] = ping
        timetable.schedule(index, at: at)
        arm()
    }

    func conclude(_ index: UInt32, _ ping: Ping, _ attempt: Attempt, _ finding: AttemptResult, now: Instant) {
        let row = Int(index)
        let policy = check(row).policy
        let finding = Judge.meaning(of: finding, in: states[row])
        let observation = Observation(
            check: ids[row], at: attempt.at, outcome: finding.outcome, cause: finding.cause, code: finding.code,
            attempts: ping.attempt, latencyMicroseconds: attempt.phases.latency)
        counters.pings &+= 1
        batch.observations.append(observation)
        recentPings.append(
            Sample(
                at: observation.at, outcome: observation.outcome, latencyMicroseconds: observation.latencyMicroseconds),
            at: row)

        let before = states[row]
        let actions = Judge.judge(
            &states[row], observation, policy: policy, certificateEndHours: attempt.certificateEndHours,
            failedFrom: ping.failedFrom, now: now)
        // What failed, or could not be told because of us, did so from its first attempt on.
        let counts = observation.outcome == .down || observation.outcome == .unknown
        let seen = counts ? ping.failedFrom ?? observation.at : observation.at
        let recheck = recordChange(index, actions, from: before, seen: seen, now: now)
        if states[row].verdict != .paused {
            let next = NextPing(
                recheck: recheck, retryAfter: finding.code == 429 ? attempt.retryAfter : nil,
                isFirst: recheck == nil && (before.lastPing.isNever || needsSpreading.remove(index) != nil),
                due: ping.due)
            timetable.schedule(index, at: next.time(policy, now: now, &spread))
        } else if !states[row].pausedUntil.isNever {
            // A ping that was asked for during a pause does not make it endless.
            timetable.schedule(index, at: states[row].pausedUntil.milliseconds)
        }
        for waiter in ping.waiters { waiter.resume(returning: .success(())) }
    }

    /// Performs what was decided; returns the time to the next ping where it is not the usual one.
    func perform(_ actions: [JudgeAction], index: UInt32, now: Instant) -> Duration? {
        let name = check(Int(index)).name
        let state = states[Int(index)]
        let effects = JudgeEffects(actions, of: name, id: ids[Int(index)], state, now: now)
        batch.events += effects.events
        batch.incidents += effects.incidents
        if effects.stopsPinging { timetable.cancel(index) }
        for (from, to) in effects.changes {
            logger.log(
                level: to.isTrouble ? .warning : .info, "Verdict changed",
                metadata: [
                    "check": "\(name)", "from": "\(from.name)", "to": "\(to.name)", "cause": "\(state.cause.code)",
                    "status": "\(state.code)",
                ])
        }
        return effects.recheck
    }

    func touch(_ index: UInt32) {
        counters.generation &+= 1
        if flags[Int(index)].insert(.dirty).inserted {
            dirty.append(index)
        }
    }
}
