import ControlRoom
import Foundation
import HubClient
import HubSimulator
import Operations
import StokerCore
import Testing

/// *Sign in with Hugging Face* as a browser does it, over HTTP, against the simulated Hub.
@Suite(.timeLimit(.minutes(2))) struct SignInTests {
    private struct Scene: Sendable {
        var served: Served
        var hub: SimulatedHub
        /// The Hub's own port.
        var provider: Served
        var book: AccessBook
    }

    private static func run(
        roles: [String: Scope] = ["maren": .operate], publicURL: String? = nil, secret: String? = "stoker-app-secret",
        configuration: HubConfiguration = HubConfiguration(), _ test: @escaping @Sendable (Scene) async throws -> Void
    ) async throws {
        let hub = try await SimulatedHub.start(configuration, logger: Served.silent)
        let provider = Hub(.init(endpoint: hub.endpoint), logger: Served.silent)
        let app = HubSignIn(
            .init(clientID: secret == nil ? "stoker-public" : "stoker-app", clientSecret: secret.map { Secret($0) }),
            hub: provider)
        let token = Secret("a token of this test")
        let whole = SampleFleet.dozen()
        let now: @Sendable () -> Instant = { Instant(seconds: Date().timeIntervalSince1970) }
        let book = AccessBook(records: whole.ledger.records, mainToken: token, now: now)
        book.use(Fleet.SignIn(roles: roles))
        let port = try #require(URL(string: hub.endpoint)?.port)
        do {
            try await Served.run(
                whole, access: Access(token: token, publicURL: publicURL, book: book, now: now),
                settings: .init(port: 0, publicURL: publicURL, signIn: { _ in app })
            ) { served in
                try await test(
                    Scene(served: served, hub: hub, provider: Served(port: port, group: served.group), book: book))
            }
        } catch {
            try await provider.shutdown()
            await hub.shutdown()
            throw error
        }
        try await provider.shutdown()
        await hub.shutdown()
    }

    private static let page = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]

    private static func cookie(_ name: String, _ answer: Served.Answer) -> String? {
        answer.cookies.first { $0.hasPrefix(name + "=") }.map { String($0.prefix { $0 != ";" }) }
    }

    /// Path and query of an address.
    private static func place(_ address: String) -> String {
        let rest = address[(address.range(of: "://")?.upperBound ?? address.startIndex)...]
        return String(rest.drop { $0 != "/" })
    }

    /// To the Hub, a yes there, and the address that the Hub sends the browser to; not opened yet.
    private static func goThere(
        _ scene: Scene, next: String = "/", account: String = "maren", answer: String = "yes"
    ) async throws -> (back: String, cookie: String) {
        let leave = try await scene.served.get(
            "/login/huggingface?next=\(PercentCoding.encoded(next))", headers: page)
        #expect(leave.status == 303)
        let there = try #require(leave.headers["location"])
        #expect(there.hasPrefix(scene.hub.endpoint + "/oauth/authorize?"))
        #expect(there.contains("code_challenge_method=S256") && there.contains("nonce=") && there.contains("state="))
        let attempt = try #require(leave.cookies.first { $0.hasPrefix("stoker_signin=") })
        #expect(attempt.contains("HttpOnly") && attempt.contains("SameSite=Lax") && attempt.contains("Max-Age=600"))
        let asked = try await scene.provider.get(place(there), headers: page)
        #expect(asked.status == 200 && asked.text.contains("Authorize"))
        let query = String(place(there).drop { $0 != "?" }.dropFirst())
        let said = try await scene.provider.get(
            "/oauth/authorize", method: "POST", headers: page, body: "\(query)&account=\(account)&answer=\(answer)")
        #expect(said.status == 302)
        return (place(try #require(said.headers["location"])), String(attempt.prefix { $0 != ";" }))
    }

    private static func comeBack(_ scene: Scene, _ back: String, _ cookie: String?) async throws -> Served.Answer {
        try await scene.served.get(
            back, headers: page + [("Sec-Fetch-Site", "cross-site")] + (cookie.map { [("Cookie", $0)] } ?? []))
    }

    @Test(arguments: ["stoker-app-secret", nil] as [String?]) func aPersonSignsInActsAndSignsOut(_ secret: String?)
        async throws
    {
        try await Self.run(secret: secret) { scene in
            let login = try await scene.served.get("/login", headers: Self.page)
            #expect(login.text.contains("Sign in with Hugging Face") && login.text.contains("or with a token"))
            let (back, attempt) = try await Self.goThere(scene, next: "/?q=web")
            let answer = try await Self.comeBack(scene, back, attempt)
            #expect(answer.status == 303 && answer.headers["location"] == "/?q=web")
            let session = try #require(answer.cookies.first { $0.hasPrefix("stoker_session=") })
            for part in ["HttpOnly", "SameSite=Lax", "Max-Age=2592000", "Path=/"] { #expect(session.contains(part)) }
            #expect(answer.cookies.contains { $0.hasPrefix("stoker_signin=;") && $0.contains("Max-Age=0") })
            let mine = [("Cookie", try #require(Self.cookie("stoker_session", answer)))]
            // On the way back from another site it is already known who comes.
            let home = try await scene.served.get(
                "/", headers: Self.page + mine + [("Sec-Fetch-Site", "cross-site")])
            #expect(home.text.contains("Log out") && !home.text.contains("read-only"))
            let own = [("Origin", "http://127.0.0.1:\(scene.served.port)")]
            let pause = try await scene.served.get(
                "/actions/pause", method: "POST", headers: mine + own, body: "name=website")
            #expect(pause.status == 200)
            // Another site's form, and one that does not say where it comes from.
            for foreign in [[("Origin", "https://evil.example")], [("Sec-Fetch-Site", "cross-site")], []] {
                let refused = try await scene.served.get(
                    "/actions/pause", method: "POST", headers: mine + foreign, body: "name=website")
                #expect(refused.status == 403)
            }
            #expect(scene.book.sessions.map(\.person) == ["maren"])
            #expect(scene.book.sessions.first?.address == "127.0.0.1")
            // The way back works once.
            let again = try await Self.comeBack(scene, back, attempt)
            #expect(again.status == 401 && Self.cookie("stoker_session", again) == nil)
            let out = try await scene.served.get("/logout", method: "POST", headers: mine + own)
            #expect(out.status == 303 && scene.book.sessions.isEmpty)
            #expect(try await !scene.served.get("/", headers: Self.page + mine).text.contains("Log out"))
        }
    }

    @Test func theWayBackBelongsToTheWayThere() async throws {
        try await Self.run { scene in
            let (mine, myCookie) = try await Self.goThere(scene)
            let (other, otherCookie) = try await Self.goThere(scene, account: "tobi")
            func code(_ place: String) throws -> String {
                let part = try #require(
                    place.split(separator: "?").last?.split(separator: "&").first { $0.hasPrefix("code=") })
                return String(part)
            }
            func refused(_ back: String, _ cookie: String?, _ said: String) async throws {
                let answer = try await Self.comeBack(scene, back, cookie)
                #expect(answer.status == 401 && answer.text.contains(said), "\(answer.text)")
                #expect(Self.cookie("stoker_session", answer) == nil)
            }
            // Nobody began it here; another browser's; a changed state; none.
            try await refused(mine, nil, "did not begin it here")
            try await refused(mine, otherCookie, "does not belong")
            try await refused(mine.replacing("state=", with: "state=x"), myCookie, "does not belong")
            try await refused("/login/callback?\(try code(mine))", myCookie, "does not belong")
            try await refused(mine, myCookie + "x", "did not begin it here")
            // Somebody else's code with our state: its challenge is another's.
            let foreign = mine.replacing(try code(mine), with: try code(other))
            try await refused(foreign, myCookie, "invalid_grant")
            #expect(scene.book.sessions.isEmpty)
        }
    }

    @Test func whoIsOnNoListStaysOut() async throws {
        try await Self.run(roles: ["kestrel-labs": .read]) { scene in
            let (back, cookie) = try await Self.goThere(scene, account: "tobi")
            let answer = try await Self.comeBack(scene, back, cookie)
            let session = try #require(Self.cookie("stoker_session", answer))
            #expect(scene.book.sessions.first?.organisations == ["kestrel-labs"])
            let own = [("Cookie", session), ("Origin", "http://127.0.0.1:\(scene.served.port)")]
            // A member of the organisation may look, and no more; the activity log has what was tried.
            let pause = try await scene.served.get("/actions/pause", method: "POST", headers: own, body: "name=website")
            #expect(pause.status == 403 && pause.text.contains("operate"))
            // The fleet file says something else now: at once.
            scene.book.use(Fleet.SignIn(roles: ["tobi": .operate]))
            #expect(
                try await scene.served.get("/actions/pause", method: "POST", headers: own, body: "name=website").status
                    == 200)
            scene.book.use(Fleet.SignIn(roles: ["nobody": .admin]))
            #expect(
                try await scene.served.get("/actions/pause", method: "POST", headers: own, body: "name=website").status
                    == 401)
            let (again, second) = try await Self.goThere(scene, account: "tobi")
            let refused = try await Self.comeBack(scene, again, second)
            #expect(refused.status == 403 && refused.text.contains("Tobi may not: neither the user"), "\(refused.text)")
            #expect(Self.cookie("stoker_session", refused) == nil)
        }
    }

    @Test func anOrganisationThatGivesNothingCountsForNothing() async throws {
        var configuration = HubConfiguration()
        configuration.organisations = [
            HubOrganisation("outer", members: ["tobi": .noAccess]),
            HubOrganisation("strict", members: ["tobi": .admin], securityRestrictions: ["sso"]),
        ]
        try await Self.run(roles: ["outer": .admin, "strict": .admin], configuration: configuration) { scene in
            let (back, cookie) = try await Self.goThere(scene, account: "tobi")
            #expect(try await Self.comeBack(scene, back, cookie).status == 403)
        }
    }

    @Test func aNoOnTheHubIsTold() async throws {
        try await Self.run { scene in
            let (back, cookie) = try await Self.goThere(scene, answer: "no")
            let answer = try await Self.comeBack(scene, back, cookie)
            #expect(answer.status == 401 && answer.text.contains("It was not allowed on the Hub"))
            // What the address says is not repeated.
            let odd = back.replacing("access%5Fdenied", with: "%3Cb%3Ehello")
            #expect(odd != back)
            #expect(try await !Self.comeBack(scene, odd, cookie).text.contains("hello"))
        }
    }

    @Test(arguments: [
        "//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example",
    ])
    func nobodyIsSentElsewhere(_ next: String) async throws {
        try await Self.run { scene in
            let (back, cookie) = try await Self.goThere(scene, next: next)
            #expect(try await Self.comeBack(scene, back, cookie).headers["location"] == "/")
            let body = "token=a+token+of+this+test&next=\(PercentCoding.encoded(next))"
            let token = try await scene.served.get("/login", method: "POST", headers: Self.page, body: body)
            #expect(token.status == 303 && token.headers["location"] == "/")
        }
    }

    /// In the Hub's frame no cookie is kept: the page leads into a tab of its own. The way there begins where the way back ends.
    @Test func inAFrameTheAppsOwnHostIsOpened() async throws {
        try await Self.run(publicURL: "https://acme-stoker.hf.space") { scene in
            let framed = try await scene.served.get(
                "/login?next=%2Fincidents",
                headers: [("Accept", "text/html"), ("Sec-Fetch-Dest", "iframe"), ("Host", "acme-stoker.hf.space")])
            #expect(
                framed.text.contains("href=\"https://acme-stoker.hf.space/login?next=%2Fincidents\" target=\"_blank\""))
            #expect(!framed.text.contains("<form method=\"post\" action=\"/login\""))
            let elsewhere = try await scene.served.get("/login/huggingface?next=%2Fincidents", headers: Self.page)
            #expect(
                elsewhere.headers["location"]
                    == "https://acme-stoker.hf.space/login/huggingface?here=1&next=%2Fincidents")
            let there = try await scene.served.get(
                "/login/huggingface", headers: Self.page + [("Host", "acme-stoker.hf.space")])
            #expect(
                there.headers["location"]?.contains(
                    "redirect_uri=https%3A%2F%2Facme-stoker.hf.space%2Flogin%2Fcallback") == true)
            #expect(there.cookies.first?.contains("; Secure") == true)
        }
    }

    @Test func withoutRolesOrAnAppThereIsNothingToSignInWith() async throws {
        try await Self.run(roles: [:]) { scene async throws in
            #expect(try await !scene.served.get("/login", headers: Self.page).text.contains("Hugging Face"))
            #expect(try await scene.served.get("/login/huggingface", headers: Self.page).status == 404)
            #expect(try await scene.served.get("/login/callback?code=a&state=b", headers: Self.page).status == 404)
        }
    }

    /// Nothing of a sign-in is in the ledger but who it was.
    @Test func theLedgerHoldsNoSecret() async throws {
        try await Self.run { scene in
            let (back, cookie) = try await Self.goThere(scene)
            let answer = try await Self.comeBack(scene, back, cookie)
            let session = try #require(Self.cookie("stoker_session", answer)).dropFirst("stoker_session=".count)
            try await scene.book.save()
            #expect(scene.book.session(String(session))?.session.person == "maren")
            #expect(scene.book.session(String(session.dropLast()) + "0") == nil || session.hasSuffix("0"))
        }
    }
}
