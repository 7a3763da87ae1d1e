/// The YAML between `---` lines at the top of a Space's README, without which the Hub does not start it.
package enum FrontMatter {
    /// The lines from `---` to `---` with their ends; nil when the Hub finds none, or only comments between them.
    ///
    /// The first line is `---` and nothing else (a byte order mark may stand before it), and so is the one that closes it.
    /// Source: huggingface_hub `REGEX_YAML_BLOCK`, hub-docs `spaces-config-reference`; we take no blank lines before it, since the Hub does not.
    package static func block(of readme: String) -> String? {
        var rest = Substring(readme).unicodeScalars
        if rest.first == "\u{FEFF}" { rest.removeFirst() }
        var block = String.UnicodeScalarView()
        var isFirst = true
        var isEmpty = true
        while !rest.isEmpty {
            let end = rest.firstIndex(of: "\n").map { rest.index(after: $0) } ?? rest.endIndex
            let line = rest[..<end]
            rest = rest[end...]
            var text = line
            while text.last == "\n" || text.last == "\r" { text.removeLast() }
            let isMark = text.elementsEqual("---".unicodeScalars)
            if isFirst, !isMark { return nil }
            block.append(contentsOf: line)
            if isMark, !isFirst { return isEmpty ? nil : String(block) }
            if !isFirst, let first = text.first(where: { $0 != " " && $0 != "\t" }), first != "#" { isEmpty = false }
            isFirst = false
        }
        return nil
    }

    /// What is wrong with the beginning of a README, so that the Hub takes no settings from it; nil when there is a front matter.
    package static func problem(in readme: String) -> String? {
        if block(of: readme) != nil { return nil }
        let lines = readme.split(omittingEmptySubsequences: false) { $0.isNewline }
        let marks = lines.enumerated().filter { $0.element.trimmed == "---" }
        guard let first = marks.first, lines[..<first.offset].allSatisfy({ $0.trimmed.isEmpty }) else {
            return "it does not begin with front matter between two lines `---`"
        }
        if first.offset > 0 { return "there is an empty line before the `---` it begins with" }
        if marks.count == 1 { return "the `---` it begins with is never closed by another" }
        if marks.prefix(2).contains(where: { $0.element != "---" && $0.element != "\u{FEFF}---" }) {
            return "there are spaces around a `---` of its front matter"
        }
        return "its front matter is empty"
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
