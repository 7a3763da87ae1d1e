import Crypto
import HubClient
import Hummingbird
import Logging
import MCP
import NIOCore
import Operations
import StokerCore

/// Signing in: with a token, and with an account on the Hub (/login/huggingface, /login/callback).
extension Routes {
    /// Of the way to the Hub and back.
    private static let attemptCookie = "stoker_signin"
    private static let attemptLife: Int64 = 600
    private static let attemptPurpose = "sign-in"

    func addSignIn(to router: Router<AppRequestContext>) {
        on(router, "/login", .get, .open) { request, visit in login(request, visit, problem: nil) }
        on(router, "/login", .post, .open) { request, visit in try await enter(request, visit) }
        on(router, "/login/huggingface", .get, .open) { request, _ in try leaveForHub(request) }
        on(router, "/login/callback", .get, .open) { request, visit in try await comeBack(request, visit) }
        // A form of another page is not to log anybody out.
        on(router, "/logout", .post, .open) { request, _ in
            guard access.isFromHere(request) else {
                throw Failure(.forbidden, doing: "log out", because: "the request was made by a page of another site")
            }
            if let cookie = request.cookies[Access.cookieName] {
                do throws(Failure) { _ = try await access.book.endSession(cookie: String(cookie.value)) } catch {
                    logger.warning("a session's end could not be kept", metadata: ["error": "\(error)"])
                }
            }
            var response = Reply.see("/")
            response.headers[.setCookie] = access.logout(request: request)
            return response
        }
    }

    private func hubSignIn() -> HubSignIn? {
        let settings = access.book.signIn
        return settings.roles.isEmpty ? nil : self.settings.signIn?(settings)
    }

    /// Where browsers reach this server: the Hub sends them back there and nowhere else. nil where that is not known.
    private func ownAddress(_ request: Request) -> String? {
        if var url = settings.publicURL {
            while url.hasSuffix("/") { url.removeLast() }
            return url
        }
        // Apps may be sent back to this machine at any port (hub-docs `oauth.md`).
        guard let authority = request.head.authority, let name = try? Address.Authority(authority),
            HostAddress.isLoopback(host: name.host)
        else {
            return nil
        }
        return "http://\(authority)"
    }

    func login(_ request: Request, _ visit: AppRequestContext, problem: Failure?) -> Response {
        let next = Self.local(PageFormatting.form(request.uri.query ?? "")["next"])
        let own = ownAddress(request)
        let hub = hubSignIn() == nil ? nil : own
        // In a frame of another site the browser keeps no cookie of ours: the way leads into a tab of its own.
        let isFramed = request.headers[.secFetchDest] == "iframe"
        let query = next == "/" ? "" : "?next=\(PercentCoding.encoded(next))"
        let text = pages.page(
            "login",
            [
                "next": next, "hasLogin": access.hasLogin, "hasHub": hub != nil,
                "hub": hub.map { "\($0)/login/huggingface\(query)" } ?? "", "isFramed": isFramed && own != nil,
                "tab": own.map { "\($0)/login\(query)" } ?? "", "isPrivate": access.privateReading,
                "problem": problem.map { Formatting.capitalized($0.because) } ?? "",
                "hint": problem?.hint.map { Formatting.capitalized($0) + "." } ?? "",
                "hasHint": problem?.hint != nil,
                "hasProblem": problem != nil, "inside": visit.permission.session, "who": visit.principal.name,
                "may": visit.principal.scope?.rawValue ?? "",
            ],
            frame: Pages.Frame(title: "Sign in · Stoker", kind: "plain"))
        return Reply.html(text, status: problem.map { .init(code: $0.code.httpStatus) } ?? .ok, to: request)
    }

    private func enter(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        // Nobody is to be logged in as somebody else by a form of another site.
        guard access.isFromHere(request) else {
            throw Failure(.forbidden, doing: "log in", because: "the request was made by a page of another site")
        }
        let form = try await RequestReading.form(of: request, upTo: visit.maxUploadSize)
        do throws(Failure) {
            let cookie = try access.login(token: form["token"] ?? "", request: request, from: visit.client)
            return await entered(cookie, next: Self.local(form["next"]), request)
        } catch {
            guard Reply.wantsPage(request) else { throw error }
            return login(request, visit, problem: error)
        }
    }

    /// With a session that was begun just now; the one before is over.
    private func entered(_ cookie: String, next: String, _ request: Request) async -> Response {
        do throws(Failure) {
            if let old = request.cookies[Access.cookieName] {
                _ = try await access.book.endSession(cookie: String(old.value))
            }
            try await access.book.save()
        } catch {
            // It is good all the same, until this process ends.
            logger.warning("a session could not be kept", metadata: ["error": "\(error)"])
        }
        var response = Reply.see(next)
        response.headers[.setCookie] = cookie
        return response
    }

    // MARK: The Hub

    private func noSignIn() -> Failure {
        Failure(
            .notFound, doing: "sign in with Hugging Face", because: "this server does not offer it",
            hint: "it needs `serve.sign_in` in the fleet file and an app on the Hub (OAUTH_CLIENT_ID)")
    }

    private func leaveForHub(_ request: Request) throws(Failure) -> Response {
        guard let signIn = hubSignIn(), let own = ownAddress(request) else { throw noSignIn() }
        let query = PageFormatting.form(request.uri.query ?? "")
        let next = Self.local(query["next"])
        // The cookie has to be where the way back leads.
        if let name = (try? WebOrigin(own))?.authority, name != request.head.authority?.lowercased(),
            query["here"] == nil
        {
            return Reply.see("\(own)/login/huggingface?here=1&next=\(PercentCoding.encoded(next))")
        }
        let attempt = HubSignIn.begin()
        let now = access.moment
        let text = seal.close(
            [
                "state": .string(attempt.state), "nonce": .string(attempt.nonce), "verifier": .string(attempt.verifier),
                "next": .string(next), "ends": .integer(now.milliseconds + Self.attemptLife * 1_000),
            ], for: Self.attemptPurpose)
        var response = Reply.see(signIn.address(attempt, redirect: own + "/login/callback"))
        response.headers[.setCookie] = access.cookie(Self.attemptCookie, text, maxAge: Self.attemptLife, request)
        return response
    }

    private func comeBack(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        var response: Response
        do throws(Failure) {
            response = try await signedIn(request, visit)
        } catch {
            logger.notice(
                "a sign-in was refused",
                metadata: ["because": "\(error.because)", "address": "\(visit.principal.address ?? "")"])
            response = login(request, visit, problem: error)
        }
        // Used once, whatever came of it.
        response.headers[values: .setCookie].append(access.cookie(Self.attemptCookie, "", maxAge: 0, request))
        return response
    }

    private func signedIn(_ request: Request, _ visit: AppRequestContext) async throws(Failure) -> Response {
        let doing = "sign in with Hugging Face"
        guard let signIn = hubSignIn(), let own = ownAddress(request) else { throw noSignIn() }
        func refusal(_ because: String) -> Failure {
            Failure(.unauthorized, doing: doing, because: because, hint: "begin again")
        }
        let now = access.moment
        guard let cookie = request.cookies[Self.attemptCookie],
            let kept = seal.open(String(cookie.value), for: Self.attemptPurpose), let state = kept["state"]?.string,
            let nonce = kept["nonce"]?.string, let verifier = kept["verifier"]?.string, let ends = kept["ends"]?.integer
        else { throw refusal("this browser did not begin it here, or its server was restarted") }
        guard Int64(ends) > now.milliseconds else { throw refusal("it took longer than ten minutes") }
        let query = PageFormatting.form(request.uri.query ?? "")
        guard SHA256.hash(data: Array((query["state"] ?? "").utf8)) == SHA256.hash(data: Array(state.utf8)) else {
            throw refusal("the way back does not belong to the way there")
        }
        if let error = query["error"] { throw refusal(HubSignIn.problem(error)) }
        guard let code = query["code"], !code.isEmpty, code.utf8.count < 2_000 else {
            throw refusal("the Hub sent nothing along")
        }
        let attempt = HubSignIn.Attempt(state: state, nonce: nonce, verifier: verifier)
        let person = try await signIn.person(
            code: code, attempt: attempt, redirect: own + "/login/callback", now: now)
        guard access.book.signIn.scope(of: person.user, organisations: person.organisations) != nil else {
            throw Failure(
                .forbidden, doing: doing,
                because:
                    "\(person.user.shortened) may not: neither the user nor one of the organisations is in serve.sign_in",
                hint: "an admin adds the name to the fleet file, and Stoker reads it again by itself")
        }
        let secret = access.book.beginSession(
            person.user, via: .huggingFace, organisations: person.organisations, from: visit.principal.address)
        return await entered(
            access.sessionCookie(secret, request), next: Self.local(kept["next"]?.string), request)
    }
}
