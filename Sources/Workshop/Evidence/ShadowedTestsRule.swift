import StokerCore

extension EvidenceRule {
    /// Two definitions of one name in one block of Python: the first is gone before anybody can use it.
    static let shadowedTests = EvidenceRule(id: "shadowed_tests") {
        context in
        var result = RuleResult()
        for file in context.view.files where file.language == .python && file.role != .foreign {
            try Task.checkCancellation()
            // Input of tests is written to be odd.
            guard !TestInput.isOne(file.path) else { continue }
            let pairs = PythonBlocks.shadowed(in: file).filter { $0.isTest || file.role != .test }
            guard let first = pairs.first else { continue }
            let tests = pairs.count { $0.isTest }
            result.seen.append(
                FindingCandidate(
                    file: file.path, lines: first.line...first.line,
                    symbol: pairs.map(\.name).sorted().joined(separator: " "),
                    title: tests > 0
                        ? "\(tests.counted("test")) of \(file.path) never \(tests == 1 ? "runs" : "run"): \(first.name) is defined again below"
                        : "\(first.name) of \(file.path) is defined again before anything uses it",
                    why:
                        "Python keeps the last definition of a name in a block. Rename one of the two, or delete the first if the second replaces it.",
                    evidence: FindingCandidate.evidence(
                        pairs.map { "\(file.path):\($0.line) \($0.name), again in line \($0.again)" }),
                    command:
                        "grep -nE '(def|class) \(first.name.split(separator: ".").last ?? "")\\b' \(Quote.shell(file.path))",
                    severity: tests > 0 ? .medium : .low))
        }
        return result
    }
}

/// Files that are given to tests and are no tests themselves.
enum TestInput {
    private static let folders: Set<Substring> = [
        "data", "testdata", "test_data", "test-data", "fixtures", "fixture", "cases", "samples", "snapshots",
        "resources", "corpus",
        "golden", "inputs",
    ]
    static func isOne(_ path: String) -> Bool {
        path.lowercased().split(separator: "/").contains { folders.contains($0) }
    }
}

/// Blocks of Python by their indentation.
enum PythonBlocks {
    struct Shadowed: Sendable, Equatable {
        /// With the classes that it is in.
        var name: String
        /// From 1.
        var line: Int
        var again: Int
        var isTest: Bool
    }

    private struct Block {
        var depth: Int
        /// nil for functions, whose names are their own affair, and for what runs on a condition.
        var scope: String?
        var seen: [String: (line: Int, isPlain: Bool)] = [:]
    }

    /// Decorators that leave the name as the only way to the function.
    private static let plain = [
        "@pytest.mark.", "@mock.patch", "@patch", "@unittest.", "@staticmethod", "@classmethod", "@override_settings",
        "@skip", "@mark.", "@parameterized", "@freeze_time",
    ]

    static func shadowed(in file: SourceFile) -> [Shadowed] {
        let code = CodeMask.masked(file.text, .python).split(separator: "\n", omittingEmptySubsequences: false)
        let lines = file.lines
        var blocks = [Block(depth: -1, scope: "")]
        var found: [Shadowed] = []
        var decorators: [Substring] = []
        var open = 0
        for (number, line) in code.enumerated() {
            let body = line.trimmingPrefix { $0 == " " || $0 == "\t" }
            guard !body.isEmpty, body.contains(where: { !$0.isWhitespace }) else { continue }
            let isContinued = open > 0
            open = max(0, open + line.reduce(0) { $0 + ("([{".contains($1) ? 1 : ")]}".contains($1) ? -1 : 0) })
            if isContinued { continue }
            let depth = line.count - body.count
            while let last = blocks.last, last.depth >= depth, blocks.count > 1 { blocks.removeLast() }
            if body.hasPrefix("@") {
                decorators.append(body)
                continue
            }
            defer { decorators = [] }
            let isClass = body.hasPrefix("class ")
            let isFunction = body.hasPrefix("def ") || body.hasPrefix("async def ")
            guard isClass || isFunction else {
                // What is in it is there on a condition.
                let last = body.last { !$0.isWhitespace }
                if last == ":" || open > 0 { blocks.append(Block(depth: depth, scope: nil)) }
                continue
            }
            let start = body.dropFirst(isClass ? 6 : body.hasPrefix("def ") ? 4 : 10)
            let name = String(start.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
            let isPlain = decorators.allSatisfy { decorator in plain.contains { decorator.hasPrefix($0) } }
            let scope = blocks[blocks.count - 1].scope
            if let scope, !name.isEmpty, name != "_" {
                if let old = blocks[blocks.count - 1].seen[name], old.isPlain, isPlain,
                    !isUsed(name, in: code[old.line..<number]), !isMeant(lines, old.line, number)
                {
                    let isTest = isFunction ? name.hasPrefix("test") : name.hasPrefix("Test") || name.hasSuffix("Test")
                    found.append(
                        Shadowed(
                            name: scope + name, line: old.line, again: number + 1, isTest: isTest && file.role == .test)
                    )
                }
                blocks[blocks.count - 1].seen[name] = (number + 1, isPlain)
            }
            blocks.append(Block(depth: depth, scope: isClass ? scope.map { $0 + name + "." } : nil))
        }
        return found
    }

    /// Somebody says that it is on purpose.
    private static func isMeant(_ lines: [Substring], _ first: Int, _ again: Int) -> Bool {
        [first - 1, again].contains {
            lines.indices.contains($0)
                && (lines[$0].contains("noqa") || lines[$0].contains("type: ignore")
                    || lines[$0].contains("pylint: disable"))
        }
    }

    /// Another function of the name in another block is no use of this one.
    private static func isUsed(_ name: String, in code: ArraySlice<Substring>) -> Bool {
        code.contains { line in
            guard line.contains(name) else { return false }
            let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            return zip([""] + words, words).contains { before, word in
                word == name && before != "def" && before != "class"
            }
        }
    }
}
