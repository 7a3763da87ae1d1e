import Runtime
package import StokerCore

/// When the Hub may be read again: as often as the budget of requests allows, at most every half minute.
///
/// Source: the Hub counts requests in windows of 5 minutes (hub-docs `rate-limits.md`). A reading takes one request a page of 500 Spaces. With up to
/// eight of them the Hub is read every 50 s or oftener, so that a change of a stage is known within a minute though the reading itself
/// takes some seconds; with nine or ten every 60 s.
package struct PollSchedule: Sendable {
    /// Requests inside ``window``. Default 50.
    package var budget: Int
    package static let window = Duration.seconds(300)
    /// Shortest time between two readings on schedule …
    package static let shortest = Duration.seconds(30)
    /// … and the longest that the budget's reserve may make of it: a minute less what a reading takes.
    package static let aim = Duration.seconds(50)
    /// … and between two when something asks for one.
    package static let soonest = Duration.seconds(5)
    /// Longest time between two tries while the Hub does not answer.
    package static let longestRetry = Duration.seconds(300)

    private static let growing = Backoff(first: shortest, longest: longestRetry)

    /// Requests of the present window, oldest first.
    private var calls: [(at: Instant, count: Int, isEarly: Bool)] = []
    private var lastRead = Instant.never
    /// Requests of the last reading.
    package private(set) var size = 1
    private var failures = 0
    private var notBefore = Instant.never

    package init(budget: Int = 50) { self.budget = budget }

    /// Time between two readings on schedule: half the budget is for what makes an earlier one worth while, as far as a change is
    /// still known within a minute.
    package var interval: Duration {
        let all = max(1, budget / max(1, size))
        let half = max(1, budget / 2 / max(1, size))
        return max(Self.shortest, min(Self.window / half, max(Self.aim, Self.window / all)))
    }

    /// - Parameter wanted: something happened that makes a reading worth while before its time.
    package func mayRead(at now: Instant, wanted: Bool) -> Bool {
        if !notBefore.isNever, now < notBefore { return false }
        guard !lastRead.isNever else { return true }
        let used = used(at: now)
        if now - lastRead >= interval { return isSpread ? used < budget : used + size <= budget }
        guard wanted, failures == 0, now - lastRead >= Self.soonest else { return false }
        // What is read early must leave enough for the readings on schedule.
        let early = calls.reduce(0) { $1.isEarly && now - $1.at < Self.window ? $0 + $1.count : $0 }
        let scheduled = size * Int(Self.window / interval)
        return early + size <= budget - scheduled && used + size <= budget
    }

    /// One reading takes more requests than a window has: it is made in several.
    package var isSpread: Bool { size > budget }

    /// Requests that the present window still has.
    package func room(at now: Instant) -> Int { max(0, budget - used(at: now)) }

    /// How many requests the next whole reading is likely to take.
    package mutating func expect(calls: Int) { size = max(1, calls) }

    /// Nothing was asked in the future: the wall clock was set back.
    package mutating func settle(at now: Instant) {
        if !lastRead.isNever { lastRead = min(lastRead, now) }
        if !notBefore.isNever { notBefore = min(notBefore, now + Self.longestRetry) }
        for index in calls.indices { calls[index].at = min(calls[index].at, now) }
    }

    package func used(at now: Instant) -> Int {
        calls.reduce(0) { now - $1.at < Self.window ? $0 + $1.count : $0 }
    }

    private mutating func note(calls count: Int, at now: Instant, began: Instant) {
        calls.removeAll { now - $0.at >= Self.window }
        let isEarly = !lastRead.isNever && began - lastRead < interval
        if count > 0 { calls.append((now, count, isEarly)) }
    }

    /// Requests that are no reading.
    package mutating func also(calls count: Int, at now: Instant) { calls.append((now, count, true)) }

    /// - Parameters:
    ///   - pages: requests of a reading without repeats; nil when all were.
    ///   - began: when it did; what it costs in time does not make the next one later. nil: just now.
    package mutating func read(calls count: Int, pages: Int? = nil, began: Instant? = nil, at now: Instant) {
        note(calls: count, at: now, began: began ?? now)
        size = max(1, pages ?? count)
        lastRead = began ?? now
        failures = 0
        notBefore = .never
    }

    /// - Parameter retry: what the Hub, or who speaks to it, said of trying again.
    package mutating func failed(calls count: Int, retry: Failure.Retry, at now: Instant) {
        note(calls: count, at: now, began: now)
        lastRead = now
        failures += 1
        let growing = Self.growing.wait(after: failures)
        if case .after(let wait) = retry { notBefore = now + max(wait, growing) } else { notBefore = now + growing }
    }
}
