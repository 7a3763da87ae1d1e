import Foundation
import GRDB
import StokerCore

/// Values of the timeline that are possible by themselves and contradict the rest of the file.
///
/// Everything is written in one transaction with the time until which this program watched, so nothing of the timeline is later than
/// that or the last event; and the last standing of a check is the one of its state.
enum UntrueTimes {
    static func mend(_ db: Database) throws {
        let times = "BETWEEN \(Instant.range.lowerBound) AND \(Instant.range.upperBound)"
        guard let watched = try Int64.fetchOne(db, sql: "SELECT value FROM progress WHERE name = 'watched-until'")
        else {
            return
        }
        let last = max(watched, try Int64.fetchOne(db, sql: "SELECT MAX(at) FROM event WHERE at \(times)") ?? watched)
        try db.execute(sql: "DELETE FROM absence WHERE began >= ?", arguments: [last])
        let absences = db.changesCount
        try db.execute(sql: "UPDATE absence SET ended = ? WHERE ended > ?", arguments: [last, last])
        try tell(
            absences + db.changesCount, "of absence", "ended later than anything else in the ledger and were cut", db)
        try db.execute(sql: "DELETE FROM standing WHERE at > ?", arguments: [last])
        try tell(db.changesCount, "of standing", "were later than anything else in the ledger and were left out", db)
        try db.execute(
            sql: """
                UPDATE progress SET value = COALESCE((SELECT MIN(at) FROM standing), ?)
                WHERE name = 'timeline-since' AND value > ?
                """, arguments: [last, last])
        try tell(db.changesCount, "of progress", "said that uptime is known from a later time on than the last one", db)
        try mendStandings(db, watched: watched)
    }

    /// Nothing is claimed of the time since a last standing that is not its state's.
    private static func mendStandings(_ db: Database, watched: Int64) throws {
        // The other columns are those of the row with the maximum. Source: sqlite.org/lang_select.html, "bare columns".
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT s.check_id, MAX(s.at), s.standing, CAST(c.state AS BLOB)
                FROM standing AS s JOIN check_state AS c ON c.check_id = s.check_id GROUP BY s.check_id
                """)
        var wrong: [(check: Int32, at: Int64, standing: Standing)] = []
        while let row = try rows.next() {
            let check = try row.decode(Int32.self, atIndex: 0)
            let at = try row.decode(Int64.self, atIndex: 1)
            let stored = try row.decode(Int64.self, atIndex: 2)
            // A state that cannot be read is told when it is asked for.
            guard let bytes = try row.decode(Data?.self, atIndex: 3),
                let state = try? bytes.withUnsafeBytes({ try StateCodec.decode($0) }),
                Int64(state.standing.rawValue) != stored
            else { continue }
            wrong.append((check, at, state.standing))
        }
        for one in wrong {
            try db.execute(
                sql: "UPDATE standing SET standing = ? WHERE check_id = ? AND at = ?",
                arguments: [Int64(Standing.unknown.rawValue), one.check, one.at])
            try db.execute(
                sql: "INSERT OR REPLACE INTO standing (check_id, at, standing) VALUES (?, ?, ?)",
                arguments: [one.check, max(watched, one.at), Int64(one.standing.rawValue)])
        }
        try tell(
            wrong.count, "of standing", "said something else than the check's state; uptime since then is not known", db
        )
    }

    private static func tell(_ count: Int, _ table: String, _ what: String, _ db: Database) throws {
        guard count > 0 else { return }
        try SQLiteLedger.tell("\(count) rows \(table) \(what)", of: nil, db)
    }
}
