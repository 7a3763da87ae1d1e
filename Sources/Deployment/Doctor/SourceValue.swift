/// What an expression of a program is worth when that can be told without running it.
///
/// Literals, environment variables with a standard value, and names that are set once in the same file. Everything else is nil: unknown.
struct SourceValue {
    let text: String
    let environment: [String: String]
    /// In which variable the value was looked for, when it is its standard value.
    private(set) var variable: String?

    init(_ text: String, _ environment: [String: String]) {
        self.text = text
        self.environment = environment
    }

    /// - Parameter depth: names lead to names at most so often.
    mutating func of(_ expression: some StringProtocol, depth: Int = 3) -> String? {
        let expression = expression.trimmed
        guard let first = expression.first, depth > 0 else { return nil }
        for wrapper in ["int(", "str(", "Number(", "parseInt(", "Int(", "String("]
        where expression.hasPrefix(wrapper) && expression.hasSuffix(")") {
            let inside = expression.dropFirst(wrapper.count).dropLast()
            // parseInt(x, 10)
            let parts = Self.arguments(inside)
            return of(parts.first ?? "", depth: depth)
        }
        for sign in [" || ", " ?? ", " or "] {
            if let place = expression.find(sign) {
                // Inside of brackets it belongs to something else.
                let left = expression[..<place.lowerBound]
                guard left.filter({ $0 == "(" }).count == left.filter({ $0 == ")" }).count else { continue }
                if let known = of(left, depth: depth), !known.isEmpty { return known }
                guard isOfEnvironment(left, depth: depth) else { return nil }
                return of(expression[place.upperBound...], depth: depth)
            }
        }
        if first == "\"" || first == "'" || first == "`", expression.count >= 2, expression.last == first {
            let inside = expression.dropFirst().dropLast()
            return inside.contains(first) || inside.contains("${") || inside.contains("\\(") ? nil : String(inside)
        }
        if expression.allSatisfy({ $0.isNumber || $0 == "_" }) { return expression.filter { $0 != "_" } }
        if first == "+" { return of(expression.dropFirst(), depth: depth) }
        for call in ["os.environ.get(", "os.getenv(", "environ.get(", "getenv("] where expression.hasPrefix(call) {
            guard expression.hasSuffix(")") else { return nil }
            let parts = Self.arguments(expression.dropFirst(call.count).dropLast())
            guard let name = parts.first.map({ $0.trimmed.filter { $0 != "\"" && $0 != "'" } }) else { return nil }
            if let set = environment[name] { return set }
            guard parts.count > 1 else { return nil }
            variable = name
            return of(parts[1], depth: depth)
        }
        if let name = Self.variable(expression) {
            if let set = environment[name] { return set }
            variable = name
            return nil
        }
        guard expression.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else { return nil }
        guard let set = assignment(of: expression) else { return nil }
        return of(set, depth: depth - 1)
    }

    /// `process.env.PORT`, `os.environ["PORT"]`, `os.Getenv("PORT")`, `ProcessInfo…environment["PORT"]`
    private static func variable(_ expression: String) -> String? {
        for (start, end) in [
            ("process.env.", ""), ("Deno.env.get(", ")"), ("Bun.env.", ""), ("os.environ[", "]"), ("os.Getenv(", ")"),
            ("process.env[", "]"), ("ProcessInfo.processInfo.environment[", "]"), ("Environment.get(", ")"),
        ] where expression.hasPrefix(start) && expression.hasSuffix(end) {
            let name = expression.dropFirst(start.count).dropLast(end.count).filter { $0 != "\"" && $0 != "'" }
            if !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) { return name }
        }
        return nil
    }

    /// Whether an expression that is unknown is an environment variable that nothing sets.
    private func isOfEnvironment(_ expression: some StringProtocol, depth: Int) -> Bool {
        let expression = expression.trimmed
        if Self.variable(expression) != nil || expression.hasPrefix("os.getenv(")
            || expression.hasPrefix("os.environ.get(")
        {
            return true
        }
        for wrapper in ["Number(", "parseInt(", "int("] where expression.hasPrefix(wrapper) {
            return isOfEnvironment(
                Self.arguments(expression.dropFirst(wrapper.count).dropLast()).first ?? "", depth: depth)
        }
        guard depth > 1, let set = assignment(of: expression) else { return false }
        return isOfEnvironment(set, depth: depth - 1)
    }

    /// What a name is set to, when that happens once.
    private func assignment(of name: String) -> String? {
        guard !name.isEmpty else { return nil }
        var found: String?
        for line in text.lines {
            var line = line.trimmed
            for word in ["const ", "let ", "var ", "export ", "final "] where line.hasPrefix(word) {
                line = String(line.dropFirst(word.count)).trimmed
            }
            guard line.hasPrefix(name) else { continue }
            var rest = line.dropFirst(name.count)[...]
            // A type: PORT: int = 1
            if rest.first == ":", !rest.hasPrefix(":=") {
                rest = rest.dropFirst().drop { $0 != "=" }
            }
            rest = rest.drop(while: \.isWhitespace)
            if rest.hasPrefix(":=") { rest = rest.dropFirst() }
            guard rest.first == "=", rest.dropFirst().first != "=" else { continue }
            if found != nil { return nil }
            var value = rest.dropFirst().trimmed
            for comment in ["  #", " # ", " // "] {
                if let start = value.find(comment) { value = value[..<start.lowerBound].trimmed }
            }
            while value.last == ";" || value.last == "," { value.removeLast() }
            found = value
        }
        return found
    }

    /// The parts between commas of the outermost level.
    static func arguments(_ text: some StringProtocol) -> [String] {
        var parts: [String] = []
        var part = ""
        var depth = 0
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
                part.append(character)
                continue
            }
            switch character {
            case "\"", "'", "`": quote = character
            case "(", "[", "{": depth += 1
            case ")", "]", "}": depth -= 1
            case "," where depth == 0:
                parts.append(part)
                part = ""
                continue
            default: break
            }
            part.append(character)
        }
        if !part.trimmed.isEmpty { parts.append(part) }
        return parts
    }
}

/// A call in a program: its arguments, and where they stand.
struct SourceCall {
    var arguments: [String]
    /// From 1.
    var line: Int
    var end: Int

    /// `name=value` or `name: value` among the arguments.
    func named(_ names: String...) -> String? {
        for argument in arguments {
            let argument = argument.trimmed
            for name in names {
                for sign in ["=", " =", ":"] where argument.hasPrefix(name + sign) {
                    let value = argument.dropFirst(name.count + sign.count)
                    if value.first != "=" { return value.trimmed }
                }
            }
        }
        return nil
    }

    /// Arguments that have no name.
    var plain: [String] {
        arguments.map(\.trimmed).filter { argument in
            let name = argument.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            let next = argument.dropFirst(name.count).drop(while: \.isWhitespace)
            return name.isEmpty || !(next.hasPrefix("=") && !next.hasPrefix("==") || next.hasPrefix(":"))
        }
    }

    /// The calls of a function in a text. What stands in comments is left out.
    /// - Parameter name: with its opening bracket: `uvicorn.run(`.
    static func all(_ name: String, in text: String) -> [SourceCall] {
        var found: [SourceCall] = []
        guard text.has(name) else { return [] }
        let lines = text.lines
        for (number, line) in lines.enumerated() {
            guard let start = line.find(name) else { continue }
            let head = line.trimmed
            if head.hasPrefix("#") || head.hasPrefix("//") || head.hasPrefix("*") { continue }
            if let before = line[..<start.lowerBound].last, before.isLetter || before.isNumber || before == "_" {
                if !name.hasPrefix(".") { continue }
            }
            // Up to the bracket that closes it; a call of more than 60 lines is unknown.
            var inside = ""
            var depth = 1
            var quote: Character?
            var isClosed = false
            var end = number
            scan: for later in number..<min(lines.count, number + 60) {
                let piece = later == number ? line[start.upperBound...] : lines[later]
                end = later
                for character in piece {
                    if let open = quote {
                        if character == open { quote = nil }
                    } else if character == "\"" || character == "'" || character == "`" {
                        quote = character
                    } else if character == "#", name != ".listen(" {
                        break
                    } else if "([{".contains(character) {
                        depth += 1
                    } else if ")]}".contains(character) {
                        depth -= 1
                        if depth == 0 {
                            isClosed = true
                            break scan
                        }
                    }
                    inside.append(character)
                }
                inside.append(" ")
                if quote != "`" { quote = nil }
            }
            guard isClosed else { continue }
            found.append(
                SourceCall(arguments: SourceValue.arguments(inside), line: number + 1, end: end + 1))
        }
        return found
    }
}
