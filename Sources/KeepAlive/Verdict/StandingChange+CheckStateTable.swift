import Ledger
import StokerCore

extension StandingChange {
    /// What a change of the state means for uptime; nil when it means nothing.
    /// - Parameter seen: when what changed it began: a ping's attempt, or now.
    init?(of check: Int32, from before: CheckState, to after: CheckState, seen: Instant) {
        guard before.standing != after.standing else { return nil }
        // The verdict knows since when it holds; sight lost or found again changes no verdict.
        let at = before.verdict == after.verdict || after.standing == .blind ? seen : min(after.since, seen)
        self.init(check: check, at: at, seen: seen, standing: after.standing)
    }
}
