import StokerCore

extension EvidenceRule {
    /// Versions of a language that a project declares, against what it says and tests elsewhere in the same commit.
    static let supportContradicts = EvidenceRule(id: "support_contradicts") {
        context in
        var result = RuleResult()
        for declared in DeclaredSupport.all(in: context.view) {
            let wrong = declared.contradictions(in: context.view)
            guard let first = wrong.first else { continue }
            result.seen.append(
                FindingCandidate(
                    file: declared.file, lines: declared.line...declared.line, symbol: declared.language.rawValue,
                    title: "\(declared.file) asks for \(declared.language.name) \(declared.version); \(first.says)",
                    why:
                        "One of the two is not true. Raise the declared version to what is tested and said, or correct what contradicts it.",
                    evidence: FindingCandidate.evidence(wrong.map { "\($0.file):\($0.line) \($0.says)" }),
                    command:
                        "sed -n '\(declared.line)p' \(Quote.shell(declared.file)); sed -n '\(first.line)p' \(Quote.shell(first.file))",
                    severity: wrong.contains { $0.isUntested } ? .medium : .low))
        }
        return result
    }
}

/// Two numbers of a version.
struct ShortVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    var major: Int
    var minor: Int?

    /// The first number at the beginning of a text.
    init?(_ text: Substring) {
        let parts = text.prefix { $0.isNumber || $0 == "." }.split(separator: ".")
        guard let first = parts.first, let major = Int(first) else { return nil }
        self.major = major
        minor = parts.count > 1 ? Int(parts[1]) : nil
    }

    static func < (a: Self, b: Self) -> Bool { (a.major, a.minor ?? 0) < (b.major, b.minor ?? 0) }
    var description: String { minor.map { "\(major).\($0)" } ?? "\(major)" }
}

/// The least version of a language that a manifest asks for.
struct DeclaredSupport: Sendable {
    enum Language: String, Sendable {
        case python, go, node, rust, swift
        var name: String { self == .node ? "Node.js" : rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
        /// As sentences call it, lower case.
        var words: Set<String> {
            switch self {
            case .node: ["node", "node.js", "nodejs"]
            case .rust: ["rust", "rustc"]
            default: [rawValue]
            }
        }
    }
    struct Contradiction: Sendable, Equatable {
        var file: String
        /// From 1.
        var line: Int
        var says: String
        var isUntested = false
    }
    var language: Language
    var version: ShortVersion
    var file: String
    var line: Int

    static func all(in view: RepositoryView) -> [DeclaredSupport] {
        [
            ("pyproject.toml", "requires-python", Language.python), ("go.mod", "go ", .go),
            ("package.json", "\"node\":", .node),
            ("Cargo.toml", "rust-version", .rust), ("Package.swift", "// swift-tools-version", .swift),
        ].compactMap { path, key, language in
            guard let file = view.file(path) else { return nil }
            for (number, line) in file.lines.enumerated() {
                let body = line.trimmingPrefix { $0 == " " || $0 == "\t" }
                guard body.hasPrefix(key) else { continue }
                let value = body.dropFirst(key.count)
                // A choice of versions has no one floor.
                guard !value.contains("||"), !value.contains("^") else { return nil }
                let number0 = value.drop { !$0.isNumber }
                let sign = value.prefix { !$0.isNumber }
                guard language != .python && language != .node || sign.contains(">="), !sign.contains("<"),
                    let version = ShortVersion(number0)
                else { return nil }
                return DeclaredSupport(language: language, version: version, file: path, line: number + 1)
            }
            return nil
        }
    }

    func contradictions(in view: RepositoryView) -> [Contradiction] {
        untested(view) + (language == .python ? settings(view) : []) + sentences(view)
    }

    // MARK: What is tested

    private static let keys: [Language: [String]] = [
        .python: ["python-version", "python"], .go: ["go-version", "go"], .node: ["node-version", "node"],
        .rust: ["toolchain", "rust"],
    ]

    /// Versions that workflows name in a list, when none is the declared one or older.
    private func untested(_ view: RepositoryView) -> [Contradiction] {
        guard let keys = Self.keys[language], language != .rust else { return [] }
        let workflows = view.files.filter { $0.path.hasPrefix(".github/workflows/") }
        // What chooses by a file or by its own list is not read here.
        let elsewhere = ["version-file", "oldstable", "nox", "tox", "hatch", "lts/", "uv "]
        guard !workflows.isEmpty, !workflows.contains(where: { file in elsewhere.contains { file.text.contains($0) } })
        else {
            return []
        }
        var found: [(version: ShortVersion, file: String, line: Int)] = []
        var hasList = false
        for file in workflows {
            var isList = false
            for (number, line) in file.lines.enumerated() {
                let body = line.drop { $0 == " " || $0 == "-" }
                if isList, line.contains("- ") {
                    if let version = Self.version(in: body) { found.append((version, file.path, number + 1)) }
                    continue
                }
                isList = false
                guard let key = keys.first(where: { body.hasPrefix($0 + ":") }) else { continue }
                let value = body.dropFirst(key.count + 1)
                if value.allSatisfy(\.isWhitespace) {
                    isList = true
                    hasList = true
                    continue
                }
                if value.contains("[") { hasList = true }
                // An expression that is more than a list's entry may be anything.
                if value.contains("fromJ") || value.contains("stable") || value.contains("env.") { return [] }
                for part in value.split(separator: ",") {
                    if let version = Self.version(in: part) { found.append((version, file.path, number + 1)) }
                }
            }
        }
        guard hasList, found.count >= 2, let least = found.min(by: { $0.version < $1.version }), least.version > version
        else { return [] }
        if language == .node, least.version.major == version.major { return [] }
        return [
            Contradiction(
                file: least.file, line: least.line,
                says: "the oldest that a workflow runs is \(least.version): nothing tests \(version)", isUntested: true)
        ]
    }

    private static func version(in text: Substring) -> ShortVersion? {
        let value = text.drop { " \"'[-".contains($0) }
        return value.first?.isNumber == true ? ShortVersion(value) : nil
    }

    // MARK: What a Python project says in its manifest

    private func settings(_ view: RepositoryView) -> [Contradiction] {
        guard let manifest = view.file(file) else { return [] }
        return manifest.lines.enumerated().compactMap { number, line in
            let body = line.drop { $0 == " " || $0 == "\"" || $0 == "'" }
            let mark = "Programming Language :: Python :: "
            if body.hasPrefix(mark) {
                guard let other = ShortVersion(body.dropFirst(mark.count)), other.minor != nil,
                    other.major == version.major,
                    other < version
                else { return nil }
                return Contradiction(
                    file: file, line: number + 1, says: "a classifier has \(other), which cannot be installed")
            }
            guard body.hasPrefix("target-version") || body.hasPrefix("python_version") else { return nil }
            let value = body.drop { $0 != "=" }.drop { !$0.isNumber }
            let digits = value.prefix { $0.isNumber || $0 == "." }
            let text = digits.contains(".") ? String(digits) : "\(digits.prefix(1)).\(digits.dropFirst())"
            guard let other = ShortVersion(text[...]), other.minor != nil, other != version, other.major == 3,
                value.count < 12
            else {
                return nil
            }
            let key = body.prefix { $0 != " " && $0 != "=" }
            if other > version, key == "python_version" { return nil }
            return Contradiction(file: file, line: number + 1, says: "\(key) is \(other)")
        }
    }

    // MARK: What documents say

    /// `Python 3.8+`, `Go 1.20 or later`, `requires Node.js >= 18` of another version.
    private func sentences(_ view: RepositoryView) -> [Contradiction] {
        view.files.filter { file in
            let name = file.path.lowercased()
            return file.language == nil && file.role != .foreign && file.role != .test
                && [
                    "readme.md", "contributing.md", ".github/contributing.md", "docs/contributing.md",
                    "docs/installation.md",
                    "docs/index.md", "docs/install.md",
                ].contains(name)
        }
        .flatMap { file in
            file.lines.enumerated().compactMap { number, line -> Contradiction? in
                guard let other = Self.claim(in: line, of: language.words), other < version,
                    other.major >= version.major - 12,
                    other.minor != nil || version.minor == nil || language == .node,
                    language != .node || other.major != version.major
                else { return nil }
                return Contradiction(
                    file: file.path, line: number + 1, says: "\(file.path) says \(language.name) \(other) is enough")
            }
        }
    }

    /// The version from which on something works, as a line says it; nil for lines that say it of a part.
    static func claim(in line: Substring, of names: Set<String>) -> ShortVersion? {
        let lower = line.lowercased()
        // Of older releases, of single features, of other projects.
        let parts = [
            "before", "until", "dropped", "drop ", "up to", "version 0", "if ", "earlier", "below", "release", "v0.",
            "since", "for ",
        ]
        guard !parts.contains(where: lower.contains) else { return nil }
        // A heading is of what stands below it.
        guard !lower.hasPrefix("#") else { return nil }
        let words = lower.split {
            $0 == " " || $0 == "*" || $0 == "`" || $0 == "(" || $0 == ")" || $0 == "[" || $0 == "]"
        }
        for (at, word) in words.enumerated() where names.contains(String(word)) && at + 1 < words.count {
            var next = at + 1
            let hasSign = words[next].hasPrefix(">=") || words[next].hasPrefix("≥")
            if words[next] == ">=" || words[next] == "≥" || words[next] == "version" { next += 1 }
            guard next < words.count else { continue }
            let text = words[next].drop { $0 == ">" || $0 == "=" || $0 == "≥" || $0 == "v" }
            guard text.first?.isNumber == true, let version = ShortVersion(text) else { continue }
            let tail = words.dropFirst(next + 1).prefix(2).map { $0.filter(\.isLetter) }
            let isOpen =
                hasSign || text.contains("+")
                || tail.first == "or"
                    && ["higher", "newer", "later", "above", "greater", "up"].contains(tail.last ?? "")
                || tail == ["and", "later"] || tail == ["and", "above"] || tail == ["and", "newer"]
            if isOpen { return version }
        }
        return nil
    }
}
