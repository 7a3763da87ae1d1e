import StokerCore

/// What follows from one attempt of a ping. Pure.
enum AttemptStep: Equatable {
    /// Tried again at that time, wall-clock milliseconds.
    case retry(at: Int64)
    /// It may be our own network: the ping waits and is tried again then.
    case hold(until: Int64)
    /// The ping is over; this is what is judged.
    case conclude(AttemptResult)

    /// When a failed attempt is tried again; nil when it was the last one, or trying again would not help.
    /// - Parameter attempt: its number, from 1.
    static func retry(of finding: AttemptResult, attempt: Int, retries: [Duration], now: Instant) -> Int64? {
        guard finding.outcome.isFailure, finding.isRetryable, attempt <= retries.count else { return nil }
        return now.milliseconds + retries[attempt - 1].wholeMilliseconds
    }

    /// What becomes of a failure that may be our own.
    /// - Parameters:
    ///   - meant: with what the Hub says.
    ///   - detail: what the visitor alone saw.
    static func after(
        _ treatment: ConnectivityGuard.Treatment, _ meant: AttemptResult, detail: String, now: Instant
    ) -> AttemptStep {
        switch treatment {
        case .judge: .conclude(meant)
        case .hold(let until): .hold(until: max(until.milliseconds, now.milliseconds + 100))
        case .disregard: .conclude(AttemptResult(outcome: .unknown, cause: .selfOffline, detail: detail))
        }
    }
}
