import StokerCore

/// What was done to a repository in the three years before its newest commit. Merges, bots, sweeping changes and mere reformatting are left
/// out, and paths are those of today.
struct History: Sendable {
    struct Commit: Sendable, Equatable {
        var hash: String
        var time: Instant
        var author: String
        var subject: String
        var isFix: Bool
        /// As they are called at the head.
        var paths: [String]
        /// Lines of source code that it added and removed; tests, documents and the like do not count.
        var sourceLines = 0
    }
    /// Newest first.
    var commits: [Commit]
    /// Of each path of the head, indices into ``commits``.
    var byPath: [String: [Int]]
    /// Last commit of each author (mailmap), bots left out.
    var lastSeen: [String: Instant]

    static let span = Duration.seconds(36 * 30.44 * 86_400)
    /// A commit of more files is a sweep.
    static let sweep = 25

    func commits(of path: String) -> [Commit] { (byPath[path] ?? []).map { commits[$0] } }

    /// How much a file was worked on; one commit a year ago counts half.
    func heat(of path: String, at now: Instant) -> Double {
        commits(of: path).reduce(0) { $0 + Self.weight((now - $1.time) / .seconds(365 * 86_400)) }
    }
    private static func weight(_ years: Double) -> Double { 1 / (1 + max(0, years)) }

    static func read(_ mirror: GitMirror, at head: GitMirror.Head, ignoring ignored: Set<String>) async throws
        -> History
    {
        let since = head.time - span
        let bytes = try await mirror.bytes(
            [
                "log", "--no-merges", "-M", "--numstat", "-z", "--since-as-filter=@\(since.milliseconds / 1_000)",
                "--max-count=20000", "--format=%x01%H%x02%ct%x02%aE%x02%s%x02", "--use-mailmap", head.commit, "--",
            ], doing: "read the history", within: .seconds(300))
        return parse(bytes, ignoring: ignored)
    }

    static func parse(_ bytes: [UInt8], ignoring ignored: Set<String>) -> History {
        var history = History(commits: [], byPath: [:], lastSeen: [:])
        // Old name to that of today: the newest commits come first.
        var today: [String: String] = [:]
        for record in bytes.split(separator: 1) {
            let fields = record.split(separator: 2, maxSplits: 4, omittingEmptySubsequences: false)
            guard fields.count == 5 else { continue }
            let words = fields.prefix(4).map { String(decoding: $0, as: UTF8.self) }
            guard let seconds = Int64(words[1]) else { continue }
            var paths: [String] = []
            var renames: [(String, String)] = []
            var sourceLines = 0
            let parts = fields[4].split(separator: 0, omittingEmptySubsequences: false)
            var at = 0
            while at < parts.count {
                let part = parts[at].drop { $0 == 10 }
                let columns = part.split(separator: 9, maxSplits: 2, omittingEmptySubsequences: false)
                at += 1
                guard columns.count == 3 else { continue }
                if columns[2].isEmpty, at + 1 < parts.count {
                    let old = String(decoding: parts[at], as: UTF8.self)
                    let new = String(decoding: parts[at + 1], as: UTF8.self)
                    at += 2
                    renames.append((old, new))
                    sourceLines += Self.sourceLines(columns, new)
                    // A mere move is no work on the file.
                    if columns[0] != [0x30] || columns[1] != [0x30] { paths.append(today[new] ?? new) }
                } else {
                    let path = String(decoding: columns[2], as: UTF8.self)
                    sourceLines += Self.sourceLines(columns, path)
                    paths.append(today[path] ?? path)
                }
            }
            for (old, new) in renames { today[old] = today[new] ?? new }
            let time = Instant(milliseconds: seconds * 1_000)
            let subject = words[3]
            guard !isBot(words[2]) else { continue }
            history.lastSeen[words[2]] = max(history.lastSeen[words[2]] ?? time, time)
            guard paths.count <= sweep, !isLayout(subject), !ignored.contains(words[0]) else { continue }
            let number = history.commits.count
            history.commits.append(
                Commit(
                    hash: words[0], time: time, author: words[2], subject: subject, isFix: isFix(subject), paths: paths,
                    sourceLines: sourceLines))
            for path in Set(paths) { history.byPath[path, default: []].append(number) }
        }
        return history
    }

    /// Lines that a row of `--numstat` counts; 0 for what is no source code.
    private static func sourceLines(_ columns: [ArraySlice<UInt8>], _ path: String) -> Int {
        guard SourceLanguage(path: path) != nil, SourceFile.role(of: path) == .source else { return 0 }
        return columns.prefix(2).reduce(0) { $0 + (Int(String(decoding: $1, as: UTF8.self)) ?? 0) }
    }

    // MARK: Words

    static func isBot(_ author: String) -> Bool {
        let text = author.lowercased()
        return text.contains("[bot]") || text.contains("dependabot") || text.contains("renovate")
            || text.contains("pre-commit-ci") || text.contains("github-actions") || text.hasPrefix("bot@")
            || text.contains("-bot@")
    }

    /// Formatting, documents, and raised versions: nothing of what the code does.
    static func isLayout(_ subject: String) -> Bool {
        let text = subject.lowercased()
        let words = Set(text.split { !$0.isLetter }.map(String.init))
        return text.hasPrefix("bump ") || text.hasPrefix("docs:") || text.hasPrefix("doc:") || text.hasPrefix("style:")
            || text.hasPrefix("chore(deps") || text.hasPrefix("build(deps") || text.hasPrefix("release ")
            || !words.isDisjoint(with: ["reformat", "gofmt", "isort", "prettier", "clang", "swiftformat", "changelog"])
            || words.isSuperset(of: ["apply", "black"]) || words.isSuperset(of: ["run", "black"])
            || words.isSuperset(of: ["format", "code"])
    }

    private static let fixWords: Set<String> = [
        "fix", "fixes", "fixed", "fixing", "bug", "bugfix", "hotfix", "crash", "crashes", "leak", "leaks", "race",
        "deadlock", "regression", "incorrect", "wrong", "broken", "panic", "overflow", "hang", "hangs", "segfault",
    ]
    private static let otherWords: Set<String> = [
        "docs", "doc", "documentation", "docstring", "docstrings", "readme", "typing", "types", "type", "mypy",
        "pyright", "annotation", "annotations", "hint", "hints", "typo", "typos", "spelling", "grammar", "lint",
        "linter", "linting", "flake", "ruff", "eslint", "golint", "golangci", "ci", "workflow", "workflows", "actions",
        "travis", "build", "revert", "changelog", "comment", "comments", "formatting", "format", "sendable",
        "sendability", "clippy", "codespell", "typoes", "minified", "lints", "warning", "warnings",
        "example", "examples", "test", "tests",
    ]

    /// Types of Conventional Commits (https://www.conventionalcommits.org) and of Angular's convention that are no fixes.
    private static let otherTypes: Set<String> = [
        "feat", "chore", "refactor", "perf", "style", "test", "tests", "docs", "build", "ci", "revert",
    ]

    /// Mends a fault of the code, as far as its first line tells.
    static func isFix(_ subject: String) -> Bool {
        guard !subject.hasPrefix("Revert") else { return false }
        if let colon = subject.firstIndex(of: ":") {
            let type = subject[..<colon].prefix { $0 != "(" && $0 != "!" }
            if otherTypes.contains(type.lowercased()) { return false }
        }
        // What closes an issue behind the words need be no fault: "Add pooling (fixes #12)".
        let closing = /(?i)(\S.*?)[\s(\[,;.]+(?:fix|fixes|fixed)[\s:]+(?:issue\s+)?(?:#|gh-|https?:\/\/\S*\/)\d+/
        let said = subject.replacing(closing) { "\($0.output.1) " }
        let words = Set(said.lowercased().split { !$0.isLetter }.map(String.init))
        return !words.isDisjoint(with: fixWords) && words.isDisjoint(with: otherWords)
    }
}
