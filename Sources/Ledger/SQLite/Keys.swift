import StokerCore

/// Keys that put what is read together, or written together, side by side: a span's number × 2³² + check.
enum Key {
    static let width: Int64 = 1 << 32
    /// Spans that keys can hold: 2³¹ would not fit, and what stands beside it is still looked at.
    static let spans: ClosedRange<Int64> = -(1 << 30)...(1 << 30)

    static func of(_ span: Int64, _ check: Int32) -> Int64 { span * width + Int64(check) }
    static func first(of span: Int64) -> Int64 { span * width }
    static func check(_ key: Int64) -> Int32 { Int32(truncatingIfNeeded: key & (width - 1)) }
    static func span(_ key: Int64) -> Int64 { key >> 32 }
}

/// UTC hours and days, also before 1970.
enum Calendar {
    static let hour: Int64 = 3_600_000
    static let day: Int64 = 86_400_000

    static func day(_ milliseconds: Int64) -> Int64 { floor(milliseconds, by: day) }
    static func floor(_ value: Int64, by size: Int64) -> Int64 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: size)
        return rest < 0 ? quotient - 1 : quotient
    }
}

/// The total order of history: by time, then check, then everything else, so that pages and implementations agree on ties.
func isOlder(_ a: Observation, _ b: Observation) -> Bool {
    if a.at != b.at { return a.at < b.at }
    if a.check != b.check { return a.check < b.check }
    if a.latencyMicroseconds != b.latencyMicroseconds { return a.latencyMicroseconds < b.latencyMicroseconds }
    return PackedObservation.pack(a) < PackedObservation.pack(b)
}

/// Finds a check's place among those asked for. Numbers are dense, so that a table beats hashing for every row of the tail.
struct Places {
    /// Each check once, ascending: neighbours share pages.
    let checks: [Int32]
    private let first: Int
    private let table: [Int32]

    init(_ asked: [Int32]) {
        checks = Set(asked).sorted()
        first = Int(checks.first ?? 0)
        let width = checks.isEmpty ? 0 : Int(checks[checks.count - 1]) - first + 1
        // Numbers far apart (nothing of ours gives such) are searched for instead.
        var table = [Int32](repeating: -1, count: width > 8_000_000 ? 0 : width)
        if !table.isEmpty {
            for (place, check) in checks.enumerated() { table[Int(check) - first] = Int32(place) }
        }
        self.table = table
    }

    subscript(check: Int32) -> Int? {
        guard !table.isEmpty else { return checks.firstIndex(of: check) }
        let offset = Int(check) - first
        guard offset >= 0, offset < table.count, table[offset] >= 0 else { return nil }
        return Int(table[offset])
    }
}

/// Equal spans of time, in whole milliseconds, that are filled with observations and sums.
struct Buckets {
    let from: Int64
    let to: Int64
    var sums: [Sum]
    private(set) var times: [TimeSum]

    /// - Precondition: `count` is at least 1. `to` at or before `from` gives empty buckets.
    init(from: Instant, to: Instant, count: Int) {
        self.from = from.milliseconds
        self.to = max(from.milliseconds, to.milliseconds)
        sums = Array(repeating: Sum(), count: max(1, count))
        times = Array(repeating: TimeSum(), count: sums.count)
    }

    private var length: Int64 { to - from }

    /// Time of a standing that was watched, over all buckets that it touches.
    mutating func add(_ standing: Standing, from begin: Int64, to end: Int64, watched: Watch, isEstimated: Bool = false)
    {
        guard standing == .up || standing == .down else { return }
        eachBucket(from: begin, to: end) { times, begin, end in
            let time = watched.time(from: begin, to: end)
            guard time > 0 else { return }
            if standing == .up { times.up += time } else { times.down += time }
            if isEstimated { times.isEstimated = true }
        }
    }

    /// Time that is only known as a sum: what a bucket has of its span counts by its share.
    mutating func add(_ sum: TimeSum, from begin: Int64, to end: Int64) {
        guard end > begin else { return }
        eachBucket(from: begin, to: end) { times, first, last in
            let isPart = first > begin || last < end
            func share(_ time: Int64) -> Int64 {
                isPart ? Int64((Double(time) * Double(last - first) / Double(end - begin)).rounded()) : time
            }
            times.up += share(sum.up)
            times.down += share(sum.down)
            times.isEstimated = times.isEstimated || sum.isEstimated || isPart
        }
    }

    /// Maintenance, as far as it was watched. - Parameter begin: since when anything is known of the check.
    mutating func addMaintenance(since begin: Int64, _ watched: Watch) {
        guard watched.hasMaintenance else { return }
        eachBucket(from: begin, to: to) { times, begin, end in
            times.maintenance += watched.maintenance(from: begin, to: end)
        }
    }

    private mutating func eachBucket(
        from begin: Int64, to end: Int64, _ body: (inout TimeSum, Int64, Int64) -> Void
    ) {
        let (begin, end) = (max(begin, from), min(end, to))
        guard begin < end, var index = index(begin) else { return }
        while index < sums.count {
            let (first, last) = (start(index), index + 1 == sums.count ? to : start(index + 1))
            guard first < end else { return }
            if max(first, begin) < min(last, end) { body(&times[index], max(first, begin), min(last, end)) }
            index += 1
        }
    }

    private func start(_ index: Int) -> Int64 {
        let (high, low) = length.multipliedFullWidth(by: Int64(index))
        return from + Int64(sums.count).dividingFullWidth((high, low)).quotient
    }

    /// The bucket whose start is the last at or before the instant; nil outside.
    func index(_ at: Int64) -> Int? {
        guard at >= from, at < to else { return nil }
        guard sums.count > 1 else { return 0 }
        // start(i) ≤ at  ⟺  floor(length·i/n) ≤ at − from  ⟺  i < (at − from + 1)·n/length
        let (high, low) = (at - from + 1).multipliedFullWidth(by: Int64(sums.count))
        let (quotient, rest) = length.dividingFullWidth((high, low))
        return Int(rest == 0 ? quotient - 1 : quotient)
    }

    mutating func add(_ row: Observation) {
        guard let index = index(row.at.milliseconds) else { return }
        sums[index].add(row.outcome, latency: row.latencyMicroseconds)
    }

    /// A sum that cannot be divided counts where its span begins.
    mutating func add(_ sum: Sum, at: Int64) {
        guard let index = index(at) else { return }
        sums[index].add(sum)
    }

    /// Whether all that lies between the two (inclusive) falls into one bucket: which, if so.
    func whole(_ first: Int64, _ last: Int64) -> Int? {
        guard let index = index(first), index == self.index(last) else { return nil }
        return index
    }

    var tallies: [SpanTotals] {
        sums.indices.map { index in
            sums[index].tally(
                from: Instant(milliseconds: start(index)),
                to: Instant(milliseconds: index + 1 == sums.count ? to : start(index + 1)), time: times[index])
        }
    }
}

/// Keeps the newest `limit` of the observations it is shown.
struct NewestObservations {
    let limit: Int
    /// Newest first after ``shrink()``.
    private(set) var rows: [Observation] = []
    /// Rows older than this cannot be among the newest.
    private(set) var floor: Int64 = .min

    init(limit: Int) { self.limit = max(0, limit) }

    mutating func add(_ row: Observation) {
        guard limit > 0, row.at.milliseconds >= floor else { return }
        rows.append(row)
        if rows.count >= 1_024, rows.count / 2 >= limit { shrink() }
    }

    mutating func shrink() {
        rows.sort { isOlder($1, $0) }
        if rows.count > limit { rows.removeLast(rows.count - limit) }
        if rows.count == limit, let oldest = rows.last { floor = oldest.at.milliseconds }
    }

    /// Whether nothing at or before the instant can be among the newest any more.
    mutating func isSettled(before last: Int64) -> Bool {
        guard limit > 0 else { return true }
        guard rows.count >= limit else { return false }
        shrink()
        return last < floor
    }

    /// Newest first.
    mutating func take() -> [Observation] {
        shrink()
        return rows
    }
}
