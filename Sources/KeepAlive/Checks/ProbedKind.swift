import NIOCore
package import StokerCore

/// A kind of check that asks: how one attempt of it is made.
package protocol ProbedKind: CheckKind {
    /// The attempt, not yet begun: ``ProbeTask/begin()`` starts it. On the lane's loop.
    /// - Parameter then: called once by ``ProbeLane``, on the same loop, with what the run reported; never for a run that is not begun.
    static func run(_ check: Check, on lane: ProbeLane, then: @escaping (Attempt) -> Void) -> any ProbeTask
}

extension CheckPolicy.Kind {
    /// What makes its attempts; nil for a kind that is called and asks nobody.
    package var probed: (any ProbedKind.Type)? { Self.probes[self] }

    /// Looked up once for each kind: to ask a type for its protocols takes longer than to begin a probe.
    private static let probes: [CheckPolicy.Kind: any ProbedKind.Type] =
        allCases.reduce(into: [:]) { $0[$1] = $1.type as? any ProbedKind.Type }
}

/// One attempt under way on a ``ProbeLane``. It takes a slot of the lane, asks to be called at its limits, and reports exactly once.
/// Confined to the lane's loop.
package protocol ProbeTask: AnyObject {
    /// Connects and asks. Called once.
    func begin()
    /// The moment that was asked for with ``ProbeLane/setDeadline(_:_:)`` came.
    /// - Parameter now: uptime in nanoseconds, as of the lane's clock.
    func deadlinePassed(_ now: UInt64)
    /// Reports this instead of what was under way, and closes what is open.
    /// - Parameter detail: for the transcript, so without secrets.
    func abandon(_ cause: Cause, _ detail: String)
    /// Hands the reported attempt to who asked for it.
    func deliver(_ attempt: Attempt)
}
