import HubClient
package import StokerCore

/// What can be done to a Space on the Hub from a page, and what of it makes sense now.
package struct SpaceOffer: Sendable {
    package enum Action: String, Sendable, CaseIterable {
        case restart
        case factoryRestart = "factory-restart"
        case wake
        case pauseSpace = "pause-space"

        package var operation: Operation {
            switch self {
            case .restart, .factoryRestart: .restartSpace
            case .wake: .wakeSpace
            case .pauseSpace: .pauseSpace
            }
        }

        /// What it is called with beside the Space.
        package var inputs: [(name: String, value: JSONValue)] {
            switch self {
            case .factoryRestart: [("factory", .bool(true))]
            // A page does not wait for the whole start.
            case .wake: [("timeout", .string("20s"))]
            case .restart, .pauseSpace: []
            }
        }
    }

    /// Why an action makes no sense now; nil where it does.
    package var useless: [Action: String] = [:]
    /// Why nothing of it may be done here; nil where it may.
    package var refusal: String?

    /// - Parameters:
    ///   - isStatic: it has no container.
    ///   - isModerated: the platform flagged it.
    ///   - mayWrite: the visitor has Stoker's own right to act.
    ///   - context: the server's.
    package static func of(
        _ space: String, hubStatus: SpaceHubStatus?, isStatic: Bool, isModerated: Bool, mayWrite: Bool,
        in context: OperationContext?
    ) async -> SpaceOffer {
        guard mayWrite else {
            return SpaceOffer(refusal: "Restart, wake, pause and logs need Stoker's token: log in for them.")
        }
        guard let hub = try? context?.hub else {  // a server without an account has nothing to offer
            return SpaceOffer(
                refusal: "This server has no account on the Hub, so it cannot restart or pause the Space.")
        }
        // The rights are known to the client after the first look; a silent Hub must not hold the page.
        let identity = try? await Deadline.run(until: .now + .seconds(2)) { try await hub.whoami() }
        if let identity, let id = try? RepoID.space(space), case .no(let reason) = identity.canWrite(id) {
            return SpaceOffer(refusal: "The Hub's token may not write to this Space: \(reason).")
        }
        var offer = SpaceOffer(useless: useless(hubStatus, isStatic: isStatic))
        if isModerated {
            for action in [Action.restart, .factoryRestart] {
                offer.useless[action] = "The platform flagged it: that is settled on its page on the Hub first."
            }
        }
        return offer
    }

    private static func useless(_ status: SpaceHubStatus?, isStatic: Bool) -> [Action: String] {
        if isStatic {
            let why = "It is a static Space: it has no container."
            return Dictionary(uniqueKeysWithValues: Action.allCases.map { ($0, why) })
        }
        guard let stage = status?.stage else { return [:] }
        var useless: [Action: String] = [:]
        if stage == .paused {
            useless[.wake] = "It is paused, and no visit wakes a paused Space."
            useless[.pauseSpace] = "It is paused already."
        } else if !stage.isAsleep {
            useless[.wake] = stage.isFailed ? "A visit does not help: it failed." : "It is awake."
        }
        if stage.isBuilding {
            useless[.restart] = "It is being built."
            useless[.factoryRestart] = "It is being built."
        }
        return useless
    }
}
