import HubSimulator
import StokerCore
import Testing

@testable import Workshop

/// Plans of tests: cases with places that are there.
@Suite struct PlanningTests {
    private static func worker(_ bench: Bench) -> WorkerRun {
        var settings = bench.settings
        settings.kind = .testPlanning
        var run = bench.run(settings)
        run.perspectives = PerspectiveFile.builtIn.perspectives(of: .testPlanning)
        return run
    }

    @Test func fifteenPerspectivesPlanCasesWithPlacesThatAreThere() async throws {
        try await Bench.with { bench async throws in
            var rows: [Iteration] = []
            while let number = try await Self.worker(bench).run().row {
                rows.append(try #require(try await bench.store().row(number)))
                if rows.count > 20 { break }
            }
            #expect(rows.map(\.perspective) == PerspectiveFile.builtIn.perspectives(of: .testPlanning).map(\.id))
            #expect(rows.count == 15)
            let files = try await bench.files()
            var cases = 0
            for row in rows {
                let targets = row.body["targets"]?.array ?? []
                #expect(targets.count == (row.body["cases"]?.array ?? []).count && targets.count <= 10)
                for (one, target) in zip(row.body["cases"]?.array ?? [], targets) {
                    cases += 1
                    let file = try #require(target["file"]?.string)
                    let line = try #require(target["lines"]?.string.flatMap(Int.init))
                    let lines = try #require(files[file]).split(separator: "\n", omittingEmptySubsequences: false)
                    #expect(line >= 1 && line <= lines.count)
                    #expect(one["evidence"]?.array == [.string("\(file):\(line)")])
                    for key in ["given", "when", "then", "id"] { #expect(one[key]?.string?.isEmpty == false) }
                }
            }
            #expect(cases >= 20)
            // What was learned is carried along.
            #expect(
                rows.last?.insights.lists[1].contains {
                    $0.contains("arrivals touches a server by session") || $0.contains("requests")
                } == true)
            // The same commit adds no row.
            #expect(try await Self.worker(bench).run().row == nil)
        }
    }

    @Test func whatTestsNameIsNoCase() {
        let view = RepositoryView(
            head: .init(commit: "a", time: Bench.now, isShallow: true),
            files: [
                SourceFile(
                    path: "app.py", blob: "", role: .source, language: .python,
                    text:
                        "def load(path):\n    if path is None:\n        raise ValueError('x')\n    return open(path)\n\ndef save(n):\n    if n < 10:\n        raise KeyError(n)\n"
                ),
                SourceFile(
                    path: "tests/test_app.py", blob: "", role: .test, language: .python,
                    text: "def test_load():\n    with raises(ValueError):\n        load(None)\n"),
            ], skipped: [], notFollowed: [])
        let planner = TestPlanner(view: view, history: nil)
        let failures = planner.plan("failure_modes")
        #expect(failures.cases.map(\.symbol) == ["save"] && failures.cases.map(\.line) == [8])
        #expect(planner.plan("edge_cases").cases.map(\.line) == [7])
        #expect(planner.plan("what_are_we_testing").cases.map(\.symbol) == ["save"])
        #expect(failures.notLookedAt == ["What is worked on most is not known: the clone is shallow."])
    }

    @Test(arguments: [
        ("func (s *Store) Get(key string) error {", SourceLanguage.go, "Get"), ("    def next(self):", .python, "next"),
        ("export async function load(a) {", .typescript, "load"), ("    public func make() {", .swift, "make"),
        ("pub fn run() -> u8 {", .rust, "run"),
    ])
    func functionsAreKnownByTheirFirstLine(_ line: String, _ language: SourceLanguage, _ name: String) {
        #expect(PlanSites.definition(line[...], language) == name)
    }
}
