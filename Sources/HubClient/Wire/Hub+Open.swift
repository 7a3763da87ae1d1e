import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import Runtime
import StokerCore
import Synchronization

extension Hub {
    /// Sends a request and hands out the body as it comes. Throws like ``send(_:)``.
    package func open(_ request: HubRequest) async throws(HubFailure) -> HubStream {
        try await perform(request) { stream, _ in stream }
    }

    /// One call with its repeats. `finish` gets the answer and the time that is left for reading it.
    func perform<Value: Sendable>(
        _ request: HubRequest, finish: @escaping @Sendable (HubStream, Duration) async throws -> Value
    ) async throws(HubFailure) -> Value {
        do {
            return try await repeating(request, finish)
        } catch let failure as HubFailure {
            throw failure
        } catch {
            throw HubFailure(unexpected: error, doing: request.doing)
        }
    }

    private func repeating<Value: Sendable>(
        _ request: HubRequest, _ finish: @escaping @Sendable (HubStream, Duration) async throws -> Value
    ) async throws -> Value {
        try refuseOffline(doing: request.doing)
        var happened = false
        let until = pace.clock.now() + request.patience
        if let action = request.action {
            try await pace.begin(action, until: until, doing: request.doing, waits: tell(of: request))
        }
        defer { if let action = request.action { pace.finish(action, happened: happened) } }

        var repeats = 0
        while true {
            do {
                let value = try await attempt(request, repeats: repeats, until: until, finish)
                happened = true
                if let action = request.action { pace.succeeded(action) }
                return value
            } catch let failed as FailedAttempt {
                happened = happened || failed.mayHaveHappened
                if Task.isCancelled { throw HubFailure(cancelled: request) }
                guard repeats < 5, let wait = wait(after: failed, of: request, repeats: repeats),
                    wait <= request.patience
                else { throw failed.failure }
                logger.debug(
                    "asking the Hub again",
                    metadata: [
                        "doing": "\(request.doing)", "because": "\(failed.failure.said)", "after": "\(wait.text)",
                        "repeat": "\(repeats + 1)",
                    ])
                onRepeat?(HubRepeat(doing: request.doing, because: failed.failure.said, wait: wait))
                try await pace.clock.sleep(wait)
                repeats += 1
            } catch {
                happened = true
                throw error
            }
        }
    }

    /// For what goes to the Hub by another program.
    /// - Throws: `hub.not_sent` when `HF_HUB_OFFLINE` is set.
    package func refuseOffline(doing: String) throws(HubFailure) {
        guard settings.offline else { return }
        throw HubFailure(
            .refusedByUs, doing: doing, said: "HF_HUB_OFFLINE is set", hint: "unset HF_HUB_OFFLINE to use the Hub")
    }

    /// Somebody who looks on should know why nothing happens.
    private func tell(of request: HubRequest) -> (String, Duration) -> Void {
        { [onRepeat] because, wait in onRepeat?(HubRepeat(doing: request.doing, because: because, wait: wait)) }
    }

    /// 1, 2, 4, 8, 8 s as the official client waits.
    static let growing = Backoff(first: .seconds(1), longest: .seconds(8))
    private static let growingWhenRefused = Backoff(first: .seconds(60), doublings: 5)

    private func wait(after failed: FailedAttempt, of request: HubRequest, repeats: Int) -> Duration? {
        let isFree = request.repeats == .freely
        let growing = Self.growing.wait(after: repeats + 1, share: jitter())
        switch failed.again {
        case .no: return nil
        case .unsent(let isSettled): return isSettled && settings.isInteractive && repeats > 0 ? nil : growing
        case .refusedUntil(let wait): return wait
        case .later(let wait): return isFree ? wait ?? growing : nil
        }
    }

    private func attempt<Value: Sendable>(
        _ request: HubRequest, repeats: Int, until: Duration,
        _ finish: @escaping @Sendable (HubStream, Duration) async throws -> Value
    ) async throws -> Value {
        let (stream, left) = try await exchange(request, until: until)
        guard stream.status >= 400, !request.accepted.contains(stream.status) else {
            do {
                return try await finish(stream, left)
            } catch let failed as FailedAttempt {
                throw failed
            } catch let failure as HubFailure where failure.kind != .unreachable {
                throw failure
            } catch let failure as HubFailure {
                throw FailedAttempt(failure, again: .later(nil))
            } catch {
                throw networkFailure(error, request, at: try? WebOrigin(stream.url))
            }
        }
        let body = await head(of: stream, within: min(left, .seconds(10)))
        let limit = RateLimitHeaders(stream.headers)
        let isHub = (try? WebOrigin(stream.url)).map { origins.contains($0) } ?? false
        var failure = HubFailure(
            request, status: stream.status, headers: stream.headers, body: body, token: settings.token, isHub: isHub)
        let retryAfter = RateLimitHeaders.retryAfter(stream.headers).map { $0 + .seconds(1) }
        switch stream.status {
        case 429:
            if let limit, limit.remaining == 0 {
                let wait = Duration.seconds(limit.seconds + 1)
                failure.retry = .after(wait)
                throw FailedAttempt(failure, again: .refusedUntil(wait), mayHaveHappened: false)
            }
            let wait: Duration
            if let action = request.action {
                wait = pace.stop(action.name, said: failure.said, retryAfter: retryAfter)
            } else {
                wait = retryAfter ?? ActionQuota(failure.said)?.wait ?? Self.growingWhenRefused.wait(after: repeats + 1)
            }
            failure.retry = .after(wait)
            throw FailedAttempt(failure, again: .later(wait), mayHaveHappened: false)
        // A storage says 400 when it waited too long for a body.
        case 400 where failure.kind == .trouble, 408, 500, 502, 503, 504:
            failure.retry = retryAfter.map { .after($0) } ?? .soon
            throw FailedAttempt(failure, again: .later(retryAfter))
        default:
            throw FailedAttempt(failure, again: .no, mayHaveHappened: stream.status >= 500)
        }
    }

    /// One way to the Hub and back, over its redirects. Gives the time left of the request's timeout.
    private func exchange(_ request: HubRequest, until: Duration) async throws -> (HubStream, Duration) {
        let start = request.path.hasPrefix("/") ? settings.endpoint + request.path : request.path
        var url = start + HubURL.query(request.query, after: request.path)
        guard var origin = try? WebOrigin(url) else {
            throw HubFailure(
                .refusedByUs, doing: request.doing, said: "\(HubURL.shown(url)) is no http or https address")
        }
        var method = request.method
        var body = request.body
        var headers = request.headers
        var left = request.timeout
        var redirected = false
        for _ in 0...Self.maxRedirects {
            let isHub = origins.contains(origin)
            let bucket = isHub ? Self.bucket(of: url, endpoint: settings.endpoint) : nil
            if let bucket {
                do {
                    try await pace.admit(
                        bucket, urgent: request.isUrgent, until: until, doing: request.doing, waits: tell(of: request))
                } catch {
                    // Nothing has left yet, or only what was pointed elsewhere.
                    throw FailedAttempt(
                        HubFailure(unexpected: error, doing: request.doing), again: .no, mayHaveHappened: false)
                }
            }
            let answer: HTTPClientResponse
            let clock = ContinuousClock()
            let began = clock.now
            do {
                let wire = try wire(url, method, headers, body, isHub: isHub, sendsToken: request.sendsToken)
                answer = try await client(idle: request.idle, for: origin)
                    .execute(wire, deadline: .now() + .nanoseconds(max(left, .zero).nanoseconds))
            } catch {
                if let bucket { pace.lost(bucket: bucket) }
                throw networkFailure(error, request, at: origin)
            }
            left -= began.duration(to: clock.now)
            let status = Int(answer.status.code)
            if isHub {
                pace.heard(RateLimitHeaders(answer.headers), bucket: bucket ?? "", status: status)
                warn(answer.headers)
            }
            let stream = HubStream(
                status: status, headers: answer.headers, url: url,
                pieces: HubBodyChunks(body: answer.body, doing: request.doing, idle: request.idle),
                wasRedirected: redirected)
            guard [301, 302, 303, 307, 308].contains(status), request.redirects != .none,
                let location = answer.headers.first(name: "Location")
            else { return (stream, left) }
            guard let next = HubURL.resolve(location, from: url), let target = try? WebOrigin(next) else {
                throw HubFailure(
                    .unreadable, doing: request.doing, said: "the Hub points to an address that is none", status: status
                )
            }
            if request.redirects == .withinHub, !origins.contains(target) { return (stream, left) }
            if origin.scheme == .https, target.scheme == .http {
                throw HubFailure(
                    .refusedByUs, doing: request.doing,
                    said: "\(origin.host) points from https to http, where anybody could read along", status: status)
            }
            // Read to its end, so that the connection can be used again.
            _ = await head(of: stream, within: min(left, .seconds(5)))
            if target != origin {
                // A body may be a secret. Only a storage that was spoken to in the first place may point to another one.
                let staysHome = isHub && origins.contains(target)
                guard staysHome || method == .GET || method == .HEAD || !isHub && status >= 307 else {
                    throw HubFailure(
                        .refusedByUs, doing: request.doing,
                        said: "the Hub points a \(method.rawValue) to \(target.host), which is not the Hub",
                        status: status)
                }
                headers = Self.travelling(headers)
            }
            // A browser would make a GET of a POST here, for 301 and 302 too: on the Hub that would be a change that silently
            // did not happen. A renamed repo wants the same request at its new place.
            if status == 303, method != .HEAD {
                method = .GET
                body = .none
            }
            url = next
            origin = target
            redirected = true
        }
        throw HubFailure(
            .unreadable, doing: request.doing, said: "the Hub points on more than \(Self.maxRedirects) times")
    }

    static let maxRedirects = 10

    /// What may be told another host than the one it was meant for.
    private static func travelling(_ headers: HTTPHeaders) -> HTTPHeaders {
        let harmless: Set<String> = [
            "accept", "accept-encoding", "content-type", "if-match", "if-none-match", "if-range", "range",
        ]
        return HTTPHeaders(headers.filter { harmless.contains($0.name.lowercased()) }.map { ($0.name, $0.value) })
    }

    private func wire(
        _ url: String, _ method: HTTPMethod, _ headers: HTTPHeaders, _ body: HubRequest.Body, isHub: Bool,
        sendsToken: Bool
    ) throws -> HTTPClientRequest {
        var wire = HTTPClientRequest(url: url)
        wire.method = method
        wire.headers = headers
        if !headers.contains(name: "User-Agent") { wire.headers.add(name: "User-Agent", value: settings.agent) }
        // The Hub may compress what nobody asked it to; lengths and hashes are then those of something else.
        if !headers.contains(name: "Accept") { wire.headers.add(name: "Accept", value: "*/*") }
        if !headers.contains(name: "Accept-Encoding") { wire.headers.add(name: "Accept-Encoding", value: "identity") }
        if isHub {
            wire.headers.replaceOrAdd(name: "X-Amzn-Trace-Id", value: UUID().uuidString.lowercased())
            if sendsToken, let token = settings.token, !headers.contains(name: "Authorization") {
                wire.headers.add(name: "Authorization", value: "Bearer \(token.reveal())")
            }
        }
        func type(_ type: String) {
            if !headers.contains(name: "Content-Type") { wire.headers.add(name: "Content-Type", value: type) }
        }
        switch body {
        case .none: break
        case .json(let bytes):
            type("application/json")
            wire.body = .bytes(bytes)
        case .form(let fields):
            type("application/x-www-form-urlencoded")
            wire.body = .bytes(ByteBuffer(string: HubURL.form(fields)))
        case .bytes(let bytes, let kind):
            type(kind)
            wire.body = .bytes(bytes)
        case .pieces(let length, let kind, let make):
            type(kind)
            do {
                wire.body = .stream(SentPieces(base: try make()), length: .known(length))
            } catch {
                throw BrokenBody(cause: error)
            }
        }
        return wire
    }

    /// The first 64 KiB of a body, or what of it came in time.
    private func head(of stream: HubStream, within limit: Duration) async -> ByteBuffer {
        // What cannot be read of an error's text is no reason to lose the error.
        let body = try? await readBefore(limit) {
            var body = ByteBuffer()
            for try await var piece in stream.pieces {
                guard let part = piece.readSlice(length: min(piece.readableBytes, 65_536 - body.readableBytes)) else {
                    break
                }
                body.writeImmutableBuffer(part)
                if body.readableBytes >= 65_536 { break }
            }
            return body
        }
        return body ?? ByteBuffer()
    }

    /// Which window of the Hub a call counts against.
    static func bucket(of url: String, endpoint: String) -> String {
        let path = url.hasPrefix(endpoint) ? url.dropFirst(endpoint.count) : url.drop { $0 != "/" }
        let end = path.firstIndex { $0 == "?" } ?? path.endIndex
        // Files of a fixed commit are answered by a resolver too, though their path looks otherwise. Source: hub-docs, rate limits.
        if path[..<end].contains("/resolve/") || path[..<end].contains("/api/resolve-cache/") { return "resolvers" }
        return path[..<end].contains("/api/") ? "api" : "pages"
    }

    /// `X-HF-Warning: topic; message`, each topic once, as the official client does.
    private func warn(_ headers: HTTPHeaders) {
        for line in headers["X-HF-Warning"] {
            let halves = line.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
            let topic = halves.count == 2 ? Redaction.quote(halves[0], limit: 80) : ""
            let message = Redaction.quote(halves[halves.count - 1])
            guard !message.isEmpty else { continue }
            let isNew = warned.withLock { $0.count < 100 && $0.insert(topic).inserted }
            if isNew { logger.warning("the Hub warns", metadata: ["topic": "\(topic)", "message": "\(message)"]) }
        }
    }
}

/// An attempt that may be made again.
struct FailedAttempt: Error {
    enum Again {
        case no
        /// Nothing reached the Hub. Settled: it will most likely be so in a moment too.
        case unsent(isSettled: Bool)
        /// The Hub did nothing and named a time.
        case refusedUntil(Duration)
        /// Unknown, or refused for a while: only what may be repeated freely.
        case later(Duration?)
    }
    var failure: HubFailure
    var again: Again
    var mayHaveHappened: Bool
    init(_ failure: HubFailure, again: Again, mayHaveHappened: Bool = true) {
        self.failure = failure
        self.again = again
        self.mayHaveHappened = mayHaveHappened
    }
}

/// What we were to send could not be read.
struct BrokenBody: Error {
    let cause: any Error
}

/// Tells trouble of our own source from that of the network.
private struct SentPieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let base: AsyncThrowingStream<ByteBuffer, any Error>
    func makeAsyncIterator() -> Iterator { Iterator(base: base.makeAsyncIterator()) }
    struct Iterator: AsyncIteratorProtocol {
        var base: AsyncThrowingStream<ByteBuffer, any Error>.Iterator
        @concurrent mutating func next() async throws -> ByteBuffer? {
            do {
                return try await base.next()
            } catch {
                throw BrokenBody(cause: error)
            }
        }
    }
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}

/// Runs `work`, and cancels it when it takes longer than `limit` of real time: network waits are not virtual.
func readBefore<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    guard let value = try await withTimeout(limit, work) else { throw TookTooLong(limit: limit) }
    return value
}

struct TookTooLong: Error {
    let limit: Duration
}
