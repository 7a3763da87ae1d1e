import Operations
import StokerCore

/// Values of an answer, for people.
enum Wording {
    /// `3m`, `2h`, `5d`: one unit, for columns.
    static func span(_ seconds: Double) -> String {
        let seconds = abs(seconds)
        return switch seconds {
        case ..<1: seconds > 0 ? "<1s" : "0s"
        case ..<60: "\(Int(seconds))s"
        case ..<3_600: "\(Int(seconds / 60))m"
        case ..<172_800: "\(Int(seconds / 3_600))h"
        default: "\(Int(seconds / 86_400))d"
        }
    }

    static func ago(_ value: JSONValue?, now: Instant) -> String {
        guard let instant = instant(value) else { return "–" }
        let past = (now - instant).seconds
        return past < 1 ? "just now" : "\(span(past)) ago"
    }

    static func ahead(_ value: JSONValue?, now: Instant) -> String {
        guard let instant = instant(value) else { return "–" }
        return instant < now + .seconds(1) ? "now" : "in \(span((instant - now).seconds))"
    }

    static func latency(_ value: JSONValue?) -> String {
        guard let milliseconds = value?.double else { return "–" }
        if milliseconds > 0, milliseconds < 0.05 { return "<0.1 ms" }
        return milliseconds < 10
            ? "\(tenths(milliseconds)) ms"
            : milliseconds < 10_000
                ? "\(Int(milliseconds.rounded())) ms" : "\(tenths(milliseconds / 1_000)) s"
    }

    static func tenths(_ value: Double) -> String {
        let rounded = Int((value * 10).rounded())
        return "\(rounded / 10).\(abs(rounded % 10))"
    }

    /// `99.98 %`, never rounded up to 100.
    static func share(_ value: JSONValue?) -> String {
        guard let share = value?.double else { return "–" }
        let hundredths = Int((share * 10_000).rounded(.down))
        let rest = hundredths % 100
        return hundredths == 10_000 ? "100 %" : "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) %"
    }

    /// `99.98 %`, and `100 % of 12m known` while most of the span lies before the first ping or nobody looked.
    static func uptime(_ value: JSONValue) -> String {
        let share = share(value["uptime"])
        guard share != "–", value["whole"]?.bool == false, let known = value["known_seconds"]?.double else {
            return share
        }
        return "\(share) of \(span(known)) known"
    }

    static func instant(_ value: JSONValue?) -> Instant? { value?.string.flatMap { Instant(rfc3339: $0) } }

    /// `2026-11-21 08:15:00`, UTC.
    static func time(_ value: JSONValue?) -> String {
        guard let text = value?.string, text.count >= 19 else { return "–" }
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8)
    }
}
