import Ledger
import Operations
import StokerCore
import Testing

@Suite struct ObservedPeriodsTests {
    private static let now = Instant(milliseconds: 1_795_255_200_000)

    /// Pings at so many minutes before now; how many minutes of the last day and of 90 days are known then.
    @Test(
        arguments: [
            ([], 5, 0, 0),
            ([12, 7, 2], 5, 12, 12),
            // Looked at every three quarters of an hour for a week: hours without a ping are no holes.
            (Array(stride(from: 7 * 1_440, to: 0, by: -45)), 45, 1_440, 7 * 1_440),
            // Stoker stood still for the last ten hours but for one ping just now.
            (Array(stride(from: 1_440, through: 600, by: -5)) + [1], 5, 14 * 60, 14 * 60),
            // A job that calls once a day is known all along.
            ([4 * 1_440, 3 * 1_440, 2 * 1_440, 1_440], 1_440, 1_440, 4 * 1_440),
        ] as [([Int], Int, Int, Int)])
    func knowsWhenSomebodyLooked(pings: [Int], every: Int, day: Int, quarter: Int) async throws {
        let ledger = MemoryLedger()
        try await ledger.record(
            Batch(
                observations: pings.map {
                    Observation(
                        check: 1, at: Self.now - .seconds($0 * 60), outcome: .up, cause: .none, latencyMicroseconds: 5)
                }))
        let watched = try await ObservedPeriods.read(of: 1, every: .seconds(every * 60), from: ledger, now: Self.now)
        // Each edge of a hole to the hour, as the sums are; the very beginning to the second.
        #expect(abs(minutes(known(watched, in: .seconds(86_400))) - day) <= 120)
        #expect(abs(minutes(known(watched, in: .seconds(90 * 86_400))) - quarter) <= 120)
        if day < 60 { #expect(minutes(known(watched, in: .seconds(86_400))) == day) }
    }

    @Test func whatWasLookedAtWhileWeWereOfflineIsNotKnown() async throws {
        let ledger = MemoryLedger()
        try await ledger.record(
            Batch(observations: [
                Observation(
                    check: 1, at: Self.now - .seconds(600), outcome: .unknown, cause: .selfOffline,
                    latencyMicroseconds: 0)
            ]))
        let watched = try await ObservedPeriods.read(of: 1, every: .seconds(300), from: ledger, now: Self.now)
        #expect(watched.stretches.isEmpty)
    }

    private func known(_ watched: ObservedPeriods, in span: Duration) -> Duration {
        let from = Self.now - span
        return watched.stretches.reduce(.zero) { $0 + max(.zero, $1.upperBound - max($1.lowerBound, from)) }
    }

    private func minutes(_ duration: Duration) -> Int { Int(duration / .seconds(60)) }
}
