import Foundation
import GRDB
import StokerCore
import Testing

@testable import Ledger

@Suite("Ledger layout")
struct LayoutTests {
    @Test("migrations keep their names and order")
    func migrations() {
        // Stored in files that exist: adding at the end is fine, anything else is not.
        #expect(Migrations.all.map(\.name).prefix(3) == ["001-foundations", "002-timeline", "003-stores"])
        #expect(Set(Migrations.all.map(\.name)).count == Migrations.all.count)
        #expect(Migrations.all.map(\.name) == Migrations.all.map(\.name).sorted())
    }

    /// What an older version left: pings, hour sums, states, a stop and a start.
    @Test("uptime of the time before is derived from pings, and says so")
    func carriedForward() async throws {
        let scratch = try Scratch()
        let first = try await openLedger(scratch)
        let id = try await first.register(["a"])[0]
        // Every minute for an hour, down from minute 20 to 29; stopped for the last quarter of it.
        let rows = (0..<45).map { observation(id, Double($0) * 60, (20..<30).contains($0) ? .down : .up) }
        var well = CheckState()
        well.verdict = .up
        well.since = rows[30].at
        try await first.record(
            Batch(
                observations: rows,
                states: [(id, SavedState(state: well, nextDue: .never))],
                events: [Event(at: morning + .seconds(2_700), kind: "stopped", text: "Stoker stopped")]))
        try await first.write("go back") { db in
            for table in ["standing", "standing_hour", "absence", "job", "action", "record"] {
                try db.execute(sql: "DROP TABLE \(table)")
            }
            try db.execute(sql: "ALTER TABLE event DROP COLUMN payload")
            try db.execute(sql: "DELETE FROM progress")
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier <> '001-foundations'")
        }
        await first.close()

        let ledger = try await openLedger(scratch)
        // The next start is at the end of the hour; ten minutes later it is down.
        let (start, end) = (morning + .seconds(3_600), morning + .seconds(4_800))
        let down = morning + .seconds(4_200)
        try await ledger.record(
            Batch(
                timeline: [
                    .absence(from: nil, to: start),
                    .change(StandingChange(check: id, at: down, seen: down, standing: .down)),
                ], watchedUntil: end))
        try await ledger.compactAll()
        let all = try await ledger.tally(of: [id], from: morning, to: end)[0]
        #expect(all.upTime == (20 + 15 + 10) * 60_000 && all.downTime == (10 + 10) * 60_000)
        #expect(all.isEstimated)
        let since = try await ledger.tally(of: [id], from: start, to: end)[0]
        #expect(since.upTime == 600_000 && since.downTime == 600_000 && !since.isEstimated)
        let tens = try await ledger.series(of: id, from: morning, to: morning + .seconds(3_600), buckets: 6)
        #expect(tens.map(\.downTime) == [0, 0, 600_000, 0, 0, 0])
        #expect(tens.map(\.upTime) == [600_000, 600_000, 0, 600_000, 300_000, 0])
        // Of sums only the share of their pings is left.
        _ = try await ledger.prune(Fleet.LedgerSettings(), now: morning + .seconds(30 * 86_400))
        let folded = try await ledger.tally(of: [id], from: morning, to: morning + .seconds(3_600))[0]
        #expect(folded.isEstimated && abs((folded.uptime ?? 0) - 35.0 / 45) < 0.001)
        #expect(folded.known <= .seconds(2_700))
        await ledger.close()
    }

    /// What lets a new ledger's first page stand in for a damaged one.
    @Test("the text of all tables fits the first page")
    func schema() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        await ledger.close()
        let page = try Data(contentsOf: URL(fileURLWithPath: scratch.path())).prefix(4_096)
        // 13 is the leaf of a table. Source: sqlite.org/fileformat2.html, "B-tree Pages".
        #expect(page[100] == 13)
    }

    @Test("pages, log and owner are set as meant")
    func pragmas() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let found = try await ledger.read("test") { db in
            try ["journal_mode", "synchronous", "auto_vacuum", "application_id"].map {
                try String.fetchOne(db, sql: "PRAGMA \($0)") ?? ""
            }
        }
        #expect(found == ["wal", "1", "2", "\(0x5354_4F4B)"])
        await ledger.close()
    }

    @Test("housekeeping goes on past a stretch that cannot be read, and tells of it")
    func damagedStretch() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let checks = try await ledger.register(["a", "b"])
        for round in 0..<8 {
            let rows = (0..<20).flatMap { number in
                checks.map { observation($0, Double(round * 20 + number)) }
            }
            try await ledger.record(Batch(observations: rows))
            if round == 3 {
                try await ledger.compactAll()
                // The last byte of an unfinished number: its rows are readable up to there.
                try await ledger.write("damage") { db in
                    try db.execute(
                        sql:
                            "UPDATE stretch SET observations = observations || x'FF80' WHERE id = (SELECT MIN(id) FROM stretch)"
                    )
                }
            }
        }
        try await ledger.compactAll()
        let late = morning + .seconds(30 * 86_400)
        _ = try await ledger.prune(Fleet.LedgerSettings(), now: late)
        #expect(try await ledger.statistics().observations == 0, "all of it is past its time")
        let told = try await ledger.events(of: nil, before: nil, limit: 10).filter { $0.kind == "ledger.damage" }
        #expect(told.count == 1 && told.first?.check == checks[0])
        let sums = try await ledger.tally(of: checks, from: morning, to: morning + .seconds(86_400))
        #expect(sums.map(\.up) == [160, 160], "nothing but the damage is gone")
        await ledger.close()
    }

    @Test("what is told of checks without a number is not written")
    func unremembered() {
        let state = SavedState(state: CheckState(), nextDue: .never)
        let batch = Batch(
            observations: [observation(-1, 0), observation(3, 0)], states: [(-1, state), (3, state)],
            events: [
                Event(at: morning, kind: "verdict", check: -1, text: "x"),
                Event(at: morning, kind: "verdict", check: 3, text: "y"),
                Event(at: morning, kind: "started", text: "z"),
            ])
        let kept = batch.remembered
        #expect(kept.observations.map(\.check) == [3] && kept.states.map(\.check) == [3])
        #expect(kept.events.map(\.text) == ["y", "z"])
        #expect(Batch(observations: [observation(3, 0)], states: [(3, state)]).remembered.observations.count == 1)
    }

    @Test("hot queries find, and never read through a table that grows")
    func plans() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let queries: [(String, Int, String)] = [
            (SQLiteLedger.SQL.extentOfCheck, 1, "SEARCH stretch USING INTEGER PRIMARY KEY (rowid=?)"),
            (SQLiteLedger.SQL.rowsOfCheck, 1, "SEARCH stretch USING INTEGER PRIMARY KEY (rowid=?)"),
            (SQLiteLedger.SQL.stretches, 2, "SEARCH stretch USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (SQLiteLedger.SQL.sumsOfCheck, 1, "SEARCH day_sum USING INTEGER PRIMARY KEY (rowid=?)"),
            (
                "SELECT id FROM incident WHERE check_id = ? ORDER BY id DESC LIMIT 5", 1,
                "incident_by_check (check_id=?)"
            ),
            (
                "SELECT id FROM incident WHERE ended IS NULL ORDER BY id DESC LIMIT 5", 0,
                "SEARCH incident USING COVERING INDEX incident_by_end (ended=?)"
            ),
            (
                "SELECT id FROM event WHERE check_id = ? AND id < ? ORDER BY id DESC LIMIT 5", 2,
                "event_by_check (check_id=? AND rowid<?)"
            ),
            (
                "SELECT id, ended FROM incident WHERE check_id = ? AND began = ?", 2,
                "incident_by_began (check_id=? AND began=?)"
            ),
            (SQLiteJobs.SQL.due, 3, "job_due (kind=? AND due<?)"),
            (SQLiteJobs.SQL.nextDue, 1, "job_due (kind=? AND due>?)"),
            (SQLiteJobs.SQL.byKey, 1, "sqlite_autoindex_job_1 (key=?)"),
            (SQLiteActions.SQL.action + " WHERE key = ?", 1, "action_by_key (key=?)"),
        ]
        for (sql, count, expected) in queries {
            let plan = try await ledger.read("test") { db in
                try Row.fetchAll(
                    db, sql: "EXPLAIN QUERY PLAN " + sql,
                    arguments: StatementArguments(Array(repeating: 1, count: count))
                )
                .map { $0["detail"] as String }
            }
            #expect(plan.count == 1, "\(sql): \(plan)")
            #expect(plan.first?.contains(expected) == true, "\(sql): \(plan)")
        }
        await ledger.close()
    }

    @Test("the tail, the only table read through, stays short once compacted")
    func tail() async throws {
        let scratch = try Scratch()
        let ledger = try await SQLiteLedger(
            path: scratch.path(), layout: .init(tail: 500, slice: 200, fanOut: 4), logger: quiet)
        try await ledger.record(
            Batch(observations: (0..<9_000).map { observation(Int32($0 % 30) + 1, Double($0) * 60) }))
        try await ledger.compactAll()
        let (tail, perDay) = try await ledger.read("test") { db in
            (
                try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM observation"),
                try Int.fetchAll(db, sql: "SELECT COUNT(*) FROM segment GROUP BY last_at / 86400000 ORDER BY last_at")
            )
        }
        #expect(try #require(tail) <= 500)
        // One segment for every day that is over.
        #expect(perDay.dropLast().allSatisfy { $0 == 1 })
        #expect(perDay.count > 5)
        await ledger.close()
    }

    @Test("bytes per row: at most 30 as appended, at most 12 once folded")
    func size() async throws {
        let scratch = try Scratch()
        let ledger = try await SQLiteLedger(path: scratch.path(), logger: quiet)
        var random = SplitMix64(seed: 1)
        let count = 100_000
        for start in stride(from: 0, to: count, by: 10_000) {
            let rows = (start..<start + 10_000).map { row in
                Observation(
                    check: Int32(row % 1_000) + 1, at: morning + .milliseconds(Int64(row) * 60), outcome: .up,
                    code: 200,
                    latencyMicroseconds: UInt32.random(in: 20_000...500_000, using: &random))
            }
            try await ledger.record(Batch(observations: rows))
        }
        let pages = "SELECT SUM(pgsize) FROM dbstat WHERE name = "
        let appended = try await ledger.read("test") { db in try Double.fetchOne(db, sql: pages + "'observation'") }
        #expect(try #require(appended) / Double(count) <= 30)
        try await ledger.compactAll()
        let (folded, rows) = try await ledger.read("test") { db in
            (
                try Double.fetchOne(db, sql: pages + "'stretch'"),
                try Double.fetchOne(db, sql: "SELECT SUM(observations) FROM segment")
            )
        }
        #expect(try #require(folded) / #require(rows) <= 12)
        await ledger.close()
    }

    @Test("observations survive their compact form", arguments: 1...20 as ClosedRange<UInt64>)
    func rowCodec(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var rows = (0..<200).map { _ in
            randomObservation(
                &random, checks: 1,
                at: Instant(milliseconds: Int64.random(in: -1_000_000...4_000_000_000_000, using: &random)))
        }
        rows.sort(by: isOlder)
        var back: [Observation] = []
        let bytes = RowCodec.encode(rows)
        try bytes.withUnsafeBytes { try RowCodec.decode($0, check: 1) { back.append($0) } }
        #expect(back == rows)
        for row in rows {
            #expect(
                try PackedObservation.unpack(
                    check: 1, at: row.at.milliseconds, packed: PackedObservation.pack(row),
                    latency: Int64(row.latencyMicroseconds)
                ) == row)
        }
        // Cut or changed bytes throw or give rows; they never reach past their end.
        for _ in 0..<200 {
            var broken = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            if let place = broken.indices.randomElement(using: &random) {
                broken[place] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? broken.withUnsafeBytes { try RowCodec.decode($0, check: 1) { _ in } }
            _ = try? broken.withUnsafeBytes { try StoredExtent($0) }
            _ = try? broken.withUnsafeBytes { try DaySums($0) }
            _ = try? broken.withUnsafeBytes { try StateCodec.decode($0) }
        }
    }

    @Test("sums survive their compact form and add up", arguments: 1...20 as ClosedRange<UInt64>)
    func sums(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var sums = DaySums()
        var whole = Sum()
        for _ in 0..<Int.random(in: 1...300, using: &random) {
            let row = randomObservation(&random, checks: 1, at: morning)
            var one = Sum()
            one.add(row.outcome, latency: row.latencyMicroseconds)
            sums.add(one, hour: UInt8.random(in: 0...23, using: &random))
            whole.add(row.outcome, latency: row.latencyMicroseconds)
        }
        #expect(try sums.encode().withUnsafeBytes { try DaySums($0) } == sums)
        sums.foldToDay()
        #expect(sums.parts.map(\.sum) == [whole])
        #expect(try sums.encode().withUnsafeBytes { try DaySums($0) } == sums)
    }

    @Test("a transcript of any size is kept in at most 8 KiB, its judgement whole")
    func transcriptLimit() throws {
        let large = transcript(1, body: String(repeating: "\u{1}é", count: 4_000), headers: 900)
        let data = try TranscriptCodec.encode(large)
        #expect(data.count <= TranscriptCodec.limit)
        let back = try TranscriptCodec.decode(data)
        #expect(back.at == large.at)
        #expect(back.cause == large.cause)
        #expect(back.detail == large.detail)
        #expect(back.exchanges.first?.received.first == "HTTP/1.1 502 Bad Gateway")
        let small = transcript(1)
        #expect(try TranscriptCodec.decode(TranscriptCodec.encode(small)) == small)
    }

    @Test("a backlog merges by check, in any order of failures", arguments: 1...10 as ClosedRange<UInt64>)
    func backlog(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var backlog = Backlog(limit: 1_000_000)
        var sent: [Observation] = []
        var newest: [Int32: UInt16] = [:]
        var got: [Observation] = []
        var gotStates: [Int32: UInt16] = [:]
        for number in 0..<300 as Range<UInt16> {
            let check = Int32.random(in: 1...6, using: &random)
            var state = CheckState()
            state.code = number
            let row = observation(check, Double(number))
            sent.append(row)
            newest[check] = number
            backlog.add(Batch(observations: [row], states: [(check, SavedState(state: state, nextDue: morning))]))
            guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
            let taken = backlog.take(
                observations: .random(in: 1...20, using: &random), states: .random(in: 1...4, using: &random))
            if Bool.random(using: &random) {
                backlog.putBack(taken)
            } else {
                got += taken.observations
                for (check, saved) in taken.states { gotStates[check] = saved.state.code }
            }
        }
        while !backlog.isEmpty {
            let taken = backlog.take(observations: 7, states: 2)
            got += taken.observations
            for (check, saved) in taken.states { gotStates[check] = saved.state.code }
        }
        #expect(got == sent)
        #expect(gotStates == newest)
        #expect(backlog.dropped == 0)
    }
}
