import StokerCore

/// Numbers and states in the words that pages use.
enum Words {
    static func verdict(_ verdict: Verdict) -> String {
        switch verdict {
        case .unknown: "Unknown"
        case .up: "Up"
        case .slow: "Slow"
        case .waking: "Waking"
        case .down: "Down"
        case .paused: "Paused"
        case .silent: "Silent"
        }
    }

    /// The word that stands for the state in a row or on a page; see ``CheckState/look``.
    static func look(_ state: CheckState) -> String {
        switch state.look {
        case "flapping": "Flapping"
        case "moderated": "Moderated"
        default: verdict(state.verdict)
        }
    }

    /// `0.8 ms`, `142 ms`, `1.24 s`.
    static func latency(microseconds: some BinaryInteger) -> String {
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

    /// The two largest units: `3 d 4 h`, `12 min`, `45 s`.
    static func span(_ duration: Duration) -> String {
        let seconds = max(0, duration.wholeMilliseconds / 1_000)
        if seconds == 0, duration > .zero { return "under 1 s" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60) min" }
        if seconds < 86_400 {
            return "\(seconds / 3_600) h" + (seconds / 60 % 60 > 0 ? " \(seconds / 60 % 60) min" : "")
        }
        return "\(seconds / 86_400) d" + (seconds / 3_600 % 24 > 0 ? " \(seconds / 3_600 % 24) h" : "")
    }

    /// An interval as people write it: `45 min`, `1 h 30 min`, `30 s`.
    static func interval(_ duration: Duration) -> String {
        let milliseconds = duration.wholeMilliseconds
        return milliseconds < 1_000 ? "\(milliseconds) ms" : span(duration)
    }

    /// `12 s ago`, `in 3 min`, `just now`. The same words as stoker.js.
    static func relative(_ moment: Instant, to now: Instant) -> String {
        let milliseconds = moment.milliseconds - now.milliseconds
        let seconds = abs(milliseconds) / 1_000
        let text: String =
            switch seconds {
            case ..<2: "now"
            case ..<60: "\(seconds) s"
            case ..<3_600: "\(seconds / 60) min"
            case ..<172_800: "\(seconds / 3_600) h"
            default: "\(seconds / 86_400) d"
            }
        if text == "now" { return milliseconds > 0 ? text : "just now" }
        return milliseconds > 0 ? "in \(text)" : "\(text) ago"
    }

    /// `2026-11-21 08:15:00 UTC`.
    static func absolute(_ moment: Instant) -> String {
        let text = moment.description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
    }

    /// `99.95 %`; never rounds a loss away: 99.996 is not 100.
    static func share(_ share: Double?) -> String {
        guard let share else { return "–" }
        if share >= 1 { return "100 %" }
        if share <= 0 { return "0 %" }
        // The smallest nudge, because 0.9995 × 10,000 may come out as 9,994.999….
        let hundredths = min(9_999, Int((share * 10_000 + 1e-6).rounded(.down)))
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        return "\(whole).\(rest < 10 ? "0" : "")\(rest) %"
    }

    /// `1,234,567`.
    static func count(_ number: some BinaryInteger) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3), digit != "-" { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    /// What is wrong or special, or nil when there is nothing to say.
    static func reason(_ state: CheckState) -> String? {
        switch state.verdict {
        case .up: return state.flapping ? "comes and goes" : nil
        case .unknown: return state.cause == .none ? nil : state.cause.sentence
        case .paused:
            switch state.pause {
            case .none: return nil
            case .byPerson: return "paused by hand"
            case .byFleetFile: return "paused in the fleet file"
            case .byHours: return "outside its hours"
            case .byModeration: return "flagged by the platform; not pinged any more"
            case .byOwner: return "paused on the Hub"
            case .asleep: return "asleep, and left so"
            }
        case .slow, .waking, .down, .silent:
            var text = state.cause.sentence
            if state.cause == .status, state.code > 0 { text = "answered \(state.code), which is not expected" }
            if state.flapping { text += "; comes and goes" }
            return text
        }
    }

    /// Path of a check's page. Slashes of the name stay slashes.
    static func path(_ name: String) -> String { "/targets/\(PercentCoding.encoded(name, keepingSlash: true))" }

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

/// The one sentence about everything, and what the window's title and icon say.
struct Headline: Equatable {
    enum Mood: String { case good, unsteady, waking, trouble, offline, standby, empty }
    var mood: Mood
    var sentence: String
    /// How many need somebody; in the title as `(2)`.
    var troubles: Int

    init(_ overview: Overview) {
        let count = { (verdict: Verdict) in overview.counts[verdict] ?? 0 }
        let total = overview.total
        let (down, silent, waking, slow) = (count(.down), count(.silent), count(.waking), count(.slow))
        let moderated = overview.moderated
        let (unknown, paused) = (count(.unknown), count(.paused) - moderated)
        troubles = overview.troubles
        let of = total == 1 ? "" : " of \(Words.count(total))"
        let subject = { (number: Int) in total == 1 ? "It" : "\(Words.count(number))\(of)" }
        let verb = { (number: Int) in number == 1 ? "is" : "are" }
        if total == 0 {
            (mood, sentence) = (.empty, "Nothing to tend yet")
        } else if case .offline = overview.connectivity {
            (mood, sentence) = (.offline, "This machine is offline")
        } else if case .standby = overview.role {
            (mood, sentence) = (.standby, "Standing by")
        } else if troubles > 0 {
            mood = .trouble
            if troubles == down {
                sentence = "\(subject(down)) \(verb(down)) down"
            } else if troubles == silent {
                sentence = "\(subject(silent)) \(verb(silent)) silent"
            } else if troubles == moderated {
                sentence = "\(subject(moderated)) \(verb(moderated)) flagged by the platform"
            } else {
                sentence = "\(subject(troubles)) need a look"
            }
        } else if waking > 0 {
            (mood, sentence) = (.waking, "\(subject(waking)) \(verb(waking)) waking up")
        } else if unknown > 0 {
            mood = .waking
            sentence = unknown == total ? "Taking a first look" : "\(Words.count(unknown)) not yet known"
        } else if paused == total {
            (mood, sentence) = (.good, total == 1 ? "It is paused" : "All \(Words.count(total)) are paused")
        } else {
            mood = overview.flapping > 0 ? .unsteady : .good
            let answering = total - paused
            sentence =
                total == 1
                ? "It answers" : paused > 0 ? "\(Words.count(answering)) answer" : "All \(Words.count(total)) answer"
            if paused > 0 { sentence += ", \(Words.count(paused)) \(paused == 1 ? "is" : "are") paused" }
            if slow > 0 { sentence += slow == answering ? ", but slowly" : ", \(Words.count(slow)) slowly" }
            if overview.flapping > 0 {
                sentence +=
                    total == 1
                    ? ", but comes and goes"
                    : ", \(Words.count(overview.flapping)) \(overview.flapping == 1 ? "comes and goes" : "come and go")"
            }
        }
    }

    var title: String { troubles > 0 ? "(\(troubles)) Stoker" : "Stoker" }
    var icon: String { "/icons/\(mood.rawValue).svg" }

    /// Which state's sign stands before the sentence, as the layout's symbols name them.
    var sign: String {
        switch mood {
        case .good: "up"
        case .unsteady: "flapping"
        case .waking: "waking"
        case .trouble: "down"
        case .offline, .empty: "unknown"
        case .standby: "paused"
        }
    }
}
