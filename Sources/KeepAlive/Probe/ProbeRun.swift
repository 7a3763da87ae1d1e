import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import StokerCore

/// One attempt from its first packet to its last: resolve, connect, TLS, request, answer, redirects.
///
/// It is also the last handler of its connection's pipeline. Confined to the lane's loop, which is what makes
/// `@unchecked Sendable` true: the resolver's callback hops there, everything else is a channel's callback on it.
final class ProbeRun: ProbeTask, @unchecked Sendable {
    /// How far the conversation goes before it is reported as well.
    enum Goal { case connected, encrypted, answered }

    private enum Stage { case resolving, connecting, handshaking, waiting, reading, lingering, done }

    private let lane: ProbeLane
    private let check: Check
    private let goal: Goal
    private var then: ((Attempt) -> Void)?
    private let at: Instant
    private var stage = Stage.resolving
    private var reported = false

    private var slot: Int
    private let totalDeadline: UInt64
    /// End of the present phase; never later than `totalDeadline`.
    private var phaseDeadline: UInt64 = .max
    /// When the next address is tried beside the one that does not answer.
    private var fallbackAt: UInt64 = .max

    private var candidates: [SocketAddress] = []
    private var nextCandidate = 0
    private var connectors: [ProbeConnector] = []
    private var channel: (any Channel)?
    private var tlsHandler: NIOSSLClientHandler?

    private var sharesSecrets = true
    /// A redirect came from a public address.
    private var cameFromOutside = false
    private var method: String
    private var sendsBody: Bool
    private let keep: Int
    private var reader = AnswerReader(method: "GET")
    private var cookies = ProbeCookies()
    /// A name of the chain could not be looked up; its last known address was used.
    private var isStale = false
    /// The answer is of a kind that does not end, such as server-sent events.
    private var isStream = false
    /// Size of a stream's body when it was last held against the expectations.
    private var streamSeen = 0
    private var holdsLargeBody = false

    private var issued: UInt64 = 0
    private var phaseBegan: UInt64
    private var requestWritten: UInt64 = 0
    private var firstByteAt: UInt64 = 0

    /// The exchange under way, and those that ended in a redirect.
    private var exchange = ProbeExchange()
    private var earlier: [ProbeExchange] = []
    private var certificate: NIOSSLCertificate?
    private var tlsVersion: TLSVersion?

    /// How long an address may be silent before the next one is tried beside it (RFC 8305 section 5).
    private static let fallbackNanoseconds: UInt64 = 250_000_000
    /// More than this is kept of a few bodies at a time only.
    private static let largeBody = 65_536

    init(lane: ProbeLane, check: Check, until goal: Goal, then: @escaping (Attempt) -> Void) {
        self.lane = lane
        self.check = check
        self.goal = goal
        self.then = then
        at = lane.now()
        slot = -1
        let request = check.policy.request
        method = request.method
        sendsBody = request.body != nil
        keep = check.policy.expect.readsBody ? AnswerBody.limit : 1_024
        phaseBegan = NIODeadline.now().uptimeNanoseconds
        totalDeadline = phaseBegan &+ check.policy.timeout.nanoseconds
    }

    /// Reads the address and goes.
    func begin() {
        slot = lane.take(self)
        if let problem = check.policy.request.problem { return fail(.invalidAddress, problem) }
        do throws(ProbeAddress.Problem) {
            let address = try ProbeAddress(check.address)
            guard address.scheme.kind == check.policy.kind else {
                return fail(.invalidAddress, "a \(check.policy.kind.rawValue) check cannot use this kind of address")
            }
            resolve(address)
        } catch {
            fail(.invalidAddress, error.text)
        }
    }

    // MARK: Resolve

    private func resolve(_ address: ProbeAddress) {
        exchange.address = address
        stage = .resolving
        if let literal = address.literal {
            candidates = [literal]
            return connectFirst(NIODeadline.now().uptimeNanoseconds)
        }
        let name = address.isRooted ? address.host + "." : address.host
        switch lane.resolver.cached(name) {
        case .some(let resolution): resolved(resolution)
        case nil:
            enter(.resolving, limit: nil)
            let round = earlier.count
            lane.resolver.resolve(name, on: lane.eventLoop) { [self] resolution in
                guard stage == .resolving, earlier.count == round else { return }
                resolved(resolution)
            }
        }
    }

    private func resolved(_ resolution: Resolution) {
        let now = NIODeadline.now().uptimeNanoseconds
        exchange.phases.resolve = micros(now &- phaseBegan)
        switch resolution {
        case .found(let found, let stale):
            exchange.stale = stale
            isStale = isStale || stale
            candidates = found
            for index in candidates.indices { candidates[index].port = exchange.address?.port }
            connectFirst(now)
        case .failed(let cause, let detail):
            fail(cause, detail)
        }
    }

    // MARK: Connect

    private func connectFirst(_ now: UInt64) {
        // A target must not make us read what only this machine or its network can reach, and show it.
        if !earlier.isEmpty {
            candidates.removeAll { $0.isNeverRedirectedTo && !sharesOrigin($0) }
            guard !candidates.isEmpty else {
                return fail(
                    .badRedirect,
                    "a redirect leads to an address of a tunnel, a translator or a cloud's metadata service")
            }
        }
        if cameFromOutside {
            candidates.removeAll { !$0.isPublic }
            guard !candidates.isEmpty else {
                return fail(.badRedirect, "a redirect from the internet leads into this machine's own network")
            }
        }
        nextCandidate = 0
        enter(.connecting, limit: check.policy.connectTimeout, now: now)
        connectNext(now)
    }

    /// The fleet file itself leads there.
    private func sharesOrigin(_ address: SocketAddress) -> Bool {
        earlier.first?.peer.map { $0.bytes == address.bytes } ?? false
    }

    private func connectNext(_ now: UInt64) {
        let address = candidates[nextCandidate]
        nextCandidate += 1
        fallbackAt = nextCandidate < candidates.count ? now &+ Self.fallbackNanoseconds : .max
        lane.setDeadline(slot, min(phaseDeadline, fallbackAt))
        let connector = ProbeConnector(run: self, address: address, issued: now)
        connectors.append(connector)
        exchange.peer = address
        lane.connect(connector, to: address)
    }

    func connected(_ connector: ProbeConnector, _ channel: any Channel) {
        guard stage == .connecting, connectors.contains(where: { $0 === connector }) else {
            channel.close(mode: .all, promise: nil)
            return
        }
        let now = NIODeadline.now().uptimeNanoseconds
        // A closed port inside the range of our own ports can be answered by ourselves: the kernel lets a socket
        // connect to itself. Nothing listens there.
        if connector.address.port ?? 0 >= 1_024, let own = channel.localAddress, own.port == connector.address.port,
            own == channel.remoteAddress
        {
            channel.close(mode: .all, promise: nil)
            return connectFailed(connector, ProbeErrors.selfConnect)
        }
        for other in connectors where other !== connector { other.channel?.close(mode: .all, promise: nil) }
        connectors.removeAll()
        fallbackAt = .max
        self.channel = channel
        exchange.peer = connector.address
        issued = connector.issued
        exchange.phases.connect = micros(now &- issued)
        if goal == .connected {
            exchange.phases.latency = exchange.phases.connect
            closeNow()
            return finish(.connected)
        }
        converse(channel, now)
    }

    func connectFailed(_ connector: ProbeConnector, _ error: any Error) {
        guard stage == .connecting, let index = connectors.firstIndex(where: { $0 === connector }) else { return }
        connectors.remove(at: index)
        let now = NIODeadline.now().uptimeNanoseconds
        if nextCandidate < candidates.count {
            connectNext(now)
        } else if connectors.isEmpty {
            exchange.peer = connector.address
            exchange.phases.connect = micros(now &- connector.issued)
            let (cause, detail) = ProbeErrors.connect(error, to: connector.address)
            fail(cause, detail)
        }
    }

    // MARK: Talk

    private func converse(_ channel: any Channel, _ now: UInt64) {
        let pipeline = channel.pipeline.syncOperations
        do {
            if goal == .encrypted || exchange.address?.scheme == .https {
                enter(.handshaking, limit: check.policy.tlsTimeout, now: now)
                let context = try lane.tls.context(
                    verifying: check.policy.request.verifyTLS, offersHTTP: goal == .answered)
                let name = exchange.address?.literal == nil ? exchange.address?.host : nil
                let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
                tlsHandler = handler
                // First ours, then TLS in front: its handshake begins when it is added, and must find a listener.
                try pipeline.addHandler(self, name: "probe")
                try pipeline.addHandler(handler, name: "tls", position: .first)
            } else {
                enter(.waiting, limit: nil, now: now)
                try pipeline.addHandler(self, name: "probe")
                send(on: channel, now)
            }
        } catch {
            let (cause, detail) = ProbeErrors.tls(error, host: exchange.address?.host ?? "", certificate: nil)
            fail(cause, detail)
        }
    }

    private func send(on channel: any Channel, _ now: UInt64) {
        guard let address = exchange.address else { return }
        enter(.waiting, limit: nil, now: now)
        exchange.sent = ProbeRequest.bytes(
            method: method, address: address, request: check.policy.request, withBody: sendsBody,
            withSecrets: sharesSecrets, cookies: cookies.header(for: address), userAgent: lane.userAgent,
            allocator: channel.allocator)
        exchange.phases.requestSent = true
        requestWritten = now
        reader = AnswerReader(method: method)
        channel.writeAndFlush(exchange.sent, promise: nil)
    }

    /// Bytes of the answer arrived, before anybody parsed them.
    private func arrived() {
        guard firstByteAt == 0, stage == .waiting else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        firstByteAt = now
        exchange.phases.firstByte = micros(now &- requestWritten)
        exchange.phases.latency = micros(now &- issued)
    }

    private func received(_ head: HTTPResponseHead) {
        guard stage == .waiting else { return }
        stage = .reading
        exchange.head = head
        let request = check.policy.request
        if request.redirects > 0, let (address, location) = redirect(head) {
            guard earlier.count < request.redirects else {
                return fail(.tooManyRedirects, "more than \(request.redirects) redirects")
            }
            guard let address else {
                return fail(.badRedirect, "\(head.status.code) leads to \(Redaction.text(location))")
            }
            return followRedirect(address, status: head.status.code)
        }
        if head.status.code == 101 { return answered(truncated: false, complete: false) }
        guard reader.mayBeEndless, let type = head.headers.first(name: "content-type"), Self.isStream(type) else {
            return
        }
        // It would be waited for until the limit of each ping.
        isStream = true
        if !check.policy.expect.readsBody { answered(truncated: true, complete: false) }
    }

    private static func isStream(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" && $0 != " " }.lowercased()
        return type == "text/event-stream" || type == "multipart/x-mixed-replace"
    }

    /// The place a redirect leads to; nil when it leads nowhere we can go.
    private func redirect(_ head: HTTPResponseHead) -> (ProbeAddress?, String)? {
        switch head.status.code {
        case 301, 302, 303, 307, 308: break
        default: return nil
        }
        // An empty one leads nowhere: curl and browsers take the answer as it is.
        guard let location = reader.location, !location.isEmpty, let address = exchange.address else { return nil }
        let text = String(decoding: location, as: UTF8.self)
        do throws(ProbeAddress.Problem) {
            return (try address.following(location), text)
        } catch {
            return (nil, "\(text.prefix(500)): \(error.text)".printable)
        }
    }

    private func followRedirect(_ address: ProbeAddress, status: UInt) {
        if let from = exchange.address, !address.mayShareSecrets(with: from) { sharesSecrets = false }
        if let peer = exchange.peer, peer.isPublic { cameFromOutside = true }
        // RFC 9110 section 15.4: 303 always becomes GET, 301 and 302 do for POST, as every browser does.
        if status == 303 && method != "HEAD" || (status == 301 || status == 302) && method == "POST" {
            method = "GET"
            sendsBody = false
        }
        guard sharesSecrets || !sendsBody else {
            return fail(.badRedirect, "\(status) leads to another host, which would be sent the request's body")
        }
        if let head = exchange.head, let from = exchange.address { cookies.take(head.headers, from: from) }
        earlier.append(exchange)
        exchange = ProbeExchange()
        firstByteAt = 0
        phaseBegan = NIODeadline.now().uptimeNanoseconds
        detach()
        resolve(address)
    }

    private func received(_ bytes: ByteBuffer) {
        guard stage == .reading else { return }
        exchange.bodyBytes += bytes.readableBytes
        var bytes = bytes
        if keep > Self.largeBody, !holdsLargeBody,
            exchange.body.readableBytes + bytes.readableBytes > Self.largeBody
        {
            if let first = bytes.readSlice(length: Self.largeBody - exchange.body.readableBytes) {
                exchange.body.writeImmutableBuffer(first)
            }
            // Most pages have what is expected of them near the beginning.
            if ResponseEvaluator.isBodyMet(answer(truncated: true), expect: check.policy.expect) {
                return answered(truncated: true, complete: false)
            }
            guard lane.mayHoldLargeBody() else {
                return fail(.selfOverloaded, "\(ProbeLane.maxLargeBodies) large answers were being read already")
            }
            holdsLargeBody = true
        }
        let room = keep - exchange.body.readableBytes
        if bytes.readableBytes <= room, exchange.body.readableBytes == 0 {
            // A copy, because a slice would keep the whole read buffer alive for as long as the transcript.
            exchange.body = ByteBuffer(bytes: bytes.readableBytesView)
        } else {
            exchange.body.writeBytes(bytes.readableBytesView.prefix(room))
        }
        if bytes.readableBytes > room || exchange.body.readableBytes == keep && reader.hasMore {
            answered(truncated: true, complete: false)
        } else if isStream, exchange.bodyBytes - streamSeen > streamSeen / 8 {
            // Not at each piece: looking at it all again for every byte would be quadratic.
            streamSeen = exchange.bodyBytes
            if ResponseEvaluator.isBodyMet(answer(truncated: true), expect: check.policy.expect) {
                answered(truncated: true, complete: false)
            }
        }
    }

    private func answered(truncated: Bool, complete: Bool, stoppedAfter: Duration? = nil) {
        guard exchange.head != nil else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        exchange.phases.body = micros(now &- firstByteAt)
        let answer = answer(truncated: truncated, stoppedAfter: stoppedAfter)
        if complete, channel?.isActive == true, lane.mayLinger() {
            stage = .lingering
            lane.setDeadline(slot, now &+ ProbeLane.lingerNanoseconds)
        } else {
            closeNow()
        }
        finish(.answer(answer))
    }

    private func answer(truncated: Bool, stoppedAfter: Duration? = nil) -> Answer {
        Answer(
            status: UInt16(clamping: exchange.head?.status.code ?? 0), headers: exchange.head?.headers ?? [:],
            body: exchange.body, truncated: truncated, redirects: earlier.count, transferCodings: reader.codings,
            stoppedAfter: stoppedAfter)
    }

    // MARK: End

    /// The moment that was asked for with `setDeadline` came.
    func deadlinePassed(_ now: UInt64) {
        switch stage {
        case .done: return
        case .lingering: return closeNow()
        case .connecting where now < phaseDeadline:
            if fallbackAt <= now, nextCandidate < candidates.count { return connectNext(now) }
        default: break
        }
        guard now >= phaseDeadline else { return lane.setDeadline(slot, min(phaseDeadline, fallbackAt)) }
        let policy = check.policy
        let whole = now >= totalDeadline
        switch stage {
        case .resolving: fail(.dnsTimeout, "no answer from the name server within \(policy.timeout.text)")
        case .connecting:
            exchange.phases.connect = micros(now &- phaseBegan)
            let limit = whole ? policy.timeout : policy.connectTimeout
            fail(.connectTimeout, "\(exchange.peer?.text ?? "") did not answer within \(limit.text)")
        case .handshaking:
            exchange.phases.tls = micros(now &- phaseBegan)
            fail(.tlsTimeout, "no TLS session within \((whole ? policy.timeout : policy.tlsTimeout).text)")
        case .waiting where firstByteAt == 0:
            exchange.phases.firstByte = micros(now &- requestWritten)
            fail(.firstByteTimeout, "no answer within \(policy.timeout.text)")
        case .waiting: fail(.bodyTimeout, "the answer's head did not end within \(policy.timeout.text)")
        case .reading where reader.mayBeEndless && exchange.bodyBytes > 0:
            // Nothing that was announced is missing: what came is judged.
            answered(truncated: true, complete: false, stoppedAfter: policy.timeout)
        case .reading:
            exchange.phases.body = micros(now &- firstByteAt)
            fail(.bodyTimeout, "\(exchange.bodyBytes) bytes of body came within \(policy.timeout.text)")
        case .lingering, .done: break
        }
    }

    func abandon(_ cause: Cause, _ detail: String) {
        if stage == .lingering { closeNow() } else { fail(cause, detail) }
    }

    func fail(_ cause: Cause, _ detail: String) {
        guard !reported else { return }
        closeNow()
        finish(.failed(cause, detail: KnownSecrets(check.policy.request, addresses: [check.address]).text(detail)))
    }

    private func finish(_ result: Attempt.Result) {
        guard !reported else { return }
        reported = true
        // The transcript shows the beginning; the rest would stay in memory as long as it does.
        if exchange.body.readableBytes > 4_096 {
            exchange.body = ByteBuffer(bytes: exchange.body.readableBytesView.prefix(4_096))
        }
        exchange.transferCodings = reader.codings
        reader.forget()
        let end = certificate.map { UInt32(clamping: $0.notValidAfter / 3_600) } ?? 0
        let attempt = Attempt(
            at: at, result: result, phases: exchange.phases, certificateEndHours: end, staleName: isStale,
            transcript: { [self] in transcript($0, $1, $2, $3) })
        lane.report(self, attempt)
    }

    /// What a run knows does not change once it is reported.
    private func transcript(_ attempt: Int, _ outcome: Outcome, _ cause: Cause, _ detail: String) -> Transcript {
        ProbeRecord(
            at: at, request: check.policy.request, exchanges: earlier, last: exchange, certificate: certificate,
            tlsVersion: tlsVersion
        ).transcript(attempt, outcome, cause, detail)
    }

    func deliver(_ attempt: Attempt) {
        let then = then
        self.then = nil
        then?(attempt)
        if holdsLargeBody { lane.largeBodyGone() }
    }

    /// Gives the slot back and closes whatever is open.
    private func closeNow() {
        guard stage != .done else { return }
        if stage == .lingering { lane.lingered() }
        stage = .done
        if slot >= 0 { lane.release(slot) }
        slot = -1
        for connector in connectors { connector.channel?.close(mode: .all, promise: nil) }
        connectors.removeAll()
        detach()
    }

    /// Closes the connection at its socket, past TLS, whose farewell would wait for a peer that may be gone.
    private func detach() {
        guard let channel else { return }
        self.channel = nil
        if let tlsHandler {
            self.tlsHandler = nil
            if let context = try? channel.pipeline.syncOperations.context(handler: tlsHandler) {
                // The handler is gone when the connection is: then there is nothing left to close.
                context.close(mode: .all, promise: nil)
            }
        } else {
            channel.close(mode: .all, promise: nil)
        }
    }

    private func enter(_ stage: Stage, limit: Duration?, now: UInt64? = nil) {
        let now = now ?? NIODeadline.now().uptimeNanoseconds
        self.stage = stage
        phaseBegan = now
        phaseDeadline = limit.map { min(totalDeadline, now &+ $0.nanoseconds) } ?? totalDeadline
        if stage != .connecting { lane.setDeadline(slot, phaseDeadline) }
    }

    private func micros(_ nanoseconds: UInt64) -> UInt32 { UInt32(clamping: nanoseconds / 1_000) }
}

extension ProbeRun: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard context.channel === channel, stage == .waiting || stage == .reading else { return }
        arrived()
        reader.take(unwrapInboundIn(data))
        do throws(AnswerReader.Fault) {
            while stage == .waiting || stage == .reading, context.channel === channel, let part = try reader.next() {
                switch part {
                case .head(let head): received(head)
                case .body(let bytes): received(bytes)
                case .end: answered(truncated: false, complete: true)
                }
            }
        } catch {
            fail(error.cause, error.detail)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if stage == .handshaking, case .handshakeCompleted? = event as? TLSUserEvent {
            let now = NIODeadline.now().uptimeNanoseconds
            exchange.phases.tls = micros(now &- phaseBegan)
            certificate = tlsHandler?.peerCertificate
            tlsVersion = tlsHandler?.tlsVersion
            if check.policy.request.verifyTLS, let address = exchange.address {
                guard let certificate else { return fail(.tlsCertificate, "the server showed no certificate") }
                guard CertificateNames.areFor(address, certificate) else {
                    return fail(.tlsWrongName, ProbeErrors.wrongName(address.host, certificate))
                }
            }
            if goal == .encrypted {
                exchange.phases.latency = micros(now &- issued)
                closeNow()
                return finish(.connected)
            }
            send(on: context.channel, now)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard context.channel === channel else { return }
        switch stage {
        case .handshaking:
            exchange.phases.tls = micros(NIODeadline.now().uptimeNanoseconds &- phaseBegan)
            certificate = tlsHandler?.peerCertificate
            let (cause, detail) = ProbeErrors.tls(
                error, host: exchange.address?.host ?? "", certificate: certificate)
            fail(cause, detail)
        case .waiting, .reading:
            // Many servers close without TLS's farewell; whether the answer was complete is for the codec to say.
            if case .uncleanShutdown? = error as? NIOSSLError { return }
            let (cause, detail) = ProbeErrors.talk(error, anyByte: firstByteAt != 0)
            fail(cause, detail)
        case .lingering: closeNow()
        case .resolving, .connecting, .done: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard context.channel === channel else { return }
        switch stage {
        case .handshaking: fail(.tlsHandshake, "the connection was closed during the TLS handshake")
        case .waiting:
            fail(.closedEarly, firstByteAt == 0 ? "closed without an answer" : "closed inside the answer's head")
        case .reading where reader.endsWithConnection: answered(truncated: false, complete: true)
        case .reading: fail(.closedEarly, "closed after \(exchange.bodyBytes) bytes of body")
        case .lingering: closeNow()
        case .resolving, .connecting, .done: break
        }
    }
}

extension Duration {
    /// Nanoseconds for deadlines: never negative, at most 30 years.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 1_000_000_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
