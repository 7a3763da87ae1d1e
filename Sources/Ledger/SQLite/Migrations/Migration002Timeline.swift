import Foundation
import GRDB
import StokerCore

extension Migration {
    /// What uptime is counted from: when each check's standing changed, and when nobody watched. A check that stays well writes
    /// nothing here. Old changes of a check that has very many become sums by the hour.
    ///
    /// Before this step only pings were kept. For that time uptime is derived from them at each query, as far as `timeline-since`.
    static let timeline = Migration(name: "002-timeline") { db in
        for statement in [
            """
            CREATE TABLE standing (
                check_id INTEGER NOT NULL, at INTEGER NOT NULL, standing INTEGER NOT NULL, PRIMARY KEY (check_id, at)
            ) WITHOUT ROWID
            """,
            """
            CREATE TABLE standing_hour (
                check_id INTEGER NOT NULL, hour INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL,
                PRIMARY KEY (check_id, hour)
            ) WITHOUT ROWID
            """,
            "CREATE TABLE absence (began INTEGER PRIMARY KEY, ended INTEGER NOT NULL)",
        ] {
            try db.execute(sql: statement)
        }
        try carryForward(db)
    }

    private static func carryForward(_ db: Database) throws {
        // The last sign of life of the program that wrote this file.
        var last = try Int64.fetchOne(db, sql: "SELECT MAX(at) FROM event WHERE kind IN ('stopped', 'started')") ?? .min
        if let row = try Int64.fetchOne(db, sql: "SELECT MAX(at) FROM observation") { last = max(last, row) }
        if let row = try Int64.fetchOne(db, sql: "SELECT MAX(last_at) FROM segment") { last = max(last, row) }
        guard last > .min else { return }

        let insert = try db.makeStatement(
            sql: "INSERT OR REPLACE INTO standing (check_id, at, standing) VALUES (?, ?, ?)")
        let states = try Row.fetchCursor(db, sql: "SELECT check_id, state FROM check_state")
        while let row = try states.next() {
            // A damaged state says nothing of the past.
            guard let bytes = try? row.decode(Data.self, atIndex: 1),
                let state = try? bytes.withUnsafeBytes({ try StateCodec.decode($0) }), state.standing != .unknown
            else { continue }
            let check = try row.decode(Int64.self, atIndex: 0)
            try insert.execute(arguments: [check, last, state.standing.rawValue])
        }
        // A clean stop and the next start are told by their events.
        var stopped: Int64?
        let events = try Row.fetchCursor(
            db, sql: "SELECT at, kind FROM event WHERE kind IN ('stopped', 'started') ORDER BY id")
        while let row = try events.next() {
            guard let at = try? row.decode(Int64.self, atIndex: 0), let kind = try? row.decode(String.self, atIndex: 1)
            else { continue }
            if kind == "stopped" {
                stopped = at
            } else if let from = stopped, from < at {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO absence (began, ended) VALUES (?, ?)", arguments: [from, at])
                stopped = nil
            }
        }
        for name in ["timeline-since", "watched-until"] {
            try db.execute(
                sql: "INSERT OR REPLACE INTO progress (name, value) VALUES (?, ?)", arguments: [name, last])
        }
    }
}
