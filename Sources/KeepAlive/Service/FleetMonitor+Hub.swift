import Runtime
import StokerCore

/// What ``HubPoller`` needs of the fleet monitor, which does not know it.
extension FleetMonitor: MonitoredFleet {
    /// Tells every check of the Spaces whose stage changed, and the log of the fleet.
    package func applyHubChanges(_ changes: [HubReadings.Change]) async {
        // What is said before the checks are there, or while they are exchanged, they hear when they are installed.
        guard !changes.isEmpty, hasBegun else { return }
        await settled()
        let byspace = Dictionary(grouping: changes) { SpaceName.key($0.space) }
        for (index, check) in fleet().checks.enumerated() {
            guard let space = check.space, let change = byspace[SpaceName.key(space)]?.last else { continue }
            let (shard, row) = location(of: index)
            await shard.applyHubChange(change, row, check.name)
        }
        for change in changes where change.wasKnown {
            let facts = change.word.facts
            let why: EventPayload.StageReason? =
                switch facts.pauseReason {
                case .moderation: .moderation
                case .spendLimit: .spendLimit
                case .owner: .owner
                case nil: nil
                }
            emit(
                .spaceStage(
                    space: change.space, stage: facts.stage?.description, from: change.from?.description, why: why,
                    message: facts.errorMessage.map { quoted($0) }))
        }
    }

    /// Whether the fleet file itself has the Space, rather than discovery.
    package func names(_ space: String) -> Bool {
        written.checks.contains { $0.space.map(SpaceName.key) == SpaceName.key(space) }
    }

    /// Pings a check now; no answer is waited for.
    package func bringForward(_ name: String) async {
        guard let found = try? find(name) else { return }  // it left the fleet meanwhile
        await found.shard.hasten(found.index, name)
    }

    package func cell(of name: String) async -> SpaceVerdict.GridCell? {
        guard let found = try? find(name) else { return nil }  // it left the fleet meanwhile
        return await found.shard.cell(found.index, name)
    }

    /// Whether this master is the one at work, and sure of its own network.
    package var mayAct: Bool { isActive && hasBegun && !isOffline }
}

extension Shard {
    func hasten(_ index: UInt32, _ name: String) {
        guard holds(index, name) else { return }
        bringForward(index, now: clocks.wall())
    }
}
