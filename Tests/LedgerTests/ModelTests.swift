import Foundation
import Ledger
import StokerCore
import Testing

/// Random histories, written to SQLite and to the plain model alike: every answer must be the same, whatever was moved where.
@Suite("Ledger against its model")
struct ModelTests {
    @Test("answers equal the model's", arguments: 1...12 as ClosedRange<UInt64>)
    func random(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let scratch = try Scratch()
        let layout = SQLiteLedger.Layout(
            tail: .random(in: 1...80, using: &random), slice: .random(in: 1...60, using: &random),
            fanOut: .random(in: 2...4, using: &random))
        var ledger = try await openLedger(scratch, layout: layout)
        let model = MemoryLedger()
        let checks: Int32 = .random(in: 1...9, using: &random)
        let settings = Fleet.LedgerSettings(
            keepObservations: .seconds(3 * 86_400), keepMinutes: .zero, keepHours: .seconds(6 * 86_400))
        var clock = morning
        for _ in 0..<40 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let lateness = Bool.random(using: &random) ? Int.random(in: 0...(9 * 86_400), using: &random) : 0
                var at = clock - .seconds(lateness)
                let rows = (0..<Int.random(in: 1...120, using: &random)).map { _ in
                    at = at + .milliseconds(Int64.random(in: 0...200_000, using: &random))
                    return randomObservation(&random, checks: checks, at: at)
                }
                clock = max(clock, at)
                try await ledger.record(Batch(observations: rows))
                try await model.record(Batch(observations: rows))
            case 6: _ = try await ledger.compact()
            case 7: try await ledger.compactAll()
            case 8:
                clock = clock + .seconds(Int.random(in: 0...(2 * 86_400), using: &random))
                _ = try await ledger.prune(settings, now: clock)
                _ = try await model.prune(settings, now: clock)
            default:
                await ledger.close()
                ledger = try await openLedger(scratch, layout: layout)
            }
            if Int.random(in: 0..<3, using: &random) == 0 { try await compare(ledger, model, checks, clock, &random) }
        }
        try await compare(ledger, model, checks, clock, &random)
        try await ledger.compactAll()
        try await compare(ledger, model, checks, clock, &random)
        await ledger.close()
    }

    private func compare(
        _ ledger: SQLiteLedger, _ model: MemoryLedger, _ checks: Int32, _ clock: Instant, _ random: inout SplitMix64
    ) async throws {
        let all = Array(1...checks + 1)
        let to = clock - .milliseconds(Int64.random(in: -1_000...(12 * 86_400_000), using: &random))
        let from = to - .milliseconds(Int64.random(in: 0...(12 * 86_400_000), using: &random))
        #expect(try await ledger.tally(of: all, from: from, to: to) == model.tally(of: all, from: from, to: to))
        // Several spans in one reading are what each is alone.
        if let one = all.first {
            let starts = [from, from + .seconds(60), to + .seconds(1)]
            var apart: [SpanTotals] = []
            for start in starts { apart += try await ledger.tally(of: [one], from: start, to: to) }
            #expect(try await ledger.tallies(of: one, from: starts, to: to) == apart)
        }
        let check = Int32.random(in: 1...checks, using: &random)
        let buckets = Int.random(in: 1...300, using: &random)
        #expect(
            try await ledger.series(of: check, from: from, to: to, buckets: buckets)
                == model.series(of: check, from: from, to: to, buckets: buckets))
        let limit = Int.random(in: 0...400, using: &random)
        #expect(try await ledger.latest(of: all, limit: limit) == model.latest(of: all, limit: limit))
        for who in [check, nil] {
            #expect(
                try await ledger.observations(of: who, before: to, limit: limit)
                    == model.observations(of: who, before: to, limit: limit))
        }
        let (a, b) = (try await ledger.statistics(), try await model.statistics())
        #expect(a.observations == b.observations)
    }

    @Test("buckets are half-open, equal to the millisecond, and complete", arguments: 1...20 as ClosedRange<UInt64>)
    func buckets(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let model = MemoryLedger()
        let length = Int64.random(in: 1...5_000, using: &random)
        let count = Int.random(in: 1...700, using: &random)
        let rows = (0..<length).map { Observation(check: 1, at: morning + .milliseconds($0), outcome: .up) }
        try await model.record(Batch(observations: rows))
        let series = try await model.series(of: 1, from: morning, to: morning + .milliseconds(length), buckets: count)
        #expect(series.count == count)
        // One row a millisecond: each bucket holds as many as it is long.
        #expect(series.allSatisfy { Int64($0.up) == $0.to.milliseconds - $0.from.milliseconds })
        #expect(zip(series, series.dropFirst()).allSatisfy { $0.to == $1.from })
        #expect(series.first?.from == morning)
        #expect(series.last?.to == morning + .milliseconds(length))
    }
}
