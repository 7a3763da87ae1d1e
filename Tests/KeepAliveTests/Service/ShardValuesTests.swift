import Ledger
import StokerCore
import Testing

@testable import KeepAlive

private let now = Instant(seconds: 1_800_000_000)

private func finding(_ outcome: Outcome, _ cause: Cause) -> AttemptResult {
    AttemptResult(outcome: outcome, cause: cause, detail: "seen")
}

private func state(_ verdict: Verdict, pause: CheckState.Pause = .none) -> CheckState {
    var state = CheckState()
    state.verdict = verdict
    state.pause = pause
    return state
}

@Suite struct UnfinishedPingTests {
    /// When the failures of an unfinished ping began is remembered for an hour, and not when the clock was set back behind it.
    @Test(arguments: [
        (0, true), (3_599, true), (3_600, false), (86_400, false), (-1, false),
    ]) func itsBeginIsRememberedForAnHour(age: Int, isRemembered: Bool) {
        #expect(Shard.isRecent(now - .seconds(age), now) == isRemembered)
        #expect(!Shard.isRecent(.never, now))
    }
}

@Suite struct AttemptStepTests {
    @Test func aFailureIsTriedAgainAsOftenAsThePolicySays() {
        let timeout = finding(.down, .connectTimeout)
        let retries: [Duration] = [.seconds(5), .seconds(10)]
        func retry(_ finding: AttemptResult, _ attempt: Int) -> Int64? {
            AttemptStep.retry(of: finding, attempt: attempt, retries: retries, now: now)
        }
        #expect(retry(timeout, 1) == now.milliseconds + 5_000)
        #expect(retry(timeout, 2) == now.milliseconds + 10_000)
        #expect(retry(timeout, 3) == nil)
        #expect(retry(finding(.up, .none), 1) == nil)
        #expect(retry(finding(.down, .spaceModerated), 1) == nil, "it would be the same")
    }

    @Test func whatMayBeOurOwnFailureIsHeldOrNotCounted() {
        let meant = finding(.down, .connectTimeout)
        func step(_ treatment: ConnectivityGuard.Treatment) -> AttemptStep {
            AttemptStep.after(treatment, meant, detail: "the visitor's", now: now)
        }
        #expect(step(.judge) == .conclude(meant))
        #expect(step(.hold(until: now + .seconds(3))) == .hold(until: now.milliseconds + 3_000))
        #expect(step(.hold(until: now)) == .hold(until: now.milliseconds + 100), "never in a circle")
        #expect(
            step(.disregard)
                == .conclude(AttemptResult(outcome: .unknown, cause: .selfOffline, detail: "the visitor's")))
    }
}

@Suite struct NextPingTests {
    private func time(
        recheck: Duration? = nil, retryAfter: Duration? = nil, isFirst: Bool = false, due: Instant = now,
        every: Duration = .seconds(600)
    ) -> Int64 {
        var spread = DueTimeSpread(seed: 1)
        let policy = CheckPolicy(every: every, jitter: 0)
        return NextPing(recheck: recheck, retryAfter: retryAfter, isFirst: isFirst, due: due.milliseconds)
            .time(policy, now: now, &spread) - now.milliseconds
    }

    @Test func theIntervalCountsFromWhenThePingWasDue() {
        #expect(time(due: now - .seconds(5)) == 595_000)
        #expect(time(due: now - .seconds(700)) == 600_000, "what was missed is made once")
    }

    @Test func aRecheckComesSoonerAndWaitsAsLongAsItIsAskedTo() {
        #expect(time(recheck: .seconds(60)) == 60_000)
        #expect(time(recheck: .seconds(60), retryAfter: .seconds(300)) == 300_000)
        #expect(time(recheck: .seconds(60), retryAfter: .seconds(10)) == 60_000)
        #expect(time(recheck: .seconds(60), retryAfter: .seconds(86_400)) == 3_600_000, "an hour at most")
    }

    @Test func afterTheFirstOneItFallsAnywhereInTheInterval() {
        #expect((30_000...600_000).contains(time(isFirst: true)))
        #expect(time(recheck: .seconds(60), isFirst: true) == 60_000)
    }
}

@Suite struct NextTickTests {
    @Test func whatIsDueTogetherIsBegunTogether() {
        #expect(NextTick.next(due: 1_001, now: 1_000) == 1_008)
        #expect(NextTick.next(due: 1_008, now: 1_000) == 1_008)
        #expect(NextTick.next(due: 900, now: 1_000) == 1_000, "late already")
    }

    @Test func theFlushIsNeverPutOff() {
        #expect(NextTick.next(due: nil, now: 1_000) == 1_250)
        #expect(NextTick.next(due: 5_000, now: 1_000) == 1_250)
        #expect(NextTick.next(due: 1_249, now: 1_000) == 1_250)
    }
}

@Suite struct HubStepTests {
    private func facts(_ stage: SpaceStage, _ message: String? = nil, hardware: String? = nil) -> SpaceFacts {
        SpaceFacts(id: "a/b", stage: stage, errorMessage: message, hardware: hardware)
    }

    @Test func whatIsFlaggedIsLeftAloneUnlessAPersonPausedIt() {
        let flagged = facts(.paused, "Flagged as abusive")
        for pause in [CheckState.Pause.none, .byHours, .byOwner, .asleep] {
            #expect(HubStep.of(flagged, state(.up, pause: pause), awake: .always) == .moderated)
        }
        for pause in [CheckState.Pause.byModeration, .byPerson, .byFleetFile] {
            #expect(HubStep.of(flagged, state(.paused, pause: pause), awake: .always) == .none)
            #expect(!HubStep.leaves(flagged, state(.paused, pause: pause), awake: .always))
        }
        #expect(!HubStep.pings(flagged, state(.paused), awake: .always, wasKnown: true))
    }

    @Test func anOwnersPauseAndAnAllowedSleepAreFollowed() {
        #expect(HubStep.of(facts(.paused), state(.up), awake: .always) == .leave(.byOwner))
        #expect(HubStep.of(facts(.sleeping), state(.up), awake: .onDemand) == .leave(.asleep))
        #expect(HubStep.of(facts(.sleeping), state(.up), awake: .always) == .none)
        #expect(
            HubStep.of(facts(.paused, "spending limit", hardware: "t4-small"), state(.up), awake: .always) == .none)
        #expect(HubStep.leaves(facts(.paused), state(.up), awake: .always))
        #expect(!HubStep.leaves(facts(.paused), state(.paused), awake: .always), "it is paused already")
    }

    @Test func aChangeIsLookedAtByAVisitor() {
        #expect(HubStep.pings(facts(.running), state(.down), awake: .always, wasKnown: true))
        #expect(!HubStep.pings(facts(.running), state(.down), awake: .always, wasKnown: false))
        #expect(HubStep.pings(facts(.sleeping), state(.up), awake: .always, wasKnown: false), "a ping wakes it")
        #expect(HubStep.pings(facts(.running), state(.unknown), awake: .onDemand, wasKnown: false), "it has waited")
        #expect(!HubStep.pings(facts(.building), state(.up), awake: .always, wasKnown: true))
        #expect(!HubStep.pings(SpaceFacts(id: "a/b"), state(.up), awake: .always, wasKnown: true))
    }

    @Test func aPauseOfTheHubsEndsWithIt() {
        let byOwner = state(.paused, pause: .byOwner)
        #expect(HubStep.endsPause(byOwner, isWatched: true, facts(.running)))
        #expect(!HubStep.endsPause(byOwner, isWatched: true, facts(.paused)))
        #expect(!HubStep.endsPause(byOwner, isWatched: true, nil), "not read yet")
        #expect(HubStep.endsPause(byOwner, isWatched: false, nil), "nobody asks the Hub any more")
        #expect(HubStep.endsPause(state(.paused, pause: .asleep), isWatched: true, facts(.running)))
        #expect(!HubStep.endsPause(state(.paused, pause: .asleep), isWatched: true, facts(.stopped)))
        #expect(!HubStep.endsPause(state(.paused, pause: .byPerson), isWatched: false, nil))
        #expect(!HubStep.endsPause(state(.up), isWatched: false, nil))
    }
}

@Suite struct JudgeEffectsTests {
    @Test func rulingsAreWrittenDownUnderTheChecksNumber() {
        let incident = Incident(check: -1, began: now - .seconds(90), ended: now, verdict: .down, cause: .status)
        let effects = JudgeEffects(
            [.changed(from: .down, to: .up), .incidentEnded(incident), .recheck(.seconds(30))], of: "bot", id: 7,
            state(.up), now: now)
        #expect(effects.events.map(\.kind) == ["verdict", "incident.ended"])
        #expect(effects.events.allSatisfy { $0.check == 7 && $0.at == now })
        #expect(effects.incidents.map(\.check) == [7])
        #expect(effects.recheck == .seconds(30) && !effects.stopsPinging)
        #expect(effects.changes.map(\.to) == [.up])
    }

    @Test func moderationEndsThePings() {
        let effects = JudgeEffects([.stopPinging(.byModeration)], of: "bot", id: 7, state(.paused), now: now)
        #expect(effects.stopsPinging && effects.events.count == 1 && effects.recheck == nil)
    }
}

@Suite struct VerdictCountsTests {
    @Test func countsFollowEachChange() {
        var counts = VerdictCounts()
        var shaky = state(.down)
        shaky.flapping = true
        counts.add(state(.up))
        counts.add(shaky)
        #expect(counts[.up] == 1 && counts[.down] == 1 && counts.flapping == 1 && counts.moderated == 0)
        counts.change(shaky, to: state(.paused, pause: .byModeration))
        #expect(counts[.down] == 0 && counts[.paused] == 1 && counts.flapping == 0 && counts.moderated == 1)
        var all = counts
        all += counts
        #expect(all[.up] == 2 && all.moderated == 2)
    }
}
