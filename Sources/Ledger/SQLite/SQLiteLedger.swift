import Dispatch
import Foundation
import GRDB
package import Logging
package import StokerCore
import Synchronization

/// The ledger in one SQLite file (WAL; `synchronous = NORMAL`: a killed process loses nothing that was recorded, a power cut at
/// most the last seconds, neither ever its integrity).
///
/// How rows are kept is told in ``Migration/foundations``; moving them on is ``tend()``'s work. Nothing here runs on the
/// cooperative pool: GRDB's queues do the work, and a cancelled caller does not undo a write.
package final class SQLiteLedger: Ledger {
    /// Bounds that trade the cost of writing against that of reading. The defaults are the measured ones.
    package struct Layout: Sendable {
        /// Observations read through by every query at most once tended; the rest is in segments. Default 49,152.
        package var tail: Int
        /// How many go from the tail into one segment in one transaction. Default 32,768.
        package var slice: Int
        /// How many segments of a size are merged into one of the next. Default 8.
        package var fanOut: Int
        /// So many changes of a check's standing that are older than its pings are kept one by one; when there are more, they become
        /// sums by the hour. Default 10,000.
        package var oldMarks: Int
        package init(tail: Int = 49_152, slice: Int = 32_768, fanOut: Int = 8, oldMarks: Int = 10_000) {
            self.tail = max(1, tail)
            self.slice = max(1, slice)
            self.fanOut = max(2, fanOut)
            self.oldMarks = max(1, oldMarks)
        }
    }

    package let path: String
    /// Where a damaged file was moved when this one was begun; nil in the normal case.
    package let movedAside: String?

    let layout: Layout
    private let pool: DatabasePool
    private let lock: LockFile?
    private let isClosed = Mutex(false)
    /// The merge under way; touched only on the writer's queue.
    let merge = Mutex<Merge?>(nil)

    /// Opens the file, or begins it.
    ///
    /// - Parameters:
    ///   - path: of the database; its folder must exist.
    ///   - readOnly: looks without a lock, migration or repair, beside a master at work. Recording throws then.
    /// - Throws: `conflict` when another process writes it; `ledger.unavailable` when the folder cannot be written, the file is not
    ///   a ledger, or a newer Stoker made it.
    package init(path: String, readOnly: Bool = false, layout: Layout = Layout(), logger: Logger) async throws(Failure)
    {
        let doing = "open the ledger \(path)"
        let opened = await withCheckedContinuation { (done: CheckedContinuation<Result<Opened, Failure>, Never>) in
            // Opening checks, migrates and may wait for the disk.
            DispatchQueue.global().async {
                do throws(Failure) {
                    done.resume(returning: .success(try Opened(path: path, readOnly: readOnly, logger: logger)))
                } catch {
                    var failure = error
                    failure.doing = doing
                    done.resume(returning: .failure(failure))
                }
            }
        }
        let parts = try opened.get()
        self.path = path
        self.layout = layout
        pool = parts.pool
        lock = parts.lock
        movedAside = parts.movedAside
    }

    // MARK: Access

    func read<T: Sendable>(_ doing: String, _ body: @escaping @Sendable (Database) throws -> T) async throws(Failure)
        -> T
    {
        guard !isClosed.withLock({ $0 }) else { throw Failure.closed(doing: doing) }
        let result = await withCheckedContinuation { (done: CheckedContinuation<Result<T, any Error>, Never>) in
            pool.asyncRead { db in done.resume(returning: Result { try body(try db.get()) }) }
        }
        return try unwrap(result, doing)
    }

    func write<T: Sendable>(_ doing: String, _ body: @escaping @Sendable (Database) throws -> T) async throws(Failure)
        -> T
    {
        try await writeOutsideTransaction(doing) { db in
            var value: T?
            try db.inTransaction(.immediate) {
                value = try body(db)
                return .commit
            }
            guard let value else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
            return value
        }
    }

    func writeOutsideTransaction<T: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T {
        guard !isClosed.withLock({ $0 }) else { throw Failure.closed(doing: doing) }
        let result = await withCheckedContinuation { (done: CheckedContinuation<Result<T, any Error>, Never>) in
            pool.asyncWriteWithoutTransaction { db in done.resume(returning: Result { try body(db) }) }
        }
        return try unwrap(result, doing)
    }

    private func unwrap<T>(_ result: Result<T, any Error>, _ doing: String) throws(Failure) -> T {
        switch result {
        case .success(let value): return value
        case .failure(let error):
            if error is DamagedBytes { lock?.mark(.suspect) }
            if let error = error as? DatabaseError, [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
                lock?.mark(.suspect)
            }
            throw Failure.ledger(doing: doing, error: error)
        }
    }

    // MARK: Writing

    package func register(_ names: [String]) async throws(Failure) -> [Int32] {
        try await write("register \(names.count) checks") { db in
            let find = try db.cachedStatement(sql: "SELECT id FROM check_name WHERE name = ?")
            let insert = try db.cachedStatement(sql: "INSERT INTO check_name (name) VALUES (?)")
            return try names.map { name in
                if let id = try Int32.fetchOne(find, arguments: [name]) { return id }
                try insert.execute(arguments: [name])
                return Int32(db.lastInsertedRowID)
            }
        }
    }

    package func record(_ batch: Batch) async throws(Failure) {
        guard !batch.isEmpty else { return }
        try await write("record \(batch.observations.count) observations") { db in
            try Self.append(batch.observations, db)
            try Self.save(batch.states, db)
            try Self.save(batch.timeline, watchedUntil: batch.watchedUntil, db)
            for incident in batch.incidents { try Self.save(incident, db) }
            if !batch.events.isEmpty {
                let insert = try db.cachedStatement(
                    sql: "INSERT INTO event (at, kind, check_id, text) VALUES (?, ?, ?, ?)")
                for event in batch.events {
                    try insert.execute(arguments: [event.at.milliseconds, event.kind, event.check, event.text])
                }
            }
            for (check, transcript) in batch.transcripts {
                // A late batch must not put an older transcript over a newer one.
                try db.execute(
                    sql: """
                        INSERT INTO transcript (check_id, at, body) VALUES (?, ?, ?)
                        ON CONFLICT (check_id) DO UPDATE SET at = excluded.at, body = excluded.body
                        WHERE excluded.at >= transcript.at
                        """,
                    arguments: [check, transcript.at.milliseconds, try TranscriptCodec.encode(transcript)])
            }
        }
    }

    private static func append(_ observations: [Observation], _ db: Database) throws {
        guard !observations.isEmpty else { return }
        let insert = try db.cachedStatement(
            sql: "INSERT INTO observation (check_id, at, packed, latency) VALUES (?, ?, ?, ?)")
        for row in observations {
            insert.bind(Int64(row.check), at: 1)
            insert.bind(row.at.milliseconds, at: 2)
            insert.bind(Packed.pack(row), at: 3)
            insert.bind(Int64(row.latencyMicroseconds), at: 4)
            try insert.run(db)
        }
    }

    private static func save(_ states: [(check: Int32, state: SavedState)], _ db: Database) throws {
        guard !states.isEmpty else { return }
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO check_state (check_id, next_due, state) VALUES (?, ?, ?)
                ON CONFLICT (check_id) DO UPDATE SET next_due = excluded.next_due, state = excluded.state
                """)
        for (check, saved) in states {
            upsert.bind(Int64(check), at: 1)
            upsert.bind(saved.nextDue.milliseconds, at: 2)
            upsert.bind(StateCodec.encode(saved.state), at: 3)
            try upsert.run(db)
        }
    }

    private static func save(_ incident: Incident, _ db: Database) throws {
        // Two statements rather than an upsert: a conflict would use up a number.
        let found = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT id, ended FROM incident WHERE check_id = ? AND began = ?"),
            arguments: [incident.check, incident.began.milliseconds])
        guard let found else {
            try db.execute(
                sql: """
                    INSERT INTO incident (check_id, began, ended, verdict, cause, code, flips) VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    incident.check, incident.began.milliseconds, incident.ended?.milliseconds,
                    incident.verdict.rawValue,
                    incident.cause.rawValue, incident.code, incident.flips,
                ])
            return
        }
        let id: Int64 = found[0]
        let ended: Int64? = found[1]
        // An ended incident stays ended when its open self comes late.
        guard incident.ended != nil || ended == nil else { return }
        try db.execute(
            sql: "UPDATE incident SET ended = ?, verdict = ?, cause = ?, code = ?, flips = ? WHERE id = ?",
            arguments: [
                incident.ended?.milliseconds, incident.verdict.rawValue, incident.cause.rawValue, incident.code,
                incident.flips, id,
            ])
    }

    // MARK: Closing

    package func backup(to copy: String) async throws(Failure) {
        let doing = "back up the ledger to \(copy)"
        guard !isClosed.withLock({ $0 }) else { throw Failure.closed(doing: doing) }
        let source = path
        let result = await withCheckedContinuation { (done: CheckedContinuation<Result<Void, any Error>, Never>) in
            DispatchQueue.global().async {
                done.resume(returning: Result { try Self.copy(source, to: copy, doing: doing) })
            }
        }
        try unwrap(result, doing)
    }

    /// A connection of its own, so that neither the writer nor a page's query waits for the copy. The copy gets its name when complete.
    private static func copy(_ source: String, to copy: String, doing: String) throws {
        guard !FileManager.default.fileExists(atPath: copy) else {
            throw Failure(
                .conflict, doing: doing, because: "the file exists", hint: "choose another name, or remove it first")
        }
        let partial = copy + ".partial"
        if FileManager.default.fileExists(atPath: partial) { try FileManager.default.removeItem(atPath: partial) }
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: source, configuration: configuration)
            try queue.inDatabase { try $0.execute(sql: "VACUUM INTO ?", arguments: [partial]) }
            try queue.close()
            try FileManager.default.moveItem(atPath: partial, toPath: copy)
        } catch {
            // The error that is thrown on says more than one about the leftover would.
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    package func close() async { await closeFile(within: nil) }
    package func close(within limit: Duration) async { await closeFile(within: limit) }

    private func closeFile(within limit: Duration?) async {
        let first = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard first else { return }
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            let waiting = Mutex<CheckedContinuation<Void, Never>?>(waiter)
            let done: @Sendable () -> Void = { waiting.withLock { $0.take() }?.resume() }
            DispatchQueue.global().async { [pool, lock] in
                // What cannot be moved into the main file now stays in the WAL, which the next start reads.
                _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
                let closed: Void? = try? pool.close()
                if closed != nil, lock?.isSuspect != true { lock?.mark(.closed) }
                lock?.release()
                done()
            }
            if let limit {
                DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1), execute: done)
            }
        }
    }
}
