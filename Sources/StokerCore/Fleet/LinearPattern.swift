/// A regular expression that is matched in time linear in the text: every state at once, nothing is tried again.
///
/// The answers that are matched come from strangers, on an event loop: a backtracking engine can be kept busy for hours by
/// `(a+)+b`. Known syntax: literals, `.`, classes, `\d \w \s \b` and their opposites, anchors, groups, `|`, `* + ? {n,m}`,
/// `(?i) (?m) (?s)`. What needs backtracking (back references, look-around, atomic groups) is refused.
/// Source of the method: Thompson, "Regular expression search algorithm", CACM 11(6), 1968.
package struct LinearPattern: Sendable {
    /// Why a pattern is not taken: its syntax is unknown, it needs backtracking, or it is too long.
    package struct Refused: Error, Equatable {
        /// For a person, without the pattern itself.
        package var because: String
    }

    /// Most steps of a compiled pattern.
    package static let maxSteps = 1_000

    private let steps: [Step]
    private let sets: [ScalarSet]

    package init(_ pattern: String) throws(Refused) {
        var parser = PatternParser(pattern)
        let tree = try parser.whole()
        guard tree.size < Self.maxSteps else {
            throw Refused(because: "it is too long when its repetitions are written out")
        }
        var compiler = Compiler(sets: parser.sets)
        compiler.add(tree)
        compiler.steps.append(.match)
        steps = compiler.steps
        sets = compiler.sets.map { $0.prepared() }
    }

    /// What a search found out.
    package enum Result: Sendable, Equatable {
        case found, missing
        /// Given up after that many bytes of the text: no match up to there.
        case tooMuchWork(bytes: Int)
    }

    /// Most work of one search: states looked at, over all characters. Some 30 ms; 1 MiB of text costs an ordinary pattern
    /// half of it. Steps alone would be no bound: each may be alive at each character.
    package static let maxWork = 5_000_000

    /// Whether it matches anywhere in the text, in the work of ``maxWork`` at most.
    package func search(_ text: String) -> Result {
        var input = text.unicodeScalars.makeIterator()
        var before: UInt32?
        var here = input.next()?.value
        var after = input.next()?.value
        var current = Threads(steps.count)
        var next = Threads(steps.count)
        var stack: [Int] = []
        var work = 0
        var bytes = 0
        while true {
            // Begins at every place.
            if add(0, to: &current, &stack, &work, before, here, after) { return .found }
            guard let scalar = here else { return .missing }
            guard work <= Self.maxWork else { return .tooMuchWork(bytes: bytes) }
            let following = (here: after, after: input.next()?.value)
            work += current.count
            // Found out once for all states: the properties of a character are a search of their own.
            var facts = ScalarFacts(scalar)
            var asked = (set: -1, contains: false)
            for place in 0..<current.count {
                let thread = current.list[place]
                let fits: Bool
                switch steps[thread] {
                case .scalar(let wanted): fits = scalar == wanted
                case .folded(let wanted): fits = facts.folded == wanted
                case .any(let newlines): fits = newlines || !ScalarSet.isNewline(scalar)
                case .set(let set):
                    // A class that is repeated stands there many times in a row.
                    if set != asked.set {
                        let (contains, cost) = sets[set].contains(&facts)
                        asked = (set, contains)
                        work += cost
                    }
                    fits = asked.contains
                default: fits = false
                }
                if fits, add(thread + 1, to: &next, &stack, &work, scalar, following.here, following.after) {
                    return .found
                }
            }
            swap(&current, &next)
            next.clear()
            bytes += scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x1_0000 ? 3 : 4
            before = scalar
            (here, after) = following
        }
    }

    /// Follows everything that takes no text. Returns whether the end is reached.
    private func add(
        _ start: Int, to threads: inout Threads, _ stack: inout [Int], _ work: inout Int, _ before: UInt32?,
        _ here: UInt32?, _ after: UInt32?
    ) -> Bool {
        stack.append(start)
        while let step = stack.popLast() {
            work += 1
            guard threads.mark(step) else { continue }
            switch steps[step] {
            case .match:
                stack.removeAll(keepingCapacity: true)
                return true
            case .jump(let to): stack.append(to)
            case .split(let one, let other):
                stack.append(other)
                stack.append(one)
            case .check(let anchor): if anchor.holds(before, here, after) { stack.append(step + 1) }
            default: threads.append(step)
            }
        }
        return false
    }

    fileprivate enum Step: Sendable {
        case scalar(UInt32)
        case folded(UInt32)
        case any(newlines: Bool)
        case set(Int)
        case check(Anchor)
        case jump(Int)
        case split(Int, Int)
        case match
    }

    private struct Threads {
        var list: [Int]
        var count = 0
        private var seen: [UInt32]
        private var turn: UInt32 = 1

        init(_ size: Int) {
            list = [Int](repeating: 0, count: size)
            seen = [UInt32](repeating: 0, count: size)
        }
        mutating func mark(_ step: Int) -> Bool {
            guard seen[step] != turn else { return false }
            seen[step] = turn
            return true
        }
        mutating func append(_ step: Int) {
            list[count] = step
            count += 1
        }
        mutating func clear() {
            count = 0
            turn += 1
        }
    }

    private struct Compiler {
        var steps: [Step] = []
        var sets: [ScalarSet]

        mutating func add(_ tree: Tree) {
            switch tree {
            case .step(let step): steps.append(step)
            case .sequence(let parts): for part in parts { add(part) }
            case .either(let branches):
                var ends: [Int] = []
                for (index, branch) in branches.enumerated() {
                    guard index < branches.count - 1 else {
                        add(branch)
                        break
                    }
                    let split = steps.count
                    steps.append(.match)
                    add(branch)
                    ends.append(steps.count)
                    steps.append(.match)
                    steps[split] = .split(split + 1, steps.count)
                }
                for end in ends { steps[end] = .jump(steps.count) }
            case .times(let part, let least, let most):
                for _ in 0..<least { add(part) }
                if let most {
                    var splits: [Int] = []
                    for _ in least..<most {
                        splits.append(steps.count)
                        steps.append(.match)
                        add(part)
                    }
                    for split in splits { steps[split] = .split(split + 1, steps.count) }
                } else {
                    let split = steps.count
                    steps.append(.match)
                    add(part)
                    steps.append(.jump(split))
                    steps[split] = .split(split + 1, steps.count)
                }
            }
        }
    }

    fileprivate indirect enum Tree {
        case step(Step)
        case sequence([Tree])
        case either([Tree])
        case times(Tree, least: Int, most: Int?)

        /// Steps it compiles to, at most; stops counting at 100,000.
        var size: Int {
            let size =
                switch self {
                case .step: 1
                case .sequence(let parts): parts.reduce(0) { min(100_000, $0 + $1.size) }
                case .either(let branches): branches.reduce(0) { min(100_000, $0 + $1.size + 2) }
                case .times(let part, let least, let most): (part.size + 2) * (most ?? least + 1)
                }
            return min(100_000, size)
        }
    }

    package enum Anchor: Sendable {
        case start, end, veryEnd, lineStart, lineEnd, wordEdge, noWordEdge

        func holds(_ before: UInt32?, _ here: UInt32?, _ after: UInt32?) -> Bool {
            switch self {
            case .start: before == nil
            case .veryEnd: here == nil
            // Before a newline that ends the text, too.
            case .end: here == nil || after == nil && here.map(ScalarSet.isNewline) == true
            case .lineStart: before.map(ScalarSet.isNewline) ?? true
            case .lineEnd: here.map(ScalarSet.isNewline) ?? true
            case .wordEdge: Self.isWord(before) != Self.isWord(here)
            case .noWordEdge: Self.isWord(before) == Self.isWord(here)
            }
        }
        private static func isWord(_ scalar: UInt32?) -> Bool { scalar.map(ScalarSet.isWord) ?? false }
    }
}

/// What is known of the character that is looked at; each fact is found out when first needed.
private struct ScalarFacts {
    let scalar: UInt32
    private var knownFolded: UInt32?
    private var knownRaised: UInt32?
    private var knownKinds: (digit: Bool?, word: Bool?, space: Bool?)

    init(_ scalar: UInt32) { self.scalar = scalar }

    var folded: UInt32 {
        mutating get {
            if let knownFolded { return knownFolded }
            let value = ScalarSet.folded(scalar)
            knownFolded = value
            return value
        }
    }
    var raised: UInt32 {
        mutating get {
            if let knownRaised { return knownRaised }
            let value = ScalarSet.raised(scalar)
            knownRaised = value
            return value
        }
    }
    mutating func has(_ kind: ScalarSet.Kind) -> Bool {
        let known =
            switch kind {
            case .digit: knownKinds.digit
            case .word: knownKinds.word
            case .space: knownKinds.space
            }
        if let known { return known }
        let value = ScalarSet.has(kind, scalar)
        switch kind {
        case .digit: knownKinds.digit = value
        case .word: knownKinds.word = value
        case .space: knownKinds.space = value
        }
        return value
    }
}

/// A class of characters.
struct ScalarSet: Sendable {
    enum Kind: Sendable { case digit, word, space }
    var ranges: [ClosedRange<UInt32>] = []
    var kinds: [(kind: Kind, inverted: Bool)] = []
    var inverted = false
    var folds = false

    /// Answers for ASCII, and the ranges in order without overlaps; made by ``prepared()``.
    fileprivate var ascii: (low: UInt64, high: UInt64) = (0, 0)

    func prepared() -> ScalarSet {
        var set = self
        set.ranges = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = set.ranges.last, range.lowerBound <= last.upperBound &+ 1 {
                set.ranges[set.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                set.ranges.append(range)
            }
        }
        for scalar in UInt32(0)..<128 {
            var facts = ScalarFacts(scalar)
            guard set.search(&facts).0 else { continue }
            if scalar < 64 { set.ascii.low |= 1 << scalar } else { set.ascii.high |= 1 << (scalar - 64) }
        }
        return set
    }

    /// And how much work that was beyond looking.
    fileprivate func contains(_ facts: inout ScalarFacts) -> (Bool, cost: Int) {
        let scalar = facts.scalar
        if scalar < 64 { return (ascii.low >> UInt64(scalar) & 1 == 1, 0) }
        if scalar < 128 { return (ascii.high >> UInt64(scalar - 64) & 1 == 1, 0) }
        return search(&facts)
    }

    private func search(_ facts: inout ScalarFacts) -> (Bool, cost: Int) {
        var found = isInRanges(facts.scalar)
        var cost = 1
        if !found, folds {
            found = isInRanges(facts.folded) || isInRanges(facts.raised)
            cost = 3
        }
        for (kind, inverted) in kinds where !found {
            cost += 1
            found = facts.has(kind) != inverted
            // As the scalar itself, so in its other case.
            if !found, folds {
                found = Self.has(kind, facts.folded) != inverted || Self.has(kind, facts.raised) != inverted
            }
        }
        return (found != inverted, cost)
    }

    private func isInRanges(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= scalar
    }

    fileprivate static func has(_ kind: Kind, _ scalar: UInt32) -> Bool {
        switch kind {
        case .digit: isDigit(scalar)
        case .word: isWord(scalar)
        case .space: isSpace(scalar)
        }
    }

    static func isNewline(_ scalar: UInt32) -> Bool {
        (0x0A...0x0D).contains(scalar) || scalar == 0x85 || scalar == 0x2028 || scalar == 0x2029
    }
    static func isDigit(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return (0x30...0x39).contains(scalar) }
        return Unicode.Scalar(scalar)?.properties.generalCategory == .decimalNumber
    }
    static func isWord(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 {
            return isDigit(scalar) || (0x41...0x5A).contains(scalar) || (0x61...0x7A).contains(scalar) || scalar == 0x5F
        }
        guard let properties = Unicode.Scalar(scalar)?.properties else { return false }
        return properties.isAlphabetic || properties.generalCategory == .decimalNumber
            || properties.generalCategory == .nonspacingMark
    }
    static func isSpace(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return scalar == 0x20 || (0x09...0x0D).contains(scalar) }
        return Unicode.Scalar(scalar)?.properties.isWhitespace ?? false
    }
    static func folded(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return (0x41...0x5A).contains(scalar) ? scalar | 0x20 : scalar }
        return single(Unicode.Scalar(scalar)?.properties.lowercaseMapping) ?? scalar
    }
    static func raised(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return (0x61...0x7A).contains(scalar) ? scalar & ~0x20 : scalar }
        return single(Unicode.Scalar(scalar)?.properties.uppercaseMapping) ?? scalar
    }
    private static func single(_ mapping: String?) -> UInt32? {
        guard let scalars = mapping?.unicodeScalars, scalars.count == 1 else { return nil }
        return scalars.first?.value
    }
}

/// Reads a pattern's text.
private struct PatternParser {
    typealias Tree = LinearPattern.Tree
    typealias Refused = LinearPattern.Refused

    private struct Flags {
        var folds = false
        var lines = false
        var dotAll = false
    }

    var sets: [ScalarSet] = []
    private let scalars: [Unicode.Scalar]
    private var at = 0
    private var depth = 0
    private var flags = Flags()

    init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

    private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[at...].starts(with: wanted) else { return false }
        at += wanted.count
        return true
    }

    mutating func whole() throws(Refused) -> Tree {
        let tree = try branches()
        guard at == scalars.count else { throw Refused(because: "a ) has no ( before it") }
        return tree
    }

    private mutating func branches() throws(Refused) -> Tree {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 50 else { throw Refused(because: "its groups are nested too deep") }
        // Flags that are set inside a group end with it.
        let outer = flags
        defer { flags = outer }
        var all = [try sequence()]
        while take("|") { all.append(try sequence()) }
        return all.count == 1 ? all[0] : .either(all)
    }

    private mutating func sequence() throws(Refused) -> Tree {
        var parts: [Tree] = []
        while let scalar = next, scalar != "|", scalar != ")" { parts.append(try repeated()) }
        return .sequence(parts)
    }

    private mutating func repeated() throws(Refused) -> Tree {
        var tree = try atom()
        while let (least, most) = try quantifier() {
            // Greedy or not makes no difference to whether it matches.
            if !take("?"), take("+") { throw Refused(because: "possessive repetition is not known here") }
            if let most, most < least { throw Refused(because: "a repetition ends before it begins") }
            tree = .times(tree, least: least, most: most)
            guard tree.size < LinearPattern.maxSteps else {
                throw Refused(because: "it is too long when its repetitions are written out")
            }
        }
        return tree
    }

    private mutating func quantifier() throws(Refused) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard next == "{" else { return nil }
        let start = at
        at += 1
        let least = number()
        var most = least
        if take(",") { most = number() ?? -1 }
        guard take("}"), least != nil || most != nil, let most else {
            // Not a repetition: an ordinary brace.
            at = start
            return nil
        }
        guard (least ?? 0) <= LinearPattern.maxSteps, most <= LinearPattern.maxSteps else {
            throw Refused(because: "it is too long when its repetitions are written out")
        }
        return (least ?? 0, most < 0 ? nil : most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, ("0"..."9").contains(digit) {
            value = min(100_000, (value ?? 0) * 10 + Int(digit.value - 0x30))
            at += 1
        }
        return value
    }

    private mutating func atom() throws(Refused) -> Tree {
        let scalar = scalars[at]
        at += 1
        switch scalar {
        case ".": return .step(.any(newlines: flags.dotAll))
        case "^": return .step(.check(flags.lines ? .lineStart : .start))
        case "$": return .step(.check(flags.lines ? .lineEnd : .veryEnd))
        case "(": return try group()
        case "[": return try set()
        case "\\": return try escape()
        case "*", "+", "?": throw Refused(because: "a repetition has nothing before it to repeat")
        default: return literal(scalar.value)
        }
    }

    private func literal(_ scalar: UInt32) -> Tree {
        .step(flags.folds ? .folded(ScalarSet.folded(scalar)) : .scalar(scalar))
    }

    private mutating func group() throws(Refused) -> Tree {
        if take("?") {
            if take("=") || take("!") || take("<=") || take("<!") {
                throw Refused(because: "look-ahead and look-behind can take for ever and are not known here")
            }
            if take("<") || take("P<") || take("'") {
                while let scalar = next, scalar != ">", scalar != "'" { at += 1 }
                at += 1
            } else if !take(":") {
                let before = flags
                guard try readFlags() else { return .sequence([]) }
                defer { flags = before }
                return try closed()
            }
        }
        return try closed()
    }

    private mutating func closed() throws(Refused) -> Tree {
        let tree = try branches()
        guard take(")") else { throw Refused(because: "a ( has no ) after it") }
        return tree
    }

    /// `(?i)` or the head of `(?i:…)`: whether a group follows.
    private mutating func readFlags() throws(Refused) -> Bool {
        var on = true
        while let scalar = next {
            at += 1
            switch scalar {
            case "i": flags.folds = on
            case "m": flags.lines = on
            case "s": flags.dotAll = on
            case "-": on = false
            case ")": return false
            case ":": return true
            default: throw Refused(because: "the group (?\(scalar) is not known here")
            }
        }
        throw Refused(because: "a ( has no ) after it")
    }

    private mutating func step(_ set: ScalarSet) -> Tree {
        sets.append(set)
        return .step(.set(sets.count - 1))
    }

    private mutating func escape() throws(Refused) -> Tree {
        if let kind = kind() { return step(ScalarSet(kinds: [kind])) }
        guard let scalar = next else { throw Refused(because: "it ends with a backslash") }
        let anchor: LinearPattern.Anchor? =
            switch scalar {
            case "b": .wordEdge
            case "B": .noWordEdge
            case "A": .start
            case "z": .veryEnd
            case "Z": .end
            default: nil
            }
        if let anchor {
            at += 1
            return .step(.check(anchor))
        }
        return literal(try character())
    }

    private mutating func kind() -> (ScalarSet.Kind, Bool)? {
        let kind: (ScalarSet.Kind, Bool)? =
            switch next {
            case "d": (.digit, false)
            case "D": (.digit, true)
            case "w": (.word, false)
            case "W": (.word, true)
            case "s": (.space, false)
            case "S": (.space, true)
            default: nil
            }
        if kind != nil { at += 1 }
        return kind
    }

    /// One character after a backslash.
    private mutating func character() throws(Refused) -> UInt32 {
        guard let scalar = next else { throw Refused(because: "it ends with a backslash") }
        at += 1
        switch scalar {
        case "n": return 0x0A
        case "r": return 0x0D
        case "t": return 0x09
        case "f": return 0x0C
        case "v": return 0x0B
        case "e": return 0x1B
        case "a": return 0x07
        case "0": return 0
        case "x": return try hexadecimal(2)
        case "u": return try hexadecimal(4)
        case "1"..."9", "k": throw Refused(because: "back references can take for ever and are not known here")
        case "a"..."z", "A"..."Z": throw Refused(because: "\\\(scalar) is not known here")
        default: return scalar.value
        }
    }

    private mutating func hexadecimal(_ digits: Int) throws(Refused) -> UInt32 {
        let braced = take("{")
        var text = ""
        while let scalar = next, scalar.properties.isASCIIHexDigit, braced ? text.count < 6 : text.count < digits {
            text.unicodeScalars.append(scalar)
            at += 1
        }
        guard let value = UInt32(text, radix: 16), Unicode.Scalar(value) != nil,
            braced ? take("}") : text.count == digits
        else { throw Refused(because: "a character's number is not complete") }
        return value
    }

    private mutating func set() throws(Refused) -> Tree {
        var set = ScalarSet(folds: flags.folds)
        set.inverted = take("^")
        var isFirst = true
        while true {
            guard let scalar = next else { throw Refused(because: "a [ has no ] after it") }
            if scalar == "]", !isFirst { break }
            isFirst = false
            if take("[:") {
                try named(&set)
                continue
            }
            if scalar == "[" || scalars[at...].starts(with: "&&".unicodeScalars)
                || scalars[at...].starts(with: "--".unicodeScalars)
                || scalars[at...].starts(with: "~~".unicodeScalars)
            {
                throw Refused(because: "a class inside a class is not known here; write \\[ for the character")
            }
            at += 1
            var low = scalar.value
            if scalar == "\\" {
                if let kind = kind() {
                    set.kinds.append(kind)
                    continue
                }
                low = next == "b" ? 0x08 : try character()
                if low == 0x08, next == "b" { at += 1 }
            }
            var high = low
            if next == "-", at + 1 < scalars.count, scalars[at + 1] != "]" {
                at += 1
                guard let end = next else { throw Refused(because: "a [ has no ] after it") }
                at += 1
                high = end == "\\" ? try character() : end.value
                guard low <= high else { throw Refused(because: "a range of characters ends before it begins") }
            }
            set.ranges.append(low...high)
        }
        at += 1
        return step(set)
    }

    private mutating func named(_ set: inout ScalarSet) throws(Refused) {
        let known: [(String, (inout ScalarSet) -> Void)] = [
            ("alpha:]", { $0.ranges += [0x41...0x5A, 0x61...0x7A] }), ("digit:]", { $0.ranges.append(0x30...0x39) }),
            ("alnum:]", { $0.ranges += [0x30...0x39, 0x41...0x5A, 0x61...0x7A] }),
            ("upper:]", { $0.ranges.append(0x41...0x5A) }), ("lower:]", { $0.ranges.append(0x61...0x7A) }),
            ("space:]", { $0.kinds.append((.space, false)) }), ("word:]", { $0.kinds.append((.word, false)) }),
            ("xdigit:]", { $0.ranges += [0x30...0x39, 0x41...0x46, 0x61...0x66] }),
        ]
        for (name, addTo) in known where take(name) { return addTo(&set) }
        throw Refused(because: "it names a class that is not known here")
    }
}
