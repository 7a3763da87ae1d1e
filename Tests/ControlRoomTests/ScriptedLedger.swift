import Ledger
import StokerCore

/// A ledger over observations a test gave it: sums are really computed from them.
struct ScriptedLedger: Ledger {
    var observations: [Observation] = []
    var incidents: [Incident] = []
    var events: [Event] = []
    var broken = false
    let jobs: any JobStore = MemoryJobs()
    let actions: any ActionStore = MemoryActions()
    let activities: any ActivityStore = MemoryActivities()
    let records: any RecordStore = MemoryRecords()

    func compact() async throws(Failure) -> Bool { false }
    private func whole() throws(Failure) {
        guard broken else { return }
        throw Failure(.ledger, doing: "read the history", because: "the disk is gone")
    }
    private func sum(_ check: Int32, _ from: Instant, _ to: Instant) -> SpanTotals {
        var tally = SpanTotals(from: from, to: to)
        for seen in observations where seen.check == check && seen.at >= from && seen.at < to { Self.add(seen, &tally) }
        addTime(of(check), &tally)
        return tally
    }
    /// Of one check, in time order.
    private func of(_ check: Int32) -> [Observation] {
        observations.filter { $0.check == check }.sorted { $0.at < $1.at }
    }
    /// What one observation saw holds until the next.
    private func addTime(_ all: [Observation], _ tally: inout SpanTotals) {
        // From the last one before the span on.
        var (index, behind) = (0, all.count)
        while index < behind {
            let middle = (index + behind) / 2
            if all[middle].at <= tally.from { index = middle + 1 } else { behind = middle }
        }
        index = max(0, index - 1)
        while index < all.count, all[index].at < tally.to {
            let seen = all[index]
            let end = index + 1 < all.count ? min(all[index + 1].at, tally.to) : tally.to
            let time = max(0, end.milliseconds - max(seen.at, tally.from).milliseconds)
            if seen.outcome.isGood { tally.upTime += time }
            if seen.outcome == .down { tally.downTime += time }
            index += 1
        }
    }
    private static func add(_ seen: Observation, _ tally: inout SpanTotals) {
        switch seen.outcome {
        case .up: tally.up += 1
        case .slow: tally.slow += 1
        case .waking: tally.waking += 1
        case .down: tally.down += 1
        case .unknown: tally.unknown += 1
        }
        guard seen.outcome.isGood else { return }
        tally.latencyMin =
            tally.latencyMin == 0 ? seen.latencyMicroseconds : min(tally.latencyMin, seen.latencyMicroseconds)
        tally.latencyMax = max(tally.latencyMax, seen.latencyMicroseconds)
        tally.latencySum += UInt64(seen.latencyMicroseconds)
    }

    func register(_ names: [String]) async throws(Failure) -> [Int32] { names.indices.map { Int32($0 + 1) } }
    func rename(_ renames: [Fleet.Rename]) async throws(Failure) -> Renamed { Renamed() }
    func checkNames() async throws(Failure) -> [(id: Int32, name: String)] { [(id: 99, name: "left the fleet")] }
    func record(_ batch: Batch) async throws(Failure) { try whole() }
    func savedStates() async throws(Failure) -> [Int32: SavedState] { [:] }
    func transcript(lastFailedOf check: Int32) async throws(Failure) -> Transcript? { nil }
    func observations(of check: Int32?, before: Instant?, limit: Int) async throws(Failure) -> [Observation] {
        try whole()
        return Array(observations.reversed().filter { check == nil || $0.check == check }.prefix(limit))
    }
    func latest(of checks: [Int32], limit: Int) async throws(Failure) -> [[Observation]] {
        checks.map { check in Array(observations.filter { $0.check == check }.suffix(limit)) }
    }
    func series(of check: Int32, from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [SpanTotals] {
        try whole()
        let step = (to.milliseconds - from.milliseconds) / Int64(buckets)
        var tallies = (0..<buckets).map { index in
            let start = Instant(milliseconds: from.milliseconds + Int64(index) * step)
            return SpanTotals(from: start, to: start + .milliseconds(step))
        }
        for seen in observations where seen.check == check && seen.at >= from && seen.at < to {
            Self.add(seen, &tallies[min(buckets - 1, Int((seen.at.milliseconds - from.milliseconds) / step))])
        }
        if buckets <= 96 {
            let own = of(check)
            for index in tallies.indices { addTime(own, &tallies[index]) }
        }
        return tallies
    }
    func tally(of checks: [Int32], from: Instant, to: Instant) async throws(Failure) -> [SpanTotals] {
        try whole()
        return checks.map { sum($0, from, to) }
    }
    func incidents(of check: Int32?, openOnly: Bool, before: Int64?, limit: Int) async throws(Failure) -> [Incident] {
        try whole()
        return Array(
            incidents.filter {
                (check == nil || $0.check == check) && (!openOnly || $0.ended == nil) && $0.id < before ?? .max
            }.sorted { $0.id > $1.id }.prefix(limit))
    }
    func events(of check: Int32?, before: Int64?, limit: Int) async throws(Failure) -> [Event] {
        try whole()
        return Array(events.filter { check == nil || $0.check == check }.prefix(limit))
    }
    func prune(_ settings: Fleet.LedgerSettings, now: Instant) async throws(Failure) -> Int { 0 }
    func backup(to path: String) async throws(Failure) { try whole() }
    func statistics() async throws(Failure) -> LedgerStatistics {
        LedgerStatistics(
            bytes: 0, observations: Int64(observations.count), oldestObservation: observations.first?.at, checks: 1)
    }
    func close() async {}
}
