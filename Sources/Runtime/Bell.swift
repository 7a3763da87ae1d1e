import Synchronization

/// Wakes one waiter. A ring that nobody waits for is kept (once) for the next.
package final class Bell: Sendable {
    private enum State {
        case quiet
        case rung
        case waiting(id: UInt64, CheckedContinuation<Void, Never>)
    }
    private let state = Mutex<(state: State, lastID: UInt64)>((.quiet, 0))

    package init() {}

    package func ring() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { bell in
            defer { bell.state = if case .waiting = bell.state { .quiet } else { .rung } }
            guard case .waiting(_, let waiter) = bell.state else { return nil }
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
        let id = state.withLock { bell in
            bell.lastID += 1
            return bell.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { bell in
                    if case .rung = bell.state {
                        bell.state = .quiet
                        return true
                    }
                    if Task.isCancelled { return true }
                    bell.state = .waiting(id: id, waiter)
                    return false
                }
                if isOver { waiter.resume() }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Void, Never>? = state.withLock { bell in
                guard case .waiting(id, let waiter) = bell.state else { return nil }
                bell.state = .quiet
                return waiter
            }
            waiter?.resume()
        }
    }
}
