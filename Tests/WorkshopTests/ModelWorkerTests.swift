import Foundation
import HubClient
import HubSimulator
import Ledger
import StokerCore
import Synchronization
import Testing

@testable import Workshop

/// Workers with a model: leads, cases and changes.
@Suite struct ModelWorkerTests {
    static func worker(
        _ bench: Bench, _ kind: WorkerSettings.Kind = .analysis, _ model: ScriptedModel,
        name: String = "tern", records: (any RecordStore)? = nil, perspectives: [String]? = nil
    ) -> WorkerRun {
        var settings = bench.settings
        settings.kind = kind
        settings.model = ModelBench.settings
        var budget = ModelBudget()
        budget.tokens = .init(5_000_000, per: .seconds(86_400))
        settings.budget = budget
        var run = bench.run(settings, records: records)
        run.name = name
        run.store = WorkerStore(records: records ?? bench.records, worker: name)
        run.perspectives = PerspectiveFile.builtIn.perspectives(of: kind).filter {
            perspectives?.contains($0.id) ?? true
        }
        run.model = ModelAccess(transport: model.transport, secrets: [])
        return run
    }

    /// Rows until there is nothing more to say.
    static func rows(_ bench: Bench, until still: Int = 3, most: Int = 40, _ make: () -> WorkerRun) async throws
        -> [Iteration]
    {
        var rows: [Iteration] = []
        var quiet = 0
        for _ in 0..<most where quiet < still {
            let run = make()
            guard let number = try await run.run().row else {
                quiet += 1
                continue
            }
            quiet = 0
            rows.append(try #require(try await run.store.row(number)))
        }
        return rows
    }

    static func note(of asked: ScriptedModel.Asked, _ text: String = "It is worth a look") -> ModelReply {
        guard let id = asked.ids.first else { return ScriptedModel.says(["notes": [], "cases": []], for: asked.text) }
        if asked.text.contains("Name at most six cases") {
            let place =
                asked.document["evidence"]?.array?.first { $0["kind"]?.string == "place" }?["id"]?.string ?? id
            return ScriptedModel.says(
                [
                    "cases": [
                        [
                            "given": "two depots", "when": .string(text), "then": "both are planned", "level": "unit",
                            "evidence": [.string(place)],
                        ]
                    ]
                ], for: asked.text)
        }
        return ScriptedModel.says(ModelBench.note(text, [id]), for: asked.text)
    }

    @Test func leadsFollowTheEvidenceAndChangeNoFinding() async throws {
        try await Bench.with { bench async throws in
            // Without a model.
            let alone = MemoryLedger().records
            var plain: [Iteration] = []
            for _ in 0..<6 {
                if let row = try await bench.run(records: alone).run().row {
                    plain.append(try #require(try await bench.store(alone).row(row)))
                }
            }
            #expect(plain.allSatisfy { $0.body["model"]?.string?.hasPrefix("none") == true })

            let model = ScriptedModel { Self.note(of: $0) }
            let rows = try await Self.rows(bench) { Self.worker(bench, .analysis, model) }
            let leads = rows.filter { $0.stageName == "Leads of a model" }
            #expect(Set(leads.map(\.perspective)).isSuperset(of: ["code_quality", "security", "test_coverage"]))
            #expect(rows.flatMap(\.findings).map(\.id).sorted() == plain.flatMap(\.findings).map(\.id).sorted())
            #expect(leads.allSatisfy { $0.findings.isEmpty && $0.body["source"]?.string == "model" })
            // What a lead goes by is at head.
            for place in leads.flatMap({ $0.body["leads"]?.array ?? [] }).flatMap({ $0["evidence"]?.array ?? [] }) {
                let parts = try #require(place.string).split(separator: ":")
                let text = String(decoding: try await bench.show("main:\(parts[0])"), as: UTF8.self)
                #expect(
                    try #require(Int(parts[1])) <= text.split(separator: "\n", omittingEmptySubsequences: false).count)
            }
            // The same commit again: nothing is asked, nothing is told, and it is complete.
            let count = model.asked.count
            for _ in 0..<3 { #expect(try await Self.worker(bench, .analysis, model).run().row == nil) }
            let record = try await bench.store().load().record
            #expect(model.asked.count == count && record.complete == record.head)
            // A commit that changes none of the evidence costs nothing either.
            try await PracticeRepository.add(
                [.init(-1, .maren, "Add a note", ["docs/note.txt": "hello"])], to: bench.repository)
            for _ in 0..<12 { _ = try await Self.worker(bench, .analysis, model).run() }
            let purposes = model.asked.dropFirst(count).count
            #expect(purposes <= 1, "\(purposes)")
        }
    }

    @Test func aPlanGetsCasesOfTheModel() async throws {
        try await Bench.with(more: Self.broken) { bench async throws in
            let model = ScriptedModel { Self.note(of: $0, "both ask at once") }
            let rows = try await Self.rows(bench) {
                Self.worker(bench, .testPlanning, model, perspectives: ["failure_modes", "edge_cases"])
            }
            let read = rows.filter { $0.stageName == "Read by a model" }
            #expect(read.map(\.perspective).sorted() == ["edge_cases", "failure_modes"])
            let one = try #require(read.first?.body["cases"]?.array?.first)
            #expect(one["when"]?.string == "both ask at once")
            #expect(one["evidence"]?.array?.first?.string?.contains("src/tern/") == true)
        }
    }

    /// The budget is empty, the server has none: evidence alone, and the worker goes on.
    @Test func withoutAModelsAnswerTheEvidenceStands() async throws {
        try await Bench.with { bench async throws in
            let model = ScriptedModel { _ in ScriptedModel.refuses(402) }
            let rows = try await Self.rows(bench) { Self.worker(bench, .analysis, model) }
            #expect(rows.count == 6 && rows.allSatisfy { $0.stageName == "Static analysis" })
            #expect(model.asked.count == 1)
            let record = try await bench.store().load().record
            #expect(record.trouble == nil && record.beatAt != nil)
        }
    }

    // MARK: Changes

    /// All that is imported is declared, so that no recipe has anything to do.
    static let declared =
        "[project]\nname = \"tern\"\nversion = \"1.4.0\"\ndependencies = [\n    \"requests>=2.31\",\n    \"urllib3\",\n]\n"

    /// A small fault: a route has one stop too many.
    static let broken: [PracticeRepository.Commit] = [
        .init(
            -1, .tobi, "Count the stops",
            [
                "pyproject.toml": declared,
                "src/tern/count.py":
                    "def count_stops(route):\n    \"\"\"How many stops a route has, the depot not counted.\"\"\"\n    if len(route) > 9000:\n        raise ValueError(route)\n    total = 0\n    for stop in route:\n        total = total + 1\n    return total + 1\n",
            ])
    ]

    static func item(_ bench: Bench, _ id: String = "abcdef0123456789") -> WorkItem {
        WorkItem(
            kind: .plan, id: id, from: "test-planning", iteration: 4, perspective: "edge_cases",
            title: "count_stops says one too many", why: "An empty route has no stops.", file: "src/tern/count.py",
            line: 1, lineEnd: 6, symbol: "count_stops", priority: 3, finding: nil)
    }

    static let thought: JSONValue = [
        "options": [
            ["what": "return the total as it is", "risk": "callers that take one away"],
            ["what": "count by len", "risk": "none"],
        ], "chosen": 1, "why": "It is one line",
        "risks": [
            ["what": "callers that take one away", "seen_by": "the tests", "mitigated_by": "none does"]
        ], "cases": [["given": "an empty route", "when": "it is counted", "then": "there are 0 stops"]],
    ]

    static let test =
        "import unittest\nfrom tern.count import count_stops\n\n\nclass CountTests(unittest.TestCase):\n    def test_empty(self):\n        self.assertEqual(count_stops([]), 0)\n"

    static func change(_ find: String, _ replace: String, file: String = "src/tern/count.py", test: String = test)
        -> JSONValue
    {
        [
            "title": "Count no stop twice",
            "edits": [["file": .string(file), "find": .string(find), "replace": .string(replace)]],
            "test": .string(test),
        ]
    }

    static func implementer(_ bench: Bench, _ model: ScriptedModel, _ items: [WorkItem], name: String = "tern")
        -> WorkerRun
    {
        var run = worker(bench, .implementation, model, name: name)
        run.reading = { items }
        return run
    }

    @Test(.enabled(if: Jail.obstacle == nil)) func aModelsChangeIsProven() async throws {
        try await Bench.with(more: Self.broken) { bench async throws in
            let model = ScriptedModel { asked in
                if asked.text.contains("Name two or three changes") {
                    return ScriptedModel.says(Self.thought, for: asked.text)
                }
                // The first change does not mend it: the output of its test comes back as evidence.
                let isFirst = !asked.text.contains("your last change was tried")
                return ScriptedModel.says(
                    Self.change("return total + 1", isFirst ? "return total + 2" : "return total"), for: asked.text)
            }
            let item = Self.item(bench)
            let all = try await Self.rows(bench) { Self.implementer(bench, model, [item]) }
            let rows = all.filter { $0.body["target"]?.string == item.id }
            #expect(rows.map(\.stageName) == Recipe.stageNames)
            #expect(rows.allSatisfy { $0.body["reads"]?["from"]?.string == "test-planning" })
            #expect(rows.allSatisfy { $0.body["source"]?.string == "model: small" })
            let last = try #require(rows.last)
            #expect(last.body["verdict"]?.string == "proven", "\(last.summary) \(last.body.text)")
            #expect(last.codeChanges.map(\.file).sorted() == ["src/tern/count.py", "tests/test_count_stops_abcdef.py"])
            let run = try #require(model.asked.last)
            #expect(run.document["evidence"]?.array?.contains { $0["kind"]?.string == "run" } == true)
            // It applies to a clean clone.
            let clone = bench.folder + "/clone"
            try await bench.git(["clone", "--quiet", bench.repository, clone])
            for change in last.codeChanges {
                let ended = try await ProgramRun(
                    path: "/usr/bin/git", arguments: ["apply", "-"], folder: clone, input: Array(change.patch.utf8)
                ).run()
                #expect(ended.status == 0, "\(ended.errors)")
            }
            #expect(try await WorkClaims.claim(of: item.id, in: bench.records)?.state == "proven")
        }
    }

    /// JavaScript, by Node's own runner.
    @Test(.enabled(if: Jail.obstacle == nil && JailedNode.find() != nil)) func aChangeOfJavaScriptIsProven()
        async throws
    {
        let commits: [PracticeRepository.Commit] = [
            .init(
                -1, .tobi, "Count the stops",
                [
                    "pyproject.toml": Self.declared, "package.json": "{\"name\": \"tern\", \"type\": \"module\"}\n",
                    "src/count.js":
                        "export function countStops(route) {\n  let total = 0;\n  for (const stop of route) total += 1;\n  return total + 1;\n}\n\nexport const twice = (a) => a * 2;\n",
                    "test/twice.test.js":
                        "import test from 'node:test';\nimport assert from 'node:assert';\nimport { twice } from '../src/count.js';\n\ntest('twice', () => assert.equal(twice(2), 4));\n",
                ])
        ]
        let check =
            "import test from 'node:test';\nimport assert from 'node:assert';\nimport { countStops } from '../src/count.js';\n\ntest('no stops', () => assert.equal(countStops([]), 0));\n"
        try await Bench.with(more: commits) { bench async throws in
            let model = ScriptedModel { asked in
                if asked.text.contains("Name two or three changes") {
                    return ScriptedModel.says(Self.thought, for: asked.text)
                }
                return ScriptedModel.says(
                    Self.change("return total + 1;", "return total;", file: "src/count.js", test: check),
                    for: asked.text)
            }
            var item = Self.item(bench)
            item.file = "src/count.js"
            item.symbol = "countStops"
            let target = item
            let all = try await Self.rows(bench) { Self.implementer(bench, model, [target]) }
            let last = try #require(all.last { $0.body["target"]?.string == target.id })
            #expect(last.body["verdict"]?.string == "proven", "\(last.summary) \(last.body.text)")
            #expect(last.summary.contains("1 other test stayed green"), "\(last.summary)")
            #expect(last.codeChanges.map(\.file).sorted() == ["src/count.js", "test/countstops_abcdef.test.mjs"])
        }
    }

    @Test func whatNodeSaysOfItsTestsIsRead() {
        let text = """
            TAP version 13
            # Subtest: outer
                # Subtest: inner
                ok 1 - inner
                  ---
                  duration_ms: 0.4
                  ...
                # Subtest: broken
                not ok 2 - broken
                1..2
            not ok 1 - outer
            # Subtest: later
            ok 2 - later # SKIP
            # Subtest: alone
            ok 3 - alone
            1..3
            # tests 4
            # pass 2
            """
        let red = JailedNode.read(.init(status: 1, output: text, isOverTime: false))
        #expect(red.passed == ["outer > inner", "alone"] && red.count == 4 && !red.isGreen)
        #expect(JailedNode.read(.init(status: 0, output: text, isOverTime: false)).isGreen)
        #expect(!JailedNode.read(.init(status: 0, output: "", isOverTime: false)).isGreen)
    }

    @Test func twoWorkersDoNotTakeTheSame() async throws {
        let records = MemoryLedger().records
        let (a, b) = (WorkClaims(records: records, worker: "a"), WorkClaims(records: records, worker: "b"))
        #expect(try await a.take("x", at: Bench.now))
        #expect(try await !b.take("x", at: Bench.now))
        // A killed one goes on with its own, until it is done.
        #expect(try await a.take("x", at: Bench.now))
        try await a.finish("x", "proven", at: Bench.now)
        #expect(try await !a.take("x", at: Bench.now))
    }

    /// What a model may not change, by what its answer is read for.
    @Test(arguments: [
        ModelWorkerTests.change("on:", "on: push", file: ".github/workflows/ci.yml"),
        ModelWorkerTests.change("def test", "def no_test", file: "tests/test_planner.py"),
        ModelWorkerTests.change("x", "y", file: "../../etc/passwd"),
        ModelWorkerTests.change("requests", "evil", file: "pyproject.toml"),
        ModelWorkerTests.change("", "y"), ModelWorkerTests.change("total", "sum"),
        ModelWorkerTests.change("return total + 1", "return total", test: "print('no test')"),
        ["title": "Nothing", "edits": [], "test": .string(ModelWorkerTests.test)], ["notes": []],
    ])
    func aChangeThatMayNotBe(_ answer: JSONValue) async throws {
        try await Bench.with(more: Self.broken) { bench async throws in
            let mirror = try GitMirror(folder: bench.folder + "/m", source: bench.repository, branch: "main")
            let view = try await RepositoryView.read(mirror, at: try await mirror.update())
            var sheet = EvidenceSheet()
            sheet.add(.init(kind: .place, file: "src/tern/count.py", line: 1, says: "", text: "def count_stops"))
            sheet.add(.init(kind: .place, file: "tests/test_planner.py", line: 1, says: "", text: "def test"))
            let result = WorkerRun.proposal(answer, Self.item(bench), sheet, "tests/test_new.py", view)
            #expect(throws: ModelFault.self) { try result.get() }
        }
    }

    @Test func aTestKeepsItsAssertions() async throws {
        try await Bench.with { bench async throws in
            let mirror = try GitMirror(folder: bench.folder + "/m", source: bench.repository, branch: "main")
            let view = try await RepositoryView.read(mirror, at: try await mirror.update())
            let file = try #require(view.file("tests/test_planner.py"))
            let line = try #require(file.lines.first { $0.contains("assert") && file.text.ranges(of: $0).count == 1 })
            let proposal = PatchProposal(
                title: "", edits: [.init(file: file.path, find: String(line), replace: "        pass")], newFiles: [:],
                check: "")
            let failure = #expect(throws: Failure.self) { try proposal.texts(in: view) }
            #expect(failure?.because.contains("takes an assertion out") == true)
        }
    }

    /// Findings and plans come from other workers' rows, the newest standing; the most important first.
    @Test func whatOthersLeftIsRead() async throws {
        try await Bench.with { bench async throws in
            for _ in 0..<6 { _ = try await bench.run().run() }
            let rows = try await bench.store().rows(newest: 6, limit: 10)
            let items = WorkItem.items(of: rows.reversed(), from: "acme/results")
            #expect(items.count >= 5 && items.first.map { $0.priority >= items[1].priority } == true)
            #expect(items.allSatisfy { $0.from == "acme/results" && $0.iteration >= 1 })
            // A finding that went is left no more.
            var gone = try #require(rows.first { !$0.findings.isEmpty })
            gone.iteration = 7
            gone.findings = gone.findings.map { finding in
                var finding = finding
                finding.state = .gone
                return finding
            }
            let left = WorkItem.items(of: rows.reversed() + [gone], from: "acme/results")
            #expect(left.count == items.count - gone.findings.count)
        }
    }
}
