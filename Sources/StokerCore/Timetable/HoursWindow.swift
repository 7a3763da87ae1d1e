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

    /// Whether the instant lies in any of the windows, by the local time of their zone.
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
        return moments(after: instant, days: 16).first { contains($0) != inside }
    }

    /// Where inside may become outside or the other way round, in order.
    private func moments(after instant: Instant, days: Int64) -> [Instant] {
        var moments: [Int64] = []
        let local = instant.milliseconds + offset(instant)
        let firstDay = Self.floorDivide(local, Self.day) - 1
        var offsets: Set<Int64> = [offset(instant)]
        for moment in transitions(after: instant, until: instant + .milliseconds(days * Self.day)) {
            moments.append(moment.milliseconds)
            offsets.insert(offset(moment))
        }
        for day in firstDay..<(firstDay + days + 1) {
            let weekday = Int(Self.modulo(day + 3, 7))
            for span in spans {
                for minute in [span.lowerBound, span.upperBound] where minute / 1_440 == weekday || minute == Self.week
                {
                    let ofDay = minute == Self.week ? (weekday == 6 ? 1_440 : -1) : minute % 1_440
                    guard ofDay >= 0 else { continue }
                    for offset in offsets { moments.append(day * Self.day + Int64(ofDay) * 60_000 - offset) }
                }
            }
        }
        return Set(moments).filter { $0 > instant.milliseconds }.sorted().map(Instant.init(milliseconds:))
    }

    /// Changes of the zone's clock.
    private func transitions(after instant: Instant, until end: Instant) -> [Instant] {
        var found: [Instant] = []
        var after = Date(timeIntervalSince1970: instant.seconds)
        while let transition = zone.nextDaylightSavingTimeTransition(after: after), transition > after {
            let moment = Instant(seconds: transition.timeIntervalSince1970)
            guard moment <= end else { break }
            found.append(moment)
            after = transition
        }
        return found
    }

    // MARK: Jobs

    /// When a job that was last heard of at `last` should call again.
    ///
    /// It keeps its rhythm: `every` after the last call and again and again, beginning anew at the same time of each day of the
    /// zone; of a job that calls daily or less often, after so many days of the zone, then at the same time of each
    /// day. It is expected at the first of these moments that lies inside the hours; where none does within two weeks, when they
    /// open after the first. nil when they never open.
    package func expected(every: Duration, after last: Instant) -> Instant? {
        let step = max(1, every.wholeMilliseconds)
        let isDaily = step >= Self.day
        let (days, rest) = isDaily ? (step / Self.day, step % Self.day) : (0, 0)
        let first = isDaily ? self.day(days, after: last) + .milliseconds(rest) : last + .milliseconds(step)
        if contains(first) { return first }
        let open = openings(after: isDaily ? first : last, days: 17)
        for number in 0...14 as ClosedRange<Int64> {
            let start = self.day(days + number, after: last)
            if isDaily {
                let moment = start + .milliseconds(rest)
                if moment >= first, contains(moment) { return moment }
                continue
            }
            let end = self.day(number + 1, after: last)
            for span in open where span.upperBound > start && span.lowerBound < end {
                let wait = max(span.lowerBound, max(start, first)) - start
                let steps = (wait.wholeMilliseconds + step - 1) / step
                let moment = start + .milliseconds(steps * step)
                if moment < span.upperBound, moment < end { return moment }
            }
        }
        return opening(atOrAfter: first)
    }

    /// The spans inside that end after the moment, in order.
    private func openings(after instant: Instant, days: Int64) -> [Range<Instant>] {
        var found: [Range<Instant>] = []
        var since = contains(instant) ? instant : nil
        let all = moments(after: instant, days: days)
        for moment in all {
            let inside = contains(moment)
            if let start = since, !inside {
                found.append(start..<moment)
                since = nil
            } else if since == nil, inside {
                since = moment
            }
        }
        if let start = since, let end = all.last, end > start { found.append(start..<end) }
        return found
    }

    /// The first moment, so many days of the zone later, at which its clock shows the same time or a later one: an hour
    /// that is left out in spring makes it the moment of the leap.
    func day(_ days: Int64, after last: Instant) -> Instant {
        guard days > 0 else { return last }
        let target = last.milliseconds + offset(last) + days * Self.day
        // No zone is further than 14 hours from UTC, and a zone that changes sides skips a day.
        var from = Instant(milliseconds: target - 40 * 3_600_000)
        let until = Instant(milliseconds: target + 40 * 3_600_000)
        for next in transitions(after: from, until: until) + [until] {
            let moment = max(from.milliseconds, target - offset(from))
            if moment < next.milliseconds { return max(last, Instant(milliseconds: moment)) }
            from = next
        }
        return until
    }

    private static let day: Int64 = 86_400_000

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
