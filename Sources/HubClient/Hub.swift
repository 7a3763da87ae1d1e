import AsyncHTTPClient
import FoundationEssentials
package import Logging
import NIOCore
import NIOHTTP1
import NIOFoundationCompat
package import StokerCore
import Synchronization

/// The Hub, spoken to over HTTPS. One value for a process and account; its areas are extensions, one file each.
///
/// Every call goes through ``send(_:)`` or ``open(_:)``: there the token is added (for Hub hosts only), the windows of the rate limit are
/// kept, redirects followed by hand and failures named.
package final class Hub: Sendable {
    package struct Settings: Sendable {
        /// Base address without a trailing slash. Default `https://huggingface.co`, or `HF_ENDPOINT`.
        package var endpoint: String
        package var token: Secret?
        /// `HF_HUB_OFFLINE`: every call fails before it leaves.
        package var offline: Bool
        /// First part of the `User-Agent`.
        package var agent: String
        /// Default: those of the process's environment.
        package var proxies = HubProxies(ProcessInfo.processInfo.environment)
        /// A person waits for it: what waiting seldom mends (nobody listens on this machine, a name that is not known) is tried twice
        /// and not six times. Default false.
        package var isInteractive = false
        package init(
            endpoint: String = HubEndpoint.official, token: Secret? = nil, offline: Bool = false,
            agent: String = "stoker"
        ) {
            var endpoint = endpoint
            while endpoint.hasSuffix("/") { endpoint.removeLast() }
            self.endpoint = endpoint
            self.token = token
            self.offline = offline
            self.agent = agent
        }
    }

    package let settings: Settings
    package let pace: HubRateLimiter
    let logger: Logger
    /// Who gets the token.
    let origins: Set<WebOrigin>
    /// 0 to 1, for waits.
    let jitter: @Sendable () -> Double
    /// Told before a call is made again.
    let onRepeat: (@Sendable (HubRepeat) -> Void)?
    /// Topics of `X-HF-Warning` that were told.
    let warned = Mutex<Set<String>>([])
    let remembered = Mutex(HubCache())
    /// One for each ``HubRequest/idle`` and proxy, since the library sets them per client.
    private let clients = Mutex<[ClientKey: HTTPClient]?>([:])
    private struct ClientKey: Hashable {
        var idle: Duration?
        var proxy: HubProxies.Proxy?
    }

    /// - Parameters:
    ///   - jitter: 0 to 1, makes waits before a repeat up to a quarter longer. Default random.
    ///   - onRepeat: told before each wait for a repeat, and before one for the Hub's windows or quotas of three seconds and more.
    package init(
        _ settings: Settings, pace: HubRateLimiter = HubRateLimiter(), logger: Logger,
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0...1) },
        onRepeat: (@Sendable (HubRepeat) -> Void)? = nil
    ) {
        self.settings = settings
        self.pace = pace
        self.logger = logger
        self.jitter = jitter
        self.onRepeat = onRepeat
        let own = try? WebOrigin(settings.endpoint)  // one that is none is refused by the first call
        origins = HubEndpoint.knownOrigins.union(own.map { [$0] } ?? [])
        if settings.token != nil, let own, own.isReadableOnTheWay {
            logger.warning(
                "the token travels unencrypted: the Hub's address is plain http", metadata: ["host": "\(own.host)"])
        }
    }

    /// Throws when the Hub was shut down.
    func client(idle: Duration?, for origin: WebOrigin) throws -> HTTPClient {
        let key = ClientKey(idle: idle, proxy: settings.proxies.proxy(for: origin))
        return try clients.withLock { clients in
            guard let known = clients else {
                throw HubFailure(.refusedByUs, doing: "speak to the Hub", said: "the connection was shut down")
            }
            if let client = known[key] { return client }
            let client = HTTPClient(
                eventLoopGroupProvider: .singleton, configuration: Self.configuration(idle: key.idle, proxy: key.proxy))
            clients = known.merging([key: client]) { $1 }
            return client
        }
    }

    static func configuration(idle: Duration?, proxy: HubProxies.Proxy?) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        configuration.timeout.read = idle.map { .nanoseconds($0.nanoseconds) }
        configuration.timeout.write = idle.map { .nanoseconds($0.nanoseconds) }
        // With HTTP/2 all calls to a host share a connection. One that died without a word ends none of them but by their timeouts, and
        // the library goes on using it, so that every repeat would be lost as well. With HTTP/1.1 a repeat takes another connection.
        configuration.httpVersion = .http1Only
        // One for each lane of an upload or download (32 at most) and for what is asked beside them; whoever finds none free would fail.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        // Our own repeats know what may be repeated; the library's would hide a refused connection for ten seconds.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Shorter than what proxies keep, so that a call is seldom sent into a connection that is being closed.
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.proxy = proxy?.configuration
        return configuration
    }

    /// Closes the connections. The value cannot be used afterwards.
    package func shutdown() async throws {
        let all = clients.withLock { clients in
            defer { clients = nil }
            return Array((clients ?? [:]).values)
        }
        for client in all { try await client.shutdown() }
    }

    /// Sends a request and reads the answer, at most 64 MiB of it. Throws for every status from 400 on that is not in ``HubRequest/accepted``.
    package func send(_ request: HubRequest) async throws(HubFailure) -> HubAnswer {
        try await perform(request) { stream, left in
            let body = try await readBefore(left) {
                var body = ByteBuffer()
                for try await piece in stream.pieces {
                    body.writeImmutableBuffer(piece)
                    if body.readableBytes > 64 << 20 {
                        throw HubFailure(
                            .unreadable, doing: request.doing, said: "the answer is longer than 64 MiB",
                            status: stream.status)
                    }
                }
                return body
            }
            var answer = HubAnswer(status: stream.status, headers: stream.headers, body: body, url: stream.url)
            answer.wasRedirected = stream.wasRedirected
            return answer
        }
    }

    /// Sends a request and decodes the JSON of the answer.
    package func value<Value: Decodable>(_ request: HubRequest, as type: Value.Type = Value.self)
        async throws(HubFailure)
        -> Value
    {
        try await send(request).decoded(as: type, doing: request.doing)
    }
}

extension HubAnswer {
    /// The body as JSON; a page in place of JSON is the Hub's trouble, not ours.
    package func decoded<Value: Decodable>(as type: Value.Type = Value.self, doing: String) throws(HubFailure) -> Value
    {
        do {
            return try JSONDecoder().decode(type, from: Data(buffer: body))
        } catch {
            throw HubFailure(
                .unreadable, doing: doing, said: Self.unreadable(error), status: status)
        }
    }
}

extension HubAnswer {
    /// For answers that nothing is read from: empty, text or JSON, they say that it was done. A page is somebody else's answer, whatever
    /// its status.
    func refusePage(doing: String) throws(HubFailure) {
        let isPage = headers.first(name: "Content-Type")?.lowercased().contains("html") ?? false
        guard isPage || body.readableBytesView.first(where: { $0 > 0x20 }) == UInt8(ascii: "<") else { return }
        throw HubFailure(
            .unreadable, doing: doing, said: "a web page came in place of the Hub's answer", status: status)
    }

    /// Tells where the JSON is not as we know it, without quoting it.
    private static func unreadable(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "the answer is not JSON" }
        let (path, what): ([any CodingKey], String) =
            switch error {
            case .keyNotFound(let key, let context): (context.codingPath + [key], "is missing")
            case .typeMismatch(_, let context): (context.codingPath, "is of another kind")
            case .valueNotFound(_, let context): (context.codingPath, "is null")
            case .dataCorrupted(let context): (context.codingPath, "cannot be read")
            @unknown default: ([], "cannot be read")
            }
        if path.isEmpty { return "the answer is not the JSON we know" }
        let place = path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return "the answer is not the JSON we know: \(Redaction.quote(place, limit: 100)) \(what)"
    }
}

extension HubRequest.Body {
    /// The value as JSON.
    package static func json(encoding value: some Encodable & Sendable) -> Self {
        // Only floats that are not finite cannot be encoded, and no request of ours has floats.
        guard let data = try? JSONEncoder.stable.encode(value) else { return .none }
        return .json(ByteBuffer(bytes: data))
    }
}

/// A call that got no answer, or one that says "later", and is made again.
package struct HubRepeat: Sendable {
    package var doing: String
    package var because: String
    package var wait: Duration
}

/// What is asked once and kept.
struct HubCache: Sendable {
    var whoami: (value: HubIdentity, at: Duration)?
}
