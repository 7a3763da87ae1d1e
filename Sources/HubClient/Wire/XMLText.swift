import FoundationEssentials

/// The text between tags of XML, as far as S3 and the Hub's storage answer in it.
enum XMLText {
    /// The characters behind the five entities of XML; `&#34;` is how S3 writes the quotes of an ETag.
    static func unescaped(_ text: some StringProtocol) -> String {
        // The ampersand is last: what it makes is no entity.
        String(text).replacing("&quot;", with: "\"").replacing("&#34;", with: "\"").replacing("&apos;", with: "'")
            .replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    }
}
