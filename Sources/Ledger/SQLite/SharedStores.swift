import Dispatch
import GRDB
package import Logging
package import StokerCore
import Synchronization

/// The stores that several processes write, opened beside an engine that is at work on the same ledger, or without one.
///
/// The engine is alone by its ``LockFile``; the file itself is open to SQLite's own locks. Others write only rows of `job`, `action`, `record` and `activity`,
/// each transaction a few rows, so the engine waits for a millisecond at most (its busy timeout is 2 s). Making the file, and carrying an
/// older one forward, is done under the engine's lock.
///
/// A process that has the file open as a ``SQLiteLedger`` has the same stores there. Opened beside it all the same, as the recovery after a
/// start of the engine does, they are one more connection: SQLite's library, which is in the process once, keeps the file's locks for all.
package final class SharedStores: Sendable, SQLiteAccess {
    let damage = DamageLog()
    private let queue: DatabaseQueue

    package var jobs: any JobStore { SQLiteJobs(access: self) }
    package var actions: any ActionStore { SQLiteActions(access: self) }
    package var records: any RecordStore { SQLiteRecords(access: self) }
    package var activities: any ActivityStore { SQLiteActivities(access: self) }

    /// Opens the file, or makes it; its folder must exist.
    /// - Throws: `conflict` when an older Stoker is at work on it; `ledger.unavailable` when the file cannot be used.
    package static func open(path: String, logger: Logger) async throws(Failure) -> SharedStores {
        let doing = "open the ledger \(path)"
        for attempt in 0... {
            let found: DatabaseQueue? = try await offPool(doing) { busy in
                if let queue = try connect(path) { return queue }
                // Under the lock, as an engine's start does it.
                do {
                    let opened = try OpenedDatabase(path: path, readOnly: false, logger: logger, busy: busy)
                    try opened.pool.close()
                    opened.lock?.mark(.closed)
                    opened.lock?.release()
                } catch let error as Failure where error.code == .conflict && attempt < 25 {
                    return nil  // an engine is just starting: it does the same
                }
                return try connect(path)
            }
            if let found { return SharedStores(found) }
            guard attempt < 25 else { break }
            do { try await Task.sleep(for: .milliseconds(200)) } catch {
                throw Failure(.interrupted, doing: doing, because: "it was interrupted")
            }
        }
        throw Failure(
            .conflict, doing: doing, because: "another Stoker, of an older version, is at work on it",
            hint: "restart the server with this version")
    }

    /// The same, but makes and changes nothing: nil when there is no file, or one of an older version.
    package static func openExisting(path: String) async throws(Failure) -> SharedStores? {
        let found = try await offPool("open the ledger \(path)") { _ in try connect(path) }
        return found.map { SharedStores($0) }
    }

    /// Opens the file for one piece of work.
    /// - Parameter making: whether a file is made, or an older one carried forward, where that is needed.
    /// - Returns: nil when there is no file and none is made.
    package static func using<T: Sendable>(
        _ path: String, making: Bool, logger: Logger, _ body: (SharedStores) async throws(Failure) -> T
    ) async throws(Failure) -> T? {
        let found = making ? try await open(path: path, logger: logger) : try await openExisting(path: path)
        guard let found else { return nil }
        do throws(Failure) {
            let value = try await body(found)
            await found.close()
            return value
        } catch {
            await found.close()
            throw error
        }
    }

    private init(_ queue: DatabaseQueue) { self.queue = queue }

    /// A disk that hangs is not waited for; long work on one that answers is.
    /// - Parameters:
    ///   - limit: how long the disk may be silent.
    ///   - work: says so once it begins what may rightly take long.
    static func offPool(
        _ doing: String, within limit: Duration = openWithin,
        _ work: @escaping @Sendable (_ busy: () -> Void) throws -> DatabaseQueue?
    ) async throws(Failure) -> DatabaseQueue? {
        let isBusy = Mutex(false)
        let result = await withCheckedContinuation {
            (waiter: CheckedContinuation<Result<DatabaseQueue?, any Error>, Never>) in
            let done = Once(waiter)
            DispatchQueue.global().async {
                let result = Result { try work { isBusy.withLock { $0 = true } } }
                // Nobody waits any more.
                if !done.resume(result) { try? result.get()?.close() }
            }
            DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1)) {
                guard !isBusy.withLock({ $0 }) else { return }
                done.resume(.failure(Failure.silentDisk(doing: doing, after: limit)))
            }
        }
        return try unwrap(result, doing)
    }

    /// How long the disk may be silent.
    private static let openWithin = Duration.seconds(20)

    private static func unwrap<T>(_ result: Result<T, any Error>, _ doing: String) throws(Failure) -> T {
        switch result {
        case .success(let value): return value
        case .failure(let error): throw Failure.ledger(doing: doing, error: error)
        }
    }

    /// nil when the file is not there yet, or not of this version's schema.
    private static func connect(_ path: String) throws -> DatabaseQueue? {
        guard SQLiteLedger.bytes(path) > 0 else { return nil }
        var configuration = Configuration()
        configuration.label = "ledger.shared"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // What is written down before it is done has to outlive the machine's end too.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // The engine's work; without an engine closing does it.
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let isCurrent = try queue.inDatabase { db in
            guard try Int64.fetchOne(db, sql: "PRAGMA application_id") == OpenedDatabase.applicationID else {
                return false
            }
            guard try !Migrations.migrator.hasBeenSuperseded(db) else {
                throw Failure(
                    .ledger, doing: "open the ledger \(path)", because: "a newer Stoker made it",
                    hint: "use that version or a newer one")
            }
            return try Migrations.migrator.hasCompletedMigrations(db)
        }
        if isCurrent { return queue }
        try queue.close()
        return nil
    }

    func read<T: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T {
        try Self.unwrap(
            await SQLiteLedger.first(within: .seconds(30), doing) { [queue] done in
                queue.asyncRead { db in done.resume(Result { try body(try db.get()) }) }
            }, doing)
    }

    func write<T: Sendable>(
        _ doing: String, within limit: Duration?, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T {
        try Self.unwrap(
            await SQLiteLedger.first(within: limit ?? .seconds(30), doing) { [queue] done in
                queue.asyncWriteWithoutTransaction { db in
                    done.resume(
                        Result {
                            var value: T?
                            try db.inTransaction(.immediate) {
                                value = try body(db)
                                return .commit
                            }
                            guard let value else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
                            return value
                        })
                }
            }, doing)
    }

    /// Calls after it throw.
    package func close() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            DispatchQueue.global().async { [queue] in
                // What is written is safe without.
                try? queue.close()
                done.resume()
            }
        }
    }
}
