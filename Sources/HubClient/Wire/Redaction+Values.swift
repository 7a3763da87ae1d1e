package import StokerCore

extension Redaction {
    /// `text` without the parts of it that come out of `values`, also when they were cut, escaped or written in other capitals: whatever has
    /// six characters in a row with one of them. Shorter values are hidden where they stand alone.
    package static func hide(_ values: [Secret], in text: String) -> String {
        let size = 6
        let shown = text.unicodeScalars.map(plain)
        var hidden = [Bool](repeating: false, count: shown.count)
        for value in values {
            let secret = value.reveal().unicodeScalars.map(plain)
            if secret.isEmpty || secret.count > shown.count && secret.count < size { continue }
            guard secret.count >= size else {
                for start in 0...(shown.count - secret.count)
                where shown[start..<(start + secret.count)].elementsEqual(secret) {
                    let end = start + secret.count
                    let isAlone =
                        (start == 0 || !isWordlike(shown[start - 1])) && (end == shown.count || !isWordlike(shown[end]))
                    if isAlone { for index in start..<end { hidden[index] = true } }
                }
                continue
            }
            guard shown.count >= size else { continue }
            let pieces = Set((0...(secret.count - size)).map { Array(secret[$0..<($0 + size)]) })
            for start in 0...(shown.count - size) where pieces.contains(Array(shown[start..<(start + size)])) {
                for index in start..<(start + size) { hidden[index] = true }
            }
        }
        guard hidden.contains(true) else { return text }
        var out = String.UnicodeScalarView()
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if !hidden[index] {
                out.append(scalar)
            } else if index == 0 || !hidden[index - 1] {
                out.append(contentsOf: "***".unicodeScalars)
            }
        }
        return String(out)
    }
    /// Capitals of ASCII made small.
    private static func plain(_ scalar: Unicode.Scalar) -> UInt32 {
        ("A"..."Z").contains(scalar) ? scalar.value | 0x20 : scalar.value
    }
    private static func isWordlike(_ value: UInt32) -> Bool {
        Unicode.Scalar(value).map { $0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "_" }
            ?? false
    }
}
