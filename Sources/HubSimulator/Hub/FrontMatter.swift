import Yams

/// The YAML between `---` lines at the top of a README.
enum FrontMatter {
    /// nil when there is none.
    static func block(_ readme: String) -> String? {
        // A byte order mark and carriage returns are tolerated, as in huggingface_hub's `REGEX_YAML_BLOCK`.
        // By scalars: "\r\n" is one Character, which is not "\n".
        var lines = readme.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
            Substring($0.last == "\r" ? $0.dropLast() : $0)
        }[...]
        if let first = lines.first, first.unicodeScalars.first == "\u{feff}" {
            lines[lines.startIndex] = Substring(first.unicodeScalars.dropFirst())
        }
        guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return nil }
        return lines[(lines.startIndex + 1)..<end].joined(separator: "\n")
    }

    /// As JSON; nil without front matter or when it is not a YAML mapping.
    static func parse(_ readme: String) -> JSON? {
        guard let block = block(readme) else { return nil }
        // What is wrong with it is said by `problems`; here it only has no content.
        guard let node = try? Yams.compose(yaml: block), case .object(let members) = json(node) else { return nil }
        return .object(members)
    }

    static func json(_ node: Node) -> JSON {
        switch node {
        case .mapping(let mapping):
            return .object(
                Dictionary(mapping.map { ($0.key.string ?? "", json($0.value)) }) { _, last in last })
        case .sequence(let sequence): return .array(sequence.map(json))
        case .scalar(let scalar):
            if scalar.style == .doubleQuoted || scalar.style == .singleQuoted { return .string(scalar.string) }
            if let value = node.bool, ["true", "false"].contains(scalar.string.lowercased()) { return .bool(value) }
            if let value = node.int { return .int(value) }
            if let value = node.float { return .double(value) }
            return node.null == nil ? .string(scalar.string) : .null
        case .alias(let alias): return .string(alias.anchor.rawValue)
        }
    }
}
