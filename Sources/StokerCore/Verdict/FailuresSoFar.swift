extension CheckStatus {
    /// `1 of 2 failures: connection refused`: the last ping failed, and more must before the check is believed down. nil otherwise.
    package var failuresSoFar: String? {
        let needed = check.policy.downAfter
        guard check.policy.kind != .heartbeat, state.verdict == .unknown || state.verdict == .up, !state.wasBad,
            state.failures > 0, state.cause != .none
        else { return nil }
        let window: UInt32 = needed.of >= 32 ? .max : (1 << UInt32(max(1, needed.of))) - 1
        let seen = (state.recentFailures & window).nonzeroBitCount
        return "\(seen) of \(needed.failures) failures: \(state.cause.brief(code: state.code))"
    }
}

extension Cause {
    /// A few words where there is no room for the whole ``sentence``.
    package func brief(code: UInt16) -> String {
        switch self {
        case .dnsNoSuchName: "no such name"
        case .dnsFailed: "name lookup failed"
        case .dnsTimeout: "name lookup timed out"
        case .connectRefused: "connection refused"
        case .connectTimeout: "connection timed out"
        case .connectUnreachable: "host unreachable"
        case .connectionReset: "connection reset"
        case .tlsHandshake: "TLS handshake failed"
        case .tlsCertificate: "certificate not valid"
        case .tlsTimeout: "TLS handshake timed out"
        case .firstByteTimeout: "no answer in time"
        case .bodyTimeout: "answer not complete in time"
        case .closedEarly: "connection closed early"
        case .status where code > 0: "answered \(code)"
        default: sentence
        }
    }
}
