package import AsyncHTTPClient
import StokerCore

/// For servers that are not the Hub and are spoken to in the same way.
extension HubProxies {
    /// Of a client that follows no redirects, repeats nothing and goes through the proxy that the environment names for `url`.
    package func configuration(for url: String) -> HTTPClient.Configuration {
        Hub.configuration(idle: nil, proxy: (try? WebOrigin(url)).flatMap { proxy(for: $0) })
    }

    /// What happened to a call, in words, and whether nothing of it was sent.
    package static func told(_ error: any Error, of url: String, within limit: Duration) -> (
        said: String, isUnsent: Bool
    ) {
        let told = Hub.told(error, at: try? WebOrigin(url), timeout: limit, idle: nil)
        return (told.said, told.unsent)
    }
}
