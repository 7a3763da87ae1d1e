import Foundation
package import Logging
package import Runtime
package import StokerCore

/// Spaces that a command has paused for a change and has to restart: open actions of the kind ``Action/Kind/environment``, on the disk before
/// the Space is paused, ended when it was restarted. Which of them were left by a command that was killed is seen by whether its
/// process is still there, and from another machine or container by its lease.
package struct PendingRestarts: Sendable {
    /// One that was left.
    package struct Left: Sendable, Equatable {
        /// `owner/name`.
        package var space: String
        /// Address of its Hub.
        package var endpoint: String
        /// Who paused it, for a person.
        package var command: String
        /// When it was paused.
        package var began: Instant
    }

    /// One that this process holds.
    package struct Held: Sendable {
        fileprivate let pending: PendingRestarts
        fileprivate let action: Action

        /// Holds it as long as the work takes: the lease is extended all the while, so that nobody who cannot see this process, from another
        /// container for example, believes it gone.
        package func during<T>(_ work: () async -> T) async -> T {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await keep() }
                let value = await work()
                group.cancelAll()
                return value
            }
        }

        /// Until it is called off, or somebody else has it.
        private func keep() async {
            while true {
                do { try await pending.clock.sleep(pending.lease / 3) } catch { return }
                let isHeld = try? await pending.withActions(making: true) { (actions) async throws(Failure) in
                    try await actions.extend(action.id, fence: action.fence, until: pending.now() + pending.lease)
                }
                // What could not be written is tried again: the lease has two thirds left.
                if isHeld == false { return }
            }
        }

        /// The Space was restarted, or was never paused.
        package func finish() async {
            // Left open it is looked at once more, by the next command: no harm.
            _ = try? await pending.withActions(making: true) { (actions) async throws(Failure) in
                try await actions.end(
                    action.id, fence: action.fence, as: .succeeded, result: "it was restarted", now: pending.now())
            }
        }

        /// The Space may be paused: whoever comes next looks at it, also while this process is still there.
        package func leave() async {
            _ = try? await pending.withActions(making: true) { (actions) async throws(Failure) in
                try await actions.takeOver(
                    action.id, by: "", until: pending.now(), gone: action.owner, now: pending.now())
            }
        }
    }

    private let ledger: String
    private let older: String
    private let now: @Sendable () -> Instant
    private let logger: Logger
    private let owner: String?
    private let lease: Duration
    private let clock: WaitClock

    /// - Parameters:
    ///   - ledger: path of the file; its folder must exist before one is begun.
    ///   - older: folder of the notes that earlier versions kept; what is in it is carried over.
    ///   - owner: this process.
    ///   - lease: for how long one is held without being extended; counts only for those who cannot see this process.
    ///   - clock: measures the waits between two extensions. `now` is the wall clock, for leases.
    package init(
        ledger: String, older: String, owner: String? = ProcessOwner.own.map { "\($0)" },
        lease: Duration = .seconds(300), clock: WaitClock = .real, now: @escaping @Sendable () -> Instant,
        logger: Logger
    ) {
        self.ledger = ledger
        self.older = older
        self.owner = owner
        self.lease = lease
        self.clock = clock
        self.now = now
        self.logger = logger
    }

    /// nil when there is nothing to look at, and nothing is made for looking.
    private func withActions<T: Sendable>(
        making: Bool, _ body: (any ActionStore) async throws(Failure) -> T
    ) async throws(Failure) -> T? {
        let notes = OlderNotes(folder: older)
        let isOlder = await notes.exist
        return try await SharedStores.using(ledger, making: making || isOlder, logger: logger) {
            (stores) async throws(Failure) in
            if isOlder { try await notes.carry(into: stores.actions, now: now()) }
            return try await body(stores.actions)
        }
    }

    /// Writes one down. One that was left is taken over; one that another command holds is waited for.
    /// - Throws: `conflict` when that one does not end within two minutes.
    package func begin(space: String, endpoint: String, command: String) async throws(Failure) -> Held {
        let doing = "note that \(space) is to be restarted"
        for _ in 0..<600 {
            let began = now()
            let new = NewAction(
                .environment, on: space, by: command, because: "a change while it is paused", began: began,
                owner: owner, leaseUntil: began + lease, details: ["endpoint": endpoint])
            let action = try await withActions(making: true) { (actions) async throws(Failure) -> Action? in
                // A command that lives holds it for as long as it takes, also beyond its lease.
                let open = try await actions.actions(
                    ActionQuery(space: space, kinds: [.environment], openOnly: true, limit: 1_000))
                let lives = open.contains {
                    $0.details["endpoint"] == endpoint && $0.owner.flatMap { ProcessOwner($0) }?.isGone == false
                }
                if lives { return nil }
                switch try await actions.beginAlone(new, within: .seconds(10)) {
                case .begun(let action): return action
                case .held(let other):
                    guard Self.isLeft(other, began) else { return nil }
                    return try await actions.takeOver(
                        other.id, by: owner ?? "", until: began + lease, gone: other.owner, now: began)
                }
            }
            if case .some(.some(let action)) = action { return Held(pending: self, action: action) }
            do { try await Task.sleep(for: .milliseconds(200)) } catch {
                throw Failure(
                    .interrupted, doing: doing, because: "it was interrupted", hint: "\(space) is as it was")
            }
        }
        throw Failure(
            .conflict, doing: doing, because: "another command has been changing it for two minutes",
            hint: "look at what it waits for")
    }

    /// What commands left that were killed, of one Space or of all.
    package func left(of space: String? = nil, endpoint: String) async throws(Failure) -> [Left] {
        let now = now()
        let found = try await withActions(making: false) { (actions) async throws(Failure) in
            try await Self.left(actions, space, endpoint, now)
        }
        return (found ?? []).map {
            Left(space: $0.space, endpoint: endpoint, command: $0.actor, began: $0.began)
        }
    }

    private static func left(
        _ actions: any ActionStore, _ space: String?, _ endpoint: String, _ now: Instant
    ) async throws(Failure) -> [Action] {
        try await actions.actions(
            ActionQuery(space: space, kinds: [.environment], openOnly: true, limit: 1_000)
        ).filter { $0.details["endpoint"] == endpoint && isLeft($0, now) }
    }

    private static func isLeft(_ action: Action, _ now: Instant) -> Bool {
        if let isGone = action.owner.flatMap({ ProcessOwner($0) })?.isGone { return isGone }
        return action.leaseUntil.map { $0 <= now } ?? true
    }

    /// The Space was restarted, or somebody decided otherwise. What a running command holds stays.
    package func forget(space: String, endpoint: String) async throws(Failure) {
        let now = now()
        _ = try await withActions(making: false) { (actions) async throws(Failure) in
            for one in try await Self.left(actions, space, endpoint, now) {
                guard
                    let taken = try await actions.takeOver(
                        one.id, by: "", until: now + .seconds(60), gone: one.owner, now: now)
                else { continue }
                try await actions.end(
                    taken.id, fence: taken.fence, as: .succeeded, result: "it is not paused for it any more", now: now)
            }
        }
    }
}

/// The notes of versions up to 002: one JSON file a Space. A running command holds a lock (flock) on its own.
private struct OlderNotes: Sendable {
    let folder: String

    private enum Found: Equatable {
        case held, nothing
        case note(Note)
    }
    private struct Note: Codable, Equatable {
        var space: String
        var endpoint: String
        var command: String
        /// RFC 3339.
        var at: String
    }

    var exist: Bool {
        get async {
            await off { paths().contains { _ in true } }
        }
    }

    private func off<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { done in
            DispatchQueue.global().async { done.resume(returning: work()) }
        }
    }

    private func paths() -> [String] {
        // No folder: there are none.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().prefix(1_000).map { "\(folder)/\($0)" }
    }

    /// Takes over those that no command holds, and removes them.
    func carry(into actions: any ActionStore, now: Instant) async throws(Failure) {
        for path in await off({ paths() }) {
            let found = await off { Self.read(path) }
            if found == .held { continue }
            guard case .note(let note) = found else {
                // Cut short while it was written: nothing was paused yet.
                await off { _ = unlink(path) }
                continue
            }
            let began = Instant(rfc3339: note.at)
            let known = try await actions.actions(
                ActionQuery(space: note.space, kinds: [.environment], since: began ?? now))
            // A kill between the two steps below.
            if !known.contains(where: { $0.began == began }) {
                _ = try await actions.begin(
                    NewAction(
                        .environment, on: note.space, by: note.command, because: "a change while it is paused",
                        began: began ?? now, details: ["endpoint": note.endpoint]), within: .seconds(10))
            }
            await off { _ = unlink(path) }
        }
    }

    private static func read(_ path: String) -> Found {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        // Gone meanwhile, or not ours to read.
        guard file >= 0 else { return .held }
        defer { LockFile.shut(file) }
        guard flock(file, LOCK_SH | LOCK_NB) == 0 else { return .held }
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let count = pread(file, &bytes, bytes.count, 0)
        return (try? JSONDecoder().decode(Note.self, from: Data(bytes.prefix(max(0, count))))).map { .note($0) }
            ?? .nothing
    }
}
