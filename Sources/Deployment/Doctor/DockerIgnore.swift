/// What a `.dockerignore` keeps out of a build. Source: Docker's reference of `.dockerignore`; moby `patternmatcher`.
struct DockerIgnore: Sendable {
    private var rules: [(parts: [Substring], isNegated: Bool)] = []

    init(_ text: String) {
        for line in text.lines {
            var line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            let isNegated = line.hasPrefix("!")
            if isNegated { line = line.dropFirst().trimmed }
            let parts = line.split(separator: "/").filter { $0 != "." }
            if !parts.isEmpty { rules.append((parts, isNegated)) }
        }
    }

    /// Whether a file of the folder is left out. The last rule that matches it or a folder above it counts.
    func leavesOut(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        var isOut = false
        for rule in rules
        where (1...max(1, parts.count)).contains(where: { Self.matches(rule.parts[...], parts.prefix($0)) }) {
            isOut = !rule.isNegated
        }
        return isOut
    }

    private static func matches(_ pattern: ArraySlice<Substring>, _ path: ArraySlice<Substring>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == "**" {
            if pattern.count == 1 { return !path.isEmpty }
            return (0...path.count).contains { matches(pattern.dropFirst(), path.dropFirst($0)) }
        }
        guard let name = path.first, fits(Array(first), Array(name)) else { return false }
        return matches(pattern.dropFirst(), path.dropFirst())
    }

    /// `*`, `?` and `[…]` inside of one name.
    private static func fits(_ pattern: [Character], _ name: [Character]) -> Bool {
        // Where the pattern goes on after a star, for going back.
        var (p, n) = (0, 0)
        var star: (p: Int, n: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == "*" {
                star = (p + 1, n)
                p += 1
            } else if p < pattern.count, pattern[p] == "[", let end = pattern[p...].firstIndex(of: "]"),
                isIn(name[n], pattern[(p + 1)..<end])
            {
                p = end + 1
                n += 1
            } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let back = star {
                star = (back.p, back.n + 1)
                (p, n) = (back.p, back.n + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }

    private static func isIn(_ character: Character, _ set: ArraySlice<Character>) -> Bool {
        let isNegated = set.first == "^"
        var rest = isNegated ? set.dropFirst() : set
        var isFound = false
        while let first = rest.first {
            if rest.count >= 3, rest[rest.startIndex + 1] == "-" {
                let last = rest[rest.startIndex + 2]
                if first <= last, (first...last).contains(character) { isFound = true }
                rest = rest.dropFirst(3)
            } else {
                if first == character { isFound = true }
                rest = rest.dropFirst()
            }
        }
        return isFound != isNegated
    }
}
