extension CheckStatus {
    /// `1 of 2 failures: connection refused`: the last ping failed, and more must before the check is believed down. nil otherwise.
    package var failuresSoFar: String? {
        let needed = check.policy.downAfter
        guard !check.policy.kind.type.isPassive, state.verdict == .unknown || state.verdict == .up, !state.wasBad,
            state.failures > 0, state.cause != .none
        else { return nil }
        let window: UInt32 = needed.of >= 32 ? .max : (1 << UInt32(max(1, needed.of))) - 1
        let seen = (state.recentFailures & window).nonzeroBitCount
        return "\(seen) of \(needed.failures) failures: \(state.cause.brief(code: state.code))"
    }
}
