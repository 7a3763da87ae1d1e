import Foundation
import NIOHTTP1
import Testing

@testable import HubSimulator

/// Lists: pages, rows that are kept as long as they are right, and first commits that git takes for its own.
@Suite struct ListTests {
    private struct Row: Decodable, Equatable {
        struct Runtime: Decodable, Equatable { var stage: String }
        var id: String
        var sha: String?
        var `private`: Bool?
        var tags: [String]?
        var runtime: Runtime?
    }
    private static let query = "?author=maren&expand=runtime&expand=sha&expand=private&expand=tags"

    private func rows(_ hub: SimulatedHub, _ path: String = "/api/spaces" + Self.query) async throws -> [Row] {
        try JSONDecoder().decode([Row].self, from: Data(try await hub.get(path).body.utf8))
    }

    @Test func aRowFollowsWhatItsSpaceDoes() async throws {
        let time = SimulatedTime(.manual)
        let world = try await SimulatedWorld.start(HubConfiguration(time: time))
        do {
            let hub = world.hub
            let space = try await world.add(SceneSpace("maren/orbit"))
            try await world.add(SceneSpace("maren/still"))
            func orbit() async throws -> Row? { try await rows(hub).first { $0.id == "maren/orbit" } }
            let still = try await rows(hub).first { $0.id == "maren/still" }
            let first = try #require(await orbit())
            #expect(first.runtime?.stage == "RUNNING" && first.private == false)
            #expect(try await orbit() == first)

            space.pause()
            #expect(try await orbit()?.runtime?.stage == "PAUSED")
            space.restart()
            #expect(try await orbit()?.runtime?.stage == space.stageNow && space.stageNow != "PAUSED")
            try await time.advance(by: .seconds(60))
            #expect(try await orbit()?.runtime?.stage == "RUNNING", "time alone changes it too")
            space.show(stage: "MELTING")
            #expect(try await orbit()?.runtime?.stage == "MELTING")
            space.clear()

            #expect(try await hub.commit("maren/orbit", "a.txt", "a", type: "space").status == 200)
            let second = try #require(await orbit())
            #expect(second.sha != first.sha)
            let card = "---\\ntitle: Orbit\\nsdk: docker\\nlicense: mit\\n---\\n"
            #expect(try await hub.commit("maren/orbit", "README.md", card, type: "space").status == 200)
            #expect(try await orbit()?.tags?.contains("license:mit") == true)

            let hidden = try await hub.send(.PUT, "/api/spaces/maren/orbit/settings", #"{"private":true}"#)
            #expect(hidden.status == 200, "\(hidden.body)")
            #expect(try await orbit()?.private == true)
            let body = try await hub.get("/api/spaces" + Self.query, token: "hf_tobi").body
            #expect(!body.contains("maren/orbit"), "others do not see it any more")

            let moved = try await hub.send(
                .POST, "/api/repos/move", #"{"fromRepo":"maren/orbit","toRepo":"maren/moon","type":"space"}"#)
            #expect(moved.status == 200, "\(moved.body)")
            #expect(try await rows(hub).map(\.id).sorted() == ["maren/moon", "maren/still"])
            #expect(try await rows(hub).first { $0.id == "maren/still" } == still)
        } catch {
            await world.shutdown()
            throw error
        }
        await world.shutdown()
    }

    @Test func aListGoesOnByItsLink() async throws {
        var configuration = HubConfiguration(time: SimulatedTime(.manual))
        configuration.limits.listPage = 3
        let world = try await SimulatedWorld.start(configuration)
        do {
            for number in 0..<8 { try await world.add(SceneSpace("maren/unit-\(number)")) }
            var found: [String] = []
            var pages = 0
            var path: String? = "/api/spaces\(Self.query)&limit=500"
            while let next = path, pages < 10 {
                let seen = try await world.hub.get(next)
                found += try JSONDecoder().decode([Row].self, from: Data(seen.body.utf8)).map(\.id)
                pages += 1
                path = seen.headers.first(name: "link").flatMap { link in
                    #expect(link.hasSuffix("; rel=\"next\""))
                    let address = link.drop { $0 == "<" }.prefix { $0 != ">" }
                    #expect(address.hasPrefix(world.endpoint + "/api/spaces?author=maren&expand=runtime"))
                    return String(address.dropFirst(world.endpoint.count))
                }
            }
            #expect(pages == 3)
            #expect(found.count == 8 && Set(found).count == 8)
        } catch {
            await world.shutdown()
            throw error
        }
        await world.shutdown()
    }
}
