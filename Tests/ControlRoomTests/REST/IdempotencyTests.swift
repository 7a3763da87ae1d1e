import ControlRoom
import Hummingbird
import HummingbirdTesting
import Ledger
import Logging
import NIOCore
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

/// A call with an `Idempotency-Key` is done once.
@Suite struct IdempotencyTests {
    struct Answer {
        var status: Int
        var body: JSONValue
        var isReplayed: Bool
    }

    /// One ledger; each run of it is a process of its own.
    struct Server: Sendable {
        let fleet = FleetDouble()

        func run(_ test: @escaping @Sendable (any TestClientProtocol) async throws -> Void) async throws {
            let router = Router(context: BasicRequestContext.self)
            let fleet = fleet
            addREST(to: router, context: fleet.context, token: nil, access: Access(token: nil, now: { fleet.now }))
            try await Application(router: router, logger: Logger(label: "rest")).test(.router) { try await test($0) }
        }
        var backups: [String] { fleet.ledger.state.withLock { $0.backups } }
    }

    static func post(
        _ client: any TestClientProtocol, _ path: String, key: String?, body: String? = nil, accept: String? = nil
    ) async throws -> Answer {
        var headers: HTTPFields = [:]
        if let key { headers[HTTPFields.Element.Name("Idempotency-Key")!] = key }
        headers[.accept] = accept
        let answer = try await client.execute(
            uri: path, method: .post, headers: headers, body: body.map { ByteBuffer(string: $0) })
        let text = String(buffer: answer.body)
        return Answer(
            status: answer.status.code, body: (try? JSONValue(reading: text)) ?? .string(text),
            isReplayed: answer.headers[HTTPFields.Element.Name("Idempotency-Replayed")!] == "true")
    }

    @Test func aRepeatedCallIsDoneOnceAndAnsweredAlike() async throws {
        let server = Server()
        try await server.run { client in
            let first = try await Self.post(client, "/api/v1/backup", key: "a-1", body: #"{"name": "x.sqlite"}"#)
            #expect(first.status == 200 && !first.isReplayed)
            // The same inputs in the query are the same call.
            let again = try await Self.post(client, "/api/v1/backup?name=x.sqlite", key: "a-1")
            #expect(again.status == 200 && again.isReplayed && again.body == first.body)
            let quoted = try await Self.post(client, "/api/v1/backup", key: "\"a-1\"", body: #"{"name": "x.sqlite"}"#)
            #expect(quoted.isReplayed)
            #expect(server.backups == ["data/x.sqlite"])
            // Without a key it is done again, and fails.
            #expect(
                try await Self.post(client, "/api/v1/backup", key: nil, body: #"{"name": "x.sqlite"}"#).status == 409)
        }
    }

    @Test func theSameKeyForAnotherCallIsRefused() async throws {
        let server = Server()
        try await server.run { client in
            _ = try await Self.post(client, "/api/v1/backup", key: "k", body: #"{"name": "x.sqlite"}"#)
            let other = try await Self.post(client, "/api/v1/backup", key: "k", body: #"{"name": "y.sqlite"}"#)
            #expect(other.status == 409 && other.body["error"]?["code"] == "idempotency_mismatch")
            let elsewhere = try await Self.post(client, "/api/v1/checks/bot/pause", key: "k")
            #expect(elsewhere.status == 409)
            #expect(server.backups == ["data/x.sqlite"])
        }
    }

    @Test func aFailureIsKeptUnlessNothingWasDone() async throws {
        let server = Server()
        try await server.run { client in
            _ = try await Self.post(client, "/api/v1/backup", key: nil, body: #"{"name": "x.sqlite"}"#)
            let failed = try await Self.post(client, "/api/v1/backup", key: "f", body: #"{"name": "x.sqlite"}"#)
            let again = try await Self.post(client, "/api/v1/backup", key: "f", body: #"{"name": "x.sqlite"}"#)
            #expect(failed.status == 409 && !failed.isReplayed && again.status == 409 && again.isReplayed)
            #expect(failed.body["error"]?["message"] == again.body["error"]?["message"])
            // A mistake in the inputs does nothing: the key is free for the right ones.
            #expect(try await Self.post(client, "/api/v1/backup", key: "g", body: #"{"nam": "z"}"#).status == 400)
            #expect(try await Self.post(client, "/api/v1/backup", key: "g", body: #"{"name": "z"}"#).status == 200)
        }
    }

    @Test func aKeyOutlivesTheProcessAndNotTheDay() async throws {
        let server = Server()
        try await server.run { client in
            _ = try await Self.post(client, "/api/v1/backup", key: "p", body: #"{"name": "x.sqlite"}"#)
        }
        // The ledger is what remembers: a new process reads it.
        let fleet = server.fleet
        let records = try await fleet.ledger.records.records(kind: "idempotency")
        #expect(records.count == 1 && records[0].expires == fleet.now + .seconds(86_400))
        try await server.run { client in
            let again = try await Self.post(client, "/api/v1/backup", key: "p", body: #"{"name": "x.sqlite"}"#)
            #expect(again.isReplayed && again.status == 200)
        }
        // Begun by a process that is gone: nobody knows its end.
        try await fleet.ledger.records.put(
            NewRecord(
                kind: "idempotency", key: records[0].key,
                body: JSONValue.object([.init("code", try JSONValue(reading: records[0].body)["code"] ?? .null)]).text,
                at: fleet.now, expires: fleet.now + .seconds(60)))
        try await server.run { client in
            let lost = try await Self.post(client, "/api/v1/backup", key: "p", body: #"{"name": "x.sqlite"}"#)
            #expect(lost.status == 409 && !lost.isReplayed)
        }
        try await fleet.ledger.records.put(
            NewRecord(kind: "idempotency", key: records[0].key, at: fleet.now, expires: fleet.now - .seconds(1)))
        try await server.run { client in
            let later = try await Self.post(client, "/api/v1/backup", key: "p", body: #"{"name": "later.sqlite"}"#)
            #expect(later.status == 200 && !later.isReplayed)
        }
    }

    @Test(arguments: ["", " ", "a b", "ä", String(repeating: "k", count: 201)])
    func aKeyThatIsNoneIsRefused(_ key: String) async throws {
        let server = Server()
        try await server.run { client in
            let answer = try await Self.post(client, "/api/v1/backup", key: key, body: #"{"name": "x.sqlite"}"#)
            #expect(answer.status == 400 && server.backups == [])
        }
    }

    /// Many at once: one is done, the others are told that it goes on, or get its answer.
    @Test func callsAtOnceAreDoneOnce() async throws {
        let server = Server()
        try await server.run { client in
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await Self.post(client, "/api/v1/backup", key: "c", body: #"{"name": "c"}"#) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(server.backups == ["data/c"])
            #expect(answers.allSatisfy { $0.status == 200 || $0.status == 409 })
            #expect(answers.count { $0.status == 200 && !$0.isReplayed } == 1)
        }
    }

    @Test func aBeatAndAStreamedCallHaveKeysToo() async throws {
        let server = Server()
        try await server.run { client in
            let path = "/api/v1/heartbeats/nightly%20export"
            let beat = try await Self.post(client, path, key: "b", body: #"{"signal": "fail"}"#)
            let again = try await Self.post(client, path, key: "b", body: #"{"signal": "fail"}"#)
            #expect(beat.status == 200 && again.isReplayed && again.body == beat.body)
            let stream = try await Self.post(
                client, "/api/v1/backup", key: "s", body: #"{"name": "s"}"#, accept: "application/x-ndjson")
            let replay = try await Self.post(
                client, "/api/v1/backup", key: "s", body: #"{"name": "s"}"#, accept: "application/x-ndjson")
            #expect(stream.status == 200 && replay.isReplayed && replay.body["answer"] != nil)
            #expect(server.backups == ["data/s"])
        }
    }
}
