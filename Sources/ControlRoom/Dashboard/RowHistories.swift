import Ledger
import Logging
import Operations
import StokerCore

/// What a row shows of the past.
struct RowHistory: Sendable {
    /// The strip, as HTML.
    var strip: String
    var tally: SpanTotals?

    /// `99.95 %`, or a dash.
    var share: String { Formatting.share(tally?.uptime) }
    /// Less than this is said in the colour of the row.
    var isLow: Bool { tally?.uptime.map { $0 < 0.98 } ?? false }
    /// `of 3 h known`, where the span is not filled, and `2 h of maintenance left out`.
    var known: String? { tally?.remark }
}

/// The past of many rows, read from the ledger in one go and kept for a while: bars that are over do not change, and a page is asked for more often than
/// a bar is filled. A check whose verdict changed is read anew at once.
actor RowHistories {
    private struct Kept {
        var strip: String
        var readAt: Instant
        var since: Instant
        /// End of the running bar.
        var end: Instant
    }
    private struct Sums {
        var of: [Int32: SpanTotals] = [:]
        var readAt = Instant.never
        var fleetNumber: UInt64 = .max
        var generation: UInt64 = .max
    }

    /// So many checks' uptime is read while the page waits; of more it is read beside it, and the first page has none.
    private static let maxAwaited = 1_000
    /// Rows kept; a page has some fifty.
    private static let maxKept = 4_000
    private let ledger: any Ledger
    private let logger: Logger
    private var kept: [Chart.Range: [Int32: Kept]] = [:]
    private var sums: [Chart.Range: Sums] = [:]
    private var summing: [Chart.Range: Task<Void, Never>] = [:]
    private var reading: Task<Void, Never>?

    init(ledger: any Ledger, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
    }

    private static func patience(_ range: Chart.Range) -> Duration {
        switch range {
        case .hour: .seconds(10)
        case .day: .seconds(30)
        case .week, .month, .quarter: .seconds(120)
        }
    }

    // MARK: Uptime of all

    /// Uptime over the span that ends now, of every check of the digest. Read for the whole fleet at once, so that all pages share it.
    func uptimes(
        of digest: FleetDigest, range: Chart.Range, overview: Overview, _ monitor: any FleetMonitoring
    ) async -> [Int32: SpanTotals] {
        let now = overview.now
        func isGood() -> Bool {
            guard let sums = sums[range], sums.fleetNumber == overview.fleetNumber else { return false }
            if sums.generation == overview.generation, sums.readAt == now { return true }
            return now >= sums.readAt && now - sums.readAt < Self.patience(range)
        }
        if isGood() { return sums[range]?.of ?? [:] }
        let task =
            summing[range]
            ?? Task {
                do {
                    let all = digest.items.count == overview.total
                    let ids = all ? digest.items.map(\.id) : await monitor.statuses(StatusQuery()).items.map(\.id)
                    let tallies = try await ledger.tally(of: ids, from: now - range.span, to: now)
                    sums[range] = Sums(
                        of: Dictionary(zip(ids, tallies), uniquingKeysWith: { first, _ in first }), readAt: now,
                        fleetNumber: overview.fleetNumber, generation: overview.generation)
                } catch {
                    logger.warning("uptime cannot be read", metadata: ["error": "\(error)"])
                    sums[range] = Sums(readAt: now, fleetNumber: overview.fleetNumber)
                }
                summing[range] = nil
            }
        summing[range] = task
        if overview.total <= Self.maxAwaited { await task.value }
        return sums[range].map { $0.fleetNumber == overview.fleetNumber ? $0.of : [:] } ?? [:]
    }

    // MARK: Bars of a page

    /// The strips of these rows, by the check's number.
    func strips(of statuses: [CheckStatus], range: Chart.Range, now: Instant) async -> [Int32: String] {
        let frame = TimeBars.frame(range, now: now)
        func missing() -> [CheckStatus] {
            statuses.filter { status in
                guard let kept = kept[range]?[status.id] else { return true }
                return kept.since != status.state.since || kept.end != frame.to || now < kept.readAt
                    || now - kept.readAt >= Self.patience(range)
            }
        }
        // Two pages at once do not read the same twice.
        while let reading, !missing().isEmpty { await reading.value }
        let wanted = missing()
        if !wanted.isEmpty {
            let task = Task {
                await read(wanted, range: range, frame: frame, now: now)
                reading = nil
            }
            reading = task
            await task.value
        }
        var found: [Int32: String] = [:]
        for status in statuses { found[status.id] = kept[range]?[status.id]?.strip }
        return found
    }

    private func read(
        _ wanted: [CheckStatus], range: Chart.Range, frame: (from: Instant, to: Instant, count: Int), now: Instant
    ) async {
        var series: [[SpanTotals]] = []
        var incidents: [Int32: [Incident]] = [:]
        do {
            series = try await ledger.series(
                of: wanted.map(\.id), from: frame.from, to: frame.to, buckets: frame.count)
            for incident in try await ledger.incidents(of: nil, openOnly: false, before: nil, limit: 500) {
                incidents[incident.check, default: []].append(incident)
            }
        } catch {
            logger.warning("bars cannot be read", metadata: ["error": "\(error)"])
        }
        if (kept[range]?.count ?? 0) + wanted.count > Self.maxKept { kept[range] = [:] }
        for (index, status) in wanted.enumerated() {
            let bars = TimeBars(
                range: range, tallies: index < series.count ? series[index] : [],
                isHeartbeat: status.check.policy.kind.type.isPassive, incidents: incidents[status.id] ?? [])
            kept[range, default: [:]][status.id] = Kept(
                strip: bars.html(), readAt: now, since: status.state.since, end: frame.to)
        }
    }
}
