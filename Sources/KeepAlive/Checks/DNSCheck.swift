import NIOCore
import NIOPosix
package import StokerCore

extension DNSKind: ProbedKind {
    package static func run(
        _ check: Check, on lane: ProbeLane, then: @escaping (Attempt) -> Void
    ) -> any ProbeTask {
        DNSRun(lane: lane, check: check, then: then)
    }
}

/// One question to a name server from a port of its own: over UDP, sent again while nothing comes, over TCP when the answer is too long.
/// With several servers the next one is asked when one fails or is silent.
///
/// Confined to the lane's loop, which is what makes `@unchecked Sendable` true.
private final class DNSRun: ProbeTask, @unchecked Sendable {
    private let lane: ProbeLane
    private let check: Check
    private var then: ((Attempt) -> Void)?
    private let at: Instant
    private let began: UInt64
    private let deadline: UInt64
    private var slot = -1
    private var reported = false

    private var question = DNSKind.Question(name: "", type: "A")
    private var kind = DNSMessage.Kind.a
    private let id = UInt16.random(in: 0...UInt16.max)
    /// Old servers do not know EDNS.
    private var extended = true
    private var servers: [SocketAddress] = []
    private var staleServer = false
    /// The one that was asked last.
    private var current = 0
    private var refused: Set<Int> = []
    private var sent = 0
    private var retryAt = UInt64.max
    private var overTCP = false
    private var sockets: [Int: any Channel] = [:]
    private var stream: (any Channel)?
    private var asked: UInt64 = 0
    private var phases = Attempt.Phases()
    private var code: UInt8?
    private var records: [String] = []
    private var sawUnreadable = false

    /// Wait before the question is sent again, doubled with each round over the servers.
    private static let firstRetry: UInt64 = 500_000_000

    init(lane: ProbeLane, check: Check, then: @escaping (Attempt) -> Void) {
        self.lane = lane
        self.check = check
        self.then = then
        at = lane.now()
        began = NIODeadline.now().uptimeNanoseconds
        deadline = began &+ check.policy.timeout.nanoseconds
    }

    func begin() {
        slot = lane.take(self)
        do throws(Address.Fault) {
            question = try DNSKind.question(of: Address(check.address))
        } catch {
            return fail(.invalidAddress, "the address \(error.because)")
        }
        kind = DNSMessage.Kind(rawValue: DNSKind.types.first { $0.name == question.type }?.number ?? 1)
        lane.setDeadline(slot, deadline)
        guard let server = question.server else {
            return lane.resolver.servers(on: lane.eventLoop) { [self] servers in
                guard !servers.isEmpty else { return fail(.dnsFailed, "no name server is configured on this machine") }
                ask(servers)
            }
        }
        let bytes = Array(server.host.utf8)
        if let literal = HostAddress(v4: bytes) ?? HostAddress(v6: bytes),
            let address = SocketAddress(literal, port: server.port)
        {
            return ask([address])
        }
        lane.resolver.resolve(server.host, on: lane.eventLoop) { [self] resolution in
            phases.resolve = micros(NIODeadline.now().uptimeNanoseconds &- began)
            switch resolution {
            case .failed(let cause, let detail): fail(cause, "the name server: \(detail)")
            case .found(var addresses, let stale):
                staleServer = stale
                for index in addresses.indices { addresses[index].port = server.port }
                ask(addresses)
            }
        }
    }

    // MARK: Ask

    private func ask(_ servers: [SocketAddress]) {
        guard !reported else { return }
        self.servers = servers
        asked = NIODeadline.now().uptimeNanoseconds
        phases.requestSent = true
        send(to: 0, asked)
    }

    private func send(to server: Int, _ now: UInt64) {
        current = server
        let round = min(sent / servers.count, 6)
        sent += 1
        retryAt = now &+ Self.firstRetry << UInt64(round)
        lane.setDeadline(slot, min(deadline, retryAt))
        let message = DNSMessage.question(id: id, name: question.name, kind: kind, extended: extended)
        if let socket = sockets[server] {
            socket.writeAndFlush(message, promise: nil)
            return
        }
        DatagramBootstrap(group: lane.eventLoop)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Datagrams(run: self, server: server))
                }
            }
            .connect(to: servers[server])
            .whenComplete { [self] result in
                switch result {
                case .failure(let error):
                    let (cause, detail) = ProbeErrors.connect(error, to: servers[server])
                    refuse(server, cause == .selfOverloaded ? cause : .dnsFailed, detail)
                case .success(let socket):
                    guard !reported else { return socket.close(promise: nil) }
                    sockets[server] = socket
                    socket.writeAndFlush(message, promise: nil)
                }
            }
    }

    private func askOverTCP(_ server: Int) {
        guard !overTCP else { return }
        overTCP = true
        retryAt = .max
        lane.setDeadline(slot, deadline)
        ClientBootstrap(group: lane.eventLoop)
            .connectTimeout(.nanoseconds(Int64(clamping: check.policy.timeout.nanoseconds)))
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Stream(run: self, server: server))
                }
            }
            .connect(to: servers[server])
            .whenComplete { [self] result in
                guard case .success(let channel) = result else {
                    return fail(
                        .dnsFailed, "the long answer of \(servers[server].text) could not be fetched over TCP")
                }
                guard !reported else { return channel.close(promise: nil) }
                stream = channel
                let question = DNSMessage.question(id: id, name: question.name, kind: kind, extended: extended)
                var out = channel.allocator.buffer(capacity: question.readableBytes + 2)
                out.writeInteger(UInt16(truncatingIfNeeded: question.readableBytes))
                out.writeImmutableBuffer(question)
                channel.writeAndFlush(out, promise: nil)
            }
    }

    /// This server is of no use: the next one that is not known to be so is asked at once.
    fileprivate func refuse(_ server: Int, _ cause: Cause, _ detail: String) {
        guard !reported, !overTCP, refused.insert(server).inserted else { return }
        guard let next = servers.indices.first(where: { !refused.contains($0) }) else { return fail(cause, detail) }
        if server == current { send(to: next, NIODeadline.now().uptimeNanoseconds) }
    }

    fileprivate func streamEnded(_ server: Int) {
        fail(.dnsFailed, "\(servers[server].text) closed the connection before its long answer was complete")
    }

    // MARK: Hear

    fileprivate func received(_ message: ByteBuffer, from server: Int, overTCP: Bool) {
        guard !reported, DNSMessage.id(of: message) == id else { return }
        guard let answer = DNSMessage.records(message, to: question.name, kind: kind) else {
            // It may be forged: the real one is still waited for.
            sawUnreadable = true
            return
        }
        if answer.truncated, !overTCP { return askOverTCP(server) }
        let now = NIODeadline.now().uptimeNanoseconds
        if answer.code == 1 || answer.code == 4, extended, !overTCP {
            extended = false
            return send(to: server, now)
        }
        if answer.isLame {
            let detail = "\(servers[server].text) knows nothing of \(question.name) and asks nobody else"
            return overTCP ? fail(.dnsFailed, detail) : refuse(server, .dnsFailed, detail)
        }
        let name = DNSMessage.name(ofCode: answer.code)
        let said = "\(servers[server].text) answered \(name)"
        guard answer.code == 0 || answer.code == 3 else {
            code = answer.code
            return overTCP ? fail(.dnsFailed, said) : refuse(server, .dnsFailed, said)
        }
        code = answer.code
        current = server
        records = answer.texts
        phases.firstByte = micros(now &- asked)
        phases.latency = phases.firstByte
        if answer.code == 3 { return fail(.dnsNoSuchName, "\(question.name) does not exist: \(said)") }
        finish(.judged(judge()))
    }

    private func judge() -> AttemptResult {
        let (name, type) = (question.name, question.type)
        guard !records.isEmpty else {
            return AttemptResult(
                outcome: .down, cause: .dnsNoRecord,
                detail: "\(name) exists and has no \(type) record, says \(servers[current].text)")
        }
        let found = Set(records.compactMap { DNSKind.canonical($0, type: type) })
        for wanted in check.policy.expect.own["records"] ?? [] {
            guard let key = DNSKind.canonical(wanted, type: type), found.contains(key) else {
                let more = records.count > 5 ? " and \(records.count - 5) more" : ""
                return AttemptResult(
                    outcome: .down, cause: .recordMissing,
                    detail: shown(
                        "expected the \(type) record \(quoted(wanted)), found \(records.prefix(5).map { quoted($0) }.joined(separator: ", "))\(more)"
                    )
                )
            }
        }
        return AttemptResult(outcome: .up, cause: .none)
    }

    // MARK: End

    func deadlinePassed(_ now: UInt64) {
        guard !reported else { return }
        if now >= deadline {
            let asked = servers.isEmpty ? "the name server" : servers.prefix(3).map(\.text).joined(separator: ", ")
            let answer = sawUnreadable ? "no answer that can be read" : "no answer"
            return fail(.dnsTimeout, "\(answer) from \(asked) within \(check.policy.timeout.text)")
        }
        guard now >= retryAt, !overTCP else { return lane.setDeadline(slot, min(deadline, retryAt)) }
        let next = (1...servers.count).map { (current + $0) % servers.count }.first { !refused.contains($0) }
        send(to: next ?? current, now)
    }

    func abandon(_ cause: Cause, _ detail: String) { fail(cause, detail) }

    private func fail(_ cause: Cause, _ detail: String) { finish(.failed(cause, detail: shown(detail))) }

    /// Without what came out of variables.
    private func shown(_ text: String) -> String { Redaction.hide(check.policy.request.hidden, in: text) }

    private func finish(_ result: Attempt.Result) {
        guard !reported else { return }
        reported = true
        if slot >= 0 { lane.release(slot) }
        for socket in sockets.values { socket.close(promise: nil) }
        sockets = [:]
        stream?.close(promise: nil)
        stream = nil
        lane.report(
            self,
            Attempt(
                at: at, result: result, phases: phases, staleName: staleServer,
                transcript: { [self] in transcript($0, $1, $2, $3) }))
    }

    func deliver(_ attempt: Attempt) {
        let then = then
        self.then = nil
        then?(attempt)
    }

    private func transcript(_ attempt: Int, _ outcome: Outcome, _ cause: Cause, _ detail: String) -> Transcript {
        let all = [("resolve", phases.resolve), ("first byte", phases.firstByte)]
        let received =
            code.map { ["status: \(DNSMessage.name(ofCode: $0))"] + records.prefix(50).map { shown($0) } } ?? []
        return Transcript(
            at: at, attempt: attempt, outcome: outcome, cause: cause, detail: detail,
            exchanges: [
                Transcript.Exchange(
                    sent: question.name.isEmpty ? [] : [shown("\(question.name) \(question.type)")],
                    peer: servers.isEmpty ? nil : servers[current].text,
                    phases: all.filter { $0.1 > 0 }.map { .init(name: $0.0, microseconds: Int64($0.1)) },
                    received: received, body: "", bodyBytes: 0)
            ])
    }

    private func micros(_ nanoseconds: UInt64) -> UInt32 { UInt32(clamping: nanoseconds / 1_000) }

    private final class Datagrams: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        private let run: DNSRun
        private let server: Int
        init(run: DNSRun, server: Int) {
            self.run = run
            self.server = server
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            // The socket is connected: the kernel lets through only what comes from the server's address and port.
            run.received(unwrapInboundIn(data).data, from: server, overTCP: false)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            run.refuse(server, .dnsFailed, "nothing answers at the name server \(run.servers[server].text)")
        }
    }

    /// Two bytes of length before each message (RFC 1035 section 4.2.2).
    private final class Stream: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let run: DNSRun
        private let server: Int
        private var bytes = ByteBuffer()
        init(run: DNSRun, server: Int) {
            self.run = run
            self.server = server
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var more = unwrapInboundIn(data)
            bytes.writeBuffer(&more)
            guard let length = bytes.getInteger(at: bytes.readerIndex, as: UInt16.self),
                let message = bytes.getSlice(at: bytes.readerIndex + 2, length: Int(length))
            else { return }
            run.received(message, from: server, overTCP: true)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelInactive(context: ChannelHandlerContext) { run.streamEnded(server) }
    }
}
