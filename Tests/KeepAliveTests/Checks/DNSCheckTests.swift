import NIOCore
import NIOPosix
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

@Suite("dns:// checks", .timeLimit(.minutes(2)))
struct DNSCheckTests {
    private static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
    private static func number(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

    /// A zone as a test server has it; what is not in it does not exist.
    private static let zone: TestNameServer.Zone = { name, kind in
        switch (name, kind.rawValue) {
        case ("a.test", 1): .addresses(["192.0.2.7", "192.0.2.8"], ttl: 60)
        case ("a.test", 28): .addresses(["2001:db8::7"], ttl: 60)
        case ("alias.test", 1): .alias("real.test", ["192.0.2.9"], ttl: 60)
        case ("alias.test", 5): .records([Self.name("Real.test")])
        case ("mail.test", 15):
            .records([Self.number(10) + Self.name("mx1.mail.test"), Self.number(20) + Self.name("mx2.mail.test")])
        case ("none.test", 15): .records([Self.number(0) + [0]])
        case ("text.test", 16): .records([[6] + Array("v=spf1".utf8) + [5] + Array(" -all".utf8)])
        case ("ns.test", 2): .records([Self.name("ns1.test")])
        case ("srv.test", 33): .records([Self.number(0) + Self.number(5) + Self.number(443) + Self.name("h.test")])
        case ("caa.test", 257): .records([[0, 5] + Array("issue".utf8) + Array("ca.example".utf8)])
        case ("long.test", 1): .truncated(["192.0.2.10"])
        case ("old.test", 1): .formatErrorUnlessPlain(["192.0.2.11"])
        case ("broken.test", _): .serverFailure
        case ("silent.test", _): .silence
        case ("odd.test", _): .garbage
        case ("cut.test", 15): .records([[0]])
        case ("a.test", _), ("mail.test", _): .noData
        default: .noSuchName
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var ask: String
        var records: [String] = []
        var cause = Cause.none
        var says = ""
        var timeout: Duration = .seconds(20)
        var testDescription: String { "\(ask) \(records) \(cause.code)" }
    }

    @Test(arguments: [
        Row(ask: "a.test"),
        Row(ask: "a.test", records: ["192.0.2.8"]),
        Row(ask: "A.Test.", records: ["192.0.2.7", "192.0.2.8"]),
        Row(
            ask: "a.test", records: ["192.0.2.70"], cause: .recordMissing,
            says: #"expected the A record "192.0.2.70", found "192.0.2.7", "192.0.2.8""#),
        Row(ask: "a.test", records: ["192.0.2.7", "192.0.2.9"], cause: .recordMissing, says: "192.0.2.9"),
        Row(ask: "a.test?type=AAAA", records: ["2001:0DB8:0::7"]),
        Row(ask: "a.test?type=MX", cause: .dnsNoRecord, says: "a.test exists and has no MX record"),
        Row(ask: "alias.test", records: ["192.0.2.9"]),
        Row(ask: "alias.test?type=CNAME", records: ["real.test."]),
        Row(ask: "mail.test?type=mx", records: ["20 MX2.mail.test."]),
        Row(ask: "mail.test?type=MX", records: ["10 mx2.mail.test"], cause: .recordMissing, says: "mx1.mail.test"),
        Row(ask: "none.test?type=MX", records: ["0 ."]),
        Row(ask: "text.test?type=TXT", records: ["v=spf1 -all"]),
        Row(ask: "text.test?type=TXT", records: ["v=spf1"], cause: .recordMissing, says: "v=spf1 -all"),
        Row(ask: "ns.test?type=NS", records: ["ns1.test"]),
        Row(ask: "srv.test?type=SRV", records: ["0 5 443 h.test"]),
        Row(ask: "caa.test?type=CAA", records: [#"0 issue "ca.example""#]),
        Row(ask: "long.test", records: ["192.0.2.10"]),
        Row(ask: "old.test", records: ["192.0.2.11"]),
        Row(ask: "gone.test", cause: .dnsNoSuchName, says: "answered NXDOMAIN"),
        Row(ask: "broken.test", cause: .dnsFailed, says: "answered SERVFAIL"),
        Row(ask: "silent.test", cause: .dnsTimeout, says: "within 700ms", timeout: .milliseconds(700)),
        Row(ask: "odd.test", cause: .dnsTimeout, says: "no answer that can be read from", timeout: .milliseconds(700)),
        Row(ask: "cut.test?type=MX", cause: .dnsTimeout, says: "within 700ms", timeout: .milliseconds(700)),
    ])
    func answers(_ row: Row) async throws {
        try await ProbeBench.run { bench in
            let server = try await TestNameServer.start(on: bench.group, Self.zone)
            let port = try #require(try server.address.port)
            let expect = Expectation(own: row.records.isEmpty ? [:] : ["records": row.records])
            let seen = await bench.attempt(
                "dns://127.0.0.1:\(port)/\(row.ask)",
                .quick(kind: .init(DNSKind.self), timeout: row.timeout, expect: expect))
            #expect(seen.finding.cause == row.cause, "\(seen.finding)")
            #expect(seen.finding.outcome == (row.cause == .none ? .up : .down))
            #expect(seen.finding.detail.contains(row.says), "\(seen.finding.detail)")
            if row.cause == .none {
                #expect(seen.phases.latency > 0)
                #expect(seen.transcript.exchanges.first?.received.first == "status: NOERROR")
                #expect(seen.transcript.exchanges.first?.peer == "127.0.0.1:\(port)")
            }
            try await server.stop()
        }
    }

    /// The question goes on to the next server of this machine; with all of them closed the cause says so.
    @Test func serversOfThisMachine() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = try await TestNameServer.start(on: group, Self.zone)
        let failing = try await TestNameServer.start(on: group) { _, _ in .serverFailure }
        let closed = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        var configuration = ResolverConfiguration()
        configuration.resolvConf = nil
        configuration.hosts = nil
        configuration.servers = try [closed, failing.address, server.address]
        let kind = CheckPolicy.Kind(DNSKind.self)
        try await ProbeBench.run(resolver: configuration) { bench in
            let seen = await bench.attempt("dns://a.test", .quick(kind: kind))
            #expect(seen.finding.outcome == .up, "\(seen.finding)")
            let port = try server.address.port ?? 0
            #expect(seen.transcript.exchanges.first?.peer == "127.0.0.1:\(port)")
        }
        configuration.servers = [closed]
        try await ProbeBench.run(resolver: configuration) { bench in
            let seen = await bench.attempt("dns://a.test", .quick(kind: kind))
            #expect(seen.cause == .dnsFailed && seen.detail.contains("nothing answers"), "\(seen.detail)")
        }
        configuration.servers = []
        try await ProbeBench.run(resolver: configuration) { bench in
            let seen = await bench.attempt("dns://a.test", .quick(kind: kind))
            #expect(seen.cause == .dnsFailed && seen.detail.contains("no name server is configured"), "\(seen.detail)")
        }
        try await server.stop()
        try await failing.stop()
        try await group.shutdownGracefully()
    }

    /// A datagram that is lost is sent again, and a slow answer is slow.
    @Test func lostAndSlow() async throws {
        try await ProbeBench.run { bench in
            let asked = Mutex(0)
            let server = try await TestNameServer.start(on: bench.group) { _, _ in
                asked.withLock {
                    $0 += 1; return $0
                } == 1 ? .silence : .addresses(["192.0.2.7"], ttl: 60)
            }
            let port = try #require(try server.address.port)
            let seen = await bench.attempt(
                "dns://127.0.0.1:\(port)/a.test",
                .quick(kind: .init(DNSKind.self), expect: Expectation(within: .milliseconds(100))))
            #expect(seen.finding.cause == .tooSlow && seen.finding.outcome == .slow, "\(seen.finding)")
            #expect(server.asked("a.test") == 2)
            try await server.stop()
        }
    }

    /// Given up while it waits: reported once, and its socket is closed.
    @Test func abandoned() async throws {
        try await ProbeBench.run { bench in
            let server = try await TestNameServer.start(on: bench.group) { _, _ in .silence }
            let port = try #require(try server.address.port)
            async let seen = bench.attempt("dns://127.0.0.1:\(port)/a.test", .quick(kind: .init(DNSKind.self)))
            try await eventually { server.asked("a.test") > 0 }
            bench.lane.eventLoop.execute { bench.lane.abandonAll() }
            #expect(await seen.cause == .selfOverloaded)
            try await server.stop()
        }
    }
}
