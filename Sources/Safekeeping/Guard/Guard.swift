import Foundation
import Glibc
package import Logging
import Runtime
package import StokerCore

/// The entry point of a container: claims the pen, restores what the claim returned, starts the app, publishes what changes, and passes the
/// app's end on. `docs/guard.md` has the order and why.
package actor Guard {
    let settings: GuardSettings
    let store: SnapshotStore
    let copies: [SnapshotStore]
    /// Read where the first vault has nothing, or nothing that can be restored.
    let fallback: SnapshotStore?
    package nonisolated let status: GuardStatus
    let capture: TreeCapture
    let places: GuardedPlaces
    let interval: Duration
    let now: @Sendable () -> Instant
    let logger: Logger
    /// Tells the master; a failure of it is its own affair.
    let tell: @Sendable (RecoveryRecord) async -> Void
    /// nil where none is configured.
    let master: GuardMaster?

    var claim: Claim?
    var copyClaims: [String: Claim] = [:]
    private var starting: Task<RecoveryRecord, any Error>?
    private var app: AppProcess?
    /// The first signal that asks for the end.
    private var stopSignal: Int32?
    private let stopAsked = AsyncSignal()
    private let snapshotAsked = AsyncSignal()
    private var waiters: [CheckedContinuation<SnapshotAnswer, Never>] = []
    /// Of the last sighting that is in the vault.
    private var published: UInt64?
    private var isReadOnly = false
    var toldReport: CaptureReport?

    /// What a requested snapshot came to.
    package enum SnapshotAnswer: Sendable {
        case published(Snapshot), unchanged(Snapshot), held(Snapshot, because: String)
        case failed(String)
    }

    /// How the life of the app ended.
    private enum Ending: Sendable {
        case app(ProcessEnd)
        case signal(Int32)
        case wanted(String)
        case fenced(Fenced)
        case cancelled
    }

    /// - Parameters:
    ///   - copies: get every snapshot too; what goes wrong there stops nothing.
    ///   - fallback: read, and never written, where the first vault has nothing, or nothing that can be restored.
    ///   - master: remembers how far the vault was: a start on less ends.
    ///   - tell: gets the recovery record once; may take its time.
    /// - Throws: when the guard's folder cannot be made.
    package init(
        _ settings: GuardSettings, store: SnapshotStore, copies: [SnapshotStore] = [],
        fallback: SnapshotStore? = nil,
        now: @escaping @Sendable () -> Instant = { Clocks.real.wall() }, logger: Logger,
        master: GuardMaster? = nil, tell: @escaping @Sendable (RecoveryRecord) async -> Void = { _ in }
    ) throws(Failure) {
        self.master = master
        self.settings = settings
        self.store = store
        self.copies = copies
        self.fallback = fallback
        self.now = now
        self.logger = logger
        self.tell = tell
        let name = store.vault.name
        status = GuardStatus(state: settings.state, vault: name, holder: settings.holder, now: now())
        places = GuardedPlaces(paths: settings.paths, data: settings.data, vault: name)
        let limits = store.vault.limits
        interval = max(settings.every ?? limits.interval, limits.smallestInterval)
        do { try PrivateFolder.make(settings.data) } catch {
            throw Failure(
                .fileUnwritable, doing: "make the guard's folder \(settings.data)", because: error.localizedDescription,
                hint: "name another with --data")
        }
        var captures = TreeCapture.Settings(
            paths: settings.paths, scratch: try Self.scratch(in: settings.data), copier: settings.copier)
        captures.exclude = settings.exclude
        capture = try TreeCapture(captures)
    }

    /// A folder for this process alone; those of processes that are gone are removed. The lock of one lives as long as its process.
    private static func scratch(in data: String) throws(Failure) -> String {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
        for name in names where name.hasPrefix("scratch-") && !name.hasSuffix(".lock") {
            let old = "\(data)/\(name)"
            guard let lock = try? FileLock.open(old + ".lock") else { continue }
            try? FileManager.default.removeItem(atPath: old)
            unlink(old + ".lock")
            close(lock)
        }
        let own = "\(data)/scratch-\(UUID().uuidString.prefix(8))"
        do throws(SystemError) {
            guard try FileLock.open(own + ".lock") != nil else { throw SystemError(EWOULDBLOCK) }
        } catch {
            throw Failure(
                .fileUnwritable, doing: "make the scratch folder \(own)", because: error.description,
                hint: "name another place with --data")
        }
        return own
    }

    /// - Parameter signals: see ``GuardSignals``.
    /// - Returns: the status to exit with.
    package func run(signals: AsyncStream<Int32>) async -> Int32 {
        ChildProcesses.own.adoptOrphans()
        return await withTaskGroup(of: Int32?.self) { group in
            group.addTask {
                for await signal in signals { await self.take(signal) }
                return nil
            }
            group.addTask { await self.live() }
            while let ended = await group.next() {
                guard let status = ended else { continue }
                group.cancelAll()
                return status
            }
            return 70
        }
    }

    /// Makes a snapshot now: of what is there after the call.
    package func snapshot() async -> SnapshotAnswer {
        guard app != nil, !isReadOnly, stopSignal == nil else {
            return .failed("no snapshot is made now: the guard is \(status.current.phase.rawValue)")
        }
        return await withCheckedContinuation { continuation in
            waiters.append(continuation)
            snapshotAsked.fire()
        }
    }

    func take(_ signal: Int32) {
        if signal == SIGUSR1 {
            snapshotAsked.fire()
            isSnapshotAsked = true
            return
        }
        if signal == SIGTERM || signal == SIGINT {
            if stopSignal == nil { stopSignal = signal } else { app?.send(signal) }
            starting?.cancel()
            stopAsked.fire()
            return
        }
        if app == nil, signal == SIGQUIT || signal == SIGHUP {
            stopSignal = signal
            starting?.cancel()
        }
        app?.send(signal)
    }
    private(set) var isSnapshotAsked = false

    // MARK: Life

    private func live() async -> Int32 {
        let starting = Task { try await start() }
        self.starting = starting
        let record: RecoveryRecord
        do {
            record = try await starting.value
        } catch {
            if let signal = stopSignal {
                logger.notice("stopped before the app was started; the vault is as it was")
                await release()
                return 128 + signal
            }
            return await failedStart(error)
        }
        self.starting = nil
        await report(record)
        if let signal = stopSignal {
            await release()
            return 128 + signal
        }
        let app: AppProcess
        do {
            var environment = settings.environment
            // Leases of the queue that an earlier life took are void.
            environment["STOKER_EPOCH"] = claim.map { "\($0.epoch)" }
            app = try AppProcess(settings.command, environment: environment, folder: settings.folder)
        } catch {
            status.enter(.failed, at: now(), because: "\(error)")
            logger.critical("\(error)")
            await release()
            return GuardSettings.notStartedStatus
        }
        self.app = app
        status.update { $0.app = app.pid }
        if let failure = await checkAddress(app) {
            status.enter(.failed, at: now(), because: failure)
            logger.critical("the app was stopped, and nothing is published", metadata: ["because": "\(failure)"])
            _ = await app.stop(wait: settings.stopWait, killWait: settings.killWait)
            await release()
            return GuardSettings.restoreFailedStatus
        }
        status.enter(isReadOnly ? .readOnly : .running, at: now())
        Allocator.giveBackStart()
        logger.notice(
            "the app runs",
            metadata: ["pid": "\(app.pid)", "snapshots": isReadOnly ? "none" : "every \(interval.text)"])
        let ending = await withTaskGroup(of: Ending.self) { group in
            group.addTask { (await app.ended()).map { .app($0) } ?? .cancelled }
            group.addTask { await self.stopped() }
            if !isReadOnly {
                group.addTask { await self.publishing() }
                group.addTask { await self.watchingPen() }
                group.addTask {
                    await self.tellingMaster(record)
                    return .cancelled
                }
            }
            defer { group.cancelAll() }
            while let ending = await group.next() {
                if case .cancelled = ending { continue }
                return ending
            }
            return .cancelled
        }
        answer(.failed("the guard is stopping"))
        return await finish(app, ending)
    }

    private func stopped() async -> Ending {
        while !Task.isCancelled {
            if let signal = stopSignal { return .signal(signal) }
            await stopAsked.wait(atMost: .seconds(3_600), clock: ContinuousClock())
        }
        return .cancelled
    }

    private func finish(_ app: AppProcess, _ ending: Ending) async -> Int32 {
        let begin = ContinuousClock.now
        let signal: Int32
        switch ending {
        case .signal(let given):
            status.enter(.stopping, at: now())
            signal = given
        case .fenced(let fenced):
            stopSignal = nil
            enterFenced(fenced)
            signal = SIGTERM
        case .wanted(let name):
            status.enter(.stopping, at: now(), because: "\(GuardHolder.shown(name)) asked for the pen")
            logger.notice(
                "another asks for the pen: the app is stopped, and its state handed over",
                metadata: ["by": "\(GuardHolder.shown(name))"])
            signal = SIGTERM
        case .app, .cancelled:
            status.enter(.stopping, at: now())
            signal = SIGTERM
        }
        var end = await app.stop(with: signal, wait: settings.stopWait, killWait: settings.killWait)
        if case .app(let own) = ending { end = own }
        logger.notice("the app has ended", metadata: ["status": "\(end.status)"])
        var lost: Fenced?
        if case .fenced(let fenced) = ending {
            lost = fenced
        } else if !isReadOnly {
            lost = await lastSnapshot(since: begin)
            // A holder that slept may have been asked first, and only now sees that nobody waited for it.
            if let lost { enterFenced(lost) }
        }
        if let lost {
            await keepStray(lost)
            // Who exits here may be started again by its platform, and would take the pen back.
            if settings.staysWhenFenced { _ = await stopped() }
            return GuardSettings.fencedStatus
        }
        await release()
        if case .wanted = ending { return GuardSettings.fencedStatus }
        return end.status
    }

    private func enterFenced(_ fenced: Fenced) {
        let who = "\(GuardHolder.shown(fenced.by.name)) has taken over (epoch \(fenced.by.epoch))"
        status.enter(.fenced, at: now(), because: who)
        logger.critical(
            "another has the pen: the app is stopped, nothing more is published", metadata: ["because": "\(who)"])
    }

    /// The app has ended: what it left is published. Told when it takes longer than the platform may wait, and given up in the end.
    private func lastSnapshot(since begin: ContinuousClock.Instant) async -> Fenced? {
        let late = Task {
            try await Task.sleep(until: begin + settings.stopLimit, clock: .continuous)
            let safe = status.current.safeUntil.map(\.description) ?? "the start"
            logger.error("the last snapshot is not done yet; killed now, what changed after \(safe) is lost")
        }
        defer { late.cancel() }
        let outcome = await withTaskGroup(of: Result<Fenced?, any Error>?.self) { group in
            group.addTask {
                do {
                    _ = try await CommitBudget.$isUrgent.withValue(true) {
                        try await self.publish(unlessUnchanged: true, isLast: true)
                    }
                    return .success(nil)
                } catch let fenced as Fenced {
                    return .success(fenced)
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                // Cancelled: the snapshot was first.
                try? await Task.sleep(until: begin + self.settings.finalLimit, clock: .continuous)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        let safe = status.current.safeUntil.map(\.description) ?? "the start"
        switch outcome {
        case .success(let fenced): return fenced
        case .failure(let error):
            logger.critical(
                "the last snapshot failed: what changed after \(safe) is lost", metadata: ["because": "\(error)"])
        case nil:
            logger.critical(
                "the last snapshot was given up after \(settings.finalLimit.text): what changed after \(safe) is lost")
        }
        return nil
    }

    private func keepStray(_ fenced: Fenced) async {
        guard let claim else { return }
        do {
            _ = try await capture.prepare()
            let id = try await store.keepStray(of: claim) { [capture] in capture.entries() }
            if let id {
                logger.critical("what was not published is kept as a stray", metadata: ["id": "\(id)"])
                status.update { $0.warnings.append("what was not published is kept as the stray \(id)") }
            } else {
                logger.notice("nothing had changed since the last snapshot: nothing is lost")
            }
        } catch {
            let safe = status.current.safeUntil.map(\.description) ?? "the start"
            logger.critical(
                "what was not published could not be kept as a stray: changes after \(safe) are on this disk only",
                metadata: ["because": "\(error)"])
        }
    }

    private func release() async {
        if let reporting {
            // The record is told before the process ends, if somebody takes it.
            _ = try? await withTimeout(.seconds(5)) { await reporting.value }
        }
        guard let claim else { return }
        do { try await store.release(claim) } catch {
            // The next one waits for the pen; nothing else follows.
            logger.warning("the pen was not handed back", metadata: ["because": "\(error)"])
        }
        for (name, claim) in copyClaims {
            guard let copy = copies.first(where: { $0.vault.name == name }) else { continue }
            do { try await copy.release(claim) } catch {
                logger.warning(
                    "the pen of a copy was not handed back", metadata: ["vault": "\(name)", "because": "\(error)"])
            }
        }
    }

    private func failedStart(_ error: any Error) async -> Int32 {
        let failure = Failure(telling: error, doing: "bring the state back")
        status.enter(.failed, at: now(), because: failure.because)
        logger.critical("no app is started", metadata: ["because": "\(failure)"])
        if let claim {
            var record = RecoveryRecord(.failed, at: now(), claim: claim)
            record.because = failure.because
            await report(record)
        }
        await release()
        return error is Fenced ? GuardSettings.fencedStatus : GuardSettings.restoreFailedStatus
    }

    private func report(_ record: RecoveryRecord) async {
        status.update { $0.recovery = record }
        logger.notice(
            "\(record.sentence)",
            metadata: [
                "epoch": "\(record.epoch)", "vault": "\(store.vault.name)", "verify": "\(record.verify ?? "no check")",
            ])
        for warning in record.warnings { logger.warning("\(warning)") }
        let (tell, vault, logger) = (tell, store.vault, logger)
        // Beside the app's start: a master or a vault that does not answer delays nobody. Both have their own limits.
        reporting = Task {
            await tell(record)
            do throws(VaultFailure) {
                try await RecoveryRecords.add(record, to: vault)
            } catch {
                logger.warning("the recovery record is not in the vault", metadata: ["because": "\(error)"])
            }
        }
    }
    private var reporting: Task<Void, Never>?

    // MARK: Publishing

    /// Until it is cancelled, or another has the pen.
    private func publishing() async -> Ending {
        var cost = Duration.zero
        var failures = 0
        // The state as it was restored is in the vault; what the app changes at its start comes with the first interval.
        var isFirst = true
        while !Task.isCancelled {
            let wait =
                failures > 0
                ? min(interval * (1 << min(failures, 6)), max(.seconds(300), interval)) : max(interval, cost * 20)
            if !isFirst, waiters.isEmpty, !isSnapshotAsked {
                await snapshotAsked.wait(atMost: wait, clock: ContinuousClock())
            }
            if Task.isCancelled { break }
            isFirst = false
            isSnapshotAsked = false
            let asked = waiters
            waiters = []
            let begin = ContinuousClock.now
            do {
                let answer = try await publish(unlessUnchanged: asked.isEmpty)
                cost = ContinuousClock.now - begin
                failures = 0
                if let answer { for one in asked { one.resume(returning: answer) } }
            } catch let fenced as Fenced {
                for one in asked {
                    one.resume(returning: .failed("\(GuardHolder.shown(fenced.by.name)) has taken over"))
                }
                return .fenced(fenced)
            } catch {
                for one in asked { one.resume(returning: .failed("\(error)")) }
                if Task.isCancelled || error is CancellationError { break }
                failures += 1
                let count = failures
                let text = Failure(telling: error, doing: "make a snapshot").description
                status.update { facts in
                    if facts.trouble == nil { facts.troubleSince = now() }
                    facts.trouble = text
                    facts.failures = count
                }
                logger.error(
                    "\(text)",
                    metadata: [
                        "failures": "\(count)", "safe_until": "\(status.current.safeUntil?.description ?? "never")",
                    ])
            }
        }
        return .cancelled
    }

    /// - Parameter unlessUnchanged: whether a look that finds nothing new is enough.
    /// - Returns: nil when nothing was to be done.
    @discardableResult
    private func publish(unlessUnchanged: Bool = false, isLast: Bool = false) async throws -> SnapshotAnswer? {
        guard let claim else { return nil }
        if let before = settings.before {
            do { try await hook(before, "before") } catch {
                // What it would have made is as it was; the rest must not be lost for it.
                guard isLast, !(error is CancellationError) else { throw error }
                logger.error("\(error)")
            }
        }
        let began = now()
        let sighting = try await capture.look()
        if unlessUnchanged, sighting.digest == published {
            status.update { $0.safeUntil = began }
            return nil
        }
        if claim.newest == nil, published == nil, !isLast, sighting.report.missing.count == settings.paths.count {
            // The app has not made its files yet: an empty snapshot would only be a beginning that is not there.
            if unlessUnchanged { return nil }
        }
        let copying = ContinuousClock.now
        let report = try await capture.prepare()
        let captured = Int((ContinuousClock.now - copying).seconds * 1_000)
        let publication = try await store.publish(under: claim, rows: report.rows) { [capture] in capture.entries() }
        if let after = settings.after {
            do { try await hook(after, "after") } catch { logger.warning("\(error)") }
        }
        let answer: SnapshotAnswer
        switch publication {
        case .published(let snapshot), .unchanged(let snapshot):
            published = sighting.isRipe ? sighting.digest : nil
            try? await noteOrigin(snapshot)
            status.update { facts in
                facts.newest = snapshot
                facts.safeUntil = began
                (facts.trouble, facts.troubleSince, facts.failures, facts.held) = (nil, nil, 0, nil)
            }
            if case .published = publication {
                logger.info(
                    "snapshot published",
                    metadata: [
                        "id": "\(snapshot.id)", "number": "\(snapshot.number)", "sent": "\(snapshot.added)",
                        "captured_ms": "\(captured)",
                    ])
                answer = .published(snapshot)
            } else {
                answer = .unchanged(snapshot)
            }
        case .held(let snapshot, let because):
            // Not in `published`: as long as it is so, it is looked at again, and told once.
            let isNew = status.current.held?.because != because
            status.update { facts in
                facts.held = (snapshot.id, because)
                facts.trouble = "a snapshot is held: \(because)"
                if isNew { facts.troubleSince = now() }
            }
            if isNew {
                logger.error(
                    "a snapshot is held, the newest stays: accept it with `stoker snapshots accept \(snapshot.id)` if it is meant",
                    metadata: ["because": "\(because)"])
            }
            published = sighting.isRipe ? sighting.digest : nil
            answer = .held(snapshot, because: because)
        }
        told(capture.report)
        for copy in copies { await publishCopy(to: copy, rows: report.rows) }
        if case .published(let snapshot) = publication {
            if !isLast { try await tidy() }
            // A small one leaves little.
            if snapshot.added > 1 << 20 { try await TreeCapture.onThread { Allocator.giveBack() } }
        }
        return answer
    }

    /// Now and then drops what the owner's rules do not keep, and frees what nobody needs.
    private func tidy() async throws {
        untidied += 1
        guard untidied >= (settings.keep.isEmpty ? 400 : 50) else { return }
        untidied = 0
        do {
            var gone: Set<String> = []
            if !settings.keep.isEmpty {
                let all = try await store.snapshots()
                gone = Set(
                    settings.keep.decide(all, newest: status.current.newest?.id).filter { !$0.isKept }.map(
                        \.snapshot.id))
            }
            let report = try await store.collect(dropping: gone)
            logger.info(
                "the vault was tidied",
                metadata: [
                    "dropped": "\(report.dropped.count)", "packs": "\(report.packs)", "bytes": "\(report.bytes)",
                ])
        } catch {
            if error is Fenced || error is CancellationError { throw error }
            logger.warning("the vault was not tidied; the next time goes on", metadata: ["because": "\(error)"])
        }
    }
    private var untidied = 0

    private func publishCopy(to copy: SnapshotStore, rows: Int64?) async {
        let name = copy.vault.name
        do {
            if copyClaims[name] == nil { copyClaims[name] = try await copy.claim(as: settings.holder) }
            guard let claim = copyClaims[name] else { return }
            _ = try await copy.publish(under: claim, rows: rows) { [capture] in capture.entries() }
            status.update { $0.copies[name] = nil }
        } catch {
            if error is Fenced { copyClaims[name] = nil }
            let text = error is Fenced ? "another writes there" : "\(error)"
            if status.current.copies[name] != text {
                logger.error("no copy of the snapshot was made", metadata: ["vault": "\(name)", "because": "\(text)"])
            }
            status.update { $0.copies[name] = text }
        }
    }

    private func noteOrigin(_ snapshot: Snapshot) async throws {
        let places = places
        try await TreeCapture.onThread { try places.note(snapshot: snapshot.id) }
    }

    /// What is left out is told once, not with every snapshot.
    private func told(_ report: CaptureReport) {
        guard toldReport != report else { return }
        let known = Set(toldReport?.sentences ?? [])
        toldReport = report
        for sentence in report.sentences where !known.contains(sentence) { logger.warning("\(sentence)") }
        status.update { facts in
            facts.warnings = report.sentences
            facts.unreadable = report.unreadableCount
        }
    }

    private func answer(_ answer: SnapshotAnswer) {
        for waiter in waiters { waiter.resume(returning: answer) }
        waiters = []
    }

    // MARK: The pen

    private func watchingPen() async -> Ending {
        while !Task.isCancelled, let claim {
            do {
                try await Task.sleep(for: settings.penPoll)
                if let name = try await store.penRequest(since: claim) { return .wanted(name) }
            } catch {
                // A vault that does not answer is told by the snapshots.
            }
        }
        return .cancelled
    }

    // MARK: Commands of the owner

    func hook(_ command: String, _ name: String) async throws {
        let program = ChildProcesses.Program(
            ["/bin/sh", "-c", command], environment: settings.environment, folder: settings.folder)
        let end = try await ChildProcesses.own.run(program, within: settings.hookLimit)
        guard end == .exited(0) else {
            throw Failure(
                .hookFailed, doing: "run `\(name)`",
                because: end.map { "it ended with \($0.status)" }
                    ?? "it was not done after \(settings.hookLimit.text) and was killed",
                hint: "run it by hand in \(settings.folder): \(command.prefix(200))")
        }
    }

    func isReadOnlyFromNowOn() { isReadOnly = true }
    func holds(_ claim: Claim) { self.claim = claim }
}

extension Failure.Code {
    /// A command of the owner failed.
    package static let hookFailed = Failure.Code(rawValue: "guard.hook")
    /// A snapshot could not be brought back.
    package static let restoreFailed = Failure.Code(rawValue: "guard.restore")
}

extension Failure {
    /// What went wrong, whatever it is.
    init(telling error: any Error, doing: String) {
        switch error {
        case let failure as Failure: self = failure
        case let failure as VaultFailure: self.init(failure)
        case let fenced as Fenced:
            self.init(
                .vaultFenced, doing: doing,
                because: "\(GuardHolder.shown(fenced.by.name)) has the pen (epoch \(fenced.by.epoch))")
        default: self.init(.internal, doing: doing, because: "\(error)", cause: error)
        }
    }
}
