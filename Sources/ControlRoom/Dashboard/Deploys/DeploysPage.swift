import Deployment
import StokerCore

/// `/deploys` and `/deploys/drift`: what would change, or what somebody has changed, as it was looked at last.
struct DeploysPage {
    /// nil: nobody has looked yet.
    var plan: DeployPlan?
    /// Spaces that are as the fleet file says, beside those of the plan.
    var same = 0
    var sense: PlanView.Sense
    /// The visitor may have the Hub looked at again.
    var mayLook: Bool
    /// What came of what was just asked for.
    var said: String?
    /// Of a plan that changes something.
    var offer: ApplyOffer?
    /// The last ones, newest first.
    var runs: [DeployRunView] = []
    var now: Instant

    var title: String {
        guard let plan else { return sense == .plan ? "No plan yet" : "Nobody has looked yet" }
        return PlanView(plan: plan, same: same, sense: sense, now: now).title
    }

    var model: [String: Any] {
        let view = plan.map { PlanView(plan: $0, same: same, sense: sense, now: now) }
        var inner = view?.model ?? [:]
        inner["runs"] = runs.map { $0.model(now: now) }
        inner["hasRuns"] = !runs.isEmpty
        inner["waves"] = offer?.wavesModel ?? []
        inner["hasWaves"] = (offer?.waves.count ?? 0) > 1
        inner["gate"] = offer?.gate ?? ""
        let running = runs.first(where: \.isRunning)
        let isDrift = sense == .drift
        let refusal = running == nil ? offer?.refusal : nil
        return [
            "title": title, "sign": view?.look.name ?? "unknown",
            "say": view?.say
                ?? (isDrift
                    ? "Drift is what somebody changed at the Hub, beside the fleet file."
                    : "A plan says what has to change so that the Hub is as the fleet file says."),
            "isRunning": running != nil, "running": running?.say(now: now) ?? "", "hasPlan": view != nil, "plan": inner,
            "isDrift": isDrift,
            "made": inner["made"] ?? "", "endpoint": inner["endpoint"] ?? "",
            "hasSaid": said != nil, "said": said ?? "", "mayLook": mayLook,
            "mayApply": offer != nil && offer?.refusal == nil && running == nil, "offer": offer?.model ?? [:],
            "hasRefusal": refusal != nil, "refusal": refusal ?? "",
            "action": isDrift ? "/deploys/drift" : "/deploys",
            "again": isDrift ? (view == nil ? "Look for drift" : "Look again") : view == nil ? "Plan" : "Plan again",
        ]
    }
}
