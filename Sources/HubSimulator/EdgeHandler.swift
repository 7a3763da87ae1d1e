import NIOCore
import NIOHTTP1

/// One connection to the edge (or to a plain site): takes a request, asks who it is for, answers, and takes the next.
///
/// Reading goes on while a request is held, so that a visitor who hangs up is noticed at once.
final class EdgeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let fleet: SimulatedFleet
    /// The Space of the port; nil on the port where the Host header chooses.
    private let door: SimulatedFleet.Door
    private let seat: ConnectionSeats.Seat
    private let time: SimulatedTime

    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var pending: Pending?
    private var requests = 0

    /// The one request that is being answered.
    private struct Pending {
        var number: Int
        var head: HTTPRequestHead
        var space: SimulatedSpace?
        var caller: SimulatedSpace.Caller
        var limit: SimulatedTime.Appointment?
        var answer: SimulatedTime.Appointment?
        var waiter: Int?
    }

    init(fleet: SimulatedFleet, door: SimulatedFleet.Door, seat: ConnectionSeats.Seat) {
        self.seat = seat
        self.fleet = fleet
        self.door = door
        time = fleet.time
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        drop()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        drop()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets and bytes that are not HTTP: nothing can be answered to either.
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // No client of ours pipelines; whoever does is cut rather than kept in memory.
            guard pending == nil else { return context.close(promise: nil) }
            self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            take(head, from: context.remoteAddress)
        }
    }

    private func take(_ head: HTTPRequestHead, from peer: SocketAddress?) {
        requests += 1
        let path = String(head.uri.prefix { $0 != "?" })
        let bearer = ["authorization", "x-hf-authorization"].flatMap { head.headers[$0] }
            .filter { $0.lowercased().hasPrefix("bearer ") }.map { String($0.dropFirst(7)) }
        // A visitor's own entries are passed on, his address is appended. Observed at the edge.
        let hops = head.headers[canonicalForm: "x-forwarded-for"].map(String.init) + [peer?.ipAddress ?? "unknown"]
        let caller = SimulatedSpace.Caller(
            method: head.method.rawValue, path: path, userAgent: head.headers.first(name: "user-agent"),
            forwardedFor: hops.joined(separator: ", "),
            wantsHTML: head.headers[canonicalForm: "accept"].contains { $0.lowercased().hasPrefix("text/html") },
            tokens: bearer + signature(in: head.uri))
        seat.become(busy: true)
        pending = Pending(number: requests, head: head, space: nil, caller: caller)

        switch door {
        case .site(let site):
            apply(site.answer(caller), space: nil)
        case .space(let own):
            // By name first, so that one port can serve all; then the Space of the port.
            enter(fleet.space(host: head.headers.first(name: "host")) ?? own)
        case .edge:
            guard let space = fleet.space(host: head.headers.first(name: "host")) else {
                return write(.hidden)
            }
            enter(space)
        }
    }

    /// What `GET /api/spaces/{id}/jwt` gave, as gradio's client passes it on: `?__sign=`.
    private func signature(in uri: String) -> [String] {
        guard let query = uri.split(separator: "?", maxSplits: 1).dropFirst().first else { return [] }
        return query.split(separator: "&").filter { $0.hasPrefix("__sign=") }.map { String($0.dropFirst(7)) }
    }

    private func enter(_ space: SimulatedSpace) {
        guard let head = pending?.head else { return }
        pending?.space = space
        // The edge answers preflights itself and reflects the origin: CORS is no protection there. Observed.
        if head.method == .OPTIONS, head.headers.contains(name: "access-control-request-method") {
            return write(PlatformPage(status: 200, body: ""))
        }
        guard case .ask(let ask) = space.keys, let caller = pending?.caller, !caller.tokens.isEmpty, let context,
            let number = pending?.number
        else { return decide(space) }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.makeFutureWithTask {
            for token in caller.tokens where await ask(token) { return true }
            return false
        }.whenSuccess { known in
            bound.value.ifStill(number) { handler in
                handler.pending?.caller.known = known
                handler.decide(space)
            }
        }
    }

    private func decide(_ space: SimulatedSpace) {
        guard let caller = pending?.caller else { return }
        apply(space.decide(caller, held: false), space: space)
    }

    private func apply(_ decision: SimulatedSpace.Decision, space: SimulatedSpace?) {
        guard let context, let number = pending?.number else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        if case .platform(let page) = decision { return write(page) }
        if let space, pending?.limit == nil {
            pending?.limit = time.schedule(at: time.now + space.rules.limit, on: context.eventLoop) {
                bound.value.ifStill(number) { $0.write(.gatewayTimeout) }
            }
        }
        switch decision {
        case .platform, .silence: break
        case .app(let page, let wait):
            guard wait > .zero else { return write(page) }
            pending?.answer = time.schedule(at: time.now + wait, on: context.eventLoop) {
                bound.value.ifStill(number) { $0.write(page) }
            }
        case .hold:
            guard let space else { return }
            let loop = context.eventLoop
            pending?.waiter = space.wait {
                loop.execute {
                    bound.value.ifStill(number) { handler in
                        guard let caller = handler.pending?.caller else { return }
                        handler.apply(space.decide(caller, held: true), space: space)
                    }
                }
            }
        }
    }

    /// Runs `body` unless the request was answered or given up in the meantime.
    private func ifStill(_ number: Int, _ body: (EdgeHandler) -> Void) {
        if pending?.number == number { body(self) }
    }

    private func drop() {
        guard let pending else { return }
        self.pending = nil
        seat.become(busy: false)
        pending.limit?.cancel()
        pending.answer?.cancel()
        if let waiter = pending.waiter { pending.space?.stopWaiting(waiter) }
    }

    private func write(_ page: PlatformPage) {
        var headers: HTTPHeaders = ["content-type": page.type]
        if let seconds = page.retryAfter { headers.add(name: "retry-after", value: String(seconds)) }
        if pending?.head.method == .OPTIONS {
            headers.add(name: "access-control-allow-methods", value: "GET, POST, PUT, PATCH, DELETE, OPTIONS")
            headers.add(name: "access-control-allow-headers", value: "*")
        }
        send(page.status, headers, page.body)
    }

    private func write(_ page: SimulatedApp.Page) {
        var headers: HTTPHeaders = ["content-type": page.type]
        if let space = pending?.space {
            // These three only come with an answer of the container. Observed.
            headers.add(name: "x-proxied-host", value: space.proxiedHost)
            headers.add(name: "x-proxied-replica", value: space.proxiedReplica)
            headers.add(name: "x-proxied-path", value: pending?.head.uri ?? "/")
            headers.add(
                name: "link", value: "<https://huggingface.co/spaces/\(space.blueprint.id)>;rel=\"canonical\"")
        }
        send(page.status, headers, page.body)
    }

    private func send(_ status: Int, _ more: HTTPHeaders, _ body: String) {
        guard let context, let request = pending else { return }
        drop()
        var headers = more
        if request.space != nil || isEdge {
            headers.add(name: "x-request-id", value: fleet.requestID())
            if let origin = request.head.headers.first(name: "origin") {
                headers.add(name: "access-control-allow-origin", value: origin)
                headers.add(name: "vary", value: "origin")
            }
        }
        headers.add(name: "content-length", value: String(body.utf8.count))
        let keepAlive = request.head.isKeepAlive && requests < 1_000
        if !keepAlive { headers.add(name: "connection", value: "close") }
        context.write(
            wrapOutboundOut(
                .head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers))),
            promise: nil)
        if request.head.method != .HEAD, !body.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: body)))), promise: nil)
        }
        let done = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !keepAlive {
            let channel = context.channel
            done.whenComplete { _ in channel.close(promise: nil) }
        }
    }

    private var isEdge: Bool { if case .edge = door { true } else { false } }
}
