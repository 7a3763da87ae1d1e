/// Addresses and forms of pages.
enum Words {
    /// Path of a check's page. Slashes of the name stay slashes.
    static func path(_ name: String) -> String { "/targets/\(encoded(name, keepSlash: true))" }

    /// Percent-encoded for a path or a query value.
    static func encoded(_ text: String, keepSlash: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: "/") where keepSlash: bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// nil when a percent sign is not followed by two digits or the bytes are not UTF-8.
    static func decoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var source = text.utf8.makeIterator()
        func digit(_ byte: UInt8?) -> UInt8? {
            guard let byte else { return nil }
            return Character(Unicode.Scalar(byte)).hexDigitValue.map(UInt8.init)
        }
        while let byte = source.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = digit(source.next()), let low = digit(source.next()) else { return nil }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The pairs of a query or of a form's body. The last of several wins; what cannot be decoded is left out.
    static func form(_ text: some StringProtocol) -> [String: String] {
        var pairs: [String: String] = [:]
        for pair in text.split(separator: "&").prefix(64) {
            let name = pair.prefix { $0 != "=" }
            guard let key = decoded(name, plusIsSpace: true),
                let value = decoded(pair.dropFirst(name.count + 1), plusIsSpace: true)
            else { continue }
            pairs[key] = value
        }
        return pairs
    }
}
