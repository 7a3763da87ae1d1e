import StokerCore

/// A change that follows from a fault without thinking: what it is, why, and the check that shows it.
struct Recipe: Sendable {
    /// What is to be done, for the rows.
    struct Target: Sendable {
        /// The same for the same fault.
        var id: String
        var perspective: String
        var title: String
        var file: String
        var line: Int
        var places: [String]
        var proposal: PatchProposal
        /// What each of the first five stages says: a sentence, and facts for `body`.
        var stages: [(summary: String, facts: JSONValue)]
    }

    /// The six stages, by the names that rows have.
    static let stageNames = [
        "Deep Understanding", "Architectural Analysis", "Approach Evaluation", "Risk Analysis", "Testing Strategy",
        "Implementation Plan",
    ]

    /// Faults at a commit for which there is a recipe, the most important first.
    static func targets(in view: RepositoryView) -> [Target] { declaring(view) }

    // MARK: Declare the transitive dependency

    private static func declaring(_ view: RepositoryView) -> [Target] {
        guard let project = PythonDependencies(view), let entry = project.lastEntry else { return [] }
        let lines = project.manifest.lines
        let last = String(lines[entry])
        // The text that is replaced has to be there once.
        guard project.manifest.text.ranges(of: last).count == 1 else { return [] }
        let margin = last.prefix { $0.isWhitespace }
        let quote = last.contains("\"") ? "\"" : "'"
        let ended = last.trimmedEnd.hasSuffix(",") ? last : last.trimmedEnd + ","
        let folder =
            ["tests", "test"].first { name in view.files.contains { $0.path.hasPrefix(name + "/") } } ?? "tests"
        return project.undeclared(in: view).map { one in
            let check = "\(folder)/test_\(one.module.lowercased())_is_declared.py"
            let proposal = PatchProposal(
                title: "Declare \(one.package)",
                edits: [
                    .init(
                        file: project.manifest.path, find: last,
                        replace: "\(ended)\n\(margin)\(quote)\(one.package)\(quote),")
                ], newFiles: [check: checkText(one)], check: check)
            let count = one.places.count
            return Target(
                id: Finding.fingerprint(
                    rule: "transitive_import", path: project.manifest.path, symbol: one.module, lines: [Substring]()),
                perspective: "dependencies",
                title: "\(one.module) is imported in \(count.counted("file")) and declared nowhere", file: one.file,
                line: one.line, places: one.places, proposal: proposal,
                stages: [
                    (
                        "`import \(one.module)` of \(one.file):\(one.line) works only as long as another package brings \(one.package) along.",
                        [
                            "expected": .string("\(project.manifest.path) declares \(one.package)"),
                            "observed": .string("\(one.package) is not among the declared dependencies"),
                            "places": .array(one.places.prefix(20).map { .string($0) }),
                        ]
                    ),
                    (
                        "\(count.counted("file")) import\(count == 1 ? "s" : "") \(one.module) at module level, so the package cannot be imported without it.",
                        ["dependents": .array(one.places.prefix(20).map { .string($0) })]
                    ),
                    (
                        "Declaring \(one.package) is one line; doing without it means to rewrite \(count.counted("file")).",
                        [
                            "options": [
                                ["what": "declare the dependency", "files": 1, "lines": 1, "chosen": true],
                                ["what": "do without it", "files": .integer(Int64(count)), "chosen": false],
                            ],
                            "why": "It is used on purpose; only the declaration is missing.",
                        ]
                    ),
                    (
                        "Installing may resolve to another version of \(one.package) only where somebody pinned one; nothing else changes.",
                        [
                            "risks": [
                                [
                                    "what": "a version that another package does not like", "seen_by": "the resolver",
                                    "mitigated_by": "no version is named",
                                ]
                            ]
                        ]
                    ),
                    (
                        "A test reads \(project.manifest.path) and fails as long as \(one.package) is not declared.",
                        ["test_file": .string(check), "cases": [.string("\(one.package) is declared")]]
                    ),
                ])
        }
    }

    private static func checkText(_ one: PythonDependencies.Undeclared) -> String {
        """
        import pathlib
        import re
        import unittest


        class DeclaredDependencyTests(unittest.TestCase):
            def test_\(one.module.lowercased())_is_declared(self):
                root = pathlib.Path(__file__).resolve().parent.parent
                text = (root / "pyproject.toml").read_text(encoding="utf-8")
                names = re.findall(r\"\"\"^\\s*["']([A-Za-z0-9._-]+)\"\"\", text, re.MULTILINE)
                declared = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
                self.assertIn("\(one.package)", declared, "\(one.file) imports \(one.module)")

        """
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return String(text)
    }
}
