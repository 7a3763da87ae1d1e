import Foundation
import HubSimulator
import StokerCore
import Testing

@testable import Workshop

/// A change that follows from a recipe, tried in the jail.
@Suite struct ImplementationTests {
    private static func worker(_ bench: Bench) -> WorkerRun {
        var settings = bench.settings
        settings.kind = .implementation
        return bench.run(settings)
    }

    @Test(.enabled(if: Jail.obstacle == nil)) func theDependencyIsDeclaredAndProven() async throws {
        try await Bench.with { bench async throws in
            var rows: [Iteration] = []
            for _ in 0..<6 {
                let number = try #require(try await Self.worker(bench).run().row)
                rows.append(try #require(try await bench.store().row(number)))
            }
            #expect(rows.map(\.stageName) == Recipe.stageNames)
            let last = try #require(rows.last)
            #expect(last.body["verdict"]?.string == "proven", "\(last.summary) \(last.body.text)")
            #expect(last.codeChanges.map(\.file) == ["pyproject.toml", "tests/test_urllib3_is_declared.py"])
            // It applies to a clean clone, and its check fails before and passes with it.
            let clone = bench.folder + "/clone"
            try await bench.git(["clone", "--quiet", bench.repository, clone])
            func check() async throws -> Int32 {
                try await ProgramRun(
                    path: "/usr/bin/python3", arguments: ["-B", "-m", "unittest", "tests/test_urllib3_is_declared.py"],
                    folder: clone
                ).run().status
            }
            for change in last.codeChanges {
                let ended = try await ProgramRun(
                    path: "/usr/bin/git", arguments: ["apply", "-"], folder: clone, input: Array(change.patch.utf8)
                ).run()
                #expect(ended.status == 0, "\(ended.errors)")
                let written = try String(contentsOfFile: clone + "/" + change.file, encoding: .utf8)
                #expect(written == change.code)
            }
            #expect(try await check() == 0)
            try await bench.git(["-C", clone, "checkout", "--quiet", "pyproject.toml"])
            #expect(try await check() != 0)
            // There is nothing else to do at this commit.
            #expect(try await Self.worker(bench).run().row == nil)
        }
    }

    @Test(.enabled(if: Jail.obstacle == nil)) func aCheckThatPassesBeforeProvesNothing() async throws {
        try await Bench.with { bench async throws in
            let proof = try await Self.trial(
                bench,
                PatchProposal(
                    title: "Nothing",
                    edits: [
                        .init(file: "src/tern/planner.py", find: "Plans the order of stops.", replace: "Orders stops.")
                    ],
                    newFiles: [
                        "tests/test_new.py":
                            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
                    ],
                    check: "tests/test_new.py"))
            #expect(proof.verdict == .neutral, "\(proof)")
        }
    }

    @Test(.enabled(if: Jail.obstacle == nil)) func aChangeThatBreaksAnotherTestIsWorse() async throws {
        try await Bench.with { bench async throws in
            let proof = try await Self.trial(
                bench,
                PatchProposal(
                    title: "Break",
                    edits: [
                        .init(
                            file: "src/tern/planner.py", find: "        return []\n    order",
                            replace: "        return [0]\n    order")
                    ],
                    newFiles: [
                        "tests/test_new.py":
                            "import unittest\nfrom tern import planner\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(planner.plan_route([], None), [0])\n"
                    ], check: "tests/test_new.py"))
            #expect(proof.verdict == .worse, "\(proof)")
            #expect(proof.because.contains("test_nothing_to_do"))
        }
    }

    private static func trial(_ bench: Bench, _ proposal: PatchProposal) async throws -> PatchProof {
        let mirror = try GitMirror(folder: bench.folder + "/m", source: bench.repository, branch: "main")
        let view = try await RepositoryView.read(mirror, at: try await mirror.update())
        let scratch = bench.folder + "/s"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        let python = try #require(JailedPython.find())
        return try await PatchTrial(mirror: mirror, view: view, scratch: scratch, runner: .python(python)).run(proposal)
        { _ in }
    }

    @Test(arguments: [
        ".github/workflows/ci.yml", "poetry.lock", "package-lock.json", "Dockerfile", "../a", "vendor/x.py",
        "conftest.py",
        "setup.py", ".husky/pre-commit",
    ])
    func whatAWorkerMayNotTouch(_ path: String) { #expect(PatchProposal.isRefused(path)) }

    @Test func aTextThatOccursTwiceIsNoPlace() async throws {
        try await Bench.with { bench async throws in
            let mirror = try GitMirror(folder: bench.folder + "/m", source: bench.repository, branch: "main")
            let view = try await RepositoryView.read(mirror, at: try await mirror.update())
            let proposal = PatchProposal(
                title: "", edits: [.init(file: "src/tern/planner.py", find: "order", replace: "x")], newFiles: [:],
                check: "")
            let failure = #expect(throws: Failure.self) { try proposal.texts(in: view) }
            #expect(failure?.because.contains("times in src/tern/planner.py") == true)
        }
    }
}
