import StokerCore

/// Two texts as a unified diff, as `diff -u` writes it, without the names of files.
enum UnifiedDiff {
    /// Bytes.
    static let limit = 64 << 10
    /// Lines of one text; comparing longer ones takes too long.
    private static let mostLines = 4_000
    private static let context = 3

    /// - Parameter secrets: values that are hidden.
    /// - Returns: nil when the texts are too long.
    static func text(from old: String, to new: String, hiding secrets: [Secret]) -> String? {
        let before = lines(old)
        let after = lines(new)
        guard before.count <= mostLines, after.count <= mostLines else { return nil }
        let hunks = hunks(before, after)
        var out = ""
        for hunk in hunks {
            out += "@@ -\(range(hunk.old)) +\(range(hunk.new)) @@\n"
            for (sign, line) in hunk.lines {
                out += "\(sign)\(Redaction.hide(secrets, in: Redaction.source(line)).printable)\n"
                if out.utf8.count > limit {
                    return out + "… (the rest is left out)\n"
                }
            }
        }
        return out
    }

    private static func lines(_ text: String) -> [String] {
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    private struct Hunk {
        var old: Range<Int>
        var new: Range<Int>
        var lines: [(Character, String)]
    }

    private static func range(_ lines: Range<Int>) -> String {
        let start = lines.isEmpty ? lines.lowerBound : lines.lowerBound + 1
        return lines.count == 1 ? "\(start)" : "\(start),\(lines.count)"
    }

    private static func hunks(_ old: [String], _ new: [String]) -> [Hunk] {
        let difference = new.difference(from: old)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        /// All lines with their signs and the places before them.
        var all: [(sign: Character, line: String, old: Int, new: Int)] = []
        var (one, two) = (0, 0)
        while one < old.count || two < new.count {
            if one < old.count, removed.contains(one) {
                all.append(("-", old[one], one, two))
                one += 1
            } else if two < new.count, inserted.contains(two) {
                all.append(("+", new[two], one, two))
                two += 1
            } else if one < old.count, two < new.count {
                all.append((" ", new[two], one, two))
                one += 1
                two += 1
            } else {
                break
            }
        }
        var hunks: [Hunk] = []
        var index = 0
        while let first = all[index...].firstIndex(where: { $0.sign != " " }) {
            let start = max(index, first - context)
            var last = first
            var next = first + 1
            while next < all.count, next - last <= context * 2 {
                if all[next].sign != " " { last = next }
                next += 1
            }
            let end = min(all.count, last + context + 1)
            let part = all[start..<end]
            let olds = part.count { $0.sign != "+" }
            let news = part.count { $0.sign != "-" }
            hunks.append(
                Hunk(
                    old: all[start].old..<(all[start].old + olds), new: all[start].new..<(all[start].new + news),
                    lines: part.map { ($0.sign, $0.line) }))
            index = end
        }
        return hunks
    }
}
