import Ledger
import Runtime
import StokerCore

/// Jobs that call us.
extension Shard {
    func hear(_ beat: Beat, of index: UInt32, _ name: String) -> Result<CheckStatus, Failure>? {
        guard holds(index, name) else { return nil }
        guard check(Int(index)).policy.kind == .heartbeat else { return .failure(.notAHeartbeat(name)) }
        let row = Int(index)
        let now = clocks.wall()
        let before = states[row]
        let result = Heartbeats.take(
            beat, &states[row], &runs[index, default: Heartbeats.Runs()], policy: check(row).policy,
            check: ids[row],
            at: now)
        shelve(beat, at: now, of: index, result.observation)
        heard(index, result, from: before, now: now)
        return .success(status(index))
    }

    /// The time in which a beat was awaited is over.
    func listen(to index: UInt32) {
        let row = Int(index)
        let now = clocks.wall()
        let before = states[row]
        let policy = check(row).policy
        let result = Heartbeats.expire(
            &states[row], &runs[index, default: Heartbeats.Runs()], policy: policy, check: ids[row],
            hours: windows[ObjectIdentifier(policy)], watchingSince: watchingSince, now: now)
        if let result { heard(index, result, from: before, now: now) } else { awaitBeat(index) }
    }

    /// The wall clock was set, and when a beat is due is told by it.
    func moveHeartbeats(by move: Duration) {
        let now = clocks.wall()
        watchingSince = min(now, watchingSince + move)
        for row in ids.indices where check(row).policy.kind == .heartbeat {
            let index = UInt32(row)
            var under = runs[index] ?? Heartbeats.Runs()
            Heartbeats.shift(&states[row], &under, by: move, now: now)
            if runs[index] != nil { runs[index] = under }
            touch(index)
            awaitBeat(index)
        }
    }

    func heard(_ index: UInt32, _ result: Heartbeats.Result, from before: CheckState, now: Instant) {
        if let observation = result.observation {
            batch.observations.append(observation)
            recentPings.append(
                Sample(
                    at: observation.at, outcome: observation.outcome,
                    latencyMicroseconds: observation.latencyMicroseconds),
                at: Int(index))
        }
        recordChange(index, result.actions, from: before, now: now)
        awaitBeat(index)
        arm()
    }

    func awaitBeat(_ index: UInt32) {
        let row = Int(index)
        let policy = check(row).policy
        if let due = Heartbeats.due(
            states[row], policy: policy, hours: windows[ObjectIdentifier(policy)], watchingSince: watchingSince)
        {
            timetable.schedule(index, at: due.milliseconds)
        } else if states[row].verdict == .paused, !states[row].pausedUntil.isNever {
            timetable.schedule(index, at: states[row].pausedUntil.milliseconds)
        } else {
            timetable.cancel(index)
        }
    }

    /// What a job said is kept like a probe's transcript.
    func shelve(_ beat: Beat, at now: Instant, of index: UInt32, _ observation: Observation?) {
        let signal =
            switch beat.signal {
            case .success: "success"
            case .start: "start"
            case .fail: "fail"
            case .log: "log"
            case .exit(let code): "exit \(code)"
            }
        let outcome = observation?.outcome ?? .up
        let cause = observation?.cause ?? .none
        let said = [signal, beat.run.map { "run \($0)" }, beat.from.map { "from \($0)" }].compactMap(\.self)
        let exchange = Transcript.Exchange(
            sent: said, peer: beat.from, phases: [], received: [], body: beat.body, bodyBytes: beat.body.utf8.count)
        let attempt = Attempt(at: now, result: .connected, phases: .init()) { number, outcome, cause, detail in
            Transcript(at: now, attempt: number, outcome: outcome, cause: cause, detail: detail, exchanges: [exchange])
        }
        let entry = TranscriptCache.Entry(
            attempt: attempt, number: 1,
            finding: AttemptResult(outcome: outcome, cause: cause, detail: "the job said \(signal)"))
        transcriptCache.put(entry, for: index)
        if outcome.isFailure { batch.transcripts.append((ids[Int(index)], entry.transcript)) }
    }
}
