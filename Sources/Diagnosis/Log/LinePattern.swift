/// What a line must hold: pieces of text in their order. `*` stands for anything between two pieces, `{name}` for something that is
/// kept under that name. `^` is the beginning of the line (behind a time or a step number), `$` its end. Capitals do not count. Found in time
/// linear in the line.
///
/// `{port}` and `{code}` are digits, `{host}` is a name or an address. `{name:env}` is the name of an environment variable, the word beside the next piece, in quotes or not: capitals, digits
/// and underscores, such as `DATABASE_URL`. Any other name ends at the next piece, or at the end of the word when there is none.
struct LinePattern: Sendable, Equatable {
    struct Wrong: Error {
        var because: String
    }

    static func == (a: LinePattern, b: LinePattern) -> Bool { a.text == b.text }

    private enum Gap: Sendable, Equatable {
        case none, anything
        case kept(String, Kind)
    }
    /// What may be kept.
    private enum Kind: Sendable, Equatable {
        case text, digits, host, variable
    }
    private struct Piece: Sendable {
        /// What may stand before ``text``.
        var gap: Gap
        var text: [UInt8]
    }
    private var pieces: [Piece] = []
    /// What may stand behind the last piece.
    private var rest: Gap = .anything
    private var isAtStart = false
    private var isAtEnd = false
    /// As it was written.
    let text: String
    /// Its longest piece: a line without it does not match.
    let key: [UInt8]

    init(_ text: String) throws(Wrong) {
        self.text = text
        var gap = Gap.anything
        var piece: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        if bytes.first == UInt8(ascii: "^") {
            isAtStart = true
            bytes.removeFirst()
        }
        if bytes.last == UInt8(ascii: "$") {
            isAtEnd = true
            bytes.removeLast()
        }
        func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
        func end(_ pieces: inout [Piece]) throws(Wrong) {
            if piece.isEmpty {
                if !pieces.isEmpty || gap != .anything {
                    throw Wrong(because: "has two gaps that follow each other, or begins with one")
                }
                return
            }
            pieces.append(Piece(gap: gap, text: piece))
            piece = []
        }
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                try end(&pieces)
                gap = .anything
            case UInt8(ascii: "{"):
                // A brace that is meant stands twice.
                if bytes.first == byte {
                    bytes.removeFirst()
                    piece.append(byte)
                    continue
                }
                guard let close = bytes.firstIndex(of: UInt8(ascii: "}")) else {
                    throw Wrong(because: "has a { that is never closed; write {{ for a brace")
                }
                try end(&pieces)
                let words = String(decoding: bytes[..<close], as: UTF8.self).split(
                    separator: ":", omittingEmptySubsequences: false)
                switch (words.count, words.last) {
                case (1, "port"?), (1, "code"?): gap = .kept(String(words[0]), .digits)
                case (1, "host"?): gap = .kept(String(words[0]), .host)
                case (1, _?) where !words[0].isEmpty: gap = .kept(String(words[0]), .text)
                case (2, "env"?) where !words[0].isEmpty: gap = .kept(String(words[0]), .variable)
                default: throw Wrong(because: "has a { without a name, or with a kind other than env")
                }
                bytes = bytes[(close + 1)...]
            default: piece.append(lowered(byte))
            }
        }
        if piece.isEmpty {
            rest = gap
        } else {
            pieces.append(Piece(gap: gap, text: piece))
            rest = .anything
        }
        guard let key = pieces.map(\.text).max(by: { $0.count < $1.count }), key.count >= 3 else {
            throw Wrong(because: "has no piece of 3 letters or more")
        }
        self.key = key
    }

    /// What was kept, when the line matches.
    func match(_ log: LogText, _ line: Int) -> [String: String]? {
        // What was put before the line is not searched: its digits and names are not the program's.
        let content = log.content(line)
        // With the blank before it, so that a pattern of a whole word finds the first one.
        let range = max(content.lowerBound - 1, log.range(line).lowerBound)..<content.upperBound
        var kept: [String: String] = [:]
        var place = range.lowerBound
        for (number, piece) in pieces.enumerated() {
            var from = place
            while true {
                guard let found = Self.find(piece.text, in: log.folded, from..<range.upperBound) else { return nil }
                var fits = true
                if case .kept(let name, let kind) = piece.gap {
                    let value = Self.value(log.plain[place..<found], kind, isBefore: true)
                    fits = Self.fits(value, kind)
                    if fits { kept[name] = value }
                }
                let end = found + piece.text.count
                // A short piece before what is kept at the end may stand there twice: ":::8501".
                if fits, number == pieces.count - 1, case .kept(let name, let kind) = rest {
                    let value = Self.value(log.plain[end..<range.upperBound], kind, isBefore: false)
                    fits = Self.fits(value, kind)
                    if fits { kept[name] = value }
                }
                if fits {
                    if isAtStart, number == 0, found > content.lowerBound,
                        !log.folded[content.lowerBound..<found].allSatisfy(Self.isOfPrefix)
                    {
                        return nil
                    }
                    place = end
                    break
                }
                // The next place where the piece stands may fit.
                from = found + 1
                if found - place > Self.longestValue { return nil }
            }
        }
        guard isAtEnd else { return kept }
        var behind = log.folded[place..<range.upperBound]
        if case .kept(let name, _) = rest { behind = behind.dropFirst(kept[name]?.utf8.count ?? 0) }
        return behind.allSatisfy { $0 == 0x20 } ? kept : nil
    }

    /// Most bytes of what is kept.
    private static let longestValue = 300

    /// What a name keeps of the bytes before the next piece, or of those behind the last one.
    private static func value(_ bytes: ArraySlice<UInt8>, _ kind: Kind, isBefore: Bool) -> String {
        if kind == .variable {
            let isQuote = { (byte: UInt8) in
                [0x20, 0x22, 0x24, 0x27, 0x28, 0x29, 0x3A, 0x3D, 0x5B, 0x5D, 0x60, 0x7B, 0x7D].contains(byte)
            }
            var word = bytes
            for _ in 0..<3 {
                guard let byte = isBefore ? word.last : word.first, isQuote(byte) else { break }
                word = isBefore ? word.dropLast() : word.dropFirst()
            }
            let isOfName = { (byte: UInt8) in
                byte == 0x5F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
            }
            if !isBefore { return String(decoding: word.prefix(while: isOfName), as: UTF8.self) }
            let start = word.lastIndex { !isOfName($0) }
            // Not the end of a word in small letters.
            if let start, (0x61...0x7A).contains(word[start]) { return "" }
            return String(decoding: word[(start.map { $0 + 1 } ?? word.startIndex)...], as: UTF8.self)
        }
        if isBefore { return String(decoding: bytes, as: UTF8.self) }
        // In quotes or not.
        let isQuoted = kind == .text && bytes.first.map { [0x22, 0x27, 0x60].contains($0) } == true
        let word = (isQuoted ? bytes.dropFirst() : bytes).prefix {
            kind == .digits
                ? (0x30...0x39).contains($0)
                : $0 > 0x20 && ![0x22, 0x27, 0x29, 0x2C, 0x3B, 0x5D, 0x60].contains($0)
        }
        return String(decoding: word, as: UTF8.self)
    }

    /// Times, step numbers and bars that builders and supervisors put before a line.
    private static func isOfPrefix(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3A, 0x20, 0x23, 0x2B, 0x2C, 0x2D, 0x2E, 0x5B, 0x5D, 0x7C, UInt8(ascii: "t"), UInt8(ascii: "z"):
            true
        default: false
        }
    }

    private static func fits(_ value: String, _ kind: Kind) -> Bool {
        guard !value.isEmpty, value.utf8.count <= longestValue else { return false }
        return switch kind {
        case .text: true
        case .digits: value.utf8.count <= 5 && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
        case .host: isHost(value)
        case .variable: isVariable(value)
        }
    }

    /// A name or an address; that of IPv6 in brackets or without, such as `::`.
    private static func isHost(_ text: String) -> Bool {
        if text.hasPrefix("[") { return text.hasSuffix("]") }
        return text.utf8.allSatisfy {
            (0x30...0x3A).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || [0x2A, 0x2B, 0x2D, 0x2E, 0x5F].contains($0)
        }
    }

    /// Not any word in capitals: `ERROR` is none.
    private static func isVariable(_ name: String) -> Bool {
        guard name.utf8.count >= 3, let first = name.utf8.first, (0x41...0x5A).contains(first) else { return false }
        return name.dropFirst().contains("_")
            || ["KEY", "TOKEN", "SECRET", "URL", "URI", "DSN", "PASSWORD"].contains { name.hasSuffix($0) }
    }

    private static func find(_ text: [UInt8], in bytes: [UInt8], _ range: Range<Int>) -> Int? {
        guard text.count <= range.count else { return nil }
        return text.withUnsafeBufferPointer { text in
            bytes.withUnsafeBufferPointer { bytes in
                let first = text[0]
                var place = range.lowerBound
                let last = range.upperBound - text.count
                while place <= last {
                    if bytes[place] == first {
                        var next = 1
                        while next < text.count, bytes[place + next] == text[next] { next += 1 }
                        if next == text.count { return place }
                    }
                    place += 1
                }
                return nil
            }
        }
    }
}

/// All patterns at once: one pass over the log names the lines in which the key of a pattern stands.
///
/// Source of the method: Aho and Corasick, "Efficient string matching", CACM 18(6), 1975.
struct PatternIndex: Sendable {
    private let patterns: [LinePattern]
    /// Class of each byte; 0 for what no key holds.
    private var classes = [UInt8](repeating: 0, count: 256)
    private var width = 1
    /// State behind a state and a class.
    private var next: [Int32] = []
    /// Patterns whose key ends in a state.
    private var ends: [[Int32]] = []

    init(_ patterns: [LinePattern]) {
        self.patterns = patterns
        for pattern in patterns {
            for byte in pattern.key where classes[Int(byte)] == 0 {
                classes[Int(byte)] = UInt8(width)
                width += 1
            }
        }
        next = [Int32](repeating: -1, count: width)
        ends = [[]]
        for (number, pattern) in patterns.enumerated() {
            var state = 0
            for byte in pattern.key {
                let place = state * width + Int(classes[Int(byte)])
                if next[place] < 0 {
                    next[place] = Int32(ends.count)
                    ends.append([])
                    next += [Int32](repeating: -1, count: width)
                }
                state = Int(next[place])
            }
            ends[state].append(Int32(number))
        }
        // Breadth first: where a state cannot go on, the longest end of it that is a beginning does.
        var fallback = [Int](repeating: 0, count: ends.count)
        var queue = [0]
        var head = 0
        while head < queue.count {
            let state = queue[head]
            head += 1
            for letter in 0..<width {
                let place = state * width + letter
                let instead = state == 0 ? 0 : Int(next[fallback[state] * width + letter])
                if next[place] < 0 {
                    next[place] = Int32(instead)
                } else {
                    let child = Int(next[place])
                    fallback[child] = instead
                    ends[child] += ends[instead]
                    queue.append(child)
                }
            }
        }
    }

    struct Hit: Sendable {
        var pattern: Int
        var line: Int
        var kept: [String: String]
    }

    /// Most hits of a pattern that are kept: the last ones, since that is where a program failed.
    static let mostHits = 1_000

    /// Every line that a pattern matches, in the order of the lines.
    func hits(_ log: LogText) -> [Hit] {
        var found: [Hit] = []
        var counts = [Int](repeating: 0, count: patterns.count)
        var lastLine = [Int](repeating: -1, count: patterns.count)
        var candidates: [(line: Int, pattern: Int)] = []
        log.folded.withUnsafeBufferPointer { bytes in
            next.withUnsafeBufferPointer { next in
                classes.withUnsafeBufferPointer { classes in
                    for line in 0..<log.count {
                        var state = 0
                        for place in log.range(line) {
                            state = Int(next[state * width + Int(classes[Int(bytes[place])])])
                            if ends[state].isEmpty { continue }
                            for pattern in ends[state] where lastLine[Int(pattern)] != line {
                                lastLine[Int(pattern)] = line
                                candidates.append((line, Int(pattern)))
                            }
                        }
                    }
                }
            }
        }
        for (line, pattern) in candidates.reversed() where counts[pattern] < Self.mostHits {
            guard let kept = patterns[pattern].match(log, line) else { continue }
            counts[pattern] += 1
            found.append(Hit(pattern: pattern, line: line, kept: kept))
        }
        return found.reversed()
    }
}
