package import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A server on loopback that answers with bytes as they are scripted, right or wrong, so that a prober meets what the
/// world has to offer: silence, half answers, resets, plain text where TLS was expected.
package final class MisbehavingServer: Sendable {
    /// One thing to do on a connection, after the request's head has arrived.
    package enum Step: Sendable {
        case send(String)
        case sendBytes([UInt8])
        /// The same text again and again until the other side goes.
        case sendForever(String)
        case wait(TimeAmount)
        /// Nothing more; the connection stays open until the other side closes it.
        case hold
        /// An orderly end.
        case close
        /// The end of the connection without TLS's farewell.
        case hangUp
        /// RST instead of FIN.
        case reset
    }

    package struct Heard: Sendable {
        package var request: String
        /// First line of the request.
        package var line: String { request.prefix { $0 != "\r\n" }.description }
    }

    package typealias Script = @Sendable (_ request: String) -> [Step]

    private let channel: any Channel
    private let heard: Heards

    /// - Parameters:
    ///   - host: `127.0.0.1` or `::1`.
    ///   - tls: speaks TLS with this context; nil speaks plainly.
    ///   - beforeRequest: done as soon as a connection is there, without waiting for a request.
    package static func start(
        on group: any EventLoopGroup, host: String = "127.0.0.1", port: Int = 0, tls: NIOSSLContext? = nil,
        beforeRequest: [Step] = [], _ script: @escaping Script
    ) async throws -> MisbehavingServer {
        let heard = Heards()
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        ScriptedConversation(script: script, first: beforeRequest, heard: heard))
                }
            }
            .bind(host: host, port: port).get()
        return MisbehavingServer(channel: channel, heard: heard)
    }

    private init(channel: any Channel, heard: Heards) {
        self.channel = channel
        self.heard = heard
    }

    package var port: Int { channel.localAddress?.port ?? 0 }

    /// Requests so far, in the order of their arrival.
    package var requests: [Heard] { heard.all.withLock { $0 } }

    /// Connections that are open now.
    package var open: Int { heard.open.withLock { $0 } }

    package func stop() async throws { try await channel.close() }
}

private final class Heards: Sendable {
    let all = Mutex<[MisbehavingServer.Heard]>([])
    let open = Mutex(0)
}

/// Collects a request's head (and the body its length announces) and then plays the script.
private final class ScriptedConversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let script: MisbehavingServer.Script
    private let first: [MisbehavingServer.Step]
    private let heard: Heards
    private var request: [UInt8] = []
    private var answered = false

    init(script: @escaping MisbehavingServer.Script, first: [MisbehavingServer.Step], heard: Heards) {
        self.script = script
        self.first = first
        self.heard = heard
    }

    func channelActive(context: ChannelHandlerContext) {
        heard.open.withLock { $0 += 1 }
        if !first.isEmpty { play(first[...], context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        heard.open.withLock { $0 -= 1 }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !answered else { return }
        request += unwrapInboundIn(data).readableBytesView
        let text = String(decoding: request, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return }
        let length =
            text[..<end.lowerBound].split(separator: "\r\n")
            .first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: ":")[1].trimmed) } ?? 0
        guard text[end.upperBound...].utf8.count >= length else { return }
        answered = true
        heard.all.withLock { $0.append(MisbehavingServer.Heard(request: text)) }
        play(script(text)[...], context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private static var atOnce: linger {
        var option = linger()
        option.l_onoff = 1
        option.l_linger = 0
        return option
    }

    private func play(_ steps: ArraySlice<MisbehavingServer.Step>, _ context: ChannelHandlerContext) {
        guard let step = steps.first, context.channel.isActive else { return }
        let rest = steps.dropFirst()
        switch step {
        case .send(let text):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            play(rest, context)
        case .sendBytes(let bytes):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            play(rest, context)
        case .sendForever(let text):
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            // On a later turn of the loop: a write that succeeds at once would call itself until the stack is full.
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenSuccess {
                bound.value.1.eventLoop.execute {
                    let (handler, context) = bound.value
                    handler.play(steps, context)
                }
            }
        case .wait(let time):
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: time) {
                let (handler, context) = bound.value
                handler.play(rest, context)
            }
        case .hold: break
        case .close: context.close(promise: nil)
        case .hangUp:
            // From the first handler's place, so that TLS does not see it.
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.eventLoop.execute {
                let pipeline = bound.value.pipeline.syncOperations
                guard let tls = try? pipeline.context(handlerType: NIOSSLServerHandler.self) else { return }
                tls.close(mode: .all, promise: nil)
            }
        case .reset:
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            guard let socket = context.channel as? any SocketOptionProvider else { return }
            socket.setSoLinger(Self.atOnce).whenComplete { _ in bound.value.channel.close(mode: .all, promise: nil) }
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension String {
    /// Without Foundation, which this target does not need otherwise.
    fileprivate func range(of text: String) -> Range<Index>? {
        utf8.firstRange(of: Array(text.utf8))
    }
}
