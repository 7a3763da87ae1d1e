import Ledger
import StokerCore
import Testing

@testable import ControlRoom

@Suite struct PageFormattingTests {
    @Test(arguments: ["a b/c", "ü%&=+", "", "../x", "\u{202e}"])
    func encodingComesBack(text: String) {
        #expect(PageFormatting.form("k=\(PercentCoding.encoded(text))") == ["k": text])
    }

    @Test(arguments: [
        "//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:alert(1)", "/a\r\nSet-Cookie: x",
    ])
    func foreignPlacesAreNotReturnedTo(place: String) { #expect(Routes.local(place) == "/") }

    @Test func aStripTellsOutcomesApart() {
        let samples = [Outcome.up, .slow, .waking, .down, .unknown].map {
            Sample(at: SampleFleet.now, outcome: $0, latencyMicroseconds: 1_000)
        }
        let paths = LatencyBars.paths(samples)
        #expect(Set(paths).count == 5)
        #expect(LatencyBars.label(samples) == "last 5 pings: 2 good, 1 failed, 2 waking or unknown")
        #expect(LatencyBars.label([samples[0]]) == "last ping: 1 good")
        #expect(LatencyBars.paths(Array(repeating: samples[0], count: 100))[0].split(separator: "M").count == 40)
    }

    @Test(arguments: [
        (300, 400), (401, 800), (900, 4_000), (30_000, 40_000), (110_000, 120_000), (1_300_000, 2_000_000),
    ])
    func theScalesQuartersAreRound(most: UInt32, top: UInt64) {
        let tally = SpanTotals(
            from: SampleFleet.now, to: SampleFleet.now, up: 1, latencyMin: most, latencyMax: most,
            latencySum: UInt64(most))
        #expect(Chart(range: .hour, tallies: [tally]).top == top)
    }
}
