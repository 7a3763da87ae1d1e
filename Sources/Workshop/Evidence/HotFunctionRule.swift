import StokerCore

extension EvidenceRule {
    /// Complex functions that had to be mended again and again.
    static let hotFunction = EvidenceRule(id: "hot_function") {
        context in
        guard let history = context.history else {
            return .blind("Hot functions need the past, and the clone is shallow.")
        }
        guard let lizard = context.tools.tool(.lizard) else {
            return .blind("Functions were not measured: \(context.tools.reason(.lizard)).")
        }
        let now = context.head.time
        let worked = context.view.sources.filter { $0.language?.hasComplexity == true && !$0.path.hasSuffix(".d.ts") }
            .map { (file: $0, heat: history.heat(of: $0.path, at: now)) }
            .filter { history.commits(of: $0.file.path).count >= 2 }
            .sorted { ($0.heat, $1.file.path) > ($1.heat, $0.file.path) }.prefix(60)
        guard !worked.isEmpty else { return RuleResult(tools: [lizard.version]) }
        let folder = context.scratch + "/functions"
        try await RepositoryView.write(worked.map(\.file), to: folder)
        let measured = try await context.tools.measure(worked.map(\.file.path), in: folder)
        var result = RuleResult(tools: [lizard.version])
        result.notLookedAt = measured.failed.sorted().map { "lizard cannot read \($0)." }
        result.isBlind = measured.failed.count == worked.count
        let byFile = Dictionary(grouping: measured.functions, by: \.file)
        // Rank by work times rank by complexity: neither alone.
        let total = byFile.mapValues { $0.reduce(0) { $0 + $1.complexity } }
        let byTotal = total.keys.sorted { (total[$0] ?? 0, $1) > (total[$1] ?? 0, $0) }
        let places = Dictionary(uniqueKeysWithValues: byTotal.enumerated().map { ($1, $0 + 1) })
        let files = worked.enumerated().compactMap { index, one in
            places[one.file.path].map { (path: one.file.path, rank: (index + 1) * $0) }
        }.sorted { ($0.rank, $0.path) < ($1.rank, $1.path) }.prefix(12)
        var all: [Mended] = []
        for file in files {
            let complex = (byFile[file.path] ?? []).filter { $0.complexity >= 8 }.sorted {
                ($0.complexity, $1.lines.lowerBound) > ($1.complexity, $0.lines.lowerBound)
            }
            guard !complex.isEmpty else { continue }
            var seen: [Mended] = []
            let names = await context.tools.scopedNames(of: file.path, in: folder)
            for function in complex.prefix(5) {
                if let one = try await mended(function, named: names[function.lines.lowerBound], history, context) {
                    seen.append(one)
                }
            }
            // Of functions inside each other the innermost is meant.
            all += seen.filter { one in
                !seen.contains {
                    $0.lines != one.lines && $0.lines.overlaps(one.lines) && $0.lines.count < one.lines.count
                }
            }
        }
        result.seen = told(all).map(\.sighting)
        return result
    }

    /// A function and the fixes that mended it.
    private struct Mended {
        var sighting: FindingCandidate
        /// Its own, all of them.
        var lines: ClosedRange<Int>
        var fixes: Set<String>
    }

    /// One for each trouble: what the same fixes mended is told once, at the place that was mended most.
    private static func told(_ all: [Mended]) -> [Mended] {
        var kept: [Mended] = []
        for one in all.enumerated().sorted(by: {
            ($0.element.fixes.count, $1.offset) > ($1.element.fixes.count, $0.offset)
        }).map(\.element) where !kept.contains(where: { one.fixes.isSubset(of: $0.fixes) }) {
            kept.append(one)
        }
        return kept
    }

    private static func mended(
        _ function: MeasuredFunction, named scoped: String?, _ history: History, _ context: EvidenceContext
    ) async throws -> Mended? {
        let (first, last) = (function.lines.lowerBound, function.lines.upperBound)
        let name = scoped ?? function.name
        guard let file = context.view.file(function.file), let language = file.language,
            !Constructor.isOne(name, language), !Constructor.isOne(function.name, language)
        else { return nil }
        let lines = file.lines
        guard last <= lines.count else { return nil }
        if NoteOfDismissal.isIn(lines[(first - 1)..<min(first + 1, lines.count)]) { return nil }
        let since = (context.head.time - .seconds(3 * 365.25 * 86_400)).milliseconds / 1_000
        let said = try await context.mirror.run(
            [
                "log", "--no-merges", "--no-color", "--no-ext-diff", "--since-as-filter=@\(since)",
                "--format=%x01%H", "-L", "\(first),\(last):\(function.file)", context.head.commit,
            ], doing: "read the history of \(function.name)")
        let known = Dictionary(history.commits.map { ($0.hash, $0) }) { $1 }
        let changes = FunctionChange.parse(said, language) { known[$0]?.isFix == true }
        let fixes = changes.compactMap { change -> History.Commit? in
            known[change.commit].flatMap { change.mends(of: $0.sourceLines) ? $0 : nil }
        }
        guard fixes.count >= 2 else { return nil }
        let recent = fixes.filter { context.head.time - $0.time < .seconds(365 * 86_400) }.count
        let weight = fixes.reduce(0) { $0 + 1 / (1 + max(0, (context.head.time - $1.time) / .seconds(365 * 86_400))) }
        let sighting = FindingCandidate(
            file: function.file, lines: first...min(last, first + 11), symbol: name,
            title: "`\(name)` was mended \(fixes.count) times in three years and has \(function.complexity) paths",
            why:
                "Each change here has to hold on \(function.complexity) paths, and \(fixes.count) times it did not. Splitting off one case with its own test makes the next change cheaper.",
            evidence: [
                "\(function.file):\(first) to line \(last), cyclomatic complexity \(function.complexity)"
            ]
                + fixes.prefix(8).map {
                    "\($0.hash.prefix(12)) \(Formatting.time($0.time).prefix(10)) \(Redaction.quote($0.subject, limit: 100))"
                },
            command: "git log -s --no-merges --since=3.years -L \(first),\(last):\(Quote.shell(function.file))",
            severity: recent >= 2 ? .high : .medium, weight: weight)
        return Mended(sighting: sighting, lines: function.lines, fixes: Set(fixes.map(\.hash)))
    }
}

/// What people write beside lines that they have looked at.
enum NoteOfDismissal {
    private static let marks = ["noqa", "nosec", "nolint", "NOSONAR", "eslint-disable", "swiftlint:disable"]
    static func isIn(_ lines: some Sequence<Substring>) -> Bool {
        lines.contains { line in marks.contains { line.contains($0) } }
    }
}
