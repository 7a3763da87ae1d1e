import Foundation
import HubSimulator
import StokerCore
import TestSupport
import Testing

@testable import Workshop

/// The worker on a repository whose faults are known.
@Suite struct AnalysisTests {
    @Test func everyRuleFindsWhatIsThereAndCitesIt() async throws {
        try await Bench.with { bench async throws in
            var rows: [Iteration] = []
            for _ in 0..<6 {
                let made = try await bench.run().run().row
                if let made { rows.append(try #require(try await bench.store().row(made))) }
            }
            #expect(
                rows.map(\.perspective) == [
                    "code_quality", "architecture", "performance", "security", "dependencies", "test_coverage",
                ])
            let found = Dictionary(grouping: rows.flatMap(\.findings), by: \.rule)
            #expect(found["hot_function"]?.map(\.symbol) == ["plan_route"])
            #expect(found["hot_function"]?.first?.file == "src/tern/planner.py")
            #expect(found["hot_function"]?.first?.severity == .high)
            #expect(
                found["knowledge_gone"]?.first?.evidence.contains { $0.hasPrefix("src/tern/protocol.py: ") } == true)
            #expect(found["big_hot_file"]?.map(\.file) == ["src/tern/store.py"])
            #expect(found["tests_off"]?.map(\.file) == ["tests/test_planner.py"])
            #expect(Set(found["workflows"]?.map(\.symbol) ?? []) == ["dangerous-triggers", "template-injection"])
            let performance = try #require(rows.first { $0.perspective == "performance" })
            #expect(performance.findings.isEmpty && performance.summary.contains("Nothing was measured"))

            // Every citation is in the commit that it names.
            for finding in rows.flatMap(\.findings) {
                let text = String(
                    decoding: try await bench.show("\(finding.head):\(finding.file)"), as: UTF8.self)
                #expect(
                    finding.isTrue(of: text.split(separator: "\n", omittingEmptySubsequences: false)),
                    "\(finding.title)")
                #expect(finding.state == .new && !finding.evidence.isEmpty && !finding.command.isEmpty)
            }
            // The same commit again adds nothing, and the worker says so.
            for _ in 0..<7 { #expect(try await bench.run().run().row == nil) }
            let record = try await bench.store().load().record
            #expect(record.iteration == 6 && record.complete == record.head && record.beatAt == Bench.now)
        }
    }

    /// All files reformatted and a folder renamed: the same findings, and nothing new.
    @Test func movingAndReformattingBringNothingNew() async throws {
        try await Bench.with { bench async throws in
            for _ in 0..<6 { _ = try await bench.run().run() }
            let before = try await bench.store().book()
            let files = try await bench.files()
            // Longer lines begin deeper, the workflow has other blanks between its words.
            let formatted = files.filter { $0.key.hasSuffix(".py") }.mapValues {
                $0.replacing("    ", with: "        ")
            }
            try await PracticeRepository.add(
                [.init(-1, .maren, "Reformat with black", formatted)], to: bench.repository)
            for _ in 0..<6 { #expect(try await bench.run().run().row == nil) }
            try await PracticeRepository.add(
                [.init(-2, .maren, "Move the package", [:], moves: [("src", "lib")])], to: bench.repository)
            for _ in 0..<6 { #expect(try await bench.run().run().row == nil) }
            let after = try await bench.store().book()
            #expect(Set(after.entries.keys) == Set(before.entries.keys))
            #expect(after.entries.values.contains { $0.finding.file == "lib/tern/planner.py" })
            #expect(after.open.count == before.open.count)
        }
    }

    @Test func whatIsMendedIsGoneAfterTwoCommitsAndCanReturn() async throws {
        try await Bench.with { bench async throws in
            let workflow = try #require(try await bench.files()[".github/workflows/ci.yml"])
            func look() async throws -> Iteration? {
                let made = try await bench.run(perspectives: ["security"]).run().row
                guard let made else { return nil }
                return try await bench.store().row(made)
            }
            let first = try #require(try await look())
            #expect(first.findings.count == 2)
            let mended = workflow.replacing("pull_request_target", with: "pull_request").replacing(
                "${{ github.head_ref }}", with: "it")
            try await PracticeRepository.add(
                [.init(-1, .maren, "Close the workflow", [".github/workflows/ci.yml": mended])], to: bench.repository)
            #expect(try await look() == nil)
            try await PracticeRepository.add(
                [.init(-2, .maren, "Say more", ["README.md": "# tern\n"])], to: bench.repository)
            let gone = try #require(try await look())
            #expect(gone.findings.map(\.state) == [.gone, .gone])
            try await PracticeRepository.add(
                [.init(-3, .maren, "Open it again", [".github/workflows/ci.yml": workflow])], to: bench.repository)
            let back = try #require(try await look())
            #expect(back.findings.map(\.state) == [.returned, .returned])
            #expect(Set(back.findings.map(\.id)) == Set(first.findings.map(\.id)))
        }
    }

    @Test func withoutAPerspectiveNothingIsCalledComplete() async throws {
        try await Bench.with { bench async throws in
            let failure = await #expect(throws: Failure.self) { try await bench.run(perspectives: []).run() }
            #expect(failure?.code == .usage)
            let record = try await bench.store().load().record
            #expect(record.complete == nil && record.trouble?.code == "usage")
        }
    }

    @Test func aToolThatIsMissingIsNotSilence() async throws {
        try await Bench.with { bench async throws in
            var settings = bench.settings
            settings.tools = [.ctags]
            let row = try #require(try await bench.run(settings, perspectives: ["security"]).run().row)
            let made = try #require(try await bench.store().row(row))
            #expect(made.findings.isEmpty)
            #expect(made.summary == "Workflows were not looked at: zizmor is not among the worker's tools.")
            #expect(made.body["rules"]?.array == [])
        }
    }

    /// A file that makes the tool fail costs itself and no other.
    @Test func oneBadFileCostsOnlyItself() async throws {
        try await Bench.with(makesRepository: false) { bench async throws in
            let script = bench.folder + "/lizard"
            try ExecutableScript.write(
                """
                #!/bin/sh
                [ "$1" = --version ] && { echo 1.0; exit 0; }
                for file in "$@"; do case "$file" in
                  *bad*) echo "Traceback (most recent call last):" >&2; exit 1 ;;
                  ./*) echo "3,9,1,1,3,\\"f\\",\\"$file\\",\\"f\\",\\"f( x )\\",1,3" ;;
                esac; done
                """, to: script)
            let tools = await EvidenceTools.find(allowed: [.lizard], folders: [bench.folder])
            #expect(tools.tool(.lizard)?.version == "lizard 1.0")
            let names = (0..<40).map { $0 == 23 ? "bad.py" : "file\($0).py" }
            let measured = try await tools.measure(names, in: bench.folder)
            #expect(measured.failed == ["bad.py"])
            #expect(Set(measured.functions.map(\.file)) == Set(names).subtracting(["bad.py"]))
        }
    }

    @Test func aShallowCloneSaysSo() async throws {
        try await Bench.with { bench async throws in
            let shallow = bench.folder + "/shallow.git"
            try await bench.git(["clone", "--quiet", "--bare", "--depth=1", "file://" + bench.repository, shallow])
            var run = bench.run(perspectives: ["architecture"])
            run.source = shallow
            let row = try #require(try await run.run().row)
            let made = try #require(try await bench.store().row(row))
            #expect(made.summary.contains("the clone is shallow"))
        }
    }

    /// Hooks, filters and links of the repository are not run and not followed.
    @Test func theRepositoryRunsNothingHere() async throws {
        try await Bench.with { bench async throws in
            let mark = bench.folder + "/ran"
            try await PracticeRepository.add(
                [
                    .init(
                        -1, .ines, "Hello",
                        [
                            ".gitattributes": "* filter=evil\n",
                            ".gitconfig": "[filter \"evil\"]\n\tsmudge = touch \(mark)\n",
                            "src/tern/odd\nname.py": "x = 1\n",
                            "src/tern/long.py": "y = '\(String(repeating: "a", count: 30_000))'\n",
                        ])
                ], to: bench.repository)
            try "#!/bin/sh\ntouch \(mark)\n".write(
                toFile: bench.repository + "/hooks/post-checkout", atomically: true, encoding: .utf8)
            for _ in 0..<6 { _ = try await bench.run().run() }
            #expect(!FileManager.default.fileExists(atPath: mark))
            let mirror = try GitMirror(folder: bench.folder + "/m", source: bench.repository, branch: "main")
            let view = try await RepositoryView.read(mirror, at: try await mirror.update())
            #expect(view.skipped.map(\.path) == ["src/tern/long.py"])
            #expect(view.files.contains { $0.path == "src/tern/odd\nname.py" })
        }
    }

    @Test(arguments: ["../a", "/etc/passwd", "a//b", "a/.git/hooks/x", ".GIT/config", "a/../b"])
    func pathsThatLeaveTheFolderAreNoFiles(_ path: String) {
        #expect(!GitMirror.isInside(path))
    }

    @Test func aBranchThatIsNotThereIsTold() async throws {
        try await Bench.with { bench async throws in
            var settings = bench.settings
            settings.branch = "nowhere"
            let failure = await #expect(throws: Failure.self) { try await bench.run(settings).run() }
            #expect(failure?.because.contains("nowhere") == true)
            let trouble = try await bench.store().load().record.trouble
            #expect(trouble?.text.contains("fetch nowhere of") == true)
        }
    }
}

extension Bench {
    @discardableResult
    func git(_ arguments: [String]) async throws -> [UInt8] {
        try await ProgramRun(path: "/usr/bin/git", arguments: arguments).run().output
    }
    func show(_ name: String) async throws -> [UInt8] { try await git(["--git-dir", repository, "show", name]) }
    /// All files of the head.
    func files() async throws -> [String: String] {
        let names = try await git(["--git-dir", repository, "ls-tree", "-r", "-z", "--name-only", "main"]).split(
            separator: 0)
        var files: [String: String] = [:]
        for name in names.map({ String(decoding: $0, as: UTF8.self) }) {
            files[name] = String(decoding: try await show("main:" + name), as: UTF8.self)
        }
        return files
    }
}
