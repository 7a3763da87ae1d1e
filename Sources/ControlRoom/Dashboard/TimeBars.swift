import Ledger
import Operations
import StokerCore

/// A check's time as upright bars: equal spans side by side, so that all rows of a page have one axis. Height is latency; shape and colour are
/// the verdict, so that each can be told without colour.
struct TimeBars: Sendable {
    /// What is shown of one span.
    enum Kind: Character, Sendable, CaseIterable {
        case up = "u"
        case slow = "s"
        case waking = "w"
        case down = "d"
        case silent = "q"
        /// Worked on: what was seen is not counted.
        case maintenance = "m"
        case none = "n"

        /// Class of the sheet, behind `b-`.
        var name: String { "\(self)" }

        init(_ tally: SpanTotals, isHeartbeat: Bool) {
            if tally.maintenanceTime > 0, tally.downTime == 0 {
                self = .maintenance
            } else if tally.down > 0 || tally.downTime > 0 {
                // A job that failed said so; one that did not call is silent.
                self = isHeartbeat && tally.down == 0 ? .silent : .down
            } else if tally.slow > 0 {
                self = .slow
            } else if tally.up > 0 || tally.upTime > 0 {
                self = .up
            } else {
                self = tally.waking > 0 ? .waking : .none
            }
        }
    }

    let range: Chart.Range
    let tallies: [SpanTotals]
    let kinds: [Kind]
    /// What is said of a bar, by its number: the cause of the incident that lay in it, and how much of it was maintenance.
    private let causes: [Int: String]

    init(range: Chart.Range, tallies: [SpanTotals], isHeartbeat: Bool, incidents: [Incident] = []) {
        self.range = range
        self.tallies = tallies
        kinds = tallies.map { Kind($0, isHeartbeat: isHeartbeat) }
        var causes: [Int: String] = [:]
        // The newest come first, and the first cause of a bar is kept.
        for incident in incidents {
            for (index, tally) in tallies.enumerated()
            where causes[index] == nil && (kinds[index] == .down || kinds[index] == .silent)
                && incident.began < tally.to && (incident.ended ?? tally.to) >= tally.from
            {
                causes[index] = incident.sentence
            }
        }
        for (index, tally) in tallies.enumerated() {
            guard let leftOut = tally.leftOut else { continue }
            causes[index] = [causes[index], leftOut].compactMap(\.self).joined(separator: "; ")
        }
        self.causes = causes
    }

    /// Four strokes aslant, for a picture of that height.
    static func hatching(x: Int, height: Int) -> String {
        let scale = Double(height) / 24
        func units(_ value: Double) -> String { Chart.number(value * scale) }
        return [23.0, 19, 15, 11].map {
            "M\(x) \(units($0))l3-\(units(2))v\(units(1.6))l-3 \(units(2))z"
        }.joined()
    }

    /// The spans of a range that is over at the end of the running one, so that what is over never changes.
    static func frame(_ range: Chart.Range, now: Instant) -> (from: Instant, to: Instant, count: Int) {
        let (count, each) = (range.bars, range.span.wholeMilliseconds / Int64(range.bars))
        let end = (now.milliseconds / each + 1) * each
        return (Instant(milliseconds: end - Int64(count) * each), Instant(milliseconds: end), count)
    }

    /// - Parameter height: of the picture, in units of its view box.
    func svg(height: Int = 24) -> String {
        var paths: [Kind: String] = [:]
        let most = tallies.map(\.latencyMean).max() ?? 0
        let scale = Double(height) / 24
        func units(_ value: Double) -> String { Chart.number(value * scale) }
        var last = most
        for (index, tally) in tallies.enumerated() {
            let (x, kind) = (index * 4, kinds[index])
            if tally.latencyMean > 0 { last = tally.latencyMean }
            let path: String
            switch kind {
            case .up:
                let share = most == 0 ? 1 : (Double(tally.latencyMean > 0 ? tally.latencyMean : last) / Double(most))
                let bar = units(6 + 9 * share.squareRoot())
                path = "M\(x) \(height)v-\(bar)h3v\(bar)z"
            case .slow: path = "M\(x) \(height)v-\(units(18))l3-\(units(3))v\(units(21))z"
            case .waking:
                let part = units(3)
                path = "M\(x) \(height)v-\(part)h3v\(part)zM\(x) \(units(18))v-\(part)h3v\(part)z"
            case .down, .silent:
                path =
                    "M\(x) \(height)v-\(units(9))h3v\(units(9))zM\(x) \(units(12))v-\(units(12))h3v\(units(12))z"
            case .maintenance: path = Self.hatching(x: x, height: height)
            case .none: path = "M\(x) \(height)v-2h3v2z"
            }
            paths[kind, default: ""] += path
        }
        let drawn = Kind.allCases.compactMap { kind in
            paths[kind].map { "<path class=\"b-\(kind.name)\" d=\"\($0)\"/>" }
        }.joined()
        return
            "<svg viewBox=\"0 0 \(max(1, tallies.count * 4 - 1)) \(height)\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"\(Markup.escape(label))\">\(drawn)</svg>"
    }

    /// `24 h: up in 45 bars of 30 min, down in 2, nothing known in 1`.
    var label: String {
        guard kinds.contains(where: { $0 != .none }) else { return "\(range.label): nothing known" }
        var parts: [String] = []
        for kind in Kind.allCases {
            let count = kinds.count { $0 == kind }
            guard count > 0 else { continue }
            let word = kind == .none ? "nothing known" : kind.name
            parts.append("\(word) in \(count)" + (parts.isEmpty ? " of \(kinds.count) bars" : ""))
        }
        return "\(range.label): \(parts.joined(separator: ", "))"
    }

    /// For the tooltip: a bar's kind, its mean latency in microseconds, and its cause, `u142000|d0 the connection was refused`.
    var data: String {
        kinds.indices.map { index in
            let cause = causes[index].map { " " + String($0.map { $0 == "|" ? "/" : $0 }) } ?? ""
            let mean = tallies[index].latencyMean
            return "\(kinds[index].rawValue)\(mean > 0 ? "\(mean)" : "")\(cause)"
        }.joined(separator: "|")
    }

    /// The whole part of a row or a card.
    /// - Parameter more: further classes.
    func html(height: Int = 24, more: String = "") -> String {
        let from = tallies.first?.from.milliseconds ?? 0
        let each = range.span.wholeMilliseconds / Int64(max(1, tallies.count))
        return
            "<span class=\"strip\(more)\" data-bars=\"\(Markup.escape(data))\" data-from=\"\(from)\" data-each=\"\(each)\">\(svg(height: height))</span>"
    }
}

extension Chart.Range {
    /// How many bars a row shows of it.
    var bars: Int {
        switch self {
        case .hour: 60
        case .day: 48
        case .week: 56
        case .month: 60
        case .quarter: 90
        }
    }
}
