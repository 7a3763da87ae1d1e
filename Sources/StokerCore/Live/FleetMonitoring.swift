/// What the rooms above see of the living fleet. Implemented by KeepAlive's `FleetMonitor`; tests bring their own.
package protocol FleetMonitoring: Sendable {
    /// The fleet as it is monitored now.
    func fleet() async -> Fleet
    /// The state of the whole at this moment.
    func overview() async -> Overview
    /// All checks that match, in the order of the fleet file, cut to the page; with the count before the cut.
    func statuses(_ query: StatusQuery) async -> CheckStatusPage
    /// All checks of a target, see ``Check/target``, in the order of the fleet file.
    func statuses(ofTarget target: String) async -> [CheckStatus]
    /// Place of a check in the fleet file, from 0; nil for a name that is not there.
    func position(of name: String) async -> Int?
    /// - Throws: `not_found`, with the nearest known name as its hint.
    func status(of name: String) async throws(Failure) -> CheckStatus
    /// The newest first-byte times and outcomes of each named check, oldest first, at most 40 each.
    func samples(of names: [String]) async -> [[Sample]]
    /// What was sent and answered last, and at the last failure. - Throws: `not_found`.
    func transcripts(of name: String) async throws(Failure) -> Transcripts

    /// Stops pinging until resumed (nil), or until the instant. Pausing twice moves the end.
    /// - Throws: `not_found`; `usage` for an instant that has passed; `ledger` when it is done, and the disk has not taken it within 2 s.
    func pause(_ name: String, until: Instant?) async throws(Failure) -> CheckStatus
    /// Ends a pause; a ping is due at once. A check that is not paused stays as it is. - Throws: as ``pause(_:until:)``.
    func resume(_ name: String) async throws(Failure) -> CheckStatus
    /// One ping now, retries included, and its result; the timetable goes on from it.
    /// - Throws: `conflict` on a heartbeat, `overloaded` when too many are asked for at once.
    func ping(_ name: String) async throws(Failure) -> CheckStatus
    /// A job's call. - Throws: `not_found`; `conflict` when the name is not a heartbeat.
    func beat(_ name: String, _ beat: Beat) async throws(Failure) -> CheckStatus
    /// Ends an open incident of the ledger: a person has seen what was damaged, and healing goes on.
    /// - Throws: `not_found` when there is none of that number.
    func acknowledge(_ incident: Int64) async throws(Failure)
    /// Reads the fleet file again and takes what it says.
    /// - Throws: `fleet.invalid` with mistakes, and the old fleet stays; `conflict` when the fleet comes from no file.
    func reload() async throws(Failure)

    /// Changes as they happen, joined to at most four batches a second. Ends when the monitor stops.
    /// A consumer that is too slow gets `Changes.everything` in place of what it missed.
    func changes() async -> AsyncStream<Changes>
}

extension FleetMonitoring {
    package func statuses(ofTarget target: String) async -> [CheckStatus] {
        await statuses(StatusQuery()).items.filter { $0.check.target == target }
    }

    package func position(of name: String) async -> Int? {
        await fleet().checks.firstIndex { $0.name == name }
    }

    package func acknowledge(_ incident: Int64) async throws(Failure) {
        throw .nothingToAcknowledge(incident, open: [])
    }
}

extension Failure {
    /// - Parameter open: what there is instead.
    package static func nothingToAcknowledge(_ incident: Int64, open: [LedgerDamage]) -> Failure {
        let numbers = open.map { "\($0.incident)" }.joined(separator: ", ")
        return Failure(
            .notFound, doing: "acknowledge incident \(incident)",
            because: "no damage of the ledger waits under this number",
            hint: open.isEmpty ? "there is nothing to acknowledge" : "what waits has the number \(numbers)")
    }
}

/// What is new since the last time a listener was told; see ``FleetMonitoring``.
package struct Changes: Sendable, Equatable {
    /// Names of checks whose status changed; empty with `everything`.
    package var names: [String]
    /// The listener must read all it shows again (fleet reloaded, listener too slow).
    package var everything: Bool
    /// Events since the last batch, oldest first.
    package var events: [Event]
    package init(names: [String] = [], everything: Bool = false, events: [Event] = []) {
        self.names = names
        self.everything = everything
        self.events = events
    }
}

/// A heartbeat call, in the words of healthchecks.io's pinging API.
package struct Beat: Sendable, Equatable {
    /// What the job says of itself.
    package enum Signal: Sendable, Equatable {
        case success
        case start
        case fail
        /// Only a note; changes nothing.
        case log
        /// 0 is success, 1…255 failure.
        case exit(Int)
    }
    /// What the job said.
    package var signal: Signal
    /// First 10 kB of the request's body.
    package var body: String
    /// Joins a `start` and its end when runs overlap.
    package var run: String?
    /// Who called, for the log of the heartbeat: an address or a program's name; nil when unknown.
    package var from: String?
    package init(signal: Signal, body: String = "", run: String? = nil, from: String? = nil) {
        self.signal = signal
        self.body = body
        self.run = run
        self.from = from
    }
}

/// A check and what is known of it at one moment.
package struct CheckStatus: Sendable, Equatable {
    /// As it is configured now.
    package var check: Check
    /// Its number in the ledger.
    package var id: Int32
    /// What is believed of it, and since when.
    package var state: CheckState
    /// nil while paused and for heartbeats that never beat.
    package var nextDue: Instant?
    /// A ping is under way right now.
    package var pinging: Bool
    /// What the Hub says of its Space; nil when the Hub is not asked, or for what is no Space.
    package var hubStatus: SpaceHubStatus?
    /// What it is in right now: nobody is alarmed, nothing is healed, and the time is not in its uptime.
    package var maintenance: MaintenanceWindow?
    /// The next ping comes sooner than the interval would have it, because the last ones were not good. Jitter is allowed for.
    package var isRecheckPlanned: Bool {
        guard let nextDue, !check.policy.kind.type.isPassive, !state.lastPing.isNever,
            state.failures > 0 || state.verdict == .waking || state.verdict.isTrouble
        else { return false }
        let shortest = 1 - check.policy.jitter
        return (nextDue - state.lastPing) / .seconds(1) < check.policy.every / .seconds(1) * shortest
    }
    package init(
        check: Check, id: Int32, state: CheckState, nextDue: Instant?, pinging: Bool = false,
        hubStatus: SpaceHubStatus? = nil, maintenance: MaintenanceWindow? = nil
    ) {
        self.maintenance = maintenance
        self.check = check
        self.id = id
        self.state = state
        self.nextDue = nextDue
        self.pinging = pinging
        self.hubStatus = hubStatus
    }
}

/// Which checks are wanted, in which order, and which page of them.
package struct StatusQuery: Sendable, Equatable {
    /// Case-insensitive part of the name, address or Space.
    package var text: String
    /// Empty is all.
    package var verdicts: Set<Verdict>
    /// Beside them, what a screen says in place of a verdict: `flapping`, `moderated`. See ``CheckState/look``.
    package var looks: Set<String> = []
    /// Only checks with this ``Check/groupLabel``; nil for all.
    package var group: String?
    /// Only checks of this kind; nil for all.
    package var kind: CheckPolicy.Kind?
    package var sort: Sort
    /// How many matching checks are skipped. Default 0.
    package var offset: Int
    /// Most checks on the page. Default: all.
    package var limit: Int

    /// The order of a page; raw values are those of the API's `sort`.
    package enum Sort: String, Sendable, CaseIterable {
        /// As in the fleet file.
        case file
        /// Trouble first, then waking, slow, unknown, up, paused; by name inside.
        case trouble
        case name
        case latency
        case lastPing = "last-ping"
    }
    /// Everything passes.
    package var isPlain: Bool { text.isEmpty && verdicts.isEmpty && looks.isEmpty && group == nil && kind == nil }

    package init(
        text: String = "", verdicts: Set<Verdict> = [], group: String? = nil, kind: CheckPolicy.Kind? = nil,
        sort: Sort = .file, offset: Int = 0, limit: Int = .max
    ) {
        self.text = text
        self.verdicts = verdicts
        self.group = group
        self.kind = kind
        self.sort = sort
        self.offset = offset
        self.limit = limit
    }
}

/// The answer to a ``StatusQuery``.
package struct CheckStatusPage: Sendable, Equatable {
    /// Those of the page, in the order that was asked for.
    package var items: [CheckStatus]
    /// How many match, on all pages.
    package var total: Int
    /// Checks per verdict among those that text, group and kind let pass, whatever verdicts were asked for; missing is zero.
    package var counts: [Verdict: Int]
    package init(items: [CheckStatus], total: Int, counts: [Verdict: Int] = [:]) {
        self.items = items
        self.total = total
        self.counts = counts
    }
}

/// One bar of a latency strip.
package struct Sample: Sendable, Equatable {
    /// When the ping's last attempt began.
    package var at: Instant
    package var outcome: Outcome
    /// To the first byte; 0 where nothing answered.
    package var latencyMicroseconds: UInt32
    package init(at: Instant, outcome: Outcome, latencyMicroseconds: UInt32) {
        self.at = at
        self.outcome = outcome
        self.latencyMicroseconds = latencyMicroseconds
    }
}

/// What was sent and answered, kept in memory for one check.
package struct Transcripts: Sendable, Equatable {
    /// Of the last ping; nil before the first.
    package var last: Transcript?
    /// Of the last ping that failed; nil when none did.
    package var lastFailed: Transcript?
    package init(last: Transcript? = nil, lastFailed: Transcript? = nil) {
        self.last = last
        self.lastFailed = lastFailed
    }
}

/// The state of the whole.
package struct Overview: Sendable, Equatable {
    /// When this process began to monitor.
    package var startedAt: Instant
    /// When the overview was made.
    package var now: Instant
    /// Checks per verdict; missing is zero.
    package var counts: [Verdict: Int]
    /// Checks that change too often to be believed, whatever their verdict.
    package var flapping: Int
    /// Checks the platform flagged; they are among the paused ones of ``counts``.
    package var moderated: Int
    /// Checks in maintenance, whatever is believed of them.
    package var inMaintenance: Int
    /// All checks of the fleet.
    package var total: Int
    /// Grows with every change of any status: equal numbers mean equal answers.
    package var generation: UInt64
    /// Grows whenever checks join or leave the fleet: equal numbers mean the same checks.
    package var fleetNumber: UInt64
    /// Whether we ourselves reach the network.
    package var connectivity: Connectivity
    /// Which of two masters this is.
    package var role: Role
    /// The file that the fleet was read from.
    package var fleetFile: FleetFile
    /// Whether results reach the disk.
    package var ledger: LedgerHealth
    /// Damage that nobody has acknowledged yet; nothing is healed while there is any.
    package var ledgerDamage: [LedgerDamage]
    /// Where the ledger is kept beside this disk; nil where it is not.
    package var ledgerVault: LedgerVault?
    /// How the prober is doing.
    package var work: Work
    /// What is used and left of the Hub's windows; nil while the Hub is not asked.
    package var hub: HubRateUsage?
    /// Set when this is `stoker demo`.
    package var demo: Bool

    /// Whether failures can be believed.
    package enum Connectivity: Sendable, Equatable {
        case online
        /// Everything failed at once; verdicts stand still.
        case offline(since: Instant)
    }
    /// What this master does beside another one.
    package enum Role: Sendable, Equatable {
        /// The only master, or the one at work.
        case active
        /// Watching `master`, which is at work.
        case standby(of: String, lastSeen: Instant?)
        /// Watching `master`, which is silent: at work in its place.
        case standingIn(for: String, since: Instant)
    }
    /// Where the running fleet came from.
    package struct FleetFile: Sendable, Equatable {
        /// As it was given; nil for standard input and for the demonstration.
        package var path: String?
        /// When the version that is monitored now was taken.
        package var loadedAt: Instant
        /// Problems of a newer version that was not taken; one a line.
        package var rejected: [String]
        package init(path: String?, loadedAt: Instant, rejected: [String] = []) {
            self.path = path
            self.loadedAt = loadedAt
            self.rejected = rejected
        }
    }
    /// How the prober is doing.
    package struct Work: Sendable, Equatable {
        /// Pings under way.
        package var inFlight: Int
        /// Most pings at a time.
        package var inFlightLimit: Int
        /// Pings since the start; retries not counted.
        package var pings: UInt64
        /// Attempts since the start: each ping has one and its retries.
        package var attempts: UInt64
        /// Pings given up because more was due than could be made.
        package var shed: UInt64
        /// How late pings of the last minute began; microseconds.
        package var latenessP50: Int64
        /// As ``latenessP50``, for the slowest hundredth.
        package var latenessP99: Int64
        package init(
            inFlight: Int = 0, inFlightLimit: Int = 0, pings: UInt64 = 0, attempts: UInt64 = 0, shed: UInt64 = 0,
            latenessP50: Int64 = 0, latenessP99: Int64 = 0
        ) {
            self.inFlight = inFlight
            self.inFlightLimit = inFlightLimit
            self.pings = pings
            self.attempts = attempts
            self.shed = shed
            self.latenessP50 = latenessP50
            self.latenessP99 = latenessP99
        }
    }

    package init(
        startedAt: Instant, now: Instant, counts: [Verdict: Int] = [:], flapping: Int = 0, moderated: Int = 0,
        inMaintenance: Int = 0, total: Int = 0, generation: UInt64 = 0, fleetNumber: UInt64 = 0,
        connectivity: Connectivity = .online,
        role: Role = .active,
        fleetFile: FleetFile = FleetFile(path: nil, loadedAt: .never), ledger: LedgerHealth = .healthy,
        ledgerDamage: [LedgerDamage] = [], ledgerVault: LedgerVault? = nil, work: Work = Work(),
        hub: HubRateUsage? = nil, demo: Bool = false
    ) {
        self.startedAt = startedAt
        self.now = now
        self.counts = counts
        self.flapping = flapping
        self.moderated = moderated
        self.inMaintenance = inMaintenance
        self.total = total
        self.generation = generation
        self.fleetNumber = fleetNumber
        self.connectivity = connectivity
        self.role = role
        self.fleetFile = fleetFile
        self.ledger = ledger
        self.ledgerDamage = ledgerDamage
        self.ledgerVault = ledgerVault
        self.work = work
        self.hub = hub
        self.demo = demo
    }

    /// Uptime of this process.
    package var uptime: Duration { now - startedAt }
    /// How many checks need somebody: see ``CheckState/isTrouble``.
    package var troubles: Int {
        Verdict.allCases.reduce(moderated) { $0 + ($1.isTrouble ? counts[$1] ?? 0 : 0) }
    }
}

/// Whether results reach the disk.
package enum LedgerHealth: Sendable, Equatable {
    case healthy
    /// Writing fails; `waiting` observations are in memory, at most `limit`; `dropped` older ones were given up.
    case stalled(since: Instant, because: String, waiting: Int, limit: Int, dropped: UInt64)
}

/// The ledger's snapshots in its vault.
package struct LedgerVault: Sendable, Equatable {
    /// Address of the vault; no secret is in it.
    package var name: String
    /// When the last snapshot that is in the vault was taken: what was written after it is lost with this disk. nil before the first.
    package var safeUntil: Instant?
    /// Why no newer one gets there; nil when all is well.
    package var trouble: String?
    /// Since when.
    package var troubleSince: Instant?
    package init(name: String, safeUntil: Instant? = nil, trouble: String? = nil, troubleSince: Instant? = nil) {
        self.name = name
        self.safeUntil = safeUntil
        self.trouble = trouble
        self.troubleSince = troubleSince
    }
}

/// The ledger was damaged, and some of what was remembered may be gone.
package struct LedgerDamage: Sendable, Equatable {
    /// The ledger's number of the incident: what is acknowledged.
    package var incident: Int64
    /// When the damage was seen.
    package var at: Instant
    /// What was seen, kept and saved.
    package var text: String
    package init(incident: Int64, at: Instant, text: String) {
        self.incident = incident
        self.at = at
        self.text = text
    }
}
