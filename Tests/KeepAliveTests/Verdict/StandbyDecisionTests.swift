import KeepAlive
import StokerCore
import Testing

@Suite struct StandbyDecisionTests {
    /// `+` answered, `-` silent, one every 10 s; returns the actions with the number of the look.
    func play(_ looks: String, _ decision: inout StandbyDecision) -> [String] {
        looks.enumerated().compactMap { index, look in
            switch decision.note(answered: look == "+", at: Instant(milliseconds: Int64(index + 1) * 10_000)) {
            case .takeOver: "over \(index + 1)"
            case .stepBack: "back \(index + 1)"
            case nil: nil
            }
        }
    }

    @Test(arguments: [
        ("+++++", ""), ("--", ""), ("---", "over 3"), ("--+--+--", ""), ("---+", "over 3"), ("---++", "over 3 back 5"),
        ("---+-+-++", "over 3 back 9"), ("-----------", "over 3"),
        // Silent again within ten minutes: twice as many answers.
        ("---++---++", "over 3 back 5 over 8"), ("---++---++++", "over 3 back 5 over 8 back 12"),
        // Quiet for ten minutes: back to two.
        ("---++" + String(repeating: "+", count: 60) + "---++", "over 3 back 5 over 68 back 70"),
    ])
    func looks(looks: String, actions: String) {
        var decision = StandbyDecision()
        let seen = play(looks, &decision).joined(separator: " ")
        #expect(seen == actions)
    }

    @Test func theAnswersNeededAreBounded() {
        var decision = StandbyDecision()
        _ = play(String(repeating: "---" + String(repeating: "+", count: 16), count: 12), &decision)
        #expect(decision.standingInSince == nil)
    }

    @Test func itsRoleIsShown() {
        var decision = StandbyDecision()
        let master = "http://first:7860"
        #expect(decision.role(of: master) == .standby(of: master, lastSeen: nil))
        _ = play("+", &decision)
        #expect(decision.role(of: master) == .standby(of: master, lastSeen: Instant(milliseconds: 10_000)))
        _ = play("---", &decision)
        #expect(decision.role(of: master) == .standingIn(for: master, since: Instant(milliseconds: 30_000)))
    }
}
