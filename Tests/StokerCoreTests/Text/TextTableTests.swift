import StokerCore
import Testing

@Suite struct TextTableTests {
    private static let table = TextTable(
        columns: [
            .init(title: "VERDICT"), .init(title: "CHECK", shrinksTo: 16), .init(title: "LATENCY", isRight: true),
            .init(title: "LAST", isRight: true), .init(title: "NEXT", isRight: true),
            .init(title: "WHY", shrinksTo: 10),
        ],
        rows: [
            [
                "down", "a-check-with-a-long-name/ready", "12.3 s", "59m ago", "in 59s, else 45m",
                "nothing answers there",
            ],
            ["up", "b", "142 ms", "3s ago", "in 2m", ""],
        ].map { $0.map { TextTable.Cell($0) } })

    @Test(arguments: [44, 60, 72, 80, 120]) func noLineWraps(width: Int) {
        let lines = Self.table.text(for: TextLook(width: width)).split(separator: "\n")
        #expect(lines.count == 3)
        for line in lines { #expect(line.count <= width, "\(line)") }
        #expect(lines[1].hasPrefix("down"))
    }

    @Test func nothingIsCutWhereThereIsRoom() {
        for look in [TextLook.plain, TextLook(width: 200)] {
            #expect(Self.table.text(for: look).contains("in 59s, else 45m"))
            #expect(!Self.table.text(for: look).contains("…"))
        }
    }

    @Test func aScreenThatIsNoneEndsInTime() { #expect(!Self.table.text(for: TextLook(width: 1)).isEmpty) }
}

@Suite struct CountedTests {
    @Test func oneIsOne() {
        #expect([0, 1, 2].map { $0.counted("ping") } == ["0 pings", "1 ping", "2 pings"])
        #expect(1_200.counted("ping", as: "1,200") == "1,200 pings")
    }
}
