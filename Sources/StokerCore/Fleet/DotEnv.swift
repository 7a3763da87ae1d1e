/// Reads `.env` files: `NAME=value` lines for `${NAME}` in the fleet file.
package enum DotEnv {
    /// The variables, or every line that is none.
    ///
    /// `#` begins a comment at the start of a line and, after a space, behind an unquoted value. `export ` in front is allowed.
    /// 'Single quotes' keep all as written; "double quotes" know `\n`, `\t`, `\r`, `\"`, `\\` and `\$`; both may span lines. Values are
    /// not expanded. The last line of a name counts. Problems never show values.
    package static func read(text: String, name: String) -> Result<[String: String], FleetProblems> {
        var reader = Reader(text: text, name: name)
        reader.run()
        return reader.problems.isEmpty ? .success(reader.variables) : .failure(FleetProblems(reader.problems))
    }

    private struct Reader {
        let name: String
        let scalars: [Unicode.Scalar]
        var index = 0
        var line = 1
        var lineStart = 0
        var variables: [String: String] = [:]
        var problems: [Problem] = []

        init(text: String, name: String) {
            self.name = name
            scalars = Array(text.unicodeScalars.drop { $0 == "\u{FEFF}" }).filter { $0 != "\r" }
        }

        var current: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

        mutating func advance() {
            if current == "\n" {
                line += 1
                lineStart = index + 1
            }
            index += 1
        }
        mutating func skipBlanks() { while current == " " || current == "\t" { advance() } }
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
            var variable = word()
            if variable == "export", current == " " || current == "\t" {
                skipBlanks()
                variable = word()
            }
            guard let first = variable.unicodeScalars.first else {
                return report("a line is NAME=value; this one begins with no name")
            }
            guard !("0"..."9").contains(first) else {
                return report("the name of a variable does not begin with a digit")
            }
            skipBlanks()
            guard current == "=" else { return report("`\(variable)` has no `=` behind it") }
            advance()
            skipBlanks()
            let start = (line: line, column: index - lineStart + 1)
            if current == "\"" || current == "'" {
                guard let value = quoted() else { return report("the quote opened here is never closed", at: start) }
                skipBlanks()
                if current == "#" { skipLine() }
                guard current == nil || current == "\n" else {
                    return report("there is something behind the closing quote of \(variable)")
                }
                variables[variable] = value
            } else {
                variables[variable] = unquoted()
            }
        }

        mutating func unquoted() -> String {
            var value = String.UnicodeScalarView()
            while let scalar = current, scalar != "\n" {
                if scalar == "#", value.isEmpty || value.last == " " || value.last == "\t" {
                    skipLine()
                    break
                }
                value.append(scalar)
                advance()
            }
            while value.last == " " || value.last == "\t" { value.removeLast() }
            return String(value)
        }

        mutating func quoted() -> String? {
            let quote = current
            advance()
            var value = String.UnicodeScalarView()
            while let scalar = current {
                advance()
                if scalar == quote { return String(value) }
                guard scalar == "\\", quote == "\"", let next = current else {
                    value.append(scalar)
                    continue
                }
                advance()
                switch next {
                case "n": value.append("\n")
                case "t": value.append("\t")
                case "r": value.append("\r")
                case "\"", "\\", "$": value.append(next)
                default: value.append(contentsOf: [scalar, next])
                }
            }
            return nil
        }
    }
}
