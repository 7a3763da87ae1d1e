import StokerCore
import Testing

@testable import KeepAlive

@Suite struct PollScheduleTests {
    private static let start = Instant(seconds: 1_800_000_000)

    /// A day by the second: how often the Hub is read, and how long it goes unread.
    private func day(calls: Int, wanted: (Int) -> Bool) -> (mostInWindow: Int, longest: Duration) {
        var pace = PollSchedule()
        var reads: [Instant] = []
        for second in 0..<86_400 {
            let now = Self.start + .seconds(second)
            guard pace.mayRead(at: now, wanted: wanted(second)) else { continue }
            pace.read(calls: calls, at: now)
            reads.append(now)
        }
        var most = 0
        var from = 0
        for (index, read) in reads.enumerated() {
            while read - reads[from] >= .seconds(300) { from += 1 }
            most = max(most, (index - from + 1) * calls)
        }
        let longest = zip(reads, reads.dropFirst()).map { $1 - $0 }.max() ?? .seconds(86_400)
        return (most, longest)
    }

    /// 1,000 Spaces are one to ten pages, as large as the Hub makes them.
    @Test(arguments: [1, 2, 5, 8, 10]) func aDayStaysInsideTheBudgetAndAMinute(pages: Int) {
        let calm = day(calls: pages) { _ in false }
        #expect(calm.mostInWindow <= 50)
        #expect(calm.longest <= .seconds(60))
        let restless = day(calls: pages) { _ in true }
        #expect(restless.mostInWindow <= 50)
        #expect(restless.longest <= .seconds(60))
    }

    /// Up to eight pages leave ten seconds of the minute for the reading itself.
    @Test(arguments: 1...8) func aReadingMayTakeSomeSeconds(pages: Int) {
        #expect(day(calls: pages) { _ in false }.longest <= .seconds(50))
    }

    @Test func aSlowReadingDoesNotPutOffTheNext() {
        var pace = PollSchedule()
        pace.read(calls: 2, pages: 2, began: Self.start, at: Self.start + .seconds(20))
        #expect(!pace.mayRead(at: Self.start + .seconds(29), wanted: false))
        #expect(pace.mayRead(at: Self.start + .seconds(30), wanted: false))
    }

    @Test func repeatsCountAndDoNotMakeAReadingLarger() {
        var pace = PollSchedule()
        pace.read(calls: 12, pages: 2, at: Self.start)
        #expect(pace.used(at: Self.start) == 12)
        #expect(pace.size == 2)
        pace.also(calls: 38, at: Self.start)
        #expect(!pace.mayRead(at: Self.start + .seconds(60), wanted: true))
        #expect(pace.mayRead(at: Self.start + .seconds(300), wanted: false))
    }

    @Test func moreThanTheBudgetAllowsIsReadLessOften() {
        let many = day(calls: 25) { _ in true }
        #expect(many.mostInWindow <= 50)
        #expect(many.longest <= .seconds(150))
    }

    @Test func aSilentHubIsAskedLessAndLess() {
        var pace = PollSchedule()
        var now = Self.start
        var tries: [Instant] = []
        for _ in 0..<3_600 {
            if pace.mayRead(at: now, wanted: true) {
                tries.append(now)
                pace.failed(calls: 1, retry: .soon, at: now)
            }
            now = now + .seconds(1)
        }
        let gaps = zip(tries, tries.dropFirst()).map { $1 - $0 }
        #expect(gaps.first == .seconds(30))
        #expect(gaps.last == .seconds(300))
        #expect(gaps == gaps.sorted())
    }

    @Test func whatTheHubAsksForIsGiven() {
        var pace = PollSchedule()
        pace.failed(calls: 1, retry: .after(.seconds(1_000)), at: Self.start)
        #expect(!pace.mayRead(at: Self.start + .seconds(999), wanted: true))
        #expect(pace.mayRead(at: Self.start + .seconds(1_000), wanted: false))
    }
}
