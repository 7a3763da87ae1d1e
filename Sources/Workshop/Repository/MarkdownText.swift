/// What a Markdown file links to, and what can be linked to in it, as GitHub renders it.
struct MarkdownText: Sendable {
    struct Link: Sendable, Equatable {
        /// From 1.
        var line: Int
        var target: String
    }
    var links: [Link] = []
    /// Names of its headings and of its own marks, lower case.
    var anchors: Set<String> = []
    /// A program adds to it: which headings it will have is not known.
    var isTemplate = false

    init(_ text: String) {
        var fence: Substring?
        var isComment = false
        var before: Substring = ""
        for (number, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.hasSuffix("\r") ? raw.dropLast() : raw
            let body = line.drop { $0 == " " || $0 == "\t" || $0 == ">" }
            if isComment || body.hasPrefix("<!--") {
                isComment = !line.contains("-->")
                continue
            }
            let mark = body.prefix { $0 == body.first }
            if let open = fence {
                if mark.count >= open.count, mark.first == open.first { fence = nil }
                continue
            }
            if mark.count >= 3, mark.first == "`" || mark.first == "~" {
                fence = mark
                if body.dropFirst(mark.count).hasPrefix("{") { isTemplate = true }
                continue
            }
            if ["::: ", "{%", "{{", "--8<--", "import ", "[[include"].contains(where: body.hasPrefix) {
                isTemplate = true
            }
            addAnchors(of: line, body, before)
            before = body
            // Code, or part of a list. Only lists have links.
            let isIndented = line.hasPrefix("    ") || line.hasPrefix("\t")
            if isIndented, !(body.hasPrefix("- ") || body.hasPrefix("* ") || body.first?.isNumber == true) { continue }
            for target in Self.targets(in: line) { links.append(Link(line: number + 1, target: target)) }
        }
    }

    private var counts: [String: Int] = [:]

    private mutating func addAnchors(of line: Substring, _ body: Substring, _ before: Substring) {
        for key in ["id=\"", "name=\"", "id='", "name='"] {
            for part in line.split(separator: key, omittingEmptySubsequences: false).dropFirst() {
                anchors.insert(part.prefix { $0 != "\"" && $0 != "'" }.lowercased())
            }
        }
        for part in line.split(separator: "{", omittingEmptySubsequences: false).dropFirst() {
            // `## Heading {#name}`, `{: #name }`
            guard let hash = part.firstIndex(of: "#"), part[..<hash].allSatisfy({ $0 == ":" || $0 == " " }) else {
                continue
            }
            anchors.insert(part[part.index(after: hash)...].prefix { $0 != "}" && $0 != " " }.lowercased())
        }
        if body.hasPrefix("("), body.hasSuffix(")=") { anchors.insert(body.dropFirst().dropLast(2).lowercased()) }
        var heading: Substring?
        let level = body.prefix { $0 == "#" }.count
        if (1...6).contains(level), body.dropFirst(level).first == " " {
            heading = body.dropFirst(level)
            while heading?.last == "#" || heading?.last == " " { heading = heading?.dropLast() }
        } else if body.count >= 2, body.allSatisfy({ $0 == "=" }) || body.allSatisfy({ $0 == "-" }), !before.isEmpty {
            heading = before
        } else if let tag = body.firstRange(of: "<h"), body[tag.upperBound...].first?.isNumber == true {
            heading = body[tag.lowerBound...]
        }
        guard let heading else { return }
        let slug = Self.slug(heading)
        let count = counts[slug, default: 0]
        counts[slug] = count + 1
        // `_Black_` is emphasis and `__init__` may be: either is taken.
        let plain = slug.split(separator: "-", omittingEmptySubsequences: false).map {
            $0.trimmingPrefix { $0 == "_" }.reversed().drop { $0 == "_" }.reversed()
        }.map { String($0) }.joined(separator: "-")
        // GitHub counts with `-1`, Python-Markdown with `_1`, and folds blanks.
        for name in [slug, plain, Self.folded(slug), Self.folded(plain)] {
            anchors.insert(count == 0 ? name : "\(name)-\(count)")
            if count > 0 { anchors.insert("\(name)_\(count)") }
        }
    }

    private static func folded(_ slug: String) -> String {
        slug.split(separator: "-").joined(separator: "-")
    }

    /// The name of a heading: lower case, letters, digits, `-` and `_`, with blanks as `-`.
    /// Source: github/cmark-gfm and html-pipeline, `toc_filter.rb`, read 2026.
    static func slug(_ heading: Substring) -> String {
        var text = ""
        var isTag = false
        var rest = heading.trimmingPrefix { $0.isWhitespace }
        while let character = rest.popFirst() {
            if isTag {
                if character == ">" { isTag = false }
            } else if character == "<", rest.first.map({ $0.isLetter || $0 == "/" }) == true {
                isTag = true
            } else if character == "]", rest.first == "(" {
                // The address of a link is not shown.
                rest = rest.drop { $0 != ")" }.dropFirst()
            } else if character == " " {
                text.append("-")
            } else if character.isLetter || character.isNumber || character == "-" || character == "_" {
                text.append(character)
            }
        }
        return text.lowercased()
    }

    /// What is linked to in a line: `[a](b)`, `[a]: b`, `src="b"`.
    static func targets(in line: Substring) -> [String] {
        let text = withoutCode(line)
        var found: [String] = []
        for part in text.split(separator: "](", omittingEmptySubsequences: false).dropFirst() {
            var inside = part.drop { $0 == " " }
            if inside.hasPrefix("<") {
                inside = inside.dropFirst()
                found.append(String(inside.prefix { $0 != ">" }))
                continue
            }
            var depth = 0
            found.append(
                String(
                    inside.prefix {
                        if $0 == "(" { depth += 1 }
                        if $0 == ")" { depth -= 1 }
                        return depth >= 0 && !$0.isWhitespace
                    }))
        }
        let body = text.drop { $0 == " " }
        if body.hasPrefix("["), !body.hasPrefix("[^"), let colon = body.firstRange(of: "]:"),
            !body[..<colon.lowerBound].dropFirst().contains("[")
        {
            let target = body[colon.upperBound...].drop { $0 == " " || $0 == "<" }
            found.append(String(target.prefix { !$0.isWhitespace && $0 != ">" }))
        }
        for key in ["<img src=\"", " src=\"", "href=\""] where text.contains("<") {
            for part in text.split(separator: key, omittingEmptySubsequences: false).dropFirst() {
                found.append(String(part.prefix { $0 != "\"" }))
            }
        }
        var seen: Set<String> = []
        return found.filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    private static func withoutCode(_ line: Substring) -> String {
        guard line.contains("`") else { return String(line) }
        let parts = line.split(separator: "`", omittingEmptySubsequences: false)
        return parts.enumerated().filter { $0.offset % 2 == 0 }.map { String($0.element) }.joined(separator: "x")
    }
}
