import NIOCore
import NIOPosix
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

/// What is sent, where redirects lead, and what people may see of it.
@Suite(.timeLimit(.minutes(2)))
struct ProbeRequestTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    /// A ping goes where a token for the same address would go; a probe's host has no root dot.
    @Test(arguments: trickyAddresses) func addressesAreReadByOneGrammar(text: String) {
        guard let probe = try? ProbeAddress(text), probe.scheme.kind == .http else { return }
        let origin = try? WebOrigin(text)
        #expect(origin?.port == probe.port)
        #expect(origin?.host == (probe.isRooted ? probe.host + "." : probe.host))
    }

    @Test func theRequestIsWhatWasAskedFor() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in [.send(Self.ok), .close] }
            let request = Request(
                method: "PURGE",
                headers: [
                    .init(name: "X-Custom", value: Secret("value")),
                    .init(name: "Content-Length", value: Secret("999")),
                    .init(name: "Accept", value: Secret("text/plain")),
                ], body: "{\"a\":1}")
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/p?q=1#part", .quick(request: request))
            #expect(seen.status == 200)
            let heard = try #require(server.requests.first)
            #expect(heard.line == "PURGE /p?q=1 HTTP/1.1")
            #expect(heard.request.contains("Host: 127.0.0.1:\(server.port)\r\n"))
            #expect(heard.request.contains("User-Agent: Stoker/test\r\n"))
            #expect(heard.request.contains("X-Custom: value\r\n"))
            #expect(heard.request.contains("Accept: text/plain\r\n"))
            #expect(!heard.request.contains("*/*"))
            #expect(heard.request.contains("Content-Length: 7\r\n"))
            #expect(!heard.request.contains("999"))
            #expect(heard.request.contains("Connection: close\r\n"))
            #expect(heard.request.hasSuffix("\r\n\r\n{\"a\":1}"))
        }
    }

    @Test func headHasNoBody() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), .hold]
            }
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/", .quick(request: Request(method: "HEAD")))
            #expect(seen.status == 200, "\(seen.detail)")
        }
    }

    @Test(arguments: [
        Request(method: "GET /", headers: []), Request(method: "", headers: []),
        Request(method: "CONNECT", headers: []),
        Request(headers: [.init(name: "X\r\nY", value: Secret("1"))]),
        Request(headers: [.init(name: "X", value: Secret("hunter2\r\nHost: evil"))]),
    ])
    func aRequestThatIsNoHTTP(_ request: Request) async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in [.send(Self.ok), .close] }
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/", .quick(request: request))
            #expect(seen.cause == .invalidAddress)
            #expect(!seen.detail.contains("hunter2"))
            #expect(server.requests.isEmpty)
        }
    }

    struct Hop: Sendable, CustomTestStringConvertible {
        var status: Int
        var method: String
        var location: String
        var line: String
        var testDescription: String { "\(method) \(status) \(location)" }
    }

    @Test(arguments: [
        Hop(status: 301, method: "GET", location: "/b", line: "GET /b HTTP/1.1"),
        Hop(status: 302, method: "POST", location: "c", line: "GET /a/c HTTP/1.1"),
        Hop(status: 303, method: "PUT", location: "?x=1", line: "GET /a/start?x=1 HTTP/1.1"),
        Hop(status: 307, method: "POST", location: "/b", line: "POST /b HTTP/1.1"),
        Hop(status: 308, method: "PUT", location: "//127.0.0.1:PORT/b", line: "PUT /b HTTP/1.1"),
        Hop(status: 303, method: "HEAD", location: "HTTP://127.0.0.1:PORT", line: "HEAD / HTTP/1.1"),
    ])
    func redirects(_ hop: Hop) async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { request in
                guard request.contains("/start?y HTTP") else { return [.send("HTTP/1.1 204 Done\r\n\r\n"), .close] }
                let port = request.split(separator: "Host: 127.0.0.1:")[1].prefix { $0.isNumber }
                let location = hop.location.replacing("PORT", with: port)
                return [
                    .send("HTTP/1.1 \(hop.status) Go\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"), .close,
                ]
            }
            let request = Request(method: hop.method, body: hop.method.hasPrefix("P") ? "body" : nil)
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/a/start?y", .quick(request: request))
            #expect(seen.status == 204, "\(seen.cause) \(seen.detail)")
            #expect(seen.redirects == 1)
            let second = try #require(server.requests.last)
            #expect(second.line == hop.line)
            #expect(second.request.hasSuffix("body") == hop.line.hasPrefix("P"))
        }
    }

    @Test func noRedirectIsFollowedWhenNoneIsWanted() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in
                [.send("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"), .close]
            }
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/", .quick(request: Request(redirects: 0)))
            #expect(seen.status == 302)
            #expect(server.requests.count == 1)
        }
    }

    /// 307 keeps the body, which may hold a secret as well.
    @Test func aBodyIsNotSentToAnotherHost() async throws {
        try await ProbeBench.run { bench in
            let other = try await MisbehavingServer.start(on: bench.group) { _ in [.send(Self.ok), .close] }
            let otherPort = other.port
            let server = try await MisbehavingServer.start(on: bench.group) { _ in
                [
                    .send(
                        "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:\(otherPort)/\r\nContent-Length: 0\r\n\r\n"),
                    .close,
                ]
            }
            let request = Request(method: "POST", body: "key=hf_secretvalue")
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/", .quick(request: request))
            #expect(seen.cause == .badRedirect && seen.detail.contains("body"))
            #expect(other.requests.isEmpty)
        }
    }

    @Test(arguments: [
        "Authorization", "Cookie", "X-HF-Authorization", "Proxy-Authorization", "X-Api-Key", "X-My-Token",
    ])
    func secretsStayWithTheirHost(_ name: String) async throws {
        try await ProbeBench.run { bench in
            let other = try await MisbehavingServer.start(on: bench.group) { _ in [.send(Self.ok), .close] }
            let otherPort = other.port
            let server = try await MisbehavingServer.start(on: bench.group) { request in
                request.contains("GET /1 ")
                    ? [.send("HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n"), .close]
                    : [
                        .send(
                            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:\(otherPort)/3\r\nContent-Length: 0\r\n\r\n"
                        ), .close,
                    ]
            }
            let request = Request(headers: [
                .init(name: name, value: Secret("hf_secretvalue")), .init(name: "Accept-Language", value: Secret("de")),
                .init(name: "X-Plain", value: Secret("1")),
            ])
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/1", .quick(request: request))
            #expect(seen.status == 200)
            #expect(server.requests.count == 2)
            #expect(server.requests.allSatisfy { $0.request.contains("\(name): hf_secretvalue\r\n") })
            #expect(other.requests.first?.request.contains("hf_secretvalue") == false)
            #expect(other.requests.first?.request.contains("Accept-Language: de\r\n") == true)
            #expect(other.requests.first?.request.contains("X-Plain") == false, "any header may hold a secret")
        }
    }

    /// What a variable put into address and expectation comes back in headers, in the body and in what is told of it.
    @Test func aVariablesValueIsInNoTranscript() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { request in
                let line = request.prefix { $0 != "\r\n" }
                return [
                    .send(
                        "HTTP/1.1 200 OK\r\nX-You-Asked: \(line)\r\nContent-Length: \(line.utf8.count)\r\n\r\n\(line)"),
                    .close,
                ]
            }
            var request = Request()
            request.hidden = [Secret("k3y-of-mine"), Secret("eu")]
            let seen = await bench.attempt(
                "http://127.0.0.1:\(server.port)/hook/k3y-of-mine/eu?x=k3y-of-mine",
                .quick(request: request, expect: Expectation(text: "k3y-of-mine is well")))
            #expect(seen.finding.cause == .textMissing)
            #expect(seen.finding.detail.contains("expected the text \"*** is well\""), "\(seen.finding.detail)")
            #expect(server.requests.first?.request.hasPrefix("GET /hook/k3y-of-mine/eu?x=k3y-of-mine ") == true)
            #expect(!"\(seen.transcript)".contains("k3y"), "\(seen.transcript)")
            #expect(seen.transcript.exchanges.first?.sent.first == "GET /hook/***/***?x=*** HTTP/1.1")
        }
    }

    /// A server that says back everything it was told, at the worst places.
    @Test(arguments: ["Authorization", "X-HF-Authorization", "Cookie", "X-Api-Key", "X-Whatever"])
    func secretsNeverReachATranscript(_ name: String) async throws {
        let value = name == "Cookie" ? "session=hf_secretvalue; lang=en" : "Bearer hf_secretvalue"
        for padding in [0, 1_010, 1_015, 1_020, 5_000] {
            try await ProbeBench.run { bench in
                let server = try await MisbehavingServer.start(on: bench.group) { _ in
                    let body = String(repeating: ".", count: padding) + "you sent hf_secretvalue, \(value)"
                    return [
                        .send(
                            """
                            HTTP/1.1 200 OK\r\nX-Echo: got \(value)\r\nSet-Cookie: id=servers-own; Path=/\r\n\
                            Location: http://u:p@h/?token=hf_secretvalue&a=b\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)
                            """), .close,
                    ]
                }
                let request = Request(headers: [.init(name: name, value: Secret(value))])
                let seen = await bench.attempt(
                    "http://127.0.0.1:\(server.port)/?access_token=hf_secretvalue&page=2",
                    .quick(request: request, expect: padding == 5_000 ? Expectation(text: "x") : Expectation()))
                let text = "\(seen.transcript)"
                #expect(!text.contains("hf_sec"), "\(text)")
                #expect(!text.contains("servers-own"))
                #expect(!text.contains("u:p@"))
                #expect(text.contains("GET /?access_token=***&page=2 HTTP/1.1"))
                #expect(text.contains("\(name): ***"))
                #expect(text.contains("Set-Cookie: id=***"))
                #expect(seen.transcript.exchanges.first?.body.utf8.count ?? 9_999 <= 1_024)
            }
        }
    }

    @Test(arguments: [
        ("GET /?token=abc HTTP/1.1", "GET /?token=*** HTTP/1.1"),
        ("https://u:pw@host/x?api_key=1&b=2#access_token=3", "https://***@host/x?api_key=***&b=2#access_token=***"),
        ("/a?X-Amz-Signature=ff&X-Amz-Credential=gg&n=1", "/a?X-Amz-Signature=***&X-Amz-Credential=***&n=1"),
        ("/plain?page=2&sort=name", "/plain?page=2&sort=name"),
        ("/?", "/?"), ("", ""), ("//u@h/", "//***@h/"), ("/?password=a=b&c", "/?password=***&c"),
    ])
    func urlsAreRedacted(_ text: String, _ expected: String) {
        #expect(Redaction.text(text) == expected)
    }

    @Test func addresses() throws {
        let a = try ProbeAddress("HTTPS://Example.ORG./a b".replacing(" b", with: "?x=ü#f"))
        #expect(a.scheme == .https)
        #expect(a.host == "example.org")
        #expect(a.port == 443)
        #expect(a.target == "/a?x=%C3%BC")
        #expect(a.authority == "example.org")
        #expect(try ProbeAddress("http://[2001:DB8::1]:8080").authority == "[2001:db8::1]:8080")
        #expect(try ProbeAddress("http://127.0.0.1?q").target == "/?q")
        #expect(try ProbeAddress("tcp://db.test:5432").port == 5_432)
        #expect(try ProbeAddress("http://my_host-1.test:080").port == 80)
        for bad in [
            "http://a..b/", "http://-/%", "http://h:0/", "http://[::1]x/", "http://[1.2.3.4]/",
            "http://[fe80::1%25eth0]/", "http://1.2.3.999/", "http://[::::]/", "http://1.2.3.4.5/", "http://x.0x10/",
            "http://::1/", "http://256.1.1.1/", "http:/x", "//x", "http://x/\u{1}",
            "http://\(String(repeating: "a", count: 64)).test/",
        ]
        where bad != "http://-/%" {
            #expect(throws: ProbeAddress.Problem.self) { try ProbeAddress(bad) }
        }
    }

    @Test(arguments: [
        "10.1.2.3", "127.0.0.1", "0.0.0.0", "169.254.169.254", "172.16.0.1", "172.31.9.9", "192.168.1.1", "100.64.0.1",
        "198.18.0.1", "192.0.0.8", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "64:ff9b::a00:1", "fec0::1",
    ])
    func ownNetworksAreNotPublic(_ text: String) throws {
        #expect(try !SocketAddress(ipAddress: text, port: 80).isPublic)
    }

    @Test(arguments: [
        "8.8.8.8", "172.32.0.1", "100.128.0.1", "198.51.100.1", "192.0.2.1", "2a00:1450::1", "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ])
    func theInternetIsPublic(_ text: String) throws { #expect(try SocketAddress(ipAddress: text, port: 80).isPublic) }

    @Test func theFileLimitLeavesRoom() {
        let limit = FileLimit(open: 20_000)
        #expect(limit.inFlight == 15_904 && limit.visitors == 2_048)
        #expect(FileLimit(open: 256).inFlight == 192)
        #expect(FileLimit(open: 10).inFlight == 16)
        let own = FileLimit.raised()
        #expect(own.open > 0)
        #expect(FileLimit.raised() == own, "raising twice changes nothing")
    }
}
