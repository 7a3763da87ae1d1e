import Ledger
import StokerCore

/// Where the checks of a new fleet go and what they bring: every `shards`-th check to the same shard, in the order of the file. Pure but for
/// the chance in ``DueTimeSpread``.
struct FleetPlacement {
    /// Where a ping under way belongs now.
    struct Destination: Equatable {
        var part: Int
        var key: UInt32
        var name: String
    }

    /// By shard.
    private(set) var parts: [[Shard.InstalledCheck]]
    private(set) var rareStates: [Shard.RareState]
    /// By the shard whose lane makes the ping, and its serial.
    private(set) var destinations: [[UInt64: Destination]]
    /// Checks whose ping under way goes on.
    private(set) var goOn: Set<String> = []

    /// What is known before.
    struct Known {
        /// The ledger's numbers of the new fleet's checks.
        var ids: [Int32]
        var states: [Int32: SavedState] = [:]
        /// Latest pings of each check; empty where none are kept.
        var samples: [[Observation]] = []
        /// What the shards handed over, by the name that the check has now.
        var carried: [String: Shard.CarriedState] = [:]
    }

    /// - Parameters:
    ///   - before: the check of a name in the fleet until now; nil for none.
    ///   - rate: first looks a second.
    init(
        _ checks: [Check], _ known: Known, before: (String) -> Check?, shards: Int, rate: Double, seed: UInt64,
        now: Instant
    ) {
        let sweep = StartRamp(count: checks.count, rate: rate)
        var spread = DueTimeSpread(seed: seed)
        parts = [[Shard.InstalledCheck]](repeating: [], count: shards)
        rareStates = [Shard.RareState](repeating: Shard.RareState(), count: shards)
        destinations = [[UInt64: Destination]](repeating: [:], count: shards)
        for part in parts.indices { parts[part].reserveCapacity(checks.count / shards + 1) }
        for (index, check) in checks.enumerated() {
            let (part, key) = (index % shards, UInt32(index / shards))
            if let one = known.carried[check.name] {
                parts[part].append(
                    carry(
                        one, to: check, before: before(one.name), part, key,
                        firstDue: now.milliseconds + sweep.offset(of: index)))
                continue
            }
            let saved = known.states[known.ids[index]]
            let samples = index < known.samples.count ? known.samples[index].map(Sample.init) : []
            let restored = spread.restored(
                saved?.nextDue ?? .never, now: now, every: check.policy.every, jitter: check.policy.jitter,
                span: sweep.span)
            let state = saved?.state ?? CheckState()
            let due = check.rests(state, restored) ? nil : restored ?? now.milliseconds + sweep.offset(of: index)
            parts[part].append(Shard.InstalledCheck(id: known.ids[index], state: state, due: due, samples: samples))
        }
    }

    /// A check that was monitored already.
    private mutating func carry(
        _ one: Shard.CarriedState, to check: Check, before: Check?, _ part: Int, _ key: UInt32, firstDue: Int64
    ) -> Shard.InstalledCheck {
        rareStates[part].runs[key] = one.runs
        rareStates[part].cells[key] = one.cell
        rareStates[part].transcripts[key] = one.transcript
        if let ping = one.ping, before == check {
            // It goes on: a target that is slow to answer would else stay unknown while the file changes often.
            rareStates[part].pings[key] = ping
            goOn.insert(check.name)
            if ping.ticket != nil {
                destinations[ping.probingShard][ping.serial] = Destination(part: part, key: key, name: check.name)
            }
        }
        var core = one.core
        // A shorter interval or another address counts from now, not from when the old one would have been due.
        if let before,
            before.address != check.address || before.policy != check.policy && !check.rests(core.state, core.due)
        {
            // Many may have changed at once: a sweep, and then anywhere in the interval, as after a start.
            core.due = firstDue
            rareStates[part].needsSpreading.insert(key)
        }
        return core
    }

    /// Hands out a shard's checks once, so that a million of them are not held twice.
    mutating func take(_ part: Int) -> [Shard.InstalledCheck] {
        defer { parts[part] = [] }
        return parts[part]
    }
}

extension Sample {
    init(_ observation: Observation) {
        self.init(
            at: observation.at, outcome: observation.outcome, latencyMicroseconds: observation.latencyMicroseconds)
    }
}
