import AsyncHTTPClient
import HubSimulator
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// The Hub's Spaces, with a clock that is moved by hand.
@Suite struct WorldTests {
    static let client = HTTPClient(eventLoopGroupProvider: .singleton)

    /// A world whose clock stands still, for as long as `body` runs.
    private func withWorld(
        _ scene: HubScene = .empty, rules: SpaceRules = SpaceRules(), seed: UInt64 = 1,
        _ body: (SimulatedWorld) async throws -> Void
    ) async throws {
        let configuration = HubConfiguration(time: SimulatedTime(.manual), seed: seed)
        let world = try await SimulatedWorld.start(scene: scene, configuration, rules: rules)
        do { try await body(world) } catch {
            await world.shutdown()
            throw error
        }
        await world.shutdown()
    }

    private func call(
        _ world: SimulatedWorld, _ method: HTTPMethod = .GET, _ path: String, _ body: String? = nil,
        token: String? = "hf_maren"
    ) async throws -> (status: Int, json: JSON, headers: HTTPHeaders) {
        var request = HTTPClientRequest(url: world.endpoint + path)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let answer = try await Self.client.execute(request, timeout: .seconds(30))
        let bytes = try await answer.body.collect(upTo: 1 << 20)
        return (Int(answer.status.code), (try? JSON(decoding: bytes)) ?? .null, answer.headers)
    }

    private func visit(_ world: SimulatedWorld, _ name: String) async throws -> Seen {
        try await get("http://127.0.0.1:\(world.fleet.edgePort)/health", ["host": "\(name).hf.space"])
    }

    @Test(arguments: HubScene.all.map(\.name)) func everySceneStandsUp(name: String) async throws {
        let scene = try #require(HubScene.named(name))
        try await withWorld(scene) { world in
            #expect(world.spaces.spaces.count == scene.spaces.count)
            for space in scene.spaces {
                let runtime = try await call(world, path(space.id) + "/runtime", token: "hf_maren")
                #expect(runtime.status == 200)
                #expect(runtime.json["stage"]?.string != nil)
            }
        }
    }
    private func path(_ id: String) -> String { "/api/spaces/" + id }
    private func call(_ world: SimulatedWorld, _ path: String, token: String?) async throws -> (
        status: Int, json: JSON, headers: HTTPHeaders
    ) { try await call(world, .GET, path, token: token) }

    @Test func freeHardwareSleepsAfterTwoDaysAndAVisitWakesIt() async throws {
        try await withWorld { world in
            let space = try await world.add(SceneSpace("maren/sleepy"))
            #expect(space.runtime["gcTimeout"] == 172_800)
            try await world.time.advance(by: .seconds(48 * 3_600 - 1))
            #expect(space.runtime["stage"] == "RUNNING")
            try await world.time.advance(by: .seconds(1))
            #expect(space.runtime["stage"] == "SLEEPING")
            #expect(space.runtime["hardware"]?["current"] == .null)
            async let visitor = visit(world, "maren-sleepy")
            try await Wait.until("the visitor is held") { space.live.held == 1 }
            try await world.time.advance(by: .seconds(6))
            #expect(try await visitor.isTheApps)
            #expect(space.runtime["stage"] == "RUNNING")
        }
    }

    @Test(arguments: [(Duration.zero, 3), (.seconds(5), 1)])
    func changesRestartOneByOneOrTogether(coalesce: Duration, restarts: Int) async throws {
        try await withWorld(rules: SpaceRules(coalesce: coalesce)) { world in
            let space = try await world.add(SceneSpace("maren/changing"))
            for name in ["A", "B", "C"] {
                let answer = try await call(
                    world, .POST, "/api/spaces/maren/changing/secrets", #"{"key": "\#(name)", "value": "x"}"#)
                #expect(answer.status == 200)
                #expect(answer.json == [:])
            }
            try await world.time.advance(by: .seconds(30))
            #expect(space.restarts == restarts)
            #expect(space.runtime["stage"] == "RUNNING")
            let keys = try await call(world, .GET, "/api/spaces/maren/changing/secrets")
            #expect(keys.json.object?.keys.sorted() == ["A", "B", "C"])
            #expect(keys.json["A"]?["value"] == nil, "values cannot be read")
        }
    }

    @Test func aPausedSpaceStaysPausedWhateverChanges() async throws {
        try await withWorld { world in
            let space = try await world.add(SceneSpace("maren/paused", stage: .paused))
            _ = try await call(world, .POST, "/api/spaces/maren/paused/variables", #"{"key": "A", "value": "x"}"#)
            #expect(try await visit(world, "maren-paused").status == 503)
            try await world.time.advance(by: .seconds(100))
            #expect(space.runtime["stage"] == "PAUSED")
            #expect(space.restarts == 0)
        }
    }

    @Test func theShownCommitMayLag() async throws {
        try await withWorld(rules: SpaceRules(shaLag: .seconds(9))) { world in
            let space = try await world.add(SceneSpace("maren/lagging", stage: nil))
            try await world.time.advance(by: .seconds(26))
            #expect(space.runtime["stage"] == "RUNNING")
            #expect(space.runtime["sha"] == nil)
            try await world.time.advance(by: .seconds(9))
            #expect(space.runtime["sha"] == space.endState["head"])
        }
    }

    @Test func anIncidentMeetsAllAlikeAndEnds() async throws {
        try await withWorld { world in
            try await world.add(SceneSpace("maren/one"))
            let building = try await world.add(SceneSpace("maren/two", stage: nil))
            world.spaces.meet(.edge(status: 502))
            #expect(try await visit(world, "maren-one").status == 502)
            world.spaces.meet(.stuck)
            #expect(try await visit(world, "maren-one").isTheApps)
            try await world.time.advance(by: .seconds(3_600))
            #expect(building.runtime["stage"] == "BUILDING")
            world.spaces.meet(nil)
            try await world.time.advance(by: .seconds(26))
            #expect(building.runtime["stage"] == "RUNNING")
        }
    }

    @Test func faultsMeetWhatTheyAreMeantForAndTheJournalTells() async throws {
        try await withWorld { world in
            try await world.add(SceneSpace("maren/faulty"))
            world.faults.add(
                Fault(.status(503, message: "no"), method: "GET", path: "/api/spaces/*/*/runtime", skip: 1))
            var seen: [Int] = []
            for _ in 0..<3 { seen.append(try await call(world, .GET, "/api/spaces/maren/faulty/runtime").status) }
            #expect(seen == [200, 503, 200])
            world.faults.add(Fault(.window(seconds: 42)))
            let limited = try await call(world, .GET, "/api/spaces/maren/faulty/runtime")
            #expect(limited.status == 429)
            #expect(limited.headers.first(name: "ratelimit") == "\"api\";r=0;t=42")
            world.faults.add(Fault(.lost, method: "POST"))
            await #expect(throws: (any Error).self) {
                _ = try await call(world, .POST, "/api/spaces/maren/faulty/pause")
            }
            #expect(world.spaces.space("maren/faulty")?.runtime["stage"] == "PAUSED")
            #expect(try await call(world, .GET, "/api/whoami-v2", token: "hf_nobody").status == 401)
            // The entry of a lost answer is finished after its connection was cut.
            try await eventually { world.journal.entries.contains { $0.fault == "lost" } }
            let entries = world.journal.entries
            #expect(entries.map(\.fault) == [nil, "status-503", nil, "window-429", "lost", nil])
            #expect(entries.map(\.status) == [200, 503, 200, 429, 200, 401])
            #expect(entries.map(\.account) == ["maren", "maren", "maren", "maren", "maren", nil])
        }
    }

    @Test func theSameSeedDrawsTheSameFaults() async throws {
        var stories: [[Int]] = []
        for seed in [5, 5, 6] as [UInt64] {
            try await withWorld(seed: seed) { world in
                world.faults.add(
                    Fault(.status(500, message: "no"), path: "/api/spaces/hardware", times: nil, chance: 0.5))
                var story: [Int] = []
                for _ in 0..<30 { story.append(try await call(world, .GET, "/api/spaces/hardware").status) }
                stories.append(story)
            }
        }
        #expect(stories[0] == stories[1])
        #expect(stories[0] != stories[2])
        #expect(Set(stories[0]) == [200, 500])
    }

    @Test func scenesAreArrangedOverHTTP() async throws {
        try await withWorld { world in
            let made = try await call(
                world, .POST, "/-/admin/spaces", #"{"id": "tobi/late", "sdk": "gradio", "stage": "BUILDING"}"#,
                token: nil)
            #expect(made.status == 200)
            #expect(made.json["stage"] == "BUILDING")
            _ = try await call(world, .POST, "/-/admin/spaces/tobi/late/fate", #"{"always": "crash", "after": 2}"#)
            _ = try await call(world, .POST, "/-/admin/time", #"{"advance": 26}"#)
            #expect(try await call(world, .GET, "/-/admin/spaces/tobi/late").json["stage"] == "RUNNING")
            _ = try await call(world, .POST, "/-/admin/spaces/tobi/late/action", #"{"action": "restart"}"#)
            _ = try await call(world, .POST, "/-/admin/time", #"{"advance": 20}"#)
            #expect(try await call(world, .GET, "/-/admin/spaces/tobi/late").json["stage"] == "RUNTIME_ERROR")
            for (path, body) in [
                ("faults", #"{"kind": "wrong"}"#), ("spaces/tobi/late/fate", #"{"next": ["wrong"]}"#),
                ("spaces/tobi/late/action", "{}"), ("spaces", #"{"id": "wrong"}"#), ("time", "{}"), ("spaces", "{"),
            ] {
                #expect(try await call(world, .POST, "/-/admin/" + path, body).status == 400)
            }
            #expect(try await call(world, .GET, "/-/admin/spaces/tobi/nothing").status == 404)
            #expect(world.journal.entries.isEmpty, "arranging is no part of the story")
        }
    }

    @Test func logStreamsBreakAndEndAsTheyDoOutside() async throws {
        try await withWorld { world in
            let space = try await world.add(SceneSpace("maren/talking"))
            var request = HTTPClientRequest(url: world.endpoint + "/api/spaces/maren/talking/logs/run?tail=1")
            request.headers.add(name: "authorization", value: "Bearer hf_maren")
            let first = try await Self.client.execute(request, timeout: .seconds(30))
            #expect(first.headers.first(name: "content-type") == "text/event-stream")
            space.say("hello\n")
            var text = ""
            for try await part in first.body {
                text += String(buffer: part)
                if text.contains("hello") { space.pause() }
            }
            #expect(text.hasSuffix("\n\n"), "the container's end is a clean one")
            #expect(
                text.contains("listening") && !text.contains("Application Startup"), "only the last line is replayed")
            space.restart()
            try await world.time.advance(by: .seconds(26))
            let second = try await Self.client.execute(request, timeout: .seconds(30))
            space.cutLogs()
            // How much of the half line arrives before the cut is the network's chance.
            await #expect(throws: (any Error).self) {
                for try await part in second.body { text = String(buffer: part) }
            }
        }
    }

    @Test func aNegativeTailAndAStrangersLookAreRefused() async throws {
        try await withWorld { world in
            try await world.add(SceneSpace("maren/talking"))
            let path = "/api/spaces/maren/talking/logs/run"
            #expect(try await call(world, .GET, path + "?tail=-1").status == 400)
            #expect(try await call(world, .GET, path, token: "hf_tobi").status == 403)
            #expect(try await call(world, .GET, path, token: nil).status == 401)
            #expect(try await call(world, .GET, "/api/spaces/maren/nothing/runtime").status == 404)
        }
    }
}
