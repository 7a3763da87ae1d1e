import StokerCore

extension EvidenceRule {
    /// Parameters that a function's documentation names and the function does not have.
    static let documentedParameters = EvidenceRule(id: "documented_parameters") {
        context in
        var result = RuleResult()
        for file in context.view.sources where !TestInput.isOne(file.path) {
            try Task.checkCancellation()
            let wrong = DocumentedParameters.wrong(in: file)
            guard let first = wrong.first else { continue }
            result.seen.append(
                FindingCandidate(
                    file: file.path, lines: first.line...first.line, symbol: "parameters",
                    title: wrong.count == 1
                        ? "The documentation of \(first.function) in \(file.path) names a parameter \(first.name), which it does not have"
                        : "\(wrong.count) parameters that documentation in \(file.path) names are not there, the first is \(first.name)",
                    why:
                        "The parameter was renamed or removed and its description stayed. Give it the name that the signature has, or delete it.",
                    evidence: FindingCandidate.evidence(
                        wrong.map {
                            "\(file.path):\($0.line) `\($0.name)` of \($0.function), whose signature in line \($0.signature) does not have it"
                        }),
                    command:
                        "sed -n '\(min(first.line, first.signature)),\(max(first.line, first.signature))p' \(Quote.shell(file.path))",
                    severity: .low))
        }
        return result
    }
}

/// Compares what is said of parameters with the signature beside it. Of a signature all words count, so that no way of writing one is missed.
enum DocumentedParameters {
    struct Wrong: Sendable, Equatable {
        var function: String
        var name: String
        /// From 1, of the documentation and of the signature.
        var line: Int
        var signature: Int
    }
    typealias Named = (name: String, line: Int)

    static func wrong(in file: SourceFile) -> [Wrong] {
        guard let language = file.language else { return [] }
        switch language {
        case .python: return python(file)
        case .swift: return comments(file, language) { swift($0) }
        case .java, .javascript, .typescript, .c, .cpp, .php, .kotlin:
            return comments(file, language) { tags($0, isTyped: language == .javascript || language == .typescript) }
        default: return []
        }
    }

    // MARK: Python

    private static func python(_ file: SourceFile) -> [Wrong] {
        let lines = file.lines
        let code = CodeMask.masked(file.text, .python).split(separator: "\n", omittingEmptySubsequences: false)
        var wrong: [Wrong] = []
        for (number, line) in code.enumerated() {
            let body = line.trimmingPrefix { $0 == " " || $0 == "\t" }
            guard body.hasPrefix("def ") || body.hasPrefix("async def ") else { continue }
            let before = number > 0 ? code[number - 1].trimmingPrefix { $0 == " " } : ""
            // A decorator may bring or take parameters.
            let isDecorated = before.hasPrefix("@") || before.hasPrefix(")")
            let isHarmless = ["@staticmethod", "@classmethod", "@abstractmethod", "@abc.abstractmethod", "@override"]
                .contains { before.hasPrefix($0) }
            guard !isDecorated || isHarmless, let head = signature(code, from: number) else { continue }
            guard !head.text.contains("*args"), !head.text.contains("**"), !hasStarredRest(head.text) else { continue }
            var next = head.last + 1
            while next < lines.count, lines[next].allSatisfy(\.isWhitespace) { next += 1 }
            guard next < lines.count else { continue }
            let opening = lines[next].trimmingPrefix { $0.isWhitespace }.drop { $0 == "r" || $0 == "R" }
            guard opening.hasPrefix("\"\"\"") || opening.hasPrefix("'''") else { continue }
            let quote = String(opening.prefix(3))
            var end = next
            if !opening.dropFirst(3).contains(quote) {
                end = next + 1
                while end < lines.count, !lines[end].contains(quote) { end += 1 }
            }
            let words = words(of: head.text)
            let name = String(body.drop { $0 != "f" }.dropFirst(2).prefix { $0 != "(" })
            for one in docstring(lines[next...min(end, lines.count - 1)]) where !words.contains(one.name) {
                wrong.append(Wrong(function: name, name: one.name, line: one.line, signature: number + 1))
            }
        }
        return wrong
    }

    private static func hasStarredRest(_ text: String) -> Bool {
        text.split(separator: ",").contains {
            let part = $0.drop { $0 == " " || $0 == "\n" || $0 == "(" }
            return part.hasPrefix("*") && part.dropFirst().first.map { $0.isLetter || $0 == "_" } == true
        }
    }

    /// Up to the bracket that closes the first one.
    private static func signature(_ code: [Substring], from first: Int) -> (text: String, last: Int)? {
        var text = ""
        var depth = 0
        for number in first..<min(first + 60, code.count) {
            text += code[number] + "\n"
            for character in code[number] {
                if "([{".contains(character) { depth += 1 }
                if ")]}".contains(character) { depth -= 1 }
            }
            if depth <= 0, text.contains("(") { return (text, number) }
        }
        return nil
    }

    /// `:param int name:`, and lines below `Args:`.
    private static func docstring(_ lines: ArraySlice<Substring>) -> [Named] {
        var found: [Named] = []
        var section: Int?
        var entry: Int?
        for (number, line) in zip(lines.indices, lines) {
            let body = line.trimmingPrefix { $0.isWhitespace }
            let depth = line.count - body.count
            if body.hasPrefix(":param "), let colon = body.dropFirst(1).firstIndex(of: ":") {
                let name =
                    body[..<colon].split(whereSeparator: \.isWhitespace).last?.drop { $0 == "*" || $0 == "\\" } ?? ""
                if isName(name) { found.append((String(name), number + 1)) }
                continue
            }
            if ["Args:", "Arguments:", "Parameters:"].contains(where: {
                body.hasPrefix($0) && body.dropFirst($0.count).allSatisfy(\.isWhitespace)
            }) {
                section = depth
                entry = nil
                continue
            }
            guard let own = section, !body.isEmpty else { continue }
            guard depth > own else {
                section = nil
                continue
            }
            if entry == nil { entry = depth }
            guard depth == entry else { continue }
            let name = body.drop { $0 == "*" || $0 == "`" }.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            let rest = body.drop { $0 == "*" || $0 == "`" }.dropFirst(name.count)
            if isName(name), rest.hasPrefix(":") || (rest.hasPrefix(" (") && rest.contains("):")) {
                found.append((String(name), number + 1))
            }
        }
        return found
    }

    private static func isName(_ text: Substring) -> Bool {
        text.first.map { $0.isLetter || $0 == "_" } == true
            && text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
            && !["Note", "Example", "Examples", "Returns", "Warning", "Default", "See"].contains(text)
    }

    private static func words(of text: String) -> Set<String> {
        Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
    }

    // MARK: Comments in front of a declaration

    private static func comments(
        _ file: SourceFile, _ language: SourceLanguage, _ read: ([(line: Int, text: Substring)]) -> [Named]
    ) -> [Wrong] {
        let lines = file.lines
        let code = CodeMask.masked(file.text, language).split(separator: "\n", omittingEmptySubsequences: false)
        guard code.count == lines.count else { return [] }
        var wrong: [Wrong] = []
        var at = 0
        while at < lines.count {
            let body = lines[at].trimmingPrefix { $0.isWhitespace }
            let isBlock = body.hasPrefix("/**") && language != .swift
            guard isBlock || (language == .swift && body.hasPrefix("///")) else {
                at += 1
                continue
            }
            var comment: [(line: Int, text: Substring)] = []
            repeat {
                comment.append((at + 1, lines[at].drop { $0.isWhitespace || $0 == "/" || $0 == "*" }))
                at += 1
            } while at < lines.count
                && (isBlock
                    ? !lines[at - 1].contains("*/")
                    : lines[at].trimmingPrefix { $0.isWhitespace }.hasPrefix("///"))
            let named = read(comment)
            guard !named.isEmpty, let head = declaration(code, from: at, language) else { continue }
            let words = words(of: head.text)
            for one in named where !words.contains(one.name) {
                wrong.append(Wrong(function: head.name, name: one.name, line: one.line, signature: head.line))
            }
        }
        return wrong
    }

    /// A declaration of a function right behind a comment, and its name.
    private static func declaration(
        _ code: [Substring], from first: Int, _ language: SourceLanguage
    ) -> (text: String, name: String, line: Int)? {
        var at = first
        while at < code.count {
            let body = code[at].trimmingPrefix { $0.isWhitespace }
            if body.isEmpty, at > first { return nil }
            guard body.hasPrefix("@") || body.hasPrefix("#[") else { break }
            // An attribute may go over several lines.
            var depth = 0
            repeat {
                for character in code[at] { depth += character == "(" ? 1 : character == ")" ? -1 : 0 }
                at += 1
            } while depth > 0 && at < code.count
        }
        guard at < code.count, code[at].contains(where: { !$0.isWhitespace }), let head = signature(code, from: at)
        else {
            return nil
        }
        guard let bracket = head.text.firstIndex(of: "(") else { return nil }
        let front = head.text[..<bracket]
        // Macros, calls and values are no functions that can be read in this way.
        guard !front.contains("="), !front.contains("#"), !front.contains("."), !front.contains(";") else { return nil }
        let words = front.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "$") }
        guard let name = words.last, !["if", "for", "while", "switch", "return", "case"].contains(String(words[0]))
        else { return nil }
        switch language {
        case .swift:
            guard words.contains(where: { $0 == "func" || $0 == "init" || $0 == "subscript" }) else { return nil }
        case .javascript, .typescript:
            // Any name may be meant where an argument is taken apart.
            guard !head.text.drop(while: { $0 != "(" }).prefix(while: { $0 != ")" }).contains("{"),
                !head.text.contains("..."), words.contains("function") || code[head.last].contains("{")
            else { return nil }
        default: break
        }
        return (head.text, String(name), at + 1)
    }

    /// `- Parameter name:` and lines below `- Parameters:`.
    private static func swift(_ comment: [(line: Int, text: Substring)]) -> [Named] {
        var found: [Named] = []
        var isList = false
        for (line, text) in comment {
            if text.lowercased().hasPrefix("- parameters:") {
                isList = true
                continue
            }
            guard text.hasPrefix("- ") else { continue }
            let item = text.dropFirst(2).drop { $0 == " " }
            let isOne = item.lowercased().hasPrefix("parameter ")
            if [
                "returns:", "return:", "throws:", "note:", "important:", "warning:", "complexity:", "precondition:",
                "seealso:", "remark:",
            ]
            .contains(where: { item.lowercased().hasPrefix($0) }) {
                isList = false
            }
            guard isOne || isList, let colon = item.firstIndex(of: ":") else { continue }
            let name = item[..<colon].dropFirst(isOne ? 10 : 0).filter { $0 != "`" && $0 != " " }
            if isName(name[...]) { found.append((name, line)) }
        }
        return found
    }

    /// `@param name`, `@param {type} [name=1]`, `\param[in] name`.
    private static func tags(_ comment: [(line: Int, text: Substring)], isTyped: Bool) -> [Named] {
        let texts = comment.map(\.text)
        let others = [
            "@typedef", "@callback", "@overload", "@function", "@method", "@name", "@event", "@fn", "@def",
            "{@inheritDoc", "@class",
        ]
        guard !texts.contains(where: { text in others.contains { text.hasPrefix($0) } }) else { return [] }
        return comment.compactMap { line, text in
            guard text.hasPrefix("@param") || text.hasPrefix("\\param") else { return nil }
            var rest = text.dropFirst(6)
            if rest.hasPrefix("[") { rest = rest.drop { $0 != "]" }.dropFirst() }
            guard rest.first?.isWhitespace == true else { return nil }
            rest = rest.drop { $0.isWhitespace }
            if rest.hasPrefix("{") {
                var depth = 0
                let type = rest.prefix {
                    if $0 == "{" { depth += 1 }
                    if $0 == "}" { depth -= 1 }
                    return depth > 0
                }
                rest = rest.dropFirst(type.count + 1).drop { $0.isWhitespace }
            } else if isTyped {
                // Without a type the first word may be one.
                let second = rest.split(whereSeparator: \.isWhitespace).dropFirst().first
                guard second == nil || second == "-" else { return nil }
            }
            let name = rest.drop { $0 == "[" || $0 == "$" || $0 == "&" }.prefix {
                $0.isLetter || $0.isNumber || $0 == "_"
            }
            let behind = rest.drop { $0 == "[" || $0 == "$" || $0 == "&" }.dropFirst(name.count).first
            guard isName(name), behind == nil || behind == " " || behind == "\t" || behind == "]" || behind == "="
            else {
                return nil
            }
            return (String(name), line)
        }
    }
}
