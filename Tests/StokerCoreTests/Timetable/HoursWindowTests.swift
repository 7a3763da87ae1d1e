import Foundation
import StokerCore
import Testing

@Suite struct HoursWindowTests {
    static func hours(_ days: ClosedRange<Int>, _ start: Int, _ end: Int, _ zone: String) -> Hours {
        Hours(
            windows: [.init(days: days.reduce(0) { $0 | 1 << UInt8($1) }, start: start, end: end)], zone: zone, text: ""
        )
    }

    static func instant(_ text: String) throws -> Instant {
        Instant(seconds: try Date(text, strategy: .iso8601).timeIntervalSince1970)
    }

    @Test(arguments: [
        // Mon-Fri 07:00-20:00. 2026-11-20 is a Friday.
        ("2026-11-20T05:59:59Z", "Europe/Berlin", false), ("2026-11-20T06:00:00Z", "Europe/Berlin", true),
        ("2026-11-20T18:59:59Z", "Europe/Berlin", true), ("2026-11-20T19:00:00Z", "Europe/Berlin", false),
        ("2026-11-21T12:00:00Z", "Europe/Berlin", false), ("2026-07-20T05:00:00Z", "Europe/Berlin", true),
        ("2026-11-20T12:00:00Z", "America/New_York", true), ("2026-11-20T11:59:00Z", "America/New_York", false),
        ("2026-11-20T01:30:00Z", "Asia/Kolkata", true), ("2026-11-20T01:29:00Z", "Asia/Kolkata", false),
        ("2026-11-22T21:30:00Z", "Asia/Tokyo", false), ("2026-11-22T22:00:00Z", "Asia/Tokyo", true),
        ("1969-12-31T10:00:00Z", "UTC", true),
    ])
    func weekdays(at: String, zone: String, inside: Bool) throws {
        let window = try #require(HoursWindow(Self.hours(0...4, 7 * 60, 20 * 60, zone)))
        #expect(window.contains(try Self.instant(at)) == inside)
    }

    @Test(arguments: [
        // Friday 22:00 to 02:00 of the next day.
        ("2026-11-20T21:59:59Z", false), ("2026-11-20T22:00:00Z", true), ("2026-11-21T01:59:59Z", true),
        ("2026-11-21T02:00:00Z", false), ("2026-11-20T01:00:00Z", false),
    ])
    func pastMidnight(at: String, inside: Bool) throws {
        let window = try #require(HoursWindow(Self.hours(4...4, 22 * 60, 2 * 60, "UTC")))
        #expect(window.contains(try Self.instant(at)) == inside)
    }

    @Test func sundayNightReachesIntoMonday() throws {
        let window = try #require(HoursWindow(Self.hours(6...6, 23 * 60, 60, "UTC")))
        #expect(window.contains(try Self.instant("2026-11-23T00:30:00Z")))
        #expect(!window.contains(try Self.instant("2026-11-23T01:00:00Z")))
        #expect(
            window.opening(atOrAfter: try Self.instant("2026-11-23T01:00:00Z"))
                == (try Self.instant("2026-11-29T23:00:00Z")))
    }

    @Test(arguments: [
        // zone, daily window in minutes, from, when it opens
        ("Europe/Berlin", 420, 1_200, "2026-03-28T20:00:00Z", "2026-03-29T05:00:00Z"),
        ("Europe/Berlin", 420, 1_200, "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"),
        // 02:30 does not exist that night: the window opens with the clock's leap to 03:00.
        ("Europe/Berlin", 150, 240, "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
        // 02:15-02:45 does not exist at all that night.
        ("Europe/Berlin", 135, 165, "2026-03-28T12:00:00Z", "2026-03-30T00:15:00Z"),
        // 02:30 comes twice.
        ("Europe/Berlin", 150, 180, "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z"),
        ("Europe/Berlin", 150, 180, "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"),
        ("America/New_York", 120, 180, "2026-03-08T05:00:00Z", "2026-03-09T06:00:00Z"),
        ("America/New_York", 540, 600, "2026-11-01T02:00:00Z", "2026-11-01T14:00:00Z"),
        // Half an hour only.
        ("Australia/Lord_Howe", 480, 540, "2026-10-03T12:00:00Z", "2026-10-03T21:00:00Z"),
        ("Asia/Kathmandu", 480, 540, "2026-06-01T12:00:00Z", "2026-06-02T02:15:00Z"),
        ("Pacific/Apia", 0, 60, "2026-06-01T12:00:00Z", "2026-06-02T11:00:00Z"),
    ])
    func openings(zone: String, start: Int, end: Int, from: String, opens: String) throws {
        let window = try #require(HoursWindow(Self.hours(0...6, start, end, zone)))
        #expect(window.opening(atOrAfter: try Self.instant(from)) == (try Self.instant(opens)))
    }

    @Test func severalWindowsAreJoined() throws {
        let hours = Hours(
            windows: [.init(days: 0x7F, start: 8 * 60, end: 12 * 60), .init(days: 0x7F, start: 12 * 60, end: 18 * 60)],
            zone: "UTC", text: "")
        let window = try #require(HoursWindow(hours))
        let noon = try Self.instant("2026-11-20T11:00:00Z")
        #expect(window.change(after: noon) == (try Self.instant("2026-11-20T18:00:00Z")))
        #expect(window.opening(atOrAfter: noon) == noon)
    }

    @Test func alwaysAndNever() throws {
        let always = try #require(HoursWindow(Self.hours(0...6, 0, 1_440, "Europe/Berlin")))
        let never = try #require(HoursWindow(Hours(windows: [], zone: "UTC", text: "")))
        let now = Instant(seconds: 1_790_000_000)
        #expect(always.contains(now) && always.change(after: now) == nil && always.opening(atOrAfter: now) == now)
        #expect(!never.contains(now) && never.opening(atOrAfter: now) == nil)
        #expect(HoursWindow(Self.hours(0...6, 0, 60, "Mars/Olympus")) == nil)
    }

    /// Against Foundation's calendar and against walking from minute to minute over changes of the clock.
    @Test(arguments: [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata",
        "Pacific/Chatham",
        "Africa/Casablanca",
    ])
    func likeTheCalendar(zone: String) throws {
        var random = SplitMix64(seed: UInt64(zone.utf8.count))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: zone))
        let transition = try #require(
            zone == "Asia/Kolkata"
                ? Date(timeIntervalSince1970: 1_790_000_000)
                : calendar.timeZone.nextDaylightSavingTimeTransition(after: Date(timeIntervalSince1970: 1_790_000_000)))
        for _ in 0..<12 {
            let start = Int.random(in: 0..<1_440, using: &random)
            let end = Int.random(in: 0...1_440, using: &random)
            let days = UInt8.random(in: 1...127, using: &random)
            let window = try #require(
                HoursWindow(Hours(windows: [.init(days: days, start: start, end: end)], zone: zone, text: "")))
            func naive(_ date: Date) -> Bool {
                let parts = calendar.dateComponents([.weekday, .hour, .minute], from: date)
                let minute = (parts.hour ?? 0) * 60 + (parts.minute ?? 0)
                let day = ((parts.weekday ?? 0) + 5) % 7
                let today = days & (1 << UInt8(day)) != 0
                let yesterday = days & (1 << UInt8((day + 6) % 7)) != 0
                return start < end
                    ? today && minute >= start && minute < end
                    : (today && minute >= start) || (yesterday && minute < end)
            }
            let first = transition.addingTimeInterval(-Double(Int.random(in: 0...1_500, using: &random)) * 60)
            let inside = naive(first)
            #expect(window.contains(Instant(seconds: first.timeIntervalSince1970)) == inside)
            let walked = (1...3_000).lazy.map { first.addingTimeInterval(Double($0) * 60) }.first {
                naive($0) != inside
            }
            let change = window.change(after: Instant(seconds: first.timeIntervalSince1970))
            if let walked {
                #expect(
                    change == Instant(seconds: walked.timeIntervalSince1970), "\(start)-\(end) \(days) from \(first)")
            } else {
                #expect(change.map { $0.seconds > first.timeIntervalSince1970 + 180_000 } ?? true)
            }
        }
    }
}
