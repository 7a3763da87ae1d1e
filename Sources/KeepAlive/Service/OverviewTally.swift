import StokerCore

/// The whole, summed up over the shards.
struct OverviewTally {
    private(set) var counts = VerdictCounts()
    private(set) var generation: UInt64 = 0
    private var sum = Overview.Work()
    private var windows: [LatenessWindow] = []

    mutating func add(_ summary: Shard.Summary) {
        counts += summary.counts
        generation &+= summary.counters.generation
        sum.inFlight += summary.open
        sum.inFlightLimit += summary.openLimit
        sum.pings &+= summary.counters.pings
        sum.attempts &+= summary.counters.attempts
        sum.shed &+= summary.counters.shed
        windows.append(summary.lateness)
    }

    var work: Overview.Work {
        var work = sum
        work.latenessP50 = LatenessWindow.quantile(0.5, of: windows)
        work.latenessP99 = LatenessWindow.quantile(0.99, of: windows)
        return work
    }

    /// Verdicts that some check has.
    var byVerdict: [Verdict: Int] {
        var found: [Verdict: Int] = [:]
        for verdict in Verdict.allCases where counts[verdict] > 0 { found[verdict] = counts[verdict] }
        return found
    }
}
