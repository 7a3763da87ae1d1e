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
        // Empty lines before it are skipped. Source: huggingface_hub `repocard.py` `REGEX_YAML_BLOCK`.
        lines = lines.drop { $0.allSatisfy(\.isWhitespace) }
        guard lines.first?.drop(while: \.isWhitespace) == "---", let end = lines.dropFirst().firstIndex(of: "---")
        else { return nil }
        return lines[(lines.startIndex + 1)..<end].joined(separator: "\n")
    }

    /// As JSON; nil without front matter or when it is not a YAML mapping.
    static func parse(_ readme: String) -> JSON? {
        guard let block = block(readme) else { return nil }
        // What is wrong with it is said by `CardRules`; here it only has no content.
        guard let card = try? read(block), case .object = card else { return nil }
        return card
    }

    /// Why a block is not read, though it may be YAML.
    struct TooMuch: Error, CustomStringConvertible {
        var description: String
    }

    /// Bytes, aliases and values of a block: aliases of aliases would grow without end.
    private static let mostBytes = 1 << 20
    private static let maxAliases = 20
    private static let maxValues = 100_000

    /// A block as JSON; nil for an empty one.
    /// - Throws: YAML's own error, or ``TooMuch``.
    static func read(_ block: String) throws -> JSON? {
        guard block.utf8.count <= mostBytes else { throw TooMuch(description: "the metadata is larger than 1 MB") }
        guard
            !block.utf8.contains(UInt8(ascii: "&"))
                || block.utf8.count(where: { $0 == UInt8(ascii: "*") }) <= maxAliases
        else { throw TooMuch(description: "the metadata has anchors and more than \(maxAliases) aliases") }
        guard let node = try Yams.compose(yaml: block) else { return nil }
        var values = 0
        return try json(node, &values)
    }

    private static func json(_ node: Node, _ values: inout Int) throws -> JSON {
        values += 1
        guard values <= maxValues else { throw TooMuch(description: "the metadata has too many values") }
        switch node {
        case .mapping(let mapping):
            var members: [String: JSON] = [:]
            for (key, value) in mapping { members[key.string ?? ""] = try json(value, &values) }
            return .object(members)
        case .sequence(let sequence): return .array(try sequence.map { try json($0, &values) })
        case .scalar(let scalar):
            if scalar.style == .doubleQuoted || scalar.style == .singleQuoted { return .string(scalar.string) }
            if let value = node.bool, ["true", "false"].contains(scalar.string.lowercased()) { return .bool(value) }
            // Numbers to the base of 60 are of YAML 1.1; Yams overflows at long ones, and the Hub's parser has them as text.
            if scalar.string.contains(":") { return .string(scalar.string) }
            if let value = node.int { return .int(value) }
            // JSON has no infinity.
            if let value = node.float { return value.isFinite ? .double(value) : .null }
            return node.null == nil ? .string(scalar.string) : .null
        case .alias(let alias): return .string(alias.anchor.rawValue)
        }
    }
}
