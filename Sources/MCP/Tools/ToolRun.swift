package import Operations
package import StokerCore
import Synchronization

/// Where operations are carried out: in a server, or beside one in a command's process.
package protocol ToolExecutor: Sendable {
    /// What operations of this process work on.
    var context: OperationContext { get }
    /// Carries an operation out for this caller.
    func perform(
        _ operation: Operation, _ given: [(name: String, value: JSONValue)], for caller: any OperationCaller
    ) async throws(Failure) -> JSONValue
}

/// A server's own: everything it can do, it does in its process.
package struct ServerToolExecutor: ToolExecutor {
    package let context: OperationContext

    package init(_ context: OperationContext) { self.context = context }

    package func perform(
        _ operation: Operation, _ given: [(name: String, value: JSONValue)], for caller: any OperationCaller
    ) async throws(Failure) -> JSONValue {
        try await operation.call(given, in: context.called(by: caller))
    }
}

/// One call of a tool.
struct ToolRun: Sendable {
    let tool: Tool
    let executor: any ToolExecutor
    let caller: ToolCaller
    let exchange: MCPExchange
    /// What the tool's inputs are for its operation.
    let given: [(name: String, value: JSONValue)]
    /// Of the tool's inputs as they came.
    let arguments: JSONValue
    let writes: OpenWrites
    let plans: PlanDesk

    /// Carries out an operation. What changes something is brought to its end also when the call is called off.
    func perform(
        _ operation: Operation, _ given: [(name: String, value: JSONValue)]
    ) async throws(Failure) -> JSONValue {
        if operation.isCancellable { return try await executor.perform(operation, given, for: caller) }
        let (executor, caller) = (executor, caller)
        let work = Task { () -> Result<JSONValue, Failure> in
            do throws(Failure) { return .success(try await executor.perform(operation, given, for: caller)) } catch {
                return .failure(error)
            }
        }
        let ticket = writes.add(work)
        defer { writes.remove(ticket) }
        return try await work.value.get()
    }
}

/// What changes something and is under way. A process that ends waits for it.
final class OpenWrites: Sendable {
    private let open = Mutex((next: 0, tasks: [Int: Task<Result<JSONValue, Failure>, Never>]()))

    func add(_ task: Task<Result<JSONValue, Failure>, Never>) -> Int {
        open.withLock { open in
            open.next += 1
            open.tasks[open.next] = task
            return open.next
        }
    }

    func remove(_ ticket: Int) { open.withLock { $0.tasks[ticket] = nil } }

    func settle() async {
        while let task = open.withLock({ $0.tasks.values.first }) {
            _ = await task.value
            // Whoever waits for it takes it out as well; the order of the two does not matter.
            open.withLock { open in open.tasks = open.tasks.filter { $0.value != task } }
        }
    }
}

/// Makes plans and takes them back.
struct PlanDesk: Sendable {
    let seal: Seal
    let uses: any PlanUses
    let now: @Sendable () -> Instant

    /// The plan that came with a call; nil without one.
    func ticket(
        _ text: String?, for tool: Tool, _ arguments: JSONValue, _ client: MCPClient
    ) throws(Failure) -> PlanTicket? {
        guard let text else { return nil }
        return try PlanTicket.open(
            text, seal, principal: client.principal.id, tool: tool.name, inputs: Self.digest(arguments), now: now())
    }

    /// - Throws: `conflict` for a plan that was carried out before.
    func claim(_ ticket: PlanTicket) async throws(Failure) {
        guard try await uses.claim(ticket.id, at: now(), until: ticket.ends) else {
            throw Failure(
                .conflict, doing: "carry out the plan", because: "this plan was carried out before",
                hint: "look at what it came to; call \(ticket.tool) without \(Tool.planInput) for a new plan")
        }
    }

    func issue(
        _ shown: [String], for tool: String, _ arguments: JSONValue, _ client: MCPClient
    ) -> (id: String, ends: Instant) {
        let ends = now() + PlanTicket.life
        let ticket = PlanTicket(
            principal: client.principal.id, tool: tool, inputs: Self.digest(arguments), shown: shown, ends: ends,
            id: Seal.random())
        return (ticket.text(seal), ends)
    }

    /// Of a tool's inputs, whatever their order, without the plan itself.
    private static func digest(_ arguments: JSONValue) -> String {
        let members = (arguments.members ?? []).filter { $0.name != Tool.planInput && !$0.value.isNull }
        return Seal.digest(.object(members.sorted { $0.name < $1.name }))
    }
}
