package import Logging
import NIOCore

/// A whole outside world on loopback: the Hub with its repositories, the Spaces they become, the edge in front of the apps,
/// faults to order and a journal to read.
package final class SimulatedWorld: Sendable {
    package let hub: SimulatedHub
    package let spaces: SpaceEngine
    package let fleet: SimulatedFleet
    package let faults: FaultBoard
    package var journal: Journal { faults.journal }
    package var time: SimulatedTime { hub.time }
    /// What `HF_ENDPOINT` is set to.
    package var endpoint: String { hub.endpoint }

    /// Opens the Hub and the edge; scenes are added to them.
    /// - Parameters:
    ///   - rules: How builds, starts and restarts go.
    ///   - edge: How the proxy in front of the apps behaves.
    ///   - special: Spaces that are treated otherwise, by `namespace/name`.
    ///   - app: What runs in the Space of a name.
    /// - Throws: the socket's error, or the file system's.
    package static func start(
        _ configuration: HubConfiguration = HubConfiguration(), rules: SpaceRules = SpaceRules(),
        edge: EdgeRules = EdgeRules(), special: [String: SpaceOverride] = [:],
        app: @escaping @Sendable (String) -> SimulatedApp = { _ in SpaceEngine.usualApp },
        logger: Logger = Logger(label: "simulator")
    ) async throws -> SimulatedWorld {
        let fleet = try await SimulatedFleet.start(
            seed: configuration.seed, time: configuration.time, edge: edge,
            mostConnections: configuration.edgeConnections,
            logger: logger)
        let spaces = SpaceEngine(fleet: fleet, rules: rules, special: special, app: app)
        let faults = FaultBoard(time: configuration.time, seed: configuration.seed)
        var configuration = configuration
        configuration.faults = faults
        do {
            let hub = try await SimulatedHub.start(configuration, spaces: spaces, logger: logger)
            return SimulatedWorld(hub: hub, spaces: spaces, fleet: fleet, faults: faults)
        } catch {
            await fleet.shutdown()
            throw error
        }
    }

    private init(hub: SimulatedHub, spaces: SpaceEngine, fleet: SimulatedFleet, faults: FaultBoard) {
        self.hub = hub
        self.spaces = spaces
        self.fleet = fleet
        self.faults = faults
    }

    package func shutdown() async {
        await hub.shutdown()
        await fleet.shutdown()
    }
}
