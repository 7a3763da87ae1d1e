package import StokerCore

/// The persistence protocol's checklist for one Space, as far as it can be known now. Pure: what is known was read before.
///
/// Only what was seen is green. What nothing shows is `unknown`.
package struct PersistenceAudit: Sendable, Equatable {
    /// Raw values are those of answers.
    package enum Standing: String, Sendable, CaseIterable { case ok, failed, unknown }

    /// The five points; raw values are those of answers.
    package enum Name: String, Sendable, CaseIterable {
        case healthEndpoint = "health-endpoint"
        case keptAlive = "kept-alive"
        case stateRemote = "state-remote"
        case restartRestores = "restart-restores"
        case recoveryVisible = "recovery-visible"
    }

    /// One point of the checklist with what shows it.
    package struct Point: Sendable, Equatable {
        package var name: Name
        package var standing: Standing
        /// What shows it; a sentence without a full stop.
        package var because: String
        /// What to do about it.
        package var fix: String?
    }

    package private(set) var points: [Point] = []

    package init(_ facts: Facts) {
        points = [
            Self.health(facts), Self.alive(facts), Self.state(facts), Self.restart(facts), Self.visible(facts),
        ]
    }
}

extension PersistenceAudit {
    /// What is known of a Space. What could not be read is nil.
    package struct Facts: Sendable {
        /// The check that looks at the Space.
        package struct Watch: Sendable {
            package var check: String
            /// Path of its address.
            package var path: String
            package var every: Duration
            package var isEnabled: Bool
            package init(check: String, path: String, every: Duration, isEnabled: Bool) {
                self.check = check
                self.path = path
                self.every = every
                self.isEnabled = isEnabled
            }
        }
        /// What the Hub says of it.
        package struct Hub: Sendable {
            package var isStatic: Bool
            package var isPaused: Bool
            /// nil while nothing runs.
            package var hardware: String?
            /// Seconds without a visit until it sleeps, as its owner set it; nil for the hardware's own.
            package var sleepSeconds: Int?
            /// Where buckets are mounted for writing; nil when the Hub did not say.
            package var writableMounts: [String]?
            /// Names of secrets; nil when they may not be seen.
            package var secrets: [String]?
            package init(
                isStatic: Bool, isPaused: Bool, hardware: String?, sleepSeconds: Int?, writableMounts: [String]?,
                secrets: [String]?
            ) {
                self.isStatic = isStatic
                self.isPaused = isPaused
                self.hardware = hardware
                self.sleepSeconds = sleepSeconds
                self.writableMounts = writableMounts
                self.secrets = secrets
            }
        }
        package struct Visit: Sendable {
            package var path: String
            package var status: Int
            /// The app answered, and not the platform's edge.
            package var isOfApp: Bool
            package init(path: String, status: Int, isOfApp: Bool) {
                self.path = path
                self.status = status
                self.isOfApp = isOfApp
            }
        }
        /// What a running server knows of the check.
        package struct Record: Sendable {
            package var verdict: Verdict
            package var lastAnswer: Instant?
            /// Of the newest incidents.
            package var incidents: Int
            package var lastRecovery: Instant?
            /// The newest restart that is recorded, and whether the check was up after it.
            package var restart: Restart?
            package init(
                verdict: Verdict, lastAnswer: Instant?, incidents: Int, lastRecovery: Instant?, restart: Restart?
            ) {
                self.verdict = verdict
                self.lastAnswer = lastAnswer
                self.incidents = incidents
                self.lastRecovery = lastRecovery
                self.restart = restart
            }
        }
        package struct Restart: Sendable, Equatable {
            package var at: Instant
            package var cameBack: Bool
            package init(at: Instant, cameBack: Bool) {
                self.at = at
                self.cameBack = cameBack
            }
        }

        /// What of it is kept in vaults, as `persist:` of the fleet file says.
        package struct Keep: Sendable, Equatable {
            /// Address of the vault that decides, without passwords.
            package var vault: String
            /// Why nothing is known of it.
            package var trouble: String?
            /// What is wrong with what is kept, and what to do.
            package var problem: (because: String, fix: String)?
            package var newest: Instant?
            /// When a restore was proven last.
            package var proven: Instant?
            /// Why the last drill proved nothing.
            package var drillFailure: String?
            /// The last start of its guard.
            package var start: Start?

            package struct Start: Sendable, Equatable {
                package var at: Instant
                /// `restored`, `continued`, `first`, `older`, `empty`, `failed`.
                package var outcome: String
                package var lost: String?
                package init(at: Instant, outcome: String, lost: String?) {
                    self.at = at
                    self.outcome = outcome
                    self.lost = lost
                }
            }

            package init(vault: String) { self.vault = vault }

            package static func == (one: Keep, other: Keep) -> Bool {
                one.vault == other.vault && one.trouble == other.trouble
                    && one.problem?.because == other.problem?.because && one.problem?.fix == other.problem?.fix
                    && one.newest == other.newest && one.proven == other.proven
                    && one.drillFailure == other.drillFailure && one.start == other.start
            }
        }

        package var watch: Watch?
        /// nil: the fleet file keeps nothing of it.
        package var keep: Keep?
        package var hub: Hub?
        /// Why the Hub told nothing.
        package var hubTrouble: String?
        package var visit: Visit?
        /// Why it was not visited.
        package var notVisited: String?
        package var record: Record?

        package init(
            watch: Watch? = nil, hub: Hub? = nil, hubTrouble: String? = nil, visit: Visit? = nil,
            notVisited: String? = nil, record: Record? = nil
        ) {
            self.watch = watch
            self.hub = hub
            self.hubTrouble = hubTrouble
            self.visit = visit
            self.notVisited = notVisited
            self.record = record
        }

        fileprivate var missingHub: String { "the Hub told nothing: \(hubTrouble ?? "it was not asked")" }
    }

    /// The path of an address, `/` when it has none.
    package static func path(of address: String) -> String {
        AddressParts(address).flatMap { $0.path.isEmpty ? nil : $0.path } ?? "/"
    }

    // MARK: The points

    private static func health(_ facts: Facts) -> Point {
        func point(_ standing: Standing, _ because: String, _ fix: String? = nil) -> Point {
            Point(name: .healthEndpoint, standing: standing, because: because, fix: fix)
        }
        if facts.hub?.isStatic == true { return point(.ok, "it consists of files, which are served as they are") }
        guard let visit = facts.visit else {
            return point(.unknown, "it was not visited: \(facts.notVisited ?? "the Hub told nothing of it")")
        }
        guard visit.isOfApp else {
            return point(.unknown, "the platform answered in place of the app (status \(visit.status))")
        }
        switch visit.status {
        case 200...299:
            let asksWhole = facts.watch.map { $0.path == "/" } ?? false
            return point(
                .ok, "\(visit.path) answers \(visit.status)",
                asksWhole ? "The fleet file asks the whole page: write `path: \(visit.path)` into its `keep`." : nil)
        case 404, 405, 410:
            return point(
                .failed, "the app has no \(visit.path): it answers \(visit.status)",
                "Answer \(visit.path) with 200 when the app can work, and with 503 when it cannot.")
        default: return point(.unknown, "\(visit.path) answers \(visit.status) now")
        }
    }

    /// Seconds until free hardware sleeps. Source: hub-docs `spaces-gpus`, "sleep time", read August 2026.
    private static let freeSleep = 48 * 3_600
    private static let free: Set<String> = ["cpu-basic", "zero-a10g", "zerogpu"]

    private static func alive(_ facts: Facts) -> Point {
        func point(_ standing: Standing, _ because: String, _ fix: String? = nil) -> Point {
            Point(name: .keptAlive, standing: standing, because: because, fix: fix)
        }
        if facts.hub?.isStatic == true { return point(.ok, "it consists of files, and never sleeps") }
        if facts.hub?.isPaused == true {
            return point(.failed, "it is paused, and no visit wakes it", "Restart it with `stoker space restart`.")
        }
        let limit: Int?
        if let hub = facts.hub, let hardware = hub.hardware {
            limit = free.contains(hardware) ? freeSleep : hub.sleepSeconds
            if limit == nil { return point(.ok, "\(hardware) is paid, and does not sleep") }
        } else {
            // What is not known is taken for free hardware, for what must fail in any case.
            limit = freeSleep
        }
        let sleep = limit.map { Formatting.duration(.seconds($0)) } ?? ""
        guard let watch = facts.watch else {
            return facts.hub == nil
                ? point(.unknown, facts.missingHub)
                : point(
                    .failed, "nothing visits it, and it sleeps after \(sleep)",
                    "Name it under `spaces:` of the fleet file.")
        }
        guard watch.isEnabled else {
            return point(
                .failed, "the check \(watch.check) is off in the fleet file, and it sleeps after \(sleep)",
                "Give it a `warmth` or an interval.")
        }
        if let limit, watch.every >= .seconds(limit), facts.hub != nil {
            return point(
                .failed, "it is visited every \(Formatting.duration(watch.every)), and sleeps after \(sleep)",
                "Choose a shorter `every`.")
        }
        guard let record = facts.record else {
            return point(
                .unknown,
                "the fleet file has it visited every \(Formatting.duration(watch.every)); whether a server does so was not asked",
                "Ask the server: --server URL.")
        }
        switch record.verdict {
        case .up, .slow:
            return point(.ok, "it is visited every \(Formatting.duration(watch.every)), and answers")
        case .paused: return point(.failed, "its check is paused", "Run `stoker resume \(watch.check)`.")
        case .down, .silent:
            return point(.failed, "it is visited, and does not answer", "Run `stoker doctor` on it.")
        case .waking, .unknown: return point(.unknown, "it is visited, and has not answered yet")
        }
    }

    /// Names under which apps are told of a database elsewhere.
    private static let databaseNames = [
        "DATABASE_URL", "POSTGRES_URL", "POSTGRES_PRISMA_URL", "PG_URL", "DB_URL", "NEON_DATABASE_URL", "SUPABASE_URL",
        "MONGODB_URI", "MONGO_URI", "REDIS_URL", "TURSO_DATABASE_URL",
    ]

    private static func state(_ facts: Facts) -> Point {
        func point(_ standing: Standing, _ because: String, _ fix: String? = nil) -> Point {
            Point(name: .stateRemote, standing: standing, because: because, fix: fix)
        }
        if let keep = facts.keep {
            if let problem = keep.problem { return point(.failed, problem.because, problem.fix) }
            if let trouble = keep.trouble { return point(.unknown, trouble) }
            guard let newest = keep.newest else {
                return point(
                    .failed, "\(keep.vault) has no snapshot yet",
                    "Start it under `stoker guard`: docs/guard.md says how.")
            }
            return point(.ok, "\(keep.vault) has a snapshot of \(Formatting.time(newest))")
        }
        guard let hub = facts.hub else { return point(.unknown, facts.missingHub) }
        if hub.isStatic { return point(.ok, "it consists of files, and has no state") }
        if let mounts = hub.writableMounts, !mounts.isEmpty {
            return point(
                .ok, "a bucket is mounted at \(mounts.joined(separator: ", "))",
                "A live database does not belong on it: keep it on the local disk and copy it there.")
        }
        if let name = databaseNames.first(where: { hub.secrets?.contains($0) == true }) {
            return point(.ok, "it knows a database elsewhere (secret \(name))")
        }
        let seen = [
            hub.writableMounts == nil ? nil : "no bucket is mounted",
            hub.secrets == nil ? nil : "no secret names a database",
        ].compactMap { $0 }
        return point(
            .unknown,
            seen.isEmpty ? "neither its volumes nor its secrets may be seen" : seen.joined(separator: ", and "),
            "Whatever it writes to its own disk is lost at each restart: mount a bucket, or use a database elsewhere.")
    }

    private static func restart(_ facts: Facts) -> Point {
        func point(_ standing: Standing, _ because: String, _ fix: String? = nil) -> Point {
            Point(name: .restartRestores, standing: standing, because: because, fix: fix)
        }
        if facts.hub?.isStatic == true { return point(.ok, "it consists of files, and has nothing to restore") }
        if let restart = facts.record?.restart, !restart.cameBack {
            return point(
                .failed, "it has not answered since the restart of \(Formatting.time(restart.at))",
                "Run `stoker doctor` on it.")
        }
        if let keep = facts.keep {
            if let failure = keep.drillFailure {
                return point(
                    .failed, "the last restore drill proved nothing: \(failure)",
                    "`stoker snapshots verify` names what is damaged.")
            }
            if let start = keep.start {
                let when = Formatting.time(start.at)
                switch start.outcome {
                case "restored":
                    return point(
                        .ok, "its start of \(when) brought its state back" + (start.lost.map { "; lost: \($0)" } ?? ""))
                case "failed":
                    return point(
                        .failed, "its start of \(when) could not bring its state back", "Look at its guard's log.")
                case "older", "empty":
                    return point(
                        .failed, "its start of \(when) did not bring the newest snapshot back",
                        "Look at its guard's log, and at `stoker snapshots verify`.")
                default: break
                }
            }
            if let proven = keep.proven {
                return point(.ok, "a restore of its newest snapshot was proven at \(Formatting.time(proven))")
            }
            return point(
                .unknown, "no start has brought it back yet, and no restore was proven",
                "Prove one: `drill: 7d` below `persist`, or `stoker snapshots prove`.")
        }
        guard let record = facts.record else {
            return point(.unknown, "no server was asked what followed its last restart")
        }
        guard let restart = record.restart else { return point(.unknown, "no restart of it is recorded") }
        return point(
            .unknown,
            "it answered again after the restart of \(Formatting.time(restart.at)); what it remembered was not looked at"
        )
    }

    private static func visible(_ facts: Facts) -> Point {
        func point(_ standing: Standing, _ because: String, _ fix: String? = nil) -> Point {
            Point(name: .recoveryVisible, standing: standing, because: because, fix: fix)
        }
        guard let watch = facts.watch else {
            return point(
                .failed, "no check of a fleet looks at it: nobody sees when it fails and comes back",
                "Name it under `spaces:` of the fleet file.")
        }
        guard watch.isEnabled else {
            return point(
                .failed, "the check \(watch.check) is off in the fleet file", "Give it a `warmth` or an interval.")
        }
        let starts =
            facts.keep?.start.map { "its guard's starts are recorded, the last one of \(Formatting.time($0.at))" }
        guard let record = facts.record else {
            if let starts { return point(.ok, starts) }
            return point(
                .unknown, "the fleet file has a check of it; whether a server records it was not asked",
                "Ask the server: --server URL.")
        }
        if record.verdict == .paused {
            return point(.failed, "its check is paused", "Run `stoker resume \(watch.check)`.")
        }
        let past =
            record.lastRecovery.map { ", the last one over at \(Formatting.time($0))" }
            ?? (record.incidents == 0 ? ", and there was none" : "")
        return point(
            .ok,
            "\(watch.check) records incidents (\(record.incidents) kept\(past))" + (starts.map { "; \($0)" } ?? ""))
    }
}
