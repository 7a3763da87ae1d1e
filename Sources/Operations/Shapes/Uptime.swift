package import Ledger
package import StokerCore

/// A check's uptime over a span that ends now, in figures and words, for page, badge and API.
package struct Uptime: Sendable, Equatable {
    /// The spans in which uptime is told, and their names.
    package static let spans: [(name: String, duration: Duration)] = [
        ("24h", .seconds(86_400)), ("7d", .seconds(7 * 86_400)), ("30d", .seconds(30 * 86_400)),
        ("90d", .seconds(90 * 86_400)),
    ]

    /// `24h`, `7d`, `30d` or `90d`.
    package let name: String
    package let tally: SpanTotals

    /// - Parameter wanted: names of spans; all of them unless given.
    package static func read(
        of check: Int32, wanted: [String]? = nil, from ledger: any Ledger, now: Instant
    ) async throws(Failure) -> [Uptime] {
        let spans = spans.filter { wanted?.contains($0.name) ?? true }
        let tallies = try await ledger.tallies(of: check, from: spans.map { now - $0.duration }, to: now)
        return zip(spans, tallies).map { Uptime(name: $0.name, tally: $1) }
    }

    package init(name: String, tally: SpanTotals) {
        self.name = name
        self.tally = tally
    }

    /// `24 h`.
    package var label: String { "\(name.dropLast()) \(name.suffix(1))" }
    /// `99.95 %`, or a dash.
    package var share: String { Formatting.share(tally.uptime) }
    /// What has to be known beside the share: `of 3 h known, 2 h of maintenance left out`; nil when there is nothing.
    package var remark: String? { tally.remark }

    /// How good that is: good, fair, bad, or unknown.
    package var tone: Look.Tone {
        guard let share = tally.uptime else { return .unknown }
        return share >= 0.999 ? .good : share >= 0.98 ? .fair : .bad
    }

    var json: JSONValue {
        tally.json.adding([.init("known_seconds", .seconds(tally.known)), .init("whole", .bool(tally.isWhole))])
    }
}

extension SpanTotals {
    /// `2 h of maintenance left out`; nil without maintenance.
    package var leftOut: String? { maintenanceTime < 1_000 ? nil : Formatting.leftOut(maintenance) }

    /// What has to be known beside ``uptime``; nil when there is nothing.
    package var remark: String? {
        let known = uptime == nil || isWhole ? nil : Formatting.known(known)
        let parts = [known, leftOut].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
