import StokerCore

/// Rules whose findings a command has just proven: the tests were run. They look at Python so far.
extension EvidenceRule {
    /// Statements of busy, branching functions that no test runs.
    static let unrunLines = EvidenceRule(
        id: "unrun_lines", depth: .coverage
    ) { _ in .blind("The tests were not run.") }

    /// Changes of a line that no test notices although some run it.
    static let survivingMutants = EvidenceRule(
        id: "surviving_mutants", depth: .mutants
    ) { _ in .blind("The tests were not run.") }
}

/// What a run of the tests says of functions: a value.
struct CoverageJudgement: Sendable {
    var context: EvidenceContext
    var run: TestRun

    /// Why nothing follows from lines that no test ran; nil when something does.
    var obstacle: String? {
        if run.tests.isEmpty { return "No test was found\(run.errors.first.map { ": \($0)" } ?? "")." }
        if let error = run.errors.first {
            return "Files of tests cannot be read here, so nothing follows from what the others do not run: \(error)"
        }
        guard run.passed > 0 else { return "No test passes here: all \(run.failed) fail." }
        guard run.failed * 20 <= run.tests.count else {
            return
                "\(run.failed) of \(run.tests.count) tests fail here, so nothing follows from what the others do not run."
        }
        return nil
    }

    /// Functions of the busiest files that have several ways through them, the hottest first.
    /// - Parameter isWanted: of those for which it says no, others take the place.
    static func hottest(
        _ functions: [PythonFunction], _ context: EvidenceContext, most: Int,
        where isWanted: (PythonFunction) -> Bool
    ) -> [PythonFunction] {
        let now = context.head.time
        func heat(_ one: PythonFunction) -> Double {
            // Where another tool saw something one looks first.
            let isLed = context.leads[one.file]?.contains(where: one.lines.contains) ?? false
            return (1 + (context.history?.heat(of: one.file, at: now) ?? 0)) * Double(one.paths) * (isLed ? 10 : 1)
        }
        var seen: Set<String> = []
        return Array(
            functions.filter { $0.paths >= 3 && $0.lines.count >= 4 && $0.lines.count <= 400 && isWanted($0) }
                .map { (function: $0, heat: heat($0)) }.sorted {
                    ($0.heat, $1.function.file, $1.function.lines.lowerBound) > (
                        $1.heat, $0.function.file, $0.function.lines.lowerBound
                    )
                }.map(\.function).filter { seen.insert("\($0.file)\n\($0.name)").inserted }.prefix(most))
    }

    private func fixes(of file: String, days: Int) -> Int {
        context.history?.commits(of: file).count {
            $0.isFix && context.head.time - $0.time <= .seconds(Int64(days) * 86_400)
        } ?? 0
    }
    private func weight(of file: String) -> Double {
        max(1, (context.history?.heat(of: file, at: context.head.time) ?? 0) / 5)
    }

    /// Of functions whose unrun lines are told.
    static let leastPaths = 5

    /// Three statements or more of a function with five ways through it, in a file that was mended twice in three years.
    func unrunLines(_ functions: [PythonFunction]) -> [FindingCandidate] {
        functions.compactMap { function in
            guard function.paths >= Self.leastPaths, fixes(of: function.file, days: 1_096) >= 2,
                let file = context.view.file(function.file),
                let (all, unrun) = run.unrun(in: function.file, function.lines, without: function.inner),
                unrun.count >= 3, let first = unrun.first
            else { return nil }
            let lines = file.lines
            guard function.lines.upperBound <= lines.count,
                !NoteOfDismissal.isIn(lines[(function.lines.lowerBound - 1)..<function.lines.lowerBound])
            else { return nil }
            // The most statements that follow each other.
            var shown = first...first
            var most = 0
            for (index, start) in unrun.enumerated() {
                var (last, count) = (start, 1)
                for line in unrun[(index + 1)...] where line - last <= 2 && line - start < 12 {
                    (last, count) = (line, count + 1)
                }
                if count > most { (shown, most) = (start...last, count) }
            }
            let isWhole = unrun.count == all.count
            return FindingCandidate(
                file: function.file, lines: shown, symbol: function.name,
                title: isWhole
                    ? "No test runs `\(function.name)`, which has \(function.paths) paths"
                    : "No test runs \(unrun.count) of the \(all.count) statements of `\(function.name)`",
                why:
                    "\(function.file) was mended \(fixes(of: function.file, days: 1_096)) times in three years. Whatever breaks in these lines, every test stays green.",
                evidence: [
                    "\(run.passed.counted("test")) passed in \(Formatting.tenths(run.seconds)) s, \(run.failed) failed",
                    "\(function.file): lines \(Self.ranges(unrun)) were not run",
                ],
                command:
                    "python -m coverage run --include=\(Quote.shell(function.file)) -m pytest -q; python -m coverage report -m",
                severity: fixes(of: function.file, days: 365) >= 2 ? .high : .medium, weight: weight(of: function.file))
        }
    }

    /// `3–5, 9`
    static func ranges(_ lines: [Int]) -> String {
        var parts: [ClosedRange<Int>] = []
        for line in lines {
            if let last = parts.last, line == last.upperBound + 1 {
                parts[parts.count - 1] = last.lowerBound...line
            } else {
                parts.append(line...line)
            }
        }
        let said = parts.prefix(12).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
        return said.joined(separator: ", ") + (parts.count > 12 ? " and others" : "")
    }

    /// The changes of a function that can be judged: some test runs the line, and all that run it pass.
    func trials(of function: PythonFunction, most: Int = 25) -> [MutantTrial] {
        guard let measured = run.files[function.file] else { return [] }
        let all = function.mutants.compactMap { mutant -> MutantTrial? in
            guard let tests = measured.lines["\(mutant.line)"], !tests.isEmpty,
                tests.allSatisfy({ run.tests.indices.contains($0) && run.tests[$0].outcome == "passed" })
            else { return nil }
            return MutantTrial(mutant: mutant, tests: tests.map { run.tests[$0].id })
        }
        // Spread over the function when there are too many.
        guard all.count > most else { return all }
        return (0..<most).map { all[$0 * all.count / most] }
    }

    /// - Parameters:
    ///   - survivors: changes that no test noticed, in two copies.
    ///   - tried: changes that were tried in all.
    func survivors(_ survivors: [MutantTrial], of function: PythonFunction, tried: Int) -> FindingCandidate? {
        guard survivors.count >= 2 || (survivors.count == tried && tried >= 1), let first = survivors.first else {
            return nil
        }
        let line = first.mutant.line
        return FindingCandidate(
            file: function.file, lines: line...line, symbol: function.name,
            title: survivors.count == tried
                ? "No test notices any of \(tried.counted("changed line")) of `\(function.name)`"
                : "No test notices \(survivors.count) of \(tried) changed lines of `\(function.name)`",
            why:
                "Tests run these lines and check nothing that depends on them: with each change below all of them stay green. A test that fails with one of them is a test that was missing.",
            evidence: survivors.prefix(10).map { trial in
                "\(function.file):\(trial.mutant.line): \(trial.mutant.what); `\(Redaction.quote(trial.mutant.new.trimmingPrefix { $0.isWhitespace }, limit: 120))` passes \(trial.tests.count.counted("test"))"
            },
            command:
                "sed -i \(Quote.shell("\(line)c\\" + first.mutant.new.replacing("\\", with: "\\\\"))) \(Quote.shell(function.file)) && python -m pytest -q \(first.tests.prefix(3).map { Quote.shell($0) }.joined(separator: " "))",
            severity: fixes(of: function.file, days: 365) >= 2 ? .high : .medium, weight: weight(of: function.file))
    }
}

/// A changed line and the tests that run it.
struct MutantTrial: Sendable, Equatable {
    var mutant: PythonFunction.Mutant
    var tests: [String]

    var json: JSONValue {
        [
            "line": .integer(Int64(mutant.line)), "old": .string(mutant.old), "new": .string(mutant.new),
            "tests": .array(tests.map { .string($0) }),
        ]
    }
}
