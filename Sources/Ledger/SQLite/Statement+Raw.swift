import GRDB
import GRDBSQLite

/// The few calls of SQLite that hot loops make themselves: binding through GRDB's argument list costs as much as the insert.
extension Statement {
    func bind(_ value: Int64, at index: Int32) { sqlite3_bind_int64(sqliteStatement, index, value) }

    func bind(_ bytes: [UInt8]?, at index: Int32) {
        guard let bytes else {
            sqlite3_bind_null(sqliteStatement, index)
            return
        }
        bytes.withUnsafeBytes {
            // SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
            _ = sqlite3_bind_blob(
                sqliteStatement, index, $0.baseAddress, Int32($0.count),
                unsafeBitCast(-1, to: sqlite3_destructor_type.self))
        }
    }

    /// Runs a statement without rows and makes it ready for the next.
    func run(_ db: Database) throws {
        let code = sqlite3_step(sqliteStatement)
        sqlite3_reset(sqliteStatement)
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
        }
    }

    /// Whether there is a row; resets at the end of the rows.
    func step(_ db: Database) throws -> Bool {
        let code = sqlite3_step(sqliteStatement)
        if code == SQLITE_ROW { return true }
        sqlite3_reset(sqliteStatement)
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
        }
        return false
    }

    func reset() { sqlite3_reset(sqliteStatement) }
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(sqliteStatement, column) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(sqliteStatement, column) == SQLITE_NULL }

    /// Valid until the statement steps or resets.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(sqliteStatement, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(sqliteStatement, column)))
    }
}
