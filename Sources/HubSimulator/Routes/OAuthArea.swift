import Crypto
import Foundation
import HTTPTypes
package import Hummingbird
import Synchronization

/// An application that people sign in to with their account on the Hub.
package struct HubOAuthApp: Sendable {
    package var clientID: String
    /// nil: a public client, which proves itself by PKCE alone.
    package var clientSecret: String?
    /// Addresses that codes may be sent to; this machine's may always, at any port.
    package var redirects: [String]

    package init(_ clientID: String, clientSecret: String?, redirects: [String] = []) {
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.redirects = redirects
    }
}

/// *Sign in with Hugging Face*: an OpenID provider. Where the Hub asks who is signed in, the page here lets one choose among the accounts.
///
/// Sources: `GET /oauth/authorize`, `POST /oauth/token`, `GET /oauth/userinfo`: hub-docs `oauth.md` and `spaces-oauth.md`, huggingface.js
/// `oauthLoginUrl` and `oauthHandleRedirect` (parameters, PKCE, members of userinfo), huggingface_hub `_oauth.py` (the same inside a Space);
/// `GET /.well-known/openid-configuration`: OpenID Connect Discovery 1.0, section 4, as huggingface.js reads it. Errors: RFC 6749, 4.1.2.1 and 5.2;
/// PKCE: RFC 7636. The real id token is signed with RS256, this one with ES256.
package struct OAuthArea: HubArea {
    package init() {}

    /// Of a code.
    private struct Grant {
        var app: HubOAuthApp
        var account: String
        var redirect: String
        var scope: String
        var nonce: String?
        var challenge: String?
        var ends: Duration
        /// What it was exchanged for: used twice, both are gone (RFC 6749, 4.1.2).
        var token: String?
    }

    private static let codeLife = Duration.seconds(600)
    private static let tokenLife = 28_800
    private static let fields = [
        "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    ]

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        let desk = Desk(hub: hub)
        router.get("/.well-known/openid-configuration") { _, _ in
            let base = hub.endpoint
            return try Response.json([
                "issuer": .string(base), "authorization_endpoint": .string(base + "/oauth/authorize"),
                "token_endpoint": .string(base + "/oauth/token"),
                "userinfo_endpoint": .string(base + "/oauth/userinfo"),
                "response_types_supported": ["code"], "grant_types_supported": ["authorization_code"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "scopes_supported": ["openid", "profile", "email", "read-memberships", "read-repos", "manage-repos"],
            ])
        }
        router.get("/oauth/authorize") { request, _ in
            var given: [String: String] = [:]
            for name in Self.fields { given[name] = request.query(name) }
            return try await desk.ask(given)
        }
        router.post("/oauth/authorize") { request, _ in try await desk.answer(try await Self.form(request)) }
        router.post("/oauth/token") { request, _ in
            try await desk.exchange(try await Self.form(request), request.headers[.authorization])
        }
        router.get("/oauth/userinfo") { _, context in
            let caller = try context.requireCaller()
            guard case .oauth(let scopes) = caller.token.role else { throw HubError.badToken }
            return try Response.json(await desk.userinfo(caller.account, scopes))
        }
    }

    private static func form(_ request: Request) async throws -> [String: String] {
        let text = String(buffer: try await request.body.collect(upTo: 64 << 10))
        var form: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                $0.replacing("+", with: " ").removingPercentEncoding ?? ""
            }
            form[parts[0]] = parts.count > 1 ? parts[1] : ""
        }
        return form
    }

    /// Codes that are out, and the key of id tokens.
    private final class Desk: Sendable {
        let hub: SimulatedHub
        private let grants = Mutex<[String: Grant]>([:])
        private let key = P256.Signing.PrivateKey()

        init(hub: SimulatedHub) { self.hub = hub }

        /// A wrong app or address is told to the person: nothing may be sent to an address that is not the app's.
        private func app(_ given: [String: String]) throws -> (app: HubOAuthApp, redirect: String) {
            guard let id = given["client_id"], let app = hub.configuration.oauthApps.first(where: { $0.clientID == id })
            else { throw HubError(.badRequest, "Invalid client_id") }
            guard let redirect = given["redirect_uri"], Self.isAllowed(redirect, app) else {
                throw HubError(.badRequest, "Invalid redirect_uri")
            }
            return (app, redirect)
        }

        private static func isAllowed(_ redirect: String, _ app: HubOAuthApp) -> Bool {
            if app.redirects.contains(redirect) { return true }
            guard let url = URL(string: redirect), url.scheme == "http", url.fragment == nil, url.user == nil else {
                return false
            }
            return ["127.0.0.1", "localhost", "::1"].contains(url.host ?? "")
        }

        private static func back(_ redirect: String, _ fields: [(String, String?)]) -> Response {
            let query = fields.compactMap { name, value in
                value.map { "\(name)=\($0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")" }
            }.joined(separator: "&")
            return Response(
                status: .found, headers: [.location: "\(redirect)\(redirect.contains("?") ? "&" : "?")\(query)"])
        }

        private func problem(_ given: [String: String]) -> String? {
            if given["response_type"] != "code" { return "unsupported_response_type" }
            if !(given["scope"] ?? "").split(separator: " ").contains("openid") { return "invalid_scope" }
            if given["code_challenge"] != nil, given["code_challenge_method"] != "S256" { return "invalid_request" }
            return nil
        }

        func ask(_ given: [String: String]) async throws -> Response {
            let (app, redirect) = try app(given)
            if let problem = problem(given) {
                return Self.back(redirect, [("error", problem), ("state", given["state"])])
            }
            let hidden = OAuthArea.fields.compactMap { name in
                given[name].map { "<input type=\"hidden\" name=\"\(name)\" value=\"\(Self.escaped($0))\">" }
            }.joined()
            let people = hub.configuration.accounts.map {
                "<option value=\"\(Self.escaped($0.name))\">\(Self.escaped($0.fullName)) (\(Self.escaped($0.name)))</option>"
            }.joined()
            let page = """
                <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Authorize \(Self.escaped(app.clientID))</title></head>
                <body><main><h1>Authorize \(Self.escaped(app.clientID))</h1>
                <p>A simulated Hub: choose who signs in.</p>
                <form method="post" action="/oauth/authorize">\(hidden)
                <label for="account">Account</label> <select id="account" name="account">\(people)</select>
                <button name="answer" value="yes">Authorize</button> <button name="answer" value="no">Deny</button></form></main></body></html>
                """
            return Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: page)))
        }

        func answer(_ given: [String: String]) async throws -> Response {
            let (app, redirect) = try app(given)
            let state = given["state"]
            if let problem = problem(given) { return Self.back(redirect, [("error", problem), ("state", state)]) }
            guard given["answer"] == "yes" else {
                return Self.back(
                    redirect,
                    [
                        ("error", "access_denied"), ("error_description", "The user denied the request"),
                        ("state", state),
                    ])
            }
            guard let account = await hub.state.account(given["account"] ?? "") else {
                throw HubError(.badRequest, "Unknown account")
            }
            let code = Self.random()
            let grant = Grant(
                app: app, account: account.name, redirect: redirect, scope: given["scope"] ?? "", nonce: given["nonce"],
                challenge: given["code_challenge"], ends: hub.time.now + OAuthArea.codeLife)
            grants.withLock { grants in
                if grants.count >= Bounds.entries { grants = grants.filter { $0.value.ends > hub.time.now } }
                grants[code] = grant
            }
            return Self.back(redirect, [("code", code), ("state", state)])
        }

        private static func refused(_ error: String, _ status: HTTPResponse.Status = .badRequest) throws -> Response {
            try Response.json(["error": .string(error)], status: status, headers: [.cacheControl: "no-store"])
        }

        func exchange(_ given: [String: String], _ authorization: String?) async throws -> Response {
            guard given["grant_type"] == "authorization_code" else { return try Self.refused("unsupported_grant_type") }
            var (id, secret) = (given["client_id"], given["client_secret"])
            if let authorization {
                let parts = authorization.split(separator: " ")
                guard parts.count == 2, parts[0].lowercased() == "basic",
                    let data = Data(base64Encoded: String(parts[1])),
                    let pair = String(bytes: data, encoding: .utf8), let colon = pair.firstIndex(of: ":")
                else { return try Self.refused("invalid_client", .unauthorized) }
                // Both are form-encoded before they are joined (RFC 6749, 2.3.1).
                id = String(pair[..<colon]).removingPercentEncoding
                secret = String(pair[pair.index(after: colon)...]).removingPercentEncoding
            }
            guard let app = hub.configuration.oauthApps.first(where: { $0.clientID == id }),
                app.clientSecret == nil || app.clientSecret == secret
            else { return try Self.refused("invalid_client", .unauthorized) }
            let code = given["code"] ?? ""
            guard let grant = grants.withLock({ $0[code] }), grant.app.clientID == app.clientID,
                grant.redirect == given["redirect_uri"], grant.ends > hub.time.now
            else { return try Self.refused("invalid_grant") }
            if let token = grant.token {
                await hub.state.revoke(token)
                return try Self.refused("invalid_grant")
            }
            if let challenge = grant.challenge {
                let verifier = given["code_verifier"] ?? ""
                guard Self.urlText(SHA256.hash(data: Data(verifier.utf8))) == challenge else {
                    return try Self.refused("invalid_grant")
                }
            } else if app.clientSecret == nil {
                return try Self.refused("invalid_grant")
            }
            guard let account = await hub.state.account(grant.account) else { return try Self.refused("invalid_grant") }
            let token = "hf_oauth_" + Self.random()
            let isFirst = grants.withLock { grants in
                guard grants[code]?.token == nil else { return false }
                grants[code]?.token = token
                return true
            }
            guard isFirst else { return try Self.refused("invalid_grant") }
            let scopes = grant.scope.split(separator: " ").map(String.init)
            await hub.state.add(
                HubToken(
                    token, account: account.name, role: .oauth(scopes), displayName: app.clientID,
                    expires: hub.time.now + .seconds(OAuthArea.tokenLife)))
            return try Response.json(
                [
                    "access_token": .string(token), "token_type": "bearer", "expires_in": .int(OAuthArea.tokenLife),
                    "scope": .string(grant.scope), "id_token": .string(try identity(account, grant)),
                ], headers: [.cacheControl: "no-store"])
        }

        private func identity(_ account: HubAccount, _ grant: Grant) throws -> String {
            let now = Int(hub.state.date.timeIntervalSince1970)
            let claims: JSON = .object(dropping: [
                "iss": .string(hub.endpoint), "sub": .string(account.id), "aud": .string(grant.app.clientID),
                "iat": .int(now), "exp": .int(now + OAuthArea.tokenLife),
                "nonce": grant.nonce.map { .string($0) }, "name": .string(account.fullName),
                "preferred_username": .string(account.name),
            ])
            let head: JSON = ["alg": "ES256", "typ": "JWT"]
            let signed = Self.urlText(try head.encoded()) + "." + Self.urlText(try claims.encoded())
            return signed + "." + Self.urlText(try key.signature(for: Data(signed.utf8)).rawRepresentation)
        }

        func userinfo(_ account: HubAccount, _ scopes: [String]) async -> JSON {
            let organisations = await hub.state.organisations(of: account.name).map { organisation -> JSON in
                .object(dropping: [
                    "sub": .string(organisation.id), "name": .string(organisation.fullName),
                    "preferred_username": .string(organisation.name),
                    "picture": .string("\(hub.endpoint)/avatars/\(organisation.name).svg"),
                    "plan": organisation.plan.map { .string($0.rawValue) }, "canPay": .bool(organisation.canPay),
                    "roleInOrg": .text(organisation.members[account.name]?.rawValue),
                    "securityRestrictions": organisation.securityRestrictions.isEmpty
                        ? nil : .strings(organisation.securityRestrictions),
                ])
            }
            return .object(dropping: [
                "sub": .string(account.id), "name": .string(account.fullName),
                "preferred_username": .string(account.name), "profile": .string("\(hub.endpoint)/\(account.name)"),
                "picture": .string("\(hub.endpoint)/avatars/\(account.name).svg"),
                "email": scopes.contains("email") ? .string(account.email) : nil,
                "email_verified": scopes.contains("email") ? .bool(account.emailVerified) : nil,
                "isPro": .bool(account.plan == .pro), "canPay": .bool(account.canPay),
                "orgs": .array(organisations),
            ])
        }

        private static func random() -> String {
            var generator = SystemRandomNumberGenerator()
            return urlText((0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }

        private static func urlText(_ bytes: some Sequence<UInt8>) -> String {
            Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
                "=", with: "")
        }

        private static func escaped(_ text: String) -> String {
            text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
                .replacing("\"", with: "&quot;")
        }
    }
}
