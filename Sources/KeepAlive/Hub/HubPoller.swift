package import Ledger
package import Logging
package import Runtime
import ServiceLifecycle
package import StokerCore

/// Reads the Hub: one listing a namespace, inside the budget of requests; tells the fleet what changed, completes it with what the Hub
/// knows, and heals. It calls the fleet and writes what was read; neither knows of it.
package actor HubPoller: Service {
    let hub: any HubGateway
    let knowledge: HubReadings
    let monitor: any MonitoredFleet
    let ledger: any Ledger
    let clocks: Clocks
    let logger: Logger
    private var pace: PollSchedule
    /// Something happened that a new reading would explain.
    private var isWanted = false
    /// Since when the Hub has not answered; nil while it does.
    private var silentSince: Instant?
    private var told = false
    private var lastAnswer: Instant?
    /// Requests of the client that the pace knows of.
    private var counted = 0
    /// What was logged last of the Hub's troubles.
    private var complained: (said: String, at: Instant)?
    /// How the Hub writes a namespace that the fleet writes otherwise, by lower case.
    private var spellings: [String: String] = [:]
    /// When a Space was last looked for that its listing does not have; by key.
    private var sought: [String: Instant] = [:]

    /// What one reading asks for, of which fleet.
    private var plan = ReadingPlan()
    /// Requests that a namespace took the last time, where that is not one.
    private var pages: [ReadingPlan.Part: Int] = [:]
    /// What the present reading has still to ask for: it is more than a window has.
    private var rest: [ReadingPlan.Part] = []
    private var toldSpread = false
    /// Why discovery found nothing, as it was told last.
    private var toldNothing: String?

    /// Whose events are listened to; see SpaceEventStreams.swift.
    var hints = SpaceEventStreams()

    // What healing remembers; see HubPoller+Healing.swift.
    var pasts: [String: Healer.Past] = [:]
    var platform = PlatformIncidentDetector()
    /// What the platform itself told last, while Spaces fail; when it was asked, and when it is asked again.
    var platformReports: [PlatformReport] = []
    var platformAskedNext = Instant.never
    /// Its trouble that an event told already, by title, and when: while Spaces fail.
    var platformTold: [String: Instant] = [:]
    /// By check: the trouble for which something was said already.
    var spoken: [String: (since: Instant, decision: Healer.Decision)] = [:]
    /// What was not done although it may be written down later, newest last.
    var notDone: [NotDone] = []
    /// Whether it is known what was done before.
    var isRemembered = false
    /// What an earlier process left open was looked at.
    var isResumed = false
    /// What people had done and was told already, by the action's number, and when it was looked at last.
    var toldDeeds: Set<Int64> = []
    var lookedAtDeeds: Instant?
    let startedAt: Instant
    /// Before this nobody knows what was done: the ledger begins anew with each start. nil when it remembers.
    let blankBefore: Instant?

    /// - Parameters:
    ///   - knowledge: what was read is written into it; the fleet reads it there.
    ///   - remembers: whether the ledger outlives this process.
    ///   - budget: requests in five minutes; default 50.
    package init(
        hub: any HubGateway, monitor: any MonitoredFleet, knowledge: HubReadings, ledger: any Ledger,
        remembers: Bool = true, budget: Int = 50, clocks: Clocks, logger: Logger
    ) {
        startedAt = clocks.wall()
        blankBefore = remembers ? nil : startedAt
        self.hub = hub
        self.monitor = monitor
        self.knowledge = knowledge
        self.ledger = ledger
        self.clocks = clocks
        self.logger = logger
        pace = PollSchedule(budget: budget)
        knowledge.isWatched = true
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    await self.turn()
                    for space in await self.hintsToOpen() { group.addTask { await self.streamEvents(of: space) } }
                    do { try await Task.sleep(for: .seconds(1)) } catch { break }
                }
                group.cancelAll()
            }
        }
    }

    /// One look at what is to be done now: a reading when it is due, and healing after it.
    package func turn() async {
        guard await monitor.mayAct else { return }
        pace.settle(at: clocks.wall())
        countOthers()
        // A wish that cannot be granted yet is kept.
        if await monitor.takeEarlyPollRequest() { isWanted = true }
        await lookAtFleet()
        await lookAtDeeds()
        guard pace.mayRead(at: clocks.wall(), wanted: isWanted) else { return }
        isWanted = false
        await read()
        await heal()
    }

    /// Something happened that a new reading would explain.
    package func want() { isWanted = true }

    /// The first reading, before anything is pinged, so that private Spaces are not asked without their token. Gives up after the limit.
    package func firstRead(_ fleet: Fleet, within limit: Duration) async {
        // Cancelled: nobody waits for it any more.
        _ = try? await withTimeout(limit) { await self.read(fleet) }
    }

    /// Requests to the Hub in the last five minutes.
    package var callsInWindow: Int {
        countOthers()
        return pace.used(at: clocks.wall())
    }
    /// Time between two readings on schedule.
    package var interval: Duration { pace.interval }

    /// Requests beside the readings count against the same budget. A client that counts its own is asked instead.
    func noteCalls(_ count: Int) {
        if hub.rateUsage(at: clocks.wall()) == nil { pace.also(calls: count, at: clocks.wall()) }
    }

    /// What the client has sent beside readings: restarts, what they look at, repeats.
    private func countOthers() {
        let now = clocks.wall()
        guard let sent = hub.rateUsage(at: now)?.calls, sent > counted else { return }
        pace.also(calls: sent - counted, at: now)
        counted = sent
    }

    /// Nothing is listened to that would cost the readings on schedule.
    var budgetForHints: Int { pace.budget / 2 }

    // MARK: Reading

    /// What one reading brings together.
    private struct Reading {
        /// Requests that every reading takes, and those of this one alone.
        var calls = 0
        var extraCalls = 0
        var changes: [HubReadings.Change] = []
        var gone: [String] = []
        var failure: Failure?
        var answered = 0
    }

    /// Plans anew when the fleet has changed.
    @discardableResult
    func lookAtFleet() async -> ReadingPlan {
        let number = await monitor.fleetNumber
        if plan.number != number { take(await monitor.fleet(), number) }
        return plan
    }

    private func take(_ fleet: Fleet, _ number: UInt64?) {
        forgetStrangers(plan.fleet, fleet)
        plan = ReadingPlan(fleet, number)
        let present = Set(plan.parts)
        pages = pages.filter { present.contains($0.key) }
        rest.removeAll { !present.contains($0) }
        expect()
    }

    /// What was said of a check's healing is not said of another Space that has its name now.
    private func forgetStrangers(_ old: Fleet, _ new: Fleet) {
        let healed = Set(knowledge.checksWithHealing)
        guard !healed.isEmpty else { return }
        func spaces(_ fleet: Fleet) -> [String: String] {
            var spaces: [String: String] = [:]
            for check in fleet.checks where healed.contains(check.name) {
                spaces[check.name] = check.space.map(SpaceName.key)
            }
            return spaces
        }
        let (before, now) = (spaces(old), spaces(new))
        for name in healed where now[name] != before[name] {
            knowledge.set(healing: nil, of: name)
            spoken[name] = nil
        }
    }

    private func expect() { pace.expect(calls: plan.parts.reduce(0) { $0 + (pages[$1] ?? 1) }) }

    /// Reads everything, or as much as the present window has room for; then the next reading goes on from there.
    func read(_ fleet: Fleet? = nil) async {
        if let fleet { take(fleet, nil) } else { await lookAtFleet() }
        let plan = plan
        guard !plan.parts.isEmpty else { return }
        if rest.isEmpty { rest = plan.parts }
        countOthers()
        let began = clocks.wall()
        let room = pace.room(at: began)
        var reading = Reading()
        var isFirst = true
        while let part = rest.first {
            // What alone is more than a window has gets a whole one.
            guard reading.calls + (pages[part] ?? 1) <= room || isFirst && room == pace.budget else { break }
            isFirst = false
            rest.removeFirst()
            switch part {
            case .namespace(let namespace):
                let before = reading.calls
                await read(namespace, of: plan.fleet, plan.namespaces, &reading)
                let calls = reading.calls - before
                pages[part] = calls == 1 ? nil : calls
            case .single(let space):
                reading.calls += 1
                await read(single: space, &reading)
            }
        }
        if Task.isCancelled {
            rest = []
            return
        }
        if isFirst { return }  // no room yet
        let now = clocks.wall()
        if reading.answered > 0 { lastAnswer = now }
        var use = hub.rateUsage(at: now)
        // Every page, and every repeat of one.
        let sent = max(reading.calls + reading.extraCalls, (use?.calls ?? 0) - counted)
        counted = use?.calls ?? counted
        use?.answeredAt = lastAnswer
        if let failure = reading.failure, reading.answered == 0 {
            pace.failed(calls: sent, retry: failure.retry, at: now)
            await hubIsSilent(failure, since: now)
        } else {
            pace.read(calls: sent, pages: reading.calls, began: began, at: now)
            complain(reading.failure, "A part of the fleet could not be read on the Hub", now: now)
            await hubAnswers()
        }
        // What may be over at the next reading is not put before everybody.
        let isLasting = silentSince.map { now - $0 >= SpaceVerdict.HubReading.settledAfter } ?? false
        use?.trouble = reading.failure.flatMap { isLasting || $0.retry == .never ? "\($0.withoutRequestID)" : nil }
        knowledge.use = use
        expect()
        await tellSpread()
        if reading.failure == nil, rest.isEmpty { await tellNothingFound() }
        await monitor.applyHubChanges(reading.changes)
        await monitor.hubLists(gone: reading.gone)
    }

    private func read(
        _ namespace: String, of fleet: Fleet, _ plan: [String], _ reading: inout Reading
    ) async {
        let key = namespace.lowercased()
        let own = fleet.checks.compactMap(\.space).filter { SpaceName.key($0).hasPrefix(key + "/") }
        do throws(Failure) {
            var listing = try await hub.spaces(of: spellings[key] ?? namespace)
            reading.calls += listing.calls
            reading.extraCalls += listing.extraCalls
            reading.answered += 1
            // Spaces are found whatever their case, but a listing takes `author` as it is written.
            if listing.spaces.isEmpty, spellings[key] == nil, let one = own.first {
                reading.extraCalls += 1
                let owner = try await hub.space(one)?.id.split(separator: "/").first.map(String.init)
                spellings[key] = owner.flatMap { $0.lowercased() == key ? $0 : nil } ?? namespace
                if let spelling = spellings[key], spelling != namespace {
                    listing = try await hub.spaces(of: spelling)
                    reading.extraCalls += listing.calls + listing.extraCalls
                }
            }
            let news = knowledge.take(listing.spaces, of: namespace, now: clocks.wall())
            reading.changes += news.changes
            reading.gone += news.gone
            await seek(own, notIn: listing.spaces, plan, &reading)
        } catch {
            reading.calls += 1
            reading.failure = error
        }
    }

    /// Looks for Spaces of the fleet that their namespace's listing does not have: one that was renamed or moved answers under its old name.
    private func seek(
        _ own: [String], notIn listing: [SpaceFacts], _ plan: [String], _ reading: inout Reading
    ) async {
        let listed = Set(listing.map { SpaceName.key($0.id) })
        let now = clocks.wall()
        var left = min(
            Self.soughtAtOnce, pace.budget / 2 - pace.used(at: now) - reading.calls - reading.extraCalls)
        var seen: Set<String> = []
        for space in own {
            let key = SpaceName.key(space)
            guard left > 0, seen.insert(key).inserted else { continue }
            if listed.contains(key) {
                sought[key] = nil
                continue
            }
            if let name = knowledge.newName(of: space) {
                // Where its new namespace is listed, that told of it.
                let owner = SpaceName.key(name).prefix { $0 != "/" }
                if plan.contains(where: { $0.lowercased() == owner }) { continue }
            } else {
                if let last = sought[key], now - last < Self.soughtEvery { continue }
                sought[key] = now
            }
            left -= 1
            reading.extraCalls += 1
            await read(single: space, &reading)
        }
        reading.gone.removeAll { knowledge.word(of: $0) != nil }
    }
    /// Spaces that are looked for in one reading …
    private static let soughtAtOnce = 5
    /// … and how long one that was not found is let be.
    private static let soughtEvery = Duration.seconds(600)

    private func read(single space: String, _ reading: inout Reading) async {
        do throws(Failure) {
            if let facts = try await hub.space(space) {
                let before = knowledge.newName(of: space)
                reading.changes += knowledge.take(facts, as: space, now: clocks.wall())
                if let name = knowledge.newName(of: space), name != before {
                    logger.warning("A Space has moved", metadata: ["space": "\(space)", "now": "\(name)"])
                    await monitor.emit(.spaceMoved(space: space, to: name, isWritten: await monitor.names(space)))
                }
            } else if knowledge.forget(space) {
                reading.gone.append(space)
            }
            reading.answered += 1
        } catch {
            reading.failure = error
        }
    }

    /// Once, again when it is another trouble, and again when it has lasted for hours: the page shows it meanwhile.
    private func complain(_ failure: Failure?, _ text: Logger.Message, now: Instant) {
        guard let failure else { return complained = nil }
        let said = "\(failure.withoutRequestID)"
        if let complained, complained.said == said, now - complained.at < Self.complainEvery { return }
        complained = (said, now)
        logger.warning(text, metadata: ["error": "\(failure)"])
    }

    static let complainEvery = Duration.seconds(6 * 3_600)

    /// A fleet that is to be discovered and is empty looks like one that is well.
    private func tellNothingFound() async {
        guard let discovery = plan.fleet.hub.discovery else { return toldNothing = nil }
        let owners = Set(discovery.namespaces.map { $0.lowercased() })
        let listed = knowledge.words.values.map(\.facts).filter { facts in
            owners.contains(facts.id.prefix { $0 != "/" }.lowercased())
        }
        guard let nothing = discovery.nothingFound(among: listed) else { return toldNothing = nil }
        guard nothing.because != toldNothing else { return }
        toldNothing = nothing.because
        let event = EventPayload.hubNothingFound(
            namespaces: discovery.namespaces, because: nothing.because, hint: nothing.hint)
        logger.warning("\(event.sentence)")
        await monitor.emit(event)
    }

    private func tellSpread() async {
        guard pace.isSpread != toldSpread else { return }
        toldSpread = pace.isSpread
        guard toldSpread else { return }
        let minutes = (pace.size + pace.budget - 1) / pace.budget * Int(PollSchedule.window / .seconds(60))
        let event = EventPayload.hubSpread(requests: pace.size, budget: pace.budget, minutes: minutes)
        logger.warning("\(event.sentence)")
        await monitor.emit(event)
    }

    private func hubIsSilent(_ failure: Failure, since now: Instant) async {
        complain(failure, "The Hub could not be read", now: now)
        if silentSince == nil { silentSince = now }
        guard !told, let silentSince, now - silentSince >= SpaceVerdict.HubReading.settledAfter else { return }
        told = true
        await monitor.emit(.hubUnreachable(because: failure.because))
    }

    private func hubAnswers() async {
        silentSince = nil
        guard told else { return }
        told = false
        await monitor.emit(.hubBack)
    }
}
