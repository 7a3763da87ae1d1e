/// A shell pattern, in git's dialect or in that of Python's `fnmatch`. Matching takes at most pattern × text steps, whatever is in them.
struct Glob: Sendable {
    private enum Token: Sendable {
        case one(UInt32)
        /// Any element; `slash` tells whether `/` is one of them.
        case any(slash: Bool)
        case set(ranges: [ClosedRange<UInt32>], negated: Bool, slash: Bool)
        /// Any number of elements.
        case star(slash: Bool)
        /// `**/`: nothing, or whole folders.
        case folders
        /// What git answers to a broken bracket: nothing matches.
        case never
    }
    private let tokens: [Token]
    private static let slash = UInt32(UInt8(ascii: "/"))

    /// git's `wildmatch` with `WM_PATHNAME`: `*` and `?` stop at `/`, `**` between slashes does not. Over bytes.
    /// Source: gitignore(5); wildmatch.c of git 2.39.
    /// - Parameter isPath: false for a pattern without a slash, which sees names only.
    init(git pattern: [UInt8], isPath: Bool) {
        var tokens: [Token] = []
        var i = 0
        while i < pattern.count {
            let byte = pattern[i]
            switch byte {
            case UInt8(ascii: "\\"):
                guard i + 1 < pattern.count else {
                    tokens.append(.never)
                    i += 1
                    continue
                }
                tokens.append(.one(UInt32(pattern[i + 1])))
                i += 2
            case UInt8(ascii: "?"):
                tokens.append(.any(slash: !isPath))
                i += 1
            case UInt8(ascii: "*"):
                let begin = i
                while i < pattern.count, pattern[i] == UInt8(ascii: "*") { i += 1 }
                let opens = begin == 0 || pattern[begin - 1] == UInt8(ascii: "/")
                let closes = i == pattern.count || pattern[i] == UInt8(ascii: "/")
                if !isPath {
                    tokens.append(.star(slash: true))
                } else if i - begin >= 2, opens, closes {
                    if i == pattern.count {
                        tokens.append(.star(slash: true))
                    } else {
                        tokens.append(.folders)
                        i += 1
                    }
                } else {
                    tokens.append(.star(slash: false))
                }
            case UInt8(ascii: "["):
                if let (set, end) = Self.gitSet(pattern, from: i, isPath: isPath) {
                    tokens.append(set)
                    i = end
                } else {
                    tokens.append(.never)
                    i = pattern.count
                }
            default:
                tokens.append(.one(UInt32(byte)))
                i += 1
            }
        }
        self.tokens = tokens
    }

    private static func gitSet(_ pattern: [UInt8], from start: Int, isPath: Bool) -> (Token, Int)? {
        var i = start + 1
        var negated = false
        if i < pattern.count, pattern[i] == UInt8(ascii: "!") || pattern[i] == UInt8(ascii: "^") {
            negated = true
            i += 1
        }
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        var previous: UInt32?
        while true {
            guard i < pattern.count else { return nil }
            var byte = pattern[i]
            if byte == UInt8(ascii: "]"), !isFirst {
                return (.set(ranges: ranges, negated: negated, slash: !isPath), i + 1)
            }
            isFirst = false
            if byte == UInt8(ascii: "\\") {
                i += 1
                guard i < pattern.count else { return nil }
                byte = pattern[i]
                ranges.append(UInt32(byte)...UInt32(byte))
                previous = UInt32(byte)
                i += 1
            } else if byte == UInt8(ascii: "-"), let low = previous, i + 1 < pattern.count,
                pattern[i + 1] != UInt8(ascii: "]")
            {
                i += 1
                var high = pattern[i]
                if high == UInt8(ascii: "\\") {
                    i += 1
                    guard i < pattern.count else { return nil }
                    high = pattern[i]
                }
                if low <= UInt32(high) { ranges.append(low...UInt32(high)) }
                previous = nil
                i += 1
            } else if byte == UInt8(ascii: "["), i + 1 < pattern.count, pattern[i + 1] == UInt8(ascii: ":") {
                guard let close = pattern[(i + 2)...].firstIndex(of: UInt8(ascii: "]")) else { return nil }
                if close > i + 2, pattern[close - 1] == UInt8(ascii: ":") {
                    guard let named = classes[String(decoding: pattern[(i + 2)..<(close - 1)], as: UTF8.self)] else {
                        return nil
                    }
                    ranges += named
                    previous = nil
                    i = close + 1
                } else {
                    ranges.append(UInt32(byte)...UInt32(byte))
                    previous = UInt32(byte)
                    i += 1
                }
            } else {
                ranges.append(UInt32(byte)...UInt32(byte))
                previous = UInt32(byte)
                i += 1
            }
        }
    }

    private static let classes: [String: [ClosedRange<UInt32>]] = [
        "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A], "alpha": [0x41...0x5A, 0x61...0x7A],
        "blank": [0x20...0x20, 0x09...0x09], "cntrl": [0...0x1F, 0x7F...0x7F], "digit": [0x30...0x39],
        "graph": [0x21...0x7E], "lower": [0x61...0x7A], "print": [0x20...0x7E],
        "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E], "space": [0x09...0x0D, 0x20...0x20],
        "upper": [0x41...0x5A], "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66],
    ]

    /// Python's `fnmatch.fnmatchcase`, as `huggingface_hub` filters with: `*` crosses `/`, there is no escaping, a bracket that is not
    /// closed is itself. Over Unicode scalars. A pattern that ends in `/` takes all that is inside.
    init(python pattern: String) {
        var scalars = pattern.unicodeScalars.map { $0 == "\\" ? UInt32(UInt8(ascii: "/")) : $0.value }
        if scalars.last == Self.slash { scalars.append(UInt32(UInt8(ascii: "*"))) }
        let bang = UInt32(UInt8(ascii: "!"))
        let close = UInt32(UInt8(ascii: "]"))
        let dash = UInt32(UInt8(ascii: "-"))
        var tokens: [Token] = []
        var i = 0
        while i < scalars.count {
            switch scalars[i] {
            case UInt32(UInt8(ascii: "*")):
                if case .star? = tokens.last {} else { tokens.append(.star(slash: true)) }
                i += 1
            case UInt32(UInt8(ascii: "?")):
                tokens.append(.any(slash: true))
                i += 1
            case UInt32(UInt8(ascii: "[")):
                var j = i + 1
                if j < scalars.count, scalars[j] == bang { j += 1 }
                if j < scalars.count, scalars[j] == close { j += 1 }
                while j < scalars.count, scalars[j] != close { j += 1 }
                guard j < scalars.count else {
                    tokens.append(.one(scalars[i]))
                    i += 1
                    continue
                }
                var inside = Array(scalars[(i + 1)..<j])
                let negated = inside.first == bang
                if negated { inside.removeFirst() }
                var ranges: [ClosedRange<UInt32>] = []
                var k = 0
                while k < inside.count {
                    if k + 2 < inside.count, inside[k + 1] == dash {
                        if inside[k] <= inside[k + 2] { ranges.append(inside[k]...inside[k + 2]) }
                        k += 3
                    } else {
                        ranges.append(inside[k]...inside[k])
                        k += 1
                    }
                }
                tokens.append(.set(ranges: ranges, negated: negated, slash: true))
                i = j + 1
            default:
                tokens.append(.one(scalars[i]))
                i += 1
            }
        }
        self.tokens = tokens
    }

    func matches(_ text: some Sequence<UInt32>) -> Bool {
        var now = [Bool](repeating: false, count: tokens.count + 1)
        var next = now
        enter(0, &now)
        for element in text {
            var isAlive = false
            for index in next.indices { next[index] = false }
            for index in tokens.indices where now[index] {
                switch tokens[index] {
                case .one(let wanted):
                    if element == wanted { enter(index + 1, &next) } else { continue }
                case .any(let slash):
                    if slash || element != Self.slash { enter(index + 1, &next) } else { continue }
                case .set(let ranges, let negated, let slash):
                    if !slash, element == Self.slash { continue }
                    if ranges.contains(where: { $0.contains(element) }) != negated {
                        enter(index + 1, &next)
                    } else {
                        continue
                    }
                case .star(let slash):
                    if slash || element != Self.slash { enter(index, &next) } else { continue }
                case .folders:
                    // Inside a folder's name: the pattern goes on only behind a slash.
                    next[index] = true
                    if element == Self.slash { enter(index + 1, &next) }
                case .never: continue
                }
                isAlive = true
            }
            if !isAlive { return false }
            swap(&now, &next)
        }
        return now[tokens.count]
    }

    func matches(bytes: some Sequence<UInt8>) -> Bool { matches(bytes.lazy.map { UInt32($0) }) }

    private func enter(_ index: Int, _ states: inout [Bool]) {
        var index = index
        while true {
            states[index] = true
            guard index < tokens.count else { return }
            switch tokens[index] {
            case .star, .folders: index += 1
            default: return
            }
        }
    }
}

/// Which files of a folder or repository are meant, in the words of `huggingface_hub`'s `allow_patterns` and `ignore_patterns`.
package struct PathFilter: Sendable {
    private let allow: [Glob]?
    /// Nil takes what `allow` and `ignore` say.
    private let exact: Set<String>?
    private let ignore: [Glob]
    /// As they were given.
    private let ignored: [String]
    /// Of those that end in `*`: what they match of a folder, they match of all that is in it. With their place in ``ignored``.
    private let open: [(Glob, Int)]

    /// - Parameters:
    ///   - allow: a path must match one of them; nil takes all.
    ///   - ignore: a path must match none of them.
    package init(allow: [String]? = nil, ignore: [String] = []) {
        self.allow = allow.map { $0.map { Glob(python: $0) } }
        self.ignore = ignore.map { Glob(python: $0) }
        exact = nil
        ignored = ignore
        open = ignore.enumerated().filter {
            $0.element.hasSuffix("*") || $0.element.hasSuffix("/") || $0.element.hasSuffix("\\")
        }
        .map { (Glob(python: $0.element), $0.offset) }
    }

    /// Just these paths, whatever signs are in them.
    package init(exactly paths: Set<String>) {
        exact = paths
        allow = nil
        ignore = []
        ignored = []
        open = []
    }

    private static func scalars(_ path: String) -> [UInt32] {
        path.unicodeScalars.map { $0 == "\\" ? UInt32(UInt8(ascii: "/")) : $0.value }
    }

    /// The pattern by which nothing below a folder can be taken, so that it need not be read.
    func exclusion(ofAllUnder folder: String) -> String? {
        guard !open.isEmpty else { return nil }
        let scalars = Self.scalars(folder + "/")
        return open.first { $0.0.matches(scalars) }.map { ignored[$0.1] }
    }

    enum Verdict: Equatable { case taken, notAllowed, excluded(by: String) }

    func verdict(on path: String) -> Verdict {
        if let exact { return exact.contains(path) ? .taken : .notAllowed }
        let scalars = Self.scalars(path)
        if let allow, !allow.contains(where: { $0.matches(scalars) }) { return .notAllowed }
        return ignore.firstIndex { $0.matches(scalars) }.map { .excluded(by: ignored[$0]) } ?? .taken
    }

    package func takes(_ path: String) -> Bool { verdict(on: path) == .taken }
}
