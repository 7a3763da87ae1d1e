import Dispatch
import Foundation
import GRDB
package import Logging
package import StokerCore

/// What a start does to a ledger that it does not open: look whether it is damaged, and put it aside for another one.
extension SQLiteLedger {
    /// What is wrong with a file that nobody has open.
    package struct Damage: Sendable, Equatable {
        /// In SQLite's words.
        package var what: String
        /// When the file or its log was written last; nil when the file system does not say.
        package var writtenAt: Instant?
    }

    /// Looks as opening does, under the same lock, and repairs nothing that is lost by it.
    /// - Returns: nil for a file that opens, and for none.
    /// - Throws: as ``init(path:readOnly:layout:logger:)`` where the file is not damaged but cannot be used.
    package static func damage(at path: String, logger: Logger) async throws(Failure) -> Damage? {
        try await onQueue { () throws(Failure) in
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            let doing = "look at the ledger \(path)"
            let written = lastWrite(path)
            try OpenedDatabase.refuseForeignFile(path, mayBeNew: true, doing: doing)
            let lock = try OpenedDatabase.lock(path)
            defer { lock.release() }
            // A new one is empty too, but nobody had opened it.
            if bytes(path) == 0 {
                return lock.previous == nil ? nil : Damage(what: "the file is empty", writtenAt: written)
            }
            do {
                let pool = try OpenedDatabase.connect(
                    path, readOnly: false, thorough: lock.previous == .suspect, {})
                try pool.close()
                return nil
            } catch {
                guard OpenedDatabase.isDamage(error) else { throw Failure.ledger(doing: doing, error: error) }
                return Damage(what: (error as? DatabaseError)?.message ?? "\(error)", writtenAt: written)
            }
        }
    }

    /// Renames the file with its log, and forgets what had been written to it: the next one there is another ledger.
    /// - Parameter word: becomes part of its name: `stoker.sqlite.damaged-1`.
    /// - Returns: where it is now; nil when nothing but traces was there.
    package static func setAside(_ path: String, as word: String) async throws(Failure) -> String? {
        try await onQueue { () throws(Failure) in
            let traces = ["", "-wal", "-shm", ".lock"].filter { FileManager.default.fileExists(atPath: path + $0) }
            guard !traces.isEmpty else { return nil }
            let lock = try OpenedDatabase.lock(path)
            defer { lock.release() }
            truncate(path + ".lock", 0)
            guard bytes(path) > 0 || bytes(path + "-wal") > 0 else {
                // What the lock made, and an index of nothing.
                for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
                return nil
            }
            return try OpenedDatabase.moveAside(path, as: word, doing: "set the ledger \(path) aside")
        }
    }

    /// Writes down what a start did with the file.
    /// - Parameter isDamage: as an open incident of ``Incident/ofLedger``, which a person has to acknowledge; else as an event.
    package func noteRecovery(_ text: String, isDamage: Bool) async throws(Failure) {
        try await write("write down what became of the ledger") { db in
            let now = Instant(seconds: Date().timeIntervalSince1970)
            if isDamage {
                _ = try Self.raise(text, at: now, db)
            } else {
                _ = try Self.append([Event(at: now, .ledgerRestored(what: text))], db)
            }
        }
    }

    private static func onQueue<T: Sendable>(
        _ work: @escaping @Sendable () throws(Failure) -> T
    ) async throws(Failure) -> T {
        let result = await withCheckedContinuation { (done: CheckedContinuation<Result<T, Failure>, Never>) in
            DispatchQueue.global().async {
                do throws(Failure) { done.resume(returning: .success(try work())) } catch {
                    done.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private static func lastWrite(_ path: String) -> Instant? {
        ["", "-wal"].compactMap { suffix -> Instant? in
            let facts = try? FileManager.default.attributesOfItem(atPath: path + suffix)
            return (facts?[.modificationDate] as? Date).map { Instant(seconds: $0.timeIntervalSince1970) }
        }.max()
    }
}
