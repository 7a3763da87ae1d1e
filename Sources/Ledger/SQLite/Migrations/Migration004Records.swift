import GRDB

extension Migration {
    /// Small documents by kind and key: ``RecordStore``.
    static let records = Migration(name: "004-records") { db in
        try db.execute(
            sql: """
                CREATE TABLE record (
                kind TEXT, key TEXT, version INTEGER, at INTEGER, expires INTEGER, body TEXT, \
                PRIMARY KEY (kind, key)) WITHOUT ROWID
                """)
    }
}
