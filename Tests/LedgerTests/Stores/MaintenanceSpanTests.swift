import Foundation
import Ledger
import StokerCore
import Testing

@Suite struct MaintenanceSpanTests {
    @Test("uptime leaves maintenance out to the millisecond", arguments: Kind.allCases)
    func uptime(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            func at(_ seconds: Double) -> Instant { morning + .milliseconds(Int64(seconds * 1_000)) }
            func change(_ check: Int32, _ begin: Double, _ standing: Standing) -> TimelineEntry {
                .change(StandingChange(check: check, at: at(begin), seen: at(begin), standing: standing))
            }
            func time(_ check: Int32, _ from: Double, _ to: Double) async throws -> [Int64] {
                let tally = try await ledger.tally(of: [check], from: at(from), to: at(to))[0]
                return [tally.upTime, tally.downTime]
            }
            try await ledger.record(
                Batch(
                    timeline: [
                        .absence(from: nil, to: at(0)), change(1, 0, .up), change(2, 0, .up), change(1, 40, .down),
                        change(2, 40, .down), change(3, 50, .up),
                    ], watchedUntil: at(100)))
            // Begins and ends between pings, for the first check only; another one is to come.
            let scope = MaintenanceScope(targets: ["a"])
            for (id, from, until) in [("one", 30.25, 60.75), ("two", 90, 3_600)] {
                let window = MaintenanceWindow(
                    id: id, name: "", from: at(from), until: at(until), scope: scope, isByHand: true)
                try await ledger.records.put(
                    try MaintenanceSpan(window, checks: MaintenanceSpan.ranges([1, 3])).record(at: at(30)))
            }
            try await ledger.records.put(
                NewRecord(kind: MaintenanceSpan.kind, key: "broken", body: "no JSON", at: at(0)))
            try await settle()
            #expect(try await time(1, 0, 100) == [30_250, 29_250])
            #expect(try await time(2, 0, 100) == [40_000, 60_000])
            #expect(try await time(1, 35, 50) == [0, 0])
            #expect(try await time(1, 60, 61) == [0, 250])
            // What is left out is a figure of its own: as far as somebody watched, and since the check is known.
            func leftOut(_ check: Int32, _ from: Double, _ to: Double) async throws -> Int64 {
                try await ledger.tally(of: [check], from: at(from), to: at(to))[0].maintenanceTime
            }
            #expect(try await leftOut(1, 0, 100) == 40_500)
            #expect(try await leftOut(1, 0, 4_000) == 40_500, "nobody has watched what is to come")
            #expect(try await leftOut(1, 35, 50) == 15_000)
            #expect(try await leftOut(2, 0, 100) == 0)
            #expect(try await leftOut(3, 0, 100) == 20_750)
            #expect(try await time(3, 0, 100) == [29_250, 0])
            #expect(try await ledger.tally(of: [1], from: at(0), to: at(100))[0].isWhole)
            let halves = try await ledger.series(of: 1, from: at(0), to: at(100), buckets: 2)
            #expect(halves.map(\.upTime) == [30_250, 0] && halves.map(\.downTime) == [0, 29_250])
            #expect(halves.map(\.maintenanceTime) == [19_750, 20_750])
        }
    }

    @Test func rangesOfNumbers() {
        #expect(MaintenanceSpan.ranges([5, 1, 2, 3, 3, 7]) == [[1, 3], [5, 5], [7, 7]])
        #expect(MaintenanceSpan.union([[1, 3], [7, 7]], [[2, 5], [6, 6]]) == [[1, 7]])
    }
}
