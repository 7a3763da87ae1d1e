import Foundation
import Runtime
import StokerCore

/// A change of a repository that somebody or something proposes: texts to be found once and replaced, and new files. The diff is made here,
/// so that it applies.
struct PatchProposal: Sendable, Equatable {
    struct Edit: Sendable, Equatable {
        var file: String
        /// Occurs once in the file.
        var find: String
        var replace: String
    }
    var title: String
    var edits: [Edit]
    /// New files; among them the check.
    var newFiles: [String: String]
    /// The new check: fails before, passes with the change.
    var check: String

    static let mostFiles = 5
    static let mostLines = 200

    /// What a change may not touch, whoever proposes it: what runs elsewhere, what is made by programs, what others pin.
    static func isRefused(_ path: String) -> Bool {
        let parts = path.split(separator: "/").map { $0.lowercased() }
        guard let name = parts.last else { return true }
        return !GitMirror.isInside(path) || parts.contains { $0.hasPrefix(".") }
            || parts.contains("hooks") || name.hasPrefix("dockerfile")
            || name.hasSuffix(".lock") || name.hasSuffix("-lock.json") || name.hasSuffix("-lock.yaml")
            || name == "go.sum"
            || ["conftest.py", "setup.py", "sitecustomize.py", "makefile", "jenkinsfile", "noxfile.py", "package.json"]
                .contains(name)
            || name.hasSuffix(".pth") || SourceFile.role(of: path) == .foreign
    }

    /// A line of a test that asserts something and is not there any more: what is checked today stays checked.
    private static func lostAssertion(_ old: String, _ new: String) -> Substring? {
        func assertions(_ text: String) -> [Substring] {
            text.split(separator: "\n").map { $0.drop(while: \.isWhitespace) }.filter { line in
                ["assert", "expect", "require", "should"].contains { line.lowercased().contains($0) }
            }
        }
        var left = assertions(new)
        for line in assertions(old) {
            guard let index = left.firstIndex(of: line) else { return line }
            left.remove(at: index)
        }
        return nil
    }

    /// The files with their new texts.
    /// - Throws: `usage` with what is wrong.
    func texts(in view: RepositoryView) throws(Failure) -> [String: String] {
        func refuse(_ because: String) -> Failure { Failure(.usage, doing: "make the patch", because: because) }
        var texts: [String: String] = [:]
        for edit in edits {
            if Self.isRefused(edit.file) { throw refuse("\(edit.file) may not be changed by a worker") }
            guard let text = texts[edit.file] ?? view.file(edit.file)?.text else {
                throw refuse("there is no \(edit.file)")
            }
            guard !edit.find.isEmpty, text.ranges(of: edit.find).count == 1 else {
                throw refuse(
                    "the text to be replaced occurs \(edit.find.isEmpty ? 0 : text.ranges(of: edit.find).count) times in \(edit.file)"
                )
            }
            let new = text.replacing(edit.find, with: edit.replace)
            if SourceFile.role(of: edit.file) == .test, let lost = Self.lostAssertion(text, new) {
                throw refuse("it takes an assertion out of \(edit.file): \(Redaction.quote(lost, limit: 100))")
            }
            texts[edit.file] = new
        }
        for (path, text) in newFiles {
            if Self.isRefused(path) { throw refuse("\(path) may not be made by a worker") }
            if view.file(path) != nil { throw refuse("\(path) is there already") }
            texts[path] = text
        }
        guard texts.count <= Self.mostFiles else {
            throw refuse("it changes \(texts.count) files, and \(Self.mostFiles) are the most")
        }
        return texts
    }
}

/// What became of a patch that was tried.
struct PatchProof: Sendable, Equatable {
    enum Verdict: String, Sendable {
        /// It applies; its check failed three times before and passes with it; nothing else broke.
        case proven
        /// Its check passes with and without it.
        case neutral
        /// Something else broke, or its check fails with it.
        case worse
        /// It could not be tried.
        case unjudged
    }
    var verdict: Verdict
    var because: String
    var changes: [Iteration.CodeChange]
    /// One line for each run.
    var runs: [String]
    /// The end of what the run printed that decided it; code of the repository wrote it.
    var output = ""

    /// As `body` of a row has it.
    func facts(of proposal: PatchProposal) -> [JSONValue.Member] {
        [
            .init("verdict", .string(verdict.rawValue)), .init("because", .string(because)),
            .init("runs", .array(runs.map { .string($0) })),
            .init(
                "edits",
                .array(
                    proposal.edits.map {
                        ["file": .string($0.file), "find": .string($0.find), "replace": .string($0.replace)]
                    })), .init("check", .string(proposal.check)),
        ]
    }
}

/// Tries a patch on clean copies in the jail.
struct PatchTrial: Sendable {
    var mirror: GitMirror
    var view: RepositoryView
    var scratch: String
    var runner: TestRunner

    func run(_ proposal: PatchProposal, report: @Sendable (String) -> Void) async throws -> PatchProof {
        let texts: [String: String]
        do throws(Failure) { texts = try proposal.texts(in: view) } catch {
            return PatchProof(verdict: .unjudged, because: error.because, changes: [], runs: [])
        }
        let changes = try await diffs(texts)
        func end(_ verdict: PatchProof.Verdict, _ because: String, _ runs: [String], _ output: String = "")
            -> PatchProof
        {
            PatchProof(verdict: verdict, because: because, changes: changes, runs: runs, output: output)
        }
        let lines = changes.reduce(0) {
            $0 + $1.patch.split(separator: "\n").count { $0.hasPrefix("+") || $0.hasPrefix("-") }
        }
        guard lines <= PatchProposal.mostLines else {
            return end(.unjudged, "it changes \(lines) lines, and \(PatchProposal.mostLines) are the most", [])
        }
        guard try await applies(changes) else { return end(.unjudged, "the patch does not apply to the commit", []) }
        if let obstacle = Jail.obstacle { return end(.unjudged, obstacle, []) }

        let commit = view.head.commit
        let check = texts.filter { proposal.newFiles[$0.key] != nil }
        var runs: [String] = []
        var output = ""
        // Each run has a copy of its own: tests leave things behind.
        func copy(_ name: String, _ changes: [String: String]) async throws -> String {
            let folder = scratch + "/" + name
            try await ScratchCopy.make(mirror, at: commit, folder: folder, changes: changes)
            return folder
        }
        func attempt(_ name: String, _ changes: [String: String], _ what: [String]) async throws -> JailedPython.Tests {
            report("running \(name)")
            let folder = try await copy(name.replacing(" ", with: "-"), changes)
            defer { try? FileManager.default.removeItem(atPath: folder) }  // all of the scratch folder goes in the end
            let tests = try await runner.tests(what, in: folder)
            runs.append("\(name): \(tests.sentence)")
            output = tests.tail
            return tests
        }
        // The tests as they are: what is not green three times in a row is judged by nobody.
        var steady: Set<String>?
        for round in 1...3 {
            let tests = try await attempt("all tests before \(round)", [:], [])
            steady = steady.map { $0.intersection(tests.passed) } ?? tests.passed
        }
        for round in 1...3 {
            let tests = try await attempt("the check before \(round)", check, [proposal.check])
            if tests.isGreen { return end(.neutral, "its check passes without the change", runs, output) }
            guard tests.count > 0 else { return end(.unjudged, "its check did not run", runs) }
        }
        for round in 1...3 {
            let tests = try await attempt("the check with it \(round)", texts, [proposal.check])
            guard tests.isGreen else { return end(.worse, "its check fails with the change", runs, output) }
        }
        let after = try await attempt("all tests with it", texts, [])
        let broken = (steady ?? []).subtracting(after.passed).sorted()
        guard broken.isEmpty else {
            return end(
                .worse, "\(broken.count.counted("test")) broke: \(broken.prefix(5).joined(separator: ", "))", runs,
                output)
        }
        return end(
            .proven,
            "it applies, its check failed 3 of 3 times before and passes 3 of 3 times with it, and \((steady ?? []).count.counted("other test")) stayed green",
            runs)
    }

    /// Our own diff of each file, as git writes it.
    private func diffs(_ texts: [String: String]) async throws -> [Iteration.CodeChange] {
        guard let git = Program.find("git") else { return [] }
        var changes: [Iteration.CodeChange] = []
        let folder = scratch + "/diff"
        for (path, text) in texts.sorted(by: { $0.key < $1.key }) {
            try? FileManager.default.removeItem(atPath: folder)  // of the file before
            try PrivateFolder.make(folder + "/a/" + path.parentFolder)
            try PrivateFolder.make(folder + "/b/" + path.parentFolder)
            let old = view.file(path)?.text
            if let old { try Data(old.utf8).write(to: URL(fileURLWithPath: folder + "/a/" + path)) }
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/b/" + path))
            let ended = try await ProgramRun(
                path: git,
                arguments: [
                    "-c", "core.quotePath=false", "diff", "--no-index", "--no-prefix", "--no-color", "--",
                    old == nil ? "/dev/null" : "a/" + path, "b/" + path,
                ],
                environment: Self.gitEnvironment(folder), folder: folder, limit: 1 << 20
            ).run()
            // 1: they differ.
            guard ended.status == 1 else { continue }
            changes.append(Iteration.CodeChange(file: path, code: text, patch: ended.text))
        }
        return changes
    }

    private func applies(_ changes: [Iteration.CodeChange]) async throws -> Bool {
        guard let git = Program.find("git"), !changes.isEmpty else { return false }
        let folder = scratch + "/apply"
        try await RepositoryView.write(
            view.files.filter { file in changes.contains { $0.file == file.path } }, to: folder + "/tree")
        try PrivateFolder.make(folder + "/tree")
        let ended = try await ProgramRun(
            path: git, arguments: ["apply", "--check", "-"], environment: Self.gitEnvironment(folder),
            folder: folder + "/tree",
            input: Array(changes.map(\.patch).joined().utf8)
        ).run()
        return ended.status == 0
    }

    /// Not of a repository that may lie around the folder.
    private static func gitEnvironment(_ folder: String) -> [String: String] {
        ProgramRun.plain.merging([
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CEILING_DIRECTORIES": folder,
        ]) { $1 }
    }
}

/// Python's own test runner, in the jail.
struct JailedPython: Sendable {
    var path: String
    /// Where its library is, when not with the system's.
    var readable: [String]

    static func find() -> JailedPython? {
        if FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") {
            return JailedPython(path: "/usr/bin/python3", readable: [])
        }
        guard let found = Program.find("python3") else { return nil }
        let real = URL(fileURLWithPath: found).resolvingSymlinksInPath().path
        // `PREFIX/bin/python3.12`
        return JailedPython(path: real, readable: [real.parentFolder.parentFolder])
    }

    struct Tests: Sendable, Equatable {
        var passed: Set<String> = []
        var count = 0
        var isOverTime = false
        /// All that ran passed or was skipped, and something ran.
        var isGreen = false
        /// The end of what it printed, at most 2,000 bytes.
        var tail = ""

        var sentence: String {
            if isOverTime { return "took too long" }
            return "\(count.counted("test")), \(passed.count) passed\(isGreen || count == 0 ? "" : ", red")"
        }
    }

    /// - Parameter what: a file of tests; empty: all that the runner finds.
    func tests(_ what: [String], in folder: String) async throws -> Tests {
        let roots = ["src", "lib", "."].filter { FileManager.default.fileExists(atPath: folder + "/" + $0) }
        let start = ["tests", "test"].first { FileManager.default.fileExists(atPath: folder + "/" + $0) } ?? "."
        let isPackage = FileManager.default.fileExists(atPath: "\(folder)/\(start)/__init__.py")
        let all = ["discover", "-v", "-s", start] + (isPackage ? ["-t", "."] : [])
        let ended = try await Jail(folder: folder, readable: readable, seconds: 120).run(
            path, ["-B", "-m", "unittest"] + (what.isEmpty ? all : ["-v"] + what),
            environment: ["PYTHONPATH": roots.map { folder + "/" + $0 }.joined(separator: ":"), "PYTHONHASHSEED": "0"])
        return Self.read(ended)
    }

    /// `test_a (tests.test_b.C.test_a) ... ok`, and `Ran 3 tests in 0.1s` at the end.
    static func read(_ ended: Jail.Ended) -> Tests {
        var tests = Tests()
        tests.isOverTime = ended.isOverTime
        tests.tail = String(decoding: ended.output.utf8.suffix(2_000), as: UTF8.self)
        for line in ended.output.split(separator: "\n") {
            if line.hasSuffix("... ok"), let end = line.firstRange(of: " ... ") {
                tests.passed.insert(String(line[..<end.lowerBound]))
            } else if line.hasPrefix("Ran "), let count = Int(line.dropFirst(4).prefix { $0.isNumber }) {
                tests.count = count
            }
        }
        tests.isGreen = ended.status == 0 && tests.count > 0 && !ended.isOverTime
        return tests
    }
}
