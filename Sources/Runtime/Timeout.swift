/// Runs `work`, and cancels it when it takes longer than `limit` of real time. Returns when the work has ended: work that does not heed
/// its cancellation holds this up.
/// - Returns: nil when the time was over first.
/// - Throws: what the work throws, and `CancellationError` when the task is cancelled.
package func withTimeout<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await work() }
        group.addTask {
            try await ContinuousClock().sleep(for: limit)
            return nil
        }
        return try await group.next() ?? nil
    }
}
