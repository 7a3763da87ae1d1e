import GRDB
import StokerCore

/// Records in the table `record`.
struct SQLiteRecords: RecordStore {
    let access: any SQLiteAccess

    func put(_ record: NewRecord, ifVersion version: Int64?) async throws(Failure) -> Record? {
        try record.check()
        return try await access.write("write the record \(record.kind) \(record.key)", within: nil) { db in
            let known =
                try Int64.fetchOne(
                    db,
                    sql: """
                        SELECT CASE WHEN typeof(version) = 'integer' AND version BETWEEN 1 AND \(Record.maxVersions)
                        THEN version ELSE 0 END FROM record WHERE kind = ? AND key = ?
                        """, arguments: [record.kind, record.key]) ?? 0
            guard version == nil || version == known else { return nil }
            try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO record (kind, key, version, at, expires, body) VALUES (?, ?, ?, ?, ?, ?)"
            ).execute(
                arguments: [
                    record.kind, record.key, known + 1, Instant.stored(record.at.milliseconds),
                    record.expires?.milliseconds, record.body,
                ])
            return Record(record, version: known + 1)
        }
    }

    func remove(kind: String, key: String) async throws(Failure) -> Bool {
        try await access.write("remove the record \(kind) \(key)", within: nil) { db in
            try db.execute(sql: "DELETE FROM record WHERE kind = ? AND key = ?", arguments: [kind, key])
            return db.changesCount > 0
        }
    }

    func record(kind: String, key: String) async throws(Failure) -> Record? {
        try await rows("WHERE kind = ? AND key = ?", [kind, key]).first
    }

    func records(kind: String, prefix: String, after: String?, limit: Int) async throws(Failure) -> [Record] {
        // Keys of a prefix are together in the order of bytes.
        try await rows(
            "WHERE kind = ? AND key > ? AND key >= ? AND substr(key, 1, ?) = ? ORDER BY key LIMIT ?",
            [kind, after ?? "", prefix, prefix.unicodeScalars.count, prefix, max(0, limit)])
    }

    func prune(now: Instant) async throws(Failure) -> Int {
        try await access.write("delete records that are past their time", within: nil) { db in
            try db.execute(sql: "DELETE FROM record WHERE expires <= ?", arguments: [now.milliseconds])
            var gone = db.changesCount
            for kind in try String.fetchAll(
                db, sql: "SELECT kind FROM record WHERE kind <> 'activity' GROUP BY kind HAVING COUNT(*) > ?",
                arguments: [Record.maxOfKind])
            {
                try db.execute(
                    sql: """
                        DELETE FROM record WHERE kind = ? AND key IN
                        (SELECT key FROM record WHERE kind = ? ORDER BY at DESC, key DESC LIMIT -1 OFFSET ?)
                        """, arguments: [kind, kind, Record.maxOfKind])
                gone += db.changesCount
            }
            return gone
        }
    }

    private func rows(_ condition: String, _ arguments: StatementArguments) async throws(Failure) -> [Record] {
        let damage = access.damage
        return try await access.read("read records") { db in
            // Not yet in a file that is only read, before its first start with this version.
            guard try db.tableExists("record") else { return [] }
            return try Row.fetchAll(db, sql: SQL.record + " " + condition, arguments: arguments).compactMap { row in
                do { return try Self.record(row) } catch {
                    damage.note(.record, 0, error)
                    return nil
                }
            }
        }
    }

    enum SQL {
        static let record = "SELECT kind, key, version, at, expires, body FROM record"
    }

    /// - Parameter row: of ``SQL/record``.
    static func record(_ row: Row) throws -> Record {
        let new = NewRecord(
            kind: try row.decode(String.self, atIndex: 0), key: try row.decode(String.self, atIndex: 1),
            body: try row.decode(String.self, atIndex: 5),
            at: try Instant(stored: try row.decode(Int64.self, atIndex: 3)),
            expires: try row.decode(Int64?.self, atIndex: 4).map { try Instant(stored: $0) })
        let version = try row.decode(Int64.self, atIndex: 2)
        guard (1...Record.maxVersions).contains(version) else { throw DamagedBytes(what: "version of a record") }
        return Record(new, version: version)
    }
}
