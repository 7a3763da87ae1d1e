import StokerCore

/// The last pings of a check as upright bars: height is latency, colour is outcome. A failed ping is a full bar with a gap, so
/// that it can be told without colour.
enum LatencyBars {
    static let width = 160
    static let height = 24
    private static let bars = 40

    /// One SVG path per outcome, in the order of their cases; empty where there is none.
    static func paths(_ samples: [Sample]) -> [String] {
        var paths: [Outcome: String] = [:]
        let samples = samples.suffix(bars)
        let largest = samples.filter(\.outcome.isGood).map(\.latencyMicroseconds).max().map { Double(max($0, 1)) } ?? 1
        // The newest stands at the right end, however few there are.
        var x = width - samples.count * 4 + 2
        for sample in samples {
            let path: String
            switch sample.outcome {
            case .up, .slow:
                let share = (Double(sample.latencyMicroseconds) / largest).squareRoot()
                let bar = 4 + Int((share * 14).rounded())
                path = "M\(x - 1) \(height)v-\(bar)h3v\(bar)z"
            case .waking:
                path = "M\(x - 1) \(height)v-4h3v4zM\(x - 1) \(height - 7)v-4h3v4z"
            case .down:
                path = "M\(x - 1) \(height)v-11h3v11zM\(x - 1) \(height - 14)v-10h3v10z"
            case .unknown:
                path = "M\(x - 1) \(height)v-2h3v2z"
            }
            paths[sample.outcome, default: ""] += path
            x += 4
        }
        return Outcome.allCases.map { paths[$0] ?? "" }
    }

    /// What the strip shows, for those who do not see it.
    static func label(_ samples: [Sample]) -> String {
        guard !samples.isEmpty else { return "no pings yet" }
        let recent = samples.suffix(bars)
        let good = recent.count { $0.outcome.isGood }
        let down = recent.count { $0.outcome == .down }
        let other = recent.count - good - down
        var text = "last \(recent.count == 1 ? "ping" : "\(recent.count) pings"): \(good) good"
        if down > 0 { text += ", \(down) failed" }
        if other > 0 { text += ", \(other) \(Look.waking.name) or \(Look.unknown.name)" }
        return text
    }

    static func svg(_ samples: [Sample]) -> String {
        let drawn = zip(Outcome.allCases, paths(samples)).map { "<path class=\"b-\($0.name)\" d=\"\($1)\"/>" }.joined()
        return
            "<span class=\"strip\"><svg viewBox=\"0 0 \(width) \(height)\" role=\"img\" aria-label=\"\(label(samples))\">\(drawn)</svg></span>"
    }
}
