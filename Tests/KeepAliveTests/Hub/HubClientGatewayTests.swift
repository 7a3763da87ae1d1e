import HubClient
import HubSimulator
import Ledger
import Logging
import Operations
import Runtime
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

/// The watch on a simulated Hub, through the Hub's client.
@Suite(.serialized) struct HubClientGatewayTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func with(
        _ spaces: [SceneSpace], _ body: (SimulatedWorld, Hub) async throws -> Void
    ) async throws {
        let world = try await SimulatedWorld.start(
            HubConfiguration(), rules: SpaceRules(buildTakes: .seconds(3_600), startTakes: .seconds(3_600)),
            logger: quiet)
        let hub = Hub(.init(endpoint: world.endpoint, token: Secret("hf_maren")), logger: quiet)
        let result: Result<Void, any Error>
        do {
            for space in spaces { try await world.add(space) }
            world.journal.clear()
            result = .success(try await body(world, hub))
        } catch { result = .failure(error) }
        try await hub.shutdown()
        await world.shutdown()
        try result.get()
    }

    private static func check(_ name: String, _ space: String) -> Check {
        Check(
            name: name, address: "http://127.0.0.1:9/", space: space,
            policy: CheckPolicy(every: .seconds(3_600), timeout: .seconds(20), retry: [], recheck: .seconds(3_600)))
    }

    private static func fleet(_ world: SimulatedWorld, _ checks: [Check], discover: Bool = false) -> Fleet {
        Fleet(
            hub: Fleet.Hub(
                namespace: "maren", token: Secret("hf_maren"), endpoint: world.endpoint,
                discovery: discover
                    ? Fleet.Discovery(
                        namespaces: ["maren"], sdks: ["docker", "static"], policy: Self.check("", "").policy) : nil),
            checks: checks, serve: .quiet)
    }

    @Test func addressesAreTheHubsAndAskedForOnce() async throws {
        let all = [
            SceneSpace("maren/one"), SceneSpace("maren/Two_x"), SceneSpace("maren/page", sdk: "static"),
            SceneSpace("maren/leaf", sdk: "static"),
        ]
        try await Self.with(all) { world, hub in
            let door = HubClientGateway(hub: hub)
            let first = try await door.spaces(of: "maren")
            #expect(first.calls == 1 && first.extraCalls == 2)
            for facts in first.spaces {
                let space = try #require(world.spaces.space(facts.id))
                #expect(facts.host == world.spaces.host(of: space))
            }
            #expect(first.spaces.count == 4)
            let second = try await door.spaces(of: "maren")
            #expect(second.extraCalls == 0)
            #expect(second.spaces.map(\.host) == first.spaces.map(\.host))
            #expect(try await door.space("maren/one")?.host == first.spaces.first { $0.id == "maren/one" }?.host)
            #expect(world.journal.entries.count { $0.path.hasSuffix("/host") } == 2)
        }
    }

    @Test func aHubThatTellsNoHostIsNotAskedForEver() async throws {
        try await Self.with([SceneSpace("maren/one")]) { world, hub in
            world.faults.add(
                Fault(.status(404, message: "Not Found"), method: "GET", path: "/api/spaces/*/*/host", times: nil))
            let door = HubClientGateway(hub: hub)
            for _ in 0..<5 {
                let listing = try await door.spaces(of: "maren")
                #expect(listing.spaces.map(\.host) == [nil])
            }
            #expect(world.journal.entries.count { $0.path.hasSuffix("/host") } == 3)
        }
    }

    /// Private static files are behind the token as well, and nobody marks them as an app's answer.
    @Test func staticSpacesHaveAVerdictAndTheToken() async throws {
        let all = [
            SceneSpace("maren/leaf", sdk: "static", visibility: .private), SceneSpace("maren/page", sdk: "static"),
        ]
        try await Self.with(all) { world, hub in
            try await withFleetMonitorRoom { room in
                let fleet = Self.fleet(world, [Self.check("page", "maren/page")], discover: true)
                let watch = HubPoller(
                    hub: HubClientGateway(hub: hub), monitor: room.monitor, knowledge: room.monitor.hub,
                    ledger: room.ledger,
                    clocks: .real, logger: Self.quiet)
                await watch.firstRead(fleet, within: .seconds(20))
                try await room.serve(fleet)
                for name in ["page", "leaf"] {
                    try await room.until(name, is: .up)
                    let status = try await room.monitor.status(of: name)
                    #expect(status.hubStatus?.stage == .running)
                    #expect(status.check.isStatic)
                    #expect(status.check.address.contains(".static.localhost:"))
                }
                #expect(await room.monitor.fleet().checks.count == 2)
            }
        }
    }

    /// As the file has it or as the Hub has it: one Space, and one listing.
    @Test func theCaseOfLettersIsTheHubs() async throws {
        try await Self.with([SceneSpace("maren/Bot"), SceneSpace("maren/other")]) { world, hub in
            try await withFleetMonitorRoom { room in
                var fleet = Self.fleet(world, [Self.check("bot", "MAREN/bot")], discover: true)
                fleet.hub.namespace = "Maren"
                let watch = HubPoller(
                    hub: HubClientGateway(hub: hub), monitor: room.monitor, knowledge: room.monitor.hub,
                    ledger: room.ledger,
                    clocks: .real, logger: Self.quiet)
                await watch.firstRead(fleet, within: .seconds(20))
                try await room.serve(fleet)
                for name in ["bot", "other"] { try await room.until(name, is: .up) }
                #expect(await room.monitor.fleet().checks.map(\.name) == ["bot", "other"])
                #expect(try await room.monitor.status(of: "bot").hubStatus?.stage == .running)
                #expect(world.journal.entries.count { $0.path == "/api/spaces" } == 1)
                world.spaces.space("maren/Bot")?.live.set(.runtimeError, errorMessage: "boom")
                await watch.read(fleet)
                #expect(try await room.monitor.status(of: "bot").hubStatus?.errorMessage == "boom")
                #expect(try await !room.events().contains("space.gone"))
            }
        }
    }

    @Test func aDiscoveredSpaceThatIsRenamedKeepsItsHistory() async throws {
        try await Self.with([SceneSpace("maren/bot"), SceneSpace("maren/other")]) { world, hub in
            try await withFleetMonitorRoom { room in
                let fleet = Self.fleet(world, [], discover: true)
                let watch = HubPoller(
                    hub: HubClientGateway(hub: hub), monitor: room.monitor, knowledge: room.monitor.hub,
                    ledger: room.ledger,
                    clocks: .real, logger: Self.quiet)
                await watch.firstRead(fleet, within: .seconds(20))
                try await room.serve(fleet)
                try await room.until("bot", is: .up)
                _ = try await room.monitor.pause("bot", until: nil)
                let before = try await room.monitor.status(of: "bot")
                try await hub.move(RepoID.space("maren/bot"), to: RepoID.space("maren/renamed"))
                await watch.read(await room.monitor.fleet())
                let after = try await room.monitor.status(of: "renamed")
                #expect(after.id == before.id && after.state.verdict == .paused)
                #expect(after.check.space == "maren/renamed")
                #expect(await room.monitor.fleet().checks.map(\.name).sorted() == ["other", "renamed"])
                let kinds = try await room.events()
                #expect(kinds.contains("check.renamed"))
                #expect(!kinds.contains("space.gone") && !kinds.contains("space.found"))
            }
        }
    }

    /// A listed Space is known under its old name until the file says the new one.
    @Test func aListedSpaceWhoseNewNameIsWrittenKeepsItsHistory() async throws {
        try await Self.with([SceneSpace("maren/bot")]) { world, hub in
            try await withFleetMonitorRoom { room in
                let fleet = Self.fleet(world, [Self.check("bot", "maren/bot")], discover: false)
                let watch = HubPoller(
                    hub: HubClientGateway(hub: hub), monitor: room.monitor, knowledge: room.monitor.hub,
                    ledger: room.ledger,
                    clocks: .real, logger: Self.quiet)
                await watch.firstRead(fleet, within: .seconds(20))
                try await room.serve(fleet)
                try await room.until("bot", is: .up)
                let before = try await room.monitor.status(of: "bot")
                try await hub.move(RepoID.space("maren/bot"), to: RepoID.space("maren/renamed"))
                await watch.read(await room.monitor.fleet())
                try await room.serve(
                    Self.fleet(world, [Self.check("renamed", "maren/renamed")], discover: false))
                #expect(try await room.monitor.status(of: "renamed").id == before.id)
                #expect(try await room.events().contains("check.renamed"))
                // A check that has a name of its own keeps that, and is the same as well.
                let since = try await room.monitor.status(of: "renamed").state.since
                try await hub.move(RepoID.space("maren/renamed"), to: RepoID.space("maren/again"))
                await watch.read(await room.monitor.fleet())
                try await room.serve(Self.fleet(world, [Self.check("renamed", "maren/again")], discover: false))
                #expect(try await room.monitor.status(of: "renamed").state.since == since)
            }
        }
    }

    /// In its namespace the listing has it under another name; elsewhere it answers under the old one.
    @Test(arguments: ["maren/renamed", "kestrel-labs/renamed"]) func aSpaceThatMovedIsKnownAndTold(target: String)
        async throws
    {
        try await Self.with([SceneSpace("maren/bot"), SceneSpace("maren/other")]) { world, hub in
            try await withFleetMonitorRoom { room in
                let fleet = Self.fleet(
                    world, [Self.check("bot", "maren/bot"), Self.check("other", "maren/other")], discover: true)
                let watch = HubPoller(
                    hub: HubClientGateway(hub: hub), monitor: room.monitor, knowledge: room.monitor.hub,
                    ledger: room.ledger,
                    clocks: .real, logger: Self.quiet)
                await watch.firstRead(fleet, within: .seconds(20))
                try await room.serve(fleet)
                try await room.until("bot", is: .up)
                _ = try await room.ledger.actions.begin(
                    NewAction(
                        .healing(.restart), on: "Maren/Bot", by: "healing", because: "crashed",
                        began: Clocks.real.wall()), within: .seconds(5))
                try await hub.move(RepoID.space("maren/bot"), to: RepoID.space(target))
                await watch.read(await room.monitor.fleet())
                // What was done to it counts under its new name.
                await watch.heal()
                #expect(try await room.ledger.actions.actions(ActionQuery(space: target)).count == 1)
                #expect(try await room.ledger.actions.actions(ActionQuery(space: "maren/bot")).isEmpty)
                let new = try #require(world.spaces.space(target))
                #expect(try await room.monitor.status(of: "bot").check.address == world.spaces.host(of: new) + "/")
                #expect(try await room.monitor.ping("bot").state.verdict == .up)
                // It stays known, is told once, and does not join a second time.
                new.live.set(.runtimeError, errorMessage: "boom")
                await watch.read(await room.monitor.fleet())
                #expect(try await room.monitor.status(of: "bot").hubStatus?.errorMessage == "boom")
                #expect(await room.monitor.fleet().checks.map(\.name) == ["bot", "other"])
                let kinds = try await room.events()
                #expect(kinds.count { $0 == "space.moved" } == 1)
                #expect(!kinds.contains("space.gone") && !kinds.contains("space.found"))
            }
        }
    }
}
