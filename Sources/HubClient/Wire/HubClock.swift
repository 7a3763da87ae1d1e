/// Time for waiting and for what is remembered of the Hub's windows; an argument, so that tests need not wait.
package struct HubClock: Sendable {
    /// Time passed since some fixed moment.
    package var now: @Sendable () -> Duration
    /// Throws `CancellationError` only.
    package var sleep: @Sendable (Duration) async throws -> Void

    package init<C: Clock>(_ clock: C) where C.Duration == Duration {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil) }
    }

    /// Counts on while the machine is suspended, as the Hub's windows do.
    package static let real = HubClock(ContinuousClock())
}

/// Runs `work`, and cancels it when it takes longer than `limit` of real time: network waits are not virtual.
func readWithin<Value: Sendable>(_ limit: Duration, _ work: @escaping @Sendable () async throws -> Value) async throws
    -> Value
{
    try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await work() }
        group.addTask {
            try await ContinuousClock().sleep(for: limit)
            return nil
        }
        guard let first = try await group.next(), let value = first else { throw TookTooLong(limit: limit) }
        return value
    }
}

struct TookTooLong: Error {
    let limit: Duration
}
