import StokerCore

/// Addresses and forms of pages.
enum PageFormatting {
    /// Path of a check's page. Slashes of the name stay slashes.
    static func path(_ name: String) -> String { "/targets/\(PercentCoding.encoded(name, keepingSlash: true))" }

    /// A time of day in UTC, with the day where that is not today.
    static func moment(_ moment: Instant, now: Instant) -> String {
        let (text, today) = (Formatting.bareTime(moment), Formatting.bareTime(now).prefix(10))
        let shown = text.hasPrefix(today) ? String(text.dropFirst(11)) : text
        return "<time datetime=\"\(moment)\">\(shown)</time>"
    }

    /// The pairs of a query or of a form's body. The last of several wins; what cannot be decoded is left out.
    static func form(_ text: some StringProtocol) -> [String: String] {
        var pairs: [String: String] = [:]
        for pair in text.split(separator: "&").prefix(64) {
            let name = pair.prefix { $0 != "=" }
            guard let key = PercentCoding.decoded(name, plusIsSpace: true),
                let value = PercentCoding.decoded(pair.dropFirst(name.count + 1), plusIsSpace: true)
            else { continue }
            pairs[key] = value
        }
        return pairs
    }
}
