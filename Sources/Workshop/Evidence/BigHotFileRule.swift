import StokerCore

extension EvidenceRule {
    /// Very long files that are worked on all the time, with where they could be cut.
    static let bigHotFile = EvidenceRule(id: "big_hot_file") { context in
        guard let history = context.history else {
            return .blind("Big hot files need the past, and the clone is shallow.")
        }
        let now = context.head.time
        let big = context.view.sources.filter { $0.lineCount > 1_500 && history.commits(of: $0.path).count >= 10 }
            .sorted { (history.heat(of: $0.path, at: now), $1.path) > (history.heat(of: $1.path, at: now), $0.path) }
        var result = RuleResult()
        for file in big.prefix(5) {
            let since = (now - History.span).milliseconds / 1_000
            let said = try await context.mirror.run(
                [
                    "log", "-p", "-U0", "--no-merges", "--since-as-filter=@\(since)", "--format=%x01%H",
                    "--max-count=400",
                    context.head.commit, "--", file.path,
                ], doing: "read the changes of \(file.path)")
            let clusters = ChangeClusters.of(said, isWanted: Set(history.commits(of: file.path).map(\.hash)).contains)
            // Where to cut is known only when two groups of functions are.
            guard clusters.count(where: { $0.functions.count >= 2 }) >= 2 else { continue }
            let commits = history.commits(of: file.path).count
            result.seen.append(
                FindingCandidate(
                    file: file.path, lines: 1...min(12, file.lineCount), symbol: "big_hot_file",
                    title: "\(file.path) has \(file.lineCount) lines and changed in \(commits) commits in three years",
                    why:
                        "Whoever changes it has to find the place among \(file.lineCount) lines, and two changes meet often. These groups of functions change together and could be files of their own.",
                    evidence: clusters.prefix(5).map {
                        "Together in \($0.commits.counted("commit")): \($0.functions.prefix(8).joined(separator: ", "))"
                    }, command: "git log -p -U0 --no-merges --since=3.years -- \(Quote.shell(file.path))",
                    severity: .medium, weight: history.heat(of: file.path, at: now) / 10))
        }
        return result
    }
}

/// Functions that change in the same commits.
struct ChangeClusters {
    var functions: [String]
    /// That touched at least two of them, or the one.
    var commits: Int

    /// - Parameter text: `git log -p -U0 --format=%x01%H` of one file.
    static func of(_ text: String, isWanted: (String) -> Bool) -> [ChangeClusters] {
        var touched: [Set<String>] = []
        for part in text.split(separator: "\u{1}") {
            guard let end = part.firstIndex(of: "\n") else { continue }
            guard isWanted(String(part[..<end])) else { continue }
            var names: Set<String> = []
            for line in part[end...].split(separator: "\n") where line.hasPrefix("@@") {
                guard let close = line.dropFirst(2).firstRange(of: "@@ ") else { continue }
                let name = Self.name(line[close.upperBound...])
                if !name.isEmpty { names.insert(name) }
            }
            // One that touches a dozen functions ties nothing together.
            if (1...12).contains(names.count) { touched.append(names) }
        }
        var pairs: [String: Int] = [:]
        var count: [String: Int] = [:]
        for names in touched {
            let sorted = names.sorted()
            for (index, one) in sorted.enumerated() {
                count[one, default: 0] += 1
                for other in sorted[(index + 1)...] { pairs[one + "\u{0}" + other, default: 0] += 1 }
            }
        }
        // Strongest ties first; a cluster grows to eight.
        var cluster: [String: Int] = [:]
        var members: [[String]] = []
        for (pair, weight) in pairs.sorted(by: { ($0.value, $1.key) > ($1.value, $0.key) }) where weight >= 2 {
            let two = pair.split(separator: "\u{0}").map(String.init)
            switch (cluster[two[0]], cluster[two[1]]) {
            case (nil, nil):
                cluster[two[0]] = members.count
                cluster[two[1]] = members.count
                members.append(two)
            case (let known?, nil) where members[known].count < 8:
                cluster[two[1]] = known
                members[known].append(two[1])
            case (nil, let known?) where members[known].count < 8:
                cluster[two[0]] = known
                members[known].append(two[0])
            default: break
            }
        }
        // Those that change often and alone are a cluster each.
        for (name, times) in count.sorted(by: { ($0.value, $1.key) > ($1.value, $0.key) })
        where cluster[name] == nil && times >= 3 {
            cluster[name] = members.count
            members.append([name])
        }
        return members.map { names in
            let set = Set(names)
            let commits = touched.count { $0.intersection(set).count >= min(2, set.count) }
            return ChangeClusters(functions: names, commits: commits)
        }.sorted { ($0.commits, $1.functions[0]) > ($1.commits, $0.functions[0]) }
    }

    /// What stands where git finds no name of a function.
    private static let notNames: Set<String> = [
        "import", "export", "type", "pub", "const", "static", "class", "struct", "enum", "impl", "trait", "mod", "fmt",
        "interface", "function", "func", "default", "tests", "test", "extension", "namespace", "return", "async",
    ]

    /// `def next(self):` is `next`.
    private static func name(_ text: Substring) -> String {
        let head = text.prefix { $0 != "(" && $0 != "{" && $0 != ":" && $0 != "=" }
        let words = head.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == "$") }
        guard let last = words.last, last.first?.isLetter == true || last.first == "_", last.count >= 3,
            !notNames.contains(String(last))
        else { return "" }
        return String(last.prefix(60))
    }
}
