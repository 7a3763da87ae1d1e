import Ledger
import Runtime
import StokerCore

/// What a person asks for.
extension Shard {
    /// nil, here and below, when the check is not there any more: see ``holds(_:_:)``.
    func ping(_ index: UInt32, _ name: String) async -> Result<Void, Failure>? {
        guard holds(index, name) else { return nil }
        guard check(Int(index)).policy.kind != .heartbeat else { return .failure(.pingOfHeartbeat(name)) }
        guard active, !stopping else { return .failure(stopping ? .stopping : .standingBy) }
        guard (pings[index]?.waiters.count ?? 0) < 100, admission.open < admission.openLimit else {
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
        let actions = Judge.pause(
            &states[Int(index)], .byPerson, until: until ?? .never, check: ids[Int(index)], now: now)
        abandonPing(index)
        if let until {
            timetable.schedule(index, at: until.milliseconds)
        } else {
            timetable.cancel(index)
        }
        batch.events.append(
            Event(at: now, check: ids[Int(index)], .paused(check: check(Int(index)).name, until: until)))
        recordChange(index, actions, from: before, now: now)
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
        let actions = Judge.resume(&states[Int(index)], now: now)
        if check(Int(index)).policy.kind == .heartbeat {
            awaitBeat(index)
        } else {
            timetable.schedule(index, at: now.milliseconds)
        }
        batch.events.append(Event(at: now, check: ids[Int(index)], .resumed(check: check(Int(index)).name)))
        recordChange(index, actions, from: before, now: now)
        arm()
    }

    func abandonPing(_ index: UInt32) {
        // What comes after a pause is another trouble.
        unfinished[index] = nil
        guard let ping = pings.removeValue(forKey: index) else { return }
        endTicket(of: ping)
        ping.fail(.pausedMeanwhile)
    }
}
