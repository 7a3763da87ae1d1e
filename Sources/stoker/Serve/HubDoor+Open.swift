import HubClient
import KeepAlive
import Logging
import StokerCore

extension HubDoor {
    /// The client for the Hub of a fleet file.
    static func open(_ fleet: Fleet.Hub, agent: String, logger: Logger) -> Hub {
        let environment = Surroundings.process.environment
        let isOffline = ["1", "ON", "YES", "TRUE"].contains((environment["HF_HUB_OFFLINE"] ?? "").uppercased())
        return Hub(
            Hub.Settings(endpoint: fleet.endpoint, token: fleet.token, offline: isOffline, agent: agent), logger: logger
        )
    }
}
