import NIOCore
import NIOHTTP1
import NIOPosix
import StokerCore

/// One client of the guard's port: answers for the guard, and streams everything else to the app and back.
///
/// Nothing is kept whole: a side that does not take more stops the other from being read. There is no limit on silence: a stream of events may say
/// nothing for hours. `Upgrade` becomes a tunnel of bytes once the app has answered 101. All of it lives on the client's event loop.
final class ProxyHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Mode {
        /// Between two requests.
        case idle
        /// The guard answers when the request is read to its end.
        case own(GuardAnswer)
        case forwarding
    }
    private struct Request {
        var head: HTTPRequestHead
        /// The app's answer is taken unless it does not know the address.
        var instead: GuardAnswer?
        var isEnded = false
        var hasBody = false
        var isAnswering = false
        /// The app's answer is thrown away: the guard gives its own.
        var isReplaced = false
        var isOnUsedConnection = false
        var hasRetried = false
    }

    private let service: GuardService
    private let port: Int?
    private var context: ChannelHandlerContext?
    private var mode = Mode.idle
    private var request: Request?
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var backend: (any Channel)?
    private var isConnecting = false
    private var isReading = true
    /// The client's bytes are being read: what goes to the app is flushed together when they are.
    private var isInRead = false
    private var isRefused = false

    /// - Parameter port: the app's; nil where nothing is forwarded.
    init(_ service: GuardService, forwardingTo port: Int?) {
        self.service = service
        self.port = port
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        backend?.close(promise: nil)
        context.fireChannelInactive()
    }

    /// A request that cannot be read, such as one with two lengths: nothing of it reaches the app.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError, request?.isAnswering != true, !isRefused else {
            return context.close(promise: nil)
        }
        isRefused = true
        backend?.close(promise: nil)
        backend = nil
        write(
            .init(.badRequest, ["status": "refused", "because": "the request is not plain HTTP/1.1"]), keepAlive: false,
            head: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isInRead = true
        waiting.append(unwrapInboundIn(data))
        pump()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        backend?.flush()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        _ = backend?.setOption(.autoRead, value: context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    // MARK: Requests

    private func pump() {
        defer { if !isInRead { backend?.flush() } }
        while let part = waiting.first {
            switch (part, mode) {
            case (.head(let head), .idle):
                waiting.removeFirst()
                begin(head)
            case (.head, _):
                // The next request of a client that does not wait for answers.
                return settleReading()
            case (.body, .own):
                waiting.removeFirst()
            case (.end, .own(let answer)):
                waiting.removeFirst()
                give(answer)
            case (.body(let bytes), .forwarding):
                guard let backend, !isConnecting else { return settleReading() }
                waiting.removeFirst()
                request?.hasBody = true
                backend.write(HTTPClientRequestPart.body(.byteBuffer(bytes)), promise: nil)
            case (.end(let trailers), .forwarding):
                guard let backend, !isConnecting else { return settleReading() }
                waiting.removeFirst()
                request?.isEnded = true
                backend.write(HTTPClientRequestPart.end(trailers), promise: nil)
            case (.body, .idle), (.end, .idle):
                // What is left of a request that was answered early.
                waiting.removeFirst()
            }
        }
        settleReading()
    }

    /// Reads on only while the app takes what is read.
    private func settleReading() {
        guard let context else { return }
        let mayRead = waiting.count < 16 && (backend?.isWritable ?? true)
        guard mayRead != isReading else { return }
        isReading = mayRead
        _ = context.channel.setOption(.autoRead, value: mayRead)
    }

    private func begin(_ head: HTTPRequestHead) {
        request = Request(head: head)
        let path = String(head.uri.prefix { $0 != "?" })
        let own = service.answer(head.method, path, head.headers, isLocal: port == nil)
        switch own {
        case .always(let answer): mode = .own(answer)
        case .unlessTheAppHasIt(let answer):
            request?.instead = answer
            forward()
        case .none:
            if port != nil { forward() } else { mode = .own(.init(.notFound, ["status": "not found"])) }
        }
    }

    private func forward() {
        guard service.isRunning else {
            mode = .own(service.notYet)
            return
        }
        mode = .forwarding
        guard let backend, backend.isActive else { return connect() }
        request?.isOnUsedConnection = true
        sendHead(to: backend)
    }

    private func connect() {
        guard let context, let port, !isConnecting else { return }
        isConnecting = true
        let front = NIOLoopBound(self, eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    try sync.addHandler(HTTPRequestEncoder(configuration: .asGiven), name: "encoder")
                    try sync.addHandler(
                        ByteToMessageHandler(
                            HTTPResponseDecoder(
                                leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .forward)),
                        name: "decoder")
                    try sync.addHandler(BackendHandler(front: front.value), name: "proxy")
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .assumeIsolated()
            .whenComplete { result in
                let front = front.value
                front.isConnecting = false
                switch result {
                case .success(let channel):
                    guard front.context != nil else { return channel.close(promise: nil) }
                    front.backend = channel
                    front.sendHead(to: channel)
                    front.pump()
                case .failure:
                    // It is not there yet, or not any more.
                    front.mode = .own(front.request?.instead.map { $0.notReady } ?? front.service.noApp)
                    front.pump()
                }
            }
    }

    private func sendHead(to backend: any Channel) {
        guard let context, let request else { return }
        var head = request.head
        let isUpgrade = Self.isUpgrade(head.headers)
        Self.dropHopByHop(&head.headers, keepsUpgrade: isUpgrade)
        head.version = .http1_1
        if let client = context.channel.remoteAddress?.ipAddress {
            let before = head.headers[canonicalForm: "x-forwarded-for"].joined(separator: ", ")
            head.headers.replaceOrAdd(name: "x-forwarded-for", value: before.isEmpty ? client : "\(before), \(client)")
        }
        if !head.headers.contains(name: "x-forwarded-proto") {
            head.headers.add(name: "x-forwarded-proto", value: "http")
        }
        backend.write(HTTPClientRequestPart.head(head), promise: nil)
    }

    static func isUpgrade(_ headers: HTTPHeaders) -> Bool {
        headers.contains(name: "upgrade")
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }

    /// Headers that are for one connection only. Source: RFC 9110, 7.6.1.
    static func dropHopByHop(_ headers: inout HTTPHeaders, keepsUpgrade: Bool) {
        for name in headers[canonicalForm: "connection"] where !(keepsUpgrade && name.lowercased() == "upgrade") {
            headers.remove(name: String(name))
        }
        for name in ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te"] {
            headers.remove(name: name)
        }
        if keepsUpgrade {
            headers.replaceOrAdd(name: "connection", value: "upgrade")
        } else {
            headers.remove(name: "connection")
            headers.remove(name: "upgrade")
        }
    }

    // MARK: Answers of the app

    fileprivate func backendRead(_ part: HTTPClientResponsePart) {
        guard let context, var request else { return }
        switch part {
        case .head(var head):
            if head.status == .switchingProtocols {
                guard Self.isUpgrade(request.head.headers), request.isEnded else { return context.close(promise: nil) }
                upgrade = head
                return
            }
            if head.status.code < 200 {
                // 100 Continue and 103 Early Hints go on to the client, who then sends its body.
                context.writeAndFlush(
                    wrapOutboundOut(
                        .head(HTTPResponseHead(version: .http1_1, status: head.status, headers: head.headers))),
                    promise: nil)
                return
            }
            if request.instead != nil, head.status == .notFound || head.status == .methodNotAllowed {
                request.isReplaced = true
                self.request = request
                return
            }
            let wasClosing = !head.isKeepAlive
            let isOld = request.head.version.major < 1 || request.head.version == .http1_0
            Self.dropHopByHop(&head.headers, keepsUpgrade: false)
            let hasNoBody = request.head.method == .HEAD || head.status == .noContent || head.status == .notModified
            let isFramed =
                head.headers.contains(name: "content-length") || head.headers.contains(name: "transfer-encoding")
            var keepAlive = request.head.isKeepAlive
            if hasNoBody {
                // The encoder would end it as a chunked body.
                head.headers.remove(name: "transfer-encoding")
            } else if !isFramed {
                // The app ends it by closing.
                if !isOld {
                    head.headers.add(name: "transfer-encoding", value: "chunked")
                } else {
                    keepAlive = false
                }
            } else if isOld, head.headers.contains(name: "transfer-encoding") {
                head.headers.remove(name: "transfer-encoding")
                keepAlive = false
            }
            if wasClosing { closesBackend = true }
            if !keepAlive { head.headers.replaceOrAdd(name: "connection", value: "close") }
            head.version = .http1_1
            closesFront = !keepAlive
            request.isAnswering = true
            self.request = request
            context.write(wrapOutboundOut(.head(head)), promise: nil)
        case .body(let bytes):
            if request.isReplaced || request.head.method == .HEAD { return }
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        case .end(let trailers):
            if let upgrade { return beginTunnel(upgrade) }
            if request.isReplaced, let instead = request.instead {
                mode = .own(instead)
                if request.isEnded { give(instead) }
                return pump()
            }
            let close = closesFront || !request.isEnded
            context.writeAndFlush(wrapOutboundOut(.end(request.head.method == .HEAD ? nil : trailers)), promise: nil)
            finish(close: close)
        }
    }
    private var closesFront = false
    /// The app's 101, until its end is read.
    private var upgrade: HTTPResponseHead?
    private var closesBackend = false

    fileprivate func backendReadComplete() { context?.flush() }

    private func finish(close: Bool) {
        guard let context else { return }
        mode = .idle
        request = nil
        if closesBackend {
            backend?.close(promise: nil)
            backend = nil
        }
        (closesFront, closesBackend) = (false, false)
        if close { return context.close(promise: nil) }
        pump()
    }

    fileprivate func backendClosed(_ channel: any Channel) {
        guard channel === backend else { return }
        backend = nil
        guard let context, var request, case .forwarding = mode else { return }
        if request.isAnswering {
            // Cut short: the client must not take it for whole.
            return context.close(promise: nil)
        }
        // The app closed a connection that stood idle while the request was on its way: it did not see it.
        if request.isOnUsedConnection, !request.hasRetried, !request.hasBody,
            request.head.method == .GET || request.head.method == .HEAD
        {
            request.hasRetried = true
            request.isOnUsedConnection = false
            let wasEnded = request.isEnded
            request.isEnded = false
            self.request = request
            if wasEnded { waiting.prepend(.end(nil)) }
            return connect()
        }
        let wasEnded = request.isEnded
        mode = .own(service.noApp)
        if wasEnded { give(service.noApp) }
        pump()
    }

    fileprivate func backendWritabilityChanged() { settleReading() }

    // MARK: Own answers

    private func give(_ answer: GuardAnswer) {
        guard let context, let request else { return }
        guard let later = answer.later else {
            write(answer, keepAlive: request.head.isKeepAlive, head: request.head)
            return finish(close: !request.head.isKeepAlive)
        }
        // It takes its time: the client waits, and the loop does not.
        mode = .forwarding
        let front = NIOLoopBound(self, eventLoop: context.eventLoop)
        let promise = context.eventLoop.makePromise(of: GuardAnswer.self)
        promise.completeWithTask { await later() }
        promise.futureResult.assumeIsolated().whenSuccess { answer in
            let front = front.value
            guard let request = front.request else { return }
            front.write(answer, keepAlive: request.head.isKeepAlive, head: request.head)
            front.finish(close: !request.head.isKeepAlive)
        }
    }

    private func write(_ answer: GuardAnswer, keepAlive: Bool, head request: HTTPRequestHead?) {
        guard let context else { return }
        let body = answer.body.text + "\n"
        var headers: HTTPHeaders = [
            "content-type": "application/json", "content-length": "\(body.utf8.count)", "cache-control": "no-store",
        ]
        if answer.status == .serviceUnavailable { headers.add(name: "retry-after", value: "5") }
        if !keepAlive { headers.add(name: "connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))),
            promise: nil)
        if request?.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }
        let done = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
        if request == nil {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            done.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        }
    }

    // MARK: Tunnels

    private func beginTunnel(_ head: HTTPResponseHead) {
        guard let context, let backend else { return }
        _ = context.channel.setOption(.autoRead, value: false)
        _ = backend.setOption(.autoRead, value: false)
        // The decoder that tells this is in the midst of its work.
        let front = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { front.value.tunnel(head) }
    }

    private func tunnel(_ head: HTTPResponseHead) {
        guard let context, let backend else { return }
        let front = context.channel
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: head.status, headers: head.headers))),
            promise: nil)
        self.backend = nil
        let (here, there) = TunnelHandler.pair()
        do {
            let (near, far) = (front.pipeline.syncOperations, backend.pipeline.syncOperations)
            try near.addHandler(here)
            try far.addHandler(there)
            // What a decoder has read ahead comes out of it when it leaves.
            _ = near.removeHandler(self)
            _ = far.removeHandler(name: "proxy")
            _ = near.removeHandler(name: "encoder")
            _ = far.removeHandler(name: "encoder")
            // They leave in a later turn of the loop. What they had read ahead is written then, and nothing tells the end of a reading.
            near.removeHandler(name: "decoder").and(far.removeHandler(name: "decoder")).whenComplete { _ in
                front.flush()
                backend.flush()
                _ = front.setOption(.autoRead, value: true)
                _ = backend.setOption(.autoRead, value: true)
            }
        } catch {
            backend.close(promise: nil)
            return front.close(promise: nil)
        }
    }
}

/// The app's end of a ``ProxyHandler``.
private final class BackendHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    private let front: ProxyHandler

    init(front: ProxyHandler) { self.front = front }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { front.backendRead(unwrapInboundIn(data)) }
    func channelReadComplete(context: ChannelHandlerContext) { front.backendReadComplete() }
    func channelWritabilityChanged(context: ChannelHandlerContext) { front.backendWritabilityChanged() }
    func channelInactive(context: ChannelHandlerContext) { front.backendClosed(context.channel) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Bytes from one connection to the other.
private final class TunnelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private var partner: TunnelHandler?
    private var context: ChannelHandlerContext?

    static func pair() -> (TunnelHandler, TunnelHandler) {
        let (one, other) = (TunnelHandler(), TunnelHandler())
        (one.partner, other.partner) = (other, one)
        return (one, other)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.context?.write(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
    }
    func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        _ = partner?.context?.channel.setOption(.autoRead, value: context.channel.isWritable)
    }
    func channelInactive(context: ChannelHandlerContext) {
        partner?.context?.close(promise: nil)
        partner?.partner = nil
        partner = nil
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension HTTPResponseEncoder.Configuration {
    /// Lengths and chunks are as the headers say, and none is added: the encoder does not know the request, and would end the answer to a HEAD
    /// as a body in chunks.
    static var asGiven: Self {
        var configuration = Self()
        configuration.automaticallySetFramingHeaders = false
        return configuration
    }
}

extension HTTPRequestEncoder.Configuration {
    static var asGiven: Self {
        var configuration = Self()
        configuration.automaticallySetFramingHeaders = false
        return configuration
    }
}
