/// A path into a JSON document: `$.database`, `$.checks[0].status`, `$["odd key"]`; `$` alone is the document itself.
package struct JSONPath: Sendable, Equatable {
    /// One step down: a key of an object, or an index from 0 of an array.
    package enum Step: Sendable, Equatable {
        case key(String)
        case index(Int)
    }
    /// From the document down; empty is the document itself.
    package var steps: [Step] = []

    /// nil when the text is not such a path.
    package init?(_ text: String) {
        guard text.hasPrefix("$") else { return nil }
        var rest = text.dropFirst()
        while let mark = rest.popFirst() {
            if mark == "." {
                let name = rest.prefix { $0 != "." && $0 != "[" && $0 != "]" }
                guard !name.isEmpty, !name.contains("*") else { return nil }
                steps.append(.key(String(name)))
                rest = rest.dropFirst(name.count)
            } else if mark == "[", let quote = rest.first, quote == "\"" || quote == "'" {
                let name = rest.dropFirst().prefix { $0 != quote }
                rest = rest.dropFirst(name.count + 1)
                guard rest.hasPrefix("\(quote)]") else { return nil }
                steps.append(.key(String(name)))
                rest = rest.dropFirst(2)
            } else if mark == "[" {
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                guard let index = Int(digits), rest.dropFirst(digits.count).hasPrefix("]") else { return nil }
                steps.append(.index(index))
                rest = rest.dropFirst(digits.count + 1)
            } else {
                return nil
            }
        }
    }

    /// What is wrong with a text that should be a path; nil when it is one.
    static func fault(in text: String) -> String? {
        if JSONPath(text) != nil { return nil }
        return text.hasPrefix("$")
            ? "is not a path that is known; write $.name, $.list[0] or $[\"odd name\"]"
            : "is not a path; write $.\(text.prefix(40))"
    }
}

extension JSONPath {
    /// What stands at the end of a path.
    package enum Found: Sendable, Equatable {
        case scalar(JSONScalar)
        /// "an object" or "an array".
        case container(String)
        /// The first step that leads nowhere.
        case missing(Step)
        case malformed(at: Int)
    }

    /// Walks a text to one value without building a tree, leniently (``JSONValue/Strictness/lenient``). What follows the value is not
    /// looked at, so that a text that was cut behind it still serves.
    package func find(in bytes: UnsafeRawBufferPointer) -> Found {
        var reader = JSONReader(bytes: bytes, strictness: .lenient)
        do {
            return try find(steps[...], &reader)
        } catch {
            return .malformed(at: error.offset)
        }
    }

    private func find(
        _ steps: ArraySlice<Step>, _ reader: inout JSONReader
    ) throws(JSONValue.SyntaxError) -> Found {
        reader.skipSpace()
        guard let step = steps.first else {
            switch reader.next {
            case 0x7B: return .container("an object")
            case 0x5B: return .container("an array")
            case 0x22: return .scalar(.string(try reader.string()))
            case 0x74, 0x66, 0x6E:
                let value = try reader.word()
                return .scalar(value.bool.map { .bool($0) } ?? .null)
            default:
                let digits = try reader.numberBytes()
                return .scalar(JSONNumber(digits).map { .number($0) } ?? .null)
            }
        }
        // What is looked for ends the walk: nothing behind it is read.
        var found: Found?
        switch (step, reader.next) {
        case (.key(let name), 0x7B):
            try reader.object { (reader, key, _) throws(JSONValue.SyntaxError) in
                guard key == name else {
                    try reader.skipValue()
                    return true
                }
                found = try find(steps.dropFirst(), &reader)
                return false
            }
        case (.index(let index), 0x5B):
            try reader.array { (reader, position) throws(JSONValue.SyntaxError) in
                guard position == index else {
                    try reader.skipValue()
                    return true
                }
                found = try find(steps.dropFirst(), &reader)
                return false
            }
        default:
            try reader.skipValue()
        }
        return found ?? .missing(step)
    }
}
