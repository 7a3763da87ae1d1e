package import Ledger
package import Logging
package import NIOCore
package import Runtime
import ServiceLifecycle
package import StokerCore

/// Keeps the fleet warm: spreads it over one shard per event loop, answers for the whole, and takes a new fleet file.
package actor FleetMonitor: FleetMonitoring, Service {
    package struct Settings: Sendable {
        /// Open attempts over all shards. Follows the open-file limit.
        package var openLimit: Int
        /// Attempts begun within the last half second and not answered yet, over all shards. Default 512.
        package var recentLimit: Int
        /// Transcripts of good pings kept in memory, over all shards. Default 8,192, about 24 MB when full.
        package var transcripts: Int
        /// Most first looks per second after a start. Default 2,000.
        package var firstLooksPerSecond: Int
        package var seed: UInt64
        package var userAgent: String
        package var demo: Bool

        package init(
            openLimit: Int, recentLimit: Int = 512, transcripts: Int = 8_192, firstLooksPerSecond: Int = 2_000,
            seed: UInt64,
            userAgent: String, demo: Bool = false
        ) {
            self.openLimit = openLimit
            self.recentLimit = recentLimit
            self.transcripts = transcripts
            self.firstLooksPerSecond = firstLooksPerSecond
            self.seed = seed
            self.userAgent = userAgent
            self.demo = demo
        }
    }

    /// Where a new fleet comes from when a reload is asked for. Throws `fleet.invalid` with one problem a line in `because`.
    package typealias Source = @Sendable () async throws(Failure) -> Fleet

    let ledger: any Ledger
    let writer: LedgerWriter
    let clocks: Clocks
    let settings: Settings
    let logger: Logger
    let source: Source?
    /// Hears of each fleet before it is monitored.
    let onFleet: @Sendable (Fleet) -> Void
    let shards: [Shard]
    let connectivity: SharedConnectivity
    let feed = ChangeFeed()
    let earlyPoll = EarlyPollRequest()
    /// What the Hub says; empty while nobody asks it.
    package nonisolated let hub: HubReadings
    package nonisolated let maintenance: MaintenanceBook

    /// What is monitored: ``written`` completed by what the Hub says, and the ping to ourselves.
    var current: Fleet
    /// As the fleet file has it.
    var written: Fleet
    /// What this process was started with, for the keys that only a start takes.
    let startFleet: Fleet
    let sections: FleetSections
    var names = NameIndex()
    var fleetFile: Overview.FleetFile
    var role: Overview.Role = .active
    /// How the ledger's snapshots are; nil where none are made.
    var ledgerVault: (@Sendable () -> LedgerVault)?
    var isActive = true
    var startedAt: Instant
    var wasOffline = false
    var wasStalled = false
    var selfAddress: String?
    var inMemoryReason: String?
    /// Damage of the ledger that nobody has acknowledged, and how often the writer had found some when it was read.
    var damages: [LedgerDamage] = []
    var damagesFound = 0
    var hasBegun = false
    /// Raised with every change of ``current``.
    package internal(set) var fleetNumber: UInt64 = 0
    /// A fleet is being taken, the first one from the very beginning: who asks for a check waits until it is there.
    var isReplacing = true
    var waitingForFleet: [CheckedContinuation<Void, Never>] = []
    var departed = DepartedChecks()
    /// Renames of checks that both have a history, told once.
    var toldApart: Set<Fleet.Rename> = []
    /// Whether the ledger may have open incidents of checks that are not in the fleet and do not come back.
    var hasOrphans = false
    /// States of checks that were looked at when the last Stoker ended, and are not in the fleet.
    var lost: [Int32: SavedState] = [:]

    package init(
        fleet: Fleet, fleetPath: String?, source: Source?, ledger: any Ledger, writer: LedgerWriter,
        loops: [any EventLoop],
        resolver: NameResolver, tls: ProbeTLS, settings: Settings, hub: HubReadings = HubReadings(),
        maintenance: MaintenanceBook = MaintenanceBook(), sections: FleetSections = .standard,
        onFleet: @escaping @Sendable (Fleet) -> Void = { _ in }, clocks: Clocks,
        logger: Logger
    ) {
        self.onFleet = { fleet in
            maintenance.use(fleet)
            onFleet(fleet)
        }
        self.maintenance = maintenance
        self.sections = sections
        self.hub = hub
        self.current = fleet
        self.written = fleet
        var startFleet = fleet
        startFleet.checks = []
        self.startFleet = startFleet
        self.source = source
        self.ledger = ledger
        self.writer = writer
        self.clocks = clocks
        self.settings = settings
        self.logger = logger
        let now = clocks.wall()
        self.startedAt = now
        self.fleetFile = Overview.FleetFile(path: fleetPath, loadedAt: now)
        let connectivity = SharedConnectivity()
        self.connectivity = connectivity
        let feed = feed
        let shared = Shard.SharedServices(
            connectivity: connectivity, evaluator: ResponseEvaluator(),
            backlog: SharedBacklog(shards: max(1, loops.count)),
            hub: hub, earlyPoll: earlyPoll, maintenance: maintenance,
            deliver: { batch, names in
                feed.add(names: names, events: batch.events)
                writer.enqueue(batch.remembered)
            },
            listening: { feed.isListenedTo })
        let parts = max(1, loops.count)
        self.shards = loops.enumerated().map { number, loop in
            Shard(
                loop: loop, number: number, of: parts,
                lane: ProbeLane(
                    eventLoop: loop, resolver: resolver, tls: tls, userAgent: settings.userAgent, now: clocks.wall),
                openLimit: max(1, settings.openLimit / parts), recentLimit: max(1, settings.recentLimit / parts),
                transcripts: max(1, settings.transcripts / parts), seed: settings.seed &+ UInt64(number),
                clocks: clocks,
                shared: shared, logger: logger)
        }
    }

    // MARK: Life

    /// Loads what is remembered and begins to monitor; returns when the fleet is installed. Called once.
    ///
    /// - Parameters:
    ///   - selfAddress: our own address, for the ping to ourselves; nil when there is none.
    ///   - active: false for a second master, which waits for its first look at the first one.
    ///   - note: why history is kept in memory only, if it is.
    package func begin(selfAddress: String?, active: Bool = true, note: String? = nil) async {
        Allocator.keepLittle()
        self.selfAddress = selfAddress
        // A second master's watch may have begun before.
        if case .active = role { isActive = active }
        inMemoryReason = note
        isReplacing = true
        defer { replaced() }
        current = withSelfPing(FleetComposer.compose(written, with: hub.words))
        onFleet(current)
        if isActive { writer.watch(true) }
        do {
            _ = try await rename(current, from: [])
            let states = try await ledger.savedStates()
            departed.highestRemembered = states.keys.max() ?? -1
            try await install(current, states: states)
            hasOrphans = true
            await endOrphans()
        } catch {
            // Without memory everything is new; the ledger's own health tells the rest.
            logger.error("What was remembered could not be read", metadata: ["error": "\(error)"])
            await installUnremembered()
        }
        await readDamage()
        hasBegun = true
        Allocator.giveBack()
        writer.watch(isActive)
        for shard in shards { await shard.setActive(isActive) }
        emit(.started(checks: current.checks.count))
    }

    func withSelfPing(_ fleet: Fleet) -> Fleet { SelfPing.adding(to: fleet, at: selfAddress) }

    /// Watches the whole until graceful shutdown: connectivity, change feed. Flushes and stops the shards at the end.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.tick()
                await self.lookForDamage()
                do { try await Task.sleep(for: .milliseconds(250)) } catch { break }
            }
        }
        emit(.stopped)
        await withTaskGroup(of: Void.self) { group in
            for shard in shards { group.addTask { await shard.stop(within: .milliseconds(1_500)) } }
        }
        writer.watch(false)
        feed.finish()
    }

    private func tick() {
        feed.send()
        watchLedger()
        switch (connectivity.status, wasOffline) {
        case (.offline, false):
            wasOffline = true
            emit(.offline)
            logger.error("This machine has no network", metadata: ["checks": "\(current.checks.count)"])
        case (.online, true), (.suspect, true):
            wasOffline = false
            emit(.online)
            logger.notice("The network is back")
        default: break
        }
    }

    private func watchLedger() {
        switch (writer.health, wasStalled) {
        case (.stalled(_, let because, _, let limit, _), false):
            wasStalled = true
            emit(.ledgerStalled(because: because, limit: limit))
        case (.healthy, true):
            wasStalled = false
            emit(.ledgerRecovered)
        default: break
        }
    }

    package func takeEarlyPollRequest() -> Bool { earlyPoll.take() }

    /// Writes an event of the fleet as a whole, or of a check.
    package func emit(_ payload: EventPayload) { emit(payload, check: nil) }
    package func emit(_ payload: EventPayload, check: CheckStatus?) {
        // Numbers below zero are not the ledger's.
        let id = check.flatMap { $0.id >= 0 ? $0.id : nil }
        let event = Event(at: clocks.wall(), check: id, payload)
        feed.add(names: check.map { [$0.check.name] } ?? [], events: [event])
        writer.enqueue(Batch(events: [event]))
    }

    /// Whether everything failed at once, so that nothing is known of anybody.
    package nonisolated var isOffline: Bool {
        if case .offline = connectivity.status { true } else { false }
    }

    /// Says how to learn of the ledger's snapshots.
    package func setLedgerVault(_ look: @escaping @Sendable () -> LedgerVault) { ledgerVault = look }

    /// Another master has taken over the ledger that this one keeps: it stands still for good.
    package func yield(to master: String, vault: String) async {
        emit(.ledgerTaken(vault: vault, by: master))
        await setRole(.standby(of: master, lastSeen: clocks.wall()))
    }

    /// A second master stands by, or stands in; the first one is always active.
    package func setRole(_ role: Overview.Role) async {
        guard role != self.role else { return }
        self.role = role
        let active: Bool
        if case .standby = role { active = false } else { active = true }
        if active != isActive {
            isActive = active
            if hasBegun {
                switch role {
                case .standingIn(let first, _):
                    emit(.tookOver(from: first))
                case .standby(let first, _): emit(.steppedBack(to: first))
                case .active: break
                }
            }
            logger.notice("Role changed", metadata: ["active": "\(active)"])
            if hasBegun, active { writer.watch(true) }
            for shard in shards { await shard.setActive(active) }
            if !active { writer.watch(false) }
        }
        feed.add(names: [], events: [], everything: true)
    }
}
