extension JSONValue {
    /// Why a text is not JSON, and at which byte.
    package struct SyntaxError: Error, Equatable, CustomStringConvertible {
        package var offset: Int
        package var expected: String
        package init(offset: Int, expected: String) {
            self.offset = offset
            self.expected = expected
        }
        package var description: String { "expected \(expected) at byte \(offset)" }
    }

    /// Reads one document: RFC 8259, at most 64 levels deep; a name may come once in an object. The caller limits the size.
    package init(reading bytes: some Collection<UInt8>) throws(SyntaxError) {
        var reader = JSONReader(bytes: Array(bytes))
        self = try reader.document()
    }

    package init(reading text: String) throws(SyntaxError) { try self.init(reading: text.utf8) }
}

private struct JSONReader {
    let bytes: [UInt8]
    var at = 0
    var depth = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    func problem(_ expected: String) -> JSONValue.SyntaxError { .init(offset: at, expected: expected) }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        at += 1
        return true
    }

    mutating func document() throws(JSONValue.SyntaxError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard next == nil else { throw problem("the end") }
        return value
    }

    mutating func value() throws(JSONValue.SyntaxError) -> JSONValue {
        skipSpace()
        switch next {
        case 0x7B: return try nested { (reader) throws(JSONValue.SyntaxError) in try reader.object() }
        case 0x5B: return try nested { (reader) throws(JSONValue.SyntaxError) in try reader.array() }
        case 0x22: return .string(try string())
        case 0x74: return try word("true", .bool(true))
        case 0x66: return try word("false", .bool(false))
        case 0x6E: return try word("null", .null)
        default: return try number()
        }
    }

    mutating func nested(
        _ read: (inout JSONReader) throws(JSONValue.SyntaxError) -> JSONValue
    ) throws(JSONValue.SyntaxError) -> JSONValue {
        guard depth < 64 else { throw problem("at most 64 levels") }
        depth += 1
        at += 1
        let value = try read(&self)
        depth -= 1
        return value
    }

    mutating func object() throws(JSONValue.SyntaxError) -> JSONValue {
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take(0x7D) { return .object([]) }
        while true {
            skipSpace()
            guard next == 0x22 else { throw problem("a name in quotes") }
            let start = at
            let name = try string()
            guard names.insert(name).inserted else {
                at = start
                throw problem("each name once, but \"\(name)\" came again")
            }
            skipSpace()
            guard take(0x3A) else { throw problem("a colon") }
            members.append(.init(name, try value()))
            skipSpace()
            if take(0x7D) { return .object(members) }
            guard take(0x2C) else { throw problem("a comma or }") }
        }
    }

    mutating func array() throws(JSONValue.SyntaxError) -> JSONValue {
        var items: [JSONValue] = []
        skipSpace()
        if take(0x5D) { return .array([]) }
        while true {
            items.append(try value())
            skipSpace()
            if take(0x5D) { return .array(items) }
            guard take(0x2C) else { throw problem("a comma or ]") }
        }
    }

    mutating func word(_ word: String, _ value: JSONValue) throws(JSONValue.SyntaxError) -> JSONValue {
        guard bytes[at...].starts(with: word.utf8) else { throw problem("a value") }
        at += word.utf8.count
        return value
    }

    mutating func number() throws(JSONValue.SyntaxError) -> JSONValue {
        let start = at
        var whole = true
        _ = take(0x2D)
        let firstDigit = at
        guard digits() > 0 else { throw problem("a value") }
        if bytes[firstDigit] == 0x30, at > firstDigit + 1 { throw problem("a number without leading zeros") }
        if take(0x2E) {
            whole = false
            guard digits() > 0 else { throw problem("a digit") }
        }
        if next == 0x65 || next == 0x45 {
            whole = false
            at += 1
            if !take(0x2B) { _ = take(0x2D) }
            guard digits() > 0 else { throw problem("a digit") }
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if whole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw problem("a number that fits") }
        return .number(value)
    }

    mutating func digits() -> Int {
        let start = at
        while let byte = next, (0x30...0x39).contains(byte) { at += 1 }
        return at - start
    }

    mutating func string() throws(JSONValue.SyntaxError) -> String {
        at += 1
        var out: [UInt8] = []
        while let byte = next {
            switch byte {
            case 0x22:
                at += 1
                guard let text = String(validating: out, as: UTF8.self) else { throw problem("UTF-8 text") }
                return text
            case 0x5C:
                at += 1
                out.append(contentsOf: try escape())
            case 0x00..<0x20: throw problem("no control characters in a text")
            default:
                out.append(byte)
                at += 1
            }
        }
        throw problem("a closing quote")
    }

    mutating func escape() throws(JSONValue.SyntaxError) -> [UInt8] {
        guard let byte = next else { throw problem("an escape") }
        at += 1
        switch byte {
        case 0x22, 0x5C, 0x2F: return [byte]
        case 0x62: return [0x08]
        case 0x66: return [0x0C]
        case 0x6E: return [0x0A]
        case 0x72: return [0x0D]
        case 0x74: return [0x09]
        case 0x75:
            let unit = try hexUnit()
            var point = UInt32(unit)
            if (0xD800..<0xDC00).contains(unit) {
                guard take(0x5C), take(0x75) else { throw problem("the second half of a surrogate pair") }
                let low = try hexUnit()
                guard (0xDC00..<0xE000).contains(low) else { throw problem("the second half of a surrogate pair") }
                point = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(point) else { throw problem("a whole surrogate pair") }
            return Array(String(Character(scalar)).utf8)
        default: throw problem("an escape")
        }
    }

    mutating func hexUnit() throws(JSONValue.SyntaxError) -> UInt16 {
        guard at + 4 <= bytes.count, bytes[at..<at + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw problem("four hex digits") }
        at += 4
        return unit
    }
}
