import NIOCore
import NIOPosix
import StokerCore

/// One name server: its UDP socket, opened when first needed and renewed now and then so that a forger cannot learn
/// its port, and a TCP connection for each answer that is too long. Confined to the resolver's loop.
final class DNSServer: @unchecked Sendable {
    let address: SocketAddress
    private unowned let core: ResolverCore
    private var channel: (any Channel)?
    private var opening = false
    private var waiting: [ByteBuffer] = []
    private var sent = 0
    private var isClosed = false
    private static let questionsPerPort = 2_048

    init(address: SocketAddress, core: ResolverCore) {
        self.address = address
        self.core = core
    }

    func send(_ message: ByteBuffer) {
        guard !isClosed else { return }
        if let channel, channel.isActive {
            channel.writeAndFlush(message, promise: nil)
            sent += 1
            if sent >= Self.questionsPerPort { renew(channel) }
            return
        }
        waiting.append(message)
        open()
    }

    private func renew(_ old: any Channel) {
        channel = nil
        sent = 0
        // Answers to what was just asked still arrive at the old port for a while.
        core.eventLoop.scheduleTask(in: .seconds(5)) { old.close(promise: nil) }
    }

    private func open() {
        guard !opening else { return }
        opening = true
        DatagramBootstrap(group: core.eventLoop)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DNSDatagrams(server: self))
                }
            }
            .connect(to: address)
            .whenComplete { [self] result in
                opening = false
                let messages = waiting
                waiting = []
                switch result {
                case .success(let opened):
                    guard !isClosed else { return opened.close(promise: nil) }
                    channel = opened
                    for message in messages { send(message) }
                case .failure: core.unreachable(self)
                }
            }
    }

    func received(_ message: ByteBuffer, overTCP: Bool = false) {
        guard !isClosed else { return }
        core.received(message, from: self, overTCP: overTCP)
    }

    func failed() {
        guard !isClosed else { return }
        core.unreachable(self)
    }

    /// Asks several questions over one connection.
    func askOverTCP(_ questions: [ByteBuffer]) {
        ClientBootstrap(group: core.eventLoop)
            .connectTimeout(.seconds(2))
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DNSStream(server: self, questions: questions))
                }
            }
            .connect(to: address)
            .whenFailure { [self] _ in streamFailed(questions) }
    }

    /// Those that were answered already are passed over.
    func streamFailed(_ questions: [ByteBuffer]) {
        guard !isClosed else { return }
        core.tcpFailed(questions)
    }

    func close() {
        isClosed = true
        channel?.close(promise: nil)
        channel = nil
        waiting = []
    }
}

private final class DNSDatagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let server: DNSServer
    init(server: DNSServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // The socket is connected: the kernel lets through only what comes from the server's address and port.
        server.received(unwrapInboundIn(data).data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The port is closed (ICMP), or the network is gone.
        server.failed()
    }
}

/// The questions for one name over TCP: two bytes of length before each message (RFC 1035 section 4.2.2). The answers come in any order.
private final class DNSStream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let server: DNSServer
    private let questions: [ByteBuffer]
    private var received = ByteBuffer()
    private var missing: Int

    init(server: DNSServer, questions: [ByteBuffer]) {
        self.server = server
        self.questions = questions
        missing = questions.count
    }

    func channelActive(context: ChannelHandlerContext) {
        var out = context.channel.allocator.buffer(capacity: questions.reduce(0) { $0 + $1.readableBytes + 2 })
        for question in questions {
            out.writeInteger(UInt16(truncatingIfNeeded: question.readableBytes))
            out.writeImmutableBuffer(question)
        }
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        // Longer than any lookup is waited for.
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        while missing > 0, let length = received.getInteger(at: received.readerIndex, as: UInt16.self),
            let message = received.getSlice(at: received.readerIndex + 2, length: Int(length))
        {
            received.moveReaderIndex(forwardBy: 2 + Int(length))
            missing -= 1
            server.received(message, overTCP: true)
        }
        if missing == 0 { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { server.streamFailed(questions) }
}
