/// Percent-encoding of URLs (RFC 3986 section 2) and forms (URL standard, section 5).
package enum PercentCoding {
    /// What becomes of a percent sign that two hexadecimal digits do not follow, and of bytes that are not UTF-8.
    package enum Strictness: Sendable {
        /// The text is refused.
        case strict
        /// The percent sign stays as it is, as browsers read forms; malformed bytes become U+FFFD.
        case lenient
    }

    /// Encodes all bytes but the unreserved characters (letters, digits, `-`, `.`, `_`, `~`).
    /// - Parameter keepingSlash: for a path of several segments. Default: a slash is encoded.
    package static func encoded(_ text: some StringProtocol, keepingSlash: Bool = false) -> String {
        encoded(text.utf8) { isUnreserved($0) || keepingSlash && $0 == 0x2F }
    }

    /// Encodes the bytes that `keeps` does not keep, in upper-case digits.
    package static func encoded(_ bytes: some Collection<UInt8>, keeping keeps: (UInt8) -> Bool) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 16)
        for byte in bytes {
            if keeps(byte) {
                out.append(byte)
            } else {
                out.append(0x25)
                out.append(Hex.upper[Int(byte >> 4)])
                out.append(Hex.upper[Int(byte & 15)])
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// nil when the text is not percent-encoded UTF-8.
    /// - Parameter plusIsSpace: as in forms and queries. Default: a plus is a plus.
    package static func decoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        bytes(text.utf8, .strict, plusIsSpace: plusIsSpace).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The text, whatever it is; see ``Strictness/lenient``.
    package static func lenientlyDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
        String(decoding: bytes(text.utf8, .lenient, plusIsSpace: plusIsSpace) ?? [], as: UTF8.self)
    }

    /// The bytes behind an encoded text; nil only where a strict reading is refused.
    package static func bytes(
        _ encoded: some Collection<UInt8>, _ strictness: Strictness, plusIsSpace: Bool = false
    ) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(encoded.count)
        var rest = encoded[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                out.append(plusIsSpace && byte == 0x2B ? 0x20 : byte)
                continue
            }
            let second = rest.dropFirst()
            if let high = rest.first.flatMap({ Hex.value(of: $0) }),
                let low = second.first.flatMap({ Hex.value(of: $0) })
            {
                out.append(high << 4 | low)
                rest = second.dropFirst()
            } else if strictness == .lenient {
                out.append(byte)
            } else {
                return nil
            }
        }
        return out
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }
}
