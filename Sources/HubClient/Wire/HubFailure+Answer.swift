import NIOCore
import NIOHTTP1
import StokerCore

extension HubFailure {
    /// Names an answer with an error status.
    /// - Parameter isHub: false for a storage that the Hub pointed to: it knows nothing of tokens and repos.
    init(
        _ request: HubRequest, status: Int, headers: HTTPHeaders, body: ByteBuffer, token: Secret?, isHub: Bool = true
    ) {
        let text = HubErrorText(headers: headers, body: body)
        let code = headers.first(name: "X-Error-Code").map { Redaction.quote($0, limit: 60) } ?? text.code
        var kind =
            isHub
            ? Self.kind(status: status, code: code, header: text.header, path: request.path)
            : Self.kindOfStorage(status: status, code: code)
        if isHub, Self.isMissingFeature(status: status, code: code, text: text, request) { kind = .unsupported }
        var told = text.text.isEmpty ? Self.plain(status, isPage: text.isPage, isHub: isHub) : text.text
        if kind == .unsupported { told = "this Hub does not have that\(Self.own(text).map { " (\($0))" } ?? "")" }
        self.init(
            kind, doing: request.doing, said: told,
            status: status, code: code,
            requestID: ["X-Request-Id", "X-Amzn-Trace-Id", "X-Amz-Cf-Id"].lazy.compactMap { headers.first(name: $0) }
                .first.map { Redaction.quote($0, limit: 120) },
            retry: kind == .trouble || kind == .throttled ? .soon : .never)
        // Whatever the Hub repeats of us: the token itself is never quoted.
        if let token, token.reveal().utf8.count >= 8 {
            said = said.split(separator: token.reveal(), omittingEmptySubsequences: false).joined(separator: "***")
        }
        if !request.values.isEmpty {
            said = Redaction.hide(request.values, in: said)
            self.code = self.code.map { Redaction.hide(request.values, in: $0) }
        }
        guard isHub else {
            hint = Self.hintOfStorage(kind: kind, code: code)
            return
        }
        hint = Self.hint(kind: kind, status: status, code: code, text: text, request: request, token: token)
    }

    private static func kind(status: Int, code: String?, header: String?, path: String) -> Kind {
        switch code {
        case "RepoNotFound", "RevisionNotFound", "EntryNotFound": return .notFound
        case "GatedRepo": return .forbidden
        default: break
        }
        switch status {
        case 401:
            if header == Self.badCredentials { return .badToken }
            // The Hub says 401 of missing and of private repos alike when it does not know who asks.
            return isOfRepo(path) ? .notFound : .badToken
        case 402: return .plan
        case 403: return .forbidden
        case 404, 410: return .notFound
        case 408: return .trouble
        case 409: return .conflict
        case 412: return .stale
        case 413: return .tooLarge
        case 429: return .throttled
        case 500...: return .trouble
        case 400...: return .invalid
        default: return .unreadable
        }
    }

    /// Whether the answer is that of a server that knows no such address, and not one about a repo, a revision or a file.
    ///
    /// A Hub names what is missing by `X-Error-Code` or in words. Servers answer for addresses that they do not have with their
    /// framework's words, and those say nothing of any repo: FastAPI and Starlette `{"detail":"Not Found"}`, Express "Cannot GET /…",
    /// Go "404 page not found", axum and others nothing at all.
    private static func isMissingFeature(status: Int, code: String?, text: HubErrorText, _ request: HubRequest) -> Bool
    {
        switch status {
        case 501: return true
        case 405: return text.header == nil && code == nil
        case 404:
            guard code == nil, text.header == nil, isFeature(request.path) else { return false }
            var said = text.text.lowercased()
            if said.hasSuffix(".") { said.removeLast() }
            return text.isPage || said.isEmpty || said == "not found" || said == "404 page not found"
                || said == "404 not found" || said.hasPrefix("cannot \(request.method.rawValue.lowercased()) /")
        default: return false
        }
    }

    /// Something that a Hub may have or not have: all but the repos themselves, their revisions and their files, whose absence is told
    /// by the same status.
    private static func isFeature(_ path: String) -> Bool {
        let parts = path.prefix { $0 != "?" }.split(separator: "/")
        guard parts.first == "api" else { return false }
        guard parts.count > 1, ["models", "datasets", "spaces"].contains(parts[1]) else { return true }
        // A list, the catalogue of hardware, a search: no repo is named.
        if parts.count < 4 { return true }
        return parts.count > 4 && !["revision", "tree", "resolve", "paths-info"].contains(parts[4])
    }

    /// What such a server said besides the status.
    private static func own(_ text: HubErrorText) -> String? {
        let plain = ["not found", "404 page not found", "404 not found", "method not allowed", "not implemented"]
        return text.text.isEmpty || text.isPage || plain.contains(text.text.lowercased()) ? nil : text.text
    }

    /// Source: Amazon S3 API reference, "Error responses".
    private static func kindOfStorage(status: Int, code: String?) -> Kind {
        switch code {
        // With status 400: the body did not come in time, or came with other bytes than were announced, and is worth another try.
        case "RequestTimeout": .trouble
        case let code? where changedOnTheWay.contains(code): .trouble
        default: status == 401 ? .forbidden : kind(status: status, code: nil, header: nil, path: "")
        }
    }

    private static let changedOnTheWay: Set<String> = [
        "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch",
    ]

    private static func hintOfStorage(kind: Kind, code: String?) -> String? {
        switch (kind, code) {
        case (_, let code?) where changedOnTheWay.contains(code):
            "the bytes were changed on the way: look at proxies and at the network, then try again"
        case (_, "RequestTimeTooSkewed"): "set this machine's clock"
        case (.forbidden, _): "the address that the Hub gave for it is no longer good; try again"
        case (.notFound, _): "what the Hub pointed to is not there; try again"
        default: nil
        }
    }

    private static let badCredentials = "Invalid credentials in Authorization header"

    /// `/api/spaces/…` and the like, or a file of a repo. Source: `REPO_API_REGEX` of huggingface_hub 2.4.
    private static func isOfRepo(_ path: String) -> Bool {
        ["/api/models/", "/api/datasets/", "/api/spaces/"].contains { path.contains($0) } || path.contains("/resolve/")
    }

    private static func plain(_ status: Int, isPage: Bool, isHub: Bool) -> String {
        let who = isHub ? "the Hub" : "the storage"
        if isPage { return "\(who) answered with a web page" }
        return status >= 500 ? "\(who) has trouble of its own" : "\(who) refused, and did not say why"
    }

    private static func hint(
        kind: Kind, status: Int, code: String?, text: HubErrorText, request: HubRequest, token: Secret?
    ) -> String? {
        if status == 401 || status == 403, let token, isLogin(token), needsAccessToken(request.path) {
            return "this login cannot do that: use an access token with write rights (hf.co/settings/tokens)"
        }
        switch kind {
        case .badToken:
            return token == nil
                ? "give a token: HF_TOKEN, --token or `hf auth login`"
                : "the token is unknown, expired or revoked; make one at hf.co/settings/tokens"
        case .notFound:
            switch code {
            case "RevisionNotFound": return "look at the branch, tag or commit"
            case "EntryNotFound": return "look at the path; capitals count"
            default:
                // Nobody changes anything without a token, whatever the name.
                if token == nil, request.action != nil {
                    return "give a token: HF_TOKEN, --token or `hf auth login`"
                }
                return token == nil
                    ? "look at the name; a private one needs a token"
                    : "look at the name; a private one is only found by a token that may read it"
            }
        case .plan:
            return "the account's plan or credit does not cover this; see hf.co/pricing, or take other hardware"
        case .forbidden:
            if code == "GatedRepo" { return "ask for access on its page on the Hub" }
            if text.text.contains("Access to this resource is disabled") {
                return "the Hub disabled it; write to its support"
            }
            if token == nil { return "give a token: HF_TOKEN, --token or `hf auth login`" }
            return request.right.map { "the token needs \($0)" } ?? "the token lacks a right for this"
        case .stale: return "the branch has moved; read it again and build the change on what is there now"
        case .throttled: return nil
        case .tooLarge: return "send less at once"
        default: return nil
        }
    }

    /// A login by browser or device, or of a CI, in place of an access token.
    private static func isLogin(_ token: Secret) -> Bool {
        token.reveal().hasPrefix("hf_oauth_") || token.reveal().hasPrefix("hf_jwt_")
    }

    /// Calls that the Hub refuses to logins though they read and pause. Source: huggingface_hub issue 4972 (September 2026).
    private static func needsAccessToken(_ path: String) -> Bool {
        path.hasPrefix("/api/spaces/") && ["/restart", "/sleeptime", "/hardware"].contains { path.contains($0) }
    }

    /// Cancelled by whoever asked.
    init(cancelled doing: String) {
        self.init(.cancelled, doing: doing, said: "it was called off")
    }

    /// Cancelled while a call was on its way: a change may have been made all the same.
    init(cancelled request: HubRequest) {
        self.init(cancelled: request.doing)
        guard request.action != nil else { return }
        said = "it was called off when it had been asked for; it may have been done all the same"
        hint = "look at what is there now before you ask again"
    }

    init(unexpected error: any Error, doing: String) {
        switch error {
        case let failure as HubFailure: self = failure
        case let failed as FailedAttempt: self = failed.failure
        case is CancellationError: self.init(cancelled: doing)
        case let failure as Failure:
            self.init(.local, doing: doing, said: failure.because, hint: failure.hint, retry: failure.retry)
        default: self.init(.unreachable, doing: doing, said: Redaction.quote("\(error)"), retry: .soon)
        }
    }
}
