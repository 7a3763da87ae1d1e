import Diagnosis
import StokerCore

/// What a person can do about a state; nil when there is nothing to do.
enum Advice {
    /// - Parameter hubStatus: what the Hub says of the check's Space.
    static func text(_ state: CheckState, policy: CheckPolicy, hubStatus: SpaceHubStatus? = nil) -> String? {
        switch state.verdict {
        case .up: return nil
        case .unknown:
            return policy.kind == .heartbeat ? "Add the call below to the end of the job." : nil
        case .paused:
            switch state.pause {
            case .byModeration:
                return "Read what the Space's page on the Hub says and settle it there. "
                    + "Stoker stays away until somebody resumes it here."
            case .byFleetFile: return "Take “paused” out of the fleet file to go on."
            case .byHours: return "It goes on by itself when its hours begin."
            case .byPerson:
                return state.pausedUntil.isNever ? "It stays so until somebody resumes it." : "It goes on by itself."
            case .byOwner:
                return "Restart it on its page on the Hub; it is pinged again as soon as the Hub says that it runs."
            case .asleep: return "A visit or “Ping now” wakes it; it is pinged again when the Hub says that it runs."
            case .none: return nil
            }
        default:
            let message = state.cause == .spaceCrashed ? hubStatus.flatMap { $0.isFresh ? $0.errorMessage : nil } : nil
            let rule = DiagnosisRules.find(message: message)
            if policy.heal.mode == .act, DiagnosisRules.restartHelps(state.cause), rule?.restartHelps != false {
                return "Stoker restarts it by itself, inside its budget. Its log on the Hub says what the app does."
            }
            return rule?.remedy ?? DiagnosisRules.advice(state.cause)
        }
    }
}
