package import NIOCore
import NIOPosix
import Synchronization

/// A name server on loopback for tests: A, AAAA and records of any type, delays, dead names, NXDOMAIN, errors, truncation.
/// Source of the format: RFC 1035 section 4, RFC 2308.
package final class TestNameServer: Sendable {
    package enum Reply: Sendable {
        /// Addresses as dotted quads or IPv6 texts; those of the asked kind are given.
        case addresses([String], ttl: UInt32)
        /// An alias and its target's addresses.
        case alias(String, [String], ttl: UInt32)
        /// Records of the asked type, as the bytes of their data.
        case records([[UInt8]])
        case noSuchName
        case noData
        case serverFailure
        case refused
        case notImplemented
        /// An empty answer of a server that is neither an authority nor a resolver.
        case lame
        case formatErrorUnlessPlain([String])
        /// Never answered, over TCP neither.
        case silence
        /// Not answered over UDP, but over TCP.
        case onlyOverTCP([String])
        /// Truncated over UDP, complete over TCP.
        case truncated([String])
        /// Truncated over UDP, and the TCP connection is closed without a word.
        case cutShort
        /// Bytes that are no answer.
        case garbage
    }
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package static let a = Kind(rawValue: 1)
        package static let aaaa = Kind(rawValue: 28)
    }
    package typealias Zone = @Sendable (_ name: String, _ kind: Kind) -> Reply

    private let udp: any Channel
    private let tcp: any Channel
    private let counter: Counter

    final class Counter: Sendable { let asked = Mutex<[String: Int]>([:]) }

    /// - Parameter delay: before each answer.
    package static func start(
        on group: any EventLoopGroup, delay: TimeAmount = .nanoseconds(0), _ zone: @escaping Zone
    ) async throws -> TestNameServer {
        let counter = Counter()
        // The TCP port first, then the UDP port of the same number; another pair when that one is taken.
        for _ in 0..<20 {
            let tcp = try await ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NameStream(answerer: Answerer(zone: zone, counter: counter, delay: delay)))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            do {
                let udp = try await DatagramBootstrap(group: group)
                    .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(
                                NameDatagrams(answerer: Answerer(zone: zone, counter: counter, delay: delay)))
                        }
                    }
                    .bind(host: "127.0.0.1", port: tcp.localAddress?.port ?? 0).get()
                return TestNameServer(udp: udp, tcp: tcp, counter: counter)
            } catch {
                try await tcp.close()
            }
        }
        throw ChannelError.alreadyClosed
    }

    private init(udp: any Channel, tcp: any Channel, counter: Counter) {
        self.udp = udp
        self.tcp = tcp
        self.counter = counter
    }

    package var address: SocketAddress {
        get throws { try SocketAddress(ipAddress: "127.0.0.1", port: udp.localAddress?.port ?? 0) }
    }

    /// Questions for a name so far, of both kinds.
    package func asked(_ name: String) -> Int { counter.asked.withLock { $0[name] ?? 0 } }

    /// Answers over UDP only from now on.
    package func stopTCP() async throws { try await tcp.close() }

    package func stop() async throws {
        try await udp.close()
        try await tcp.close()
    }
}

private struct Answerer: Sendable {
    let zone: TestNameServer.Zone
    let counter: TestNameServer.Counter
    let delay: TimeAmount

    enum Answer {
        case message(ByteBuffer)
        case silence
        /// Over TCP the connection ends.
        case close
    }

    func answer(_ question: ByteBuffer, overTCP: Bool) -> Answer {
        var reader = question
        guard let id = reader.readInteger(as: UInt16.self), reader.readInteger(as: UInt16.self) != nil,
            reader.readInteger(as: UInt16.self) == 1, reader.readInteger(as: UInt32.self) != nil,
            let additional = reader.readInteger(as: UInt16.self)
        else { return .close }
        let begin = reader.readerIndex
        var labels: [String] = []
        while let length = reader.readInteger(as: UInt8.self), length > 0 {
            labels.append(reader.readString(length: Int(length)) ?? "")
        }
        guard let type = reader.readInteger(as: UInt16.self), reader.readInteger(as: UInt16.self) != nil,
            let section = question.getSlice(at: begin, length: reader.readerIndex - begin)
        else { return .close }
        let kind = TestNameServer.Kind(rawValue: type)
        let name = labels.joined(separator: ".")
        counter.asked.withLock { $0[name, default: 0] += 1 }
        let reply = zone(name, kind)
        switch (reply, overTCP) {
        case (.silence, _), (.onlyOverTCP, false): return .silence
        case (.cutShort, true): return .close
        default: return .message(message(id, section, kind, reply, isPlain: additional == 0, overTCP: overTCP))
        }
    }

    private func message(
        _ id: UInt16, _ section: ByteBuffer, _ kind: TestNameServer.Kind, _ reply: TestNameServer.Reply, isPlain: Bool,
        overTCP: Bool
    ) -> ByteBuffer {
        switch reply {
        case .addresses(let texts, let ttl): message(id, 0, section, kind, texts, ttl)
        case .alias(let target, let texts, let ttl): message(id, 0, section, kind, texts, ttl, alias: target)
        case .records(let data): message(id, 0, section, kind, [], 60, data: data)
        case .noSuchName: message(id, 3, section, kind, [], 0, soa: true)
        case .noData, .silence: message(id, 0, section, kind, [], 0, soa: true)
        case .serverFailure: message(id, 2, section, kind, [], 0)
        case .refused: message(id, 5, section, kind, [], 0)
        case .notImplemented: message(id, 4, section, kind, [], 0)
        case .lame: ByteBuffer(integers: [id, 0x8000, 1, 0, 0, 0], section)
        case .formatErrorUnlessPlain(let texts):
            isPlain ? message(id, 0, section, kind, texts, 60) : message(id, 1, section, kind, [], 0)
        case .truncated where !overTCP, .cutShort: message(id, 0, section, kind, [], 0, truncated: true)
        case .truncated(let texts), .onlyOverTCP(let texts): message(id, 0, section, kind, texts, 60)
        case .garbage: ByteBuffer(bytes: [UInt8(id >> 8), UInt8(id & 0xFF), 0xFF, 0xFF, 1, 2, 3])
        }
    }

    private func message(
        _ id: UInt16, _ code: UInt16, _ question: ByteBuffer, _ kind: TestNameServer.Kind, _ texts: [String],
        _ ttl: UInt32, alias: String? = nil, soa: Bool = false, truncated: Bool = false, data: [[UInt8]] = []
    ) -> ByteBuffer {
        let addresses =
            data
            + texts.compactMap { text -> [UInt8]? in
                guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
                switch address {
                case .v4(let v4) where kind == .a: return withUnsafeBytes(of: v4.address) { Array($0[4..<8]) }
                case .v6(let v6) where kind == .aaaa: return withUnsafeBytes(of: v6.address) { Array($0[8..<24]) }
                default: return nil
                }
            }
        var out = ByteBuffer()
        out.writeInteger(id)
        out.writeInteger(0x8180 | code | (truncated ? 0x0200 : 0))
        out.writeInteger(UInt16(1))
        out.writeInteger(UInt16(addresses.count + (alias == nil ? 0 : 1)))
        out.writeInteger(UInt16(soa ? 1 : 0))
        out.writeInteger(UInt16(0))
        out.writeImmutableBuffer(question)
        var owner: [UInt8] = [0xC0, 0x0C]
        if let alias {
            var target: [UInt8] = []
            for label in alias.split(separator: ".") {
                target.append(UInt8(label.utf8.count))
                target += label.utf8
            }
            target.append(0)
            record(&out, owner, 5, ttl, target)
            owner = target
        }
        for address in addresses { record(&out, owner, kind.rawValue, ttl, address) }
        if soa {
            // Root as both names, then serial, refresh, retry, expire and the minimum of one second.
            record(&out, [0xC0, 0x0C], 6, 60, [0, 0] + [UInt8](repeating: 0, count: 16) + [0, 0, 0, 1])
        }
        return out
    }

    private func record(_ out: inout ByteBuffer, _ owner: [UInt8], _ type: UInt16, _ ttl: UInt32, _ data: [UInt8]) {
        out.writeBytes(owner)
        out.writeInteger(type)
        out.writeInteger(UInt16(1))
        out.writeInteger(ttl)
        out.writeInteger(UInt16(data.count))
        out.writeBytes(data)
    }
}

extension ByteBuffer {
    fileprivate init(integers: [UInt16], _ rest: ByteBuffer) {
        self.init()
        for integer in integers { writeInteger(integer) }
        writeImmutableBuffer(rest)
    }
}

private final class NameDatagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>
    private let answerer: Answerer
    init(answerer: Answerer) { self.answerer = answerer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard case .message(let answer) = answerer.answer(envelope.data, overTCP: false) else { return }
        let channel = context.channel
        let reply = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: answer)
        if answerer.delay.nanoseconds == 0 {
            channel.writeAndFlush(reply, promise: nil)
        } else {
            context.eventLoop.scheduleTask(in: answerer.delay) { channel.writeAndFlush(reply, promise: nil) }
        }
    }
}

private final class NameStream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let answerer: Answerer
    private var received = ByteBuffer()
    init(answerer: Answerer) { self.answerer = answerer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        while let length = received.getInteger(at: received.readerIndex, as: UInt16.self),
            let question = received.getSlice(at: received.readerIndex + 2, length: Int(length))
        {
            received.moveReaderIndex(forwardBy: 2 + Int(length))
            switch answerer.answer(question, overTCP: true) {
            case .silence: continue
            case .close: return context.close(promise: nil)
            case .message(let answer):
                var out = ByteBuffer(integer: UInt16(answer.readableBytes))
                out.writeImmutableBuffer(answer)
                context.writeAndFlush(wrapOutboundOut(out), promise: nil)
            }
        }
    }
}
