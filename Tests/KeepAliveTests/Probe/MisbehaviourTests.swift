import NIOCore
import NIOPosix
import NIOSSL
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// What the world does to a probe, and what is made of it: one row for each misbehaviour.
@Suite(.timeLimit(.minutes(2)))
struct MisbehaviourTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var steps: [MisbehavingServer.Step]
        var cause: Cause
        var says: String
        var timeout: Duration = .seconds(20)
        var expect = Expectation()
        var testDescription: String { name }
    }

    static let failing: [Row] = [
        Row(
            name: "held", steps: [.hold], cause: .firstByteTimeout, says: "no answer within 300ms",
            timeout: .milliseconds(300)),
        Row(
            name: "one byte and silence", steps: [.send("H"), .hold], cause: .bodyTimeout,
            says: "head did not end", timeout: .seconds(3)),
        Row(
            name: "head and silence", steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), .hold],
            cause: .bodyTimeout, says: "3 bytes of body", timeout: .seconds(3)),
        Row(
            name: "headers for ever",
            steps: [.send("HTTP/1.1 200 OK\r\n"), .sendForever("X-Long: \(String(repeating: "y", count: 1_000))\r\n")],
            cause: .headersTooLarge, says: "300 KiB"),
        Row(name: "closed at once", steps: [.close], cause: .closedEarly, says: "without an answer"),
        Row(
            name: "closed inside the head", steps: [.send("HTTP/1.1 200 OK\r\nContent-"), .close], cause: .closedEarly,
            says: "inside the answer's head"),
        Row(
            name: "cut inside a body of known length",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), .close], cause: .closedEarly,
            says: "after 3 bytes"),
        Row(
            name: "cut inside a chunked body",
            steps: [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"), .close],
            cause: .closedEarly, says: "after 5 bytes"),
        Row(
            name: "a chunk size that is no number",
            steps: [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n0\r\n\r\n"), .hold],
            cause: .notHTTP, says: "malformed"),
        Row(name: "reset before an answer", steps: [.reset], cause: .connectionReset, says: "before an answer"),
        Row(
            name: "reset during the answer",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), .wait(.milliseconds(50)), .reset],
            cause: .connectionReset, says: "during the answer"),
        Row(
            name: "garbage", steps: [.send("SSH-2.0-OpenSSH_9.2\r\n"), .hold], cause: .notHTTP,
            says: "not an HTTP answer"),
        Row(
            name: "HTTP/2 preface", steps: [.sendBytes([0, 0, 18, 4, 0, 0, 0, 0, 0]), .hold], cause: .notHTTP,
            says: "not an HTTP"),
        Row(
            name: "a version of the future", steps: [.send("HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n"), .hold],
            cause: .notHTTP, says: "version"),
        Row(
            name: "one header of 310 KiB",
            steps: [.send("HTTP/1.1 200 OK\r\nX-Large: \(String(repeating: "a", count: 310_000))\r\n\r\n"), .hold],
            cause: .headersTooLarge, says: "300 KiB"),
        Row(
            name: "6,000 headers",
            steps: [.send("HTTP/1.1 200 OK\r\n\(String(repeating: "X-A: b\r\n", count: 6_000))\r\n"), .hold],
            cause: .headersTooLarge, says: "5,000"),
        Row(
            name: "an endless status line",
            steps: [.send("HTTP/1.1 200 "), .sendForever(String(repeating: "a", count: 4_096))],
            cause: .headersTooLarge, says: "before the body"),
        Row(
            name: "endless interim answers",
            steps: [.sendForever(String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 100))],
            cause: .headersTooLarge, says: "before the body"),
        Row(
            name: "two lengths",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"), .hold],
            cause: .notHTTP, says: "Content-Length says both 3 and 5"),
        Row(
            name: "a redirect to nowhere", steps: [.send("HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\n\r\n"), .hold],
            cause: .badRedirect, says: "302 leads to"),
        Row(
            name: "a stalled chunk",
            steps: [
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n9\r\nab"), .hold,
            ],
            cause: .bodyTimeout, says: "7 bytes of body", timeout: .seconds(1)),
        Row(
            name: "a head and no body", steps: [.send("HTTP/1.1 200 OK\r\n\r\n"), .hold],
            cause: .bodyTimeout, says: "0 bytes of body", timeout: .seconds(1)),
        Row(
            name: "an endless chunk extension",
            steps: [
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"),
                .sendForever(String(repeating: "x", count: 1_000)),
            ],
            cause: .notHTTP, says: "longer than 4 KiB"),
        Row(
            name: "a redirect to itself", steps: [.send("HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n"), .hold],
            cause: .tooManyRedirects, says: "more than 5"),
    ]

    @Test(arguments: failing)
    func failureHasItsCause(_ row: Row) async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in row.steps }
            let seen = await bench.attempt(
                "http://127.0.0.1:\(server.port)/", .quick(timeout: row.timeout, expect: row.expect))
            #expect(seen.cause == row.cause, "\(seen.detail)")
            #expect(seen.detail.contains(row.says), "\(seen.detail)")
            #expect(seen.status == nil)
            #expect(seen.phases.requestSent)
            try await bench.expectQuiet(server)
        }
    }

    struct Good: Sendable, CustomTestStringConvertible {
        var name: String
        var steps: [MisbehavingServer.Step]
        var status: UInt16 = 200
        var body: String
        var truncated = false
        var readsBody = false
        var testDescription: String { name }
    }

    static let answering: [Good] = [
        Good(
            name: "plain", steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), .close], body: "hello"),
        Good(
            name: "the server never closes",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), .hold],
            body: "hello"),
        Good(name: "HTTP/1.0 until the end", steps: [.send("HTTP/1.0 200 OK\r\n\r\nhello"), .close], body: "hello"),
        Good(name: "no content", steps: [.send("HTTP/1.1 204 No Content\r\n\r\n"), .hold], status: 204, body: ""),
        Good(
            name: "chunked",
            steps: [
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), .close,
            ],
            body: "hello"),
        Good(
            name: "byte by byte",
            steps: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".flatMap {
                [.send(String($0)), .wait(.milliseconds(1))] as [MisbehavingServer.Step]
            } + [.close], body: "hi"),
        Good(
            name: "interim answers first",
            steps: [
                .send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
                .wait(.milliseconds(20)),
                .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), .close,
            ], body: "hi"),
        Good(
            name: "an endless body is left after 1 KiB",
            steps: [.send("HTTP/1.1 200 OK\r\n\r\n"), .sendForever(String(repeating: "a", count: 1_000))],
            body: String(repeating: "a", count: 1_024), truncated: true),
        Good(
            name: "an endless body is left after 1 MiB when it is read",
            steps: [.send("HTTP/1.1 200 OK\r\n\r\n"), .sendForever(String(repeating: "a", count: 10_000))],
            body: String(repeating: "a", count: 1 << 20), truncated: true, readsBody: true),
        Good(
            name: "an empty Location leads nowhere",
            steps: [.send("HTTP/1.1 302 Found\r\nLocation: \r\nContent-Length: 0\r\n\r\n"), .close], status: 302,
            body: ""),
        Good(
            name: "a stream of events is up at once",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"), .hold], body: "",
            truncated: true),
        Good(
            name: "a stream of events is up when it has what is wanted",
            steps: [
                .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: a\n\n"),
                .wait(.milliseconds(30)), .send("data: x\n\n"), .hold,
            ], body: "data: a\n\ndata: x\n\n", truncated: true, readsBody: true),
        Good(
            name: "an error page", steps: [.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"), .close],
            status: 503,
            body: "busy"),
        Good(
            name: "a redirect without a Location",
            steps: [.send("HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n"), .close],
            status: 301, body: ""),
        Good(
            name: "switching protocols", steps: [.send("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"), .hold],
            status: 101, body: ""),
        Good(
            name: "more than the answer",
            steps: [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 500 No\r\n\r\n"), .hold],
            body: "hi"),
    ]

    @Test(arguments: answering)
    func answerIsTaken(_ row: Good) async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in row.steps }
            let expect = row.readsBody ? Expectation(text: "x") : Expectation()
            let seen = await bench.attempt("http://127.0.0.1:\(server.port)/", .quick(expect: expect))
            #expect(seen.status == row.status, "\(seen.cause) \(seen.detail)")
            #expect(seen.body == row.body)
            #expect(seen.truncated == row.truncated)
            #expect(seen.phases.latency >= seen.phases.firstByte)
            #expect(seen.phases.firstByte > 0)
            try await bench.expectQuiet(server)
        }
    }

    /// Neither events nor an announced end: at the limit what came is judged.
    @Test func whatDoesNotEndIsJudgedAtTheLimit() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in
                [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), .hold]
            }
            for text in [nil, "hello", "missing"] {
                let expect = Expectation(text: text)
                let check = Check(
                    name: "t", address: "http://127.0.0.1:\(server.port)/",
                    policy: .quick(timeout: .milliseconds(700), expect: expect))
                let seen = await bench.attempt(check)
                #expect(seen.status == 200 && seen.truncated && seen.body == "hello", "\(seen.cause) \(seen.detail)")
                #expect(seen.finding.outcome == (text == "missing" ? .down : .up), "\(seen.finding)")
                if text == "missing" { #expect(seen.finding.detail.contains("5 bytes that came within 700ms")) }
            }
            try await bench.expectQuiet(server)
        }
    }

    /// Text behind the first 64 KiB, and more such answers at once than are held in memory.
    @Test func largeBodiesAreReadAFewAtATime() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { request in
                let body = String(repeating: "x", count: 200_000) + "needle"
                let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                return request.contains("/hold")
                    ? [.send(head + body.prefix(150_000)), .hold] : [.send(head + body), .close]
            }
            let one = await bench.attempt(
                "http://127.0.0.1:\(server.port)/", .quick(expect: Expectation(text: "needle")))
            #expect(one.finding.outcome == .up, "\(one.finding)")
            #expect(one.body.utf8.count == 200_006)
            let early = await bench.attempt(
                "http://127.0.0.1:\(server.port)/", .quick(expect: Expectation(text: "xxx")))
            #expect(early.finding.outcome == .up && early.body.utf8.count == 65_536, "no more than is needed")
            let held = (0..<ProbeLane.maxLargeBodies + 6).map { number in
                Check(
                    name: "c\(number)", address: "http://127.0.0.1:\(server.port)/hold",
                    policy: .quick(timeout: .seconds(90), expect: Expectation(text: "needle")))
            }
            let causes = Mutex<[Cause: Int]>([:])
            let lane = bench.lane
            // Those with room are held until the others were turned away, however slow the machine is.
            await ProbeSweep.run(held, on: [lane], concurrency: held.count) { _, attempt in
                let refused = causes.withLock {
                    $0[Seen(attempt).cause, default: 0] += 1
                    return $0[.selfOverloaded]
                }
                if refused == 6 { lane.abandonAll(.bodyTimeout) }
            }
            #expect(causes.withLock { $0 } == [.bodyTimeout: ProbeLane.maxLargeBodies, .selfOverloaded: 6])
            let after = await bench.attempt(
                "http://127.0.0.1:\(server.port)/", .quick(expect: Expectation(text: "needle")))
            #expect(after.finding.outcome == .up, "the room is given back")
        }
    }

    @Test func nobodyListens() async throws {
        try await ProbeBench.run { bench in
            // Held but not listened on: a port that was merely closed may be another test's by now.
            let held = try ReservedPort()
            defer { held.release() }
            let port = held.number
            let http = await bench.attempt("http://127.0.0.1:\(port)/", .quick())
            #expect(http.cause == .connectRefused)
            #expect(http.phases.requestSent == false)
            let tcp = await bench.attempt("tcp://127.0.0.1:\(port)", .quick(kind: .tcp))
            #expect(tcp.cause == .connectRefused)
        }
    }

    @Test func tcpConnects() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in [.hold] }
            let seen = await bench.attempt("tcp://127.0.0.1:\(server.port)", .quick(kind: .tcp))
            #expect(seen.connected)
            #expect(seen.phases.latency == seen.phases.connect)
            #expect(seen.transcript.exchanges.first?.peer == "127.0.0.1:\(server.port)")
            try await bench.expectQuiet(server)
        }
    }

    @Test func ipv6() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group, host: "::1") { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), .close]
            }
            let seen = await bench.attempt("http://[::1]:\(server.port)/x", .quick())
            #expect(seen.status == 200, "\(seen.detail)")
            #expect(server.requests.first?.request.contains("Host: [::1]:\(server.port)\r\n") == true)
        }
    }

    /// A port that takes no connection any more: its queue is full, and Linux drops what comes then.
    @Test func connectTimesOut() async throws {
        try await ProbeBench.run { bench in
            // 192.0.2.0/24 (RFC 5737) leads nowhere; where a network says so at once, that is the cause.
            let seen = await bench.attempt(
                "http://192.0.2.1:9/", .quick(timeout: .seconds(5), connect: .milliseconds(100)))
            #expect(
                [Cause.connectTimeout, .connectUnreachable, .connectRefused].contains(seen.cause), "\(seen.detail)")
            #expect(seen.phases.requestSent == false)
        }
    }

    @Test(arguments: [
        "ftp://x/", "http://", "http://user:pw@x/", "http://x:99999/", "http://bücher.example/", "http://[::1/", "x",
        "tcp://x:1",
        "http://1.2.3/", "http://a b/",
    ])
    func unusableAddress(_ address: String) async throws {
        try await ProbeBench.run { bench in
            let seen = await bench.attempt(address, .quick())
            #expect(seen.cause == .invalidAddress)
            #expect(!seen.detail.contains("pw"))
        }
    }

    @Test func shutdownReportsWhatIsInFlight() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { _ in [.hold] }
            async let first = bench.attempt("http://127.0.0.1:\(server.port)/", .quick())
            async let second = bench.attempt("http://127.0.0.1:\(server.port)/", .quick())
            try await eventually { server.requests.count == 2 }
            try await bench.lane.eventLoop.submit { [lane = bench.lane] in
                #expect(lane.inFlight == 2)
                lane.shutdown()
            }.get()
            #expect(await first.cause == .selfOverloaded)
            #expect(await second.cause == .selfOverloaded)
            #expect(await bench.attempt("http://127.0.0.1:\(server.port)/").detail.contains("stopped"))
            try await bench.expectQuiet(server)
        }
    }

    @Test func manyAtOnceEachOnce() async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group) { request in
                request.contains("/3") ? [.reset] : [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), .close]
            }
            let checks = (0..<600).map { number in
                Check(
                    name: "c\(number)",
                    address: number % 50 == 7 ? "nonsense" : "http://127.0.0.1:\(server.port)/\(number % 10)",
                    policy: .quick())
            }
            let seen = Mutex<[Int: Int]>([:])
            let causes = Mutex<[Cause: Int]>([:])
            await ProbeSweep.run(checks, on: [bench.lane], concurrency: 40) { index, attempt in
                seen.withLock { $0[index, default: 0] += 1 }
                causes.withLock { $0[Seen(attempt).cause, default: 0] += 1 }
            }
            #expect(seen.withLock { $0.count } == 600)
            #expect(seen.withLock { $0.values.allSatisfy { $0 == 1 } })
            #expect(causes.withLock { $0[.invalidAddress] } == 12)
            #expect(causes.withLock { $0[.connectionReset] } == 60)
            try await bench.expectQuiet(server)
        }
    }
}

extension ProbeBench {
    /// Nothing is in flight, and no connection stays open on either side.
    func expectQuiet(_ server: MisbehavingServer) async throws {
        try await eventually { server.open == 0 }
        // The server may see the end of a connection before the lane does.
        try await eventually { [lane] in
            try await lane.eventLoop.submit { lane.inFlight == 0 && lane.lingering == 0 }.get()
        }
    }
}
