import Foundation
import HubClient
import HubSimulator
import Logging
import StokerCore
import Testing

@testable import KeepAlive

/// The Hub's own client as the watch wants it.
struct ClientDoor: HubWatching {
    let hub: Hub

    func spaces(of namespace: String) async throws(Failure) -> HubListing {
        let list = hub.list(
            .space, author: namespace, expand: ["runtime", "sha", "subdomain", "private", "sdk", "tags"], pageSize: 500)
        do {
            var rows = list.makeAsyncIterator()
            var spaces: [SpaceFacts] = []
            while let info = try await rows.next() {
                spaces.append(
                    SpaceFacts(
                        id: info.id, stage: info.runtime?.stage, runningSHA: info.runtime?.sha, repoSHA: info.sha,
                        subdomain: info.subdomain, sdk: info.sdk))
            }
            return HubListing(spaces: spaces, calls: max(1, rows.pages))
        } catch let failure as HubFailure {
            throw failure.failure
        } catch {
            throw Failure(.internal, doing: "list", because: "\(error)", retry: .soon, cause: error)
        }
    }
    func space(_ id: String) async throws(Failure) -> SpaceFacts? { nil }
    func restart(_ id: String, factory: Bool) async throws(Failure) {}
}

/// Simulated hours of a free account's Spaces, read by the real client from the simulated Hub on a clock moved by hand.
///
/// `STOKER_WATCH_SPACES` (default 100) and `STOKER_WATCH_MINUTES` (default 10) make it longer; the seed is
/// `STOKER_WATCH_SEED`.
@Suite struct WatchedDayTests {
    private static func number(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }
    private static let stages = [
        "RUNNING", "SLEEPING", "BUILDING", "RUNTIME_ERROR", "PAUSED", "BUILD_ERROR", "APP_STARTING", "MELTING",
    ]

    @Test func everyChangeIsKnownWithinAMinute() async throws {
        let count = Self.number("STOKER_WATCH_SPACES", 100)
        let minutes = Self.number("STOKER_WATCH_MINUTES", 10)
        let seed = Self.number("STOKER_WATCH_SEED", 1)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let time = SimulatedTime(.manual)
        let world = try await SimulatedWorld.start(HubConfiguration(time: time), logger: quiet)
        // A free account: 1,000 requests in five minutes (hub-docs `rate-limits.md`).
        for place in 0..<count { try await world.add(SceneSpace("tobi/unit-\(place)")) }
        var clock = HubClock(ContinuousClock())
        clock.now = { time.now }
        clock.sleep = { try await time.advance(by: $0) }
        let hub = Hub(
            .init(endpoint: world.endpoint, token: Secret("hf_tobi")), pace: HubPace(clock: clock), logger: quiet)
        let began = Instant(milliseconds: 1_780_000_000_000)
        let clocks = Clocks(wall: { began + time.now }, running: { time.now }, elapsed: { time.now })
        do {
            try await withBoilerRoom { room in
                try await room.tend(
                    Fleet(
                        hub: Fleet.Hub(
                            namespace: "tobi", token: Secret("hf_tobi"),
                            // Nothing is pinged: this is about the Hub's side.
                            discovery: .init(namespaces: ["tobi"], sdks: ["none"])), checks: [], serve: .quiet))
                let watch = HubWatch(
                    hub: ClientDoor(hub: hub), boiler: room.boiler, ledger: room.ledger, clocks: clocks, logger: quiet)
                let knowledge = room.boiler.hub
                world.journal.clear()
                await watch.turn()
                #expect(knowledge.words.count == count)
                var dice = SplitMix64(seed: UInt64(seed))
                var open: [String: (stage: String, at: Duration)] = [:]
                var (changes, known) = (0, 0)
                var slowest = Duration.zero
                var next = time.now
                let end = time.now + .seconds(minutes * 60)
                while time.now < end {
                    if time.now >= next {
                        next += .seconds(Int.random(in: 1...40, using: &dice))
                        let id = "tobi/unit-\(Int.random(in: 0..<count, using: &dice))"
                        let stage = Self.stages.randomElement(using: &dice) ?? "RUNNING"
                        // One that nobody had the time to learn of is not changed again.
                        if open[id] == nil, knowledge.word(of: id)?.facts.stage?.rawValue != stage,
                            let space = world.spaces.space(id)
                        {
                            space.show(stage: stage)
                            open[id] = (stage, time.now)
                            changes += 1
                            // Half of them a visitor notices first, and asks for a reading before its time.
                            if Bool.random(using: &dice) { knowledge.want() }
                        }
                    }
                    await watch.turn()
                    for (id, change) in open where knowledge.word(of: id)?.facts.stage?.rawValue == change.stage {
                        slowest = max(slowest, time.now - change.at)
                        open[id] = nil
                        known += 1
                    }
                    for (id, change) in open where time.now - change.at > .seconds(60) {
                        Issue.record("seed \(seed): \(change.stage) of \(id) is not known after a minute")
                        open[id] = nil
                    }
                    try await time.advance(by: .seconds(1))
                }
                #expect(changes > minutes && slowest <= .seconds(60))
                let calls = world.journal.entries
                #expect(calls.allSatisfy { $0.status == 200 }, "seed \(seed)")
                var most = 0
                var first = 0
                for (place, call) in calls.enumerated() {
                    while call.at - calls[first].at >= .seconds(300) { first += 1 }
                    most = max(most, place - first + 1)
                }
                #expect(most <= 50, "seed \(seed)")
                #expect(hub.pace.report.refusals == 0)
                print(
                    "watched \(count) Spaces for \(minutes) min: \(known) of \(changes) changes known, the slowest after \(slowest), \(calls.count) calls, at most \(most) in 5 min"
                )
            }
        } catch {
            try await hub.shutdown()
            await world.shutdown()
            throw error
        }
        try await hub.shutdown()
        await world.shutdown()
    }
}
