package import StokerCore

/// The fleet as ``HubPoller`` sees it: what is monitored, how it is, and what may be done about it. The watch calls it; nothing here calls the
/// watch.
package protocol MonitoredFleet: Sendable {
    /// Whether this master is the one at work, and sure of its own network.
    var mayAct: Bool { get async }
    /// Another number with every change of the fleet.
    var fleetNumber: UInt64 { get async }
    func fleet() async -> Fleet
    /// Whether the fleet file itself has the Space, rather than discovery.
    func names(_ space: String) async -> Bool
    /// Damage of the ledger that somebody has to look at before anything is restarted.
    var standingDamage: LedgerDamage? { get async }

    func statuses(_ query: StatusQuery) async -> CheckStatusPage
    /// - Throws: when there is no such check.
    func status(of name: String) async throws(Failure) -> CheckStatus
    /// What both sources meant together at the last ping of a check, where that is more than "well".
    func cell(of name: String) async -> SpaceVerdict.GridCell?
    /// Whether something was seen since the last call that a new reading of the Hub would explain.
    func takeEarlyPollRequest() async -> Bool

    /// Stages that are not what they were.
    func applyHubChanges(_ changes: [HubReadings.Change]) async
    /// A reading is over: discovered Spaces come and go.
    func hubLists(gone: [String]) async
    /// Pings a check now; no answer is waited for.
    func bringForward(_ name: String) async
    /// Writes an event of the fleet as a whole, or of a check.
    func emit(_ payload: EventPayload) async
    func emit(_ payload: EventPayload, check: CheckStatus?) async
}
