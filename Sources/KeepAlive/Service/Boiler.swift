package import Ledger
package import Logging
package import NIOCore
package import Runtime
import ServiceLifecycle
package import StokerCore

/// Keeps the fleet warm: spreads it over one shard per event loop, answers for the whole, and takes a new fleet file.
package actor Boiler: Keeper, Service {
    package struct Settings: Sendable {
        /// Open attempts over all shards. Follows the open-file limit.
        package var openLimit: Int
        /// Attempts begun within the last half second and not answered yet, over all shards. Default 512.
        package var youngLimit: Int
        /// Transcripts of good pings kept in memory, over all shards. Default 8,192, about 24 MB when full.
        package var transcripts: Int
        /// Most first looks per second after a start. Default 2,000.
        package var firstLooksPerSecond: Int
        package var seed: UInt64
        package var userAgent: String
        package var demo: Bool

        package init(
            openLimit: Int, youngLimit: Int = 512, transcripts: Int = 8_192, firstLooksPerSecond: Int = 2_000,
            seed: UInt64,
            userAgent: String, demo: Bool = false
        ) {
            self.openLimit = openLimit
            self.youngLimit = youngLimit
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
    private let writer: LedgerWriter
    private let clocks: Clocks
    private let settings: Settings
    private let logger: Logger
    private let source: Source?
    private let shards: [Shard]
    private let connectivity: SharedConnectivity
    private let feed = ChangeFeed()
    private let readingWish = ReadingWish()
    /// What the Hub says; empty while nobody asks it.
    package nonisolated let hub: HubKnowledge

    /// What is tended: ``written`` completed by what the Hub says, and the ping to ourselves.
    private var current: Fleet
    /// As the fleet file has it.
    private(set) var written: Fleet
    /// What this process was started with, for the keys that only a start takes.
    private let inForce: (serve: Fleet.Serve, ledger: Fleet.LedgerSettings, hub: Fleet.Hub)
    private var names = NameIndex()
    private var fleetFile: Overview.FleetFile
    private var role: Overview.Role = .active
    var isActive = true
    private var startedAt: Instant
    private var wasOffline = false
    private var wasStalled = false
    private var selfAddress: String?
    private var memoryNote: String?
    /// Damage of the ledger that nobody has acknowledged, and how often the writer had found some when it was read.
    private var damages: [LedgerDamage] = []
    private var damagesFound = 0
    var hasBegun = false
    /// Raised with every change of ``current``.
    package private(set) var fleetNumber: UInt64 = 0
    /// A fleet is being taken, the first one from the very beginning: who asks for a check waits until it is there.
    private var isReplacing = true
    private var waitingForFleet: [CheckedContinuation<Void, Never>] = []
    /// What was known of checks that left the fleet, should they come back: the ledger has it only some time later.
    private var departed: [Int32: Departed] = [:]
    /// Renames of checks that both have a history, told once.
    var toldApart: Set<Fleet.Rename> = []
    /// The ledger may remember checks up to this number that are not in the fleet.
    private var highestRemembered = Int32.max
    /// Whether the ledger may have open incidents of checks that are not in the fleet and do not come back.
    private var hasOrphans = false
    /// States of checks that were looked at when the last Stoker ended, and are not in the fleet.
    private var lost: [Int32: SavedState] = [:]

    private struct Departed {
        var saved: SavedState
        var space: String?
    }

    package init(
        fleet: Fleet, fleetPath: String?, source: Source?, ledger: any Ledger, writer: LedgerWriter,
        loops: [any EventLoop],
        resolver: NameResolver, tls: ProbeTLS, settings: Settings, hub: HubKnowledge = HubKnowledge(),
        clocks: Clocks, logger: Logger
    ) {
        self.hub = hub
        self.current = fleet
        self.written = fleet
        self.inForce = (fleet.serve, fleet.ledger, fleet.hub)
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
        let surroundings = Shard.Surroundings(
            connectivity: connectivity, examiner: Examiner(), backlog: SharedBacklog(shards: max(1, loops.count)),
            hub: hub, readingWish: readingWish,
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
                openLimit: max(1, settings.openLimit / parts), youngLimit: max(1, settings.youngLimit / parts),
                transcripts: max(1, settings.transcripts / parts), seed: settings.seed &+ UInt64(number),
                clocks: clocks,
                surroundings: surroundings, logger: logger)
        }
    }

    // MARK: Life

    /// Loads what is remembered and begins to tend; returns when the fleet is installed. Called once.
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
        memoryNote = note
        isReplacing = true
        defer { replaced() }
        current = withSelfPing(FleetComposer.compose(written, with: hub.words))
        if isActive { writer.watch(true) }
        do {
            _ = try await rename(current, from: [])
            let states = try await ledger.savedStates()
            highestRemembered = states.keys.max() ?? -1
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
        say(.started(checks: current.checks.count))
    }

    private func withSelfPing(_ fleet: Fleet) -> Fleet {
        guard let every = fleet.serve.selfPing, let selfAddress,
            !fleet.checks.contains(where: { $0.name == Self.selfPingName })
        else { return fleet }
        var fleet = fleet
        let policy = CheckPolicy(
            every: every, timeout: .seconds(30), retry: [.seconds(5)],
            expect: Expectation(status: [200...200], text: "alive"),
            group: "Stoker")
        // A public address ends with a slash.
        var base = selfAddress.prefix { $0 != "?" }
        while base.hasSuffix("/") { base.removeLast() }
        fleet.checks.append(Check(name: Self.selfPingName, address: base + "/health", policy: policy))
        return fleet
    }

    /// Name of the check that looks at this server itself (requirement KA3).
    package static let selfPingName = "self-ping"

    /// Watches the whole until graceful shutdown: connectivity, change feed. Flushes and stops the shards at the end.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.tick()
                await self.lookForDamage()
                do { try await Task.sleep(for: .milliseconds(250)) } catch { break }
            }
        }
        say(.stopped)
        await withTaskGroup(of: Void.self) { group in
            for shard in shards { group.addTask { await shard.stop(within: .milliseconds(1_500)) } }
        }
        writer.watch(false)
        feed.finish()
    }

    private func tick() {
        feed.send()
        watchLedger()
        switch (connectivity.standing, wasOffline) {
        case (.offline, false):
            wasOffline = true
            say(.offline)
            logger.error("This machine has no network", metadata: ["checks": "\(current.checks.count)"])
        case (.online, true), (.suspect, true):
            wasOffline = false
            say(.online)
            logger.notice("The network is back")
        default: break
        }
    }

    private func watchLedger() {
        switch (writer.health, wasStalled) {
        case (.stalled(_, let because, _, let limit, _), false):
            wasStalled = true
            say(.ledgerStalled(because: because, limit: limit))
        case (.healthy, true):
            wasStalled = false
            say(.ledgerRecovered)
        default: break
        }
    }

    private func lookForDamage() async {
        let found = writer.damages
        guard hasBegun, found != damagesFound else { return }
        damagesFound = found
        await readDamage()
    }

    private func readDamage() async {
        do throws(Failure) {
            var found: [LedgerDamage] = []
            for incident in try await ledger.incidents(
                of: Incident.ofLedger, openOnly: true, before: nil, limit: 10)
            {
                let told = try await ledger.events(of: Incident.ofLedger, before: nil, limit: 100).first {
                    $0.at == incident.began
                }
                found.append(
                    LedgerDamage(
                        incident: incident.id, at: incident.began,
                        text: told?.text ?? "The ledger was damaged; what was written down of it cannot be read"))
            }
            guard found != damages else { return }
            damages = found
            feed.add(names: [], events: [], everything: true)
        } catch {
            logger.warning("Whether the ledger was damaged could not be read", metadata: ["error": "\(error)"])
        }
    }

    /// Damage that somebody has to look at before anything is restarted: earlier restarts may be forgotten.
    package var standingDamage: LedgerDamage? { damages.first }

    package func acknowledge(_ incident: Int64) async throws(Failure) {
        guard let place = damages.firstIndex(where: { $0.incident == incident }) else {
            throw .nothingToAcknowledge(incident, open: damages)
        }
        let damage = damages.remove(at: place)
        let now = clocks.wall()
        let ended = Incident(
            id: incident, check: Incident.ofLedger, began: damage.at, ended: max(now, damage.at), verdict: .down,
            cause: .ledgerDamaged)
        let event = Event(at: now, .ledgerAcknowledged(incident: incident))
        feed.add(names: [], events: [event], everything: true)
        writer.enqueue(Batch(incidents: [ended], events: [event]))
        try await beSafe("acknowledge incident \(incident)")
    }

    package func takeReadingWish() -> Bool { readingWish.take() }

    /// Writes an event of the fleet as a whole, or of a check.
    package func say(_ payload: EventPayload) { say(payload, check: nil) }
    package func say(_ payload: EventPayload, check: CheckStatus?) {
        // Numbers below zero are not the ledger's.
        let id = check.flatMap { $0.id >= 0 ? $0.id : nil }
        let event = Event(at: clocks.wall(), check: id, payload)
        feed.add(names: check.map { [$0.check.name] } ?? [], events: [event])
        writer.enqueue(Batch(events: [event]))
    }

    /// Whether everything failed at once, so that nothing is known of anybody.
    package var isOffline: Bool {
        if case .offline = connectivity.standing { true } else { false }
    }

    /// A second master stands by, or stands in; the first one is always active.
    package func take(role: Overview.Role) async {
        guard role != self.role else { return }
        self.role = role
        let active: Bool
        if case .standby = role { active = false } else { active = true }
        if active != isActive {
            isActive = active
            if hasBegun {
                switch role {
                case .standingIn(let first, _):
                    say(.tookOver(from: first))
                case .standby(let first, _): say(.steppedBack(to: first))
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

    // MARK: The fleet

    /// - Throws: `fleet.invalid`; the old fleet stays, and the overview says what is wrong with the new one.
    package func reload() async throws(Failure) {
        guard let source else {
            throw Failure(
                .conflict, doing: "read the fleet file again", because: "this fleet does not come from a file",
                hint: "start with stoker serve --fleet FILE")
        }
        await begunReplacing()
        defer { replaced() }
        let fleet: Fleet
        do {
            fleet = try await source()
            try await take(fleet)
        } catch {
            fleetFile.rejected = error.because.split(separator: "\n").map(String.init)
            say(.fleetRejected(problem: fleetFile.rejected.first ?? error.because))
            logger.error("The new fleet file was not taken", metadata: ["problems": "\(error.because)"])
            feed.add(names: [], events: [], everything: true)
            throw error
        }
        fleetFile = Overview.FleetFile(path: fleetFile.path, loadedAt: clocks.wall())
    }

    /// Takes a new fleet; checks that keep their name keep their state and due time.
    /// - Throws: when the ledger gives new checks no number; the old fleet stays.
    package func replace(with new: Fleet) async throws(Failure) {
        await begunReplacing()
        defer { replaced() }
        try await take(new)
    }

    /// One replacement at a time, in the order they were asked for.
    private func begunReplacing() async {
        while isReplacing { await withCheckedContinuation { waitingForFleet.append($0) } }
        isReplacing = true
    }

    private func replaced() {
        isReplacing = false
        let waiting = waitingForFleet
        waitingForFleet = []
        for one in waiting { one.resume() }
    }

    func settled() async {
        while isReplacing { await withCheckedContinuation { waitingForFleet.append($0) } }
    }

    /// - Parameter saying: whether the log of the fleet is told; what the Hub completes has words of its own.
    /// - Returns: the new names of checks that are called otherwise now, by the old ones.
    @discardableResult
    private func take(_ new: Fleet, saying: Bool = true) async throws(Failure) -> [String: String] {
        let fleet = withSelfPing(FleetComposer.compose(new, with: hub.words))
        let before = current
        written = new
        var renamed: [String: String] = [:]
        if fleet.checks == before.checks {
            if fleet != before { fleetNumber &+= 1 }
            current = fleet
        } else {
            // What can fail comes first: from here to the end of the installation the shards stand still.
            renamed = try await rename(fleet, from: before.checks)
            let ids = try await ledger.register(fleet.checks.map(\.name))
            let known = try await recall(fleet, ids)
            var kept: [String: Shard.Carried] = [:]
            for shard in shards {
                for one in await shard.carry() { kept[one.name] = one }
            }
            follow(renamed, fleet, in: &kept)
            let strangers = takeStrangers(fleet, from: &kept)
            await place(fleet, ids: ids, states: known.states, strips: known.strips, carried: kept)
            if !departed.isEmpty { for id in ids { departed[id] = nil } }
            let old = Set(before.checks.map { renamed[$0.name] ?? $0.name })
            let added = fleet.checks.count { !old.contains($0.name) }
            let gone = old.count - (fleet.checks.count - added)
            if saying {
                say(.fleetReloaded(checks: fleet.checks.count, added: added, gone: gone))
            }
            logger.notice(
                "Fleet reloaded", metadata: ["checks": "\(fleet.checks.count)", "new": "\(added)", "gone": "\(gone)"])
            for check in fleet.checks { kept[check.name] = nil }
            for one in kept.values { depart(one) }
            for one in strangers {
                one.ping?.fail(.fleetReplaced)
                unsee(one.place.id)
                guard let open = Judge.openIncident(one.place.state, check: one.place.id) else { continue }
                endOrphan(open, .replaced, of: one.name)
            }
            Allocator.giveBack()
        }
        await endOrphans()
        tellOfRestart(fleet)
        feed.add(names: [], events: [], everything: true)
        return renamed
    }

    /// What is remembered of checks that were not in the fleet until now: Spaces that the Hub lists only later, or again.
    private func recall(
        _ fleet: Fleet, _ ids: [Int32]
    ) async throws(Failure) -> (states: [Int32: SavedState], strips: [[Observation]]) {
        let new = fleet.checks.indices.filter { names.place(of: fleet.checks[$0].name) == nil }
        var states: [Int32: SavedState] = [:]
        // In a large fleet that is much to read: not for names that the ledger has never seen.
        if new.contains(where: { ids[$0] <= highestRemembered && departed[ids[$0]] == nil }) {
            let all = try await ledger.savedStates()
            for place in new {
                states[ids[place]] = all[ids[place]]
                // Nobody has looked since: uptime goes on with the next ping.
                states[ids[place]]?.state.isBlind = true
            }
        }
        for place in new {
            guard let left = departed[ids[place]] else { continue }
            states[ids[place]] = Self.isSame(left.space, fleet.checks[place].space) ? left.saved : nil
        }
        var strips: [[Observation]] = []
        let shown = new.filter { states[ids[$0]] != nil }
        if !shown.isEmpty, fleet.checks.count <= Strips.largestFleet {
            strips = [[Observation]](repeating: [], count: fleet.checks.count)
            for (place, strip) in zip(shown, try await ledger.latest(of: shown.map { ids[$0] }, limit: Strips.length)) {
                strips[place] = strip
            }
        }
        return (states, strips)
    }

    /// Takes out what was carried of checks whose name means another Space now: what is known of the one says nothing of the other.
    private func takeStrangers(_ fleet: Fleet, from kept: inout [String: Shard.Carried]) -> [Shard.Carried] {
        var strangers: [Shard.Carried] = []
        for check in fleet.checks {
            guard let one = kept[check.name], !Self.isSame(one.space, check.space), !hasMoved(one.space, check.space)
            else { continue }
            kept[check.name] = nil
            strangers.append(one)
        }
        return strangers
    }

    /// The Hub has said that the one is called like the other now.
    private func hasMoved(_ old: String?, _ new: String?) -> Bool {
        guard let old, let new, let now = hub.newName(of: old) else { return false }
        return SpaceName.key(now) == SpaceName.key(new)
    }

    private static func isSame(_ space: String?, _ other: String?) -> Bool {
        space == other || space.map(SpaceName.key) == other.map(SpaceName.key)
    }

    private func depart(_ one: Shard.Carried) {
        var saved = SavedState(
            state: one.place.state, nextDue: one.place.due.map(Instant.init(milliseconds:)) ?? .never)
        if let open = Judge.openIncident(saved.state, check: one.place.id) {
            saved = Self.withoutIncident(saved)
            endOrphan(open, .left, of: one.name, saved)
        }
        saved.state.isBlind = true
        unsee(one.place.id, saved)
        if departed.count >= Self.mostDeparted {
            // By now the ledger has them.
            departed = [:]
            highestRemembered = .max
        }
        departed[one.place.id] = Departed(saved: saved, space: one.space)
    }
    private static let mostDeparted = 10_000

    /// So that it begins anew should it come back; only a pause stays.
    private static func withoutIncident(_ saved: SavedState?) -> SavedState {
        guard var saved, saved.state.verdict == .paused else {
            return SavedState(state: CheckState(), nextDue: .never)
        }
        saved.state.incidentOpen = false
        saved.state.wasBad = false
        return saved
    }

    /// Nobody looks at a check any more: uptime counts neither way until somebody does.
    private func unsee(_ check: Int32, _ saved: SavedState? = nil) {
        guard check >= 0 else { return }
        let now = clocks.wall()
        writer.enqueue(
            Batch(
                states: saved.map { [(check: check, state: $0)] } ?? [],
                timeline: [.change(StandingChange(check: check, at: now, seen: now, standing: .blind))]))
    }

    /// The check is not in the fleet any more: nobody would ever end its incident.
    private func endOrphan(
        _ incident: Incident, _ how: EventPayload.IncidentEnd, of name: String?, _ saved: SavedState? = nil
    ) {
        let now = clocks.wall()
        var ended = incident
        ended.ended = max(now, incident.began)
        let event = Event(
            at: now, check: incident.check, .incidentEnded(check: name, how: how, lastedMilliseconds: nil))
        feed.add(names: [], events: [event])
        guard incident.check >= 0 else { return }
        let states = saved.map { [(check: incident.check, state: $0)] } ?? []
        writer.enqueue(Batch(states: states, incidents: [ended], events: [event]))
    }

    /// Ends what checks left open that the fleet lost while no Stoker was running. Spaces that discovery may still bring are not lost.
    private func endOrphans() async {
        guard hasOrphans, isDiscovered else { return }
        do throws(Failure) {
            var known = Set(try await ledger.register(current.checks.map(\.name)))
            // Their incidents were ended when they left.
            known.formUnion(departed.keys)
            var states: [Int32: SavedState]?
            var before: Int64?
            while true {
                let page = try await ledger.incidents(of: nil, openOnly: true, before: before, limit: 500)
                for incident in page
                where incident.check != Incident.ofLedger && !known.contains(incident.check) {
                    if states == nil { states = try await ledger.savedStates() }
                    endOrphan(
                        incident, .left, of: nil, Self.withoutIncident(states?[incident.check]))
                }
                guard page.count == 500, let last = page.last?.id, last != before else { break }
                before = last
            }
            // What else left while no Stoker ran has been out of sight since then.
            for (check, var saved) in lost where !known.contains(check) {
                saved.state.isBlind = true
                unsee(check, saved.state.incidentOpen ? Self.withoutIncident(saved) : saved)
            }
            lost = [:]
            hasOrphans = false
        } catch {
            // The next reading of the Hub, reload or start tries again.
            logger.warning("Incidents of checks that left could not be ended", metadata: ["error": "\(error)"])
        }
    }

    /// Whether everything that the Hub is to bring into the fleet has been listed once.
    private var isDiscovered: Bool {
        guard hub.isWatched, let discovery = written.hub.discovery else { return true }
        return discovery.namespaces.allSatisfy(hub.hasListed)
    }

    /// The port is open, the token given out and the writer at work: those keys are read at the start only.
    private func tellOfRestart(_ new: Fleet) {
        let old = inForce
        var keys: [String] = []
        if old.serve.port != new.serve.port { keys.append("serve.port") }
        if old.serve.host != new.serve.host { keys.append("serve.host") }
        if old.serve.publicURL != new.serve.publicURL { keys.append("serve.public_url") }
        if old.serve.token != new.serve.token { keys.append("serve.token") }
        if old.serve.privateReading != new.serve.privateReading { keys.append("serve.private") }
        if old.ledger != new.ledger { keys.append("ledger") }
        if old.hub.token != new.hub.token { keys.append("hub.token") }
        if old.hub.endpoint != new.hub.endpoint { keys.append("hub.endpoint") }
        if old.hub.isWatched != new.hub.isWatched { keys.append("hub.watch") }
        guard !keys.isEmpty else { return }
        say(.fleetNeedsRestart(keys: keys))
        logger.warning(
            "The fleet file changes what only a restart takes", metadata: ["keys": "\(keys.joined(separator: ", "))"])
    }

    private func install(
        _ fleet: Fleet, states: [Int32: SavedState]
    ) async throws(Failure) {
        let ids = try await ledger.register(fleet.checks.map(\.name))
        lost = Self.lost(states, fleet: ids)
        var strips: [[Observation]] = []
        if !states.isEmpty, fleet.checks.count <= Strips.largestFleet {
            do throws(Failure) {
                strips = try await ledger.latest(of: ids, limit: Strips.length)
            } catch {
                // The little bars of the page are no reason to forget pauses and incidents.
                logger.warning("The latest pings could not be read", metadata: ["error": "\(error)"])
            }
        }
        await place(fleet, ids: ids, states: states, strips: strips)
    }

    /// What was up, down or waking, and is not in the fleet. A table, since a fleet may have a million checks.
    private static func lost(_ states: [Int32: SavedState], fleet ids: [Int32]) -> [Int32: SavedState] {
        var isPresent = [Bool](repeating: false, count: Int(max(0, ids.max() ?? 0)) + 1)
        for id in ids where id >= 0 { isPresent[Int(id)] = true }
        return states.filter { check, saved in
            let isGone = check < 0 || Int(check) >= isPresent.count || !isPresent[Int(check)]
            return isGone && [.up, .down, .waking].contains(saved.state.standing)
        }
    }

    /// The ledger gives no numbers: negative ones serve until the next start, and nothing under them is written.
    private func installUnremembered() async {
        memoryNote = memoryNote ?? "the ledger could not be read at the start"
        await place(current, ids: (0..<Int32(current.checks.count)).map { -1 - $0 }, states: [:], strips: [])
    }

    private func place(
        _ fleet: Fleet, ids: [Int32], states: [Int32: SavedState] = [:], strips: [[Observation]] = [],
        carried: [String: Shard.Carried] = [:]
    ) async {
        let now = clocks.wall()
        let sweep = FirstSweep(count: fleet.checks.count, rate: Double(settings.firstLooksPerSecond))
        var spread = Spread(seed: settings.seed)
        let previous = names
        var parts = [[Shard.Place]](repeating: [], count: shards.count)
        var luggage = [Shard.Luggage](repeating: Shard.Luggage(), count: shards.count)
        var destinations = [[UInt64: Shard.Destination]](repeating: [:], count: shards.count)
        var goOn: Set<String> = []
        for part in parts.indices { parts[part].reserveCapacity(fleet.checks.count / shards.count + 1) }
        for (index, check) in fleet.checks.enumerated() {
            let place: Shard.Place
            let (part, key) = (index % shards.count, UInt32(index / shards.count))
            if let one = carried[check.name] {
                var old = one.place
                luggage[part].runs[key] = one.runs
                luggage[part].cells[key] = one.cell
                luggage[part].transcripts[key] = one.transcript
                let before = previous.place(of: one.name).map { current.checks[$0] }
                if let ping = one.ping, before == check {
                    // It goes on: a target that is slow to answer would else stay unknown while the file changes often.
                    luggage[part].pings[key] = ping
                    goOn.insert(check.name)
                    if ping.ticket != nil {
                        destinations[ping.carrier][ping.serial] = .init(
                            shard: shards[part], index: key, name: check.name)
                    }
                }
                // A shorter interval or another address counts from now, not from when the old one would have been due.
                if let before,
                    before.address != check.address || before.policy != check.policy && !check.rests(old.state, old.due)
                {
                    // Many may have changed at once: a sweep, and then anywhere in the interval, as after a start.
                    old.due = now.milliseconds + sweep.offset(of: index)
                    luggage[part].crowd.insert(key)
                }
                place = old
            } else {
                let saved = states[ids[index]]
                let samples =
                    index < strips.count
                    ? strips[index].map {
                        Sample(at: $0.at, outcome: $0.outcome, latencyMicroseconds: $0.latencyMicroseconds)
                    }
                    : []
                let restored = spread.restored(
                    saved?.nextDue ?? .never, now: now, every: check.policy.every, jitter: check.policy.jitter,
                    span: sweep.span)
                let state = saved?.state ?? CheckState()
                let first =
                    check.rests(state, restored) ? nil : restored ?? now.milliseconds + sweep.offset(of: index)
                place = Shard.Place(id: ids[index], state: state, due: first, strip: samples)
            }
            parts[part].append(place)
        }
        current = fleet
        fleetNumber &+= 1
        names = NameIndex(fleet.checks)
        connectivity.setHosts(SharedConnectivity.hosts(in: fleet.checks))
        for (number, shard) in shards.enumerated() {
            let part = parts[number]
            parts[number] = []
            await shard.install(fleet.checks, part, luggage: luggage[number])
        }
        for (number, shard) in shards.enumerated() { await shard.place(destinations[number]) }
        for one in carried.values where !goOn.contains(one.name) { one.ping?.fail(.fleetReplaced) }
    }

    // MARK: Keeper

    package func fleet() -> Fleet { current }

    package func overview() async -> Overview {
        var counts: [Verdict: Int] = [:]
        var flapping = 0
        var moderated = 0
        var generation: UInt64 = 0
        var work = Overview.Work()
        var windows: [LatenessWindow] = []
        for shard in shards {
            let summary = await shard.summary()
            for verdict in Verdict.allCases where summary.counts[Int(verdict.rawValue)] > 0 {
                counts[verdict, default: 0] += summary.counts[Int(verdict.rawValue)]
            }
            flapping += summary.flapping
            moderated += summary.moderated
            generation &+= summary.counters.generation
            work.inFlight += summary.open
            work.inFlightLimit += summary.openLimit
            work.pings &+= summary.counters.pings
            work.attempts &+= summary.counters.attempts
            work.shed &+= summary.counters.shed
            windows.append(summary.lateness)
        }
        work.latenessP50 = LatenessWindow.quantile(0.5, of: windows)
        work.latenessP99 = LatenessWindow.quantile(0.99, of: windows)
        var health = writer.health
        if let memoryNote, health == .healthy {
            health = .stalled(
                since: startedAt, because: "\(memoryNote); history is in memory only", waiting: 0, limit: 0, dropped: 0)
        }
        let offline: Overview.Connectivity
        if case .offline(let since) = connectivity.standing {
            offline = .offline(since: since)
        } else {
            offline = .online
        }
        return Overview(
            startedAt: startedAt, now: clocks.wall(), counts: counts, flapping: flapping, moderated: moderated,
            total: current.checks.count, generation: generation, fleetNumber: fleetNumber, connectivity: offline,
            role: role,
            fleetFile: fleetFile, ledger: health, ledgerDamage: damages, work: work,
            hub: hub.use, demo: settings.demo)
    }

    package func statuses(_ query: StatusQuery) async -> StatusPage {
        await settled()
        let plain = query.text.isEmpty && query.verdicts.isEmpty && query.group == nil && query.kind == nil
        var order: [UInt32]
        var counts: [Verdict: Int] = [:]
        if plain, query.sort == .file {
            order = Array(0..<UInt32(current.checks.count))
        } else {
            var found: [(index: UInt32, match: Shard.Match)] = []
            for (number, shard) in shards.enumerated() {
                let part = await shard.matches(query)
                counts.merge(part.counts) { $0 + $1 }
                for match in part.found {
                    found.append((match.index * UInt32(shards.count) + UInt32(number), match))
                }
            }
            let names = current.checks
            found.removeAll { Int($0.index) >= names.count }
            switch query.sort {
            case .file: found.sort { $0.index < $1.index }
            case .name: found.sort { names[Int($0.index)].name < names[Int($1.index)].name }
            case .latency: found.sort { $0.match.latency > $1.match.latency }
            case .lastPing: found.sort { $0.match.lastPing > $1.match.lastPing }
            case .trouble:
                found.sort {
                    let (a, b) = ($0.match.urgency, $1.match.urgency)
                    return a == b ? $0.index < $1.index : a < b
                }
            }
            order = found.map(\.index)
        }
        let total = order.count
        let from = min(max(0, query.offset), total)
        let wanted = order[from..<(from + min(max(0, query.limit), total - from))]
        return StatusPage(items: await statuses(of: wanted), total: total, counts: counts)
    }

    private func statuses(of indices: ArraySlice<UInt32>) async -> [CheckStatus] {
        let parts = UInt32(shards.count)
        var perShard: [[CheckStatus?]] = []
        for (number, shard) in shards.enumerated() {
            let mine = indices.filter { $0 % parts == UInt32(number) }.map { $0 / parts }
            perShard.append(await shard.statuses(mine))
        }
        var next = [Int](repeating: 0, count: shards.count)
        return indices.compactMap { index in
            let number = Int(index % parts)
            defer { next[number] += 1 }
            return next[number] < perShard[number].count ? perShard[number][next[number]] : nil
        }
    }

    /// Where a check of the present fleet is kept.
    func place(of index: Int) -> (shard: Shard, place: UInt32) {
        (shards[index % shards.count], UInt32(index / shards.count))
    }

    /// Completes the fleet with what the Hub says now; discovered Spaces come and go.
    package func hubLists(gone: [String]) async {
        guard hasBegun else { return }
        await begunReplacing()
        defer { replaced() }
        await complete(gone: gone)
        await endOrphans()
    }

    private func complete(gone: [String]) async {
        let before = current.checks
        let fleet = withSelfPing(FleetComposer.compose(written, with: hub.words))
        guard fleet.checks != before || !gone.isEmpty else { return }
        var (old, new) = (Set(before.map(\.name)), Set(fleet.checks.map(\.name)))
        if fleet.checks != before {
            do throws(Failure) {
                for (from, to) in try await take(written, saying: false) {
                    old.insert(to)
                    new.insert(from)
                }
            } catch {
                // The next reading tries again.
                logger.error("What the Hub lists was not taken", metadata: ["error": "\(error)"])
                return
            }
        }
        for check in fleet.checks where !old.contains(check.name) {
            say(.spaceFound(space: check.space ?? check.name, check: check.name))
        }
        for check in before where !new.contains(check.name) {
            say(.spaceGone(space: check.space, check: check.name))
        }
        for space in gone where fleet.checks.contains(where: { $0.space.map(SpaceName.key) == SpaceName.key(space) }) {
            say(.spaceGone(space: space, check: nil))
        }
    }

    func find(_ name: String) throws(Failure) -> (shard: Shard, index: UInt32) {
        guard let index = names.place(of: name).map(UInt32.init) else {
            throw .unknownCheck(name, nearest: NearestName.of(name, among: current.checks.lazy.map(\.name)))
        }
        return (shards[Int(index) % shards.count], index / UInt32(shards.count))
    }

    /// Asks the shard that has the check; once more when the fleet was replaced in between.
    private func ask<Answer: Sendable>(
        _ name: String, _ question: (Shard, UInt32) async -> Answer?
    ) async throws(Failure) -> Answer {
        for _ in 0..<3 {
            await settled()
            let (shard, index) = try find(name)
            if let answer = await question(shard, index) { return answer }
        }
        throw .fleetReplaced
    }

    package func status(of name: String) async throws(Failure) -> CheckStatus {
        try await ask(name) { await $0.status($1, name) }
    }

    package func strips(of names: [String]) async -> [[Sample]] {
        var result: [[Sample]] = []
        var missing: [(place: Int, id: Int32)] = []
        for name in names {
            // A name that is gone since the page was drawn has an empty strip.
            guard let strip = try? await ask(name, { await $0.strip($1, name) }) else {
                result.append([])
                continue
            }
            if strip.kept == nil { missing.append((result.count, strip.id)) }
            result.append(strip.kept ?? [])
        }
        if !missing.isEmpty {
            do {
                let rows = try await ledger.latest(of: missing.map(\.id), limit: Strips.length)
                for (row, miss) in zip(rows, missing) {
                    result[miss.place] = row.map {
                        Sample(at: $0.at, outcome: $0.outcome, latencyMicroseconds: $0.latencyMicroseconds)
                    }
                }
            } catch {
                logger.warning("Strips could not be read", metadata: ["error": "\(error)"])
            }
        }
        return result
    }

    package func transcripts(of name: String) async throws(Failure) -> Transcripts {
        let (last, id) = try await ask(name) { await $0.lastTranscript($1, name) }
        if let last, last.outcome.isFailure { return Transcripts(last: last, lastFailed: last) }
        return Transcripts(last: last, lastFailed: try await ledger.transcript(lastFailedOf: id))
    }

    package func pause(_ name: String, until: Instant?) async throws(Failure) -> CheckStatus {
        if let until, until <= clocks.wall() {
            throw Failure(
                .usage, doing: "pause \(name)", because: "the end, \(until), is in the past",
                hint: "give a later time, or none")
        }
        return try await written("pause \(name)") { () async throws(Failure) in
            try await ask(name) { await $0.pause($1, name, until: until) }
        }
    }

    package func resume(_ name: String) async throws(Failure) -> CheckStatus {
        try await written("resume \(name)") { () async throws(Failure) in
            try await ask(name) { await $0.resume($1, name) }
        }
    }

    /// What a person was told is done outlives the process.
    /// - Throws: when it is done but would not.
    private func written(
        _ doing: String, _ work: () async throws(Failure) -> CheckStatus
    ) async throws(Failure) -> CheckStatus {
        let status = try await work()
        try await beSafe(doing)
        return status
    }

    private func beSafe(_ doing: String) async throws(Failure) {
        if let memoryNote {
            throw .notYetSafe(
                doing, because: memoryNote, hint: "restart Stoker once its data folder can be used, and ask again")
        }
        guard let because = await writer.settle() else { return }
        throw .notYetSafe(
            doing, because: because, hint: "it is written as soon as the disk takes it; ask again to be sure")
    }

    package func ping(_ name: String) async throws(Failure) -> CheckStatus {
        try await ask(name) { await $0.ping($1, name) }.get()
        return try await status(of: name)
    }

    package func beat(_ name: String, _ beat: Beat) async throws(Failure) -> CheckStatus {
        try await ask(name) { await $0.hear(beat, of: $1, name) }.get()
    }

    package func changes() -> AsyncStream<Changes> { feed.listen() }
}
