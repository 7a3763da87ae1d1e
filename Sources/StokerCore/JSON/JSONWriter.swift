extension JSONValue {
    /// The document as UTF-8, without spaces.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(512)
        write(to: &out)
        return out
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The document for people: two spaces a level, one member a line; ends with a line feed.
    package var prettyText: String {
        var out: [UInt8] = []
        writePretty(to: &out, level: 0)
        out.append(0x0A)
        return String(decoding: out, as: UTF8.self)
    }

    package func write(to out: inout [UInt8]) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let flag): out.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let value): out.append(contentsOf: String(value).utf8)
        case .number(let value): Self.write(value, to: &out)
        case .string(let text): Self.write(text, to: &out)
        case .array(let items):
            out.append(0x5B)
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(0x2C) }
                item.write(to: &out)
            }
            out.append(0x5D)
        case .object(let members):
            out.append(0x7B)
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(0x2C) }
                Self.write(member.name, to: &out)
                out.append(0x3A)
                member.value.write(to: &out)
            }
            out.append(0x7D)
        }
    }

    private func writePretty(to out: inout [UInt8], level: Int) {
        func newLine(_ level: Int) {
            out.append(0x0A)
            out.append(contentsOf: repeatElement(0x20, count: level * 2))
        }
        switch self {
        case .array(let items) where !items.isEmpty:
            out.append(0x5B)
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(0x2C) }
                newLine(level + 1)
                item.writePretty(to: &out, level: level + 1)
            }
            newLine(level)
            out.append(0x5D)
        case .object(let members) where !members.isEmpty:
            out.append(0x7B)
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(0x2C) }
                newLine(level + 1)
                Self.write(member.name, to: &out)
                out.append(contentsOf: [0x3A, 0x20])
                member.value.writePretty(to: &out, level: level + 1)
            }
            newLine(level)
            out.append(0x7D)
        default:
            write(to: &out)
        }
    }

    private static func write(_ value: Double, to out: inout [UInt8]) {
        guard value.isFinite else { return out.append(contentsOf: "null".utf8) }
        if let whole = Int64(exactly: value), abs(value) < 1e15 {
            out.append(contentsOf: String(whole).utf8)
        } else {
            out.append(contentsOf: value.description.utf8)
        }
    }

    private static func write(_ text: String, to out: inout [UInt8]) {
        var text = text
        out.append(0x22)
        text.withUTF8 { bytes in
            // Nearly every text.
            if bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F }) {
                return out.append(contentsOf: bytes)
            }
            var start = 0
            for (place, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F {
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<place]))
                escape(byte, to: &out)
                start = place + 1
            }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
        }
        out.append(0x22)
    }

    private static func escape(_ byte: UInt8, to out: inout [UInt8]) {
        switch byte {
        case 0x22, 0x5C:
            out.append(0x5C)
            out.append(byte)
        case 0x0A: out.append(contentsOf: [0x5C, 0x6E])
        case 0x0D: out.append(contentsOf: [0x5C, 0x72])
        case 0x09: out.append(contentsOf: [0x5C, 0x74])
        case 0x00..<0x20, 0x7F:
            out.append(contentsOf: "\\u00".utf8)
            out.append(Hex.lower[Int(byte >> 4)])
            out.append(Hex.lower[Int(byte & 15)])
        default: out.append(byte)
        }
    }

    /// A text as a JSON string, with its quotes.
    package static func quoted(_ text: String) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 2)
        write(text, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// A text as a JSON string that may stand inside a script of an HTML page: `<` and the line ends of JavaScript (U+2028, U+2029) are
    /// escaped as well.
    package static func quotedForScripts(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in quoted(text).unicodeScalars {
            switch scalar {
            case "<", "\u{2028}", "\u{2029}":
                out.append(contentsOf: "\\u\(Hex.text(UInt16(scalar.value)))".unicodeScalars)
            default: out.append(scalar)
            }
        }
        return String(out)
    }
}
