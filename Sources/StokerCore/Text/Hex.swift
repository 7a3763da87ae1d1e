/// Bytes as hexadecimal digits.
package enum Hex {
    static let lower = Array("0123456789abcdef".utf8)
    static let upper = Array("0123456789ABCDEF".utf8)

    /// Two lower-case digits a byte.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.underestimatedCount * 2)
        for byte in bytes {
            out.append(lower[Int(byte >> 4)])
            out.append(lower[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// With leading zeros, as many digits as the type has room for.
    package static func text(_ value: some FixedWidthInteger & UnsignedInteger) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: value.bitWidth / 4 - digits.count) + digits
    }

    /// nil when the text is anything but pairs of digits.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var digits = text.utf8.makeIterator()
        var out: [UInt8] = []
        while let first = digits.next() {
            guard let high = value(of: first), let low = digits.next().flatMap({ value(of: $0) }) else { return nil }
            out.append(high << 4 | low)
        }
        return out
    }

    /// 0…15; nil for what is not an ASCII hexadecimal digit.
    package static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
