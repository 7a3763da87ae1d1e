import Deployment
import HubClient
import Operations
import StokerCore

/// What the page of a plan offers: to apply it, with what that means, or why not.
struct ApplyOffer {
    var plan: DeployPlan
    /// Of the whole plan, as it was looked at.
    var digest: String
    var rollout: Rollout
    /// The visitor may have ``Operations/Operation/apply`` done.
    var mayApply: Bool

    /// More than that is no form.
    private static let mostLosses = 30
    static let allow = "allow:"

    private var changed: [SpacePlan] { plan.spaces.filter { !$0.changes.isEmpty } }
    private var losing: [SpacePlan] { changed.filter { !$0.losses.isEmpty } }

    /// Why it cannot be applied here; nil when it can.
    var refusal: String? {
        if !plan.obstacles.isEmpty { return "It can be applied once nothing stands in its way." }
        if !mayApply {
            return
                "Applying a plan needs the scope admin, which your session or token does not have."
        }
        if losing.count > Self.mostLosses {
            return
                "\(losing.count) Spaces lose secrets or volumes by it, more than a form asks for. `stoker apply --allow-destroy` does it."
        }
        return nil
    }

    var waves: [[RepoID]] { Waves.plan(changed.map { ($0.space, $0.after) }, rollout) }

    private func name(_ space: RepoID) -> String { plan.spaces.first { $0.space == space }?.target ?? "\(space)" }

    /// `1 · canary`
    static func title(_ number: Int, _ rollout: Rollout) -> String {
        number == 1 && rollout.canary > 0 ? "1 · canary" : "\(number)"
    }

    var wavesModel: [[String: Any]] {
        waves.enumerated().map { number, wave in
            ["title": Self.title(number + 1, rollout), "names": NameList.text(wave.map(name), atMost: 12)]
        }
    }

    /// `A wave begins when …`
    var gate: String {
        "A wave begins when every Space of the one before runs and a visitor gets an answer, which is waited for \(Formatting.interval(rollout.within)) at most."
    }

    private var lines: [String] {
        let count = changed.count
        let restarts = changed.count(where: \.restarts)
        var lines: [String] = []
        if count > 0 {
            lines.append(
                "\(count.counted("Space", as: Formatting.count(count))) \(count == 1 ? "changes" : "change"); \(restarts == 0 ? "none restarts" : restarts == 1 ? "one restarts, once" : "\(Formatting.count(restarts)) restart, each once")."
            )
        }
        if !plan.needs.isEmpty { lines.append("\(NameList.text(plan.needs.map(\.id))) will be made, private.") }
        let more = changed.reduce(0.0) { $0 + max(0, ($1.costAfter ?? 0) - ($1.costBefore ?? 0)) }
        if more > 0 { lines.append("It costs up to \(Money.text(more.rounded(.up))) more a month.") }
        let shown = changed.filter { space in
            space.changes.contains { if case .visibility(_, .public) = $0 { true } else { false } }
        }
        if !shown.isEmpty { lines.append("Everybody will see \(NameList.text(shown.map(\.target))).") }
        let waves = waves.count
        if waves > 0 {
            lines.append(
                waves == 1
                    ? "It is one wave, which has to run and answer within \(Formatting.interval(rollout.within))."
                    : "It goes in \(waves) waves, and stops at the first that does not run and answer within \(Formatting.interval(rollout.within))."
            )
        }
        if goesBack { lines.append("A Space that is not well gets the files of its last good commit again.") }
        return lines
    }

    private var goesBack: Bool { rollout.onFailure == .rollback }

    var model: [String: Any] {
        [
            "digest": digest, "lines": lines, "goesBack": goesBack, "waves": wavesModel, "hasWaves": waves.count > 1,
            "gate": gate, "hasLosses": !losing.isEmpty,
            "losses": losing.enumerated().map { number, space in
                [
                    "id": "\(number)", "key": Self.allow + space.target,
                    "text": "\(space.target): it \(space.losses.joined(separator: " and it "))",
                ]
            },
        ]
    }
}
