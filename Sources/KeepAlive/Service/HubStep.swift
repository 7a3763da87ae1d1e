import StokerCore

/// What the Hub's word means for a check, before anybody pings it. Pure.
enum HubStep: Equatable {
    case none
    /// Flagged: judged without a ping and left alone.
    case moderated
    /// Not pinged until the Hub says something else.
    case leave(CheckState.Pause)

    /// The Hub says something else than before.
    static func of(_ facts: SpaceFacts, _ state: CheckState, awake: Awake) -> HubStep {
        switch facts.pauseReason {
        case .moderation:
            // A person's pause stands, in the file or on the page: what the Hub says counts again when it ends.
            switch state.pause {
            case .byModeration, .byPerson, .byFleetFile: return .none
            case .none, .byHours, .byOwner, .asleep: return .moderated
            }
        case .owner: return .leave(.byOwner)
        case .spendLimit, nil: return facts.stage?.isAsleep == true && awake == .onDemand ? .leave(.asleep) : .none
        }
    }

    /// Whether what was said before the check was here keeps it from being pinged to be told so.
    static func leaves(_ facts: SpaceFacts, _ state: CheckState, awake: Awake) -> Bool {
        switch of(facts, state, awake: awake) {
        case .none: false
        case .moderated: true
        case .leave: state.verdict != .paused
        }
    }

    /// Whether a ping is brought forward.
    /// - Parameters:
    ///   - state: after a pause that the Hub's word ended.
    ///   - wasKnown: the Space was read before. What has just been read for the first time is pinged on its timetable anyway.
    static func pings(_ facts: SpaceFacts, _ state: CheckState, awake: Awake, wasKnown: Bool) -> Bool {
        // Of one that is moderated or paused nothing new is learnt.
        if facts.pauseReason == .moderation || facts.pauseReason == .owner { return false }
        let wakes = facts.stage?.isAsleep == true && awake != .onDemand
        // One that may sleep has waited for this word.
        let waited = awake == .onDemand && state.verdict == .unknown
        return (wasKnown || wakes || waited) && facts.stage?.isMoving == false
    }

    /// A pause that the Hub's word began ends with it, and when nobody asks the Hub any more.
    /// - Parameters:
    ///   - isWatched: the Hub is asked, and the check is a Space's.
    ///   - facts: nil when the Space was not read yet: then it stays as it was left.
    static func endsPause(_ state: CheckState, isWatched: Bool, _ facts: SpaceFacts?) -> Bool {
        guard state.verdict == .paused, state.pause == .byOwner || state.pause == .asleep else { return false }
        guard isWatched else { return true }
        guard let facts else { return false }
        return state.pause == .byOwner ? facts.pauseReason != .owner : facts.stage?.isAsleep != true
    }
}
