/// Texts in other languages' quotes.
package enum Quote {
    /// For a POSIX shell.
    package static func shell(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    /// A JavaScript (and JSON) string; `<` is escaped so that it is safe inside HTML as well.
    package static func script(_ text: String) -> String { JSONValue.quotedForScripts(text) }
}
