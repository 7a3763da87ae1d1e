import StokerCore

/// What follows from the judge's actions beside the state itself: what is written down, and when the check is pinged. Pure.
struct JudgeEffects {
    var events: [Event] = []
    var incidents: [Incident] = []
    /// The time to the next ping where it is not the usual one.
    var recheck: Duration?
    var stopsPinging = false
    /// Old and new verdicts, where it changed.
    var changes: [(from: Verdict, to: Verdict)] = []

    /// - Parameter state: after them.
    init(_ actions: [JudgeAction], of name: String, id: Int32, _ state: CheckState, now: Instant) {
        func emit(_ payload: EventPayload) { events.append(Event(at: now, check: id, payload)) }
        for action in actions {
            switch action {
            case .changed(let from, let to):
                changes.append((from, to))
                emit(.verdict(check: name, from: from, to: to, cause: state.cause, code: state.code))
            case .incidentBegan(var incident):
                incident.check = id
                incidents.append(incident)
                emit(.incidentBegan(check: name, cause: incident.cause, code: incident.code))
            case .incidentEnded(var incident):
                incident.check = id
                incidents.append(incident)
                let length = (incident.ended ?? now) - incident.began
                emit(
                    .incidentEnded(
                        check: name, how: state.verdict == .paused ? .paused : .recovered,
                        lastedMilliseconds: length.wholeMilliseconds))
            case .flappingBegan: emit(.flappingBegan(check: name))
            case .flappingEnded: emit(.flappingEnded(check: name))
            case .recheck(let wait): recheck = wait
            case .stopPinging:
                stopsPinging = true
                emit(.moderated(check: name))
            }
        }
    }
}
