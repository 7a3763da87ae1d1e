package import StokerCore

/// History as text for other programs: CSV (RFC 4180) or one JSON object a line, times in RFC 3339 (UTC).
///
/// Rows leave check by check, newest first, and are read in pages, so that a year of history needs no more memory than a page.
package struct HistoryExport: Sendable {
    package enum Format: String, Sendable, CaseIterable {
        case csv
        case jsonl
    }

    private let ledger: any Ledger
    private let format: Format
    private let page: Int

    /// - Parameter page: observations in memory at once. Default 5,000.
    package init(ledger: any Ledger, format: Format, page: Int = 5_000) {
        self.ledger = ledger
        self.format = format
        self.page = max(2, page)
    }

    /// Every single observation from `from` (inclusive) to `to` (exclusive); nil leaves that end open.
    /// - Parameter write: takes the next piece of text, UTF-8, whole lines. What it throws ends the export.
    package func observations(
        of checks: [(id: Int32, name: String)], from: Instant?, to: Instant?, write: ([UInt8]) async throws -> Void
    ) async throws {
        var text = Text(format)
        text.head(["check", "at", "outcome", "cause", "code", "attempts", "latency_us"])
        for (id, name) in checks {
            var before = to
            var limit = page
            reading: while true {
                var rows = try await ledger.observations(of: id, before: before, limit: limit)
                let isLast = rows.count < limit
                if !isLast, let oldest = rows.last?.at {
                    // Rows of the page's oldest instant may go on behind it: they come again, all of them, with the next page.
                    let complete = rows.prefix { $0.at > oldest }
                    guard !complete.isEmpty else {
                        limit *= 2
                        continue
                    }
                    rows = Array(complete)
                    before = oldest + .milliseconds(1)
                    limit = page
                }
                for row in rows {
                    if let from, row.at < from { break reading }
                    text.line([
                        .text("check", name), .plain("at", row.at.description), .plain("outcome", "\(row.outcome)"),
                        .plain("cause", row.cause.code), .number("code", "\(row.code)"),
                        .number("attempts", "\(row.attempts)"),
                        .number("latency_us", "\(row.latencyMicroseconds)"),
                    ])
                }
                try await write(text.take())
                if isLast { break }
            }
        }
        let rest = text.take()
        if !rest.isEmpty { try await write(rest) }
    }

    /// `buckets` sums of each check over equal spans.
    package func tallies(
        of checks: [(id: Int32, name: String)], from: Instant, to: Instant, buckets: Int,
        write: ([UInt8]) async throws -> Void
    ) async throws {
        var text = Text(format)
        text.head([
            "check", "from", "to", "up", "slow", "waking", "down", "unknown", "uptime", "up_ms", "down_ms", "estimated",
            "pings_good", "latency_min_us", "latency_mean_us", "latency_max_us",
        ])
        for (id, name) in checks {
            for tally in try await ledger.series(of: id, from: from, to: to, buckets: buckets) {
                text.line([
                    .text("check", name), .plain("from", tally.from.description), .plain("to", tally.to.description),
                    .number("up", "\(tally.up)"), .number("slow", "\(tally.slow)"),
                    .number("waking", "\(tally.waking)"),
                    .number("down", "\(tally.down)"), .number("unknown", "\(tally.unknown)"),
                    .number("uptime", tally.uptime.map { "\($0)" }), .number("up_ms", "\(tally.upTime)"),
                    .number("down_ms", "\(tally.downTime)"), .number("estimated", "\(tally.isEstimated)"),
                    .number("pings_good", tally.pingsGood.map { "\($0)" }),
                    .number("latency_min_us", "\(tally.latencyMin)"),
                    .number("latency_mean_us", "\(tally.latencyMean)"),
                    .number("latency_max_us", "\(tally.latencyMax)"),
                ])
            }
            try await write(text.take())
        }
        let rest = text.take()
        if !rest.isEmpty { try await write(rest) }
    }
}

extension HistoryExport {
    enum Field {
        /// A name that a person chose.
        case text(String, String)
        /// A word or time of ours: needs no quoting.
        case plain(String, String)
        /// nil is an empty field, or JSON's null.
        case number(String, String?)
    }

    struct Text {
        private let format: Format
        private var bytes: [UInt8] = []

        init(_ format: Format) { self.format = format }

        mutating func take() -> [UInt8] {
            defer { bytes.removeAll(keepingCapacity: true) }
            return bytes
        }

        mutating func head(_ names: [String]) {
            guard format == .csv else { return }
            bytes += Array((names.joined(separator: ",") + "\r\n").utf8)
        }

        mutating func line(_ fields: [Field]) {
            switch format {
            case .csv:
                for (index, field) in fields.enumerated() {
                    if index > 0 { bytes.append(UInt8(ascii: ",")) }
                    switch field {
                    case .text(_, let value): bytes += Array(Self.csv(value).utf8)
                    case .plain(_, let value): bytes += Array(value.utf8)
                    case .number(_, let value): bytes += Array((value ?? "").utf8)
                    }
                }
                bytes += [13, 10]
            case .jsonl:
                for (index, field) in fields.enumerated() {
                    bytes.append(UInt8(ascii: index == 0 ? "{" : ","))
                    switch field {
                    case .text(let name, let value), .plain(let name, let value):
                        bytes += Array("\"\(name)\":\(Self.json(value))".utf8)
                    case .number(let name, let value): bytes += Array("\"\(name)\":\(value ?? "null")".utf8)
                    }
                }
                bytes += Array("}\n".utf8)
            }
        }

        /// Quoted where RFC 4180 section 2 asks for it. What a spreadsheet would run as a formula gets an apostrophe in front.
        /// Source: OWASP, "CSV Injection".
        static func csv(_ value: String) -> String {
            var safe = value
            if let first = value.unicodeScalars.first, ["=", "+", "-", "@", "\t", "\r"].contains(first) {
                safe = "'" + value
            }
            let quoted = safe.unicodeScalars.contains { [",", "\"", "\r", "\n"].contains($0) }
            guard quoted else { return safe }
            var text = "\""
            for scalar in safe.unicodeScalars {
                if scalar == "\"" { text += "\"" }
                text.unicodeScalars.append(scalar)
            }
            return text + "\""
        }

        /// A JSON string, RFC 8259 section 7.
        static func json(_ value: String) -> String {
            var text = "\""
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\"": text += "\\\""
                case "\\": text += "\\\\"
                case "\n": text += "\\n"
                case "\r": text += "\\r"
                case "\t": text += "\\t"
                case _ where scalar.value < 0x20:
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                default: text.unicodeScalars.append(scalar)
                }
            }
            return text + "\""
        }
    }
}
