import ControlRoom
import Hummingbird
import Ledger
import NIOCore
import Operations
import StokerCore
import Synchronization
import TestSupport
import Testing

@Suite struct AccessTests {
    private static func request(
        _ headers: HTTPFields = [:], method: HTTPRequest.Method = .post, host: String? = "127.0.0.1:7860"
    ) -> Request {
        Request(
            head: HTTPRequest(
                method: method, scheme: "http", authority: host, path: "/actions/ping", headerFields: headers),
            body: .init(buffer: .init()))
    }
    private static let origin = HeaderName("Origin")!
    private static let site = HeaderName("Sec-Fetch-Site")!

    private static func access(
        token: String? = nil, privateReading: Bool = false, host: String = "127.0.0.1", publicURL: String? = nil,
        now: Instant = SampleFleet.now
    ) -> Access {
        Access(
            token: token.map { Secret($0) }, privateReading: privateReading, host: host, publicURL: publicURL,
            now: { now })
    }

    @Test func aTokenForTheAccountLeavesOnlyBeatsOpenToThisMachine() throws {
        let access = Access(token: Secret("a token of its own"), isTokenForAccount: true, now: { SampleFleet.now })
        #expect(access.hasToken && !access.beatsNeedToken)
        let permission = access.permission(for: Self.request())
        #expect(permission.read && !permission.write && permission.principal.kind == .stranger)
        #expect(throws: Failure.self) { try access.authorize(.write, Self.request()) }
        try access.authorizeBeat(Self.request())
        for foreign in [
            Self.request([Self.origin: "https://evil.example"]), Self.request(host: "evil.example"),
            Self.request([HeaderName("X-Forwarded-For")!: "203.0.113.9"]),
        ] {
            #expect(throws: Failure.self) { try access.authorizeBeat(foreign) }
        }
        let asked = Access(token: Secret("a token of its own"), now: { SampleFleet.now })
        #expect(throws: Failure.self) { try asked.authorizeBeat(Self.request()) }
    }

    @Test(arguments: ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "stoker.localhost", "127.8.8.8"])
    func loopbackNamesAreOurs(host: String) {
        let permission = Self.access().permission(for: Self.request(host: host))
        #expect(permission.read && permission.write && permission.admin && permission.principal.kind == .machine)
    }

    @Test(arguments: ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", "192.168.1.4"])
    func foreignNamesOnLoopbackAreRefused(host: String) {
        #expect(Self.access().permission(for: Self.request(host: host)) == .nothing)
        #expect(throws: Failure.self) { try Self.access().authorize(.open, Self.request(host: host)) }
    }

    /// Host headers, and the public address, by the grammar of all addresses.
    @Test(arguments: trickyAddresses) func hostsAreReadByOneGrammar(address: String) {
        guard let parts = AddressParts(address), !parts.hostAndPort.isEmpty else { return }
        let isHere = (try? parts.authority()).map { HostAddress.isLoopback(host: $0.host) } ?? false
        let permission = Self.access().permission(for: Self.request(host: parts.hostAndPort))
        #expect((permission != .nothing) == isHere)
        let isPublic = (try? WebOrigin(address)).map { !$0.isLoopback } ?? false
        #expect(Access.isReachable(Fleet.Serve(host: "127.0.0.1", publicURL: address)) == isPublic)
    }

    @Test func thePublicNameIsOurs() {
        let access = Self.access(token: "s3cret", publicURL: "https://stoker.example.com/")
        let headers: HTTPFields = [Self.origin: "https://stoker.example.com", .authorization: "Bearer s3cret"]
        #expect(access.permission(for: Self.request(headers, host: "stoker.example.com")).write)
    }

    /// A proxy on this machine passes on what the whole internet asks.
    @Test(arguments: ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
    func whatAProxyPassesOnMayNotWriteWithoutAToken(header: String) throws {
        let access = Self.access(publicURL: "https://stoker.example.com/")
        #expect(!access.permission(for: Self.request(host: "stoker.example.com")).write)
        let name = try #require(HeaderName(header))
        #expect(!access.permission(for: Self.request([name: "203.0.113.9"])).write)
        #expect(access.permission(for: Self.request([name: "203.0.113.9"])).read)
        // It may add no header, and call the server by its own name.
        #expect(!access.permission(for: Self.request()).write)
        #expect(Self.access(publicURL: "http://localhost:7860").permission(for: Self.request()).write)
    }

    @Test func othersReachAPublicAddressOrAWideOne() {
        func isReachable(_ host: String, _ url: String?) -> Bool {
            var serve = Fleet.Serve()
            serve.host = host
            serve.publicURL = url
            return Access.isReachable(serve)
        }
        #expect(!isReachable("127.0.0.1", nil) && !isReachable("::1", "http://localhost:7860"))
        #expect(isReachable("0.0.0.0", nil) && isReachable("127.0.0.1", "https://stoker.example.com"))
    }

    private static let home = ClientAddress.v4(0xC633_6407)
    private static let other = ClientAddress.v4(0xC633_6408)

    @Test func aStrangersGuessesDoNotLockTheOwnerOut() throws {
        let access = Self.access(token: "s3cret")
        for number in 0..<12 {
            #expect(throws: Failure.self) {
                try access.login(token: "guess \(number)", request: Self.request(), from: Self.other)
            }
        }
        let mine = try access.login(token: "s3cret", request: Self.request(), from: Self.home)
        #expect(mine.contains("stoker_session="))
        // A session goes on wherever it is used.
        let cookie = String(mine.prefix { $0 != ";" })
        #expect(access.permission(for: Self.request([.cookie: cookie, Self.origin: "http://127.0.0.1:7860"])).write)
    }

    /// A guesser who has to wait is not told when he is right.
    @Test func theAnswersTellAGuesserNothing() throws {
        let access = Self.access(token: "s3cret", host: "0.0.0.0")
        func said(_ token: String) -> Failure? {
            #expect(throws: Failure.self) {
                try access.refuseGuess(Self.request([.authorization: "Bearer \(token)"]), from: Self.other)
            }
        }
        for number in 0..<10 {
            try access.refuseGuess(Self.request([.authorization: "Bearer x\(number)"]), from: Self.other)
        }
        let (wrong, right) = (said("x10"), said("s3cret"))
        #expect(wrong?.code == .overloaded && "\(wrong as Any)" == "\(right as Any)")
        #expect(throws: Failure.self) { try access.login(token: "s3cret", request: Self.request(), from: Self.other) }
        #expect(throws: Failure.self) { try access.admit("k", isRight: true, from: Self.other, doing: "beat") }
        try access.refuseGuess(Self.request(), from: Self.other)
    }

    /// Who repeats one wrong token guesses nothing, and does not lock out what else runs there.
    @Test func oneWrongTokenIsOneGuess() throws {
        let access = Self.access(token: "s3cret", host: "0.0.0.0")
        for _ in 0..<50 {
            let failure = #expect(throws: Failure.self) {
                try access.login(token: "old", request: Self.request(), from: Self.other)
            }
            #expect(failure?.code == .unauthorized)
        }
        _ = try access.login(token: "s3cret", request: Self.request(), from: Self.other)
    }

    @Test func guessesAreForgottenAfterAMinute() throws {
        let clock = Mutex(SampleFleet.now)
        let access = Access(token: Secret("s3cret"), host: "0.0.0.0", now: { clock.withLock { $0 } })
        for number in 0..<10 { try access.admit("\(number)", isRight: false, from: Self.other, doing: "x") }
        #expect(throws: Failure.self) { try access.admit("s3cret", isRight: true, from: Self.other, doing: "x") }
        clock.withLock { $0 = $0 + .seconds(61) }
        try access.admit("s3cret", isRight: true, from: Self.other, doing: "x")
    }

    @Test(
        arguments: [
            ("203.0.113.9", nil, "203.0.113.9"), ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("127.0.0.1", "198.51.100.1", "198.51.100.1"), ("10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.2", "6.6.6.6, 198.51.100.1, 10.0.0.9", "198.51.100.1"), ("127.0.0.1", "junk", "127.0.0.1"),
            ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"), ("::1", "[2001:db8::5]:80", "2001:db8::6"),
            ("127.0.0.1", "10.0.0.7", "10.0.0.7"), ("127.0.0.1", "6.6.6.6, junk", "127.0.0.1"),
            ("127.0.0.1", "", "127.0.0.1"),
        ] as [(String, String?, String)])
    func whatAProxySaysIsBelievedNearby(_ peer: String, _ forwarded: String?, _ expected: String) throws {
        let name = try #require(HeaderName("X-Forwarded-For"))
        let request = Self.request(forwarded.map { [name: $0] } ?? [:])
        let client = ClientAddress(of: request, peer: try SocketAddress(ipAddress: peer, port: 4_000))
        #expect(client == ClientAddress(try SocketAddress(ipAddress: expected, port: 1)))
    }

    @Test(arguments: ["http://evil.example", "null", "http://127.0.0.1:9999", "file://", "http://localhost:7860"])
    func foreignOriginsCannotWrite(origin: String) {
        let permission = Self.access().permission(for: Self.request([Self.origin: origin]))
        #expect(permission.read && !permission.write && !permission.admin)
    }

    @Test func theFetchSiteIsBelieved() {
        #expect(!Self.access().permission(for: Self.request([Self.site: "cross-site"])).write)
        #expect(!Self.access().permission(for: Self.request([Self.site: "same-site"])).write)
        #expect(Self.access().permission(for: Self.request([Self.site: "same-origin"])).write)
    }

    @Test func withoutATokenTheOutsideCannotWrite() {
        let access = Self.access(host: "0.0.0.0")
        let permission = access.permission(for: Self.request(host: "box:7860"))
        #expect(permission.read && !permission.write)
        let failure = #expect(throws: Failure.self) { try access.authorize(.write, Self.request(host: "box:7860")) }
        #expect(failure?.code == .forbidden)
    }

    @Test(arguments: ["", "Bearer", "Bearer ", "Bearer wrong", "Basic c2VjcmV0", "bearer secre"])
    func wrongTokens(header: String) {
        let access = Self.access(token: "secret", host: "0.0.0.0")
        #expect(!access.permission(for: Self.request([.authorization: header])).write)
    }

    @Test(arguments: [("0.0.0.0", "Bearer secret"), ("127.0.0.1", "bearer secret")])
    func rightTokens(host: String, header: String) {
        let access = Self.access(token: "secret", privateReading: true, host: host)
        let permission = access.permission(for: Self.request([.authorization: header]), from: Self.home)
        #expect(permission.read && permission.write && permission.admin && !permission.session)
        #expect(permission.principal == Principal(.token, "STOKER_TOKEN", scope: .admin, address: "198.51.100.7"))
    }

    @Test func aTokenOnLoopbackIsNeededToo() {
        #expect(!Self.access(token: "secret").permission(for: Self.request()).write)
    }

    @Test func privateReading() {
        let access = Self.access(token: "secret", privateReading: true, host: "0.0.0.0")
        let failure = #expect(throws: Failure.self) { try access.authorize(.read, Self.request(method: .get)) }
        #expect(failure?.code == .unauthorized)
        #expect(throws: Never.self) { try access.authorize(.open, Self.request(method: .get)) }
    }

    @Test func aSessionHoldsARandomTextAndNotTheToken() async throws {
        let clock = Mutex(SampleFleet.now)
        let records: any RecordStore = MemoryRecords()
        @Sendable func now() -> Instant { clock.withLock { $0 } }
        func access(_ token: String) async throws -> Access {
            let book = AccessBook(records: records, mainToken: Secret(token), now: now)
            try await book.load()
            return Access(token: Secret(token), privateReading: true, host: "0.0.0.0", book: book, now: now)
        }
        let first = try await access("secret")
        let set = try first.login(token: "secret", request: Self.request(), from: Self.home)
        #expect(set.contains("HttpOnly") && set.contains("SameSite=Lax") && !set.contains("secret"))
        let cookie = String(set.prefix { $0 != ";" })
        let mine: HTTPFields = [.cookie: cookie, Self.origin: "http://127.0.0.1:7860"]
        let permission = first.permission(for: Self.request(mine))
        #expect(permission.write && permission.admin && permission.session && permission.read)
        // A post that does not say where it comes from is not carried by a cookie.
        #expect(!first.permission(for: Self.request([.cookie: cookie])).write)
        // Nothing that is stored opens anything.
        try await first.book.save()
        let stored = try #require(try await records.records(kind: "session").first)
        #expect(!cookie.hasSuffix(stored.key) && !stored.body.contains(String(cookie.suffix(64))))
        let byKey: HTTPFields = [.cookie: "stoker_session=\(stored.key)", Self.origin: "http://127.0.0.1:7860"]
        #expect(!first.permission(for: Self.request(byKey)).session)
        // It outlives a restart, and not a change of the token.
        #expect(try await access("secret").permission(for: Self.request(mine)).write)
        #expect(try await !access("other").permission(for: Self.request(mine)).session)
        for forged in ["stoker_session=", "\(cookie)0", String(cookie.dropLast()) + "g"] {
            #expect(
                !first.permission(for: Self.request([.cookie: forged, Self.origin: "http://127.0.0.1:7860"])).session)
        }
        clock.withLock { $0 = $0 + .seconds(31 * 86_400) }
        #expect(!first.permission(for: Self.request(mine)).session)
    }

    @Test func aNamedTokenMayWhatItsScopeSays() async throws {
        let records: any RecordStore = MemoryRecords()
        let access = Access(
            token: Secret("secret"), host: "0.0.0.0",
            book: AccessBook(records: records, mainToken: Secret("secret"), now: { SampleFleet.now }),
            now: { SampleFleet.now })
        for scope in Scope.allCases {
            let (_, secret) = try await access.book.addToken(scope.rawValue, scope: scope, ends: nil, by: "test")
            #expect(secret.reveal().hasPrefix("stk_") && secret.reveal().utf8.count == 44)
            #expect(Redaction.text("made \(secret.reveal()), now") == "made stk_***, now")
            let request = Self.request([.authorization: "Bearer \(secret.reveal())"])
            let permission = access.permission(for: request, from: Self.home)
            #expect(permission.write == (scope >= .operate) && permission.admin == (scope == .admin))
            #expect(permission.principal.id == "token:\(scope.rawValue)")
            try access.authorize(.scope(scope), request)
            try access.authorize(.token, request)
            for more in Scope.allCases where more > scope {
                let failure = #expect(throws: Failure.self) { try access.authorize(.scope(more), request) }
                #expect(failure?.code == .forbidden)
            }
            let found = try await records.records(kind: "access-token").first {
                $0.body.contains("\"\(scope.rawValue)\"")
            }
            let stored = try #require(found)
            #expect(
                !stored.body.contains(secret.reveal()) && !stored.body.contains(String(secret.reveal().dropFirst(4))))
            #expect(access.book.tokens.first { $0.name == scope.rawValue }?.lastAddress == "198.51.100.7")
            // One character less, or more, or other.
            for wrong in [
                "\(secret.reveal().dropLast())", secret.reveal() + "0", "stk_" + String(repeating: "0", count: 40),
            ] {
                #expect(access.book.token(wrong) == nil)
            }
        }
    }

    /// When a token was used last outlives a restart, and is written once a minute at most.
    @Test func theLastUseIsKept() async throws {
        let records: any RecordStore = MemoryRecords()
        let clock = Mutex(SampleFleet.now)
        let book = AccessBook(records: records, mainToken: nil, now: { clock.withLock { $0 } })
        let (_, secret) = try await book.addToken("ci", scope: .read, ends: nil, by: "test")
        book.noteUse(of: "ci", from: "192.0.2.1")
        clock.withLock { $0 = $0 + .seconds(30) }
        book.noteUse(of: "ci", from: "192.0.2.2")
        try await book.save()
        let version = try await records.records(kind: "access-token").first?.version
        try await book.save()
        #expect(try await records.records(kind: "access-token").first?.version == version)
        let next = AccessBook(records: records, mainToken: nil, now: { clock.withLock { $0 } })
        try await next.load()
        #expect(next.tokens == book.tokens && next.tokens.first?.lastUse == SampleFleet.now)
        #expect(next.tokens.first?.lastAddress == "192.0.2.1")
        #expect(next.token(secret.reveal()) == book.token(secret.reveal()))
        // What is damaged opens nothing and stops nothing.
        try await records.put(
            NewRecord(kind: "access-token", key: "odd", body: #"{"hash":"00","scope":"admin"}"#, at: SampleFleet.now))
        try await records.put(NewRecord(kind: "session", key: "odd", body: "{}", at: SampleFleet.now))
        let last = AccessBook(records: records, mainToken: nil, now: { clock.withLock { $0 } })
        try await last.load()
        #expect(last.tokens.map(\.name) == ["ci"] && last.sessions.isEmpty)
    }

    @Test func anEndedTokenSaysSoAtLoginAndOpensNothing() async throws {
        let clock = Mutex(SampleFleet.now)
        let access = Access(token: Secret("secret"), host: "0.0.0.0", now: { clock.withLock { $0 } })
        let ends = SampleFleet.now + .seconds(3_600)
        let (_, secret) = try await access.book.addToken("ci", scope: .operate, ends: ends, by: "test")
        let cookie = String(
            try access.login(token: secret.reveal(), request: Self.request(), from: Self.home).prefix { $0 != ";" })
        let session = Self.request([.cookie: cookie, Self.origin: "http://127.0.0.1:7860"])
        #expect(access.permission(for: session).write && !access.permission(for: session).admin)
        clock.withLock { $0 = ends }
        #expect(!access.permission(for: session).session)
        #expect(!access.permission(for: Self.request([.authorization: "Bearer \(secret.reveal())"])).write)
        let failure = #expect(throws: Failure.self) {
            try access.login(token: secret.reveal(), request: Self.request(), from: Self.home)
        }
        #expect(failure?.because.contains("ended on") == true)
    }

    @Test func aRevokedTokenEndsItsSessionsToo() async throws {
        let records: any RecordStore = MemoryRecords()
        let book = AccessBook(records: records, mainToken: nil, now: { SampleFleet.now })
        let (_, secret) = try await book.addToken("ci", scope: .admin, ends: nil, by: "test")
        let (_, other) = try await book.addToken("other", scope: .read, ends: nil, by: "test")
        let cookie = book.beginSession("ci", via: .token("ci"), from: nil).reveal()
        try await book.save()
        #expect(book.session(cookie)?.scope == .admin)
        _ = try await book.revokeToken("ci")
        #expect(book.token(secret.reveal()) == nil && book.session(cookie) == nil && book.token(other.reveal()) != nil)
        // What was under way comes not back.
        try await book.save()
        #expect(try await records.records(kind: "session").isEmpty)
        let left = try await records.records(kind: "access-token")
        #expect(left.count == 1 && left[0].body.contains(#""name":"other""#))
        // A new one of the same name is another.
        _ = try await book.addToken("ci", scope: .admin, ends: nil, by: "test")
        #expect(book.token(secret.reveal()) == nil && book.session(cookie) == nil)
        await #expect(throws: Failure.self) { try await book.addToken("CI", scope: .read, ends: nil, by: "test") }
    }

    @Test func guessingIsSlowedDown() {
        let access = Self.access(token: "secret", host: "0.0.0.0")
        func said(_ token: String) -> Failure.Code? {
            let failure = #expect(throws: Failure.self) {
                try access.login(token: token, request: Self.request(), from: Self.home)
            }
            return failure?.code
        }
        for number in 0..<10 { #expect(said("guess \(number)") == .unauthorized) }
        #expect(said("another") == .overloaded)
    }

    /// One count for all doors: what the login refused is not to be tried as a header.
    @Test func guessesAreCountedTogether() throws {
        let access = Self.access(token: "secret", host: "0.0.0.0")
        for number in 0..<5 {
            #expect(throws: Failure.self) {
                try access.login(token: "guess \(number)", request: Self.request(), from: Self.other)
            }
        }
        func wrong(_ number: Int) -> Request { Self.request([.authorization: "Bearer guess \(number)"]) }
        for number in 5..<10 { try access.refuseGuess(wrong(number), from: Self.other) }
        let header = #expect(throws: Failure.self) { try access.refuseGuess(wrong(10), from: Self.other) }
        #expect(header?.code == .overloaded && header?.retry == .after(.seconds(60)))
        let key = #expect(throws: Failure.self) {
            try access.admit("key", isRight: false, from: Self.other, doing: "take the heartbeat")
        }
        #expect(key?.code == .overloaded)
        let login = #expect(throws: Failure.self) {
            try access.login(token: "guess", request: Self.request(), from: Self.other)
        }
        #expect(login?.code == .overloaded)
        // The owner is let in all the same, and who brings no token, or the Hub's, is no guesser.
        try access.refuseGuess(Self.request([.authorization: "Bearer hf_AbCdEfGhIjKl"]), from: Self.other)
        try access.refuseGuess(Self.request([.authorization: "Bearer secret"]), from: Self.home)
        try access.refuseGuess(Self.request(), from: Self.other)
        #expect(access.permission(for: Self.request([.authorization: "Bearer secret"])).write)
    }

    @Test(
        arguments: [
            ("1", "0.0.0.0", nil, false), ("fifteen-letters", "0.0.0.0", nil, false),
            ("aaaaaaaaaaaaaaaaaaaa", "::", nil, false), ("1", "127.0.0.1", "https://stoker.example.com/", false),
            ("0123456789abcdef", "0.0.0.0", nil, true), ("correct horse battery staple", "192.168.1.4", nil, true),
            ("1", "127.0.0.1", nil, true), ("", "0.0.0.0", nil, true), (nil, "0.0.0.0", nil, true),
        ] as [(String?, String, String?, Bool)])
    func aWeakTokenIsRefusedWhereOthersCanReachUs(_ token: String?, _ host: String, _ url: String?, _ fits: Bool) {
        let serve = Fleet.Serve(host: host, publicURL: url, token: token.map { Secret($0) })
        do throws(Failure) {
            try TokenRule.check(serve)
            #expect(fits)
        } catch {
            #expect(!fits && error.code == .usage)
            #expect(error.hint?.contains("openssl rand") == true)
            if let token, token.count > 1 { #expect(!error.description.contains(token)) }
        }
    }

    @Test(arguments: [
        ("https://user:pass@example.com/a", "https://***@example.com/a"),
        ("https://example.com/?token=abc&page=2", "https://example.com/?token=***&page=2"),
        ("https://example.com/?API_KEY=abc#x", "https://example.com/?API_KEY=***#x"),
        ("https://example.com/a@b", "https://example.com/a@b"), ("tcp://db:5432", "tcp://db:5432"),
        ("https://a@b@example.com?x-amz-signature=1", "https://***@example.com?x-amz-signature=***"),
    ])
    func addressesAreShownWithoutSecrets(address: String, shown: String) {
        #expect(Redaction.address(address) == shown)
    }
}
