import Crypto
package import StokerCore

/// Something true of a repository at one commit, with the lines that show it.
package struct Finding: Sendable, Equatable {
    /// How bad it is when nothing is done, by consequence.
    package enum Severity: String, Sendable, CaseIterable, Comparable {
        case low, medium, high, critical
        package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
        /// 1 to 4.
        package var rank: Int { (Self.allCases.firstIndex(of: self) ?? 0) + 1 }
    }
    package enum State: String, Sendable, CaseIterable {
        /// Seen for the first time.
        case new
        /// Seen again.
        case open
        /// Two commits in a row do not have it.
        case gone
        /// Was gone.
        case returned
        /// A person said that it is no matter.
        case dismissed
    }

    /// Its fingerprint: the same for the same trouble, wherever it moves.
    package var id: String
    package var rule: String
    package var perspective: String
    package var title: String
    package var why: String
    package var file: String
    /// From 1; both inclusive.
    package var lineStart: Int
    package var lineEnd: Int
    package var symbol: String
    /// The cited lines, as they are at the commit.
    package var quote: String
    /// SHA-256 of the lines with their whitespace folded.
    package var quoteSHA: String
    /// Further facts, one sentence each: commits, counts, other places as `path:line`.
    package var evidence: [String]
    /// Shows the same in a clean clone.
    package var command: String
    package var severity: Severity
    /// Consequence × recency-weighted fixes × confidence; greater is earlier.
    package var priority: Double
    /// 0 to 1: measured precision of the rule.
    package var confidence: Double
    package var state: State
    /// RFC 3339.
    package var firstSeen: String
    package var head: String
    /// Name and version of what it was found with.
    package var tools: [String]
    /// `evidence` or `model`.
    package var source: String

    // MARK: Hashes

    /// The lines with runs of blanks as one, without those at the ends and without empty lines.
    static func folded(_ lines: some Sequence<Substring>) -> String {
        lines.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }.filter { !$0.isEmpty }
            .joined(separator: "\n")
    }
    static func hash(of lines: some Sequence<Substring>) -> String { sha256(folded(lines)) }

    static func sha256(_ text: String) -> String { Hex.text(SHA256.hash(data: Array(text.utf8))) }

    /// - Parameters:
    ///   - path: as the file was called when it was first seen.
    ///   - symbol: the function or thing meant; empty: the lines stand for it.
    static func fingerprint(rule: String, path: String, symbol: String, lines: some Sequence<Substring>) -> String {
        let mark = symbol.isEmpty ? folded(Array(lines.prefix(3))) : symbol
        return String(sha256("\(rule)\n\(path)\n\(mark)").prefix(16))
    }
}

extension Finding {
    /// As rows, records and answers have it; every key is always there.
    package var json: JSONValue {
        [
            "id": .string(id), "rule": .string(rule), "perspective": .string(perspective), "title": .string(title),
            "why": .string(why), "file": .string(file), "line_start": .integer(Int64(lineStart)),
            "line_end": .integer(Int64(lineEnd)), "symbol": .string(symbol), "quote": .string(quote),
            "quote_sha": .string(quoteSHA), "evidence": .array(evidence.map { .string($0) }),
            "command": .string(command), "severity": .string(severity.rawValue), "priority": .number(priority),
            "confidence": .number(confidence), "state": .string(state.rawValue), "first_seen": .string(firstSeen),
            "head": .string(head), "tools": .array(tools.map { .string($0) }), "source": .string(source),
        ]
    }

    /// nil for what is no finding.
    package init?(_ json: JSONValue) {
        func text(_ key: String) -> String? { json[key]?.string }
        func texts(_ key: String) -> [String] { json[key]?.array?.compactMap(\.string) ?? [] }
        guard let id = text("id"), let rule = text("rule"), let perspective = text("perspective"),
            let title = text("title"), let file = text("file"), let start = json["line_start"]?.integer,
            let end = json["line_end"]?.integer, let severity = text("severity").flatMap(Severity.init(rawValue:)),
            let state = text("state").flatMap(State.init(rawValue:))
        else { return nil }
        self.init(
            id: id, rule: rule, perspective: perspective, title: title, why: text("why") ?? "", file: file,
            lineStart: start, lineEnd: end, symbol: text("symbol") ?? "", quote: text("quote") ?? "",
            quoteSHA: text("quote_sha") ?? "", evidence: texts("evidence"), command: text("command") ?? "",
            severity: severity, priority: json["priority"]?.double ?? 0, confidence: json["confidence"]?.double ?? 0,
            state: state, firstSeen: text("first_seen") ?? "", head: text("head") ?? "", tools: texts("tools"),
            source: text("source") ?? "evidence")
    }

    /// Whether the lines it cites are at the commit, as they were quoted.
    package func isTrue(of lines: [Substring]) -> Bool {
        guard lineStart >= 1, lineEnd >= lineStart, lineEnd <= lines.count else { return false }
        return Self.hash(of: lines[(lineStart - 1)..<lineEnd]) == quoteSHA
    }
}
