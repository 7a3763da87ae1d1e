import Foundation
import StokerCore
import Testing

@testable import Diagnosis

/// docs/doctor.md has every key of a file of rules. With `STOKER_WRITE_DOCS=1` its tables are written anew.
@Suite struct DoctorPageTests {
    @Test func theDocsHaveEveryKey() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/doctor.md")
        var page = try String(contentsOf: file, encoding: .utf8)
        let isWriting = ProcessInfo.processInfo.environment["STOKER_WRITE_DOCS"] == "1"
        for (name, rows) in [("rules", RuleFile.ruleTable.rows), ("signs", RuleFile.signTable.rows)] {
            let start = "<!-- keys of \(name), made from their table; a test compares them -->\n"
            let head = try #require(page.firstRange(of: start))
            let tail = try #require(page[head.upperBound...].firstRange(of: "<!-- end -->"))
            let made = FleetKeyGroup(name, rows, document: "", schemaPath: []).table()
            if isWriting {
                page.replaceSubrange(head.upperBound..<tail.lowerBound, with: made)
            } else {
                #expect(page[head.upperBound..<tail.lowerBound] == made, "write it anew with STOKER_WRITE_DOCS=1")
            }
        }
        if isWriting { try page.write(to: file, atomically: true, encoding: .utf8) }
    }

    /// Each key takes its example and refuses its mistakes.
    @Test func everyKeyIsTried() {
        func read(_ more: String) -> Result<RuleFile, FleetProblems> {
            let needed = ["id: X01", "name: a", "cause: A.", "fix: B.", "run: [abc]"]
                .filter { !more.hasPrefix($0.prefix { $0 != ":" } + ":") }
            return Result { () throws(FleetProblems) in
                try RuleFile("rules: [ { \((needed + [more]).joined(separator: ", ")) } ]", name: "own.yaml")
            }
        }
        for row in RuleFile.ruleTable.rows {
            if case .failure(let problems) = read("\(row.name): \(row.example)") {
                Issue.record("\(row.name): \(problems)")
            }
            for mistake in row.invalidExamples {
                if case .success = read("\(row.name): \(mistake)") { Issue.record("\(row.name): \(mistake) was taken") }
            }
        }
    }

    @Test func theExampleOfThePageIsRead() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/doctor.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        let text = try #require(
            page.components(separatedBy: "```yaml\n").dropFirst(2).first?.components(separatedBy: "```").first)
        let own = try RuleFile(text, name: "rules/feeds.yaml")
        let report = Doctor(RuleFile.builtIn.adding([own])).diagnose(
            DoctorEvidence(runLog: LogText("boot\nFeedError: bremen is unknown")))
        #expect(report.causes.first?.rule == "X01")
        #expect(report.causes.first?.explanation == "The app asks for the feed bremen, which does not exist.")
    }
}
