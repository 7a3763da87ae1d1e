import Foundation
import MCP
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

/// Standard input and output, calls that are called off, and restarts.
@Suite(.timeLimit(.minutes(1))) struct TransportTests {
    /// One client over lines; what it was sent.
    private static func talk(
        _ catalogue: any MCPCatalogue, _ lines: [String], seal: Seal = Seal()
    ) async throws -> [JSONValue] {
        let sent = Mutex<[JSONValue]>([])
        let (stream, feed) = AsyncStream<[UInt8]>.makeStream()
        for line in lines { feed.yield(Array(line.utf8)) }
        feed.finish()
        await StdioTransport(
            server: MCPServer(catalogue: catalogue, seal: seal),
            client: MCPClient(.machine, isLocal: true), lines: stream
        ) { bytes in
            #expect(bytes.last == 0x0A && !bytes.dropLast().contains(0x0A))
            sent.withLock { $0.append((try? JSONValue(reading: Array(bytes))) ?? .null) }
        }.run()
        return sent.withLock { $0 }
    }

    @Test func linesAreAnsweredInBothEras() async throws {
        let seal = Seal()
        let sent = try await Self.talk(
            FixtureCatalogue(seal: seal),
            [
                #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{}}}"#,
                #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "{broken", "", "[]",
                #"{"jsonrpc":"2.0","id":"two","method":"tools/list"}"#,
                #"{"jsonrpc":"2.0","id":3,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
                #"{"jsonrpc":"2.0","id":4,"method":"ping"}"#,
            ], seal: seal)
        func answer(_ id: JSONValue) -> JSONValue? { sent.first { $0["id"] == id } }
        #expect(sent.count == 6)
        #expect(answer(1)?["result"]?["protocolVersion"] == "2024-11-05")
        #expect(sent.filter { $0["id"] == .null }.compactMap { $0["error"]?["code"]?.integer } == [-32_700, -32_600])
        #expect((answer("two")?["result"]?["tools"]?.array?.count ?? 0) > 10)
        #expect(answer(3)?["result"]?["supportedVersions"] == ["2026-07-28"])
        #expect(answer(4)?["result"] == [:])
    }

    @Test func linesOfAFileAreCutAtTheirEnds() async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let lines = StdioTransport.lines(of: ends[0])
        let write = StdioTransport.writer(to: ends[1])
        write(Array("one\ntw".utf8))
        write(Array("o\n\n".utf8))
        let long = [UInt8](repeating: 0x61, count: StdioTransport.lineLimit + 70_000)
        Thread.detachNewThread { [end = ends[1]] in
            write(long + [0x0A])
            write(Array("last".utf8))
            close(end)
        }
        var read: [[UInt8]] = []
        for await line in lines { read.append(line) }
        #expect(
            read.map { String(decoding: $0.prefix(10), as: UTF8.self) } == ["one", "two", "", "aaaaaaaaaa", "last"])
        #expect(read.count > 3 && read[3].count > StdioTransport.lineLimit && read[3].count <= long.count)
        close(ends[0])
    }

    /// A call that never ends by itself, and whether it was called off.
    private final class Endless: Sendable {
        let isOver = Mutex(false)
        var answers: [String: ScriptedExecutor.Answer] {
            [
                "space-runtime": { [self] (_, _) throws(Failure) in
                    try? await Task.sleep(for: .seconds(600))  // cancelled: that is what is waited for
                    isOver.withLock { $0 = true }
                    throw Failure(.interrupted, doing: "wait", because: "it was called off")
                }
            ]
        }
    }

    @Test(arguments: [MCPEra.legacy, .modern]) func aCallIsCalledOffByItsSessionAndId(_ era: MCPEra) async throws {
        let endless = Endless()
        var wire = Wire(ScriptedExecutor(endless.answers))
        wire.era = era
        let params: JSONValue = ["name": "get_space_runtime", "arguments": ["space_id": "acme/bot"]]
        let call = wire.start("tools/call", params, id: 7, scope: "session-1")
        // Another session's id is the same number.
        wire.server.take(
            notification: "notifications/cancelled", ["requestId": 7], wire.server.session(named: "session-2"))
        wire.server.take(notification: "notifications/cancelled", ["requestId": 7], wire.server.session(named: nil))
        wire.server.take(
            notification: "notifications/cancelled", ["requestId": 8], wire.server.session(named: "session-1"))
        #expect(!endless.isOver.withLock { $0 })
        wire.server.take(
            notification: "notifications/cancelled", ["requestId": 7, "reason": "enough"],
            wire.server.session(named: "session-1"))
        for await _ in call.elements {}
        guard case .cancelled = call.outcome else {
            Issue.record("it was answered")
            return
        }
        try await eventually { endless.isOver.withLock { $0 } }
    }

    @Test func whatChangesSomethingIsBroughtToItsEnd() async throws {
        let begun = Mutex(false)
        let done = Mutex(false)
        let open = Mutex(false)
        let executor = ScriptedExecutor([
            "restart-space": { (_, _) throws(Failure) in
                begun.withLock { $0 = true }
                while !open.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(2)) }
                done.withLock { $0 = !Task.isCancelled }
                return ["space": "acme/bot", "stage": "RUNNING"]
            }
        ])
        let wire = Wire(executor)
        let call = wire.start(
            "tools/call", ["name": "restart_space", "arguments": ["space_id": "acme/bot"]], scope: "s")
        try await eventually { begun.withLock { $0 } }
        call.cancel()
        for await _ in call.elements {}
        #expect(!done.withLock { $0 })
        open.withLock { $0 = true }
        await wire.server.settle()
        try await eventually { done.withLock { $0 } }
    }

    @Test func aSessionOutlivesTheServer() async throws {
        let key = Seal.newKey()
        func server() -> Wire {
            let seal = Seal(key: key)
            var wire = Wire(FixtureCatalogue(seal: seal), seal: seal)
            wire.era = .legacy
            return wire
        }
        let first = server().start("initialize", ["protocolVersion": "2025-11-25", "capabilities": ["sampling": [:]]])
        for await _ in first.elements {}
        guard case .answer(let answer) = first.outcome, let id = answer.session else {
            Issue.record("no session")
            return
        }
        // Another process takes the id, and knows what the client can; an id that nobody gave is taken, too.
        for (session, isAble) in [(id, true), ("made-up", false), (nil, false)] as [(String?, Bool)] {
            let wire = server()
            let call = wire.start(
                "tools/call", ["name": "test_sampling", "arguments": ["prompt": "hi"]], scope: session)
            var asked = false
            for await case .message(let message) in call.elements {
                asked = message["method"] == "sampling/createMessage"
                wire.server.take(
                    response: message["id"] ?? .null, .result(["content": ["type": "text", "text": "yes"]]))
            }
            #expect(asked == isAble)
            guard case .answer(let answer) = call.outcome else {
                Issue.record("no answer")
                return
            }
            #expect((answer.json["error"]?["code"] == -32_021) == !isAble)
        }
    }

    @Test func tooManyCallsAtOnceAreRefused() async throws {
        let endless = Endless()
        let seal = Seal()
        let catalogue = OperationCatalogue(
            executor: ScriptedExecutor(endless.answers), isLocal: false, seal: seal, uses: PlanUsesInMemory(),
            secrets: EnvironmentSecrets(environment: [:]))
        let server = MCPServer(catalogue: catalogue, seal: seal, callLimit: 2)
        func start(_ id: Int) -> MCPCallStream {
            let text =
                #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"get_space_runtime","arguments":{"space_id":"a/b"}}}"#
            guard case .request(let request) = MCPMessage(Array(text.utf8), nil) else {
                preconditionFailure("no request")
            }
            return server.start(request, from: MCPClient(.machine), server.session(named: nil))
        }
        let held = [start(1), start(2)]
        let refused = start(3)
        for await _ in refused.elements {}
        guard case .answer(let answer) = refused.outcome else {
            Issue.record("no answer")
            return
        }
        #expect(answer.json["error"]?["message"]?.string?.contains("too many") == true)
        for call in held { call.cancel() }
        try await eventually {
            let next = start(4)
            defer { next.cancel() }
            guard case .answer = next.outcome else { return true }
            return false
        }
    }
}

extension TransportTests {
    @Test func aServerThatEndsAnswersWhoListens() async throws {
        let seal = Seal()
        let wire = Wire(FixtureCatalogue(seal: seal), seal: seal)
        let call = wire.start("subscriptions/listen", ["notifications": ["toolsListChanged": true]], id: "l")
        var words = call.elements.makeAsyncIterator()
        guard case .message(let first) = await words.next() else {
            Issue.record("no acknowledgement")
            return
        }
        #expect(first["method"] == "notifications/subscriptions/acknowledged")
        wire.server.close()
        while await words.next() != nil {}
        guard case .answer(let answer) = call.outcome else {
            Issue.record("no answer")
            return
        }
        #expect(answer.json["result"]?["_meta"]?[MCPMeta.subscription] == "l")
        let late = await wire.ask("tools/list")
        #expect(late?["error"] != nil)
    }
}
