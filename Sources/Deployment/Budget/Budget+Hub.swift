package import HubClient
package import StokerCore

/// The Hub's half of the budget: what watching a fleet costs, and what an account has left.
extension Budget {
    /// A master that watches its Spaces' stages reads the Hub at most every 30 s and keeps within this many calls per five minutes,
    /// whatever the size of the fleet.
    package static let watchLimit = 50

    /// Calls per five minutes of a master that reads the stages of its Spaces: a namespace with several is one listing of up to 500
    /// Spaces a page, a Space that is alone in its namespace one call.
    static func watch(_ fleet: Fleet) -> Rate {
        var owners: [Substring: Set<String>] = [:]
        for check in fleet.checks where check.policy.enabled {
            guard let space = check.space, let owner = space.split(separator: "/").first else { continue }
            owners[owner, default: []].insert(space)
        }
        // How many Spaces a discovered namespace has is known when it is read; one page is the least.
        for namespace in fleet.hub.discovery?.namespaces ?? [] { owners[namespace[...], default: []].insert(namespace) }
        let reading = owners.values.reduce(0) { $0 + max(1, ($1.count + 499) / 500) }
        guard reading > 0 else { return Rate() }
        let perWindow = Double(min(watchLimit, 10 * reading))
        return Rate(perDay: perWindow * 288, perFiveMinutes: perWindow)
    }
}

/// What the Hub said is left of an account's windows.
package struct HubAllowance: Sendable {
    /// `hf_…1234 from HF_TOKEN`, `no token`.
    package var whose: String
    package var report: HubPace.Report

    package init(whose: String, report: HubPace.Report) {
        self.whose = whose
        self.report = report
    }

    /// The plan whose quota it is, as far as the numbers tell.
    package var plan: String? {
        guard let quota = report.windows.first(where: { $0.bucket == "api" })?.quota else { return nil }
        // Team and Academia have the same number.
        return Budget.plans.first { $0.api == quota }?.name
    }

    package func text(look: TextLook = .plain) -> String {
        var text = "\nLeft of the Hub's windows (\(whose)\(plan.map { ", quota of the plan \($0)" } ?? ""))\n"
        guard !report.windows.isEmpty else { return text + "  The Hub did not say.\n" }
        text += TextTable(
            columns: [
                .init(title: "BUCKET", isRight: false, shrinksTo: nil),
                .init(title: "LEFT", isRight: true, shrinksTo: nil),
                .init(title: "OF", isRight: true, shrinksTo: nil),
                .init(title: "WINDOW ENDS", isRight: true, shrinksTo: nil),
            ],
            rows: report.windows.map { window in
                [
                    window.bucket, Budget.number(Double(window.remaining)),
                    window.quota.map { Budget.number(Double($0)) } ?? "–",
                    window.endsIn > .zero ? "in \(Duration.seconds(Int64(window.endsIn.seconds)).text)" : "now",
                ].map { .init($0) }
            }, indent: 2
        ).text(for: look)
        for commits in report.commits {
            text += "  \(commits.repo): \(commits.lastHour) of about \(commits.budget) commits in the last hour\n"
        }
        for stop in report.stops {
            text += "  stopped: \(stop.what), for \(stop.goesOnIn.text): \(stop.said)\n"
        }
        return text
    }
}
