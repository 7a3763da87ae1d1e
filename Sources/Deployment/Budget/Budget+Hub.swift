import StokerCore

/// The Hub's half of the budget: what watching a fleet costs.
extension Budget {
    /// A master that watches its Spaces' stages reads the Hub at most every 30 s and keeps within this many calls per five minutes,
    /// whatever the size of the fleet.
    package static let watchLimit = 50

    /// Calls per five minutes of a master that reads the stages of its Spaces: a namespace with several is one listing of up to 500
    /// Spaces a page, a Space that is alone in its namespace one call.
    static func watch(_ fleet: Fleet) -> Rate {
        var owners: [Substring: Set<String>] = [:]
        for check in fleet.checks where check.policy.enabled {
            guard let space = check.space, let owner = space.split(separator: "/").first else { continue }
            owners[owner, default: []].insert(space)
        }
        // How many Spaces a discovered namespace has is known when it is read; one page is the least.
        for namespace in fleet.hub.discovery?.namespaces ?? [] { owners[namespace[...], default: []].insert(namespace) }
        let reading = owners.values.reduce(0) { $0 + max(1, ($1.count + 499) / 500) }
        guard reading > 0 else { return Rate() }
        let perWindow = Double(min(watchLimit, 10 * reading))
        return Rate(perDay: perWindow * 288, perFiveMinutes: perWindow)
    }

    /// The plan that has this quota of API calls; nil when none has. Team and Academia have the same number.
    package static func plan(ofQuota quota: Int) -> Plan? { plans.first { $0.api == quota } }
}
