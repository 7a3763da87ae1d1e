import NIOCore
import NIOHTTP1
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

/// Where a `Location` leads, and what goes along.
@Suite(.timeLimit(.minutes(2)))
struct ProbeRedirectTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    /// As `curl -L` goes, from `http://h.test/a/b?q`.
    @Test(arguments: [
        ("../ok", "http://h.test/ok"), ("./c", "http://h.test/a/c"), ("../../../ok", "http://h.test/ok"),
        ("/x/./y/../z", "http://h.test/x/z"), ("/x/..", "http://h.test/"), ("/x/%2E%2e/y", "http://h.test/y"),
        ("c/.", "http://h.test/a/c/"), ("/a..b/...", "http://h.test/a..b/..."), ("?r=../s", "http://h.test/a/b?r=../s"),
        ("/with space", "http://h.test/with%20space"), ("  /x\t", "http://h.test/x"), ("/a\nb", "http://h.test/ab"),
        ("/grüße?ä", "http://h.test/gr%C3%BC%C3%9Fe?%C3%A4"), ("/x#part", "http://h.test/x"),
        ("#part", "http://h.test/a/b?q"), ("/\u{1}", "http://h.test/%01"), ("//o.test", "http://o.test/"),
        ("http://o.test:80/", "http://o.test/"), ("http://o.test:/x", "http://o.test/x"),
        ("http:/o.test/x", "http://o.test/x"), ("HTTPS://O.Test./X", "https://o.test/X"),
        ("http://bücher.test/x", "http://xn--bcher-kva.test/x"), ("http://BÜCHER.test", "http://xn--bcher-kva.test/"),
        ("http://b%C3%BCcher.test/", "http://xn--bcher-kva.test/"), ("http://faß.test/", "http://xn--fa-hia.test/"),
        ("http://日本語。テスト/", "http://xn--wgv71a119e.xn--zckzah/"), ("http://\u{FF41}.test/", "http://a.test/"),
        ("http://u@o.test/", "http://o.test/"), ("http://u:p%40@o.test:8080/x", "http://o.test:8080/x"),
    ])
    func locations(_ location: String, _ expected: String) throws {
        let next = try ProbeAddress("http://h.test/a/b?q").following(Array(location.utf8))
        #expect("\(next.scheme)://\(next.authority)\(next.target)" == expected)
        let credentials = ["http://u@o.test/": "dTo=", "http://u:p%40@o.test:8080/x": "dTpwQA=="]
        #expect(next.credentials == credentials[location])
    }

    /// A redirect's user goes where curl 7.88 sends it: to the same scheme, host and port.
    @Test(arguments: [
        ("c", true), ("/c", true), ("?x=1", true), ("http://o.test/c", true), ("//o.test/c", true),
        ("http://O.test:80/c", true),
        ("http://o.test:81/c", false), ("https://o.test/c", false), ("http://p.test/c", false), ("//p.test/c", false),
    ])
    func aRedirectsUserStaysWithItsHost(_ location: String, _ stays: Bool) throws {
        let first = try ProbeAddress("http://h.test/").following(Array("http://u:p@o.test/b".utf8))
        #expect(try first.following(Array(location.utf8)).credentials == (stays ? "dTpw" : nil))
        let other = try first.following(Array("http://v:q@o.test/".utf8))
        #expect(other.credentials == "djpx")
    }

    @Test(arguments: [
        "mailto:a@b", "ftp://x/", "http:", "http://", "http://a b/", "http://x:0/", "http://1.2.3.999/",
        "http://[::::]/", "http://a%00b/", "http://%2F/", "tcp://x:1", "http://0x7f.0x1/", "http://x:1:2/",
        "http://\u{2028}.test/",
    ])
    func locationsThatLeadNowhere(_ location: String) throws {
        let address = try ProbeAddress("http://h.test/a/b?q")
        #expect(throws: ProbeAddress.Problem.self) { try address.following(Array(location.utf8)) }
    }

    @Test func aRedirectsUserIsSentAndNotShown() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { request in
                let port = request.split(separator: "Host: 127.0.0.1:")[1].prefix { $0.isNumber }
                let location = request.contains("/1 ") ? "http://me:s3cret@127.0.0.1:\(port)/2" : "/3"
                return request.contains("/3 ")
                    ? [.send(Self.ok), .close]
                    : [.send("HTTP/1.1 302 Go\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"), .close]
            }
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/1", .quick())
            #expect(seen.status == 200, "\(seen.detail)")
            let requests = server.requests.map(\.request)
            try #require(requests.count == 3)
            #expect(requests[1].contains("Authorization: Basic bWU6czNjcmV0\r\n"))
            #expect(requests[2].contains("Authorization: Basic bWU6czNjcmV0\r\n"))
            #expect(!requests[0].contains("Authorization"))
            #expect(!"\(seen.transcript)".contains("s3cret") && !"\(seen.transcript)".contains("bWU6czNjcmV0"))
        }
    }

    /// Of a login that sets a cookie and asks again; beside the fleet file's own.
    @Test func cookiesOfTheChainAreSent() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { request in
                guard request.contains("/1 ") else { return [.send(Self.ok), .close] }
                let cookies =
                    "Set-Cookie: sid=s3ss; Path=/; HttpOnly\r\nSet-Cookie: deep=1; Path=/x\r\nset-cookie: gone=1; Max-Age=0\r\n"
                return [.send("HTTP/1.1 302 Go\r\n\(cookies)Location: /2\r\nContent-Length: 0\r\n\r\n"), .close]
            }
            let request = Request(headers: [.init(name: "Cookie", value: Secret("own=0wn"))])
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/1", .quick(request: request))
            #expect(seen.status == 200, "\(seen.detail)")
            let plain = await bench.attempt("http://127.0.0.1:\(server.port)/1", .quick())
            #expect(plain.status == 200)
            let requests = server.requests.map(\.request)
            try #require(requests.count == 4)
            #expect(requests[0].contains("Cookie: own=0wn\r\n"))
            #expect(requests[1].contains("Cookie: own=0wn; sid=s3ss\r\n"))
            #expect(!requests[2].contains("Cookie"), "nothing is kept from one attempt to the next")
            #expect(requests[3].contains("Cookie: sid=s3ss\r\n"))
            #expect(!"\(seen.transcript)".contains("s3ss"))
        }
    }

    @Test func cookiesGoWhereTheyBelong() throws {
        var cookies = ProbeCookies()
        let login = try ProbeAddress("https://login.example.test/a/b")
        cookies.take(
            [
                "Set-Cookie": "wide=1; Domain=.Example.test; Path=/", "set-cookie": "own=2",
                "SET-COOKIE": "safe=3; secure; path=/", "Set-cookie": "evil=4; Domain=other.test",
                "set-Cookie": "tld=5; Domain=test", "sEt-cookie": "odd=\u{1}", "seT-cookie": "none",
            ], from: login)
        func sent(_ address: String) throws -> String? { cookies.header(for: try ProbeAddress(address)) }
        #expect(try sent("https://login.example.test/a/c") == "own=2; wide=1; safe=3")
        #expect(try sent("https://login.example.test/ab") == "wide=1; safe=3")
        #expect(try sent("http://login.example.test/") == "wide=1")
        #expect(try sent("https://app.example.test/") == "wide=1")
        #expect(try sent("https://example.test/") == "wide=1")
        #expect(try sent("https://notexample.test/") == nil)
        cookies.take(
            ["Set-Cookie": "wide=; Domain=example.test; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], from: login)
        #expect(try sent("https://example.test/") == nil)
    }

    @Test(arguments: [
        "169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "2002:7f00:1::", "2002:808:808::1",
        "2001:0:808:808::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "::ffff:169.254.169.254",
        "::ffff:0:169.254.1.1", "2a00::5efe:a00:1", "2a00::200:5efe:808:808", "fd00:ec2::254", "fd20:ce::254", "100::1",
    ])
    func noRedirectLeadsInto(_ text: String) throws {
        let address = try SocketAddress(ipAddress: text, port: 80)
        #expect(address.isNeverRedirectedTo && !address.isPublic)
    }

    @Test(arguments: ["http://169.254.169.254/latest", "http://[2002:7f00:1::]/", "//[64:ff9b::7f00:1]/"])
    func suchARedirectIsRefused(_ location: String) async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in
                [.send("HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"), .close]
            }
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/", .quick())
            #expect(seen.cause == .badRedirect && seen.detail.contains("metadata service"), "\(seen.detail)")
        }
    }

    /// A private network may lead into itself, and NAT64 to the internet.
    @Test(arguments: [
        "127.0.0.1", "10.0.0.1", "::1", "fd00::1", "8.8.8.8", "2a00:1450::1", "64:ff9b::808:808", "2001:db8::1",
    ])
    func aRedirectMayLeadTo(_ text: String) throws {
        #expect(try !SocketAddress(ipAddress: text, port: 80).isNeverRedirectedTo)
    }
}
