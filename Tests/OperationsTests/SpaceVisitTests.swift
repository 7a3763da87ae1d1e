import HubClient
import Logging
import NIOCore
import NIOPosix
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import Operations

/// Where the token goes.
@Suite(.timeLimit(.minutes(2))) struct SpaceVisitTests {
    /// A Hub that says of its one Space what it is told to.
    static func withHub<R>(
        isPrivate: Bool, app: String, _ body: (Hub, MultiThreadedEventLoopGroup) async throws -> R
    ) async throws -> R {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        @Sendable func json(_ text: String) -> [MisbehavingServer.Step] {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n"
            return [.send(head + "Connection: close\r\n\r\n" + text), .close]
        }
        let server = try await MisbehavingServer.start(on: group) { request in
            if request.contains("/acme/app/host") { return json(#"{"host": "\#(app)"}"#) }
            if request.contains("/acme/app/runtime") {
                return json(#"{"stage": "RUNNING", "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}"#)
            }
            return json(#"{"id": "acme/app", "private": \#(isPrivate)}"#)
        }
        let hub = Hub(
            .init(endpoint: "http://127.0.0.1:\(server.port)", token: Secret("hf_visitor")),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<R, any Error>
        do { result = .success(try await body(hub, group)) } catch { result = .failure(error) }
        try await hub.shutdown()
        try await server.stop()
        try await group.shutdownGracefully()
        return try result.get()
    }

    /// An app can answer as the platform does for a Space that is hidden. Only the Hub's word opens the gate.
    @Test(arguments: [true, false]) func theAppGetsTheTokenOfAClosedSpaceOnly(isPrivate: Bool) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let app = try await MisbehavingServer.start(on: group) { request in
            request.lowercased().contains("x-hf-authorization: bearer hf_visitor")
                ? [.send("HTTP/1.1 200 OK\r\nx-proxied-host: app\r\nContent-Length: 2\r\n\r\nok"), .close]
                : [.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), .close]
        }
        try await Self.withHub(isPrivate: isPrivate, app: "http://127.0.0.1:\(app.port)") { hub, _ in
            let space = try RepoID.space("acme/app")
            let visit = try await SpaceVisit.make(
                space, path: "health", runtime: try await hub.runtime(of: space), hub: hub, timeout: .seconds(60))
            #expect(visit.isGood == isPrivate, "\(visit.sentence)")
            #expect(app.requests.count == (isPrivate ? 2 : 1))
            #expect(!"\(visit.json.text)".contains("hf_visitor"))
        }
        try await app.stop()
        try await group.shutdownGracefully()
    }

    @Test(arguments: [
        ("https://acme-app.hf.space", "https://huggingface.co", true),
        ("https://ACME-APP.HF.SPACE", "https://huggingface.co", true),
        ("http://acme-app.hf.space", "https://huggingface.co", false),
        ("https://acme-app.hf.space.example.com", "https://huggingface.co", false),
        ("https://evilhf.space", "https://huggingface.co", false),
        ("https://app.example.com", "https://huggingface.co", false),
        ("http://127.0.0.1:8000", "https://huggingface.co", false),
        ("http://127.0.0.1:8000", "http://localhost:9000", true),
        ("http://127.example.com:8000", "http://localhost:9000", false),
        ("http://192.0.2.1:8000", "http://localhost:9000", false), ("", "https://huggingface.co", false),
        ("https://acme-app.hf.space@evil.example", "https://huggingface.co", false),
        ("https://acme-app.hf.space.", "https://huggingface.co", false),
        ("http://[::1]:8000", "http://127.0.0.1:9000", true),
    ]) func theTokenStaysOnThePlatform(_ host: String, _ endpoint: String, _ isOurs: Bool) {
        #expect(SpaceVisit.isOurs(host, endpoint) == isOurs)
    }
}

@Suite struct VisitedAddressTests {
    @Test(arguments: trickyAddresses) func addressesAreReadByOneGrammar(address: String) {
        let isHere = (try? WebOrigin(address))?.isLoopback ?? false
        #expect(SpaceVisit.isOurs(address, "http://localhost:1") == (isHere || address == "https://acme-app.hf.space"))
    }
}

/// What a server does for a caller, and what it does not.
@Suite(.timeLimit(.minutes(2))) struct ServedWorkTests {
    private final class Notes: OperationCaller {
        let isLocal: Bool
        private let notes = Mutex<[String]>([])
        var told: [String] { notes.withLock { $0 } }
        init(isLocal: Bool) { self.isLocal = isLocal }
        func take(_ progress: OperationProgress) { notes.withLock { $0.append(progress.text) } }
    }

    @Test func aServerWaitsAnHourAtMostAndLooksEveryTwoSeconds() {
        for isLocal in [true, false] {
            let caller = Notes(isLocal: isLocal)
            let context = OperationContext(now: { Instant(milliseconds: 0) }, caller: caller)
            #expect(context.limited(.seconds(3_600)) == .seconds(3_600))
            #expect(context.spaced(.seconds(2)) == .seconds(2))
            #expect(caller.told.isEmpty, "nothing was changed, so nothing is told")
            #expect(context.limited(.seconds(86_400)) == .seconds(isLocal ? 86_400 : 3_600))
            #expect(context.spaced(.milliseconds(10)) == (isLocal ? .milliseconds(10) : .seconds(2)))
            #expect(caller.told.count == (isLocal ? 0 : 2))
        }
    }
}
