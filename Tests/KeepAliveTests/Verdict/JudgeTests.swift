import Foundation
import Ledger
import StokerCore
import Testing

@testable import KeepAlive

@Suite struct JudgeTests {
    /// A row of the table in docs/verdicts.md.
    struct Row: CustomTestStringConvertible, Sendable {
        var name, threshold, pings, verdict, open, told, next: String
        var testDescription: String { name }

        static let all: [Row] = {
            let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/verdicts.md")
            guard let text = try? String(contentsOf: file, encoding: .utf8),
                let start = text.range(of: "<!-- judge table -->"), let end = text.range(of: "<!-- end -->")
            else { return [] }
            return text[start.upperBound..<end.lowerBound].split(separator: "\n").dropFirst(2).compactMap { line in
                let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                    .map { $0.trimmingCharacters(in: .whitespaces) }
                guard cells.count == 9 else { return nil }
                return Row(
                    name: cells[1], threshold: cells[2], pings: cells[3], verdict: cells[4], open: cells[5],
                    told: cells[6],
                    next: cells[7])
            }
        }()
    }

    /// It asks for less: it is asked half as often, then a quarter; when that is still too often, it is down and no more often asked.
    @Test func aTargetThatSaysTooManyIsAskedLess() {
        let policy = CheckPolicy(every: .seconds(2_700))
        var state = CheckState()
        var now = Instant(seconds: 1_800_000_000)
        var seen: [(Outcome, JudgeAction?)] = []
        for _ in 0..<4 {
            let finding = Judge.meaning(of: AttemptResult(outcome: .unknown, cause: .status, code: 429), in: state)
            let observation = Observation(
                check: 7, at: now, outcome: finding.outcome, cause: finding.cause, code: finding.code)
            seen.append((finding.outcome, Judge.judge(&state, observation, policy: policy, now: now).last))
            now = now + .seconds(2_700)
        }
        #expect(seen.map(\.0) == [.unknown, .unknown, .down, .down])
        #expect(
            seen.map(\.1) == [2, 4, 4, 4].map { JudgeAction.recheck(.seconds(2_700 * $0)) })
        #expect(state.verdict == .down)
    }

    @Test func theTableIsThere() { #expect(Row.all.count >= 50) }

    @Test(arguments: Row.all) func row(_ row: Row) throws {
        let threshold = row.threshold.split(separator: " ").compactMap { Int($0) }
        let policy = CheckPolicy(downAfter: Threshold(failures: threshold[0], of: threshold[1]))
        var state = CheckState()
        var now = Instant(seconds: 1_800_000_000)
        var told: [String] = []
        var next = "every"
        for token in row.pings.split(separator: " ") {
            if token.hasPrefix("+") {
                now = now + (try #require(Duration(text: token.dropFirst())))
                continue
            }
            let parts = token.split(separator: "*")
            for _ in 0..<(parts.count > 1 ? try #require(Int(parts[1])) : 1) {
                let actions: [JudgeAction]
                switch parts[0] {
                case "pause": actions = Judge.pause(&state, .byPerson, check: 7, now: now)
                case "resume": actions = Judge.resume(&state, now: now)
                default:
                    actions = Judge.judge(&state, try observation(parts[0], now), policy: policy, now: now)
                }
                next = "every"
                for action in actions {
                    switch action {
                    case .changed(let from, let to): told.append("\(from.name)>\(to.name)")
                    case .incidentBegan: told.append("incident")
                    case .incidentEnded: told.append("ended")
                    case .flappingBegan: told.append("flapping")
                    case .flappingEnded: told.append("calm")
                    case .stopPinging: told.append("stop")
                    case .recheck(let after): next = after == policy.every ? "every" : after.text
                    }
                }
                now = now + .seconds(60)
            }
        }
        #expect(state.verdict.name == row.verdict)
        #expect(state.incidentOpen == (row.open == "yes"))
        #expect(told.joined(separator: " ") == row.told)
        #expect(next == row.next)
    }

    private func observation(_ word: Substring, _ at: Instant) throws -> Observation {
        let (outcome, cause): (Outcome, Cause)
        switch word {
        case "up": (outcome, cause) = (.up, .none)
        case "slow": (outcome, cause) = (.slow, .tooSlow)
        case "waking": (outcome, cause) = (.waking, .spaceHeld)
        case "down": (outcome, cause) = (.down, .status)
        case "offline": (outcome, cause) = (.unknown, .selfOffline)
        case "throttled": (outcome, cause) = (.unknown, .spaceThrottled)
        case "moderated": (outcome, cause) = (.down, .spaceModerated)
        default: throw Failure(.usage, doing: "read the table", because: "\(word) is not a ping")
        }
        return Observation(check: 7, at: at, outcome: outcome, cause: cause, code: outcome == .down ? 500 : 200)
    }

    // MARK: Details the table does not show

    @Test func anIncidentBeginsWithTheFirstFailureAndTellsItsCause() throws {
        let policy = CheckPolicy(downAfter: Threshold(failures: 3, of: 3))
        var state = CheckState()
        var incidents: [JudgeAction] = []
        for (minute, cause) in [Cause.none, .connectRefused, .status, .textMissing, .none, .none, .none].enumerated() {
            let at = Instant(milliseconds: 1_000_000 + Int64(minute) * 60_000)
            incidents += Judge.judge(
                &state,
                Observation(
                    check: 3, at: at, outcome: cause == .none ? .up : .down, cause: cause, code: UInt16(minute)),
                policy: policy, now: at
            ).filter { if case .incidentBegan = $0 { true } else if case .incidentEnded = $0 { true } else { false } }
        }
        var incident = Incident(
            check: 3, began: Instant(milliseconds: 1_060_000), verdict: .down, cause: .textMissing, code: 3)
        let began = JudgeAction.incidentBegan(incident)
        incident.ended = Instant(milliseconds: 1_240_000)
        #expect(incidents == [began, .incidentEnded(incident)])
        #expect(state.lastGood == Instant(milliseconds: 1_360_000))
        #expect(state.since == Instant(milliseconds: 1_240_000))
    }

    /// A failed ping took several attempts: trouble began with the first of the first. It ended with the first good ping of those
    /// that were needed.
    @Test func troubleBeginsWithTheFirstFailedAttemptAndEndsWithTheFirstGoodPing() {
        func at(_ seconds: Int64) -> Instant { Instant(milliseconds: 9_000_000 + seconds * 1_000) }
        var state = CheckState()
        let policy = CheckPolicy(downAfter: Threshold(failures: 2, of: 3))
        var incidents: [Incident] = []
        var changes: [StandingChange] = []
        let pings: [(first: Int64, last: Int64, outcome: Outcome)] = [
            (0, 0, .up), (100, 135, .down), (200, 235, .down), (300, 335, .down), (400, 400, .up), (500, 500, .slow),
        ]
        for ping in pings {
            let before = state
            let observation = Observation(
                check: 1, at: at(ping.last), outcome: ping.outcome, cause: ping.outcome == .down ? .status : .none)
            let actions = Judge.judge(
                &state, observation, policy: policy, failedFrom: ping.outcome == .down ? at(ping.first) : nil,
                now: at(ping.last + 1))
            for action in actions {
                if case .incidentBegan(let incident) = action { incidents.append(incident) }
                if case .incidentEnded(let incident) = action { incidents.append(incident) }
            }
            if let change = StandingChange(of: 1, from: before, to: state, seen: at(ping.first)) {
                changes.append(change)
            }
        }
        #expect(incidents.map(\.began) == [at(100), at(100)])
        #expect(incidents.map(\.ended) == [nil, at(400)])
        #expect(state.since == at(400) && state.verdict == .slow)
        #expect(changes.map(\.at) == [at(0), at(100), at(400)], "uptime has the same times")
        #expect(changes.map(\.standing) == [.up, .down, .up])
    }

    @Test func aCheckThatIsNotDownYetSaysHowFarItIs() {
        let check = Check(name: "a", address: "http://a", policy: CheckPolicy(downAfter: Threshold(failures: 2, of: 3)))
        func status(_ causes: [Cause?]) -> String? {
            var state = CheckState()
            for (minute, cause) in causes.enumerated() {
                let at = Instant(milliseconds: 1_000_000 + Int64(minute) * 60_000)
                let seen = Observation(
                    check: 1, at: at, outcome: cause == nil ? .up : .down, cause: cause ?? .none,
                    code: cause == .status ? 503 : 0)
                _ = Judge.judge(&state, seen, policy: check.policy, now: at)
            }
            return CheckStatus(check: check, id: 1, state: state, nextDue: nil, pinging: false).failuresSoFar
        }
        #expect(status([]) == nil)
        #expect(status([.connectRefused]) == "1 of 2 failures: connection refused")
        #expect(status([nil, .status]) == "1 of 2 failures: answered 503")
        #expect(status([.status, nil]) == nil, "the last ping was good")
        #expect(status([.status, .status]) == nil, "down says it itself")
        #expect(status([.status, .status, nil, nil, .dnsFailed]) == "1 of 2 failures: name lookup failed")
    }

    @Test func stuckBeganWithTheFirstPingOfTheStart() {
        var state = CheckState()
        let policy = CheckPolicy()
        var began: Instant?
        for minute in 0...31 {
            let at = Instant(milliseconds: 5_000_000 + Int64(minute) * 60_000)
            for action in Judge.judge(
                &state, Observation(check: 1, at: at, outcome: .waking, cause: .spaceStarting), policy: policy, now: at)
            {
                if case .incidentBegan(let incident) = action { began = incident.began }
            }
        }
        #expect(began == Instant(milliseconds: 5_000_000))
        #expect(state.cause == .spaceStuck)
    }

    @Test func theLastPingIsInTheState() {
        var state = CheckState()
        let at = Instant(milliseconds: 9_000)
        _ = Judge.judge(
            &state,
            Observation(check: 1, at: at, outcome: .up, code: 204, attempts: 3, latencyMicroseconds: 1_234),
            policy: CheckPolicy(), certificateEndHours: 500_000, now: at)
        #expect(state.code == 204 && state.attempts == 3 && state.latencyMicroseconds == 1_234)
        #expect(state.certificateEndHours == 500_000 && state.lastPing == at && state.lastGood == at)
    }

    @Test func aShortIntervalIsNeverStretchedByRechecks() {
        var state = CheckState()
        let policy = CheckPolicy(every: .seconds(10))
        for outcome in [Outcome.down, .waking, .unknown] {
            let actions = Judge.judge(
                &state, Observation(check: 1, at: Instant(milliseconds: 1_000), outcome: outcome), policy: policy,
                now: Instant(milliseconds: 1_000))
            #expect(actions.contains(.recheck(.seconds(10))))
        }
    }

    @Test(arguments: [
        (CheckState.Pause.byPerson, Instant.never, true, Verdict.paused),
        (.byPerson, Instant(milliseconds: 1_000), true, .unknown),
        (.byPerson, Instant(milliseconds: 9_999_999), true, .paused),
        (.byFleetFile, .never, true, .unknown),
        (.byFleetFile, .never, false, .paused),
        (.byHours, .never, true, .unknown),
        (.byModeration, .never, true, .paused),
    ])
    func aPauseAfterARestart(pause: CheckState.Pause, until: Instant, enabled: Bool, verdict: Verdict) {
        var state = CheckState()
        _ = Judge.pause(&state, pause, until: until, check: 1, now: Instant(milliseconds: 500))
        _ = Judge.recover(&state, policy: CheckPolicy(enabled: enabled), check: 1, now: Instant(milliseconds: 5_000))
        #expect(state.verdict == verdict)
    }

    @Test func hoursDoNotOverruleAPerson() {
        var state = CheckState()
        _ = Judge.pause(&state, .byPerson, check: 1, now: Instant(milliseconds: 1))
        let actions = Judge.pause(&state, .byHours, check: 1, now: Instant(milliseconds: 2))
        #expect(actions.isEmpty && state.pause == .byPerson)
    }

    @Test func aSwitchedOffCheckIsPausedAfterARestartAndItsIncidentEnds() {
        var state = CheckState()
        let at = Instant(milliseconds: 1_000)
        _ = Judge.judge(
            &state, Observation(check: 4, at: at, outcome: .down, cause: .status), policy: CheckPolicy(), now: at)
        let actions = Judge.recover(&state, policy: CheckPolicy(enabled: false), check: 4, now: at + .seconds(9))
        #expect(
            actions.contains { if case .incidentEnded(let it) = $0 { it.ended == at + .seconds(9) } else { false } })
        #expect(state.pause == .byFleetFile)
    }

    // MARK: Properties

    /// Random lives of checks, with everything that can happen to them.
    @Test(arguments: 0..<4) func whateverHappens(part: UInt64) {
        var random = SplitMix64(seed: 0x57_0CE2 + part)
        for _ in 0..<25_000 {
            let of = Int.random(in: 1...6, using: &random)
            let failures = Int.random(in: 1...of, using: &random)
            let policy = CheckPolicy(
                every: .seconds(Int.random(in: 1...3_600, using: &random)),
                downAfter: Threshold(failures: failures, of: of))
            var life = Life(state: CheckState(), policy: policy)
            let bias = Int.random(in: 1...9, using: &random)
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                guard life.step(bias: bias, &random) else { return }
            }
        }
    }

    struct Life {
        var state: CheckState
        let policy: CheckPolicy
        var now = Instant(milliseconds: 1_700_000_000_000)
        var open: Incident?
        var downs = 0
        var wakingSince: Instant?

        /// One random event and everything that must hold after it; false after a violation.
        mutating func step(bias: Int, _ random: inout SplitMix64) -> Bool {
            now = now + .milliseconds(Int64.random(in: 1...600_000, using: &random))
            let before = state
            var actions: [JudgeAction] = []
            var sure = true
            let dice = Int.random(in: 0..<100, using: &random)
            switch dice {
            case 0..<2: actions = Judge.pause(&state, .byPerson, check: 1, now: now)
            case 2..<6: actions = Judge.resume(&state, now: now)
            case 6..<8: actions = Judge.recover(&state, policy: policy, check: 1, now: now)
            default:
                let outcome: Outcome =
                    switch Int.random(in: 0..<12, using: &random) {
                    case 0: .unknown
                    case 1: .waking
                    case 2: .slow
                    default: Int.random(in: 0..<10, using: &random) < bias ? .down : .up
                    }
                let cause: Cause = outcome == .down ? (dice == 8 ? .spaceModerated : .status) : .none
                actions = Judge.judge(
                    &state, Observation(check: 1, at: now, outcome: outcome, cause: cause), policy: policy, now: now)
                if outcome == .unknown {
                    sure = state == before && actions.allSatisfy { if case .recheck = $0 { true } else { false } }
                }
                if before.verdict == .paused { sure = sure && state == before && actions.isEmpty }
                if before.verdict != .down, state.verdict == .down {
                    let counted = (state.recentFailures & 0x3F).nonzeroBitCount
                    sure = sure && (before.wasBad || state.cause == .spaceStuck || counted >= policy.downAfter.failures)
                }
                if outcome == .up, policy.downAfter.of == 1, before.verdict != .paused {
                    sure = sure && state.verdict == .up
                }
            }
            for action in actions {
                switch action {
                case .incidentBegan(let incident):
                    sure =
                        sure && open == nil && incident.ended == nil && incident.began <= now
                        && state.verdict != .unknown
                    open = incident
                case .incidentEnded(let incident):
                    guard let was = open, let ended = incident.ended else {
                        sure = false
                        continue
                    }
                    sure = sure && incident.began == was.began && incident.cause == was.cause && ended >= incident.began
                    sure = sure && ended <= now && incident.flips >= 1
                    open = nil
                case .recheck(let after):
                    sure = sure && after > .zero && after <= policy.every * 4
                    sure = sure && (after <= policy.every || state.slowdown > 0)
                case .changed(let from, let to):
                    // Nothing is told while flapping goes on.
                    sure = sure && from != to && to == state.verdict && !(before.flapping && state.flapping)
                case .stopPinging: sure = sure && state.verdict == .paused
                case .flappingBegan: sure = sure && state.flapping && state.incidentOpen
                case .flappingEnded: sure = sure && !state.flapping
                }
            }
            sure = sure && state.incidentOpen == (open != nil)
            sure = sure && Judge.openIncident(state, check: 1)?.began == open?.began
            sure = sure && (state.verdict != .down || state.incidentOpen)
            sure = sure && (!state.flapping || state.incidentOpen)
            sure = sure && (state.verdict == .paused) == (state.pause != .none)
            sure = sure && (state.since <= now && state.recentCount <= 32)
            #expect(sure, "\(before) became \(state) with \(actions)")
            return sure
        }
    }
}
