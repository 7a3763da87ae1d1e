import Foundation
import Glibc
package import Logging
import Runtime
package import StokerCore
import Synchronization

/// Keeps the master's own ledger in a vault, and brings it back where the disk does not have it.
///
/// The master knows the ledger and copies it; this knows the vault. The file itself is never read while the ledger is open: a snapshot is of a
/// copy that the ledger makes (``LedgerFile/copy``). Which snapshot the file on the disk came from is told by a note beside it
/// (``LedgerOrigin``), so that a killed master goes on with what it had written after the last snapshot.
package actor LedgerKeeper {
    /// Name of the state in a vault, whatever the master is called.
    package static let state = "_master"
    /// In a snapshot.
    static let entry = Array("ledger.sqlite".utf8)

    package struct Settings: Sendable {
        package var file: LedgerFile
        /// Who holds the pen, for others.
        package var holder: String
        /// A folder for copies; made when missing, for this process alone.
        package var scratch: String
        /// Time between snapshots; nil for a minute, or what the vault bears.
        package var every: Duration?
        package var source: LedgerSource?
        /// Longest wait for another master to hand over.
        package var handover: Duration = .seconds(20)
        package var penPoll: Duration = .seconds(5)

        package init(file: LedgerFile, holder: String, scratch: String) {
            self.file = file
            self.holder = holder
            self.scratch = scratch
        }
    }

    /// What a start found and did, before the ledger is opened.
    package struct Arrival: Sendable, Equatable {
        package var record: RecoveryRecord?
        /// Sentences for the ledger itself; nil where nothing happened to it.
        package var told: String?
        /// The file was damaged: somebody has to acknowledge it.
        package var isDamage = false
    }

    /// What is worth an event.
    package enum News: Sendable, Equatable {
        case unkept(because: String)
        case kept
        /// Another has the pen: the master stands still from now on.
        case taken(by: String)
    }

    let settings: Settings
    let store: SnapshotStore
    private let copies: [SnapshotStore]
    private let now: @Sendable () -> Instant
    let logger: Logger
    private let interval: Duration
    private nonisolated let shared: Mutex<LedgerVault>
    private let asked = AsyncSignal()

    var claim: Claim?
    private var copyClaims: [String: Claim] = [:]
    /// Why nothing is published for the rest of this life; nil while it is.
    private var isOver: String?
    private var failures = 0
    private var untidied = 0
    private var cost = Duration.zero

    /// - Parameters:
    ///   - store: of ``state`` in the vault that decides and restores.
    ///   - copies: get every snapshot too; what goes wrong there stops nothing.
    package init(
        _ settings: Settings, store: SnapshotStore, copies: [SnapshotStore] = [],
        now: @escaping @Sendable () -> Instant = { Clocks.real.wall() }, logger: Logger
    ) {
        self.settings = settings
        self.store = store
        self.copies = copies
        self.now = now
        self.logger = logger
        let limits = store.vault.limits
        interval = max(settings.every ?? max(.seconds(60), limits.interval), limits.smallestInterval)
        shared = Mutex(LedgerVault(name: store.vault.name))
    }

    /// For pages.
    package nonisolated var health: LedgerVault { shared.withLock { $0 } }

    /// Something was written that should not be lost with this disk: the next snapshot is made within seconds.
    package nonisolated func ask() { asked.fire() }

    func trouble(_ text: String?) {
        let now = now()
        shared.withLock { health in
            if text == nil { health.troubleSince = nil } else if health.trouble == nil { health.troubleSince = now }
            health.trouble = text
        }
    }

    func isSafe(until time: Instant?) { shared.withLock { $0.safeUntil = time } }
    func isOver(because text: String) {
        isOver = text
        trouble(text)
    }
    func moment() -> Instant { now() }

    /// There is no file to keep.
    package func giveUp(because text: String) { isOver(because: text) }

    // MARK: Publishing

    /// Makes snapshots until it is cancelled, or another has the pen.
    /// - Parameter tell: gets what is worth an event; may take its time.
    package func run(tell: @escaping @Sendable (News) async -> Void) async {
        let wanted = await withTaskGroup(of: String?.self) { group in
            group.addTask {
                await self.publishing(tell)
                return nil
            }
            group.addTask { await self.watchingPen() }
            let first = await group.next() ?? nil
            group.cancelAll()
            await group.waitForAll()
            return first
        }
        guard let wanted, !Task.isCancelled, isOver == nil else { return }
        let who = GuardHolder.shown(wanted)
        logger.notice("another master asks for the ledger; it is handed over", metadata: ["by": "\(who)"])
        // From here on nothing is done that the other one would not know of.
        isOver(because: "\(who) has it now")
        await tell(.taken(by: who))
        await lastSnapshot()
    }

    private func publishing(_ tell: @Sendable (News) async -> Void) async {
        var isFirst = true
        while !Task.isCancelled, isOver == nil {
            let wait = failures > 0 ? min(interval * (1 << min(failures, 6)), max(.seconds(300), interval)) : interval
            // What was restored is there; what came since comes with the first interval.
            if !isFirst {
                // What a person said does not wait as long as what happens by itself.
                let least = max(.seconds(1), cost * 2, store.vault.limits.smallestInterval)
                let begin = ContinuousClock.now
                await asked.wait(atMost: max(wait, cost * 20, least), clock: ContinuousClock())
                // What is asked for often is made together.
                let left = least - (ContinuousClock.now - begin)
                if left > .zero { try? await Task.sleep(for: left) }  // cancelled: looked at below
            }
            if Task.isCancelled { break }
            let sendsAll = isFirst
            isFirst = false
            let begin = ContinuousClock.now
            do {
                try await publish()
                // The first one may send everything; what follows costs less.
                cost = sendsAll ? .zero : ContinuousClock.now - begin
                let wasTold = failures >= Self.toldAfter
                failures = 0
                if wasTold { await tell(.kept) }
            } catch let fenced as Fenced {
                await taken(by: fenced.by.name, tell)
            } catch {
                if Task.isCancelled || error is CancellationError { break }
                failures += 1
                let text = Failure(telling: error, doing: "make a snapshot of the ledger").because
                logger.error(
                    "no snapshot of the ledger was made", metadata: ["because": "\(text)", "failures": "\(failures)"])
                guard failures >= Self.toldAfter else { continue }
                trouble(text)
                if failures == Self.toldAfter { await tell(.unkept(because: text)) }
            }
        }
    }

    /// Each failure has been tried for as long as the vault is worth waiting for.
    private static let toldAfter = 2

    /// - Returns: who asks for the pen; nil when it is cancelled.
    private func watchingPen() async -> String? {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: settings.penPoll)
                if let claim, let name = try await store.penRequest(since: claim) { return name }
            } catch {
                // A vault that does not answer is told by the snapshots.
            }
        }
        return nil
    }

    private func taken(by name: String, _ tell: @Sendable (News) async -> Void) async {
        let who = GuardHolder.shown(name)
        isOver(because: "\(who) has taken over")
        logger.critical("another master has the ledger: this one stands still", metadata: ["by": "\(who)"])
        await tell(.taken(by: who))
        await keepStray()
    }

    private func keepStray() async {
        guard let claim else { return }
        self.claim = nil
        do {
            try await withCopy { stream in
                if let id = try await store.keepStray(of: claim, capture: { stream() }) {
                    logger.critical("what was not published is kept as a stray", metadata: ["id": "\(id)"])
                }
            }
        } catch {
            logger.error("what was not published is on this disk only", metadata: ["because": "\(error)"])
        }
    }

    /// At the end, when everything is in the ledger: the last snapshot, and the pen is handed back.
    /// - Parameter limit: it is given up then, and that is told.
    package func finish(within limit: Duration) async {
        guard isOver == nil else { return }
        isOver = "stopped"
        let isDone = try? await withTimeout(limit) { () -> Bool in
            await self.lastSnapshot()
            return !Task.isCancelled
        }
        guard isDone != true else { return }
        logger.error(
            "the last snapshot of the ledger was given up",
            metadata: ["after": "\(limit.text)", "safe_until": "\(health.safeUntil?.description ?? "never")"])
    }

    private func lastSnapshot() async {
        guard let claim else { return }
        do {
            try await publish(isLast: true)
            try await store.release(claim)
            for copy in copies {
                if let claim = copyClaims[copy.vault.name] { try await copy.release(claim) }
            }
        } catch is Fenced {
            await keepStray()
        } catch {
            logger.error(
                "the last snapshot of the ledger failed",
                metadata: ["because": "\(error)", "safe_until": "\(health.safeUntil?.description ?? "never")"])
        }
    }

    /// One snapshot, whenever the last one was.
    package func publishNow() async throws { try await publish() }

    private func publish(isLast: Bool = false) async throws {
        if claim == nil { try await claimLate() }
        guard let claim else { return }
        let began = now()
        try await withCopy { stream in
            switch try await store.publish(under: claim, capture: { stream() }) {
            case .published(let snapshot):
                logger.debug(
                    "snapshot of the ledger published",
                    metadata: ["id": "\(snapshot.id)", "sent": "\(snapshot.added)", "size": "\(snapshot.size)"])
                isWell(since: began)
                if !isLast { try await tidy() }
            case .unchanged: isWell(since: began)
            case .held(let snapshot, let because):
                trouble(
                    "a snapshot is held, since \(because): `stoker snapshots accept \(snapshot.id) --state \(Self.state)` takes it"
                )
            }
            for copy in copies { await publish(to: copy, stream) }
        }
    }

    private func isWell(since time: Instant) {
        isSafe(until: time)
        // Who hands over goes on to say to whom.
        if isOver == nil { trouble(nil) }
    }

    private func publish(to copy: SnapshotStore, _ stream: @escaping @Sendable () -> CaptureStream) async {
        let name = copy.vault.name
        do {
            if copyClaims[name] == nil { copyClaims[name] = try await copy.claim(as: settings.holder) }
            guard let claim = copyClaims[name] else { return }
            _ = try await copy.publish(under: claim, capture: { stream() })
        } catch {
            if error is Fenced { copyClaims[name] = nil }
            logger.error(
                "no copy of the ledger's snapshot was made", metadata: ["vault": "\(name)", "because": "\(error)"])
        }
    }

    /// Of a ledger the newest counts; older ones are for looking back.
    private static let kept: KeepRules = {
        var rules = KeepRules()
        (rules.last, rules.hourly, rules.daily) = (60, 48, 30)
        return rules
    }()

    private func tidy() async throws {
        untidied += 1
        guard untidied >= 50 else { return }
        untidied = 0
        do {
            let all = try await store.snapshots()
            let gone = Self.kept.decide(all, newest: all.first?.id).filter { !$0.isKept }.map(\.snapshot.id)
            _ = try await store.collect(dropping: Set(gone))
        } catch {
            if error is Fenced || error is CancellationError { throw error }
            logger.warning(
                "the ledger's vault was not tidied; the next time goes on", metadata: ["because": "\(error)"])
        }
    }

    /// Works on a copy that the ledger made, which is gone afterwards.
    private func withCopy(_ work: (@escaping @Sendable () -> CaptureStream) async throws -> Void) async throws {
        let path = "\(settings.scratch)/ledger-\(UUID().uuidString.prefix(8)).sqlite"
        let folder = settings.scratch
        try await TreeCapture.onThread { try PrivateFolder.make(folder) }
        do {
            try await settings.file.copy(path)
            let found = try await TreeCapture.onThread { try LedgerCopy(path) }
            try await work { found.stream }
        } catch {
            unlink(path)
            throw error
        }
        unlink(path)
    }
}

/// The file of the ledger, as its own code handles it.
package struct LedgerFile: Sendable {
    package var path: String
    /// Copies the open ledger to a new file, each page at its place.
    package var copy: @Sendable (_ path: String) async throws -> Void
    /// Looks at the closed file.
    /// - Returns: what is wrong with it, and when it was written last; nil for a good one.
    package var damage: @Sendable () async throws -> (what: String, writtenAt: Instant?)?
    /// Renames the closed file with what lies beside it.
    /// - Returns: where it is now; nil when there was nothing to keep.
    package var setAside: @Sendable (_ word: String) async throws -> String?

    package init(
        path: String, copy: @escaping @Sendable (String) async throws -> Void,
        damage: @escaping @Sendable () async throws -> (what: String, writtenAt: Instant?)?,
        setAside: @escaping @Sendable (String) async throws -> String?
    ) {
        self.path = path
        self.copy = copy
        self.damage = damage
        self.setAside = setAside
    }
}

/// What a start takes where the disk and the vault do not tell it by themselves.
package enum LedgerSource: String, Sendable, CaseIterable {
    /// The file on the disk, whatever the vault has; it becomes the newest there.
    case disk
    /// What the vault has; a file on the disk is set aside.
    case vault
    /// An empty ledger, where the vault cannot be reached or restored. It is not published.
    case new
}

/// A finished copy of the ledger, as a snapshot has it.
private struct LedgerCopy: Sendable {
    let source: CopySource
    let pageSize: Int
    let modified: Int64

    /// Reads the header of the copy, which nobody has open.
    init(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemError() }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { throw SystemError() }
        var bytes = [UInt8](repeating: 0, count: 18)
        guard pread(file, &bytes, bytes.count, 0) == bytes.count, bytes.starts(with: DatabaseCopy.magic) else {
            throw Failure(
                .databaseUncopied, doing: "make a snapshot of the ledger", because: "its copy is no database",
                retry: .soon)
        }
        // 1 stands for 65,536. Source: sqlite.org/fileformat2.html, "The Database Header".
        let size = Int(bytes[16]) << 8 | Int(bytes[17])
        pageSize = size == 1 ? 65_536 : size
        source = CopySource(path, size: Int64(facts.st_size))
        modified = Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec)
    }

    var stream: CaptureStream {
        CaptureStream { give in
            try give(
                CapturedEntry(
                    path: LedgerKeeper.entry, kind: .database(source, pageSize: pageSize),
                    facts: FileFacts(mode: 0o600, modified: modified, uid: geteuid(), gid: getegid())))
        }
    }
}
