import Deployment
import Foundation
import HubClient
import Ledger
import Logging
import StokerCore
import Synchronization

/// What applies remember, in the ledger of the data folder: progress and last good commits are records, the restart that is owed is an action.
struct ApplyLedger: ApplyMemory {
    private let stores: SharedStores
    private let endpoint: String
    private let secrets: SecretFingerprintStore
    private let notes: RestartNotes
    private let now: @Sendable () -> Instant
    private let tell: @Sendable (String) -> Void

    /// Keys: SHA-256 of the Hub's address and the Space.
    static let progressKind = "apply-progress"
    static let goodKind = "good-commit"

    /// Opens the ledger, or makes it.
    static func open(_ context: OperationContext, endpoint: String) async throws -> ApplyLedger {
        let folder = try context.dataFolder
        let secrets = try context.secretPrints
        // Makes the folder, and the key of the hashes.
        _ = try await secrets.begin()
        let stores = try await SharedStores.open(
            path: folder + "/stoker.sqlite", logger: Logger(label: "stoker") { _ in SwiftLogNoOpLogHandler() })
        return ApplyLedger(
            stores: stores, endpoint: endpoint, secrets: secrets, notes: try context.restartNotes, now: context.now,
            tell: { context.tell(.init(.warning, "unnoted-restart", $0)) })
    }

    func close() async { await stores.close() }

    var actions: any ActionStore { stores.actions }

    private func key(_ space: RepoID) -> String { Self.key("\(space)", endpoint) }

    static func key(_ space: String, _ endpoint: String) -> String {
        SecretFingerprints.digest(of: "\(endpoint) \(space.lowercased())")
    }

    /// How far an apply of the Space came, for whoever only looks; nil when nothing is known.
    static func progress(
        of space: String, at endpoint: String, in records: any RecordStore
    ) async throws(Failure) -> ApplyProgress? {
        let record = try await records.record(kind: progressKind, key: key(space, endpoint))
        return record.flatMap { try? JSONDecoder().decode(ApplyProgress.self, from: Data($0.body.utf8)) }
    }

    func progress(of space: RepoID) async throws(Failure) -> ApplyProgress? {
        guard let record = try await stores.records.record(kind: Self.progressKind, key: key(space)) else { return nil }
        // What cannot be read is not known: the plan's fingerprints decide.
        return try? JSONDecoder().decode(ApplyProgress.self, from: Data(record.body.utf8))
    }

    func keep(_ progress: ApplyProgress, of space: RepoID) async throws(Failure) {
        let body: String
        do {
            body = String(decoding: try JSONEncoder().encode(progress), as: UTF8.self)
        } catch {
            throw Failure(.internal, doing: "note how far \(space) is changed", because: "\(error)", cause: error)
        }
        try await stores.records.put(
            NewRecord(kind: Self.progressKind, key: key(space), body: body, at: now(), expires: now() + Self.keptFor))
    }
    /// A plan that is older is made anew.
    private static let keptFor = Duration.seconds(90 * 86_400)

    func prints() async throws(Failure) -> SecretFingerprints {
        do { return try await secrets.read() } catch {
            throw Failure(of: error, doing: "read what secrets were written")
        }
    }

    func keep(from before: SecretFingerprints, to after: SecretFingerprints) async throws(Failure) {
        do { try await secrets.keep(from: before, to: after) } catch {
            throw Failure(of: error, doing: "remember which secrets were written")
        }
    }

    func lastGood(_ space: RepoID) async throws(Failure) -> String? {
        guard let record = try await stores.records.record(kind: Self.goodKind, key: key(space)) else { return nil }
        return (try? JSONValue(reading: Array(record.body.utf8)))?["commit"]?.string
    }

    func keep(good commit: String, of space: RepoID) async throws(Failure) {
        let body: JSONValue = [
            "space": .string("\(space)"), "commit": .string(commit), "endpoint": .string(endpoint),
        ]
        try await stores.records.put(NewRecord(kind: Self.goodKind, key: key(space), body: body.text, at: now()))
    }

    /// Keeps what is told of an apply for whoever looks at it, until nothing more is told.
    func note(_ news: AsyncStream<RolloutRun.News>, _ begun: ApplyNotes, of lease: ApplyLease.Status) async {
        guard let action = lease.action else { return }
        var notes = begun
        func keep() async {
            // Only for people: what is not written is not shown.
            _ = try? await stores.records.put(
                NewRecord(
                    kind: ApplyNotes.record, key: "\(action)", body: notes.json.text, at: now(),
                    expires: now() + Self.keptFor))
        }
        await keep()
        for await one in news {
            notes.take(one)
            await keep()
        }
    }

    /// It is deleted: nothing of it is to be remembered.
    func forget(_ space: RepoID) async throws(Failure) {
        try await stores.records.remove(kind: Self.goodKind, key: key(space))
        try await stores.records.remove(kind: Self.progressKind, key: key(space))
    }

    /// Spaces of one Hub that applies of this machine brought up. Makes nothing; what cannot be read is not known.
    static func applied(_ context: OperationContext, endpoint: String) async -> [RepoID] {
        guard let folder = try? context.dataFolder else { return [] }
        let quiet = Logger(label: "stoker") { _ in SwiftLogNoOpLogHandler() }
        let records = try? await SharedStores.using(folder + "/stoker.sqlite", making: false, logger: quiet) {
            (stores) async throws(Failure) in try await stores.records.records(kind: goodKind)
        }
        return (records ?? []).compactMap { record in
            guard let body = try? JSONValue(reading: Array(record.body.utf8)), body["endpoint"]?.string == endpoint,
                let space = body["space"]?.string
            else { return nil }
            return try? RepoID.space(space)
        }
    }

    func isLeftPaused(_ space: RepoID) async -> Bool { await notes.left(of: space, endpoint: endpoint) != nil }

    func whileOwingRestart(_ space: RepoID, _ work: () async -> Bool) async {
        let held: RestartNotes.Held
        do throws(Failure) {
            held = try await notes.begin(space, endpoint: endpoint, command: "stoker apply")
        } catch {
            tell("stoker: \(error.because); if this process is killed, \(space) stays paused")
            _ = await work()
            return
        }
        if await held.during(work) { await held.remove() } else { await held.keep() }
    }
}

/// Keeps two applies to one Hub from one machine apart: an open action of the ledger that its owner extends.
struct ApplyLease: Sendable {
    static let kind = Action.Kind(rawValue: "deploy.apply")
    private static let length = Duration.seconds(300)

    /// Whether the lease is still held: one that was not extended in time, as on a machine that slept, may be another's.
    final class Status: Sendable {
        private let isLostNow = Mutex(false)
        var isLost: Bool { isLostNow.withLock { $0 } }
        fileprivate func lose() { isLostNow.withLock { $0 = true } }
        /// Number of its action, once it is held.
        private let number = Mutex<Int64?>(nil)
        var action: Int64? { number.withLock { $0 } }
        fileprivate func hold(_ action: Int64) { number.withLock { $0 = action } }
    }

    /// Does work while the lease is held.
    /// - Parameters:
    ///   - status: told when the lease is lost; work of several steps asks it before each.
    ///   - pause: between two extensions.
    /// - Throws: `conflict` that names the other apply. One whose process is gone, or whose lease is over, is taken over.
    static func holding<T: Sendable>(
        _ actions: any ActionStore, endpoint: String, what: String, context: OperationContext,
        result said: (T) -> String? = { _ in nil }, status: Status = Status(), pause: Duration = length / 3,
        _ work: () async throws -> T
    ) async throws -> T {
        let own = ProcessOwner.own.map { "\($0)" } ?? "this process"
        let new = NewAction(
            kind, on: "*", by: context.caller.isLocal ? "`stoker apply`" : "a request to this server", because: what,
            began: context.now(), owner: own, leaseUntil: context.now() + length, details: ["endpoint": endpoint])
        let action: Action
        switch try await actions.beginAlone(new, within: .seconds(10)) {
        case .begun(let begun): action = begun
        case .held(let other):
            let isGone = other.owner.flatMap { ProcessOwner($0) }?.isGone == true
            let taken =
                isGone
                ? try await actions.takeOver(
                    other.id, by: own, until: context.now() + length, gone: other.owner, now: context.now()) : nil
            guard let taken else {
                let age = OutputFormatting.span(max(0, (context.now() - other.began).seconds.rounded()))
                throw Failure(
                    .conflict, doing: "apply the plan",
                    because:
                        "another apply is at work on this machine: \(other.actor), process \(process(other.owner)), for \(age) (\(other.reason))",
                    hint:
                        "wait for its end; when its process is gone, or has said nothing for \(length.text), the next apply takes over"
                )
            }
            context.tell(
                .init(
                    .note, "lease",
                    "An apply of process \(process(other.owner)) was ended in its midst (\(other.reason)); this one takes over."
                ))
            action = taken
        }
        status.hold(action.id)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await extend(action, actions, every: pause, status, context.now) }
            let result: Result<T, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            group.cancelAll()
            // Left open, its owner is gone soon: no harm.
            let (state, text): (Action.State, String?) =
                switch result {
                case .success(let value): (.succeeded, said(value))
                case .failure(let error): (.failed, Failure(of: error, doing: "apply the plan").because)
                }
            _ = try? await actions.end(
                action.id, fence: action.fence, as: state, result: text, now: context.now())
            return try result.get()
        }
    }

    private static func extend(
        _ action: Action, _ actions: any ActionStore, every pause: Duration, _ status: Status,
        _ now: @Sendable () -> Instant
    ) async {
        while !status.isLost {
            do { try await Task.sleep(for: pause) } catch { return }
            // What could not be written is tried again: the lease has two thirds left.
            if (try? await actions.extend(action.id, fence: action.fence, until: now() + length)) == false {
                status.lose()
            }
        }
    }

    private static func process(_ owner: String?) -> String {
        owner?.split(separator: "/").dropFirst().first.map(String.init) ?? "unknown"
    }
}
