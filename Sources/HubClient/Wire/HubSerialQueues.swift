import Synchronization

/// Who is next: one at a time for each name, in the order of asking. A cancelled waiter leaves the line.
final class HubSerialQueues: Sendable {
    private struct Waiter {
        var number: UInt64
        var continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var next: UInt64 = 0
        /// Names whose turn is taken, with those who wait.
        var lines: [String: [Waiter]] = [:]
    }
    private let state = Mutex(State())

    /// Waits for the turn; throws `CancellationError` only. Everyone who got it calls ``give(_:)``.
    func take(_ name: String) async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard state.lines[name] != nil else {
                        state.lines[name] = []
                        return .success(())
                    }
                    state.lines[name]?.append(Waiter(number: number, continuation: continuation))
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let index = state.lines[name]?.firstIndex(where: { $0.number == number }) else { return nil }
                return state.lines[name]?.remove(at: index)
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    func give(_ name: String) {
        let next = state.withLock { state -> Waiter? in
            guard let line = state.lines[name] else { return nil }
            guard !line.isEmpty else {
                state.lines[name] = nil
                return nil
            }
            return state.lines[name]?.removeFirst()
        }
        next?.continuation.resume()
    }

    /// How many wait for a turn.
    var waiting: Int { state.withLock { $0.lines.values.reduce(0) { $0 + $1.count } } }
}
