import AsyncHTTPClient
import HubClient
import HubSimulator
import KeepAlive
import Ledger
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Operations
import Runtime
import StokerCore

/// Simulated hours of a free account's Spaces: the product's own poller, gateway and client read a simulated Hub over loopback that keeps its
/// quotas, while Spaces sleep, wake, build, crash, are paused and flagged by seed. The clock is moved by hand; waits of the client move it.
package struct HubDay: Sendable {
    package struct Settings: Sendable {
        package var spaces = 1_000
        package var minutes = 5
        package var seed: UInt64 = 1
        /// Rows that the Hub gives on one page at most.
        package var listPage = 500
        /// Requests in five minutes that the account's owner makes with something else, half of them at once.
        package var others = 0
        package init() {}
    }

    package struct Report: Sendable {
        package var pages = 0
        package var readings = 0
        package var changes = 0
        /// Changes that another one followed before the Hub was read: known by what followed.
        package var overtaken = 0
        package var stages: Set<String> = []
        /// Of every change, how long it was not known, in whole seconds.
        package var lateness: [Int] = []
        /// What was not known after a minute, in words.
        package var late: [String] = []
        /// Spaces that were wrong right after a reading.
        package var wrong = 0
        package var calls = 0
        package var mostCalls = 0
        /// Answers 429 that the watch got, and most of them in one window.
        package var refusals = 0
        package var otherCalls = 0
        package var otherRefusals = 0

        package var slowest: Int { lateness.max() ?? 0 }
        /// - Parameter share: 0…1
        package func lateness(share: Double) -> Int {
            let sorted = lateness.sorted()
            return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
    }

    /// What a change of a Space is, and when it came.
    private struct Change {
        var words: String
        var at: Duration
    }

    private let settings: Settings
    private let world: SimulatedWorld
    private let watch: HubPoller
    private let knowledge: HubReadings
    private let spaces: [(id: String, space: HostedSpace)]
    private var dice: SplitMix64
    private var report = Report()
    /// Oldest first; empty for a Space whose present state is known.
    private var open: [[Change]]
    private var said: [String]
    /// Those that something happened to and that have not come to rest: no other changes by itself, a day being shorter than the 48 h
    /// after which a Space falls asleep.
    private var lively: Set<Int> = []
    /// Times of the calls in the last five minutes.
    private var window: [Duration] = []
    private var others: [Duration] = []
    private var nextEvent: Duration

    private static let visitor = "somebody/1"

    package static func run(_ settings: Settings) async throws -> Report {
        let quiet = Logger(label: "hub-day") { _ in SwiftLogNoOpLogHandler() }
        let time = SimulatedTime(.manual)
        var configuration = HubConfiguration(time: time, seed: settings.seed)
        configuration.limits.listPage = settings.listPage
        // Members of a paying organisation have its limits: tobi is to be in none.
        configuration.organisations = []
        let world = try await SimulatedWorld.start(configuration, logger: quiet)
        var clock = WaitClock(ContinuousClock())
        clock.now = { time.now }
        clock.sleep = { try await time.advance(by: $0) }
        // A free account: 1,000 requests in five minutes (hub-docs `rate-limits.md`).
        let hub = Hub(
            .init(endpoint: world.endpoint, token: Secret("hf_tobi")), pace: HubRateLimiter(clock: clock), logger: quiet
        )
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<Report, any Error>
        do {
            result = .success(try await live(settings, world, hub, group, quiet))
        } catch {
            result = .failure(error)
        }
        try await hub.shutdown()
        await world.shutdown()
        try await group.shutdownGracefully()
        return try result.get()
    }

    private static func live(
        _ settings: Settings, _ world: SimulatedWorld, _ hub: Hub, _ group: MultiThreadedEventLoopGroup, _ quiet: Logger
    ) async throws -> Report {
        for place in 0..<settings.spaces { try await world.add(SceneSpace("tobi/unit-\(place)")) }
        // Nothing is pinged: this is about the Hub's side.
        let fleet = Fleet(
            hub: Fleet.Hub(
                namespace: "tobi", token: Secret("hf_tobi"), endpoint: world.endpoint,
                discovery: .init(namespaces: ["tobi"], sdks: ["none"])),
            checks: [], serve: Fleet.Serve(selfPing: nil))
        let ledger = MemoryLedger()
        let began = Instant(milliseconds: 1_780_000_000_000)
        let time = world.time
        let clocks = Clocks(wall: { began + time.now }, running: { time.now }, elapsed: { time.now })
        let writer = LedgerWriter(
            ledger: ledger, retention: fleet.ledger, clock: ContinuousClock(), now: clocks.wall, logger: quiet)
        let monitor = FleetMonitor(
            fleet: fleet, fleetPath: nil, source: nil, ledger: ledger, writer: writer,
            loops: Array(group.makeIterator()), resolver: NameResolver(eventLoop: group.next()), tls: ProbeTLS(),
            settings: FleetMonitor.Settings(openLimit: 8, seed: 1, userAgent: "hub-day"), clocks: .real, logger: quiet)
        let watch = HubPoller(
            hub: HubClientGateway(hub: hub), monitor: monitor, knowledge: monitor.hub, ledger: ledger, clocks: clocks,
            logger: quiet
        )
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await writer.run() }
            tasks.addTask { try await monitor.run() }
            defer { tasks.cancelAll() }
            await monitor.begin(selfAddress: nil)
            var day = HubDay(settings, world, watch, monitor.hub)
            return try await day.pass(began)
        }
    }

    private init(_ settings: Settings, _ world: SimulatedWorld, _ watch: HubPoller, _ knowledge: HubReadings) {
        self.settings = settings
        self.world = world
        self.watch = watch
        self.knowledge = knowledge
        spaces = (0..<settings.spaces).compactMap { place in
            let id = "tobi/unit-\(place)"
            return world.spaces.space(id).map { (id, $0) }
        }
        dice = SplitMix64(seed: settings.seed)
        open = Array(repeating: [], count: spaces.count)
        said = spaces.map { Self.words($0.space) }
        nextEvent = world.time.now
    }

    // MARK: the day

    private mutating func pass(_ began: Instant) async throws -> Report {
        let time = world.time
        world.journal.clear()
        await watch.turn()
        // Besides, the first reading asks once how this Hub makes addresses.
        report.pages = world.journal.entries.count { $0.path == "/api/spaces" }
        try await settle(began)
        let end = time.now + .seconds(settings.minutes * 60)
        while time.now < end {
            if time.now >= nextEvent {
                nextEvent = time.now + .seconds(1 + dice.roll(30))
                let place = dice.roll(spaces.count)
                move(spaces[place].space)
                lively.insert(place)
                // Half of them a visitor notices first, and asks for a reading before its time.
                if dice.roll(2) == 0 { await watch.want() }
            }
            try await visit()
            try await time.advance(by: .seconds(1))
            look()
            await watch.turn()
            try await settle(began)
        }
        return report
    }

    /// What every Space is now, against what it was a second ago.
    private mutating func look() {
        let now = world.time.now
        for place in lively {
            let words = Self.words(spaces[place].space)
            if !Self.moving.contains(words) { lively.remove(place) }
            guard words != said[place] else { continue }
            said[place] = words
            open[place].append(Change(words: words, at: now))
            report.changes += 1
            report.stages.insert(words)
        }
    }

    /// Counts what was asked of the Hub since the last time, and what is known now.
    private mutating func settle(_ began: Instant) async throws {
        let now = world.time.now
        let calls = world.journal.entries
        world.journal.clear()
        var wasRead = false
        for call in calls {
            if call.headers["user-agent"]?.hasPrefix(Self.visitor) == true {
                report.otherCalls += 1
                if call.status == 429 { report.otherRefusals += 1 }
                continue
            }
            report.calls += 1
            if call.status == 429 { report.refusals += 1 }
            wasRead = wasRead || call.status == 200
            window.removeAll { call.at - $0 >= .seconds(300) }
            window.append(call.at)
            report.mostCalls = max(report.mostCalls, window.count)
        }
        if wasRead {
            report.readings += 1
            // The clock may have moved while the client waited.
            look()
            let stoodStill = calls.allSatisfy { $0.at == now }
            let words = knowledge.words
            for place in spaces.indices {
                guard let word = words[spaces[place].id], Self.words(word.facts) == said[place] else {
                    if stoodStill { report.wrong += 1 }
                    continue
                }
                let read = word.readAt - began
                guard let last = open[place].last, read >= last.at else { continue }
                report.overtaken += open[place].count - 1
                for change in open[place] { known(change, place, at: read) }
                open[place] = []
            }
        }
        for place in spaces.indices {
            guard let first = open[place].first, now - first.at > .seconds(60) else { continue }
            known(first, place, at: now)
            open[place].removeFirst()
        }
    }

    private mutating func known(_ change: Change, _ place: Int, at now: Duration) {
        let late = now - change.at
        report.lateness.append(Int(late.components.seconds))
        guard late > .seconds(60), report.late.count < 20 else { return }
        report.late.append("\(change.words) of \(spaces[place].id) at \(change.at), not known at \(now)")
    }

    // MARK: what happens

    private static func words(_ space: HostedSpace) -> String {
        var reason: SpaceFacts.PauseReason?
        let stage = space.stageNow
        if space.isFlagged {
            reason = .moderation
        } else if stage == "PAUSED" {
            reason = space.isOverSpendLimit ? .spendLimit : .owner
        }
        return reason.map { "\(stage) (\($0))" } ?? stage
    }
    private static func words(_ facts: SpaceFacts) -> String {
        let stage = facts.stage?.rawValue ?? "nothing"
        return facts.pauseReason.map { "\(stage) (\($0))" } ?? stage
    }

    private static let moving: Set<String> = ["BUILDING", "APP_STARTING", "RUNNING_BUILDING", "RUNNING_APP_STARTING"]

    /// One thing that may happen to a Space in its stage.
    private mutating func move(_ space: HostedSpace) {
        let live = space.live
        switch space.stageNow {
        case "RUNNING":
            switch dice.roll(10) {
            case 0, 1: live.set(.sleeping)
            case 2, 3: live.push()
            case 4: live.move { $0.fail("Exit code: 137. Reason: see the run logs", at: $1) }
            case 5: space.pause()
            case 6: space.restart()
            case 7:
                space.meet([dice.roll(2) == 0 ? .badExit : .badBuild])
                space.restart(factory: true)
            case 8: if dice.roll(2) == 0 { space.flag() } else { space.reachSpendLimit() }
            default: space.show(stage: "MELTING")
            }
        case "SLEEPING": live.move { $0.visit(at: $1) }
        case "PAUSED":
            space.clear()
            space.restart()
        case "MELTING": space.clear()
        case let stage where Self.moving.contains(stage): break
        default: space.restart(factory: true)
        }
    }

    /// The owner's other programs, spread over the window and half of it at once.
    private mutating func visit() async throws {
        guard settings.others > 0 else { return }
        let now = world.time.now
        if now.components.seconds % 300 == 0 {
            let burst = dice.roll(280)
            others = (0..<settings.others).map { number in
                now + .seconds(number % 2 == 0 ? burst : dice.roll(300))
            }
        }
        let due = others.count { $0 <= now }
        others.removeAll { $0 <= now }
        for _ in 0..<due {
            var request = HTTPClientRequest(
                url: "\(world.endpoint)/api/spaces/\(spaces[dice.roll(spaces.count)].id)/runtime")
            request.headers = ["Authorization": "Bearer hf_tobi", "User-Agent": Self.visitor]
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            _ = try await answer.body.collect(upTo: 1 << 20)
        }
    }
}

extension SplitMix64 {
    fileprivate mutating func roll(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}
