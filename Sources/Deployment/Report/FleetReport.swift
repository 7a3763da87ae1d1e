package import StokerCore

/// What `stoker check-config` tells about a fleet that could be read.
package struct FleetReport {
    package let fleet: Fleet
    package let budget: Budget

    package init(_ fleet: Fleet) {
        self.fleet = fleet
        budget = Budget.compute(fleet)
    }

    package func requestsPerDay(_ check: Check) -> Double {
        check.policy.kind.type.isPassive || !check.policy.enabled ? 0 : Budget.rate(check.policy).perDay
    }

    /// The interval, for a person.
    package func when(_ policy: CheckPolicy) -> String {
        guard policy.enabled else { return "paused" }
        if policy.kind.type.isPassive {
            return
                "expected \(policy.schedule.map { "by the schedule \($0.text)" } ?? "every \(policy.every.text)"), \(policy.grace.text) late at most"
        }
        let level = policy.warmth.map { " (\($0.rawValue))" } ?? ""
        return "every \(policy.every.text)\(level)\(policy.hours.map { ", \($0.text)" } ?? "")"
    }

    /// What level suits which service (KA10 in docs/promises.md).
    package static let warmthAdvice: [(level: Warmth, services: String)] = [
        (.hot, "a bot that must answer at once (Discord, Telegram, webhooks)"),
        (.warm, "an LLM backend or an API whose first answer after a start takes minutes"),
        (.cool, "RAG and search, used through the day, where a slow first answer is accepted"),
        (.alive, "demos and everything else: never asleep on free hardware, hardly a request"),
    ]

    /// What each level is good for, and the Spaces of this fleet that are pinged so.
    package var warmth: [(level: Warmth, services: String, checks: [String])] {
        Self.warmthAdvice.map { level, services in
            let here = fleet.checks.filter {
                $0.space != nil && $0.policy.role == .alive && $0.policy.enabled
                    && Self.level(of: $0.policy.every) == level
            }
            return (level, services, here.map(\.name))
        }
    }

    /// The level an interval amounts to.
    static func level(of every: Duration) -> Warmth {
        if every <= Warmth.hot.interval { return .hot }
        if every <= Warmth.warm.interval { return .warm }
        return every <= Warmth.cool.interval ? .cool : .alive
    }
}
