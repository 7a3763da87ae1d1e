import Dispatch
import Foundation
import GRDB
package import StokerCore
import Synchronization

/// What SQLite's own check says of a file.
enum Integrity: Equatable, Sendable {
    case whole
    /// Only indexes do not match their tables, of these: they can be made again.
    case indexes(of: Set<String>, String)
    /// Pages cannot be read, or rows are not what they should be.
    case damaged(String)

    /// The full check reads the whole file, about 1 s for 300 MB in memory.
    /// - Parameter table: only this one and its indexes.
    static func check(_ db: Database, table: String? = nil) throws -> Integrity {
        let argument = table.map { "\"\($0)\"" } ?? "100"
        let lines = try String.fetchAll(db, sql: "PRAGMA integrity_check(\(argument))")
            .flatMap { $0.split(separator: "\n").map { String($0) } }
            // A headline before what is wrong. Source: sqlite/src/pragma.c, "integrity_check".
            .filter { !$0.hasPrefix("*** in database ") }
        guard let first = lines.first, first != "ok" else { return .whole }
        let tables = try Row.fetchAll(db, sql: "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'")
        var owners: [String: String] = [:]
        for row in tables {
            owners[try row.decode(String.self, atIndex: 0)] = try row.decode(String.self, atIndex: 1)
        }
        var found: Set<String> = []
        for line in lines {
            // "row 7 missing from index X", "wrong # of entries in index X", "non-unique entry in index X",
            // "rowid not at end-of-record for row 7 of index X". Source: sqlite/src/pragma.c, "integrity_check".
            guard let name = line.components(separatedBy: " index ").dropFirst().last, let owner = owners[name] else {
                return .damaged(line)
            }
            found.insert(owner)
        }
        return found.isEmpty ? .damaged(first) : .indexes(of: found, first)
    }

    /// Makes the indexes of these tables again. Twice the same value where there may be one only is the later row's mistake.
    static func rebuild(_ tables: Set<String>, _ db: Database) throws {
        for table in tables.sorted() { try db.execute(sql: "REINDEX \"\(table)\"") }
    }
}

extension SQLiteLedger {
    /// Reads all of the file beside the running work: SQLite's full check, then every row by our own decoders.
    /// Indexes that do not match are made again; rows that cannot be read are for ``mend()``; pages that cannot be read are for
    /// the next start, which salvages what it can.
    /// - Returns: whether there is damage that a person has to know of: it is an open incident of the ledger then.
    package func verify() async throws(Failure) -> Bool {
        guard !isReadOnly else { return false }
        try goOn()
        switch try await wholeCheck() {
        case .whole: break
        case .indexes(let tables, let first):
            let names = tables.sorted().joined(separator: ", ")
            do throws(Failure) {
                try await write("make indexes anew") { db in
                    try Integrity.rebuild(tables, db)
                    try Self.tell(
                        "An index of \(names) did not match its table (\(first)); it was made anew", of: nil, db)
                }
            } catch {
                return try await raise(
                    "The index of \(names) does not match its table and cannot be made anew: \(first)")
            }
        case .damaged(let line):
            return try await raise("The full check of the ledger found damage: \(line)")
        }
        try await readEverything()
        return false
    }

    private func raise(_ what: String) async throws(Failure) -> Bool {
        suspect()
        try await write("write down the damage") { db in
            let now = Instant(seconds: Date().timeIntervalSince1970)
            try Self.raise(what + ". The next start keeps the file and salvages what can be read of it", at: now, db)
        }
        return true
    }

    package func endVerifying() {
        isEnding.withLock { $0 = true }
        running.withLock { $0?.interrupt() }
    }

    private func goOn() throws(Failure) {
        if isEnding.withLock({ $0 }) { throw Failure.closed(doing: "check the ledger") }
    }

    /// A connection of its own, so that neither the writer nor a page waits for it.
    private func wholeCheck() async throws(Failure) -> Integrity {
        let path = path
        let result = await withCheckedContinuation {
            (done: CheckedContinuation<Result<Integrity, any Error>, Never>) in
            DispatchQueue.global(qos: .utility).async { [self] in
                done.resume(
                    returning: Result {
                        var configuration = Configuration()
                        configuration.readonly = true
                        let queue = try DatabaseQueue(path: path, configuration: configuration)
                        running.withLock { $0 = queue }
                        defer {
                            running.withLock { $0 = nil }
                            try? queue.close()  // only read: nothing is lost
                        }
                        return try queue.inDatabase { try Integrity.check($0) }
                    })
            }
        }
        switch result {
        case .success(let found): return found
        case .failure(let error as DatabaseError) where error.resultCode == .SQLITE_CORRUPT:
            return .damaged(error.message ?? "a page cannot be read")
        case .failure(let error): throw Failure.ledger(doing: "check the ledger", error: error)
        }
    }

    /// In slices, so that no reader is held for long.
    private func readEverything() async throws(Failure) {
        for (table, query) in [
            (DamageLog.Table.incident, SQL.incident), (.event, SQL.event), (.job, SQLiteJobs.SQL.job),
            (.action, SQLiteActions.SQL.action),
        ] {
            try await slices(of: table.rawValue) { [damage] db, ids in
                for row in try Row.fetchAll(db, sql: query + " WHERE id BETWEEN ? AND ?", arguments: ids) {
                    do {
                        switch table {
                        case .incident: _ = try Self.incident(row)
                        case .job: _ = try SQLiteJobs.job(row)
                        case .action: _ = try SQLiteActions.action(row)
                        default: _ = try Self.event(row)
                        }
                    } catch { damage.note(table, try row.decode(Int64.self, atIndex: 0), error) }
                }
            }
        }
        try await readRecords()
        _ = try await savedStates()
        try await read("check the latest observations") { [damage] db in try Self.tail(db, of: nil, damage) { _ in } }
        try await slices(of: "transcript", key: "check_id") { [damage] db, ids in
            for row in try Row.fetchAll(
                db, sql: "SELECT check_id, body FROM transcript WHERE check_id BETWEEN ? AND ?", arguments: ids)
            {
                do { _ = try TranscriptCodec.decode(try row.decode(Data.self, atIndex: 1)) } catch {
                    damage.note(.transcript, try row.decode(Int64.self, atIndex: 0), error)
                }
            }
        }
        try await slices(of: "day_sum") { [damage] db, ids in
            for row in try Row.fetchAll(
                db, sql: "SELECT id, sums FROM day_sum WHERE id BETWEEN ? AND ?", arguments: ids)
            {
                do {
                    let bytes = try row.decode(Data.self, atIndex: 1)
                    _ = try bytes.withUnsafeBytes { try DaySums($0) }
                } catch { damage.note(.daySum, try row.decode(Int64.self, atIndex: 0), error) }
            }
        }
        try await slices(of: "stretch", by: 200) { [damage] db, ids in
            for row in try Row.fetchAll(
                db, sql: "SELECT id, extent, observations FROM stretch WHERE id BETWEEN ? AND ?", arguments: ids)
            {
                let id = try row.decode(Int64.self, atIndex: 0)
                do {
                    let bytes = try row.decode(Data.self, atIndex: 2)
                    var rows: [Observation] = []
                    try bytes.withUnsafeBytes { try RowCodec.decode($0, check: Key.check(id)) { rows.append($0) } }
                    guard !rows.isEmpty else { throw DamagedBytes(what: "no observations") }
                    guard let extent = try row.decode(Data?.self, atIndex: 1) else { continue }
                    guard try extent.withUnsafeBytes({ try StoredExtent($0) }) == StoredExtent(of: rows) else {
                        throw DamagedBytes(what: "summary of a stretch")
                    }
                } catch { damage.note(.stretch, id, error) }
            }
        }
        // A segment's entry is where its stretches are found by time.
        let segments = try await read("list the segments") { db in
            try Int64.fetchAll(db, sql: "SELECT DISTINCT id >> 32 FROM stretch UNION SELECT id FROM segment")
        }
        for id in segments where Key.spans.contains(id) {
            try goOn()
            try await write("check a segment") { db in
                guard try Self.rebuildSegment(id, db) else { return }
                try Self.tell("The entry of segment \(id) did not fit what lies in it and was made anew", of: nil, db)
            }
        }
    }

    private func readRecords() async throws(Failure) {
        var next: (kind: DatabaseValue, key: DatabaseValue)? = (.null, .null)
        while let from = next {
            try goOn()
            next = try await read("check records") { [damage] db in
                let rows = try Row.fetchAll(
                    db,
                    sql: SQLiteRecords.SQL.record
                        + (from.kind.isNull ? "" : " WHERE (kind, key) > (?, ?)") + " ORDER BY kind, key LIMIT 500",
                    arguments: from.kind.isNull ? [] : [from.kind, from.key])
                for row in rows {
                    do { _ = try SQLiteRecords.record(row) } catch { damage.note(.record, 0, error) }
                }
                return rows.count < 500
                    ? nil : rows.last.map { ($0.databaseValues.first ?? .null, Array($0.databaseValues.prefix(2))[1]) }
            }
        }
    }

    private func slices(
        of table: String, key: String = "id", by count: Int64 = 2_000,
        _ body: @escaping @Sendable (Database, StatementArguments) throws -> Void
    ) async throws(Failure) {
        var next: Int64? = .min
        while let from = next {
            try goOn()
            next = try await read("check \(table)") { db -> Int64? in
                let ids = try Int64.fetchAll(
                    db, sql: "SELECT \(key) FROM \(table) WHERE \(key) >= ? ORDER BY \(key) LIMIT ?",
                    arguments: [from, count])
                guard let first = ids.first, let last = ids.last else { return nil }
                try body(db, [first, last])
                return last == .max ? nil : last + 1
            }
        }
    }

    /// Writes down damage that a person has to know of: an incident of the ledger, which lasts until it is acknowledged, and an
    /// event that says what happened. One at a time: a newer one takes the place of an older.
    @discardableResult
    static func raise(_ text: String, at now: Instant, _ db: Database) throws -> Int64 {
        try db.execute(
            sql: "UPDATE incident SET ended = ? WHERE check_id = ? AND ended IS NULL",
            arguments: [now.milliseconds, Incident.ofLedger])
        var began = now.milliseconds
        while try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM incident WHERE check_id = ? AND began = ?)",
            arguments: [Incident.ofLedger, began]) == true
        {
            began += 1
        }
        try db.execute(
            sql: """
                INSERT INTO incident (check_id, began, ended, verdict, cause, code, flips) VALUES (?, ?, NULL, ?, ?, 0, 1)
                """,
            arguments: [Incident.ofLedger, began, Verdict.down.rawValue, Cause.ledgerDamaged.rawValue])
        let id = db.lastInsertedRowID
        _ = try append(
            [Event(at: Instant(milliseconds: began), check: Incident.ofLedger, .ledgerDamaged(what: text))], db)
        return id
    }
}
