import ControlRoom
import Foundation
import Hummingbird
import MCP
import NIOCore
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

/// `/mcp` as HTTP sees it: who may come in, what is answered to what is no call, and how a call is called off.
@Suite(.timeLimit(.minutes(10))) struct MCPDoorTests {
    private static func run(
        token: Secret? = nil, publicURL: String? = nil, book: AccessBook? = nil,
        catalogue: (any MCPCatalogue)? = nil,
        _ test: @escaping @Sendable (MCPVisitor) async throws -> Void
    ) async throws {
        let seal = Seal()
        let server = MCPServer(catalogue: catalogue ?? FixtureCatalogue(seal: seal), seal: seal)
        let access = Access(token: token, publicURL: publicURL, book: book, now: { SampleFleet.now })
        try await Served.run(
            SampleFleet.dozen(), access: access, extraRoutes: { addMCP(to: $0, server: server, access: access) }
        ) { served in try await test(MCPVisitor(served: served, era: .modern)) }
    }

    private static let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#

    @Test func theTokenIsAskedForFirst() async throws {
        try await Self.run(token: Secret("t0ken-of-16-chars")) { visitor in
            for method in ["POST", "GET", "DELETE", "PUT"] {
                let bare = try await visitor.post(Self.ping, [], method: method)
                #expect(
                    bare.status == 401 && bare.headers["www-authenticate"] == #"Bearer realm="stoker""#, "\(method)")
                let wrong = try await visitor.post(Self.ping, [("Authorization", "Bearer wrong")], method: method)
                #expect(wrong.status == 401)
            }
            let right = try await visitor.post(Self.ping, [("Authorization", "Bearer t0ken-of-16-chars")])
            #expect(right.status == 200 && right.result == [:])
            // A page of another site may know the token and gets nowhere.
            let foreign = try await visitor.post(
                Self.ping, [("Authorization", "Bearer t0ken-of-16-chars"), ("Origin", "https://evil.example")])
            #expect(foreign.status == 403)
        }
    }

    @Test func whatIsNoPostIsTold() async throws {
        try await Self.run { visitor in
            for method in ["GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"] {
                let reply = try await visitor.post("", [("Accept", "text/event-stream")], type: nil, method: method)
                #expect(reply.status == 405 && reply.headers["allow"] == "POST", "\(method)")
            }
            for place in ["oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"] {
                let reply = try await visitor.post(
                    "", [("Accept", "text/html,*/*")], type: nil, method: "GET", path: "/.well-known/\(place)")
                #expect(reply.status == 404 && reply.headers["content-type"]?.hasPrefix("application/json") == true)
            }
        }
    }

    @Test func bodiesAreLookedAtBeforeTheirWords() async throws {
        try await Self.run { visitor in
            let reply1 = try await visitor.post(Self.ping, [], type: "text/plain")
            #expect(reply1.status == 415)
            let reply2 = try await visitor.post(Self.ping, [], type: nil)
            #expect(reply2.status == 415)
            let reply3 = try await visitor.post(Self.ping, [], type: "application/json; charset=utf-8")
            #expect(reply3.status == 200)
            // The length alone is enough.
            let large = try await Self.exchange(
                visitor.served,
                "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:\(visitor.served.port)\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 4194305\r\nConnection: close\r\n\r\n")
            #expect(large.hasPrefix("HTTP/1.1 413"), "\(large)")
            let broken = try await visitor.post("{", [])
            #expect(broken.status == 400 && broken.code == -32_700)
            // Clients say all kinds of things about what they take.
            for accept in ["*/*", "application/json", "text/event-stream", "application/json, text/event-stream", ""] {
                let reply5 = try await visitor.post(Self.ping, [("Accept", accept)])
                #expect(reply5.status == 200)
            }
            let told = try await visitor.post(#"{"jsonrpc":"2.0","method":"notifications/whatever"}"#, [])
            #expect(told.status == 202 && told.messages.isEmpty && told.headers["content-length"] == "0")
        }
    }

    @Test func aLegacyClientMaySayAnyVersionAndAnySession() async throws {
        try await Self.run { visitor in
            for version in MCPEra.legacyVersions + [nil] as [String?] {
                for session in ["made-up", nil] as [String?] {
                    var headers: [(String, String)] = []
                    if let version { headers.append(("MCP-Protocol-Version", version)) }
                    if let session { headers.append(("Mcp-Session-Id", session)) }
                    let reply6 = try await visitor.post(Self.ping, headers)
                    #expect(reply6.status == 200)
                }
            }
            let reply7 = try await visitor.post(Self.ping, [("MCP-Protocol-Version", "1999-01-01")])
            #expect(reply7.status == 400)
        }
    }

    /// Says when it began and when it was called off.
    private struct SlowExecutor: ToolExecutor {
        let context = OperationContext(now: { SampleFleet.now })
        let began: @Sendable () -> Void
        let ended: @Sendable () -> Void

        func perform(
            _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)],
            for caller: any OperationCaller
        ) async throws(Failure) -> JSONValue {
            try? caller.take(.init("step", "begun"))
            began()
            try? await Task.sleep(for: .seconds(600))  // called off: that is what is waited for
            ended()
            throw Failure(.interrupted, doing: "wait", because: "it was called off")
        }
    }

    private static func slow(
        _ test:
            @escaping @Sendable (MCPVisitor, _ began: AsyncStream<Void>, _ ended: AsyncStream<Void>) async throws ->
            Void
    ) async throws {
        let (began, begin) = AsyncStream<Void>.makeStream()
        let (ended, end) = AsyncStream<Void>.makeStream()
        let catalogue = OperationCatalogue(
            executor: SlowExecutor(began: { begin.yield() }, ended: { end.yield() }), isLocal: false, seal: Seal(),
            uses: PlanUsesInMemory(), secrets: EnvironmentSecrets(environment: [:]))
        try await run(catalogue: catalogue) { visitor in try await test(visitor, began, ended) }
    }

    private static let slowCall: JSONValue = ["name": "get_space_runtime", "arguments": ["space_id": "acme/bot"]]

    /// With and without a stream that has begun.
    @Test(arguments: [nil, "p"] as [String?]) func goingCallsOffInTheModernEra(_ token: String?) async throws {
        try await Self.slow { visitor, began, ended in
            let call = Task {
                try await visitor.ask(
                    "tools/call", Self.slowCall, meta: token.map { ["progressToken": .string($0)] } ?? [:])
            }
            for await _ in began { break }
            call.cancel()
            for await _ in ended { break }
        }
    }

    @Test func aNotificationCallsOffInTheLegacyEra() async throws {
        try await Self.slow { visitor, began, ended in
            var visitor = visitor
            visitor = MCPVisitor(served: visitor.served, era: .legacy, session: "any-session")
            let own = visitor
            let call = Task { try await own.ask("tools/call", Self.slowCall, id: 5) }
            for await _ in began { break }
            let told = try await own.post(
                #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#, own.headers("", [:]))
            #expect(told.status == 202)
            for await _ in ended { break }
            let reply = try await call.value
            #expect(reply.answer == .null && reply.status == 204)
        }
    }

    @Test func aLostConnectionCallsNothingOffInTheLegacyEra() async throws {
        try await Self.slow { visitor, began, ended in
            let own = MCPVisitor(served: visitor.served, era: .legacy, session: "s")
            let call = Task { try await own.ask("tools/call", Self.slowCall, id: 5) }
            for await _ in began { break }
            call.cancel()
            _ = try? await call.value
            let isOver = Mutex(false)
            let watch = Task {
                for await _ in ended {
                    isOver.withLock { $0 = true }
                    break
                }
            }
            // Requests that come later are answered, and the call still goes on.
            for _ in 0..<20 {
                let ping = try await own.ask("ping")
                #expect(ping.status == 200)
            }
            #expect(!isOver.withLock { $0 })
            _ = try await own.post(
                #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#, own.headers("", [:]))
            await watch.value
        }
    }

    @Test func whatDestroysNeedsAnAdmin() async throws {
        let token = Secret("t0ken-of-16-chars")
        for (scope, said) in [
            (nil, "no account"), (.operate, "needs the scope admin"), (.read, "needs the scope admin"),
        ]
            as [(Scope?, String)]
        {
            let catalogue = OperationCatalogue(
                executor: ServerToolExecutor(OperationContext(now: { SampleFleet.now })), isLocal: false, seal: Seal(),
                uses: PlanUsesInMemory(), secrets: EnvironmentSecrets(environment: [:]))
            let book = AccessBook(records: FleetDouble().ledger.records, mainToken: token, now: { SampleFleet.now })
            var bearer = token
            if let scope { bearer = try await book.addToken("agent", scope: scope, ends: nil, by: "test").secret }
            let secret = bearer
            try await Self.run(
                token: token, publicURL: "https://stoker.example.com", book: book, catalogue: catalogue
            ) { visitor in
                let reply = try await visitor.ask(
                    "tools/call", ["name": "delete_space", "arguments": ["space_id": "acme/bot"]],
                    change: { $0.append(("Authorization", "Bearer \(secret.reveal())")) })
                let text = reply.result["content"]?.array?.first?["text"]?.string ?? ""
                // With the right it gets as far as the account, of which there is none.
                #expect(text.contains(said), "\(text)")
            }
        }
    }

    /// Deletes after a yes.
    private struct Asking: ToolExecutor {
        let context = OperationContext(now: { SampleFleet.now })
        func perform(
            _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)],
            for caller: any OperationCaller
        ) async throws(Failure) -> JSONValue {
            try await caller.ask(Question(.destroys, doing: "delete it", "Delete it?"))
            return ["deleted": true]
        }
    }

    /// A plan is made by one process, carried out by the next, and known as used to the one after it.
    @Test func plansOutliveARestartAndAreUsedOnce() async throws {
        let records = FleetDouble().ledger.records
        @Sendable func call(_ plan: JSONValue?) async -> JSONValue {
            let server = await mcpServer(executor: Asking(), records: records, environment: [:])
            var arguments: [JSONValue.Member] = [.init("space_id", "acme/bot")]
            if let plan { arguments.append(.init("plan_id", plan)) }
            let text = JSONValue.object([
                .init("jsonrpc", "2.0"), .init("id", 1), .init("method", "tools/call"),
                .init("params", ["name": "delete_space", "arguments": .object(arguments)]),
            ])
            guard case .request(let request) = MCPMessage(text.bytes, nil) else { preconditionFailure("no request") }
            let call = server.start(
                request, from: MCPClient(.machine), server.session(named: nil))
            for await _ in call.elements {}
            guard case .answer(let answer) = call.outcome else { return .null }
            return answer.json["result"] ?? .null
        }
        let plan = await call(nil)["structuredContent"]?["plan_id"]
        #expect(plan?.string != nil)
        #expect(await call(plan)["structuredContent"]?["deleted"] == true)
        let again = await call(plan)
        #expect(again["isError"] == true)
        #expect(again["content"]?.array?.first?["text"]?.string?.contains("carried out before") == true)
    }

    /// Whatever a request is made of, it is answered, and nothing is done.
    @Test func mutatedRequestsDoNothing() async throws {
        let count = Int(ProcessInfo.processInfo.environment["STOKER_MCP_MUTATIONS"] ?? "") ?? 400
        let effects = Mutex<[String]>([])
        struct Noting: ToolExecutor {
            let context = OperationContext(now: { SampleFleet.now })
            let note: @Sendable (String) -> Void
            func perform(
                _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)],
                for caller: any OperationCaller
            ) async throws(Failure) -> JSONValue {
                if operation.effect != .read { note(operation.name) }
                throw Failure(.notFound, doing: operation.doing, because: "there is nothing here")
            }
        }
        let catalogue = OperationCatalogue(
            executor: Noting(note: { name in effects.withLock { $0.append(name) } }), isLocal: false, seal: Seal(),
            uses: PlanUsesInMemory(), secrets: EnvironmentSecrets(environment: [:]))
        try await Self.run(token: Secret("t0ken-of-16-chars"), catalogue: catalogue) { visitor in
            var dice = Dice(seed: 11)
            for number in 0..<count {
                let request = Mutation.request(port: visitor.served.port, &dice)
                let answer = try await Self.exchange(visitor.served, request)
                #expect(
                    answer.isEmpty || answer.hasPrefix("HTTP/1.1 4") || answer.hasPrefix("HTTP/1.1 5")
                        || answer.hasPrefix("HTTP/1.0 4"),
                    "request \(number) of seed 11 got \(answer.prefix(60))\n\(request.prefix(300))")
            }
            let after = try await visitor.post(Self.ping, [("Authorization", "Bearer t0ken-of-16-chars")])
            #expect(after.status == 200)
        }
        #expect(effects.withLock { $0 }.isEmpty)
    }

    /// The beginning of what is answered to raw bytes; empty when the server closes without a word.
    private static func exchange(_ served: Served, _ request: String) async throws -> String {
        var text = ""
        do {
            for try await part in try await served.stream(raw: request) {
                text += String(buffer: part)
                if text.contains("\r\n\r\n") { break }
            }
        } catch {
            return text  // closed in the midst of it
        }
        return text
    }
}

/// Numbers that are the same in every run.
struct Dice: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Requests that are wrong in one way or several, and never carry the right token for a right call.
private enum Mutation {
    static func request(port: Int, _ dice: inout Dice) -> String {
        var body =
            [
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_space","arguments":{"space_id":"a/b"}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"restart_space","arguments":{"space_id":"../../x"}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"stoker://docs/../../etc/passwd"}}"#,
            ].randomElement(using: &dice) ?? ""
        var headers = [
            ("Host", "127.0.0.1:\(port)"), ("Content-Type", "application/json"),
            ("MCP-Protocol-Version", ["2025-11-25", "2026-07-28", "x"].randomElement(using: &dice) ?? ""),
        ]
        var (method, path, version) = ("POST", "/mcp", "HTTP/1.1")
        // The right token only beside something else that is wrong.
        var isBroken = false
        for _ in 0...Int.random(in: 0...2, using: &dice) {
            switch Int.random(in: 0...11, using: &dice) {
            case 0:
                headers[0].1 = ["evil.example", "", "127.0.0.1:1:2", "[::1", "a b"].randomElement(using: &dice) ?? ""
            case 1:
                headers.append(
                    ("Origin", ["null", "https://evil.example", "file://", "\u{0}"].randomElement(using: &dice) ?? ""))
            case 2:
                headers.append(
                    (
                        "Authorization",
                        ["Bearer", "Bearer x", "Basic dDp0", "bearer  "].randomElement(using: &dice) ?? ""
                    ))
            case 3:
                headers.append(
                    ("Transfer-Encoding", ["chunked", "identity, chunked", "gzip"].randomElement(using: &dice) ?? ""))
            case 4:
                headers.append(
                    ("Content-Length", ["-1", "0", "99999999999999999999", "5, 6"].randomElement(using: &dice) ?? ""))
            case 5:
                path = ["/mcp/", "/mcp/../mcp", "//mcp", "/mcp%2f..", "/MCP", "*"].randomElement(using: &dice) ?? ""
            case 6: method = ["GET", "DELETE", "TRACE", "CONNECT", "post", "P\tOST"].randomElement(using: &dice) ?? ""
            case 7: version = ["HTTP/1.0", "HTTP/9.9", "HTTP", ""].randomElement(using: &dice) ?? ""
            case 8:
                body = String(body.prefix(Int.random(in: 0...body.count, using: &dice)))
                isBroken = true
            case 9: headers.append(("X", String(repeating: "a", count: Int.random(in: 1...100_000, using: &dice))))
            case 10:
                var bytes = Array(body.utf8)
                for _ in 0..<3 where !bytes.isEmpty {
                    bytes[Int.random(in: bytes.indices, using: &dice)] = UInt8.random(in: 0...255, using: &dice)
                }
                body = String(decoding: bytes, as: UTF8.self)
            default: headers.append(("Cookie", "stoker_session=1.99999999999.abcd"))
            }
        }
        if isBroken, Bool.random(using: &dice), body.count < 40 {
            headers.append(("Authorization", "Bearer t0ken-of-16-chars"))
        }
        var text = "\(method) \(path) \(version)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if !headers.contains(where: { $0.0 == "Content-Length" || $0.0 == "Transfer-Encoding" }) {
            text += "Content-Length: \(body.utf8.count)\r\n"
        }
        return text + "Connection: close\r\n\r\n\(body)"
    }
}
