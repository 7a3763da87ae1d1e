import Deployment
import HubClient
import StokerCore

extension Operation {
    package static let hubAllowance = Operation(
        name: "hub-allowance", summary: "Asks the Hub once what is left of the account's requests",
        doing: "ask the Hub what is left", permission: .write, path: "/hub/allowance", answer: .hubAllowance
    ) { context, _ in
        try await context.hub.allowance().json
    }
}

extension Shape {
    static let hubAllowance = Shape(
        name: "HubAllowance", summary: "What the Hub says is left of an account's windows of five minutes.",
        fields: [
            .init("plan", .text, optional: true, "The plan whose quota it is, as far as the numbers tell"),
            .init("windows", .list(.shape(window)), "One for each kind of request; none when the Hub did not say"),
            .init("commits", .list(.shape(commits)), "Commits of this process in the last hour, by repository"),
            .init("stops", .list(.shape(stop)), "What the Hub has told this process to stop"),
        ])

    private static let window = Shape(
        name: "HubAllowanceWindow", summary: "A window of the Hub's rate limit.",
        fields: [
            .init("bucket", .text, "`api`, `resolvers` or `pages`"),
            .init("left", .integer, "Requests that are left"),
            .init("quota", .integer, optional: true, "Requests of the whole window; null when the Hub did not say"),
            .init("ends_in_seconds", .integer, "Until the window ends; 0 when it has"),
        ])
    private static let commits = Shape(
        name: "HubCommits", summary: "Commits to one repository.",
        fields: [
            .init("repo", .text, "Kind and name: `space owner/name`"),
            .init("last_hour", .integer, "Commits of this process"),
            .init("budget", .integer, "About what the Hub takes in an hour"),
        ])
    private static let stop = Shape(
        name: "HubStop", summary: "Something that the Hub has told this process to stop.",
        fields: [
            .init("what", .text, "Such as `commits to space owner/name`"),
            .init("seconds", .integer, "How long it still is"), .init("said", .text, "What the Hub said"),
        ])
}

extension HubRateLimiter.Report {
    fileprivate var json: JSONValue {
        [
            "plan": .text(
                windows.first { $0.bucket == "api" }?.quota.flatMap { Budget.plan(ofQuota: $0)?.name }),
            "windows": .array(
                windows.map {
                    [
                        "bucket": .string($0.bucket), "left": .count($0.remaining),
                        "quota": $0.quota.map { .count($0) } ?? .null,
                        "ends_in_seconds": .count(Int($0.endsIn.seconds.rounded(.up))),
                    ]
                }),
            "commits": .array(
                commits.map {
                    ["repo": .string("\($0.repo)"), "last_hour": .count($0.lastHour), "budget": .count($0.budget)]
                }),
            "stops": .array(
                stops.map {
                    [
                        "what": .string($0.what), "seconds": .count(Int($0.goesOnIn.seconds.rounded(.up))),
                        "said": .string($0.said),
                    ]
                }),
        ]
    }
}
