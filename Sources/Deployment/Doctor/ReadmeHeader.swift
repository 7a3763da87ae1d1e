internal import Yams

/// The settings at the top of a Space's README, each with its line.
///
/// Source: hub-docs `spaces-config-reference`, read 2026-08-22.
package struct ReadmeHeader: Sendable {
    package struct Value: Sendable, Equatable {
        package var text: String
        /// From 1.
        package var line: Int
        /// Written in quotes.
        package var isQuoted: Bool
        /// Of a list or a mapping, not a single value.
        package var isNested: Bool
        /// The parts of a list.
        package var parts: [String]
    }

    package private(set) var values: [String: Value] = [:]
    /// What YAML says is wrong, with the line.
    package private(set) var trouble: (text: String, line: Int)?
    /// Whether there is one at all.
    package private(set) var isThere = false

    package var appPort: Int? { values["app_port"].flatMap { Int($0.text) } }
    package var sdk: String? { values["sdk"]?.text }

    /// - Parameter readme: the whole file. What is not closed is none.
    package init(_ readme: String) {
        let lines = readme.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
        guard let first = lines.first, first.drop(while: { $0 == "\u{FEFF}" }) == "---",
            let end = lines.dropFirst().firstIndex(of: "---")
        else { return }
        isThere = true
        let text = lines[1..<end].joined(separator: "\n")
        do {
            guard let node = try Yams.compose(yaml: text), let mapping = node.mapping else { return }
            for (key, value) in mapping {
                guard let name = key.string else { continue }
                values[name] = Value(
                    text: value.scalar?.string ?? "", line: (key.mark?.line ?? 1) + 1,
                    isQuoted: value.scalar.map { $0.style == .singleQuoted || $0.style == .doubleQuoted } ?? false,
                    isNested: value.scalar == nil, parts: value.sequence?.compactMap(\.string) ?? [])
            }
        } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _)
        {
            trouble = (problem, mark.line + 1)
        } catch {
            trouble = ("it is no YAML", 1)
        }
    }
}
