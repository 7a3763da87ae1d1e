import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Runtime
import StokerCore
import Synchronization

/// `smtps://HOST`, `smtp://HOST:PORT`.
struct SMTPServer: Sendable, Equatable {
    /// Encrypted from the first byte (RFC 8314); otherwise by STARTTLS.
    var isImplicitTLS: Bool
    var host: String
    var port: Int

    init(_ text: String) throws(Address.Fault) {
        guard let scheme = ["smtps://", "smtp://"].first(where: text.lowercased().hasPrefix) else {
            throw Address.Fault(
                because: "is not a mail server; write smtps://smtp.example.com or smtp://smtp.example.com:587")
        }
        var rest = Array(text.utf8)[scheme.utf8.count...]
        if rest.last == UInt8(ascii: "/") { rest = rest.dropLast() }
        if rest.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 <= 0x20 }) {
            throw Address.Fault(because: "has something behind the host; write smtps://smtp.example.com")
        }
        if rest.contains(UInt8(ascii: "@")) {
            throw Address.Fault(because: "has a user in it; write `user` and `password` as keys of their own")
        }
        let place = try Address.Authority(rest)
        isImplicitTLS = scheme == "smtps://"
        host = place.host
        port = place.port ?? (isImplicitTLS ? 465 : 587)
    }
}

/// One mail given to a mail server: a connection, a message, good-bye.
///
/// Replies 4xx are for later, 5xx are final. A connection that breaks after the message's end leaves open whether it was taken: it is sent again, with
/// the same `Message-ID`. Source: RFC 5321 (SMTP), 3207 (STARTTLS), 4954 and 4616 (AUTH PLAIN), 8314 (implicit TLS).
struct SMTPDelivery: Sendable {
    var server: SMTPServer
    var user: String?
    var password: Secret?
    /// Where the server offers no STARTTLS.
    var mayBeClear: Bool
    var verifies: Bool
    var message: MailMessage

    var limit: Duration

    /// Ends the dialogue.
    private struct Stop: Error {
        var delivery: Delivery
        static func later(_ because: String) -> Stop { Stop(delivery: .later(after: nil, because: because)) }
        static func refused(_ because: String) -> Stop { Stop(delivery: .refused(because: because)) }
    }

    func run(on group: any EventLoopGroup) async -> Delivery {
        let delivery: Delivery
        do {
            delivery =
                try await withTimeout(limit) { try await converse(on: group) }
                ?? .later(after: nil, because: "\(server.host) was not done within \(Formatting.interval(limit))")
        } catch let stop as Stop {
            delivery = stop.delivery
        } catch is CancellationError {
            delivery = .later(after: nil, because: "Stoker was stopping")
        } catch {
            delivery = .later(after: nil, because: "\(server.host) could not be reached: \(Self.words(for: error))")
        }
        return cleaned(delivery)
    }

    private static func words(for error: any Error) -> String {
        if let error = error as? NIOSSLError {
            if case .handshakeFailed(let cause) = error {
                let text = "\(cause)"
                return text.contains("CERTIFICATE_VERIFY_FAILED")
                    ? "its certificate is not trusted"
                    : "the TLS handshake failed (\(Redaction.quote(text, limit: 120)))"
            }
            return "the encrypted connection broke"
        }
        if error is NIOSSLExtraError { return "its certificate is for another host" }
        if error is ChannelError { return "the connection was closed" }
        if let error = error as? NIOConnectionError {
            if error.dnsAError != nil || error.dnsAAAAError != nil, error.connectionErrors.isEmpty {
                return "no address is known for that name"
            }
            if let first = error.connectionErrors.first { return Redaction.quote("\(first.error)", limit: 120) }
        }
        return Redaction.quote("\(error)", limit: 120)
    }

    /// A server may say what it was told.
    private func cleaned(_ delivery: Delivery) -> Delivery {
        var secrets = [password].compactMap(\.self)
        if let password { secrets += [Secret(Self.base64(password.reveal())), Secret(plainAnswer)] }
        func clean(_ text: String) -> String { Redaction.text(Redaction.hide(secrets, in: text)) }
        switch delivery {
        case .delivered(let note): return .delivered(note: note.map(clean))
        case .partly(let because): return .partly(because: clean(because))
        case .later(let after, let because): return .later(after: after, because: clean(because))
        case .refused(let because): return .refused(because: clean(because))
        }
    }

    private static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
    private var plainAnswer: String { Self.base64("\0\(user ?? "")\0\(password?.reveal() ?? "")") }

    // MARK: Connection

    private func converse(on group: any EventLoopGroup) async throws -> Delivery {
        let (verifies, server) = (verifies, server)
        // Reads the machine's certificates from files.
        let context = try await NIOThreadPool.singleton.runIfActive {
            var configuration = TLSConfiguration.makeClientConfiguration()
            if !verifies { configuration.certificateVerification = .none }
            return try NIOSSLContext(configuration: configuration)
        }
        let firstError = FirstError()
        let channel = try await ClientBootstrap(group: group).connectTimeout(.seconds(10)).connect(
            host: server.host, port: server.port
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                if server.isImplicitTLS {
                    try channel.pipeline.syncOperations.addHandler(Self.handler(context, server))
                }
                try channel.pipeline.syncOperations.addHandler(FirstErrorHandler(firstError))
                return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        do {
            return try await converse(over: channel, context)
        } catch let error where !(error is CancellationError) && !(error is Stop) {
            // A handshake that fails closes the connection. A write that comes later is only told that it is closed.
            throw firstError.value ?? error
        }
    }

    private func converse(
        over channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ context: NIOSSLContext
    ) async throws -> Delivery {
        let server = server
        return try await channel.executeThenClose { inbound, outbound in
            var wire = Wire(inbound: inbound.makeAsyncIterator(), outbound: outbound, host: server.host)
            let delivery = try await dialogue(&wire, isEncrypted: server.isImplicitTLS, on: channel.channel) {
                try await channel.channel.eventLoop.submit {
                    try channel.channel.pipeline.syncOperations.addHandler(
                        Self.handler(context, server), position: .first)
                }.get()
            }
            // Its answer changes nothing.
            try? await wire.send("QUIT")
            return delivery
        }
    }

    /// What broke a connection first.
    private final class FirstError: Sendable {
        private let stored = Mutex<(any Error)?>(nil)
        var value: (any Error)? { stored.withLock { $0 } }
        func note(_ error: any Error) { stored.withLock { $0 = $0 ?? error } }
    }

    private final class FirstErrorHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let first: FirstError
        init(_ first: FirstError) { self.first = first }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            first.note(error)
            context.fireErrorCaught(error)
        }
    }

    private static func handler(_ context: NIOSSLContext, _ server: SMTPServer) throws -> NIOSSLClientHandler {
        let isAddress = HostAddress(v4: server.host.utf8) ?? HostAddress(v6: server.host.utf8) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : server.host)
    }

    // MARK: Dialogue

    private func dialogue(
        _ wire: inout Wire, isEncrypted: Bool, on channel: any NIOCore.Channel, encrypt: () async throws -> Void
    ) async throws -> Delivery {
        try Self.expect(try await wire.reply(), 220, "did not greet", server)
        let name = Self.ownName(channel)
        var extensions = try await hello(&wire, name)
        var isEncrypted = isEncrypted
        if !isEncrypted, extensions["STARTTLS"] != nil {
            try Self.expect(try await wire.call("STARTTLS"), 220, "refused STARTTLS", server)
            // What came unencrypted behind the reply is nobody's word. Source: RFC 3207 section 6, CVE-2011-0411.
            guard wire.isEmpty else {
                throw Stop.refused("\(server.host) sent something between STARTTLS and the handshake")
            }
            try await encrypt()
            isEncrypted = true
            extensions = try await hello(&wire, name)
        }
        guard isEncrypted || mayBeClear else {
            throw Stop.refused(
                "\(server.host) offers no encryption (STARTTLS); write smtps://…, or tls: off in a network of your own")
        }
        if let user { try await signIn(user, &wire, extensions["AUTH"] ?? []) }
        return try await send(&wire)
    }

    private func hello(_ wire: inout Wire, _ name: String) async throws -> [String: [String]] {
        let reply = try await wire.call("EHLO \(name)")
        try Self.expect(reply, 250, "refused EHLO", server)
        var extensions: [String: [String]] = [:]
        for line in reply.lines.dropFirst() {
            let words = line.uppercased().split { $0 == " " || $0 == "=" }.map(String.init)
            if let name = words.first { extensions[name, default: []] += words.dropFirst() }
        }
        return extensions
    }

    private func signIn(_ user: String, _ wire: inout Wire, _ offered: [String]) async throws {
        let secret = password?.reveal() ?? ""
        var reply: Reply
        if offered.contains("PLAIN") {
            reply = try await wire.call("AUTH PLAIN \(plainAnswer)")
        } else if offered.contains("LOGIN") {
            reply = try await wire.call("AUTH LOGIN")
            if reply.code == 334 { reply = try await wire.call(Self.base64(user)) }
            if reply.code == 334 { reply = try await wire.call(Self.base64(secret)) }
        } else {
            throw Stop.refused(
                "\(server.host) offers no sign-in that is known here (PLAIN, LOGIN)\(offered.isEmpty ? "" : ", but \(offered.joined(separator: ", "))")"
            )
        }
        try Self.expect(reply, 235, "refused the sign-in", server)
    }

    private func send(_ wire: inout Wire) async throws -> Delivery {
        try Self.expect(try await wire.call("MAIL FROM:<\(message.from.address)>"), 250, "refused the sender", server)
        var refusals: [(address: String, reply: Reply)] = []
        for recipient in message.to {
            let reply = try await wire.call("RCPT TO:<\(recipient.address)>")
            if reply.code != 250, reply.code != 251 { refusals.append((recipient.address, reply)) }
        }
        // Those who can be reached are told now; who cannot is named.
        if refusals.count == message.to.count,
            let worst = refusals.first(where: { $0.reply.code < 500 }) ?? refusals.first
        {
            try Self.expect(worst.reply, 250, "refused \(worst.address)", server)
        }
        try Self.expect(try await wire.call("DATA"), 354, "refused the message", server)
        let reply: Reply
        do {
            reply = try await wire.call(body: Self.stuffed(message.bytes))
        } catch let error where !(error is CancellationError) {
            throw Stop.later("\(server.host) was lost after the message was sent; it may have arrived")
        }
        try Self.expect(reply, 250, "refused the message", server)
        guard !refusals.isEmpty else { return .delivered(note: Redaction.quote(reply.text, limit: 300)) }
        // Those who have it would get it once more if the others were tried again.
        let missing = refusals.map { "\($0.address): \($0.reply.code) \(Redaction.quote($0.reply.text, limit: 120))" }
        return .partly(
            because: "delivered to \(message.to.count - refusals.count) of \(message.to.count); \(server.host) refused "
                + missing.prefix(5).joined(separator: "; ")
                + (missing.count > 5 ? "; and \(missing.count - 5) more" : ""))
    }

    private static func expect(_ reply: Reply, _ code: Int, _ what: String, _ server: SMTPServer) throws {
        guard reply.code != code, !(code == 250 && reply.code == 251) else { return }
        let because = "\(server.host) \(what): \(reply.code) \(Redaction.quote(reply.text, limit: 160))"
        throw (400..<500).contains(reply.code) ? Stop.later(because) : Stop.refused(because)
    }

    /// A line that begins with a dot gets a second one; the message's end is a dot alone. Source: RFC 5321 section 4.5.2.
    static func stuffed(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 16)
        var isStart = true
        for byte in bytes {
            if isStart, byte == UInt8(ascii: ".") { out.append(byte) }
            out.append(byte)
            isStart = byte == 0x0A
        }
        if !isStart { out += [0x0D, 0x0A] }
        return out + Array(".\r\n".utf8)
    }

    /// Our end of the connection as an address literal: true whatever the machine is called. Source: RFC 5321 section 4.1.3.
    private static func ownName(_ channel: any NIOCore.Channel) -> String {
        guard let address = channel.localAddress?.ipAddress else { return "[127.0.0.1]" }
        return address.contains(":") ? "[IPv6:\(address.prefix { $0 != "%" })]" : "[\(address)]"
    }

    // MARK: Lines

    struct Reply: Sendable {
        var code: Int
        /// Without the codes.
        var lines: [String]
        var text: String { lines.joined(separator: " ") }
    }

    /// Commands out, replies in.
    private struct Wire {
        var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        let host: String
        private var buffer: [UInt8] = []

        init(
            inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
            outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, host: String
        ) {
            self.inbound = inbound
            self.outbound = outbound
            self.host = host
        }

        var isEmpty: Bool { buffer.isEmpty }

        func send(_ line: String) async throws { try await outbound.write(ByteBuffer(string: line + "\r\n")) }

        mutating func call(_ line: String) async throws -> Reply {
            try await send(line)
            return try await reply()
        }

        mutating func call(body: [UInt8]) async throws -> Reply {
            try await outbound.write(ByteBuffer(bytes: body))
            return try await reply()
        }

        /// Bounded: 100 lines of 2,000 bytes (RFC 5321 section 4.5.3.1.5 allows 512).
        mutating func reply() async throws -> Reply {
            var lines: [String] = []
            while lines.count < 100 {
                let line = try await nextLine()
                let code = line.prefix(3)
                guard code.count == 3, let number = Int(code), (200..<600).contains(number) else { throw nonsense }
                let rest = line.dropFirst(3)
                lines.append(String(rest.dropFirst()))
                if rest.first != "-" { return Reply(code: number, lines: lines) }
            }
            throw nonsense
        }

        private var nonsense: Stop { .later("\(host) does not speak SMTP") }

        private mutating func nextLine() async throws -> String {
            while true {
                if let end = buffer.firstIndex(of: 0x0A) {
                    var line = buffer[..<end]
                    if line.last == 0x0D { line = line.dropLast() }
                    buffer.removeSubrange(...end)
                    return String(decoding: line, as: UTF8.self)
                }
                guard buffer.count <= 2_000 else { throw nonsense }
                guard let piece = try await inbound.next(isolation: #isolation) else {
                    try Task.checkCancellation()
                    throw Stop.later("\(host) closed the connection")
                }
                buffer += piece.readableBytesView
            }
        }
    }
}
