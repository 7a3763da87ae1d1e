package import FoundationEssentials

/// Tells what of a connection was seen before.
///
/// Every connection replays the container's buffer from its start. Lines are known by time and text, with a count because a program may
/// write the same twice in one millisecond. Only the newest ``window`` lines are remembered, so that following for days needs no more
/// memory than for a minute; what is older than they are is known by its time.
package struct LogReplay: Sendable {
    /// Lines that are remembered.
    package let window: Int
    private var order: [Int] = []
    private var oldest = 0
    private var seen: [Int: Int] = [:]
    private var times: [Date?] = []
    /// How many of each this connection has brought so far.
    private var brought: [Int: Int] = [:]
    /// While true, the connection repeats what it had: nothing new came yet.
    private var isReplaying = false
    /// Everything up to here was handed out and forgotten.
    private var horizon: Date?
    /// Nothing before this is wanted.
    private var floor: Date?

    package init(window: Int = 4_096, after: Date? = nil) {
        self.window = max(1, window)
        horizon = after
        isReplaying = after != nil
    }

    /// A new connection begins.
    package mutating func reconnected() {
        brought = [:]
        isReplaying = horizon != nil || floor != nil || !order.isEmpty
    }

    /// The first connection began in the middle: what lies before its first line is not wanted later either.
    package mutating func began(inTheMiddleAt line: LogLine) { if floor == nil { floor = line.date } }

    /// True when the line is new, and remembers it.
    package mutating func isNew(_ line: LogLine) -> Bool {
        let date = line.date
        if isReplaying, let date {
            if let floor, date < floor { return false }
            if let horizon, date <= horizon, seen[line.hashValue] == nil { return false }
        }
        let key = line.hashValue
        let count = brought[key, default: 0] + 1
        brought[key] = count
        guard count > seen[key, default: 0] else { return false }
        isReplaying = false
        seen[key] = count
        remember(key, date)
        return true
    }

    private mutating func remember(_ key: Int, _ date: Date?) {
        if order.count < window {
            order.append(key)
            times.append(date)
            return
        }
        let gone = order[oldest]
        if let date = times[oldest], date > horizon ?? .distantPast { horizon = date }
        Self.takeOne(gone, from: &seen)
        Self.takeOne(gone, from: &brought)
        order[oldest] = key
        times[oldest] = date
        oldest = (oldest + 1) % window
    }

    private static func takeOne(_ key: Int, from counts: inout [Int: Int]) {
        guard let count = counts[key] else { return }
        counts[key] = count > 1 ? count - 1 : nil
    }
}
