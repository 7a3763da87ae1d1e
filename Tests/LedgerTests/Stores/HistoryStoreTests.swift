import Ledger
import StokerCore
import Testing

@Suite("HistoryStore contract")
struct HistoryStoreTests {
    @Test("observations come back newest first, in pages", arguments: Kind.allCases)
    func observations(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            let rows = (0..<100).map { observation(Int32($0 % 3) + 1, Double($0)) }
            for start in stride(from: 0, to: 100, by: 20) {
                try await ledger.record(Batch(observations: Array(rows[start..<start + 20])))
                try await settle()
            }
            let ofOne = rows.filter { $0.check == 2 }
            #expect(try await ledger.observations(of: 2, before: nil, limit: 1_000) == ofOne.reversed())
            #expect(try await ledger.observations(of: 2, before: ofOne[10].at, limit: 4) == ofOne[6..<10].reversed())
            #expect(try await ledger.observations(of: nil, before: nil, limit: 7) == rows[93...].reversed())
            #expect(try await ledger.observations(of: nil, before: rows[50].at, limit: 60) == rows[..<50].reversed())
            #expect(try await ledger.observations(of: 9, before: nil, limit: 5) == [])
            #expect(try await ledger.observations(of: 1, before: nil, limit: 0) == [])
            #expect(
                try await ledger.latest(of: [3, 9, 1], limit: 5) == [
                    rows.filter { $0.check == 3 }.suffix(5), [], rows.filter { $0.check == 1 }.suffix(5),
                ])
            #expect(try await ledger.latest(of: [.max, 1, 1], limit: 1).map(\.count) == [0, 1, 1])
            #expect(try await ledger.latest(of: [], limit: 1) == [])
            let statistics = try await ledger.statistics()
            #expect(statistics.observations == 100)
            #expect(statistics.oldestObservation == rows[0].at)
            #expect(statistics.bytes > 0)
        }
    }

    @Test("rows that come late find their place", arguments: Kind.allCases)
    func late(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            try await ledger.record(Batch(observations: (0..<60).map { observation(1, 1_000 + Double($0)) }))
            try await settle()
            try await ledger.record(Batch(observations: (0..<60).map { observation(1, Double($0), .down) }))
            try await settle()
            try await ledger.record(Batch(observations: (0..<60).map { observation(2, 2_000 + Double($0)) }))
            try await settle()
            let all = try await ledger.observations(of: 1, before: nil, limit: 500)
            #expect(all.map(\.at) == all.map(\.at).sorted(by: >))
            #expect(all.count == 120)
            #expect(try await ledger.latest(of: [1], limit: 1)[0].map(\.at) == [morning + .seconds(1_059)])
            let early = try await ledger.tally(of: [1], from: morning, to: morning + .seconds(60))[0]
            #expect(early.down == 60)
            #expect(early.pingsGood == 0)
            #expect(early.uptime == nil, "pings alone tell no time")
        }
    }

    @Test("tallies count to the millisecond and buckets add up", arguments: Kind.allCases)
    func tallies(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            try await ledger.record(
                Batch(observations: [
                    observation(1, 0, .up, latency: 100), observation(1, 1, .slow, latency: 900),
                    observation(1, 2, .down, latency: 7),
                    observation(1, 3, .waking, latency: 8), observation(1, 4, .unknown),
                    observation(2, 4, .up, latency: 5),
                    observation(1, 5, .up, latency: 200),
                ]))
            try await settle()
            let all = try await ledger.tally(of: [1, 2, 3], from: morning, to: morning + .seconds(6))
            #expect(
                all[0]
                    == SpanTotals(
                        from: morning, to: morning + .seconds(6), up: 2, slow: 1, waking: 1, down: 1, unknown: 1,
                        latencyMin: 100,
                        latencyMax: 900, latencySum: 1_200))
            #expect(all[0].pingsGood == 0.75)
            #expect(all[1].up == 1)
            #expect(all[2] == SpanTotals(from: morning, to: morning + .seconds(6)))
            // From is inclusive, to is not.
            let edge = try await ledger.tally(of: [1], from: morning + .seconds(1), to: morning + .seconds(5))[0]
            #expect(edge.up == 0)
            #expect(edge.slow == 1)
            let halves = try await ledger.series(of: 1, from: morning, to: morning + .seconds(6), buckets: 2)
            #expect(halves.map(\.up) == [1, 1])
            #expect(halves.map(\.down) == [1, 0])
            #expect(halves[0].to == halves[1].from)
            // Nothing sensible to sum is no reason to fail.
            #expect(try await ledger.series(of: 1, from: morning, to: morning, buckets: 3).map(\.up) == [0, 0, 0])
        }
    }

    @Test("an ended incident replaces its open self", arguments: Kind.allCases)
    func incidents(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let open = (1...5).map {
                Incident(check: Int32($0 % 2), began: morning + .seconds($0), verdict: .down, cause: .status, code: 502)
            }
            try await ledger.record(Batch(incidents: open))
            var ended = open[1]
            ended.ended = morning + .seconds(90)
            ended.flips = 3
            // The open one again, late, changes nothing.
            try await ledger.record(Batch(incidents: [ended, open[1]]))
            let all = try await ledger.incidents(of: nil, openOnly: false, before: nil, limit: 10)
            #expect(all.map(\.began) == open.map(\.began).reversed())
            #expect(all.map(\.id) == [5, 4, 3, 2, 1])
            #expect(all[3].ended == ended.ended)
            #expect(all[3].flips == 3)
            #expect(
                try await ledger.incidents(of: nil, openOnly: true, before: nil, limit: 10).map(\.id) == [5, 4, 3, 1])
            #expect(try await ledger.incidents(of: 1, openOnly: true, before: 5, limit: 1).map(\.id) == [3])
            #expect(try await ledger.incidents(of: 0, openOnly: false, before: nil, limit: 9).map(\.id) == [4, 2])
        }
    }

    @Test("the newest failed transcript stays", arguments: Kind.allCases)
    func transcripts(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            #expect(try await ledger.transcript(lastFailedOf: 1) == nil)
            try await ledger.record(Batch(transcripts: [(1, transcript(5))]))
            try await ledger.record(Batch(transcripts: [(1, transcript(9, body: "newer")), (2, transcript(1))]))
            try await ledger.record(Batch(transcripts: [(1, transcript(7, body: "late"))]))
            #expect(try await ledger.transcript(lastFailedOf: 1) == transcript(9, body: "newer"))
        }
    }

    @Test("past their time rows become sums, and sums days", arguments: Kind.allCases)
    func retention(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            let settings = Fleet.LedgerSettings(
                keepObservations: .seconds(7 * 86_400), keepMinutes: .zero, keepHours: .seconds(30 * 86_400))
            // Two hours of pings every ten minutes, 40 days, 8 days and no days ago.
            for day in [40.0, 8, 0] {
                try await ledger.record(
                    Batch(
                        observations: (0..<12).map {
                            observation(1, Double($0) * 600 - day * 86_400, $0 == 3 ? .down : .up)
                        }))
                try await settle()
            }
            #expect(try await ledger.prune(settings, now: morning + .seconds(7_200)) > 0)
            #expect(try await ledger.observations(of: 1, before: nil, limit: 100).count == 12)
            #expect(try await ledger.statistics().observations == 12)
            let all = try await ledger.tally(
                of: [1], from: morning - .seconds(60 * 86_400), to: morning + .seconds(86_400))[0]
            #expect(all.up == 33)
            #expect(all.down == 3)
            #expect(all.latencySum == 33_000)
            // Eight days ago hours are known, forty days ago only the day.
            let hours = try await ledger.series(
                of: 1, from: morning - .seconds(8 * 86_400), to: morning - .seconds(8 * 86_400 - 7_200), buckets: 2)
            #expect(hours.map(\.up) == [5, 6])
            let dayStart = morning - .seconds(40 * 86_400 + 8 * 3_600)
            #expect(try await ledger.tally(of: [1], from: dayStart, to: dayStart + .seconds(3_600))[0].up == 11)
            #expect(try await ledger.prune(settings, now: morning + .seconds(7_200)) == 0)
            // Late ones of a day that has its sums are added to them.
            try await ledger.record(
                Batch(observations: [observation(1, -8 * 86_400 + 100), observation(1, -40 * 86_400 + 100)]))
            try await settle()
            _ = try await ledger.prune(settings, now: morning + .seconds(7_200))
            #expect(
                try await ledger.tally(of: [1], from: morning - .seconds(60 * 86_400), to: morning + .seconds(86_400))[
                    0
                ].up == 35)
            #expect(try await ledger.tally(of: [1], from: dayStart, to: dayStart + .seconds(3_600))[0].up == 12)
            // `keep_days` ends the sums by day, which the others keep for at least as long as their own.
            var short = settings
            short.keepDays = .seconds(3_600)
            _ = try await ledger.prune(short, now: morning + .seconds(7_200))
            #expect(try await ledger.tally(of: [1], from: dayStart, to: dayStart + .seconds(3_600))[0].pingsGood == nil)
            #expect(
                try await ledger.series(
                    of: 1, from: morning - .seconds(8 * 86_400), to: morning - .seconds(8 * 86_400 - 7_200), buckets: 2
                ).map(\.up) == [6, 6])
            // Five years later nothing is left.
            _ = try await ledger.prune(settings, now: morning + .seconds(6 * 366 * 86_400))
            #expect(
                try await ledger.tally(of: [1], from: morning - .seconds(60 * 86_400), to: morning + .seconds(86_400))[
                    0
                ].pingsGood == nil)
        }
    }

    @Test("uptime counts time, not pings", arguments: Kind.allCases)
    func uptime(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            func at(_ seconds: Double) -> Instant { morning + .milliseconds(Int64(seconds * 1_000)) }
            func change(_ begin: Double, _ standing: Standing, seen: Double? = nil) -> TimelineEntry {
                .change(StandingChange(check: 1, at: at(begin), seen: at(seen ?? begin), standing: standing))
            }
            func time(_ from: Double, _ to: Double) async throws -> [Int64] {
                let tally = try await ledger.tally(of: [1], from: at(from), to: at(to))[0]
                return [tally.upTime, tally.downTime]
            }
            try await ledger.record(
                Batch(timeline: [.absence(from: nil, to: at(0)), change(10, .up)], watchedUntil: at(11)))
            #expect(try await time(0, 100) == [1_000, 0], "not further than somebody watched")
            // Down is known after three attempts, and holds from the first.
            try await ledger.record(
                Batch(timeline: [change(40.5, .down, seen: 47), change(60, .up)], watchedUntil: at(100)))
            try await settle()
            #expect(try await time(0, 1_000) == [70_500, 19_500])
            #expect(try await time(40, 41) == [500, 500])
            #expect(try await time(20, 30) == [10_000, 0], "a change long before the span counts")
            let halves = try await ledger.series(of: 1, from: at(0), to: at(100), buckets: 2)
            #expect(halves.map(\.upTime) == [30_500, 40_000])
            #expect(halves.map(\.downTime) == [9_500, 10_000])
            #expect(halves[0].uptime == 30.5 / 40 && halves[0].isWhole == false && halves[1].isWhole)
            // A stop, and a start later.
            try await ledger.record(Batch(timeline: [.absence(from: nil, to: at(200))], watchedUntil: at(210)))
            #expect(try await time(90, 210) == [20_000, 0])
            // Sight was lost at 220 and found at 230, where the second failed ping of a streak tells that it began at 215.
            try await ledger.record(
                Batch(timeline: [change(220, .blind), change(215, .down, seen: 230)], watchedUntil: at(240)))
            #expect(try await time(210, 240) == [5_000, 15_000])
            // The clock is set back by a minute: what it shows again counts as it is now.
            try await ledger.record(
                Batch(timeline: [.clockSetBack(to: at(180)), change(190, .up)], watchedUntil: at(230)))
            try await settle()
            #expect(try await time(180, 300) == [40_000, 10_000])
            // Started once more with an even earlier time.
            try await ledger.record(Batch(timeline: [.absence(from: nil, to: at(50))], watchedUntil: at(70)))
            #expect(try await time(0, 300) == [50_500, 9_500])
        }
    }
}
