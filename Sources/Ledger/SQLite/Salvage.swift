import Foundation
import GRDB
import StokerCore

/// Reads what can be read of a damaged ledger into a new one. The damaged file is only read.
final class Salvage {
    /// What was saved, for the person who has to look.
    private(set) var counts: [String: Int] = [:]
    private var pauses = 0
    private var problems: [String] = []
    private let source: DatabaseQueue
    private let target: DatabasePool
    private let now: Instant

    /// Files above this keep their history: reading it would keep the fleet waiting. Bytes.
    private static let historyLimit: Int64 = 512 * 1_024 * 1_024

    /// - Returns: one sentence about what was saved.
    static func run(from path: String, into target: DatabasePool, now: Instant) -> String {
        var configuration = Configuration()
        configuration.readonly = true
        // SQLite refuses all of a file that was cut short, unless it is told that somebody is at work on the file itself.
        // Source: sqlite/src/btree.c, lockBtree.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA writable_schema = ON") }
        let hadShared = FileManager.default.fileExists(atPath: path + "-shm")
        let hadLog = FileManager.default.fileExists(atPath: path + "-wal")
        defer {
            // Left by our own reading.
            if !hadShared { try? FileManager.default.removeItem(atPath: path + "-shm") }
            if !hadLog { try? FileManager.default.removeItem(atPath: path + "-wal") }
        }
        do {
            let source = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? source.close() }  // only read: nothing is lost
            guard try source.inDatabase({ try $0.tableExists("check_name") }) else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "there are no tables")
            }
            let salvage = Salvage(source: source, target: target, now: now)
            salvage.run(withHistory: SQLiteLedger.bytes(path) <= historyLimit)
            return salvage.sentence
        } catch {
            let copy = path + ".partial"
            defer {
                for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: copy + suffix) }
            }
            do {
                try graft(path, onto: copy)
                let source = try DatabaseQueue(path: copy, configuration: configuration)
                defer { try? source.close() }
                let salvage = Salvage(source: source, target: target, now: now)
                salvage.isGrafted = true
                salvage.run(withHistory: true)
                return salvage.sentence
            } catch let second {
                return "nothing of it could be read (\(Self.word(error)); \(Self.word(second)))"
            }
        }
    }

    /// A copy with another first page, which says where the tables of a new ledger begin: tables of one layout begin at the same
    /// pages in every file, since `auto_vacuum` puts them at its front in the order in which they were made.
    /// Source: sqlite/src/btree.c, btreeCreateTable; sqlite.org/fileformat2.html, "The Database Header".
    private static func graft(_ path: String, onto copy: String) throws {
        let size = SQLiteLedger.bytes(path)
        guard size >= 2 * pageSize, size <= historyLimit else {
            throw DamagedBytes(what: "its first page cannot be replaced")
        }
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
            try? FileManager.default.removeItem(atPath: copy + suffix)  // of a start that was cut off
            try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
            chmod(copy + suffix, 0o600)
        }
        // Of a file of its own: closing one of the ledger's would drop SQLite's locks.
        let new = copy + ".new"
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: new + suffix) } }
        let pool = try OpenedDatabase.connect(new, readOnly: false, thorough: false) {}
        let tables = try pool.read { try plainTables($0) }
        try pool.close()
        var page = try firstPage(of: tables, in: copy + ".page")
        // Written with a log; the file's size in pages; the first unused page and their count: none is used again here.
        page.replaceSubrange(18..<20, with: [2, 2])
        let pages = UInt32(clamping: size / pageSize)
        for (place, value) in [(28, pages), (32, 0), (36, 0), (24, 1), (92, 1)] as [(Int, UInt32)] {
            withUnsafeBytes(of: value.bigEndian) { page.replaceSubrange(place..<place + 4, with: $0) }
        }
        guard let file = FileHandle(forWritingAtPath: copy) else { throw DamagedBytes(what: "no copy") }
        try file.write(contentsOf: page)
        try file.close()
    }

    /// A line of `sqlite_master`.
    struct SchemaRow: Equatable {
        var type: String
        var name: String
        var table: String
        var rootPage: Int64
        var sql: String?
    }

    /// The tables of a database, said as shortly as reading needs it: without types, rules and indexes, so that all fit one page however
    /// long the schema itself is. The index of the names stays, from which names come back when their table's page is lost.
    static func plainTables(_ db: Database) throws -> [SchemaRow] {
        let index = "sqlite_autoindex_check_name_1"
        var found: [SchemaRow] = []
        for row in try Row.fetchAll(
            db,
            sql: """
                SELECT name, rootpage, sql LIKE '%WITHOUT ROWID' FROM sqlite_master
                WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'grdb_*' AND rootpage > 0 ORDER BY rootpage
                """)
        {
            let name = try row.decode(String.self, atIndex: 0)
            let isKeyed = try row.decode(Bool.self, atIndex: 2)
            let columns = try db.columns(in: name)
            let keys = columns.filter { $0.primaryKeyIndex > 0 }.sorted { $0.primaryKeyIndex < $1.primaryKeyIndex }
            var parts = columns.map { column in
                let isRowID =
                    !isKeyed && keys.count == 1 && keys[0].name == column.name && column.type.uppercased() == "INTEGER"
                let isUnique = name == "check_name" && column.name == "name"
                return column.name + (isRowID ? " INTEGER PRIMARY KEY" : isUnique ? " UNIQUE" : "")
                    // A row from before the column was added has this value.
                    + (column.defaultValueSQL.map { " DEFAULT \($0)" } ?? "")
            }
            if isKeyed { parts.append("PRIMARY KEY(\(keys.map(\.name).joined(separator: ",")))") }
            found.append(
                SchemaRow(
                    type: "table", name: name, table: name, rootPage: try row.decode(Int64.self, atIndex: 1),
                    sql: "CREATE TABLE \(name)(\(parts.joined(separator: ",")))" + (isKeyed ? "WITHOUT ROWID" : "")))
        }
        if let root = try Int64.fetchOne(
            db, sql: "SELECT rootpage FROM sqlite_master WHERE name = ?", arguments: [index])
        {
            found.append(SchemaRow(type: "index", name: index, table: "check_name", rootPage: root, sql: nil))
        }
        return found
    }

    /// The first page of a database with this schema.
    static func firstPage(of rows: [SchemaRow], in path: String) throws -> Data {
        func clean() {
            for suffix in ["", "-journal", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + suffix)
            }
        }
        clean()
        defer { clean() }
        var configuration = Configuration()
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA page_size = \(pageSize)")
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "CREATE TABLE first (a)")
            try db.execute(sql: "PRAGMA writable_schema = ON")
            try db.inTransaction {
                try db.execute(sql: "DELETE FROM sqlite_master")
                for row in rows {
                    try db.execute(
                        sql: "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, ?, ?)",
                        arguments: [row.type, row.name, row.table, row.rootPage, row.sql])
                }
                return .commit
            }
        }
        try queue.close()
        let page = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(Int(pageSize))
        // A leaf of a table, after the database's header: all rows are on it.
        guard page.count == Int(pageSize), page[100] == 0x0D else { throw DamagedBytes(what: "no first page") }
        return page
    }
    private static let pageSize: Int64 = 4_096
    /// Read by the new ledger's first page: tables that it may not have had mean nothing then.
    private var isGrafted = false

    private init(source: DatabaseQueue, target: DatabasePool, now: Instant) {
        self.source = source
        self.target = target
        self.now = now
    }

    private static func word(_ error: any Error) -> String { (error as? DatabaseError)?.message ?? "\(error)" }

    private var sentence: String {
        func count(_ table: String, _ one: String, _ many: String) -> String {
            let number = counts[table] ?? 0
            return "\(number) \(number == 1 ? one : many)"
        }
        var text =
            "saved from it: \(count("check_name", "name", "names")), \(count("check_state", "state", "states")) "
            + "(\(pauses) paused), \(count("incident", "incident", "incidents")), \(count("event", "event", "events")), "
            + "\(count("stretch", "stretch", "stretches")) of history and \(count("observation", "ping", "pings"))"
        if !problems.isEmpty { text += "; not whole: \(problems.joined(separator: ", "))" }
        return text
    }

    private func run(withHistory: Bool) {
        defer { keepNumbers() }
        names()
        let known = Set((try? target.read { try Int64.fetchAll($0, sql: "SELECT id FROM check_name") }) ?? [])
        states()
        copy("incident", "id", "check_id, began, ended, verdict, cause, code, flips") { row in
            _ = try SQLiteLedger.incident(row)
        }
        let columns = (try? source.inDatabase { try $0.columns(in: "event").map(\.name) }) ?? []
        copy("event", "id", "at, kind, check_id, text" + (columns.contains("payload") ? ", payload" : "")) { row in
            _ = try SQLiteLedger.event(row)
        }
        pausesFromEvents(known)
        work(isOlder: !columns.contains("payload"))
        copy("transcript", "check_id", "at, body") { row in
            _ = try TranscriptCodec.decode(try row.decode(Data.self, atIndex: 2))
        }
        copy("progress", nil, "name, value") { row in _ = try row.decode(Int64.self, atIndex: 1) }
        if isGrafted { problems.append("its first page, for which that of a new ledger served") } else { others() }
        guard withHistory else {
            problems.append("the history of pings was left in the kept file, for it is large")
            return
        }
        copy("observation", "id", "check_id, at, packed, latency") { row in
            _ = try PackedObservation.unpack(
                check: try row.decode(Int64.self, atIndex: 1), at: try row.decode(Int64.self, atIndex: 2),
                packed: try row.decode(Int64.self, atIndex: 3), latency: try row.decode(Int64.self, atIndex: 4))
        }
        copy("stretch", "id", "extent, observations") { row in
            let key = try row.decode(Int64.self, atIndex: 0)
            guard Key.spans.contains(Key.span(key)) else { throw DamagedBytes(what: "number of a stretch") }
            let bytes = try row.decode(Data.self, atIndex: 2)
            try bytes.withUnsafeBytes { try RowCodec.decode($0, check: Key.check(key)) { _ in } }
        }
        copy("day_sum", "id", "sums") { row in
            let bytes = try row.decode(Data.self, atIndex: 1)
            _ = try bytes.withUnsafeBytes { try DaySums($0) }
        }
        // Entries of segments are made from what lies in them.
        note("segments") {
            try target.write { db in
                for id in try Int64.fetchAll(db, sql: "SELECT DISTINCT id >> 32 FROM stretch") {
                    _ = try SQLiteLedger.rebuildSegment(id, db)
                }
            }
        }
    }

    /// What was done to Spaces is the budget of restarts, jobs are what is still owed, and records are what people said. Rows of another table, which may lie where a
    /// new ledger's first page says that these begin, do not pass for them.
    private func work(isOlder: Bool) {
        if (try? source.inDatabase { try $0.tableExists("record") }) == true {
            copy("record", nil, "kind, key, version, at, expires, body") { row in _ = try SQLiteRecords.record(row) }
        }
        guard !isOlder else {
            return note("actions") { try target.write { try Migration.carryHealing($0) } }
        }
        copy(
            "action", "id", "kind, space, actor, reason, state, began, ended, owner, lease, fence, result, details, key"
        ) {
            row in
            _ = try SQLiteActions.action(row)
            _ = try row.decode(String.self, atIndex: 13)
        }
        copy(
            "job", "id", "kind, payload, state, created, due, attempt, most, owner, fence, key, ended, error, key_ends"
        ) {
            row in
            _ = try SQLiteJobs.job(row)
            _ = try row.decode(Bool.self, atIndex: 13)
        }
    }

    /// Tables that came later, as they are: their rows are looked at when they are read.
    private func others() {
        let known: Set<String> = [
            "check_name", "check_state", "incident", "event", "transcript", "progress", "observation", "stretch",
            "day_sum",
            "segment", "job", "action", "record",
        ]
        note("other tables") {
            let tables = try target.read { db in
                try String.fetchAll(
                    db,
                    sql:
                        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'grdb_*'"
                ).filter { !known.contains($0) }.map { ($0, try db.columns(in: $0)) }
            }
            for (table, columns) in tables {
                let keys = columns.filter { $0.primaryKeyIndex > 0 }
                let key = keys.count == 1 && keys[0].type.uppercased() == "INTEGER" ? keys[0].name : nil
                copy(table, key, columns.map(\.name).filter { $0 != key }.joined(separator: ", ")) { _ in }
            }
        }
    }

    private func note(_ what: String, _ work: () throws -> Void) {
        do { try work() } catch { problems.append("\(what) (\(Self.word(error)))") }
    }

    /// By number, and by the index of the names, which holds both as well.
    private func names() {
        copy("check_name", "id", "name") { row in
            guard (1..<Int64(Int32.max)).contains(try row.decode(Int64.self, atIndex: 0)) else {
                throw DamagedBytes(what: "number of a check")
            }
            _ = try row.decode(String.self, atIndex: 1)
        }
        for order in ["ASC", "DESC"] {
            let found = rows("SELECT id, name FROM check_name ORDER BY name \(order)", []).rows
            note("names") {
                try target.write { db in
                    for row in found {
                        guard let id = try? row.decode(Int32.self, atIndex: 0), id > 0,
                            let name = try? row.decode(String.self, atIndex: 1)
                        else { continue }
                        try db.execute(
                            sql: "INSERT OR IGNORE INTO check_name (id, name) VALUES (?, ?)", arguments: [id, name])
                        counts["check_name", default: 0] += db.changesCount
                    }
                }
            }
        }
    }

    /// A number whose name is lost is given to nobody else: another check must not get its history.
    private func keepNumbers() {
        note("numbers without a name") {
            try target.write { db in
                try db.execute(
                    sql: """
                        INSERT OR IGNORE INTO check_name (id, name)
                        SELECT number, 'name lost (number ' || number || ')' FROM (
                            SELECT check_id AS number FROM check_state UNION SELECT check_id FROM incident
                            UNION SELECT check_id FROM event UNION SELECT check_id FROM transcript
                            UNION SELECT check_id FROM standing UNION SELECT check_id FROM standing_hour
                            UNION SELECT check_id FROM observation
                            UNION SELECT id & 4294967295 FROM stretch UNION SELECT id & 4294967295 FROM day_sum
                        ) WHERE number BETWEEN 1 AND \(Int32.max - 1)
                        """)
                if db.changesCount > 0 { problems.append("the names of \(db.changesCount) checks") }
            }
        }
    }

    private func states() {
        var pauses = 0
        copy("check_state", "check_id", "next_due, state") { row in
            let bytes = try row.decode(Data.self, atIndex: 2)
            let state = try bytes.withUnsafeBytes { try StateCodec.decode($0) }
            _ = try Instant(stored: try row.decode(Int64.self, atIndex: 1))
            if state.verdict == .paused { pauses += 1 }
        }
        self.pauses = pauses
    }

    /// Who is known to have been paused, but whose state is gone.
    private func pausesFromEvents(_ known: Set<Int64>) {
        let now = now
        var found = 0
        note("pauses") {
            try target.write { db in
                let missing = try Int64.fetchAll(
                    db, sql: "SELECT id FROM check_name WHERE id NOT IN (SELECT check_id FROM check_state)")
                for check in missing {
                    let last = try Row.fetchOne(
                        db,
                        sql: """
                            \(SQLiteLedger.SQL.event) WHERE check_id = ? AND kind IN ('paused', 'resumed')
                            ORDER BY id DESC LIMIT 1
                            """, arguments: [check])
                    guard let last = try last.map({ try SQLiteLedger.event($0) }), last.kind == "paused",
                        let paused = PauseNote.state(of: last, now: now)
                    else { continue }
                    try db.execute(
                        sql: "INSERT INTO check_state (check_id, next_due, state) VALUES (?, ?, ?)",
                        arguments: [check, paused.pausedUntil.milliseconds, Data(StateCodec.encode(paused))])
                    found += 1
                }
            }
        }
        pauses += found
    }

    /// Takes over every row that can be read and means something.
    private func copy(
        _ table: String, _ key: String?, _ columns: String, _ check: (Row) throws -> Void
    ) {
        let all = key.map { "\($0), \(columns)" } ?? columns
        let places = all.split(separator: ",").map { _ in "?" }.joined(separator: ", ")
        let insert = "INSERT OR IGNORE INTO \(table) (\(all)) VALUES (\(places))"
        var bad = 0
        func take(_ rows: [Row]) {
            note(table) {
                try target.write { db in
                    let statement = try db.cachedStatement(sql: insert)
                    for row in rows {
                        do { try check(row) } catch {
                            bad += 1
                            continue
                        }
                        try statement.execute(arguments: StatementArguments(row.databaseValues))
                        counts[table, default: 0] += db.changesCount
                    }
                }
            }
        }
        guard let key else {
            let found = rows("SELECT \(all) FROM \(table)", [])
            take(found.rows)
            if let error = found.error { problems.append("\(table) (\(Self.word(error)))") }
            return
        }
        // From the one end up to the damage, and from the other down to it.
        var trouble: (any Error)?
        var reached: Int64?
        for order in ["ASC", "DESC"] {
            var from: Int64? = nil
            while true {
                var sql = "SELECT \(all) FROM \(table)"
                var arguments = StatementArguments()
                if let from {
                    sql += " WHERE \(key) \(order == "ASC" ? ">" : "<") ?"
                    arguments = [from]
                }
                let found = rows(sql + " ORDER BY \(key) \(order) LIMIT 1000", arguments)
                take(found.rows)
                if let last = found.rows.last.flatMap({ try? $0.decode(Int64.self, atIndex: 0) }) { from = last }
                if let error = found.error {
                    trouble = error
                    break
                }
                if found.rows.count < 1_000 { break }
                if order == "DESC", let from, let reached, from <= reached { break }
            }
            if order == "ASC" {
                guard trouble != nil else { break }
                reached = from
            }
        }
        if let trouble {
            problems.append("\(table) (\(Self.word(trouble)))")
        } else if bad > 0 {
            problems.append("\(table) (\(bad) of its rows)")
        }
    }

    /// The rows before the first that cannot be read.
    private func rows(_ sql: String, _ arguments: StatementArguments) -> (rows: [Row], error: (any Error)?) {
        var found: [Row] = []
        do {
            try source.inDatabase { db in
                let cursor = try Row.fetchCursor(db, sql: sql, arguments: arguments)
                while let row = try cursor.next() { found.append(row.copy()) }
            }
            return (found, nil)
        } catch {
            return (found, error)
        }
    }
}

/// What the event of a pause says of it, for the day on which the state itself is lost.
enum PauseNote {
    /// nil when it is over.
    static func state(of event: Event, now: Instant) -> CheckState? {
        switch event.payload {
        case .paused(_, let until?): until > now ? StateCodec.paused(.byPerson, since: event.at, until: until) : nil
        case .paused(_, nil): StateCodec.paused(.byPerson, since: event.at)
        case .moderated: StateCodec.paused(.byModeration, since: event.at)
        case .text(_, let sentence): state(in: sentence, at: event.at, now: now)
        default: nil
        }
    }

    /// From the sentence, which is all that older versions wrote.
    static func state(in text: String, at: Instant, now: Instant) -> CheckState? {
        // Only what a person or the platform decided is kept: hours and the fleet file say theirs again.
        guard text.hasSuffix(" was paused") || text.contains(" was paused until ") else {
            return text.contains(" is not pinged any more: ") ? StateCodec.paused(.byModeration, since: at) : nil
        }
        guard let word = text.components(separatedBy: " was paused until ").dropFirst().last else {
            return StateCodec.paused(.byPerson, since: at)
        }
        guard let until = Instant(rfc3339: word) else { return StateCodec.paused(.byPerson, since: at) }
        return until > now ? StateCodec.paused(.byPerson, since: at, until: until) : nil
    }
}
