import Foundation
import Testing

/// The tables of hostile situations and of backup scripts in `docs/safekeeping.md` say which test has each.
@Suite struct HostileTableTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test func everySituationIsATest() throws {
        let page = try String(contentsOf: Self.root.appendingPathComponent("docs/safekeeping.md"), encoding: .utf8)
        let table = try #require(page.range(of: "## Hostile situations"))
        let scripts = try #require(page.range(of: "## How backup scripts lose data")).upperBound
        var sources = ""
        for folder in ["Tests/SafekeepingTests", "Tests/EndToEndTests"] {
            let path = Self.root.appendingPathComponent(folder).path
            for name in FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []
            where name.hasSuffix(".swift") {
                sources += try String(contentsOfFile: path + "/" + name, encoding: .utf8) + "\n"
            }
        }
        // Behind a mark `@Test`, whose arguments may stand between.
        let tests = try Regex("@Test(?:(?!@Test|\\bfunc\\b)[\\s\\S])*?\\bfunc (\\w+)\\(")
        let names = Set(sources.matches(of: tests).compactMap { $0.output[1].substring.map(String.init) })
        var numbers: [Int] = []
        for line in page[table.upperBound...].split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            guard cells.count == 6, let number = Int(cells[1].trimmingCharacters(in: .whitespaces)) else { continue }
            numbers.append(number)
            let named = cells[4].split(separator: "`").filter { $0.allSatisfy { $0.isLetter || $0.isNumber } }
            #expect(!named.isEmpty, "\(number)")
            for name in named { #expect(names.contains(String(name)), "\(number): no test is called \(name)") }
        }
        #expect(numbers == Array(1...57))
        var ways = 0
        for line in page[scripts..<table.lowerBound].split(separator: "\n").dropFirst(3) where line.hasPrefix("| ") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            let named = cells[cells.count - 2].split(separator: "`").filter { $0.allSatisfy(\.isLetter) }
            ways += 1
            #expect(!named.isEmpty, "\(line)")
            for name in named { #expect(names.contains(String(name)), "no test is called \(name)") }
        }
        #expect(ways == 13)
    }
}
