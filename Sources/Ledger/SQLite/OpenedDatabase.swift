import Foundation
import GRDB
import Logging
import StokerCore

/// What opening leads to: a connection pool on a file that is ours, whole and of our schema.
struct OpenedDatabase: Sendable {
    var pool: DatabasePool
    var lock: LockFile?
    var movedAside: String?

    /// "STOK", in the file's header, so that another program's database is not taken for ours.
    static let applicationID: Int64 = 0x5354_4F4B
    /// Files up to this size are checked as a whole at every start (well under 100 ms); larger ones only after damage was seen.
    private static let wholeCheckBytes = 32 * 1_024 * 1_024

    /// - Parameter busy: told once work begins that may rightly take long: a migration, a salvage, a check of a large file.
    init(path: String, readOnly: Bool, logger: Logger, busy: () -> Void = {}) throws(Failure) {
        let doing = "open the ledger \(path)"
        try Self.refuseForeignFile(path, mayBeNew: !readOnly, doing: doing)
        if readOnly {
            do { pool = try Self.connect(path, readOnly: true, thorough: false, busy) } catch {
                throw Failure.ledger(doing: doing, error: error)
            }
            return
        }
        let lock = try Self.lock(path)
        self.lock = lock
        let now = Instant(seconds: Date().timeIntervalSince1970)
        /// What a person has to know; written down once there is something to write into.
        var damage: [String] = []
        let size = SQLiteLedger.bytes(path)
        let logBytes = SQLiteLedger.bytes(path + "-wal")
        if size == 0, lock.previous != nil || logBytes > 0 {
            // A new one would be begun, and SQLite would delete the log of what is gone.
            let aside = try Self.moveAside(path, doing: doing)
            movedAside = aside
            try lock.holdDatabase()
            damage.append("The file of the ledger was empty. It is kept as \(aside)")
        } else if lock.previous == .open, size > 0, let missing = Self.missing(path, after: lock.reachedBefore) {
            busy()
            let copy = Self.copyAside(path)
            let log = logBytes > 0 ? "cut short" : "deleted"
            damage.append(
                "\(missing) that had been written before the last stop are missing: the write-ahead log was \(log), or an older file "
                    + "was put in the place of the ledger. " + copy)
        }
        do {
            pool = try Self.connect(path, readOnly: false, thorough: lock.previous == .suspect || !damage.isEmpty, busy)
        } catch {
            guard Self.isDamage(error) else { throw Failure.ledger(doing: doing, error: error) }
            busy()
            let aside = try Self.moveAside(path, doing: doing)
            movedAside = aside
            try lock.holdDatabase()
            logger.error(
                "the ledger was damaged: it was moved aside and a new one begun",
                metadata: ["ledger": "\(path)", "kept": "\(aside)", "error": "\(error)"])
            do {
                pool = try Self.connect(path, readOnly: false, thorough: false, busy)
            } catch {
                throw Failure.ledger(doing: doing, error: error)
            }
            let saved = Salvage.run(from: aside, into: pool, now: now)
            let what = (error as? DatabaseError)?.message ?? "\(error)"
            damage.append("The ledger was damaged (\(what)). It is kept as \(aside); \(saved)")
        }
        if !damage.isEmpty {
            let text = damage.joined(separator: ". ")
            logger.error("\(text)", metadata: ["ledger": "\(path)"])
            do {
                try pool.write { db in _ = try SQLiteLedger.raise(text, at: now, db) }
            } catch {
                throw Failure.ledger(doing: doing, error: error)
            }
        }
        do {
            let observation = try pool.read { try Self.last("observation", $0) }
            // None: they go on from where they were.
            lock.reached(
                event: try pool.read { try Self.last("event", $0) },
                observation: observation > 0 ? observation : lock.reachedBefore.observation)
        } catch {
            throw Failure.ledger(doing: doing, error: error)
        }
        lock.mark(.open)
    }

    /// A command that makes the file, or carries an older one forward, holds the lock for a moment: see ``SharedStores``.
    static func lock(_ path: String) throws(Failure) -> LockFile {
        for _ in 0..<5 {
            do throws(Failure) { return try LockFile(beside: path) } catch {
                guard error.code == .conflict else { throw error }
                usleep(100_000)
            }
        }
        return try LockFile(beside: path)
    }

    private static func last(_ table: String, _ db: Database) throws -> Int64 {
        // Of events the number that was given last, even if the row is gone by now.
        let given =
            table == "event"
            ? try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'event'") : nil
        return try given ?? Int64.fetchOne(db, sql: "SELECT MAX(id) FROM \(table)") ?? 0
    }

    /// Whether the file, with its log, ends before what had been committed. Looks without changing either.
    /// - Returns: what is missing, in words; nil when nothing is, or when it cannot be said.
    private static func missing(_ path: String, after reached: LockFile.Reached) -> String? {
        var configuration = Configuration()
        configuration.readonly = true
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }  // only read: nothing is lost
            return try queue.inDatabase { db in
                guard try db.tableExists("event") else { return reached == .init() ? nil : "All tables" }
                let event = try last("event", db)
                if event < reached.event { return "The last \(reached.event - event) events, and results with them," }
                // Observations are moved on from time to time; then none are left to compare.
                let observation = try last("observation", db)
                guard observation > 0, observation < reached.observation else { return nil }
                return "The last \(reached.observation - observation) pings"
            }
        } catch {
            // What cannot even be read is found by what follows.
            return nil
        }
    }

    static func isDamage(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
    }

    /// A wrong path must not cost anybody a file: what does not begin like SQLite is left alone.
    static func refuseForeignFile(_ path: String, mayBeNew: Bool, doing: String) throws(Failure) {
        var about = stat()
        guard stat(path, &about) == 0 else {
            if mayBeNew { return }
            throw Failure(
                .ledger, doing: doing, because: "the file does not exist", hint: "check ledger.path in the fleet file")
        }
        guard about.st_mode & S_IFMT != S_IFDIR else {
            throw Failure(.ledger, doing: doing, because: "it is a folder", hint: "name a file in ledger.path")
        }
        // Opening a pipe would wait for somebody to write into it.
        guard about.st_mode & S_IFMT == S_IFREG else {
            throw Failure(
                .ledger, doing: doing, because: "it is not a regular file", hint: "name a file in ledger.path")
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
        // One that was cut short begins like one, too.
        let mark = FileManager.default.contents(atPath: path + ".lock").map {
            String(decoding: $0.prefix(8), as: UTF8.self)
        }
        let isOurs = mark.map { mark in ["open", "closed", "suspect"].contains { mark.hasPrefix($0) } } ?? false
        guard Data("SQLite format 3\0".utf8).starts(with: head) || isOurs && mayBeNew else {
            throw Failure(
                .ledger, doing: doing, because: "it is not a SQLite database; nothing was changed",
                hint: "name another file in ledger.path, or move this one away")
        }
    }

    static func connect(
        _ path: String, readOnly: Bool, thorough: Bool, _ busy: () -> Void
    ) throws -> DatabasePool {
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
            let broken = try pool.read { db in
                try inspect(db, path: path, thorough: thorough, isWritable: !readOnly, busy)
            }
            if !readOnly {
                try pool.writeWithoutTransaction { db in
                    guard try Int64.fetchOne(db, sql: "PRAGMA application_id") != applicationID else { return }
                    try db.execute(sql: "PRAGMA application_id = \(applicationID)")
                }
                if try pool.read({ try !Migrations.migrator.hasCompletedMigrations($0) }) {
                    busy()
                    try Migrations.migrator.migrate(pool)
                }
                try pool.write { db in try order(db, broken) }
            }
            return pool
        } catch {
            // The first error is the one to tell.
            try? pool.close()
            throw error
        }
    }

    /// Before anything is asked for by number: indexes that do not match, and numbers that no key can hold.
    private static func order(_ db: Database, _ broken: (tables: Set<String>, line: String)?) throws {
        if let broken {
            do { try Integrity.rebuild(broken.tables, db) } catch {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: broken.line)
            }
            let names = broken.tables.sorted().joined(separator: ", ")
            try SQLiteLedger.tell(
                "An index of \(names) did not match its table (\(broken.line)); it was made anew", of: nil, db)
        }
        for (table, condition) in [
            ("check_name", "id < 1 OR id >= \(Int32.max)"),
            ("segment", "id < \(Key.spans.lowerBound) OR id > \(Key.spans.upperBound)"),
        ] {
            let bad = try Int64.fetchAll(db, sql: "SELECT id FROM \(table) WHERE \(condition) LIMIT 100")
            guard !bad.isEmpty else { continue }
            try db.execute(sql: "DELETE FROM \(table) WHERE \(condition)")
            let numbers = bad.map { "\($0)" }.joined(separator: ", ")
            try SQLiteLedger.tell("Rows of \(table) had impossible numbers (\(numbers)) and were left out", of: nil, db)
        }
        try orderTimeline(db)
    }

    /// What uptime is counted from: values that nothing writes would void or invent hours.
    private static func orderTimeline(_ db: Database) throws {
        let times = "BETWEEN \(Instant.range.lowerBound) AND \(Instant.range.upperBound)"
        let standings = Standing.allCases.map { "\($0.rawValue)" }.joined(separator: ", ")
        for (table, sound) in [
            ("standing", "typeof(standing) = 'integer' AND standing IN (\(standings)) AND at \(times)"),
            (
                "standing_hour",
                "typeof(up) = 'integer' AND typeof(down) = 'integer' AND up >= 0 AND down >= 0 AND up + down <= 3600000"
            ),
            ("absence", "typeof(ended) = 'integer' AND began < ended AND began \(times) AND ended \(times)"),
        ] {
            try db.execute(sql: "DELETE FROM \(table) WHERE NOT (\(sound))")
            let count = db.changesCount
            guard count > 0 else { continue }
            try SQLiteLedger.tell(
                "\(count) rows of \(table) held impossible values and were left out; uptime of that time may be incomplete",
                of: nil, db)
        }
        try db.execute(
            sql: """
                UPDATE progress SET value = COALESCE(
                    (SELECT MAX(at) FROM observation WHERE at \(times)), (SELECT MAX(at) FROM event WHERE at \(times)), 0)
                WHERE name = 'watched-until' AND NOT (value \(times))
                """)
        if db.changesCount > 0 {
            try SQLiteLedger.tell(
                "The time until which this program watched was impossible; the last ping stands for it", of: nil, db)
        }
        try UntrueTimes.mend(db)
    }

    /// - Returns: tables whose indexes are to be made anew.
    private static func inspect(
        _ db: Database, path: String, thorough: Bool, isWritable: Bool, _ busy: () -> Void
    ) throws -> (tables: Set<String>, line: String)? {
        let doing = "open the ledger \(path)"
        let owner = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
        guard owner == applicationID || (owner == 0 && tables == 0) else {
            throw Failure(
                .ledger, doing: doing, because: "it is a database of another program; nothing was changed",
                hint: "name another file in ledger.path")
        }
        guard tables > 0 else { return nil }
        guard try !Migrations.migrator.hasBeenSuperseded(db) else {
            throw Failure(
                .ledger, doing: doing, because: "a newer Stoker made it; nothing was changed",
                hint: "use that version or a newer one, or name another file in ledger.path")
        }
        let bytes =
            (try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0) * (try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0)
        if bytes > wholeCheckBytes { busy() }
        // A name that its index does not find would get a second number, and its history would be lost; the rest of a large file
        // is checked while at work.
        let found: Integrity =
            thorough || bytes <= wholeCheckBytes
            ? try .check(db) : isWritable ? try .check(db, table: "check_name") : .whole
        switch found {
        case .whole: break
        case .damaged(let line): throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: line)
        case .indexes(let tables, let line): return isWritable ? (tables, line) : nil
        }
        if !thorough, bytes > wholeCheckBytes {
            // Both ends of every table: finds a file that was cut or overwritten without reading it all.
            for table in ["observation", "segment", "stretch", "day_sum", "check_name", "check_state"] {
                for order in ["ASC", "DESC"] {
                    _ = try Row.fetchOne(db, sql: "SELECT * FROM \(table) ORDER BY 1 \(order) LIMIT 1")
                }
            }
        }
        return nil
    }

    /// How many damaged files are kept; the oldest goes when there is one more.
    static let maxKept = 5

    /// The name for the next one that is kept: `.damaged-N`, whose number grows.
    private static func nextAside(_ path: String, _ word: String = "damaged") -> String {
        let folder = path.parentFolder
        let prefix = (path.split(separator: "/").last.map { String($0) } ?? "") + ".\(word)-"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        let numbers = Set(names.filter { $0.hasPrefix(prefix) }.compactMap { Int($0.dropFirst(prefix.count)) }).sorted()
        for old in numbers.prefix(max(0, numbers.count - (maxKept - 1))) {
            for suffix in ["", "-wal", "-shm"] {
                // One that stays is no harm but its size.
                try? FileManager.default.removeItem(atPath: "\(path).\(word)-\(old)\(suffix)")
            }
        }
        return "\(path).\(word)-\((numbers.last ?? 0) + 1)"
    }

    /// Renames the file and its companions; at most ``maxKept`` are kept.
    static func moveAside(_ path: String, as word: String = "damaged", doing: String) throws(Failure) -> String {
        let aside = nextAside(path, word)
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

    /// Copies the file and its log, where there is room for them. - Returns: what was done, as a sentence.
    private static func copyAside(_ path: String) -> String {
        let aside = nextAside(path)
        do {
            let needed = SQLiteLedger.bytes(path) + SQLiteLedger.bytes(path + "-wal")
            let folder = path.parentFolder
            let system = try FileManager.default.attributesOfFileSystem(forPath: folder.isEmpty ? "." : folder)
            let free = (system[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
            guard free > needed + 64 * 1_024 * 1_024 || free > 4 * needed else {
                return "There was no room for a copy of it as it was"
            }
            for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: aside + suffix)
                chmod(aside + suffix, 0o600)
            }
            return "A copy of it as it was is kept as \(aside)"
        } catch {
            return "A copy of it as it was could not be kept (\(error.localizedDescription))"
        }
    }
}
