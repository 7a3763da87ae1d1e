package import StokerCore

/// Whether the second master works or watches (KA13 in docs/promises.md): fed with what the first master's `/health` said.
///
/// Misses of our own making must not be fed: while ``ConnectivityGuard`` says that we are offline, nothing is known of
/// the first master.
package struct StandbyDecision: Sendable {
    package enum Action: Sendable, Equatable { case takeOver, stepBack }

    /// Time between two looks at the first master.
    package let every: Duration
    private let misses: Int
    private let answers: Int

    private var missed = 0
    private var answered = 0
    private var needed: Int
    private(set) package var lastSeen: Instant?
    /// Since when we stand in; nil while we watch.
    private(set) package var standingInSince: Instant?
    private var lastTakeOver: Instant?

    /// - Parameters:
    ///   - every: default 10 s.
    ///   - misses: silent looks in a row before we take over. Default 3.
    ///   - answers: answers in a row before we step back. Default 2; twice as many, up to eight times, when the first
    ///     master fell silent again within ten minutes.
    package init(every: Duration = .seconds(10), misses: Int = 3, answers: Int = 2) {
        self.every = every
        self.misses = max(1, misses)
        self.answers = max(1, answers)
        needed = self.answers
    }

    /// One look at the first master.
    package mutating func note(answered good: Bool, at: Instant) -> Action? {
        guard good else {
            answered = 0
            missed += 1
            guard standingInSince == nil, missed >= misses else { return nil }
            if let lastTakeOver, at - lastTakeOver < .seconds(600) {
                needed = min(needed * 2, answers * 8)
            } else {
                needed = answers
            }
            standingInSince = at
            lastTakeOver = at
            return .takeOver
        }
        missed = 0
        lastSeen = at
        guard standingInSince != nil else { return nil }
        answered += 1
        guard answered >= needed else { return nil }
        answered = 0
        standingInSince = nil
        return .stepBack
    }

    /// For the dashboard; `master` is the first master's address.
    package func role(of master: String) -> Overview.Role {
        standingInSince.map { .standingIn(for: master, since: $0) } ?? .standby(of: master, lastSeen: lastSeen)
    }
}
