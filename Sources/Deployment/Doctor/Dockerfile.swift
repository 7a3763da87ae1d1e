/// A Dockerfile as a builder reads it: instructions with their lines, stages, arguments.
///
/// Sources: Docker's Dockerfile reference; BuildKit `frontend/dockerfile/parser/parser.go` and `instructions/parse.go`.
package struct Dockerfile: Sendable {
    package struct Instruction: Sendable, Equatable {
        /// In capitals: `RUN`.
        package var name: String
        /// `--from=build`, without its value's quotes.
        package var flags: [String]
        /// What follows, with lines joined; without heredocs.
        package var text: String
        /// The list of the exec form, `["a", "b"]`; nil for any other.
        package var list: [String]?
        /// Bodies of its heredocs, with the line each begins at.
        package var heredocs: [Heredoc]
        /// Of its first line, from 1.
        package var line: Int
        /// Of its last line, with its heredocs.
        package var end: Int

        /// Words of ``text``, quotes taken away.
        package var words: [String] { list ?? Dockerfile.words(text) }

        package func flag(_ name: String) -> String? {
            flags.first { $0.hasPrefix("--\(name)=") }.map { String($0.dropFirst(name.count + 3)) }
        }
    }

    package struct Heredoc: Sendable, Equatable {
        package var name: String
        package var text: String
        package var line: Int
    }

    package struct Stage: Sendable, Equatable {
        /// With arguments put in.
        package var image: String
        package var name: String?
        package var instructions: [Instruction]
        package var line: Int
    }

    package struct Mistake: Sendable, Equatable {
        package var text: String
        package var line: Int
    }

    /// Of `# syntax=`.
    package private(set) var syntax: String?
    /// Of `# escape=`.
    package private(set) var escape: Character = "\\"
    package private(set) var stages: [Stage] = []
    /// `ARG` before the first `FROM`, with their defaults.
    package private(set) var arguments: [String: String] = [:]
    package private(set) var mistakes: [Mistake] = []

    /// The stage that is run.
    package var last: Stage? { stages.last }

    private static let known: Set<String> = [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
        "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]

    package init(_ content: String) {
        var lines = content.lines.map(String.init)
        if let first = lines.first, first.unicodeScalars.first == "\u{FEFF}" {
            lines[0] = String(first.unicodeScalars.dropFirst())
        }
        var at = directives(lines)
        while at < lines.count {
            let start = at
            let line = lines[at].trimmed
            at += 1
            if line.isEmpty || line.hasPrefix("#") { continue }
            var whole = line
            while whole.last == escape, at <= lines.count {
                whole.removeLast()
                // Comments and empty lines inside are left out.
                while at < lines.count, lines[at].trimmed.hasPrefix("#") || lines[at].trimmed.isEmpty { at += 1 }
                guard at < lines.count else { break }
                whole += lines[at].trimmedEnd
                at += 1
            }
            at = take(whole, start, lines, at)
        }
        if stages.isEmpty, mistakes.isEmpty { mistakes.append(Mistake(text: "it has no FROM", line: 1)) }
    }

    /// Reads the lines before everything else that tell how to read the file. Returns the first line that is none of them.
    private mutating func directives(_ lines: [String]) -> Int {
        var at = 0
        while at < lines.count {
            let line = lines[at].trimmed
            guard line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { break }
            let name = String(line[line.index(after: line.startIndex)..<equals]).trimmed.lowercased()
            let value = String(line[line.index(after: equals)...]).trimmed
            switch name {
            case "syntax": syntax = value
            case "escape": if value == "`" { escape = "`" }
            case "check": break
            default: return at
            }
            at += 1
        }
        return at
    }

    /// - Returns: the line behind the instruction and its heredocs.
    private mutating func take(_ whole: String, _ start: Int, _ lines: [String], _ next: Int) -> Int {
        var at = next
        let name = String(whole.prefix { !$0.isWhitespace }).uppercased()
        var rest = String(whole.dropFirst(name.count)).trimmed
        guard Self.known.contains(name) else {
            mistakes.append(Mistake(text: "\(name.prefix(30)) is no instruction", line: start + 1))
            return at
        }
        guard !rest.isEmpty else {
            mistakes.append(Mistake(text: "\(name) needs an argument", line: start + 1))
            return at
        }
        var flags: [String] = []
        if ["ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"].contains(name) {
            while rest.hasPrefix("--") {
                let flag = String(rest.prefix { !$0.isWhitespace })
                flags.append(flag)
                rest = String(rest.dropFirst(flag.count)).trimmed
            }
        }
        var heredocs: [Heredoc] = []
        if ["RUN", "COPY", "ADD"].contains(name) {
            for mark in Self.heredocs(in: rest) {
                if mark.isSpaced {
                    // A shell takes it, the builder does not. Source: BuildKit `parser.ParseHeredoc`, which sees whole words.
                    guard lines[at...].contains(where: { $0.trimmed == mark.name }) else { continue }
                    mistakes.append(
                        Mistake(
                            text: "the builder takes `<< \(mark.name)` for no heredoc: write it without a space",
                            line: start + 1))
                }
                var body: [String] = []
                let first = at
                var isClosed = false
                while at < lines.count {
                    let line = mark.stripsTabs ? String(lines[at].drop { $0 == "\t" }) : lines[at]
                    at += 1
                    if line == mark.name {
                        isClosed = true
                        break
                    }
                    body.append(line)
                }
                if !isClosed {
                    mistakes.append(Mistake(text: "the heredoc \(mark.name) is never closed", line: start + 1))
                }
                heredocs.append(Heredoc(name: mark.name, text: body.joined(separator: "\n"), line: first + 1))
            }
        }
        let instruction = Instruction(
            name: name, flags: flags, text: rest, list: Self.list(rest), heredocs: heredocs, line: start + 1,
            end: max(at, start + 1))
        place(instruction)
        return at
    }

    private mutating func place(_ instruction: Instruction) {
        if instruction.name == "FROM" {
            let words = instruction.words
            let isNamed = words.count == 3 && words[1].lowercased() == "as"
            if words.count != 1, !isNamed {
                mistakes.append(
                    Mistake(text: "FROM takes an image, and AS with a name", line: instruction.line))
            }
            stages.append(
                Stage(
                    image: Self.filled(words.first ?? "", arguments), name: isNamed ? words[2].lowercased() : nil,
                    instructions: [], line: instruction.line))
            return
        }
        guard !stages.isEmpty else {
            if instruction.name == "ARG" {
                for word in instruction.words {
                    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    arguments[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
                }
            } else {
                mistakes.append(
                    Mistake(text: "\(instruction.name) stands before the first FROM", line: instruction.line))
            }
            return
        }
        stages[stages.count - 1].instructions.append(instruction)
    }

    // MARK: Pieces

    private static func heredocs(in text: String) -> [(name: String, stripsTabs: Bool, isSpaced: Bool)] {
        var found: [(String, Bool, Bool)] = []
        var rest = text[...]
        while let mark = rest.firstRange(of: "<<") {
            let before = mark.lowerBound == rest.startIndex ? " " : rest[rest.index(before: mark.lowerBound)]
            rest = rest[mark.upperBound...]
            // `<<<` is a text of the shell, `1<<2` a sum.
            if rest.first == "<" {
                rest = rest.drop { $0 == "<" }
                continue
            }
            guard before.isWhitespace || before.isNumber || before == ";" else { continue }
            let strips = rest.first == "-"
            if strips { rest = rest.dropFirst() }
            let isSpaced = rest.first == " "
            rest = rest.drop { $0 == " " }
            let quote = rest.first.flatMap { $0 == "\"" || $0 == "'" ? $0 : nil }
            if quote != nil { rest = rest.dropFirst() }
            let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == "-" }
            guard let first = name.first, first.isLetter || first == "_" else { continue }
            found.append((String(name), strips, isSpaced))
            rest = rest.dropFirst(name.count)
        }
        return found
    }

    /// The exec form; nil when it is none.
    private static func list(_ text: String) -> [String]? {
        guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
        var items: [String] = []
        var item = ""
        var isInside = false
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if isEscaped {
                item.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if isInside, character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                if isInside { items.append(item) }
                item = ""
                isInside.toggle()
            } else if isInside {
                item.append(character)
            } else if character != ",", !character.isWhitespace {
                // Not JSON: the builder takes it for the shell form.
                return nil
            }
        }
        return isInside ? nil : items
    }

    /// Words as a shell cuts them, without their quotes.
    package static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isWord = false
        var quote: Character?
        var isEscaped = false
        for character in text {
            if isEscaped {
                word.append(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
                isWord = true
            } else if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                isWord = true
            } else if character.isWhitespace {
                if isWord { words.append(word) }
                word = ""
                isWord = false
            } else {
                word.append(character)
                isWord = true
            }
        }
        if isWord { words.append(word) }
        return words
    }

    /// `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME-default}` put in; what is not known becomes empty.
    package static func filled(_ text: String, _ values: [String: String]) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "{", let close = rest.firstIndex(of: "}") {
                let inside = rest[rest.index(after: rest.startIndex)..<close]
                let name = inside.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                let operation = inside.dropFirst(name.count)
                let known = values[String(name)]
                if operation.hasPrefix(":-") {
                    result += known.flatMap { $0.isEmpty ? nil : $0 } ?? String(operation.dropFirst(2))
                } else if operation.hasPrefix("-") {
                    result += known ?? String(operation.dropFirst())
                } else {
                    result += known ?? ""
                }
                rest = rest[rest.index(after: close)...]
            } else {
                let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                if name.isEmpty { result += "$" }
                result += values[String(name)] ?? ""
                rest = rest.dropFirst(name.count)
            }
        }
        return result + rest
    }
}

extension Dockerfile {
    /// The instructions of a stage behind those of the earlier stages that it begins from.
    package func lineage(of stage: Stage) -> [Instruction] {
        guard let place = stages.firstIndex(of: stage),
            let base = stages[..<place].last(where: { $0.name == stage.image.lowercased() })
        else { return stage.instructions }
        return lineage(of: base) + stage.instructions
    }

    /// What an image is made from that is no stage of this file: `python:3.12-slim`.
    package func base(of stage: Stage) -> String {
        guard let place = stages.firstIndex(of: stage),
            let base = stages[..<place].last(where: { $0.name == stage.image.lowercased() })
        else { return stage.image }
        return self.base(of: base)
    }

    /// What `ENV` and `ARG` set while a stage is built, in their order.
    package func buildValues(of stage: Stage) -> [String: String] { values(of: stage).build }

    /// What `ENV` sets for the app. `ARG` is gone when it starts.
    package func environment(of stage: Stage) -> [String: String] { values(of: stage).run }

    private func values(of stage: Stage) -> (build: [String: String], run: [String: String]) {
        var build: [String: String] = [:]
        var run: [String: String] = [:]
        for instruction in lineage(of: stage) where instruction.name == "ENV" || instruction.name == "ARG" {
            let words = instruction.words
            if instruction.name == "ENV", let first = words.first, !first.contains("=") {
                // The old form: ENV NAME value
                build[first] = Self.filled(words.dropFirst().joined(separator: " "), build)
                run[first] = build[first]
                continue
            }
            for word in words {
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = String(parts[0])
                if parts.count == 2 {
                    // An ARG does not replace an ENV of the same name.
                    if instruction.name == "ARG", run[name] != nil { continue }
                    build[name] = Self.filled(String(parts[1]), build)
                    if instruction.name == "ENV" { run[name] = build[name] }
                } else if instruction.name == "ARG", let above = arguments[name] {
                    build[name] = above
                }
            }
        }
        return (build, run)
    }
}

extension StringProtocol {
    /// Lines without their ends. A Windows line end is one character in Swift, and not a newline followed by another.
    var lines: [SubSequence] {
        var found: [SubSequence] = []
        var start = startIndex
        var before: UInt8 = 0
        var previous = startIndex
        var at = startIndex
        // Over bytes: characters would cost ten times as much.
        while at < endIndex {
            let byte = utf8[at]
            let next = utf8.index(after: at)
            if byte == 0x0A {
                found.append(self[start..<(before == 0x0D && previous >= start ? previous : at)])
                start = next
            }
            before = byte
            previous = at
            at = next
        }
        found.append(self[start...])
        return found
    }

    /// Where a text stands first. Over bytes, as ``lines``.
    func find(_ text: String) -> Range<Index>? {
        let needle = Array(text.utf8)
        guard let first = needle.first else { return startIndex..<startIndex }
        let bytes = utf8
        func offset(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
            guard bytes.count >= needle.count else { return nil }
            var at = 0
            let last = bytes.count - needle.count
            search: while at <= last {
                defer { at += 1 }
                guard bytes[at] == first else { continue }
                for number in 1..<Swift.max(1, needle.count) where bytes[at + number] != needle[number] {
                    continue search
                }
                return at
            }
            return nil
        }
        // Every text of Swift's own is in one piece.
        let found = bytes.withContiguousStorageIfAvailable(offset) ?? Array(bytes).withUnsafeBufferPointer(offset)
        return found.map { start in
            let begin = bytes.index(bytes.startIndex, offsetBy: start)
            return begin..<bytes.index(begin, offsetBy: needle.count)
        }
    }

    func has(_ text: String) -> Bool { find(text) != nil }

    var trimmed: String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return text.trimmedEnd
    }

    var trimmedEnd: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}

extension String {
    /// Lines with their ends, so that joined they are the text again.
    var wholeLines: [Substring] {
        var found: [Substring] = []
        var start = startIndex
        while let end = utf8[start...].firstIndex(of: 0x0A) {
            let next = utf8.index(after: end)
            found.append(self[start..<next])
            start = next
        }
        if start < endIndex { found.append(self[start...]) }
        return found
    }

    /// What its first line ends with; a newline when there is none.
    var lineEnd: String { contains("\r\n") ? "\r\n" : "\n" }
}
