import Operations
import StokerCore

/// Where an operation is carried out: this process, a running server, or a ledger file of this machine.
protocol OperationExecutor: Sendable {
    func call(_ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]) async throws(Failure)
        -> JSONValue
}

extension OperationContext: OperationExecutor {
    func call(_ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]) async throws(Failure)
        -> JSONValue
    {
        try await operation.call(given, in: self)
    }
}
