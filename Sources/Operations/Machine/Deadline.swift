import Runtime

/// Work that a person gave a time.
package enum Deadline {
    /// - Returns: nil when the moment came first; the work was called off then, whatever it was waiting for.
    /// - Throws: what the work throws, and when the task is cancelled.
    package static func run<Value: Sendable>(
        until moment: ContinuousClock.Instant, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value? {
        try await withTimeout(ContinuousClock.now.duration(to: moment), work)
    }
}
