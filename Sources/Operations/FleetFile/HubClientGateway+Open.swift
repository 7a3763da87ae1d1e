import Foundation
package import HubClient
package import Logging
package import StokerCore

extension HubClientGateway {
    /// The client for the Hub of a fleet file.
    /// - Throws: `usage` when the environment names a Hub or a switch that cannot be meant: nothing is sent elsewhere in its place.
    package static func open(_ fleet: Fleet.Hub, agent: String, logger: Logger) throws(Failure) -> Hub {
        let environment = ProcessInfo.processInfo.environment
        if let text = environment["HF_ENDPOINT"], !text.isEmpty, [HubEndpoint.official, text].contains(fleet.endpoint) {
            _ = try HubEndpoint.read(text, from: "HF_ENDPOINT")
        }
        let isOffline = try HubCredentials.isOffline(environment)
        return Hub(
            Hub.Settings(endpoint: fleet.endpoint, token: fleet.token, offline: isOffline, agent: agent), logger: logger
        )
    }
}
