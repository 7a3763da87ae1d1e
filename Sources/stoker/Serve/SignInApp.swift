import HubClient
import Logging
import StokerCore

/// The app on the Hub that people sign in with: the one the fleet file names, else the one that a Space with `hf_oauth: true` has in its
/// environment (`OAUTH_CLIENT_ID`, `OAUTH_CLIENT_SECRET`, `OAUTH_SCOPES`, `OPENID_PROVIDER_URL`). Source: hub-docs `spaces-oauth.md`.
struct SignInApp: Sendable {
    /// The provider, asked without a token.
    let hub: Hub
    private let clientID: String?
    private let clientSecret: Secret?
    private let scopes: [String]

    init(_ fleet: Fleet, _ environment: [String: String], agent: String, logger: Logger) {
        func said(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        hub = Hub(
            Hub.Settings(endpoint: said("OPENID_PROVIDER_URL") ?? fleet.hub.endpoint, agent: agent), logger: logger)
        clientID = said("OAUTH_CLIENT_ID")
        clientSecret = said("OAUTH_CLIENT_SECRET").map { Secret($0) }
        // Only what the lists of roles need, where the app may ask for it.
        scopes = (said("OAUTH_SCOPES") ?? "").split(separator: " ").map(String.init).filter { $0 == "read-memberships" }
    }

    /// nil: nobody can sign in.
    func app(_ settings: Fleet.SignIn) -> HubSignIn? {
        if let id = settings.clientID {
            return HubSignIn(.init(clientID: id, clientSecret: settings.clientSecret), hub: hub)
        }
        return clientID.map {
            HubSignIn(
                .init(clientID: $0, clientSecret: settings.clientSecret ?? clientSecret, scopes: scopes), hub: hub)
        }
    }

    /// Says at the start when the fleet file names people and there is no app to sign in with.
    func tell(_ settings: Fleet.SignIn, _ logger: Logger) {
        guard !settings.roles.isEmpty, app(settings) == nil else { return }
        logger.warning(
            "Nobody can sign in: serve.sign_in has roles, and there is no app on the Hub; set hf_oauth: true in the Space's README, or OAUTH_CLIENT_ID"
        )
    }
}
