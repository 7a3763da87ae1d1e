import Foundation
import GRDB
import StokerCore
import Synchronization

/// Rows that could not be read and were left out, until ``SQLiteLedger/mend()`` has put them in order.
final class DamageLog: Sendable {
    enum Table: String, CaseIterable {
        case state = "check_state"
        case observation = "observation"
        case stretch = "stretch"
        case daySum = "day_sum"
        case incident = "incident"
        case event = "event"
        case transcript = "transcript"
        case segment = "segment"
        case job = "job"
        case action = "action"
        /// Its rows have no number: one row stands for all of them.
        case record = "record"
        case activity = "activity"
    }
    struct DamagedRow: Hashable {
        var table: Table
        var id: Int64
    }
    /// Most rows that are remembered at once; the others are found again.
    private static let most = 1_000
    private let rows = Mutex<[DamagedRow: String]>([:])
    private let counts = Mutex<[Table: Int]>([:])

    var isEmpty: Bool { rows.withLock { $0.isEmpty } }

    func note(_ table: Table, _ id: Int64, _ error: any Error) {
        rows.withLock { rows in
            guard rows.count < Self.most else { return }
            rows[DamagedRow(table: table, id: id)] = (error as? DamagedBytes)?.what ?? "unreadable"
        }
    }

    func count(_ table: Table) { counts.withLock { $0[table, default: 0] += 1 } }

    func take(_ most: Int) -> [(row: DamagedRow, what: String)] {
        rows.withLock { rows in
            let taken = rows.prefix(most).map { (row: $0.key, what: $0.value) }
            for one in taken { rows[one.row] = nil }
            return taken.sorted { ($0.row.table.rawValue, $0.row.id) < ($1.row.table.rawValue, $1.row.id) }
        }
    }
}

extension SQLiteLedger {
    package var wantsCompaction: Bool { !damage.isEmpty }

    /// Puts damaged rows in order that reading came upon: what can be read of them stays, the rest goes, and an event names each.
    /// - Returns: whether there was one.
    func mend() async throws(Failure) -> Bool {
        guard !isReadOnly else { return false }
        let found = damage.take(100)
        guard !found.isEmpty else { return false }
        do throws(Failure) {
            try await write("mend damaged rows") { db in
                for (row, what) in found { try Self.mend(row, what, db) }
            }
        } catch {
            for (row, what) in found { damage.note(row.table, row.id, DamagedBytes(what: what)) }
            throw error
        }
        return true
    }

    /// Tells of something in the ledger that was left out. - Parameter check: 0 or below is none.
    static func tell(_ subject: String, _ check: Int64?, _ error: any Error, _ db: Database) throws {
        let what = (error as? DamagedBytes)?.what ?? "\(error)"
        try tell("\(subject) could not be read (\(what)) and was left out", of: check, db)
    }

    static func tell(_ text: String, of check: Int64?, _ db: Database) throws {
        let check = check.flatMap { (1...Int64(Int32.max)).contains($0) ? Int32($0) : nil }
        let now = Instant(seconds: Date().timeIntervalSince1970)
        _ = try append([Event(at: now, check: check, .ledgerMended(what: text))], db)
    }

    /// Looks again, since it may have been written anew meanwhile.
    private static func mend(_ row: DamageLog.DamagedRow, _ what: String, _ db: Database) throws {
        let id = row.id
        let error = DamagedBytes(what: what)
        func remove(_ column: String = "id") throws {
            try db.execute(sql: "DELETE FROM \(row.table.rawValue) WHERE \(column) = ?", arguments: [id])
        }
        switch row.table {
        case .state:
            guard
                let row = try Row.fetchOne(
                    db, sql: "SELECT CAST(state AS BLOB), next_due FROM check_state WHERE check_id = ?", arguments: [id]
                )
            else { return }
            let bytes = (try? row.decode(Data.self, atIndex: 0)) ?? Data()  // not even bytes
            let due = (try? row.decode(Int64.self, atIndex: 1)).flatMap { try? Instant(stored: $0) }
            let isWhole = (try? bytes.withUnsafeBytes { try StateCodec.decode($0) }) != nil
            if isWhole, Int32(exactly: id) != nil {
                guard due == nil else { return }
                try db.execute(sql: "UPDATE check_state SET next_due = 0 WHERE check_id = ?", arguments: [id])
                return try tell("The due time of a check could not be read (\(what)): it is due now", of: id, db)
            }
            let now = Instant(seconds: Date().timeIntervalSince1970)
            if let paused = bytes.withUnsafeBytes({ StateCodec.salvagedPause($0, now: now) }) {
                try db.execute(
                    sql: "UPDATE check_state SET next_due = 0, state = ? WHERE check_id = ?",
                    arguments: [Data(StateCodec.encode(paused)), id])
                return try tell(
                    "The saved state of a check could not be read (\(what)): it stays paused, until it is resumed",
                    of: id, db)
            }
            try remove("check_id")
            try tell("The saved state of a check could not be read (\(what)): the check begins anew", of: id, db)
        case .observation:
            let select = try db.makeStatement(sql: SQL.tail + " WHERE id = ?")
            select.bind(id, at: 1)
            guard try select.step(db) else { return }
            defer { select.reset() }
            let check = select.integer(0)
            do { _ = try observation(select) } catch {
                select.reset()
                try remove()
                try tell("A damaged observation", check, error, db)
            }
        case .stretch: try mendStretch(id, error, db)
        case .daySum:
            guard let data = try Data.fetchOne(db, sql: SQL.sumsOfCheck, arguments: [id]) else { return try remove() }
            var trouble: (any Error)?
            let sums = data.withUnsafeBytes { DaySums(salvaging: $0, &trouble) }
            guard let trouble else { return }
            if sums.parts.isEmpty {
                try remove()
            } else {
                try db.execute(sql: "UPDATE day_sum SET sums = ? WHERE id = ?", arguments: [Data(sums.encode()), id])
            }
            let day = Instant(milliseconds: Instant.stored(Key.span(id) * Calendar.day)).description.prefix(10)
            try tell("A part of the sums of \(day)", Int64(Key.check(id)), trouble, db)
        case .incident:
            guard let row = try Row.fetchOne(db, sql: SQL.incident + " WHERE id = ?", arguments: [id]) else { return }
            do { _ = try incident(row) } catch {
                try remove()
                try tell("Incident \(id)", try? row.decode(Int64.self, atIndex: 1), DamagedBytes(what: what), db)
            }
        case .event:
            guard let row = try Row.fetchOne(db, sql: SQL.event + " WHERE id = ?", arguments: [id]) else { return }
            do { _ = try event(row) } catch {
                try remove()
                try tell("Event \(id)", nil, DamagedBytes(what: what), db)
            }
        case .job:
            guard let row = try Row.fetchOne(db, sql: SQLiteJobs.SQL.job + " WHERE id = ?", arguments: [id]) else {
                return
            }
            do { _ = try SQLiteJobs.job(row) } catch {
                try remove()
                try tell("Job \(id)", nil, DamagedBytes(what: what), db)
            }
        case .action:
            guard let row = try Row.fetchOne(db, sql: SQLiteActions.SQL.action + " WHERE id = ?", arguments: [id])
            else { return }
            do { _ = try SQLiteActions.action(row) } catch {
                try remove()
                try tell("Action \(id)", nil, DamagedBytes(what: what), db)
            }
        case .activity:
            let key = SQLiteActivities.key(id)
            guard
                let row = try Row.fetchOne(
                    db, sql: SQLiteActivities.SQL.activity + " WHERE kind = 'activity' AND key = ?", arguments: [key])
            else { return }
            do { _ = try SQLiteActivities.activity(row) } catch {
                try db.execute(sql: "DELETE FROM record WHERE kind = 'activity' AND key = ?", arguments: [key])
                try tell("Activity \(id)", nil, DamagedBytes(what: what), db)
            }
        case .record:
            // Copies of rows tell wrong types; rows of a cursor read them as SQLite converts them.
            var bad: [(kind: DatabaseValue, key: DatabaseValue)] = []
            for row in try Row.fetchAll(db, sql: SQLiteRecords.SQL.record) {
                guard (try? SQLiteRecords.record(row)) == nil else { continue }
                let values = Array(row.databaseValues.prefix(2))
                bad.append((values[0], values[1]))
            }
            for (kind, key) in bad {
                try db.execute(sql: "DELETE FROM record WHERE kind = ? AND key = ?", arguments: [kind, key])
                let name = [kind, key].map { (String.fromDatabaseValue($0) ?? "?").printable.shortened(toBytes: 200) }
                try tell("The record \(name.joined(separator: " "))", nil, DamagedBytes(what: what), db)
            }
        case .transcript:
            let body = try Data.fetchOne(db, sql: "SELECT body FROM transcript WHERE check_id = ?", arguments: [id])
            guard body.map({ (try? TranscriptCodec.decode($0)) == nil }) ?? true else { return }
            try remove("check_id")
            try tell("The transcript of the last failure", id, error, db)
        case .segment:
            try db.execute(sql: "DELETE FROM segment WHERE id = ?", arguments: [id])
            if Key.spans.contains(id) { _ = try rebuildSegment(id, db) }
            try tell("The entry of segment \(id) could not be read (\(what)) and was made anew", of: nil, db)
        }
    }

    private static func mendStretch(_ key: Int64, _ error: any Error, _ db: Database) throws {
        guard let bytes = try Data.fetchOne(db, sql: SQL.rowsOfCheck, arguments: [key]) else { return }
        let check = Key.check(key)
        var rows: [Observation] = []
        let isDamaged = bytes.withUnsafeBytes { RowCodec.salvage($0, check: check) { rows.append($0) } }
        var isSummary = true
        if let extent = try Data.fetchOne(db, sql: SQL.extentOfCheck, arguments: [key]), !isDamaged, !rows.isEmpty {
            isSummary = (try? extent.withUnsafeBytes { try StoredExtent($0) }) == StoredExtent(of: rows)
        }
        guard isDamaged || !isSummary || rows.isEmpty else { return }
        if rows.isEmpty {
            try db.execute(sql: "DELETE FROM stretch WHERE id = ?", arguments: [key])
        } else {
            try put(rows, key, try db.cachedStatement(sql: insertStretch), db)
        }
        if isDamaged || rows.isEmpty {
            try tellOfDamage(check: check, at: rows.last?.at, db)
            _ = try rebuildSegment(Key.span(key), db)
        } else {
            try tell("The summary of a stretch of history did not fit its rows and was made anew", of: Int64(check), db)
        }
    }

    /// Makes a segment's entry again from what lies in it. - Returns: whether it was other than it should be.
    static func rebuildSegment(_ id: Int64, _ db: Database) throws -> Bool {
        var (count, first, last) = (0, Int64.max, Int64.min)
        let select = try db.makeStatement(sql: SQL.stretches)
        select.bind(Key.first(of: id), at: 1)
        select.bind(Key.first(of: id + 1), at: 2)
        while try select.step(db) {
            _ = RowCodec.salvage(select.bytes(1), check: Key.check(select.integer(0))) { row in
                count += 1
                first = min(first, row.at.milliseconds)
                last = max(last, row.at.milliseconds)
            }
        }
        let known = try Row.fetchOne(
            db, sql: "SELECT observations, first_at, last_at FROM segment WHERE id = ?", arguments: [id])
        if count == 0 {
            // A merge may be about to fill it.
            try db.execute(
                sql: "UPDATE segment SET observations = 0 WHERE id = ? AND observations <> 0", arguments: [id])
            return db.changesCount > 0
        }
        if let known, let stored = try? known.decode(Int.self, atIndex: 0), stored == count,
            let begin = try? known.decode(Int64.self, atIndex: 1), begin <= first,
            let end = try? known.decode(Int64.self, atIndex: 2), end >= last
        {
            return false
        }
        try db.execute(
            sql: """
                INSERT INTO segment (id, level, observations, first_at, last_at) VALUES (?, 0, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET observations = excluded.observations, first_at = excluded.first_at,
                last_at = excluded.last_at
                """, arguments: [id, count, first, last])
        return true
    }
}
