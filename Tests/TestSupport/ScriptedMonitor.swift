package import StokerCore
import Synchronization

/// A monitor that keeps nothing warm: it holds statuses a test gave it, answers questions about them, carries out pauses, pings and
/// beats on them, and tells its listeners of every change. ``KeeperContract`` holds it to what the real one does.
package final class ScriptedMonitor: FleetMonitoring {
    private struct Scene {
        var statuses: [CheckStatus]
        var places: [String: Int] = [:]
        var strips: [String: [Sample]] = [:]
        var transcripts: [String: Transcripts] = [:]
        var overview: Overview
        var listeners: [Int: AsyncStream<Changes>.Continuation] = [:]
        var nextListener = 0
        var isStopped = false
        var calls: [String] = []
        var listings = 0
        var beats: [Beat] = []
        var pingResult: Result<Outcome, Failure> = .success(.up)
        var reloadFailure: Failure?
        /// What the fleet says besides its checks.
        var settings = Fleet()

        init(statuses: [CheckStatus], overview: Overview) {
            (self.statuses, self.overview) = (statuses, overview)
            for (place, status) in statuses.enumerated() { places[status.check.name] = place }
        }
    }
    private let scene: Mutex<Scene>
    private let clock: @Sendable () -> Instant
    private let pingGate: @Sendable (String) async -> Void

    /// - Parameters:
    ///   - now: the monitor's wall clock.
    ///   - pingGate: awaited inside every ping; lets a test hold one back.
    package init(
        _ statuses: [CheckStatus], overview: Overview? = nil, now: @escaping @Sendable () -> Instant,
        pingGate: @escaping @Sendable (String) async -> Void = { _ in }
    ) {
        clock = now
        self.pingGate = pingGate
        scene = Mutex(
            Scene(
                statuses: statuses,
                overview: overview ?? Overview(startedAt: now() - .seconds(3_600), now: now(), generation: 1)))
    }

    // MARK: What a test does

    /// Changes what the fleet says besides its checks.
    package func setFleet(_ change: (inout Fleet) -> Void) { scene.withLock { change(&$0.settings) } }

    /// Changes one status and tells everybody.
    package func change(_ name: String, _ change: (inout CheckStatus) -> Void) { self.change([name], change) }

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

    /// Other checks in place of the present ones, as after a reload.
    package func replace(with statuses: [CheckStatus]) {
        scene.withLock { scene in
            scene.statuses = statuses
            scene.places = Dictionary(uniqueKeysWithValues: statuses.enumerated().map { ($1.check.name, $0) })
            scene.overview.fleetNumber += 1
            Self.tell(Changes(everything: true), &scene)
        }
    }

    package func set(strip: [Sample], of name: String) { scene.withLock { $0.strips[name] = strip } }
    package func set(transcripts: Transcripts, of name: String) {
        scene.withLock { $0.transcripts[name] = transcripts }
    }
    /// What the next pings see.
    package func set(ping result: Result<Outcome, Failure>) { scene.withLock { $0.pingResult = result } }
    /// What becomes of the next reloads: nil when the file is taken.
    package func set(reload failure: Failure?) { scene.withLock { $0.reloadFailure = failure } }
    /// Ends all listeners' streams, as a stopping monitor does.
    package func stop() {
        // Not inside the lock: an ending stream tells its monitor.
        let listeners = scene.withLock { scene in
            scene.isStopped = true
            return Array(scene.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
    /// Calls that acted, oldest first: `ping bot`, `pause bot`.
    package var calls: [String] { scene.withLock { $0.calls } }
    /// What jobs said, oldest first.
    package var beats: [Beat] { scene.withLock { $0.beats } }
    /// How often statuses were listed.
    package var listings: Int { scene.withLock { $0.listings } }
    package var listeners: Int { scene.withLock { $0.listeners.count } }

    private static func tell(_ changes: Changes, _ scene: inout Scene) {
        scene.overview.generation += 1
        for listener in scene.listeners.values { listener.yield(changes) }
    }

    // MARK: Keeper

    package func fleet() async -> Fleet {
        scene.withLock { scene in
            var fleet = scene.settings
            fleet.checks = scene.statuses.map(\.check)
            return fleet
        }
    }

    package func overview() async -> Overview {
        scene.withLock { scene in
            var overview = scene.overview
            overview.now = clock()
            overview.total = scene.statuses.count
            overview.counts = Dictionary(grouping: scene.statuses, by: \.state.verdict).mapValues(\.count)
            overview.flapping = scene.statuses.count { $0.state.flapping }
            overview.moderated = scene.statuses.count { $0.state.isModerated }
            overview.inMaintenance = scene.statuses.count { $0.maintenance != nil }
            return overview
        }
    }

    package func statuses(_ query: StatusQuery) async -> CheckStatusPage {
        let all = scene.withLock { scene in
            scene.listings += 1
            return scene.statuses
        }
        let passed = all.filter { query.matches($0.check) }
        let counts = Dictionary(grouping: passed, by: \.state.verdict).mapValues(\.count)
        var found = passed.enumerated().filter {
            query.verdicts.isEmpty || query.verdicts.contains($0.element.state.verdict)
        }
        func sort<Key: Comparable>(by key: (CheckStatus) -> Key) {
            found.sort { a, b in
                let (first, second) = (key(a.element), key(b.element))
                return first == second ? a.offset < b.offset : first < second
            }
        }
        switch query.sort {
        case .file: break
        case .trouble: sort { $0.state.urgency }
        case .name: sort { $0.check.name }
        case .latency: sort { -Int64($0.state.latencyMicroseconds) }
        case .lastPing: sort { -$0.state.lastPing.milliseconds }
        }
        return CheckStatusPage(
            items: found.dropFirst(query.offset).prefix(query.limit).map(\.element), total: found.count, counts: counts)
    }

    package func status(of name: String) async throws(Failure) -> CheckStatus {
        try scene.withLock { (scene) throws(Failure) in
            guard let place = scene.places[name] else {
                throw .unknownCheck(name, nearest: ClosestMatch.of(name, among: scene.statuses.map(\.check.name)))
            }
            return scene.statuses[place]
        }
    }

    package func samples(of names: [String]) async -> [[Sample]] {
        scene.withLock { scene in names.map { Array((scene.strips[$0] ?? []).suffix(40)) } }
    }

    package func transcripts(of name: String) async throws(Failure) -> Transcripts {
        _ = try await status(of: name)
        return scene.withLock { $0.transcripts[name] ?? Transcripts() }
    }

    package func pause(_ name: String, until: Instant?) async throws(Failure) -> CheckStatus {
        let now = clock()
        if let until, until <= now { throw .pauseIsOver(name, until) }
        _ = try await status(of: name)
        note("pause \(name)")
        change(name) { status in
            if status.state.verdict != .paused {
                status.state.since = now
                status.state.failures = 0
                status.state.successes = 0
                status.state.flapping = false
            }
            status.state.verdict = .paused
            status.state.pause = .byPerson
            status.state.pausedUntil = until ?? .never
            status.nextDue = nil
        }
        return try await status(of: name)
    }

    package func resume(_ name: String) async throws(Failure) -> CheckStatus {
        let status = try await status(of: name)
        guard status.state.verdict == .paused else { return status }
        note("resume \(name)")
        let now = clock()
        change(name) { status in
            status.state.verdict = .unknown
            status.state.cause = .none
            status.state.pause = .none
            status.state.pausedUntil = .never
            status.state.since = now
            status.nextDue = status.check.policy.kind == .heartbeat ? nil : now
        }
        return try await self.status(of: name)
    }

    package func ping(_ name: String) async throws(Failure) -> CheckStatus {
        guard try await status(of: name).check.policy.kind != .heartbeat else { throw .pingOfHeartbeat(name) }
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
        saw(outcome, cause: outcome == .down ? .status : .none, latency: 42_000, of: name)
        return try await status(of: name)
    }

    package func beat(_ name: String, _ beat: Beat) async throws(Failure) -> CheckStatus {
        guard try await status(of: name).check.policy.kind == .heartbeat else { throw .notAHeartbeat(name) }
        note("beat \(name)")
        scene.withLock { $0.beats.append(beat) }
        switch beat.signal {
        case .success, .exit(0): saw(.up, cause: .none, latency: 0, of: name)
        case .fail, .exit: saw(.down, cause: .heartbeatFailed, latency: 0, of: name)
        case .start, .log: change(name) { _ in }
        }
        return try await status(of: name)
    }

    /// A ping, or a job's call, is over. While the check is paused nothing is judged.
    private func saw(_ outcome: Outcome, cause: Cause, latency: UInt32, of name: String) {
        let now = clock()
        change(name) { status in
            status.pinging = false
            guard status.state.verdict != .paused else { return }
            let verdict = Verdict(name: outcome.name) ?? .unknown
            if status.state.verdict != verdict { status.state.since = now }
            status.state.verdict = verdict
            status.state.cause = cause
            status.state.failures = outcome == .down ? status.state.failures + 1 : 0
            if outcome.isGood { status.state.lastGood = now }
            status.state.lastPing = now
            status.state.latencyMicroseconds = latency
            status.nextDue = now + status.check.policy.every
        }
        scene.withLock { scene in
            scene.strips[name, default: []].append(Sample(at: now, outcome: outcome, latencyMicroseconds: latency))
            let transcript = Transcript(
                at: now, attempt: 1, outcome: outcome, cause: cause, detail: "", exchanges: [])
            scene.transcripts[name, default: Transcripts()].last = transcript
            if outcome.isFailure { scene.transcripts[name]?.lastFailed = transcript }
        }
    }

    package func acknowledge(_ incident: Int64) async throws(Failure) {
        try scene.withLock { (scene) throws(Failure) in
            let open = scene.overview.ledgerDamage
            guard open.contains(where: { $0.incident == incident }) else {
                throw .nothingToAcknowledge(incident, open: open)
            }
            scene.overview.ledgerDamage.removeAll { $0.incident == incident }
            scene.calls.append("acknowledge \(incident)")
            Self.tell(Changes(everything: true), &scene)
        }
    }

    package func reload() async throws(Failure) {
        try scene.withLock { (scene) throws(Failure) in
            scene.calls.append("reload")
            if let failure = scene.reloadFailure {
                scene.overview.fleetFile.rejected = failure.because.split(separator: "\n").map(String.init)
            } else {
                scene.overview.fleetFile.rejected = []
                scene.overview.fleetFile.loadedAt = clock()
            }
            Self.tell(Changes(everything: true), &scene)
            if let failure = scene.reloadFailure { throw failure }
        }
    }

    package func changes() async -> AsyncStream<Changes> {
        let (stream, continuation) = AsyncStream.makeStream(of: Changes.self)
        let place: Int? = scene.withLock { scene in
            guard !scene.isStopped else { return nil }
            scene.nextListener += 1
            scene.listeners[scene.nextListener] = continuation
            return scene.nextListener
        }
        guard let place else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.leave(place) }
        return stream
    }

    private func leave(_ place: Int) { scene.withLock { _ = $0.listeners.removeValue(forKey: place) } }
    private func note(_ call: String) { scene.withLock { $0.calls.append(call) } }
}
