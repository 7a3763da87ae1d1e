import KeepAlive
package import Ledger
import Logging
import Notices
package import Operations
import Runtime
package import StokerCore
package import Synchronization
import Workshop

/// A ledger in memory, true to the protocol where operations use it.
package final class DoubleLedger: Ledger {
    package struct State: Sendable {
        package var observations: [Observation] = []
        package var incidents: [Incident] = []
        package var events: [Event] = []
        package var backups: [String] = []
        package var broken = false

        package init() {}
    }
    package let state: Mutex<State>
    package let jobs: any JobStore
    package let actions: any ActionStore
    package let activities: any ActivityStore = MemoryActivities()
    package let records: any RecordStore = MemoryRecords()

    package init(
        _ state: State = State(), actions: any ActionStore = MemoryActions(), jobs: any JobStore = MemoryJobs()
    ) {
        self.jobs = jobs
        self.state = Mutex(state)
        self.actions = actions
    }

    private func read<Value: Sendable>(_ value: (State) -> Value) throws(Failure) -> Value {
        let (broken, value) = state.withLock { ($0.broken, value($0)) }
        if broken { throw Failure(.ledger, doing: "read the ledger", because: "the disk is gone") }
        return value
    }

    package func register(_ names: [String]) async throws(Failure) -> [Int32] { names.indices.map { Int32($0 + 1) } }
    package func rename(_ renames: [Fleet.Rename]) async throws(Failure) -> Renamed { Renamed() }
    package func checkNames() async throws(Failure) -> [(id: Int32, name: String)] {
        [(id: 99, name: "left the fleet")]
    }
    package func record(_ batch: Batch) async throws(Failure) {
        state.withLock { $0.observations += batch.observations }
    }
    package func savedStates() async throws(Failure) -> [Int32: SavedState] { [:] }
    package func transcript(lastFailedOf check: Int32) async throws(Failure) -> Transcript? {
        try read { _ in FleetDouble.transcript(at: Instant(milliseconds: 1_000), outcome: .down) }
    }

    package func observations(of check: Int32?, before: Instant?, limit: Int) async throws(Failure) -> [Observation] {
        try read { state in
            let found = state.observations.filter {
                (check == nil || $0.check == check) && (before == nil || $0.at < before!)
            }
            return Array(found.sorted { $0.at > $1.at }.prefix(limit))
        }
    }
    package func latest(of checks: [Int32], limit: Int) async throws(Failure) -> [[Observation]] {
        checks.map { _ in [] }
    }
    package func series(of check: Int32, from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [SpanTotals]
    {
        let width = (to.milliseconds - from.milliseconds) / Int64(buckets)
        return try read { _ in
            (0..<buckets).map { index in
                let begin = Instant(milliseconds: from.milliseconds + Int64(index) * width)
                return SpanTotals(
                    from: begin, to: begin + .milliseconds(width), up: index, latencyMin: 1_000, latencyMax: 2_000)
            }
        }
    }
    package func tally(of checks: [Int32], from: Instant, to: Instant) async throws(Failure) -> [SpanTotals] {
        try read { _ in
            checks.map { _ in
                SpanTotals(from: from, to: to, up: 3, down: 1, latencySum: 3_000, upTime: 54_000, downTime: 6_000)
            }
        }
    }
    package func incidents(of check: Int32?, openOnly: Bool, before: Int64?, limit: Int) async throws(Failure)
        -> [Incident]
    {
        try read { state in
            Array(
                state.incidents.filter { incident in
                    (check == nil || incident.check == check) && (!openOnly || incident.ended == nil)
                        && incident.id < before ?? .max
                }.sorted { $0.id > $1.id }.prefix(limit))
        }
    }
    package func events(of check: Int32?, before: Int64?, limit: Int) async throws(Failure) -> [Event] {
        try read { state in
            Array(
                state.events.filter { (check == nil || $0.check == check) && $0.id < before ?? .max }
                    .sorted { $0.id > $1.id }.prefix(limit))
        }
    }
    package func prune(_ settings: Fleet.LedgerSettings, now: Instant) async throws(Failure) -> Int { 0 }
    package func backup(to path: String) async throws(Failure) {
        let exists = state.withLock { state in
            defer { state.backups.append(path) }
            return state.backups.contains(path)
        }
        if exists { throw Failure(.conflict, doing: "back up the ledger", because: "the file exists") }
    }
    package func statistics() async throws(Failure) -> LedgerStatistics {
        LedgerStatistics(bytes: 0, observations: 0, oldestObservation: nil, checks: 0)
    }
    package func compact() async throws(Failure) -> Bool { false }
    package func close() async {}
}

/// A small fleet with one of each kind, seen at 2026-11-21 12:00 UTC.
package struct FleetDouble: Sendable {
    package let monitor: ScriptedMonitor
    package let ledger: DoubleLedger
    package let context: OperationContext
    /// `db` is in maintenance, begun by hand as `hand-1`, and the fleet file plans one a day.
    private let maintenance: MaintenanceKeeper
    package let now = Instant(milliseconds: 1_795_262_400_000)

    package init(backupFolder: String? = "data", heartbeatKey: (@Sendable (String) -> String)? = nil) {
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
        let statuses = [
            status(1, "bot", "https://acme-bot.hf.space/health?token=abc", .up),
            status(
                2, "bot/ready", "https://acme-bot.hf.space/ready", .slow, .tooSlow,
                policy: CheckPolicy(role: .ready)),
            status(
                3, "gateway", "https://user:pw@api.example.com/", .down, .status, policy: CheckPolicy(group: "edge")
            ),
            status(4, "nightly export", "", .silent, .heartbeatMissed, policy: CheckPolicy(kind: .heartbeat)),
            status(5, "db", "tcp://db.example.com:5432", .waking, .spaceHeld, policy: CheckPolicy(kind: .tcp)),
        ]
        monitor = ScriptedMonitor(
            statuses,
            overview: Overview(
                startedAt: now - .seconds(3_600), now: now, generation: 7,
                fleetFile: .init(path: "fleet.yaml", loadedAt: now - .seconds(60)), ledger: .healthy,
                ledgerDamage: [LedgerDamage(incident: 7, at: now - .seconds(60), text: "The ledger was damaged")]),
            now: { now })
        for status in statuses {
            monitor.set(strip: [Sample(at: now, outcome: .up, latencyMicroseconds: 1_500)], of: status.check.name)
            monitor.set(transcripts: Transcripts(last: Self.transcript(at: now, outcome: .up)), of: status.check.name)
        }
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
        ledger = DoubleLedger(state, jobs: ScriptedOutbox(now: now))
        let logger = Logger(label: "double") { _ in SwiftLogNoOpLogHandler() }
        let fleet = Self.fleet(statuses.map(\.check))
        let book = MaintenanceBook()
        book.use(fleet)
        book.set(
            begun: [
                MaintenanceWindow(
                    id: "hand-1", name: "new disk", from: now - .seconds(600), until: now + .seconds(3_600),
                    scope: MaintenanceScope(targets: ["db"]), isByHand: true)
            ], ended: [:])
        let access = AccessBook(
            records: ledger.records, mainToken: nil, now: { now },
            random: { $0 == 32 ? Array(repeating: 7, count: $0) : AccessBook.systemRandom($0) })
        access.use(Fleet.SignIn(roles: ["maren": .operate]))
        _ = access.beginSession("maren", via: .huggingFace, from: "192.0.2.14")
        maintenance = MaintenanceKeeper(
            book: book, ledger: ledger, monitor: monitor,
            clocks: Clocks(wall: { now }, running: { .zero }, elapsed: { .zero }), logger: logger)
        context = OperationContext(
            monitor: monitor, ledger: ledger, now: { now }, backupFolder: backupFolder, heartbeatKey: heartbeatKey,
            notices: NoticeBoard(fleet: fleet, ledger: ledger, now: { now }, logger: logger), maintenance: maintenance,
            workers: WorkerBoard(
                fleet: fleet, ledger: ledger, hub: nil, dataFolder: backupFolder ?? "/tmp", base: "/", toolFolders: [],
                now: { now }, logger: logger),
            states: StateBoard(
                fleet: fleet, ledger: ledger, hub: nil, dataFolder: "drills", base: Self.folder, environment: [:],
                now: { now }), access: access,
            configuration: ConfigurationBoard(
                path: "fleet.yaml", overrides: ["serve.port": .init(.flag, "--port")], started: fleet, sections: .all,
                read: { () in ConfigurationBoard.Reading(text: Self.text, fleet: .success(fleet)) }))
    }

    /// Of the one session that is open.
    package static let sessionID = "1967c0fdaed0"

    /// One finding of the worker `analysis`, and the token `ci`.
    package func keepFinding() async throws(Failure) {
        if try context.access.tokens.isEmpty {
            _ = try await context.access.addToken("ci", scope: .operate, ends: nil, by: "test")
        }
        let json: JSONValue = [
            "id": "0123456789abcdef", "rule": "workflows", "perspective": "security",
            "title": "A branch's name is code",
            "file": ".github/workflows/ci.yml", "line_start": 3, "line_end": 4, "severity": "high", "state": "new",
        ]
        guard let finding = Finding(json) else {
            throw Failure(.internal, doing: "keep the finding of the double", because: "it is none")
        }
        let now = context.now()
        try await WorkerStore(records: ledger.records, worker: "analysis").save(
            FindingBook([finding.id: .init(finding: finding)]), over: FindingBook(), at: now)
    }

    /// Maintenance that was written down, by its beginning.
    package func maintenanceSpans() async throws(Failure) -> [MaintenanceSpan] { try await maintenance.spans() }

    /// With a channel, and a line of maintenance.
    /// Where the vault of its fleet file would be; nothing is written there.
    private static let folder = "/tmp/stoker-fleet-double"

    private static let text = """
        channels: { team: { webhook: "https://hooks.example.com/a" } }
        notify: [ { to: team } ]
        maintenance: [ { name: nightly, schedule: "0 2 * * * Europe/Berlin", for: 1h } ]
        targets: { gateway: https://api.example.com }
        workers: { analysis: { kind: analysis, repository: /nowhere, dataset: acme/analysis } }
        vaults: { v: { folder: vault } }
        spaces: { acme/bot: { persist: { vault: v, paths: [data], drill: 7d } } }
        """

    private static func fleet(_ checks: [Check]) -> Fleet {
        var fleet =
            (try? FleetFile.read(text: text, name: "fleet.yaml", environment: [:], sections: .all).get()) ?? Fleet()
        fleet.checks = checks
        return fleet
    }

    package static func transcript(at: Instant, outcome: Outcome) -> Transcript {
        Transcript(
            at: at, attempt: 1, outcome: outcome, cause: outcome == .up ? .none : .status,
            detail: "expected 200, found 503",
            exchanges: [
                .init(
                    sent: ["GET / HTTP/1.1"], peer: "127.0.0.1:80", phases: [.init(name: "connect", microseconds: 250)],
                    received: ["HTTP/1.1 200 OK"], body: "hello", bodyBytes: 5)
            ])
    }

    package func call(_ name: String, _ given: [(name: String, value: JSONValue)] = []) async throws(Failure)
        -> JSONValue
    {
        guard let operation = Operation.named(name) else {
            throw Failure(.internal, doing: "call \(name)", because: "there is no such operation")
        }
        return try await operation.call(given, in: context)
    }
}
