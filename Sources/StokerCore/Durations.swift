extension Duration {
    /// Whole and fractional seconds.
    package var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// Milliseconds, rounded towards zero.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    /// Reads `250ms`, `30s`, `5m`, `1h30m`, `2d`; units from large to small, each at most once.
    /// Returns nil for anything else, a bare number included: a number without its unit is a guess.
    package init?(text: some StringProtocol) {
        let units: [(name: String, milliseconds: Int64)] = [
            ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
        ]
        var rest = Substring(text)
        var total: Int64 = 0
        var smallestSoFar = -1
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let count = Int64(digits), let unit = units.firstIndex(where: { $0.name == name }),
                unit > smallestSoFar
            else { return nil }
            let (part, tooLarge) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !tooLarge, !overflow, sum < 400 * 366 * 86_400_000 else { return nil }
            total = sum
            smallestSoFar = unit
        }
        self = .milliseconds(total)
    }

    /// The text `init(text:)` reads: `45m`, `1h30m`, `250ms`, `0s`.
    package var text: String {
        var rest = wholeMilliseconds
        guard rest > 0 else { return "0s" }
        var text = ""
        for (name, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
            as [(String, Int64)]
        {
            if rest >= size {
                text += "\(rest / size)\(name)"
                rest %= size
            }
        }
        return text
    }
}
