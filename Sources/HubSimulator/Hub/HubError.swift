package import HTTPTypes
import Hummingbird

/// An answer that is not the one hoped for, in the Hub's own form: a body with `error`, the same text in
/// `X-Error-Message`, a code in `X-Error-Code`. Source: huggingface_hub `utils/_http.py` `hf_raise_for_status`.
package struct HubError: Error, Sendable {
    package var status: HTTPResponse.Status
    package var code: String?
    package var message: String
    /// Overrides `{"error": message}`.
    package var body: JSON?
    package var headers: HTTPFields = [:]

    package init(
        _ status: HTTPResponse.Status, _ message: String, code: String? = nil, body: JSON? = nil,
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.message = message
        self.code = code
        self.body = body
        self.headers = headers
    }

    /// A repository that is not there, or that this caller may not know of. Anonymous callers get 401 for either.
    /// Source: hub-docs; huggingface_hub `RepositoryNotFoundError`.
    package static func noRepo(anonymous: Bool) -> HubError {
        anonymous
            ? HubError(.unauthorized, "Invalid username or password.", code: "RepoNotFound")
            : HubError(.notFound, "Repository not found", code: "RepoNotFound")
    }
    package static func noRevision(_ name: String) -> HubError {
        HubError(.notFound, "Invalid rev id: \(name)", code: "RevisionNotFound")
    }
    package static func noEntry(_ path: String, commit: String) -> HubError {
        var headers = HTTPFields()
        headers[.repoCommit] = commit
        return HubError(.notFound, "Entry not found", code: "EntryNotFound", headers: headers)
    }
    /// It exists, and its files are for those that were let in. Source: huggingface_hub `GatedRepoError`; hub-docs `models-gated`; the texts
    /// are quoted in its issues.
    static func gated(_ repo: HubRepo, anonymous: Bool, endpoint: String) -> HubError {
        let name = "\(repo.kind.rawValue) \(repo.fullName)"
        return anonymous
            ? HubError(
                .unauthorized,
                "Access to \(name) is restricted. You must have access to it and be authenticated to access it. Please log in.",
                code: "GatedRepo")
            : HubError(
                .forbidden,
                "Access to \(name) is restricted and you are not in the authorized list. Visit \(endpoint)/\(repo.kind.webPrefix)\(repo.fullName) to ask for access.",
                code: "GatedRepo")
    }
    package static func bad(_ message: String) -> HubError { HubError(.badRequest, message) }
    package static func forbidden(_ message: String) -> HubError { HubError(.forbidden, message) }
    package static let badToken = HubError(
        .unauthorized, "Invalid credentials in Authorization header", body: ["error": "Invalid user token"])
    package static let needsToken = HubError(.unauthorized, "Invalid username or password.")

    /// Where a renamed repository lives now; the query is kept.
    static func moved(to location: String) -> HubError {
        HubError(.temporaryRedirect, "Temporary Redirect. Redirecting to \(location)", headers: [.location: location])
    }

    func response() throws -> Response {
        var headers = headers
        headers[.errorMessage] = headers[.location] == nil ? Self.headerText(message) : nil
        if let code { headers[.errorCode] = code }
        headers[.contentType] = "application/json; charset=utf-8"
        let content = try (body ?? ["error": .string(message)]).encoded()
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: content)))
    }

    /// A header holds one line of visible ASCII.
    private static func headerText(_ text: String) -> String {
        let short = text.unicodeScalars.prefix(Bounds.headerText)
        return String(String.UnicodeScalarView(short.map { (32..<127).contains($0.value) ? $0 : " " }))
    }
}

/// Constants that are names, as every test that sees one of them knows.
extension HTTPField.Name {
    package static let errorCode = HTTPField.Name("X-Error-Code")!
    package static let errorMessage = HTTPField.Name("X-Error-Message")!
    package static let requestID = HTTPField.Name("X-Request-Id")!
    package static let traceID = HTTPField.Name("X-Amzn-Trace-Id")!
    package static let poweredBy = HTTPField.Name("X-Powered-By")!
    package static let rateLimit = HTTPField.Name("RateLimit")!
    package static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")!
    package static let repoCommit = HTTPField.Name("X-Repo-Commit")!
    package static let linkedSize = HTTPField.Name("X-Linked-Size")!
    package static let linkedETag = HTTPField.Name("X-Linked-Etag")!
    package static let link = HTTPField.Name("Link")!
    package static let totalCount = HTTPField.Name("X-Total-Count")!
    static let gitProtocol = HTTPField.Name("Git-Protocol")!
}
