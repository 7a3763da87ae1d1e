/// One mistake in a fleet file (or a `.env` file), told so that it can be corrected without a manual.
package struct Problem: Sendable, Equatable {
    /// Name of the file as the person gave it.
    package var file: String
    /// From 1. Columns count Unicode scalars, as editors and YAML do.
    package var line: Int
    /// From 1, in Unicode scalars.
    package var column: Int
    /// Place in the document: `spaces.bot.keep.every`; empty for the document as a whole.
    package var path: String
    /// What was seen and what was expected. Values that came out of variables are shown as `${NAME}`.
    package var text: String
    /// Stable and bounded, for scripts.
    package var rule: Rule

    /// The kind of a mistake; raw values are those of `check-config --format json`.
    package enum Rule: String, Sendable, CaseIterable {
        /// The text is not YAML or JSON.
        case syntax
        /// Larger, deeper or more repetitive than is read.
        case limit
        /// The same key twice in one mapping.
        case duplicateKey = "duplicate-key"
        case unknownKey = "unknown-key"
        /// A key of a capability that this version does not have.
        case notBuilt = "not-built"
        /// A list where text is wanted, and the like.
        case type
        /// A key that must be there is not.
        case missing
        /// `${NAME}` cannot be filled in.
        case variable
        /// The value has the right type and the wrong form.
        case value
        /// The value is well formed and outside its range.
        case range
        /// Two things that cannot be meant together.
        case conflict
    }

    package init(file: String, line: Int, column: Int, path: String, text: String, rule: Rule) {
        self.file = file
        self.line = line
        self.column = column
        self.path = path
        self.text = text
        self.rule = rule
    }
}

extension Problem: CustomStringConvertible {
    /// `fleet.yaml:12:14: error: spaces.bot.keep.every: "5sec" is not a duration; write 30s, 5m or 48h`
    package var description: String {
        "\(file):\(line):\(column): error: \(path.isEmpty ? "" : path + ": ")\(text)"
    }
}

/// Every mistake of a file, in the order of its lines.
package struct FleetProblems: Error, Sendable, Equatable, CustomStringConvertible {
    /// Not empty where it is thrown.
    package var list: [Problem]
    package init(_ list: [Problem]) { self.list = list }

    package var description: String { list.map(\.description).joined(separator: "\n") }

    /// The problems as one failure, for places that show a single sentence.
    package func failure(file: String) -> Failure {
        let count = list.count == 1 ? "1 problem" : "\(list.count) problems"
        return Failure(
            .fleetInvalid, doing: "read \(file)", because: list.first.map { "\(count), the first: \($0)" } ?? count,
            hint: "stoker check-config \(file) shows all of them")
    }
}

/// The lines of a file, to show the one a problem is on.
package struct SourceText: Sendable {
    private let lines: [Substring]

    package init(_ text: String) {
        // The line ends of YAML 1.1, because that is what its marks count.
        lines = text.split(omittingEmptySubsequences: false) { "\n\r\r\n\u{85}\u{2028}\u{2029}".contains($0) }
    }

    /// The line with a caret under the column, each with a margin; nil when there is no such line.
    ///
    /// Long lines are cut around the column. What looks like a credential is masked: the line goes to terminals and CI logs.
    package func snippet(line: Int, column: Int) -> String? {
        guard line >= 1, line <= lines.count else { return nil }
        var scalars = Array(Redaction.source(String(lines[line - 1])).unicodeScalars)
        // Control characters would move the cursor; a tab would move the caret.
        for index in scalars.indices where scalars[index].properties.generalCategory == .control {
            scalars[index] = " "
        }
        var caret = max(0, min(column - 1, scalars.count))
        if scalars.count > 110 {
            let start = max(0, min(caret - 40, scalars.count - 110))
            scalars = Array(scalars[start..<min(scalars.count, start + 110)])
            caret -= start
        }
        let number = String(line)
        let margin = String(repeating: " ", count: number.count)
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return " \(number) | \(text)\n \(margin) | \(String(repeating: " ", count: caret))^"
    }
}
