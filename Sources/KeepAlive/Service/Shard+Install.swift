import Runtime
import StokerCore

/// Taking a new set of checks, and handing over the old one.
extension Shard {
    /// Takes a new set of checks; states and due times are brought by the caller.
    func install(_ fleet: [Check], _ installed: [InstalledCheck], rareState: RareState = RareState()) {
        giveUpPings(.fleetReplaced)
        flush()
        transcriptCache.removeAll()
        self.fleet = fleet
        ids = ContiguousArray(installed.map(\.id))
        states = CheckStateTable(installed.lazy.map(\.state))
        recentPings = RecentPings(count: installed.count)
        flags = ContiguousArray(
            installed.indices.lazy.map {
                SharedConnectivity.isWitness(self.check($0).address) ? .countsForConnectivity : []
            })
        timetable = Timetable()
        timetable.reserve(installed.count)
        runs = rareState.runs
        cells = rareState.cells
        needsSpreading = rareState.needsSpreading
        windows = [:]
        for row in installed.indices {
            let policy = check(row).policy
            guard let hours = policy.hours, windows[ObjectIdentifier(policy)] == nil else { continue }
            windows[ObjectIdentifier(policy)] = HoursWindow(hours)
        }
        let now = clocks.wall()
        unfinished = [:]
        counts = VerdictCounts()
        for (index, one) in installed.enumerated() {
            counts.add(one.state)
            let policy = check(index).policy
            takeUnfinished(index, now: now)
            var actions = Judge.recover(&states[index], policy: policy, check: one.id, now: now)
            if endsHubPause(states[index], check(index).space) { actions += Judge.resume(&states[index], now: now) }
            if states[index].pause == .byHours, let window = windows[ObjectIdentifier(policy)] {
                // The hours themselves may have been changed.
                if window.contains(now) {
                    actions += Judge.resume(&states[index], now: now)
                } else {
                    states[index].pausedUntil = window.opening(atOrAfter: now) ?? .never
                }
            }
            if !actions.isEmpty { recordChange(UInt32(index), actions, from: one.state, now: now) }
            if policy.kind == .heartbeat {
                // Heard under a clock that was ahead of ours: it would not be missed until that time comes.
                if states[index].lastPing > now {
                    states[index].lastPing = now
                    touch(UInt32(index))
                }
                awaitBeat(UInt32(index))
            } else if states[index].verdict != .paused {
                let resumed = one.state.verdict == .paused
                if let due = firstDue(index, resumed ? now.milliseconds : one.due, now: now) {
                    timetable.schedule(UInt32(index), at: due)
                }
            } else if !states[index].pausedUntil.isNever {
                timetable.schedule(UInt32(index), at: states[index].pausedUntil.milliseconds)
            }
            for sample in one.samples { recentPings.append(sample, at: index) }
        }
        for (index, ping) in rareState.pings {
            pings[index] = ping
            // Its end schedules the next. Should it get lost on the way from another shard, it is made again some time later.
            guard ping.ticket != nil else { continue }
            timetable.cancel(index)
            if ping.probingShard != number {
                timetable.schedule(index, at: (now + check(Int(index)).policy.timeout + Self.lostAfter).milliseconds)
            }
        }
        for (index, transcript) in rareState.transcripts { transcriptCache.put(.kept(transcript), for: index) }
        counters.generation &+= 1
        frozen = false
        if shared.hub.isWatched {
            for index in installed.indices { applyEarlierHubReading(UInt32(index), now: now) }
        }
        arm()
    }

    /// Everything that survives a change of the fleet file, pings under way with it. Stands still from here until the new checks are
    /// installed and ``forwardPings(to:)`` has said where those pings belong now.
    func carry() -> [CarriedState] {
        for ping in pings.values where ping.probingShard == number {
            if let ticket = ping.ticket, handovers[ping.serial] == nil {
                handovers[ping.serial] = Handover(ticket: ticket)
            }
        }
        for serial in handovers.keys { handovers[serial]?.destination = nil }
        // With the pings still there: a state tells when the failures of one under way began.
        flush()
        let pings = pings
        self.pings = [:]
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
            var state = states[index]
            if state.failures == 0, let since = unfinished[key] { state.failingSince = since }
            return CarriedState(
                name: check(index).name, space: check(index).space,
                core: InstalledCheck(id: ids[index], state: state, due: due, samples: recentPings[index]),
                ping: pings[key], runs: runs[key], cell: cells[key], transcript: transcriptCache[key]?.transcript)
        }
    }

    /// Whether the check of that name is still in that row: the fleet may have been replaced since it was looked up.
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
        for handover in handovers.values { admission.end(handover.ticket) }
        handovers.removeAll()
        lane.abandonAll()
    }

    /// The place among the open attempts goes back, unless the attempt is another shard's or outlives its ping: then its end does that.
    func endTicket(of ping: Ping) {
        guard let ticket = ping.ticket, ping.probingShard == number, handovers[ping.serial] == nil else { return }
        admission.end(ticket)
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

    /// A streak of failures that begins with no failed ping is a ping that did not end. What was hours ago says nothing of the next one.
    private func takeUnfinished(_ index: Int, now: Instant) {
        guard states[index].failures == 0, !states[index].failingSince.isNever else { return }
        if Self.isRecent(states[index].failingSince, now) { unfinished[UInt32(index)] = states[index].failingSince }
        states[index].failingSince = .never
    }

    static func isRecent(_ since: Instant, _ now: Instant) -> Bool {
        let age = now - since
        return age >= .zero && age < .seconds(3_600)
    }
}
