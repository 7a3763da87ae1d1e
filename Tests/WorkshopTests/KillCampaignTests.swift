import Foundation
import HubClient
import HubSimulator
import Ledger
import StokerCore
import Testing

@testable import Workshop

/// One worker that is killed at random between and in the midst of its steps, thousands of times, on one dataset: rows are written down, published,
/// put together, and the oldest go. STOKER_KILLS and STOKER_KILL_SEED make it longer, as `make workshop-campaign` does.
///
/// A kill is a ledger that takes nothing more: before a write, or behind it. A commit to the Hub is one step for the Hub, so a kill in its midst is one
/// before it or behind it.
@Suite struct KillCampaignTests {
    private struct Chance {
        var state: UInt64
        mutating func next(below bound: Int) -> Int {
            // Source: SplitMix64, Steele, Lea and Flood 2014.
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((z ^ (z >> 31)) % UInt64(bound))
        }
    }

    @Test func noRowIsLostAndNoneIsThereTwice() async throws {
        let environment = ProcessInfo.processInfo.environment
        let wanted = environment["STOKER_KILLS"].flatMap(Int.init) ?? 60
        var chance = Chance(state: environment["STOKER_KILL_SEED"].flatMap(UInt64.init) ?? 7)
        var configuration = HubConfiguration()
        // Weeks of commits are made in a minute.
        configuration.limits.commitsPerHour = nil
        configuration.limits.quotas = [.api: 10_000_000, .resolvers: 10_000_000, .pages: 10_000_000]
        let pace = HubRateLimiter(limits: .init(commitsPerHour: 1_000_000))
        try await Bench.with(hub: true, configuration: configuration, pace: pace, makesRepository: false) {
            bench async throws in
            let real = MemoryRecordsOfTest.make()
            let publisher = try bench.publisher(retention: max(100, wanted / 2))
            var settings = bench.settings
            settings.dataset = FleetReference("maren/tern-analysis")
            var (kills, merges, step) = (0, 0, 0)
            while kills < wanted {
                step += 1
                let records: any RecordStore
                var dying: DyingRecords?
                // Most steps are killed somewhere; some run through.
                if chance.next(below: 5) > 0 {
                    dying = DyingRecords(real, after: 1 + chance.next(below: 8), isLate: chance.next(below: 2) == 0)
                }
                records = dying ?? real
                let now = Bench.now + .seconds(Int64(step) * 400)
                do { try await Self.step(bench, settings, publisher, records, now, step) } catch let failure as Failure
                {
                    try #require(dying?.isDead == true, "step \(step) failed by itself: \(failure)")
                }
                if dying?.isDead == true { kills += 1 }
                // The whole dataset now and then, and at the end.
                if step % 500 == 0 || kills == wanted {
                    merges = try await Self.check(bench, settings, publisher, real, now, wanted)
                }
            }
            #expect(merges >= 1, "nothing was put together")
            print("workshop campaign: \(kills) kills in \(step) steps")
        }
    }

    /// A row is written down, and what waits is published.
    private static func step(
        _ bench: Bench, _ settings: WorkerSettings, _ publisher: DatasetPublisher, _ records: any RecordStore,
        _ now: Instant, _ step: Int
    ) async throws {
        let run = bench.run(settings, publisher: publisher, now: now, records: records)
        var (record, version) = try await bench.store(records).load()
        if record.sending == nil {
            let row = Iteration(
                iteration: record.iteration + 1, timestamp: now, head: "abc", perspective: "security",
                stageName: "Static analysis", summary: "Row \(record.iteration + 1)", findings: [])
            _ = try await run.write(row, &record, &version)
        }
        var outcome = WorkerRun.Outcome()
        try await run.publish(&record, &version, hasNews: true, &outcome)
    }

    /// - Returns: parts that were put together.
    private static func check(
        _ bench: Bench, _ settings: WorkerSettings, _ publisher: DatasetPublisher, _ records: any RecordStore,
        _ now: Instant, _ wanted: Int
    ) async throws -> Int {
        // The next process publishes what is left.
        for late in 1...3 {
            let run = bench.run(settings, publisher: publisher, now: now + .seconds(Int64(late) * 60), records: records)
            var (record, version) = try await bench.store(records).load()
            var outcome = WorkerRun.Outcome()
            try await run.publish(&record, &version, hasNews: true, &outcome)
        }
        let record = try await bench.store(records).load().record
        #expect(record.published == record.iteration && record.sending == nil)
        let layout = try #require(try await publisher.look()?.layout)
        let hub = try #require(bench.hub)
        var next = layout.parts.first?.first ?? 1
        for part in layout.parts {
            #expect(part.first == next, "\(part.path) follows \(next - 1)")
            let text = try await hub.text(of: part.path, in: publisher.dataset)
            let rows = try text.split(separator: "\n").map { try JSONValue(reading: String($0)) }
            #expect(rows.map { $0["iteration"]?.integer } == Array(part.first...part.last))
            #expect(rows.allSatisfy { $0["summary"]?.string == "Row \($0["iteration"]?.integer ?? 0)" })
            next = part.last + 1
        }
        #expect(next - 1 == record.iteration, "the newest row is there")
        // Whole parts behind the retention are gone, and nothing else.
        #expect((layout.parts.first?.first ?? 1) <= max(1, record.iteration - max(100, wanted / 2) + 1))
        return layout.parts.count { $0.count > 1 }
    }
}
