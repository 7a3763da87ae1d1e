import StokerCore
import Testing

@Suite("The tables of verdicts and causes")
struct VerdictTableTests {
    @Test("every look has a name and a title of its own, and is found by its name")
    func looks() {
        #expect(Set(Look.all.map(\.name)).count == Look.all.count)
        #expect(Set(Look.all.map(\.title)).count == Look.all.count)
        for look in Look.all { #expect(Look(name: look.name) == look) }
        for verdict in Verdict.allCases { #expect(Verdict(name: verdict.name) == verdict) }
        #expect(Look(name: "fine") == nil)
    }

    @Test("trouble comes first in every list, then what is on its way, then what is well")
    func order() {
        #expect(Verdict.byUrgency == [.down, .silent, .waking, .slow, .unknown, .up, .paused])
        var state = CheckState()
        func urgency(_ verdict: Verdict, flapping: Bool = false) -> Int {
            state.verdict = verdict
            state.flapping = flapping
            return state.urgency
        }
        #expect(urgency(.silent) < urgency(.up, flapping: true))
        #expect(urgency(.up, flapping: true) < urgency(.waking))
        #expect(urgency(.down, flapping: true) == urgency(.down))
        #expect(urgency(.unknown, flapping: true) == urgency(.unknown))
        state.pause = .byModeration
        #expect(urgency(.paused) == urgency(.silent))
    }

    @Test("what a screen shows, when the verdict alone looks better than it is")
    func appearance() {
        var state = CheckState()
        state.flapping = true
        state.verdict = .up
        #expect(state.look == "flapping")
        state.verdict = .slow
        #expect(state.look == "flapping")
        state.verdict = .waking
        #expect(state.look == "waking")
        state.verdict = .down
        #expect(state.look == "down")
        state.verdict = .paused
        #expect(state.look == "paused")
        state.pause = .byModeration
        #expect(state.appearance == .moderated && state.isTrouble)
    }

    @Test("uptime: what nobody saw counts neither way, but a pause stays a pause")
    func standing() {
        var state = CheckState()
        let expected: [Verdict: Standing] = [
            .unknown: .unknown, .up: .up, .slow: .up, .waking: .waking, .down: .down, .paused: .paused, .silent: .down,
        ]
        for verdict in Verdict.allCases {
            state.verdict = verdict
            state.isBlind = false
            #expect(state.standing == expected[verdict])
            state.isBlind = true
            #expect(state.standing == (verdict == .paused ? .paused : .blind))
        }
    }

    @Test("every cause has a code of its own, a sentence without a full stop, and a brief that is no longer than it")
    func causes() {
        #expect(Set(Cause.allCases.map(\.code)).count == Cause.allCases.count)
        for cause in Cause.allCases {
            #expect(!cause.sentence.isEmpty && !cause.sentence.hasSuffix("."), "\(cause)")
            #expect(cause.traits.brief.count <= cause.sentence.count, "\(cause)")
        }
        #expect(Cause.status.brief(code: 503) == "answered 503")
        #expect(Cause.status.brief(code: 0) == Cause.status.sentence)
    }
}
