import HubClient
import NIOCore
import NIOHTTP1
import StokerCore
import TestSupport
import Testing

private typealias Reply = ScriptedHub.Reply

@Suite struct TransportTests {
    private static let get = HubRequest(.GET, "/api/spaces/maren/orbit-api", doing: "read maren/orbit-api")

    @Test func tellsWhoAsksAndGetsTheAnswer() async throws {
        let server = try await ScriptedHub.start([.json(#"{"id": "maren/orbit-api"}"#)])
        try await withHub(server) { hub async throws in
            var request = Self.get
            request.query = [("expand", "sha"), ("q", "a b&c/d")]
            let json: JSONValue = try await hub.value(request)
            #expect(json["id"]?.string == "maren/orbit-api")
            _ = try await hub.send(Self.get)
        }
        let asked = server.asked()
        #expect(asked.count == 2)
        #expect(asked[0].uri == "/api/spaces/maren/orbit-api?expand=sha&q=a%20b%26c%2Fd")
        #expect(asked[0].token == "Bearer hf_abcdefghijklmnop1234")
        #expect(asked[0].headers.first(name: "User-Agent") == "stoker/test")
        #expect(asked[0].headers.first(name: "Accept-Encoding") == "identity")
        let ids = asked.compactMap { $0.headers.first(name: "X-Amzn-Trace-Id") }
        #expect(Set(ids).count == 2 && ids.allSatisfy { $0.count == 36 })
    }

    @Test func sendsEveryKindOfBody() async throws {
        let server = try await ScriptedHub.start([.json("{}")])
        try await withHub(server) { hub async throws in
            let path = "/api/spaces/maren/orbit-api/x"
            _ = try await hub.send(.init(.DELETE, path, doing: "x", body: .json(ByteBuffer(string: #"{"key":"A"}"#))))
            _ = try await hub.send(
                .init(.POST, path, doing: "x", body: .bytes(ByteBuffer(string: "a\nb"), type: "application/x-ndjson")))
            let pieces = HubRequest.Body.pieces(length: 6, type: "application/octet-stream") {
                AsyncThrowingStream { stream in
                    stream.yield(ByteBuffer(string: "abc"))
                    stream.yield(ByteBuffer(string: "def"))
                    stream.finish()
                }
            }
            _ = try await hub.send(.init(.PUT, path, doing: "x", body: pieces))
            _ = try await hub.send(.init(.POST, path, doing: "x"))
        }
        let asked = server.asked()
        #expect(asked.map(\.text) == [#"{"key":"A"}"#, "a\nb", "abcdef", ""])
        #expect(asked[0].method == .DELETE)
        #expect(asked[0].headers.first(name: "Content-Type") == "application/json")
        #expect(asked[1].headers.first(name: "Content-Type") == "application/x-ndjson")
        #expect(asked[2].headers.first(name: "Content-Length") == "6")
        #expect(asked[2].headers.first(name: "Transfer-Encoding") == nil)
    }

    @Test func aSourceThatBreaksIsNotTheNetwork() async throws {
        struct Broken: Error, CustomStringConvertible { let description = "disk gone" }
        let server = try await ScriptedHub.start([.json("{}")])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { hub async throws in
                let body = HubRequest.Body.pieces(length: 6, type: "a/b") {
                    AsyncThrowingStream { stream in
                        stream.yield(ByteBuffer(string: "abc"))
                        stream.finish(throwing: Broken())
                    }
                }
                _ = try await hub.send(.init(.PUT, "/x", doing: "send", body: body, repeats: .freely))
            }
        }
        #expect(failure?.kind == .local)
        #expect(failure?.said.contains("disk gone") == true)
    }

    // MARK: Repeats

    @Test func readsAreRepeatedWithGrowingWaits() async throws {
        let server = try await ScriptedHub.start([
            .text("", status: 503), .text("", status: 500), .text("", status: 502), .text("", status: 408), .hangUp,
            .json(#"{"id":"x"}"#),
        ])
        let clock = FastClock()
        let json: JSONValue = try await withHub(server, clock: clock) { try await $0.value(Self.get) }
        #expect(json["id"]?.string == "x")
        #expect(clock.slept == [1, 2, 4, 8, 8].map { .seconds($0) })
    }

    @Test func fiveRepeatsAreAllThereAre() async throws {
        let server = try await ScriptedHub.start([.text("<html><title>Oops</title>", status: 502)])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { try await $0.send(Self.get) }
        }
        #expect(server.asked().count == 6)
        #expect(failure?.kind == .trouble && failure?.retry == .soon)
    }

    @Test func aCutBodyIsReadAgain() async throws {
        var cut = Reply.json(#"{"id":"maren/orbit-api"}"#)
        cut.ending = .cutAfter(5)
        let server = try await ScriptedHub.start([cut, .json(#"{"id":"whole"}"#)])
        let json: JSONValue = try await withHub(server) { try await $0.value(Self.get) }
        #expect(json["id"]?.string == "whole")
    }

    @Test(arguments: [503, 500, 408]) func changesAreSentOnce(status: Int) async throws {
        let server = try await ScriptedHub.start([.text("", status: status), .json("{}")])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) {
                try await $0.send(.init(.POST, "/api/spaces/a/b/restart", doing: "restart a/b"))
            }
        }
        #expect(failure?.status == status)
        #expect(server.asked().count == 1)
    }

    @Test func aChangeWhoseAnswerIsLostIsNotRepeated() async throws {
        let server = try await ScriptedHub.start([.hangUp, .json("{}")])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) {
                try await $0.send(.init(.POST, "/api/spaces/a/b/restart", doing: "restart a/b"))
            }
        }
        #expect(failure?.kind == .unreachable)
        #expect(server.asked().count == 1)
    }

    @Test func aChangeThatNeverLeftIsRepeated() async throws {
        // Bound and not listened on: a port that was only given back may be another test's by now.
        let port = try ReservedPort()
        defer { port.release() }
        let clock = FastClock()
        let hub = Hub(
            .init(endpoint: "http://127.0.0.1:\(port.number)"), pace: HubRateLimiter(clock: clock.hubClock),
            logger: LogNotes().logger, jitter: { 1 })
        let failure = await #expect(throws: HubFailure.self) { try await hub.send(.init(.POST, "/x", doing: "x")) }
        try await hub.shutdown()
        #expect(failure?.kind == .unreachable)
        #expect(failure?.said.contains("refused") == true)
        #expect(clock.slept == [1.25, 2.5, 5, 10, 10].map { .seconds($0) })
    }

    @Test func aPlainNoIsNotRepeated() async throws {
        let server = try await ScriptedHub.start([.json(#"{"error":"no"}"#, status: 403)])
        await #expect(throws: HubFailure.self) { try await withHub(server) { try await $0.send(Self.get) } }
        #expect(server.asked().count == 1)
    }

    @Test func acceptedStatusesAreAnswers() async throws {
        let server = try await ScriptedHub.start([.json(#"{"url":"x"}"#, status: 409)])
        let answer = try await withHub(server) {
            try await $0.send(.init(.POST, "/x", doing: "x", accepted: [409]))
        }
        #expect(answer.status == 409)
    }

    // MARK: Time

    @Test func silenceEndsWithTheTimeout() async throws {
        let server = try await ScriptedHub.start([.silence])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) {
                try await $0.send(.init(.POST, "/x", doing: "x", timeout: .milliseconds(50)))
            }
        }
        #expect(failure?.said == "no answer within 50ms")
    }

    @Test func aBodyThatNeverEndsEndsWithTheTimeout() async throws {
        var endless = Reply.text("abc", ["Content-Length": "100"])
        endless.ending = .never
        let server = try await ScriptedHub.start([endless])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) {
                try await $0.send(.init(.POST, "/x", doing: "x", timeout: .milliseconds(80)))
            }
        }
        #expect(failure?.kind == .unreachable)
        #expect(failure?.said.contains("80ms") == true)
    }

    @Test func aStreamHasNoTotalButAnIdleLimit() async throws {
        var endless = Reply.text("abc", ["Content-Length": "100"])
        endless.ending = .never
        let server = try await ScriptedHub.start([endless])
        try await withHub(server) { hub async throws in
            var request = HubRequest(.GET, "/x", doing: "read x")
            request.idle = .milliseconds(60)
            let stream = try await hub.open(request)
            var text = ""
            let failure = await #expect(throws: HubFailure.self) {
                for try await piece in stream.pieces { text += String(buffer: piece) }
            }
            #expect(text == "abc")
            #expect(failure?.said == "the answer was cut: nothing moved for 60ms")
        }
    }

    @Test func aCancelledCallSaysSo() async throws {
        let server = try await ScriptedHub.start([.silence])
        try await withHub(server) { hub async throws in
            let failure = await withTaskGroup(of: HubFailure?.self) { group in
                group.addTask {
                    do {
                        _ = try await hub.send(Self.get)
                        return nil
                    } catch {
                        return error as? HubFailure
                    }
                }
                while server.asked().isEmpty { await Task.yield() }
                group.cancelAll()
                return await group.next() ?? nil
            }
            #expect(failure?.isCancelled == true)
        }
    }

    @Test func offlineSendsNothing() async throws {
        let server = try await ScriptedHub.start([.json("{}")])
        let hub = Hub(.init(endpoint: server.url, offline: true), logger: LogNotes().logger)
        let failure = await #expect(throws: HubFailure.self) { try await hub.send(Self.get) }
        #expect(failure?.kind == .refusedByUs)
        #expect(server.asked().isEmpty)
        try await hub.shutdown()
        try await server.stop()
    }

    @Test func warningsAreToldOncePerTopic() async throws {
        let server = try await ScriptedHub.start([
            .json("{}", ["X-HF-Warning": "old; use the new route, hf_secretsecret1234"]),
            .json("{}", ["X-HF-Warning": "old; again"]), .json("{}", ["X-HF-Warning": "no topic"]),
        ])
        let log = LogNotes()
        try await withHub(server, log: log) { hub in for _ in 0..<3 { _ = try await hub.send(Self.get) } }
        let warnings = log.all.filter { $0.hasPrefix("warning") }
        #expect(warnings.count == 2)
        #expect(warnings.first?.contains("use the new route") == true)
        #expect(!log.all.joined().contains("secretsecret"))
    }
}
