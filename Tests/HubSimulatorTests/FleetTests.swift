import AsyncHTTPClient
import HubSimulator
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite struct FleetTests {
    @Test func onePortServesAllSpacesByName() async throws {
        let fleet = try await SimulatedFleet.start(time: SimulatedTime(.manual))
        try await fleet.add(SpaceBlueprint("acme/One_Two", app: EdgeTests.instant))
        try await fleet.add(SpaceBlueprint("acme/three", stage: .runtimeError))
        let edge = "http://127.0.0.1:\(fleet.edgePort)"
        #expect(try await get(edge, ["host": "acme-one-two.hf.space"]).status == 200)
        #expect(try await get(edge, ["host": "acme-one-two.localhost:\(fleet.edgePort)"]).status == 200)
        #expect(try await get(edge, ["host": "acme-three.hf.space"]).status == 503)
        let unknown = try await get(edge, ["host": "nobody-here.hf.space"])
        #expect(unknown.status == 404)
        #expect(!unknown.isTheApps)
        #expect(fleet.addressPattern == "http://{subdomain}.localhost:\(fleet.edgePort)")
        await fleet.shutdown()
    }

    @Test func aPlainSiteHasNothingOfTheEdge() async throws {
        let fleet = try await SimulatedFleet.start(time: SimulatedTime(.manual))
        try await fleet.addSite("gateway", app: EdgeTests.instant)
        let answer = try await get(fleet.sites[0].address + "/health")
        #expect(answer.status == 200)
        #expect(!answer.isTheApps)
        #expect(answer.headers["x-request-id"].isEmpty)
        #expect(fleet.site("gateway")?.visits == 1)
        await fleet.shutdown()
    }

    @Test func theDemoHasADozenStories() async throws {
        let fleet = try await SimulatedFleet.start(tokens: [DemoScene.token])
        try await fleet.add(DemoScene.dozen)
        let spaces = fleet.spaces
        #expect(spaces.count == 12)
        #expect(Set(spaces.map(\.id)).count == 12)
        #expect(Set(spaces.map(\.address)).count == 12)
        #expect(spaces.allSatisfy { !$0.story.isEmpty })
        func status(_ id: String, _ headers: [String: String] = [:]) async throws -> Int {
            let space = try #require(spaces.first { $0.id == id })
            return try await get(space.address + "/health", headers).status
        }
        #expect(try await status("kestrel-labs/discord-bot") == 200)
        #expect(try await status("kestrel-labs/remote-desk") == 503)
        #expect(try await status("kestrel-labs/backoffice") == 404)
        #expect(try await status("kestrel-labs/backoffice", ["authorization": "Bearer \(DemoScene.token)"]) == 200)
        #expect(try await status("kestrel-labs/new-release") == 503)
        await fleet.shutdown()
    }

    @Test func scaledTimeTellsTheStoryFaster() async throws {
        let fleet = try await SimulatedFleet.start(time: SimulatedTime(.scaled(1_000)))
        let life = SpaceLifecycle(sleepAfter: nil, startTakes: .seconds(60))
        let space = try await fleet.add(SpaceBlueprint("acme/demo", stage: .sleeping, lifecycle: life))
        // A minute of waking, held by the edge; its limit is longer here.
        let patient = try await fleet.add(
            SpaceBlueprint("acme/patient", stage: .sleeping, lifecycle: life, edge: EdgeRules(limit: .seconds(100_000)))
        )
        _ = try await get(fleet.spaces[0].address)
        let answer = try await get(fleet.spaces[1].address)
        #expect(answer.status == 200)
        #expect(answer.isTheApps)
        try await Wait.until("both run") { space.stage == .running && patient.stage == .running }
        await fleet.shutdown()
    }

    @Test func shutdownLetsNobodyWaitAndMayBeRepeated() async throws {
        let fleet = try await SimulatedFleet.start(time: SimulatedTime(.manual))
        let space = try await fleet.add(SpaceBlueprint("acme/demo", stage: .sleeping))
        let address = fleet.spaces[0].address
        let visitor = Task { try await get(address) }
        try await Wait.until("a held visitor") { space.held == 1 }
        await fleet.shutdown()
        await #expect(throws: (any Error).self) { try await visitor.value }
        await #expect(throws: (any Error).self) { try await get(address) }
        #expect(space.held == 0)
        await fleet.shutdown()
        await #expect(throws: (any Error).self) { try await fleet.add(SpaceBlueprint("acme/late")) }
    }

    @Test func aThousandVisitorsAreHeldAtOnceAndAllServed() async throws {
        let fleet = try await SimulatedFleet.start(time: SimulatedTime(.manual))
        // Asleep again at each visit, so that every one of them is held.
        let spaces = (0..<1_000).map {
            SpaceBlueprint("acme/s\($0)", stage: .sleeping, app: EdgeTests.instant)
        }
        try await fleet.add(spaces)
        let addresses = fleet.spaces.map(\.address)
        let served = try await withThrowingTaskGroup(of: Bool.self) { group in
            for address in addresses {
                group.addTask { try await get(address).isTheApps }
            }
            try await Wait.until("all are held", within: .seconds(30)) {
                fleet.spaces.allSatisfy { fleet.space($0.id)?.held == 1 }
            }
            #expect(fleet.connections >= 1_000)
            try await fleet.time.advance(by: .seconds(40))
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(served == 1_000)
        await fleet.shutdown()
    }

    @Test func moreConnectionsThanAllowedAreClosed() async throws {
        let fleet = try await SimulatedFleet.start(time: SimulatedTime(.manual), mostConnections: 1)
        let space = try await fleet.add(SpaceBlueprint("acme/demo", stage: .sleeping, app: EdgeTests.instant))
        let address = fleet.spaces[0].address
        let held = Task { try await get(address) }
        try await Wait.until("a held visitor") { space.held == 1 }
        await #expect(throws: (any Error).self) { try await get(address) }
        try await fleet.time.advance(by: .seconds(40))
        #expect(try await held.value.status == 200)
        await fleet.shutdown()
    }
}
