/// Columns under each other, for terminals.
package struct TextTable {
    var head: [String]
    var rows: [[String]]
    /// Columns whose texts stand at the right.
    var right: Set<Int>

    package init(head: [String], rows: [[String]], right: Set<Int> = []) {
        self.head = head
        self.rows = rows
        self.right = right
    }

    package var text: String {
        let all = [head] + rows
        let widths = head.indices.map { column in all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return all.map { row in
            var line = " "
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
                line += " " + (right.contains(column) ? space + cell : cell + space) + " "
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
