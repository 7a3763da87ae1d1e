import Deployment
import StokerCore

extension Operation {
    package static let budget = Operation(
        name: "budget",
        summary: "Counts the requests a fleet costs: sent from outside, sent by the master, and asked of the Hub",
        doing: "count the fleet's requests", path: "/budget",
        parameters: [
            .init(
                "every", .query, .duration, defaultValue: "5m",
                "How often the master is woken from outside; a minute or more"),
            .fleetFile(.local, "The fleet; the running one unless given"),
        ], answer: .budget
    ) { (context, arguments) throws(Failure) in
        let every = arguments.duration("every") ?? .seconds(300)
        guard every >= .seconds(60) else {
            throw Failure(
                .usage, doing: "count the fleet's requests", because: "\"every\" is less than a minute",
                hint: "write it like 5m")
        }
        return Budget.compute(try await context.fleet(arguments), wakeEvery: every).json(wakeEvery: every)
    }
}

extension Shape {
    static let budget = Shape(
        name: "Budget", summary: "How many requests a fleet costs.",
        fields: [
            .init("checks", .integer, "Checks that make requests: enabled, and not heartbeats"),
            .init("wake_every_seconds", .number, "How often the master is woken from outside"),
            .init("direct", .shape(rate), "Were every check made by a waker outside, as cron services do"),
            .init(
                "through_master", .shape(rate), "With a master that makes them: only the master is woken from outside"),
            .init(
                "saving", .number, optional: true, "0.75 is 75 % fewer; below zero when waking costs more than it saves"
            ),
            .init("master", .shape(rate), "What the master sends; retries and redirects not counted"),
            .init("master_at_worst", .shape(rate), "Were everything to fail at once, with all retries"),
            .init("hub_api", .shape(rate), "Calls of the Hub's API by targets under the Hub's own address"),
            .init("hub_watch", .shape(rate), "Calls of a master that watches the stages of its Spaces, at most"),
            .init("hub_pages", .shape(rate), "Pages of the Hub that targets ask for"),
            .init(
                "each_discovered", .shape(rate), optional: true,
                "What each Space that the Hub lists adds once it has joined; null where none are discovered"),
            .init("quotas_per_five_minutes", .list(.shape(quota)), "What the Hub's plans allow"),
        ])

    private static let rate = Shape(
        name: "RequestRate", summary: "Requests per day and, while every check is inside its hours, per five minutes.",
        fields: [.init("per_day", .number, "In a day"), .init("per_five_minutes", .number, "In five minutes")])
    private static let quota = Shape(
        name: "PlanQuota", summary: "A plan's quota on the Hub in five minutes.",
        fields: [
            .init("plan", .text, "Its name"), .init("api", .integer, "Calls of the API"),
            .init("pages", .integer, optional: true, "Pages; null where the Hub's table names no number"),
        ])
}

extension Budget {
    func json(wakeEvery: Duration) -> JSONValue {
        [
            "checks": .count(checks), "wake_every_seconds": .seconds(wakeEvery), "direct": direct.json,
            "through_master": throughMaster.json, "saving": .number(saving), "master": master.json,
            "master_at_worst": masterAtWorst.json, "hub_api": hubAPI.json, "hub_watch": hubWatch.json,
            "hub_pages": hubPages.json, "each_discovered": eachDiscovered?.json ?? .null,
            "quotas_per_five_minutes": .array(
                Self.plans.map {
                    ["plan": .string($0.name), "api": .count($0.api), "pages": $0.pages.map { .count($0) } ?? .null]
                }),
        ]
    }
}

extension Budget.Rate {
    fileprivate var json: JSONValue { ["per_day": .number(perDay), "per_five_minutes": .number(perFiveMinutes)] }
}
