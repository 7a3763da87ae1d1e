/// A moment of the wall clock: milliseconds since 1970-01-01 00:00 UTC. Small enough to keep by the million.
package struct Instant: Hashable, Comparable, Sendable, Codable {
    /// Since 1970-01-01 00:00 UTC; may be negative. What is stored lies in ``range``.
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    /// Seconds since 1970, rounded to a millisecond. Not a number is ``never``; what does not fit becomes the nearest end.
    package init(seconds: Double) {
        let value = (seconds * 1_000).rounded()
        // Not a number is no time, and what does not fit is as far away as a time can be.
        milliseconds = value.isNaN ? 0 : Int64(max(-9e18, min(9e18, value)))
    }

    /// What four digits of a year can show, in milliseconds: 0001-01-01 to the end of 9999. Times that are stored are inside.
    package static let range: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

    /// "Never" or "not yet", where a value must be there.
    package static let never = Instant(milliseconds: 0)
    package var isNever: Bool { milliseconds == 0 }

    /// Since 1970.
    package var seconds: Double { Double(milliseconds) / 1_000 }

    package static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }
    // At the ends of time they stand still: an absurd time must not end the process.
    /// Stops at the ends of what can be stored instead of overflowing; parts of a millisecond are dropped.
    package static func + (a: Instant, b: Duration) -> Instant {
        let (sum, overflow) = a.milliseconds.addingReportingOverflow(b.wholeMilliseconds)
        return Instant(milliseconds: overflow ? (a.milliseconds < 0 ? .min : .max) : sum)
    }
    /// Stops at the ends as `+` does.
    package static func - (a: Instant, b: Duration) -> Instant {
        let (rest, overflow) = a.milliseconds.subtractingReportingOverflow(b.wholeMilliseconds)
        return Instant(milliseconds: overflow ? (a.milliseconds < 0 ? .min : .max) : rest)
    }
    /// The time from `b` to `a`; negative when `a` is earlier.
    package static func - (a: Instant, b: Instant) -> Duration {
        let (rest, overflow) = a.milliseconds.subtractingReportingOverflow(b.milliseconds)
        return .milliseconds(overflow ? (a.milliseconds < 0 ? .min : .max) : rest)
    }

    package init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

extension Instant: CustomStringConvertible {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T08:15:00.000Z`. Calendar arithmetic by days from the civil epoch,
    /// because a formatter costs fifty times as much and this is on the path of every exported row.
    package var description: String {
        let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        let dayNumber = rest < 0 ? days - 1 : days
        let ofDay = rest < 0 ? rest + 86_400_000 : rest
        // Days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let z = dayNumber + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func pad(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
        let time = "\(pad(ofDay / 3_600_000, 2)):\(pad(ofDay / 60_000 % 60, 2)):\(pad(ofDay / 1_000 % 60, 2))"
        return "\(date)T\(time).\(pad(ofDay % 1_000, 3))Z"
    }
}
