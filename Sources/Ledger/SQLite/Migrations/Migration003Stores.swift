import GRDB
import StokerCore

extension Migration {
    /// Events keep their values beside their sentence; jobs and actions have tables.
    ///
    /// Before this step what healing did was known from sentences of events only; the restart budget goes on from them.
    ///
    /// The text of all tables together stays below a page: ``Salvage`` can replace the first page of a damaged file only as long as
    /// it holds all of `sqlite_master`.
    static let stores = Migration(name: "003-stores") { db in
        for statement in [
            "ALTER TABLE event ADD COLUMN payload TEXT",
            """
            CREATE TABLE job (
            id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, state TEXT NOT NULL, payload TEXT NOT NULL, \
            created INTEGER NOT NULL, due INTEGER, attempt INTEGER NOT NULL, most INTEGER NOT NULL, owner TEXT, \
            fence INTEGER NOT NULL, key TEXT UNIQUE, key_ends INTEGER NOT NULL, ended INTEGER, error TEXT)
            """,
            "CREATE INDEX job_due ON job (kind, due) WHERE due IS NOT NULL",
            """
            CREATE TABLE action (
            id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, space TEXT NOT NULL, key TEXT NOT NULL, \
            actor TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER, \
            owner TEXT, lease INTEGER, fence INTEGER NOT NULL, result TEXT, details TEXT)
            """,
            "CREATE INDEX action_by_key ON action (key)",
        ] {
            try db.execute(sql: statement)
        }
        try carryHealing(db)
    }

    /// What healing did, from the sentences of its events. Their ends were never written in a form that can be read back.
    static func carryHealing(_ db: Database) throws {
        let insert = try db.makeStatement(
            sql: """
                INSERT INTO action (kind, space, key, actor, reason, state, began, ended, fence)
                VALUES (?, ?, ?, 'healing', ?, 'unknown', ?, ?, 1)
                """)
        let words = ["heal.wake": "wake", "heal.restart": "restart", "heal.factory_restart": "factory restart"]
        let events = try Row.fetchCursor(
            db,
            sql: """
                SELECT at, kind, text FROM event WHERE kind IN ('heal.wake', 'heal.restart', 'heal.factory_restart') ORDER BY id
                """)
        while let row = try events.next() {
            // A damaged row says nothing.
            guard let at = try? row.decode(Int64.self, atIndex: 0), Instant.range.contains(at),
                let kind = try? row.decode(String.self, atIndex: 1),
                let text = try? row.decode(String.self, atIndex: 2), let word = words[kind],
                // "bot: restart of acme/bot because of: crashed, 3 failed pings in a row"
                let start = text.firstRange(of: ": \(word) of ")?.upperBound,
                let end = text[start...].firstRange(of: " because of: ")
            else { continue }
            let space = String(text[start..<end.lowerBound])
            try insert.execute(
                arguments: [kind, space, SpaceName.key(space), String(text[end.upperBound...].prefix(1_000)), at, at])
        }
    }
}
