/// The `.gitattributes` at the top of a repository, in which the Hub itself keeps which files are in LFS.
package enum GitAttributes {
    /// `own` with the LFS rules that only `stored` has, behind it as the Hub writes them: the Hub adds a rule for each large file, and a folder's own file,
    /// which knows nothing of them, would take them away. A pattern that `own` has a line for stays as it is there.
    /// - Returns: the text, and the patterns whose rules were added.
    package static func merged(own: String, stored: String) -> (text: String, kept: [String]) {
        let known = Set(lines(own).compactMap(pattern))
        var text = own
        var kept: [String] = []
        for line in lines(stored) {
            guard let pattern = pattern(of: line), !known.contains(pattern),
                line.split(whereSeparator: { $0 == " " || $0 == "\t" }).contains("filter=lfs")
            else { continue }
            if !text.isEmpty, !text.utf8.suffix(1).elementsEqual([10]) { text += "\n" }
            text += line + "\n"
            kept.append(pattern)
        }
        return (text, kept)
    }

    private static func lines(_ text: String) -> [Substring] {
        text.split { $0.isNewline }
    }

    private static func pattern(of line: Substring) -> String? {
        let text = line.drop { $0 == " " || $0 == "\t" }
        guard let first = text.first, first != "#" else { return nil }
        if first == "\"", let end = text.dropFirst().firstIndex(of: "\"") { return String(text[...end]) }
        return String(text.prefix { $0 != " " && $0 != "\t" })
    }
}
