import NIOCore
import NIOPosix
import NIOSSL
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

@Suite("tls:// checks", .timeLimit(.minutes(2)))
struct TLSCheckTests {
    /// The bench's clock stands at this time.
    private static let now = Instant(milliseconds: 1_700_000_000_000)  // 2023-11-14

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var names: [String] = ["localhost"]
        var notAfter: String? = "20991231000000Z"
        var trusted = true
        var verify = true
        var days: Int?
        var outcome = Outcome.up
        var cause = Cause.none
        var says = ""
        var testDescription: String { name }
    }

    @Test(arguments: [
        Row(name: "good"),
        Row(name: "expired", notAfter: "20210203000000Z", outcome: .down, cause: .tlsExpired, says: "ended 2021-02-03"),
        Row(name: "another name", names: ["other.test"], outcome: .down, cause: .tlsWrongName, says: "for other.test"),
        Row(name: "self-signed", trusted: false, outcome: .down, cause: .tlsUntrusted, says: "self-signed"),
        Row(name: "not verified", names: ["other.test"], trusted: false, verify: false),
        Row(
            name: "too few days", days: 40_000, outcome: .slow, cause: .tlsExpiresSoon,
            says: "40000 days or more are expected"),
        Row(
            name: "expired, not verified", notAfter: "20210203000000Z", verify: false, outcome: .slow,
            cause: .tlsExpiresSoon, says: "ended"),
    ])
    func certificates(_ row: Row) async throws {
        let own = try TestCertificate.make(names: row.names, notBefore: "20200101000000Z", notAfter: row.notAfter)
        try await ProbeBench.run(tls: ProbeTLS(additionalRoots: row.trusted ? [own.certificate] : [])) { bench in
            let server = try await MisbehavingServer.start(on: bench.group, tls: try own.serverContext()) { _ in
                [.hold]
            }
            var expect = Expectation(certificateDays: row.days)
            TLSKind.complete(&expect)
            let seen = await bench.attempt(
                "tls://localhost:\(server.port)",
                .quick(kind: .init(TLSKind.self), request: Request(verifyTLS: row.verify), expect: expect))
            #expect(seen.finding.outcome == row.outcome && seen.finding.cause == row.cause, "\(seen.finding)")
            #expect(seen.finding.detail.contains(row.says), "\(seen.finding.detail)")
            #expect(seen.certificateEndHours == UInt32(own.certificate.notValidAfter / 3_600))
            #expect(seen.phases.requestSent == false)
            if row.outcome != .down {
                #expect(seen.phases.latency >= seen.phases.tls && seen.phases.tls > 0)
                #expect(seen.transcript.tls.contains("protocol: TLS 1.3"))
            }
            #expect(server.requests.isEmpty, "a session is all that is made")
            try await bench.expectQuiet(server)
        }
    }

    /// A mail server knows no HTTP: it would refuse a session that names it.
    @Test func namesNoProtocol() async throws {
        let own = try TestCertificate.make(names: ["localhost"])
        let tls = ProbeTLS(additionalRoots: [own.certificate])
        #expect(try tls.context(verifying: true, offersHTTP: false) !== tls.context(verifying: true, offersHTTP: true))
        #expect(try tls.context(verifying: true, offersHTTP: false) === tls.context(verifying: true, offersHTTP: false))
    }

    @Test(
        arguments: [
            ("plain text", [MisbehavingServer.Step.send("220 mail ESMTP\r\n"), .hold], Cause.tlsHandshake),
            ("silence", [.wait(.nanoseconds(0)), .hold], .tlsTimeout),
        ] as [(String, [MisbehavingServer.Step], Cause)])
    func handshakes(name: String, steps: [MisbehavingServer.Step], cause: Cause) async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group, beforeRequest: steps) { _ in [.hold] }
            let seen = await bench.attempt(
                "tls://localhost:\(server.port)",
                .quick(kind: .init(TLSKind.self), tls: cause == .tlsTimeout ? .milliseconds(300) : .seconds(10)))
            #expect(seen.finding.cause == cause && seen.finding.outcome == .down, "\(seen.finding)")
            try await bench.expectQuiet(server)
        }
    }

    @Test func closedPort() async throws {
        try await ProbeBench.run { bench in
            let seen = await bench.attempt("tls://127.0.0.1:1", .quick(kind: .init(TLSKind.self)))
            #expect(seen.cause == .connectRefused)
        }
    }

    @Test(arguments: [
        ("TLS://Example.com:443/", "tls://example.com"), ("tls://example.com", "tls://example.com"),
        ("tls://mail.test:993", "tls://mail.test:993"),
    ])
    func address(text: String, spelling: String) throws {
        #expect(try Address(text).description == spelling)
    }

    @Test func addressWithPath() {
        #expect(throws: Address.Fault(because: "has a path; a tls check makes a session and asks for nothing")) {
            _ = try Address("tls://example.com/x")
        }
    }
}
