import Foundation

/// Host names in any script as the Domain Name System knows them.
enum InternationalName {
    /// `bücher.example` as `xn--bcher-kva.example`; nil when a part is no name. Mapped as browsers do, by compatibility forms and lower
    /// case (UTS 46, near enough: what differs are letters that no registry takes); `ß` stays itself.
    static func ascii(_ name: String) -> String? {
        var labels: [String] = []
        let mapped = String(
            String.UnicodeScalarView(
                name.precomposedStringWithCompatibilityMapping.lowercased().precomposedStringWithCompatibilityMapping
                    .unicodeScalars.lazy.filter { !$0.properties.isDefaultIgnorableCodePoint }))
        // The ideographic full stop ends a part as well.
        for label in mapped.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "." || $0 == "。" }) {
            if label.utf8.allSatisfy({ $0 < 0x80 }) {
                labels.append(String(label))
                continue
            }
            for scalar in label.unicodeScalars where !scalar.isASCII {
                switch scalar.properties.generalCategory {
                case .lowercaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark, .enclosingMark,
                    .decimalNumber, .letterNumber, .otherNumber, .otherSymbol:
                    break
                default: return nil
                }
            }
            guard let encoded = punycode(label.unicodeScalars.map(\.value)) else { return nil }
            labels.append("xn--" + encoded)
        }
        return labels.joined(separator: ".")
    }

    /// RFC 3492 section 6.3. nil when a label is too long to be one.
    private static func punycode(_ input: [UInt32]) -> String? {
        guard input.count <= 63 else { return nil }
        func digit(_ value: Int) -> UInt8 { UInt8(value < 26 ? 97 + value : 22 + value) }
        var output = input.filter { $0 < 0x80 }.map { UInt8($0) }
        let basic = output.count
        if basic > 0 { output.append(UInt8(ascii: "-")) }
        var next: UInt32 = 0x80
        var delta = 0
        var bias = 72
        var handled = basic
        while handled < input.count {
            guard let least = input.filter({ $0 >= next }).min() else { return nil }
            delta += Int(least - next) * (handled + 1)
            next = least
            for scalar in input {
                if scalar < next { delta += 1 }
                guard scalar == next else { continue }
                var rest = delta
                var place = 36
                while true {
                    let threshold = place <= bias ? 1 : place >= bias + 26 ? 26 : place - bias
                    if rest < threshold { break }
                    output.append(digit(threshold + (rest - threshold) % (36 - threshold)))
                    rest = (rest - threshold) / (36 - threshold)
                    place += 36
                }
                output.append(digit(rest))
                delta = handled == basic ? delta / 700 : delta / 2
                delta += delta / (handled + 1)
                var steps = 0
                while delta > 455 {
                    delta /= 35
                    steps += 36
                }
                bias = steps + 36 * delta / (delta + 38)
                delta = 0
                handled += 1
            }
            delta += 1
            next += 1
        }
        return output.count <= 59 ? String(decoding: output, as: UTF8.self) : nil
    }
}
