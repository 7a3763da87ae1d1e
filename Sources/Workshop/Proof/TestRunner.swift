import Foundation
import Runtime
import StokerCore

/// The runner of tests that comes with a language, in the jail: it needs no package.
enum TestRunner: Sendable {
    case python(JailedPython)
    case node(JailedNode)

    /// What a new test of a language looks like.
    struct Manner: Sendable {
        /// As a question to a model has it.
        var words: String
        /// Stands in every such test.
        var mark: String
        var folder: [String]
        func name(_ symbol: String, _ id: String) -> String { prefix + "\(symbol)_\(id)" + suffix }
        var prefix: String
        var suffix: String
    }

    /// nil for languages whose tests are not tried.
    static func manner(of language: SourceLanguage?) -> Manner? {
        switch language {
        case .python:
            Manner(
                words: "a whole new Python file with unittest", mark: "unittest", folder: ["tests", "test"],
                prefix: "test_", suffix: ".py")
        case .javascript:
            Manner(
                words:
                    "a whole new file of JavaScript, an ES module with node:test and node:assert, which imports what it tries by a relative path",
                mark: "node:test", folder: ["test", "tests", "__tests__"], prefix: "", suffix: ".test.mjs")
        default: nil
        }
    }

    /// - Parameter check: the file that it is to run.
    static func find(for check: String) -> TestRunner? {
        switch SourceLanguage(path: check) {
        case .javascript: JailedNode.find().map { TestRunner.node($0) }
        default: JailedPython.find().map { TestRunner.python($0) }
        }
    }

    /// - Parameter what: a file of tests; empty: all that the runner finds.
    func tests(_ what: [String], in folder: String) async throws -> JailedPython.Tests {
        switch self {
        case .python(let python): try await python.tests(what, in: folder)
        case .node(let node): try await node.tests(what, in: folder)
        }
    }
}

/// Node's own test runner, which came with version 20.
struct JailedNode: Sendable {
    var path: String
    /// Where it lies, when not with the system's programs.
    var readable: [String]

    static func find() -> JailedNode? {
        guard let found = Program.find("node") else { return nil }
        let real = URL(fileURLWithPath: found).resolvingSymlinksInPath().path
        let root = real.parentFolder.parentFolder
        return JailedNode(path: real, readable: root == "/usr" || root == "/" ? [] : [root])
    }

    func tests(_ what: [String], in folder: String) async throws -> JailedPython.Tests {
        var jail = Jail(folder: folder, readable: readable, seconds: 120)
        // Its heap is reserved at once, and each file of tests has a process of its own.
        jail.memory = 4 << 30
        let ended = try await jail.run(
            path, ["--test", "--test-reporter=tap"] + what, environment: ["NODE_OPTIONS": "--max-old-space-size=512"])
        return Self.read(ended)
    }

    /// TAP, version 13: `ok 1 - adds`, deeper ones indented, and `# tests 3` at the end.
    static func read(_ ended: Jail.Ended) -> JailedPython.Tests {
        var tests = JailedPython.Tests()
        tests.isOverTime = ended.isOverTime
        tests.tail = String(decoding: ended.output.utf8.suffix(2_000), as: UTF8.self)
        // Names of the tests around the one that is read, by their depth.
        var around: [String] = []
        for line in ended.output.split(separator: "\n") {
            let text = line.drop { $0 == " " }
            let depth = (line.count - text.count) / 4
            if text.hasPrefix("# Subtest: ") {
                around = Array(around.prefix(depth)) + [String(text.dropFirst(11))]
            } else if text.hasPrefix("ok "), let dash = text.firstRange(of: " - ") {
                let name = text[dash.upperBound...]
                guard !name.contains(" # SKIP"), !name.contains(" # TODO") else { continue }
                tests.passed.insert((around.prefix(depth) + [String(name)]).joined(separator: " > "))
            } else if depth == 0, text.hasPrefix("# tests "), let count = Int(text.dropFirst(8)) {
                tests.count = count
            }
        }
        tests.isGreen = ended.status == 0 && tests.count > 0 && !ended.isOverTime
        return tests
    }
}
