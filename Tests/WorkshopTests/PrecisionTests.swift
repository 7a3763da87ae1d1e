import Foundation
import HubSimulator
import StokerCore
import Testing

@testable import Workshop

/// Who publishes is decided by what was measured, and by nothing else.
@Suite struct PrecisionTests {
    @Test func fourOfFiveIsTheBar() {
        func tier(_ basis: RuleStanding.Basis?) -> RuleStanding.Tier {
            RuleTable(basis.map { ["a": $0] } ?? [:]).standing(of: "a").tier
        }
        #expect(tier(.read(10, useful: [8, 8])) == .finding)
        #expect(tier(.read(10, useful: [9, 7])) == .finding)
        #expect(tier(.read(10, useful: [9, 6])) == .lead)
        #expect(tier(.read(10, useful: [10, 5, 8])) == .lead)
        #expect(tier(.read(0, useful: [0, 0])) == .lead)
        #expect(tier(.read(10, useful: [])) == .lead)
        #expect(tier(.shown("by a run")) == .finding)
        #expect(tier(.unread) == .lead && tier(nil) == .lead)
    }

    /// The same repository, once with figures that let all rules publish but two.
    @Test func aRuleBelowTheBarMakesOnlyLeads() async throws {
        try await Bench.with { bench async throws in
            var table = Bench.everyRule
            table.rows["big_hot_file"] = .read(11, useful: [6])
            table.rows["workflows"] = nil
            var rows: [Iteration] = []
            for _ in 0..<6 {
                var run = bench.run()
                run.rules = table
                if let made = try await run.run().row { rows.append(try #require(try await bench.store().row(made))) }
            }
            #expect(
                Set(rows.flatMap(\.findings).map(\.rule)) == ["hot_function", "knowledge_gone", "tests_off"],
                "\(rows.flatMap(\.findings).map(\.title))")
            let leads = try await bench.store().leads()
            #expect(Set(leads.map(\.rule)) == ["big_hot_file", "workflows"])
            #expect(leads.first { $0.rule == "big_hot_file" }?.file == "src/tern/store.py")
            let architecture = try #require(rows.first { $0.perspective == "architecture" })
            #expect(architecture.summary.contains("1 place by big_hot_file"), "\(architecture.summary)")
            #expect(architecture.body["kept_back"]?["big_hot_file"]?.integer == 1)

            // What it sees next takes the place of what it saw; what another tool said stays.
            let document = try JSONValue(
                reading: """
                    {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "semgrep"}}, "results": [{"ruleId": "r",
                    "message": {"text": "look"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.py"},
                    "region": {"startLine": 3}}}]}]}]}
                    """)
            try await bench.store().take(try Lead.read(sarif: document), at: Bench.now)
            try await bench.store().take(["big_hot_file": []], at: Bench.now)
            #expect(Set(try await bench.store().leads().map(\.rule)) == ["workflows", "r"])
        }
    }

    /// The page of the rules says what the table says.
    @Test func theDocsHaveEveryFigure() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/workshop.md")
        let lines = try String(contentsOf: page.standardized, encoding: .utf8).split(separator: "\n")
        for rule in EvidenceRule.all {
            let standing = RuleTable.measured.standing(of: rule.id)
            let row = try #require(lines.first { $0.hasPrefix("| `\(rule.id)` |") }, "\(rule.id)")
            let word = standing.tier == .finding ? "finding" : "lead"
            #expect(row.hasSuffix("| \(standing.measured) | \(word) |"), "\(row)")
        }
    }

    // MARK: What a fix did to a function

    private static func changes(_ old: String, _ new: String) -> FunctionChange? {
        let patch =
            "\u{1}abc\n\ndiff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,9 +1,9 @@\n def f(a, b):\n"
            + "     total = a\n     while total < b:\n         total += step(a)\n     send(total)\n     keep(total)\n"
            + old.split(separator: "\n").map { "-\($0)\n" }.joined()
            + new.split(separator: "\n").map { "+\($0)\n" }.joined() + "     close(b)\n"
        return FunctionChange.parse(patch, .python).first
    }

    @Test func aFixCountsWhereItMends() throws {
        let condition = try #require(Self.changes("    if a:\n", "    if a and b:\n"))
        #expect(condition.commit == "abc" && condition.before == 8 && condition.after == 8)
        #expect(condition.removed == ["if a:"] && condition.added == ["if a and b:"])
        #expect(condition.mends(of: 2) && condition.mends(of: 20))
        // One of many places that the commit went through.
        #expect(!condition.mends(of: 60))
        let argument = try #require(Self.changes("    write(a)\n", "    write(a, session)\n"))
        #expect(argument.mends(of: 4) && !argument.mends(of: 20))
    }

    @Test(arguments: [
        ("    log.info(\"one\", a)\n", "    log.info(\"two\", b)\n"),
        ("    raise ValueError(\"one\")\n", "    raise ValueError(\"two\")\n"),
        ("    step(a)  # why\n", "    step(a)\n"),
        ("    if a:\n        step(a)\n", "  if a:\n      step(a)\n"),
    ])
    func layoutTextsAndLogsMendNothing(_ old: String, _ new: String) throws {
        let change = try #require(Self.changes(old, new))
        #expect(change.removed.isEmpty && change.added.isEmpty && !change.mends(of: 1), "\(change)")
    }

    @Test func whoWroteTheFunctionDidNotMendIt() throws {
        let birth = try #require(
            FunctionChange.parse("\u{1}abc\n\n@@ -0,0 +1,3 @@\n+def f(a):\n+    if a:\n+        return 1\n", .python)
                .first)
        #expect(birth.isBirth && !birth.mends(of: 3))
        let feature = try #require(Self.changes("", (0..<17).map { "    if a == \($0):\n" }.joined()))
        #expect(feature.isBirth)
        #expect(try #require(Self.changes("", (0..<6).map { "    if a == \($0):\n" }.joined())).isBirth == false)
    }

    @Test(arguments: [
        ("self._logger.info( )", true), ("tracing::debug!( )", true), ("console.error( , e)", true),
        ("logDebug( )", true), ("await accessLogger.write( )", false), ("login(user)", false),
        ("total = log(x)", false), ("logical(a)", false),
    ])
    func statementsThatOnlyTellAreKnown(_ line: String, _ isLog: Bool) {
        #expect(FunctionChange.isLogLine(line) == isLog)
    }

    @Test(arguments: [
        ("__init__", SourceLanguage.python, true), ("Parser.next", .python, false), ("Client::Client", .cpp, true),
        ("Client.Client", .java, true), ("NewClient", .go, true), ("Newline", .go, false), ("new", .rust, true),
        ("init", .swift, true), ("init", .c, false),
    ])
    func constructorsAreKnown(_ name: String, _ language: SourceLanguage, _ isOne: Bool) {
        #expect(Constructor.isOne(name, language) == isOne)
    }

    @Test(arguments: [
        ("Fix the crash on empty input", true), ("fix(parser): keep the comma", true), ("Fixes #12", true),
        ("Fix #12: the crash on empty input", true), ("net: fix a race", true),
        ("Add pooling (fixes #12)", false), ("Add pooling, fixes https://example.com/issues/12", false),
        ("Handle a broken pipe (fixes #12)", true), ("feat: fix what nobody could do", false),
        ("chore(deps): fix the lock", false), ("Fix a typo", false), ("Revert \"Fix the crash\"", false),
    ])
    func fixesAreKnownByTheirFirstLine(_ subject: String, _ isFix: Bool) {
        #expect(History.isFix(subject) == isFix)
    }
}
