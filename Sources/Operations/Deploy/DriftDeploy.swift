import Deployment
import StokerCore

extension Operation {
    package static let drift = Operation(
        name: "drift", summary: "Shows what is otherwise on the Hub than `deploy:` of the fleet file says. Only reads",
        doing: "look for drift", permission: .write, method: .post, path: "/drift",
        parameters: [
            .fleetFile(.local, "The fleet file; that of the running fleet unless given"),
            .init("names", .body, .list(.text(upTo: 200), upTo: 10_000), "Spaces of the file; all unless given"),
            .init(
                "except", .body, .list(.text(upTo: 200), upTo: 1_000),
                "What is not looked at this time, as in `ignore`: `variables.BUILD_ID`, `files.data/*`, `hardware`"),
        ], bodyLimit: 1 << 20, answer: .drift
    ) { context, arguments in
        let except = arguments.texts("except")
        for text in except {
            guard let fault = DeploySection.ignoreFault(text) else { continue }
            throw Failure(.usage, doing: "look for drift", because: "\"\(text.printable)\" \(fault)")
        }
        let work = try await DeployWork(arguments, context)
        let deploys = try work.chosen(arguments.texts("names")).map { deploy in
            var deploy = deploy
            deploy.ignore += except
            return deploy
        }
        let plan = try await work.prepare(deploys, isDrift: true).plan
        if except.isEmpty, deploys.count == work.all.count { await DeployLooks.keep(plan, as: .drift, in: context) }
        return plan.drift
    }
}

extension DeployPlan {
    /// What differs, without what would be done about it.
    var drift: JSONValue {
        let differing = spaces.filter { !$0.changes.isEmpty }
        return [
            "at": .instant(made), "endpoint": .string(endpoint), "drifted": .bool(!isEmpty),
            "looked_at": .count(spaces.count),
            "spaces": .array(
                differing.map { space in
                    [
                        "space": .string("\(space.space)"), "target": .string(space.target),
                        "missing": .bool(space.action == .create), "changes": .array(space.changes.map(\.json)),
                    ]
                }),
            "needs": .array(needs.map { ["kind": .string($0.kind.rawValue), "id": .string($0.id)] }),
        ]
    }
}

extension Shape {
    static let drift = Shape(
        name: "Drift", summary: "What is otherwise on the Hub than the fleet file says.",
        fields: [
            .init("at", .instant, "When it was looked"), .init("endpoint", .text, "Address of the Hub"),
            .init("drifted", .flag, "Whether anything differs"),
            .init("looked_at", .integer, "Spaces"),
            .init("spaces", .list(.shape(driftedSpace)), "Those that differ, in the order of the fleet file"),
            .init("needs", .list(.shape(neededRepo)), "Datasets and buckets that are missing"),
        ])

    private static let driftedSpace = Shape(
        name: "DriftedSpace", summary: "A Space that is otherwise than the fleet file says.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("target", .text, "Its name in the fleet file"),
            .init("missing", .flag, "It is not there at all"),
            .init(
                "changes", .list(.any),
                "As in a plan: `from` is what the Hub has, `to` what the file says; of secrets names only"),
        ])
}
