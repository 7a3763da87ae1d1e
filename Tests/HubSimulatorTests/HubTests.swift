import AsyncHTTPClient
import Foundation
import HubSimulator
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

/// What the official client does not show: limits, rights, tokens, what listeners and webhooks are told, faults.
@Suite struct HubTests {
    @Test func theWindowRunsOutAndOpensAgain() async throws {
        let time = SimulatedTime(.manual)
        var configuration = HubConfiguration(time: time)
        configuration.limits.quotas[.api] = 3
        try await withHub(configuration) { hub in
            for left in [2, 1, 0] {
                let seen = try await hub.get("/api/whoami-v2")
                #expect(seen.status == 200)
                #expect(seen.headers.first(name: "ratelimit") == "\"api\";r=\(left);t=300")
                #expect(seen.headers.first(name: "ratelimit-policy") == "\"fixed window\";\"api\";q=3;w=300")
            }
            try await time.advance(by: .seconds(100))
            let refused = try await hub.get("/api/whoami-v2")
            #expect(refused.status == 429)
            #expect(refused.headers.first(name: "ratelimit") == "\"api\";r=0;t=200")
            #expect(refused.headers.first(name: "x-error-message")?.contains("quota of 3 api requests") == true)
            #expect(try await hub.get("/api/whoami-v2", token: "hf_tobi").status == 200)
            try await time.advance(by: .seconds(200))
            #expect(try await hub.get("/api/whoami-v2").status == 200)
        }
    }

    @Test func anActionsQuotaIsRefusedWhileTheWindowIsOpen() async throws {
        let time = SimulatedTime(.manual)
        var configuration = HubConfiguration(time: time)
        configuration.limits.commitsPerHour = 2
        try await withHub(configuration) { hub in
            try await hub.create("notes")
            for _ in 0..<2 { #expect(try await hub.commit("maren/notes", "a.txt", "a").status == 200) }
            let refused = try await hub.commit("maren/notes", "a.txt", "b")
            #expect(refused.status == 429)
            #expect(refused.headers.first(name: "ratelimit")?.contains("r=0") == false)
            #expect(refused.body.contains("2 per hour"))
            try await time.advance(by: .seconds(3_601))
            #expect(try await hub.commit("maren/notes", "a.txt", "b").status == 200)
        }
    }

    @Test func aTokenEndsAndAScopeIsNarrow() async throws {
        let time = SimulatedTime(.manual)
        var configuration = HubConfiguration(time: time)
        configuration.tokens += [
            HubToken("hf_short", account: "maren", expires: .seconds(60)),
            HubToken(
                "hf_narrow", account: "maren",
                role: .fineGrained([
                    .init(type: "dataset", name: "maren/open", permissions: ["repo.content.read", "repo.write"]),
                    .init(type: "dataset", name: "maren/shut", permissions: ["repo.content.read"]),
                ])),
        ]
        try await withHub(configuration) { hub in
            for name in ["open", "shut", "hidden"] { try await hub.create(name, private: true) }
            #expect(try await hub.commit("maren/open", "a", "a", token: "hf_narrow").status == 200)
            #expect(try await hub.commit("maren/shut", "a", "a", token: "hf_narrow").status == 403)
            #expect(try await hub.commit("maren/hidden", "a", "a", token: "hf_narrow").status == 404)
            #expect(try await hub.get("/api/datasets/maren/shut", token: "hf_narrow").status == 200)
            #expect(try await hub.get("/api/datasets/maren/shut", token: "hf_short").status == 200)
            try await time.advance(by: .seconds(61))
            let late = try await hub.get("/api/datasets/maren/shut", token: "hf_short")
            #expect(late.status == 401)
            #expect(late.headers.first(name: "x-error-message") == "Invalid credentials in Authorization header")
            let missing = try await hub.get("/api/datasets/maren/none", token: nil)
            #expect(missing.status == 401)
            #expect(missing.headers.first(name: "x-error-code") == "RepoNotFound")
        }
    }

    @Test func listenersHearWhatHappensInOrder() async throws {
        let ear = Ear()
        try await withHub(HubConfiguration(), spaces: ear) { hub in
            try await hub.create("app", type: "space", extra: ",\"sdk\":\"docker\",\"hardware\":\"cpu-basic\"")
            #expect(try await hub.commit("maren/app", "Dockerfile", "FROM scratch", type: "space").status == 200)
            #expect(
                try await hub.send(.PUT, "/api/spaces/maren/app/settings", "{\"private\":true}").status == 200)
            #expect(
                try await hub.send(
                    .POST, "/api/repos/move", "{\"fromRepo\":\"maren/app\",\"toRepo\":\"maren/two\",\"type\":\"space\"}"
                ).status == 200)
            #expect(try await hub.get("/api/spaces/maren/two").body.contains("\"stage\":\"PAUSED\""))
            let gone = try await hub.send(.DELETE, "/api/repos/delete", "{\"name\":\"two\",\"type\":\"space\"}")
            #expect(gone.body == "OK")
            #expect(
                ear.heard == [
                    "created maren/app docker cpu-basic", "main", "refs/heads/main", "main", "settings private",
                    "moved maren/app maren/two", "deleted maren/two",
                ])
        }
    }

    /// As long as those of S3 in public reports, so that a client is tried on what it meets.
    @Test func anAddressForAnObjectIsGoodForAQuarterOfAnHour() async throws {
        struct Batch: Decodable {
            struct Object: Decodable { var actions: [String: Action] }
            struct Action: Decodable { var href: String }
            var objects: [Object]
        }
        let time = SimulatedTime(.manual)
        try await withHub(HubConfiguration(time: time)) { hub in
            try await hub.create("notes")
            func address() async throws -> String {
                let seen = try await hub.send(
                    .POST, "/datasets/maren/notes.git/info/lfs/objects/batch",
                    #"{"operation":"upload","transfers":["basic"],"objects":[{"oid":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3}]}"#
                )
                let batch = try JSONDecoder().decode(Batch.self, from: Data(seen.body.utf8))
                return batch.objects.first?.actions["upload"]?.href ?? "nowhere"
            }
            func put(_ url: String) async throws -> Int {
                var request = HTTPClientRequest(url: url)
                request.method = .PUT
                request.body = .bytes(ByteBuffer(string: "abc"))
                let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
                _ = try await answer.body.collect(upTo: 1 << 20)
                return Int(answer.status.code)
            }
            let old = try await address()
            try await time.advance(by: .seconds(901))
            #expect(try await put(old) == 403)
            let new = try await address()
            try await time.advance(by: .seconds(890))
            #expect(try await put(new) == 200)
        }
    }

    @Test func whatIsAskedForIsReadBeforeTheRepoIsLookedFor() async throws {
        try await withHub(HubConfiguration(time: SimulatedTime(.manual))) { hub async throws in
            #expect(try await hub.get("/api/datasets/maren/none?expand=sdk").status == 400)
            #expect(try await hub.get("/api/datasets/maren/none?expand=sha").status == 404)
        }
    }

    @Test func creationsOfOneAccountDoNotOverlap() async throws {
        try await withHub(HubConfiguration()) { hub in
            let statuses = try await withThrowingTaskGroup(of: Seen.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        try await hub.send(.POST, "/api/repos/create", "{\"name\":\"r\(number)\",\"type\":\"dataset\"}")
                    }
                }
                return try await group.reduce(into: [Seen]()) { $0.append($1) }
            }
            #expect(statuses.contains { $0.status == 200 })
            for seen in statuses where seen.status != 200 {
                #expect(seen.status == 409)
                #expect(seen.body.contains("Cannot create repo: another conflicting operation is in progress"))
            }
        }
    }

    @Test func webhooksAreToldWithTheirSecret() async throws {
        let post = Mutex<[(secret: String?, body: String)]>([])
        let router = Router()
        router.post("/hook") { request, _ in
            let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
            let secret = request.headers.first { $0.name.canonicalName == "x-webhook-secret" }?.value
            post.withLock { $0.append((secret, body)) }
            return "ok"
        }
        try await withServer(router) { port in
            try await withHub(HubConfiguration()) { hub in
                let made = try await hub.send(
                    .POST, "/api/settings/webhooks",
                    """
                    {"url":"http://127.0.0.1:\(port)/hook","watched":[{"type":"user","name":"maren"}],
                     "domains":["repo"],"secret":"quiet"}
                    """)
                #expect(made.status == 200)
                try await hub.create("notes")
                #expect(try await hub.commit("maren/notes", "a.txt", "a").status == 200)
                try await eventually("the push is told") {
                    post.withLock {
                        $0.contains { $0.body.contains("\"scope\":\"repo.content\"") && $0.secret == "quiet" }
                    }
                }
                #expect(post.withLock { $0.contains { $0.body.contains("\"refs/heads/main\"") } })
                #expect(try await hub.get("/api/settings/webhooks").body.contains("lastTriggerAt"))
            }
        }
    }

    @Test func bucketsHoldFilesWithoutHistory() async throws {
        try await withHub(HubConfiguration()) { hub in
            #expect(try await hub.send(.POST, "/api/buckets/me/store", "{\"private\":true}").status == 200)
            #expect(try await hub.send(.POST, "/api/buckets/maren/store", "{}").status == 409)
            #expect(try await hub.get("/api/buckets/maren/store", token: "hf_tobi").status == 404)
            #expect(try await hub.get("/api/buckets/me?search=sto").body.contains("maren/store"))
            let batch = try await hub.send(
                .POST, "/api/buckets/maren/store/batch",
                "{\"type\":\"deleteFile\",\"path\":\"none\"}\n{\"type\":\"addFile\",\"path\":\"a\",\"xetHash\":\"00\"}\n"
            )
            #expect(batch.status == 422)
            #expect(batch.body.contains("Unknown xetHash"))
            #expect(try await hub.send(.DELETE, "/api/buckets/maren/store", "").status == 200)
            #expect(try await hub.get("/api/buckets/maren/store").status == 404)
        }
    }

    @Test func faultsStandBetweenGateAndRoutes() async throws {
        var configuration = HubConfiguration()
        configuration.faults = EveryCreationLost()
        try await withHub(configuration) { hub in
            let lost = try await hub.send(.POST, "/api/repos/create", "{\"name\":\"a\",\"type\":\"dataset\"}")
            #expect(lost.status == 502)
            #expect(lost.headers.contains(name: "ratelimit"))
            #expect(try await hub.get("/api/datasets/maren/a").status == 200)
        }
    }
}

/// The effect takes place, the answer is another.
private struct EveryCreationLost: HubFaults {
    func around(
        _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        let answer = try await next(request, context)
        return request.uri.path == "/api/repos/create" ? Response(status: .badGateway) : answer
    }
}

/// Plays the Spaces by writing down what it hears.
private final class Ear: SpaceBackend {
    private let notes = Mutex<[String]>([])
    var heard: [String] { notes.withLock { $0 } }
    private func note(_ text: String) { notes.withLock { $0.append(text) } }

    func runtime(of repo: HubRepo) async -> JSON? { ["stage": "PAUSED"] }
    func onCreated(_ repo: HubRepo, wishes: SpaceWishes, by caller: HubAccount) async {
        note("created \(repo.fullName) \(wishes.sdk ?? "-") \(wishes.hardware ?? "-")")
    }
    func onMainMoved(_ repo: HubRepo, sha: String) async { note("main") }
    func onReferenceMoved(_ repo: HubRepo, ref: String, from: String?, to: String?) async { note(ref) }
    func onSettingsChanged(_ repo: HubRepo, changed: [String: JSON]) async {
        note("settings \(changed.keys.joined(separator: " "))")
    }
    func onMoved(_ repo: HubRepo, from oldName: String) async { note("moved \(oldName) \(repo.fullName)") }
    func onDeleted(_ repo: HubRepo) async { note("deleted \(repo.fullName)") }
}

/// A hub for as long as `body` runs.
func withHub(
    _ configuration: HubConfiguration, spaces: (any SpaceBackend)? = nil, _ body: (SimulatedHub) async throws -> Void
) async throws {
    let hub = try await SimulatedHub.start(configuration, spaces: spaces)
    do { try await body(hub) } catch {
        await hub.shutdown()
        throw error
    }
    await hub.shutdown()
}

/// Any routes on a port of their own, for as long as `body` runs.
private func withServer(
    _ router: Router<BasicRequestContext>, _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    let (ports, port) = AsyncStream<Int>.makeStream()
    let application = Application(
        router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { channel in port.yield(channel.localAddress?.port ?? 0) })
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await application.run() }
        let bound = try #require(await ports.first { _ in true })
        try await body(bound)
        group.cancelAll()
    }
}

extension SimulatedHub {
    func send(
        _ method: HTTPMethod, _ path: String, _ body: String, token: String? = "hf_maren"
    ) async throws -> Seen {
        var request = HTTPClientRequest(url: endpoint + path)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if !body.isEmpty {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let content = try await answer.body.collect(upTo: 1 << 20)
        return Seen(status: Int(answer.status.code), headers: answer.headers, body: String(buffer: content))
    }

    func get(_ path: String, token: String? = "hf_maren") async throws -> Seen {
        try await send(.GET, path, "", token: token)
    }

    func create(
        _ name: String, type: String = "dataset", private: Bool = false, extra: String = ""
    ) async throws {
        let seen = try await send(
            .POST, "/api/repos/create", "{\"name\":\"\(name)\",\"type\":\"\(type)\",\"private\":\(`private`)\(extra)}")
        #expect(seen.status == 200, "\(seen.body)")
    }

    func commit(
        _ repo: String, _ path: String, _ content: String, type: String = "dataset", token: String = "hf_maren"
    ) async throws -> Seen {
        try await send(
            .POST, "/api/\(type)s/\(repo)/commit/main",
            "{\"summary\":\"change\",\"files\":[{\"path\":\"\(path)\",\"content\":\"\(content)\"}]}", token: token)
    }
}
