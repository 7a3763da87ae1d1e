import FoundationEssentials
import HubClient
import NIOCore
import StokerCore
import Testing

@Suite struct SSETests {
    static func events(_ pieces: [[UInt8]], limit: Int = 1 << 20) -> (events: [SSEEvent], decoder: SSEDecoder) {
        var decoder = SSEDecoder(limit: limit)
        var events: [SSEEvent] = []
        for piece in pieces { decoder.feed(ByteBuffer(bytes: piece)) { events.append($0) } }
        return (events, decoder)
    }
    static func events(_ text: String) -> [SSEEvent] { events([Array(text.utf8)]).events }

    @Test func logEventsAndKeepAlives() {
        #expect(
            Self.events("data: {\"a\":1}\n\ndata:\n\n: a comment\ndata: x\n\n")
                == [SSEEvent(data: "{\"a\":1}"), SSEEvent(data: ""), SSEEvent(data: "x")])
    }

    @Test func theStandardsExamples() {
        #expect(Self.events("data: YHOO\ndata: +2\ndata: 10\n\n") == [SSEEvent(data: "YHOO\n+2\n10")])
        #expect(
            Self.events(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n")
                == [
                    SSEEvent(data: "first event", id: "1"), SSEEvent(data: "second event", id: ""),
                    SSEEvent(data: " third event", id: ""),
                ])
        #expect(
            Self.events("data\n\ndata\ndata\n\ndata:") == [SSEEvent(data: ""), SSEEvent(data: "\n")],
            "what is not ended is lost")
        #expect(Self.events("event: add\ndata: 1\n\ndata: 2\n\n").map(\.name) == ["add", "message"])
    }

    @Test(arguments: ["\n", "\r", "\r\n"]) func everyLineEnd(end: String) {
        let text = ["data: one", "", "event: x", "data: two", "data: three", "", ""].joined(separator: end)
        #expect(Self.events(text) == [SSEEvent(data: "one"), SSEEvent(name: "x", data: "two\nthree")])
    }

    @Test func aMarkAtTheStartIsNoPartOfTheFirstField() {
        #expect(Self.events([[0xEF, 0xBB], [0xBF] + Array("data: x\n\n".utf8)]).events == [SSEEvent(data: "x")])
    }

    @Test func whatIsTooLongIsDroppedAndTheRestGoesOn() {
        let long = String(repeating: "x", count: 500)
        for text in [
            "data: \(long)\n\ndata: after\n\n",
            String(repeating: "data: 0123456789\n", count: 20) + "\ndata: after\n\n",
        ] {
            let (events, decoder) = Self.events(text.utf8.map { [$0] }, limit: 100)
            #expect(events == [SSEEvent(data: "after")])
            #expect(decoder.dropped == 1)
        }
    }

    @Test func retryIsANumber() {
        #expect(Self.events([Array("retry: 3000\nretry: x\n\n".utf8)]).decoder.retryMilliseconds == 3_000)
    }

    /// However the bytes are cut, the same events come out; and no bytes at all break it.
    @Test(arguments: UInt64(1)...40) func cutsChangeNothing(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("data: event:id\n\r\n\r\n{}é🛰️: \u{FEFF}\0".utf8)
        let words = ["data: ", "\n", "\r", "\r\n", "event: e", "id: 7", ":", "\n\n", "é🛰️", "data"].map {
            Array($0.utf8)
        }
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...400, using: &random) {
            if Bool.random(using: &random) {
                bytes += words.randomElement(using: &random) ?? []
            } else if Int.random(in: 0..<20, using: &random) == 0 {
                bytes.append(UInt8.random(in: 0...255, using: &random))
            } else {
                bytes.append(alphabet.randomElement(using: &random) ?? 0)
            }
        }
        let whole = Self.events([bytes]).events
        #expect(Self.events(bytes.map { [$0] }).events == whole)
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 0...9, using: &random)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(Self.events(pieces).events == whole)
    }
}

@Suite struct LogLineTests {
    @Test(arguments: [
        ("\u{1B}[32mINFO\u{1B}[0m listening\n", "INFO listening"), ("10%\r50%\r100%\n", "100%"),
        ("a\r\nb\r\n", "a\nb"), ("\u{1B}]0;title\u{07}text", "text"),
        ("\u{1B}]8;;u\u{1B}\\link\u{1B}]8;;\u{1B}\\", "link"),
        ("bell\u{07} \u{9}tab", "bell \u{9}tab"), ("\u{1B}", ""), ("\u{1B}[", ""), ("x\r", "x"),
    ]) func plainText(text: String, plain: String) {
        #expect(LogLine(text: text, timestamp: nil).plainText == plain)
    }

    @Test func timesAreRead() {
        let line = LogLine(text: "", timestamp: "2026-05-28T11:41:05.031Z")
        #expect(line.date.map { Int(($0.timeIntervalSince1970 * 1_000).rounded()) } == 1_779_968_465_031)
        #expect(LogLine(text: "", timestamp: "2026-05-28T11:41:05Z").date != nil)
        #expect(LogLine(text: "", timestamp: "yesterday").date == nil)
    }
}

@Suite struct LogReplayTests {
    func line(_ second: Int, _ text: String = "x") -> LogLine {
        let minute = second / 60
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return LogLine(
            text: text, timestamp: "2026-05-28T\(two(minute / 60 % 24)):\(two(minute % 60)):\(two(second % 60)).000Z")
    }

    @Test func aReplayIsSkippedAndTheNewIsNot() {
        var replay = LogReplay()
        let first = [line(1, "a"), line(2, "b"), line(2, "b"), line(3, "c")]
        #expect(
            first.map { replay.isNew($0) } == [true, true, true, true], "the same twice in a millisecond is two lines")
        replay.reconnected()
        let second = first + [line(3, "c"), line(3, "d"), line(4, "e")]
        #expect(second.map { replay.isNew($0) } == [false, false, false, false, true, true, true])
    }

    @Test func aNewContainerBeginsAnew() {
        var replay = LogReplay()
        for second in 1...5 { _ = replay.isNew(line(second)) }
        replay.reconnected()
        #expect((100...105).map { replay.isNew(line($0)) } == Array(repeating: true, count: 6))
    }

    @Test func whatWasForgottenIsKnownByItsTime() {
        var replay = LogReplay(window: 4)
        #expect((0..<1_000).map { replay.isNew(line($0)) } == Array(repeating: true, count: 1_000))
        replay.reconnected()
        #expect((0..<1_000).map { replay.isNew(line($0)) } == Array(repeating: false, count: 1_000))
        #expect([line(1_000)].map { replay.isNew($0) } == [true])
    }

    @Test func aBeginningInTheMiddleStaysThere() {
        var replay = LogReplay()
        for second in 8...10 {
            replay.began(inTheMiddleAt: line(second))
            #expect([line(second)].map { replay.isNew($0) } == [true])
        }
        replay.reconnected()
        #expect((1...11).map { replay.isNew(line($0)) } == Array(repeating: false, count: 10) + [true])
    }

    @Test func resumingSkipsWhatLiesBefore() {
        var replay = LogReplay(after: line(5).date)
        #expect((1...7).map { replay.isNew(line($0)) } == [false, false, false, false, false, true, true])
    }

    /// Against a model without limits: whatever is cut where, each line of the container comes out once and in order.
    @Test(arguments: UInt64(1)...30) func cutsLoseAndDoubleNothing(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var second = 0
        let buffer = (0..<200).map { _ in
            second += Int.random(in: 0...1, using: &random)
            return line(second, ["a", "b", "c"].randomElement(using: &random) ?? "")
        }
        var replay = LogReplay(window: 64)
        var out: [LogLine] = []
        var reached = 0
        while reached < buffer.count {
            reached = min(buffer.count, reached + Int.random(in: 0...40, using: &random))
            replay.reconnected()
            for line in buffer.prefix(reached) where replay.isNew(line) { out.append(line) }
        }
        #expect(out == buffer)
    }
}
