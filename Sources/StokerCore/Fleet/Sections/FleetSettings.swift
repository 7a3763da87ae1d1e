internal import Yams

/// A key of the fleet file with what is in force for it.
package struct FleetSetting: Sendable, Equatable {
    /// `serve.port`
    package var path: String
    /// What is in force, as the file would write it, secrets as `***`; nil: nothing, or what stands in the file alone (see ``FleetPlace/value``).
    package var value: JSONValue?
    /// The value is not the one that holds when nothing is said.
    package var differs: Bool
    /// What holds when it is not said, as a person would write it; nil for nothing.
    package var defaultValue: String?
    package var summary: String
    package var isSecret: Bool
    package var needsRestart: Bool
}

/// Where a file says a key.
package struct FleetPlace: Sendable, Equatable {
    /// From 1.
    package var line: Int
    /// As it is written; nil for a mapping or a list.
    package var value: String?
    /// Names of the variables in it: `${NAME}`.
    package var variables: [String]
}

extension FleetSections {
    /// Every key that stands once in a file, in the order of the sections. Those of named things (Spaces, targets, channels) are not among them.
    package func settings(_ fleet: Fleet) -> [FleetSetting] {
        let known = Dictionary(
            entries.flatMap { $0.settings(fleet) }.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        var all: [FleetSetting] = []
        var seen: Set<String> = []
        for group in groups where names.contains(group.name) {
            // `spaces` and the like are mappings from names: their keys stand under each.
            guard group.document.hasPrefix("\(group.name): { %") else { continue }
            for row in group.rows {
                let path = "\(group.name).\(row.name)"
                guard seen.insert(path).inserted else { continue }
                all.append(
                    known[path]
                        ?? FleetSetting(
                            path: path, value: nil, differs: false, defaultValue: row.defaultValue,
                            summary: row.summary,
                            isSecret: row.isSecret, needsRestart: row.needsRestart))
            }
        }
        return all
    }
}

extension FleetFile {
    /// Where a file says what, by path: `serve.port`. Two levels deep, as far as the text is YAML.
    package static func places(in text: String) -> [String: FleetPlace] {
        guard case .success(let document) = FleetDocument.compose(text.withoutByteOrderMark, file: ""),
            case .mapping(let top)? = document.root
        else { return [:] }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        var found: [String: FleetPlace] = [:]
        func note(_ path: String, _ key: Node, _ node: Node) {
            guard let line = key.mark?.line, (1...lines.count).contains(line) else { return }
            var place = FleetPlace(line: line, value: nil, variables: [])
            if case .scalar = node {
                let written = lines[line - 1]
                place.value = node.scalar?.string
                place.variables = written.matches(of: #/\$\{([A-Za-z_][A-Za-z0-9_]*)/#).map { String($0.1) }
                if !place.variables.isEmpty { place.value = nil }
            }
            found[path] = place
        }
        for (key, node) in top.prefix(200) {
            guard let name = key.scalar?.string else { continue }
            note(name, key, node)
            guard case .mapping(let inner) = node else { continue }
            for (innerKey, innerNode) in inner.prefix(200) {
                guard let innerName = innerKey.scalar?.string else { continue }
                note("\(name).\(innerName)", innerKey, innerNode)
            }
        }
        return found
    }

    /// Names under a section whose settings do not have a key, as far as the text is YAML.
    package static func names(under section: String, without key: String, in text: String) -> [String] {
        guard case .success(let document) = FleetDocument.compose(text.withoutByteOrderMark, file: ""),
            case .mapping(let top)? = document.root,
            case .mapping(let inner)? = top.first(where: { $0.key.scalar?.string == section })?.value
        else { return [] }
        return inner.compactMap { name, settings in
            if case .mapping(let all) = settings, all.contains(where: { $0.key.scalar?.string == key }) { return nil }
            return name.scalar?.string
        }
    }
}
