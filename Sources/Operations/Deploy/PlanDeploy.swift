import Deployment
import StokerCore

extension Operation {
    package static let plan = Operation(
        name: "plan",
        summary: "Shows what differs between `deploy:` of the fleet file and the Hub, and changes nothing",
        doing: "plan", permission: .write, method: .post, path: "/plan",
        parameters: [
            .fleetFile(.local, "The fleet file; that of the running fleet unless given"),
            .init("names", .body, .list(.text(upTo: 200), upTo: 10_000), "Spaces of the file; all unless given"),
        ], bodyLimit: 1 << 20, answer: .deployPlan
    ) { context, arguments in
        let work = try await DeployWork(arguments, context)
        let names = arguments.texts("names")
        let plan = try await work.prepare(try work.chosen(names)).plan
        if names.isEmpty { await DeployLooks.keep(plan, as: .plan, in: context) }
        return plan.json
    }
}

extension Shape {
    static let deployPlan = Shape(
        name: "DeployPlan",
        summary: "What would be changed on the Hub, and what it was found on. It holds no value of a secret.",
        fields: [
            .init("kind", .choice([DeployPlan.kind]), "What this document is"),
            .init("version", .integer, "Of the document"),
            .init("made", .instant, "When"), .init("endpoint", .text, "Address of the Hub"),
            .init("digest", .text, "Names what it changes and was found on; `apply` takes it"),
            .init("create", .integer, "Spaces that are made"), .init("change", .integer, "Spaces that are changed"),
            .init("same", .integer, "Spaces that are as the file says"),
            .init("obstacles", .integer, "What stands in the way; a plan with any is not applied"),
            .init("spaces", .list(.shape(spacePlan)), "In the order of the fleet file"),
            .init("needs", .list(.shape(neededRepo)), "Datasets and buckets that are missing; made before any Space"),
            .init("unnamed", .list(.text), "Spaces that were deployed and that the file does not name any more"),
        ])

    static let neededRepo = Shape(
        name: "NeededRepo", summary: "Something that a Space needs.",
        fields: [
            .init("kind", .choice(NeededRepo.Kind.allCases.map(\.rawValue)), "What it is"),
            .init("id", .text, "`owner/name`"),
        ])

    static let spacePlan = Shape(
        name: "SpacePlan", summary: "The changes of one Space.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("target", .text, "Its name in the fleet file"),
            .init("action", .choice(SpacePlan.Action.allCases.map(\.rawValue)), "What is done to it"),
            .init("after", .list(.text), "Spaces that come before it"),
            .init(
                "changes", .list(.any),
                "Each with its `kind`: create, duplicate, visibility, hardware, sleep, variable, secret, volumes or files; `from` and `to`, of secrets names only; files with their sizes, and a diff of text"
            ),
            .init("fingerprint", .table(.text), "What it was found on: `apply` refuses when a part differs"),
            .init("obstacles", .list(.shape(obstacle)), "What cannot be done, known before anything starts"),
            .init("cost_before", .number, optional: true, "Dollars a month while it runs all the time"),
            .init("cost_after", .number, optional: true, "The same with the changes"),
            .init("restarts", .flag, "Whether the changes restart it"),
            .init("notes", .list(.text), "What a person should know, such as files that were left out"),
        ])

    private static let obstacle = Shape(
        name: "PlanObstacle", summary: "Something that stands in the way of a change.",
        fields: [
            .init("text", .text, "What cannot be done, and why"), .init("hint", .text, optional: true, "What to do"),
        ])
}
