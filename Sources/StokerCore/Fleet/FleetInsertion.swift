internal import Yams

/// Adds a Space to the text of a fleet file; every other byte stays as it is.
///
/// What comes out is parsed again and held against what went in, so that an odd layout leads to a refusal and never to another meaning.
package struct FleetInsertion {
    /// A Space as it goes into the file: the same twice, as lines and as JSON.
    package struct Entry: Sendable {
        /// The key under `spaces`.
        package var key: String
        /// Lines below the key, indented against each other by two spaces. Comments may be among them.
        package var lines: [String]
        /// What the lines say, for files in JSON and in braces. Texts as they stand in the file: `$$` is a dollar sign.
        package var value: JSONValue

        package init(key: String, lines: [String], value: JSONValue) {
            self.key = key
            self.lines = lines
            self.value = value
        }
    }

    private let file: String
    /// Without its byte order mark.
    private let text: String
    private let mark: String
    /// nil for a file with nothing in it.
    private let root: Node?
    /// Where each line begins, as the parser counts them.
    private let lineStarts: [String.Index]
    /// Owner of the Spaces that are named without one: `hub.namespace`.
    package let namespace: String?
    /// `hub.endpoint`, when the file names one.
    package let endpoint: String?
    /// Ids (as ``SpaceName/key(_:)`` has them) and names that are taken, each with its section.
    private let ids: [String: String]
    private let names: [String: String]
    /// Folders that Spaces are shipped from (`deploy.from`), as the file writes them.
    package let folders: [String]

    /// - Parameters:
    ///   - file: its name, for messages.
    ///   - environment: what `${NAME}` stands for.
    /// - Throws: the mistakes by which it cannot be understood. Whether the rest of it makes sense is not looked at.
    package init(text: String, file: String, environment: [String: String]) throws(FleetProblems) {
        self.file = file
        self.text = text.withoutByteOrderMark
        mark = text.unicodeScalars.first == "\u{FEFF}" ? "\u{FEFF}" : ""
        lineStarts = Self.lineStarts(self.text)
        let document = try FleetDocument.compose(self.text, file: file).get()
        let reading = FleetReading(file: file, environment: environment, document: document)
        reading.reportDuplicates()
        root = document.root
        var hub: (namespace: String?, endpoint: String?)
        var ids: [String: String] = [:]
        var names: [String: String] = [:]
        var folders: [String] = []
        if let root, let top = Value(node: root, place: .root, reading: reading).section(nil) {
            let section = top["hub"]?.section(nil)
            hub.namespace = section?["namespace"]?.optionalString("a user or organisation such as acme")
            hub.endpoint = section?["endpoint"]?.optionalString("an address such as https://huggingface.co")
            for kind in ["spaces", "targets", "heartbeats"] {
                for entry in top[kind]?.section(nil)?.entries ?? [] {
                    var name = entry.key
                    if kind == "spaces" {
                        if !name.contains("/"), let owner = hub.namespace { name = "\(owner)/\(name)" }
                        ids[SpaceName.key(name)] = kind
                        name = String(name.split(separator: "/").last ?? "")
                        if case .mapping = entry.value.node, let space = entry.value.section(nil) {
                            name = space["name"]?.text("a name")?.value ?? name
                            folders += Self.folder(space["deploy"]).map { [$0] } ?? []
                        }
                    }
                    names[name] = kind
                }
            }
        }
        guard reading.problems.isEmpty else { throw reading.sorted }
        namespace = hub.namespace
        endpoint = hub.endpoint
        self.ids = ids
        self.names = names
        self.folders = folders
    }

    private static func folder(_ deploy: Value?) -> String? {
        guard let deploy, case .mapping = deploy.node, let from = deploy.section(nil)?["from"], case .scalar = from.node
        else { return nil }
        return from.text("a folder such as ./backend")?.value
    }

    /// The section in which the file has a Space of that id, or anything of that name; nil when both are free.
    package func section(with id: String) -> String? {
        ids[SpaceName.key(id)] ?? names[String(id.split(separator: "/").last ?? "")]
    }

    /// The text with the entry at the end of its section, which is made when it is missing.
    /// - Throws: `usage` when there is no place that is certain; the hint holds what to write by hand.
    package func adding(_ entry: Entry, to section: String = "spaces") throws(Failure) -> String {
        let expected = self.expected(entry, section)
        for candidate in candidates(entry, section) {
            guard case .success(let document) = FleetDocument.compose(candidate, file: file), document.renamed.isEmpty,
                let root = document.root, Self.outline(root) == expected
            else { continue }
            return mark + candidate
        }
        throw Failure(
            .usage, doing: "add \(entry.key) to \(file)",
            because: "the file is laid out so that no place for it is certain to be right",
            hint: "write this under `\(section)` yourself: \(Self.flow(entry))")
    }

    // MARK: Places

    /// Texts with the entry in places that may be right, the likeliest first.
    private func candidates(_ entry: Entry, _ section: String) -> [String] {
        guard let root else { return [atEnd("\(section):\(lineEnd)" + block(entry, margin: 2))] }
        guard let top = root.mapping else { return [] }
        guard let place = top.firstIndex(where: { $0.key.string == section }) else {
            guard let first = top.first?.key.mark, brace(of: root) == nil else {
                let whole = Entry(key: section, lines: [], value: .object([.init(entry.key, entry.value)]))
                return inBraces(root, whole)
            }
            let margin = String(repeating: " ", count: first.column - 1)
            return [atEnd("\(lineEnd)\(margin)\(section):\(lineEnd)" + block(entry, margin: first.column + 1))]
        }
        let (key, value) = top[place]
        guard let mark = key.mark else { return [] }
        if brace(of: value) != nil { return inBraces(value, entry) }
        if let first = value.mapping?.first?.key.mark {
            let next = top.index(after: place)
            let end = next < top.endIndex ? top[next].key.mark?.line : nil
            return behindLast(end, margin: first.column - 1, block(entry, margin: first.column - 1))
        }
        return value.string == "" ? [inserted(block(entry, margin: mark.column + 1), before: mark.line + 1)] : []
    }

    /// Behind the last entry of a section that ends before line `end`: above the comments of what follows, else right before it.
    private func behindLast(_ end: Int?, margin: Int, _ lines: String) -> [String] {
        let end = end ?? lineStarts.count + 1
        var line = end
        while line > 1 {
            let start = lineStarts[line - 2]
            let words = text[start...].prefix { !$0.isNewline }
            let content = words.drop { $0 == " " }
            let isOfWhatFollows = content.first == "#" && words.count - content.count < margin
            guard content.allSatisfy(\.isWhitespace) || isOfWhatFollows else { break }
            line -= 1
        }
        return [inserted(lines, before: line), inserted(lines, before: end)]
    }

    /// Before a line, counted from 1; behind the last one for a line that is not there.
    private func inserted(_ lines: String, before line: Int) -> String {
        guard line <= lineStarts.count else { return atEnd(lines) }
        return text[..<lineStarts[line - 1]] + lines + text[lineStarts[line - 1]...]
    }

    private func atEnd(_ lines: String) -> String {
        text + (text.isEmpty || text.last?.isNewline == true ? "" : lineEnd) + lines
    }

    /// Where a mapping in braces begins; nil for any other node. The parser does not tell.
    private func brace(of node: Node) -> String.Index? {
        guard node.mapping != nil, let mark = node.mark, mark.line <= lineStarts.count else { return nil }
        let scalars = text.unicodeScalars
        var index = scalars.index(
            lineStarts[mark.line - 1], offsetBy: mark.column - 1, limitedBy: scalars.endIndex)
        // An anchor may stand before it.
        while let place = index, place < scalars.endIndex, scalars[place] == "&" {
            let end = scalars[place...].firstIndex { $0.properties.isWhitespace } ?? scalars.endIndex
            index = scalars[end...].firstIndex { !$0.properties.isWhitespace }
        }
        return index.flatMap { $0 < scalars.endIndex && scalars[$0] == "{" ? $0 : nil }
    }

    /// At the end of a mapping in braces.
    private func inBraces(_ node: Node, _ entry: Entry) -> [String] {
        guard let mark = node.mark, let opening = brace(of: node) else { return [] }
        let scalars = text.unicodeScalars
        var index = scalars.index(after: opening)
        var last = opening
        var depth = 1
        while index < scalars.endIndex {
            let scalar = scalars[index]
            let before = scalars[scalars.index(before: index)]
            let isToken = before.properties.isWhitespace || "{[,:".unicodeScalars.contains(before)
            var ending = index
            switch scalar {
            case "\"", "'":
                if isToken { ending = Self.closing(scalars, index) }
            case "#" where before.properties.isWhitespace:
                index = scalars[index...].firstIndex { "\r\n".unicodeScalars.contains($0) } ?? scalars.endIndex
                continue
            case "$" where scalars[index...].dropFirst().first == "{":
                ending = scalars[index...].firstIndex(of: "}") ?? index
            case "{", "[": depth += 1
            case "}", "]": depth -= 1
            default: break
            }
            if depth == 0 { break }
            if !scalar.properties.isWhitespace { last = ending }
            index = scalars.index(after: ending)
        }
        guard index < scalars.endIndex else { return [] }
        let place = scalars.index(after: last)
        // One entry a line where the first one has a line of its own.
        let first = node.mapping?.first?.key.mark
        let isSpread = first.map { $0.line > mark.line } ?? false
        let gap =
            isSpread ? lineEnd + String(repeating: " ", count: (first?.column ?? 1) - 1) : last == opening ? "" : " "
        let comma = last == opening || scalars[last] == "," ? "" : ","
        return [text[..<place] + comma + gap + Self.flow(entry) + text[place...]]
    }

    /// The quote that closes the one at `start`.
    private static func closing(_ scalars: String.UnicodeScalarView, _ start: String.Index) -> String.Index {
        var index = scalars.index(after: start)
        while index < scalars.endIndex, scalars[index] != scalars[start] {
            if scalars[start] == "\"", scalars[index] == "\\" { index = scalars.index(after: index) }
            if index < scalars.endIndex { index = scalars.index(after: index) }
        }
        return index < scalars.endIndex ? index : start
    }

    // MARK: Writing

    private var lineEnd: String { text.contains("\r\n") ? "\r\n" : "\n" }

    private func block(_ entry: Entry, margin: Int) -> String {
        let space = String(repeating: " ", count: margin)
        return ([entry.key.asFleetText + ":"] + entry.lines.map { "  " + $0 }).map { space + $0 + lineEnd }.joined()
    }

    private static func flow(_ entry: Entry) -> String {
        "\(JSONValue.string(entry.key).text): \(entry.value.text)"
    }

    private static func lineStarts(_ text: String) -> [String.Index] {
        var starts = text.isEmpty ? [] : [text.startIndex]
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let scalar = scalars[index]
            index = scalars.index(after: index)
            if scalar == "\r", index < scalars.endIndex, scalars[index] == "\n" { index = scalars.index(after: index) }
            // The line ends of YAML 1.1, because that is what its marks count.
            if "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars.contains(scalar), index < scalars.endIndex {
                starts.append(index)
            }
        }
        return starts
    }

    // MARK: Comparing

    /// What the file says, without its layout.
    private static func outline(_ node: Node) -> JSONValue {
        switch node {
        case .scalar(let scalar): .string(scalar.string)
        case .sequence(let sequence): .array(sequence.map(outline))
        case .mapping(let mapping): .object(mapping.map { .init($0.key.string ?? "\($0.key)", outline($0.value)) })
        case .alias(let alias): .string("*\(alias.anchor)")
        }
    }

    /// What it has to say afterwards.
    private func expected(_ entry: Entry, _ section: String) -> JSONValue {
        let added = JSONValue.Member(entry.key, entry.value)
        var top = root.flatMap { Self.outline($0).members } ?? []
        if let place = top.firstIndex(where: { $0.name == section }) {
            top[place].value = .object((top[place].value.members ?? []) + [added])
        } else {
            top.append(.init(section, .object([added])))
        }
        return .object(top)
    }
}

extension String {
    /// As a scalar of the fleet file, in lines and in braces: quoted unless it is plainly harmless. `$` is taken as it is.
    package var asFleetText: String {
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        let isHarmless =
            first.map { $0.isASCII && ($0.isLetter || "./".contains($0)) } ?? false
            && allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./".contains($0)) }
            && !words.contains(lowercased()) && !["...", "."].contains(self)
        return isHarmless ? self : JSONValue.string(self).text
    }
}
