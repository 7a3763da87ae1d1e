import StokerCore

/// What of a condition of another tool becomes an expectation.
enum ImportedCondition {
    /// A value that JSON is compared with: a number, a truth value, or text.
    static func value(_ text: String) -> String {
        if ["true", "false", "null"].contains(text) { return text }
        if let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
            let number = try? JSONValue(reading: text), number.double != nil, text.utf8.count <= 15
        {
            return text
        }
        return ImportedText.quoted(text)
    }

    /// A pattern with `*` and `?` as a regular expression for the whole text.
    static func regex(of pattern: String) -> String {
        var out = "(?s)^"
        for character in pattern {
            switch character {
            case "*": out += ".*"
            case "?": out += "."
            default: out += escaped(String(character))
            }
        }
        return out + "$"
    }

    static func escaped(_ text: String) -> String {
        text.map { "\\.+*?()[]{}|^$".contains($0) ? "\\\($0)" : String($0) }.joined()
    }
}
