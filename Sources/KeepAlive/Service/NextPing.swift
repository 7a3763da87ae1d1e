import StokerCore

/// When a check is pinged next, after a ping that came to its end. Pure but for the chance in ``DueTimeSpread``.
struct NextPing {
    /// The judge wants it sooner, or later, than its interval.
    var recheck: Duration?
    /// What a 429 asked us to wait; nil for every other answer.
    var retryAfter: Duration?
    /// It was the first one, or came in a crowd: the next falls anywhere in the interval.
    var isFirst: Bool
    /// When the ping was due, wall-clock milliseconds.
    var due: Int64

    /// RFC 9110, 10.2.3; more than an hour would be as good as no check.
    static let longestRetryAfter = Duration.seconds(3_600)

    /// - Returns: wall-clock milliseconds.
    func time(_ policy: CheckPolicy, now: Instant, _ spread: inout DueTimeSpread) -> Int64 {
        if let recheck {
            let wanted = min(retryAfter ?? .zero, Self.longestRetryAfter)
            return now.milliseconds + spread.interval(max(recheck, wanted), jitter: policy.jitter)
        }
        if isFirst { return spread.afterFirst(now: now.milliseconds, every: policy.every) }
        return spread.following(due: due, now: now.milliseconds, every: policy.every, jitter: policy.jitter)
    }
}
