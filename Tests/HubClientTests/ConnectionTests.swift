import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import StokerCore
import TestSupport
import Testing

@testable import HubClient

private typealias Reply = ScriptedHub.Reply

@Suite struct ConnectionTests {
    /// As many as the lanes of an upload, and some beside them: nobody waits for a connection.
    @Test func fortyCallsAtOnceHaveFortyConnections() async throws {
        let server = try await ScriptedHub.start([.silence])
        try await withHub(server) { hub in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask { _ = try? await hub.send(.init(.GET, "/resolve/x", doing: "x")) }  // called off
                }
                try await eventually { server.asked().count == 40 }
                group.cancelAll()
            }
        }
    }

    @Test func onlyHTTP1IsSpoken() {
        #expect(Hub.configuration(idle: nil, proxy: nil).httpVersion == .http1Only)
    }

    /// A server that speaks no TLS: nothing was sent, so even a commit is tried again, and it counts against no budget.
    @Test func aHandshakeThatFailsSentNothing() async throws {
        let server = try await ScriptedHub.start([.json("{}")])
        let clock = FastClock()
        let hub = Hub(
            .init(endpoint: "https://127.0.0.1:\(server.port)"), pace: HubRateLimiter(clock: clock.hubClock),
            logger: LogNotes().logger, jitter: { 0 })
        let repo = try RepoID.space("maren/orbit-api")
        let failure = await #expect(throws: HubFailure.self) {
            try await hub.send(.init(.POST, "/x", doing: "x", repeats: .never, action: .commit(repo: repo)))
        }
        #expect(failure?.kind == .unreachable)
        #expect(clock.slept.count == 5)
        #expect(hub.pace.report.commits.isEmpty)
        try await hub.shutdown()
        try await server.stop()
    }

    // MARK: Storages

    private static func refusal(_ code: String, _ message: String, status: Int) -> Reply {
        .text(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\(code)</Code><Message>\(message)</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>",
            status: status, ["Content-Type": "application/xml"])
    }

    /// Asks a storage, which is another host than the Hub.
    private func ask(_ replies: [Reply], clock: FastClock = FastClock()) async throws -> Int {
        let server = try await ScriptedHub.start([.json("{}")])
        let storage = try await ScriptedHub.start(replies)
        do {
            _ = try await withHub(server, clock: clock) {
                try await $0.send(.init(.PUT, storage.url + "/key", doing: "send it", repeats: .freely))
            }
        } catch {
            try await storage.stop()
            throw error
        }
        try await storage.stop()
        return storage.asked().count
    }

    @Test func whatAStorageSaysIsTold() async throws {
        let failure = await #expect(throws: HubFailure.self) {
            try await ask([Self.refusal("AccessDenied", "Request has expired &amp; is over", status: 403)])
        }
        #expect(failure?.said == "AccessDenied: Request has expired & is over")
        #expect(failure?.code == "AccessDenied" && failure?.kind == .forbidden)
        // It knows nothing of tokens.
        let hint = try #require(failure?.failure.hint)
        #expect(!hint.contains("token") && !hint.contains("right"))
    }

    @Test func aStorageThatWaitedTooLongIsAskedAgain() async throws {
        let slow = Self.refusal("RequestTimeout", "Your socket connection was idle for too long", status: 400)
        #expect(try await ask([slow, .text("")]) == 2)
        // Bytes that were changed on the way are sent once more.
        for code in ["BadDigest", "XAmzContentChecksumMismatch"] {
            #expect(try await ask([Self.refusal(code, "It does not match", status: 400), .text("")]) == 2)
        }
        let failure = await #expect(throws: HubFailure.self) {
            try await ask([Self.refusal("InvalidArgument", "It does not fit", status: 400)])
        }
        #expect(failure?.kind == .invalid)
    }

    // MARK: Windows

    @Test(arguments: [
        ("https://huggingface.co/api/resolve-cache/models/a/b/0a1b/config.json?x=/api/", "resolvers"),
        ("https://huggingface.co/spaces/a/b/resolve/main/x", "resolvers"),
        ("https://hf.co/api/resolve-cache/spaces/a/b/0a1b/x", "resolvers"),
        ("https://huggingface.co/api/spaces/a/b", "api"), ("https://huggingface.co/spaces/a/b", "pages"),
    ]) func callsCountWhereTheHubCountsThem(url: String, bucket: String) {
        #expect(Hub.bucket(of: url, endpoint: "https://huggingface.co") == bucket)
    }

    @Test func aCommitThatNeverLeftDoesNotCount() async throws {
        let server = try await ScriptedHub.start([.json("{}", ["RateLimit": #""api";r=0;t=97"#])])
        try await withHub(server) { hub async throws in
            _ = try await hub.send(.init(.GET, "/api/x", doing: "x"))
            let repo = try RepoID.space("maren/orbit-api")
            var request = HubRequest(.POST, "/api/x", doing: "commit", action: .commit(repo: repo))
            request.patience = .seconds(10)
            let failure = await #expect(throws: HubFailure.self) { try await hub.send(request) }
            #expect(failure?.kind == .throttled)
            #expect(hub.pace.report.commits.isEmpty)
        }
        #expect(server.asked().count == 1)
    }

    @Test func timeInTheQueueIsTimeWaited() async throws {
        let server = try await ScriptedHub.start([.json("{}", ["RateLimit": #""api";r=0;t=97"#])])
        let clock = FastClock()
        try await withHub(server, clock: clock) { hub async throws in
            _ = try await hub.send(.init(.GET, "/api/x", doing: "x"))
            // Somebody is before it for so long that another window has begun, and is empty again.
            try await hub.pace.turns.take("bucket:api")
            let second = Task { () -> HubFailure? in
                var request = HubRequest(.GET, "/api/x", doing: "x")
                request.patience = .seconds(300)
                do { _ = try await hub.send(request) } catch { return error as? HubFailure }
                return nil
            }
            try await eventually { hub.pace.turns.waiting == 1 }
            clock.advance(.seconds(200))
            hub.pace.heard(RateLimitHeaders(["RateLimit": #""api";r=0;t=250"#]), bucket: "api", status: 200)
            hub.pace.turns.give("bucket:api")
            #expect(await second.value?.kind == .throttled)
        }
        #expect(server.asked().count == 1)
    }

    /// The last twentieth of a window is kept for what a person waits for or what heals.
    @Test func aRestartGoesBeforeWhatCanWait() async throws {
        let server = try await ScriptedHub.start([
            .json(
                #"{"stage":"RUNNING"}"#,
                [
                    "RateLimit": #""api";r=30;t=200"#, "RateLimit-Policy": #""fixed window";"api";q=1000;w=300"#,
                    "Date": "Thu, 28 May 2026 11:41:20 GMT",
                ])
        ])
        let clock = FastClock()
        try await withHub(server, clock: clock) { hub async throws in
            let space = try RepoID.space("maren/orbit-api")
            _ = try await hub.runtime(of: space)
            _ = try await hub.restart(space)
            _ = try await hub.pause(space)
            #expect(clock.slept.isEmpty)
            _ = try await hub.runtime(of: space)
            #expect(!clock.slept.isEmpty)
        }
    }

    // MARK: Proxies

    @Test(
        arguments: [
            (["HTTPS_PROXY": "http://p:3128"], "https://huggingface.co", "p:3128"),
            (["https_proxy": "low:1", "HTTPS_PROXY": "high:1"], "https://huggingface.co", "low:1"),
            (["HTTPS_PROXY": "http://p:3128"], "http://huggingface.co", nil),
            (["ALL_PROXY": "socks5://p"], "http://huggingface.co", "p:1080"),
            (["HTTPS_PROXY": "p:1", "NO_PROXY": "x.org, .huggingface.co"], "https://huggingface.co", nil),
            (["HTTPS_PROXY": "p:1", "NO_PROXY": "gingface.co"], "https://huggingface.co", "p:1"),
            (["HTTPS_PROXY": "p:1", "NO_PROXY": "hf.co"], "https://cdn-lfs.hf.co", nil),
            (["HTTPS_PROXY": "p:1", "NO_PROXY": "*"], "https://huggingface.co", nil),
            (["HTTPS_PROXY": "p:1"], "https://127.0.0.1:8443", nil),
            (["HTTPS_PROXY": "p:1"], "https://localhost", nil), (["HTTPS_PROXY": "p:1"], "https://[::1]:1", nil),
            (["HTTPS_PROXY": "https://p"], "https://huggingface.co", nil),
            (["HTTP_PROXY": "p:1", "REQUEST_METHOD": "GET"], "http://huggingface.co", nil),
            ([:], "https://huggingface.co", nil),
        ] as [([String: String], String, String?)])
    func theEnvironmentNamesTheProxy(environment: [String: String], url: String, wanted: String?) throws {
        let proxy = HubProxies(environment).proxy(for: try WebOrigin(url))
        #expect(proxy.map { "\($0.host):\($0.port)" } == wanted)
    }

    @Test func theProxyIsAskedForAWayToTheHub() async throws {
        let proxy = try await ScriptedHub.start([.text("no", status: 502)])
        let clock = FastClock()
        var settings = Hub.Settings(endpoint: "https://hub.example.test", token: Secret("hf_abcdefghijklmnop1234"))
        settings.proxies = HubProxies(["HTTPS_PROXY": "http://maren:pass@127.0.0.1:\(proxy.port)"])
        let hub = Hub(settings, pace: HubRateLimiter(clock: clock.hubClock), logger: LogNotes().logger, jitter: { 0 })
        let failure = await #expect(throws: HubFailure.self) { try await hub.send(.init(.GET, "/api/x", doing: "x")) }
        #expect(failure?.kind == .unreachable)
        let asked = try #require(proxy.asked().first)
        #expect(asked.method == .CONNECT && asked.uri == "hub.example.test:443")
        #expect(asked.headers.first(name: "Proxy-Authorization") == "Basic bWFyZW46cGFzcw==")
        #expect(asked.token == nil)
        try await hub.shutdown()
        try await proxy.stop()
    }
}
