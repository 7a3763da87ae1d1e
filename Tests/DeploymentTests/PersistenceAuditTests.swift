import StokerCore
import Testing

@testable import Deployment

@Suite struct PersistenceAuditTests {
    private typealias Facts = PersistenceAudit.Facts

    private static let hub = Facts.Hub(
        isStatic: false, isPaused: false, hardware: "cpu-basic", sleepSeconds: nil, writableMounts: ["/data"],
        secrets: [])
    private static let watch = Facts.Watch(check: "bot", path: "/health", every: .seconds(300), isEnabled: true)
    private static let record = Facts.Record(
        verdict: .up, lastAnswer: Instant(seconds: 1_000), incidents: 2, lastRecovery: Instant(seconds: 900),
        restart: .init(at: Instant(seconds: 500), cameBack: true))
    private static let visit = Facts.Visit(path: "/health", status: 200, isOfApp: true)
    private static let whole = Facts(watch: watch, hub: hub, visit: visit, record: record)

    /// The five points in their order: health, alive, state, restart, recovery.
    private func standings(_ facts: Facts) -> String {
        PersistenceAudit(facts).points.map { String($0.standing.rawValue.prefix(1)) }.joined()
    }

    private func with(_ change: (inout Facts) -> Void) -> String {
        var facts = Self.whole
        change(&facts)
        return standings(facts)
    }

    @Test func onlyWhatWasSeenIsGreen() {
        #expect(PersistenceAudit(Self.whole).points.map(\.name) == PersistenceAudit.Name.allCases)
        // Whether a restart brings state back is not seen by an answer.
        #expect(standings(Self.whole) == "ooouo")
        #expect(standings(Facts()) == "uuuuf")
        #expect(with { $0.record = nil } == "ououu")
        #expect(with { $0.hub = nil } == "oouuo")
    }

    @Test func aStaticSpaceHasNothingToLose() {
        #expect(with { $0.hub?.isStatic = true } == "ooooo")
    }

    @Test func theHealthAddress() {
        #expect(with { $0.visit?.status = 404 }.first == "f")
        #expect(with { $0.visit?.status = 503 }.first == "u")
        #expect(with { $0.visit?.isOfApp = false }.first == "u")
        #expect(with { $0.visit = nil }.first == "u")
        var facts = Self.whole
        facts.watch?.path = "/"
        #expect(PersistenceAudit(facts).points[0].fix?.contains("path: /health") == true)
    }

    @Test func keptAlive() {
        func alive(_ change: (inout Facts) -> Void) -> Character { with(change)[1] }
        #expect(alive { $0.watch = nil } == "f")
        #expect(alive { $0.watch?.isEnabled = false } == "f")
        #expect(alive { $0.watch?.every = .seconds(49 * 3_600) } == "f")
        #expect(alive { $0.hub?.isPaused = true } == "f")
        #expect(alive { $0.record?.verdict = .down } == "f")
        #expect(alive { $0.record?.verdict = .paused } == "f")
        #expect(alive { $0.record?.verdict = .waking } == "u")
        // Paid hardware does not sleep unless it was told to.
        #expect(
            alive {
                $0.hub?.hardware = "t4-small"
                $0.watch = nil
            } == "o")
        #expect(
            alive {
                $0.hub?.hardware = "t4-small"
                $0.hub?.sleepSeconds = 3_600
                $0.watch?.every = .seconds(7_200)
            } == "f")
    }

    @Test func stateElsewhere() {
        func state(_ change: (inout Facts) -> Void) -> Character { with(change)[2] }
        #expect(state { $0.hub?.writableMounts = [] } == "u")
        #expect(
            state {
                $0.hub?.writableMounts = []
                $0.hub?.secrets = ["DATABASE_URL"]
            } == "o")
        #expect(
            state {
                $0.hub?.writableMounts = nil
                $0.hub?.secrets = nil
            } == "u")
    }

    /// With `persist:` all five points can be known.
    @Test func whatIsKeptInAVault() {
        let start = Facts.Keep.Start(at: Instant(seconds: 600), outcome: "restored", lost: "nothing")
        func kept(_ change: (inout Facts.Keep) -> Void) -> String {
            with { facts in
                facts.hub?.writableMounts = []
                var keep = Facts.Keep(vault: "bucket:acme/state")
                (keep.newest, keep.start) = (Instant(seconds: 990), start)
                change(&keep)
                facts.keep = keep
            }
        }
        #expect(kept { _ in } == "ooooo")
        #expect(kept { $0.newest = nil }[2] == "f")
        #expect(kept { $0.problem = ("a snapshot is held", "Accept it.") }[2] == "f")
        #expect(kept { $0.trouble = "its vault cannot be read: no route" }[2] == "u")
        #expect(kept { $0.drillFailure = "the database app.db is not sound" }[3] == "f")
        for outcome in ["failed", "older", "empty"] { #expect(kept { $0.start?.outcome = outcome }[3] == "f") }
        #expect(kept { $0.start = nil }[3] == "u")
        #expect(
            kept {
                $0.start = nil
                $0.proven = Instant(seconds: 950)
            }[3] == "o")
        // The vault's records show starts where no server was asked.
        var facts = Self.whole
        facts.record = nil
        facts.keep = Facts.Keep(vault: "bucket:acme/state")
        facts.keep?.start = start
        #expect(standings(facts)[4] == "o")
    }

    @Test func aRestartAndItsEnd() {
        #expect(with { $0.record?.restart?.cameBack = false }[3] == "f")
        #expect(with { $0.record?.restart = nil }[3] == "u")
        #expect(with { $0.watch = nil }[4] == "f")
        #expect(with { $0.watch?.isEnabled = false }[4] == "f")
        #expect(with { $0.record?.verdict = .paused }[4] == "f")
    }
}

extension String {
    fileprivate subscript(place: Int) -> Character { self[index(startIndex, offsetBy: place)] }
}
