import Foundation

/// ``Hours`` made ready to be asked. Follows the wall clock of its zone: an hour that is skipped in spring is in no
/// window, one that comes twice in autumn is in it twice. Make one per policy and keep it: it holds the zone's table.
package struct HoursWindow: Sendable {
    /// Minutes since Monday 00:00, sorted, not touching each other.
    private let spans: [Range<Int>]
    private let zone: TimeZone
    private static let week = 7 * 1_440

    /// nil when the zone is not known.
    package init?(_ hours: Hours) {
        guard let zone = TimeZone(identifier: hours.zone) else { return nil }
        self.zone = zone
        var spans: [Range<Int>] = []
        for window in hours.windows {
            for day in 0..<7 where window.days & (1 << UInt8(day)) != 0 {
                let start = day * 1_440 + window.start
                // An end that is not after the start is on the next day.
                let end = day * 1_440 + window.end + (window.end <= window.start ? 1_440 : 0)
                if end > Self.week {
                    spans.append(start..<Self.week)
                    spans.append(0..<(end - Self.week))
                } else {
                    spans.append(start..<end)
                }
            }
        }
        self.spans = spans.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) {
            joined, span in
            if let last = joined.last, span.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                joined.append(span)
            }
        }
    }

    package func contains(_ instant: Instant) -> Bool {
        let minute = minuteOfWeek(instant)
        return spans.contains { $0.contains(minute) }
    }

    /// When pings begin again; the instant itself when it is inside; nil when they never do.
    package func opening(atOrAfter instant: Instant) -> Instant? {
        contains(instant) ? instant : change(after: instant)
    }

    /// The next moment at which inside becomes outside or the other way round; nil when there is none.
    package func change(after instant: Instant) -> Instant? {
        let inside = contains(instant)
        // Two weeks, because a change of the clock may swallow a weekly window once.
        var moments: [Int64] = []
        let local = instant.milliseconds + offset(instant)
        let firstDay = Self.floorDivide(local, 86_400_000) - 1
        var offsets: Set<Int64> = [offset(instant)]
        var after = Date(timeIntervalSince1970: instant.seconds)
        let horizon = instant + .seconds(16 * 86_400)
        while let transition = zone.nextDaylightSavingTimeTransition(after: after), transition > after {
            let moment = Instant(seconds: transition.timeIntervalSince1970)
            guard moment <= horizon else { break }
            moments.append(moment.milliseconds)
            offsets.insert(offset(moment))
            after = transition
        }
        for day in firstDay..<(firstDay + 17) {
            let weekday = Int(Self.modulo(day + 3, 7))
            for span in spans {
                for minute in [span.lowerBound, span.upperBound] where minute / 1_440 == weekday || minute == Self.week
                {
                    let ofDay = minute == Self.week ? (weekday == 6 ? 1_440 : -1) : minute % 1_440
                    guard ofDay >= 0 else { continue }
                    for offset in offsets { moments.append(day * 86_400_000 + Int64(ofDay) * 60_000 - offset) }
                }
            }
        }
        moments.sort()
        for moment in moments where moment > instant.milliseconds {
            let candidate = Instant(milliseconds: moment)
            if contains(candidate) != inside { return candidate }
        }
        return nil
    }

    /// What was expected at a moment outside the windows is expected at the same time of the next day that has it inside; where no
    /// day has, so long after the next opening as it came after the close. nil when the windows never open.
    package func expected(at instant: Instant, after last: Instant) -> Instant? {
        if contains(instant) { return instant }
        for day in 1...14 {
            let same = instant + .seconds(day * 86_400)
            if contains(same) { return same }
        }
        guard let opening = opening(atOrAfter: instant) else { return nil }
        // What was heard outside the hours is measured from the opening.
        guard contains(last), let close = change(after: last), close < instant else { return opening }
        return opening + (instant - close)
    }

    private func minuteOfWeek(_ instant: Instant) -> Int {
        let minutes = Self.floorDivide(instant.milliseconds + offset(instant), 60_000)
        // 1970-01-01 was a Thursday.
        return Int(Self.modulo(minutes + 3 * 1_440, Int64(Self.week)))
    }

    private func offset(_ instant: Instant) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: instant.seconds))) * 1_000
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { (a - modulo(a, b)) / b }
    private static func modulo(_ a: Int64, _ b: Int64) -> Int64 { let rest = a % b; return rest < 0 ? rest + b : rest }
}
