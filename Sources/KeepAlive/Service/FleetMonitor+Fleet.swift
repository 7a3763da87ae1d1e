import Ledger
import Logging
import Runtime
package import StokerCore

/// Taking a new fleet.
extension FleetMonitor {
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
            emit(.fleetRejected(problem: fleetFile.rejected.first ?? error.because))
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
    func begunReplacing() async {
        while isReplacing { await withCheckedContinuation { waitingForFleet.append($0) } }
        isReplacing = true
    }

    func replaced() {
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
    func take(_ new: Fleet, saying: Bool = true) async throws(Failure) -> [String: String] {
        let fleet = withSelfPing(FleetComposer.compose(new, with: hub.words))
        let before = current
        written = new
        var renamed: [String: String] = [:]
        if fleet.checks == before.checks {
            if fleet != before {
                fleetNumber &+= 1
                onFleet(fleet)
            }
            current = fleet
        } else {
            // What can fail comes first: from here to the end of the installation the shards stand still.
            renamed = try await rename(fleet, from: before.checks)
            let ids = try await ledger.register(fleet.checks.map(\.name))
            let known = try await recall(fleet, ids)
            var kept: [String: Shard.CarriedState] = [:]
            for shard in shards {
                for one in await shard.carry() { kept[one.name] = one }
            }
            carryOver(renamed, fleet, in: &kept)
            let strangers = takeStrangers(fleet, from: &kept)
            onFleet(fleet)
            await distribute(
                fleet, FleetPlacement.Known(ids: ids, states: known.states, samples: known.samples, carried: kept))
            departed.remove(ids)
            let old = Set(before.checks.map { renamed[$0.name] ?? $0.name })
            let added = fleet.checks.count { !old.contains($0.name) }
            let gone = old.count - (fleet.checks.count - added)
            if saying {
                emit(.fleetReloaded(checks: fleet.checks.count, added: added, gone: gone))
            }
            logger.notice(
                "Fleet reloaded", metadata: ["checks": "\(fleet.checks.count)", "new": "\(added)", "gone": "\(gone)"])
            for check in fleet.checks { kept[check.name] = nil }
            for one in kept.values { depart(one) }
            for one in strangers {
                one.ping?.fail(.fleetReplaced)
                unsee(one.core.id)
                guard let open = Judge.openIncident(one.core.state, check: one.core.id) else { continue }
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
    func recall(
        _ fleet: Fleet, _ ids: [Int32]
    ) async throws(Failure) -> (states: [Int32: SavedState], samples: [[Observation]]) {
        let new = fleet.checks.indices.filter { names.index(of: fleet.checks[$0].name) == nil }
        var states: [Int32: SavedState] = [:]
        // In a large fleet that is much to read: not for names that the ledger has never seen.
        if new.contains(where: { departed.isForTheLedger(ids[$0]) }) {
            let all = try await ledger.savedStates()
            for index in new {
                states[ids[index]] = all[ids[index]]
                // Nobody has looked since: uptime goes on with the next ping.
                states[ids[index]]?.state.isBlind = true
            }
        }
        for index in new {
            switch departed.known(ids[index], space: fleet.checks[index].space) {
            case .elsewhere: break
            case .stranger: states[ids[index]] = nil
            case .same(let saved): states[ids[index]] = saved
            }
        }
        var samples: [[Observation]] = []
        let shown = new.filter { states[ids[$0]] != nil }
        if !shown.isEmpty, fleet.checks.count <= RecentPings.largestFleet {
            samples = [[Observation]](repeating: [], count: fleet.checks.count)
            for (index, strip) in zip(
                shown, try await ledger.latest(of: shown.map { ids[$0] }, limit: RecentPings.length))
            {
                samples[index] = strip
            }
        }
        return (states, samples)
    }

    /// Takes out what was carried of checks whose name means another Space now: what is known of the one says nothing of the other.
    func takeStrangers(_ fleet: Fleet, from kept: inout [String: Shard.CarriedState]) -> [Shard.CarriedState] {
        var strangers: [Shard.CarriedState] = []
        for check in fleet.checks {
            guard let one = kept[check.name], !SpaceName.isSame(one.space, check.space),
                !hasMoved(one.space, check.space)
            else { continue }
            kept[check.name] = nil
            strangers.append(one)
        }
        return strangers
    }

    /// The Hub has said that the one is called like the other now.
    func hasMoved(_ old: String?, _ new: String?) -> Bool {
        guard let old, let new, let now = hub.newName(of: old) else { return false }
        return SpaceName.key(now) == SpaceName.key(new)
    }

    func tellOfRestart(_ new: Fleet) {
        var keys = sections.restarts(from: startFleet, to: new)
        // What is discovered needs the Hub's word, too.
        if startFleet.hub.isWatched != new.hub.isWatched, !keys.contains("hub.watch") { keys.append("hub.watch") }
        guard !keys.isEmpty else { return }
        emit(.fleetNeedsRestart(keys: keys))
        logger.warning(
            "The fleet file changes what only a restart takes", metadata: ["keys": "\(keys.joined(separator: ", "))"])
    }

    func install(
        _ fleet: Fleet, states: [Int32: SavedState]
    ) async throws(Failure) {
        let ids = try await ledger.register(fleet.checks.map(\.name))
        lost = Self.lost(states, fleet: ids)
        var samples: [[Observation]] = []
        if !states.isEmpty, fleet.checks.count <= RecentPings.largestFleet {
            do throws(Failure) {
                samples = try await ledger.latest(of: ids, limit: RecentPings.length)
            } catch {
                // The little bars of the page are no reason to forget pauses and incidents.
                logger.warning("The latest pings could not be read", metadata: ["error": "\(error)"])
            }
        }
        await distribute(fleet, FleetPlacement.Known(ids: ids, states: states, samples: samples))
    }

    /// What was up, down or waking, and is not in the fleet. A table, since a fleet may have a million checks.
    static func lost(_ states: [Int32: SavedState], fleet ids: [Int32]) -> [Int32: SavedState] {
        var isPresent = [Bool](repeating: false, count: Int(max(0, ids.max() ?? 0)) + 1)
        for id in ids where id >= 0 { isPresent[Int(id)] = true }
        return states.filter { check, saved in
            let isGone = check < 0 || Int(check) >= isPresent.count || !isPresent[Int(check)]
            return isGone && [.up, .down, .waking].contains(saved.state.standing)
        }
    }

    /// The ledger gives no numbers: negative ones serve until the next start, and nothing under them is written.
    func installUnremembered() async {
        inMemoryReason = inMemoryReason ?? "the ledger could not be read at the start"
        await distribute(current, FleetPlacement.Known(ids: (0..<Int32(current.checks.count)).map { -1 - $0 }))
    }

    func distribute(_ fleet: Fleet, _ known: FleetPlacement.Known) async {
        let (previous, monitored) = (names, current.checks)
        var placement = FleetPlacement(
            fleet.checks, known, before: { previous.index(of: $0).map { monitored[$0] } }, shards: shards.count,
            rate: Double(settings.firstLooksPerSecond), seed: settings.seed, now: clocks.wall())
        current = fleet
        fleetNumber &+= 1
        names = NameIndex(fleet.checks)
        connectivity.setHosts(SharedConnectivity.hosts(in: fleet.checks))
        for (part, shard) in shards.enumerated() {
            await shard.install(fleet.checks, placement.take(part), rareState: placement.rareStates[part])
        }
        for (part, shard) in shards.enumerated() {
            await shard.forwardPings(
                to: placement.destinations[part].mapValues {
                    .init(shard: shards[$0.part], index: $0.key, name: $0.name)
                })
        }
        for one in known.carried.values where !placement.goOn.contains(one.name) { one.ping?.fail(.fleetReplaced) }
    }

    /// Completes the fleet with what the Hub says now; discovered Spaces come and go.
    package func hubLists(gone: [String]) async {
        guard hasBegun else { return }
        await begunReplacing()
        defer { replaced() }
        await complete(gone: gone)
        await endOrphans()
    }

    func complete(gone: [String]) async {
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
            emit(.spaceFound(space: check.space ?? check.name, check: check.name))
        }
        for check in before where !new.contains(check.name) {
            emit(.spaceGone(space: check.space, check: check.name))
        }
        for space in gone where fleet.checks.contains(where: { $0.space.map(SpaceName.key) == SpaceName.key(space) }) {
            emit(.spaceGone(space: space, check: nil))
        }
    }
}
