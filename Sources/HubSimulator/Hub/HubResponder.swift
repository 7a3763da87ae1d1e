package import Hummingbird
import HTTPTypes
import Logging

/// What every answer has in common: who asks, how much he may still ask, errors in the Hub's form, the request's id.
package struct HubResponder: HTTPResponder {
    let hub: SimulatedHub
    let inner: any HTTPResponder<HubContext>

    package func respond(to request: Request, context: HubContext) async throws -> Response {
        // Scenes are arranged from outside the story: not counted, not hindered.
        if request.uri.path.hasPrefix("/-/") { return try await serve(request, context) }
        var context = context
        // A caller's own request id is answered as it is (huggingface_hub `test_utils_http.py`); his trace id is appended to the
        // platform's (its recordings).
        context.requestID =
            request.headers[.requestID] ?? hub.nextRequestID() + (request.headers[.traceID].map { ";" + $0 } ?? "")
        var reading: RateWindows.Reading?
        var response: Response
        var isRefused = true
        do {
            // There an app proves itself, by its own name and secret.
            let header = request.uri.path == "/oauth/token" ? nil : request.headers[.authorization]
            let (caller, credentials) = await hub.state.authenticate(header)
            context.caller = caller
            let (kind, counted) = RateKind.of(path: request.uri.path)
            let taken = await hub.state.countRequest(kind, caller: caller, counts: counted)
            reading = taken
            if credentials == .bad { throw HubError.badToken }
            if taken.exhausted { throw Self.exhausted(taken) }
            isRefused = false
            if let faults = hub.configuration.faults {
                response = try await faults.around(request, context) { try await self.serve($0, $1) }
            } else {
                response = try await serve(request, context)
            }
        } catch let error as HubError {
            response = try error.response()
            if isRefused { hub.configuration.faults?.refused(request, context, response) }
        }
        response.headers[.requestID] = context.requestID
        response.headers[.poweredBy] = "huggingface-moon"
        // A fault may tell of another window.
        if let reading, response.headers[.rateLimit] == nil {
            response.headers[.rateLimit] = reading.header
            response.headers[.rateLimitPolicy] = reading.policy
        }
        try await hub.travel(context)
        // Errors have bodies too; the length stays as it would have been.
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// Errors become answers here, so that faults see what a client would see.
    private func serve(_ request: Request, _ context: HubContext) async throws -> Response {
        do {
            let response = try await inner.respond(to: request, context: context)
            // No route: the router says so without a word.
            guard response.status == .notFound, response.headers[.contentType] == nil else { return response }
            throw Self.asksForRepo(request.uri.path)
                ? HubError.noRepo(anonymous: context.caller == nil)
                : HubError(.notFound, "Sorry, we can't find the page you are looking for.")
        } catch let error as HubError {
            return try error.response()
        } catch let error as HTTPError {
            let message = error.body ?? "Sorry, we can't find the page you are looking for."
            return try HubError(error.status, message).response()
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as any HTTPResponseError {
            return try HubError(error.status, "Bad request").response()
        } catch {
            hub.logger.warning("the simulator failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return try HubError(
                .internalServerError, "Internal Error - We're working hard to fix this as soon as possible!"
            )
            .response()
        }
    }

    /// A name of one part (`gpt2`) can be a repository, though there is none here. Source: huggingface_hub tests that ask for names that do
    /// not exist.
    private static func asksForRepo(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        if parts.first == "api", parts.count > 2 { return RepoKind(plural: String(parts[1])) != nil }
        let rest = parts.first.flatMap { RepoKind(plural: String($0)) } == nil ? parts[...] : parts.dropFirst()
        return rest.count > 3 && rest.dropFirst().first == "resolve"
    }

    private static func exhausted(_ reading: RateWindows.Reading) -> HubError {
        HubError(
            .tooManyRequests,
            "You have hit the quota of \(reading.quota) \(reading.kind.rawValue) requests per 5 minutes")
    }
}

extension SimulatedHub {
    /// An answer's way to a client: ``HubConfiguration/distance``.
    func travel(_ context: HubContext) async throws {
        guard configuration.distance > .zero else { return }
        try await configuration.time.sleep(for: configuration.distance, on: context.channel.eventLoop)
    }
}
