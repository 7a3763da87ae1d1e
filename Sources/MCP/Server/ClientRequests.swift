import StokerCore
import Synchronization

/// Requests of ours that clients have not answered yet.
final class ClientRequests: Sendable {
    private let waiting = Mutex<[String: CheckedContinuation<MCPMessage.Result, any Error>]>([:])
    /// More are refused.
    private static let most = 1_000

    /// - Parameter send: gets the id, which nobody can guess.
    func ask(_ send: (String) -> Void) async throws -> JSONValue {
        let id = "stoker-\(Seal.random())"
        let result = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isIn = waiting.withLock { waiting in
                    guard waiting.count < Self.most else { return false }
                    waiting[id] = continuation
                    return true
                }
                guard isIn else {
                    return continuation.resume(throwing: MCPError.trouble("too many requests to clients are open"))
                }
                // The call may have been called off before this.
                if Task.isCancelled { drop(id) } else { send(id) }
            }
        } onCancel: {
            drop(id)
        }
        switch result {
        case .result(let value): return value
        case .error(let error):
            throw MCPError.trouble(
                "the client answered with an error: \(error["message"]?.string ?? "no reason given")")
        }
    }

    private func drop(_ id: String) {
        waiting.withLock { $0.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }

    func answer(_ id: JSONValue, _ result: MCPMessage.Result) {
        guard let id = id.string else { return }
        waiting.withLock { $0.removeValue(forKey: id) }?.resume(returning: result)
    }
}
