import Foundation
import NIOCore
import StokerCore

extension Expectation.JSONRule {
    /// nil when the value is there and as expected; otherwise what was expected and seen, in one line.
    func mismatch(in body: ByteBuffer, truncated: Bool = false) -> String? {
        guard let path = JSONPath(path) else { return "\(quoted(self.path)) is not a path such as $.a.b[0].c" }
        let found = body.withUnsafeReadableBytes { JSONScan(bytes: $0).find(path) }
        switch found {
        case .scalar(let seen) where seen == value: return nil
        case .scalar(let seen):
            let hint = value.hint(for: seen).map { "; \($0)" } ?? ""
            return "expected \(self.path) to be \(value.text), found \(seen.text)\(hint)"
        case .container(let kind): return "expected \(self.path) to be \(value.text), found \(kind)"
        case .missing(let step): return "expected \(self.path) to be \(value.text), but there is no \(step)"
        case .malformed(let offset):
            return truncated && offset >= body.readableBytes
                ? "expected \(self.path) to be \(value.text), not found in the first \(offset) bytes"
                : "expected JSON, but it is malformed at byte \(offset)"
        }
    }
}

extension JSONScalar {
    var text: String {
        switch self {
        case .string(let value): quoted(value)
        case .number(let value): value.text.utf8.count > 80 ? "\(value.text.prefix(80))…" : value.text
        case .bool(let value): value ? "true" : "false"
        case .null: "null"
        }
    }
}

extension JSONScalar {
    /// What to write where only the quotes differ, or the way in which a number is written.
    fileprivate func hint(for seen: JSONScalar) -> String? {
        switch (self, seen) {
        case (.string, .string): nil
        case (_, .string(let found)):
            text == found ? "it is text there: put the value between quotes in the fleet file" : nil
        case (.string(let wanted), .number(let found)):
            wanted == found.text || Double(wanted).map { JSONNumber("\($0)") == found } == true
                || Self.integer(wanted) == found
                ? "it is a number there: write it without quotes, as \(seen.text)" : nil
        case (.string(let wanted), _):
            wanted == seen.text ? "it is no text there: write it without quotes" : nil
        default: nil
        }
    }

    /// `0x10`, `0o17` and `0b1` as YAML readers take them.
    private static func integer(_ text: String) -> JSONNumber? {
        for (mark, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(mark) {
            return Int(text.dropFirst(2), radix: radix).flatMap { JSONNumber("\($0)") }
        }
        return nil
    }
}

/// `$.a.b[0].c`, `$["a key"][2]`, `$[0]`; `$` alone is the document itself.
struct JSONPath: Equatable {
    enum Step: Equatable {
        case key(String)
        case index(Int)
        var text: String {
            switch self {
            case .key(let name): quoted(name)
            case .index(let index): "[\(index)]"
            }
        }
    }
    var steps: [Step] = []

    /// nil when the text is not such a path.
    init?(_ text: String) {
        var rest = Substring(text)
        guard rest.popFirst() == "$" else { return nil }
        while let mark = rest.popFirst() {
            switch mark {
            case ".":
                let name = rest.prefix { $0 != "." && $0 != "[" }
                guard !name.isEmpty else { return nil }
                rest = rest.dropFirst(name.count)
                steps.append(.key(String(name)))
            case "[":
                if let quote = rest.first, quote == "\"" || quote == "'" {
                    rest.removeFirst()
                    guard let end = rest.firstIndex(of: quote) else { return nil }
                    steps.append(.key(String(rest[..<end])))
                    rest = rest[rest.index(after: end)...]
                } else {
                    let digits = rest.prefix { $0.isASCII && $0.isNumber }
                    guard let index = Int(digits) else { return nil }
                    steps.append(.index(index))
                    rest = rest.dropFirst(digits.count)
                }
                guard rest.popFirst() == "]" else { return nil }
            default:
                return nil
            }
        }
    }
}

/// Walks a JSON text (RFC 8259) to one value without building a tree. Of equal keys the first counts. What follows the
/// value is not looked at, so that a body that was cut after it still serves.
struct JSONScan {
    enum Found: Equatable {
        case scalar(JSONScalar)
        /// "an object" or "an array".
        case container(String)
        case missing(String)
        case malformed(at: Int)
    }

    private let bytes: UnsafeRawBufferPointer
    private var at = 0
    private struct Malformed: Error {}
    /// A hostile body must not exhaust the stack.
    private static let deepest = 200

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    func find(_ path: JSONPath) -> Found {
        var scan = self
        do {
            return try scan.walk(path.steps[...])
        } catch {
            return .malformed(at: scan.at)
        }
    }

    private mutating func walk(_ steps: ArraySlice<JSONPath.Step>) throws -> Found {
        var steps = steps
        // A byte order mark is not allowed, but common.
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { at = 3 }
        while let step = steps.popFirst() {
            skipSpace()
            switch (step, peek) {
            case (.key(let name), UInt8(ascii: "{")):
                guard try enter(object: name) else { return .missing(step.text) }
            case (.index(let index), UInt8(ascii: "[")):
                guard try enter(array: index) else { return .missing(step.text) }
            default:
                try skipValue(depth: 0)
                return .missing(step.text)
            }
        }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return .container("an object")
        case UInt8(ascii: "["): return .container("an array")
        default: return .scalar(try scalar())
        }
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 {
            at += 1
        }
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard peek == byte else { throw Malformed() }
        at += 1
    }

    /// Stops before the value of the key; false when the object has no such key.
    private mutating func enter(object name: String) throws -> Bool {
        try expect(UInt8(ascii: "{"))
        skipSpace()
        if peek == UInt8(ascii: "}") { return false }
        while true {
            skipSpace()
            let key = try string()
            skipSpace()
            try expect(UInt8(ascii: ":"))
            if key == name { return true }
            try skipValue(depth: 0)
            skipSpace()
            if peek == UInt8(ascii: "}") { return false }
            try expect(UInt8(ascii: ","))
        }
    }

    private mutating func enter(array index: Int) throws -> Bool {
        try expect(UInt8(ascii: "["))
        skipSpace()
        if peek == UInt8(ascii: "]") { return false }
        var position = 0
        while position < index {
            try skipValue(depth: 0)
            skipSpace()
            if peek == UInt8(ascii: "]") { return false }
            try expect(UInt8(ascii: ","))
            position += 1
        }
        return true
    }

    private mutating func skipValue(depth: Int) throws {
        guard depth < Self.deepest else { throw Malformed() }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"):
            at += 1
            skipSpace()
            if peek == UInt8(ascii: "}") { at += 1; return }
            while true {
                skipSpace()
                try skipString()
                skipSpace()
                try expect(UInt8(ascii: ":"))
                try skipValue(depth: depth + 1)
                skipSpace()
                if peek == UInt8(ascii: "}") { at += 1; return }
                try expect(UInt8(ascii: ","))
            }
        case UInt8(ascii: "["):
            at += 1
            skipSpace()
            if peek == UInt8(ascii: "]") { at += 1; return }
            while true {
                try skipValue(depth: depth + 1)
                skipSpace()
                if peek == UInt8(ascii: "]") { at += 1; return }
                try expect(UInt8(ascii: ","))
            }
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try scalar()
        default: try skipNumber()
        }
    }

    private mutating func scalar() throws -> JSONScalar {
        switch peek {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): try literal("true"); return .bool(true)
        case UInt8(ascii: "f"): try literal("false"); return .bool(false)
        case UInt8(ascii: "n"): try literal("null"); return .null
        default: return .number(try number())
        }
    }

    private mutating func literal(_ text: StaticString) throws {
        for offset in 0..<text.utf8CodeUnitCount { try expect(text.utf8Start[offset]) }
    }

    private mutating func number() throws -> JSONNumber {
        let start = at
        try skipNumber()
        guard let value = JSONNumber(bytes[start..<at]) else { throw Malformed() }
        return value
    }

    private mutating func skipNumber() throws {
        guard let length = JSONNumber.length(bytes[at...]) else {
            // What was cut inside a number is malformed at its end.
            while let byte = peek, byte.isDigit || byte == .hyphen || byte == .dot || byte | 0x20 == UInt8(ascii: "e") {
                at += 1
            }
            throw Malformed()
        }
        at += length
    }

    private mutating func skipString() throws {
        try expect(UInt8(ascii: "\""))
        while let byte = peek {
            at += 1
            if byte == UInt8(ascii: "\"") { return }
            if byte == UInt8(ascii: "\\") {
                guard peek != nil else { break }
                at += 1
            } else if byte < 0x20 {
                throw Malformed()
            }
        }
        throw Malformed()
    }

    private mutating func string() throws -> String {
        let start = at + 1
        try skipString()
        let raw = bytes[start..<(at - 1)]
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        let end = at
        defer { at = end }
        at = start
        var units: [UInt16] = []
        var text = ""
        func flush(_ units: inout [UInt16]) {
            text += String(decoding: units, as: UTF16.self)
            units.removeAll(keepingCapacity: true)
        }
        while at < end - 1 {
            guard bytes[at] == UInt8(ascii: "\\") else {
                flush(&units)
                let from = at
                while at < end - 1, bytes[at] != UInt8(ascii: "\\") { at += 1 }
                text += String(decoding: bytes[from..<at], as: UTF8.self)
                continue
            }
            let mark = bytes[at + 1]
            at += 2
            switch mark {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(UInt16(mark))
            case UInt8(ascii: "b"): units.append(8)
            case UInt8(ascii: "f"): units.append(12)
            case UInt8(ascii: "n"): units.append(10)
            case UInt8(ascii: "r"): units.append(13)
            case UInt8(ascii: "t"): units.append(9)
            case UInt8(ascii: "u"):
                // A sign would be accepted by the conversion.
                guard at + 4 <= end - 1, bytes[at] != UInt8(ascii: "+"), bytes[at] != UInt8(ascii: "-"),
                    let unit = UInt16(String(decoding: bytes[at..<(at + 4)], as: UTF8.self), radix: 16)
                else { throw Malformed() }
                units.append(unit)
                at += 4
            default: throw Malformed()
            }
        }
        flush(&units)
        return text
    }
}
