/// Columns of text: as wide as what is in them, and together no wider than the screen.
struct TextTable {
    struct Column {
        var title: String
        var isRight = false
        /// May be cut to this many characters when the line is too long; nil is never cut.
        var shrinksTo: Int?
    }
    struct Cell {
        var text: String
        var style: Screen.Style
        init(_ text: String, _ style: Screen.Style = .plain) {
            self.text = text.printable
            self.style = style
        }
    }

    var columns: [Column]
    var rows: [[Cell]] = []

    func text(for screen: Screen) -> String {
        var widths = columns.indices.map { index in
            max(columns[index].title.count, rows.map { $0[index].text.count }.max() ?? 0)
        }
        if let limit = screen.width {
            // The widest that may shrink gives way first, one character at a time.
            while widths.reduce(0, +) + 2 * (widths.count - 1) > limit {
                let candidates = columns.indices.filter { widths[$0] > columns[$0].shrinksTo ?? .max }
                guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
                widths[widest] -= 1
            }
        }
        func line(_ cells: [Cell]) -> String {
            var line = ""
            for index in cells.indices {
                let text = cells[index].text.cut(to: widths[index])
                let space = String(repeating: " ", count: max(0, widths[index] - text.count))
                let painted = screen.paint(text, cells[index].style)
                let isLast = index == cells.count - 1
                line += columns[index].isRight ? space + painted : painted + (isLast ? "" : space)
                if !isLast { line += "  " }
            }
            return line + "\n"
        }
        return line(columns.map { Cell($0.title, .dim) }) + rows.map(line).joined()
    }
}
