import GRDB

extension Migration {
    /// The tables as first released. Only types and clauses that PostgreSQL has under the same or another name.
    ///
    /// Every observation is in exactly one of three places, and moves between them inside one transaction:
    ///
    /// 1. `observation`, in the order of arrival and without any index by check (an index costs 19–32 times the insert).
    ///    It stays short, so that reading through all of it is cheap.
    /// 2. `stretch`, compact rows of one check, sorted by check inside a segment. Its key is segment × 2³² + check, so that
    ///    writing a segment only ever appends, and finding a check in one is a single lookup.
    /// 3. `day_sum`, hour sums (later a day sum) of one check and one UTC day; key day × 2³² + check.
    static let foundations = Migration(name: "001-foundations") { db in
        for statement in [
            "CREATE TABLE check_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
            "CREATE TABLE check_state (check_id INTEGER PRIMARY KEY, next_due INTEGER NOT NULL, state BLOB NOT NULL)",
            """
            CREATE TABLE observation (
                id INTEGER PRIMARY KEY, check_id INTEGER NOT NULL, at INTEGER NOT NULL, packed INTEGER NOT NULL,
                latency INTEGER NOT NULL)
            """,
            """
            CREATE TABLE segment (
                id INTEGER PRIMARY KEY, level INTEGER NOT NULL, observations INTEGER NOT NULL, first_at INTEGER NOT NULL,
                last_at INTEGER NOT NULL)
            """,
            "CREATE TABLE stretch (id INTEGER PRIMARY KEY, extent BLOB, observations BLOB NOT NULL)",
            "CREATE TABLE day_sum (id INTEGER PRIMARY KEY, sums BLOB NOT NULL)",
            """
            CREATE TABLE incident (
                id INTEGER PRIMARY KEY AUTOINCREMENT, check_id INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER,
                verdict INTEGER NOT NULL, cause INTEGER NOT NULL, code INTEGER NOT NULL, flips INTEGER NOT NULL)
            """,
            "CREATE UNIQUE INDEX incident_by_began ON incident (check_id, began)",
            "CREATE INDEX incident_by_check ON incident (check_id)",
            "CREATE INDEX incident_open ON incident (id) WHERE ended IS NULL",
            "CREATE INDEX incident_by_end ON incident (ended)",
            """
            CREATE TABLE event (
                id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, check_id INTEGER,
                text TEXT NOT NULL)
            """,
            "CREATE INDEX event_by_check ON event (check_id)",
            "CREATE INDEX event_by_time ON event (at)",
            "CREATE TABLE transcript (check_id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL)",
            "CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
        ] {
            try db.execute(sql: statement)
        }
    }
}
