import Ledger
import Operations
import StokerCore
import Synchronization

/// A fleet in memory: acts as a keeper would, without pinging anything.
final class DoubleKeeper: Keeper {
    struct State: Sendable {
        var statuses: [CheckStatus]
        var beats: [Beat] = []
        var pings: [String] = []
        var reloads = 0
        var rejectsReload = false
        var overview: Overview
    }
    let state: Mutex<State>
    let now: Instant

    init(_ statuses: [CheckStatus], now: Instant) {
        self.now = now
        var counts: [Verdict: Int] = [:]
        for status in statuses { counts[status.state.verdict, default: 0] += 1 }
        let overview = Overview(
            startedAt: now - .seconds(3_600), now: now, counts: counts, flapping: statuses.count { $0.state.flapping },
            moderated: statuses.count { $0.state.isModerated }, total: statuses.count, generation: 7,
            fleetFile: .init(path: "fleet.yaml", loadedAt: now - .seconds(60)), ledger: .healthy,
            ledgerDamage: [LedgerDamage(incident: 7, at: now - .seconds(60), text: "The ledger was damaged")])
        state = Mutex(State(statuses: statuses, overview: overview))
    }

    func fleet() async -> Fleet { Fleet(checks: state.withLock { $0.statuses.map(\.check) }) }
    func overview() async -> Overview { state.withLock { $0.overview } }

    func statuses(_ query: StatusQuery) async -> StatusPage {
        let found = state.withLock { $0.statuses }.filter { status in
            let words = [status.check.name, status.check.address, status.check.space ?? ""].joined(separator: " ")
                .lowercased()
            return (query.text.isEmpty || words.contains(query.text.lowercased()))
                && (query.verdicts.isEmpty || query.verdicts.contains(status.state.verdict))
                && (query.group == nil || status.check.policy.group == query.group)
                && (query.kind == nil || status.check.policy.kind == query.kind)
        }
        let sorted = query.sort == .name ? found.sorted { $0.check.name < $1.check.name } : found
        return StatusPage(items: Array(sorted.dropFirst(query.offset).prefix(query.limit)), total: found.count)
    }

    func status(of name: String) async throws(Failure) -> CheckStatus {
        guard let found = state.withLock({ $0.statuses.first { $0.check.name == name } }) else {
            throw Failure(
                .notFound, doing: "find \(name)", because: "no check has that name", hint: "did you mean \"bot\"?")
        }
        return found
    }

    func strips(of names: [String]) async -> [[Sample]] {
        names.map { _ in [Sample(at: now, outcome: .up, latencyMicroseconds: 1_500)] }
    }

    func transcripts(of name: String) async throws(Failure) -> Transcripts {
        _ = try await status(of: name)
        return Transcripts(last: Self.transcript(at: now, outcome: .up))
    }

    static func transcript(at: Instant, outcome: Outcome) -> Transcript {
        Transcript(
            at: at, attempt: 1, outcome: outcome, cause: outcome == .up ? .none : .status,
            detail: "expected 200, found 503",
            exchanges: [
                .init(
                    sent: ["GET / HTTP/1.1"], peer: "127.0.0.1:80", phases: [.init(name: "connect", microseconds: 250)],
                    received: ["HTTP/1.1 200 OK"], body: "hello", bodyBytes: 5)
            ])
    }

    private func change(_ name: String, _ change: (inout CheckStatus) -> Void) async throws(Failure) -> CheckStatus {
        _ = try await status(of: name)
        return state.withLock { state in
            for index in state.statuses.indices where state.statuses[index].check.name == name {
                change(&state.statuses[index])
                return state.statuses[index]
            }
            return state.statuses[0]
        }
    }

    func pause(_ name: String, until: Instant?) async throws(Failure) -> CheckStatus {
        try await change(name) { status in
            status.state.verdict = .paused
            status.state.pause = .byPerson
            status.state.pausedUntil = until ?? .never
            status.nextDue = nil
        }
    }

    func resume(_ name: String) async throws(Failure) -> CheckStatus {
        try await change(name) { status in
            status.state.verdict = .unknown
            status.state.pause = .none
        }
    }

    func ping(_ name: String) async throws(Failure) -> CheckStatus {
        let status = try await status(of: name)
        guard status.check.policy.kind != .heartbeat else {
            throw Failure(.conflict, doing: "ping \(name)", because: "it is a heartbeat")
        }
        state.withLock { $0.pings.append(name) }
        return status
    }

    func beat(_ name: String, _ beat: Beat) async throws(Failure) -> CheckStatus {
        let status = try await status(of: name)
        guard status.check.policy.kind == .heartbeat else {
            throw Failure(.conflict, doing: "take a beat of \(name)", because: "it is no heartbeat")
        }
        state.withLock { $0.beats.append(beat) }
        return status
    }

    func acknowledge(_ incident: Int64) async throws(Failure) {
        let (found, left) = state.withLock { state in
            let before = state.overview.ledgerDamage
            state.overview.ledgerDamage.removeAll { $0.incident == incident }
            return (before.count != state.overview.ledgerDamage.count, before)
        }
        if !found { throw .nothingToAcknowledge(incident, open: left) }
    }

    func reload() async throws(Failure) {
        let rejects = state.withLock { state in
            state.reloads += 1
            return state.rejectsReload
        }
        if rejects { throw Failure(.fleetInvalid, doing: "reload fleet.yaml", because: "line 3: unknown key") }
    }

    func changes() async -> AsyncStream<Changes> { AsyncStream { $0.finish() } }
}

/// A ledger in memory, true to the protocol where operations use it.
final class DoubleLedger: Ledger {
    struct State: Sendable {
        var observations: [Observation] = []
        var incidents: [Incident] = []
        var events: [Event] = []
        var backups: [String] = []
        var broken = false
    }
    let state: Mutex<State>
    let jobs: any JobStore = MemoryJobs()
    let actions: any ActionStore = MemoryActions()

    init(_ state: State = State()) { self.state = Mutex(state) }

    private func read<Value: Sendable>(_ value: (State) -> Value) throws(Failure) -> Value {
        let (broken, value) = state.withLock { ($0.broken, value($0)) }
        if broken { throw Failure(.ledger, doing: "read the ledger", because: "the disk is gone") }
        return value
    }

    func register(_ names: [String]) async throws(Failure) -> [Int32] { names.indices.map { Int32($0 + 1) } }
    func rename(_ renames: [Fleet.Rename]) async throws(Failure) -> Renamed { Renamed() }
    func checkNames() async throws(Failure) -> [(id: Int32, name: String)] { [(id: 99, name: "left the fleet")] }
    func record(_ batch: Batch) async throws(Failure) { state.withLock { $0.observations += batch.observations } }
    func savedStates() async throws(Failure) -> [Int32: SavedState] { [:] }
    func transcript(lastFailedOf check: Int32) async throws(Failure) -> Transcript? {
        try read { _ in DoubleKeeper.transcript(at: Instant(milliseconds: 1_000), outcome: .down) }
    }

    func observations(of check: Int32?, before: Instant?, limit: Int) async throws(Failure) -> [Observation] {
        try read { state in
            let found = state.observations.filter {
                (check == nil || $0.check == check) && (before == nil || $0.at < before!)
            }
            return Array(found.sorted { $0.at > $1.at }.prefix(limit))
        }
    }
    func latest(of checks: [Int32], limit: Int) async throws(Failure) -> [[Observation]] { checks.map { _ in [] } }
    func series(of check: Int32, from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [Tally] {
        let width = (to.milliseconds - from.milliseconds) / Int64(buckets)
        return try read { _ in
            (0..<buckets).map { index in
                let begin = Instant(milliseconds: from.milliseconds + Int64(index) * width)
                return Tally(
                    from: begin, to: begin + .milliseconds(width), up: index, latencyMin: 1_000, latencyMax: 2_000)
            }
        }
    }
    func tally(of checks: [Int32], from: Instant, to: Instant) async throws(Failure) -> [Tally] {
        try read { _ in
            checks.map { _ in
                Tally(from: from, to: to, up: 3, down: 1, latencySum: 3_000, upTime: 54_000, downTime: 6_000)
            }
        }
    }
    func incidents(of check: Int32?, openOnly: Bool, before: Int64?, limit: Int) async throws(Failure) -> [Incident] {
        try read { state in
            Array(
                state.incidents.filter { incident in
                    (check == nil || incident.check == check) && (!openOnly || incident.ended == nil)
                        && incident.id < before ?? .max
                }.sorted { $0.id > $1.id }.prefix(limit))
        }
    }
    func events(of check: Int32?, before: Int64?, limit: Int) async throws(Failure) -> [Event] {
        try read { state in
            Array(
                state.events.filter { (check == nil || $0.check == check) && $0.id < before ?? .max }
                    .sorted { $0.id > $1.id }.prefix(limit))
        }
    }
    func retain(_ settings: Fleet.LedgerSettings, now: Instant) async throws(Failure) -> Int { 0 }
    func backup(to path: String) async throws(Failure) {
        let exists = state.withLock { state in
            defer { state.backups.append(path) }
            return state.backups.contains(path)
        }
        if exists { throw Failure(.conflict, doing: "back up the ledger", because: "the file exists") }
    }
    func statistics() async throws(Failure) -> LedgerStatistics {
        LedgerStatistics(bytes: 0, observations: 0, oldestObservation: nil, checks: 0)
    }
    func tend() async throws(Failure) -> Bool { false }
    func close() async {}
}

/// A small fleet with one of each kind, seen at 2026-11-21 12:00 UTC.
struct FleetDouble: Sendable {
    let keeper: DoubleKeeper
    let ledger: DoubleLedger
    let context: OperationContext
    let now = Instant(milliseconds: 1_795_262_400_000)

    init(backupFolder: String? = "data", heartbeatKey: (@Sendable (String) -> String)? = nil) {
        let now = now
        func status(
            _ id: Int32, _ name: String, _ address: String, _ verdict: Verdict, _ cause: Cause = .none,
            policy: CheckPolicy = CheckPolicy()
        ) -> CheckStatus {
            var state = CheckState()
            state.verdict = verdict
            state.cause = cause
            state.code = verdict == .up ? 200 : 0
            state.attempts = 1
            state.latencyMicroseconds = 12_345
            state.lastPing = now - .seconds(30)
            state.since = now - .seconds(600)
            state.certificateEndHours = id == 1 ? UInt32(now.milliseconds / 3_600_000 + 240) : 0
            return CheckStatus(
                check: Check(name: name, address: address, space: id == 1 ? "acme/bot" : nil, policy: policy), id: id,
                state: state,
                nextDue: now + .seconds(60))
        }
        keeper = DoubleKeeper(
            [
                status(1, "bot", "https://acme-bot.hf.space/health?token=abc", .up),
                status(
                    2, "bot/ready", "https://acme-bot.hf.space/ready", .slow, .tooSlow,
                    policy: CheckPolicy(role: .ready)),
                status(
                    3, "gateway", "https://user:pw@api.example.com/", .down, .status, policy: CheckPolicy(group: "edge")
                ),
                status(4, "nightly export", "", .silent, .heartbeatMissed, policy: CheckPolicy(kind: .heartbeat)),
                status(5, "db", "tcp://db.example.com:5432", .waking, .spaceHeld, policy: CheckPolicy(kind: .tcp)),
            ], now: now)
        var state = DoubleLedger.State()
        for index in 0..<40 {
            // Four checks share each instant.
            state.observations.append(
                Observation(
                    check: Int32(index % 4 + 1), at: now - .seconds(Double(index / 4 + 1) * 60),
                    outcome: index % 10 == 0 ? .down : .up, latencyMicroseconds: UInt32(1_000 + index)))
        }
        for index in 1...5 {
            state.incidents.append(
                Incident(
                    id: Int64(index), check: 3, began: now - .seconds(Double(1_000 - index * 100)),
                    ended: index == 5 ? nil : now - .seconds(Double(950 - index * 100)), verdict: .down, cause: .status,
                    code: 503))
            state.events.append(
                Event(
                    id: Int64(index), at: now - .seconds(Double(600 - index)), kind: "verdict",
                    check: index == 3 ? nil : 3, text: "gateway is down"))
        }
        ledger = DoubleLedger(state)
        context = OperationContext(
            keeper: keeper, ledger: ledger, now: { now }, backupFolder: backupFolder, heartbeatKey: heartbeatKey)
    }

    func call(_ name: String, _ given: [(name: String, value: JSONValue)] = []) async throws(Failure) -> JSONValue {
        guard let operation = Operation.named(name) else {
            throw Failure(.internal, doing: "call \(name)", because: "there is no such operation")
        }
        return try await operation.call(given, in: context)
    }
}
