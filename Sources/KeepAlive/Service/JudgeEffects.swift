import StokerCore

/// What follows from rulings beside the state itself: what is written down, and when the check is pinged. Pure.
struct JudgeEffects {
    var events: [Event] = []
    var incidents: [Incident] = []
    /// The time to the next ping where it is not the usual one.
    var recheck: Duration?
    var stopsPinging = false
    /// Old and new verdicts, where it changed.
    var changes: [(from: Verdict, to: Verdict)] = []

    /// - Parameter state: after them.
    init(_ rulings: [JudgeAction], of name: String, id: Int32, _ state: CheckState, now: Instant) {
        func say(_ payload: EventPayload) { events.append(Event(at: now, check: id, payload)) }
        for ruling in rulings {
            switch ruling {
            case .changed(let from, let to):
                changes.append((from, to))
                say(.verdict(check: name, from: from, to: to, cause: state.cause, code: state.code))
            case .incidentBegan(var incident):
                incident.check = id
                incidents.append(incident)
                say(.incidentBegan(check: name, cause: incident.cause, code: incident.code))
            case .incidentEnded(var incident):
                incident.check = id
                incidents.append(incident)
                let length = (incident.ended ?? now) - incident.began
                say(
                    .incidentEnded(
                        check: name, how: state.verdict == .paused ? .paused : .recovered,
                        lastedMilliseconds: length.wholeMilliseconds))
            case .flappingBegan: say(.flappingBegan(check: name))
            case .flappingEnded: say(.flappingEnded(check: name))
            case .recheck(let wait): recheck = wait
            case .stopPinging:
                stopsPinging = true
                say(.moderated(check: name))
            }
        }
    }
}
