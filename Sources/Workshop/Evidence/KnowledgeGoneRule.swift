import StokerCore

extension EvidenceRule {
    /// Files that are still worked on and whose authors are gone.
    static let knowledgeGone = EvidenceRule(id: "knowledge_gone") { context in
        guard let history = context.history else { return .blind("Owners need the past, and the clone is shallow.") }
        let now = context.head.time
        let hottest = context.view.sources.filter { history.commits(of: $0.path).count >= 12 }
            .sorted { (history.heat(of: $0.path, at: now), $1.path) > (history.heat(of: $1.path, at: now), $0.path) }
            .prefix(8)
        var result = RuleResult()
        var found: [(file: SourceFile, share: Double, block: ClosedRange<Int>, authors: [String])] = []
        for file in hottest {
            let said = try await context.mirror.run(
                ["blame", "-w", "-M", "--line-porcelain", context.head.commit, "--", file.path],
                doing: "see who wrote \(file.path)")
            let owners = BlameLine.parse(said)
            let silent = owners.map { isSilent($0, history, now) }
            let counted = zip(owners, silent).filter { !$0.0.isBlank && !History.isBot($0.0.author) }
            // Of a small file everybody knows everything.
            guard counted.count >= 100 else { continue }
            let gone = counted.filter(\.1)
            let share = Double(gone.count) / Double(counted.count)
            guard share >= 0.6, let block = longest(silent) else { continue }
            let names = Dictionary(grouping: gone, by: { $0.0.name }).sorted {
                ($0.value.count, $1.key) > ($1.value.count, $0.key)
            }
            found.append((file, share, block, names.prefix(3).map { "\($0.key) (\($0.value.count) lines)" }))
        }
        guard let worst = found.max(by: { $0.share < $1.share }) else { return result }
        let some = found.sorted { ($0.share, $1.file.path) > ($1.share, $0.file.path) }
        result.seen = [
            FindingCandidate(
                file: worst.file.path,
                lines: worst.block.lowerBound...min(worst.block.upperBound, worst.block.lowerBound + 11),
                symbol: "knowledge_gone",
                title:
                    "Most of \(some.count == 1 ? worst.file.path : "\(some.count) busy files") was written by people who have been silent for over a year",
                why:
                    "The files change often, and nobody who wrote them answers questions any more. Somebody should read them now, with notes and tests, before the next fault does it.",
                evidence: some.map {
                    "\($0.file.path): \(Formatting.share($0.share)) of its lines, by \($0.authors.joined(separator: ", ")); \(history.commits(of: $0.file.path).count) commits in three years"
                }, command: "git blame -w -M --line-porcelain \(Quote.shell(worst.file.path))", severity: .medium,
                isOfRepository: true)
        ]
        return result
    }

    private static func isSilent(_ line: BlameLine, _ history: History, _ now: Instant) -> Bool {
        guard !line.isBlank, !History.isBot(line.author) else { return false }
        guard let last = history.lastSeen[line.author] else { return true }
        return now - last > .seconds(400 * 86_400)
    }

    /// The longest run of lines that are so.
    private static func longest(_ lines: [Bool]) -> ClosedRange<Int>? {
        var best: ClosedRange<Int>?
        var start: Int?
        for (index, isSo) in (lines + [false]).enumerated() {
            if isSo {
                start = start ?? index
            } else if let begun = start {
                if index - begun > (best?.count ?? 0) { best = (begun + 1)...index }
                start = nil
            }
        }
        return best
    }
}

/// A line of `git blame --line-porcelain`.
struct BlameLine: Sendable, Equatable {
    /// Mail address, as the mailmap has it.
    var author: String
    var name: String
    var time: Instant
    var isBlank: Bool

    static func parse(_ text: String) -> [BlameLine] {
        var lines: [BlameLine] = []
        var (author, name, seconds) = ("", "", Int64(0))
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("\t") {
                lines.append(
                    BlameLine(
                        author: author, name: name, time: Instant(milliseconds: seconds * 1_000),
                        isBlank: line.allSatisfy(\.isWhitespace)))
            } else if line.hasPrefix("author-mail ") {
                author = line.dropFirst(12).trimmingPrefix("<").prefix { $0 != ">" }.description
            } else if line.hasPrefix("author-time ") {
                seconds = Int64(line.dropFirst(12)) ?? 0
            } else if line.hasPrefix("author ") {
                name = String(line.dropFirst(7))
            }
        }
        return lines
    }
}
