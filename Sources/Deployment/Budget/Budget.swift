package import StokerCore

/// How many requests a fleet costs: sent by wakers outside, sent by the master, and asked of the Hub (KA9 in docs/promises.md).
package struct Budget: Sendable, Equatable {
    /// Requests per day and, while every check is inside its hours, per five minutes.
    package struct Rate: Sendable, Equatable {
        package var perDay: Double
        package var perFiveMinutes: Double
        package init(perDay: Double = 0, perFiveMinutes: Double = 0) {
            self.perDay = perDay
            self.perFiveMinutes = perFiveMinutes
        }
        package static func + (a: Rate, b: Rate) -> Rate {
            Rate(perDay: a.perDay + b.perDay, perFiveMinutes: a.perFiveMinutes + b.perFiveMinutes)
        }
    }

    /// A plan's quota on the Hub, in calls per window of five minutes.
    /// Source: hub-docs `rate-limits.md`, table of September 2025.
    package struct Plan: Sendable, Equatable {
        package var name: String
        package var api: Int
        /// Pages of huggingface.co; nil where the table names none.
        package var pages: Int?
    }

    /// Checks that make requests: enabled, and not heartbeats.
    package var checks: Int
    /// Were every check made by a waker outside, as cron services do.
    package var direct: Rate
    /// With a master that makes them: only the master is woken from outside.
    package var throughMaster: Rate
    /// What the master sends; retries and redirects not counted.
    package var master: Rate
    /// Were everything to fail at once: every ping with all its retries, again after each `recheck`.
    package var masterAtWorst: Rate
    /// Calls of the Hub's API by targets under the Hub's own address.
    package var hubAPI: Rate
    /// Calls of a master that watches the stages of its Spaces, at most; see ``watchLimit``.
    package var hubWatch: Rate
    /// Pages of the Hub that targets ask for; they have a quota of their own.
    package var hubPages: Rate
    /// What each Space that the Hub lists adds once it has joined the fleet; nil where none are discovered.
    package var eachDiscovered: Rate?

    package static let plans = [
        Plan(name: "anonymous", api: 500, pages: 100), Plan(name: "free", api: 1_000, pages: 200),
        Plan(name: "PRO", api: 2_500, pages: 400), Plan(name: "Team", api: 3_000, pages: nil),
        Plan(name: "Enterprise", api: 6_000, pages: nil), Plan(name: "Enterprise Plus", api: 10_000, pages: nil),
    ]

    /// Share of outside requests that the master saves, below zero when waking it costs more than it saves; nil without any.
    package var saving: Double? { direct.perDay > 0 ? 1 - throughMaster.perDay / direct.perDay : nil }

    /// - Parameter wakeEvery: how often the master itself is woken from outside, 1 min or more; 5 min by default.
    package static func compute(_ fleet: Fleet, wakeEvery: Duration = .seconds(300)) -> Budget {
        var budget = Budget(
            checks: 0, direct: Rate(), throughMaster: Rate(), master: Rate(), masterAtWorst: Rate(), hubAPI: Rate(),
            hubWatch: watch(fleet), hubPages: Rate(),
            eachDiscovered: fleet.hub.discovery.map { Self.rates($0.policy).0 })
        let hubHost = (try? Address(fleet.hub.endpoint))?.host
        // A policy is shared by many checks, and the hours of a week are worth adding up once.
        var rates: [ObjectIdentifier: (Rate, Rate)] = [:]
        for check in fleet.checks where !check.policy.kind.type.isPassive && check.policy.enabled {
            let policy = check.policy
            let (rate, worst) = rates[ObjectIdentifier(policy)] ?? Self.rates(policy)
            rates[ObjectIdentifier(policy)] = (rate, worst)
            budget.checks += 1
            budget.direct = budget.direct + rate
            budget.masterAtWorst = budget.masterAtWorst + worst
            // An address that the reader took always parses.
            if let hubHost, check.address.contains(hubHost), let address = try? Address(check.address),
                address.host == hubHost
            {
                if address.path.hasPrefix("/api/") {
                    budget.hubAPI = budget.hubAPI + rate
                } else {
                    budget.hubPages = budget.hubPages + rate
                }
            }
        }
        budget.master = budget.direct
        if budget.checks > 0 {
            let wake = wakeEvery.seconds
            budget.throughMaster = Rate(perDay: 86_400 / wake, perFiveMinutes: 300 / wake)
        }
        return budget
    }

    package static func rate(_ policy: CheckPolicy) -> Rate { rates(policy).0 }

    private static func rates(_ policy: CheckPolicy) -> (Rate, Rate) {
        let share = policy.hours?.shareOfWeek ?? 1
        let every = policy.every.seconds
        let worst = min(every, policy.recheck.seconds)
        let attempts = Double(policy.retry.count + 1)
        return (
            Rate(perDay: 86_400 / every * share, perFiveMinutes: 300 / every),
            Rate(perDay: 86_400 / worst * attempts * share, perFiveMinutes: 300 / worst * attempts)
        )
    }
}
