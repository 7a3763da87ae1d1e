import StokerCore

/// The order in which statuses are shown. Pure.
enum StatusOrder {
    struct Found {
        /// Place of the check in the fleet.
        var index: UInt32
        var match: Shard.Match
    }

    static func sort(_ found: inout [Found], by sort: StatusQuery.Sort, in checks: [Check]) {
        // The fleet may have become smaller meanwhile.
        found.removeAll { Int($0.index) >= checks.count }
        switch sort {
        case .file: found.sort { $0.index < $1.index }
        case .name: found.sort { checks[Int($0.index)].name < checks[Int($1.index)].name }
        case .latency: found.sort { $0.match.latency > $1.match.latency }
        case .lastPing: found.sort { $0.match.lastPing > $1.match.lastPing }
        case .trouble:
            found.sort {
                let (a, b) = ($0.match.urgency, $1.match.urgency)
                return a == b ? $0.index < $1.index : a < b
            }
        }
    }
}
