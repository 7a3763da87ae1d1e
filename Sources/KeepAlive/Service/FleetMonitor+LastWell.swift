import Runtime
package import StokerCore

extension FleetMonitor {
    /// When each of these checks was last well; those that fail or are being pinged are left out. One that was not well since the moment
    /// beside it is pinged now.
    ///
    /// What cannot be looked at counts as well: a check that left the fleet, is paused, or is a job that calls us.
    package func lastWell(of names: [String: Instant]) async -> [String: Instant] {
        var well: [String: Instant] = [:]
        for (name, since) in names {
            guard let status = try? await status(of: name), status.state.verdict != .paused else {
                well[name] = clocks.wall()
                continue
            }
            let state = status.state
            if status.pinging || state.failures > 0 || state.incidentOpen { continue }
            if status.check.policy.kind.type.isPassive {
                well[name] = clocks.wall()
            } else if state.lastGood >= since {
                well[name] = state.lastGood
            } else {
                await bringForward(name)
            }
        }
        return well
    }
}
