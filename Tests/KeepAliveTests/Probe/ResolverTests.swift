import Foundation
import NIOCore
import NIOPosix
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

@Suite(.timeLimit(.minutes(2)))
struct ResolverTests {
    /// A resolver over one test server; all of its limits are given.
    private func with<R>(
        delay: TimeAmount = .nanoseconds(0), ipv6: ResolverConfiguration.IPv6 = .never, limit: Duration = .seconds(5),
        hosts: String? = nil, resolvConf: String? = nil, staleFor: Duration = .seconds(300), dead: Bool = false,
        _ zone: @escaping TestNameServer.Zone,
        _ body: (NameResolver, TestNameServer, MultiThreadedEventLoopGroup) async throws -> R
    ) async throws -> R {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await TestNameServer.start(on: group, delay: delay, zone)
        var configuration = ResolverConfiguration()
        configuration.resolvConf = resolvConf
        configuration.staleFor = staleFor
        configuration.hosts = hosts
        configuration.firstRetry = .seconds(2)
        configuration.limit = limit
        configuration.ipv6 = ipv6
        // A port nobody listens at comes first: what is asked there must go on to the other.
        let closed = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        configuration.servers = try (dead ? [closed] : []) + [server.address]
        let resolver = NameResolver(eventLoop: group.next(), configuration: configuration)
        let result: R
        do {
            result = try await body(resolver, server, group)
        } catch {
            await resolver.shutdown()
            try await group.shutdownGracefully()
            throw error
        }
        await resolver.shutdown()
        try await group.shutdownGracefully()
        return result
    }

    private func look(_ name: String, _ resolver: NameResolver, _ group: MultiThreadedEventLoopGroup) async
        -> Resolution
    {
        if let known = resolver.cached(name) { return known }
        return await withCheckedContinuation { continuation in
            resolver.resolve(name, on: group.next()) { continuation.resume(returning: $0) }
        }
    }

    private static func found(_ texts: String...) -> Resolution {
        .found(texts.compactMap { try? SocketAddress(ipAddress: $0, port: 0) }, stale: false)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var reply: TestNameServer.Reply
        var ipv6 = ResolverConfiguration.IPv6.automatic
        var expected: Resolution?
        var cause = Cause.none
        var testDescription: String { name }
    }

    @Test(arguments: [
        Row(name: "one address", reply: .addresses(["192.0.2.7"], ttl: 60), ipv6: .never, expected: found("192.0.2.7")),
        Row(
            name: "both families, IPv6 first", reply: .addresses(["192.0.2.7", "2001:db8::7"], ttl: 60), ipv6: .first,
            expected: found("2001:db8::7", "192.0.2.7")),
        Row(name: "only IPv6", reply: .addresses(["2001:db8::7"], ttl: 60), expected: found("2001:db8::7")),
        Row(
            name: "an alias", reply: .alias("other.test", ["192.0.2.8"], ttl: 60), ipv6: .never,
            expected: found("192.0.2.8")),
        Row(name: "too long for UDP", reply: .truncated(["192.0.2.9"]), ipv6: .never, expected: found("192.0.2.9")),
        Row(
            name: "a server without EDNS", reply: .formatErrorUnlessPlain(["192.0.2.10"]), ipv6: .never,
            expected: found("192.0.2.10")),
        Row(name: "no such name", reply: .noSuchName, cause: .dnsNoSuchName),
        Row(name: "a name without addresses", reply: .noData, cause: .dnsNoSuchName),
        Row(name: "a failing server", reply: .serverFailure, cause: .dnsFailed),
        Row(name: "silence", reply: .silence, cause: .dnsTimeout),
        Row(name: "a server that refuses", reply: .refused, cause: .dnsFailed),
        Row(name: "a server that knows nothing of the zone", reply: .lame, cause: .dnsFailed),
        Row(name: "a long answer that cannot be had", reply: .cutShort, cause: .dnsFailed),
        Row(name: "less than a header", reply: .garbage, cause: .dnsFailed),
    ])
    func replyIsUnderstood(_ row: Row) async throws {
        // Only silence is waited out; every other reply has time on a busy machine.
        let limit: Duration = row.cause == .dnsTimeout ? .milliseconds(600) : .seconds(60)
        try await with(ipv6: row.ipv6, limit: limit, { _, _ in row.reply }) { resolver, _, group in
            let resolution = await look("host.test", resolver, group)
            if let expected = row.expected {
                #expect(resolution == expected)
            } else if case .failed(let cause, let detail) = resolution {
                #expect(cause == row.cause)
                #expect(detail.contains("host.test"))
            } else {
                Issue.record("\(resolution)")
            }
        }
    }

    @Test func aDeadServerIsPassedBy() async throws {
        try await with(dead: true, { _, _ in .addresses(["192.0.2.1"], ttl: 60) }) { resolver, _, group in
            #expect(await look("a.test", resolver, group) == Self.found("192.0.2.1"))
        }
    }

    @Test func equalQuestionsAreAskedOnce() async throws {
        try await with(delay: .milliseconds(30), { _, _ in .addresses(["192.0.2.1"], ttl: 60) }) {
            resolver, server, group in
            await withDiscardingTaskGroup { tasks in
                for _ in 0..<50 {
                    tasks.addTask { #expect(await look("same.test", resolver, group) == Self.found("192.0.2.1")) }
                }
            }
            #expect(server.asked("same.test") == 1)
            #expect(await look("same.test", resolver, group) == Self.found("192.0.2.1"))
            #expect(server.asked("same.test") == 1, "an answer is believed for its time")
        }
    }

    @Test func anOldAnswerServesWhenTheServersFail() async throws {
        let healthy = Mutex(true)
        try await with({ _, _ in healthy.withLock { $0 } ? .addresses(["192.0.2.1"], ttl: 1) : .serverFailure }) {
            resolver, _, group in
            #expect(await look("a.test", resolver, group) == Self.found("192.0.2.1"))
            healthy.withLock { $0 = false }
            try await eventually { resolver.cached("a.test") == nil }
            guard case .found(let addresses, stale: true) = await look("a.test", resolver, group) else {
                Issue.record("no stale answer")
                return
            }
            #expect(addresses.count == 1)
        }
    }

    /// It is not for ever: then the name counts as one that cannot be looked up.
    @Test func anOldAnswerServesForMinutesOnly() async throws {
        let healthy = Mutex(true)
        let asked = ResolverConfiguration().staleFor
        #expect(asked == .seconds(300))
        try await with(
            staleFor: .milliseconds(1),
            { _, _ in
                healthy.withLock { $0 } ? .addresses(["192.0.2.1"], ttl: 1) : .serverFailure
            }
        ) { resolver, _, group in
            #expect(await look("a.test", resolver, group) == Self.found("192.0.2.1"))
            healthy.withLock { $0 = false }
            try await eventually { resolver.cached("a.test") == nil }
            try await Task.sleep(for: .milliseconds(5))
            guard case .failed(.dnsFailed, _) = await look("a.test", resolver, group) else {
                Issue.record("still an old answer")
                return
            }
        }
    }

    struct Search: Sendable, CustomTestStringConvertible {
        var name: String
        var host: String
        var ndots = 1
        /// Whatever is not listed does not exist.
        var zone: [String: TestNameServer.Reply]
        var ipv6 = ResolverConfiguration.IPv6.never
        var found: String?
        var cause = Cause.none
        var asked: [String] = []
        var testDescription: String { name }
    }

    /// What glibc 2.36 (`getaddrinfo`) makes of each pair of answers, IPv4's in rows and IPv6's in columns: o an address, x no such name, n no
    /// address, s SERVFAIL, r REFUSED, q silence, j less than a header, i NOTIMP, t cut short for good, l lame. 4 and 6 are addresses, N is "there
    /// is none", A is "try again". First for a name alone; then for a name in the first search domain, where g says that the next domain
    /// is tried and b that the search ends and the name is tried as it is. Of two letters either may be: broken answers to the question
    /// for IPv6 are waited for only 50 ms when there is an IPv4 address.
    @Test(arguments: [
        (
            false,
            """
              o  x n s r q j i t l
            o 46 4 4 4 4 4 4A 4 4A 4
            x 6  N N N N N A N A N
            n 6  N N N N N A N A N
            s 6  N N A A A A A A A
            r 6  N N A A A A A A A
            q A  A A A A A A A A A
            j A  A A A A A A A A A
            i 6  N N A A A A A A A
            t A  A A A A A A A A A
            l 6  N N A A A A A A A
            """
        ),
        (
            true,
            """
              o  x n s r q j i t l
            o 46 4 4 4 4 4 4b 4 4b 4
            x 6  g g g g g b g b g
            n 6  g g g g g b g b g
            s 6  g g g g g g g g g
            r 6  g g b b b b b b b
            q b  b b g b b b b b b
            j b  b b b b b b b b b
            i 6  g g b b b b b b b
            t b  b b b b b b b b b
            l 6  g g b b b b b b b
            """
        ),
    ])
    func pairsOfAnswers(_ isSearched: Bool, _ table: String) async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("resolv-\(UUID().uuidString)")
        try (isSearched ? "search one.test two.test\n" : "search .\n").write(
            to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let rows = table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        try await with(
            ipv6: .first, limit: .seconds(6), resolvConf: file.path,
            { name, kind in
                let labels = name.split(separator: ".")
                switch labels.last {
                case "two": return .serverFailure
                case "test" where labels.dropLast().last == "two": return .addresses(["192.0.2.2"], ttl: 9)
                default: break
                }
                guard !isSearched || labels.count > 1 else { return .addresses(["192.0.2.3"], ttl: 9) }
                return switch kind == .a ? labels.first?.first : labels.first?.last {
                case "o": .addresses(["192.0.2.1", "2001:db8::1"], ttl: 9)
                case "n": .noData
                case "s": .serverFailure
                case "r": .refused
                case "q": .silence
                case "j": .garbage
                case "i": .notImplemented
                case "t": .cutShort
                case "l": .lame
                default: .noSuchName
                }
            }
        ) { resolver, _, group in
            await withDiscardingTaskGroup { tasks in
                for row in rows.dropFirst() {
                    for (column, expected) in zip(rows[0], row.dropFirst()) {
                        tasks.addTask {
                            let said =
                                switch await look("\(row[0])\(column)", resolver, group) {
                                case .failed(.dnsNoSuchName, _): "N"
                                case .failed: "A"
                                case .found(let addresses, _) where addresses.map(\.ipAddress) == ["192.0.2.2"]: "g"
                                case .found(let addresses, _) where addresses.map(\.ipAddress) == ["192.0.2.3"]: "b"
                                case .found(let addresses, _):
                                    addresses.map { $0.protocol == .inet6 ? "6" : "4" }.sorted().joined()
                                }
                            #expect(
                                said == expected || expected.count == 2 && expected != "46" && expected.contains(said),
                                "IPv4 \(row[0]), IPv6 \(column)")
                        }
                    }
                }
            }
        }
    }

    struct OverTCP: Sendable, CustomTestStringConvertible {
        var v4: TestNameServer.Reply
        var v6: TestNameServer.Reply
        /// What `getaddrinfo` of glibc 2.36 gives; nil for "try again".
        var expected: [String]?
        var cause = Cause.dnsFailed
        var testDescription: String { "\(v4), \(v6)" }
    }
    private static let v4 = "192.0.2.1"
    private static let v6 = "2001:db8::1"

    /// One answer that is cut short makes glibc ask both questions again over one TCP connection; then it needs both answers from there.
    @Test(arguments: [
        OverTCP(v4: .truncated([v4]), v6: .addresses([v6], ttl: 9), expected: [v6, v4]),
        OverTCP(v4: .truncated([v4]), v6: .truncated([v6]), expected: [v6, v4]),
        OverTCP(v4: .truncated([v4]), v6: .onlyOverTCP([v6]), expected: [v6, v4]),
        OverTCP(v4: .onlyOverTCP([v4]), v6: .truncated([v6]), expected: [v6, v4]),
        OverTCP(v4: .truncated([v4]), v6: .serverFailure, expected: [v4]),
        OverTCP(v4: .truncated([v4]), v6: .refused, expected: [v4]),
        OverTCP(v4: .truncated([v4]), v6: .noSuchName, expected: [v4]),
        OverTCP(v4: .serverFailure, v6: .truncated([v6]), expected: [v6]),
        OverTCP(v4: .noSuchName, v6: .truncated([v6]), expected: [v6]),
        // glibc waits for ever for the answer that is missing, and so does whoever asks it.
        OverTCP(v4: .truncated([v4]), v6: .silence, cause: .dnsTimeout),
        OverTCP(v4: .silence, v6: .truncated([v6]), cause: .dnsTimeout),
        OverTCP(v4: .cutShort, v6: .truncated([v6])),
        OverTCP(v4: .truncated([v4]), v6: .cutShort),
        OverTCP(v4: .onlyOverTCP([v4]), v6: .addresses([v6], ttl: 9), cause: .dnsTimeout),
        OverTCP(v4: .addresses([v4], ttl: 9), v6: .onlyOverTCP([v6]), expected: [v4]),
    ])
    func pairsOfAnswersOverTCP(_ row: OverTCP) async throws {
        try await with(ipv6: .first, limit: .milliseconds(700), { _, kind in kind == .a ? row.v4 : row.v6 }) {
            resolver, _, group in
            let resolution = await look("host.test.", resolver, group)
            switch (resolution, row.expected) {
            case (.found(let addresses, _), let expected?): #expect(addresses.map(\.ipAddress) == expected)
            case (.failed(let cause, _), nil): #expect(cause == row.cause)
            default: Issue.record("\(resolution)")
            }
        }
    }

    /// Nobody listens at the server's TCP port: both questions fail at once, also the one that was answered.
    @Test func aServerWithoutTCP() async throws {
        try await with(
            ipv6: .first, limit: .seconds(60),
            { _, kind in
                kind == .a ? .addresses([Self.v4], ttl: 9) : .truncated([Self.v6])
            }
        ) { resolver, server, group in
            try await server.stopTCP()
            guard case .failed(.dnsFailed, _) = await look("host.test.", resolver, group) else {
                Issue.record("found")
                return
            }
        }
    }

    /// What glibc's resolver does with `search one.test two.test`.
    @Test(arguments: [
        Search(
            name: "a name without dots is searched first", host: "web",
            zone: ["web.one.test": .addresses(["192.0.2.1"], ttl: 9), "web": .addresses(["192.0.2.9"], ttl: 9)],
            found: "192.0.2.1"),
        Search(
            name: "the second domain", host: "web", zone: ["web.two.test": .addresses(["192.0.2.2"], ttl: 9)],
            found: "192.0.2.2"),
        Search(
            name: "and at last the name itself", host: "web", zone: ["web": .addresses(["192.0.2.9"], ttl: 9)],
            found: "192.0.2.9"),
        Search(
            name: "a name with dots is searched when it does not exist", host: "db.prod",
            zone: ["db.prod.two.test": .addresses(["192.0.2.3"], ttl: 9)], found: "192.0.2.3"),
        Search(
            name: "also when its server fails", host: "db.prod",
            zone: ["db.prod": .serverFailure, "db.prod.one.test": .addresses(["192.0.2.3"], ttl: 9)],
            found: "192.0.2.3"),
        Search(
            name: "but as it is first", host: "db.prod",
            zone: [
                "db.prod": .addresses(["192.0.2.4"], ttl: 9), "db.prod.one.test": .addresses(["192.0.2.3"], ttl: 9),
            ], found: "192.0.2.4"),
        Search(
            name: "ndots", host: "db.prod.svc", ndots: 5,
            zone: [
                "db.prod.svc": .addresses(["192.0.2.4"], ttl: 9),
                "db.prod.svc.two.test": .addresses(["192.0.2.5"], ttl: 9),
            ], found: "192.0.2.5"),
        Search(
            name: "one failure on the way", host: "web",
            zone: ["web.one.test": .serverFailure, "web.two.test": .addresses(["192.0.2.2"], ttl: 9)],
            found: "192.0.2.2"),
        Search(
            name: "silence in a search domain ends the search, and the name itself is tried", host: "web",
            zone: [
                "web.one.test": .silence, "web.two.test": .addresses(["192.0.2.2"], ttl: 9),
                "web": .addresses(["192.0.2.9"], ttl: 9),
            ], found: "192.0.2.9"),
        Search(
            name: "what the name itself is counts after a refusal", host: "web", zone: ["web.one.test": .refused],
            cause: .dnsNoSuchName),
        Search(
            name: "a failure is told when nothing is found", host: "web", zone: ["web.one.test": .serverFailure],
            cause: .dnsFailed),
        Search(
            name: "what was said of the name itself counts more", host: "db.prod",
            zone: ["db.prod.one.test": .serverFailure], cause: .dnsNoSuchName),
        Search(
            name: "the root's dot ends the search", host: "web.",
            zone: ["web.one.test": .addresses(["192.0.2.1"], ttl: 9)], cause: .dnsNoSuchName),
        Search(
            name: "IPv6 alone while IPv4 fails", host: "six.example.test", zone: [:], ipv6: .automatic,
            found: "2001:db8::6"),
        Search(
            name: "IPv6 alone where IPv4 is said not to exist", host: "only.example.test", zone: [:], ipv6: .automatic,
            found: "2001:db8::6"),
    ])
    func searches(_ row: Search) async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("resolv-\(UUID().uuidString)")
        try "search one.test two.test\noptions ndots:\(row.ndots)\n".write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try await with(
            ipv6: row.ipv6, resolvConf: file.path,
            { name, kind in
                switch (name, kind) {
                case ("six.example.test", .a): .serverFailure
                case ("only.example.test", .a): .noSuchName
                case ("six.example.test", .aaaa), ("only.example.test", .aaaa): .addresses(["2001:db8::6"], ttl: 9)
                default: row.zone[name] ?? .noSuchName
                }
            }
        ) { resolver, _, group in
            let resolution = await look(row.host, resolver, group)
            if let found = row.found {
                #expect(resolution == Self.found(found))
            } else if case .failed(let cause, let detail) = resolution {
                #expect(cause == row.cause && detail.contains("web") == row.host.hasPrefix("web"), "\(detail)")
            } else {
                Issue.record("\(resolution)")
            }
        }
    }

    @Test func absenceIsBelievedShortly() async throws {
        try await with({ _, _ in .noSuchName }) { resolver, server, group in
            _ = await look("gone.test", resolver, group)
            #expect(resolver.cached("gone.test") != nil)
            try await eventually { resolver.cached("gone.test") == nil }
            _ = await look("gone.test", resolver, group)
            #expect(server.asked("gone.test") == 2)
        }
    }

    @Test func localhostAsksNobody() async throws {
        try await with({ _, _ in .noSuchName }) { resolver, server, group in
            for name in ["localhost", "app.localhost"] {
                guard case .found(let addresses, _) = await look(name, resolver, group) else {
                    Issue.record("\(name) was not found")
                    continue
                }
                #expect(addresses.first?.ipAddress == "127.0.0.1")
                #expect(server.asked(name) == 0)
            }
        }
    }

    /// The first question's packet is lost: it is sent again.
    @Test func aLostPacketIsSentAgain() async throws {
        let count = Mutex(0)
        try await with({ _, _ in
            count.withLock {
                $0 += 1
                return $0 == 1 ? .silence : .addresses(["192.0.2.1"], ttl: 60)
            }
        }) { resolver, server, group in
            #expect(await look("a.test", resolver, group) == Self.found("192.0.2.1"))
            #expect(server.asked("a.test") == 2)
        }
    }

    /// One name in a hundred is dead, and every healthy target is judged healthy all the same.
    @Test func deadNamesDelayNobody() async throws {
        var configuration = ResolverConfiguration()
        configuration.resolvConf = nil
        configuration.hosts = nil
        configuration.ipv6 = .never
        configuration.limit = .seconds(4)
        let servers = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let names = try await TestNameServer.start(on: servers, delay: .milliseconds(20)) { name, _ in
            name.hasPrefix("dead") ? .silence : .addresses(["127.0.0.1"], ttl: 300)
        }
        configuration.servers = try [names.address]
        try await ProbeBench.run(resolver: configuration) { bench in
            let server = try await MisbehavingServer.start(on: servers) { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), .close]
            }
            let checks = (0..<1_000).map { number in
                Check(
                    name: "c\(number)",
                    address: "http://\(number % 100 == 50 ? "dead" : "host")\(number).test:\(server.port)/",
                    policy: .quick(timeout: .seconds(30)))
            }
            let results = Mutex<[Int: (UInt16, Cause, UInt32)]>([:])
            await ProbeSweep.run(checks, on: [bench.lane], concurrency: 100) { index, attempt in
                let seen = Seen(attempt)
                results.withLock { $0[index] = (seen.status ?? 0, seen.cause, seen.phases.resolve) }
            }
            let all = results.withLock { $0 }
            #expect(all.count == 1_000)
            for (index, (status, cause, resolve)) in all {
                if index % 100 == 50 {
                    #expect(cause == .dnsTimeout)
                } else {
                    #expect(status == 200, "\(cause)")
                    #expect(resolve >= 19_000, "the name server takes 20 ms, and that is a phase of its own")
                }
            }
        }
        try await servers.shutdownGracefully()
    }

    /// IPv6 is tried first and leads nowhere; IPv4 answers.
    @Test func aDeadFamilyFallsBack() async throws {
        var configuration = ResolverConfiguration()
        configuration.resolvConf = nil
        configuration.hosts = nil
        configuration.ipv6 = .first
        let servers = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let names = try await TestNameServer.start(on: servers) { _, _ in .addresses(["127.0.0.1", "::1"], ttl: 300) }
        configuration.servers = try [names.address]
        try await ProbeBench.run(resolver: configuration) { bench in
            let server = try await MisbehavingServer.start(on: servers) { _ in
                [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), .close]
            }
            let seen = await bench.attempt("http://both.test:\(server.port)/", .quick())
            #expect(seen.status == 200, "\(seen.detail)")
            #expect(seen.transcript.exchanges.first?.peer == "127.0.0.1:\(server.port)")
        }
        try await servers.shutdownGracefully()
    }

    @Test func filesAreRead() {
        var files = ResolverFiles()
        files.readResolvConf(
            """
            # ours
            nameserver 192.0.2.53
            nameserver 2001:db8::53 ; second
            nameserver nonsense
            search one.test two.test.
            options ndots:2 rotate timeout:1 attempts:9
            options no-aaaa use-vc timeout:x unknown
            """)
        #expect(files.timeout == 1 && files.attempts == 5 && files.rotates && files.asksNoIPv6 && files.usesTCP)
        #expect(files.patience(servers: 1) == .seconds(5) && ResolverFiles().patience(servers: 2) == .seconds(20))
        files.readHosts("127.0.0.1 localhost\n192.0.2.4  web.test web # the web\n::1 web.test\nbad line\n")
        #expect(files.servers.map(\.text) == ["192.0.2.53:53", "[2001:db8::53]:53"])
        #expect(files.candidates(for: "a.b") == ["a.b.one.test", "a.b.two.test", "a.b"])
        #expect(files.candidates(for: "a.b.c") == ["a.b.c", "a.b.c.one.test", "a.b.c.two.test"])
        #expect(files.candidates(for: "a.b.") == ["a.b"])
        #expect(files.hosts["web.test"]?.map(\.text) == ["192.0.2.4:0", "[::1]:0"])
        #expect(files.hosts["web"]?.count == 1)
    }

    @Test func theEnvironmentHasTheLastWord() {
        var files = ResolverFiles()
        files.readResolvConf("search one.test\noptions ndots:2 timeout:3\n")
        files.readEnvironment(domains: "three.test", options: "ndots:0")
        #expect(files.candidates(for: "a") == ["a", "a.three.test"])
        #expect(files.timeout == 3)
    }

    /// `timeout` and `attempts` shorten the wait, and a second server is reached over TCP where `use-vc` says so.
    @Test func optionsOfTheFileAreKept() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("resolv-\(UUID().uuidString)")
        try "options timeout:1 attempts:1 use-vc rotate\n".write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try await with(
            limit: .seconds(60), resolvConf: file.path, dead: true,
            { name, _ in
                name == "dead.test" ? .silence : .truncated(["192.0.2.1"])
            }
        ) { resolver, _, group in
            #expect(await look("web.test", resolver, group) == Self.found("192.0.2.1"))
        }
        try "options timeout:1 attempts:1\n".write(to: file, atomically: true, encoding: .utf8)
        try await with(limit: .seconds(60), resolvConf: file.path, { _, _ in .silence }) { resolver, _, group in
            guard case .failed(.dnsTimeout, let detail) = await look("dead.test", resolver, group) else {
                Issue.record("the name is answered")
                return
            }
            #expect(detail.contains("within 1"), "\(detail)")
        }
    }

    @Test func theCacheStaysBounded() {
        var cache = ResolverCache(limit: 100)
        let answer = Resolution.failed(.dnsFailed, detail: "")
        cache.put("often", answer, freshUntil: 1_000, staleUntil: 1_000)
        for number in 0..<10_000 {
            cache.put("name\(number)", answer, freshUntil: 1_000, staleUntil: 1_000)
            #expect(cache.fresh("often", now: 1) == answer, "what is asked for stays")
        }
        #expect(cache.count == 100)
        #expect(cache.fresh("name9999", now: 1) == answer)
        #expect(cache.fresh("name1", now: 1) == nil)
        #expect(cache.fresh("often", now: 1_000) == nil)
    }

    /// Any bytes at all: an answer, or none, and never a crash.
    @Test(arguments: 0..<4)
    func messagesOfAnyBytes(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let valid = DNSMessage.question(id: 7, name: "a.test", kind: .a, extended: false)
        for _ in 0..<5_000 {
            var bytes = Array(valid.readableBytesView)
            bytes[2] |= 0x80
            bytes[7] = UInt8.random(in: 0...3, using: &random)
            for _ in 0..<Int.random(in: 0...60, using: &random) {
                bytes.append(UInt8.random(in: 0...255, using: &random))
            }
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 2..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let answer = DNSMessage.answer(ByteBuffer(bytes: bytes), to: "a.test", kind: .a) {
                #expect(answer.id == 7)
                #expect(answer.addresses.count <= 16)
            }
        }
    }
}
