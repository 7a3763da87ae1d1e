import Foundation
import GRDB
import Logging
import StokerCore

/// What opening leads to: a connection pool on a file that is ours, whole and of our schema.
struct Opened: Sendable {
    var pool: DatabasePool
    var lock: LockFile?
    var movedAside: String?

    /// "STOK", in the file's header, so that another program's database is not taken for ours.
    static let applicationID: Int64 = 0x5354_4F4B
    /// Files up to this size are checked as a whole at every start (well under 100 ms); larger ones only after damage was seen.
    private static let wholeCheckBytes = 32 * 1_024 * 1_024

    init(path: String, readOnly: Bool, logger: Logger) throws(Failure) {
        let doing = "open the ledger \(path)"
        try Self.refuseForeignFile(path, readOnly: readOnly, doing: doing)
        let lock = readOnly ? nil : try LockFile(beside: path)
        self.lock = lock
        do {
            pool = try Self.connect(path, readOnly: readOnly, thorough: lock?.previous == .suspect)
        } catch {
            guard !readOnly, Self.isDamage(error) else { throw Failure.ledger(doing: doing, error: error) }
            let aside = try Self.moveAside(path, doing: doing)
            movedAside = aside
            logger.error(
                "the ledger was damaged: it was moved aside and a new one begun",
                metadata: ["ledger": "\(path)", "kept": "\(aside)", "error": "\(error)"])
            do {
                pool = try Self.connect(path, readOnly: false, thorough: false)
            } catch {
                throw Failure.ledger(doing: doing, error: error)
            }
        }
        lock?.mark(.open)
    }

    private static func isDamage(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
    }

    /// A wrong path must not cost anybody a file: what does not begin like SQLite is left alone.
    private static func refuseForeignFile(_ path: String, readOnly: Bool, doing: String) throws(Failure) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            guard readOnly else { return }
            throw Failure(
                .ledger, doing: doing, because: "the file does not exist", hint: "check ledger.path in the fleet file")
        }
        guard !isFolder.boolValue else {
            throw Failure(.ledger, doing: doing, because: "it is a folder", hint: "name a file in ledger.path")
        }
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Failure(.ledger, doing: doing, because: "it may not be read", hint: "make it readable for this user")
        }
        let head: Data
        do {
            head = try file.read(upToCount: 16) ?? Data()
            try file.close()
        } catch {
            throw Failure.ledger(doing: doing, error: error)
        }
        guard head.isEmpty || head == Data("SQLite format 3\0".utf8) else {
            throw Failure(
                .ledger, doing: doing, because: "it is not a SQLite database; nothing was changed",
                hint: "name another file in ledger.path, or move this one away")
        }
    }

    private static func connect(_ path: String, readOnly: Bool, thorough: Bool) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "ledger"
        configuration.readonly = readOnly
        configuration.maximumReaderCount = 3
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
            if !db.configuration.readonly {
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                // A WAL that readers made long is cut back to this when it starts again.
                try db.execute(sql: "PRAGMA journal_size_limit = 33554432")
            }
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        do {
            try pool.read { db in try inspect(db, path: path, thorough: thorough) }
            if !readOnly {
                try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA application_id = \(applicationID)")
                }
                try Migrations.migrator.migrate(pool)
            }
            return pool
        } catch {
            // The first error is the one to tell.
            try? pool.close()
            throw error
        }
    }

    private static func inspect(_ db: Database, path: String, thorough: Bool) throws {
        let doing = "open the ledger \(path)"
        let owner = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
        guard owner == applicationID || (owner == 0 && tables == 0) else {
            throw Failure(
                .ledger, doing: doing, because: "it is a database of another program; nothing was changed",
                hint: "name another file in ledger.path")
        }
        guard tables > 0 else { return }
        guard try !Migrations.migrator.hasBeenSuperseded(db) else {
            throw Failure(
                .ledger, doing: doing, because: "a newer Stoker made it; nothing was changed",
                hint: "use that version or a newer one, or name another file in ledger.path")
        }
        let bytes =
            (try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0) * (try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0)
        if thorough || bytes <= wholeCheckBytes {
            let found = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
            guard found == "ok" else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: found) }
        } else {
            // Both ends of every table: finds a file that was cut or overwritten without reading it all.
            for table in ["observation", "segment", "stretch", "day_sum", "check_name", "check_state"] {
                for order in ["ASC", "DESC"] {
                    _ = try Row.fetchOne(db, sql: "SELECT * FROM \(table) ORDER BY 1 \(order) LIMIT 1")
                }
            }
        }
    }

    /// Renames the file and its companions to the first free `.damaged-N`; nothing is ever deleted.
    private static func moveAside(_ path: String, doing: String) throws(Failure) -> String {
        var number = 1
        while FileManager.default.fileExists(atPath: "\(path).damaged-\(number)") { number += 1 }
        let aside = "\(path).damaged-\(number)"
        do {
            for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
                try FileManager.default.moveItem(atPath: path + suffix, toPath: aside + suffix)
            }
        } catch {
            throw Failure(
                .ledger, doing: doing, because: "it is damaged and cannot be moved aside",
                hint: "move it away by hand and start again", cause: error)
        }
        return aside
    }
}
