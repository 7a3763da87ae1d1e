import KeepAlive
import StokerCore
import Testing

@Suite struct ConnectivityGuardTests {
    static let start = Instant(milliseconds: 1_700_000_000_000)

    /// Seconds after the start at which an attempt on a host began and ended, and what came of it.
    struct Seen: Sendable {
        var host: String
        var began: Int
        var ended: Int
        var cause: Cause = .connectTimeout
        var wasBad = false
    }

    func play(_ attempts: [Seen], hosts: Int) -> (guard: ConnectivityGuard, changes: [ConnectivityGuard.Change]) {
        var judge = ConnectivityGuard(hosts: hosts)
        var evidence = ConnectivityGuard.Evidence()
        var changes: [ConnectivityGuard.Change] = []
        for seen in attempts.sorted(by: { $0.ended < $1.ended }) {
            evidence.note(
                seen.cause, host: ConnectivityGuard.key(host: seen.host), began: at(seen.began), ended: at(seen.ended),
                wasBad: seen.wasBad)
            if let change = judge.take(&evidence, now: at(seen.ended)) { changes.append(change) }
        }
        return (judge, changes)
    }

    func at(_ seconds: Int) -> Instant { Self.start + .seconds(seconds) }

    /// Gone offline, then the clock is set back by two hours: the next answer is proof all the same.
    @Test func aClockSetBackDoesNotKeepUsOffline() {
        var judge = ConnectivityGuard(hosts: 50)
        var evidence = ConnectivityGuard.Evidence()
        for (index, host) in ["a", "b", "c"].enumerated() {
            evidence.note(
                .connectTimeout, host: ConnectivityGuard.key(host: host), began: at(10 + index), ended: at(20 + index),
                wasBad: false)
        }
        #expect(judge.take(&evidence, now: at(23)) == .wentOffline(since: at(10)))
        let back = -7_200
        #expect(judge.take(&evidence, now: at(back + 30)) == nil)
        evidence.note(.none, host: 1, began: at(back + 40), ended: at(back + 41), wasBad: false)
        #expect(judge.take(&evidence, now: at(back + 42)) == .cameBack(offlineSince: at(back + 30)))
        #expect(judge.status == .online)
    }

    @Test func aFleetOfOneHostIsNotLeftOffline() {
        var (judge, _) = play(
            [
                Seen(host: "a", began: 10, ended: 20), Seen(host: "b", began: 11, ended: 21),
                Seen(host: "c", began: 12, ended: 22),
            ], hosts: 3)
        judge.hosts = 1
        var evidence = ConnectivityGuard.Evidence()
        #expect(judge.take(&evidence, now: at(23)) == .cameBack(offlineSince: at(10)))
    }

    @Test func everythingFailsAtOnce() {
        let (judge, changes) = play(
            [
                Seen(host: "a", began: 0, ended: 0, cause: .none), Seen(host: "a", began: 10, ended: 20),
                Seen(host: "b", began: 11, ended: 21, cause: .dnsTimeout),
                Seen(host: "c", began: 12, ended: 22, cause: .connectUnreachable),
            ], hosts: 50)
        #expect(changes == [.wentOffline(since: at(10))])
        #expect(judge.status == .offline(since: at(10)))
        for cause in [Cause.connectTimeout, .dnsFailed, .firstByteTimeout, .spaceHeld, .connectionReset] {
            #expect(judge.treatment(of: cause, now: at(23)) == .disregard)
        }
        #expect(judge.treatment(of: .status, now: at(23)) == .judge)
    }

    @Test func settledBeforeTheRetriesHaveRunOut() throws {
        // Connect limit 10 s; the ping with retries after 5, 10, 20 s fails for good 75 s after it began.
        let (_, changes) = play((0..<5).map { Seen(host: "h\($0)", began: $0, ended: $0 + 10) }, hosts: 5)
        #expect(changes == [.wentOffline(since: at(0))])
    }

    @Test func theFirstAnswerEndsIt() {
        let (judge, changes) = play(
            [
                Seen(host: "a", began: 10, ended: 20), Seen(host: "b", began: 10, ended: 20),
                Seen(host: "c", began: 10, ended: 20), Seen(host: "b", began: 100, ended: 101, cause: .tlsCertificate),
            ], hosts: 3)
        #expect(changes == [.wentOffline(since: at(10)), .cameBack(offlineSince: at(10))])
        #expect(judge.status == .online)
        #expect(judge.treatment(of: .connectTimeout, now: at(102)) == .judge)
    }

    static let notUs: [[Seen]] = [
        // Something answered after they began.
        [
            Seen(host: "a", began: 0, ended: 10), Seen(host: "b", began: 0, ended: 10),
            Seen(host: "d", began: 1, ended: 2, cause: .none),
            Seen(host: "c", began: 0, ended: 10),
        ],
        // One host, however often.
        (0..<9).map { Seen(host: "a", began: $0, ended: $0 + 10) },
        // Two of many.
        [Seen(host: "a", began: 0, ended: 10), Seen(host: "b", began: 0, ended: 10)],
        // What was down before is no news.
        (0..<9).map { Seen(host: "h\($0)", began: 0, ended: 10, wasBad: true) },
        // Names that do not exist and refusals.
        (0..<9).map {
            Seen(host: "h\($0)", began: 0, ended: 10, cause: $0 % 2 == 0 ? .dnsNoSuchName : .connectRefused)
        },
        // Connected but held.
        (0..<9).map { Seen(host: "h\($0)", began: 0, ended: 120, cause: .firstByteTimeout) },
        // Too far apart.
        (0..<5).map { Seen(host: "h\($0)", began: $0 * 61, ended: $0 * 61 + 10) },
    ]

    @Test(arguments: notUs.indices) func notOurFault(row: Int) {
        let (judge, changes) = play(Self.notUs[row], hosts: 40)
        #expect(changes.isEmpty)
        if case .offline = judge.status { Issue.record("offline") }
    }

    @Test(arguments: [(1, false), (2, true), (3, false)]) func smallFleets(hosts: Int, offline: Bool) {
        let failing = (0..<min(hosts, 2)).map { Seen(host: "h\($0)", began: 0, ended: 10) }
        #expect(play(failing, hosts: hosts).changes.isEmpty == !offline)
    }

    @Test func suspicionHoldsJudgementForAWhile() {
        let (judge, _) = play([Seen(host: "a", began: 0, ended: 10)], hosts: 9)
        #expect(judge.status == .suspect(until: at(30)))
        #expect(judge.treatment(of: .connectTimeout, now: at(12)) == .hold(until: at(30)))
        #expect(judge.treatment(of: .connectTimeout, now: at(30)) == .judge)
        #expect(judge.treatment(of: .status, now: at(12)) == .judge)
        #expect(play([Seen(host: "a", began: 0, ended: 10)], hosts: 1).guard.status == .online)
    }

    @Test func aSuspicionAsksForWitnessesNowAndThen() {
        var (judge, _) = play([Seen(host: "a", began: 0, ended: 10)], hosts: 9)
        let asked = [10, 11, 39, 40].map { judge.wantsWitnesses(now: at($0)) }
        #expect(asked == [true, false, false, true])
        var (calm, _) = play([Seen(host: "a", began: 0, ended: 10, cause: .none)], hosts: 9)
        let unasked = calm.wantsWitnesses(now: at(11))
        #expect(!unasked)
    }

    /// Ten targets every 45 minutes: one is due when the network goes; its witnesses settle it before its retries are over.
    @Test func aSparseFleetIsSettledByItsWitnesses() {
        let (judge, changes) = play(
            [
                Seen(host: "a", began: 0, ended: 10), Seen(host: "b", began: 10, ended: 20),
                Seen(host: "c", began: 10, ended: 20), Seen(host: "a", began: 15, ended: 25),
            ], hosts: 10)
        #expect(changes == [.wentOffline(since: at(0))])
        #expect(judge.treatment(of: .connectTimeout, now: at(75)) == .disregard)
    }

    @Test func shardsMayReportInAnyOrder() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<300 {
            let attempts = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                let began = Int.random(in: 0...40, using: &random)
                return Seen(
                    host: "h\(Int.random(in: 0...4, using: &random))", began: began,
                    ended: began + Int.random(in: 0...10, using: &random),
                    cause: Int.random(in: 0...5, using: &random) == 0 ? .none : .connectTimeout)
            }
            func status(_ order: [Seen]) -> ConnectivityGuard.Status {
                var shards = [ConnectivityGuard.Evidence(), ConnectivityGuard.Evidence()]
                for (index, seen) in order.enumerated() {
                    shards[index % 2].note(
                        seen.cause, host: ConnectivityGuard.key(host: seen.host), began: at(seen.began),
                        ended: at(seen.ended), wasBad: false)
                }
                shards[0].merge(shards[1])
                var judge = ConnectivityGuard(hosts: 5)
                _ = judge.take(&shards[0], now: at(50))
                return judge.status
            }
            // Offline or not must not depend on the order; the exact beginning may.
            func isOffline(_ status: ConnectivityGuard.Status) -> Bool {
                if case .offline = status { true } else { false }
            }
            #expect(isOffline(status(attempts)) == isOffline(status(attempts.shuffled(using: &random))))
        }
    }

    @Test(arguments: [
        ("localhost", false), ("127.0.0.1", false), ("127.9.9.9", false), ("::1", false), ("[::1]", false),
        ("10.0.0.7", false),
        ("192.168.1.1", false), ("172.16.0.1", false), ("172.32.0.1", true), ("169.254.1.1", false),
        ("nas.local", false),
        ("app.localhost", false), ("8.8.8.8", true), ("acme-x.hf.space", true), ("10.example.com", true), ("", false),
    ])
    func whichHostsCount(host: String, counts: Bool) {
        #expect(ConnectivityGuard.counts(host: host) == counts)
    }

    @Test func answersOfAnyKindProveTheNetwork() {
        var judge = ConnectivityGuard(hosts: 3)
        var evidence = ConnectivityGuard.Evidence()
        for host in 0..<3 as Range<UInt64> {
            evidence.note(.failed(.dnsFailed, detail: ""), host: host, began: at(0), ended: at(1), wasBad: false)
        }
        evidence.note(answer(500), host: 9, began: at(0), ended: at(2), wasBad: false)
        let change = judge.take(&evidence, now: at(3))
        #expect(change == nil && judge.status == .online)
    }

    @Test func sameHostInAnyCase() {
        #expect(ConnectivityGuard.key(host: "A.example") == ConnectivityGuard.key(host: "a.EXAMPLE"))
        #expect(ConnectivityGuard.key(host: "a.example") != ConnectivityGuard.key(host: "b.example"))
    }
}
