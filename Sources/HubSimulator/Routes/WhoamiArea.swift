import FoundationEssentials
package import Hummingbird

/// `GET /api/whoami-v2`. Source: huggingface_hub `HfApi.whoami`; the shapes of `auth` and `orgs` from the Hub's OpenAPI document.
package struct WhoamiArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        router.get("/api/whoami-v2") { _, context in
            let caller = try context.requireCaller()
            try await hub.state.countAction(
                "whoami-v2", who: caller.account.name, limit: hub.configuration.limits.whoamiPerWindow,
                span: .seconds(RateWindows.windowSeconds), per: "5 minutes")
            return try Response.json(await Self.describe(caller, hub.state))
        }
    }

    static func describe(_ caller: HubCaller, _ state: HubState) async -> JSON {
        let account = caller.account
        var organisations: [JSON] = []
        for organisation in await state.organisations(of: account.name) {
            organisations.append(describe(organisation, account.name))
        }
        var auth: [String: JSON] = [:]
        switch caller.token.role {
        case .oauth:
            auth["type"] = "oauth"
        case .read: auth = access(caller.token, role: "read")
        case .write: auth = access(caller.token, role: "write")
        case .fineGrained(let scopes):
            auth = access(caller.token, role: "fineGrained", scopes: scopes)
        }
        if let expires = caller.token.expires {
            auth["expiresAt"] = .date(state.date.addingTimeInterval((expires - state.now) / .seconds(1)))
        }
        return .object([
            "type": "user", "id": .string(account.id), "name": .string(account.name),
            "fullname": .string(account.fullName), "email": .string(account.email),
            "emailVerified": .bool(account.emailVerified), "canPay": .bool(account.canPay),
            "billingMode": account.canPay ? "postpaid" : "prepaid", "periodEnd": .null,
            "isPro": .bool(account.plan == .pro), "avatarUrl": .string("/avatars/\(account.name).svg"),
            "orgs": .array(organisations), "auth": .object(auth),
        ])
    }

    private static func access(_ token: HubToken, role: String, scopes: [HubToken.Scope]? = nil) -> [String: JSON] {
        let fineGrained = scopes.map { scopes in
            JSON.object([
                "canReadGatedRepos": false, "global": [],
                "scoped": .array(
                    scopes.map {
                        [
                            "entity": [
                                "_id": .string(HubID.stable($0.type + $0.name)), "type": .string($0.type),
                                "name": .string($0.name),
                            ],
                            "permissions": .strings($0.permissions),
                        ]
                    }),
            ])
        }
        return [
            "type": "access_token",
            "accessToken": .object(dropping: [
                "displayName": .string(token.displayName), "role": .string(role), "createdAt": .date(token.createdAt),
                "fineGrained": fineGrained,
            ]),
        ]
    }

    private static func describe(_ organisation: HubOrganisation, _ account: String) -> JSON {
        .object(dropping: [
            "type": "org", "id": .string(organisation.id), "name": .string(organisation.name),
            "fullname": .string(organisation.fullName), "canPay": .bool(organisation.canPay), "periodEnd": .null,
            "plan": organisation.plan.map { .string($0.rawValue) },
            "avatarUrl": .string("/avatars/\(organisation.name).svg"),
            "roleInOrg": .text(organisation.members[account]?.rawValue),
            "securityRestrictions": organisation.securityRestrictions.isEmpty
                ? nil : .strings(organisation.securityRestrictions),
            "resourceGroups": organisation.resourceGroups.isEmpty
                ? nil
                : .array(
                    organisation.resourceGroups.map {
                        ["id": .string(organisation.resourceGroupID($0)), "name": .string($0), "role": "write"]
                    }),
        ])
    }
}
