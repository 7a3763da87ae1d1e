import StokerCore

/// The last 40 pings of each check, for the latency strips: 12 bytes a ping, in one block. Fleets too large for that keep
/// none; their strips are read from the ledger when a page needs them.
struct RecentPings {
    static let length = 40
    /// 5 MB for 10,000 checks.
    static let largestFleet = 10_000

    private struct Bar {
        var at: Int64 = 0
        var latency: UInt32 = 0
        var outcome: UInt8 = 0
    }
    private var bars: ContiguousArray<Bar>
    private var written: ContiguousArray<UInt32>

    init(count: Int) {
        let kept = count <= Self.largestFleet ? count : 0
        bars = ContiguousArray(repeating: Bar(), count: kept * Self.length)
        written = ContiguousArray(repeating: 0, count: kept)
    }

    /// False when this fleet is too large for strips in memory.
    var isKept: Bool { !written.isEmpty }

    mutating func append(_ sample: Sample, at row: Int) {
        guard row < written.count else { return }
        let slot = Int(written[row]) % Self.length
        bars[row * Self.length + slot] = Bar(
            at: sample.at.milliseconds, latency: sample.latencyMicroseconds, outcome: sample.outcome.rawValue)
        written[row] += 1
    }

    /// Oldest first.
    subscript(row: Int) -> [Sample] {
        guard row < written.count else { return [] }
        let total = Int(written[row])
        let kept = min(total, Self.length)
        return (0..<kept).compactMap { step in
            let bar = bars[row * Self.length + (total - kept + step) % Self.length]
            guard let outcome = Outcome(rawValue: bar.outcome) else { return nil }
            return Sample(at: Instant(milliseconds: bar.at), outcome: outcome, latencyMicroseconds: bar.latency)
        }
    }
}
