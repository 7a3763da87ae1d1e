import Deployment
import Foundation
import HubClient
import HubSimulator
import Ledger
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import Operations

/// The look for drift of a running fleet, with a clock that is moved by hand.
@Suite(.timeLimit(.minutes(5))) struct DriftWatchTests {
    /// What a watch did, and what happens while it waits.
    private final class Story: Sendable {
        struct Seen {
            var waits: [Duration] = []
            var events: [EventPayload] = []
            var failures: [[String]] = []
            var mayAct = true
        }
        let seen = Mutex(Seen())
        var waits: [Duration] { seen.withLock { $0.waits } }
        var failures: [[String]] { seen.withLock { $0.failures } }
        func takeEvents() -> [EventPayload] {
            seen.withLock { seen in
                defer { seen.events = [] }
                return seen.events
            }
        }
    }

    private static func fleet(_ scratch: DeployScratch, _ text: String) throws -> Fleet {
        try FleetFile.read(text: text, name: scratch.folder + "/fleet.yaml", environment: [:], sections: .all).get()
    }

    private static func text(_ names: [String]) -> String {
        "hub: { namespace: maren }\nspaces:\n"
            + names.map { "  \($0): { deploy: { sdk: docker, from: ./app, variables: { LEVEL: info } } }\n" }.joined()
    }

    /// A running fleet of these Spaces, all of them as the file says.
    private static func with(
        _ names: [String], clock: WaitClock = .real,
        _ work: (DeployScratch, ScriptedMonitor, OperationContext) async throws -> Void
    ) async throws {
        var configuration = HubConfiguration()
        configuration.limits.quotas = [.api: 1_000_000, .pages: 1_000_000, .resolvers: 1_000_000]
        try await DeployScratch.with(configuration, clock: clock) { scratch in
            try scratch.write("app/README.md", "---\ntitle: App\nsdk: docker\n---\n")
            try scratch.write("app/Dockerfile", "FROM scratch\n")
            for name in names {
                var space = SceneSpace(
                    "maren/\(name)",
                    files: ["README.md": "---\ntitle: App\nsdk: docker\n---\n", "Dockerfile": "FROM scratch\n"])
                space.wishes.variables = [SpaceSetting(key: "LEVEL", value: "info")]
                try await scratch.world.add(space)
            }
            let now = Instant(seconds: 1_790_000_000)
            let monitor = ScriptedMonitor(
                [],
                overview: Overview(
                    startedAt: now, now: now, generation: 1,
                    fleetFile: .init(path: scratch.folder + "/fleet.yaml", loadedAt: now)), now: { now })
            let fleet = try fleet(scratch, text(names))
            monitor.setFleet { $0 = fleet }
            let context = OperationContext(
                monitor: monitor, ledger: DoubleLedger(), now: { now }, hub: scratch.hub,
                dataFolder: scratch.folder + "/data")
            _ = scratch.requests()
            try await work(scratch, monitor, context)
        }
    }

    /// What the dashboard shows.
    private static func differing(_ context: OperationContext) async throws -> Int {
        let records = try context.ledger.records
        return try await DeployLooks(records).differing(.drift)
    }

    /// Runs a watch whose clock is moved on by `steps`: each happens while it waits once more, and behind the last it ends.
    private static func run(
        _ watch: inout DriftWatch, _ story: Story, _ steps: [(Duration) async throws -> Void]
    ) async throws {
        struct Over: Error {}
        var left = steps[...]
        do {
            try await watch.run(
                mayAct: { story.seen.withLock { $0.mayAct } },
                emit: { event in story.seen.withLock { $0.events.append(event) } },
                failed: { names, _ in story.seen.withLock { $0.failures.append(names) } },
                sleep: { wait in
                    story.seen.withLock { $0.waits.append(wait) }
                    guard let step = left.popFirst() else { throw Over() }
                    try await step(wait)
                })
        } catch is Over {}
    }

    @Test func whatBeginsAndEndsIsToldOnce() async throws {
        try await Self.with(["one", "two"]) { scratch, _, context in
            let id = try RepoID.space("maren/one")
            let (story, hub) = (Story(), scratch.hub)
            var watch = DriftWatch(context: context)
            let drifted = EventPayload.drifted(space: "maren/one", check: "one", what: ["variable LEVEL"])
            try await Self.run(
                &watch, story,
                [
                    { _ in },
                    { _ in
                        #expect(story.takeEvents() == [])
                        try await hub.set(.variable, "LEVEL", to: Secret("debug"), of: id)
                    },
                    { _ in #expect(story.takeEvents() == [drifted]) },
                    // It goes on, and is not told again.
                    { _ in
                        #expect(story.takeEvents() == [])
                        try await hub.set(.variable, "MORE", to: Secret("1"), of: id)
                    },
                    { _ in
                        #expect(
                            story.takeEvents() == [
                                .drifted(space: "maren/one", check: "one", what: ["variable LEVEL", "variable MORE"])
                            ])
                    },
                ])
            #expect(story.waits == [.seconds(600)] + Array(repeating: .seconds(21_600), count: 5))
            #expect(
                scratch.requests().filter { $0.method != "POST" }.allSatisfy { ["GET", "HEAD"].contains($0.method) })

            // Another process: what was told stays told, and what is over is told.
            var again = DriftWatch(context: context)
            try await Self.run(
                &again, story,
                [
                    { _ in },
                    { _ in
                        #expect(story.takeEvents() == [])
                        try await hub.delete(.variable, "MORE", of: id)
                        try await hub.set(.variable, "LEVEL", to: Secret("info"), of: id)
                    },
                    { _ in #expect(story.takeEvents() == [.driftEnded(space: "maren/one", check: "one")]) },
                    { _ in #expect(story.takeEvents() == []) },
                ])
        }
    }

    /// 60 Spaces: each look within half of the fleet's 50 requests, one every five minutes, all of them reading.
    @Test func manySpacesAreLookedAtInTurn() async throws {
        let names = (1...60).map { "s\($0)" }
        try await Self.with(names) { scratch, _, context in
            try await scratch.hub.set(.variable, "LEVEL", to: Secret("debug"), of: try RepoID.space("maren/s59"))
            _ = scratch.requests()
            let story = Story()
            let counts = Mutex<[Int]>([])
            let paths = Mutex<[String]>([])
            let step: (Duration) async throws -> Void = { _ in
                let requests = scratch.requests()
                counts.withLock { $0.append(requests.count) }
                paths.withLock { $0 += requests.map(\.path) }
                for request in requests { #expect(["GET", "HEAD"].contains(request.method), "\(request)") }
            }
            var watch = DriftWatch(context: context)
            let groups = try await watch.groups()
            #expect(groups.flatMap(\.self) == names)
            try await Self.run(&watch, story, Array(repeating: step, count: 2 * groups.count))
            try await step(.zero)
            let found = counts.withLock { $0 }
            #expect(found.dropFirst().allSatisfy { (1...DriftWatch.requestsAtOnce).contains($0) }, "\(found)")
            let round = Array(repeating: Duration.seconds(300), count: groups.count - 1)
            #expect(story.waits == [.seconds(600)] + round + [.seconds(21_600)] + round + [.seconds(21_600)])
            for name in names {
                let own = paths.withLock { $0.count { $0.hasPrefix("/api/spaces/maren/\(name)/variables") } }
                #expect(own == 2, "\(name)")
            }
            #expect(story.takeEvents().count == 1)
            // The dashboard's number.
            let differing = try await Self.differing(context)
            #expect(differing == 1)
        }
    }

    /// What could not be looked at is looked at again after half an hour, and what was known stays.
    @Test func aHubThatCannotBeReachedIsTold() async throws {
        var clock = WaitClock(ContinuousClock())
        clock.sleep = { _ in try Task.checkCancellation() }
        let names = (1...10).map { "s\($0)" }
        try await Self.with(names, clock: clock) { scratch, _, context in
            try await scratch.hub.set(.variable, "LEVEL", to: Secret("debug"), of: try RepoID.space("maren/s1"))
            let (story, world) = (Story(), scratch.world)
            var watch = DriftWatch(context: context)
            let groups = try await watch.groups()
            #expect(groups.count == 2)
            try await Self.run(
                &watch, story,
                [
                    { _ in },
                    // Behind the first group.
                    { _ in
                        #expect(story.takeEvents().count == 1)
                        world.faults.add(Fault(.status(503, message: "Service Unavailable"), times: nil))
                    },
                    { wait in
                        #expect(wait == .seconds(1_800) && story.failures == [groups[1]])
                        let differing = try await Self.differing(context)
                        #expect(differing == 1)
                    },
                    { wait in
                        #expect(wait == .seconds(1_800) && story.failures == [groups[1], groups[1]])
                        world.faults.clear()
                    },
                    { wait in #expect(wait == .seconds(21_600) && story.failures.count == 2) },
                ])
            #expect(story.takeEvents() == [], "what did not change is not told again")
        }
    }

    @Test func aFleetFileThatIsReloadedMeanwhileCounts() async throws {
        let names = (1...10).map { "s\($0)" }
        try await Self.with(names) { scratch, monitor, context in
            for name in ["s2", "s9", "s10"] {
                try await scratch.hub.set(
                    .variable, "LEVEL", to: Secret("debug"), of: try RepoID.space("maren/\(name)"))
            }
            let smaller = try Self.fleet(scratch, Self.text(["s1", "s10", "s4"]))
            let whole = try Self.fleet(scratch, Self.text(names))
            let empty = try Self.fleet(scratch, "targets: { a: https://example.com }\n")
            let story = Story()
            func spaces(_ events: [EventPayload]) -> [String] {
                events.compactMap { if case .drifted(let space, _, _, _) = $0 { space } else { nil } }
            }
            var watch = DriftWatch(context: context)
            try await Self.run(
                &watch, story,
                [
                    { _ in },
                    { _ in
                        #expect(spaces(story.takeEvents()) == ["maren/s2"])
                        monitor.setFleet { $0 = smaller }
                    },
                    { _ in
                        // s9 left the file before its turn, and s2 with what was known of it.
                        #expect(spaces(story.takeEvents()) == ["maren/s10"])
                        let differing = try await Self.differing(context)
                        #expect(differing == 1)
                        monitor.setFleet { $0 = whole }
                    },
                    { _ in #expect(spaces(story.takeEvents()) == ["maren/s2"], "it is back, and differs") },
                    { _ in
                        #expect(spaces(story.takeEvents()) == ["maren/s9"])
                        monitor.setFleet { $0 = empty }
                        _ = scratch.requests()
                    },
                    { wait in
                        #expect(wait == .seconds(21_600) && scratch.requests().isEmpty)
                        #expect(story.takeEvents() == [] && story.failures == [])
                    },
                ])
        }
    }

    @Test func onlyTheMasterAtWorkLooks() async throws {
        try await Self.with(["one"]) { scratch, _, context in
            let story = Story()
            story.seen.withLock { $0.mayAct = false }
            var watch = DriftWatch(context: context)
            try await Self.run(
                &watch, story,
                [
                    { _ in }, { wait in #expect(wait == .seconds(300) && scratch.requests().isEmpty) },
                    { _ in story.seen.withLock { $0.mayAct = true } },
                    { wait in #expect(wait == .seconds(21_600) && !scratch.requests().isEmpty) },
                ])
        }
    }
}
