import Foundation
import HubDay
import Testing

/// The whole chain from the watch to the Hub's pages, by the second on a clock moved by hand; see ``HubDay``.
///
/// `STOKER_WATCH_SPACES`, `STOKER_WATCH_MINUTES` and `STOKER_WATCH_SEED` make it another day; `make bench ROWS=hub-day` lives a whole one.
@Suite struct WatchedDayTests {
    private static func number(_ name: String, _ defaultValue: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? defaultValue
    }

    /// 1,000 Spaces are two pages, as huggingface.js is known to get them, or as many as the Hub likes.
    struct Case: Sendable, CustomTestStringConvertible {
        var spaces: Int
        var page: Int
        var others: Int
        var minutes: Int
        var pages: Int { (spaces + page - 1) / page }
        var testDescription: String { "\(spaces) Spaces on \(pages) pages, \(others) calls of others" }
    }
    private static let cases = [
        Case(
            spaces: number("STOKER_WATCH_SPACES", 1_000), page: 500, others: 0,
            minutes: number("STOKER_WATCH_MINUTES", 6)),
        Case(spaces: 200, page: 25, others: 0, minutes: 6),
        // Five times nine and the question for the form of addresses are fifty at most; with ten pages the first window is one short.
        Case(spaces: 180, page: 20, others: 0, minutes: 6),
        // With the watch's fifty this is all that a free account has.
        Case(spaces: 120, page: 60, others: 950, minutes: 11),
    ]

    @Test(arguments: cases) func everyChangeIsKnownWithinAMinute(_ given: Case) async throws {
        var settings = HubDay.Settings()
        settings.spaces = given.spaces
        settings.listPage = given.page
        settings.others = given.others
        settings.minutes = given.minutes
        settings.seed = UInt64(Self.number("STOKER_WATCH_SEED", 1))
        let day = try await HubDay.run(settings)
        #expect(day.pages == given.pages)
        #expect(day.changes > given.minutes)
        #expect(day.late.isEmpty && day.slowest <= 60, "slowest \(day.slowest) s")
        #expect(day.wrong == 0)
        #expect(day.mostCalls <= 50)
        #expect(day.refusals == 0 && day.otherRefusals == 0)
        #expect(given.others == 0 || day.otherCalls > given.others)
        print(
            "\(given.testDescription), \(given.minutes) min: \(day.changes) changes of \(day.stages.count) kinds, known after \(day.lateness(share: 0.5)) s (p50), \(day.slowest) s at most; \(day.readings) readings, \(day.calls) calls, at most \(day.mostCalls) in 5 min"
        )
    }

    /// Others leave nothing: the watch is refused once at most in a window, does not knock again until it ends, and is right soon after.
    @Test func anEmptyWindowIsWaitedFor() async throws {
        var settings = HubDay.Settings()
        settings.spaces = 20
        settings.others = 1_200
        settings.minutes = 16
        let day = try await HubDay.run(settings)
        #expect(day.otherRefusals > 0)
        #expect(day.refusals <= 4)
        #expect(day.mostCalls <= 50)
        #expect(day.wrong == 0)
        #expect(day.slowest <= 360)
    }
}
