import StokerCore

extension EvidenceRule {
    /// Complex functions that had to be mended again and again.
    static let hotFunction = EvidenceRule(id: "hot_function", precision: 0.81, measured: "46 of 57") {
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
        for file in files {
            let complex = (byFile[file.path] ?? []).filter { $0.complexity >= 8 }.sorted {
                ($0.complexity, $1.lines.lowerBound) > ($1.complexity, $0.lines.lowerBound)
            }
            guard !complex.isEmpty else { continue }
            var seen: [Sighting] = []
            let names = await context.tools.scopedNames(of: file.path, in: folder)
            for function in complex.prefix(5) {
                if let one = try await sighting(of: function, named: names[function.lines.lowerBound], history, context)
                {
                    seen.append(one)
                }
            }
            // Of functions inside each other the innermost is meant.
            result.seen += seen.filter { one in
                !seen.contains {
                    $0.lines != one.lines && one.lines.contains($0.lines.lowerBound)
                        && one.lines.contains($0.lines.upperBound)
                }
            }
        }
        return result
    }

    private static func sighting(
        of function: MeasuredFunction, named scoped: String?, _ history: History, _ context: EvidenceContext
    ) async throws -> Sighting? {
        let (first, last) = (function.lines.lowerBound, function.lines.upperBound)
        guard let file = context.view.file(function.file) else { return nil }
        let lines = file.lines
        guard last <= lines.count else { return nil }
        if NoteOfDismissal.isIn(lines[(first - 1)..<min(first + 1, lines.count)]) { return nil }
        let since = (context.head.time - .seconds(3 * 365.25 * 86_400)).milliseconds / 1_000
        let said = try await context.mirror.run(
            [
                "log", "-s", "--no-merges", "--since-as-filter=@\(since)", "--format=%H%x02%ct%x02%aE%x02%s",
                "-L", "\(first),\(last):\(function.file)", context.head.commit,
            ], doing: "read the history of \(function.name)")
        let known = Dictionary(history.commits.map { ($0.hash, $0) }) { $1 }
        let fixes = said.split(separator: "\n").compactMap { line -> History.Commit? in
            known[String(line.prefix(40))].flatMap { $0.isFix ? $0 : nil }
        }
        guard fixes.count >= 2 else { return nil }
        let recent = fixes.filter { context.head.time - $0.time < .seconds(365 * 86_400) }.count
        let name = scoped ?? function.name
        let weight = fixes.reduce(0) { $0 + 1 / (1 + max(0, (context.head.time - $1.time) / .seconds(365 * 86_400))) }
        return Sighting(
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
    }
}

/// What people write beside lines that they have looked at.
enum NoteOfDismissal {
    private static let marks = ["noqa", "nosec", "nolint", "NOSONAR", "eslint-disable", "swiftlint:disable"]
    static func isIn(_ lines: some Sequence<Substring>) -> Bool {
        lines.contains { line in marks.contains { line.contains($0) } }
    }
}
