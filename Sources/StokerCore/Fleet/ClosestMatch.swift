/// Finds what somebody may have meant.
package enum ClosestMatch {
    /// The known name with the fewest edits to `name`, if so few are needed that it may be a slip of the hand:
    /// one for short names, a third of the letters for longer ones. Case and `-`/`_` do not count.
    package static func of(_ name: String, among known: some Sequence<String>) -> String? {
        let name = folded(name)
        guard !name.isEmpty, name.count <= 64 else { return nil }
        let limit = max(1, name.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in known {
            let letters = folded(candidate)
            guard abs(letters.count - name.count) <= limit else { continue }
            let distance = distance(name, letters, limit: min(limit, (best?.distance ?? limit + 1) - 1))
            if let distance, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    private static func folded(_ name: String) -> [Unicode.Scalar] {
        Array(name.lowercased().unicodeScalars.filter { $0 != "-" && $0 != "_" })
    }

    /// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, nil when more than `limit`.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar], limit: Int) -> Int? {
        guard limit >= 0 else { return nil }
        var before = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1] + [Int](repeating: 0, count: b.count)
            for j in b.indices {
                row[j + 1] = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { row[j + 1] = min(row[j + 1], before[j - 1] + 1) }
            }
            guard row.contains(where: { $0 <= limit }) else { return nil }
            (before, last) = (last, row)
        }
        return last[b.count] <= limit ? last[b.count] : nil
    }
}
