import Foundation
import GRDB
import StokerCore
import Testing

@testable import Ledger

/// Bytes that nobody wrote: what is stored may be anything.
@Suite("Damaged ledger")
struct DamageTests {
    // MARK: Decoders

    @Test(
        "no bytes end the process: what is decoded is in range, and can be reckoned with",
        arguments: 0..<4 as Range<UInt64>)
    func decoders(seed: UInt64) throws {
        var random = SplitMix64(seed: seed &+ 77)
        for _ in 0..<4_000 {
            var bytes: [UInt8]
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes = StateCodec.encode(randomState(&random))
            case 1:
                let rows = (0..<5).map { randomObservation(&random, checks: 3, at: morning + .seconds($0)) }
                bytes = RowCodec.encode(rows)
            case 2:
                bytes = StoredExtent(of: (0..<3).map { observation(1, Double($0), latency: .max) }).encode()
            default:
                var sums = DaySums()
                for hour in 0..<3 as Range<UInt8> {
                    var sum = Sum()
                    sum.add(.up, latency: .max)
                    sum.add(.slow, latency: 7)
                    sums.add(sum, hour: hour)
                }
                bytes = sums.encode()
            }
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert(contentsOf: [UInt8](repeating: 0xFF, count: 9) + [1], at: place)
                case 2: bytes.removeLast(bytes.count - place - (place == 0 ? 1 : 0))
                default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            bytes.withUnsafeBytes { raw in
                // What throws is left out; what does not must be fit to be used.
                if let state = try? StateCodec.decode(raw) {
                    for time in [state.lastPing, state.lastGood, state.since, state.pausedUntil, state.troubleSince] {
                        #expect(Instant.range.contains(time.milliseconds))
                    }
                    #expect(state.slowdown <= 2 && state.recentCount <= 32)
                    #expect((try? StateCodec.encode(state).withUnsafeBytes { try StateCodec.decode($0) }) == state)
                }
                _ = StateCodec.salvagedPause(raw, now: morning)
                var rows: [Observation] = []
                _ = RowCodec.salvage(raw, check: 1) { rows.append($0) }
                #expect(rows.allSatisfy { Instant.range.contains($0.at.milliseconds) })
                rows.sort(by: isOlder)
                if !rows.isEmpty { _ = StoredExtent(of: rows).encode() }
                for row in rows {
                    _ = (row.at - morning, row.at.description, Key.of(Calendar.day(row.at.milliseconds), 1))
                }
                var total = Sum()
                if let extent = try? StoredExtent(raw) { total.add(extent.sum) }
                var damage: (any Error)?
                for part in DaySums(salvaging: raw, &damage).parts { total.add(part.sum) }
                _ = total.tally(from: morning, to: morning, time: TimeSum()).latencyMean
            }
            _ = try? PackedObservation.unpack(
                check: Int64(truncatingIfNeeded: random.next()), at: Int64(truncatingIfNeeded: random.next()),
                packed: Int64(truncatingIfNeeded: random.next()), latency: Int64(truncatingIfNeeded: random.next()))
        }
    }

    @Test("times at the ends of time stand still")
    func times() {
        let (first, last) = (Instant(milliseconds: .min), Instant(milliseconds: .max))
        #expect(first - .seconds(1) == first && last + .seconds(1) == last)
        #expect(last - first == .milliseconds(Int64.max) && first - last == .milliseconds(Int64.min))
        #expect(!first.description.isEmpty && !last.description.isEmpty)
        #expect(Instant(seconds: .nan).isNever && Instant(seconds: .infinity) > morning)
    }

    // MARK: Rows

    /// Everything that reads.
    private func askEverything(_ ledger: SQLiteLedger, _ checks: [Int32]) async throws {
        _ = try await ledger.savedStates()
        for check in checks {
            _ = try await ledger.transcript(lastFailedOf: check)
            _ = try await ledger.observations(of: check, before: nil, limit: 50)
            _ = try await ledger.series(
                of: check, from: morning - .seconds(86_400), to: morning + .seconds(864_000), buckets: 7)
            _ = try await ledger.incidents(of: check, openOnly: false, before: nil, limit: 50)
        }
        _ = try await ledger.observations(of: nil, before: nil, limit: .max)
        _ = try await ledger.latest(of: checks, limit: 5)
        _ = try await ledger.incidents(of: nil, openOnly: true, before: nil, limit: 50)
        _ = try await ledger.events(of: nil, before: nil, limit: .max)
        _ = try await ledger.statistics()
        _ = try await ledger.checkNames()
        _ = try await ledger.jobs.jobs(kind: nil, states: [], before: nil, limit: .max)
        _ = try await ledger.jobs.nextDue(["mail"])
        _ = try await ledger.actions.actions(ActionQuery(limit: .max))
        _ = try await ledger.records.records(kind: "note")
    }

    private func fill(_ ledger: SQLiteLedger, _ checks: [Int32]) async throws {
        var state = CheckState()
        state.verdict = .up
        for check in checks {
            try await ledger.record(
                Batch(
                    observations: (0..<40).map { observation(check, Double($0)) },
                    states: [(check, SavedState(state: state, nextDue: morning))],
                    incidents: [Incident(check: check, began: morning, verdict: .down, cause: .status)],
                    events: [Event(at: morning, check: check, .flappingBegan(check: "x"))],
                    transcripts: [(check, transcript(1))],
                    jobs: [try NewJob(kind: "mail", createdAt: morning, key: .once("\(check)"))]))
            _ = try await ledger.actions.begin(
                NewAction(
                    .healing(.restart), on: "acme/\(check)", by: "healing", because: "crashed", began: morning,
                    details: ["check": "x"]), within: .seconds(5))
            try await ledger.records.put(NewRecord(kind: "note", key: "\(check)", at: morning))
        }
        try await ledger.compactAll()
    }

    private static let wounds = [
        "UPDATE check_state SET state = x'01FF'", "UPDATE check_state SET state = 7",
        "UPDATE check_state SET next_due = -9223372036854775808",
        "UPDATE observation SET at = 9223372036854775807", "UPDATE observation SET packed = -1",
        "UPDATE observation SET check_id = 'a'", "UPDATE observation SET latency = 1e300",
        "UPDATE observation SET id = 9223372036854775000 WHERE id = (SELECT MAX(id) FROM observation)",
        "UPDATE stretch SET observations = x'01'", "UPDATE stretch SET observations = 'text'",
        "UPDATE stretch SET observations = x'0100FFFFFFFFFFFFFFFFFF01'", "UPDATE stretch SET extent = x'FF'",
        "UPDATE segment SET first_at = 9223372036854775807, last_at = -9223372036854775808",
        "UPDATE segment SET level = 9223372036854775807", "UPDATE segment SET observations = 'x'",
        "UPDATE segment SET id = 9223372036854775000 WHERE id = (SELECT MAX(id) FROM segment)",
        "INSERT INTO day_sum VALUES (9223372036854775807, x'FF')",
        "INSERT INTO day_sum VALUES (1, x'0101FFFFFFFFFFFFFFFFFF01')",
        "UPDATE incident SET verdict = 99", "UPDATE incident SET began = -9223372036854775808, ended = 'x'",
        "UPDATE incident SET flips = 1e300, cause = 'c', code = -5",
        "UPDATE event SET at = 9223372036854775807", "UPDATE event SET check_id = 9e18",
        "UPDATE event SET text = x'FFFE'", "UPDATE event SET payload = '{\"verdict\":{\"check\":1}}'",
        "UPDATE event SET payload = x'FFFE'", "UPDATE event SET payload = '{\"stopped\":{}}'",
        "UPDATE job SET state = 'x'", "UPDATE job SET due = 9223372036854775807", "UPDATE job SET due = NULL",
        "UPDATE job SET attempt = 1e300, most = -9e18", "UPDATE job SET created = 'x'",
        "UPDATE action SET state = 7", "UPDATE action SET began = -9223372036854775808",
        "UPDATE action SET details = '{\"a\":'", "UPDATE action SET fence = 'x', ended = 'y'",
        "UPDATE record SET version = 'x'", "UPDATE record SET version = 9223372036854775807",
        "UPDATE record SET at = -9223372036854775808", "UPDATE record SET body = NULL",
        "UPDATE record SET key = x'FF' || key",
        "UPDATE record SET expires = 'x'", "UPDATE transcript SET body = x'7B'",
        "UPDATE transcript SET body = '{\"at\":9223372036854775807}'",
        "UPDATE check_name SET id = 9223372036854775000 WHERE id = (SELECT MAX(id) FROM check_name)",
    ]

    @Test("any value in any column ends nothing; what cannot be read is named, left out and mended", arguments: wounds)
    func wound(sql: String) async throws {
        let scratch = try Scratch()
        var ledger = try await openLedger(scratch)
        let checks = try await ledger.register(["a", "b", "c"])
        try await fill(ledger, checks)
        try await ledger.write("wound") { try $0.execute(sql: sql) }
        try await askEverything(ledger, checks)
        await ledger.close()

        ledger = try await openLedger(scratch)
        #expect(ledger.movedAside == nil, "the file itself is whole")
        let again = try await ledger.register(["a", "b", "c", "d"])
        #expect(Set(again).count == 4)
        try await askEverything(ledger, again)
        #expect(try await ledger.verify() == false)
        try await ledger.compactAll()
        try await askEverything(ledger, again)
        #expect(try await ledger.verify() == false)
        #expect(!ledger.wantsCompaction, "mended")
        let harmless =
            sql.contains("id = 9223372036854775000 WHERE id = (SELECT MAX(id) FROM observation)")
            || sql.contains("level") || sql.contains("= x'FFFE'") || sql.contains("payload")
            || sql.contains("SET key = x'FF'")
        let told = try await ledger.events(of: nil, before: nil, limit: .max).filter { $0.kind == "ledger.damage" }
        #expect(!told.isEmpty || harmless, "\(sql)")
        // Work goes on.
        try await fill(ledger, again)
        _ = try await ledger.prune(Fleet.LedgerSettings(), now: morning + .seconds(30 * 86_400))
        try await askEverything(ledger, again)
        await ledger.close()
    }

    @Test("a pause outlives the damage of its state")
    func pausedState() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let checks = try await ledger.register(["a"])
        let paused = SavedState(state: StateCodec.paused(.byPerson, since: morning), nextDue: .never)
        try await ledger.record(Batch(states: [(checks[0], paused)]))
        try await ledger.write("wound") {
            try $0.execute(sql: "UPDATE check_state SET state = substr(state, 1, 9) || x'FFFFFF'")
        }
        #expect(try await ledger.savedStates()[checks[0]]?.state.pause == .byPerson)
        try await ledger.compactAll()
        #expect(try await ledger.savedStates()[checks[0]]?.state.verdict == .paused)
        #expect(!ledger.wantsCompaction)
        await ledger.close()
    }

    // MARK: Indexes

    @Test(
        "an index that does not match its table is told and made anew, at the start and while at work",
        arguments: [true, false])
    func index(atStart: Bool) async throws {
        let scratch = try Scratch()
        let names = (1...9).map { "check\($0)" }
        var ledger = try await openLedger(scratch)
        let checks = try await ledger.register(names)
        await ledger.close()
        // The name in the index is another than that in the table.
        let url = URL(fileURLWithPath: scratch.path())
        var bytes = try Data(contentsOf: url)
        let queue = try DatabaseQueue(path: scratch.path())
        let root = try await queue.read {
            try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_check_name_1'")
        }
        try queue.close()
        let start = (try #require(root) - 1) * 4_096
        let place = try #require(bytes[start..<start + 4_096].firstRange(of: Data("check5".utf8)))
        bytes[place.upperBound - 1] = UInt8(ascii: "0")
        if atStart { try bytes.write(to: url) }
        ledger = try await openLedger(scratch)
        if !atStart {
            // As a disk that turns bits: under the feet of the running master.
            let file = try #require(FileHandle(forWritingAtPath: scratch.path()))
            try file.seek(toOffset: UInt64(place.upperBound - 1))
            try file.write(contentsOf: Data([UInt8(ascii: "0")]))
            try file.close()
            #expect(try await ledger.verify() == false)
        }
        #expect(ledger.movedAside == nil)
        #expect(try await ledger.register(names) == checks, "no name got a second number")
        let told = try await ledger.events(of: nil, before: nil, limit: 10).first { $0.kind == "ledger.damage" }
        #expect(told?.text.contains("index of check_name") == true)
        #expect(try await ledger.verify() == false)
        #expect(try await ledger.read("test") { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
        await ledger.close()
    }

    // MARK: Pages

    private static let kept: [String] = ["one", "two", "paused"]

    /// A ledger with something in every table, closed.
    private func whole(_ scratch: Scratch) async throws -> [Int32] {
        let ledger = try await openLedger(scratch)
        let checks = try await ledger.register(Self.kept)
        try await fill(ledger, checks)
        let paused = SavedState(state: StateCodec.paused(.byPerson, since: morning), nextDue: .never)
        try await ledger.record(
            Batch(
                states: [(checks[2], paused)],
                events: [
                    Event(at: morning, check: checks[2], .paused(check: "paused", until: nil)),
                    Event(
                        at: morning, check: checks[0],
                        .healing(step: .restart, check: "one", space: "a/b", because: "x")),
                ]))
        _ = try await ledger.actions.begin(
            NewAction(.healing(.restart), on: "a/b", by: "healing", because: "x", began: morning), within: .seconds(5))
        await ledger.close()
        return checks
    }

    @Test("one garbage page: whichever it is, the rest is saved, and a person hears of it")
    func pages() async throws {
        let scratch = try Scratch()
        _ = try await whole(scratch)
        let url = URL(fileURLWithPath: scratch.path())
        let good = try Data(contentsOf: url)
        let queue = try DatabaseQueue(path: scratch.path())
        let roots = try await queue.read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT rootpage, tbl_name FROM sqlite_master WHERE rootpage > 0")
            return Dictionary(rows.map { ($0[0] as Int, $0[1] as String) }) { first, _ in first }
        }
        try queue.close()
        var random = SplitMix64(seed: 4)
        var saved = 0
        for page in 1...good.count / 4_096 {
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: scratch.path() + suffix) }
            var bytes = good
            for place in (page - 1) * 4_096..<page * 4_096 { bytes[place] = UInt8.random(in: 0...255, using: &random) }
            try bytes.write(to: url)
            let ledger = try await openLedger(scratch)
            let open = try await ledger.incidents(of: Incident.ofLedger, openOnly: true, before: nil, limit: 5)
            guard ledger.movedAside != nil else {
                // A page that nothing lies on.
                #expect(open.isEmpty)
                await ledger.close()
                continue
            }
            saved += 1
            #expect(open.count == 1 && open.first?.cause == .ledgerDamaged)
            let told = try await ledger.events(of: Incident.ofLedger, before: nil, limit: 5).first
            #expect(told?.at == open.first?.began && told?.text.contains(".damaged-") == true)
            #expect(told?.text.contains("in database main") == false, "\(told?.text ?? "")")
            // Both of the table's own page and of its index's the names come back.
            let names = try await ledger.checkNames().map(\.name)
            #expect(names == Self.kept, "page \(page), \(roots[page] ?? "-")")
            let states = try await ledger.savedStates()
            if names.count == 3, roots[page] != "event" || roots[page] != "check_state" {
                #expect(
                    states[3]?.state.verdict == .paused, "page \(page), \(roots[page] ?? "-"): by state or by event")
            }
            let kinds = try await ledger.events(of: nil, before: nil, limit: 50).map(\.kind)
            #expect(roots[page] == "event" || kinds.contains("heal.restart"))
            let done = try await ledger.actions.actions(ActionQuery(space: "a/b"))
            #expect(roots[page] == "action" || done.count == 1, "page \(page): the budget is still known")
            let owed = try await ledger.jobs.jobs(kind: "mail", states: [.available], before: nil, limit: 9)
            #expect(roots[page] == "job" || owed.count == 3, "page \(page): nothing that is owed is lost")
            let notes = try await ledger.records.records(kind: "note").map(\.key)
            #expect(
                roots[page] == "record" || notes == ["1", "2", "3"], "page \(page): what people said is kept"
            )
            let incidents = try await ledger.incidents(of: 1, openOnly: false, before: nil, limit: 5)
            #expect(roots[page] == "incident" || incidents.count == 1)
            #expect(try await ledger.verify() == false)
            await ledger.close()
        }
        #expect(saved >= 8)
        let files = try FileManager.default.contentsOfDirectory(atPath: scratch.folder)
        #expect(
            files.count { $0.contains(".damaged-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") }
                == OpenedDatabase.maxKept)
    }

    @Test("a damaged first page is replaced, also when the text of all tables takes several pages")
    func firstPageOfALongSchema() async throws {
        let scratch = try Scratch()
        _ = try await whole(scratch)
        let queue = try DatabaseQueue(path: scratch.path())
        try await queue.write { db in
            for number in 0..<60 {
                let columns = (0..<20).map { "a_rather_long_name_of_a_column_\($0) INTEGER NOT NULL DEFAULT 0" }
                try db.execute(sql: "CREATE TABLE later_\(number) (\(columns.joined(separator: ", ")))")
            }
        }
        try queue.close()
        let url = URL(fileURLWithPath: scratch.path())
        var bytes = try Data(contentsOf: url)
        #expect(bytes[100] == 0x05, "the first page only says where the others are")
        for place in 0..<4_096 { bytes[place] = 0xA5 }
        try bytes.write(to: url)
        let ledger = try await openLedger(scratch)
        #expect(ledger.movedAside != nil)
        #expect(try await ledger.checkNames().map(\.name) == Self.kept)
        #expect(try await ledger.savedStates()[3]?.state.verdict == .paused)
        #expect(try await ledger.records.records(kind: "note").map(\.key) == ["1", "2", "3"])
        #expect(try await ledger.actions.actions(ActionQuery(space: "a/b")).count == 1)
        #expect(try await ledger.incidents(of: 1, openOnly: false, before: nil, limit: 5).count == 1)
        let told = try await ledger.events(of: Incident.ofLedger, before: nil, limit: 5).first
        #expect(told?.text.contains("its first page") == true, "\(told?.text ?? "")")
        await ledger.close()
    }

    @Test("the schema that replaces a damaged first page leaves room for as many tables again")
    func plainSchema() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let rows = try await ledger.read("test") { try Salvage.plainTables($0) }
        await ledger.close()
        #expect(rows.count > 10)
        let indexes = rows.filter { $0.type == "index" }
        #expect(indexes.count == 1)
        let lines = rows.map { $0.sql }
        #expect(lines.contains("CREATE TABLE check_name(id INTEGER PRIMARY KEY,name UNIQUE)"))
        // With what SQLite keeps beside the text of each row.
        let bytes = rows.reduce(0) { $0 + ($1.sql?.utf8.count ?? 0) + 2 * $1.name.utf8.count + 20 }
        #expect(bytes <= 2_400, "\(bytes)")
        _ = try Salvage.firstPage(of: rows, in: scratch.path("page"))
    }

    @Test("times that nothing writes are left out of the timeline, and told")
    func timeline() async throws {
        let scratch = try Scratch()
        _ = try await whole(scratch)
        let queue = try DatabaseQueue(path: scratch.path())
        try await queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO absence VALUES (0, 9223372036854775807), (-9223372036854775808, 5);
                    INSERT INTO standing VALUES (1, 77, 99), (1, 78, 'abc');
                    INSERT INTO standing_hour VALUES (1, 7, 3600000, 1), (1, 8, -1, 0);
                    INSERT OR REPLACE INTO progress VALUES ('watched-until', 9223372036854775807);
                    """)
        }
        try queue.close()
        let ledger = try await openLedger(scratch)
        let left = try await ledger.read("test") { db in
            [
                try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM absence") ?? -1,
                try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM standing WHERE at IN (77, 78)") ?? -1,
                try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM standing_hour") ?? -1,
            ]
        }
        #expect(left == [0, 0, 0])
        let until = try await ledger.read("test") {
            try Int64.fetchOne($0, sql: "SELECT value FROM progress WHERE name = 'watched-until'")
        }
        #expect(until.map(Instant.range.contains) == true)
        let told = try await ledger.events(of: nil, before: nil, limit: 50).map(\.text)
        for table in ["absence", "standing", "standing_hour"] {
            #expect(told.contains { $0.contains("rows of \(table) held impossible values") })
        }
        await ledger.close()
    }

    /// Each is a time or a number that could be; together with the rest of the file it cannot.
    @Test("what contradicts the rest of the timeline is cut, and told")
    func untrueTimes() async throws {
        let scratch = try Scratch()
        var ledger = try await openLedger(scratch)
        let checks = try await ledger.register(["a", "b"])
        var state = CheckState()
        state.verdict = .up
        let end = morning + .seconds(3_600)
        func change(_ check: Int32) -> TimelineEntry {
            .change(StandingChange(check: check, at: morning, seen: morning, standing: .up))
        }
        try await ledger.record(
            Batch(
                states: checks.map { ($0, SavedState(state: state, nextDue: end)) }, timeline: checks.map(change),
                watchedUntil: end))
        let sound = try await ledger.tally(of: checks, from: morning, to: end + .seconds(86_400))
        #expect(sound.map(\.uptime) == [1, 1])
        await ledger.close()
        // Opening a sound file changes nothing.
        ledger = try await openLedger(scratch)
        #expect(try await ledger.tally(of: checks, from: morning, to: end + .seconds(86_400)) == sound)
        #expect(try await ledger.events(of: nil, before: nil, limit: 9).isEmpty)
        await ledger.close()
        let queue = try DatabaseQueue(path: scratch.path())
        let (first, late) = (checks[0], (end + .seconds(1)).milliseconds)
        try await queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO absence VALUES (\(morning.milliseconds + 1_800_000), \(late)), (\(late), \(late + 1));
                    INSERT INTO standing VALUES (\(first), \(late), 4);
                    UPDATE standing SET standing = 4 WHERE check_id = \(checks[1]);
                    """)
        }
        try queue.close()
        ledger = try await openLedger(scratch)
        let told = try await ledger.events(of: nil, before: nil, limit: 9).map(\.text)
        #expect(told.contains { $0.hasPrefix("2 rows of absence ended later") }, "\(told)")
        #expect(told.contains { $0.hasPrefix("1 rows of standing were later") }, "\(told)")
        #expect(told.contains { $0.hasPrefix("1 rows of standing said something else") }, "\(told)")
        let after = try await ledger.tally(of: checks, from: morning, to: end + .seconds(86_400))
        #expect(after.map(\.known) == [.seconds(1_800), .zero])
        #expect(after[0].uptime == 1 && after[1].uptime == nil)
        await ledger.close()
        // And once is enough.
        ledger = try await openLedger(scratch)
        #expect(try await ledger.events(of: nil, before: nil, limit: 9).count == told.count)
        await ledger.close()
    }

    @Test("a number whose name is lost is given to nobody else")
    func lostNames() async throws {
        let scratch = try Scratch()
        _ = try await whole(scratch)
        let queue = try DatabaseQueue(path: scratch.path())
        let pages = try await queue.read { db in
            try Int.fetchAll(
                db,
                sql: "SELECT rootpage FROM sqlite_master WHERE tbl_name IN ('check_name', 'segment') AND rootpage > 0")
        }
        try queue.close()
        let url = URL(fileURLWithPath: scratch.path())
        var bytes = try Data(contentsOf: url)
        for page in pages { for place in (page - 1) * 4_096..<page * 4_096 { bytes[place] = 0xFF } }
        try bytes.write(to: url)
        let ledger = try await openLedger(scratch)
        let numbers = try await ledger.register(["somebody else"])
        #expect(numbers.allSatisfy { $0 > Int32(Self.kept.count) })
        for number in numbers {
            #expect(try await ledger.incidents(of: number, openOnly: false, before: nil, limit: 5).isEmpty)
            #expect(try await ledger.events(of: number, before: nil, limit: 5).isEmpty)
        }
        await ledger.close()
    }

    @Test("a pause comes back from its event, with its end")
    func pauseNotes() {
        let now = morning + .seconds(60)
        func state(_ text: String) -> CheckState? { PauseNote.state(in: text, at: morning, now: now) }
        #expect(state("a b was paused")?.pause == .byPerson)
        #expect(state("a was paused until \(morning + .seconds(90))")?.pausedUntil == morning + .seconds(90))
        #expect(state("a was paused until \(morning + .seconds(30))") == nil, "it is over")
        #expect(state("a is not pinged any more: flagged")?.pause == .byModeration)
        #expect(state("a rests outside its hours") == nil)
        func typed(_ payload: EventPayload) -> CheckState? {
            PauseNote.state(of: Event(at: morning, check: 1, payload), now: now)
        }
        #expect(typed(.paused(check: "a", until: nil))?.pause == .byPerson)
        #expect(typed(.paused(check: "a", until: morning + .seconds(90)))?.pausedUntil == morning + .seconds(90))
        #expect(typed(.paused(check: "a", until: morning + .seconds(30))) == nil)
        #expect(typed(.moderated(check: "a"))?.pause == .byModeration)
        #expect(typed(.text(kind: "paused", sentence: "a was paused"))?.pause == .byPerson)
        #expect(typed(.resumed(check: "a")) == nil)
    }

    // MARK: Files

    /// What a kill leaves: everything as it is while the ledger is open.
    private func killed(_ scratch: Scratch, _ name: String, without: Set<String> = []) throws -> String {
        for suffix in ["", "-wal", ".lock"] where !without.contains(suffix) {
            try FileManager.default.copyItem(atPath: scratch.path() + suffix, toPath: scratch.path(name) + suffix)
        }
        return scratch.path(name)
    }

    @Test("after a kill nothing is told; without the log, or with an empty file, a copy is kept and it is told")
    func files() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let checks = try await ledger.register(["a"])
        try await ledger.record(
            Batch(observations: [observation(checks[0], 1)], events: [Event(at: morning, kind: "x", text: "y")]))

        func open(_ path: String) async throws -> (damage: [Incident], text: String, names: [String]) {
            let ledger = try await SQLiteLedger(path: path, logger: quiet)
            let damage = try await ledger.incidents(of: Incident.ofLedger, openOnly: true, before: nil, limit: 5)
            let text = try await ledger.events(of: Incident.ofLedger, before: nil, limit: 5).first?.text ?? ""
            let names = try await ledger.checkNames().map(\.name)
            await ledger.close()
            return (damage, text, names)
        }
        let plain = try await open(try killed(scratch, "plain"))
        #expect(plain.damage.isEmpty && plain.names == ["a"])

        let path = try killed(scratch, "nolog", without: ["-wal"])
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let found = try await open(path)
        #expect(found.damage.count == 1 && found.text.contains("deleted"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".damaged-1")) == before)
        #expect(try await open(path).damage.count == 1, "told until somebody acknowledges it, and only once")

        let empty = try killed(scratch, "empty")
        try Data().write(to: URL(fileURLWithPath: empty))
        let log = try Data(contentsOf: URL(fileURLWithPath: empty + "-wal"))
        #expect(try await open(empty).text.contains("empty"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: empty + ".damaged-1-wal")) == log)

        // Another program may write the log back and delete it: nothing is lost by that.
        let tidy = try killed(scratch, "tidy")
        let queue = try DatabaseQueue(path: tidy)
        try await queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        try queue.close()
        #expect(try await open(tidy).damage.isEmpty)
        await ledger.close()
        #expect(try await open(scratch.path()).damage.isEmpty)
    }

    @Test("whatever the name and without the lock file, a second master is kept out")
    func locks() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        try FileManager.default.linkItem(atPath: scratch.path(), toPath: scratch.path("other.sqlite"))
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("link.sqlite"), withDestinationPath: scratch.path())
        try FileManager.default.removeItem(atPath: scratch.path() + ".lock")
        for name in ["ledger.sqlite", "other.sqlite", "link.sqlite"] {
            let failure = await #expect(throws: Failure.self) {
                try await SQLiteLedger(path: scratch.path(name), logger: quiet)
            }
            #expect(failure?.code == .conflict, "\(name)")
        }
        try await ledger.record(Batch(observations: [observation(1, 1)]))
        await ledger.close()
        let next = try await SQLiteLedger(path: scratch.path("other.sqlite"), logger: quiet)
        #expect(try await next.statistics().observations == 1)
        await next.close()
    }

    @Test("the ledger, what lies beside it, and copies are their owner's alone")
    func modes() async throws {
        let scratch = try Scratch()
        await (try openLedger(scratch)).close()
        for file in ["", ".lock"] { chmod(scratch.path() + file, 0o644) }
        let ledger = try await openLedger(scratch)
        try await ledger.record(Batch(observations: [observation(1, 1)]))
        try await ledger.backup(to: scratch.path("copy.sqlite"))
        let name = scratch.path().split(separator: "/").last.map(String.init) ?? ""
        let shouted = await #expect(throws: Failure.self) {
            try await ledger.backup(to: scratch.path(name.uppercased()))
        }
        #expect(shouted?.code == .usage)
        for file in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite.lock", "copy.sqlite"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path(file))
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(file)")
        }
        await ledger.close()
    }

    @Test("a pipe in place of the ledger is refused, and waited for by nobody")
    func pipe() async throws {
        let scratch = try Scratch()
        #expect(mkfifo(scratch.path(), 0o600) == 0)
        for readOnly in [true, false] {
            let failure = await #expect(throws: Failure.self) {
                try await SQLiteLedger(path: scratch.path(), readOnly: readOnly, logger: quiet)
            }
            #expect(failure?.because == "it is not a regular file")
        }
    }

    @Test("what a disk says is told in words")
    func words() {
        func because(_ code: ResultCode, _ system: Int32) -> String {
            Failure.ledger(doing: "x", error: DiskError(error: DatabaseError(resultCode: code), system: system)).because
        }
        #expect(because(.SQLITE_FULL, 0).contains("no space left"))
        #expect(because(.SQLITE_IOERR, ENOSPC).contains("no space left"))
        #expect(because(.SQLITE_IOERR, EDQUOT).contains("quota"))
        #expect(because(.SQLITE_IOERR, EROFS).contains("read-only"))
        #expect(because(.SQLITE_CANTOPEN, EROFS).contains("read-only"))
        #expect(because(.SQLITE_READONLY, 0).contains("read-only"))
        #expect(because(.SQLITE_IOERR, EIO).contains("Input/output error"))
        #expect(because(.SQLITE_CORRUPT, 0).contains("damaged"))
    }
}
