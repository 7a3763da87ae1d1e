/// The header `Retry-After`.
package enum RetryAfter {
    /// How long it asks to wait, in seconds or as a date (RFC 9110 section 10.2.3); nil when it cannot be read. A date that is past is no wait.
    package static func duration(_ text: some StringProtocol, now: Instant) -> Duration? {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        if let seconds = Double(String(text)), seconds.isFinite {
            return .milliseconds(Int64(min(max(0, seconds), 1e9) * 1_000))
        }
        guard let date = Instant(httpDate: String(text)) else { return nil }
        return max(.zero, date - now)
    }
}
