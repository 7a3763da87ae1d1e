package import StokerCore

/// What was seen: observations, what they sum up to, incidents, transcripts. Written by ``Outbox/record(_:)``.
package protocol HistoryStore: Sendable {
    /// Of the newest failed ping; nil when none is kept.
    func transcript(lastFailedOf check: Int32) async throws(Failure) -> Transcript?
    /// Single observations, newest first, before the instant (exclusive), of one check or of all.
    func observations(of check: Int32?, before: Instant?, limit: Int) async throws(Failure) -> [Observation]
    /// The newest `limit` observations of each check, oldest first: one call for a page of strips.
    func latest(of checks: [Int32], limit: Int) async throws(Failure) -> [[Observation]]
    /// `buckets` equal spans from `from` to `to`, summed from the finest data that is still there.
    func series(of check: Int32, from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [SpanTotals]
    /// The same of several checks in one reading, in their order.
    func series(of checks: [Int32], from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [[SpanTotals]]
    /// One exact sum per check over a span. Uptime is ``SpanTotals/uptime``: it counts time, from the timeline of ``Batch/timeline``, not
    /// pings, and ends where this program last watched.
    func tally(of checks: [Int32], from: Instant, to: Instant) async throws(Failure) -> [SpanTotals]
    /// The sums of one check over several spans that end together, by their beginnings.
    func tallies(of check: Int32, from starts: [Instant], to: Instant) async throws(Failure) -> [SpanTotals]
    /// Newest first; `before` is an incident's id (exclusive).
    func incidents(of check: Int32?, openOnly: Bool, before: Int64?, limit: Int) async throws(Failure) -> [Incident]
}

extension HistoryStore {
    package func series(
        of checks: [Int32], from: Instant, to: Instant, buckets: Int
    ) async throws(Failure) -> [[SpanTotals]] {
        var found: [[SpanTotals]] = []
        for check in checks { found.append(try await series(of: check, from: from, to: to, buckets: buckets)) }
        return found
    }
}

extension HistoryStore {
    package func tallies(of check: Int32, from starts: [Instant], to: Instant) async throws(Failure) -> [SpanTotals] {
        var found: [SpanTotals] = []
        for start in starts { found += try await tally(of: [check], from: start, to: to) }
        return found
    }
}
