/// Reads `.env` files: `NAME=value` lines for `${NAME}` in the fleet file.
package enum DotEnv {
    /// A variable and where it stands.
    package struct Entry: Sendable, Equatable {
        /// Left of `=`, without `export`.
        package var name: String
        /// Without its quotes.
        package var value: String
        /// Counted from 1.
        package var line: Int
    }

    /// The variables, or every line that is none. The last line of a name counts.
    package static func read(text: String, name: String) -> Result<[String: String], FleetProblems> {
        entries(text: text, name: name).map { Dictionary($0.map { ($0.name, $0.value) }) { $1 } }
    }

    /// The same with the line of each, in the order of the file.
    ///
    /// Values are what python-dotenv 1.2 reads (its `parser.py`; a test compares them): `#` begins a comment at the start of a line and
    /// behind a space, but `NAME=#value` is a value. `export ` in front is allowed. 'Single quotes' know `\'` and `\\`; "double quotes" also
    /// `\"`, `\a`, `\b`, `\f`, `\n`, `\r`, `\t` and `\v`; both may span lines. A file that ends its lines as Windows does reads the same.
    ///
    /// Stricter than python-dotenv, which skips such lines, or takes them for something that programs disagree about: a line without `=`, a name with other
    /// characters than letters, digits and `_`, a quote that is never closed, `${NAME}` in a value (python-dotenv expands it, others do
    /// not) and `\$` in double quotes (it stays as it is there, others drop the backslash), and lines that look like pieces of a key pasted without quotes.
    ///
    /// Problems never show a word of the file: what is no name may be a piece of a secret.
    package static func entries(text: String, name: String) -> Result<[Entry], FleetProblems> {
        var reader = Reader(text: text, name: name)
        reader.run()
        return reader.problems.isEmpty ? .success(reader.entries) : .failure(FleetProblems(reader.problems))
    }

    private struct Reader {
        let name: String
        let scalars: [Unicode.Scalar]
        var index = 0
        var line = 1
        var lineStart = 0
        var entries: [Entry] = []
        var hasEscapedDollar = false
        var problems: [Problem] = []

        init(text: String, name: String) {
            self.name = name
            var scalars = Array(text.unicodeScalars)[...]
            if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
            var lines: [Unicode.Scalar] = []
            lines.reserveCapacity(scalars.count)
            var previous: Unicode.Scalar?
            for scalar in scalars {
                // A carriage return ends a line, with or without the newline behind it.
                if scalar == "\r" {
                    lines.append("\n")
                } else if scalar != "\n" || previous != "\r" {
                    lines.append(scalar)
                }
                previous = scalar
            }
            self.scalars = lines
        }

        var current: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

        mutating func advance() {
            if current == "\n" {
                line += 1
                lineStart = index + 1
            }
            index += 1
        }
        /// What Python's `\s` takes, but for the end of a line.
        static func isBlank(_ scalar: Unicode.Scalar?) -> Bool {
            guard let scalar, scalar != "\n" else { return false }
            return scalar.properties.isWhitespace || ("\u{1C}"..."\u{1F}").contains(scalar)
        }
        mutating func skipBlanks() { while Self.isBlank(current) { advance() } }
        mutating func skipLine() { while let scalar = current, scalar != "\n" { advance() } }

        mutating func report(_ text: String, at place: (line: Int, column: Int)? = nil) {
            let place = place ?? (line, index - lineStart + 1)
            if problems.count < FleetReading.problemLimit {
                problems.append(
                    Problem(file: name, line: place.line, column: place.column, path: "", text: text, rule: .variable))
            }
            skipLine()
        }

        func isName(_ scalar: Unicode.Scalar) -> Bool {
            scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
                || ("0"..."9").contains(scalar)
        }
        mutating func word() -> String {
            var word = ""
            while let scalar = current, isName(scalar) {
                word.unicodeScalars.append(scalar)
                advance()
            }
            return word
        }

        mutating func run() {
            while current != nil {
                skipBlanks()
                if current == "#" { skipLine() }
                if current == nil { break }
                if current == "\n" {
                    advance()
                    continue
                }
                readLine()
            }
        }

        mutating func readLine() {
            let begin = (line: line, column: index - lineStart + 1)
            var variable = word()
            if variable == "export", Self.isBlank(current) {
                skipBlanks()
                variable = word()
            }
            guard let first = variable.unicodeScalars.first else {
                return report(
                    "a line is NAME=value; this one begins with no name. A value of several lines stands in quotes",
                    at: begin)
            }
            guard !("0"..."9").contains(first) else {
                return report("the name of a variable does not begin with a digit", at: begin)
            }
            skipBlanks()
            guard current == "=" else {
                return report(
                    "a line is NAME=value; this one has no `=` behind a name. A value of several lines stands in quotes, and a name has letters, digits and _ only",
                    at: begin)
            }
            advance()
            let start = (line: line, column: index - lineStart + 1)
            skipBlanks()
            var value = ""
            if current == "\"" || current == "'" {
                guard let quoted = quoted() else { return report("the quote opened here is never closed", at: start) }
                skipBlanks()
                if current == "#" { skipLine() }
                guard current == nil || current == "\n" else {
                    return report("there is something behind the closing quote of this value", at: start)
                }
                guard !hasEscapedDollar else {
                    hasEscapedDollar = false
                    return report(
                        "`\\$` in double quotes is `$` to some programs and two characters to others; a `$` alone needs no backslash",
                        at: start)
                }
                value = quoted
            } else if current == "#", index - lineStart + 1 > start.column {
                skipLine()
            } else {
                value = unquoted()
                guard !isPiece(variable, value) else {
                    return report(
                        "this looks like a piece of a key, not like NAME=value; a value of several lines stands in quotes",
                        at: begin)
                }
            }
            guard !Self.names(value) else {
                return report(
                    "${NAME} in a value is expanded by some programs and kept by others; write out what is meant, or set this variable in another way",
                    at: start)
            }
            entries.append(Entry(name: variable, value: value, line: begin.line))
        }

        /// The last line of something in base64 ends in `=` or `==`, and then all before it looks like a name.
        func isPiece(_ name: String, _ value: String) -> Bool {
            if value == "=" { return true }
            func has(_ range: ClosedRange<Unicode.Scalar>) -> Bool {
                name.unicodeScalars.contains { range.contains($0) }
            }
            return value.isEmpty && name.utf8.count >= 40 && !name.contains("_") && has("a"..."z") && has("A"..."Z")
                && has("0"..."9")
        }

        /// Whether python-dotenv would expand something in it. Source: its `variables.py`.
        static func names(_ value: String) -> Bool {
            var rest = Substring(value).unicodeScalars
            while let dollar = rest.firstIndex(of: "$") {
                rest = rest[rest.index(after: dollar)...]
                guard rest.first == "{" else { continue }
                let inside = rest.dropFirst()
                guard let end = inside.firstIndex(where: { $0 == "}" || $0 == ":" }) else { return false }
                if inside[end] == "}" { return true }
                let behind = inside[inside.index(after: end)...]
                if behind.first == "-", behind.contains("}") { return true }
            }
            return false
        }

        mutating func unquoted() -> String {
            var value = String.UnicodeScalarView()
            while let scalar = current, scalar != "\n" {
                if scalar == "#", let last = value.last, Self.isBlank(last) {
                    skipLine()
                    break
                }
                value.append(scalar)
                advance()
            }
            while let last = value.last, Self.isBlank(last) { value.removeLast() }
            return String(value)
        }

        mutating func quoted() -> String? {
            let quote = current
            advance()
            var value = String.UnicodeScalarView()
            while let scalar = current {
                advance()
                if scalar == quote { return String(value) }
                guard scalar == "\\", let next = current else {
                    value.append(scalar)
                    continue
                }
                advance()
                switch next {
                case "\\", "'": value.append(next)
                case "\"" where quote == "\"": value.append(next)
                case "a" where quote == "\"": value.append("\u{7}")
                case "b" where quote == "\"": value.append("\u{8}")
                case "f" where quote == "\"": value.append("\u{C}")
                case "n" where quote == "\"": value.append("\n")
                case "r" where quote == "\"": value.append("\r")
                case "t" where quote == "\"": value.append("\t")
                case "v" where quote == "\"": value.append("\u{B}")
                default:
                    if next == "$", quote == "\"" { hasEscapedDollar = true }
                    value.append(contentsOf: [scalar, next])
                }
            }
            return nil
        }
    }
}
