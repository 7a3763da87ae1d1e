/// A line for people in which moments are still moments, so that each renderer writes them its way: `text` for a terminal, `<time>` on a page.
package struct Sentence: Sendable, Equatable {
    /// A piece of a sentence: text, or a moment that each renderer writes in its way.
    package enum Part: Sendable, Equatable {
        case text(String)
        /// - Parameter zone: IANA name of the time zone it is told in.
        case time(Instant, zone: String)
    }
    private(set) package var parts: [Part]

    package init(_ text: String) { parts = text.isEmpty ? [] : [.text(text)] }
    fileprivate init(parts: [Part]) { self.parts = parts }

    /// Finds the moments in a text that has them as RFC 3339 in UTC, such as `bot was paused until 2026-11-21T08:15:00.000Z`.
    package init(reading text: String) {
        parts = []
        var plain = ""
        for (index, word) in text.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
            if index > 0 { plain += " " }
            let core = word.prefix { $0.isASCII && ($0.isNumber || "TZ:.-".contains($0)) }
            let end = core.lastIndex(of: "Z").map { core[...$0] }
            guard let end, end.utf8.count >= 20, let moment = Instant(rfc3339: end) else {
                plain += word
                continue
            }
            if !plain.isEmpty { parts.append(.text(plain)) }
            parts.append(.time(moment, zone: "UTC"))
            plain = String(word.dropFirst(end.count))
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
    }

    /// Moments as `2026-11-21 08:15:00 UTC`.
    package var text: String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .time(let moment, let zone): Formatting.time(moment, zone: zone)
            }
        }.joined()
    }

    package var isEmpty: Bool { parts.isEmpty }

    package static func + (a: Sentence, b: Sentence) -> Sentence { Sentence(parts: a.parts + b.parts) }

    /// As a sentence of its own: with a capital letter and a full stop.
    package var asWhole: Sentence { whole() }

    /// - Parameter names: of targets and the like: a sentence that begins with one begins as that is spelled.
    package func whole(except names: some Sequence<String> = []) -> Sentence {
        guard !parts.isEmpty else { return self }
        var whole = self
        if case .text(let first) = parts[0] { whole.parts[0] = .text(Formatting.capitalized(first, except: names)) }
        if case .text(let last) = parts[parts.count - 1], let end = last.last, ".!?".contains(end) { return whole }
        whole.parts.append(.text("."))
        return whole
    }
}

extension Sentence: ExpressibleByStringInterpolation {
    package init(stringLiteral text: String) { self.init(text) }
    package init(stringInterpolation: Interpolation) { parts = stringInterpolation.parts }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            parts.reserveCapacity(interpolationCount * 2 + 1)
        }

        private mutating func append(_ text: String) {
            guard !text.isEmpty else { return }
            if case .text(let before)? = parts.last {
                parts[parts.count - 1] = .text(before + text)
            } else {
                parts.append(.text(text))
            }
        }
        package mutating func appendLiteral(_ text: String) { append(text) }
        package mutating func appendInterpolation(_ text: some StringProtocol) { append(String(text)) }
        package mutating func appendInterpolation(_ number: some BinaryInteger) { append(Formatting.count(number)) }
        package mutating func appendInterpolation(_ moment: Instant, zone: String = "UTC") {
            parts.append(.time(moment, zone: zone))
        }
        package mutating func appendInterpolation(_ sentence: Sentence) {
            for part in sentence.parts {
                if case .text(let text) = part { append(text) } else { parts.append(part) }
            }
        }
    }
}
