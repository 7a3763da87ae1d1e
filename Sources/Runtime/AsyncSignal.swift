import Synchronization

/// Wakes one waiter. A ring that nobody waits for is kept (once) for the next.
package final class AsyncSignal: Sendable {
    private enum State {
        case quiet
        case rung
        case waiting(id: UInt64, CheckedContinuation<Void, Never>)
    }
    private let state = Mutex<(state: State, lastID: UInt64)>((.quiet, 0))

    package init() {}

    /// Wakes whoever waits; kept for the next one when nobody does. Several before a wait count as one.
    package func fire() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { signal in
            defer { signal.state = if case .waiting = signal.state { .quiet } else { .rung } }
            guard case .waiting(_, let waiter) = signal.state else { return nil }
            return waiter
        }
        waiter?.resume()
    }

    /// Returns when rung, when the time is over, or when the task is cancelled. One waiter at a time.
    package func wait(atMost time: Duration?, clock: any Clock<Duration>) async {
        guard let time else { return await wait() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask {
                // Ends early only by cancellation, which ends the wait as well.
                try? await clock.sleep(for: time)
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait() async {
        let id = state.withLock { signal in
            signal.lastID += 1
            return signal.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { signal in
                    if case .rung = signal.state {
                        signal.state = .quiet
                        return true
                    }
                    if Task.isCancelled { return true }
                    signal.state = .waiting(id: id, waiter)
                    return false
                }
                if isOver { waiter.resume() }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Void, Never>? = state.withLock { signal in
                guard case .waiting(id, let waiter) = signal.state else { return nil }
                signal.state = .quiet
                return waiter
            }
            waiter?.resume()
        }
    }
}
