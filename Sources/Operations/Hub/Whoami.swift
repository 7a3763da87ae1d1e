import HubClient
import StokerCore

extension Operation {
    package static let whoami = Operation(
        name: "whoami", summary: "Shows whose Hub token this is, and what it can and cannot do for the fleet",
        doing: "ask the Hub whose token this is", permission: .write, path: "/whoami",
        parameters: [
            .init(
                "spaces", .query, .list(.text(upTo: 300), upTo: 1_000),
                "Spaces to look at, `owner/name`; those of the fleet unless given"),
            .init(
                "check", .query, .flag, defaultValue: false,
                "Asks the Hub for each Space whether it may be written, a call each; the rights of the token are read otherwise"
            ),
            .fleetFile(.local, "The fleet; the running one unless given"),
        ], answer: .tokenRights
    ) { context, arguments in
        let hub = try context.hub
        var names = arguments.texts("spaces")
        if names.isEmpty, arguments.has("fleet_file") || context.hasFleet {
            for case let name? in try await context.fleet(arguments).checks.map(\.space) where !names.contains(name) {
                names.append(name)
            }
        }
        let identity = try await hub.whoami()
        var rights: [TokenRight] = []
        for name in names {
            let space = try await hub.space(named: name)
            rights.append(try await TokenRight.of(space, identity, hub, asks: arguments.flag("check")))
        }
        return identity.json(rights, endpoint: hub.settings.endpoint)
    }
}

extension Shape {
    static let tokenRights = Shape(
        name: "TokenRights", summary: "Whose Hub token it is, and what it can do.",
        fields: [
            .init("name", .text, "The account"), .init("fullname", .text, optional: true, "Its full name"),
            .init("pro", .flag, optional: true, "Whether it is a PRO account"),
            .init("can_pay", .flag, optional: true, "Whether it has a means of payment"),
            .init("token", .shape(token), "The token, without its value"), .init("endpoint", .text, "The Hub"),
            .init("organizations", .list(.shape(organization)), "What the account is a member of"),
            .init("limits", .list(.text), "What the token or the account stands in the way of, in sentences"),
            .init("spaces", .list(.shape(right)), "Whether each Space may be written"),
        ])

    private static let token = Shape(
        name: "TokenFacts", summary: "What the Hub says of a token.",
        fields: [
            .init("name", .text, optional: true, "As its owner calls it"),
            .init("role", .text, optional: true, "`read`, `write` or `fineGrained`"),
            .init("kind", .text, optional: true, "`access_token` or `oauth`"),
            .init("login", .flag, "A login of the official command line and no access token"),
            .init("ends", .text, optional: true, "When it ends"),
        ])
    private static let organization = Shape(
        name: "Organization", summary: "An organisation of the account.",
        fields: [
            .init("name", .text, "Its name"), .init("role", .text, optional: true, "The account's role in it"),
            .init("plan", .text, optional: true, "Its plan"),
            .init("restrictions", .list(.text), "Why it refuses this token; none when it does not"),
        ])
    private static let right = Shape(
        name: "SpaceRight", summary: "Whether a token may write a Space.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("write", .flag, optional: true, "null when it is not known"),
            .init("reason", .text, "Why"),
        ])
}

/// Whether a token may write a Space.
private struct TokenRight {
    var space: RepoID
    /// nil when it is not known.
    var mayWrite: Bool?
    var reason: String

    static func of(_ space: RepoID, _ identity: HubIdentity, _ hub: Hub, asks: Bool) async throws -> TokenRight {
        if asks {
            switch try await hub.checkAccess(to: space, write: true) {
            case .granted: return TokenRight(space: space, mayWrite: true, reason: "the Hub says so")
            case .refused(let failure): return TokenRight(space: space, mayWrite: false, reason: failure.said)
            }
        }
        return switch identity.canWrite(space) {
        case .yes(let reason): TokenRight(space: space, mayWrite: true, reason: reason)
        case .no(let reason): TokenRight(space: space, mayWrite: false, reason: reason)
        case .unknown(let reason): TokenRight(space: space, mayWrite: nil, reason: reason)
        }
    }
}

extension HubIdentity {
    fileprivate func json(_ rights: [TokenRight], endpoint: String) -> JSONValue {
        func maybe(_ flag: Bool?) -> JSONValue { flag.map { .bool($0) } ?? .null }
        return [
            "name": .string(name), "fullname": .text(fullname), "pro": maybe(isPro), "can_pay": maybe(canPay),
            "token": [
                "name": .text(tokenName), "role": .text(role), "kind": .text(auth?.type), "login": .bool(isLogin),
                "ends": .text(auth?.expiresAt),
            ],
            "endpoint": .string(endpoint),
            "organizations": .array(
                organizations.map {
                    [
                        "name": .string($0.name), "role": .text($0.roleInOrg), "plan": .text($0.plan),
                        "restrictions": .array(($0.securityRestrictions ?? []).map { .string($0) }),
                    ]
                }),
            "limits": .array(limits.map { .string($0) }),
            "spaces": .array(
                rights.map {
                    ["space": .string("\($0.space)"), "write": maybe($0.mayWrite), "reason": .string($0.reason)]
                }),
        ]
    }

    private var limits: [String] {
        var limits: [String] = []
        if isLogin {
            limits.append(
                "A login cannot restart Spaces, nor change their hardware or sleep time: use an access token for those."
            )
        }
        if role == "read" {
            limits.append("A token with the role read cannot restart, change or upload anything: make one with write.")
        }
        if isPro == false, !organizations.contains(where: { $0.plan != nil }) {
            limits.append("A free account cannot create Gradio or Docker Spaces on cpu-basic: the Hub answers 402.")
        }
        return limits
    }
}
