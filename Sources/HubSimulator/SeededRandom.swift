/// SplitMix64: the same seed gives the same story.
struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    /// A stream of its own for each name, whatever order they are made in.
    init(seed: UInt64, name: String) {
        // FNV-1a: Swift's own hashes differ from run to run.
        state = name.utf8.reduce(seed ^ 0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        let span = (range.upperBound - range.lowerBound) / Duration.microseconds(1)
        guard span >= 1 else { return range.lowerBound }
        return range.lowerBound + .microseconds(Int64.random(in: 0...Int64(span), using: &self))
    }
}
