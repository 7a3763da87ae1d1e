import Ledger
import Logging
import NIOCore
import Runtime
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

    /// All checks of the fleet, shared with the other shards and the boiler: a million of them are held once.
    private var fleet: [Check] = []
    /// This shard has every `stride`-th check, beginning with this one.
    private let first: Int
    private let stride: Int
    /// Parallel columns, one place per check of this shard.
    var ids: ContiguousArray<Int32> = []
    var states = States()
    var strips: Strips
    var timetable = Timetable()
    /// Pings under way: between their first attempt and their conclusion.
    var pings: [UInt32: Ping] = [:]

    var gate: StartGate
    var spread: Spread
    var clockWatch: ClockWatch
    var evidence = ConnectivityGuard.Evidence()
    var runs: [UInt32: Heartbeats.Runs] = [:]
    /// What both sources meant together at the last ping of a Space, where that is more than "well".
    var cells: [UInt32: SpaceVerdict.Cell] = [:]
    /// Windows of the policies that have hours, ready to be asked.
    var windows: [ObjectIdentifier: HoursWindow] = [:]
    /// Since when calls could reach us.
    var watchingSince: Instant
    var lateness = LatenessWindow()
    var latenessTurned: Int64 = 0
    var shelf: TranscriptShelf
    var counters = Counters()
    var counts = [Int](repeating: 0, count: Verdict.allCases.count)
    var flapping = 0
    var moderated = 0

    /// What goes to the ledger with the next flush.
    var batch = Batch()
    var dirty: ContiguousArray<UInt32> = []
    var marks: ContiguousArray<Marks> = []

    var active = false
    var stopping = false
    /// Between ``carry()`` and ``install(_:_:luggage:)`` nothing begins and nothing changes: it would be lost.
    var frozen = false
    /// Attempts that were under way when the fleet was replaced, by their serial: this lane ends them, their check may be elsewhere.
    var travels: [UInt64: Travel] = [:]
    /// Checks whose next ping is followed by one anywhere in the interval, because they came in a crowd.
    var crowd: Set<UInt32> = []
    var wakeUp: Scheduled<Void>?
    var wakeUpAt: Int64 = .max
    var flushedAt: Int64 = 0

    /// What is to be remembered of a check in one byte.
    struct Marks: OptionSet {
        var rawValue: UInt8
        /// In ``dirty``.
        static let dirty = Marks(rawValue: 1)
        /// Its host says something about our way to the world (``ConnectivityGuard/counts(host:)``).
        static let witness = Marks(rawValue: 2)
    }

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
        /// Number of the shard whose lane makes the running attempt: another one after the fleet was replaced.
        var carrier = 0
        /// When it was due; wall-clock milliseconds.
        var due: Int64
        /// When its first failed attempt began.
        var failedFrom: Instant?
        /// Asked for by a person: made even outside its hours, and reported to these.
        var waiters: [CheckedContinuation<Result<Void, Failure>, Never>] = []

        func fail(_ failure: Failure) { for waiter in waiters { waiter.resume(returning: .failure(failure)) } }
    }

    /// What all shards share.
    struct Surroundings: Sendable {
        var connectivity: SharedConnectivity
        var examiner: Examiner
        var backlog: SharedBacklog
        /// What the Hub says of Spaces; asked for Spaces only.
        var hub: HubKnowledge
        var readingWish: ReadingWish
        /// Hands a batch to the ledger's writer and the names of changed checks to who listens.
        var deliver: @Sendable (Batch, [String]) -> Void
        var listening: @Sendable () -> Bool
    }

    init(
        loop: any EventLoop, number: Int, of shards: Int, lane: ProbeLane, openLimit: Int, youngLimit: Int,
        transcripts: Int, seed: UInt64, clocks: Clocks,
        surroundings: Surroundings, logger: Logger
    ) {
        self.loop = loop
        self.first = number
        self.stride = shards
        self.lane = lane
        self.clocks = clocks
        self.surroundings = surroundings
        self.logger = logger
        self.gate = StartGate(openLimit: openLimit, youngLimit: youngLimit)
        self.spread = Spread(seed: seed)
        self.clockWatch = ClockWatch(clocks.reading)
        self.watchingSince = clocks.wall()
        self.shelf = TranscriptShelf(limit: transcripts)
        self.strips = Strips(count: 0)
    }

    // MARK: The fleet

    var count: Int { ids.count }

    func check(_ place: Int) -> Check { fleet[place * stride + first] }

    struct Place: Sendable {
        var id: Int32
        var state: CheckState
        /// Wall-clock milliseconds of the next ping; nil for none.
        var due: Int64?
        var strip: [Sample]
    }

    /// What only few checks have, beside their place.
    struct Luggage: Sendable {
        var pings: [UInt32: Ping] = [:]
        var runs: [UInt32: Heartbeats.Runs] = [:]
        var cells: [UInt32: SpaceVerdict.Cell] = [:]
        var transcripts: [UInt32: Transcript] = [:]
        var crowd: Set<UInt32> = []
    }

    /// Takes a new set of checks; states and due times are brought by the caller.
    func install(_ fleet: [Check], _ places: [Place], luggage: Luggage = Luggage()) {
        giveUpPings(.fleetReplaced)
        flush()
        shelf.removeAll()
        self.fleet = fleet
        ids = ContiguousArray(places.map(\.id))
        states = States(places.lazy.map(\.state))
        strips = Strips(count: places.count)
        marks = ContiguousArray(
            places.indices.lazy.map { SharedConnectivity.isWitness(self.check($0).address) ? .witness : [] })
        timetable = Timetable()
        timetable.reserve(places.count)
        runs = luggage.runs
        cells = luggage.cells
        crowd = luggage.crowd
        windows = [:]
        for place in places.indices {
            let policy = check(place).policy
            guard let hours = policy.hours, windows[ObjectIdentifier(policy)] == nil else { continue }
            windows[ObjectIdentifier(policy)] = HoursWindow(hours)
        }
        let now = clocks.wall()
        counts = [Int](repeating: 0, count: Verdict.allCases.count)
        flapping = 0
        moderated = 0
        for (index, place) in places.enumerated() {
            counts[Int(place.state.verdict.rawValue)] += 1
            if place.state.flapping { flapping += 1 }
            if place.state.isModerated { moderated += 1 }
            let policy = check(index).policy
            var rulings = Judge.recover(&states[index], policy: policy, check: place.id, now: now)
            if endsHubPause(states[index], check(index).space) { rulings += Judge.resume(&states[index], now: now) }
            if states[index].pause == .byHours, let window = windows[ObjectIdentifier(policy)] {
                // The hours themselves may have been changed.
                if window.contains(now) {
                    rulings += Judge.resume(&states[index], now: now)
                } else {
                    states[index].pausedUntil = window.opening(atOrAfter: now) ?? .never
                }
            }
            if !rulings.isEmpty { settle(UInt32(index), rulings, from: place.state, now: now) }
            if policy.kind == .heartbeat {
                // Heard under a clock that was ahead of ours: it would not be missed until that time comes.
                if states[index].lastPing > now {
                    states[index].lastPing = now
                    touch(UInt32(index))
                }
                awaitBeat(UInt32(index))
            } else if states[index].verdict != .paused {
                let resumed = place.state.verdict == .paused
                if let due = firstDue(index, resumed ? now.milliseconds : place.due, now: now) {
                    timetable.schedule(UInt32(index), at: due)
                }
            } else if !states[index].pausedUntil.isNever {
                timetable.schedule(UInt32(index), at: states[index].pausedUntil.milliseconds)
            }
            for sample in place.strip { strips.append(sample, at: index) }
        }
        for (index, ping) in luggage.pings {
            pings[index] = ping
            // Its end schedules the next. Should it get lost on the way from another shard, it is made again some time later.
            guard ping.ticket != nil else { continue }
            timetable.cancel(index)
            if ping.carrier != first {
                timetable.schedule(index, at: (now + check(Int(index)).policy.timeout + Self.lostAfter).milliseconds)
            }
        }
        for (index, transcript) in luggage.transcripts { shelf.put(.kept(transcript), for: index) }
        counters.generation &+= 1
        frozen = false
        if surroundings.hub.isWatched {
            for index in places.indices { heed(UInt32(index), now: now) }
        }
        arm()
    }

    /// What survives a change of the fleet file, of one check.
    struct Carried: Sendable {
        var name: String
        var space: String?
        var place: Place
        var ping: Ping?
        var runs: Heartbeats.Runs?
        var cell: SpaceVerdict.Cell?
        var transcript: Transcript?
    }

    /// Everything that survives a change of the fleet file, pings under way with it. Stands still from here until the new checks are
    /// installed and ``place(_:)`` has said where those pings belong now.
    func carry() -> [Carried] {
        for ping in pings.values where ping.carrier == first {
            if let ticket = ping.ticket, travels[ping.serial] == nil { travels[ping.serial] = Travel(ticket: ticket) }
        }
        for serial in travels.keys { travels[serial]?.destination = nil }
        let pings = pings
        self.pings = [:]
        flush()
        let now = clocks.wall().milliseconds
        frozen = true
        return ids.indices.map { index in
            let key = UInt32(index)
            // A ping that does not go on is made again at once.
            var due = timetable.due(of: key)
            if due == nil, pings[key] != nil {
                let state = states[index]
                due = state.verdict != .paused ? now : state.pausedUntil.isNever ? nil : state.pausedUntil.milliseconds
            }
            return Carried(
                name: check(index).name, space: check(index).space,
                place: Place(id: ids[index], state: states[index], due: due, strip: strips[index]),
                ping: pings[key], runs: runs[key], cell: cells[key], transcript: shelf[key]?.transcript)
        }
    }

    /// Whether the check of that name is still at that place: the fleet may have been replaced since it was looked up.
    func holds(_ index: UInt32, _ name: String) -> Bool {
        !frozen && Int(index) < count && check(Int(index)).name == name
    }

    /// Drops what is under way, to be made again at once.
    func giveUpPings(_ failure: Failure) {
        guard !pings.isEmpty else { return }
        let now = clocks.wall().milliseconds
        for (index, ping) in pings {
            endTicket(of: ping)
            ping.fail(failure)
            let state = states[Int(index)]
            if state.verdict != .paused {
                timetable.schedule(index, at: now)
            } else if !state.pausedUntil.isNever {
                timetable.schedule(index, at: state.pausedUntil.milliseconds)
            }
        }
        pings.removeAll()
        for travel in travels.values { gate.end(travel.ticket) }
        travels.removeAll()
        lane.abandonAll()
    }

    /// The place in the gate goes back, unless the attempt is another shard's or outlives its ping: then its end does that.
    func endTicket(of ping: Ping) {
        guard let ticket = ping.ticket, ping.carrier == first, travels[ping.serial] == nil else { return }
        gate.end(ticket)
    }

    // MARK: Pings that outlive a fleet

    struct Travel {
        var ticket: Int64
        /// Ended before it was known where to.
        var attempt: Attempt?
        var destination: Destination?
    }

    /// Where the check of a ping is now.
    struct Destination: Sendable {
        var shard: Shard
        var index: UInt32
        var name: String
    }

    /// So long after its limit a ping of another shard is given up.
    private static let lostAfter = Duration.seconds(5)

    /// Says where the pings under way belong after the fleet was replaced, by serial; the others are dropped: their check has
    /// changed or gone.
    func place(_ destinations: [UInt64: Destination]) {
        for (serial, travel) in travels {
            guard let destination = destinations[serial] else {
                gate.end(travel.ticket)
                travels[serial] = nil
                continue
            }
            travels[serial]?.destination = destination
            if let attempt = travel.attempt { arrived(serial, attempt) }
        }
        arm()
    }

    private func arrived(_ serial: UInt64, _ attempt: Attempt) {
        guard let travel = travels[serial] else { return }
        guard let to = travel.destination else {
            travels[serial]?.attempt = attempt
            return
        }
        travels[serial] = nil
        gate.end(travel.ticket)
        let carrier = first
        guard to.shard !== self else {
            return take(attempt, for: to.index, to.name, serial: serial, carrier: carrier)
        }
        // What its transcript is made of belongs to this loop.
        let made = attempt.transcript(1, .up, .none, "")
        var copy = attempt
        copy.transcript = { number, outcome, cause, detail in
            var transcript = made
            (transcript.attempt, transcript.outcome) = (number, outcome)
            (transcript.cause, transcript.detail) = (cause, detail)
            return transcript
        }
        nonisolated(unsafe) let moved = copy  // nobody here keeps it
        to.shard.loop.execute {
            to.shard.assumeIsolated { $0.take(moved, for: to.index, to.name, serial: serial, carrier: carrier) }
        }
    }

    private func take(_ attempt: Attempt, for index: UInt32, _ name: String, serial: UInt64, carrier: Int) {
        guard holds(index, name), let ping = pings[index], ping.ticket != nil, ping.serial == serial,
            ping.carrier == carrier
        else { return }
        timetable.cancel(index)
        took(index, ping, attempt)
    }

    /// A standby's timetable stands still.
    func setActive(_ active: Bool) {
        guard self.active != active else { return }
        self.active = active
        guard active else { return giveUpPings(.standingBy) }
        let now = clocks.wall()
        // What fell due while the other master was at work is made once, and not at one instant.
        timetable.spreadOverdue(now.milliseconds, spacing: 1)
        // Jobs called the other one until now.
        watchingSince = now
        for index in ids.indices where check(index).policy.kind == .heartbeat { awaitBeat(UInt32(index)) }
        arm()
    }

    // MARK: Time

    /// Makes sure that a tick comes at the next due time, and every 250 ms for the flush.
    func arm() {
        guard !stopping else { return }
        let now = clocks.wall().milliseconds
        var next = active && !frozen && gate.admits ? timetable.next ?? .max : .max
        if active, !frozen, gate.pace != .full { next = now + Self.togetherMilliseconds }
        let together = Self.togetherMilliseconds
        let due = next < now + Self.flushMilliseconds ? (next + together - 1) / together * together : next
        let at = min(max(due, now), now + Self.flushMilliseconds)
        // A wall clock set back leaves a wake-up that seems far away; its real time is near all the same.
        if wakeUp != nil, wakeUpAt <= at { return }
        wakeUp?.cancel()
        wakeUpAt = at
        wakeUp = loop.scheduleTask(in: .milliseconds(at - now)) { [self] in
            assumeIsolated { $0.tick() }
        }
    }
    static let flushMilliseconds: Int64 = 250
    /// What is due within these milliseconds is begun together, at their end: waking up costs more than a ping's own work.
    private static let togetherMilliseconds: Int64 = 8

    func tick() {
        wakeUp = nil
        wakeUpAt = .max
        watchClocks()
        let running = clocks.running().wholeMilliseconds
        gate.advance(to: running)
        if active, !frozen { startDue(running) }
        if running - flushedAt >= Self.flushMilliseconds {
            flushedAt = running
            suspect()
            flush()
        }
        if running - latenessTurned > 60_000 {
            latenessTurned = running
            lateness.turn()
        }
        arm()
    }

    /// Hands over what was seen. On a first suspicion that we ourselves are offline, two other hosts are asked at once: in a
    /// fleet that is seldom pinged nothing else would settle it in time.
    func suspect() {
        let now = clocks.wall()
        guard surroundings.connectivity.take(&evidence, now: now) else { return }
        timetable.bringForward(2, to: now.milliseconds) { index in
            marks[Int(index)].contains(.witness) && states[Int(index)].verdict != .paused && !states[Int(index)].wasBad
        }
    }

    /// A clock that was set moves the timetable with it; after a suspension or a long stop everything that was missed is
    /// made once, a few milliseconds apart.
    func watchClocks() {
        let reading = clocks.reading
        guard let change = clockWatch.read(reading) else { return }
        tellTimeline(of: change, now: reading.wall)
        if change.clockMoved != .zero {
            timetable.shift(by: change.clockMoved.wholeMilliseconds)
            moveHeartbeats(by: change.clockMoved)
            // Pauses end at a time of the wall clock, whatever it says now.
            for index in ids.indices where timetable.due(of: UInt32(index)) != nil {
                let state = states[index]
                guard state.verdict == .paused, !state.pausedUntil.isNever else { continue }
                timetable.schedule(UInt32(index), at: state.pausedUntil.milliseconds)
            }
            logger.notice("The wall clock was set", metadata: ["by": "\(change.clockMoved)"])
        }
        if change.missedTime {
            // What jobs said meanwhile was not heard.
            watchingSince = clocks.wall()
            for place in ids.indices where check(place).policy.kind == .heartbeat { awaitBeat(UInt32(place)) }
            timetable.spreadOverdue(clocks.wall().milliseconds, spacing: 5)
            logger.notice(
                "Time was missed", metadata: ["slept": "\(change.slept)", "stood": "\(change.stood)"])
        }
    }

    /// What the wall clock went through twice counts as it was the second time; what it skipped, or nobody lived through, is not
    /// known of any check.
    func tellTimeline(of change: ClockWatch.Change, now: Instant) {
        let missed = change.clockMoved + change.slept + change.stood
        if missed < .zero {
            // Each shard says so, behind what it said before.
            batch.timeline.append(.clockSetBack(to: now))
            for (index, ping) in pings { pings[index]?.failedFrom = ping.failedFrom.map { min($0, now) } }
            for index in ids.indices where states[index].failures > 0 || !states[index].goodSince.isNever {
                Judge.clockSetBack(&states[index], to: now)
                touch(UInt32(index))
            }
        } else if missed > .zero, first == 0, active {
            batch.timeline.append(.absence(from: now - missed, to: now))
        }
    }

    func startDue(_ running: Int64) {
        let now = clocks.wall().milliseconds
        let backlog = surroundings.backlog
        gate.pace = backlog.pace(first, oldest: timetable.next, now: now, running: running)
        defer {
            let oldest = timetable.next.flatMap { $0 <= now && gate.open < gate.openLimit ? $0 : nil }
            backlog.tell(oldest, of: first, running: running)
        }
        while gate.admits {
            var next: (index: UInt32, due: Int64)?
            timetable.popDue(now, limit: 1) { next = ($0, $1) }
            guard let (index, due) = next else { return }
            let policy = check(Int(index)).policy
            // A ping that somebody asked for is brought to its end in a pause too.
            if states[Int(index)].verdict == .paused, pings[index] == nil {
                pauseEnded(index, now: now)
                continue
            }
            if policy.kind == .heartbeat {
                listen(to: index)
                continue
            }
            if let ping = pings[index], ping.ticket != nil {
                // One of another shard that did not arrive.
                guard ping.carrier != first else { continue }
                pings[index]?.ticket = nil
            }
            if pings[index] == nil {
                if isClosed(index, policy, now: now) { continue }
                lateness.record(microseconds: max(0, now - due) * 1_000)
                // Intervals that went by unserved: the ping that is made now stands for all of them.
                let missed = (now - due) / max(1, policy.every.wholeMilliseconds)
                if missed > 0 { counters.shed &+= UInt64(missed) }
                pings[index] = Ping(due: due)
            }
            begin(index, running: running)
        }
    }

    func pauseEnded(_ index: UInt32, now: Int64) {
        let until = states[Int(index)].pausedUntil
        guard !until.isNever else { return }
        guard until.milliseconds <= now else { return timetable.schedule(index, at: until.milliseconds) }
        resume(index)
    }

    /// Outside its hours a check is paused until they begin again.
    func isClosed(_ index: UInt32, _ policy: CheckPolicy, now: Int64) -> Bool {
        guard let window = windows[ObjectIdentifier(policy)] else { return false }
        let instant = Instant(milliseconds: now)
        guard !window.contains(instant) else { return false }
        let opening = window.opening(atOrAfter: instant)
        let before = states[Int(index)]
        let rulings = Judge.pause(
            &states[Int(index)], .byHours, until: opening ?? .never, check: ids[Int(index)], now: instant)
        settle(index, rulings, from: before, now: instant)
        if let opening { timetable.schedule(index, at: opening.milliseconds) }
        return true
    }

    /// Carries out what follows from a change of the state, and marks it to be kept and told.
    /// - Parameter seen: when what was seen began, where that is not now.
    @discardableResult
    func settle(
        _ index: UInt32, _ rulings: [Ruling], from before: CheckState, seen: Instant? = nil, now: Instant
    ) -> Duration? {
        if let change = StandingChange(
            of: ids[Int(index)], from: before, to: states[Int(index)], seen: seen ?? now)
        {
            batch.timeline.append(.change(change))
        }
        let recheck = rulings.isEmpty ? nil : carryOut(rulings, index: index, now: now)
        recount(before, states[Int(index)])
        touch(index)
        return recheck
    }

    // MARK: One ping

    func begin(_ index: UInt32, running: Int64) {
        guard var ping = pings[index], ping.ticket == nil else { return }
        ping.attempt &+= 1
        ping.ticket = gate.begin(at: running)
        counters.attempts &+= 1
        let serial = counters.attempts
        ping.serial = serial
        ping.carrier = first
        pings[index] = ping
        lane.start(check(Int(index))) { [self] attempt in
            nonisolated(unsafe) let attempt = attempt  // made on this loop for us alone
            assumeIsolated { $0.ended(index, serial: serial, attempt) }
        }
    }

    func ended(_ index: UInt32, serial: UInt64, _ attempt: Attempt) {
        if travels[serial] != nil { return arrived(serial, attempt) }
        // Otherwise the ping was given up meanwhile (paused, its check changed), and its ticket with it.
        guard let ping = pings[index], ping.serial == serial, ping.carrier == first, let ticket = ping.ticket else {
            return
        }
        gate.end(ticket)
        took(index, ping, attempt)
    }

    private func took(_ index: UInt32, _ under: Ping, _ attempt: Attempt) {
        var ping = under
        ping.ticket = nil
        let check = self.check(Int(index))
        let finding = surroundings.examiner.examine(attempt, check: check, now: attempt.at)
        let now = clocks.wall()
        let isWitness = marks[Int(index)].contains(.witness)
        if isWitness {
            // Only of a failure it matters whose it is.
            let host =
                if case .failed = attempt.result { SharedConnectivity.hostKey(of: check.address) } else { UInt64(0) }
            evidence.note(
                attempt.result, host: host, began: attempt.at, ended: now, wasBad: states[Int(index)].wasBad)
        }

        // Beside what the visitor got stands what the Hub says.
        let joint = check.space.map { join(finding, index, space: $0, began: attempt.at, now: now) }
        let meant = joint?.finding ?? finding
        let entry = TranscriptShelf.Entry(attempt: attempt, number: Int(ping.attempt), finding: meant)
        shelf.put(entry, for: index)
        if ping.failedFrom == nil, meant.outcome.isFailure { ping.failedFrom = attempt.at }
        if meant.outcome.isFailure {
            batch.transcripts.append((ids[Int(index)], entry.transcript))
            let retries = check.policy.retry
            if meant.isRetryable, Int(ping.attempt) <= retries.count, !stopping {
                pings[index] = ping
                timetable.schedule(index, at: now.milliseconds + retries[Int(ping.attempt) - 1].wholeMilliseconds)
                arm()
                return
            }
        }
        var observed = meant
        if finding.outcome != .up, finding.outcome != .slow, isWitness {
            suspect()
            switch surroundings.connectivity.treatment(of: finding.cause, now: now) {
            case .judge: break
            case .hold(let until):
                pings[index] = ping
                timetable.schedule(index, at: max(until.milliseconds, now.milliseconds + 100))
                arm()
                return
            case .disregard: observed = Finding(outcome: .unknown, cause: .selfOffline, detail: finding.detail)
            }
        }
        pings[index] = nil
        conclude(index, ping, attempt, observed, now: now)
        if let joint, observed == meant { hubRules(index, joint, now: now) }
        arm()
    }

    func conclude(_ index: UInt32, _ ping: Ping, _ attempt: Attempt, _ finding: Finding, now: Instant) {
        let place = Int(index)
        let policy = check(place).policy
        let finding = Judge.meaning(of: finding, in: states[place])
        let observation = Observation(
            check: ids[place], at: attempt.at, outcome: finding.outcome, cause: finding.cause, code: finding.code,
            attempts: ping.attempt, latencyMicroseconds: attempt.phases.latency)
        counters.pings &+= 1
        batch.observations.append(observation)
        strips.append(
            Sample(
                at: observation.at, outcome: observation.outcome, latencyMicroseconds: observation.latencyMicroseconds),
            at: place)

        let before = states[place]
        let rulings = Judge.judge(
            &states[place], observation, policy: policy, certificateEndHours: attempt.certificateEndHours,
            failedFrom: ping.failedFrom, now: now)
        // What failed, or could not be told because of us, did so from its first attempt on.
        let counts = observation.outcome == .down || observation.outcome == .unknown
        let seen = counts ? ping.failedFrom ?? observation.at : observation.at
        let recheck = settle(index, rulings, from: before, seen: seen, now: now)
        if states[place].verdict != .paused {
            let next: Int64
            if let recheck {
                // RFC 9110, 10.2.3; more than an hour would be as good as no check.
                let wanted = finding.code == 429 ? min(attempt.retryAfter ?? .zero, .seconds(3_600)) : .zero
                next = now.milliseconds + spread.interval(max(recheck, wanted), jitter: policy.jitter)
            } else if before.lastPing.isNever || crowd.remove(index) != nil {
                next = spread.afterFirst(now: now.milliseconds, every: policy.every)
            } else {
                next = spread.following(
                    due: ping.due, now: now.milliseconds, every: policy.every, jitter: policy.jitter)
            }
            timetable.schedule(index, at: next)
        } else if !states[place].pausedUntil.isNever {
            // A ping that was asked for during a pause does not make it endless.
            timetable.schedule(index, at: states[place].pausedUntil.milliseconds)
        }
        for waiter in ping.waiters { waiter.resume(returning: .success(())) }
    }

    /// Performs what was decided; returns the time to the next ping where it is not the usual one.
    func carryOut(_ rulings: [Ruling], index: UInt32, now: Instant) -> Duration? {
        var recheck: Duration?
        for ruling in rulings {
            let name = check(Int(index)).name
            let id = ids[Int(index)]
            switch ruling {
            case .changed(let from, let to):
                let state = states[Int(index)]
                batch.events.append(
                    Event(at: now, check: id, .verdict(check: name, from: from, to: to, cause: state.cause)))
                logger.log(
                    level: to.isTrouble ? .warning : .info, "Verdict changed",
                    metadata: [
                        "check": "\(name)", "from": "\(from.name)", "to": "\(to.name)", "cause": "\(state.cause.code)",
                        "status": "\(state.code)",
                    ])
            case .incidentBegan(var incident):
                incident.check = id
                batch.incidents.append(incident)
                batch.events.append(Event(at: now, check: id, .incidentBegan(check: name, cause: incident.cause)))
            case .incidentEnded(var incident):
                incident.check = id
                batch.incidents.append(incident)
                let length = (incident.ended ?? now) - incident.began
                batch.events.append(
                    Event(
                        at: now, check: id,
                        .incidentEnded(
                            check: name, how: states[Int(index)].verdict == .paused ? .paused : .recovered,
                            lastedMilliseconds: length.wholeMilliseconds)))
            case .flappingBegan:
                batch.events.append(Event(at: now, check: id, .flappingBegan(check: name)))
            case .flappingEnded:
                batch.events.append(Event(at: now, check: id, .flappingEnded(check: name)))
            case .recheck(let wait):
                recheck = wait
            case .stopPinging:
                timetable.cancel(index)
                batch.events.append(Event(at: now, check: id, .moderated(check: name)))
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
        if before.isModerated != after.isModerated { moderated += after.isModerated ? 1 : -1 }
    }

    func touch(_ index: UInt32) {
        counters.generation &+= 1
        if marks[Int(index)].insert(.dirty).inserted {
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
            marks[Int(index)].remove(.dirty)
            batch.states.append((ids[Int(index)], saved(index)))
            if listening { names.append(check(Int(index)).name) }
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
        let policy = check(Int(index)).policy
        if policy.kind == .heartbeat {
            // The timetable has the end of the grace; what people want to know is when the job should call.
            let state = states[Int(index)]
            guard state.verdict != .paused else { return nil }
            return Heartbeats.expected(state, policy: policy, hours: windows[ObjectIdentifier(policy)])
        }
        return timetable.due(of: index).map(Instant.init(milliseconds:))
    }

    /// Lets attempts in flight finish until the deadline, then drops them; what is known goes to the ledger.
    func stop(within limit: Duration) async {
        stopping = true
        active = false
        wakeUp?.cancel()
        wakeUp = nil
        let deadline = clocks.running() + limit
        while lane.inFlight > 0, clocks.running() < deadline {
            try? await Task.sleep(for: .milliseconds(20))  // cancelled: the loop's condition ends it
            if Task.isCancelled { break }
        }
        giveUpPings(.stopping)
        flush()
    }

    // MARK: What a person asks for

    /// nil, here and below, when the check is not there any more: see ``holds(_:_:)``.
    func ping(_ index: UInt32, _ name: String) async -> Result<Void, Failure>? {
        guard holds(index, name) else { return nil }
        guard check(Int(index)).policy.kind != .heartbeat else { return .failure(.pingOfHeartbeat(name)) }
        guard active, !stopping else { return .failure(stopping ? .stopping : .standingBy) }
        guard (pings[index]?.waiters.count ?? 0) < 100, gate.open < gate.openLimit else {
            return .failure(.tooManyPings)
        }
        return await withCheckedContinuation { continuation in
            if pings[index] == nil { pings[index] = Ping(due: clocks.wall().milliseconds) }
            pings[index]?.waiters.append(continuation)
            if pings[index]?.ticket == nil {
                timetable.cancel(index)
                begin(index, running: clocks.running().wholeMilliseconds)
            }
        }
    }

    func pause(_ index: UInt32, _ name: String, until: Instant?) -> CheckStatus? {
        guard holds(index, name) else { return nil }
        let before = states[Int(index)]
        let now = clocks.wall()
        let rulings = Judge.pause(
            &states[Int(index)], .byPerson, until: until ?? .never, check: ids[Int(index)], now: now)
        abandonPing(index)
        if let until {
            timetable.schedule(index, at: until.milliseconds)
        } else {
            timetable.cancel(index)
        }
        batch.events.append(
            Event(at: now, check: ids[Int(index)], .paused(check: check(Int(index)).name, until: until)))
        settle(index, rulings, from: before, now: now)
        arm()
        flush()
        return status(index)
    }

    func resume(_ index: UInt32, _ name: String) -> CheckStatus? {
        guard holds(index, name) else { return nil }
        resume(index)
        flush()
        return status(index)
    }

    func resume(_ index: UInt32) {
        let before = states[Int(index)]
        guard before.verdict == .paused else { return }
        let now = clocks.wall()
        let rulings = Judge.resume(&states[Int(index)], now: now)
        if check(Int(index)).policy.kind == .heartbeat {
            awaitBeat(index)
        } else {
            timetable.schedule(index, at: now.milliseconds)
        }
        batch.events.append(Event(at: now, check: ids[Int(index)], .resumed(check: check(Int(index)).name)))
        settle(index, rulings, from: before, now: now)
        arm()
    }

    func abandonPing(_ index: UInt32) {
        guard let ping = pings.removeValue(forKey: index) else { return }
        endTicket(of: ping)
        ping.fail(.pausedMeanwhile)
    }

    // MARK: Heartbeats

    func hear(_ beat: Beat, of index: UInt32, _ name: String) -> Result<CheckStatus, Failure>? {
        guard holds(index, name) else { return nil }
        guard check(Int(index)).policy.kind == .heartbeat else { return .failure(.notAHeartbeat(name)) }
        let place = Int(index)
        let now = clocks.wall()
        let before = states[place]
        let result = Heartbeats.take(
            beat, &states[place], &runs[index, default: Heartbeats.Runs()], policy: check(place).policy,
            check: ids[place],
            at: now)
        shelve(beat, at: now, of: index, result.observation)
        heard(index, result, from: before, now: now)
        return .success(status(index))
    }

    /// The time in which a beat was awaited is over.
    func listen(to index: UInt32) {
        let place = Int(index)
        let now = clocks.wall()
        let before = states[place]
        let policy = check(place).policy
        let result = Heartbeats.expire(
            &states[place], &runs[index, default: Heartbeats.Runs()], policy: policy, check: ids[place],
            hours: windows[ObjectIdentifier(policy)], watchingSince: watchingSince, now: now)
        if let result { heard(index, result, from: before, now: now) } else { awaitBeat(index) }
    }

    /// The wall clock was set, and when a beat is due is told by it.
    func moveHeartbeats(by move: Duration) {
        let now = clocks.wall()
        watchingSince = min(now, watchingSince + move)
        for place in ids.indices where check(place).policy.kind == .heartbeat {
            let index = UInt32(place)
            var under = runs[index] ?? Heartbeats.Runs()
            Heartbeats.shift(&states[place], &under, by: move, now: now)
            if runs[index] != nil { runs[index] = under }
            touch(index)
            awaitBeat(index)
        }
    }

    func heard(_ index: UInt32, _ result: Heartbeats.Result, from before: CheckState, now: Instant) {
        if let observation = result.observation {
            batch.observations.append(observation)
            strips.append(
                Sample(
                    at: observation.at, outcome: observation.outcome,
                    latencyMicroseconds: observation.latencyMicroseconds),
                at: Int(index))
        }
        settle(index, result.rulings, from: before, now: now)
        awaitBeat(index)
        arm()
    }

    func awaitBeat(_ index: UInt32) {
        let place = Int(index)
        let policy = check(place).policy
        if let due = Heartbeats.due(
            states[place], policy: policy, hours: windows[ObjectIdentifier(policy)], watchingSince: watchingSince)
        {
            timetable.schedule(index, at: due.milliseconds)
        } else if states[place].verdict == .paused, !states[place].pausedUntil.isNever {
            timetable.schedule(index, at: states[place].pausedUntil.milliseconds)
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
        let entry = TranscriptShelf.Entry(
            attempt: attempt, number: 1,
            finding: Finding(outcome: outcome, cause: cause, detail: "the job said \(signal)"))
        shelf.put(entry, for: index)
        if outcome.isFailure { batch.transcripts.append((ids[Int(index)], entry.transcript)) }
    }
}
