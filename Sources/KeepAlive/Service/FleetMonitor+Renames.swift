import Ledger
import StokerCore

/// Checks that have another name now: history, state, incidents and pauses go on under it.
extension FleetMonitor {
    /// Lets the ledger know. - Returns: the new names of what was carried over, by the old ones.
    func rename(_ fleet: Fleet, from before: [Check]) async throws(Failure) -> [String: String] {
        let wanted = wantedRenames(fleet, from: before)
        guard !wanted.isEmpty else { return [:] }
        let renamed = try await ledger.rename(wanted)
        for one in renamed.carried {
            emit(.renamed(from: one.from, to: one.to, carried: true))
        }
        for one in renamed.apart where toldApart.insert(one).inserted {
            emit(.renamed(from: one.from, to: one.to, carried: false))
        }
        return Dictionary(renamed.carried.map { ($0.from, $0.to) }, uniquingKeysWith: { first, _ in first })
    }

    /// What the file says, and what was seen on the Hub.
    private func wantedRenames(_ fleet: Fleet, from before: [Check]) -> [Fleet.Rename] {
        var wanted = fleet.renames
        guard !wanted.isEmpty || hub.hasMoved else { return [] }
        let present = Set(fleet.checks.map(\.name))
        let old = Set(before.map(\.name))
        if hub.hasMoved {
            // The main checks of Spaces that joined, by the Hub's name.
            var joined: [String: String] = [:]
            for check in fleet.checks where check.name == check.target && !old.contains(check.name) {
                if let space = check.space { joined[SpaceName.key(space)] = check.name }
            }
            for check in before where !present.contains(check.name) {
                guard let space = check.space, let now = hub.newName(of: space), let name = joined[SpaceName.key(now)]
                else { continue }
                wanted.append(.init(from: check.name, to: name + check.name.dropFirst(check.target.count)))
            }
        }
        // Discovery may have brought a check of the old name.
        return wanted.filter { !present.contains($0.from) && present.contains($0.to) }
    }

    /// What is monitored under an old name goes on under the new one.
    func carryOver(_ renamed: [String: String], _ fleet: Fleet, in kept: inout [String: Shard.CarriedState]) {
        guard !renamed.isEmpty else { return }
        let names = Set(renamed.values)
        var spaces: [String: String] = [:]
        for check in fleet.checks where names.contains(check.name) { spaces[check.name] = check.space }
        for (from, to) in renamed {
            guard var one = kept.removeValue(forKey: from) else { continue }
            // It is the same, whatever the Space is called now.
            one.space = spaces[to]
            kept[to] = one
        }
    }
}
