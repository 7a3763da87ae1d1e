import StokerCore

/// The last pings of a check as upright bars: height is latency, colour is outcome. A failed ping is a full bar with a gap, so
/// that it can be told without colour.
enum LatencyBars {
    static let width = 160
    static let height = 24
    private static let bars = 40
    static let kinds = ["up", "slow", "waking", "down", "unknown"]

    /// One SVG path per kind, in the order of ``kinds``; empty where there is none.
    static func paths(_ samples: [Sample]) -> [String] {
        var paths = Array(repeating: "", count: kinds.count)
        let samples = samples.suffix(bars)
        let largest = samples.filter(\.outcome.isGood).map(\.latencyMicroseconds).max().map { Double(max($0, 1)) } ?? 1
        // The newest stands at the right end, however few there are.
        var x = width - samples.count * 4 + 2
        for sample in samples {
            let kind: Int
            switch sample.outcome {
            case .up, .slow:
                kind = sample.outcome == .up ? 0 : 1
                let share = (Double(sample.latencyMicroseconds) / largest).squareRoot()
                let bar = 4 + Int((share * 14).rounded())
                paths[kind] += "M\(x - 1) \(height)v-\(bar)h3v\(bar)z"
            case .waking:
                kind = 2
                paths[kind] += "M\(x - 1) \(height)v-4h3v4zM\(x - 1) \(height - 7)v-4h3v4z"
            case .down:
                kind = 3
                paths[kind] += "M\(x - 1) \(height)v-11h3v11zM\(x - 1) \(height - 14)v-10h3v10z"
            case .unknown:
                kind = 4
                paths[kind] += "M\(x - 1) \(height)v-2h3v2z"
            }
            x += 4
        }
        return paths
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
        if other > 0 { text += ", \(other) waking or unknown" }
        return text
    }

    static func svg(_ samples: [Sample]) -> String {
        let drawn = zip(kinds, paths(samples)).map { "<path class=\"b-\($0)\" d=\"\($1)\"/>" }.joined()
        return
            "<span class=\"strip\"><svg viewBox=\"0 0 \(width) \(height)\" role=\"img\" aria-label=\"\(label(samples))\">\(drawn)</svg></span>"
    }
}
