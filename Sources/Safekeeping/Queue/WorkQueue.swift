import Foundation
import GRDB
package import StokerCore

/// Work that survives the container: one SQLite file inside the guarded state, used by any number of processes.
///
/// Who takes an item has it for a time (its lease) and gets a ticket; with it the item is done or given back. A lease that is over, or that an
/// earlier life of the container took, is void: the item is taken again, and its old ticket is refused. What is done stays done in every
/// snapshot that was made after it; ``done(_:)`` alone does not wait for one.
package struct WorkQueue: Sendable {
    package enum Standing: String, Sendable, CaseIterable { case waiting, taken, done, failed }

    package struct Item: Sendable, Equatable {
        package var id: Int64
        package var payload: String
        package var standing: Standing
        /// How often it was taken.
        package var attempts: Int
        package var pushed: Instant
        /// Not taken before; when its lease ends, of a taken one.
        package var until: Instant
        /// Why it was given back last.
        package var trouble: String?
        /// Counts the leases: a ticket is of one of them.
        package var lease: Int64

        package var ticket: String { "\(id)-\(lease)" }
        package var json: JSONValue {
            [
                "id": .integer(id), "payload": .string(payload), "state": .string(standing.rawValue),
                "attempts": .integer(Int64(attempts)), "pushed": .string(pushed.description),
                "until": standing == .waiting || standing == .taken ? .string(until.description) : .null,
                "trouble": trouble.map { .string($0) } ?? .null,
                "ticket": standing == .taken ? .string(ticket) : .null,
            ]
        }
    }

    package struct Counts: Sendable, Equatable {
        package var waiting = 0
        package var taken = 0
        package var done = 0
        package var failed = 0
    }

    package let path: String
    private let database: DatabaseQueue
    private let life: String
    private let now: @Sendable () -> Instant

    /// Largest payload; bytes.
    package static let payloadLimit = 1 << 20
    /// Items that are done are kept for `list`; older ones go.
    static let doneKept = 1_000

    /// Opens the file, made when it is not there. Its calls block for as long as another process writes, 10 s at most.
    /// - Parameter life: names the life of the container; the guard's epoch.
    package init(path: String, life: String, now: @escaping @Sendable () -> Instant) throws(Failure) {
        self.path = path
        self.life = life
        self.now = now
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.journalMode = .wal
        do {
            let folder = path.parentFolder
            if !folder.isEmpty {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            database = try DatabaseQueue(path: path, configuration: configuration)
            try database.write { db in
                try db.execute(
                    sql: """
                        CREATE TABLE IF NOT EXISTS stoker_queue (
                            id INTEGER PRIMARY KEY AUTOINCREMENT, payload TEXT NOT NULL, standing TEXT NOT NULL,
                            attempts INTEGER NOT NULL, pushed INTEGER NOT NULL, until INTEGER NOT NULL, trouble TEXT,
                            lease INTEGER NOT NULL, life TEXT
                        );
                        CREATE INDEX IF NOT EXISTS stoker_queue_next ON stoker_queue (standing, until);
                        """)
            }
        } catch {
            throw Self.failure("open the queue \(path)", error)
        }
    }

    /// - Parameter delay: not taken before.
    package func push(_ payload: String, after delay: Duration = .zero) throws(Failure) -> Item {
        guard payload.utf8.count <= Self.payloadLimit else {
            throw Failure(
                .tooLarge, doing: "push to the queue",
                because: "the payload has \(payload.utf8.count) bytes; \(Self.payloadLimit) are kept",
                hint: "push the path of a file inside the guarded state")
        }
        return try write("push to the queue") { db in
            let time = now()
            try db.execute(
                sql:
                    "INSERT INTO stoker_queue (payload, standing, attempts, pushed, until, lease) VALUES (?, 'waiting', 0, ?, ?, 0)",
                arguments: [payload, time.milliseconds, (time + delay).milliseconds])
            return try Self.item(db.lastInsertedRowID, db)
        }
    }

    /// The oldest item that is due; nil when there is none.
    /// - Parameter lease: for how long it is the taker's.
    package func take(for lease: Duration) throws(Failure) -> Item? {
        try write("take from the queue") { db in
            let time = now()
            let id = try Int64.fetchOne(
                db,
                sql: """
                    SELECT id FROM stoker_queue WHERE (standing = 'waiting' AND until <= ?)
                        OR (standing = 'taken' AND (until <= ? OR life IS NOT ?)) ORDER BY id LIMIT 1
                    """, arguments: [time.milliseconds, time.milliseconds, life])
            guard let id else { return nil }
            try db.execute(
                sql:
                    "UPDATE stoker_queue SET standing = 'taken', attempts = attempts + 1, lease = lease + 1, until = ?, life = ? WHERE id = ?",
                arguments: [(time + lease).milliseconds, life, id])
            return try Self.item(id, db)
        }
    }

    /// - Throws: `conflict` when the ticket's lease was given to somebody else, `not_found`, `usage`.
    package func done(_ ticket: String) throws(Failure) -> Item {
        try end(ticket, "finish \(ticket.prefix(40))") { db, id in
            try db.execute(
                sql: "UPDATE stoker_queue SET standing = 'done', trouble = NULL WHERE id = ?", arguments: [id])
            try db.execute(
                sql: """
                    DELETE FROM stoker_queue WHERE standing = 'done' AND id NOT IN
                        (SELECT id FROM stoker_queue WHERE standing = 'done' ORDER BY id DESC LIMIT ?)
                    """, arguments: [Self.doneKept])
        }
    }

    /// Gives an item back: it is taken again after a wait, or has failed for good.
    /// - Parameters:
    ///   - wait: until it may be taken again.
    ///   - most: taken so often it has failed.
    package func fail(_ ticket: String, because trouble: String?, retryAfter wait: Duration, attempts most: Int)
        throws(Failure) -> Item
    {
        try end(ticket, "give \(ticket.prefix(40)) back") { db, id in
            try db.execute(
                sql: """
                    UPDATE stoker_queue SET standing = CASE WHEN attempts >= ? THEN 'failed' ELSE 'waiting' END, trouble = ?, until = ?
                    WHERE id = ?
                    """, arguments: [most, trouble.map { String($0.prefix(2_000)) }, (now() + wait).milliseconds, id])
        }
    }

    /// Newest first.
    package func list(_ standing: Standing? = nil, before: Int64? = nil, limit: Int = 100) throws(Failure) -> [Item] {
        do {
            return try database.read { db in
                let rows = try Row.fetchAll(
                    db,
                    sql:
                        "SELECT * FROM stoker_queue WHERE (?1 IS NULL OR standing = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3",
                    arguments: [standing?.rawValue, before ?? .max, limit])
                return try rows.map(Self.item)
            }
        } catch {
            throw Self.failure("list the queue", error)
        }
    }

    package func counts() throws(Failure) -> Counts {
        do {
            return try database.read { db in
                func count(_ standing: Standing) throws -> Int {
                    try Int.fetchOne(
                        db, sql: "SELECT COUNT(*) FROM stoker_queue WHERE standing = ?", arguments: [standing.rawValue])
                        ?? 0
                }
                return Counts(
                    waiting: try count(.waiting), taken: try count(.taken), done: try count(.done),
                    failed: try count(.failed))
            }
        } catch {
            throw Self.failure("count the queue", error)
        }
    }

    // MARK: Rows

    private func end(_ ticket: String, _ doing: String, _ change: (Database, Int64) throws -> Void) throws(Failure)
        -> Item
    {
        let parts = ticket.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let id = Int64(parts[0]), let lease = Int64(parts[1]) else {
            throw Failure(
                .usage, doing: doing, because: "that is no ticket",
                hint: "use the ticket that `stoker queue take` printed, such as 12-1")
        }
        return try write(doing) { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM stoker_queue WHERE id = ?", arguments: [id]) else {
                throw Failure(.notFound, doing: doing, because: "there is no such item")
            }
            let item = try Self.item(row)
            guard item.standing == .taken, item.lease == lease else {
                let why =
                    item.standing == .taken
                    ? "its lease was over, and somebody else has it" : "it is \(item.standing.rawValue)"
                throw Failure(
                    .conflict, doing: doing, because: why,
                    hint: "what this ticket did counts for nothing; take the next")
            }
            try change(db, id)
            return try Self.item(id, db)
        }
    }

    private func write<Value>(_ doing: String, _ work: (Database) throws -> Value) throws(Failure) -> Value {
        do { return try database.write(work) } catch { throw Self.failure(doing, error) }
    }

    private static func item(_ id: Int64, _ db: Database) throws -> Item {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM stoker_queue WHERE id = ?", arguments: [id]) else {
            throw Failure(.notFound, doing: "read the queue", because: "the item is gone")
        }
        return try item(row)
    }

    private static func item(_ row: Row) throws -> Item {
        func value<T: DatabaseValueConvertible>(_ type: T.Type, _ name: String) throws -> T {
            try row.decode(T.self, forColumn: name)
        }
        return Item(
            id: try value(Int64.self, "id"), payload: try value(String.self, "payload"),
            standing: Standing(rawValue: try value(String.self, "standing")) ?? .failed,
            attempts: try value(Int.self, "attempts"), pushed: Instant(milliseconds: try value(Int64.self, "pushed")),
            until: Instant(milliseconds: try value(Int64.self, "until")),
            trouble: try row.decode(String?.self, forColumn: "trouble"), lease: try value(Int64.self, "lease"))
    }

    private static func failure(_ doing: String, _ error: any Error) -> Failure {
        (error as? Failure)
            ?? Failure(
                .queue, doing: doing, because: (error as? DatabaseError)?.message ?? error.localizedDescription,
                hint: "look at the file and its folder", retry: .soon, cause: error)
    }
}

extension Failure.Code {
    /// The queue's file could not be read or written.
    package static let queue = Failure.Code(rawValue: "queue.unavailable")
}
