import Foundation
import Ledger
import StokerCore
import Synchronization
import Testing

@Suite("History export")
struct ExportTests {
    private func text(
        _ format: HistoryExport.Format, page: Int = 5_000, _ ledger: any Ledger, names: [(id: Int32, name: String)],
        from: Instant? = nil, to: Instant? = nil
    ) async throws -> (text: String, largest: Int) {
        var bytes: [UInt8] = []
        var largest = 0
        try await HistoryExport(ledger: ledger, format: format, page: page).observations(of: names, from: from, to: to)
        { piece in
            bytes += piece
            largest = max(largest, piece.count)
        }
        return (String(decoding: bytes, as: UTF8.self), largest)
    }

    @Test("CSV as RFC 4180 has it, names that no spreadsheet runs")
    func csv() async throws {
        let ledger = MemoryLedger()
        try await ledger.record(
            Batch(observations: [
                observation(1, 0.25, latency: 1_500), observation(2, 1, .down, latency: 0), observation(3, 2),
                observation(4, 3),
            ]))
        let (text, _) = try await text(
            .csv, ledger, names: [(1, "bot"), (2, "=cmd|'/c calc'!A0"), (3, "a, \"b\"\nc"), (4, "-x,y")])
        #expect(
            text == """
                check,at,outcome,cause,code,attempts,latency_us\r
                bot,2026-11-21T08:00:00.250Z,up,none,200,1,1500\r
                '=cmd|'/c calc'!A0,2026-11-21T08:00:01.000Z,down,expect.status,503,1,0\r
                "a, ""b""\nc",2026-11-21T08:00:02.000Z,up,none,200,1,1000\r
                "'-x,y",2026-11-21T08:00:03.000Z,up,none,200,1,1000\r

                """)
    }

    @Test("each line is JSON, whatever the name")
    func json() async throws {
        let ledger = MemoryLedger()
        let name = "quote \" back \\ tab \t line \n bell \u{7} ü 🚂 =1"
        try await ledger.record(Batch(observations: [observation(1, 0.25, latency: 1_500), observation(1, 9, .down)]))
        let (text, _) = try await text(.jsonl, ledger, names: [(1, name)])
        let lines = text.split(separator: "\n")
        #expect(lines.count == 2)
        for line in lines {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["check"] as? String == name)
        }
        #expect(
            lines[1].hasSuffix(
                #""at":"2026-11-21T08:00:00.250Z","outcome":"up","cause":"none","code":200,"attempts":1,"latency_us":1500}"#
            ))
    }

    @Test("pages lose and double nothing, ties included", arguments: [2, 3, 7, 64, 5_000])
    func pages(page: Int) async throws {
        let ledger = MemoryLedger()
        var random = SplitMix64(seed: UInt64(page))
        // Many rows share their instant, some instants hold more rows than a page.
        let rows = (0..<400).map { row in
            observation(Int32.random(in: 1...2, using: &random), Double(row / 9), latency: UInt32(row))
        }
        try await ledger.record(Batch(observations: rows))
        let from = morning + .seconds(3)
        let to = morning + .seconds(40)
        let (text, largest) = try await text(.csv, page: page, ledger, names: [(1, "a"), (2, "b")], from: from, to: to)
        let found = text.split(separator: "\r\n").dropFirst().compactMap {
            $0.split(separator: ",").last.flatMap { Int($0) }
        }
        let expected = rows.filter { $0.at >= from && $0.at < to }
        #expect(found.count == expected.count)
        #expect(Set(found) == Set(expected.map { Int($0.latencyMicroseconds) }))
        if page == 7 { #expect(largest < text.utf8.count / 4) }
    }

    @Test("sums come with their uptime, empty where nothing counts")
    func tallies() async throws {
        let ledger = MemoryLedger()
        try await ledger.record(
            Batch(observations: [
                observation(1, 0, latency: 10), observation(1, 1, .down), observation(1, 2, latency: 30),
            ]))
        try await ledger.record(
            Batch(
                timeline: ([.up, .down, .up] as [Standing]).enumerated().map { second, standing in
                    let at = morning + .seconds(second)
                    return .change(StandingChange(check: 1, at: at, seen: at, standing: standing))
                }, watchedUntil: morning + .seconds(10)))
        for (format, expected) in [
            (
                HistoryExport.Format.csv,
                "bot,2026-11-21T08:00:00.000Z,2026-11-21T08:00:10.000Z,2,0,0,1,0,0.9,9000,1000,false,0.6666666666666666,10,20,30\r\nbot,2026-11-21T08:00:10.000Z,2026-11-21T08:00:20.000Z,0,0,0,0,0,,0,0,false,,0,0,0\r\n"
            ),
            (
                .jsonl,
                #""uptime":null,"up_ms":0,"down_ms":0,"estimated":false,"pings_good":null,"latency_min_us":0,"latency_mean_us":0,"latency_max_us":0}"#
                    + "\n"
            ),
        ] {
            var bytes: [UInt8] = []
            try await HistoryExport(ledger: ledger, format: format).tallies(
                of: [(1, "bot")], from: morning, to: morning + .seconds(20), buckets: 2
            ) { bytes += $0 }
            #expect(String(decoding: bytes, as: UTF8.self).hasSuffix(expected))
        }
    }
}
