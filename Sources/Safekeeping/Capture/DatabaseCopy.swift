import Foundation
import GRDBSQLite
import StokerCore

#if canImport(Glibc)
import Glibc
#endif

/// Copies a live SQLite database, page for page, by SQLite's backup API inside a read transaction: the writer waits for milliseconds, the copy
/// is of one moment, and pages keep their places, which `VACUUM INTO` does not promise.
///
/// It runs in a process of its own: POSIX locks belong to a process, and one that opens a database's file by hand beside an SQLite connection of
/// its own drops that connection's locks when it closes it. It never makes a checkpoint and never uses `immutable`: the first can damage a
/// database in SQLite up to 3.51.2, the second leaves out what is in the -wal. Source: sqlite.org/wal.html, sqlite.org/howtocorrupt.html.
package enum DatabaseCopy {
    /// What the copying process prints, as one line of JSON.
    package struct Outcome: Sendable, Equatable {
        package enum Kind: String, Sendable {
            case copied
            /// Another connection did not let go in time.
            case locked
            /// SQLite does not take it for a database, or finds it damaged.
            case damaged
            /// It cannot be opened or the copy cannot be written.
            case failed
        }
        package var kind: Kind
        package var pageSize = 0
        package var pages = 0
        /// Rows of all tables; nil when they were not counted.
        package var rows: Int64?
        /// What SQLite said.
        package var message = ""

        /// As it is printed.
        package var line: String { json.text }

        var json: JSONValue {
            [
                "kind": .string(kind.rawValue), "page_size": .integer(Int64(pageSize)), "pages": .integer(Int64(pages)),
                "rows": rows.map { .integer($0) } ?? .null, "message": .string(message),
            ]
        }

        init(_ kind: Kind, message: String = "") {
            self.kind = kind
            self.message = message
        }

        /// - Parameter line: as ``json`` writes it; anything else is a failure.
        init(reading line: String) {
            guard let value = try? JSONValue(reading: line), let kind = value["kind"]?.string.flatMap(Kind.init) else {
                self.init(.failed, message: "the copying process said nothing that is understood")
                return
            }
            self.init(kind)
            pageSize = value["page_size"]?.integer ?? 0
            pages = value["pages"]?.integer ?? 0
            rows = value["rows"]?.integer.map(Int64.init)
            message = value["message"]?.string ?? ""
        }
    }

    /// First bytes of every database that is not encrypted. Source: sqlite.org/fileformat2.html.
    static let magic = Array("SQLite format 3\0".utf8)

    /// Copies; blocks until it is done or the time is over.
    /// - Parameter counting: rows are counted in databases of up to so many pages.
    package static func run(
        from source: String, to target: String, within limit: Duration, countingUpTo counting: Int = 16_384
    ) -> Outcome {
        let end = ContinuousClock.now + limit
        unlink(target)
        var from: OpaquePointer?
        var into: OpaquePointer?
        defer {
            sqlite3_close_v2(into)
            sqlite3_close_v2(from)
        }
        // A plain path, never a URI: names may hold anything.
        var code = sqlite3_open_v2(source, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK else { return outcome(code, from) }
        sqlite3_busy_timeout(from, 50)
        repeat {
            code = execute("BEGIN; SELECT COUNT(*) FROM sqlite_master", from)
            if code & 0xFF == SQLITE_BUSY || code & 0xFF == SQLITE_LOCKED { _ = execute("ROLLBACK", from) }
        } while (code & 0xFF == SQLITE_BUSY || code & 0xFF == SQLITE_LOCKED) && ContinuousClock.now < end
        guard code == SQLITE_OK else { return outcome(code, from) }
        code = sqlite3_open_v2(
            target, &into, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK else { return outcome(code, into) }
        // A scratch copy: what a power cut leaves of it is thrown away.
        _ = execute("PRAGMA synchronous = OFF", into)
        guard let backup = sqlite3_backup_init(into, "main", from, "main") else {
            return outcome(sqlite3_errcode(into), into)
        }
        repeat {
            // All in one step: the read transaction holds the moment, and steps begin anew whenever the app writes.
            code = sqlite3_backup_step(backup, -1)
            if code == SQLITE_BUSY || code == SQLITE_LOCKED { usleep(10_000) }
        } while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) && ContinuousClock.now < end
        let pages = Int(sqlite3_backup_pagecount(backup))
        let finished = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, finished == SQLITE_OK else {
            return outcome(code == SQLITE_DONE ? finished : code, into)
        }
        _ = execute("ROLLBACK", from)
        var copied = Outcome(.copied)
        copied.pages = pages
        copied.pageSize = Int(integer("PRAGMA page_size", into) ?? 0)
        guard pages > 0, copied.pageSize > 0 else { return copied }
        if pages <= counting {
            // Of what is damaged nothing is counted, and it is said.
            let check = text("PRAGMA quick_check(1)", into)
            if check != "ok" {
                copied.kind = .damaged
                copied.message = check ?? "quick_check cannot read it"
            } else {
                copied.rows = rows(into)
            }
        }
        return copied
    }

    private static func rows(_ database: OpaquePointer?) -> Int64? {
        var names: [String] = []
        var statement: OpaquePointer?
        let tables =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        guard sqlite3_prepare_v2(database, tables, -1, &statement, nil) == SQLITE_OK else { return nil }
        while sqlite3_step(statement) == SQLITE_ROW {
            if let name = sqlite3_column_text(statement, 0) { names.append(String(cString: name)) }
        }
        sqlite3_finalize(statement)
        var all: Int64 = 0
        for name in names.prefix(500) {
            let quoted = name.replacing("\"", with: "\"\"")
            guard let count = integer("SELECT COUNT(*) FROM \"\(quoted)\"", database) else { return nil }
            all += count
        }
        return all
    }

    private static func execute(_ sql: String, _ database: OpaquePointer?) -> Int32 {
        sqlite3_exec(database, sql, nil, nil, nil)
    }

    private static func integer(_ sql: String, _ database: OpaquePointer?) -> Int64? {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else { return nil }
        defer { sqlite3_finalize(statement) }
        return sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : nil
    }

    private static func text(_ sql: String, _ database: OpaquePointer?) -> String? {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else { return nil }
        defer { sqlite3_finalize(statement) }
        guard sqlite3_step(statement) == SQLITE_ROW, let text = sqlite3_column_text(statement, 0) else { return nil }
        return String(cString: text)
    }

    private static func outcome(_ code: Int32, _ database: OpaquePointer?) -> Outcome {
        let message = database.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "out of memory"
        switch code & 0xFF {
        case SQLITE_OK, SQLITE_BUSY, SQLITE_LOCKED: return Outcome(.locked, message: message)
        case SQLITE_CORRUPT, SQLITE_NOTADB: return Outcome(.damaged, message: message)
        default: return Outcome(.failed, message: message)
        }
    }
}
