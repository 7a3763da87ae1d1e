import ArgumentParser
import Foundation
import Ledger
import StokerCore

/// How fast observations go in, and what one costs on disk.
struct LedgerAppendBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ledger-append", abstract: "Appends observations.")

    @Option var rows = 1_000_000
    @Option(help: "Observations per transaction.") var batch = 1_000
    @Option var targets = 100_000
    @Option var data: String

    func run() async throws {
        let ledger = try await SQLiteLedger(path: try folder(data) + "/bench.sqlite", logger: quietLogger())
        let ids = try await ledger.register((0..<targets).map { "t\($0)" })
        var numbers = Numbers(seed: 1)
        try await ledger.backup(to: data + "/empty")
        let empty = try fileSize(data + "/empty")
        try FileManager.default.removeItem(atPath: data + "/empty")
        let begin = Int64(1_780_000_000_000)
        // Made beforehand: making them is not the ledger's work.
        let batches = stride(from: 0, to: rows, by: batch).map { first in
            Batch(
                observations: (first..<min(rows, first + batch)).map { row in
                    Observation(
                        check: ids[row % targets], at: Instant(milliseconds: begin + Int64(row) * 3), outcome: .up,
                        code: 200,
                        latencyMicroseconds: UInt32(20_000 + numbers.below(400_000)))
                })
        }
        let meter = Meter()
        for batch in batches { try await ledger.record(batch) }
        let (wall, cpu) = (meter.wallSeconds, meter.cpuSeconds)
        // A copy has neither log nor free pages: what the rows themselves cost.
        try await ledger.backup(to: data + "/copy")
        let raw = try fileSize(data + "/copy") - empty
        try FileManager.default.removeItem(atPath: data + "/copy")
        // What the service does between batches, to the end: rows move from the tail into segments by target.
        let compacting = Meter()
        try await tendToTheEnd(ledger)
        let (compactWall, compactCPU) = (compacting.wallSeconds, compacting.cpuSeconds)
        await ledger.close()
        let size = try fileSizes(in: data)
        try say([
            "rows": rows, "wall_seconds": wall, "cpu_seconds": cpu, "bytes": raw, "tend_wall_seconds": compactWall,
            "tend_cpu_seconds": compactCPU, "bytes_closed": size,
        ])
    }
}

/// A year of a fleet as retention leaves it, and the charts over its last 90 days.
struct LedgerYearBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger-year", abstract: "Builds a year and draws charts.")

    @Option var targets = 1_000
    @Option(help: "Observations an hour that stand for sixty in the days that only their sums survive.") var perHour = 6
    @Option var days = 365
    @Option var charts = 200
    @Option var data: String

    func run() async throws {
        let ledger = try await SQLiteLedger(path: try folder(data) + "/bench.sqlite", logger: quietLogger())
        let ids = try await ledger.register((0..<targets).map { "t\($0)" })
        let settings = Fleet.LedgerSettings()
        let end = Int64(Date().timeIntervalSince1970 / 86_400) * 86_400_000
        let begin = end - Int64(days) * 86_400_000
        let keptRaw = end - settings.keepObservations.wholeMilliseconds - 86_400_000
        var numbers = Numbers(seed: 7)
        let meter = Meter()
        var at = begin
        var rows = 0
        var day = begin
        while at < end {
            let step: Int64 = at >= keptRaw ? 60_000 : 3_600_000 / Int64(perHour)
            var batch = Batch()
            batch.observations.reserveCapacity(targets)
            for (place, id) in ids.enumerated() {
                // Each target at its own offset inside the step, one in a thousand down, and a few slow.
                let chance = numbers.below(1_000)
                let outcome: Outcome = chance == 0 ? .down : chance < 5 ? .slow : .up
                batch.observations.append(
                    Observation(
                        check: id, at: Instant(milliseconds: at + step * Int64(place) / Int64(targets)),
                        outcome: outcome,
                        cause: outcome == .down ? .status : outcome == .slow ? .tooSlow : .none,
                        code: outcome == .down ? 503 : 200,
                        latencyMicroseconds: UInt32(100_000 + numbers.below(900_000))))
            }
            rows += batch.observations.count
            try await ledger.record(batch)
            at += step
            if rows % 50_000 < targets { try await tendToTheEnd(ledger) }
            if at >= day + 86_400_000 {
                day += 86_400_000
                _ = try await ledger.prune(settings, now: Instant(milliseconds: at))
            }
        }
        try await tendToTheEnd(ledger)
        while try await ledger.prune(settings, now: Instant(milliseconds: end)) > 0 {}
        let built = meter.wallSeconds

        var times: [Double] = []
        let from = Instant(milliseconds: end - 90 * 86_400_000)
        for chart in 0..<charts {
            let id = ids[Int(numbers.below(UInt64(targets)))]
            let one = Meter()
            // As many bars as a page of 90 days, and as many as it is wide.
            let series = try await ledger.series(
                of: id, from: from, to: Instant(milliseconds: end), buckets: chart % 2 == 0 ? 90 : 360)
            times.append(one.wallSeconds * 1_000)
            let counted = series.reduce(0) { $0 + $1.up + $1.slow + $1.down }
            guard counted > 82 * 24 * perHour else {
                throw ValidationError("a 90-day chart shows only \(counted) pings")
            }
        }
        times.sort()
        await ledger.close()
        try say([
            "targets": targets, "rows": rows, "build_seconds": built, "bytes": try fileSizes(in: data),
            "charts": times.count,
            "chart_p50_ms": times[times.count / 2], "chart_p95_ms": times[times.count * 95 / 100],
            "chart_max_ms": times[times.count - 1],
        ])
    }
}

/// The maintenance that the service does between batches, until there is nothing left to do.
private func tendToTheEnd(_ ledger: SQLiteLedger) async throws {
    while try await ledger.compact() {}
}

private func fileSizes(in folder: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { $0 + (try fileSize("\(folder)/\($1)")) }
}

private func fileSize(_ path: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
}
