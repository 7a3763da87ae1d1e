import Foundation
import StokerCore

extension EvidenceRule {
    /// Files that documents and configuration name and that are not in the commit.
    static let danglingReferences = EvidenceRule(id: "dangling_references") {
        context in
        var references = RepositoryReferences(context.view)
        var result = RuleResult()
        for file in context.view.files where file.role != .foreign {
            try Task.checkCancellation()
            let places = references.dangling(in: file)
            guard let first = places.first else { continue }
            result.seen.append(
                FindingCandidate(
                    file: file.path, lines: first.line...first.line, symbol: "references",
                    title: places.count == 1
                        ? "\(file.path) names \(first.target), which is not there"
                        : "\(places.count) references of \(file.path) lead nowhere, the first to \(first.target)",
                    why:
                        "What is named was moved, renamed or never added. Name what is there now, or delete the line.",
                    evidence: FindingCandidate.evidence(places.map { "\(file.path):\($0.line) \($0.says)" }),
                    command: first.command(at: context.head.commit, in: file.path),
                    severity: file.path.hasPrefix(".github/") || file.language != nil ? .medium : .low))
        }
        return result
    }
}

/// A name in a file that leads nowhere.
struct DanglingReference: Sendable, Equatable {
    /// From 1.
    var line: Int
    /// As it is written.
    var target: String
    /// Where it would have to be.
    var path: String
    /// Of a heading in ``path``; then the file is there.
    var anchor: String?
    /// Where a file of that name is.
    var hint: String?

    var says: String {
        let what =
            anchor.map { "`\(target)`: \(path) has no heading #\($0)" } ?? "`\(target)`: \(path) is not in the commit"
        return what + (hint.map { "; \($0) is" } ?? "")
    }

    func command(at commit: String, in file: String) -> String {
        if let anchor {
            return "git show \(commit):\(Quote.shell(path)) | grep -n '^#' # none is #\(anchor)"
        }
        return
            "git grep -nF \(Quote.shell(target)) \(commit) -- \(Quote.shell(file)); git ls-tree \(commit) \(Quote.shell(path)) # empty"
    }
}

/// Looks up what files of a repository name.
struct RepositoryReferences: Sendable {
    private let view: RepositoryView
    private let tree: RepositoryTree
    private let ignored: Set<String>
    /// Folders whose Markdown a site generator renders: it has its own roots and endings.
    private let sites: [String]
    /// Pages that were looked into: many link to one.
    private var pages: [String: MarkdownText] = [:]

    init(_ view: RepositoryView) {
        self.view = view
        tree = view.tree
        ignored = Set(
            view.files.filter { RepositoryTree.name(of: $0.path) == ".gitignore" }.flatMap(\.lines).map {
                $0.split(separator: "/").last.map { String($0.prefix { $0 != " " && $0 != "\r" }) } ?? ""
            })
        sites = Self.siteFolders(view.tree)
    }

    private static let generators: Set<String> = [
        "mkdocs.yml", "mkdocs.yaml", "properdocs.yml", "zensical.toml", "conf.py", "_config.yml", "book.toml",
        "docusaurus.config.js", "docusaurus.config.ts", "astro.config.mjs", "astro.config.ts", "next.config.js",
        "next.config.mjs", "hugo.toml", "hugo.yaml", ".eleventy.js", "eleventy.config.js", "antora.yml", "mint.json",
        "docs.json", "_sidebar.md", "_toc.yml", "gatsby-config.js", "nuxt.config.ts", ".nojekyll", "typedoc.json",
        "rspress.config.ts", "theme.config.tsx", "source.config.ts", "summary.md",
    ]

    private static func siteFolders(_ tree: RepositoryTree) -> [String] {
        var folders: Set<String> = []
        for path in tree.allFiles {
            if path.contains(".vitepress/") || path.contains(".vuepress/") || path.contains(".docc/") {
                let end = path.firstRange(of: ".v")?.lowerBound ?? path.firstRange(of: ".docc/")?.upperBound
                folders.insert(String(path[..<(end ?? path.startIndex)]))
            }
            guard generators.contains(RepositoryTree.name(of: path).lowercased()) else { continue }
            let folder = RepositoryTree.folder(of: path)
            if folder.isEmpty {
                folders.formUnion(["docs/", "doc/", "website/", "site/", "content/", "pages/", "src/", "_posts/"])
            } else {
                folders.insert(folder + "/")
                // `docs/source/conf.py`, `website/docusaurus.config.js` with `docs/` beside it.
                folders.formUnion(["docs/", "doc/"])
            }
        }
        folders.remove("")
        return folders.sorted()
    }

    mutating func dangling(in file: SourceFile) -> [DanglingReference] {
        let name = RepositoryTree.name(of: file.path).lowercased()
        if name.hasSuffix(".md") || name.hasSuffix(".markdown") { return links(in: file) }
        if name == "codeowners" { return owners(in: file) }
        if file.path.hasPrefix(".github/workflows/") { return workflow(file) }
        if file.path == ".github/dependabot.yml" || file.path == ".github/dependabot.yaml" { return folders(in: file) }
        if name == "package.json" { return scripts(in: file) }
        return []
    }

    // MARK: Markdown

    /// What tells of the past, is no page of its own, or is read elsewhere.
    private static let left = [
        "changelog", "changes", "history", "release", "news", "template", "archive", "node_modules", "/blog/",
        "/i18n/", "/locales/", "/translations/", "versioned_docs", "announcement",
    ]

    private mutating func links(in file: SourceFile) -> [DanglingReference] {
        let lower = file.path.lowercased()
        guard file.role != .test, !Self.left.contains(where: lower.contains), !lower.contains(".docc/") else {
            return []
        }
        let isSite = sites.contains { file.path.hasPrefix($0) } && RepositoryTree.name(of: lower) != "readme.md"
        let text = page(file)
        let files = text.links.compactMap { link -> DanglingReference? in
            guard let (path, _) = Self.parts(of: link.target) else { return nil }
            let isOwn = path.isEmpty
            let isPage = path.lowercased().hasSuffix(".md")
            // A site has its own roots and endings; a file of its own folder is a file there too.
            if isSite, !isOwn, !isPage || path.hasPrefix("/") { return nil }
            guard
                let wanted = isOwn
                    ? file.path : RepositoryTree.resolved(path, from: RepositoryTree.folder(of: file.path))
            else { return nil }
            guard !isOwn, !tree.mayHave(wanted), !isIgnored(wanted), path.contains(".") || path.contains("/") else {
                return nil
            }
            // A page that a program makes lies where none is kept.
            if isSite, !tree.hasFolder(RepositoryTree.folder(of: wanted)) { return nil }
            return DanglingReference(
                line: link.line, target: link.target, path: wanted, hint: tree.onlyFile(named: wanted))
        }
        return files + deadAnchors(in: file, text, isSite)
    }

    private mutating func page(_ file: SourceFile) -> MarkdownText {
        if let known = pages[file.path] { return known }
        let text = MarkdownText(file.text)
        pages[file.path] = text
        return text
    }

    private mutating func deadAnchors(in file: SourceFile, _ text: MarkdownText, _ isSite: Bool) -> [DanglingReference]
    {
        text.links.compactMap { link in
            guard let (path, anchor) = Self.parts(of: link.target), !anchor.isEmpty else { return nil }
            guard path.isEmpty || path.lowercased().hasSuffix(".md"), !path.hasPrefix("/") || !isSite,
                let wanted = path.isEmpty
                    ? file.path : RepositoryTree.resolved(path, from: RepositoryTree.folder(of: file.path)),
                isGone(anchor, of: wanted, file, text, isSite)
            else { return nil }
            return DanglingReference(line: link.line, target: link.target, path: wanted, anchor: anchor)
        }
    }

    private mutating func isGone(
        _ anchor: String, of path: String, _ file: SourceFile, _ text: MarkdownText, _ isSite: Bool
    ) -> Bool {
        let target: MarkdownText
        if path == file.path {
            target = text
        } else if let known = pages[path] {
            target = known
        } else if let other = view.file(path) {
            target = page(other)
        } else {
            return false
        }
        let name = anchor.lowercased()
        // Lines of a file, and what a program adds.
        if target.isTemplate
            || name.hasPrefix("l") && name.dropFirst().allSatisfy({ $0.isNumber || $0 == "-" || $0 == "l" })
        {
            return false
        }
        if ["top", "readme", ""].contains(name) || name.hasPrefix(":~:") || name.hasPrefix("user-content-") {
            return false
        }
        let folded = name.split(separator: "-").joined(separator: "-")
        return !target.anchors.contains(name) && !(isSite && target.anchors.contains(folded))
            && !(isSite && name.contains("."))
    }

    /// A path and the name of a heading; nil for what leads elsewhere or is to be filled in.
    private static func parts(of target: String) -> (path: String, anchor: String)? {
        let marks: Set<Character> = ["{", "}", "$", "<", ">", "*", "|", "\\", "`", "[", "@", "…"]
        guard !target.contains(where: marks.contains), !target.contains("..."), !target.hasPrefix("//") else {
            return nil
        }
        let scheme = target.prefix { $0.isLetter || $0.isNumber || $0 == "+" || $0 == "-" || $0 == "." }
        guard target.dropFirst(scheme.count).first != ":" else { return nil }
        let halves = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String((halves.first ?? "").prefix { $0 != "?" })
        let anchor = halves.count > 1 ? String(halves[1]) : ""
        // `www.example.com/a` without a scheme is a fault, of another kind.
        guard !path.hasPrefix("www.") else { return nil }
        return (path.removingPercentEncoding ?? path, anchor.removingPercentEncoding ?? anchor)
    }

    private func isIgnored(_ path: String) -> Bool {
        path.split(separator: "/").contains {
            let part = String($0)
            return ignored.contains(part) || ["dist", "build", "node_modules", "target", "out"].contains(part)
        }
    }

    // MARK: Configuration

    /// The part of a pattern in front of its first wildcard's folder.
    private func isMissing(pattern: Substring) -> Bool {
        var parts: [Substring] = []
        let all = pattern.split(separator: "/")
        for part in all {
            if part.contains(where: { "*?[]{}+!$".contains($0) }) { break }
            parts.append(part)
        }
        return !parts.isEmpty && !tree.mayHave(parts.joined(separator: "/")) && !isIgnored(parts.joined(separator: "/"))
    }

    /// Source: docs.github.com, "About code owners", CODEOWNERS syntax.
    private func owners(in file: SourceFile) -> [DanglingReference] {
        file.lines.enumerated().compactMap { number, line in
            guard let pattern = line.split(whereSeparator: \.isWhitespace).first, !pattern.hasPrefix("#"),
                !pattern.hasPrefix("["), !pattern.contains("\\")
            else { return nil }
            let bare = pattern.drop { $0 == "/" }
            guard !bare.isEmpty, !bare.hasPrefix("*") else { return nil }
            let isAnchored = pattern.dropLast().contains("/")
            if isAnchored {
                guard isMissing(pattern: bare) else { return nil }
            } else {
                let name = bare.hasSuffix("/") ? bare.dropLast() : bare
                guard !name.contains(where: { "*?[]!".contains($0) }), !tree.hasName(String(name)) else { return nil }
            }
            return DanglingReference(line: number + 1, target: String(pattern), path: String(bare))
        }
    }

    private func workflow(_ file: SourceFile) -> [DanglingReference] {
        // Another repository may lie in the folder where the steps look.
        let isAlone = !file.text.contains("repository:") && !file.text.contains("git clone")
        var found: [DanglingReference] = []
        var indent: Int?
        for (number, line) in file.lines.enumerated() {
            let depth = line.prefix { $0 == " " }.count
            let body = line.dropFirst(depth)
            if let own = indent {
                if body.hasPrefix("- "), depth >= own {
                    let value = Self.value(body.dropFirst(2))
                    if !value.hasPrefix("!"), !value.hasPrefix("*"), isMissing(pattern: value[...]) {
                        found.append(
                            DanglingReference(
                                line: number + 1, target: value, path: value, hint: tree.onlyFile(named: value)))
                    }
                    continue
                }
                if !body.isEmpty, !body.hasPrefix("#") { indent = nil }
            }
            // Filters of `on`, not inputs of an action, which stand deeper.
            if body == "paths:" || body == "paths-ignore:", depth <= 6 { indent = depth }
            guard isAlone, let uses = body.firstRange(of: "uses: ./") else { continue }
            let value = Self.value(body[uses.lowerBound...].dropFirst(6))
            guard let path = RepositoryTree.resolved(value, from: ""), !path.contains("$"), !path.isEmpty else {
                continue
            }
            let isThere =
                tree.hasFile(path)
                || ["action.yml", "action.yaml", "Dockerfile"].contains { tree.mayHave("\(path)/\($0)") }
            if !isThere { found.append(DanglingReference(line: number + 1, target: value, path: path)) }
        }
        return found
    }

    private func folders(in file: SourceFile) -> [DanglingReference] {
        file.lines.enumerated().compactMap { number, line in
            guard let key = line.firstRange(of: "directory:"), !line.contains("#") else { return nil }
            let value = Self.value(line[key.upperBound...])
            let path = value.split(separator: "/").joined(separator: "/")
            guard !path.isEmpty, !tree.mayHave(path), !path.contains("*") else { return nil }
            return DanglingReference(line: number + 1, target: value, path: path)
        }
    }

    /// `node scripts/x.js` of scripts, where the folder is there and the file is not.
    private func scripts(in file: SourceFile) -> [DanglingReference] {
        guard file.role == .source, let json = try? JSONValue(reading: file.text),
            case .object(let scripts)? = json["scripts"]
        else { return [] }
        let home = RepositoryTree.folder(of: file.path)
        return scripts.flatMap { script -> [DanglingReference] in
            let words = (script.value.string ?? "").split(separator: " ")
            return zip(words, words.dropFirst()).compactMap { command, word in
                guard command == "node" || command == "bash" || command == "sh", word.contains("/"),
                    [".js", ".mjs", ".cjs", ".sh"].contains(where: word.hasSuffix),
                    !word.contains(where: { "*$<>".contains($0) }),
                    let path = RepositoryTree.resolved(String(word), from: home), !tree.mayHave(path),
                    !isIgnored(path), tree.hasFolder(RepositoryTree.folder(of: path)),
                    let line = file.lines.firstIndex(where: { $0.contains("\"\(script.name)\"") && $0.contains(word) })
                else { return nil }
                return DanglingReference(
                    line: line + 1, target: String(word), path: path, hint: tree.onlyFile(named: path))
            }
        }
        .sorted { $0.line < $1.line }
    }

    /// A scalar of YAML on one line, without quotes and comment.
    private static func value(_ text: Substring) -> String {
        let text = text.drop { $0 == " " }
        if let quote = text.first, quote == "\"" || quote == "'" {
            return String(text.dropFirst().prefix { $0 != quote })
        }
        return String(text.prefix { $0 != " " && $0 != "\r" })
    }
}
