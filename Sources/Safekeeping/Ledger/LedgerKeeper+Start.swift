import Foundation
import Glibc
import Logging
import Runtime
import StokerCore

extension LedgerKeeper {
    /// Claims the pen and puts the ledger where the master opens it. Called once, before it is opened.
    ///
    /// A ledger on the disk that came from the newest snapshot stays. Without one, or with a damaged or outrun one, the newest snapshot is
    /// restored. A vault that does not answer keeps nobody from working with a ledger that is there.
    /// - Throws: when there is no ledger on the disk and the vault's cannot be had, and when one is there that did not come from this vault.
    package func bring() async throws -> Arrival {
        let (path, scratch) = (settings.file.path, settings.scratch)
        // Copies that a killed one left.
        try await TreeCapture.onThread { try? FileManager.default.removeItem(atPath: scratch) }
        let isThere = try await look()
        let claim: Claim
        do {
            try await store.askForPen(as: settings.holder, within: settings.handover, most: 1)
            claim = try await store.claim(as: settings.holder)
        } catch {
            if error is CancellationError { throw error }
            let failure = Failure(telling: error, doing: "reach the ledger's vault")
            guard isThere || settings.source == .new else {
                throw Failure(
                    failure.code, doing: "bring the ledger back from \(store.vault.name)", because: failure.because,
                    hint:
                        "there is none on this disk, so nothing is started: what was paused would be pinged. Mend the vault, or begin anew with --ledger-from new",
                    retry: failure.retry, cause: error)
            }
            logger.error("the ledger's vault cannot be reached", metadata: ["because": "\(failure.because)"])
            if isThere { trouble(failure.because) } else { startEmpty(failure.because) }
            return Arrival()
        }
        holds(claim)
        guard let newest = claim.newest else {
            if isThere { try await note(claim) }
            return Arrival(record: RecoveryRecord(.first, at: moment(), claim: claim))
        }
        isSafe(until: newest.time)
        guard isThere else {
            return try await restore(newest, claim, "There was no ledger on this disk", isDamage: false)
        }
        let origin = try await TreeCapture.onThread { LedgerOrigin.read(beside: path) }
        let isOurs = origin?.vault == store.vault.name
        let isNewest = isOurs && newest.epoch <= origin?.epoch ?? 0
        switch settings.source {
        case .vault:
            return try await restore(newest, claim, "The ledger on this disk was set aside, as it was asked for")
        case .disk: break
        case .new, nil:
            guard isOurs else {
                await giveBack(claim)
                throw Failure(
                    .conflict, doing: "start with the ledger \(path)",
                    because:
                        "it did not come from \(store.vault.name), which has one of \(newest.time)",
                    hint: "say which one is meant: --ledger-from vault, or --ledger-from disk; nothing was changed")
            }
            guard isNewest else {
                return try await restore(newest, claim, "Another master had gone on with the ledger since this one did")
            }
        }
        // A file that cannot be looked at is told by whoever opens it.
        if let damage = try await found({ try await settings.file.damage() }) {
            return try await restore(
                newest, claim, "The ledger was damaged (\(damage.what))", isDamage: true, writtenAt: damage.writtenAt)
        }
        try await note(claim)
        var record = RecoveryRecord(.continued, at: moment(), claim: claim)
        (record.snapshot, record.number, record.from) = (newest.id, newest.number, newest.time)
        return Arrival(record: record)
    }

    /// Whether there is a ledger on the disk. An empty file that nobody has written is none.
    private func look() async throws -> Bool {
        let path = settings.file.path
        guard let size = try await TreeCapture.onThread({ LedgerOrigin.size(of: path) }) else { return false }
        if size > 0 { return true }
        return try await found { try await settings.file.damage() } != nil
    }

    /// - Throws: only what no other look would tell: another process has the file.
    private func found<Value>(_ look: () async throws -> Value?) async throws -> Value? {
        do { return try await look() } catch let failure as Failure where failure.code == .conflict {
            throw failure
        } catch {
            return nil
        }
    }

    private func startEmpty(_ because: String) {
        isOver(because: "this master began with an empty ledger, since \(because); start it again to get the vault's")
    }

    private func giveBack(_ claim: Claim) async {
        try? await store.release(claim)  // the next one asks and waits; nothing else follows
        holds(nil)
    }

    func holds(_ claim: Claim?) { self.claim = claim }

    private func note(_ claim: Claim) async throws {
        let (path, vault) = (settings.file.path, store.vault.name)
        try await TreeCapture.onThread {
            guard let inode = LedgerOrigin.inode(of: path) else { return }
            try LedgerOrigin(vault: vault, epoch: claim.epoch, inode: inode).write(beside: path)
        }
    }

    /// The ledger was made by the opening: from now on it is what this epoch publishes.
    package func opened() async {
        guard let claim else { return }
        do { try await note(claim) } catch {
            logger.warning("where the ledger came from was not noted", metadata: ["because": "\(error)"])
        }
    }

    // MARK: Restoring

    /// - Parameter why: the first sentence of what is told.
    private func restore(
        _ snapshot: Snapshot, _ claim: Claim, _ why: String, isDamage: Bool = false, writtenAt: Instant? = nil
    ) async throws -> Arrival {
        let path = settings.file.path
        let folder = path + ".restoring"
        let begin = ContinuousClock.now
        let report: RestoreReport
        do {
            try await TreeCapture.onThread { try? FileManager.default.removeItem(atPath: folder) }
            report = try await store.patiently(most: 3) {
                try await store.restore(snapshot, to: folder, only: [Self.entry])
            }
            guard report.files == 1 else {
                throw Failure(
                    .restoreFailed, doing: "restore the ledger", because: "snapshot \(snapshot.id) holds none")
            }
        } catch {
            if error is CancellationError { throw error }
            let failure = Failure(telling: error, doing: "restore the ledger")
            if isDamage {
                // What can be read of the damaged one is more than nothing.
                logger.error("the ledger was not restored; it is salvaged", metadata: ["because": "\(failure.because)"])
                trouble("snapshot \(snapshot.id) cannot be restored: \(failure.because)")
                return Arrival()
            }
            guard settings.source == .new else {
                await giveBack(claim)
                throw Failure(
                    failure.code, doing: "restore the ledger from \(store.vault.name)", because: failure.because,
                    hint:
                        "nothing is started. `stoker snapshots list --state \(Self.state)` shows older ones; restore one to \(path) and start with --ledger-from disk, or begin anew with --ledger-from new",
                    retry: failure.retry, cause: error)
            }
            startEmpty(failure.because)
            return Arrival()
        }
        let aside = try await settings.file.setAside(isDamage ? "damaged" : "replaced")
        let vault = store.vault.name
        try await TreeCapture.onThread {
            let restored = folder + "/" + String(decoding: Self.entry, as: UTF8.self)
            guard let inode = LedgerOrigin.inode(of: restored) else { throw SystemError(ENOENT) }
            // First the note: a kill between the two leaves no ledger that nobody knows.
            try LedgerOrigin(vault: vault, epoch: claim.epoch, inode: inode).write(beside: path)
            guard rename(restored, path) == 0 else { throw SystemError() }
            try AtomicFile.syncFolder(of: path)
            rmdir(folder)
        }
        var record = RecoveryRecord(.restored, at: moment(), claim: claim)
        (record.snapshot, record.number, record.from) = (snapshot.id, snapshot.number, snapshot.time)
        (record.files, record.bytes, record.duration) = (report.files, report.bytes, ContinuousClock.now - begin)
        record.warnings = report.warnings
        var parts = [why]
        if let aside { parts.append("It is kept as \(aside)") }
        parts.append("Restored from \(vault): snapshot \(snapshot.id) of \(snapshot.time), \(report.bytes) bytes")
        parts.append("Lost: " + Self.loss(record, until: writtenAt))
        return Arrival(record: record, told: parts.joined(separator: ". "), isDamage: isDamage)
    }

    /// The extent, as far as it is known.
    private static func loss(_ record: RecoveryRecord, until end: Instant?) -> String {
        guard let from = record.from, !record.wasReleased, let end else { return record.loss }
        return end > from
            ? "what was written from \(from) to \(end), \((end - from).text)" : "nothing: it was not written after that"
    }

    // MARK: Later

    /// The vault could not be reached at the start: claims it now, unless another master has gone on with the ledger meanwhile.
    /// - Throws: ``Fenced`` then.
    func claimLate() async throws {
        let path = settings.file.path
        let origin = try await TreeCapture.onThread { LedgerOrigin.read(beside: path) }
        let epoch = origin?.vault == store.vault.name ? origin?.epoch ?? 0 : 0
        if settings.source != .disk, let holder = try await store.holder() {
            let isAlive = !holder.hasReleased && !(GuardHolder(reading: holder.name)?.isDead ?? false)
            let newest = try await store.newest()
            if holder.epoch > epoch && isAlive || newest.map({ $0.epoch > epoch }) ?? false { throw Fenced(by: holder) }
        }
        let claim = try await store.claim(as: settings.holder)
        if settings.source != .disk, let newest = claim.newest, newest.epoch > epoch {
            await giveBack(claim)
            throw Fenced(
                by: claim.previous
                    ?? Holder(name: "another", epoch: newest.epoch, since: newest.time, hasReleased: true))
        }
        holds(claim)
        try await note(claim)
    }
}
