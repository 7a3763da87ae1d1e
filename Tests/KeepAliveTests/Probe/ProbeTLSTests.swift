import NIOCore
import NIOPosix
import NIOSSL
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

@Suite(.timeLimit(.minutes(2)))
struct ProbeTLSTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var names: [String] = ["localhost", "127.0.0.1"]
        var notBefore: String?
        var notAfter: String?
        var trusted = true
        var host = "localhost"
        var verify = true
        /// nil is a good answer.
        var says: String?
        var testDescription: String { name }
    }

    @Test(arguments: [
        Row(name: "good"),
        Row(name: "good for an IP address", host: "127.0.0.1"),
        Row(name: "good without checking", names: ["other.test"], trusted: false, verify: false),
        Row(
            name: "expired", notBefore: "20200101000000Z", notAfter: "20210203000000Z",
            says: "expired: the certificate ended 2021-02-03"),
        Row(
            name: "not yet valid", notBefore: "20900101000000Z", notAfter: "20910101000000Z",
            says: "not yet valid: the certificate begins 2090-01-01"),
        Row(
            name: "wrong name", names: ["other.test", "*.example.test"],
            says: "for other.test, *.example.test, not for localhost"),
        Row(name: "wrong address", names: ["other.test"], host: "127.0.0.1", says: "not for 127.0.0.1"),
        Row(name: "only an address", names: ["127.0.0.1"], says: "for 127.0.0.1, not for localhost"),
        Row(name: "part of a name", names: ["loc*", "local*.localhost"], host: "localhost.localhost", says: "not for"),
        Row(name: "any name below", names: ["*.app.localhost"], host: "go.app.localhost"),
        Row(name: "two names below", names: ["*.app.localhost"], host: "a.go.app.localhost", says: "not for a.go"),
        Row(name: "any name of a top-level domain", names: ["*.localhost"], host: "go.localhost", says: "not for"),
        Row(name: "an underscore", names: ["my_app.app.localhost"], host: "my_app.app.localhost"),
        Row(name: "an underscore below", names: ["*.app.localhost"], host: "my_app.app.localhost"),
        Row(name: "untrusted", trusted: false, says: "self-signed (CN=stoker.test, O=Stoker tests)"),
    ])
    func certificates(_ row: Row) async throws {
        let own = try TestCertificate.make(names: row.names, notBefore: row.notBefore, notAfter: row.notAfter)
        try await ProbeBench.run(tls: ProbeTLS(additionalRoots: row.trusted ? [own.certificate] : [])) { bench in
            let server = try await MisbehavingServer.start(on: bench.group, tls: try own.serverContext()) { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), .close]
            }
            let seen = await bench.attempt(
                "https://\(row.host):\(server.port)/", .quick(request: Request(verifyTLS: row.verify)))
            if let says = row.says {
                let cause: Cause =
                    says.hasPrefix("expired")
                    ? .tlsExpired
                    : says.hasPrefix("not yet")
                        ? .tlsCertificate : says.hasPrefix("self-signed") ? .tlsUntrusted : .tlsWrongName
                #expect(seen.cause == cause, "\(seen.detail)")
                #expect(seen.detail.contains(says), "\(seen.detail)")
                #expect(seen.phases.requestSent == false, "nothing is told to somebody who is not proven")
                #expect(server.requests.isEmpty)
            } else {
                #expect(seen.status == 200, "\(seen.cause) \(seen.detail)")
                #expect(seen.body == "hi")
                #expect(seen.transcript.tls.contains("protocol: TLS 1.3"))
                #expect(seen.transcript.tls.contains("subject: CN=stoker.test, O=Stoker tests"))
            }
            #expect(seen.certificateEndHours == UInt32(own.certificate.notValidAfter / 3_600))
            #expect(seen.phases.tls > 0)
            try await bench.expectQuiet(server)
        }
    }

    @Test(arguments: [
        ("go.test", "GO.test", true), ("go.test.", "go.test", true), ("*.go.test", "a.go.test", true),
        ("*.Go.Test", "xn--a.go.test", true), ("*.test", "go.test", false), ("go*.test", "go1.test", false),
        ("*", "test", false), ("*.", "test", false), ("a.*.test", "a.go.test", false), ("*.go.test", "go.test", false),
        ("*.go.test", ".go.test", false), ("*.*.test", "a.b.test", false), ("", "go.test", false),
        ("go.test\u{0}.evil", "go.test", false),
    ])
    func names(_ pattern: String, _ host: String, _ covers: Bool) {
        #expect(CertificateNames.covers(Array(pattern.utf8), Array(host.lowercased().utf8)) == covers)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var name: String
        var steps: [MisbehavingServer.Step]
        var causes: [Cause]
        /// Short only where it is to be reached.
        var limit: Duration = .seconds(10)
        var testDescription: String { name }
    }

    @Test(arguments: [
        Broken(
            name: "plain text on a TLS port", steps: [.send("HTTP/1.1 400 Bad Request\r\n\r\n"), .hold],
            causes: [.tlsHandshake]),
        Broken(name: "garbage", steps: [.send("SSH-2.0-OpenSSH_9.2\r\n"), .hold], causes: [.tlsHandshake]),
        // Which one depends on whether our first message was already there: unread bytes make the kernel reset.
        Broken(name: "closed", steps: [.close], causes: [.tlsHandshake, .connectionReset]),
        Broken(
            name: "silence", steps: [.wait(.nanoseconds(0)), .hold], causes: [.tlsTimeout],
            limit: .milliseconds(300)),
    ])
    func handshakes(_ row: Broken) async throws {
        try await ProbeBench.run { bench in
            let server = try await MisbehavingServer.start(on: bench.group, beforeRequest: row.steps) { _ in [.hold] }
            let seen = await bench.attempt("https://localhost:\(server.port)/", .quick(tls: row.limit))
            #expect(row.causes.contains(seen.cause), "\(seen.detail)")
            #expect(seen.phases.requestSent == false)
            #expect(seen.certificateEndHours == 0)
            try await bench.expectQuiet(server)
        }
    }

    /// HTTP/1.0 over TLS, ended without TLS's farewell: common, and a complete answer.
    @Test func endWithoutFarewell() async throws {
        let own = try TestCertificate.make(names: ["localhost"])
        try await ProbeBench.run(tls: ProbeTLS(additionalRoots: [own.certificate])) { bench in
            let server = try await MisbehavingServer.start(on: bench.group, tls: try own.serverContext()) { _ in
                [.send("HTTP/1.0 200 OK\r\n\r\nhello"), .hangUp]
            }
            let seen = await bench.attempt("https://localhost:\(server.port)/", .quick())
            #expect(seen.status == 200, "\(seen.cause) \(seen.detail)")
            #expect(seen.body == "hello")
        }
    }

    @Test func redirectToTLSAndBack() async throws {
        let own = try TestCertificate.make(names: ["localhost"])
        try await ProbeBench.run(tls: ProbeTLS(additionalRoots: [own.certificate])) { bench in
            let last = try await MisbehavingServer.start(on: bench.group) { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast"), .close]
            }
            let lastPort = last.port
            let middle = try await MisbehavingServer.start(on: bench.group, tls: try own.serverContext()) { _ in
                [
                    .send(
                        "HTTP/1.1 307 Elsewhere\r\nLocation: http://localhost:\(lastPort)/c\r\nContent-Length: 0\r\n\r\n"
                    ), .close,
                ]
            }
            let middlePort = middle.port
            let first = try await MisbehavingServer.start(on: bench.group) { _ in
                [
                    .send(
                        "HTTP/1.1 301 Moved\r\nLocation: https://localhost:\(middlePort)/b\r\nContent-Length: 0\r\n\r\n"
                    ), .close,
                ]
            }
            let seen = await bench.attempt("http://localhost:\(first.port)/a", .quick())
            #expect(seen.body == "last", "\(seen.cause) \(seen.detail)")
            #expect(seen.redirects == 2)
            #expect(seen.transcript.exchanges.count == 3)
            #expect(seen.certificateEndHours > 0, "the certificate of the chain is noted")
        }
    }
}
