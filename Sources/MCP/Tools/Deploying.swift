import Operations
import StokerCore

/// `plan` and `apply`: what is applied is the plan that was shown, and only while it is still so.
enum Deploying {
    @Sendable static func plan(_ run: ToolRun) async throws(Failure) -> JSONValue {
        let plan = try await run.perform(.plan, run.given)
        guard isWork(plan) else { return shown(plan) }
        // Only for whom the next call is allowed.
        guard run.exchange.client.principal.may(Operation.apply.scope) else { return shown(plan) }
        let ticket = run.plans.issue([digest(plan)], for: "apply", run.arguments, run.exchange.client)
        return shown(plan).adding([
            .init("plan_id", .string(ticket.id)), .init("expires_at", .string("\(ticket.ends)")),
            .init(
                "next_steps",
                [
                    .string(
                        "Show the person what would change. When they agree, call apply with the same inputs and this plan_id within 10 minutes."
                    )
                ]),
        ])
    }

    @Sendable static func apply(_ run: ToolRun) async throws(Failure) -> JSONValue {
        try run.exchange.client.principal.require(Operation.apply.scope, doing: Operation.apply.doing)
        let fleetInputs = run.given.filter { ["names", "fleet_file"].contains($0.name) }
        let plan = try await run.perform(.plan, fleetInputs)
        // What a killed apply left open is looked at again without a question.
        guard isWork(plan) else { return try await run.perform(.apply, run.given) }
        let digest = digest(plan)
        let ticket = try run.plans.ticket(
            run.arguments[Tool.planInput]?.string, for: run.tool, run.arguments, run.exchange.client)
        guard let ticket, ticket.shown == [digest] else {
            let fresh = run.plans.issue([digest], for: "apply", run.arguments, run.exchange.client)
            let warnings: [JSONValue] =
                ticket == nil ? [] : ["Something changed since the plan was shown; this is the plan now."]
            return [
                "done": false, "plan": shown(plan), "plan_id": .string(fresh.id),
                "expires_at": .string("\(fresh.ends)"), "warnings": .array(warnings),
                "next_steps": [.string(OperationCatalogue.askFirst("apply"))],
            ]
        }
        try await run.plans.claim(ticket)
        return try await run.perform(
            .apply,
            run.given.filter { $0.name != "names" } + [
                ("plan", .string(plan.text)), (Operation.Parameter.confirmName, true),
            ])
    }

    private static func isWork(_ plan: JSONValue) -> Bool {
        (plan["create"]?.integer ?? 0) + (plan["change"]?.integer ?? 0) > 0 || plan["needs"]?.array?.isEmpty == false
    }

    /// What it was found on is for `apply` alone.
    private static func shown(_ plan: JSONValue) -> JSONValue {
        .object(
            (plan.members ?? []).filter { $0.name != "kind" && $0.name != "version" }.map { member in
                guard member.name == "spaces" else { return member }
                return .init(
                    "spaces",
                    .array(
                        (member.value.array ?? []).map { space in
                            .object((space.members ?? []).filter { $0.name != "fingerprint" })
                        }))
            })
    }

    private static func digest(_ plan: JSONValue) -> String {
        Seal.digest(["spaces": plan["spaces"] ?? [], "needs": plan["needs"] ?? [], "endpoint": plan["endpoint"] ?? ""])
    }
}
