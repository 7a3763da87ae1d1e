/// Waits that double from one failure to the next.
package struct Backoff: Sendable, Equatable {
    /// The wait after the first failure.
    package var first: Duration
    /// How often it doubles at most. Default 10: a thousand times the first.
    package var doublings: Int
    /// The longest wait; nil for none but what ``doublings`` make of it.
    package var longest: Duration?

    package init(first: Duration, longest: Duration? = nil, doublings: Int = 10) {
        self.first = first
        self.longest = longest
        self.doublings = doublings
    }

    /// The wait after so many failures in a row; zero without any.
    package func wait(after failures: Int) -> Duration {
        guard failures > 0 else { return .zero }
        let growing = first * (1 << min(failures - 1, min(doublings, 30)))
        return longest.map { min($0, growing) } ?? growing
    }

    /// The same, and up to a quarter more, so that those who failed together do not come back in step.
    /// - Parameter share: chance, 0 to 1.
    package func wait(after failures: Int, share: Double) -> Duration {
        wait(after: failures) * (1 + min(max(share, 0), 1) / 4)
    }
}
