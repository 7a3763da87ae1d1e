package import Ledger
package import StokerCore

/// When somebody looked at a check, for the words beside its uptime; how much of the time is known is ``SpanTotals/known``.
package struct ObservedPeriods: Sendable, Equatable {
    private static let longest = Duration.seconds(90 * 86_400)
    private static let hours = 90 * 24

    /// In time order, not overlapping.
    private(set) package var stretches: [Range<Instant>]
    package let now: Instant

    package init(stretches: [Range<Instant>], now: Instant) {
        self.stretches = stretches
        self.now = now
    }

    /// Reads the last 90 days, to the hour; the very beginning to the second.
    /// - Parameter every: the check's interval: so long nothing is missing.
    package static func read(
        of check: Int32, every: Duration, from ledger: any Ledger, now: Instant
    ) async throws(Failure) -> ObservedPeriods {
        let series = try await ledger.series(of: check, from: now - longest, to: now, buckets: hours)
        var seen = series.filter(\.isSeen)
        // First the minute, then the second.
        if var first = seen.first {
            for _ in 1...2 {
                let parts = try await ledger.series(of: check, from: first.from, to: first.to, buckets: 60)
                first = parts.first(where: \.isSeen) ?? first
            }
            seen[0].from = first.from
        }
        return ObservedPeriods(seen: seen, every: every, now: now)
    }

    /// - Parameter seen: spans in each of which something was seen, in time order.
    init(seen: [SpanTotals], every: Duration, now: Instant) {
        var stretches: [Range<Instant>] = []
        for span in seen {
            if let last = stretches.last, span.from - last.upperBound <= Self.gap(at: span.from, every: every, now: now)
            {
                stretches[stretches.count - 1] = last.lowerBound..<max(last.upperBound, span.to)
            } else {
                stretches.append(span.from..<span.to)
            }
        }
        if let last = stretches.last, now - last.upperBound <= Self.gap(at: now, every: every, now: now) {
            stretches[stretches.count - 1] = last.lowerBound..<max(last.upperBound, now)
        }
        self.init(stretches: stretches, now: now)
    }

    /// So long a silence is not a hole: two and a half intervals, and a day where sums by the hour may have become one sum.
    private static func gap(at moment: Instant, every: Duration, now: Instant) -> Duration {
        max(every * 5 / 2, now - moment > .seconds(7 * 86_400) ? .seconds(86_400) : .seconds(3_600))
    }
}

extension SpanTotals {
    /// Something is known of the check: a ping, or the time that one tells of. What was looked at while we were offline tells nothing.
    fileprivate var isSeen: Bool { up + slow + waking + down > 0 || upTime + downTime > 0 }
}
