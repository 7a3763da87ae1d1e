/// The Python tracebacks of a log: where each begins and ends, what follows from what, and which lines only quote the program.
///
/// Source of the form: `traceback.TracebackException.format` of CPython 3.
struct Tracebacks: Sendable {
    struct Block: Sendable {
        /// "Traceback (most recent call last):"
        var head: Int
        /// The line that names the exception; the head when there is none.
        var end: Int
        /// Head of the first one of the chain that it belongs to.
        var first: Int
    }
    private(set) var blocks: [Block] = []
    /// Source lines below a frame: what stands there did not happen.
    private(set) var quoted: Set<Int> = []

    /// Most lines of a traceback.
    private static let longest = 400
    /// Most lines in a row that another process may have put between its lines.
    private static let mostForeign = 6

    /// - Parameter heads: lines with "Traceback (most recent call last)", ascending.
    init(_ log: LogText, heads: [Int]) {
        for head in heads where head > (blocks.last?.end ?? -1) {
            let end = Self.end(log, head, of: heads)
            let first = blocks.last.flatMap { Self.isChained(log, $0.end, head) ? $0.first : nil }
            blocks.append(Block(head: head, end: end, first: first ?? head))
        }
        for block in blocks { quote(log, block) }
    }

    private mutating func quote(_ log: LogText, _ block: Block) {
        guard block.end > block.head + 1 else { return }
        var frame: Int?
        for line in (block.head + 1)..<block.end {
            let depth = Self.depth(log, line)
            if let frame, depth > frame {
                quoted.insert(line)
            } else if depth > 0 {
                frame = Self.begins(log, line, "file \"") ? depth : nil
            }
        }
    }

    /// The traceback that a line belongs to.
    func block(of line: Int) -> Block? {
        var (low, high) = (0, blocks.count)
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].end < line { low = middle + 1 } else { high = middle }
        }
        return low < blocks.count && blocks[low].head <= line ? blocks[low] : nil
    }

    private static func end(_ log: LogText, _ head: Int, of heads: [Int]) -> Int {
        var foreign = 0
        var plain: Int?
        var line = head + 1
        while line < log.count, line <= head + longest {
            if log.program(line) != log.program(head) || log.isIndented(line) || log.isBlank(line) {
                line += 1
                continue
            }
            if isException(log, line) { return line }
            if plain == nil { plain = line }
            foreign += 1
            if foreign > mostForeign || heads.contains(line) { break }
            line += 1
        }
        return plain ?? head
    }

    /// "During handling of the above exception" and its like between two tracebacks, and nothing else of the program's.
    private static func isChained(_ log: LogText, _ end: Int, _ head: Int) -> Bool {
        guard head - end <= 40 else { return false }
        return (end..<head).contains { line in
            begins(log, line, "during handling of the above exception")
                || begins(log, line, "the above exception was the direct cause")
        }
    }

    /// Bytes before the text of a line, the bars of exception groups with them.
    private static func depth(_ log: LogText, _ line: Int) -> Int {
        guard log.isIndented(line) else { return 0 }
        return log.folded[log.content(line)].prefix { $0 == 0x20 || $0 == 0x7C || $0 == 0x2B || $0 == 0x2D }.count
    }

    static func begins(_ log: LogText, _ line: Int, _ text: String) -> Bool {
        let content = log.content(line)
        let from = content.lowerBound + depth(log, line)
        return log.folded[from..<content.upperBound].starts(with: text.utf8)
    }

    /// `package.module.Name: what`, or the name alone. Not a level: `ERROR: what`.
    static func isException(_ log: LogText, _ line: Int) -> Bool {
        let text = log.plain[log.content(line)]
        let name = text.prefix { byte in
            byte == 0x2E || byte == 0x5F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
        }
        guard name.count >= 3, name.last != 0x2E else { return false }
        let rest = text[name.endIndex...]
        guard rest.isEmpty || rest.first == 0x3A else { return false }
        let last = name.suffix(from: name.lastIndex(of: 0x2E).map { $0 + 1 } ?? name.startIndex)
        // A class begins with a capital and has small letters, too.
        return last.first.map { (0x41...0x5A).contains($0) } == true && last.contains { (0x61...0x7A).contains($0) }
    }
}
