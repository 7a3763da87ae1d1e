import StokerCore

/// Which snapshots stay, with restic's meaning: each rule walks from the newest to the oldest and keeps the last one of each of its periods, until it has
/// kept as many as it says; what no rule keeps goes. Periods are of UTC. What has one of ``tags`` stays.
package struct KeepRules: Sendable, Equatable {
    package var last = 0
    package var hourly = 0
    package var daily = 0
    package var weekly = 0
    package var monthly = 0
    package var yearly = 0
    /// Everything so long before the newest.
    package var within: Duration?
    package var tags: [String] = []

    package init() {}

    package var isEmpty: Bool { self == KeepRules() }

    /// What happens to a snapshot, and why.
    package struct Decision: Sendable, Equatable {
        package var snapshot: Snapshot
        /// Why it stays; none: it goes.
        package var reasons: [String]
        package var isKept: Bool { !reasons.isEmpty }
    }

    /// - Parameters:
    ///   - snapshots: in any order.
    ///   - newest: the id of the one that restores take, which always stays, as the last one that was proven does.
    /// - Returns: newest first.
    package func decide(_ snapshots: [Snapshot], newest: String?) -> [Decision] {
        let ordered = snapshots.sorted { ($0.time, $0.number) > ($1.time, $1.number) }
        let proven = ordered.first { $0.verified != nil }?.id
        let end = ordered.first?.time
        var buckets: [(name: String, left: Int, period: (Instant) -> String, last: String?)] = [
            ("hourly", hourly, { Self.parts($0).hour }, nil),
            ("daily", daily, { Self.parts($0).day }, nil),
            ("weekly", weekly, { Self.week($0) }, nil),
            ("monthly", monthly, { Self.parts($0).month }, nil),
            ("yearly", yearly, { Self.parts($0).year }, nil),
        ]
        var left = last
        return ordered.map { snapshot in
            var reasons: [String] = []
            if snapshot.id == newest { reasons.append("newest") }
            if snapshot.id == proven { reasons.append("last verified") }
            if left > 0 {
                left -= 1
                reasons.append("last")
            }
            for at in buckets.indices where buckets[at].left > 0 {
                let period = buckets[at].period(snapshot.time)
                guard period != buckets[at].last else { continue }
                buckets[at].last = period
                buckets[at].left -= 1
                reasons.append(buckets[at].name)
            }
            if let within, let end, end - snapshot.time <= within { reasons.append("within \(within.text)") }
            if let tag = tags.first(where: { snapshot.tags.contains($0) }) { reasons.append("tag \(tag)") }
            return Decision(snapshot: snapshot, reasons: reasons)
        }
    }

    /// The same for snapshots that are named to go.
    package static func decide(
        _ snapshots: [Snapshot], dropping named: Set<String>, newest: String?
    ) -> [Decision] {
        let ordered = snapshots.sorted { ($0.time, $0.number) > ($1.time, $1.number) }
        let proven = ordered.first { $0.verified != nil }?.id
        return ordered.map { snapshot in
            var reasons: [String] = []
            if snapshot.id == newest { reasons.append("newest") }
            if snapshot.id == proven { reasons.append("last verified") }
            if !named.contains(snapshot.id) { reasons.append("not named") }
            return Decision(snapshot: snapshot, reasons: reasons)
        }
    }

    private static func parts(_ time: Instant) -> (year: String, month: String, day: String, hour: String) {
        let text = time.description  // 2026-11-21T08:15:00.000Z
        return (
            String(text.prefix(4)), String(text.prefix(7)), String(text.prefix(10)), String(text.prefix(13))
        )
    }

    /// Weeks from Monday; 1970-01-01 was a Thursday.
    private static func week(_ time: Instant) -> String {
        let days =
            time.milliseconds >= 0
            ? time.milliseconds / 86_400_000 : (time.milliseconds - 86_399_999) / 86_400_000
        let monday = days + 3
        return String(monday >= 0 ? monday / 7 : (monday - 6) / 7)
    }
}
