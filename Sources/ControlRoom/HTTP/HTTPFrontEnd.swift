import Hummingbird
import Logging
import StokerCore

/// What every request passes: names, sizes and permissions are looked at here, and every answer leaves with the headers that
/// keep browsers careful. `/health` is answered on the threshold.
struct HTTPFrontEnd<Inner: HTTPResponder<AppRequestContext>>: HTTPResponder {
    typealias Context = AppRequestContext

    private let inner: Inner
    private let access: Access
    private let pages: Pages
    private let subPath: BasePath
    private let limiter: RateLimiter
    private let headers: HTTPFields
    private let health: Response
    private let logger: Logger
    private let healthHead: Response
    private let ledger: @Sendable () -> LedgerHealth

    init(
        inner: Inner, access: Access, pages: Pages, subPath: BasePath, settings: ControlRoomServer.Settings,
        logger: Logger
    ) {
        self.subPath = subPath
        limiter = RateLimiter(settings.rateLimits)
        self.logger = logger
        self.inner = inner
        self.access = access
        self.pages = pages
        ledger = settings.ledger
        let ancestors = settings.frameAncestors.isEmpty ? "'none'" : settings.frameAncestors.joined(separator: " ")
        headers = [
            HeaderName("Content-Security-Policy")!:
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                + "form-action 'self'; base-uri 'none'; frame-ancestors \(ancestors)",
            .xContentTypeOptions: "nosniff",
            // Not no-referrer: with it browsers send "Origin: null" with our own forms.
            HeaderName("Referrer-Policy")!: "same-origin",
            HeaderName("Cross-Origin-Resource-Policy")!: "same-origin",
            HeaderName("Permissions-Policy")!: "camera=(), geolocation=(), microphone=()",
        ]
        health = Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: #"{"status":"alive"}"#)))
        healthHead = health.createHeadResponse()
    }

    /// Path and query of a request.
    static func isHealth(_ place: String) -> Bool { place == "/health" || place.hasPrefix("/health?") }

    /// Alive all the same: pinging goes on while nothing reaches the disk, but whoever asks shall hear of it.
    private func told(_ health: LedgerHealth) -> Response? {
        guard health != .healthy else { return nil }
        var text = JSONText()
        text.object { text in
            text.key("status")
            text.value("alive")
            text.key("ledger")
            text.object { text in StatusJSON.write(health, [], &text) }
        }
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: text.buffer))
    }

    func respond(to request: Request, context: AppRequestContext) async throws -> Response {
        var request = request
        if let place = request.head.path, case let inside = subPath.inside(place), inside != place {
            var head = request.head
            head.path = inside
            request = Request(head: head, body: request.body)
        }
        // The most frequent request of all, and the one that must be answered whatever else goes on.
        if Self.isHealth(request.head.path ?? "") || request.uri.path == "/health" {
            if request.method == .get { return told(ledger()) ?? health }
            if request.method == .head { return healthHead }
        }
        var response: Response
        if request.method == .head {
            var head = request.head
            head.method = .get
            response = await answer(Request(head: head, body: request.body), context).createHeadResponse()
        } else {
            response = await answer(request, context)
        }
        if let place = response.headers[.location] { response.headers[.location] = subPath.outside(place) }
        for field in headers where !response.headers.contains(field.name) { response.headers.append(field) }
        // A README on another site may show a badge.
        if request.uri.path.hasPrefix("/badge/") {
            response.headers[HeaderName("Cross-Origin-Resource-Policy")!] = "cross-origin"
        }
        return response
    }

    private func answer(_ request: Request, _ context: AppRequestContext) async -> Response {
        var context = context
        context.client = ClientAddress(of: request, peer: context.channel.remoteAddress)
        do throws(Failure) {
            do throws(Failure) { try access.authorize(.open, request) } catch {
                // What agents' clients expect of a name that is not ours (RFC 9110, 15.5.20).
                guard request.uri.path == "/mcp" else { throw error }
                return problem(error, request, context, status: .misdirectedRequest)
            }
            try access.refuseGuess(request, from: context.client)
            // What is called by programs has limits of its own.
            if !request.uri.path.hasPrefix("/api/"), request.uri.path != "/mcp",
                let length = request.headers[.contentLength].flatMap({ Int($0) }), length > context.maxUploadSize
            {
                throw Self.tooLarge(context)
            }
        } catch {
            return problem(error, request, context)
        }
        context.permission = access.permission(for: request, from: context.client)
        if let kind = RateLimits.Kind(request) {
            do throws(Failure) { try limiter.take(kind, from: context.principal) } catch {
                return problem(error, request, context)
            }
        }
        do {
            let visit = context
            let response = try await Principal.$current.withValue(visit.principal) {
                try await inner.respond(to: request, context: visit)
            }
            // The router itself answers what it does not know with a bare status.
            guard response.status.code >= 400, response.body.contentLength == 0 else { return response }
            return problem(
                Self.failure(status: response.status.code, context), request, context, status: response.status)
        } catch let failure as Failure {
            var response = problem(failure, request, context)
            if failure.code == .methodNotAllowed, request.uri.path == "/mcp" { response.headers[.allow] = "POST" }
            return response
        } catch let error as any HTTPResponseError {
            return problem(Self.failure(status: error.status.code, context), request, context, status: error.status)
        } catch is CancellationError {
            return Response(status: .serviceUnavailable)
        } catch {
            logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return problem(
                Failure(
                    .internal, doing: "answer this", because: "something that should not happen did",
                    hint: "the log says more"),
                request, context)
        }
    }

    private static func tooLarge(_ context: AppRequestContext) -> Failure {
        Failure(
            .tooLarge, doing: "read the request", because: "its body is larger than \(context.maxUploadSize) bytes")
    }

    private static func failure(status: Int, _ context: AppRequestContext) -> Failure {
        switch status {
        case 404: Failure(.notFound, doing: "find this page", because: "there is nothing at this address")
        case 405: Failure(.usage, doing: "do this", because: "that method is not known here")
        case 413: tooLarge(context)
        default: Failure(.usage, doing: "answer this", because: "the request was not understood")
        }
    }

    private func problem(
        _ failure: Failure, _ request: Request, _ context: AppRequestContext, status: HTTPResponse.Status? = nil
    ) -> Response {
        let code = status?.code ?? failure.code.httpStatus
        guard Reply.wantsPage(request) else {
            var response = Reply.problem(failure, to: request, id: context.requestID)
            response.status = .init(code: code)
            return response
        }
        if failure.code == .unauthorized, request.method == .get || request.method == .head {
            return Reply.see("/login?next=\(PercentCoding.encoded(request.uri.string))")
        }
        let text = pages.page(
            "error",
            [
                "code": code, "doing": failure.doing, "because": failure.because, "hint": failure.hint ?? "",
                "hasHint": failure.hint != nil,
            ],
            frame: Pages.Frame(title: "\(code) · Stoker", icon: "/icons/offline.svg", kind: "plain"))
        var response = Reply.html(text, status: .init(code: code), to: request)
        Reply.addHints(of: failure, to: &response)
        return response
    }
}
