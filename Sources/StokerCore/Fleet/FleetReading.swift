internal import Yams

/// One reading of one file: what is known while the tree is walked, and the mistakes found so far.
final class FleetReading {
    let file: String
    let environment: [String: String]
    let document: FleetDocument
    private(set) var problems: [Problem] = []
    private(set) var advice: [Fleet.Advice] = []
    /// Nodes that may still be looked at; aliases can make few bytes many nodes.
    var budget = 20_000_000
    private var reported: Set<Report> = []
    private var policies: Set<CheckPolicy> = []

    /// A person corrects a few at a time; a file of a million lines with one wrong default must not answer with a million.
    static let problemLimit = 500
    static let adviceLimit = 1_000

    private struct Report: Hashable {
        var spot: SourcePosition
        var text: String
    }

    init(file: String, environment: [String: String], document: FleetDocument) {
        self.file = file
        self.environment = environment
        self.document = document
    }

    func report(_ rule: Problem.Rule, _ text: String, at mark: SourcePosition, in place: DocumentPath) {
        // A mistake in an anchored mapping is met once for every alias.
        guard problems.count < Self.problemLimit,
            reported.insert(Report(spot: mark, text: text)).inserted
        else { return }
        problems.append(
            Problem(file: file, line: mark.line, column: mark.column, path: place.description, text: text, rule: rule))
    }

    func advise(_ text: String, at mark: SourcePosition, in place: DocumentPath) {
        guard advice.count < Self.adviceLimit else { return }
        advice.append(Fleet.Advice(path: place.description, text: text, line: mark.line, column: mark.column))
    }

    /// The one instance of a policy: a million checks that are configured alike share it.
    func shared(_ policy: CheckPolicy) -> CheckPolicy { policies.insert(policy).memberAfterInsert }

    /// Problems in the order of the file.
    var sorted: FleetProblems {
        FleetProblems(problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
    }
}

extension CheckPolicy: Hashable {
    package func hash(into hasher: inout Hasher) {
        // The fields that differ in practice; equality looks at all of them.
        hasher.combine(kind)
        hasher.combine(every)
        hasher.combine(timeout)
        hasher.combine(hours)
        hasher.combine(request)
        hasher.combine(expect)
        hasher.combine(group)
    }
}

/// Line and column, from 1.
struct SourcePosition: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
    init?(_ mark: Mark?) {
        guard let mark else { return nil }
        self.init(line: mark.line, column: mark.column)
    }
    static func < (a: SourcePosition, b: SourcePosition) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// A place in the document, as a chain so that a path costs nothing until somebody reads it.
final class DocumentPath: CustomStringConvertible, Sendable {
    let parent: DocumentPath?
    let key: String
    init(_ parent: DocumentPath?, _ key: String) {
        self.parent = parent
        self.key = key
        written = nil
    }
    static var root: DocumentPath { DocumentPath(nil, "") }

    /// A path that was written out before; it is shown as it is.
    private let written: String?
    init(_ parent: DocumentPath?, path: String) {
        self.parent = parent
        key = path
        written = path
    }

    var description: String {
        if let written { return written }
        var keys: [String] = []
        var place: DocumentPath? = self
        while let here = place, here.parent != nil {
            keys.append(here.key)
            place = here.parent
        }
        var text = ""
        for key in keys.reversed() {
            let key = Redaction.source(key)
            if key.hasPrefix("[") {
                text += key
            } else {
                // A dot inside a key would read as a step.
                let part = key.contains(".") || key.contains(" ") ? "[\"\(key)\"]" : key
                text += text.isEmpty || part.hasPrefix("[") ? part : "." + part
            }
        }
        return text
    }
}

/// A node and where it is.
struct Value {
    let node: Node
    let place: DocumentPath
    let reading: FleetReading

    var mark: SourcePosition { SourcePosition(node.mark) ?? SourcePosition(line: 1, column: 1) }

    func report(_ rule: Problem.Rule, _ text: String) { reading.report(rule, text, at: mark, in: place) }

    /// Nothing, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// What the node is, in a word or two.
    var kind: String {
        switch node {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .scalar, .alias: isNull ? "nothing" : "text"
        }
    }

    /// A scalar with its variables filled in.
    struct Text {
        var value: String
        /// As in the file.
        var raw: String
        /// As in the file, for messages: cut, and without a password or a key that is written into it.
        var shown: String {
            let short = raw.count > 60 ? String(raw.prefix(60)) + "…" : raw
            return "\"\(Redaction.source(short.replacing("\n", with: "⏎")))\""
        }
        /// Not in quotes, so that `5`, `true` and `null` are not text.
        var plain: Bool
        var substituted: Bool
        /// What came out of the environment, and how many bytes of the text are in front of it.
        var filled: [(offset: Int, value: String)] = []

        /// What came out of the environment and lies behind the first `offset` bytes: people see `***` for it.
        func hidden(from offset: Int = 0) -> [Secret] {
            func isSeparator(_ byte: UInt8) -> Bool { "/?&=".utf8.contains(byte) }
            return filled.compactMap { fill in
                let inside = fill.value.utf8.dropFirst(max(0, offset - fill.offset))
                let value = inside.drop(while: isSeparator)
                let trailing = value.reversed().prefix(while: isSeparator).count
                let text = String(decoding: value.dropLast(trailing), as: UTF8.self)
                return text.isEmpty ? nil : Secret(text)
            }
        }
    }

    /// - Parameter wanted: what is expected, with an example: `a duration such as 30s or 5m`.
    func text(_ wanted: String) -> Text? {
        reading.budget -= 1
        guard case .scalar(let scalar) = node else {
            report(.type, "is \(kind); expected \(wanted)")
            return nil
        }
        checkTag(scalar.tag)
        if isNull {
            report(.missing, "is empty; expected \(wanted)")
            return nil
        }
        let raw = VariableEscaping.lower(scalar.string)
        guard let (value, substituted, filled) = Variables.fill(raw, self) else { return nil }
        return Text(value: value, raw: raw, plain: scalar.style == .plain, substituted: substituted, filled: filled)
    }

    /// Tags would let a file ask for types that we do not have.
    func checkTag(_ tag: Tag) {
        let name = tag.description
        let known = ["", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"]
        if !known.contains(name) { report(.type, "has the tag `\(name)`; a fleet file has no tags") }
    }

    /// Text that a variable may leave empty; nil then.
    func optionalString(_ wanted: String) -> String? {
        guard let text = text(wanted), !text.value.isEmpty else { return nil }
        return text.value
    }

    func string(_ wanted: String) -> String? {
        guard let text = text(wanted) else { return nil }
        guard !text.value.isEmpty else {
            report(.missing, "is empty\(text.substituted ? " (\(text.shown))" : ""); expected \(wanted)")
            return nil
        }
        return text.value
    }

    /// Text that no message shows.
    func secret(_ wanted: String) -> Secret? { optionalString(wanted).map { Secret($0) } }

    func bool() -> Bool? {
        guard let text = text("true or false") else { return nil }
        switch text.value {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default:
            report(.type, "\(text.shown) is neither true nor false")
            return nil
        }
    }

    func integer(_ range: ClosedRange<Int>, _ wanted: String) -> Int? {
        guard let text = text(wanted) else { return nil }
        guard let number = Int(text.value) else {
            report(.type, "\(text.shown) is not a whole number; expected \(wanted)")
            return nil
        }
        guard range.contains(number) else {
            report(.range, "\(text.shown) is outside \(range.lowerBound)…\(range.upperBound); expected \(wanted)")
            return nil
        }
        return number
    }

    func duration(_ range: ClosedRange<Duration>, example: String = "30s, 5m or 48h") -> Duration? {
        guard let text = text("a duration such as \(example)") else { return nil }
        guard let duration = Duration(text: text.value) else {
            if text.value.allSatisfy({ $0.isASCII && $0.isNumber }), !text.substituted, text.value.count < 10 {
                report(.value, "\(text.shown) has no unit; write \(text.value)s, \(text.value)m or \(text.value)h")
            } else if text.value.hasPrefix("-") {
                report(.range, "\(text.shown) is negative; write a duration such as \(example)")
            } else {
                report(.value, "\(text.shown) is not a duration; write \(example)")
            }
            return nil
        }
        guard range.contains(duration) else {
            let bound =
                duration < range.lowerBound
                ? "shorter than \(range.lowerBound.text)" : "longer than \(range.upperBound.text)"
            report(.range, "\(text.shown) is \(bound)")
            return nil
        }
        return duration
    }

    /// One of a few words.
    func word<Word>(_ words: [(String, Word)]) -> Word? {
        let all = words.map(\.0).joined(separator: ", ")
        guard let text = text("one of \(all)") else { return nil }
        if let found = words.first(where: { $0.0 == text.value }) { return found.1 }
        let nearest = text.substituted ? nil : ClosestMatch.of(text.value, among: words.map(\.0))
        report(.value, "\(text.shown) is not one of \(all)\(nearest.map { "; did you mean `\($0)`?" } ?? "")")
        return nil
    }

    /// The items of a list; a single scalar counts as a list of one.
    func items(_ wanted: String) -> [Value]? {
        switch node {
        case .sequence(let sequence):
            checkTag(sequence.tag)
            reading.budget -= sequence.count
            return sequence.enumerated().map {
                Value(node: $1, place: DocumentPath(place, "[\($0)]"), reading: reading)
            }
        case .scalar where !isNull:
            return [self]
        default:
            report(isNull ? .missing : .type, "is \(isNull ? "empty" : kind); expected \(wanted)")
            return nil
        }
    }
}

/// `${NAME}`, `${NAME:-default}` and `$$`.
enum Variables {
    /// The text with all variables filled in, whether there were any, and what came out of the environment where; nil after a problem was
    /// reported.
    static func fill(_ raw: String, _ value: Value) -> (String, Bool, [(offset: Int, value: String)])? {
        guard raw.utf8.contains(UInt8(ascii: "$")) else { return (raw, false, []) }
        var result = ""
        var values: [(offset: Int, value: String)] = []
        var filled = false
        var sound = true
        var rest = raw[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            guard let next = rest.first else {
                result += "$"
                break
            }
            if next == "$" {
                result += "$"
                rest = rest.dropFirst()
                continue
            }
            guard next == "{" else {
                result += "$"
                continue
            }
            guard let end = rest.firstIndex(of: "}") else {
                value.report(.variable, "`${` has no closing `}`; write $$ for a dollar sign")
                return nil
            }
            let inside = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
            filled = true
            let name = inside.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            let tail = inside.dropFirst(name.count)
            guard !name.isEmpty, name.first?.isNumber != true else {
                value.report(.variable, "`${\(inside.prefix(40))}` does not begin with a variable's name")
                sound = false
                continue
            }
            guard tail.isEmpty || tail.hasPrefix(":-") else {
                value.report(.variable, "`${\(name)\(tail.prefix(1))…}`: only ${NAME} and ${NAME:-default} are known")
                sound = false
                continue
            }
            let found = value.reading.environment[String(name)]
            if tail.isEmpty {
                guard let found else {
                    value.report(
                        .variable,
                        "the variable \(name) is not set; set it, put it into the .env file, or give a default: ${\(name):-…}"
                    )
                    sound = false
                    continue
                }
                values.append((result.utf8.count, found))
                result += found
            } else if let found, !found.isEmpty {
                values.append((result.utf8.count, found))
                result += found
            } else {
                result += tail.dropFirst(2)
            }
        }
        result += rest
        return sound ? (result, filled, values) : nil
    }
}

/// A mapping, with its merge keys resolved and unknown keys already reported.
struct Section {
    struct Entry {
        let key: String
        let keyMark: SourcePosition
        let value: Value
    }
    private(set) var entries: [Entry] = []
    let place: DocumentPath
    let mark: SourcePosition
    let reading: FleetReading

    subscript(_ key: String) -> Value? { entries.first { $0.key == key }?.value }
    func entry(_ key: String) -> Entry? { entries.first { $0.key == key } }
    func has(_ key: String) -> Bool { entry(key) != nil }

    /// Where the value of a key begins, else where the section does.
    func mark(of key: String) -> SourcePosition { self[key]?.mark ?? mark }
    func place(of key: String) -> DocumentPath { self[key]?.place ?? place }

    func report(_ rule: Problem.Rule, _ text: String, at key: String? = nil) {
        reading.report(rule, text, at: key.map(mark(of:)) ?? mark, in: key.map(place(of:)) ?? place)
    }
}

extension Value {
    /// The mapping with the keys it may have; nil keys: any names (a mapping from names to things).
    /// Nothing at all reads as an empty mapping.
    func section(_ keys: FleetKeys?) -> Section? {
        if isNull { return Section(entries: [], place: place, mark: mark, reading: reading) }
        guard case .mapping(let mapping) = node else {
            let example = keys?.names.prefix(3).joined(separator: ", ")
            report(.type, "is \(kind); expected a mapping\(example.map { " with keys such as \($0)" } ?? " of names")")
            return nil
        }
        checkTag(mapping.tag)
        var section = Section(entries: [], place: place, mark: mark, reading: reading)
        var seen = Set<String>()
        collect(mapping, into: &section, seen: &seen, level: 0)
        guard let keys else { return section }
        section.rename(keys.aliases)
        for entry in section.entries {
            if keys.known.contains(entry.key) { continue }
            if let instead = keys.unsupported[entry.key] {
                reading.report(
                    .notBuilt, "is not built yet in this version of Stoker: \(instead)", at: entry.keyMark,
                    in: entry.value.place)
                continue
            }
            if keys.isTop, entry.key.hasPrefix("x-") || entry.key == "$schema" { continue }
            let nearest =
                FleetKeys.synonyms[entry.key].flatMap { keys.known.contains($0) ? $0 : nil }
                ?? ClosestMatch.of(entry.key, among: keys.names)
            let hint = nearest.map { "did you mean `\($0)`?" } ?? "known here: \(keys.names.joined(separator: ", "))"
            reading.report(.unknownKey, "is not known; \(hint)", at: entry.keyMark, in: entry.value.place)
        }
        return section
    }

    /// Own keys first, then those of `<<`; the first one found wins, as YAML's merge key has it.
    private func collect(_ mapping: Node.Mapping, into section: inout Section, seen: inout Set<String>, level: Int) {
        reading.budget -= mapping.count + 1
        guard reading.budget > 0 else {
            report(.limit, "aliases repeat too much to read the file")
            return
        }
        var merges: [Value] = []
        for (key, node) in mapping {
            guard case .scalar(let scalar) = key else {
                reading.report(
                    .type, "a key is \(Value(node: key, place: place, reading: reading).kind); keys are text",
                    at: SourcePosition(key.mark) ?? mark, in: place)
                continue
            }
            let name = VariableEscaping.lower(scalar.string)
            // Reported by `reportDuplicates`.
            if reading.document.original(of: name) != nil { continue }
            let value = Value(node: node, place: DocumentPath(place, name), reading: reading)
            if name == "<<", scalar.style == .plain {
                merges.append(value)
                continue
            }
            if seen.insert(name).inserted {
                section.append(.init(key: name, keyMark: SourcePosition(key.mark) ?? mark, value: value))
            }
        }
        for merge in merges {
            let parts: [Node]
            if case .sequence(let list) = merge.node { parts = Array(list) } else { parts = [merge.node] }
            for part in parts {
                guard case .mapping(let inner) = part, level < 100 else {
                    merge.report(.type, "`<<` takes a mapping or a list of mappings, such as `<<: *defaults`")
                    continue
                }
                // The merged values keep the positions of where they are written.
                collect(inner, into: &section, seen: &seen, level: level + 1)
            }
        }
    }
}

extension Section {
    fileprivate mutating func append(_ entry: Entry) { entries.append(entry) }

    /// Gives keys their usual name where that is not said as well.
    fileprivate mutating func rename(_ aliases: [String: String]) {
        guard !aliases.isEmpty else { return }
        entries = entries.map { entry in
            guard let name = aliases[entry.key], !has(name) else { return entry }
            return Entry(key: name, keyMark: entry.keyMark, value: entry.value)
        }
    }
}

extension FleetReading {
    /// Reports keys that are in one mapping twice, wherever they are.
    func reportDuplicates() {
        guard !document.renamed.isEmpty, let root = document.root else { return }
        walk(Value(node: root, place: .root, reading: self))
    }

    private func walk(_ value: Value) {
        budget -= 1
        guard budget > 0 else { return }
        switch value.node {
        case .scalar, .alias: return
        case .sequence(let items):
            for (index, item) in items.enumerated() {
                walk(Value(node: item, place: DocumentPath(value.place, "[\(index)]"), reading: self))
            }
        case .mapping(let mapping):
            var marks: [String: [SourcePosition]] = [:]
            for (key, node) in mapping {
                guard let written = key.scalar?.string else { continue }
                let name = document.original(of: written) ?? written
                marks[name, default: []].append(SourcePosition(key.mark) ?? value.mark)
                walk(Value(node: node, place: DocumentPath(value.place, name), reading: self))
            }
            for (name, places) in marks where places.count > 1 {
                let ordered = places.sorted()
                let advice = name == "<<" ? "write `<<: [*one, *other]`" : "a key may be given once"
                for mark in ordered.dropFirst() {
                    report(
                        .duplicateKey, "is there twice, first in line \(ordered[0].line); \(advice)", at: mark,
                        in: DocumentPath(value.place, name))
                }
            }
        }
    }
}
