/// How late pings began, over the last minute or two: counts in logarithmic steps of 19 %, in 512 bytes.
struct LatenessWindow {
    private var current = Counts()
    private var previous = Counts()

    private struct Counts {
        // Four steps per power of two, up to 2^32 microseconds.
        var buckets = [UInt32](repeating: 0, count: 128)
        var total: UInt32 = 0
    }

    mutating func record(microseconds: Int64) {
        current.buckets[Self.bucket(of: microseconds)] &+= 1
        current.total &+= 1
    }

    /// Starts a new minute; what is older than the minute before is forgotten.
    mutating func turn() {
        previous = current
        current = Counts()
    }

    /// Upper edge of the step that holds the quantile, in microseconds; 0 when nothing was recorded.
    func quantile(_ share: Double) -> Int64 { Self.quantile(share, of: [self]) }

    static func quantile(_ share: Double, of windows: [LatenessWindow]) -> Int64 {
        let total = windows.reduce(0) { $0 + UInt64($1.current.total) + UInt64($1.previous.total) }
        guard total > 0 else { return 0 }
        let wanted = UInt64((Double(total) * share).rounded(.up))
        var seen: UInt64 = 0
        for bucket in 0..<128 {
            for window in windows {
                seen += UInt64(window.current.buckets[bucket]) + UInt64(window.previous.buckets[bucket])
            }
            if seen >= wanted { return edge(of: bucket) }
        }
        return edge(of: 127)
    }

    private static func bucket(of microseconds: Int64) -> Int {
        let value = UInt64(max(1, microseconds))
        let power = 63 - value.leadingZeroBitCount
        let quarter = power >= 2 ? Int((value >> UInt64(power - 2)) & 3) : 0
        return min(127, power * 4 + quarter)
    }

    private static func edge(of bucket: Int) -> Int64 {
        let power = bucket / 4
        let base = Int64(1) << Int64(power)
        return power >= 2 ? base + (base >> 2) * Int64(bucket % 4 + 1) : base
    }
}
