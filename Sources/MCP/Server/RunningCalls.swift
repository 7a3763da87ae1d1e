import StokerCore
import Synchronization

/// The calls under way that a later message can call off.
final class RunningCalls: Sendable {
    struct Key: Hashable {
        /// The session, or the connection.
        var scope: String
        var id: JSONValue
    }
    private let calls = Mutex<[Key: MCPCallStream]>([:])

    func add(_ call: MCPCallStream, _ key: Key) { calls.withLock { $0[key] = call } }

    /// A later call under the same id stays.
    func remove(_ call: MCPCallStream, _ key: Key) {
        calls.withLock { calls in if calls[key] === call { calls[key] = nil } }
    }

    func cancel(_ key: Key) { calls.withLock { $0[key] }?.cancel() }
}
