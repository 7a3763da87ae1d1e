import StokerCore
import Testing

@Suite struct FormattingTests {
    private static let now = Instant(milliseconds: 1_795_255_200_000)

    @Test(arguments: [
        (0, "0.0 ms"), (40, "under 0.1 ms"), (950, "0.9 ms"), (1_000, "1 ms"), (141_600, "142 ms"), (999_499, "999 ms"),
        (999_600, "1.00 s"),
        (2_310_000, "2.31 s"), (9_994_000, "9.99 s"), (12_345_000, "12.3 s"), (119_960_000, "120.0 s"),
    ])
    func latency(microseconds: Int, text: String) { #expect(Formatting.latency(microseconds: microseconds) == text) }

    @Test(arguments: [
        (1.0, "100 %"), (0.99999, "99.99 %"), (0.9995, "99.95 %"), (0.29, "29.00 %"), (0.0, "0 %"), (0.00001, "0.00 %"),
        (0.5005, "50.05 %"),
    ])
    func aShareIsNeverRoundedUp(share: Double, text: String) { #expect(Formatting.share(share) == text) }

    @Test(arguments: [
        (0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (5_400, "1 h 30 min"),
        (86_400, "1 d"),
        (266_400, "3 d 2 h"),
    ])
    func duration(seconds: Int, text: String) { #expect(Formatting.duration(.seconds(seconds)) == text) }

    @Test(arguments: [
        (-3, "3 s ago"), (0, "just now"), (1, "now"), (90, "in 1 min"), (-7_300, "2 h ago"), (-172_800, "2 d ago"),
    ])
    func relative(seconds: Int, text: String) {
        #expect(Formatting.relative(Self.now + .seconds(seconds), to: Self.now) == text)
    }

    @Test(arguments: [
        (0, "0 ms"), (250, "250 ms"), (1_000, "1 s"), (90_000, "1 min 30 s"), (2_700_000, "45 min"),
        (5_400_000, "1 h 30 min"),
    ])
    func interval(milliseconds: Int64, text: String) {
        #expect(Formatting.interval(.milliseconds(milliseconds)) == text)
    }

    @Test(arguments: [(0, "due"), (1_999, "due"), (2_000, "overdue 2 s"), (11_520_000, "overdue 3 h")])
    func overdue(milliseconds: Int64, text: String) {
        #expect(Formatting.overdue(.milliseconds(milliseconds)) == text)
    }

    /// Summer and winter time of a zone; one that nobody knows is told in UTC.
    @Test func aTimeHasItsZone() {
        let (summer, winter) = (Instant(milliseconds: 1_784_000_000_000), Self.now)
        #expect(Formatting.time(winter) == "2026-11-21 10:00:00 UTC")
        #expect(Formatting.time(winter, zone: "Europe/Berlin") == "2026-11-21 11:00:00 Europe/Berlin")
        #expect(Formatting.time(summer, zone: "Europe/Berlin") == "2026-07-14 05:33:20 Europe/Berlin")
        #expect(Formatting.time(winter, zone: "Nowhere/None") == "2026-11-21 10:00:00 UTC")
    }

    /// No time is so absurd that writing it ends the process.
    @Test(arguments: [Int64.min, -1, 0, 1, Int64.max]) func timesAtTheEnds(milliseconds: Int64) {
        let moment = Instant(milliseconds: milliseconds)
        #expect(!Formatting.time(moment, zone: "Asia/Kathmandu").isEmpty)
        for other in [Int64.min, 0, Int64.max] {
            #expect(!Formatting.relative(moment, to: Instant(milliseconds: other)).isEmpty)
        }
    }
}

@Suite struct SentenceTests {
    private static let moment = Instant(milliseconds: 1_795_255_200_000)

    @Test func momentsStayMoments() {
        let sentence: Sentence = "paused by hand until \(Self.moment), \(1_234) times"
        #expect(
            sentence.parts == [.text("paused by hand until "), .time(Self.moment, zone: "UTC"), .text(", 1,234 times")])
        #expect(sentence.text == "paused by hand until 2026-11-21 10:00:00 UTC, 1,234 times")
        #expect(sentence.asWhole.text == "Paused by hand until 2026-11-21 10:00:00 UTC, 1,234 times.")
        #expect(Sentence("it is well.").asWhole.text == "It is well.")
        #expect(Sentence("").asWhole.isEmpty)
    }

    @Test(arguments: [
        ("http://127.0.0.1:7860 refused the connection", "http://127.0.0.1:7860 refused the connection."),
        ("example.com has no address", "example.com has no address."), ("app.py, and more", "app.py, and more."),
        ("stoker.yaml: it cannot be read", "stoker.yaml: it cannot be read."),
        ("/data is full", "/data is full."), ("data/state is full", "data/state is full."),
        ("max_age is too short", "max_age is too short."), ("v2 is not known", "v2 is not known."),
        ("`stoker serve` was ended", "`stoker serve` was ended."), ("acme/bot is paused", "acme/bot is paused."),
        ("iOS wrote it", "iOS wrote it."), ("me@a.test was refused", "me@a.test was refused."),
        ("refused: the connection", "Refused: the connection."), ("503 was answered", "503 was answered."),
        ("self-signed certificate", "Self-signed certificate."), ("didn't answer", "Didn't answer."),
        ("über allem", "Über allem."), ("naïve check", "Naïve check."), ("caféÉtage is down", "caféÉtage is down."),
        ("zone² is down", "zone² is down."), ("well\u{A0}http://a", "Well\u{A0}http://a."),
        // A target of that name.
        ("bot was restarted", "bot was restarted."), ("bot: it is down", "bot: it is down."), ("bot", "bot."),
        ("bottom of the list", "Bottom of the list."), ("was bot restarted?", "Was bot restarted?"),
    ])
    func whatIsSpelledAsItIsGetsNoCapital(text: String, whole: String) {
        #expect(Sentence(text).whole(except: ["bot", ""]).text == whole)
    }

    @Test(arguments: [
        ("bot was paused until 2026-11-21T10:00:00.000Z", "bot was paused until 2026-11-21 10:00:00 UTC"),
        ("2026-11-21T10:00:00Z: it began.", "2026-11-21 10:00:00 UTC: it began."),
        ("on 2026-11-21T10:00:00Z, and  2026-99-21T10:00:00Z", "on 2026-11-21 10:00:00 UTC, and  2026-99-21T10:00:00Z"),
        ("no time 12:30 2026-11-21 here", "no time 12:30 2026-11-21 here"), ("", ""), (" ", " "),
    ])
    func momentsAreFoundInATextThatWasKept(text: String, read: String) {
        #expect(Sentence(reading: text).text == read)
    }
}
