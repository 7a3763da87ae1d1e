import KeepAlive
import StokerCore

/// Bytes as the life of a check: the first two are its threshold, each further pair a moment and what happened then.
enum JudgeFuzz {
    static func take(_ bytes: [UInt8]) {
        guard bytes.count >= 4 else { return }
        let of = 1 + Int(bytes[0] % 6)
        let policy = CheckPolicy(downAfter: Threshold(failures: 1 + Int(bytes[1]) % of, of: of))
        var life = Life(policy: policy)
        for place in stride(from: 2, to: bytes.count - 1, by: 2) { life.step(bytes[place], bytes[place + 1]) }
    }

    private struct Life {
        let policy: CheckPolicy
        var state = CheckState()
        var now = Instant(milliseconds: 1_700_000_000_000)
        var open: Incident?

        mutating func step(_ wait: UInt8, _ what: UInt8) {
            // From a second to three hours: the longest start lies in between.
            now = now + .seconds(1 + Int(wait) * Int(wait) / 6)
            let before = state
            let actions: [JudgeAction]
            switch what % 16 {
            case 0: actions = Judge.pause(&state, .byPerson, check: 1, now: now)
            case 1: actions = Judge.pause(&state, .byHours, until: now + .seconds(600), check: 1, now: now)
            case 2: actions = Judge.pause(&state, .byFleetFile, check: 1, now: now)
            case 3, 4: actions = Judge.resume(&state, now: now)
            case 5: actions = Judge.recover(&state, policy: policy, check: 1, now: now)
            default:
                let outcome = Outcome.allCases[Int(what / 16) % Outcome.allCases.count]
                let cause: Cause =
                    outcome != .down
                    ? (outcome == .unknown && what % 2 == 0 ? .spaceThrottled : .none)
                    : what % 16 == 6 ? .spaceModerated : .status
                actions = Judge.judge(
                    &state, Observation(check: 1, at: now, outcome: outcome, cause: cause), policy: policy, now: now)
                if before.verdict == .paused { must(state == before && actions.isEmpty, "judged while paused") }
                if outcome == .up, policy.downAfter.of == 1, before.verdict != .paused {
                    must(state.verdict == .up, "a good ping of a check without a threshold is not up")
                }
            }
            for action in actions { take(action, before) }
            must(state.incidentOpen == (open != nil), "the incident and what was told of it differ")
            must(Judge.openIncident(state, check: 1)?.began == open?.began, "another incident")
            must(state.verdict != .down || state.incidentOpen, "down without an incident")
            must(!state.flapping || state.incidentOpen, "flapping without an incident")
            must((state.verdict == .paused) == (state.pause != .none), "paused for no reason")
            must(!state.isModerated || state.incidentOpen, "moderated without an incident")
            must(state.since <= now && state.recentCount <= 32, "from the future")
        }

        private mutating func take(_ action: JudgeAction, _ before: CheckState) {
            switch action {
            case .incidentBegan(let incident):
                must(open == nil && incident.ended == nil && incident.began <= now, "an incident inside an incident")
                open = incident
            case .incidentEnded(let incident):
                guard let was = open, let ended = incident.ended else {
                    preconditionFailure("an end without a beginning")
                }
                must(incident.began == was.began && ended >= incident.began && ended <= now, "ends before it began")
                open = nil
            case .recheck(let after):
                must(after > .zero && after <= policy.every * 4, "a recheck after \(after)")
                must(after <= policy.every || state.slowdown > 0, "slower than the interval for no reason")
            case .changed(let from, let to):
                must(from != to && to == state.verdict, "told of \(from) to \(to), is \(state.verdict)")
                must(!(before.flapping && state.flapping), "told while flapping")
            case .stopPinging: must(state.verdict == .paused, "stopped without a pause")
            case .flappingBegan: must(state.flapping, "began to flap, does not")
            case .flappingEnded: must(!state.flapping, "ended flapping, does")
            }
        }
    }
}
