/// Time for waiting; an argument, so that tests need not wait.
package struct WaitClock: Sendable {
    /// Time passed since some fixed moment.
    package var now: @Sendable () -> Duration
    /// Throws `CancellationError` only.
    package var sleep: @Sendable (Duration) async throws -> Void

    package init<C: Clock>(_ clock: C) where C.Duration == Duration {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil) }
    }

    /// Counts on while the machine is suspended, as windows of a server's rate limit do.
    package static let real = WaitClock(ContinuousClock())
}
