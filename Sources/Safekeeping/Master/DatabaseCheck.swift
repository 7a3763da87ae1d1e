import Foundation
import GRDBSQLite
import StokerCore

/// Looks through a restored SQLite database: its pages and indexes, and whether what its tables say of each other holds.
///
/// For copies of ours alone, never for a database that an app has open: see ``DatabaseCopy``.
enum DatabaseCheck {
    /// Blocks.
    /// - Returns: what is wrong; nil for a sound one.
    static func trouble(of path: String, within limit: Duration) -> String? {
        var database: OpaquePointer?
        defer { sqlite3_close_v2(database) }
        // A copy in WAL mode can only be read where SQLite may make the files that belong to it.
        guard
            sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil) == SQLITE_OK
        else { return "it cannot be opened: \(said(database))" }
        let end = Deadline(ContinuousClock.now + limit)
        return withExtendedLifetime(end) {
            sqlite3_progress_handler(
                database, 10_000,
                { context in
                    guard let context else { return 0 }
                    return Unmanaged<Deadline>.fromOpaque(context).takeUnretainedValue().isOver ? 1 : 0
                }, Unmanaged.passUnretained(end).toOpaque())
            defer { sqlite3_progress_handler(database, 0, nil, nil) }
            switch rows("PRAGMA integrity_check(5)", database) {
            case .failure(let trouble): return end.isOver ? late(limit) : trouble.text
            case .success(let found):
                if found.count != 1 || found[0][0] != "ok" {
                    return "SQLite finds it damaged: \(found.prefix(3).map { $0[0] }.joined(separator: "; "))".cut(
                        to: 300)
                }
            }
            switch rows("PRAGMA foreign_key_check", database, upTo: 1_000) {
            case .failure(let trouble): return end.isOver ? late(limit) : trouble.text
            case .success(let found):
                guard let first = found.first else { return nil }
                return
                    "\(found.count)\(found.count == 1_000 ? " or more" : "") rows point to rows that are not there, such as one of the table \(first[0]) to \(first[2])"
                    .cut(to: 300)
            }
        }
    }

    private static func late(_ limit: Duration) -> String { "it was not looked through within \(limit.text)" }

    /// Only read by the thread that runs SQLite.
    private final class Deadline {
        private let end: ContinuousClock.Instant
        init(_ end: ContinuousClock.Instant) { self.end = end }
        var isOver: Bool { ContinuousClock.now >= end }
    }

    private struct Trouble: Error { var text: String }

    private static func said(_ database: OpaquePointer?) -> String {
        database.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "no memory"
    }

    private static func rows(
        _ statement: String, _ database: OpaquePointer?, upTo limit: Int = 100
    ) -> Result<[[String]], Trouble> {
        var prepared: OpaquePointer?
        defer { sqlite3_finalize(prepared) }
        guard sqlite3_prepare_v2(database, statement, -1, &prepared, nil) == SQLITE_OK else {
            return .failure(Trouble(text: "SQLite: \(said(database))"))
        }
        var rows: [[String]] = []
        while true {
            switch sqlite3_step(prepared) {
            case SQLITE_ROW:
                rows.append(
                    (0..<sqlite3_column_count(prepared)).map { column in
                        sqlite3_column_text(prepared, column).map { String(cString: $0) } ?? ""
                    })
                if rows.count >= limit { return .success(rows) }
            case SQLITE_DONE: return .success(rows)
            default: return .failure(Trouble(text: "SQLite: \(said(database))"))
            }
        }
    }
}
