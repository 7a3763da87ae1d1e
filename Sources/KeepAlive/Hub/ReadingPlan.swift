import StokerCore

/// What one reading of the Hub asks for, of which fleet. Pure.
struct ReadingPlan {
    /// A namespace as a whole, or the only Space of one.
    enum Part: Hashable { case namespace(String), single(String) }

    /// Of the fleet; see ``MonitoredFleet/fleetNumber``.
    private(set) var number: UInt64?
    private(set) var fleet = Fleet()
    private(set) var namespaces: [String] = []
    private(set) var parts: [Part] = []
    /// The longest span that a budget of restarts is for.
    private(set) var longestBudget = Duration.seconds(86_400)

    init() {}

    init(_ fleet: Fleet, _ number: UInt64?) {
        let (namespaces, singles) = Self.divide(fleet)
        self.number = number
        self.fleet = fleet
        self.namespaces = namespaces
        parts = namespaces.map(Part.namespace) + singles.map(Part.single)
        for check in fleet.checks { longestBudget = max(longestBudget, check.policy.heal.within) }
    }

    /// Which namespaces are read as a whole, and which Spaces one by one because they are the only one of theirs. Each once, however it is spelt.
    static func divide(_ fleet: Fleet) -> (namespaces: [String], singles: [String]) {
        var spelling: [String: String] = [:]
        var byOwner: [String: [String: String]] = [:]
        for name in fleet.hub.discovery?.namespaces ?? [] where spelling[name.lowercased()] == nil {
            spelling[name.lowercased()] = name
        }
        let discovered = Set(spelling.keys)
        for check in fleet.checks {
            guard let space = check.space, let owner = space.split(separator: "/").first.map(String.init) else {
                continue
            }
            let key = SpaceName.key(space)
            if spelling[owner.lowercased()] == nil { spelling[owner.lowercased()] = owner }
            if byOwner[owner.lowercased()]?[key] == nil { byOwner[owner.lowercased(), default: [:]][key] = space }
        }
        var namespaces = discovered
        var singles: [String] = []
        for (owner, spaces) in byOwner where !discovered.contains(owner) {
            if owner == fleet.hub.namespace?.lowercased() || spaces.count > 1 {
                namespaces.insert(owner)
            } else {
                singles += spaces.values
            }
        }
        return (namespaces.compactMap { spelling[$0] }.sorted(), singles.sorted())
    }
}
