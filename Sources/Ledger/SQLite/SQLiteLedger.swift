import Dispatch
import Foundation
import GRDB
import GRDBSQLite
package import Logging
package import StokerCore
import Synchronization

/// The ledger in one SQLite file (WAL; `synchronous = NORMAL`: a killed process loses nothing that was recorded, a power cut at
/// most the last seconds, neither ever its integrity).
///
/// How rows are kept is told in ``Migration/foundations``; moving them on is ``compact()``'s work. Nothing here runs on the
/// cooperative pool: GRDB's queues do the work, and a cancelled caller does not undo a write.
package final class SQLiteLedger: Ledger, SQLiteAccess {
    /// Bounds that trade the cost of writing against that of reading. The defaults are the measured ones.
    package struct Layout: Sendable {
        /// Observations read through by every query at most once compacted; the rest is in segments. Default 49,152.
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
    let isReadOnly: Bool
    /// What reading came upon and left out.
    let damage = DamageLog()
    /// The full check while it runs: closing ends it.
    let running = Mutex<DatabaseQueue?>(nil)
    let isEnding = Mutex(false)
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
        let isBusy = Mutex(false)
        let opened = await withCheckedContinuation {
            (waiter: CheckedContinuation<Result<OpenedDatabase, Failure>, Never>) in
            let done = Once(waiter)
            // Opening checks, migrates and may wait for the disk.
            DispatchQueue.global().async {
                do throws(Failure) {
                    let parts = try OpenedDatabase(path: path, readOnly: readOnly, logger: logger) {
                        isBusy.withLock { $0 = true }
                    }
                    guard !done.resume(.success(parts)) else { return }
                    // Nobody waits any more: the next start may have it.
                    try? parts.pool.close()
                    parts.lock?.release()
                } catch {
                    var failure = error
                    failure.doing = doing
                    done.resume(.failure(failure))
                }
            }
            // A disk that hangs must not keep the fleet from being monitored; long work on one that answers is waited for.
            DispatchQueue.global().asyncAfter(deadline: .now() + Self.openWithin / .seconds(1)) {
                guard !isBusy.withLock({ $0 }) else { return }
                done.resume(.failure(.silentDisk(doing: doing, after: Self.openWithin)))
            }
        }
        let parts = try opened.get()
        self.path = path
        self.layout = layout
        isReadOnly = readOnly
        pool = parts.pool
        lock = parts.lock
        movedAside = parts.movedAside
    }

    package var jobs: any JobStore { SQLiteJobs(access: self) }
    package var actions: any ActionStore { SQLiteActions(access: self) }
    package var records: any RecordStore { SQLiteRecords(access: self) }
    package var activities: any ActivityStore { SQLiteActivities(access: self) }

    // MARK: Access

    /// How long the disk may be silent at the start.
    private static let openWithin = Duration.seconds(10)
    /// How long a question may take: a page or a client has gone by then.
    private static let readWithin = Duration.seconds(30)

    func read<T: Sendable>(_ doing: String, _ body: @escaping @Sendable (Database) throws -> T) async throws(Failure)
        -> T
    {
        guard !isClosed.withLock({ $0 }) else { throw Failure.closed(doing: doing) }
        let result = await Self.first(within: Self.readWithin, doing) { [pool] done in
            pool.asyncRead { db in
                done.resume(
                    Result {
                        let db = try db.get()
                        return try Self.withSystemError(db) { try body(db) }
                    })
            }
        }
        return try unwrap(result, doing)
    }

    /// What comes first, the result or the end of the time. The work goes on in any case.
    static func first<T: Sendable>(
        within limit: Duration?, _ doing: String, _ work: (Once<Result<T, any Error>>) -> Void
    ) async -> Result<T, any Error> {
        await withCheckedContinuation { waiter in
            let done = Once(waiter)
            work(done)
            guard let limit else { return }
            DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1)) {
                done.resume(.failure(Failure.silentDisk(doing: doing, after: limit)))
            }
        }
    }

    private static func withSystemError<T>(_ db: Database, _ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as DatabaseError {
            guard let connection = db.sqliteConnection else { throw error }
            throw DiskError(error: error, system: sqlite3_system_errno(connection))
        }
    }

    /// - Parameter limit: after which the caller hears that the disk is silent; what was asked may still be done later.
    func write<T: Sendable>(
        _ doing: String, within limit: Duration? = nil, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T {
        try await writeOutsideTransaction(doing, within: limit) { db in
            var value: T?
            try db.inTransaction(.immediate) {
                value = try body(db)
                return .commit
            }
            guard let value else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
            return value
        }
    }

    func writeAlone<T: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T {
        try await writeOutsideTransaction(doing, body)
    }

    func writeOutsideTransaction<T: Sendable>(
        _ doing: String, within limit: Duration? = nil, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T {
        guard !isClosed.withLock({ $0 }) else { throw Failure.closed(doing: doing) }
        let result = await Self.first(within: limit, doing) { [pool] done in
            pool.asyncWriteWithoutTransaction { db in
                done.resume(Result { try Self.withSystemError(db) { try body(db) } })
            }
        }
        return try unwrap(result, doing)
    }

    /// The next start looks at the whole file.
    func suspect() { lock?.mark(.suspect) }

    private func unwrap<T>(_ result: Result<T, any Error>, _ doing: String) throws(Failure) -> T {
        switch result {
        case .success(let value): return value
        case .failure(let error):
            if error is DamagedBytes { lock?.mark(.suspect) }
            if let error = (error as? DiskError)?.error ?? error as? DatabaseError,
                [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
            {
                lock?.mark(.suspect)
            }
            throw Failure.ledger(doing: doing, error: error)
        }
    }

    // MARK: Writing

    package func register(_ names: [String]) async throws(Failure) -> [Int32] {
        // A reload that waited for a silent disk would keep everybody waiting; a million names take their time.
        try await write("register \(names.count) checks", within: .seconds(5 + names.count / 20_000)) { db in
            let find = try db.cachedStatement(sql: "SELECT id FROM check_name WHERE name = ?")
            let insert = try db.cachedStatement(sql: "INSERT INTO check_name (name) VALUES (?)")
            return try names.map { name in
                if let id = try Int32.fetchOne(find, arguments: [name]) { return id }
                try insert.execute(arguments: [name])
                guard let id = Int32(exactly: db.lastInsertedRowID) else {
                    throw DamagedBytes(what: "number of a check")
                }
                return id
            }
        }
    }

    package func record(_ batch: Batch) async throws(Failure) { try await record(batch, limit: nil) }
    package func record(_ batch: Batch, within limit: Duration) async throws(Failure) {
        try await record(batch, limit: limit)
    }

    private func record(_ batch: Batch, limit: Duration?) async throws(Failure) {
        guard !batch.isEmpty else { return }
        try await writeOutsideTransaction("record \(batch.observations.count) observations", within: limit) {
            [lock] db in
            var (event, observation): (Int64?, Int64?)
            try db.inTransaction(.immediate) {
                (event, observation) = try Self.record(batch, after: lock?.lastObservation ?? 0, db)
                return .commit
            }
            // After it, so that a kill between the two is no loss that is told of.
            lock?.reached(event: event, observation: observation)
        }
    }

    /// - Returns: the last numbers that were given.
    private static func record(_ batch: Batch, after last: Int64, _ db: Database) throws -> (
        event: Int64?, observation: Int64?
    ) {
        try Self.append(batch.observations, after: last, db)
        let observation = batch.observations.isEmpty ? nil : db.lastInsertedRowID
        try Self.save(batch.states, db)
        try Self.save(batch.timeline, watchedUntil: batch.watchedUntil, db)
        for incident in batch.incidents { try Self.save(incident, db) }
        var number: Int64?
        if !batch.events.isEmpty { number = try Self.append(batch.events, db) }
        for job in batch.jobs { try SQLiteJobs.insert(job, db) }
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
        return (number, observation)
    }

    /// - Parameter last: the number that was given last. Numbers go on from it when the table is empty, where SQLite would begin
    ///   anew: who compares them after a kill must not see old ones.
    private static func append(_ observations: [Observation], after last: Int64, _ db: Database) throws {
        guard let first = observations.first else { return }
        var observations = observations[...]
        if (1..<1 << 60).contains(last),
            try Bool.fetchOne(db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM observation)")) == false
        {
            try db.execute(
                sql: "INSERT INTO observation (id, check_id, at, packed, latency) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    last + 1, first.check, first.at.milliseconds, PackedObservation.pack(first),
                    first.latencyMicroseconds,
                ])
            observations.removeFirst()
        }
        let insert = try db.cachedStatement(
            sql: "INSERT INTO observation (check_id, at, packed, latency) VALUES (?, ?, ?, ?)")
        for row in observations {
            insert.bind(Int64(row.check), at: 1)
            insert.bind(row.at.milliseconds, at: 2)
            insert.bind(PackedObservation.pack(row), at: 3)
            insert.bind(Int64(row.latencyMicroseconds), at: 4)
            try insert.run(db)
        }
    }

    /// - Returns: the last number that was given.
    static func append(_ events: [Event], _ db: Database) throws -> Int64 {
        let insert = try db.cachedStatement(sql: SQL.insertEvent)
        let codec = EventCodec()
        for event in events {
            try insert.execute(
                arguments: [
                    event.at.milliseconds, event.kind, event.check, event.text, try codec.encode(event.payload),
                ])
        }
        return db.lastInsertedRowID
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
        let id = try found.decode(Int64.self, atIndex: 0)
        let ended = try found.decode(Int64?.self, atIndex: 1)
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

    package func backup(to copy: String) async throws(Failure) { try await backup(to: copy, keepsPages: false) }
    package func pageCopy(to copy: String) async throws(Failure) { try await backup(to: copy, keepsPages: true) }

    private func backup(to copy: String, keepsPages: Bool) async throws(Failure) {
        let doing = "back up the ledger to \(copy)"
        guard !isClosed.withLock({ $0 }) else { throw Failure.closed(doing: doing) }
        let source = path
        // Where names have no case it would be the ledger itself, or the next one to be moved there would become it.
        guard copy == source || copy.lowercased() != source.lowercased() else {
            throw Failure(
                .usage, doing: doing, because: "it is the ledger's own name, but for the case of its letters",
                hint: "choose another name")
        }
        let result = await withCheckedContinuation { (done: CheckedContinuation<Result<Void, any Error>, Never>) in
            DispatchQueue.global().async {
                done.resume(returning: Result { try Self.copy(source, to: copy, keepsPages: keepsPages, doing: doing) })
            }
        }
        try unwrap(result, doing)
    }

    /// A connection of its own, so that neither the writer nor a page's query waits for the copy. The copy gets its name when complete.
    ///
    /// `VACUUM INTO` makes the smaller file and lays its pages anew; SQLite's backup leaves each where it is. In one step it is of one moment.
    private static func copy(_ source: String, to copy: String, keepsPages: Bool, doing: String) throws {
        guard !FileManager.default.fileExists(atPath: copy) else {
            throw Failure(
                .conflict, doing: doing, because: "the file exists", hint: "choose another name, or remove it first")
        }
        let partial = copy + ".partial"
        if FileManager.default.fileExists(atPath: partial) { try FileManager.default.removeItem(atPath: partial) }
        // For its owner alone from the first byte; SQLite fills an empty file as it does a new one.
        let file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure.ledger(doing: doing, system: errno, at: partial) }
        fchmod(file, 0o600)
        LockFile.shut(file)
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: source, configuration: configuration)
            if keepsPages {
                let target = try DatabaseQueue(path: partial)
                try queue.inDatabase { from in
                    try target.inDatabase { into in try from.backup(to: into, pagesPerStep: -1) }
                }
                try target.close()
            } else {
                try queue.inDatabase { try $0.execute(sql: "VACUUM INTO ?", arguments: [partial]) }
            }
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
        endVerifying()
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            let once = Once(waiter)
            let done: @Sendable () -> Void = { once.resume(()) }
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

/// Resumes a waiter once, whoever comes first.
final class Once<Value: Sendable>: Sendable {
    private let waiter: Mutex<CheckedContinuation<Value, Never>?>
    init(_ waiter: CheckedContinuation<Value, Never>) { self.waiter = Mutex(waiter) }

    /// - Returns: whether this was the first.
    @discardableResult
    func resume(_ value: Value) -> Bool {
        guard let waiter = waiter.withLock({ $0.take() }) else { return false }
        waiter.resume(returning: value)
        return true
    }
}
