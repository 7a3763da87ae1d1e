import StokerCore

/// The states of a shard's checks. That of a check that is well fits 32 bytes; only the others, whose history matters, are
/// kept whole, in a table of their own. In a fleet of a million that is a fifth of all memory.
struct CheckStateTable {
    /// What differs between checks that are well.
    private struct Well {
        var lastPing: Instant
        var since: Instant
        /// While the check is kept whole: its row in ``whole``.
        var latencyOrPlace: UInt32
        var certificateEndHours: UInt32
        var code: UInt16
        var successes: UInt16
        var verdict: Verdict
        var cause: Cause
        var attempts: UInt8
        /// 0…32 and ``isBlind``, or ``isWhole``.
        var recentCount: UInt8

        static let isWhole = UInt8.max
        static let isBlind: UInt8 = 0x40

        init(_ state: CheckState) {
            lastPing = state.lastPing
            since = state.since
            latencyOrPlace = state.latencyMicroseconds
            certificateEndHours = state.certificateEndHours
            code = state.code
            successes = state.successes
            verdict = state.verdict
            cause = state.cause
            attempts = state.attempts
            recentCount = state.recentCount | (state.isBlind ? Self.isBlind : 0)
        }

        var state: CheckState {
            var state = CheckState()
            state.lastPing = lastPing
            state.lastGood = lastPing
            state.since = since
            state.latencyMicroseconds = latencyOrPlace
            state.certificateEndHours = certificateEndHours
            state.code = code
            state.successes = successes
            state.verdict = verdict
            state.cause = cause
            state.attempts = attempts
            state.recentCount = recentCount & ~Self.isBlind
            state.isBlind = recentCount & Self.isBlind != 0
            return state
        }
    }

    private var checks: ContiguousArray<Well> = []
    private var whole: ContiguousArray<CheckState> = []
    private var free: ContiguousArray<UInt32> = []

    init() {}

    init(_ states: some Collection<CheckState>) {
        checks.reserveCapacity(states.count)
        for state in states {
            checks.append(Well(CheckState()))
            self[checks.count - 1] = state
        }
    }

    var count: Int { checks.count }

    subscript(row: Int) -> CheckState {
        get {
            let well = checks[row]
            return well.recentCount == Well.isWhole ? whole[Int(well.latencyOrPlace)] : well.state
        }
        set {
            let old = checks[row]
            var well = Well(newValue)
            // Compared rather than looked at field by field: what `Well` does not know of is never lost.
            if well.recentCount != Well.isWhole, well.state == newValue {
                if old.recentCount == Well.isWhole { free.append(old.latencyOrPlace) }
            } else {
                if old.recentCount == Well.isWhole {
                    well.latencyOrPlace = old.latencyOrPlace
                    whole[Int(old.latencyOrPlace)] = newValue
                } else if let row = free.popLast() {
                    well.latencyOrPlace = row
                    whole[Int(row)] = newValue
                } else {
                    well.latencyOrPlace = UInt32(whole.count)
                    whole.append(newValue)
                }
                well.recentCount = Well.isWhole
            }
            checks[row] = well
        }
    }
}
