package import FoundationEssentials

/// What an account has paid for. Rate limits: hub-docs `rate-limits.md`, numbers of September 2025.
package enum HubPlan: String, Sendable, CaseIterable {
    case anonymous, free, pro, team, enterprise, plus, academia

    /// Requests in five minutes: `api`, `resolvers`, `pages`.
    package var quotas: [RateKind: Int] {
        switch self {
        case .anonymous: [.api: 500, .resolvers: 3_000, .pages: 100]
        case .free: [.api: 1_000, .resolvers: 5_000, .pages: 200]
        case .pro: [.api: 2_500, .resolvers: 12_000, .pages: 400]
        case .team, .academia: [.api: 3_000, .resolvers: 20_000, .pages: 400]
        case .enterprise: [.api: 6_000, .resolvers: 50_000, .pages: 600]
        case .plus: [.api: 10_000, .resolvers: 100_000, .pages: 1_000]
        }
    }
}

/// A user.
package struct HubAccount: Sendable {
    /// 24 hex digits.
    package var id: String
    /// The namespace.
    package var name: String
    package var fullName: String
    package var email: String
    package var emailVerified = true
    package var plan: HubPlan
    /// A payment method is on file.
    package var canPay: Bool
    /// Free accounts younger than 30 days may host no Space of their own (hub-docs `spaces-overview`, July 2026).
    package var ageDays: Int

    package init(
        _ name: String, fullName: String? = nil, plan: HubPlan = .free, canPay: Bool = false, ageDays: Int = 400
    ) {
        id = HubID.stable("account " + name)
        self.name = name
        self.fullName = fullName ?? name.capitalized
        email = name + "@example.org"
        self.plan = plan
        self.canPay = canPay
        self.ageDays = ageDays
    }
}

/// An organisation: members by account name.
package struct HubOrganisation: Sendable {
    package enum Role: String, Sendable {
        case admin, write, contributor, read
        case noAccess = "no_access"
    }

    package var id: String
    package var name: String
    package var fullName: String
    /// nil: no paid plan.
    package var plan: HubPlan?
    package var canPay: Bool
    package var members: [String: Role]
    /// By name; the id of each follows from the name.
    package var resourceGroups: [String]
    /// `token-policy`, `sso`, `mfa`, …: with any of them no token may act here (`securityRestrictions` in whoami-v2).
    package var securityRestrictions: [String]
    /// Of repositories whose creation asks for none. Source: huggingface_hub `test_hf_api.py` (its enterprise organisation).
    package var defaultVisibility = RepoVisibility.public

    package init(
        _ name: String, fullName: String? = nil, plan: HubPlan? = nil, canPay: Bool = false, members: [String: Role],
        resourceGroups: [String] = [], securityRestrictions: [String] = []
    ) {
        id = HubID.stable("organisation " + name)
        self.name = name
        self.fullName = fullName ?? name.capitalized
        self.plan = plan
        self.canPay = canPay
        self.members = members
        self.resourceGroups = resourceGroups
        self.securityRestrictions = securityRestrictions
    }

    package func resourceGroupID(_ group: String) -> String { HubID.stable("group \(name)/\(group)") }
}

/// A credential of one account.
package struct HubToken: Sendable {
    /// One grant of a fine-grained token.
    package struct Scope: Sendable {
        /// `user`, `org`, `space`, `model`, `dataset`, `bucket`.
        package var type: String
        /// A namespace, or `namespace/name`.
        package var name: String
        /// `repo.content.read`, `repo.write`, `user.webhooks.write`, …
        package var permissions: [String]
        package init(type: String, name: String, permissions: [String]) {
            self.type = type
            self.name = name
            self.permissions = permissions
        }
    }

    package enum Role: Sendable {
        case read
        case write
        case fineGrained([Scope])
        /// "Sign in with HF": scopes such as `manage-repos` (hub-docs `oauth.md`).
        case oauth([String])
    }

    /// What is sent: `hf_…` or `hf_oauth_…`.
    package var secret: String
    package var account: String
    package var displayName: String
    package var role: Role
    /// Simulated time after which it is refused; nil: never.
    package var expires: Duration?
    package var createdAt: Date

    package init(
        _ secret: String, account: String, role: Role = .write, displayName: String = "token", expires: Duration? = nil,
        createdAt: Date = Date(timeIntervalSince1970: 1_772_439_344)
    ) {
        self.secret = secret
        self.account = account
        self.role = role
        self.displayName = displayName
        self.expires = expires
        self.createdAt = createdAt
    }

    /// The right to everything of a kind, or on one named thing.
    func grants(_ permission: String, on targets: [(type: String, name: String)]) -> Bool {
        guard case .fineGrained(let scopes) = role else { return false }
        return scopes.contains { scope in
            scope.permissions.contains(permission)
                && targets.contains { $0.type == scope.type && $0.name.lowercased() == scope.name.lowercased() }
        }
    }
}

/// Who asks: an account by one of its tokens.
package struct HubCaller: Sendable {
    package var account: HubAccount
    package var token: HubToken
}

/// 24 hex digits, as MongoDB makes them.
package enum HubID {
    package static func stable(_ name: String) -> String {
        var random = SeededRandom(seed: 7, name: name)
        return String((hex(random.next()) + hex(random.next())).prefix(24))
    }
}
