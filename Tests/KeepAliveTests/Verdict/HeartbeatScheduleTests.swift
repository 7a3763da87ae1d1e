import Foundation
import KeepAlive
import StokerCore
import Testing

/// When a job is due, against a reference that walks from minute to minute through the calendar of its zone.
@Suite struct HeartbeatScheduleTests {
    /// All of them change their clocks; some by half an hour, at midnight, or in Ramadan.
    static let zones = [
        "Europe/Berlin", "Europe/London", "Europe/Lisbon", "Europe/Athens", "Europe/Kyiv", "Europe/Dublin",
        "Europe/Chisinau", "Atlantic/Azores", "Atlantic/Canary", "Atlantic/Bermuda", "Africa/Casablanca",
        "Africa/Cairo", "Africa/Ceuta", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
        "America/Anchorage", "America/Adak", "America/Halifax", "America/St_Johns", "America/Havana",
        "America/Santiago", "America/Port-au-Prince", "America/Miquelon", "America/Tijuana", "America/Nuuk",
        "America/Scoresbysund", "Antarctica/Troll", "Antarctica/Macquarie", "Asia/Jerusalem", "Asia/Beirut",
        "Asia/Nicosia", "Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland",
        "Pacific/Chatham", "Pacific/Easter", "Pacific/Norfolk",
    ]

    /// What the clocks of a zone show for some weeks, in minutes; read from the calendar every quarter of an hour.
    struct WallClock {
        let first: Int
        private var offsets: [Int] = []

        init(_ zone: TimeZone, from first: Int, days: Int) {
            self.first = first
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = zone
            for quarter in 0..<(days * 96) {
                let utc = first + quarter * 15
                let parts = calendar.dateComponents(
                    [.year, .month, .day, .hour, .minute], from: Date(timeIntervalSince1970: Double(utc) * 60))
                var plain = Calendar(identifier: .gregorian)
                plain.timeZone = .gmt
                let shown = plain.date(from: parts).map { Int($0.timeIntervalSince1970) / 60 } ?? utc
                offsets.append(shown - utc)
            }
        }

        /// Minutes since 1970 as the clock on the wall counts them.
        func shown(_ utc: Int) -> Int { utc + offsets[(utc - first) / 15] }
        var end: Int { first + offsets.count * 15 }
    }

    struct Reference {
        var clock: WallClock
        var hours: Hours

        func isInside(_ utc: Int) -> Bool {
            let shown = clock.shown(utc)
            let (minute, day) = (shown % 1_440, (shown / 1_440 + 3) % 7)
            func opens(_ window: Hours.Window, _ day: Int) -> Bool { window.days & (1 << UInt8(day)) != 0 }
            return hours.windows.contains { window in
                window.start < window.end
                    ? opens(window, day) && minute >= window.start && minute < window.end
                    : opens(window, day) && minute >= window.start
                        || opens(window, (day + 6) % 7) && minute < window.end
            }
        }

        /// The first minute at which the wall shows the time of `last`, or a later one, so many days on.
        func day(_ days: Int, _ last: Int) -> Int {
            let target = clock.shown(last) + days * 1_440
            var minute = last
            while clock.shown(minute) < target { minute += 1 }
            return minute
        }

        func due(every: Int, last: Int) -> Int? {
            let days = every / 1_440
            if days > 0 {
                let first = day(days, last) + every % 1_440
                for number in 0...14 {
                    let moment = day(days + number, last) + every % 1_440
                    if moment >= first, isInside(moment) { return moment }
                }
                return (first..<clock.end).first(where: isInside)
            }
            for number in 0...14 {
                let (start, end) = (day(number, last), day(number + 1, last))
                for moment in stride(from: start, to: end, by: every)
                where moment >= last + every && isInside(moment) { return moment }
                // The first of all may come after the day's end, where a day of the zone is short.
                if number == 0, isInside(last + every) { return last + every }
            }
            return ((last + every)..<clock.end).first(where: isInside)
        }
    }

    @Test func fiveHundredSchedulesInFortyZones() throws {
        #expect(Set(Self.zones).count == 40)
        var random = SplitMix64(seed: 20_261_129)
        for name in Self.zones {
            let zone = try #require(TimeZone(identifier: name), "\(name)")
            let from = Date(timeIntervalSince1970: 1_790_000_000 + Double.random(in: 0..<60_000_000, using: &random))
            let change = try #require(zone.nextDaylightSavingTimeTransition(after: from), "\(name) has no changes")
            let turn = Int(change.timeIntervalSince1970) / 60
            let clock = WallClock(zone, from: (turn / 1_440 - 20) * 1_440, days: 62)
            for _ in 0..<13 {
                let windows = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    let start = Int.random(in: 0..<24, using: &random) * 60
                    let length = [30, 60, 240, 480, 600, 1_439].randomElement(using: &random) ?? 60
                    return Hours.Window(
                        days: UInt8.random(in: 1...127, using: &random), start: start, end: (start + length) % 1_440)
                }
                let hours = Hours(windows: windows, zone: name, text: "")
                let every =
                    Bool.random(using: &random)
                    ? Int.random(in: 1...3, using: &random) * 1_440
                        + (Bool.random(using: &random) ? 0 : Int.random(in: 1...300, using: &random))
                    : [5, 15, 30, 60, 90, 120, 240, 360, 420, 720, 1_000].randomElement(using: &random) ?? 60
                let last = turn + Int.random(in: -(4 * 1_440)...1_440, using: &random)
                let reference = Reference(clock: clock, hours: hours)
                let window = try #require(HoursWindow(hours))
                let policy = CheckPolicy(
                    kind: .heartbeat, every: .seconds(every * 60), hours: hours, grace: .seconds(300))
                var state = CheckState()
                state.verdict = .up
                state.lastPing = Instant(seconds: Double(last) * 60)
                let due = Heartbeats.due(state, policy: policy, hours: window)
                let wanted = reference.due(every: every, last: last).map { Instant(seconds: Double($0 * 60 + 300)) }
                #expect(due == wanted, "\(name) every \(every) min, last \(state.lastPing), \(windows)")
            }
        }
    }

    /// Without hours there is no zone: a day has 24 hours.
    @Test func withoutHoursADayIsADay() {
        var state = CheckState()
        state.lastPing = Instant(seconds: 1_792_900_000)
        let policy = CheckPolicy(kind: .heartbeat, every: .seconds(86_400), grace: .seconds(300))
        #expect(Heartbeats.due(state, policy: policy) == state.lastPing + .seconds(86_700))
    }

    @Test(arguments: [
        // A job of every day at nine, over both changes of the clock.
        ("00:00-24:00 Europe/Berlin", 1_440, "2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"),
        ("00:00-24:00 Europe/Berlin", 1_440, "2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z"),
        // Half past two does not exist that night.
        ("00:00-24:00 Europe/Berlin", 1_440, "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z"),
        // An hour is an hour in that night too.
        ("00:00-24:00 Europe/Berlin", 60, "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
        ("00:00-24:00 Europe/Berlin", 60, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        // Every two hours: not Saturday evening because Saturday is the day that is open at seven.
        ("Mon-Fri 08:00-18:00, Sat 08:00-22:00 UTC", 120, "2026-11-26T17:00:00Z", "2026-11-27T09:00:00Z"),
        // Every six hours from midnight on, of which the office hears one.
        ("08:00-18:00 UTC", 360, "2026-11-26T12:00:00Z", "2026-11-27T12:00:00Z"),
        // A short Friday: neither outside of it nor before its time on Monday.
        ("Mon-Thu 08:00-18:00, Fri 08:00-09:00 UTC", 1_440, "2026-11-26T15:00:00Z", "2026-11-30T15:00:00Z"),
        ("Mon-Thu 08:00-18:00, Fri 08:00-09:00 UTC", 600, "2026-11-26T17:00:00Z", "2026-11-30T13:00:00Z"),
    ])
    func dueTimes(_ text: String, _ every: Int, _ last: String, _ due: String) throws {
        let window = try #require(HoursWindow(try Hours(text: text)))
        func instant(_ text: String) throws -> Instant {
            Instant(seconds: try Date(text, strategy: .iso8601).timeIntervalSince1970)
        }
        #expect(try window.expected(every: .seconds(every * 60), after: instant(last)) == instant(due))
    }
}
