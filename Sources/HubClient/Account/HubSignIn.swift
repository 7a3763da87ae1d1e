import Crypto
import FoundationEssentials
import NIOHTTP1
package import StokerCore

/// *Sign in with Hugging Face*: OpenID Connect's code flow with PKCE (RFC 7636), a state and a nonce. The Hub is asked who somebody is; the
/// access token is used for that once and kept nowhere.
///
/// Source: hub-docs `oauth.md` and `spaces-oauth.md`, huggingface.js `oauthLoginUrl` and `oauthHandleRedirect`, read 2026-11.
package struct HubSignIn: Sendable {
    /// An app that is registered on the Hub.
    package struct App: Sendable {
        package var clientID: String
        /// nil: a public client.
        package var clientSecret: Secret?
        /// Asked for besides `openid` and `profile`, such as `read-memberships`.
        package var scopes: [String]

        package init(clientID: String, clientSecret: Secret? = nil, scopes: [String] = []) {
            self.clientID = clientID
            self.clientSecret = clientSecret
            self.scopes = scopes
        }
    }

    /// What has to be remembered between the way there and the way back. Nobody but the browser that goes there may hold it.
    package struct Attempt: Sendable, Equatable {
        package var state: String
        package var nonce: String
        /// Of PKCE.
        package var verifier: String

        package init(state: String, nonce: String, verifier: String) {
            self.state = state
            self.nonce = nonce
            self.verifier = verifier
        }
    }

    /// Who somebody is, as the Hub says.
    package struct Person: Sendable, Equatable {
        /// The namespace, `preferred_username`.
        package var user: String
        /// Organisations in which the person has a role, and none of whose rules this sign-in does not meet.
        package var organisations: [String]
    }

    private let app: App
    private let hub: Hub

    /// - Parameter hub: the provider, without a token of its own.
    package init(_ app: App, hub: Hub) {
        self.app = app
        self.hub = hub
    }

    /// The provider's address.
    package var provider: String { hub.settings.endpoint }

    package static func begin() -> Attempt {
        Attempt(state: random(), nonce: random(), verifier: random() + random())
    }

    /// Where the browser is sent.
    /// - Parameter redirect: where it comes back to.
    package func address(_ attempt: Attempt, redirect: String) -> String {
        let challenge = Self.urlText(SHA256.hash(data: Array(attempt.verifier.utf8)))
        let fields = [
            ("client_id", app.clientID), ("redirect_uri", redirect), ("response_type", "code"),
            (
                "scope",
                (["openid", "profile"] + app.scopes.filter { $0 != "openid" && $0 != "profile" }).joined(separator: " ")
            ),
            ("state", attempt.state), ("nonce", attempt.nonce), ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]
        return provider + "/oauth/authorize" + HubURL.query(fields, after: "")
    }

    /// What the Hub's `error` on the way back means, in words of our own: the address may have been made by anybody.
    package static func problem(_ error: String) -> String {
        switch error {
        case "access_denied": "it was not allowed on the Hub"
        case "invalid_scope": "the app on the Hub may not ask for these scopes"
        case "unauthorized_client", "invalid_client": "the app is not known to the Hub"
        case "temporarily_unavailable", "server_error": "the Hub could not do it now"
        default: "the Hub did not take the request"
        }
    }

    /// Exchanges the code and asks who it stands for.
    /// - Throws: `hub.*`; `unauthorized` when the answer is not for this attempt.
    package func person(code: String, attempt: Attempt, redirect: String, now: Instant) async throws(Failure) -> Person
    {
        let doing = "sign in with Hugging Face"
        do throws(HubFailure) {
            let fields = [
                ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect),
                ("client_id", app.clientID), ("code_verifier", attempt.verifier),
            ]
            var headers: HTTPHeaders = ["Accept": "application/json"]
            if let secret = app.clientSecret {
                let pair = "\(HubURL.segment(app.clientID)):\(HubURL.segment(secret.reveal()))"
                headers.add(name: "Authorization", value: "Basic \(Data(pair.utf8).base64EncodedString())")
            }
            var ask = HubRequest(
                .POST, "/oauth/token", doing: doing, headers: headers, body: .form(fields), timeout: .seconds(15))
            ask.sendsToken = false
            ask.redirects = .none
            ask.isUrgent = true
            ask.values = [Secret(code), Secret(attempt.verifier)] + (app.clientSecret.map { [$0] } ?? [])
            let grant: Grant = try await hub.value(ask)
            try check(grant.id_token, attempt, now, doing)
            var look = HubRequest(
                .GET, "/oauth/userinfo", doing: doing,
                headers: ["Authorization": "Bearer \(grant.access_token)", "Accept": "application/json"],
                timeout: .seconds(15))
            look.sendsToken = false
            look.redirects = .none
            look.isUrgent = true
            look.values = [Secret(grant.access_token)]
            let info: UserInfo = try await hub.value(look)
            guard info.sub == Self.claims(grant.id_token)?.sub else {
                throw HubFailure(.badToken, doing: doing, said: "the Hub told of another person than it vouched for")
            }
            return Person(
                user: info.preferred_username,
                organisations: (info.orgs ?? []).filter(\.isGood).map(\.preferred_username))
        } catch {
            var failure = error.failure
            // A wrong code is the visitor's; the rest is the Hub's or the app's.
            if error.kind == .badToken || error.status == 400 || error.status == 401 {
                failure = Failure(
                    .unauthorized, doing: doing, because: failure.because,
                    hint: "begin again; if it stays so, look at the app's id and secret", cause: error)
            }
            throw failure
        }
    }

    private struct Grant: Decodable {
        var access_token: String
        var id_token: String
    }

    private struct UserInfo: Decodable {
        struct Organisation: Decodable {
            var preferred_username: String
            var roleInOrg: String?
            var securityRestrictions: [String]?
            /// Of older answers, as `@auth/core` has them.
            var pendingSSO: Bool?
            var missingMFA: Bool?
            var isGood: Bool {
                roleInOrg != "no_access" && (securityRestrictions ?? []).isEmpty && pendingSSO != true
                    && missingMFA != true
            }
        }
        var sub: String
        var preferred_username: String
        var orgs: [Organisation]?
    }

    private struct Claims: Decodable {
        enum Audience: Decodable {
            case one(String)
            case several([String])
            init(from decoder: any Decoder) throws {
                let box = try decoder.singleValueContainer()
                if let one = try? box.decode(String.self) {
                    self = .one(one)
                } else {
                    self = .several(try box.decode([String].self))
                }
            }
            func holds(_ id: String) -> Bool {
                switch self {
                case .one(let one): one == id
                case .several(let all): all.contains(id)
                }
            }
        }
        var iss: String
        var sub: String
        var aud: Audience
        var exp: Double
        var nonce: String?
    }

    /// The token came straight from the provider, over the connection that proves who it is: its signature says nothing more (OpenID Connect
    /// Core 1.0, 3.1.3.7). That it is for us, for this attempt and of now is in its claims.
    private func check(_ token: String, _ attempt: Attempt, _ now: Instant, _ doing: String) throws(HubFailure) {
        func refusal(_ because: String) -> HubFailure { HubFailure(.badToken, doing: doing, said: because) }
        guard let claims = Self.claims(token) else { throw refusal("the Hub's identity token cannot be read") }
        var issuer = claims.iss[...]
        while issuer.hasSuffix("/") { issuer.removeLast() }
        guard issuer == provider else { throw refusal("the identity token is of another provider") }
        guard claims.aud.holds(app.clientID) else { throw refusal("the identity token is for another app") }
        guard claims.exp > Double(now.milliseconds) / 1_000 - 300 else {
            throw refusal("the identity token is past its time")
        }
        guard claims.nonce == attempt.nonce else { throw refusal("the identity token is of another sign-in") }
    }

    private static func claims(_ token: String) -> Claims? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].utf8.count < 16_384 else { return nil }
        var text = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
        while text.utf8.count % 4 != 0 { text += "=" }
        guard let data = Data(base64Encoded: text) else { return nil }
        return try? JSONDecoder().decode(Claims.self, from: data)  // anything may stand there
    }

    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return urlText((0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    private static func urlText(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
