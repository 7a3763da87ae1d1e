import StokerCore

/// How many checks have each verdict.
struct VerdictCounts: Sendable, Equatable {
    private var byVerdict = [Int](repeating: 0, count: Verdict.allCases.count)
    private(set) var flapping = 0
    private(set) var moderated = 0

    subscript(verdict: Verdict) -> Int { byVerdict[Int(verdict.rawValue)] }

    mutating func add(_ state: CheckState) {
        byVerdict[Int(state.verdict.rawValue)] += 1
        if state.flapping { flapping += 1 }
        if state.isModerated { moderated += 1 }
    }

    /// A check that was counted has another state.
    mutating func change(_ before: CheckState, to after: CheckState) {
        if before.verdict != after.verdict {
            byVerdict[Int(before.verdict.rawValue)] -= 1
            byVerdict[Int(after.verdict.rawValue)] += 1
        }
        if before.flapping != after.flapping { flapping += after.flapping ? 1 : -1 }
        if before.isModerated != after.isModerated { moderated += after.isModerated ? 1 : -1 }
    }

    static func += (all: inout VerdictCounts, more: VerdictCounts) {
        for place in all.byVerdict.indices { all.byVerdict[place] += more.byVerdict[place] }
        all.flapping += more.flapping
        all.moderated += more.moderated
    }
}
