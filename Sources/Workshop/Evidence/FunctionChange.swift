import StokerCore

/// What one commit did to the code of one function. Layout, comments, texts and log lines are no code here.
struct FunctionChange: Sendable, Equatable {
    var commit: String
    /// Lines, with their whitespace folded.
    var removed: [String]
    var added: [String]
    /// Lines of the function's code before the commit, and behind it.
    var before: Int
    var after: Int

    /// It wrote the function, or most of it.
    var isBirth: Bool { before == 0 || added.count * 3 >= after * 2 }

    /// It changed which way is taken.
    var changesAPath: Bool { (removed + added).contains(where: Self.isDecision) }

    /// Whether a fix mended this function, and did not only pass through.
    /// - Parameter sourceLines: that the commit changed in all.
    func mends(of sourceLines: Int) -> Bool {
        let own = removed.count + added.count
        guard own > 0, !isBirth else { return false }
        let share = Double(own) / Double(max(own, sourceLines))
        return share >= 0.25 || (share >= 0.1 && changesAPath)
    }

    // MARK: Reading

    /// - Parameters:
    ///   - text: of `git log -L FIRST,LAST:FILE --format=%x01%H`.
    ///   - isWanted: of which commits.
    static func parse(
        _ text: String, _ language: SourceLanguage, where isWanted: (String) -> Bool = { _ in true }
    ) -> [FunctionChange] {
        text.split(separator: "\u{1}").compactMap { section in
            var (old, new) = ("", "")
            var isInside = false
            // Files may end their lines in either way.
            let lines = section.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            guard let commit = lines.first.map(String.init), isWanted(commit) else { return nil }
            for line in lines.dropFirst() {
                if line.hasPrefix("diff --git ") { isInside = false }
                if line.hasPrefix("@@ ") {
                    isInside = true
                    continue
                }
                guard isInside else { continue }
                let content = line.dropFirst() + "\n"
                switch line.first {
                case "-": old += content
                case "+": new += content
                case "\\": continue
                default:
                    old += content
                    new += content
                }
            }
            let (was, now) = (code(old, language), code(new, language))
            return FunctionChange(
                commit: commit, removed: difference(was, now), added: difference(now, was),
                before: was.count, after: now.count)
        }
    }

    private static func code(_ text: String, _ language: SourceLanguage) -> [String] {
        CodeMask.masked(text, language).split(separator: "\n").map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }.filter { line in line.contains { $0.isLetter || $0.isNumber } && !isLogLine(line) }
    }

    /// Lines of the one that are not in the other; each as often as it is there more often.
    private static func difference(_ some: [String], _ others: [String]) -> [String] {
        var left = Dictionary(others.map { ($0, 1) }, uniquingKeysWith: +)
        return some.filter { line in
            guard let count = left[line], count > 0 else { return true }
            left[line] = count - 1
            return false
        }
    }

    private static let decisions: Set<String> = [
        "if", "elif", "elsif", "else", "for", "while", "until", "switch", "case", "match", "guard", "when", "unless",
        "try", "catch", "except", "rescue", "finally", "return", "throw", "raise", "break", "continue", "and", "or",
        "not", "goto",
    ]
    private static func isDecision(_ line: String) -> Bool {
        line.contains("&&") || line.contains("||")
            || line.split(whereSeparator: { !$0.isLetter && $0 != "_" }).contains { decisions.contains(String($0)) }
    }

    private static let logNames: Set<String> = [
        "log", "logs", "logf", "logger", "logging", "console", "slog", "tracing", "print", "printf", "println",
        "eprintln", "fprintf",
    ]
    /// A statement that only tells something: `self._logger.info( )`, `tracing::debug!( )`.
    static func isLogLine(_ line: String) -> Bool {
        guard let open = line.firstIndex(of: "(") else { return false }
        let callee = line[..<open]
        guard !callee.contains(where: { $0.isWhitespace || $0 == "=" }) else { return false }
        return callee.split { !$0.isLetter && !$0.isNumber }.contains { part in
            let name = part.lowercased()
            return logNames.contains(name) || name.hasSuffix("logger")
                || (name.hasPrefix("log") && part.dropFirst(3).first?.isUppercase == true)
        }
    }
}

/// Functions that put an object together: their branches are its parts, one beside the other.
enum Constructor {
    /// - Parameter name: with its scopes where they are known: `Parser.next`, `Parser::next`.
    static func isOne(_ name: String, _ language: SourceLanguage) -> Bool {
        let parts = name.split { $0 == "." || $0 == ":" }
        guard let last = parts.last else { return false }
        switch language {
        case .python: return last == "__init__" || last == "__new__"
        case .javascript, .typescript: return last == "constructor"
        case .swift: return last == "init"
        case .rust: return last == "new"
        case .ruby: return last == "initialize"
        case .php: return last == "__construct"
        // `New`, `NewClient`.
        case .go: return last.hasPrefix("New") && last.dropFirst(3).first?.isLowercase != true
        case .java, .kotlin, .cpp, .csharp: return parts.count >= 2 && parts[parts.count - 2] == last
        case .c, .shell: return false
        }
    }
}
