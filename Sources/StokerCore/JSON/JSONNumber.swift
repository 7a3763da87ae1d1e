/// A number as JSON writes it (RFC 8259 section 6), compared by its exact decimal value: `1.0`, `1` and `10e-1` are equal, two
/// identifiers of 30 digits that differ in the last one are not.
package struct JSONNumber: Sendable {
    /// As it was written.
    package var text: String
    private var isNegative = false
    /// Without zeros at either end; empty for 0.
    private var digits: [UInt8] = []
    /// Power of ten of the last digit; nil beyond ±10¹⁵, where only an equal text is an equal number.
    private var exponent: Int?

    /// nil when the text is not a JSON number: `007`, `+1`, `.5`, `0x1F`.
    package init?(_ text: some StringProtocol) { self.init(Array(text.utf8)) }

    package init?(_ bytes: some Collection<UInt8>) {
        guard let length = Self.length(bytes), length == bytes.count else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
        var fraction = 0
        var power = 0
        var isPowerNegative = false
        var part = 0
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "."): part = 1
            case UInt8(ascii: "e"), UInt8(ascii: "E"): part = 2
            case UInt8(ascii: "+"): break
            case UInt8(ascii: "-"): if part == 2 { isPowerNegative = true } else { isNegative = true }
            default:
                if part == 2 {
                    power = min(power * 10 + Int(byte - 0x30), 1_000_000_000_000_001)
                } else {
                    if part == 1 { fraction += 1 }
                    if byte != 0x30 || !digits.isEmpty { digits.append(byte) }
                }
            }
        }
        if power <= 1_000_000_000_000_000 { exponent = (isPowerNegative ? -power : power) - fraction }
        while digits.last == 0x30 {
            digits.removeLast()
            exponent = exponent.map { $0 + 1 }
        }
        if digits.isEmpty { (isNegative, exponent) = (false, 0) }
    }

    /// How many bytes at the beginning are a number; nil for none.
    package static func length(_ bytes: some Collection<UInt8>) -> Int? {
        var rest = bytes[...]
        func digit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
        func skipDigits() -> Bool {
            guard digit(rest.first) else { return false }
            rest = rest.drop { digit($0) }
            return true
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        if rest.first == 0x30 { rest = rest.dropFirst() } else { guard skipDigits() else { return nil } }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard skipDigits() else { return nil }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard skipDigits() else { return nil }
        }
        return bytes.distance(from: bytes.startIndex, to: rest.startIndex)
    }
}

extension JSONNumber: Hashable {
    package static func == (a: JSONNumber, b: JSONNumber) -> Bool {
        guard a.exponent != nil, b.exponent != nil else { return a.text == b.text }
        return a.isNegative == b.isNegative && a.digits == b.digits && a.exponent == b.exponent
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(isNegative)
        hasher.combine(digits)
    }
}

extension JSONNumber: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    package init(integerLiteral value: Int) { self = JSONNumber("\(value)") ?? JSONNumber() }
    package init(floatLiteral value: Double) { self = JSONNumber("\(value)") ?? JSONNumber() }
    private init() { (text, exponent) = ("0", 0) }
}
