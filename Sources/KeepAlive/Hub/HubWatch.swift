package import Ledger
package import Logging
import ServiceLifecycle
package import StokerCore

/// Reads the Hub: one listing a namespace, inside the budget of requests; tells the boiler what changed, completes the fleet with what
/// the Hub knows, and heals.
package actor HubWatch: Service {
    let hub: any HubWatching
    let knowledge: HubKnowledge
    let boiler: Boiler
    let ledger: any Ledger
    let clocks: Clocks
    let logger: Logger
    private var pace: WatchPace
    /// Since when the Hub has not answered; nil while it does.
    private var silentSince: Instant?
    private var told = false
    private var lastAnswer: Instant?
    /// Requests of the client that the pace knows of.
    private var counted = 0

    // What healing remembers; see HubWatch+Healing.swift.
    var pasts: [String: Healer.Past] = [:]
    var platform = PlatformWatch()
    /// By check: the trouble for which something was said already.
    var spoken: [String: (since: Instant, decision: Healer.Decision)] = [:]
    var hasRemembered = false
    /// By check: what was done before this process began, to a Space that is not in the fleet yet.
    var unclaimed: [Int32: [Healer.Past.Action]] = [:]

    /// - Parameter budget: requests in five minutes; default 50.
    package init(
        hub: any HubWatching, boiler: Boiler, ledger: any Ledger, budget: Int = 50, clocks: Clocks, logger: Logger
    ) {
        self.hub = hub
        self.boiler = boiler
        self.knowledge = boiler.hub
        self.ledger = ledger
        self.clocks = clocks
        self.logger = logger
        pace = WatchPace(budget: budget)
        boiler.hub.isWatched = true
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.turn()
                do { try await Task.sleep(for: .seconds(1)) } catch { break }
            }
        }
    }

    /// One look at what is to be done now: a reading when it is due, and healing after it.
    package func turn() async {
        guard await boiler.mayAct else { return }
        countOthers()
        // A wish that cannot be granted yet is kept.
        let wanted = knowledge.takeWanted()
        guard pace.mayRead(at: clocks.wall(), wanted: wanted) else {
            if wanted { knowledge.want() }
            return
        }
        await read(await boiler.fleet())
        await heal()
    }

    /// The first reading, before anything is pinged, so that private Spaces are not asked without their token. Gives up after the limit.
    package func firstRead(_ fleet: Fleet, within limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.read(fleet) }
            group.addTask { try? await Task.sleep(for: limit) }  // cancelled: the reading was sooner
            await group.next()
            group.cancelAll()
        }
    }

    /// Requests to the Hub in the last five minutes.
    package var callsInWindow: Int { pace.used(at: clocks.wall()) }
    /// Time between two readings on schedule.
    package var interval: Duration { pace.interval }

    /// Requests beside the readings count against the same budget. A client that counts its own is asked instead.
    func noteCalls(_ count: Int) {
        if hub.use(at: clocks.wall()) == nil { pace.also(calls: count, at: clocks.wall()) }
    }

    /// What the client has sent beside readings: restarts, what they look at, repeats.
    private func countOthers() {
        let now = clocks.wall()
        guard let sent = hub.use(at: now)?.calls, sent > counted else { return }
        pace.also(calls: sent - counted, at: now)
        counted = sent
    }

    // MARK: Reading

    /// Which namespaces are read as a whole, and which Spaces one by one because they are the only one of theirs.
    static func plan(_ fleet: Fleet) -> (namespaces: [String], singles: [String]) {
        var byOwner: [String: Set<String>] = [:]
        for check in fleet.checks {
            guard let space = check.space, let owner = space.split(separator: "/").first else { continue }
            byOwner[String(owner), default: []].insert(space)
        }
        var namespaces = Set(fleet.hub.discovery?.namespaces ?? [])
        var singles: [String] = []
        for (owner, spaces) in byOwner where !namespaces.contains(owner) {
            if owner == fleet.hub.namespace || spaces.count > 1 {
                namespaces.insert(owner)
            } else {
                singles += spaces
            }
        }
        return (namespaces.sorted(), singles.sorted())
    }

    func read(_ fleet: Fleet) async {
        let plan = Self.plan(fleet)
        guard !plan.namespaces.isEmpty || !plan.singles.isEmpty else { return }
        countOthers()
        let began = clocks.wall()
        var calls = 0
        var changes: [HubKnowledge.Change] = []
        var gone: [String] = []
        var failure: Failure?
        var answered = 0
        for namespace in plan.namespaces {
            do throws(Failure) {
                let listing = try await hub.spaces(of: namespace)
                calls += listing.calls
                answered += 1
                let news = knowledge.take(listing.spaces, of: namespace, now: clocks.wall())
                changes += news.changes
                gone += news.gone
            } catch {
                calls += 1
                failure = error
            }
        }
        for space in plan.singles {
            calls += 1
            do throws(Failure) {
                if var facts = try await hub.space(space) {
                    facts.id = space  // renamed or spelt otherwise: it is known under the name of the fleet
                    changes += knowledge.take([facts], of: nil, now: clocks.wall()).changes
                } else if knowledge.word(of: space) != nil {
                    knowledge.forget(space)
                    gone.append(space)
                }
                answered += 1
            } catch {
                failure = error
            }
        }
        if Task.isCancelled { return }
        let now = clocks.wall()
        var use = hub.use(at: now)
        // Every page, and every repeat of one.
        let sent = max(calls, (use?.calls ?? 0) - counted)
        counted = use?.calls ?? counted
        if answered > 0 { lastAnswer = now }
        use?.answeredAt = lastAnswer
        knowledge.use = use
        if let failure, answered == 0 {
            pace.failed(calls: sent, retry: failure.retry, at: now)
            await hubIsSilent(failure, since: now)
        } else {
            pace.read(calls: sent, pages: calls, began: began, at: now)
            if let failure {
                logger.warning("A namespace could not be read", metadata: ["error": "\(failure)"])
            }
            await hubAnswers()
        }
        await boiler.hubSays(changes)
        await boiler.hubLists(gone: gone)
    }

    private func hubIsSilent(_ failure: Failure, since now: Instant) async {
        logger.warning("The Hub could not be read", metadata: ["error": "\(failure)"])
        if silentSince == nil { silentSince = now }
        guard !told, let silentSince, now - silentSince >= SpaceVerdict.Word.settledAfter else { return }
        told = true
        await boiler.say(
            "hub.unreachable",
            "The Hub could not be read (\(failure.because)); until it can, only what visitors see counts")
    }

    private func hubAnswers() async {
        silentSince = nil
        guard told else { return }
        told = false
        await boiler.say("hub.back", "The Hub can be read again")
    }
}
