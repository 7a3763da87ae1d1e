/// Rows of comma-separated values (RFC 4180).
package enum CSV {
    /// Fields with commas between them and a line end behind.
    package static func row(_ fields: [String]) -> String {
        fields.map(field).joined(separator: ",") + "\r\n"
    }

    /// Quoted where RFC 4180 section 2 asks for it. What a spreadsheet would run as a formula gets an apostrophe in front; a number does
    /// not. Source: OWASP, "CSV Injection".
    package static func field(_ value: String) -> String {
        var safe = value
        if let first = value.unicodeScalars.first, ["=", "+", "-", "@", "\t", "\r"].contains(first),
            JSONNumber(value) == nil
        {
            safe = "'" + value
        }
        // By scalars: to Swift "\r\n" is one character, and a quote with a combining mark is none.
        guard safe.unicodeScalars.contains(where: { [",", "\"", "\r", "\n"].contains($0) }) else { return safe }
        var text = "\""
        for scalar in safe.unicodeScalars {
            if scalar == "\"" { text += "\"" }
            text.unicodeScalars.append(scalar)
        }
        return text + "\""
    }
}
