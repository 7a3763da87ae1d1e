import Deployment
import Foundation
import HubClient
import Logging
import StokerCore

extension Operation {
    package static let hubAllowance = Operation(
        name: "hub-allowance", summary: "Asks the Hub once what is left of the account's requests",
        doing: "ask the Hub what is left", permission: .write, path: "/hub/allowance",
        parameters: [
            .fleetFile(.local, "The fleet whose Hub is asked, with the account of the caller's machine")
        ], answer: .hubAllowance
    ) { context, arguments in
        // Only a process of the caller's own looks for an account; a server has its own.
        guard context.caller.isLocal, let given = arguments.object("fleet_file") else {
            return try await context.hub.allowance().json(account: nil)
        }
        let text = FleetText(given)
        let fleet = try await context.fleet(arguments)
        let variables: [String: String]
        do throws(FleetProblems) { variables = try text.environment().variables } catch {
            throw error.failure(file: text.name)
        }
        let found = try HubCredentials.find(
            environment: ProcessInfo.processInfo.environment.merging(variables) { $1 }
        ).forHub(of: fleet.hub)
        let hub = Hub(
            found.settings(agent: "stoker/\(Version.current)"),
            logger: Logger(label: "hub") { _ in SwiftLogNoOpLogHandler() })
        let report: Result<HubRateLimiter.Report, any Error>
        do { report = .success(try await hub.allowance()) } catch { report = .failure(error) }
        // The operation is over; that a connection did not close well is nobody's concern any more.
        try? await hub.shutdown()
        return try report.get().json(account: found.description)
    }
}

extension HubCredentials {
    /// The account for the Hub that a fleet file names. Where that is not the Hub the credentials were found for, only a token that was
    /// meant for it is sent: the file's own, or that of `HF_TOKEN`. The login of the official command line is for the public Hub.
    func forHub(of fleet: Fleet.Hub) -> HubCredentials {
        guard !isEndpointOwn, fleet.endpoint != endpoint else { return self }
        var account = self
        account.token = fleet.token
        account.origin = fleet.token.map { _ in "the fleet file or HF_TOKEN" }
        account.storedName = nil
        account.expiresAt = nil
        account.endpoint = fleet.endpoint
        return account
    }
}

extension Shape {
    static let hubAllowance = Shape(
        name: "HubAllowance", summary: "What the Hub says is left of an account's windows of five minutes.",
        fields: [
            .init(
                "account", .text, optional: true,
                "Whose windows they are, such as `hf_…1234 from HF_TOKEN`; null for the account of a server"),
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
    /// - Parameter account: nil for that of a server.
    fileprivate func json(account: String?) -> JSONValue {
        [
            "account": .text(account),
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
