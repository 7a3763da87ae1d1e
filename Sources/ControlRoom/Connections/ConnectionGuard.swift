import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Watches one connection: how long its requests take to arrive, whether its answers are taken, and whether it may stay.
///
/// Stands between the HTTP codec and the server. Not `Sendable`: it lives on its connection's loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    struct Limits: Sendable {
        /// From the connection's beginning to the end of its first request's head.
        var firstHead = TimeAmount.seconds(10)
        /// The same for the few beyond the limit of connections.
        var reservedHead = TimeAmount.seconds(3)
        /// From an answer to the end of the next request's head.
        var nextHead = TimeAmount.seconds(75)
        /// From the end of a head to the end of the body.
        var body = TimeAmount.seconds(120)
        /// How long nothing of an answer may be taken.
        var write = TimeAmount.seconds(60)
        /// Bytes of a body that are read at all: who goes on after an answer such as 413 is not listened to for ever.
        var bodyBytes = 8 << 20
        /// A larger body is not asked for; its length alone is answered.
        var expectedBytes = 1 << 20
    }

    private let registry: ConnectionRegistry
    private let limits: Limits
    /// Whether a path is that of the health check.
    private let isHealth: @Sendable (String) -> Bool
    private var seat: ConnectionRegistry.Seat?
    /// Requests whose answer has not ended.
    private var open = 0
    private var isReadingBody = false
    private var bodyBytes = 0
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?
    private var timerAt = NIODeadline.distantFuture
    private var isInputClosed = false
    private var onInputClosed: (@Sendable () -> Void)?

    init(
        registry: ConnectionRegistry, limits: Limits = Limits(), isHealth: @escaping @Sendable (String) -> Bool
    ) {
        self.registry = registry
        self.limits = limits
        self.isHealth = isHealth
    }

    func channelActive(context: ChannelHandlerContext) {
        guard let seat = registry.admit(context.channel) else {
            context.close(promise: nil)
            return
        }
        self.seat = seat
        wait(seat.isReserved ? limits.reservedHead : limits.firstHead, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        closeInput()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { closeInput() }
        context.fireUserInboundEventTriggered(event)
    }

    private func closeInput() {
        isInputClosed = true
        onInputClosed?()
        onInputClosed = nil
    }

    /// Tells that the client has gone, or that it sends nothing more. One request of a connection at a time can ask; the end of its answer forgets it.
    static func whenInputCloses(of channel: any Channel, do action: @escaping @Sendable () -> Void) {
        channel.eventLoop.execute {
            // A server without a socket has no such handler, and nobody who could go.
            guard let own = try? channel.pipeline.syncOperations.handler(type: ConnectionGuard.self) else { return }
            if own.isInputClosed { action() } else { own.onInputClosed = action }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    private func leave() {
        timer?.cancel()
        timer = nil
        deadline = nil
        if let seat { registry.leave(seat) }
        seat = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            open += 1
            isReadingBody = true
            bodyBytes = 0
            if seat?.isReserved == true, !isHealth(head.path ?? "") { return turnAway(context) }
            if wantsToBeAsked(head) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            wait(limits.body, context)
        case .body(let part):
            bodyBytes += part.readableBytes
            guard bodyBytes <= limits.bodyBytes else { return context.close(promise: nil) }
        case .end:
            isReadingBody = false
        }
        settle(context)
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            open = max(0, open - 1)
            if open == 0 { onInputClosed = nil }
            settle(context)
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        settle(context)
        context.fireChannelWritabilityChanged()
    }

    /// RFC 9110, 10.1.1. A body that would be refused for its length is not asked for.
    private func wantsToBeAsked(_ head: HTTPRequest) -> Bool {
        guard let expectation = head.headerFields[.expect], expectation.lowercased() == "100-continue" else {
            return false
        }
        return (head.headerFields[.contentLength].flatMap { Int($0) } ?? 0) <= limits.expectedBytes
    }

    /// What is awaited now, and by when.
    private func settle(_ context: ChannelHandlerContext) {
        if isReadingBody {
            seat?.become(.slow)
        } else if open == 0 {
            seat?.become(.waiting)
            wait(limits.nextHead, context)
        } else if context.channel.isWritable {
            seat?.become(.busy)
            deadline = nil
        } else {
            seat?.become(.slow)
            wait(limits.write, context)
        }
    }

    /// One timer for all deadlines: most requests end before it is due and leave it alone.
    private func wait(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        let due = NIODeadline.now() + time
        deadline = due
        guard timer == nil || timerAt > due else { return }
        timer?.cancel()
        schedule(due, context)
    }

    private func schedule(_ due: NIODeadline, _ context: ChannelHandlerContext) {
        timerAt = due
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: due) {
            let (handler, context) = bound.value
            handler.timer = nil
            guard let deadline = handler.deadline else { return }
            if deadline <= .now() { context.close(promise: nil) } else { handler.schedule(deadline, context) }
        }
    }

    private func turnAway(_ context: ChannelHandlerContext) {
        let body = ByteBuffer(
            string:
                #"{"error":{"code":"overloaded","message":"could not answer this: too many connections are open","hint":"try again in a moment"}}"#
        )
        let head = HTTPResponse(
            status: .serviceUnavailable,
            headerFields: [
                .contentType: "application/json", .contentLength: "\(body.readableBytes)", .connection: "close",
                .retryAfter: "5",
            ])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}
