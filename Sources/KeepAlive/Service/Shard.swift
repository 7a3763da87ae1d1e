import Ledger
import Logging
import NIOCore
import StokerCore

/// One part of the fleet on one event loop: its timetable, its probes, its verdicts. The loop is the actor's executor, so a
/// probe's answer is judged where it arrives, without a hop.
actor Shard {
    nonisolated let loop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    let lane: ProbeLane
    let clocks: Clocks
    let surroundings: Surroundings
    let logger: Logger

    /// Parallel columns, one place per check of this shard.
    var checks: ContiguousArray<Check> = []
    var ids: ContiguousArray<Int32> = []
    var states: ContiguousArray<CheckState> = []
    var strips: Strips
    var timetable = Timetable()
    /// Pings under way: between their first attempt and their conclusion.
    var pings: [UInt32: Ping] = [:]

    var gate: StartGate
    var jitter: Spread
    var clockWatch: ClockWatch
    var lateness = LatenessWindow()
    var latenessTurned: Int64 = 0
    var shelf: TranscriptShelf
    var counters = Counters()
    var counts = [Int](repeating: 0, count: Verdict.allCases.count)
    var flapping = 0

    /// What goes to the ledger with the next flush.
    var batch = Batch()
    var dirty: ContiguousArray<UInt32> = []
    var isDirty: ContiguousArray<Bool> = []

    var active = false
    var stopping = false
    var wakeUp: Scheduled<Void>?
    var wakeUpAt: Int64 = .max

    struct Counters {
        var pings: UInt64 = 0
        var attempts: UInt64 = 0
        var shed: UInt64 = 0
        var generation: UInt64 = 0
    }

    struct Ping {
        var attempt: UInt8 = 0
        /// Ticket of the running attempt; nil while waiting for the next one.
        var ticket: Int64?
        /// Number of the running attempt: an answer with another number comes too late.
        var serial: UInt64 = 0
        var begun: Int64
        /// Asked for by a person: made even outside its hours, and reported to these.
        var waiters: [CheckedContinuation<Result<Void, Failure>, Never>] = []
    }

    /// What all shards share.
    struct Surroundings: Sendable {
        var connectivity: SharedConnectivity
        /// Hands a batch to the ledger's writer and the names of changed checks to who listens.
        var deliver: @Sendable (Batch, [String]) -> Void
        var listening: @Sendable () -> Bool
    }

    init(
        loop: any EventLoop, lane: ProbeLane, openLimit: Int, youngLimit: Int, transcripts: Int, seed: UInt64, clocks: Clocks,
        surroundings: Surroundings, logger: Logger
    ) {
        self.loop = loop
        self.lane = lane
        self.clocks = clocks
        self.surroundings = surroundings
        self.logger = logger
        self.gate = StartGate(openLimit: openLimit, youngLimit: youngLimit)
        self.jitter = Spread(seed: seed)
        self.clockWatch = ClockWatch()
        self.shelf = TranscriptShelf(limit: transcripts)
        self.strips = Strips(count: 0)
    }

    // MARK: The fleet

    struct Place: Sendable {
        var check: Check
        var id: Int32
        var state: CheckState
        /// Steady time of the next ping.
        var due: Int64
        var strip: [Sample]
    }

    /// Takes a new set of checks; states and due times are brought by the caller. Attempts under way are dropped and
    /// people waiting for one are told so.
    func install(_ places: [Place]) {
        for ping in pings.values {
            for waiter in ping.waiters { waiter.resume(returning: .failure(.fleetReplaced)) }
            if let ticket = ping.ticket { gate.end(ticket) }
        }
        pings.removeAll()
        lane.abandonAll()
        shelf.removeAll()
        checks = ContiguousArray(places.map(\.check))
        ids = ContiguousArray(places.map(\.id))
        states = ContiguousArray(places.map(\.state))
        strips = Strips(count: places.count)
        isDirty = ContiguousArray(repeating: false, count: places.count)
        dirty.removeAll()
        timetable = Timetable(capacity: places.count)
        counts = [Int](repeating: 0, count: Verdict.allCases.count)
        flapping = 0
        for (index, place) in places.enumerated() {
            counts[Int(place.state.verdict.rawValue)] += 1
            if place.state.flapping { flapping += 1 }
            if place.due != .max { timetable.schedule(UInt32(index), at: place.due) }
            for sample in place.strip { strips.append(sample, at: index) }
        }
        counters.generation &+= 1
        arm()
    }

    /// Everything that survives a change of the fleet file, by check name.
    func carry() -> [(name: String, place: Place)] {
        checks.indices.map { index in
            let due = pings[UInt32(index)] != nil ? clocks.steady() : timetable.due(of: UInt32(index)) ?? .max
            return (
                checks[index].name,
                Place(check: checks[index], id: ids[index], state: states[index], due: due, strip: strips[index])
            )
        }
    }

    /// A standby's timetable stands still.
    func setActive(_ active: Bool) {
        guard self.active != active else { return }
        self.active = active
        if active { arm() }
    }

    // MARK: Time

    /// Makes sure that a tick comes at the next due time, and every 250 ms for the flush.
    func arm() {
        guard !stopping else { return }
        let now = clocks.steady()
        let due = active && gate.admits ? timetable.next ?? .max : .max
        let at = min(max(due, now), now + Self.flushMilliseconds)
        if wakeUp != nil, wakeUpAt <= at { return }
        wakeUp?.cancel()
        wakeUpAt = at
        wakeUp = loop.scheduleTask(in: .milliseconds(at - now)) { [self] in
            assumeIsolated { $0.tick() }
        }
    }
    static let flushMilliseconds: Int64 = 250

    var flushedAt: Int64 = 0

    func tick() {
        wakeUp = nil
        wakeUpAt = .max
        let now = clocks.steady()
        watchClocks(now)
        gate.advance(to: now)
        if active { startDue(now) }
        if now - flushedAt >= Self.flushMilliseconds {
            flushedAt = now
            flush()
        }
        if now - latenessTurned > 60_000 {
            latenessTurned = now
            lateness.turn()
        }
        arm()
    }

    /// A suspended machine wakes with a wall clock that ran on: what fell due meanwhile is due now, once.
    func watchClocks(_ now: Int64) {
        guard let jump = clockWatch.observe(steady: now, wall: clocks.wall()) else { return }
        timetable.shift(by: jump.timetableShift, notBefore: now)
        logger.notice("The wall clock jumped", metadata: ["milliseconds": "\(jump.milliseconds)"])
    }

    func startDue(_ now: Int64) {
        while gate.admits, let (index, due) = timetable.popDue(now: now) {
            let policy = checks[Int(index)].policy
            if policy.kind == .heartbeat {
                hear(silenceOf: index, now: now)
                continue
            }
            if pings[index] == nil {
                if let opening = closedUntil(index, now) {
                    closeForHours(index, until: opening)
                    continue
                }
                lateness.record(microseconds: (now - due) * 1_000)
                let missed = (now - due) / max(1, policy.every.wholeMilliseconds)
                if missed > 0 { counters.shed &+= UInt64(missed) }
            }
            begin(index, now: now)
        }
    }

    // MARK: One ping

    func begin(_ index: UInt32, now: Int64) {
        var ping = pings[index] ?? Ping(begun: now)
        guard ping.ticket == nil else { return }
        ping.attempt &+= 1
        let ticket = gate.begin(at: now)
        ping.ticket = ticket
        pings[index] = ping
        counters.attempts &+= 1
        let serial = counters.attempts
        pings[index]?.serial = serial
        lane.start(checks[Int(index)]) { [self] attempt in
            nonisolated(unsafe) let attempt = attempt  // made on this loop for us alone
            assumeIsolated { $0.ended(index, serial: serial, attempt) }
        }
    }

    func ended(_ index: UInt32, serial: UInt64, _ attempt: Attempt) {
        // Otherwise the ping was given up meanwhile (paused, fleet replaced), and its ticket with it.
        guard var ping = pings[index], ping.serial == serial, let ticket = ping.ticket else { return }
        gate.end(ticket)
        ping.ticket = nil
        let check = checks[Int(index)]
        let finding = Examiner.examine(attempt, check: check, now: attempt.at)
        surroundings.connectivity.note(check, finding.cause, at: clocks.wall())

        let entry = TranscriptShelf.Entry(attempt: attempt, number: Int(ping.attempt), finding: finding)
        shelf.put(entry, for: index)
        if finding.outcome.isFailure {
            batch.transcripts.append((ids[Int(index)], entry.transcript))
            let retries = check.policy.retry
            if finding.isRetryable, Int(ping.attempt) <= retries.count, !stopping {
                pings[index] = ping
                timetable.schedule(index, at: clocks.steady() + retries[Int(ping.attempt) - 1].wholeMilliseconds)
                arm()
                return
            }
        }
        pings[index] = nil
        conclude(index, ping, attempt, finding)
        arm()
    }

    func conclude(_ index: UInt32, _ ping: Ping, _ attempt: Attempt, _ finding: Finding) {
        let place = Int(index)
        let policy = checks[place].policy
        var observation = Observation(
            check: ids[place], at: attempt.at, outcome: finding.outcome, cause: finding.cause, code: finding.code,
            attempts: ping.attempt, latencyMicroseconds: attempt.phases.latency)
        // While we ourselves are offline a failure says nothing about the target.
        if finding.outcome.isFailure, finding.cause.isConnectivity, surroundings.connectivity.isOffline {
            observation.outcome = .unknown
            observation.cause = .selfOffline
        }
        counters.pings &+= 1
        batch.observations.append(observation)
        strips.append(
            Sample(at: observation.at, outcome: observation.outcome, latencyMicroseconds: observation.latencyMicroseconds),
            at: place)

        let now = clocks.wall()
        let before = states[place]
        let rulings = Judge.judge(
            &states[place], observation, policy: policy, certificateEndHours: attempt.certificateEndHours, now: now)
        let interval = carryOut(rulings, index: index, now: now) ?? policy.every
        recount(before, states[place])
        touch(index)

        if states[place].verdict != .paused {
            let wait = jitter.interval(interval, share: policy.jitter)
            timetable.schedule(index, at: max(ping.begun + wait, clocks.steady() + 1_000))
        }
        for waiter in ping.waiters { waiter.resume(returning: .success(())) }
    }

    /// Performs what was decided; returns the time to the next ping where it is not the usual one.
    func carryOut(_ rulings: [Ruling], index: UInt32, now: Instant) -> Duration? {
        var recheck: Duration?
        for ruling in rulings {
            let name = checks[Int(index)].name
            let id = ids[Int(index)]
            switch ruling {
            case .changed(let from, let to):
                let state = states[Int(index)]
                let why = state.cause == .none ? "" : ": \(state.cause.sentence)"
                batch.events.append(
                    Event(at: now, kind: "verdict", check: id, text: "\(name) is \(to.name), was \(from.name)\(why)"))
                logger.log(
                    level: to.isTrouble ? .warning : .info, "Verdict changed",
                    metadata: [
                        "check": "\(name)", "from": "\(from.name)", "to": "\(to.name)", "cause": "\(state.cause.code)",
                        "status": "\(state.code)",
                    ])
            case .incidentBegan(var incident):
                incident.check = id
                batch.incidents.append(incident)
                batch.events.append(
                    Event(at: now, kind: "incident.began", check: id, text: "\(name): \(incident.cause.sentence)"))
            case .incidentEnded(var incident):
                incident.check = id
                batch.incidents.append(incident)
                let length = ((incident.ended ?? now) - incident.began).text
                batch.events.append(
                    Event(at: now, kind: "incident.ended", check: id, text: "\(name) is well again after \(length)"))
            case .flappingBegan:
                batch.events.append(
                    Event(at: now, kind: "flapping.began", check: id, text: "\(name) changes too often to be told each time"))
            case .flappingEnded:
                batch.events.append(
                    Event(at: now, kind: "flapping.ended", check: id, text: "\(name) has been steady for ten pings"))
            case .recheck(let wait):
                recheck = wait
            case .stopPinging:
                timetable.cancel(index)
                batch.events.append(
                    Event(at: now, kind: "paused", check: id, text: "\(name) is not pinged any more: \(Cause.spaceModerated.sentence)"))
            }
        }
        return recheck
    }

    func recount(_ before: CheckState, _ after: CheckState) {
        if before.verdict != after.verdict {
            counts[Int(before.verdict.rawValue)] -= 1
            counts[Int(after.verdict.rawValue)] += 1
        }
        if before.flapping != after.flapping { flapping += after.flapping ? 1 : -1 }
    }

    func touch(_ index: UInt32) {
        counters.generation &+= 1
        if !isDirty[Int(index)] {
            isDirty[Int(index)] = true
            dirty.append(index)
        }
    }

    // MARK: Keeping

    func flush() {
        guard !dirty.isEmpty || !batch.isEmpty else { return }
        let listening = surroundings.listening()
        var names: [String] = []
        batch.states.reserveCapacity(dirty.count)
        for index in dirty {
            isDirty[Int(index)] = false
            batch.states.append((ids[Int(index)], saved(index)))
            if listening { names.append(checks[Int(index)].name) }
        }
        dirty.removeAll(keepingCapacity: true)
        surroundings.deliver(batch, names)
        batch = Batch()
    }

    func saved(_ index: UInt32) -> SavedState {
        SavedState(state: states[Int(index)], nextDue: nextDue(index) ?? .never)
    }

    func nextDue(_ index: UInt32) -> Instant? {
        if let ping = pings[index], ping.ticket != nil { return nil }
        guard let due = timetable.due(of: index) else { return nil }
        return clocks.wall() + .milliseconds(due - clocks.steady())
    }

    /// Lets attempts in flight finish until the deadline, then drops them; what is known goes to the ledger.
    func stop(within limit: Duration) async {
        stopping = true
        active = false
        wakeUp?.cancel()
        wakeUp = nil
        let deadline = clocks.steady() + limit.wholeMilliseconds
        while lane.inFlight > 0, clocks.steady() < deadline {
            try? await Task.sleep(for: .milliseconds(20))  // cancelled: the loop's condition ends it
            if Task.isCancelled { break }
        }
        for ping in pings.values {
            for waiter in ping.waiters { waiter.resume(returning: .failure(.stopping)) }
        }
        pings.removeAll()
        lane.abandonAll()
        flush()
    }

    // MARK: What a person asks for

    func ping(_ index: UInt32) async -> Result<Void, Failure> {
        guard active, !stopping else { return .failure(stopping ? .stopping : .standingBy) }
        guard (pings[index]?.waiters.count ?? 0) < 100, gate.open < gate.openLimit else { return .failure(.tooManyPings) }
        return await withCheckedContinuation { continuation in
            let now = clocks.steady()
            if pings[index] == nil { pings[index] = Ping(begun: now) }
            pings[index]?.waiters.append(continuation)
            if pings[index]?.ticket == nil {
                timetable.cancel(index)
                begin(index, now: now)
            }
        }
    }

    func pause(_ index: UInt32, until: Instant?) {
        let before = states[Int(index)]
        let now = clocks.wall()
        let rulings = Judge.pause(
            &states[Int(index)], .byPerson, until: until ?? .never, check: ids[Int(index)], now: now)
        _ = carryOut(rulings, index: index, now: now)
        recount(before, states[Int(index)])
        abandonPing(index)
        if let until {
            timetable.schedule(index, at: clocks.steady() + max(0, (until - now).wholeMilliseconds))
        } else {
            timetable.cancel(index)
        }
        let end = until.map { " until \($0)" } ?? ""
        batch.events.append(
            Event(at: now, kind: "paused", check: ids[Int(index)], text: "\(checks[Int(index)].name) was paused\(end)"))
        touch(index)
        arm()
    }

    func resume(_ index: UInt32) {
        let before = states[Int(index)]
        guard before.verdict == .paused || before.pause != .none else { return }
        let now = clocks.wall()
        let rulings = Judge.resume(&states[Int(index)], now: now)
        _ = carryOut(rulings, index: index, now: now)
        recount(before, states[Int(index)])
        timetable.schedule(index, at: clocks.steady())
        batch.events.append(
            Event(at: now, kind: "resumed", check: ids[Int(index)], text: "\(checks[Int(index)].name) was resumed"))
        touch(index)
        arm()
    }

    func abandonPing(_ index: UInt32) {
        guard let ping = pings.removeValue(forKey: index) else { return }
        if let ticket = ping.ticket { gate.end(ticket) }
        for waiter in ping.waiters { waiter.resume(returning: .failure(.pausedMeanwhile)) }
    }
}
