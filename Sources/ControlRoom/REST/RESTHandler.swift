package import Hummingbird
import Logging
import NIOCore
package import Operations
package import StokerCore

/// Everything below `/api`, made from ``Operation/all``.
///
/// - Parameters:
///   - token: the one that `authorize` knows; heartbeats' keys are made from it. See ``HeartbeatKeys``.
///   - admitKey: told of each key of a heartbeat and whether it opens; throws while its sender has to wait.
///   - principal: who sends a request; what he may follows from it.
///   - authorize: throws unless the request's sender may read, or write. Called before anything of the request is used;
///     for a heartbeat with its right key it is not called.
package func addREST<Context: RequestContext>(
    to router: Router<Context>, context: OperationContext, token: Secret?,
    admitKey: @escaping RESTHandler.AdmitKey = { _, _, _ in },
    principal: @escaping @Sendable (_ request: Request, _ visit: any RequestContext) -> Principal,
    authorize: @escaping @Sendable (_ permission: Operation.Permission, _ request: Request) throws(Failure) -> Void
) {
    let frontEnd = RESTHandler(
        context: context, token: token, keys: HeartbeatKeys(token: token), admitKey: admitKey, principal: principal,
        authorize: authorize)
    // QUERY: draft-ietf-httpbis-safe-method-w-body.
    let query = HTTPRequest.Method("QUERY").map { [$0] } ?? []
    for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options, .trace, .connect] + query {
        for path in ["api", "api/**"] as [RouterPath] {
            router.on(path, method: method) { request, visit in
                await frontEnd.answer(request, visit)
            }
        }
    }
}

/// Answers what is asked for under `/api`: finds the operation of an address, checks the right to it, reads its inputs and calls it.
package struct RESTHandler: Sendable {
    /// Told of each key of a heartbeat and whether it opens. - Throws: while its sender has to wait.
    package typealias AdmitKey =
        @Sendable (_ key: String, _ isRight: Bool, _ visit: any RequestContext) throws(Failure) -> Void

    let context: OperationContext
    let keys: HeartbeatKeys
    let admitKey: AdmitKey
    let principal: @Sendable (Request, any RequestContext) -> Principal
    let authorize: @Sendable (Operation.Permission, Request) throws(Failure) -> Void
    private let table = RouteTable()
    private let idempotencyKeys: IdempotencyKeys

    init(
        context: OperationContext, token: Secret?, keys: HeartbeatKeys, admitKey: @escaping AdmitKey,
        principal: @escaping @Sendable (Request, any RequestContext) -> Principal,
        authorize: @escaping @Sendable (Operation.Permission, Request) throws(Failure) -> Void
    ) {
        self.context = context
        self.keys = keys
        idempotencyKeys = IdempotencyKeys(token: token)
        self.admitKey = admitKey
        self.principal = principal
        self.authorize = authorize
    }

    func answer(_ request: Request, _ visit: some RequestContext) async -> Response {
        var response: Response
        do throws(Failure) {
            response = try await respond(request, visit)
        } catch {
            if error.code.httpStatus >= 500 {
                visit.logger.error(
                    "a request failed",
                    metadata: ["code": "\(error.code)", "failure": "\(error)", "path": "\(visit.endpointPath ?? "")"])
            }
            response = Answers.failure(error, requestID: visit.requestID)
            if error.code == .methodNotAllowed {
                response.headers[.allow] = allowed(for: request).map(\.rawValue).joined(separator: ", ")
            }
        }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func path(of request: Request) -> String {
        request.uri.path.split(separator: "/").dropFirst().joined(separator: "/")
    }

    private func allowed(for request: Request) -> [HTTPRequest.Method] {
        var seen: [HTTPRequest.Method] = []
        for match in table.matches(path(of: request)) {
            for method in match.route.methods where !seen.contains(method) { seen.append(method) }
        }
        return seen
    }

    private func respond(_ request: Request, _ visit: some RequestContext) async throws(Failure) -> Response {
        let matches = table.matches(path(of: request))
        guard let match = matches.first(where: { $0.route.methods.contains(request.method) }) else {
            // Also the answer to strangers of a private server: it tells no more than the public documentation.
            if matches.isEmpty {
                let near =
                    table.nearest(to: request.uri.path).map { "did you mean \($0.methods[0]) \($0.template)? " } ?? ""
                throw Failure(
                    .notFound, doing: "answer \(request.method) \(request.uri.path.shortened)",
                    because: "there is no such address",
                    hint: "\(near)All are listed in /api/v1/openapi.json")
            }
            let allowed = allowed(for: request).map(\.rawValue).joined(separator: ", ")
            throw Failure(
                .methodNotAllowed, doing: "answer \(request.method) \(request.uri.path.shortened)",
                because: "this address takes \(allowed)")
        }
        // For metrics and the access log: bounded, whatever strangers ask for.
        visit.coreContext.endpointPath.value = match.route.template
        try RequestReading.refuseTooLarge(request, for: match.route.target)
        switch match.route.target {
        case .openAPI:
            try authorize(.read, request)
            return Answers.json(bytes: OpenAPI.bytes)
        case .operation(let operation):
            try authorize(operation.permission, request)
            let caller = RequestCaller(
                principal: principal(request, visit),
                // HEAD takes no body, so nothing would read what comes.
                follows: request.method == .head ? nil : ProgressFormat(accepted: request))
            var given = try inputs(in: match, doing: operation.doing)
            given += try RequestReading.pairs(request.uri.query ?? "", doing: operation.doing)
            if operation.method != .get {
                given += try await RequestReading.body(
                    of: request, doing: operation.doing, limit: operation.bodyLimit)
            }
            guard operation.effect != .read, let key = request.headers[.idempotencyKey] else {
                return try await perform(operation, given, for: caller, requestID: visit.requestID)
            }
            return try await performOnce(operation, given, for: caller, key: key, request, visit)
        case .beat(let signal):
            return try await beat(signal, match, request, visit)
        }
    }

    private func beat(
        _ signal: String?, _ match: RouteTable.Match, _ request: Request, _ visit: some RequestContext
    ) async throws(Failure) -> Response {
        let doing = Operation.beat.doing
        let name = try inputs(in: match, doing: doing).first?.value.string ?? ""
        let query = try RequestReading.pairs(request.uri.query ?? "", doing: doing)
        let key = query.first { $0.name == "key" }?.value.string
        if let key, keys.opens(name, with: key) {
            try admitKey(key, true, visit)
        } else {
            do throws(Failure) {
                try authorize(.beat, request)
            } catch {
                if let key { try admitKey(key, false, visit) }
                throw Failure(
                    error.code, doing: doing,
                    because: key == nil ? error.because : "the key is not this heartbeat's",
                    hint:
                        "call the address that `stoker status NAME --heartbeat` shows, or send the token as a Bearer header",
                    retry: error.retry
                )
            }
        }
        var given = BeatInputs(of: signal, code: match.code)
        try given.add(query: query.filter { $0.name != "key" })
        try given.add(body: try await RequestReading.beatBody(of: request, saysSignal: signal != nil, doing: doing))
        given.caller = request.headers[.userAgent]
        let inputs = given.inputs(name: name)
        guard request.method == .post, let key = request.headers[.idempotencyKey] else {
            return Answers.json(try await Operation.beat.call(inputs, in: context))
        }
        return try await once(Operation.beat, inputs, key: key, request, visit) { (whenDone) throws(Failure) in
            let result: Result<JSONValue, Failure>
            do throws(Failure) { result = .success(try await Operation.beat.call(inputs, in: context)) } catch {
                result = .failure(error)
            }
            await whenDone(result)
            return Answers.json(try result.get())
        }
    }

    /// Carries it out unless it was under the same key, and keeps the answer.
    private func performOnce(
        _ operation: Operation, _ given: [(name: String, value: JSONValue)], for caller: RequestCaller, key: String,
        _ request: Request, _ visit: some RequestContext
    ) async throws(Failure) -> Response {
        let requestID = visit.requestID
        return try await once(operation, given, key: key, request, visit, format: caller.format) {
            (whenDone) throws(Failure) in
            try await perform(operation, given, for: caller, requestID: requestID, whenDone: whenDone)
        }
    }

    private func once(
        _ operation: Operation, _ given: [(name: String, value: JSONValue)], key: String, _ request: Request,
        _ visit: some RequestContext, format: ProgressFormat? = nil,
        _ work: (_ whenDone: @escaping @Sendable (Result<JSONValue, Failure>) async -> Void) async throws(Failure) ->
            Response
    ) async throws(Failure) -> Response {
        let key = try IdempotencyKeys.checked(key, doing: operation.doing)
        let sender = principal(request, visit).id
        let (context, logger) = (context, visit.logger)
        switch try await idempotencyKeys.admit(key, of: sender, operation, given, in: context) {
        case .known(let result):
            var response: Response
            switch result {
            case .success(let answer):
                response = format.map { Answers.replayed(answer, in: $0) } ?? Answers.json(answer)
            case .failure(let failure): response = Answers.failure(failure, requestID: visit.requestID)
            }
            response.headers[.idempotencyReplayed] = "true"
            return response
        case .new(let call):
            let keys = idempotencyKeys
            return try await work { result in
                do throws(Failure) { try await keys.settle(call, result, in: context) } catch {
                    logger.warning("the answer to a call with a key cannot be kept", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    private func inputs(
        in match: RouteTable.Match, doing: String
    ) throws(Failure) -> [(name: String, value: JSONValue)] {
        var given: [(name: String, value: JSONValue)] = []
        for (name, raw) in match.parts {
            guard let text = PercentCoding.decoded(raw) else {
                throw Failure(
                    .usage, doing: doing, because: "the \(name) in the address is not percent-encoded UTF-8")
            }
            given.append((name, .string(text)))
        }
        return given
    }
}
