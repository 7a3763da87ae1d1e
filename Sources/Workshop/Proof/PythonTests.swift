import Foundation
import Runtime
import StokerCore

/// The tests of a Python repository, run by pytest in the jail: which lines they run, and which changes of a line they do not notice.
struct PythonTests: Sendable {
    /// The interpreter.
    var path: String
    /// What it may read besides the system's folders.
    var readable: [String]
    /// Folders with packages, pytest and coverage among them, behind those of the repository.
    var packages: [String]
    /// `python 3.11.2`, `pytest 9.2.0`, `coverage 7.17.5`
    var versions: [String]

    /// What it is asked to do takes so long at most; seconds.
    static let longest = 900

    // MARK: What is there

    enum Found: Sendable {
        case tests(PythonTests)
        /// Why there is nothing to run them with.
        case missing(String)
    }

    /// Tries the worker's own interpreter, the tools' and the system's, each with the tools' packages behind its own.
    /// - Parameters:
    ///   - own: an interpreter that the worker names; then no other is tried.
    ///   - toolFolders: `bin` of an environment with pytest and coverage.
    static func find(own: String?, toolFolders: [String], scratch: String) async throws -> Found {
        if let obstacle = Jail.obstacle { return .missing(obstacle) }
        var packages: [String] = []
        for folder in toolFolders {
            let lib = folder.parentFolder + "/lib"
            let versions = try await BlockingWork.run {
                (try? FileManager.default.contentsOfDirectory(atPath: lib)) ?? []
            }
            packages += versions.filter { $0.hasPrefix("python3") }.map { "\(lib)/\($0)/site-packages" }
        }
        let candidates = own.map { [$0] } ?? ["/usr/bin/python3"] + toolFolders.map { $0 + "/python3" }
        var said = "there is no python3"
        for path in candidates where FileManager.default.isExecutableFile(atPath: path) {
            // Of an environment the folder above `bin`, and where its interpreter really is.
            let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            let roots = [path, real].map(\.parentFolder.parentFolder).filter { $0 != "/usr" && $0 != "/" }
            var tests = PythonTests(path: path, readable: roots + packages, packages: packages, versions: [])
            let folder = scratch + "/hello-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }  // all of the scratch folder goes in the end
            do {
                let answer = try await tests.ask(["task": "hello"], in: folder, seconds: 30)
                tests.versions = answer["versions"]?.array?.compactMap(\.string) ?? []
                return .tests(tests)
            } catch let failure as Failure { said = failure.because }
        }
        return .missing("pytest and coverage cannot be run: \(said)")
    }

    // MARK: Asking

    /// Runs the compiled-in program on a copy of the repository.
    /// - Throws: `internal` with what it said when it did not come to its end; `CancellationError`.
    func ask(_ job: JSONValue, in folder: String, seconds: Int) async throws -> JSONValue {
        let own = folder + "/.stoker-\(UUID().uuidString.prefix(8))"
        let (program, jobFile, result) = (own + "/probe.py", own + "/job.json", own + "/result.json")
        func failed(_ because: String) -> Failure {
            Failure(.internal, doing: "run the tests", because: because, retry: .soon)
        }
        do {
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: false)
            try Data(WorkerAsset.probe.bytes).write(to: URL(fileURLWithPath: program))
            try Data(job.text.utf8).write(to: URL(fileURLWithPath: jobFile))
        } catch { throw failed("the scratch folder cannot be written: \(error.localizedDescription)") }
        defer { try? FileManager.default.removeItem(atPath: own) }  // all of the scratch folder goes in the end
        let roots = ["src", "lib", "."].map { $0 == "." ? folder : "\(folder)/\($0)" }
        let ended = try await Jail(folder: folder, readable: readable, seconds: seconds).run(
            path, ["-B", program, jobFile, result],
            environment: [
                "PYTHONPATH": (roots + packages).joined(separator: ":"), "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "1",
            ])
        if ended.isOverTime { throw failed("it took longer than \(Duration.seconds(seconds).text)") }
        guard let bytes = Self.plainFile(result, atMost: 64 << 20),
            let answer = try? JSONValue(reading: String(decoding: bytes, as: UTF8.self))
        else {
            let last = ended.output.split(whereSeparator: \.isNewline).last ?? "nothing"
            throw failed("it ended with \(ended.status) and said \(Redaction.quote(last, limit: 200))")
        }
        return answer
    }

    /// A file that code of a repository may have replaced: no link is followed.
    private static func plainFile(_ path: String, atMost most: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return nil }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        guard let data = try? handle.read(upToCount: most + 1), data.count <= most else { return nil }
        return Array(data)
    }
}

/// What a run of the tests showed. Written down as JSON between two looks.
struct TestRun: Codable, Sendable, Equatable {
    struct Test: Codable, Sendable, Equatable {
        var id: String
        var outcome: String
        var seconds: Double
    }
    struct File: Codable, Sendable, Equatable {
        var statements: [Int]
        /// Tests that run a line, by their index, the quickest first.
        var lines: [String: [Int]]
    }
    var tests: [Test]
    var files: [String: File]
    var seconds: Double
    /// Why files of tests could not be read.
    var errors: [String]

    var passed: Int { tests.count { $0.outcome == "passed" } }
    var failed: Int { tests.count { $0.outcome == "failed" } }

    init(tests: [Test], files: [String: File], seconds: Double, errors: [String]) {
        self.tests = tests
        self.files = files
        self.seconds = seconds
        self.errors = errors
    }

    init(_ json: JSONValue) {
        tests = (json["tests"]?.array ?? []).prefix(100_000).compactMap { test in
            guard let id = test["id"]?.string, let outcome = test["outcome"]?.string else { return nil }
            return Test(id: id, outcome: outcome, seconds: test["seconds"]?.double ?? 0)
        }
        files = [:]
        for member in json["files"]?.members ?? [] {
            guard let statements = member.value["statements"]?.array else { continue }
            var lines: [String: [Int]] = [:]
            for line in member.value["lines"]?.members ?? [] {
                lines[line.name] = line.value.array?.compactMap(\.integer) ?? []
            }
            files[member.name] = File(statements: statements.compactMap(\.integer), lines: lines)
        }
        seconds = json["seconds"]?.double ?? 0
        errors = (json["errors"]?.array ?? []).compactMap(\.string).map { Redaction.quote($0, limit: 200) }
    }

    /// Statements of these lines that no test runs. nil when the file was not measured.
    func unrun(in file: String, _ range: ClosedRange<Int>, without inner: [ClosedRange<Int>]) -> (
        all: [Int], unrun: [Int]
    )? {
        guard let measured = files[file] else { return nil }
        let all = measured.statements.filter { line in
            range.contains(line) && line != range.lowerBound && !inner.contains { $0.contains(line) }
        }
        return (all, all.filter { measured.lines["\($0)"] == nil })
    }
}

/// A Python function with the changes of its lines that can be tried.
struct PythonFunction: Sendable, Equatable {
    struct Mutant: Sendable, Equatable {
        var line: Int
        var old: String
        var new: String
        /// `== became !=`
        var what: String
    }
    var file: String
    /// `Parser.next`
    var name: String
    var lines: ClosedRange<Int>
    /// Ways through it.
    var paths: Int
    var inner: [ClosedRange<Int>]
    var mutants: [Mutant]

    static func read(_ json: JSONValue, file: String) -> [PythonFunction] {
        (json.array ?? []).compactMap { one in
            guard let name = one["name"]?.string, let first = one["first"]?.integer, let last = one["last"]?.integer,
                first >= 1, last >= first
            else { return nil }
            return PythonFunction(
                file: file, name: name, lines: first...last, paths: one["paths"]?.integer ?? 1,
                inner: (one["inner"]?.array ?? []).compactMap { pair in
                    guard let pair = pair.array, pair.count == 2, let from = pair[0].integer, let to = pair[1].integer,
                        to >= from
                    else { return nil }
                    return from...to
                },
                mutants: (one["mutants"]?.array ?? []).compactMap { mutant in
                    guard let line = mutant["line"]?.integer, let old = mutant["old"]?.string,
                        let new = mutant["new"]?.string, let what = mutant["what"]?.string
                    else { return nil }
                    return Mutant(line: line, old: old, new: new, what: what)
                })
        }
    }
}
