import Ledger
import StokerCore
import Testing

@testable import ControlRoom

@Suite struct WordsTests {
    @Test(arguments: [
        (0, "0.0 ms"), (40, "under 0.1 ms"), (950, "0.9 ms"), (1_000, "1 ms"), (141_600, "142 ms"), (999_499, "999 ms"),
        (999_600, "1.00 s"),
        (2_310_000, "2.31 s"), (9_994_000, "9.99 s"), (12_345_000, "12.3 s"), (119_960_000, "120.0 s"),
    ])
    func latency(microseconds: Int, text: String) { #expect(Words.latency(microseconds: microseconds) == text) }

    @Test(arguments: [
        (1.0, "100 %"), (0.99999, "99.99 %"), (0.9995, "99.95 %"), (0.29, "29.00 %"), (0.0, "0 %"), (0.00001, "0.00 %"),
        (0.5005, "50.05 %"),
    ])
    func aShareIsNeverRoundedUp(share: Double, text: String) { #expect(Words.share(share) == text) }

    @Test(arguments: [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (5_400, "1 h 30 min"),
        (86_400, "1 d"),
        (266_400, "3 d 2 h"),
    ])
    func span(seconds: Int, text: String) { #expect(Words.span(.seconds(seconds)) == text) }

    @Test(arguments: [
        (-3, "3 s ago"), (0, "just now"), (1, "now"), (90, "in 1 min"), (-7_300, "2 h ago"), (-172_800, "2 d ago"),
    ])
    func relative(seconds: Int, text: String) {
        #expect(Words.relative(SampleFleet.now + .seconds(seconds), to: SampleFleet.now) == text)
    }

    @Test(arguments: ["a b/c", "ü%&=+", "", "../x", "\u{202e}"])
    func encodingComesBack(text: String) {
        #expect(Words.form("k=\(PercentCoding.encoded(text))") == ["k": text])
    }

    @Test(
        arguments: [
            ([Verdict.up: 12], "All 12 answer", "Stoker"), ([.up: 1], "It answers", "Stoker"),
            ([:], "Nothing to tend yet", "Stoker"),
            ([.up: 10, .down: 2], "2 of 12 are down", "(2) Stoker"),
            ([.up: 11, .silent: 1], "1 of 12 is silent", "(1) Stoker"),
            ([.down: 1], "It is down", "(1) Stoker"),
            ([.up: 9, .slow: 1, .paused: 2], "10 answer, 2 are paused, 1 slowly", "Stoker"),
            ([.up: 2, .waking: 1, .slow: 1], "1 of 4 is waking up", "Stoker"),
            ([.unknown: 5], "Taking a first look", "Stoker"),
            ([.up: 3, .unknown: 2], "2 not yet known", "Stoker"), ([.paused: 3], "All 3 are paused", "Stoker"),
            ([.down: 2, .silent: 1, .up: 1], "3 of 4 need a look", "(3) Stoker"),
        ] as [([Verdict: Int], String, String)])
    func headlines(counts: [Verdict: Int], sentence: String, title: String) {
        let overview = Overview(
            startedAt: SampleFleet.now, now: SampleFleet.now, counts: counts, total: counts.values.reduce(0, +))
        #expect(Headline(overview).sentence == sentence)
        #expect(Headline(overview).title == title)
    }

    @Test(
        arguments: [
            ([.up: 11, .paused: 1], 1, 0, "1 of 12 is flagged by the platform", "(1) Stoker", "trouble"),
            ([.paused: 1], 1, 0, "It is flagged by the platform", "(1) Stoker", "trouble"),
            ([.up: 9, .down: 1, .paused: 2], 1, 0, "2 of 12 need a look", "(2) Stoker", "trouble"),
            ([.up: 11, .paused: 1], 0, 1, "11 answer, 1 is paused, 1 comes and goes", "Stoker", "unsteady"),
            ([.up: 12], 0, 2, "All 12 answer, 2 come and go", "Stoker", "unsteady"),
            ([.up: 1], 0, 1, "It answers, but comes and goes", "Stoker", "unsteady"),
            ([.up: 11, .down: 1], 0, 1, "1 of 12 is down", "(1) Stoker", "trouble"),
        ] as [([Verdict: Int], Int, Int, String, String, String)])
    func headlinesOfWhatOnlyLooksWell(
        counts: [Verdict: Int], moderated: Int, flapping: Int, sentence: String, title: String, mood: String
    ) {
        let overview = Overview(
            startedAt: SampleFleet.now, now: SampleFleet.now, counts: counts, flapping: flapping, moderated: moderated,
            total: counts.values.reduce(0, +))
        let headline = Headline(overview)
        #expect(headline.sentence == sentence)
        #expect(headline.title == title)
        #expect(headline.icon == "/icons/\(mood).svg")
    }

    @Test(arguments: [
        "//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:alert(1)", "/a\r\nSet-Cookie: x",
    ])
    func foreignPlacesAreNotReturnedTo(place: String) { #expect(Routes.local(place) == "/") }

    @Test func aStripTellsOutcomesApart() {
        let samples = [Outcome.up, .slow, .waking, .down, .unknown].map {
            Sample(at: SampleFleet.now, outcome: $0, latencyMicroseconds: 1_000)
        }
        let paths = Strip.paths(samples)
        #expect(Set(paths).count == 5)
        #expect(Strip.label(samples) == "last 5 pings: 2 good, 1 failed, 2 waking or unknown")
        #expect(Strip.label([samples[0]]) == "last ping: 1 good")
        #expect(Strip.paths(Array(repeating: samples[0], count: 100))[0].split(separator: "M").count == 40)
    }

    @Test(arguments: [
        (300, 400), (401, 800), (900, 4_000), (30_000, 40_000), (110_000, 120_000), (1_300_000, 2_000_000),
    ])
    func theScalesQuartersAreRound(most: UInt32, top: UInt64) {
        let tally = Tally(
            from: SampleFleet.now, to: SampleFleet.now, up: 1, latencyMin: most, latencyMax: most,
            latencySum: UInt64(most))
        #expect(Chart(range: .hour, tallies: [tally]).top == top)
    }
}
