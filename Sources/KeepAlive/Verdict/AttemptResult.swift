package import StokerCore

/// What an attempt means for its check.
package struct AttemptResult: Equatable {
    package var outcome: Outcome
    package var cause: Cause
    /// HTTP status, 0 when there was none.
    package var code: UInt16
    /// What exactly was expected and seen, for the transcript; no secrets.
    package var detail: String
    package init(outcome: Outcome, cause: Cause, code: UInt16 = 0, detail: String = "") {
        self.outcome = outcome
        self.cause = cause
        self.code = code
        self.detail = detail
    }

    /// Whether another attempt of the same ping could tell something else. A held or starting Space is not asked again
    /// at once (the judge rechecks it), nor one that the platform throttles, hides, paused or flagged.
    package var isRetryable: Bool {
        guard outcome == .down else { return false }
        switch cause {
        case .spaceThrottled, .spaceHidden, .spacePaused, .spaceModerated, .invalidAddress: return false
        // The Hub has said the same: asking the Space again tells nothing new.
        case .spaceRunningDead, .spaceSpendLimit, .spaceBuildFailed, .spaceConfigError, .spaceNoApp, .spaceCrashed,
            .spaceDeleting, .spaceNeedsToken, .platformIncident:
            return false
        default: return true
        }
    }
}

/// What the judge wants done after it changed a state. Carried out by the service, in this order.
package enum JudgeAction: Equatable {
    /// The verdict changed; write an event.
    case changed(from: Verdict, to: Verdict)
    case incidentBegan(Incident)
    case incidentEnded(Incident)
    /// From here on changes are not told one by one; one incident stays open.
    case flappingBegan
    /// It stayed the same for ten pings.
    case flappingEnded
    /// Ping again after this time instead of the policy's interval.
    case recheck(Duration)
    /// The platform asked us to stop: pause the check until a person resumes it.
    case stopPinging(CheckState.Pause)
}
