/// Texts in other languages' quotes.
package enum Quote {
    /// For a POSIX shell.
    package static func shell(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    /// A JavaScript (and JSON) string; `<` is escaped so that it is safe inside HTML as well.
    package static func script(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{2028}", "\u{2029}", "<": result += escape(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += escape(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let hex = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }
}
