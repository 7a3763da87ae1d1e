package import StokerCore
import Synchronization

/// A keeper that keeps nothing warm: it holds statuses a test gave it, answers queries about them as the real one does, carries
/// out pauses, pings and beats on them, and tells its listeners of every change.
package final class ScriptedKeeper: Keeper {
    private struct Scene {
        var statuses: [CheckStatus]
        var places: [String: Int] = [:]
        var strips: [String: [Sample]] = [:]
        var transcripts: [String: Transcripts] = [:]
        var overview: Overview
        var listeners: [Int: AsyncStream<Changes>.Continuation] = [:]
        var nextListener = 0
        var calls: [String] = []
        var pingResult: Result<Outcome, Failure> = .success(.up)
    }
    private let scene: Mutex<Scene>
    private let clock: @Sendable () -> Instant
    private let pingGate: @Sendable (String) async -> Void

    /// - Parameters:
    ///   - now: the keeper's wall clock.
    ///   - pingGate: awaited inside every ping; lets a test hold one back.
    package init(
        _ statuses: [CheckStatus], overview: Overview? = nil, now: @escaping @Sendable () -> Instant,
        pingGate: @escaping @Sendable (String) async -> Void = { _ in }
    ) {
        clock = now
        self.pingGate = pingGate
        var scene = Scene(
            statuses: statuses,
            overview: overview ?? Overview(startedAt: now() - .seconds(3_600), now: now(), generation: 1))
        for (place, status) in statuses.enumerated() { scene.places[status.check.name] = place }
        self.scene = Mutex(scene)
    }

    // MARK: What a test does

    /// Changes one status and tells everybody.
    package func change(_ name: String, _ change: (inout CheckStatus) -> Void) {
        scene.withLock { scene in
            guard let place = scene.places[name] else { return }
            change(&scene.statuses[place])
            Self.tell(Changes(names: [name]), &scene)
        }
    }

    /// Changes several at once, told in one batch.
    package func change(_ names: [String], _ change: (inout CheckStatus) -> Void) {
        scene.withLock { scene in
            for name in names {
                guard let place = scene.places[name] else { continue }
                change(&scene.statuses[place])
            }
            Self.tell(Changes(names: names), &scene)
        }
    }

    /// Changes what is said of the whole and tells everybody.
    package func overview(_ change: (inout Overview) -> Void) {
        scene.withLock { scene in
            change(&scene.overview)
            Self.tell(Changes(everything: true), &scene)
        }
    }

    package func set(strip: [Sample], of name: String) { scene.withLock { $0.strips[name] = strip } }
    package func set(transcripts: Transcripts, of name: String) {
        scene.withLock { $0.transcripts[name] = transcripts }
    }
    /// What the next pings see.
    package func set(ping result: Result<Outcome, Failure>) { scene.withLock { $0.pingResult = result } }
    /// Ends all listeners' streams, as a stopping keeper does.
    package func stop() { scene.withLock { scene in scene.listeners.values.forEach { $0.finish() } } }
    /// Calls that acted, oldest first: `ping bot`, `pause bot`.
    package var calls: [String] { scene.withLock { $0.calls } }
    package var listeners: Int { scene.withLock { $0.listeners.count } }

    private static func tell(_ changes: Changes, _ scene: inout Scene) {
        scene.overview.generation += 1
        for listener in scene.listeners.values { listener.yield(changes) }
    }

    // MARK: Keeper

    package func fleet() async -> Fleet { scene.withLock { Fleet(checks: $0.statuses.map(\.check)) } }

    package func overview() async -> Overview {
        scene.withLock { scene in
            var overview = scene.overview
            overview.now = clock()
            overview.total = scene.statuses.count
            overview.counts = Dictionary(grouping: scene.statuses, by: \.state.verdict).mapValues(\.count)
            overview.flapping = scene.statuses.count { $0.state.flapping }
            overview.moderated = scene.statuses.count { $0.state.isModerated }
            return overview
        }
    }

    package func statuses(_ query: StatusQuery) async -> StatusPage {
        var found = scene.withLock { $0.statuses }
        let text = query.text.lowercased()
        found = found.filter { status in
            let check = status.check
            return
                (text.isEmpty || check.name.lowercased().contains(text) || check.address.lowercased().contains(text)
                || check.space?.lowercased().contains(text) == true)
                && (query.group == nil || check.policy.group == query.group)
                && (query.kind == nil || check.policy.kind == query.kind)
        }
        let counts = Dictionary(grouping: found, by: \.state.verdict).mapValues(\.count)
        found.removeAll { !query.verdicts.isEmpty && !query.verdicts.contains($0.state.verdict) }
        switch query.sort {
        case .file: break
        case .trouble:
            let order: [Verdict] = [.down, .silent, .waking, .slow, .unknown, .up, .paused]
            let rank = { (status: CheckStatus) in order.firstIndex(of: status.state.verdict) ?? 0 }
            found.sort { (rank($0), $0.check.name) < (rank($1), $1.check.name) }
        case .name: found.sort { $0.check.name < $1.check.name }
        case .latency: found.sort { $0.state.latencyMicroseconds > $1.state.latencyMicroseconds }
        case .lastPing: found.sort { $0.state.lastPing > $1.state.lastPing }
        }
        return StatusPage(
            items: Array(found.dropFirst(query.offset).prefix(query.limit)), total: found.count, counts: counts)
    }

    package func status(of name: String) async throws(Failure) -> CheckStatus {
        let found: CheckStatus? = scene.withLock { scene in scene.places[name].map { scene.statuses[$0] } }
        guard let found else {
            throw Failure(
                .notFound, doing: "find \(name)", because: "no check has that name", hint: "see the list of checks")
        }
        return found
    }

    package func strips(of names: [String]) async -> [[Sample]] {
        scene.withLock { scene in names.map { Array((scene.strips[$0] ?? []).suffix(40)) } }
    }

    package func transcripts(of name: String) async throws(Failure) -> Transcripts {
        _ = try await status(of: name)
        return scene.withLock { $0.transcripts[name] ?? Transcripts() }
    }

    package func pause(_ name: String, until: Instant?) async throws(Failure) -> CheckStatus {
        _ = try await status(of: name)
        note("pause \(name)")
        change(name) { status in
            status.state.verdict = .paused
            status.state.pause = .byPerson
            status.state.since = clock()
            status.state.pausedUntil = until ?? .never
            status.nextDue = nil
        }
        return try await status(of: name)
    }

    package func resume(_ name: String) async throws(Failure) -> CheckStatus {
        guard try await status(of: name).state.verdict == .paused else {
            throw Failure(.conflict, doing: "resume \(name)", because: "it is not paused")
        }
        note("resume \(name)")
        change(name) { status in
            status.state.verdict = .unknown
            status.state.pause = .none
            status.state.pausedUntil = .never
            status.nextDue = clock()
        }
        return try await status(of: name)
    }

    package func ping(_ name: String) async throws(Failure) -> CheckStatus {
        guard try await status(of: name).check.policy.kind != .heartbeat else {
            throw Failure(.conflict, doing: "ping \(name)", because: "it is a heartbeat: it calls us")
        }
        note("ping \(name)")
        change(name) { $0.pinging = true }
        await pingGate(name)
        let outcome: Outcome
        switch scene.withLock({ $0.pingResult }) {
        case .success(let seen): outcome = seen
        case .failure(let failure):
            change(name) { $0.pinging = false }
            throw failure
        }
        change(name) { status in
            status.pinging = false
            status.state.verdict = Verdict(name: "\(outcome)") ?? .unknown
            status.state.cause = outcome == .down ? .status : .none
            status.state.failures = outcome == .down ? status.state.failures + 1 : 0
            status.state.lastPing = clock()
            status.state.latencyMicroseconds = 42_000
            status.nextDue = clock() + status.check.policy.every
        }
        return try await status(of: name)
    }

    package func beat(_ name: String, _ beat: Beat) async throws(Failure) -> CheckStatus {
        guard try await status(of: name).check.policy.kind == .heartbeat else {
            throw Failure(.conflict, doing: "note a beat of \(name)", because: "it is not a heartbeat")
        }
        note("beat \(name)")
        change(name) { status in
            switch beat.signal {
            case .success, .exit(0): status.state.verdict = .up
            case .fail, .exit: status.state.verdict = .down
            case .start, .log: break
            }
            status.state.lastPing = clock()
        }
        return try await status(of: name)
    }

    package func reload() async throws(Failure) {
        note("reload")
        scene.withLock { Self.tell(Changes(everything: true), &$0) }
    }

    package func changes() async -> AsyncStream<Changes> {
        let (stream, continuation) = AsyncStream.makeStream(of: Changes.self)
        let place = scene.withLock { scene in
            scene.nextListener += 1
            scene.listeners[scene.nextListener] = continuation
            return scene.nextListener
        }
        continuation.onTermination = { [weak self] _ in self?.leave(place) }
        return stream
    }

    private func leave(_ place: Int) { scene.withLock { _ = $0.listeners.removeValue(forKey: place) } }
    private func note(_ call: String) { scene.withLock { $0.calls.append(call) } }
}
