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
        String(String.UnicodeScalarView(text.unicodeScalars.map { (32..<127).contains($0.value) ? $0 : " " }))
    }
}

extension HTTPField.Name {
    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is not a header name") }
        return name
    }
    package static let errorCode = name("X-Error-Code")
    package static let errorMessage = name("X-Error-Message")
    package static let requestID = name("X-Request-Id")
    package static let traceID = name("X-Amzn-Trace-Id")
    package static let poweredBy = name("X-Powered-By")
    package static let rateLimit = name("RateLimit")
    package static let rateLimitPolicy = name("RateLimit-Policy")
    package static let repoCommit = name("X-Repo-Commit")
    package static let linkedSize = name("X-Linked-Size")
    package static let linkedETag = name("X-Linked-Etag")
    package static let link = name("Link")
    package static let totalCount = name("X-Total-Count")
    package static let webhookSecret = name("X-Webhook-Secret")
    static let gitProtocol = name("Git-Protocol")
}
