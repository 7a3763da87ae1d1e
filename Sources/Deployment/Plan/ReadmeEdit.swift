import HubClient
import StokerCore

/// A README whose header says what the fleet file wants; all else stays as it is, comments and order included.
enum ReadmeEdit {
    /// - Parameters:
    ///   - readme: the whole file; nil where there is none.
    ///   - members: keys and their values, which replace those of the header or stand behind them.
    static func text(_ readme: String?, setting members: [JSONValue.Member]) -> String {
        guard !members.isEmpty else { return readme ?? "" }
        let readme = readme ?? ""
        guard let block = FrontMatter.block(of: readme) else {
            let header = "---\n" + members.map { "\($0.name): \(scalar($0.value))\n" }.joined() + "---\n"
            return header + (readme.isEmpty ? "" : "\n" + readme)
        }
        let start = readme.hasPrefix("\u{FEFF}") ? 1 : 0
        let rest = String(String.UnicodeScalarView(readme.unicodeScalars.dropFirst(start + block.unicodeScalars.count)))
        let end = block.contains("\r\n") ? "\r\n" : "\n"
        var lines = block.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(String.UnicodeScalarView(line.last == "\r" ? line.dropLast() : line))
        }
        if lines.last == "" { lines.removeLast() }
        for member in members {
            let written = "\(member.name): \(scalar(member.value))"
            guard let index = lines.firstIndex(where: { isKey(member.name, $0) }) else {
                lines.insert(written, at: max(1, lines.count - 1))
                continue
            }
            // What belongs to the old value is indented, or an item of a list.
            var next = index + 1
            while next < lines.count - 1, let first = lines[next].first,
                " \t".contains(first) || lines[next].hasPrefix("- ") || lines[next] == "-"
            {
                next += 1
            }
            lines.replaceSubrange(index..<next, with: [written])
        }
        return lines.joined(separator: end) + end + rest
    }

    private static func isKey(_ name: String, _ line: String) -> Bool {
        for form in [name, "\"\(name)\"", "'\(name)'"] where line.hasPrefix(form) {
            if line.dropFirst(form.count).drop(while: { $0 == " " }).first == ":" { return true }
        }
        return false
    }

    /// In flow style, which JSON is.
    private static func scalar(_ value: JSONValue) -> String {
        guard case .string(let text) = value else { return value.text }
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        let isPlain =
            text.first.map { $0.isASCII && $0.isLetter } ?? false
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || " -_./".contains($0)) }
            && text.last != " " && !words.contains(text.lowercased())
        return isPlain ? text : value.text
    }
}
