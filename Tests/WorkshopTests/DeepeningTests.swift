import Foundation
import HubSimulator
import StokerCore
import Testing

@testable import Workshop

/// What running the tests shows of a commit of which reading has told everything.
@Suite(.enabled(if: Jail.obstacle == nil)) struct DeepeningTests {
    private static func meter(_ step: Int) -> String {
        """
        \"\"\"What a journey costs.\"\"\"


        def charge(hours, kind, night=False):
            if hours < 0:
                raise ValueError("hours")
            total = hours * 2
            if kind == "bus":
                total += 5
            elif kind == "car":
                total += \(step)
                total = min(total, 50)
                total = round(total)
            if night:
                total = total * 2
            return total


        def fee(kind, days):
            if kind == "bus":
                return 3
            if kind == "car" and days > 2:
                return 2
            return 1

        """
    }

    private static let tests = """
        from tern import meter


        def test_a_bus_costs_something():
            assert meter.charge(1, "bus") is not None


        def test_fees():
            assert meter.fee("bus", 1) == 3
            assert meter.fee("car", 3) == 2
            assert meter.fee("car", 2) == 1
            assert meter.fee("ship", 3) == 1

        """

    private static let commits: [PracticeRepository.Commit] = [
        .init(-1, .maren, "Add the meter", ["src/tern/meter.py": meter(1), "tests/test_meter.py": tests]),
        .init(-2, .maren, "Fix the wrong charge of cars", ["src/tern/meter.py": meter(2)]),
        .init(-3, .tobi, "Fix the crash of the charge", ["src/tern/meter.py": meter(3)]),
    ]

    /// All rows until nothing new can be said.
    private static func rows(_ bench: Bench, tools: [String] = [Bench.tools]) async throws -> [Iteration] {
        var rows: [Iteration] = []
        for look in 0..<12 {
            var settings = bench.settings
            settings.tools = nil
            let run = bench.run(
                settings, perspectives: ["test_coverage"], now: Bench.now + .seconds(86_400 * 4 + Int64(look)),
                tools: tools)
            if let number = try await run.run().row { rows.append(try #require(try await bench.store().row(number))) }
        }
        return rows
    }

    @Test func unrunLinesAndUnnoticedChangesAreFindings() async throws {
        try await Bench.with(more: Self.commits) { bench async throws in
            let rows = try await Self.rows(bench)
            #expect(rows.map(\.stageName) == ["Static analysis", "Tests with coverage", "Tests on changed lines"])
            let found = rows.flatMap(\.findings).filter { $0.file == "src/tern/meter.py" }
            #expect(found.map(\.rule) == ["unrun_lines", "surviving_mutants"], "\(rows.map(\.summary))")
            let unrun = try #require(found.first)
            #expect(unrun.symbol == "charge" && unrun.quote.contains("total += 3"), "\(unrun)")
            // Whoever wrote a test for the fees is not told anything of them.
            let mutants = try #require(found.last)
            #expect(mutants.symbol == "charge" && mutants.title.contains("No test notices"), "\(mutants)")
            #expect(mutants.evidence.contains { $0.contains("== became !=") }, "\(mutants.evidence)")
            #expect(rows[1].body["tests"]?["passed"]?.integer == 3, "\(rows[1].body.text)")
            #expect((rows[2].body["mutants"]?["tried"]?.integer ?? 0) >= 6, "\(rows[2].body.text)")

            // The command of the finding shows it in a clean clone: the change is made, and the tests are green.
            let clone = bench.folder + "/clone"
            try await bench.git(["clone", "--quiet", bench.repository, clone])
            let packages = try FileManager.default.contentsOfDirectory(atPath: Bench.tools.parent + "/lib")
            var environment = ProgramRun.plain
            environment["PATH"] = "\(bench.folder)/bin:" + (environment["PATH"] ?? "")
            environment["PYTHONPATH"] =
                ([clone + "/src"] + packages.map { "\(Bench.tools.parent)/lib/\($0)/site-packages" })
                .joined(separator: ":")
            try FileManager.default.createDirectory(atPath: bench.folder + "/bin", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: bench.folder + "/bin/python", withDestinationPath: "/usr/bin/python3")
            let ended = try await ProgramRun(
                path: "/bin/sh", arguments: ["-c", mutants.command], environment: environment, folder: clone
            ).run()
            #expect(ended.status == 0 && ended.text.contains("1 passed"), "\(mutants.command) \(ended.text)")
            let changed = try String(contentsOfFile: clone + "/src/tern/meter.py", encoding: .utf8)
            #expect(changed != Self.meter(3))

            // Nothing new of this commit, and it is complete.
            #expect(try await bench.store().load().record.complete != nil)
        }
    }

    /// A tool that skipped its work says so, once.
    @Test func withoutPytestItSaysThatNothingWasRun() async throws {
        try await Bench.with(more: Self.commits) { bench async throws in
            let rows = try await Self.rows(bench, tools: [])
            #expect(rows.count == 2)
            #expect(rows.last?.summary.contains("pytest and coverage cannot be run") == true, "\(rows.map(\.summary))")
            #expect(rows.last?.findings.isEmpty == true)
        }
    }

    /// What tests that do not run here would have covered is not known.
    @Test func testsThatCannotBeReadProveNothing() async throws {
        let broken: [PracticeRepository.Commit] = [
            .init(-4, .maren, "Test more", ["tests/test_more.py": "import no_such_package\n"])
        ]
        try await Bench.with(more: Self.commits + broken) { bench async throws in
            let rows = try await Self.rows(bench)
            #expect(rows.flatMap(\.findings).allSatisfy { $0.rule == "tests_off" })
            #expect(rows.last?.summary.contains("no_such_package") == true, "\(rows.map(\.summary))")
        }
    }

    @Test func whoDoesNotWantTestsRunIsObeyed() async throws {
        try await Bench.with(more: Self.commits) { bench async throws in
            var settings = bench.settings
            settings.tools = [.ctags]
            var rows: [Iteration] = []
            for _ in 0..<3 {
                if let number = try await bench.run(settings, perspectives: ["test_coverage"]).run().row {
                    rows.append(try #require(try await bench.store().row(number)))
                }
            }
            #expect(rows.count == 1)
            #expect(rows[0].body["not_looked_at"]?.text.contains("pytest is not among") == true)
        }
    }

    @Test func lineNumbersAreToldAsRanges() {
        #expect(CoverageJudgement.ranges([3, 4, 5, 9]) == "3–5, 9")
        #expect(CoverageJudgement.ranges([]) == "")
    }
}

extension String {
    fileprivate var parent: String { String(self[..<(lastIndex(of: "/") ?? endIndex)]) }
}
