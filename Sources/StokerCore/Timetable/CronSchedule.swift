import Foundation

/// A cron expression with a zone: `0 3 * * Mon-Fri Europe/Berlin`.
///
/// Five fields as in Vixie cron (crontab(5)): minute, hour, day of month, month, day of week; lists, ranges, steps, names; Sunday is 0 or 7.
/// Where neither day field begins with `*`, a day that fits one of them is enough; else it has to fit both. `@hourly`, `@daily`, `@midnight`,
/// `@weekly`, `@monthly`, `@yearly` and `@annually` stand for five fields. Without a zone it is UTC.
///
/// A time that the zone's clock leaves out runs when the clock has leapt over it; one that comes twice runs the first time. Where every hour
/// fits, it runs as real time passes: left out is left out, twice is twice.
package struct CronSchedule: Sendable {
    /// As it was written.
    package let text: String
    /// Of the time zone database.
    package let zone: String
    private let timeZone: TimeZone
    private let minutes: UInt64
    private let hours: UInt32
    private let days: UInt32
    private let months: UInt16
    private let weekdays: UInt8
    /// A day has to fit both day fields.
    private let needsBoth: Bool

    private var isEveryHour: Bool { hours == 0xFF_FFFF }

    // MARK: When

    /// The first time after a moment; nil when there is none within half a century.
    package func next(after instant: Instant) -> Instant? {
        guard isEveryHour else {
            guard let minute = minute(atOrAfter: Self.floorDivide(shownUntil(instant), Self.minute) + 1) else {
                return nil
            }
            return moment(of: minute * Self.minute)
        }
        var from = Instant(milliseconds: instant.milliseconds + 1)
        // Two changes of the clock a year, seldom more.
        for _ in 0..<400 {
            let end = change(after: from)
            let local = from.milliseconds + offset(from)
            guard let minute = minute(atOrAfter: -Self.floorDivide(-local, Self.minute)) else { return nil }
            let found = Instant(milliseconds: minute * Self.minute - offset(from))
            guard let end, found >= end else { return found }
            from = end
        }
        return nil
    }

    /// The last time at or before a moment; nil when there is none within half a century.
    package func last(atOrBefore instant: Instant) -> Instant? {
        guard isEveryHour else {
            guard let minute = minute(atOrBefore: Self.floorDivide(shownUntil(instant), Self.minute)) else {
                return nil
            }
            return moment(of: minute * Self.minute)
        }
        var until = instant
        for _ in 0..<60 {
            let begin = until - .milliseconds(Self.day * 370)
            for start in ([begin] + changes(after: begin, until: until)).reversed() {
                let local = until.milliseconds + offset(start)
                guard let minute = minute(atOrBefore: Self.floorDivide(local, Self.minute)) else { return nil }
                let found = Instant(milliseconds: minute * Self.minute - offset(start))
                if found >= start { return found }
                until = start - .milliseconds(1)
            }
        }
        return nil
    }

    /// The time between the first two times of the year 2026, for what reckons with an interval.
    package var usualInterval: Duration {
        guard let first = next(after: Instant(milliseconds: 1_767_225_600_000)), let second = next(after: first) else {
            return .seconds(366 * 86_400)
        }
        return second - first
    }

    // MARK: The zone's clock

    private static let minute: Int64 = 60_000
    private static let day: Int64 = 86_400_000

    private var clock: ZoneClock { ZoneClock(zone: timeZone) }
    private func offset(_ instant: Instant) -> Int64 { clock.offset(instant) }
    private func change(after instant: Instant) -> Instant? { clock.change(after: instant) }
    private func changes(after instant: Instant, until end: Instant) -> [Instant] {
        clock.changes(after: instant, until: end)
    }
    private func shownUntil(_ instant: Instant) -> Int64 { clock.shownUntil(instant) }
    private func moment(of local: Int64) -> Instant { clock.moment(of: local) }

    /// The moment that `2026-12-01 05:30` (also with a `T`, and seconds) is in a zone: the first where it comes twice, the end of the leap
    /// where it is left out. nil for what is no such time.
    package static func moment(of text: String, zone: String) -> Instant? {
        guard let zone = TimeZone(identifier: zone) else { return nil }
        let parts = text.split(whereSeparator: { $0 == " " || $0 == "T" })
        guard parts.count == 2 else { return nil }
        func numbers(_ text: Substring, _ separator: Character, _ widths: [Int]) -> [Int64]? {
            let pieces = text.split(separator: separator, omittingEmptySubsequences: false)
            guard pieces.count <= widths.count,
                pieces.count >= widths.count - 1 || widths.count == 3 && pieces.count == 3,
                zip(pieces, widths).allSatisfy({ $0.utf8.count == $1 && $0.utf8.allSatisfy { (48...57).contains($0) } })
            else { return nil }
            return pieces.compactMap { Int64($0) }
        }
        guard let date = numbers(parts[0], "-", [4, 2, 2]), date.count == 3,
            let time = numbers(parts[1], ":", [2, 2, 2]), time.count >= 2,
            (1970...2999).contains(date[0]), (1...12).contains(date[1]),
            date[2] >= 1, date[2] <= length(date[0], Int(date[1])),
            time[0] < 24, time[1] < 60, time.count < 3 || time[2] < 60
        else { return nil }
        let day = day(of: date[0], Int(date[1]), Int(date[2]))
        let seconds = time[0] * 3_600 + time[1] * 60 + (time.count == 3 ? time[2] : 0)
        return ZoneClock(zone: zone).moment(of: day * Self.day + seconds * 1_000)
    }

    /// Days since 1970 (the counterpart of ``date(of:)``).
    private static func day(of year: Int64, _ month: Int, _ day: Int) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floorDivide(shiftedYear, 400)
        let ofEra = shiftedYear - era * 400
        let ofYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        let quotient = a / b
        return a % b < 0 ? quotient - 1 : quotient
    }

    // MARK: The fields

    /// Minutes since 1970 of a clock without a zone.
    private func minute(atOrAfter minute: Int64) -> Int64? {
        let day = Self.floorDivide(minute, 1_440)
        if fits(day), let later = minuteOfDay(atOrAfter: Int(minute - day * 1_440)) {
            return day * 1_440 + Int64(later)
        }
        guard let next = self.day(from: day + 1, step: 1), let first = minuteOfDay(atOrAfter: 0) else { return nil }
        return next * 1_440 + Int64(first)
    }

    private func minute(atOrBefore minute: Int64) -> Int64? {
        let day = Self.floorDivide(minute, 1_440)
        if fits(day), let earlier = minuteOfDay(atOrBefore: Int(minute - day * 1_440)) {
            return day * 1_440 + Int64(earlier)
        }
        guard let last = self.day(from: day - 1, step: -1), let end = minuteOfDay(atOrBefore: 1_439) else { return nil }
        return last * 1_440 + Int64(end)
    }

    private func minuteOfDay(atOrAfter minute: Int) -> Int? {
        var from = minute % 60
        for hour in (minute / 60)..<24 {
            if hours & (1 << UInt32(hour)) != 0,
                let fit = (from..<60).first(where: { minutes & (1 << UInt64($0)) != 0 })
            {
                return hour * 60 + fit
            }
            from = 0
        }
        return nil
    }

    private func minuteOfDay(atOrBefore minute: Int) -> Int? {
        var until = minute % 60
        for hour in (0...(minute / 60)).reversed() {
            if hours & (1 << UInt32(hour)) != 0,
                let fit = (0...until).last(where: { minutes & (1 << UInt64($0)) != 0 })
            {
                return hour * 60 + fit
            }
            until = 59
        }
        return nil
    }

    /// The nearest day that fits, in days since 1970; whole months are passed over.
    private func day(from start: Int64, step: Int64) -> Int64? {
        var day = start
        // 29 February on one weekday comes every 40 years at the latest.
        let end = start + step * 366 * 50
        while (end - day) * step > 0 {
            let date = Self.date(of: day)
            if months & (1 << UInt16(date.month)) == 0 {
                day = step > 0 ? day + Int64(Self.length(date.year, date.month) - date.day + 1) : day - Int64(date.day)
            } else if fits(day) {
                return day
            } else {
                day += step
            }
        }
        return nil
    }

    private func fits(_ day: Int64) -> Bool {
        let date = Self.date(of: day)
        guard months & (1 << UInt16(date.month)) != 0 else { return false }
        // 1970-01-01 was a Thursday.
        let weekday = (day + 4) - Self.floorDivide(day + 4, 7) * 7
        let (isDay, isWeekday) = (days & (1 << UInt32(date.day)) != 0, weekdays & (1 << UInt8(weekday)) != 0)
        return needsBoth ? isDay && isWeekday : isDay || isWeekday
    }

    /// Of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func date(of day: Int64) -> (year: Int64, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, Int(ofYear - (153 * shiftedMonth + 2) / 5 + 1))
    }

    private static func length(_ year: Int64, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// What a zone's clock shows when.
private struct ZoneClock {
    let zone: TimeZone
    private static let day: Int64 = 86_400_000

    func offset(_ instant: Instant) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: instant.seconds))) * 1_000
    }

    func change(after instant: Instant) -> Instant? {
        let date = Date(timeIntervalSince1970: instant.seconds)
        guard let next = zone.nextDaylightSavingTimeTransition(after: date), next > date else { return nil }
        return Instant(seconds: next.timeIntervalSince1970)
    }

    /// Later than the first moment, up to and with the last.
    func changes(after instant: Instant, until end: Instant) -> [Instant] {
        var found: [Instant] = []
        var from = instant
        while let next = change(after: from), next <= end {
            found.append(next)
            from = next
        }
        return found
    }

    /// The latest time that the clock has shown by then, as milliseconds of a clock without a zone.
    func shownUntil(_ instant: Instant) -> Int64 {
        changes(after: instant - .milliseconds(2 * Self.day), until: instant).reduce(
            instant.milliseconds + offset(instant)
        ) { latest, change in
            let before = change - .milliseconds(1)
            return max(latest, before.milliseconds + offset(before))
        }
    }

    /// The first moment at which the clock shows this time or a later one.
    func moment(of local: Int64) -> Instant {
        // No zone is further than 14 hours from UTC, and a zone that changes sides skips a day.
        var from = Instant(milliseconds: local - 40 * 3_600_000)
        let until = Instant(milliseconds: local + 40 * 3_600_000)
        for next in changes(after: from, until: until) + [until] {
            let moment = max(from.milliseconds, local - offset(from))
            if moment < next.milliseconds { return Instant(milliseconds: moment) }
            from = next
        }
        return until
    }
}

extension CronSchedule: Equatable {
    package static func == (a: Self, b: Self) -> Bool { a.text == b.text }
}

// MARK: Reading

extension CronSchedule {
    /// Why a text is no schedule, in words that fit behind the text that was read.
    package struct Fault: Error, Equatable {
        package var because: String
    }

    private struct Field {
        var name: String
        var range: ClosedRange<Int>
        var names: [String] = []
        /// Of the first name.
        var firstName = 0
    }

    private static let fields = [
        Field(name: "minute", range: 0...59), Field(name: "hour", range: 0...23),
        Field(name: "day of month", range: 1...31),
        Field(
            name: "month", range: 1...12,
            names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], firstName: 1),
        Field(name: "day of week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ]
    private static let shortcuts = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let example = "write 0 3 * * Mon-Fri Europe/Berlin"

    /// - Throws: ``Fault``.
    package init(text: String) throws(Fault) {
        guard text.utf8.count <= 300 else { throw Fault(because: "is longer than 300 bytes") }
        var words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" }).map(String.init)
        if let first = words.first, first.hasPrefix("@") {
            guard let fields = Self.shortcuts[first.lowercased()] else {
                if first.lowercased() == "@reboot" { throw Fault(because: "has no time: @reboot is not known here") }
                throw Fault(
                    because:
                        "begins with \(first.prefix(20)), which is none of \(Self.shortcuts.keys.sorted().joined(separator: ", "))"
                )
            }
            words = fields.split(separator: " ").map(String.init) + words.dropFirst()
        }
        guard words.count == 5 || words.count == 6 else {
            throw Fault(
                because:
                    "has \(words.count) fields; five and a zone are expected (minute, hour, day of month, month, day of week): \(Self.example)"
            )
        }
        var name = "UTC"
        if words.count == 6 {
            guard words[5].first?.isLetter == true else {
                throw Fault(because: "has six fields; seconds are not known here: \(Self.example)")
            }
            do { name = try Hours.checked(zone: words[5]) } catch { throw Fault(because: error.because) }
        }
        guard let known = TimeZone(identifier: name) else {
            throw Fault(because: "names a zone that is not known here: \(name)")
        }
        var masks: [UInt64] = []
        for (field, word) in zip(Self.fields, words) { masks.append(try Self.mask(word, field)) }
        self.text = text
        zone = name
        timeZone = known
        minutes = masks[0]
        hours = UInt32(masks[1])
        days = UInt32(masks[2])
        months = UInt16(masks[3])
        weekdays = UInt8((masks[4] | masks[4] >> 7) & 0x7F)
        needsBoth = words[2].hasPrefix("*") || words[4].hasPrefix("*")
        // Days since 1970 of 2000-01-01.
        guard day(from: 10_957, step: 1) != nil else {
            throw Fault(because: "never comes: no such day is in any of its months")
        }
    }

    private static func mask(_ word: String, _ field: Field) throws(Fault) -> UInt64 {
        var mask: UInt64 = 0
        for part in word.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
            let place = "the \(field.name) \"\(word.prefix(40))\""
            guard let first = pieces.first, !first.isEmpty, pieces.count <= 2 else {
                throw Fault(because: "has a gap in \(place); \(example)")
            }
            var step = 1
            if pieces.count == 2 {
                guard let number = number(pieces[1]), number >= 1, number <= field.range.upperBound else {
                    throw Fault(because: "has a step in \(place) that is not 1 to \(field.range.upperBound)")
                }
                step = number
            }
            // 7 is Sunday once more, and only when it is said.
            let most = field.range.upperBound == 7 ? 6 : field.range.upperBound
            if first == "*" {
                for value in stride(from: field.range.lowerBound, through: most, by: step) {
                    mask |= 1 << UInt64(value)
                }
                continue
            }
            let ends = first.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count <= 2 else { throw Fault(because: "has a range in \(place) with more than two ends") }
            let from = try value(ends[0], field, place)
            guard ends.count == 2 else {
                guard pieces.count == 1 else {
                    throw Fault(because: "has a step without a range in \(place); write \(first)-\(most)/\(step)")
                }
                mask |= 1 << UInt64(from)
                continue
            }
            var to = try value(ends[1], field, place)
            // A week has no end: Sat-Sun, Fri-Mon.
            if field.range.upperBound == 7, to < from { to += 7 }
            guard from <= to else {
                throw Fault(because: "has a range in \(place) that ends before it begins; write two, joined by a comma")
            }
            for value in stride(from: from, through: to, by: step) {
                mask |= 1 << UInt64(field.range.upperBound == 7 ? value % 7 : value)
            }
        }
        return mask
    }

    private static func number(_ text: Substring) -> Int? {
        (1...2).contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
    }

    private static func value(_ text: Substring, _ field: Field, _ place: String) throws(Fault) -> Int {
        if let number = number(text) {
            guard field.range.contains(number) else {
                throw Fault(
                    because:
                        "has \(number) in \(place); \(field.range.lowerBound) to \(field.range.upperBound) are possible"
                )
            }
            return number
        }
        let lower = text.lowercased()
        if let index = field.names.firstIndex(of: lower) { return index + field.firstName }
        let isNumbered = !lower.isEmpty && lower.dropLast().allSatisfy(\.isNumber)
        if lower.contains("#") || lower == "?" || lower == "lw"
            || isNumbered && (lower.hasSuffix("l") || lower.hasSuffix("w"))
        {
            throw Fault(because: "uses L, W, # or ? in \(place), which are not known here")
        }
        let nearest = ClosestMatch.of(String(lower.prefix(20)), among: field.names).map {
            "; did you mean \($0.capitalized)?"
        }
        throw Fault(
            because: "has \"\(text.prefix(20))\" in \(place), which is no \(field.name)\(nearest ?? "; \(example)")")
    }
}
