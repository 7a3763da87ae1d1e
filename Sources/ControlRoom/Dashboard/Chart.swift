import Ledger
import Operations
import StokerCore

/// Latency over a span, drawn on the server. The picture stretches with the page (its lines keep their width); the words around it
/// are HTML, so that they stay readable on a phone.
struct Chart {
    /// Spans to choose from, with how many buckets each is cut into.
    enum Range: String, CaseIterable {
        case hour = "1h"
        case day = "24h"
        case week = "7d"
        case month = "30d"
        case quarter = "90d"

        var span: Duration {
            switch self {
            case .hour: .seconds(3_600)
            case .day: .seconds(86_400)
            case .week: .seconds(7 * 86_400)
            case .month: .seconds(30 * 86_400)
            case .quarter: .seconds(90 * 86_400)
            }
        }
        var label: String {
            switch self {
            case .hour: "1 h"
            case .day: "24 h"
            case .week: "7 d"
            case .month: "30 d"
            case .quarter: "90 d"
            }
        }
        var buckets: Int {
            switch self {
            case .hour: 60
            case .day: 96
            case .week: 84
            case .month: 120
            case .quarter: 90
            }
        }
    }

    let range: Range
    let tallies: [SpanTotals]

    private static let width = 1_000.0
    private static let height = 200.0

    /// Top of the scale in microseconds: the next above all that is shown whose quarters are round numbers too.
    var top: UInt64 {
        // One spike should not flatten the rest: the scale ends at four times the largest mean, and what is higher is cut.
        let mean = tallies.map { UInt64($0.latencyMean) }.max() ?? 0
        let most = min(tallies.map { UInt64($0.latencyMax) }.max() ?? 0, mean * 4)
        for small: UInt64 in [400, 800] where small >= most { return small }
        var step: UInt64 = 1_000
        while true {
            for factor: UInt64 in [4, 8, 12, 20] where step * factor >= most { return step * factor }
            step *= 10
        }
    }

    var isEmpty: Bool { !tallies.contains { $0.up + $0.slow + $0.down + $0.waking > 0 } }
    private var hasLatency: Bool { tallies.contains { $0.up + $0.slow > 0 && $0.latencySum > 0 } }

    var svg: String {
        guard !tallies.isEmpty else { return "" }
        let step = Self.width / Double(tallies.count)
        let scale = Self.height / Double(top)
        func y(_ microseconds: UInt32) -> String { Self.number(max(1, Self.height - Double(microseconds) * scale)) }
        var (down, waking, line, band, dots) = ("", "", "", "", "")
        var run: [(x: Double, tally: SpanTotals)] = []
        func close() {
            if run.count == 1 {
                dots += "<path class=\"c-dot\" d=\"M\(Self.number(run[0].x)) \(y(run[0].tally.latencyMean))h0\"/>"
            } else if run.count > 1 {
                line += "M" + run.map { "\(Self.number($0.x)) \(y($0.tally.latencyMean))" }.joined(separator: "L")
                band += "M" + run.map { "\(Self.number($0.x)) \(y($0.tally.latencyMax))" }.joined(separator: "L")
                band +=
                    "L" + run.reversed().map { "\(Self.number($0.x)) \(y($0.tally.latencyMin))" }.joined(separator: "L")
                    + "Z"
            }
            run = []
        }
        // Checks that are pinged seldom leave buckets without pings: those are no reason to interrupt the line.
        var quiet = 0
        for (index, tally) in tallies.enumerated() {
            let left = Double(index) * step
            if tally.down > 0 {
                down += "M\(Self.number(left)) 0h\(Self.number(step))V\(Int(Self.height))h-\(Self.number(step))z"
            }
            if tally.waking > 0 {
                waking += "M\(Self.number(left)) \(Int(Self.height) - 6)h\(Self.number(step))v6h-\(Self.number(step))z"
            }
            if tally.up + tally.slow > 0, tally.latencySum > 0 {
                run.append((left + step / 2, tally))
                quiet = 0
            } else if tally.down > 0 || quiet > 8 {
                close()
            } else {
                quiet += 1
            }
        }
        close()
        let grid = [0.25, 0.5, 0.75].map { "M0 \(Int(Self.height * $0))h\(Int(Self.width))" }.joined()
        return """
            <svg class="chart" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" preserveAspectRatio="none" aria-hidden="true">\
            <path class="c-grid" d="\(grid)"/><path class="c-down" d="\(down)"/><path class="c-waking" d="\(waking)"/>\
            <path class="c-band" d="\(band)"/><path class="c-line" d="\(line)"/>\(dots)</svg>
            """
    }

    /// The same as the picture, in words.
    var summary: String {
        guard hasLatency else {
            let good = tallies.reduce(0) { $0 + $1.up + $1.slow }
            let failed = tallies.reduce(0) { $0 + $1.down }
            return isEmpty
                ? "Nothing in this time."
                : failed == 0
                    ? "\(Formatting.count(good)) good, none failed."
                    : "\(Formatting.count(good)) good, \(Formatting.count(failed)) failed."
        }
        let good = tallies.filter { $0.up + $0.slow > 0 && $0.latencySum > 0 }
        let least = good.map(\.latencyMin).min() ?? 0
        let most = good.map(\.latencyMax).max() ?? 0
        let sum = good.reduce(UInt64(0)) { $0 + $1.latencySum }
        let count = good.reduce(0) { $0 + $1.up + $1.slow }
        let down = tallies.reduce(0) { $0 + $1.down }
        var text =
            "\(Formatting.count(count)) answers in \(Formatting.latency(microseconds: least)) to \(Formatting.latency(microseconds: most))"
        text += ", \(Formatting.latency(microseconds: sum / UInt64(max(1, count)))) on average"
        text += down > 0 ? "; \(Formatting.count(down)) failed." : "; none failed."
        return text
    }

    func model() -> [String: Any] {
        let rows = tallies.filter { $0.up + $0.slow + $0.down + $0.waking + $0.unknown > 0 }
        return [
            "svg": svg, "summary": summary, "empty": isEmpty,
            "axis": hasLatency
                ? [top, top / 4 * 3, top / 2, top / 4].map { Formatting.latency(microseconds: $0) } + ["0"]
                : [] as [String],
            "from": tallies.first.map { Self.moment($0.from, range) } ?? "",
            "middle": tallies.isEmpty ? "" : Self.moment(tallies[tallies.count / 2].from, range), "to": "now",
            "rows": rows.reversed().map { tally in
                [
                    "at": Formatting.time(tally.from), "good": tally.up + tally.slow, "failed": tally.down,
                    "waking": tally.waking,
                    "min": tally.latencySum > 0 ? Formatting.latency(microseconds: tally.latencyMin) : "–",
                    "mean": tally.latencySum > 0 ? Formatting.latency(microseconds: tally.latencyMean) : "–",
                    "max": tally.latencySum > 0 ? Formatting.latency(microseconds: tally.latencyMax) : "–",
                ] as [String: Any]
            },
            "hover": hover, "wakingWord": Look.waking.name, "wakingTitle": Look.waking.title,
        ]
    }

    /// One line per bucket for the pointer: `2026-11-21 08:00 · 142 ms · 12 good`.
    private var hover: String {
        tallies.map { tally in
            var parts = [Self.moment(tally.from, range)]
            if tally.up + tally.slow > 0, tally.latencySum > 0 {
                parts.append(
                    "\(Formatting.latency(microseconds: tally.latencyMean)) (\(Formatting.latency(microseconds: tally.latencyMin)) – \(Formatting.latency(microseconds: tally.latencyMax)))"
                )
            }
            if tally.down > 0 { parts.append("\(tally.down) failed") }
            if tally.waking > 0 { parts.append("\(tally.waking) \(Look.waking.name)") }
            if parts.count == 1 { parts.append("no pings") }
            return parts.joined(separator: " · ")
        }.joined(separator: "|")
    }

    private static func moment(_ moment: Instant, _ range: Range) -> String {
        let text = moment.description
        let (day, clock) = (text.prefix(10).dropFirst(5), text.dropFirst(11).prefix(5))
        switch range {
        case .hour, .day: return "\(clock) UTC"
        case .week: return "\(day) \(clock)"
        case .month, .quarter: return String(day)
        }
    }

    /// One decimal at most.
    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}

extension SpanTotals {
    /// No ping at all, not even one that says nothing.
    var isEmpty: Bool { up + slow + waking + down + unknown == 0 }
}

/// Ninety days as ninety bars.
enum DayBars {
    static func svg(_ days: [SpanTotals]) -> String {
        let bars = days.enumerated().map { index, day -> String in
            let share = day.uptime
            let kind =
                share.map { $0 >= 1 ? (day.leftOut == nil ? "up" : "maint") : $0 >= 0.98 ? "slow" : "down" }
                ?? (day.leftOut != nil ? "maint" : day.waking > 0 ? "waking" : "none")
            // A worse day is a lower bar: readable without colour.
            let height =
                kind == "none"
                ? 4 : kind == "down" ? 16 : kind == "slow" ? 26 : kind == "waking" ? 10 : kind == "maint" ? 22 : 34
            let text =
                "\(day.from.description.prefix(10)): "
                + [
                    share.map { Formatting.share($0) }
                        ?? (day.leftOut != nil ? nil : day.waking > 0 ? "waking only" : "not known"), day.leftOut,
                ].compactMap(\.self).joined(separator: ", ")
            return
                "<rect class=\"d-\(kind)\" x=\"\(index * 8)\" y=\"\(34 - height)\" width=\"6\" height=\"\(height)\" rx=\"1\"><title>\(text)</title></rect>"
        }.joined()
        let known = days.compactMap(\.uptime)
        let perfect = known.count { $0 >= 1 }
        return "<svg class=\"days\" viewBox=\"0 0 \(days.count * 8 - 2) 34\" preserveAspectRatio=\"none\" role=\"img\" "
            + "aria-label=\"\(known.count.counted("day")) known, \(perfect) of them without down time\">\(bars)</svg>"
    }
}
