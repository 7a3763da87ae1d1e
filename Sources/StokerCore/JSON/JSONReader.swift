extension JSONValue {
    /// Why a text is not JSON, and at which byte.
    package struct SyntaxError: Error, Equatable, CustomStringConvertible {
        /// In bytes from the beginning of the text.
        package var offset: Int
        /// What should stand there, as words: `a value`.
        package var expected: String
        package init(offset: Int, expected: String) {
            self.offset = offset
            self.expected = expected
        }
        package var description: String { "expected \(expected) at byte \(offset)" }
    }

    /// How exactly a text must be JSON (RFC 8259). The caller limits the size.
    package enum Strictness: Sendable {
        /// For what is sent to us: at most 64 levels deep, UTF-8 throughout, each name once in an object.
        case strict
        /// For what others answer: at most 200 levels deep; a byte order mark is skipped, of a repeated name the first counts,
        /// malformed UTF-8 and lone surrogates become U+FFFD.
        case lenient
    }

    /// Reads one document.
    package init(
        reading bytes: some Collection<UInt8>, _ strictness: Strictness = .strict
    ) throws(SyntaxError) {
        func read(_ bytes: UnsafeRawBufferPointer) -> Result<JSONValue, SyntaxError> {
            var reader = JSONReader(bytes: bytes, strictness: strictness)
            return Result { () throws(SyntaxError) in try reader.document() }
        }
        let result =
            bytes.withContiguousStorageIfAvailable { read(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { read($0) }
        self = try result.get()
    }

    package init(reading text: String, _ strictness: Strictness = .strict) throws(SyntaxError) {
        try self.init(reading: text.utf8, strictness)
    }
}

/// The grammar of JSON over bytes: reads values, or skips them without building anything.
struct JSONReader {
    typealias SyntaxError = JSONValue.SyntaxError

    private let bytes: UnsafeRawBufferPointer
    private let isStrict: Bool
    private let depthLimit: Int
    private(set) var at = 0
    private var depth = 0

    init(bytes: UnsafeRawBufferPointer, strictness: JSONValue.Strictness) {
        self.bytes = bytes
        isStrict = strictness == .strict
        depthLimit = isStrict ? 64 : 200
        if !isStrict, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    }

    var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func problem(_ expected: String) -> SyntaxError { .init(offset: at, expected: expected) }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        at += 1
        return true
    }

    mutating func document() throws(SyntaxError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard next == nil else { throw problem("the end") }
        return value
    }

    mutating func value() throws(SyntaxError) -> JSONValue {
        skipSpace()
        switch next {
        case 0x7B:
            var members: [JSONValue.Member] = []
            var names: Set<String> = []
            try object { (reader, name, start) throws(SyntaxError) in
                if names.insert(name).inserted {
                    members.append(.init(name, try reader.value()))
                } else if reader.isStrict {
                    reader.at = start
                    throw reader.problem("each name once, but \"\(name)\" came again")
                } else {
                    try reader.skipValue()
                }
                return true
            }
            return .object(members)
        case 0x5B:
            var items: [JSONValue] = []
            try array { (reader, _) throws(SyntaxError) in
                items.append(try reader.value())
                return true
            }
            return .array(items)
        case 0x22: return .string(try string())
        case 0x74, 0x66, 0x6E: return try word()
        default: return try number()
        }
    }

    mutating func skipValue() throws(SyntaxError) {
        skipSpace()
        switch next {
        case 0x7B:
            try nested { (reader) throws(SyntaxError) in
                if reader.isAtEnd(0x7D) { return }
                repeat {
                    reader.skipSpace()
                    guard reader.next == 0x22 else { throw reader.problem("a name in quotes") }
                    _ = try reader.skipString()
                    reader.skipSpace()
                    guard reader.take(0x3A) else { throw reader.problem("a colon") }
                    try reader.skipValue()
                } while try reader.goesOn(until: 0x7D)
            }
        case 0x5B:
            try array { (reader, _) throws(SyntaxError) in
                try reader.skipValue()
                return true
            }
        case 0x22: _ = try skipString()
        case 0x74, 0x66, 0x6E: _ = try word()
        default: _ = try numberBytes()
        }
    }

    /// Calls `each` before the value of each member, with its name and where the name began; `each` reads or skips the value, or returns
    /// false to stop there.
    /// - Returns: whether `each` stopped.
    @discardableResult
    mutating func object(
        _ each: (inout JSONReader, String, Int) throws(SyntaxError) -> Bool
    ) throws(SyntaxError) -> Bool {
        var stopped = false
        try nested { (reader) throws(SyntaxError) in
            if reader.isAtEnd(0x7D) { return }
            repeat {
                reader.skipSpace()
                let start = reader.at
                guard reader.next == 0x22 else { throw reader.problem("a name in quotes") }
                let name = try reader.string()
                reader.skipSpace()
                guard reader.take(0x3A) else { throw reader.problem("a colon") }
                guard try each(&reader, name, start) else {
                    stopped = true
                    return
                }
            } while try reader.goesOn(until: 0x7D)
        }
        return stopped
    }

    /// Calls `each` before each item, with its index; `each` reads or skips it, or returns false to stop there.
    /// - Returns: whether `each` stopped.
    @discardableResult
    mutating func array(
        _ each: (inout JSONReader, Int) throws(SyntaxError) -> Bool
    ) throws(SyntaxError) -> Bool {
        var stopped = false
        try nested { (reader) throws(SyntaxError) in
            if reader.isAtEnd(0x5D) { return }
            var index = 0
            repeat {
                guard try each(&reader, index) else {
                    stopped = true
                    return
                }
                index += 1
            } while try reader.goesOn(until: 0x5D)
        }
        return stopped
    }

    /// A hostile text must not exhaust the stack.
    private mutating func nested(
        _ read: (inout JSONReader) throws(SyntaxError) -> Void
    ) throws(SyntaxError) {
        guard depth < depthLimit else { throw problem("at most \(depthLimit) levels") }
        depth += 1
        at += 1
        try read(&self)
        depth -= 1
    }

    private mutating func isAtEnd(_ end: UInt8) -> Bool {
        skipSpace()
        return take(end)
    }

    private mutating func goesOn(until end: UInt8) throws(SyntaxError) -> Bool {
        skipSpace()
        if take(end) { return false }
        guard take(0x2C) else { throw problem(end == 0x7D ? "a comma or }" : "a comma or ]") }
        return true
    }

    mutating func word() throws(SyntaxError) -> JSONValue {
        let (word, value): (StaticString, JSONValue) =
            switch next {
            case 0x74: ("true", .bool(true))
            case 0x66: ("false", .bool(false))
            default: ("null", .null)
            }
        for offset in 0..<word.utf8CodeUnitCount {
            guard take(word.utf8Start[offset]) else { throw problem("a value") }
        }
        return value
    }

    private mutating func number() throws(SyntaxError) -> JSONValue {
        let digits = try numberBytes()
        let text = String(decoding: digits, as: UTF8.self)
        if let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw problem("a number that fits") }
        return .number(value)
    }

    /// A number as it is written. What was cut inside a number is malformed at its end.
    mutating func numberBytes() throws(SyntaxError) -> UnsafeRawBufferPointer.SubSequence {
        let start = at
        guard let length = JSONNumber.length(bytes[at...]) else {
            guard let first = next, first == 0x2D || (0x30...0x39).contains(first) else { throw problem("a value") }
            while let byte = next,
                (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E].contains(byte) || byte | 0x20 == 0x65
            {
                at += 1
            }
            throw problem("a digit")
        }
        at += length
        if let byte = next, (0x30...0x39).contains(byte) { throw problem("a number without leading zeros") }
        return bytes[start..<at]
    }

    mutating func string() throws(SyntaxError) -> String {
        let raw = try skipString()
        guard raw.contains(0x5C) else { return try text(raw) }
        let end = at
        at = raw.startIndex
        var out: [UInt8] = []
        out.reserveCapacity(raw.count)
        while at < raw.endIndex {
            let byte = bytes[at]
            at += 1
            if byte == 0x5C { try escape(to: &out) } else { out.append(byte) }
        }
        at = end
        return try text(out)
    }

    private func text(_ raw: some Collection<UInt8>) throws(SyntaxError) -> String {
        guard isStrict else { return String(decoding: raw, as: UTF8.self) }
        guard let text = String(validating: raw, as: UTF8.self) else { throw problem("UTF-8 text") }
        return text
    }

    /// - Returns: what is between the quotes.
    private mutating func skipString() throws(SyntaxError) -> UnsafeRawBufferPointer.SubSequence {
        at += 1
        let start = at
        while let byte = next {
            if byte == 0x22 {
                at += 1
                return bytes[start..<(at - 1)]
            }
            guard byte >= 0x20 else { throw problem("no control characters in a text") }
            at += byte == 0x5C && at + 1 < bytes.count ? 2 : 1
        }
        throw problem("a closing quote")
    }

    /// Reads behind the backslash. The string is known to end, so that two bytes follow at least.
    private mutating func escape(to out: inout [UInt8]) throws(SyntaxError) {
        let mark = bytes[at]
        at += 1
        switch mark {
        case 0x22, 0x5C, 0x2F: out.append(mark)
        case 0x62: out.append(0x08)
        case 0x66: out.append(0x0C)
        case 0x6E: out.append(0x0A)
        case 0x72: out.append(0x0D)
        case 0x74: out.append(0x09)
        case 0x75:
            let unit = try hexUnit()
            if let scalar = Unicode.Scalar(unit) {
                out.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
            } else if let low = lowSurrogate(after: unit) {
                let point = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
                out.append(contentsOf: Unicode.Scalar(point).flatMap { UTF8.encode($0) }.map(Array.init) ?? [])
            } else if isStrict {
                throw problem("a whole surrogate pair")
            } else {
                out.append(contentsOf: [0xEF, 0xBF, 0xBD])
            }
        default:
            at -= 1
            throw problem("an escape")
        }
    }

    /// The second half of a surrogate pair; without one nothing is read.
    private mutating func lowSurrogate(after unit: UInt16) -> UInt16? {
        guard (0xD800..<0xDC00).contains(unit), at + 6 <= bytes.count, bytes[at] == 0x5C, bytes[at + 1] == 0x75 else {
            return nil
        }
        let before = at
        at += 2
        if let low = try? hexUnit(), (0xDC00..<0xE000).contains(low) { return low }
        at = before
        return nil
    }

    private mutating func hexUnit() throws(SyntaxError) -> UInt16 {
        var unit: UInt16 = 0
        for offset in 0..<4 {
            guard at + offset < bytes.count, let digit = Hex.value(of: bytes[at + offset]) else {
                throw problem("four hex digits")
            }
            unit = unit << 4 | UInt16(digit)
        }
        at += 4
        return unit
    }
}
