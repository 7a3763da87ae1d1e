/// Small seeded random numbers. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 0 up to, but not including, 1.
    package mutating func share() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// When the next ping is due, so that a fleet is never hit at one instant. Milliseconds of the wall clock throughout.
package struct DueTimeSpread: Sendable {
    private var random: SplitMix64

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// The interval, varied by ± `jitter` of itself; at least 1 ms.
    package mutating func interval(_ every: Duration, jitter: Double) -> Int64 {
        let whole = every.wholeMilliseconds
        guard jitter > 0 else { return max(1, whole) }
        return max(1, whole + Int64(Double(whole) * min(jitter, 1) * (2 * random.share() - 1)))
    }

    /// The due time after the one at `due`. It does not drift with the length of pings; but when a whole interval has
    /// been missed, the ping that is made now stands for all that were missed.
    package mutating func following(due: Int64, now: Int64, every: Duration, jitter: Double) -> Int64 {
        let interval = interval(every, jitter: jitter)
        return due + interval > now ? due + interval : now + interval
    }

    /// The second ping of a check that was first looked at in the ``StartRamp``: anywhere in the interval, so that the
    /// crowd of the first sweep does not stay together; not in its first twentieth.
    package mutating func afterFirst(now: Int64, every: Duration) -> Int64 {
        now + max(1, Int64(Double(every.wholeMilliseconds) * (0.05 + 0.95 * random.share())))
    }

    /// A due time from the ledger, after a restart. Past ones are made once, within `span`; one further off than an
    /// interval and its jitter can only come from a clock that was moved back, and is put inside the interval.
    /// - Returns: nil when there is none: the check belongs to the ``StartRamp``.
    package mutating func restored(
        _ saved: Instant, now: Instant, every: Duration, jitter: Double, span: Duration
    ) -> Int64? {
        if saved.isNever { return nil }
        if saved <= now { return now.milliseconds + Int64(random.share() * Double(span.wholeMilliseconds)) }
        let furthest = now.milliseconds + Int64((1 + min(max(jitter, 0), 1)) * Double(every.wholeMilliseconds))
        return saved.milliseconds <= furthest ? saved.milliseconds : afterFirst(now: now.milliseconds, every: every)
    }
}

/// The first look at everything after a start: in the order of the fleet file, within seconds, at a bounded rate.
package struct StartRamp: Sendable {
    /// How long it takes.
    package let span: Duration
    private let count: Int

    /// - Parameters:
    ///   - rate: the most first looks in a second. Default 1,000.
    ///   - shortest: small fleets are spread over this. Default 2 s, or 100 ms for each check when that is less.
    package init(count: Int, rate: Double = 1_000, shortest: Duration = .seconds(2)) {
        self.count = max(1, count)
        let few = min(shortest.wholeMilliseconds, Int64(self.count) * 100)
        span = .milliseconds(max(few, Int64((Double(self.count) / max(rate, 0.001) * 1_000).rounded(.up))))
    }

    /// Milliseconds after the start at which the check with this rank, 0..<count, is looked at. The first is looked at
    /// once.
    package func offset(of rank: Int) -> Int64 {
        Int64(Double(span.wholeMilliseconds) * (Double(min(max(rank, 0), count - 1)) / Double(count)))
    }
}
