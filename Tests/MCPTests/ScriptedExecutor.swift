import MCP
import Operations
import StokerCore
import Synchronization
import TestSupport

/// Answers operations as a test says, and notes what was asked of it.
final class ScriptedExecutor: ToolExecutor {
    typealias Answer =
        @Sendable (_ given: [String: JSONValue], _ caller: any OperationCaller) async throws(Failure) -> JSONValue
    let context: OperationContext
    private let answers: [String: Answer]
    private let asked = Mutex<[(name: String, given: [String: JSONValue])]>([])

    init(now: @escaping @Sendable () -> Instant = { ScriptedExecutor.now }, _ answers: [String: Answer] = [:]) {
        context = OperationContext(now: now)
        self.answers = answers
    }

    static let now = Instant(milliseconds: 1_795_262_400_000)

    var calls: [(name: String, given: [String: JSONValue])] { asked.withLock { $0 } }

    func perform(
        _ operation: Operation, _ given: [(name: String, value: JSONValue)], for caller: any OperationCaller
    ) async throws(Failure) -> JSONValue {
        // As the real one: who has not the scope, and inputs that do not fit, are refused.
        try caller.principal.require(operation.scope, doing: operation.doing)
        _ = try Arguments(given, for: operation, now: context.now(), isLocal: caller.isLocal)
        let named = Dictionary(given.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        asked.withLock { $0.append((operation.name, named)) }
        guard let answer = answers[operation.name] else {
            throw Failure(.notFound, doing: operation.doing, because: "the test has no answer for it")
        }
        return try await answer(named, caller)
    }
}

/// A server over a catalogue, and one client of it.
struct Wire: Sendable {
    let server: MCPServer
    var client = MCPClient(.machine)
    var era = MCPEra.modern

    init(_ catalogue: any MCPCatalogue, seal: Seal = Seal()) {
        server = MCPServer(catalogue: catalogue, seal: seal)
    }

    init(
        _ executor: any ToolExecutor, isLocal: Bool = false, uses: any PlanUses = PlanUsesInMemory(),
        seal: Seal = Seal()
    ) {
        self.init(
            OperationCatalogue(
                executor: executor, isLocal: isLocal, seal: seal, uses: uses,
                secrets: EnvironmentSecrets(
                    environment: ["STOKER_MCP_SECRETS": "API_KEY, UNSET", "API_KEY": "sk-of-mine", "HF_TOKEN": "hf_x"])),
            seal: seal)
    }

    func start(_ method: String, _ params: JSONValue = [:], id: JSONValue = 1, scope: String? = nil) -> MCPCallStream {
        var params = params
        if era == .modern {
            params = params.adding([
                .init("_meta", .object([.init(MCPMeta.version, "2026-07-28"), .init(MCPMeta.capabilities, [:])]))
            ])
        }
        let text = JSONValue.object([
            .init("jsonrpc", "2.0"), .init("id", id), .init("method", .string(method)), .init("params", params),
        ]).bytes
        guard case .request(let request) = MCPMessage(text, nil) else { preconditionFailure("no request: \(method)") }
        return server.start(request, from: client, server.session(named: scope))
    }

    /// The whole answer; nil for none.
    func ask(_ method: String, _ params: JSONValue = [:]) async -> JSONValue? {
        let call = start(method, params)
        for await _ in call.elements {}
        guard case .answer(let answer) = call.outcome else { return nil }
        return answer.json
    }

    func call(_ tool: String, _ arguments: JSONValue = [:]) async -> JSONValue {
        let answer = await ask("tools/call", ["name": .string(tool), "arguments": arguments])
        return answer?["result"] ?? answer?["error"] ?? .null
    }
}

extension JSONValue {
    var structured: JSONValue { self["structuredContent"] ?? .null }
    var firstText: String { self["content"]?.array?.first?["text"]?.string ?? "" }
}
