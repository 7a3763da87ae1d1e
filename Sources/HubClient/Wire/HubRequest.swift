import AsyncHTTPClient
package import NIOCore
package import NIOHTTP1
package import StokerCore

/// One call to the Hub, before it is sent.
package struct HubRequest: Sendable {
    /// What may be done when no answer came, or one that says "try again".
    package enum Repeat: Sendable {
        /// Asking twice changes nothing: up to 5 repeats, as the official client does for its reads (`http_backoff`).
        case freely
        /// Sent once. A lost answer is the caller's to settle, by looking at what is there now.
        case never
    }

    /// What is sent.
    package enum Body: Sendable {
        case none
        case json(ByteBuffer)
        /// Names and values of a form (`application/x-www-form-urlencoded`), before encoding.
        case form([(String, String)])
        /// Bytes with their `Content-Type`.
        case bytes(ByteBuffer, type: String)
        /// Sent in pieces; `length` in bytes. `make` is called once an attempt, so that a repeat begins anew.
        case pieces(
            length: Int64, type: String, make: @Sendable () throws -> AsyncThrowingStream<ByteBuffer, any Error>)
    }

    /// Which account-wide quota the call counts against beyond the plain request windows.
    package enum Action: Sendable, Hashable {
        case commit(repo: RepoID)
        case createRepo
        case restart(space: RepoID)
        /// Any other change of a repo: settings, secrets, branches. Made one at a time for each repo.
        case write(repo: RepoID)
    }

    /// How far answers that point elsewhere are followed.
    package enum Redirects: Sendable {
        /// To any host, 10 times at most. A host that is not the Hub's gets no token.
        case everywhere
        /// Only to Hub hosts. One that leads away is the answer (status 302, `Location`), as reading a file's metadata wants it.
        case withinHub
        case none
    }

    package var method: HTTPMethod
    /// Path on the endpoint, percent-encoded, with its leading slash; or an absolute URL (next page, LFS upload).
    package var path: String
    /// Names and values before encoding, in order.
    package var query: [(String, String)]
    package var headers: HTTPHeaders
    package var body: Body
    /// What we are doing, for errors: "read the runtime of maren/orbit-api".
    package var doing: String
    /// The token right this needs, such as "write access to maren/orbit-api"; named when the Hub refuses.
    package var right: String?
    /// Default: freely for GET and HEAD, else never.
    package var repeats: Repeat
    /// Total, or for streams until the headers. Default 30 s.
    package var timeout: Duration
    /// Default nil: only the request windows count.
    package var action: Action?
    /// Errors that are an answer: they come back as ``HubAnswer`` instead of being thrown.
    package var accepted: Set<Int>
    /// Default ``Redirects/everywhere``.
    package var redirects: Redirects = .everywhere
    /// What the body holds and no error may repeat, such as the value of a secret: the Hub quotes in a refusal what it was sent.
    package var values: [Secret] = []
    /// Goes before calls that are not, when the request window runs short: what a person waits for, or what heals. Default false.
    package var isUrgent = false
    /// When no headers come within ``timeout`` it is not asked again; ``HubFailure/wasSlow`` tells. Default false.
    package var slownessIsAnAnswer = false
    /// Whether the token goes along to addresses of the Hub. False for one that is signed, as the official client has it: a storage that
    /// is reached at the Hub's own address refuses two proofs at once. Default true.
    package var sendsToken = true
    /// Longest time without a byte in either direction before the call counts as lost; nil for none (logs are silent for minutes).
    /// A few different values at most, since each has its own connections. Default nil.
    package var idle: Duration?
    /// The longest that the Hub's windows and quotas may delay the call, counted from its beginning; beyond it, it fails with ``HubFailure/Kind/throttled`` at once.
    /// Default 310 s, a whole window.
    package var patience: Duration = .seconds(310)

    package init(
        _ method: HTTPMethod, _ path: String, doing: String, query: [(String, String)] = [],
        headers: HTTPHeaders = [:], body: Body = .none, right: String? = nil, repeats: Repeat? = nil,
        timeout: Duration = .seconds(30), action: Action? = nil, accepted: Set<Int> = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.doing = doing
        self.right = right
        self.repeats = repeats ?? (method == .GET || method == .HEAD ? .freely : .never)
        self.timeout = timeout
        self.action = action
        self.accepted = accepted
    }
}

/// What the Hub answered, read to its end.
package struct HubAnswer: Sendable {
    /// HTTP status: 2xx, or one of ``HubRequest/accepted``.
    package var status: Int
    package var headers: HTTPHeaders
    package var body: ByteBuffer
    /// Where the answer came from after redirects on the Hub: differs from what was asked when a repo was renamed.
    package var url: String
    /// Ended on another path than was asked for: where a renamed repo is now.
    package var wasRedirected = false

    package init(status: Int, headers: HTTPHeaders, body: ByteBuffer, url: String) {
        self.status = status
        self.headers = headers
        self.body = body
        self.url = url
    }
}

/// An answer whose body is read while it comes.
package struct HubStream: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    /// Where the answer came from after redirects.
    package var url: String
    /// Pieces as they arrive, asked for one by one, so that a slow reader holds the Hub back and memory stays flat.
    package var pieces: HubBodyChunks
    /// Ended on another path than was asked for.
    package var wasRedirected = false
}

/// The body of a ``HubStream``. Ends with the body, throws ``HubFailure`` when it is cut. Dropping it closes the connection.
package struct HubBodyChunks: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    let body: HTTPClientResponse.Body
    let doing: String
    let idle: Duration?

    /// To be called once.
    package func makeAsyncIterator() -> Iterator {
        Iterator(base: body.makeAsyncIterator(), doing: doing, idle: idle)
    }

    /// Asks for one piece at a time.
    package struct Iterator: AsyncIteratorProtocol {
        var base: HTTPClientResponse.Body.AsyncIterator
        let doing: String
        let idle: Duration?
        @concurrent package mutating func next() async throws -> ByteBuffer? {
            do {
                return try await base.next()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                if Task.isCancelled { throw CancellationError() }
                let said = Hub.told(error, timeout: .zero, idle: idle).said
                throw HubFailure(.unreachable, doing: doing, said: "the answer was cut: \(said)", retry: .soon)
            }
        }
    }
}
