internal import Yams

/// A YAML file of another program as data. The bounds of ``FleetDocument`` hold: size, depth, and what aliases multiply to.
package enum ForeignYAML {
    /// Scalars without quotes that are `true`, `false`, `null` or JSON's numbers are such values, all others text. `<<` joins mappings.
    /// - Parameter name: the file's name as the person gave it, for messages.
    package static func read(_ text: String, name: String) -> Result<JSONValue, FleetProblems> {
        FleetDocument.compose(text.withoutByteOrderMark, file: name).flatMap { document in
            if let twice = document.renamed.values.sorted().first {
                return .failure(
                    FleetProblems([
                        Problem(
                            file: name, line: 1, column: 1, path: "",
                            text: "`\(twice)` is there twice in one mapping; a key may be given once",
                            rule: .duplicateKey)
                    ]))
            }
            return .success(document.root.map(value) ?? .null)
        }
    }

    private static func value(_ node: Node) -> JSONValue {
        switch node {
        case .scalar(let scalar): Self.scalar(VariableEscaping.lower(scalar.string), isPlain: scalar.style == .plain)
        case .sequence(let sequence): .array(sequence.map(value))
        case .mapping(let mapping): .object(members(of: mapping))
        case .alias: .null  // the parser put what it stands for in its place
        }
    }

    private static func members(of mapping: Node.Mapping) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        var merged: [JSONValue.Member] = []
        for (key, node) in mapping {
            let name = VariableEscaping.lower(key.string ?? "")
            guard name == "<<" else {
                members.append(.init(name, value(node)))
                continue
            }
            switch value(node) {
            case .object(let more): merged += more
            case .array(let items): merged += items.flatMap { $0.members ?? [] }
            default: members.append(.init(name, value(node)))
            }
        }
        // What stands in the mapping itself wins, then the first of those that are joined.
        for member in merged where !members.contains(where: { $0.name == member.name }) { members.append(member) }
        return members
    }

    private static func scalar(_ text: String, isPlain: Bool) -> JSONValue {
        guard isPlain else { return .string(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default:
            guard let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
                let number = try? JSONValue(reading: text), number.double != nil
            else { return .string(text) }
            return number
        }
    }
}
