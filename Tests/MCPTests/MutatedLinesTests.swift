import Foundation
import MCP
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

/// Whatever stands on a line of standard input, it is answered or passed over, and nothing that asks is done without its plan.
@Suite(.timeLimit(.minutes(5))) struct MutatedLinesTests {
    /// Puts the question of whatever asks, as the real operations do, and notes what was done after it.
    private struct Noting: ToolExecutor {
        let context = OperationContext(now: { ScriptedExecutor.now })
        let note: @Sendable (String) -> Void

        func perform(
            _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)],
            for caller: any OperationCaller
        ) async throws(Failure) -> JSONValue {
            _ = try Arguments(given, for: operation, now: context.now(), isLocal: caller.isLocal)
            if operation.asks {
                try await caller.ask(Question(.destroys, doing: operation.doing, "Really \(operation.doing)?"))
                note(operation.name)
            }
            return .object([])
        }
    }

    private static let sound = [
        #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#,
        #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"delete_space","arguments":{"space_id":"a/b","plan_id":"AAAA.BBBB"}}}"#,
        #"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"set_space_hardware","arguments":{"space_id":"a/b","hardware":"t4-small"}}}"#,
        #"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"restore","arguments":{"space_id":"a/b"},"_meta":{"progressToken":1}}}"#,
        #"{"jsonrpc":"2.0","id":5,"method":"resources/read","params":{"uri":"stoker://docs/../../etc/passwd"}}"#,
        #"{"jsonrpc":"2.0","id":6,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2,"reason":"x"}}"#,
        #"{"jsonrpc":"2.0","id":7,"result":{"action":"accept","content":{}}}"#,
        #"{"jsonrpc":"2.0","id":8,"method":"prompts/get","params":{"name":"why_is_it_down","arguments":{"target":"bot"}}}"#,
        #"{"jsonrpc":"2.0","id":9,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"a","value":"b"}}}"#,
    ]

    private static func mutated(_ dice: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = Array((sound.randomElement(using: &dice) ?? "").utf8)
        for _ in 0...Int.random(in: 0...2, using: &dice) {
            guard !bytes.isEmpty else { break }
            let place = Int.random(in: bytes.indices, using: &dice)
            switch Int.random(in: 0...9, using: &dice) {
            case 0: bytes = Array(bytes.prefix(place))
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &dice)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: place)
            case 3: bytes.remove(at: place)
            case 4: bytes = Array("[".utf8) + bytes + Array("]".utf8)
            case 5: bytes.insert(contentsOf: Array(repeating: UInt8(ascii: "["), count: 200), at: place)
            case 6: bytes += bytes
            case 7:
                let text = String(decoding: bytes, as: UTF8.self)
                let ids = ["null", "true", "1.5", "\"x\"", "-9223372036854775809", "{}", "[]"]
                bytes = Array(
                    text.replacing(#/"id":\d+/#, with: "\"id\":\(ids.randomElement(using: &dice) ?? "0")").utf8)
            case 8:
                let text = String(decoding: bytes, as: UTF8.self)
                bytes = Array(
                    text.replacing(
                        "a/b", with: ["../../x", "\\u0000", "a/b/c", "hf_", " "].randomElement(using: &dice) ?? ""
                    ).utf8)
            default: bytes.insert(contentsOf: Array(repeating: UInt8(ascii: "a"), count: 70_000), at: place)
            }
        }
        return bytes.map { $0 == 0x0A ? 0x20 : $0 }
    }

    @Test func mutatedLinesDoNothing() async throws {
        let count = Int(ProcessInfo.processInfo.environment["STOKER_MCP_MUTATIONS"] ?? "") ?? 1_000
        let effects = Mutex<[String]>([])
        let catalogue = OperationCatalogue(
            executor: Noting(note: { name in effects.withLock { $0.append(name) } }), isLocal: true, seal: Seal(),
            uses: PlanUsesInMemory(), secrets: EnvironmentSecrets(environment: [:]))
        let (stream, feed) = AsyncStream<[UInt8]>.makeStream()
        var dice = SplitMix64(seed: 23)
        for _ in 0..<count { feed.yield(Self.mutated(&dice)) }
        feed.yield(Array(#"{"jsonrpc":"2.0","id":"last","method":"ping"}"#.utf8))
        feed.finish()
        let answers = Mutex<(count: Int, odd: [String], hasLast: Bool)>((0, [], false))
        await StdioTransport(
            server: MCPServer(catalogue: catalogue, seal: Seal()),
            client: MCPClient(.machine, isLocal: true), lines: stream
        ) { bytes in
            // Each answer is one line of JSON, whatever was asked.
            let answer = bytes.last == 0x0A ? try? JSONValue(reading: Array(bytes.dropLast())) : nil
            answers.withLock { seen in
                seen.count += 1
                if answer?["jsonrpc"] != "2.0" { seen.odd.append(String(decoding: bytes.prefix(200), as: UTF8.self)) }
                if answer?["id"] == "last" { seen.hasLast = answer?["result"] != nil }
            }
        }.run()
        answers.withLock { seen in
            #expect(seen.odd == [] && seen.hasLast && seen.count > count / 3)
        }
        #expect(effects.withLock { $0 } == [])
    }
}
