@testable import ControlRoom
import Hummingbird
import NIOCore
import NIOPosix
import StokerCore
import Synchronization
import TestSupport
import Testing

/// Connections that say nothing, too little, or too much.
@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
    /// A connection that a test holds open.
    private final class Line: Sendable {
        let channel: any Channel
        private let isClosed = Atomic(false)
        private let ear = Ear()

        /// Notes that something came.
        private final class Ear: ChannelInboundHandler, Sendable {
            typealias InboundIn = ByteBuffer
            let heard = Atomic(false)
            func channelRead(context: ChannelHandlerContext, data: NIOAny) { heard.store(true, ordering: .relaxed) }
        }

        init(to port: Int, saying text: String = "") async throws {
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { [ear] channel in channel.pipeline.addHandler(ear) }
                .connect(host: "127.0.0.1", port: port).get()
            channel.closeFuture.whenComplete { [self] _ in isClosed.store(true, ordering: .relaxed) }
            if !text.isEmpty { try await channel.writeAndFlush(ByteBuffer(string: text)) }
        }

        var closed: Bool { isClosed.load(ordering: .relaxed) }
        /// The server has begun to answer.
        var isAnswered: Bool { ear.heard.load(ordering: .relaxed) }
    }

    private static func idle(_ count: Int, on port: Int) async throws -> [Line] {
        var lines: [Line] = []
        for _ in 0..<count { lines.append(try await Line(to: port)) }
        return lines
    }

    private static let few = ControlRoomServer.Settings(port: 0, connections: 8)

    @Test func idleConnectionsGiveTheirPlacesToTheNext() async throws {
        try await Served.run(SampleFleet.dozen(), settings: Self.few) { served in
            let lines = try await Self.idle(60, on: served.port)
            // A request in the midst of it could be the one that makes room for an idle one that is registered late.
            try await eventually { lines.count { !$0.closed } <= 8 }
            #expect(try await served.get("/health").status == 200)
            #expect(try await served.get("/status").status == 200)
            for line in lines { try? await line.channel.close() }  // many are closed already
        }
    }

    @Test func whoIsAnsweredIsNotSentAway() async throws {
        try await Served.run(SampleFleet.dozen(), settings: Self.few) { served in
            let viewer = try await Line(
                to: served.port, saying: "GET /events HTTP/1.1\r\nHost: 127.0.0.1:\(served.port)\r\n\r\n")
            try await eventually { viewer.isAnswered }
            let lines = try await Self.idle(60, on: served.port)
            try await eventually { lines.count { !$0.closed } <= 8 }
            #expect(!viewer.closed)
            for line in lines + [viewer] { try? await line.channel.close() }  // many are closed already
        }
    }

    /// When all places are taken by people who are being answered, the health check still has one.
    @Test func theHealthCheckHasPlacesOfItsOwn() async throws {
        try await Served.run(SampleFleet.dozen(), settings: Self.few) { served in
            var subscribers: [Line] = []
            let asking = "GET /events HTTP/1.1\r\nHost: 127.0.0.1:\(served.port)\r\n\r\n"
            for _ in 0..<6 { subscribers.append(try await Line(to: served.port, saying: asking)) }
            try await eventually { subscribers.allSatisfy(\.isAnswered) }
            try await eventually { try await served.get("/status").status == 503 }
            let turned = try await served.get("/status")
            #expect(turned.headers["retry-after"] != nil && turned.text.contains("\"overloaded\""))
            #expect(try await served.get("/health").text == #"{"status":"alive"}"#)
            #expect(subscribers.allSatisfy { !$0.closed })
            for viewer in subscribers { try await viewer.channel.close() }
            try await eventually { try await served.get("/status").status == 200 }
        }
    }

    @Test(arguments: ["", "GET /health HTTP/1.1\r\n", "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
    func aHeadThatDoesNotEndIsNotAwaited(_ text: String) async throws {
        let settings = ControlRoomServer.Settings(port: 0, headDeadline: .milliseconds(300))
        try await Served.run(SampleFleet.dozen(), settings: settings) { served in
            let line = try await Line(to: served.port, saying: text)
            try await eventually {
                // A byte now and then does not move the deadline.
                if !text.isEmpty, !line.closed { line.channel.writeAndFlush(ByteBuffer(string: "a"), promise: nil) }
                return line.closed
            }
        }
    }

    // MARK: Bodies

    private static func talk(
        _ served: Served, _ head: String, _ body: String, afterContinue: Bool
    ) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: served.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: head))
            var said = ""
            var sent = false
            for try await part in inbound {
                said += String(buffer: part)
                if afterContinue, !sent, said.contains("100 Continue\r\n\r\n") {
                    sent = true
                    try await outbound.write(ByteBuffer(string: body))
                }
                if said.contains("}") { break }
            }
            return said
        }
    }

    @Test func whoAsksBeforeSendingIsAnswered() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let head =
                "POST /actions/ping HTTP/1.1\r\nHost: 127.0.0.1:\(served.port)\r\nExpect: 100-continue\r\n"
                + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\n"
            let said = try await Self.talk(served, head, "name=website", afterContinue: true)
            #expect(said.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2"), "\(said)")
        }
    }

    @Test func aBodyThatIsTooLargeIsNotAskedFor() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let head =
                "POST /actions/ping HTTP/1.1\r\nHost: 127.0.0.1:\(served.port)\r\nExpect: 100-continue\r\n"
                + "Content-Length: 99000000\r\n\r\n"
            let said = try await Self.talk(served, head, "", afterContinue: false)
            #expect(said.hasPrefix("HTTP/1.1 413 "), "\(said)")
            #expect(said.contains("\"too_large\"") && said.contains("\"request_id\""))
        }
    }

    // MARK: Guesses

    @Test func wrongBearersAreSlowedAtEveryDoor() async throws {
        let access = Access(token: Secret("the right token of this test"), now: { SampleFleet.now })
        try await Served.run(SampleFleet.dozen(), access: access) { served in
            var seen: [Int] = []
            for number in 0..<12 {
                let path = number.isMultiple(of: 2) ? "/status" : "/nowhere"
                seen.append(try await served.get(path, headers: [("Authorization", "Bearer x\(number)")]).status)
            }
            #expect(seen == [200, 404, 200, 404, 200, 404, 200, 404, 200, 404, 429, 429])
            let right = [("Authorization", "Bearer the right token of this test")]
            // The guesser's address waits, whatever it says; others do not.
            #expect(try await served.get("/status", headers: right).status == 429)
            let elsewhere = right + [("X-Forwarded-For", "198.51.100.7")]
            #expect(try await served.get("/status", headers: elsewhere).status == 200)
            #expect(try await served.get("/status").status == 200)
            #expect(try await served.get("/health", headers: [("Authorization", "Bearer x")]).status == 200)
        }
    }

    // MARK: Below a path

    @Test func everyPlaceOfAPageStaysBelowThePath() async throws {
        let settings = ControlRoomServer.Settings(port: 0, publicURL: "https://example.com/tools/stoker/")
        let token = "the right token of this test"
        let access = Access(
            token: Secret(token), publicURL: "https://example.com/tools/stoker/", now: { SampleFleet.now })
        try await Served.run(SampleFleet.dozen(), access: access, settings: settings) { served in
            let html = [("Accept", "text/html")]
            let pages = [
                "/", "/?q=web&page=1", "/targets/nightly-export", "/targets/website?range=week", "/login", "/nowhere",
            ]
            for path in pages {
                let bare = try await served.get(path, headers: html)
                try Markup.check(bare.text)
                for match in bare.text.matches(of: #/(?:href|src|action)="(\/[^"]*)"/#) {
                    #expect(match.1.hasPrefix("/tools/stoker/"), "\(match.1) on \(path)")
                }
                // Proxies that leave the path in, and those that take it away.
                let whole = try await served.get("/tools/stoker" + path, headers: html)
                #expect(whole.status == bare.status && whole.text == bare.text, "\(path)")
            }
            #expect(try await served.get("/tools/stoker", headers: html).status == 200)
            let page = try await served.get("/", headers: html).text
            for match in page.matches(of: #/(?:href|src)="(\/tools\/stoker\/(?:assets|icons)\/[^"]*)"/#) {
                #expect(try await served.get(String(match.1)).status == 200)
            }
            for path in ["/health", "/status", "/metrics", "/badge/website.svg", "/icons/good.svg"] {
                #expect(try await served.get("/tools/stoker" + path).status == 200, "\(path)")
            }
            let login = try await served.get(
                "/tools/stoker/login", method: "POST", headers: html,
                body:
                    "token=\(token.split(separator: " ").joined(separator: "+"))&next=%2Ftools%2Fstoker%2Ftargets%2Fwebsite"
            )
            #expect(login.headers["location"] == "/tools/stoker/targets/website")
            #expect(login.headers["set-cookie"]?.contains("; Path=/tools/stoker;") == true)
            let cookie = String(try #require(login.headers["set-cookie"]).prefix { $0 != ";" })
            let out = try await served.get("/logout", method: "POST", headers: html + [("Cookie", cookie)])
            #expect(out.headers["location"] == "/tools/stoker/")
        }
    }

    @Test(
        arguments: [
            (nil, "/targets/a", "/targets/a"), ("https://x.example", "/targets/a", "/targets/a"),
            ("https://x.example/s", "/s/targets/a?b", "/targets/a?b"), ("https://x.example/s", "/s", "/"),
            ("https://x.example/s", "/s?q=1", "/?q=1"), ("https://x.example/s", "/status", "/status"),
            ("https://x.example/s", "/s/what", "/s/what"),
            // A path that is called like one of ours.
            ("https://x.example/api", "/api/v1/checks", "/api/v1/checks"),
            ("https://x.example/api", "/api/api/v1/checks", "/api/v1/checks"),
            ("https://x.example/s", "/s/deploys", "/deploys"), ("https://x.example/s", "/s/workers/a", "/workers/a"),
            ("https://x.example/s", "/s/maintenance.csv", "/maintenance.csv"),
            ("https://x.example/s", "/s/fragments/log/a", "/fragments/log/a"),
        ] as [(String?, String, String)])
    func bothFormsOfAnAddressAreUnderstood(_ url: String?, _ place: String, _ inside: String) {
        var path = BasePath(publicURL: url)
        path.learn(
            roots: [
                "/", "/targets/**", "/status", "/api/**", "/deploys", "/workers/:name", "/maintenance.csv",
                "/fragments/log/**",
            ])
        #expect(path.inside(place) == inside)
    }

    /// Below a sub-path every page that there is is found with the path before it, where the proxy does not take it away.
    @Test func everyPlaceIsFoundBelowThePublicPath() async throws {
        var settings = ControlRoomServer.Settings(port: 0)
        settings.publicURL = "http://127.0.0.1/tools/stoker"
        try await Served.run(SampleFleet.dozen(), settings: settings) { served in
            for path in [
                "/", "/events", "/incidents", "/notices", "/maintenance", "/deploys", "/workers", "/maintenance.csv",
                "/incidents.csv", "/events.csv", "/fragments/log/website", "/robots.txt", "/api/v1/checks", "/login",
            ] {
                let plain = try await served.get(path, headers: [("Accept", "text/html")])
                let below = try await served.get("/tools/stoker" + path, headers: [("Accept", "text/html")])
                #expect(plain.status == below.status, "\(path): \(plain.status) and \(below.status)")
            }
        }
    }

    /// Each sender has so many requests; who has shown a token is another one than a stranger at the same address.
    @Test func whoAsksTooMuchHasToWait() async throws {
        var settings = ControlRoomServer.Settings(port: 0)
        settings.rateLimits.reading = .init(perSecond: 0.01, burst: 5)
        settings.rateLimits.writing = .init(perSecond: 0.01, burst: 2)
        let access = Access(token: Secret("a token of some length"), now: { SampleFleet.now })
        try await Served.run(SampleFleet.dozen(), access: access, settings: settings) { served in
            for _ in 0..<5 { #expect(try await served.get("/status").status == 200) }
            let refused = try await served.get("/status")
            #expect(refused.status == 429 && refused.headers["retry-after"] == "100")
            // Health is never refused, inventing tokens is no way around, and a right one is a sender of its own.
            #expect(try await served.get("/health").status == 200)
            #expect(try await served.get("/status", headers: [("Authorization", "Bearer invented")]).status == 429)
            let friend = [("Authorization", "Bearer a token of some length")]
            #expect(try await served.get("/status", headers: friend).status == 200)
            for expected in [404, 404, 429] {
                #expect(
                    try await served.get("/actions/nothing", method: "POST", headers: friend, body: "name=website")
                        .status
                        == expected)
            }
        }
    }

    @Test func aBucketFillsSteadily() throws {
        var limits = RateLimits()
        limits.beats = .init(perSecond: 2, burst: 3)
        let limiter = RateLimiter(limits)
        let sender = Principal(.stranger, "stranger", scope: nil, address: "192.0.2.1")
        let start = ContinuousClock.now
        for _ in 0..<3 { try limiter.take(.beats, from: sender, at: start) }
        let failure = #expect(throws: Failure.self) { try limiter.take(.beats, from: sender, at: start) }
        #expect(failure?.code == .overloaded && failure?.retry == .after(.seconds(1)))
        try limiter.take(.beats, from: Principal(.stranger, "stranger", scope: nil, address: "192.0.2.2"), at: start)
        try limiter.take(.reading, from: sender, at: start)
        try limiter.take(.beats, from: sender, at: start + .milliseconds(500))
        #expect(throws: Failure.self) { try limiter.take(.beats, from: sender, at: start + .milliseconds(600)) }
    }
}
