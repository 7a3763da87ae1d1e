import Crypto
package import Hummingbird
import Ledger
package import Operations
package import StokerCore
import Synchronization

/// Who may look, and who may act. Every route names the level it needs; there is no default that lets anyone in.
///
/// - Who sends a request is a ``Principal``: by a token (the server's own, or a named one of ``AccessBook``), by a session, or by being
///   this machine's. What it may is its ``Scope``; what an operation needs is ``Operations/Operation/scope``.
/// - Reading is open unless it was made private; then it needs a token or a session.
/// - A server that has an account on the Hub always has a token; one that was made for that alone leaves beats open to this machine.
/// - Writing without a token is open to this machine: on a loopback address, under a loopback name, and not through a proxy that
///   says so. Anywhere else it needs the token.
/// - A request that a browser makes for another site's page is refused, whatever it carries (cross-site request forgery),
///   and so is one that reaches a loopback address under a foreign name (DNS rebinding).
package struct Access: Sendable {
    /// What a route asks of its visitor.
    package enum Level: Sendable {
        /// Anybody: health, assets, the login page.
        case open
        case read
        /// Who has proven to be somebody, also where reading is open to all.
        case token
        /// Somebody who has this scope, and no page of another site in his name.
        case scope(Scope)

        package static let write = Level.scope(.operate)
        package static let admin = Level.scope(.admin)
    }

    /// What a visitor may do.
    package struct Permission: Sendable, Equatable {
        package var read: Bool
        /// ``Scope/operate``.
        package var write: Bool
        /// ``Scope/admin``.
        package var admin: Bool
        /// By a browser session rather than by a header: such a visitor can log out.
        package var session: Bool
        /// Who it is, whether or not this request may act.
        package var principal: Principal
        package init(
            read: Bool, write: Bool, admin: Bool = false, session: Bool = false, principal: Principal = .stranger
        ) {
            self.read = read
            self.write = write
            self.admin = admin
            self.session = session
            self.principal = principal
        }
        package static let nothing = Permission(read: false, write: false)
    }

    /// Whether the server has a token of its own.
    package let hasToken: Bool
    /// Tokens and sessions.
    package let book: AccessBook
    /// Whether a beat from this machine needs the token or its heartbeat's key.
    package let beatsNeedToken: Bool
    /// What the page of a heartbeat shows to those who may write.
    let heartbeatKeys: HeartbeatKeys
    /// What messages carry.
    package let acknowledgeLinks: AcknowledgeLinks
    package let privateReading: Bool
    /// Bound to an address that only this machine reaches.
    package let loopback: Bool
    /// Authority (`host` or `host:port`, lower case) and scheme of the public address, when there is one.
    private let publicOrigin: WebOrigin?
    /// Where the session's cookie is sent to.
    private let cookiePath: String
    private let hosts: Set<String>
    private let key: SymmetricKey
    private let tokenCode: HashedAuthenticationCode<SHA256>?
    /// Whether the token looks like one of the Hub's.
    private let isHubToken: Bool
    private let now: @Sendable () -> Instant
    private let guesses: Guesses

    /// - Parameters:
    ///   - token: what writing needs. Without one, writing is possible on loopback only.
    ///   - host: the address that is bound, as in `Fleet.Serve.host`.
    ///   - isTokenForAccount: nobody asked for the token; it keeps other users of this machine from the account on the Hub.
    ///   - hosts: further names a loopback server may be called by.
    ///   - book: made with the same token; nil keeps tokens and sessions in memory.
    package init(
        token: Secret?, isTokenForAccount: Bool = false, privateReading: Bool = false, host: String = "127.0.0.1",
        publicURL: String? = nil, hosts: Set<String> = [], book: AccessBook? = nil,
        now: @escaping @Sendable () -> Instant
    ) {
        let token = token.flatMap { $0.isEmpty ? nil : $0 }
        self.hasToken = token != nil
        self.beatsNeedToken = token != nil && !isTokenForAccount
        self.heartbeatKeys = HeartbeatKeys(token: token)
        self.acknowledgeLinks = AcknowledgeLinks(token: token, publicURL: publicURL, now: now)
        self.privateReading = privateReading
        self.loopback = HostAddress.isLoopback(host: host)
        self.publicOrigin = publicURL.flatMap { try? WebOrigin($0) }
        let subPath = BasePath(publicURL: publicURL)
        // Other applications of the same host are not to see it.
        self.cookiePath = subPath.prefix.isEmpty ? "/" : subPath.prefix
        self.hosts = Set(hosts.map { $0.lowercased() })
        let key = SymmetricKey(size: .bits256)
        self.key = key
        self.isHubToken = token?.reveal().hasPrefix("hf_") ?? false
        self.tokenCode = token.map { HMAC<SHA256>.authenticationCode(for: Array($0.reveal().utf8), using: key) }
        self.book = book ?? AccessBook(records: MemoryRecords(), mainToken: token, now: now)
        self.now = now
        self.guesses = Guesses()
    }

    package init(
        serve: Fleet.Serve, isTokenForAccount: Bool = false, book: AccessBook? = nil,
        now: @escaping @Sendable () -> Instant
    ) {
        self.init(
            token: serve.token, isTokenForAccount: isTokenForAccount, privateReading: serve.privateReading,
            host: serve.host, publicURL: serve.publicURL, book: book, now: now)
    }

    // MARK: Questions a route asks

    /// Whether a login makes sense.
    package var hasLogin: Bool { hasToken || !book.signIn.roles.isEmpty || !book.tokens.isEmpty }

    /// Who sends a request: by what it carries, else by where it comes from. nil for nobody that is known.
    /// - Parameter client: whom it comes from.
    private func proven(
        _ request: Request, _ client: ClientAddress?
    ) -> (principal: Principal, isSession: Bool)? {
        let address = client?.text
        if let candidate = Self.bearer(of: request), let principal = principal(ofToken: candidate, address) {
            return (principal, false)
        }
        if let cookie = request.cookies[Self.cookieName], let (session, scope) = book.session(String(cookie.value)) {
            let kind: Principal.Kind = session.via == .huggingFace ? .person : .token
            return (Principal(kind, session.person, scope: scope, address: address), true)
        }
        guard isThisMachine(request) else { return nil }
        var machine = Principal.machine
        machine.address = address
        return (machine, false)
    }

    private func principal(ofToken candidate: String, _ address: String?) -> Principal? {
        if isToken(candidate) {
            return Principal(.token, AccessBook.mainTokenName, scope: .admin, address: address)
        }
        guard case .valid(let token) = book.token(candidate) else { return nil }
        return Principal(.token, token.name, scope: token.scope, address: address)
    }

    private func isThisMachine(_ request: Request) -> Bool { !hasToken && loopback && isCalledFromThisMachine(request) }

    /// What the request's sender may do. Acting is never possible for a request another site's page made.
    package func permission(for request: Request, from client: ClientAddress? = nil) -> Permission {
        guard hostIsOurs(request) else { return .nothing }
        guard let (principal, isSession) = proven(request, client) else {
            return Permission(
                read: !privateReading, write: false,
                principal: Principal(.stranger, Principal.stranger.name, scope: nil, address: client?.text))
        }
        if principal.kind == .token, principal.name != AccessBook.mainTokenName { book.noteUse(of: principal.name, from: principal.address) }
        // A form post carries the cookie by itself, so the browser must also say where it comes from.
        let mayAct = cameFromHere(request, strict: isSession)
        return Permission(
            read: true, write: mayAct && principal.scope.map { $0 >= .operate } ?? false,
            admin: mayAct && principal.scope == .admin, session: isSession, principal: principal)
    }

    /// - Throws: `unauthorized` when a token would help, `forbidden` when nothing would.
    package func authorize(_ level: Level, _ request: Request) throws(Failure) {
        guard hostIsOurs(request) else {
            throw Failure(
                .forbidden, doing: "answer under the name \(Self.quoted(request.head.authority))",
                because: "this server listens on a loopback address and does not know that name",
                hint: "open it as 127.0.0.1 or localhost, or set serve.public_url in the fleet file")
        }
        switch level {
        case .open: return
        case .read:
            guard privateReading, proven(request, nil) == nil else { return }
            throw unauthorized(doing: "show this")
        case .token:
            guard proven(request, nil) == nil else { return }
            throw unauthorized(doing: "show this")
        case .scope(let needed):
            let proof = proven(request, nil)
            guard cameFromHere(request, strict: proof?.isSession ?? false) else {
                throw Failure(
                    .forbidden, doing: "do this", because: "the request was made by a page of another site",
                    hint: "use the dashboard under its own address, or send the token as a Bearer header")
            }
            guard let proof else { throw unauthorized(doing: "do this") }
            try proof.principal.require(needed, doing: "do this")
        }
    }

    /// - Throws: as for `write`, unless beats from this machine need no token.
    package func authorizeBeat(_ request: Request) throws(Failure) {
        if !beatsNeedToken, loopback, hostIsOurs(request), isCalledFromThisMachine(request),
            cameFromHere(request, strict: false)
        {
            return
        }
        try authorize(.write, request)
    }

    private func unauthorized(doing: String) -> Failure {
        hasLogin
            ? Failure(
                .unauthorized, doing: doing, because: "it needs the token",
                hint: "log in at /login, or send Authorization: Bearer <STOKER_TOKEN>, or a token that was made here")
            : Failure(
                .forbidden, doing: doing, because: "the server is reachable from outside and has no token",
                hint: "start it with STOKER_TOKEN set")
    }

    // MARK: Sessions

    /// Name of the session's cookie. It holds a random text, of which the server keeps a hash.
    package static let cookieName = "stoker_session"

    /// The `Set-Cookie` value of a new session, when the token is right. `book.save()` keeps the session over a restart.
    /// - Throws: `unauthorized`, and what ``admit(_:isRight:from:doing:)`` throws.
    package func login(token: String, request: Request, from client: ClientAddress) throws(Failure) -> String {
        let (isMain, named) = (isToken(token), book.token(token))
        // One that was right once is no guess.
        try admit(token, isRight: isMain || named != nil, from: client, doing: "log in")
        let secret: Secret
        switch named {
        case _ where isMain:
            secret = book.beginSession(AccessBook.mainTokenName, via: .mainToken, from: client.text)
        case .valid(let token):
            book.noteUse(of: token.name, from: client.text)
            secret = book.beginSession(token.name, via: .token(token.name), from: client.text)
        case .ended(let token):
            throw Failure(
                .unauthorized, doing: "log in",
                because: "this token ended on \(token.ends.map { Formatting.time($0) } ?? "")",
                hint: "an admin makes a new one under Settings, Access")
        case nil:
            throw Failure(
                .unauthorized, doing: "log in",
                because: hasLogin ? "that is not the token" : "this server has no token",
                hint: hasLogin ? "it is the value of STOKER_TOKEN, printed when the server made it" : "set STOKER_TOKEN"
            )
        }
        return sessionCookie(secret, request)
    }

    /// The `Set-Cookie` value of a session that ``AccessBook`` began.
    func sessionCookie(_ secret: Secret, _ request: Request) -> String {
        cookie(Self.cookieName, secret.reveal(), maxAge: Int64(AccessBook.sessionLife.seconds), request)
    }

    /// The `Set-Cookie` value that ends a session at the browser.
    package func logout(request: Request) -> String { cookie(Self.cookieName, "", maxAge: 0, request) }

    /// `Lax`: a person who comes by a link of a message, or back from signing in, is who he is. Other sites' forms, frames and scripts get
    /// no cookie, and what acts looks at where a request comes from besides.
    func cookie(_ name: String, _ value: String, maxAge: Int64, _ request: Request) -> String {
        let secure = publicOrigin?.scheme == .https || request.headers[.forwardedProto]?.lowercased() == "https"
        return
            "\(name)=\(value); Path=\(cookiePath); Max-Age=\(maxAge); HttpOnly; SameSite=Lax\(secure ? "; Secure" : "")"
    }

    private static func bearer(of request: Request) -> String? {
        guard let header = request.headers[.authorization], header.utf8.count < 4_096,
            header.prefix(7).lowercased() == "bearer "
        else { return nil }
        return String(header.dropFirst(7))
    }

    // MARK: Guesses

    /// Looks at a request's Bearer token, if it has one. Every entry point asks this once for each request.
    /// - Throws: what ``admit(_:isRight:from:doing:)`` throws.
    package func refuseGuess(_ request: Request, from client: ClientAddress) throws(Failure) {
        guard hasLogin, let candidate = Self.bearer(of: request) else { return }
        // Who asks a private Space sends the Hub's token to the Hub's proxy, which hands it on: no guess at ours.
        if candidate.hasPrefix("hf_"), !isHubToken { return }
        try admit(
            candidate, isRight: isToken(candidate) || book.token(candidate) != nil, from: client,
            doing: "take this token")
    }

    /// Counts a wrong token, whichever entry point it came to: login, Bearer header, key of a heartbeat. After ten different ones within a minute
    /// their address is answered alike whether a further one is right or wrong, so that the answers do not tell a guesser when to stop.
    /// Other addresses and sessions that were begun before are not concerned.
    /// - Throws: `overloaded` while the address has to wait.
    package func admit(
        _ candidate: String, isRight: Bool, from client: ClientAddress, doing: String
    ) throws(Failure) {
        guard hasLogin, !guesses.admits(candidate, isRight: isRight, from: client, at: now()) else { return }
        throw Failure(
            .overloaded, doing: doing,
            because: "too many wrong tokens came from this address within a minute, and none of it is looked at now",
            hint: "wait a minute", retry: .after(.seconds(60)))
    }

    /// Compares codes of both, so that neither length nor prefix shows in the time taken.
    private func isToken(_ candidate: String) -> Bool {
        guard let tokenCode else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(tokenCode, authenticating: Array(candidate.utf8), using: key)
    }

    // MARK: Where a request comes from

    /// On a loopback address: called by a loopback name, the public name, or one that was allowed.
    private func hostIsOurs(_ request: Request) -> Bool {
        guard loopback else { return true }
        guard let authority = request.head.authority, !authority.isEmpty else {
            // HTTP/1.0 without a Host: no browser does that.
            return true
        }
        guard let name = (try? Address.Authority(authority))?.host else { return false }
        return HostAddress.isLoopback(host: name) || name == publicOrigin?.host || hosts.contains(name)
    }

    /// Called by a loopback name (or one that was allowed), nothing says that a proxy passes on what others ask, and the server has no
    /// public name, behind which there must be such a proxy. What the request says only: the connection's other end is the caller's to look at.
    func isCalledFromThisMachine(_ request: Request) -> Bool {
        if let publicOrigin, !publicOrigin.isLoopback { return false }
        guard !HeaderName.forwarding.contains(where: { request.headers.contains($0) }) else { return false }
        guard let authority = request.head.authority, !authority.isEmpty else { return true }
        guard let name = (try? Address.Authority(authority))?.host else { return false }
        return HostAddress.isLoopback(host: name) || hosts.contains(name)
    }

    /// Whether others than this machine may reach the server: by the address it binds, or by a proxy at its public one.
    package static func isReachable(_ serve: Fleet.Serve) -> Bool {
        if !HostAddress.isLoopback(host: serve.host) { return true }
        return serve.publicURL.flatMap { try? WebOrigin($0) }.map { !$0.isLoopback } ?? false
    }

    /// No browser says that the request was made by a page of another site.
    /// - Parameter strict: the browser must have said something; set for what is proven by a cookie alone.
    private func cameFromHere(_ request: Request, strict: Bool) -> Bool {
        // A page that is opened by a link, or on the way back from signing in, shows something and changes nothing. Nobody but its reader sees it.
        if request.method == .get || request.method == .head, request.headers[.secFetchMode] == "navigate",
            request.headers[.secFetchDest] == "document", !request.uri.path.hasPrefix("/api/")
        {
            return true
        }
        if let origin = request.headers[.origin] {
            guard let from = try? WebOrigin(origin) else { return false }
            if let publicOrigin, from.host == publicOrigin.host, from.port == publicOrigin.port { return true }
            // A browser leaves the scheme's own port out of Host and Origin.
            guard let here = request.head.authority.flatMap({ try? Address.Authority($0) }) else { return false }
            return from.host == here.host && from.port == here.port ?? from.scheme.defaultPort
        }
        if let site = request.headers[.secFetchSite] { return site == "same-origin" || site == "none" }
        return !strict
    }

    private static func quoted(_ text: String?) -> String {
        "\"\(String((text ?? "").filter { $0.isASCII && !$0.isWhitespace }.prefix(80)))\""
    }
}

extension Access {
    /// Wrong tokens of the last minute by address. Shared by all copies of one `Access`.
    private final class Guesses: Sendable {
        private struct Guess {
            var at: Instant
            /// Of what was said: who repeats one wrong token guesses nothing.
            var hash: Int
        }
        private let guesses = Mutex<[ClientAddress: [Guess]]>([:])
        /// Different ones of an address within a minute.
        private static let most = 10
        /// Addresses remembered at most; beyond that wrong tokens of further ones are refused unheard.
        private static let maxAddresses = 4_096

        /// Whether a token may be looked at; a wrong one is noted. A clock that was set back makes room.
        func admits(_ candidate: String, isRight: Bool, from client: ClientAddress, at now: Instant) -> Bool {
            guesses.withLock { all in
                func isOver(_ guess: Guess) -> Bool { now - guess.at > .seconds(60) || guess.at > now }
                var own = all[client, default: []]
                own.removeAll(where: isOver)
                defer { all[client] = own.isEmpty ? nil : own }
                guard own.count < Self.most else { return false }
                if isRight { return true }
                let hash = candidate.hashValue
                if own.contains(where: { $0.hash == hash }) { return true }
                if own.isEmpty, all.count >= Self.maxAddresses {
                    all = all.filter { !$0.value.allSatisfy(isOver) }
                    if all.count >= Self.maxAddresses { return false }
                }
                own.append(Guess(at: now, hash: hash))
                return true
            }
        }
    }
}

/// Name of a header. Hummingbird exports the collection of fields but not the field.
package typealias HeaderName = HTTPFields.Element.Name

extension HeaderName {
    static let secFetchSite = HeaderName("Sec-Fetch-Site")!
    static let idempotencyKey = HeaderName("Idempotency-Key")!
    /// The answer is one that was given before.
    static let idempotencyReplayed = HeaderName("Idempotency-Replayed")!
    static let secFetchMode = HeaderName("Sec-Fetch-Mode")!
    static let secFetchDest = HeaderName("Sec-Fetch-Dest")!
    static let forwardedProto = HeaderName("X-Forwarded-Proto")!
    /// What proxies add (RFC 7239, and what nginx, Caddy, Traefik and tunnels send).
    static let forwarding = [
        "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via", "CF-Connecting-IP",
    ].compactMap { HeaderName($0) }
}
