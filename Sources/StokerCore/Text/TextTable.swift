/// How text for people may look where it is shown.
package struct TextLook: Sendable, Equatable {
    /// Columns that a line may take; nil when nobody looks at a terminal, so that nothing is cut.
    package var width: Int?
    /// Whether escape sequences for colours may be written.
    package var hasColour: Bool

    package init(width: Int? = nil, hasColour: Bool = false) {
        self.width = width
        self.hasColour = hasColour
    }

    /// As it goes into a file or a pipe.
    package static let plain = TextLook()

    /// The text in that style; the escape sequences of ECMA-48 (SGR) where colour is wanted.
    package func paint(_ text: String, _ style: TextStyle) -> String {
        hasColour && style != .plain && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// A colour or weight; the raw value is its SGR code.
package enum TextStyle: String, Sendable {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"

    /// The colour of a look, a verdict or an outcome, by its name.
    package init(verdict: String?) {
        switch verdict.flatMap({ Look(name: $0) })?.tone {
        case .good: self = .green
        case .fair, .busy: self = .yellow
        case .bad: self = .red
        case .paused: self = .blue
        case .unknown, nil: self = .dim
        }
    }
}

/// Columns of text: as wide as what is in them, and together no wider than the screen.
package struct TextTable: Sendable {
    /// A column of the table.
    package struct Column: Sendable {
        package var title: String
        /// Aligned at its right end, as numbers are. Default false.
        package var isRight: Bool
        /// May be cut to this many characters when the line is too long; nil is never cut.
        package var shrinksTo: Int?

        package init(title: String, isRight: Bool = false, shrinksTo: Int? = nil) {
            self.title = title
            self.isRight = isRight
            self.shrinksTo = shrinksTo
        }
    }

    /// What stands in one column of a row.
    package struct Cell: Sendable {
        package var text: String
        package var style: TextStyle

        package init(_ text: String, _ style: TextStyle = .plain) {
            self.text = text.printable
            self.style = style
        }
    }

    package var columns: [Column]
    /// Each with as many cells as there are columns.
    package var rows: [[Cell]]
    /// Spaces before every line.
    package var indent: Int
    /// No column is cut below this many characters.
    private static let narrowest = 4

    package init(columns: [Column], rows: [[Cell]] = [], indent: Int = 0) {
        self.columns = columns
        self.rows = rows
        self.indent = indent
    }

    /// The lines, the titles first; none ends with spaces.
    package func text(for look: TextLook) -> String {
        var widths = columns.indices.map { index in
            max(columns[index].title.count, rows.map { $0[index].text.count }.max() ?? 0)
        }
        if let limit = look.width {
            // The widest that may shrink gives way first, one character at a time.
            while indent + widths.reduce(0, +) + 2 * (widths.count - 1) > limit {
                let candidates = columns.indices.filter { widths[$0] > columns[$0].shrinksTo ?? .max }
                guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
                widths[widest] -= 1
            }
            // A screen too narrow for that: rather a word cut short than lines that wrap.
            while indent + widths.reduce(0, +) + 2 * (widths.count - 1) > limit {
                guard let widest = columns.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.narrowest
                else { break }
                widths[widest] -= 1
            }
        }
        let margin = String(repeating: " ", count: indent)
        func line(_ cells: [Cell]) -> String {
            let last = cells.lastIndex { !$0.text.isEmpty } ?? 0
            var line = margin
            for index in cells.indices.prefix(last + 1) {
                let text = cells[index].text.cut(to: widths[index])
                let space = String(repeating: " ", count: max(0, widths[index] - text.count))
                let painted = look.paint(text, cells[index].style)
                line += columns[index].isRight ? space + painted : painted + (index == last ? "" : space)
                if index < last { line += "  " }
            }
            return line + "\n"
        }
        return line(columns.map { Cell($0.title, .dim) }) + rows.map(line).joined()
    }
}

extension String {
    /// Without what could command a terminal: names, bodies and messages come from elsewhere.
    package var printable: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { scalar in
                    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                        || (0x202A...0x202E).contains(scalar.value)
                        || (0x2066...0x2069).contains(scalar.value) ? "\u{FFFD}" : scalar
                }))
    }

    /// At most so many characters, the last an ellipsis when something was cut.
    package func cut(to width: Int) -> String {
        count <= width ? self : width < 2 ? String(prefix(max(0, width))) : String(prefix(width - 1)) + "…"
    }
}
