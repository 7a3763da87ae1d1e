/// What uptime takes a check's time for. Raw values are stored: never renumber.
///
/// A standing holds until the next one. Up and down count; the others are time of which nothing is claimed.
package enum Standing: UInt8, Sendable, CaseIterable {
    case unknown = 0
    /// *Up* and *slow*.
    case up = 1
    case waking = 3
    /// *Down* and *silent*.
    case down = 4
    /// Also by the platform's moderation.
    case paused = 5
    /// The last ping said nothing because of us: no network, no socket; or the check is not in the fleet.
    case blind = 7

    /// Whether it stays what it was when a later ping proves that the trouble, or the recovery, began earlier.
    package var isKept: Bool { self == .paused || self == .blind }
}

extension CheckState {
    /// What uptime counts the time from now on as. Our own blindness goes before the verdict, but a pause stays one.
    package var standing: Standing { verdict != .paused && isBlind ? .blind : verdict.traits.standing }
}
