/// The known name that a mistyped one most likely means: fewest edits, at most a third of its length (at least two);
/// nil when nothing is near. Also true for names cut short.
package func nearestName(to name: String, in known: [String]) -> String? {
    let typed = Array(name.lowercased().utf8.prefix(80))
    guard !typed.isEmpty else { return nil }
    var best: (distance: Int, name: String)?
    for candidate in known {
        let distance = editDistance(typed, Array(candidate.lowercased().utf8))
        if distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    if let best, best.distance <= max(2, typed.count / 3), best.distance < typed.count { return best.name }
    return known.first { typed.count >= 3 && $0.lowercased().hasPrefix(name.lowercased()) }
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in 1...a.count {
        var row = [i]
        row.reserveCapacity(b.count + 1)
        for j in 1...b.count {
            var cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { cost = min(cost, before[j - 2] + 1) }
            row.append(cost)
        }
        before = last
        last = row
    }
    return last[b.count]
}
