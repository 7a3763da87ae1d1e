import GRDB

extension Migration {
    /// Who had what done: ``ActivityStore``.
    static let activity = Migration(name: "005-activity") { db in
        try db.execute(
            sql: """
                CREATE TABLE activity (
                id INTEGER PRIMARY KEY, at INTEGER, actor TEXT, name TEXT, address TEXT, operation TEXT, target TEXT, \
                inputs TEXT, result TEXT, because TEXT)
                """)
        try db.execute(sql: "CREATE INDEX activity_at ON activity (at)")
    }
}
