package import StokerCore

/// One line of the timeline that uptime is counted from.
package enum TimelineEntry: Sendable, Equatable {
    case change(StandingChange)
    /// Nobody watched: this program did not run, stood still, or stood by. Without `from`, since the ledger was last told that
    /// somebody did (``Batch/watchedUntil``); a clock that shows an earlier time than then was set back.
    case absence(from: Instant?, to: Instant)
    /// The wall clock shows an earlier time than before: what it goes through again counts as it is the second time.
    case clockSetBack(to: Instant)
}

/// What a check's time is taken for from here on.
package struct StandingChange: Sendable, Equatable {
    /// The ledger's number of the check.
    package var check: Int32
    /// Since when, as is known only now: earlier than ``seen`` where it took several attempts or pings.
    package var at: Instant
    /// Of what made it known. From here on the standing holds whatever there was before.
    package var seen: Instant
    /// What the time from ``at`` on counts as.
    package var standing: Standing
    package init(check: Int32, at: Instant, seen: Instant, standing: Standing) {
        self.check = check
        self.at = at
        self.seen = seen
        self.standing = standing
    }
}

/// A stored line: the standing from this time on.
struct Mark: Equatable, Sendable {
    var at: Int64
    var standing: Standing
}

enum Timeline {
    /// What takes the place of all marks from `change.at` on.
    /// - Parameters:
    ///   - previous: the standing just before `change.at`.
    ///   - later: the marks at or after `change.at`, in time order: none but for what is known late, or a clock set back.
    static func marks(after change: StandingChange, previous: Standing?, later: [Mark]) -> [Mark] {
        let at = min(change.at, change.seen).milliseconds
        let seen = change.seen.milliseconds
        var result: [Mark] = []
        func add(_ time: Int64, _ standing: Standing) {
            if result.last?.at == time { result.removeLast() }
            guard (result.last?.standing ?? previous ?? .unknown) != standing else { return }
            result.append(Mark(at: time, standing: standing))
        }
        var before = Mark(at: at, standing: previous ?? .unknown)
        for mark in later where mark.at < seen {
            if before.at < mark.at { add(before.at, before.standing.isKept ? before.standing : change.standing) }
            before = mark
        }
        if before.at < seen { add(before.at, before.standing.isKept ? before.standing : change.standing) }
        add(seen, change.standing)
        return result
    }
}

/// Time up and down in milliseconds.
struct TimeSum: Sendable, Equatable {
    var up: Int64 = 0
    var down: Int64 = 0
    /// Watched, but not counted: maintenance.
    var maintenance: Int64 = 0
    var isEstimated = false
}

/// Spans in time order, apart from each other.
private struct SpanList: Sendable {
    private(set) var spans: [Range<Int64>] = []
    /// Length of all spans before each.
    private var before: [Int64] = []

    init(_ given: [Range<Int64>]) {
        for one in given.sorted(by: { $0.lowerBound < $1.lowerBound }) where !one.isEmpty {
            if let last = spans.last, one.lowerBound <= last.upperBound {
                spans[spans.count - 1] = last.lowerBound..<max(last.upperBound, one.upperBound)
            } else {
                spans.append(one)
            }
        }
        var sum: Int64 = 0
        for one in spans {
            before.append(sum)
            sum += one.upperBound - one.lowerBound
        }
    }

    /// How much of the time lies in them.
    func length(from begin: Int64, to stop: Int64) -> Int64 { length(before: stop) - length(before: begin) }

    private func length(before time: Int64) -> Int64 {
        // The last span that begins before the time.
        var (low, high) = (0, spans.count)
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].lowerBound < time { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return 0 }
        let last = spans[low - 1]
        return before[low - 1] + min(time, last.upperBound) - last.lowerBound
    }
}

/// When somebody watched: all of the time but some spans. Of it, maintenance is not counted.
struct Watch: Sendable {
    private var unwatched: SpanList
    /// Unwatched and maintenance together; nil without maintenance.
    private var uncounted: SpanList?
    /// Nothing is known from here on; nil for no such bound.
    private var end: Int64?

    /// In time order, apart from each other.
    var absences: [Range<Int64>] { unwatched.spans }
    var hasMaintenance: Bool { uncounted != nil }

    init(absences: [Range<Int64>] = [], until end: Int64? = nil) {
        unwatched = SpanList(absences)
        self.end = end
    }

    /// With time that is watched and not counted.
    func leavingOut(maintenance: [Range<Int64>]) -> Watch {
        var watch = self
        watch.uncounted = SpanList(absences + maintenance)
        return watch
    }

    /// Milliseconds of a span that count.
    func time(from begin: Int64, to stop: Int64) -> Int64 {
        let stop = end.map { min($0, stop) } ?? stop
        guard begin < stop else { return 0 }
        return stop - begin - (uncounted ?? unwatched).length(from: begin, to: stop)
    }

    /// Milliseconds of a span that were watched in maintenance.
    func maintenance(from begin: Int64, to stop: Int64) -> Int64 {
        let stop = end.map { min($0, stop) } ?? stop
        guard let uncounted, begin < stop else { return 0 }
        return uncounted.length(from: begin, to: stop) - unwatched.length(from: begin, to: stop)
    }

    /// Joins absences that are apart by no more than the gap, so that a program that starts again and again needs no endless list.
    /// The short runs between them count as not watched.
    static func joined(_ absences: [Range<Int64>], gap: Int64) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        for one in absences {
            if let last = result.last, one.lowerBound - last.upperBound <= gap {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, one.upperBound)
            } else {
                result.append(one)
            }
        }
        return result
    }
}

extension Buckets {
    /// - Parameters:
    ///   - marks: of one check, in time order; the first may lie before the span.
    ///   - since: marks count from here on.
    mutating func add(_ marks: [Mark], since: Int64 = .min, watched: Watch) {
        for (index, mark) in marks.enumerated() {
            let end = index + 1 < marks.count ? marks[index + 1].at : to
            add(mark.standing, from: max(mark.at, since), to: end, watched: watched)
        }
    }
}

/// Time before there was a timeline, from single pings of one check: what one saw holds until the next. Nothing is claimed of a
/// silence of more than two days.
struct EarlyPings {
    private static let longest: Int64 = 2 * 86_400_000
    private let from: Int64
    private let until: Int64
    private var pings: [Mark] = []

    init(from: Instant, until: Int64) {
        self.from = from.milliseconds
        self.until = until
    }

    mutating func add(_ row: Observation) {
        guard row.at.milliseconds < until, row.at.milliseconds >= from else { return }
        let standing: Standing =
            switch row.outcome {
            case .up, .slow: .up
            case .down: .down
            case .waking: .waking
            case .unknown: .blind
            }
        pings.append(Mark(at: row.at.milliseconds, standing: standing))
    }

    /// An hour or a day of which only the counts are known: its time is shared out like its pings.
    func add(_ sum: Sum, from begin: Int64, to end: Int64, watched: Watch, _ buckets: inout Buckets) {
        let end = min(end, until)
        let all = Double(sum.up + sum.slow + sum.down + sum.waking + sum.unknown)
        guard begin < end, all > 0 else { return }
        let time = Double(watched.time(from: begin, to: end))
        let estimate = TimeSum(
            up: Int64(time * Double(sum.good) / all), down: Int64(time * Double(sum.down) / all), isEstimated: true)
        buckets.add(estimate, from: begin, to: end)
    }

    mutating func add(to buckets: inout Buckets, watched: Watch) {
        pings.sort { $0.at < $1.at }
        for (index, ping) in pings.enumerated() {
            let next = index + 1 < pings.count ? pings[index + 1].at : until
            buckets.add(
                ping.standing, from: ping.at, to: min(next, ping.at + Self.longest), watched: watched,
                isEstimated: true)
        }
    }
}
