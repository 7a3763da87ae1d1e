import StokerCore
import Testing

@testable import KeepAlive

@Suite("States in little memory")
struct CheckStateTableTests {
    private static func state(_ random: inout SplitMix64) -> CheckState {
        var state = CheckState()
        state.lastPing = Instant(milliseconds: Int64(random.next() % 1_000_000))
        state.lastGood = state.lastPing
        state.since = Instant(milliseconds: Int64(random.next() % 1_000))
        state.verdict = .up
        state.code = 200
        state.attempts = 1
        state.successes = UInt16(truncatingIfNeeded: random.next())
        state.latencyMicroseconds = UInt32(truncatingIfNeeded: random.next())
        state.certificateEndHours = UInt32(truncatingIfNeeded: random.next() % 500_000)
        state.recentCount = UInt8(random.next() % 33)
        state.isBlind = random.next() % 4 == 0
        // Half of them have a history that must be kept whole.
        switch random.next() % 16 {
        case 0: state.lastGood = .never
        case 1: state.recentFailures = 0b1011
        case 2: state.recentFlips = 1
        case 3: state.pause = .byPerson
        case 4: state.pausedUntil = Instant(milliseconds: 7)
        case 5: state.troubleSince = Instant(milliseconds: 9)
        case 6: state.incidentOpen = true
        case 7: state.wasBad = true
        default: break
        }
        return state
    }

    @Test("What was put in comes out, whatever was there before", arguments: [1, 2, 3] as [UInt64])
    func keeps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var plain = (0..<50).map { _ in Self.state(&random) }
        var states = CheckStateTable(plain)
        #expect(states.count == plain.count)
        for _ in 0..<5_000 {
            let place = Int(random.next() % 50)
            plain[place] = Self.state(&random)
            states[place] = plain[place]
            let other = Int(random.next() % 50)
            #expect(states[other] == plain[other])
        }
        #expect(plain.indices.allSatisfy { states[$0] == plain[$0] })
    }

    @Test("Changed in place")
    func changes() {
        var states = CheckStateTable([CheckState(), CheckState()])
        states[1].failures = 3
        states[1].verdict = .down
        #expect(states[1].failures == 3)
        #expect(states[1].verdict == .down)
        #expect(states[0] == CheckState())
        states[1].failures = 0
        #expect(states[1].failures == 0)
    }
}
