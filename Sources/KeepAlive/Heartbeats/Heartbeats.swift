package import StokerCore

/// Judges jobs that call us: a beat is late after `every`, silent after `every` and `grace`, and a run that said `start`
/// must end within `grace`. Times and words as healthchecks.io has them (its docs, "Measuring script run time"; `going_down_after`
/// in its `api/models.py`). The state is the ``CheckState`` that the ledger keeps, so a restart forgets nothing but
/// which of several overlapping runs is which.
package enum Heartbeats {
    /// Runs under way by their id, oldest first; in memory only.
    package struct Runs: Sendable, Equatable {
        fileprivate var under: [(run: String?, since: Instant)] = []
        /// So many runs are told apart; an older one is given up.
        private static let most = 16
        package init() {}

        fileprivate mutating func shift(by move: Duration, now: Instant) {
            for index in under.indices { under[index].since = min(now, under[index].since + move) }
        }

        fileprivate mutating func start(_ run: String?, _ at: Instant) {
            under.removeAll { $0.run == run }
            if under.count == Self.most { under.removeFirst() }
            under.append((run, at))
        }
        /// When it started. Without an id, or with one we never saw, it ends every run without an id.
        fileprivate mutating func end(_ run: String?) -> Instant? {
            guard let index = under.firstIndex(where: { $0.run == run }) else { return nil }
            return under.remove(at: index).since
        }
        package static func == (a: Runs, b: Runs) -> Bool {
            a.under.elementsEqual(b.under) { $0.run == $1.run && $0.since == $1.since }
        }
    }

    /// Where a heartbeat stands, for a person.
    package enum Phase: Sendable, Equatable {
        /// Never heard of.
        case new
        case paused
        case onTime
        case running(since: Instant)
        /// Past its time, within its grace.
        case late
        case silent
        /// Said so itself.
        case failed
    }

    /// What a call, or its absence, leads to.
    package struct Result: Sendable, Equatable {
        /// For the history; nil for `start`, `log` and while paused.
        package var observation: Observation?
        package var actions: [JudgeAction]
    }

    /// A job's call. A beat does not resume a paused heartbeat and is not judged; but it was heard, so that who called
    /// throughout a pause is not missed at its end.
    package static func take(
        _ beat: Beat, _ state: inout CheckState, _ runs: inout Runs, policy: CheckPolicy, check: Int32, at: Instant
    ) -> Result {
        guard state.verdict != .paused else {
            switch beat.signal {
            case .log: break
            case .start: runs.start(beat.run, at)
            case .success, .fail, .exit:
                _ = runs.end(beat.run)
                state.lastPing = at
            }
            return Result(observation: nil, actions: [])
        }
        let code: UInt16
        switch beat.signal {
        case .log:
            return Result(observation: nil, actions: [])
        case .start:
            runs.start(beat.run, at)
            state.wakingSince = runs.under[0].since
            return Result(observation: nil, actions: [])
        case .success: code = 0
        case .fail: code = 1
        case .exit(let status): code = UInt16(clamping: status < 0 ? 255 : status)
        }
        // After a restart only the beginning of the oldest run is known.
        let fallback = beat.run == nil && runs.under.isEmpty && !state.wakingSince.isNever ? state.wakingSince : nil
        let began = runs.end(beat.run) ?? fallback
        let still = runs.under.first?.since ?? .never
        let microseconds = began.map { max(0, (at - $0).wholeMilliseconds) * 1_000 } ?? 0
        let observation = Observation(
            check: check, at: at, outcome: code == 0 ? .up : .down, cause: code == 0 ? .none : .heartbeatFailed,
            code: code, latencyMicroseconds: UInt32(clamping: microseconds))
        let actions = judge(&state, observation, policy, at)
        state.wakingSince = still
        return Result(observation: observation, actions: actions)
    }

    /// When silence becomes a failure; nil when nothing is awaited (never heard of, paused, already in trouble).
    /// - Parameters:
    ///   - hours: when the job works. A beat that would be expected outside them is expected when they allow it
    ///     (``HoursWindow/expected(every:after:)``). A run that has begun is awaited by the clock. nil means always.
    ///   - watchingSince: since when calls could reach us. What was sent while we were away is lost, so a
    ///     beat that seems overdue gets its grace once more.
    package static func due(
        _ state: CheckState, policy: CheckPolicy, hours: HoursWindow? = nil, watchingSince: Instant = .never
    ) -> Instant? {
        guard state.verdict != .paused, !state.verdict.isTrouble else { return nil }
        let expected = expected(state, policy: policy, hours: hours)
        let running = state.wakingSince.isNever ? nil : state.wakingSince
        guard let first = [expected, running].compactMap({ $0 }).min() else { return nil }
        return max(first, watchingSince) + policy.grace
    }

    /// When the job should call, without its grace; nil when it never called or its hours never come.
    ///
    /// What fell due during a pause was not awaited: the job has its whole time from the pause's end.
    package static func expected(_ state: CheckState, policy: CheckPolicy, hours: HoursWindow?) -> Instant? {
        guard !state.lastPing.isNever else { return nil }
        let time =
            policy.schedule.map { due(after: state.lastPing, $0, grace: policy.grace) }
            ?? Self.time(after: state.lastPing, policy, hours)
        // Nothing was judged since the pause: `since` is its end.
        guard state.verdict == .unknown, let due = time, due <= state.since else { return time }
        return Self.time(after: state.since, policy, hours)
    }

    private static func time(after last: Instant, _ policy: CheckPolicy, _ hours: HoursWindow?) -> Instant? {
        if let schedule = policy.schedule { return schedule.next(after: last) }
        return hours.map { $0.expected(every: policy.every, after: last) } ?? last + policy.every
    }

    /// The time of a schedule that a call does not answer yet. A call that comes early by no more than the grace, and a quarter of the
    /// time between two runs, is that of the time to come: clocks differ.
    private static func due(after call: Instant, _ schedule: CronSchedule, grace: Duration) -> Instant? {
        guard let next = schedule.next(after: call), let following = schedule.next(after: next) else { return nil }
        return next - call <= min(grace, (following - next) / 4) ? following : next
    }

    /// The wall clock was set: what was noted under the old one is moved along, so that nothing is awaited longer or
    /// shorter for it. Never into the future: a job that was heard then would not be missed until it comes.
    /// - Parameter now: after the move.
    package static func shift(_ state: inout CheckState, _ runs: inout Runs, by move: Duration, now: Instant) {
        func moved(_ instant: Instant) -> Instant { instant.isNever ? instant : min(now, instant + move) }
        state.lastPing = moved(state.lastPing)
        state.wakingSince = moved(state.wakingSince)
        if state.verdict == .unknown { state.since = moved(state.since) }
        runs.shift(by: move, now: now)
    }

    /// Call when ``due(_:policy:watchingSince:)`` has come. Returns nil when it has not.
    package static func expire(
        _ state: inout CheckState, _ runs: inout Runs, policy: CheckPolicy, check: Int32,
        hours: HoursWindow? = nil, watchingSince: Instant = .never, now: Instant
    ) -> Result? {
        guard let due = due(state, policy: policy, hours: hours, watchingSince: watchingSince), due <= now else {
            return nil
        }
        let expected = Self.expected(state, policy: policy, hours: hours)
        let overran = !state.wakingSince.isNever && expected.map { state.wakingSince < $0 } ?? true
        let observation = Observation(
            check: check, at: now, outcome: .down, cause: overran ? .heartbeatOverran : .heartbeatMissed, attempts: 1)
        let last = state.lastPing
        let actions = judge(&state, observation, policy, now, silentFrom: due)
        state.lastPing = last
        state.wakingSince = .never
        runs = Runs()
        return Result(observation: observation, actions: actions)
    }

    package static func phase(
        _ state: CheckState, policy: CheckPolicy, hours: HoursWindow? = nil, now: Instant
    ) -> Phase {
        switch state.verdict {
        case .paused: .paused
        case .silent: .silent
        case .down: .failed
        default:
            if !state.wakingSince.isNever {
                .running(since: state.wakingSince)
            } else if state.lastPing.isNever {
                .new
            } else {
                expected(state, policy: policy, hours: hours).map { now < $0 } ?? true ? .onTime : .late
            }
        }
    }

    /// A heartbeat is never pinged again, so what the judge says of rechecks is left out.
    private static func judge(
        _ state: inout CheckState, _ observation: Observation, _ policy: CheckPolicy, _ now: Instant,
        silentFrom: Instant? = nil
    ) -> [JudgeAction] {
        Judge.judge(&state, observation, policy: policy, failedFrom: silentFrom, now: now).filter {
            if case .recheck = $0 { false } else { true }
        }
    }
}
