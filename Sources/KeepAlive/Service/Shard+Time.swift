import Ledger
import Logging
import NIOCore
import Runtime
import StokerCore

/// The timetable, and what the clocks do to it.
extension Shard {
    /// Makes sure that a tick comes at the next due time, and every 250 ms for the flush.
    func arm() {
        guard !stopping else { return }
        let now = clocks.wall().milliseconds
        var due = active && !frozen && admission.admits ? timetable.next : nil
        if active, !frozen, admission.pace != .full { due = now + NextTick.together }
        let at = NextTick.next(due: due, now: now)
        // A wall clock set back leaves a wake-up that seems far away; its real time is near all the same.
        if wakeUp != nil, wakeUpAt <= at { return }
        wakeUp?.cancel()
        wakeUpAt = at
        wakeUp = loop.scheduleTask(in: .milliseconds(at - now)) { [self] in
            assumeIsolated { $0.tick() }
        }
    }

    func tick() {
        wakeUp = nil
        wakeUpAt = .max
        watchClocks()
        let running = clocks.running().wholeMilliseconds
        admission.advance(to: running)
        if active, !frozen { startDue(running) }
        if running - flushedAt >= NextTick.flush {
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
        guard shared.connectivity.take(&evidence, now: now) else { return }
        timetable.bringForward(2, to: now.milliseconds) { index in
            flags[Int(index)].contains(.countsForConnectivity) && states[Int(index)].verdict != .paused
                && !states[Int(index)].wasBad
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
            for row in ids.indices where check(row).policy.kind == .heartbeat { awaitBeat(UInt32(row)) }
            timetable.spreadOverdue(clocks.wall().milliseconds, spacing: 5)
            logger.notice(
                "Time was missed", metadata: ["slept": "\(change.slept)", "stood": "\(change.stood)"])
        }
    }

    /// What the wall clock went through twice counts as it was the second time; what it skipped, or nobody lived through, is not
    /// known of any check.
    func tellTimeline(of change: ClockMonitor.Change, now: Instant) {
        let missed = change.clockMoved + change.slept + change.stood
        if missed < .zero {
            // Each shard says so, behind what it said before.
            batch.timeline.append(.clockSetBack(to: now))
            for (index, ping) in pings { pings[index]?.failedFrom = ping.failedFrom.map { min($0, now) } }
            for index in ids.indices where states[index].failures > 0 || !states[index].goodSince.isNever {
                Judge.clockSetBack(&states[index], to: now)
                touch(UInt32(index))
            }
        } else if missed > .zero, number == 0, active {
            batch.timeline.append(.absence(from: now - missed, to: now))
        }
    }

    func startDue(_ running: Int64) {
        let now = clocks.wall().milliseconds
        let backlog = shared.backlog
        admission.pace = backlog.pace(number, oldest: timetable.next, now: now, running: running)
        defer {
            let oldest = timetable.next.flatMap { $0 <= now && admission.open < admission.openLimit ? $0 : nil }
            backlog.tell(oldest, of: number, running: running)
        }
        while admission.admits {
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
                guard ping.probingShard != number else { continue }
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
        unfinished[index] = nil
        let opening = window.opening(atOrAfter: instant)
        let before = states[Int(index)]
        let actions = Judge.pause(
            &states[Int(index)], .byHours, until: opening ?? .never, check: ids[Int(index)], now: instant)
        recordChange(index, actions, from: before, now: instant)
        if let opening { timetable.schedule(index, at: opening.milliseconds) }
        return true
    }
}
