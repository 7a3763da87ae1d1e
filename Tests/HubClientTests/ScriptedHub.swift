import HubClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Runtime
import StokerCore
import Synchronization

/// Answers on loopback as the test says, and remembers what it was asked.
final class ScriptedHub: Sendable {
    struct Asked: Sendable {
        var method: HTTPMethod
        var uri: String
        var headers: HTTPHeaders
        var body: ByteBuffer
        var path: String { String(uri.prefix { $0 != "?" }) }
        var text: String { String(buffer: body) }
        var token: String? { headers.first(name: "Authorization") }
    }

    struct Reply: Sendable {
        enum Ending: Sendable { case whole, cutAfter(Int), never, noAnswer, closeAtOnce }
        var status: Int
        var headers: HTTPHeaders
        var body: String
        var ending = Ending.whole

        static func json(_ body: String, status: Int = 200, _ headers: HTTPHeaders = [:]) -> Reply {
            var headers = headers
            headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
            return Reply(status: status, headers: headers, body: body)
        }
        static func text(_ body: String, status: Int = 200, _ headers: HTTPHeaders = [:]) -> Reply {
            Reply(status: status, headers: headers, body: body)
        }
        static func redirect(_ status: Int, to location: String) -> Reply {
            Reply(status: status, headers: ["Location": location], body: "Moved")
        }
        /// Asked and never answered.
        static let silence = Reply(status: 200, headers: [:], body: "", ending: .noAnswer)
        static let hangUp = Reply(status: 200, headers: [:], body: "", ending: .closeAtOnce)
    }

    private let channel: any Channel
    let asked: @Sendable () -> [Asked]
    /// Kept, since a closed socket has no address any more.
    let port: Int

    private final class Notes: Sendable { let all = Mutex<[Asked]>([]) }

    static func start(_ script: @escaping @Sendable (Asked, Int) -> Reply) async throws -> ScriptedHub {
        let notes = Notes()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Handler { asked in
                            let count = notes.all.withLock {
                                $0.append(asked)
                                return $0.count
                            }
                            return script(asked, count)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ScriptedHub(channel: channel) { notes.all.withLock { $0 } }
    }

    /// Answers one after the other, the last one for ever.
    static func start(_ replies: [Reply]) async throws -> ScriptedHub {
        try await start { _, count in replies[min(count, replies.count) - 1] }
    }

    private init(channel: any Channel, asked: @escaping @Sendable () -> [Asked]) {
        self.channel = channel
        self.asked = asked
        port = channel.localAddress?.port ?? 0
    }

    var url: String { "http://127.0.0.1:\(port)" }
    func stop() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        let script: @Sendable (Asked) -> Reply
        var asked: Asked?
        init(script: @escaping @Sendable (Asked) -> Reply) { self.script = script }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                asked = Asked(method: head.method, uri: head.uri, headers: head.headers, body: ByteBuffer())
            case .body(let part): asked?.body.writeImmutableBuffer(part)
            case .end:
                guard let whole = asked else { return }
                asked = nil
                answer(script(whole), isHead: whole.method == .HEAD, context)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func answer(_ reply: Reply, isHead: Bool, _ context: ChannelHandlerContext) {
            var body = ByteBuffer(string: reply.body)
            switch reply.ending {
            case .noAnswer: return
            case .closeAtOnce: return context.close(promise: nil)
            default: break
            }
            var headers = reply.headers
            if !headers.contains(name: "Content-Length") {
                headers.add(name: "Content-Length", value: "\(body.readableBytes)")
            }
            let head = HTTPResponseHead(
                version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if case .cutAfter(let count) = reply.ending { body = body.readSlice(length: count) ?? body }
            if !isHead, reply.status != 304, reply.status != 204, body.readableBytes > 0 {
                context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            }
            switch reply.ending {
            case .whole: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .cutAfter:
                let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
                context.flush()
                context.eventLoop.execute { bound.value.close(promise: nil) }
            default: context.flush()
            }
        }
    }
}

/// A clock that a test drives: sleeping moves it on at once, and what was slept is remembered.
final class FastClock: Sendable {
    private struct State {
        var now: Duration = .seconds(1_000)
        var slept: [Duration] = []
    }
    private let state = Mutex(State())
    var slept: [Duration] { state.withLock { $0.slept } }
    var now: Duration { state.withLock { $0.now } }
    func advance(_ time: Duration) { state.withLock { $0.now += time } }

    var hubClock: WaitClock {
        var clock = WaitClock(ContinuousClock())
        clock.now = { self.state.withLock { $0.now } }
        clock.sleep = { time in
            try Task.checkCancellation()
            self.state.withLock {
                $0.now += time
                $0.slept.append(time)
            }
            await Task.yield()
        }
        return clock
    }
}

/// What was logged.
final class LogNotes: Sendable {
    let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(notes: self) }
        logger.logLevel = .trace
        return logger
    }
    private struct Handler: LogHandler {
        let notes: LogNotes
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            notes.lines.withLock { $0.append("\(event.level) \(event.message) \(fields)") }
        }
    }
}

/// A hub client on a scripted Hub; closed when the work is done.
func withHub<Value>(
    _ server: ScriptedHub, token: String? = "hf_abcdefghijklmnop1234", limits: HubRateLimiter.Limits = .init(),
    clock: FastClock = FastClock(), log: LogNotes = LogNotes(), _ work: (Hub) async throws -> Value
) async throws -> Value {
    let hub = Hub(
        .init(endpoint: server.url, token: token.map { Secret($0) }, agent: "stoker/test"),
        pace: HubRateLimiter(limits: limits, clock: clock.hubClock), logger: log.logger, jitter: { 0 })
    do {
        let value = try await work(hub)
        try await hub.shutdown()
        try await server.stop()
        return value
    } catch {
        try await hub.shutdown()
        try await server.stop()
        throw error
    }
}
