import Foundation
import KeepAlive
import StokerCore
import Testing

@Suite struct HeartbeatsTests {
    static let start = Instant(milliseconds: 1_700_000_000_000)
    /// Every hour, ten minutes' grace.
    static let policy = CheckPolicy(kind: .heartbeat, every: .seconds(3_600), grace: .seconds(600))

    struct Life {
        var state = CheckState()
        var runs = Heartbeats.Runs()
        var actions: [JudgeAction] = []
        var policy = HeartbeatsTests.policy

        mutating func beat(_ signal: Beat.Signal, run: String? = nil, at minute: Int) -> Observation? {
            let result = Heartbeats.take(
                Beat(signal: signal, run: run), &state, &runs, policy: policy, check: 5, at: HeartbeatsTests.at(minute))
            actions += result.actions
            return result.observation
        }
        mutating func expire(at minute: Int, watchingSince: Instant = .never) -> Observation? {
            let result = Heartbeats.expire(
                &state, &runs, policy: policy, check: 5, watchingSince: watchingSince, now: HeartbeatsTests.at(minute))
            actions += result?.actions ?? []
            return result?.observation
        }
        func due(_ watchingSince: Instant = .never) -> Instant? {
            Heartbeats.due(state, policy: policy, watchingSince: watchingSince)
        }
        func phase(at minute: Int) -> Heartbeats.Phase {
            Heartbeats.phase(state, policy: policy, now: HeartbeatsTests.at(minute))
        }
    }

    static func at(_ minute: Int) -> Instant { start + .seconds(minute * 60) }

    /// 2023-11-17 was a Friday.
    @Test(arguments: [
        // A daily job of working days: Friday's 15:00 is followed by Monday's.
        ("Mon-Fri 00:00-24:00", 24, "2023-11-17T15:00:00Z", "2023-11-20T15:10:00Z"),
        // Every hour of the office: half an hour before the close, half an hour after the opening.
        ("Mon-Fri 09:00-17:00", 1, "2023-11-17T16:30:00Z", "2023-11-20T09:40:00Z"),
        ("Mon-Fri 09:00-17:00", 1, "2023-11-17T11:00:00Z", "2023-11-17T12:10:00Z"),
        // Every night; and an hour's job that was heard at night although it works by day.
        ("00:00-06:00", 24, "2023-11-17T01:00:00Z", "2023-11-18T01:10:00Z"),
        ("Mon-Fri 09:00-17:00", 1, "2023-11-18T03:00:00Z", "2023-11-20T09:10:00Z"),
    ])
    func hoursMoveWhatIsExpected(_ hours: String, _ every: Int, _ last: String, _ due: String) throws {
        let window = try #require(HoursWindow(try Hours(text: hours)))
        func instant(_ text: String) throws -> Instant {
            Instant(seconds: try Date(text, strategy: .iso8601).timeIntervalSince1970)
        }
        let policy = CheckPolicy(kind: .heartbeat, every: .seconds(every * 3_600), grace: .seconds(600))
        var state = CheckState()
        state.verdict = .up
        state.lastPing = try instant(last)
        #expect(try Heartbeats.due(state, policy: policy, hours: window) == instant(due))
    }

    @Test func neverHeardOfIsNotAwaited() {
        var life = Life()
        #expect(life.due() == nil)
        #expect(life.phase(at: 0) == .new)
        let expired = life.expire(at: 100_000)
        #expect(expired == nil && life.actions.isEmpty)
    }

    @Test func onTimeLateSilentAndBack() {
        var life = Life()
        let beat = life.beat(.success, at: 0)
        #expect(beat?.outcome == .up)
        #expect(life.phase(at: 59) == .onTime)
        #expect(life.phase(at: 60) == .late)
        #expect(life.due() == Self.at(70))
        let early = life.expire(at: 69)
        #expect(early == nil)
        let missed = life.expire(at: 70)
        #expect(missed?.outcome == .down && missed?.cause == .heartbeatMissed)
        #expect(life.state.verdict == .silent && life.state.lastPing == Self.at(0))
        #expect(life.due() == nil && life.phase(at: 80) == .silent)
        _ = life.beat(.success, at: 90)
        #expect(life.state.verdict == .up)
        var incident = Incident(check: 5, began: Self.at(70), verdict: .silent, cause: .heartbeatMissed)
        let began = JudgeAction.incidentBegan(incident)
        incident.ended = Self.at(90)
        #expect(
            life.actions == [
                .changed(from: .unknown, to: .up), .changed(from: .up, to: .silent), began,
                .changed(from: .silent, to: .up), .incidentEnded(incident),
            ])
    }

    @Test(arguments: [
        (Beat.Signal.fail, Verdict.down, UInt16(1)), (.exit(0), .up, 0), (.exit(3), .down, 3), (.exit(-1), .down, 255),
        (.success, .up, 0),
    ])
    func signals(signal: Beat.Signal, verdict: Verdict, code: UInt16) {
        var life = Life()
        let observation = life.beat(signal, at: 0)
        #expect(life.state.verdict == verdict && observation?.code == code)
        #expect(observation?.cause == (verdict == .up ? Cause.none : .heartbeatFailed))
        #expect((life.due() == nil) == (verdict == .down))
    }

    @Test func aNoteChangesNothing() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        let before = life.state
        let note = life.beat(.log, at: 5)
        #expect(note == nil && life.state == before)
    }

    @Test func aRunIsMeasured() {
        var life = Life()
        let start = life.beat(.start, at: 0)
        #expect(start == nil)
        #expect(life.phase(at: 1) == .running(since: Self.at(0)))
        let end = life.beat(.success, at: 3)
        #expect(end?.latencyMicroseconds == 180_000_000)
        #expect(life.phase(at: 4) == .onTime)
    }

    @Test func aVeryLongRunSaturates() {
        var life = Life()
        _ = life.beat(.start, at: 0)
        let end = life.beat(.success, at: 100)
        #expect(end?.latencyMicroseconds == .max)
    }

    @Test func aRunThatDoesNotEnd() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = life.beat(.start, at: 30)
        #expect(life.due() == Self.at(40))
        let expired = life.expire(at: 40)
        #expect(expired?.cause == .heartbeatOverran && life.state.verdict == .silent)
        let end = life.beat(.success, at: 45)
        #expect(end?.latencyMicroseconds == 0 && life.state.verdict == .up)
    }

    @Test func aLateStartDoesNotBuyMoreTime() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = life.beat(.start, at: 65)
        #expect(life.due() == Self.at(70))
        let expired = life.expire(at: 70)
        #expect(expired?.cause == .heartbeatMissed)
    }

    @Test func overlappingRuns() {
        var life = Life()
        _ = life.beat(.start, run: "a", at: 0)
        _ = life.beat(.start, run: "b", at: 2)
        #expect(life.due() == Self.at(10))
        let second = life.beat(.success, run: "b", at: 3)
        #expect(second?.latencyMicroseconds == 60_000_000)
        #expect(life.phase(at: 4) == .running(since: Self.at(0)))
        #expect(life.due() == Self.at(10))
        let first = life.beat(.success, run: "a", at: 4)
        #expect(first?.latencyMicroseconds == 240_000_000)
        #expect(life.due() == Self.at(74))
    }

    @Test func manyRunsThatNeverEndAreBounded() {
        var life = Life()
        for run in 0..<1_000 { _ = life.beat(.start, run: "\(run)", at: run) }
        // The oldest one still told apart.
        #expect(life.state.wakingSince == Self.at(984))
    }

    @Test func aRunSurvivesARestart() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = life.beat(.start, at: 30)
        life.runs = Heartbeats.Runs()  // all that is not in the ledger
        #expect(life.due() == Self.at(40))
        let end = life.beat(.success, at: 35)
        #expect(end?.latencyMicroseconds == 300_000_000)
    }

    @Test func whatWasSentWhileWeWereAwayIsLost() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        // Started again three hours later.
        #expect(life.due(Self.at(180)) == Self.at(190))
        let early = life.expire(at: 180, watchingSince: Self.at(180))
        let late = life.expire(at: 190, watchingSince: Self.at(180))
        #expect(early == nil && late != nil)
    }

    @Test func paused() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = Judge.pause(&life.state, .byPerson, check: 5, now: Self.at(1))
        #expect(life.due() == nil && life.phase(at: 2) == .paused)
        let beat = life.beat(.success, at: 3)
        #expect(beat == nil && life.state.verdict == .paused)
    }

    @Test func aJobThatCalledThroughoutAPauseIsDueByItsLastCall() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = Judge.pause(&life.state, .byPerson, check: 5, now: Self.at(1))
        for minute in [50, 100, 150] { _ = life.beat(.success, at: minute) }
        _ = Judge.resume(&life.state, now: Self.at(160))
        let early = life.expire(at: 160)
        #expect(early == nil && life.due() == Self.at(220) && life.state.lastPing == Self.at(150))
        let missed = life.expire(at: 220)
        #expect(missed?.cause == .heartbeatMissed && life.state.verdict == .silent)
    }

    @Test func aJobThatRestedWithThePauseHasItsWholeTime() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = Judge.pause(&life.state, .byPerson, check: 5, now: Self.at(1))
        _ = Judge.resume(&life.state, now: Self.at(500))
        let early = life.expire(at: 500)
        #expect(early == nil && life.due() == Self.at(570) && life.phase(at: 501) == .onTime)
        let missed = life.expire(at: 570)
        #expect(missed?.cause == .heartbeatMissed)
    }

    /// A short pause does not give a job more time than it had.
    @Test func aPauseThatEndsBeforeTheBeatIsDueMovesNothing() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = Judge.pause(&life.state, .byPerson, check: 5, now: Self.at(10))
        _ = Judge.resume(&life.state, now: Self.at(20))
        #expect(life.due() == Self.at(70))
    }

    @Test func aRunThatBeganInAPauseIsMeasuredAndNotMissed() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = Judge.pause(&life.state, .byPerson, check: 5, now: Self.at(1))
        _ = life.beat(.start, at: 90)
        _ = Judge.resume(&life.state, now: Self.at(120))
        let early = life.expire(at: 121)
        let end = life.beat(.success, at: 125)
        #expect(early == nil && end?.latencyMicroseconds == 2_100_000_000)
    }

    @Test(arguments: [-10_000, -30, 30, 10_000]) func aClockThatIsSetMovesWhatIsAwaited(by minutes: Int) {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = life.beat(.start, at: 5)
        Heartbeats.shift(
            &life.state, &life.runs, by: .seconds(minutes * 60), now: Self.at(7 + minutes))
        #expect(life.state.lastPing == Self.at(minutes) && life.due() == Self.at(15 + minutes))
        let end = life.beat(.success, at: 8 + minutes)
        #expect(end?.latencyMicroseconds == 180_000_000)
    }

    /// A machine that began in 1970 and was put right: what the ledger had is not moved into the future.
    @Test func nothingIsMovedIntoTheFuture() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        Heartbeats.shift(&life.state, &life.runs, by: .seconds(50 * 365 * 86_400), now: Self.at(30))
        #expect(life.due() == Self.at(100))
    }

    @Test func aFailureAfterSilenceIsTheSameIncident() {
        var life = Life()
        _ = life.beat(.success, at: 0)
        _ = life.expire(at: 70)
        _ = life.beat(.fail, at: 75)
        #expect(life.state.verdict == .down && life.state.incidentOpen)
        #expect(life.actions.count { if case .incidentBegan = $0 { true } else { false } } == 1)
    }

    @Test func theThresholdOfPingsIsNotForHeartbeats() {
        var life = Life()
        life.policy = CheckPolicy(
            kind: .heartbeat, every: .seconds(3_600), downAfter: Threshold(failures: 5, of: 5), grace: .seconds(600))
        _ = life.beat(.fail, at: 0)
        #expect(life.state.verdict == .down)
        _ = life.beat(.success, at: 1)
        #expect(life.state.verdict == .up)
    }

    @Test func neverSilentBeforeItsTime() {
        var random = SplitMix64(seed: 77)
        for _ in 0..<3_000 {
            var life = Life()
            var minute = 0
            var last: Int?
            var started: [Int] = []
            for _ in 0..<25 {
                minute += Int.random(in: 0...50, using: &random)
                if let observation = life.expire(at: minute) {
                    let silentSince = last.map { minute - $0 } ?? 0
                    let runningSince = started.map { minute - $0 }.max() ?? 0
                    #expect(silentSince >= 70 || runningSince >= 10, "\(observation)")
                    #expect(life.state.verdict == .silent)
                    started = []
                }
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1:
                    _ = life.beat(.success, at: minute)
                    last = minute
                    started = []
                case 2:
                    _ = life.beat(.start, at: minute)
                    started = [minute]
                case 3:
                    _ = life.beat(.exit(Int.random(in: 0...2, using: &random)), at: minute)
                    last = minute
                    started = []
                case 4: _ = life.beat(.log, at: minute)
                default: break
                }
                #expect(!life.actions.contains { if case .recheck = $0 { true } else { false } })
            }
        }
    }
}
