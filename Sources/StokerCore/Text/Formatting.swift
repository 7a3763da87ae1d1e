package import Foundation

/// Times, durations, counts and shares as people read them. Pages, badges, the command line and messages all use these; `stoker.js` has the
/// same words for what goes on by itself.
package enum Formatting {
    /// `2026-11-21 08:15:00 UTC`.
    /// - Parameter zone: IANA name of another time zone to write it in. One that nobody knows is UTC.
    package static func time(_ moment: Instant, zone: String = "UTC") -> String {
        let known = zone == "UTC" ? nil : TimeZone(identifier: zone)
        return "\(bareTime(moment, zone: known)) \(known == nil ? "UTC" : zone)"
    }

    /// `2026-11-21 08:15:00`, for columns whose heading or introduction names the zone.
    package static func bareTime(_ moment: Instant, zone: TimeZone? = nil) -> String {
        let offset = zone?.secondsFromGMT(for: Date(timeIntervalSince1970: moment.seconds)) ?? 0
        let text = (moment + .seconds(offset)).description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8))"
    }

    /// `12 s ago`, `in 3 min`, `just now`.
    package static func relative(_ moment: Instant, to now: Instant) -> String {
        let distance = moment - now
        let milliseconds = distance.wholeMilliseconds
        let seconds = milliseconds.magnitude / 1_000
        guard seconds >= 2 else { return milliseconds > 0 ? "now" : "just now" }
        let text = coarse(seconds: seconds)
        return milliseconds > 0 ? "in \(text)" : "\(text) ago"
    }

    /// `overdue 3 min`; `due` in the first two seconds.
    package static func overdue(_ late: Duration) -> String {
        late < .seconds(2) ? "due" : "overdue \(coarse(seconds: UInt64(late.wholeMilliseconds / 1_000)))"
    }

    /// One unit, as moments far away are told.
    private static func coarse(seconds: UInt64) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// The two largest units: `3 d 4 h`, `12 min`, `45 s`. Less than nothing is nothing.
    package static func duration(_ duration: Duration) -> String {
        let seconds = max(0, duration.wholeMilliseconds / 1_000)
        if seconds == 0, duration > .zero { return "under 1 s" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60) min" }
        if seconds < 86_400 {
            return "\(seconds / 3_600) h" + (seconds / 60 % 60 > 0 ? " \(seconds / 60 % 60) min" : "")
        }
        return "\(seconds / 86_400) d" + (seconds / 3_600 % 24 > 0 ? " \(seconds / 3_600 % 24) h" : "")
    }

    /// An interval as people write it: `45 min`, `1 h 30 min`, `1 min 30 s`, `250 ms`.
    package static func interval(_ interval: Duration) -> String {
        let milliseconds = interval.wholeMilliseconds
        if milliseconds < 1_000 { return "\(milliseconds) ms" }
        let seconds = milliseconds / 1_000
        guard seconds >= 60, seconds < 3_600, seconds % 60 > 0 else { return duration(interval) }
        return "\(seconds / 60) min \(seconds % 60) s"
    }

    /// `0.8 ms`, `142 ms`, `1.24 s`.
    package static func latency(microseconds: some BinaryInteger) -> String {
        let value = Int64(microseconds)
        // Nothing answers in no time.
        if value < 1_000 { return value > 0 && value < 100 ? "under 0.1 ms" : "0.\(value / 100) ms" }
        if value < 999_500 { return "\((value + 500) / 1_000) ms" }
        let hundredths = (value + 5_000) / 10_000
        if hundredths >= 1_000 {
            let tenths = (value + 50_000) / 100_000
            return "\(tenths / 10).\(tenths % 10) s"
        }
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
    }

    /// `99.95 %`; never rounds a loss away: 99.996 is not 100. A dash when it is not known.
    package static func share(_ share: Double?) -> String {
        guard let share else { return "–" }
        if share >= 1 { return "100 %" }
        if share <= 0 { return "0 %" }
        // The smallest nudge, because 0.9995 × 10,000 may come out as 9,994.999….
        let hundredths = min(9_999, Int((share * 10_000 + 1e-6).rounded(.down)))
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        return "\(whole).\(rest < 10 ? "0" : "")\(rest) %"
    }

    /// `of 3 h known`: beside a share of a span that is not known as a whole.
    package static func known(_ known: Duration) -> String { "of \(duration(known)) known" }

    /// `2 h of maintenance left out`: beside a share of a span that had maintenance.
    package static func leftOut(_ maintenance: Duration) -> String {
        "\(duration(maintenance)) of maintenance left out"
    }

    /// `1,234,567`.
    package static func count(_ number: some BinaryInteger) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3), digit != "-" { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    /// `10.3`.
    package static func tenths(_ value: Double) -> String {
        let rounded = Int((max(-1e15, min(1e15, value)) * 10).rounded())
        return "\(rounded < 0 ? "-" : "")\(rounded.magnitude / 10).\(rounded.magnitude % 10)"
    }

    /// With a capital letter at its beginning, unless it begins with what is spelled as it is: an address, a path, a host, a file, a
    /// key (`max_age`), a version.
    /// - Parameter names: of targets and the like, which look like any word.
    package static func capitalized(_ text: some StringProtocol, except names: some Sequence<String> = []) -> String {
        var word = text.unicodeScalars.prefix { !isSpace($0) }
        while let last = word.last, ".,;:!?)".unicodeScalars.contains(last) { word.removeLast() }
        let isSpelled = word.dropFirst().contains(where: isSpelling)
        let isName = names.contains { name in
            !name.isEmpty && text.hasPrefix(name)
                && text.dropFirst(name.count).first.map { !$0.isLetter && !$0.isNumber } ?? true
        }
        return isSpelled || isName ? String(text) : text.prefix(1).uppercased() + text.dropFirst()
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII ? scalar.value == 0x20 || (0x09...0x0D).contains(scalar.value) : scalar.properties.isWhitespace
    }

    /// What no common word has behind its first letter. Most text is ASCII: Unicode's tables cost much more.
    private static func isSpelling(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.isASCII else { return scalar.properties.isUppercase || scalar.properties.numericType != nil }
        return switch scalar {
        case "A"..."Z", "0"..."9": true
        default: "/.:@_=\\$~#&%+".unicodeScalars.contains(scalar)
        }
    }
}
