import Ledger
import NIOCore
import Runtime
import StokerCore

/// What goes to the ledger, and the end.
extension Shard {
    func flush() {
        guard !dirty.isEmpty || !batch.isEmpty else { return }
        let listening = shared.listening()
        var names: [String] = []
        batch.states.reserveCapacity(dirty.count)
        for index in dirty {
            flags[Int(index)].remove(.dirty)
            batch.states.append((ids[Int(index)], saved(index)))
            if listening { names.append(check(Int(index)).name) }
        }
        dirty.removeAll(keepingCapacity: true)
        shared.deliver(batch, names)
        batch = Batch()
    }

    func saved(_ index: UInt32) -> SavedState {
        var state = states[Int(index)]
        // There is no streak yet: see ``takeUnfinished(_:now:)``.
        if state.failures == 0, let since = pings[index]?.failedFrom ?? unfinished[index] { state.failingSince = since }
        return SavedState(state: state, nextDue: nextDue(index) ?? .never)
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
        for (index, ping) in pings {
            if let since = ping.failedFrom { unfinished[index] = since }
        }
        giveUpPings(.stopping)
        flush()
    }
}
