import Crypto
import FoundationEssentials
import HTTPTypes
package import Hummingbird
import NIOCore
import NIOFoundationCompat
import Synchronization

/// The faults of a scene, met one request at a time, and the journal of what happened.
package final class FaultBoard: HubFaults {
    package let journal = Journal()
    private let time: SimulatedTime
    private struct State {
        var faults: [(id: Int, fault: Fault, seen: Int, met: Int)] = []
        var next = 1
        var random: SeededRandom
    }
    private let state: Mutex<State>

    package init(time: SimulatedTime, seed: UInt64) {
        self.time = time
        state = Mutex(State(random: SeededRandom(seed: seed, name: "faults")))
    }

    /// - Returns: what ``remove(_:)`` takes.
    @discardableResult
    package func add(_ fault: Fault) -> Int {
        state.withLock { state in
            defer { state.next += 1 }
            state.faults.append((state.next, fault, 0, 0))
            return state.next
        }
    }
    package func remove(_ id: Int) { state.withLock { $0.faults.removeAll { $0.id == id } } }
    package func clear() { state.withLock { $0.faults = [] } }
    /// Each with how many requests it met.
    package var faults: [(id: Int, fault: Fault, met: Int)] {
        state.withLock { $0.faults.map { ($0.id, $0.fault, $0.met) } }
    }

    /// The first that fits; each counts what fits it.
    private func draw(_ host: Fault.Host, method: String, path: String, account: String?) -> (id: Int, fault: Fault)? {
        state.withLock { state in
            for index in state.faults.indices {
                let fault = state.faults[index].fault
                guard fault.host == host, fault.fits(method: method, path: path, account: account) else { continue }
                state.faults[index].seen += 1
                if state.faults[index].seen <= fault.skip { continue }
                if let times = fault.times, state.faults[index].met >= times { continue }
                if fault.chance < 1, Double.random(in: 0..<1, using: &state.random) >= fault.chance { continue }
                state.faults[index].met += 1
                return (state.faults[index].id, fault)
            }
            return nil
        }
    }

    package func around(
        _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        try await around(.hub, request, context, next: next)
    }

    package func aroundStorage(
        _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        try await around(.storage, request, context, next: next)
    }

    private func around(
        _ host: Fault.Host, _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        let account = context.caller?.account.name
        let number = note(host, request, account: account)
        var request = request
        let hash = BodyHash(keeping: journal.bodyLimit)
        if request.method != .get, request.method != .head {
            request.body = RequestBody(
                asyncSequence: request.body.map { buffer in
                    hash.add(buffer)
                    return buffer
                })
        }
        let drawn = draw(host, method: request.method.rawValue, path: path, account: account)
        defer {
            let (bytes, digest) = hash.end
            journal.change(number) { entry in
                entry.bodyBytes = bytes
                entry.bodySHA256 = digest
                entry.body = hash.text
                entry.fault = drawn?.fault.name
            }
        }
        do {
            let response = try await meet(drawn, request, context, next: next)
            journal.change(number) { $0.status = response.status.code }
            return response
        } catch let error as HubError {
            journal.change(number) { $0.status = error.status.code }
            throw error
        }
    }

    package func refused(_ request: Request, _ context: HubContext, _ response: Response) {
        let number = note(.hub, request, account: context.caller?.account.name)
        journal.change(number) { $0.status = response.status.code }
    }

    private func note(_ host: Fault.Host, _ request: Request, account: String?) -> Int {
        var headers: [String: String] = [:]
        for name in [
            "user-agent", "content-type", "accept", "accept-encoding", "range", "if-none-match", "x-amzn-trace-id",
        ] {
            headers[name] = HTTPField.Name(name).flatMap { request.headers[$0] }
        }
        return journal.begin(
            Journal.Entry(
                number: 0, host: host, at: time.now, method: request.method.rawValue,
                path: String(request.uri.path.prefix(Journal.longestText)),
                query: host == .storage ? "" : String((request.uri.query ?? "").prefix(Journal.longestText)),
                account: account,
                headers: headers.mapValues { String($0.prefix(Journal.longestText)) }))
    }

    private func meet(
        _ drawn: (id: Int, fault: Fault)?, _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        switch drawn?.fault.kind {
        case nil: return try await next(request, context)
        case .window(let seconds):
            let (kind, _) = RateKind.of(path: request.uri.path)
            var headers = HTTPFields()
            headers[.rateLimit] = "\"\(kind.rawValue)\";r=0;t=\(seconds)"
            headers[.rateLimitPolicy] = "\"fixed window\";\"\(kind.rawValue)\";q=1000;w=300"
            throw HubError(
                .tooManyRequests, "You have hit the quota of 1000 \(kind.rawValue) requests per 5 minutes",
                headers: headers)
        case .action(let text, let retryAfter):
            var headers = HTTPFields()
            headers[.retryAfter] = retryAfter.map { String($0) }
            throw HubError(.tooManyRequests, text, headers: headers)
        case .status(let code, let message): throw HubError(.init(code: code), message)
        case .html(let code):
            let page = "<html><head><title>\(code)</title></head><body>cloudfront</body></html>"
            return Response(
                status: .init(code: code), headers: [.contentType: "text/html"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: page)))
        case .slow(let wait):
            try await time.sleep(for: wait, on: context.channel.eventLoop)
            return try await next(request, context)
        case .held:
            // Asked again and again, as nothing but a test ever waits here.
            while let id = drawn?.id, state.withLock({ $0.faults.contains { $0.id == id } }),
                context.channel.isActive
            {
                try await Task.sleep(for: .milliseconds(10))
            }
            return try await next(request, context)
        case .cut:
            try await context.channel.close()
            return Response(status: .badGateway)
        case .lost:
            let response = try await next(request, context)
            // Closed already when the client was quicker.
            try? await context.channel.close()
            return Response(status: response.status)
        case .badToken: throw HubError.badToken
        case .empty: return try Response.json([:])
        case .changed: return try await TransferFault.changed.meet(request, context, time: time, next: next)
        case .broken(let limit):
            return try await TransferFault.broken(after: limit).meet(request, context, time: time, next: next)
        case .drip(let speed): return try await TransferFault.drip(speed).meet(request, context, time: time, next: next)
        }
    }
}

/// SHA-256 of what passes.
private final class BodyHash: Sendable {
    private struct State {
        var hash = SHA256()
        var bytes = 0
        var kept: ByteBuffer?
    }
    private let state = Mutex(State())
    private let limit: Int
    /// - Parameter limit: a body that is longer is not kept; 0 keeps none.
    init(keeping limit: Int) { self.limit = limit }

    var text: String? {
        state.withLock { $0.bytes > limit ? nil : $0.kept.map { String(buffer: $0) } }
    }
    func add(_ buffer: ByteBuffer) {
        state.withLock { state in
            state.bytes += buffer.readableBytes
            if state.bytes <= limit {
                state.kept = state.kept ?? ByteBuffer()
                state.kept?.writeImmutableBuffer(buffer)
            }
            buffer.withUnsafeReadableBytes { state.hash.update(bufferPointer: $0) }
        }
    }
    var end: (bytes: Int, digest: String?) {
        state.withLock { state in
            guard state.bytes > 0 else { return (0, nil) }
            let digest = state.hash.finalize()
            return (state.bytes, digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
        }
    }
}
