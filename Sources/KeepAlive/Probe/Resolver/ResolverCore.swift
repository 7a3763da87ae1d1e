import NIOCore
import NIOPosix
import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The resolver's conversation with name servers. Confined to `eventLoop`, hence `@unchecked Sendable`: it is entered
/// only through `eventLoop.execute` and from callbacks of channels and timers on that loop.
final class ResolverCore: @unchecked Sendable {
    let eventLoop: any EventLoop
    let configuration: ResolverConfiguration
    private var files: ResolverFiles?
    private var reading = false
    private var waitingForFiles: [() -> Void] = []
    private var lookups: [String: Lookup] = [:]
    private var questions: [UInt16: Question] = [:]
    private var servers: [DNSServer] = []
    private var tickScheduled = false
    private var isShutDown = false
    private var ipv6Route: (known: Bool, at: UInt64) = (false, 0)

    /// How often the files are looked at again.
    static let filesEvery: UInt64 = 10_000_000_000
    private static let tick = TimeAmount.milliseconds(20)
    /// An old answer is given when the servers have been silent for this long (RFC 8767 section 5).
    private static let staleAfter: UInt64 = 1_800_000_000
    /// After the first family's answer the other's is waited for this long (RFC 8305 section 3).
    private static let familyDelay: UInt64 = 50_000_000
    /// How long "the servers failed" is believed.
    private static let failureFor: UInt64 = 2_000_000_000

    final class Lookup {
        let host: String
        let began: UInt64
        var waiters: [(Resolution) -> Void]
        var names: [String]
        var questions: [Question] = []
        /// When the name that is asked for now is given up.
        var nameEndsAt: UInt64 = 0
        var nameBegan: UInt64 = 0
        /// What came of the name as it is, when it was asked before the search domains: that is then told in the end.
        var asItIs: Miss?
        /// What came of the last name whose server failed, and whether any exists without an address.
        var serverFailure: Miss?
        var sawNoAddress = false
        /// Whether a name could not be asked for.
        var sawTrouble = false
        var negativeTTL: UInt32?
        var firstAnswerAt: UInt64?
        /// Whether an answer for the name that is asked for now was cut short: from then on it is asked for over TCP.
        var isOverTCP = false
        let isFirstAsItIs: Bool
        init(
            host: String, began: UInt64, names: [String], isFirstAsItIs: Bool, waiter: @escaping (Resolution) -> Void
        ) {
            self.host = host
            self.isFirstAsItIs = isFirstAsItIs
            self.began = began
            self.names = names
            waiters = [waiter]
        }
    }

    /// Why a name brought no address.
    enum Miss {
        case noSuchName, noAddress
        case failed(Trouble, String)
    }

    /// Why a question has no answer.
    enum Trouble {
        case serverFailure
        /// The server does not want to answer, or nobody listens at its port.
        case refusal
        /// The server does not understand the question.
        case formatError
        /// Nothing came in time.
        case silence
        /// What came was cut short, and the whole of it could not be had.
        case cutShort
        /// Nothing came over TCP in time. glibc waits there for ever.
        case silentStream

        var cause: Cause {
            switch self {
            case .silence, .silentStream: .dnsTimeout
            case .serverFailure, .refusal, .formatError, .cutShort: .dnsFailed
            }
        }
    }

    final class Question {
        enum State {
            case asking
            case found([SocketAddress], ttl: UInt32)
            case none(noSuchName: Bool, ttl: UInt32?)
            case failed(Trouble, String)

            func isFailed(by trouble: Trouble) -> Bool {
                if case .failed(let own, _) = self { own == trouble } else { false }
            }
        }
        let id: UInt16
        let name: String
        let kind: DNSMessage.Kind
        unowned let lookup: Lookup
        var state = State.asking
        var sent = 0
        /// The place of the server that is asked first.
        let first: Int
        var retryAt: UInt64 = 0
        var refusals = 0
        var extended = true
        var overTCP = false
        init(id: UInt16, name: String, kind: DNSMessage.Kind, lookup: Lookup, first: Int) {
            self.id = id
            self.first = first
            self.name = name
            self.kind = kind
            self.lookup = lookup
        }
        var message: ByteBuffer { DNSMessage.question(id: id, name: name, kind: kind, extended: extended) }
        var isAsking: Bool { if case .asking = state { true } else { false } }
    }

    init(eventLoop: any EventLoop, configuration: ResolverConfiguration) {
        self.eventLoop = eventLoop
        self.configuration = configuration
    }

    // MARK: In

    func resolve(_ host: String, for resolver: NameResolver, _ then: @escaping (Resolution) -> Void) {
        eventLoop.preconditionInEventLoop()
        guard !isShutDown else { return then(.failed(.dnsFailed, detail: "the resolver was stopped")) }
        guard let files else {
            waitingForFiles.append { [self] in resolve(host, for: resolver, then) }
            return readFiles(for: resolver)
        }
        // It may have been learned while the caller came here.
        if let resolution = resolver.cached(host) { return then(resolution) }
        if let lookup = lookups[host] {
            lookup.waiters.append(then)
            return
        }
        guard lookups.count < configuration.maxInFlight else {
            return then(.failed(.selfOverloaded, detail: "\(lookups.count) name lookups are under way"))
        }
        guard !servers.isEmpty else { return then(.failed(.dnsFailed, detail: "no name server is configured")) }
        let now = NIODeadline.now().uptimeNanoseconds
        let lookup = Lookup(
            host: host, began: now, names: files.candidates(for: host), isFirstAsItIs: files.isFirstAsItIs(host),
            waiter: then)
        lookups[host] = lookup
        self.resolver = resolver
        askNextName(lookup, now)
        scheduleTick()
    }
    private weak var resolver: NameResolver?

    func askedServers(for resolver: NameResolver, _ then: @escaping ([SocketAddress]) -> Void) {
        eventLoop.preconditionInEventLoop()
        guard files == nil, !isShutDown else { return then(servers.map(\.address)) }
        waitingForFiles.append { [self] in askedServers(for: resolver, then) }
        readFiles(for: resolver)
    }

    /// Reads the files on the library's thread pool, for disks can be slow; what waits for them goes on afterwards.
    func readFiles(for resolver: NameResolver) {
        eventLoop.preconditionInEventLoop()
        guard !reading, !isShutDown else { return }
        reading = true
        let configuration = configuration
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            var files = ResolverFiles()
            if let path = configuration.resolvConf {
                files.readResolvConf(Self.text(of: path))
                files.readEnvironment(
                    domains: Self.environment("LOCALDOMAIN"), options: Self.environment("RES_OPTIONS"))
                if files.search == nil { files.search = Self.ownDomain().map { [$0] } }
            }
            if let path = configuration.hosts { files.readHosts(Self.text(of: path)) }
            if let servers = configuration.servers { files.servers = servers }
            return files
        }.whenComplete { [self] result in
            reading = false
            // The pool only fails when the process ends it; the files are then as good as empty.
            let read = (try? result.get()) ?? files ?? ResolverFiles()
            if read.servers != files?.servers { replaceServers(read.servers) }
            files = read
            resolver.learn(hosts: read.hosts)
            let waiting = waitingForFiles
            waitingForFiles = []
            for go in waiting { go() }
        }
    }

    func shutdown() {
        eventLoop.preconditionInEventLoop()
        isShutDown = true
        for server in servers { server.close() }
        servers = []
        let open = lookups.values
        lookups = [:]
        questions = [:]
        for lookup in open { answer(lookup, .failed(.dnsFailed, detail: "the resolver was stopped")) }
        let waiting = waitingForFiles
        waitingForFiles = []
        for go in waiting { go() }
    }

    private func replaceServers(_ addresses: [SocketAddress]) {
        for server in servers { server.close() }
        servers = addresses.map { DNSServer(address: $0, core: self) }
    }

    // MARK: Ask

    private func askNextName(_ lookup: Lookup, _ now: UInt64) {
        let name = lookup.names.removeFirst()
        lookup.questions = []
        lookup.firstAnswerAt = nil
        lookup.isOverTCP = false
        lookup.nameBegan = now
        // A silent name must leave time for the next one: there are at most two of them, for the first ends the search.
        let ends = lookup.began &+ configuration.limit.nanoseconds
        let left = ends > now ? ends - now : 0
        let patience = (files?.patience(servers: servers.count) ?? configuration.limit).nanoseconds
        lookup.nameEndsAt = now &+ min(patience, lookup.names.isEmpty ? left : left / 5 * 3)
        let prefersIPv6 =
            switch configuration.ipv6 {
            case .first: asksIPv6
            case .never: false
            case .automatic: asksIPv6 && hasIPv6Route(now)
            }
        ask(lookup, name, prefersIPv6 ? [.a, .aaaa] : [.a], now)
    }

    private var asksIPv6: Bool { configuration.ipv6 != .never && files?.asksNoIPv6 != true }

    private func ask(_ lookup: Lookup, _ name: String, _ kinds: [DNSMessage.Kind], _ now: UInt64) {
        let first = files?.rotates == true && !servers.isEmpty ? Int.random(in: 0..<servers.count) : 0
        let added = kinds.map { newQuestion(lookup, name, $0, first: first) }
        lookup.questions += added
        send(added, now)
    }

    private func newQuestion(_ lookup: Lookup, _ name: String, _ kind: DNSMessage.Kind, first: Int) -> Question {
        // 65,536 numbers, two questions a lookup: with `maxInFlight` lookups a free one is found soon.
        var id = UInt16.random(in: 0...UInt16.max)
        while questions[id] != nil { id = UInt16.random(in: 0...UInt16.max) }
        let question = Question(id: id, name: name, kind: kind, lookup: lookup, first: first)
        questions[id] = question
        return question
    }

    /// Sends the questions for one name: over one TCP connection where that is the way, else a datagram each.
    private func send(_ asked: [Question], _ now: UInt64) {
        guard let first = asked.first, !servers.isEmpty else { return }
        let server = servers[(first.first + first.sent) % servers.count]
        guard files?.usesTCP != true, !first.lookup.isOverTCP else {
            for question in asked {
                question.overTCP = true
                question.sent += 1
                question.retryAt = .max
            }
            return server.askOverTCP(asked.map(\.message))
        }
        for question in asked { sendDatagram(question, now) }
    }

    private func sendDatagram(_ question: Question, _ now: UInt64) {
        guard !servers.isEmpty else { return }
        let server = servers[(question.first + question.sent) % servers.count]
        let round = min(question.sent / servers.count, 6)
        question.sent += 1
        question.retryAt = now &+ configuration.firstRetry.nanoseconds << UInt64(round)
        server.send(question.message)
    }

    /// An answer was cut short: as glibc does, all questions for the name are asked again, over one connection to the same server, and both
    /// answers are needed from there. Source: glibc `resolv/res_send.c`, `send_dg` and `send_vc`; compared with `getaddrinfo` of 2.36.
    private func askAgainOverTCP(_ lookup: Lookup, at server: DNSServer, _ now: UInt64) {
        guard let place = servers.firstIndex(where: { $0 === server }) else { return }
        lookup.isOverTCP = true
        lookup.firstAnswerAt = nil
        lookup.questions = lookup.questions.map { old in
            if questions[old.id] === old { questions[old.id] = nil }
            let question = newQuestion(lookup, old.name, old.kind, first: place)
            question.extended = old.extended
            return question
        }
        send(lookup.questions, now)
    }

    // MARK: Hear

    func received(_ message: ByteBuffer, from server: DNSServer, overTCP: Bool = false) {
        guard let id = DNSMessage.id(of: message), let question = questions[id], question.isAsking else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        // Shorter than a header, as glibc takes it. Anything else that is no answer to this question is waited past: it may be forged.
        if message.readableBytes < 12 {
            return settle(question, .failed(.cutShort, "the name server's answer is cut short"), now)
        }
        guard let answer = DNSMessage.answer(message, to: question.name, kind: question.kind) else { return }
        if answer.truncated, !overTCP {
            guard !question.overTCP else { return }
            return askAgainOverTCP(question.lookup, at: server, now)
        }
        switch answer.code {
        case .ok where !answer.addresses.isEmpty:
            settle(question, .found(answer.addresses, ttl: answer.ttl ?? 0), now)
        case .ok: settle(question, .none(noSuchName: false, ttl: answer.ttl), now)
        case .noSuchName: settle(question, .none(noSuchName: true, ttl: answer.ttl), now)
        case .formatError where question.extended:
            // An old server that does not know EDNS.
            question.extended = false
            question.sent = max(0, question.sent - 1)
            send([question], now)
        case .serverFailure: refused(question, .serverFailure, "the name server answered with an error (SERVFAIL)", now)
        case .formatError: refused(question, .formatError, "the name server does not understand the question", now)
        case .refused: refused(question, .refusal, "the name server refused to answer", now)
        }
    }

    /// A server said no, or its port is closed: the next one is asked at once. What it said over TCP is final, as in glibc's `send_vc`.
    private func refused(_ question: Question, _ trouble: Trouble, _ detail: String, _ now: UInt64) {
        question.refusals += 1
        if question.refusals < servers.count, !question.overTCP {
            send([question], now)
        } else {
            settle(question, .failed(trouble, detail), now)
        }
    }

    /// The system says that nobody listens at a server's port: every question that went there last.
    func unreachable(_ server: DNSServer) {
        guard let place = servers.firstIndex(where: { $0 === server }) else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        let concerned = questions.values.filter {
            $0.isAsking && !$0.overTCP && $0.sent > 0 && ($0.first + $0.sent - 1) % servers.count == place
        }
        for question in concerned where question.isAsking {
            refused(question, .refusal, "nothing answers at the name server \(server.address.text)", now)
        }
    }

    /// A connection could not be made or ended before every answer: the next server is asked over TCP.
    func tcpFailed(_ messages: [ByteBuffer]) {
        let now = NIODeadline.now().uptimeNanoseconds
        let open = messages.compactMap { DNSMessage.id(of: $0).flatMap { questions[$0] } }.filter(\.isAsking)
        for question in open { question.refusals += 1 }
        if let first = open.first, first.refusals < servers.count { return send(open, now) }
        // The first may end the lookup, and the others with it.
        for question in open where questions[question.id] === question {
            settle(question, .failed(.cutShort, "the name server's long answer could not be fetched over TCP"), now)
        }
    }

    private func settle(_ question: Question, _ state: Question.State, _ now: UInt64) {
        question.state = state
        questions[question.id] = nil
        let lookup = question.lookup
        if lookup.firstAnswerAt == nil { lookup.firstAnswerAt = now }
        consider(lookup, now)
    }

    /// Ends the lookup, or goes to the next name, when enough is known.
    private func consider(_ lookup: Lookup, _ now: UInt64) {
        guard let v4 = lookup.questions.first(where: { $0.kind == .a }) else { return }
        let v6 = lookup.questions.first { $0.kind == .aaaa }
        // IPv6 alone is not enough while the question for IPv4 is open: glibc fails when no answer comes to that one.
        if v4.isAsking { return }
        var addresses: [SocketAddress] = []
        var ttl = UInt32.max
        for case let question? in [v6, v4] {
            if case .found(let found, let seconds) = question.state {
                addresses += found
                ttl = min(ttl, seconds)
            }
            if case .none(_, let seconds) = question.state {
                lookup.negativeTTL = min(lookup.negativeTTL ?? .max, seconds ?? 5)
            }
        }
        if v6?.isAsking == true {
            guard !addresses.isEmpty, !lookup.isOverTCP, files?.usesTCP != true,
                now &- (lookup.firstAnswerAt ?? now) >= Self.familyDelay
            else { return }
        }
        let (miss, goesOn) = Self.miss(v4.state, v6?.state)
        if !addresses.isEmpty, !Self.isUnfinished(v4.state, v6?.state) { return found(lookup, addresses, ttl, now) }
        // No IPv4 address, and IPv6 was not asked for yet. glibc asks for both at once, and one that is there is enough when the
        // question for the other was answered, whatever was said.
        if addresses.isEmpty, asksIPv6, v6 == nil, now < lookup.nameEndsAt, !Self.isUnfinished(v4.state, nil) {
            return ask(lookup, v4.name, [.aaaa], now)
        }
        missed(lookup, miss, goesOn: goesOn, now)
    }

    /// Whether a question was not answered in a way that makes glibc's `getaddrinfo` fail although the other one was. Silence to the one for
    /// IPv6 is not, unless it was asked over TCP: then the IPv4 addresses are taken.
    private static func isUnfinished(_ v4: Question.State, _ v6: Question.State?) -> Bool {
        switch (v4, v6) {
        case (.failed(.silence, _), _), (.failed(.cutShort, _), _), (_, .failed(.cutShort, _)),
            (.failed(.silentStream, _), _), (_, .failed(.silentStream, _)):
            true
        default: false
        }
    }

    /// What a name without an address is told as, and whether the next search domain is tried: as glibc 2.36 does for every pair of answers
    /// (compared with `getaddrinfo` and a name server that gives each pair).
    private static func miss(_ v4: Question.State, _ v6: Question.State?) -> (Miss, goesOn: Bool) {
        var troubles: [Miss] = []
        var said: Miss?
        for case let state? in [v4, v6] {
            switch state {
            case .none(noSuchName: true, _): said = .noSuchName
            case .none: if said == nil { said = .noAddress }
            case .failed(let trouble, let detail): troubles.append(.failed(trouble, detail))
            case .found, .asking: break
            }
        }
        let serverFailed = v4.isFailed(by: .serverFailure)
        if isUnfinished(v4, v6) {
            let open = troubles.first {
                switch $0 {
                case .failed(.silence, _), .failed(.cutShort, _), .failed(.silentStream, _): true
                default: false
                }
            }
            return (
                open ?? .noSuchName,
                serverFailed || v4.isFailed(by: .silence) && v6?.isFailed(by: .serverFailure) == true
            )
        }
        // Not understood is for glibc as final as "no such name", but does not lead on.
        let exists = if case .none(noSuchName: true, _) = v4 { false } else { true }
        let isFinal = v4.isFailed(by: .formatError) || exists && v6?.isFailed(by: .formatError) == true
        if let said { return (said, !isFinal) }
        return (troubles.first ?? .noSuchName, serverFailed && !isFinal)
    }

    /// Goes on as glibc does (`resolv/res_query.c`, `__res_context_search`): a name that does not exist, has no address or whose server fails
    /// leads to the next one. Silence or a refusal for one with a search domain ends the search, and the name as it is remains.
    private func missed(_ lookup: Lookup, _ miss: Miss, goesOn: Bool, _ now: UInt64) {
        let name = lookup.questions.first?.name ?? ""
        if case .failed = miss { lookup.sawTrouble = true }
        if name == lookup.host, lookup.isFirstAsItIs, lookup.asItIs == nil {
            lookup.asItIs = miss
        } else if name != lookup.host || !lookup.names.isEmpty {
            switch miss {
            case .noSuchName: break
            case .noAddress: lookup.sawNoAddress = true
            case .failed(let trouble, _): if trouble == .serverFailure { lookup.serverFailure = miss }
            }
            if !goesOn { lookup.names.removeAll { $0 != lookup.host } }
        }
        if !lookup.names.isEmpty { return askNextName(lookup, now) }
        let said = lookup.asItIs ?? (lookup.sawNoAddress ? .noAddress : lookup.serverFailure ?? miss)
        if case .failed(let trouble, let detail) = said { return failed(lookup, trouble.cause, detail, now) }
        var until =
            now &+ min(UInt64(max(lookup.negativeTTL ?? 5, 1)) * 1_000_000_000, configuration.negativeFor.nanoseconds)
        // A server that failed on the way may have known more.
        if lookup.sawTrouble { until = min(until, now &+ Self.failureFor) }
        let host = lookup.host.utf8.last == .dot ? String(lookup.host.dropLast()) : lookup.host
        let detail = if case .noAddress = said { "\(host) has no address" } else { "\(host) does not exist" }
        finish(lookup, .failed(.dnsNoSuchName, detail: detail), freshUntil: until, staleUntil: until)
    }

    private func found(_ lookup: Lookup, _ addresses: [SocketAddress], _ ttl: UInt32, _ now: UInt64) {
        // At least a second, so that a zone that says 0 does not double every probe's work.
        let seconds = UInt64(max(1, min(ttl, 7 * 86_400)))
        let fresh = now &+ min(seconds * 1_000_000_000, configuration.positiveFor.nanoseconds)
        finish(
            lookup, .found(addresses, stale: false), freshUntil: fresh,
            staleUntil: fresh &+ configuration.staleFor.nanoseconds)
    }

    private func failed(_ lookup: Lookup, _ cause: Cause, _ detail: String, _ now: UInt64) {
        if let old = resolver?.stale(lookup.host, now: now) {
            // Stays as it is in the cache: the next probe asks again.
            forget(lookup)
            return answer(lookup, old)
        }
        let until = now &+ Self.failureFor
        finish(lookup, .failed(cause, detail: "\(lookup.host): \(detail)"), freshUntil: until, staleUntil: until)
    }

    private func finish(_ lookup: Lookup, _ resolution: Resolution, freshUntil: UInt64, staleUntil: UInt64) {
        resolver?.learn(lookup.host, resolution, freshUntil: freshUntil, staleUntil: staleUntil)
        forget(lookup)
        answer(lookup, resolution)
    }

    private func forget(_ lookup: Lookup) {
        lookups[lookup.host] = nil
        for question in lookup.questions where questions[question.id] === question { questions[question.id] = nil }
    }

    private func answer(_ lookup: Lookup, _ resolution: Resolution) {
        let waiters = lookup.waiters
        lookup.waiters = []
        for waiter in waiters { waiter(resolution) }
    }

    // MARK: Time

    private func scheduleTick() {
        guard !tickScheduled, !lookups.isEmpty else { return }
        tickScheduled = true
        eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: Self.tick) { self.ticked() }
    }

    private func ticked() {
        tickScheduled = false
        let now = NIODeadline.now().uptimeNanoseconds
        let limit = configuration.limit.nanoseconds
        for lookup in Array(lookups.values) {
            if now &- lookup.began >= limit {
                lookup.names = []
                giveUp(lookup, now)
                continue
            }
            if now >= lookup.nameEndsAt {
                giveUp(lookup, now)
                continue
            }
            if now &- lookup.began >= Self.staleAfter, !lookup.waiters.isEmpty,
                let old = resolver?.stale(lookup.host, now: now)
            {
                answer(lookup, old)
            }
            for question in lookup.questions where question.isAsking && question.retryAt <= now {
                sendDatagram(question, now)
            }
            consider(lookup, now)
        }
        scheduleTick()
    }

    /// The name that is asked for now has had its time.
    private func giveUp(_ lookup: Lookup, _ now: UInt64) {
        let waited = Duration.milliseconds(Int64((now &- lookup.nameBegan) / 100_000_000 * 100))
        for question in lookup.questions where question.isAsking {
            question.state =
                question.overTCP
                ? .failed(.silentStream, "no name server answered over TCP within \(waited.text)")
                : .failed(.silence, "no name server answered within \(waited.text)")
            questions[question.id] = nil
        }
        consider(lookup, now)
    }

    // MARK: This machine

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// What follows the first dot of this machine's name; nil where it has none.
    private static func ownDomain() -> String? {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return nil }
        let name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.firstIndex(of: ".").map { ResolverFiles.canonical(String(name[name.index(after: $0)...])) }
    }

    /// Whether the kernel has a route to the Internet's IPv6 addresses: connecting a datagram socket asks it without
    /// sending anything. Asked again every minute.
    private func hasIPv6Route(_ now: UInt64) -> Bool {
        if ipv6Route.at != 0, now &- ipv6Route.at < 60_000_000_000 { return ipv6Route.known }
        ipv6Route = (Self.routesIPv6(), now)
        return ipv6Route.known
    }

    private static func routesIPv6() -> Bool {
        #if canImport(Darwin)
        let socket = socket(AF_INET6, SOCK_DGRAM, 0)
        #else
        let socket = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
        #endif
        guard socket >= 0 else { return false }
        defer { close(socket) }
        // 2000::/3 is what is routed at all; any address of it will do.
        let somewhere = [0x20, 0x01, 0x48, 0x60, 0x48, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0x88, 0x88] as [UInt8]
        guard case .v6(let target)? = SocketAddress(ipv6Bytes: somewhere, port: 53) else { return false }
        return withUnsafePointer(to: target.address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }

    /// A file that is missing is an empty one, as for the system's own resolver. At most 4 MiB of it.
    private static func text(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < 4 << 20 {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
