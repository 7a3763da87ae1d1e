import StokerCore
import Synchronization

/// The connectivity guard as all shards share it: one lock, held for a few nanoseconds per attempt.
final class SharedConnectivity: Sendable {
    private let state: Mutex<ConnectivityGuard>

    init(checks: Int) { state = Mutex(ConnectivityGuard(checks: checks)) }

    var isOffline: Bool { state.withLock { $0.status.isOffline } }
    var status: ConnectivityGuard.Status { state.withLock { $0.status } }

    func reset(checks: Int) { state.withLock { $0 = ConnectivityGuard(checks: checks) } }

    /// Loopback says nothing about the network outside and is not counted.
    func note(_ check: Check, _ cause: Cause, at now: Instant) {
        guard !Self.isLoopback(check.address) else { return }
        state.withLock { $0.note(check.name, cause, at: now) }
    }

    static func isLoopback(_ address: String) -> Bool {
        let rest = address.utf8.drop { $0 != UInt8(ascii: "/") }.dropFirst(2)
        return rest.starts(with: "127.".utf8) || rest.starts(with: "localhost".utf8) || rest.starts(with: "[::1]".utf8)
    }
}
