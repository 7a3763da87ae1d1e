package import StokerCore

/// Who a token belongs to and what it may do (`GET /api/whoami-v2`). Every field that the Hub may leave out is optional.
package struct HubIdentity: Sendable, Equatable, Decodable {
    /// An organisation that the token's owner belongs to.
    package struct Organization: Sendable, Equatable {
        package var name: String
        package var fullname: String?
        /// `team`, `enterprise`, `plus`, `academia`, or a word that is new.
        package var plan: String?
        /// It has a means of payment.
        package var canPay: Bool?
        /// `admin`, `write`, `contributor`, `read`, `no_access`, `custom`.
        package var roleInOrg: String?
        /// `mfa`, `token-policy`, `token-revoked`, `sso`, `ip`: not empty when this token cannot act in the organisation now.
        package var securityRestrictions: [String]?
        package var resourceGroups: [ResourceGroup]?
        package var pendingSSO: Bool?
        package var missingMFA: Bool?
    }
    package struct ResourceGroup: Sendable, Equatable {
        package var id: String?
        package var name: String?
        package var role: String?
    }
    /// How the caller proved who he is.
    package struct Auth: Sendable, Equatable {
        /// `access_token`; other words for logins.
        package var type: String?
        package var accessToken: AccessToken?
        /// ISO date; of logins and job tokens.
        package var expiresAt: String?
        package var resource: Resource?
    }
    package struct Resource: Sendable, Equatable {
        /// The repo that the token is bound to.
        package var sub: String?
    }
    /// A token made under hf.co/settings/tokens.
    package struct AccessToken: Sendable, Equatable {
        package var displayName: String?
        /// `read`, `write`, `god`, `fineGrained`.
        package var role: String?
        package var createdAt: String?
        package var fineGrained: FineGrained?
    }
    /// The rights of a fine-grained token.
    package struct FineGrained: Sendable, Equatable {
        /// Rights on single repos, users and organisations.
        package var scoped: [Scope]?
        /// Rights everywhere, such as `inference.serverless.write`.
        package var global: [String]?
        package var canReadGatedRepos: Bool?
    }
    /// Rights on one thing.
    package struct Scope: Sendable, Equatable {
        package var entity: Entity?
        package var permissions: [String]?
    }
    /// The thing that a scope is about.
    package struct Entity: Sendable, Equatable {
        /// `space`, `dataset`, `model`, `user`, `org`, `resource-group`, `bucket`, …
        package var type: String?
        package var name: String?
    }

    /// `user`, `org` or `app`.
    package var type: String?
    /// The namespace.
    package var name: String
    package var fullname: String?
    package var email: String?
    package var emailVerified: Bool?
    package var isPro: Bool?
    /// A means of payment is there.
    package var canPay: Bool?
    package var orgs: [Organization]?
    package var auth: Auth?

    /// Empty where the Hub names none.
    package var organizations: [Organization] { orgs ?? [] }
    /// The token's name on the Hub's page, such as `fleet-prod`.
    package var tokenName: String? { auth?.accessToken?.displayName }
    /// Of the access token: `read`, `write`, `god` or `fineGrained`; nil for other logins.
    package var role: String? { auth?.accessToken?.role }
    /// A login by browser, device or CI; the Hub refuses those some calls (restart, sleep time, hardware).
    package var isLogin: Bool { auth?.accessToken == nil && auth?.type != nil }
}

// Read field by field: one of another kind than expected is left out, and does not take the rest with it.
extension HubIdentity {
    package init?(_ raw: JSONValue) {
        guard let name = raw["name"]?.string else { return nil }
        self.name = name
        type = raw["type"]?.string
        fullname = raw["fullname"]?.string
        email = raw["email"]?.string
        emailVerified = raw["emailVerified"]?.bool
        isPro = raw["isPro"]?.bool
        canPay = raw["canPay"]?.bool
        orgs = raw["orgs"]?.array?.compactMap(Organization.init)
        auth = raw["auth"].map(Auth.init)
    }

    package init(from decoder: any Decoder) throws {
        guard let identity = HubIdentity(try JSONValue(from: decoder)) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "the answer names nobody"))
        }
        self = identity
    }
}

extension HubIdentity.Organization {
    init?(_ raw: JSONValue) {
        guard let name = raw["name"]?.string else { return nil }
        self.name = name
        fullname = raw["fullname"]?.string
        plan = raw["plan"]?.string
        canPay = raw["canPay"]?.bool
        roleInOrg = raw["roleInOrg"]?.string
        securityRestrictions = raw["securityRestrictions"]?.array?.compactMap(\.string)
        resourceGroups = raw["resourceGroups"]?.array?.map {
            HubIdentity.ResourceGroup(id: $0["id"]?.string, name: $0["name"]?.string, role: $0["role"]?.string)
        }
        pendingSSO = raw["pendingSSO"]?.bool
        missingMFA = raw["missingMFA"]?.bool
    }
}

extension HubIdentity.Auth {
    init(_ raw: JSONValue) {
        type = raw["type"]?.string
        expiresAt = raw["expiresAt"]?.string
        resource = raw["resource"].flatMap { $0.members == nil ? nil : .init(sub: $0["sub"]?.string) }
        accessToken = raw["accessToken"].flatMap { token in
            guard token.members != nil else { return nil }
            return HubIdentity.AccessToken(
                displayName: token["displayName"]?.string, role: token["role"]?.string,
                createdAt: token["createdAt"]?.string,
                fineGrained: token["fineGrained"].flatMap { fine in
                    guard fine.members != nil else { return nil }
                    return HubIdentity.FineGrained(
                        scoped: fine["scoped"]?.array?.map { scope in
                            HubIdentity.Scope(
                                entity: scope["entity"].map {
                                    HubIdentity.Entity(type: $0["type"]?.string, name: $0["name"]?.string)
                                },
                                permissions: scope["permissions"]?.array?.compactMap(\.string))
                        },
                        global: fine["global"]?.array?.compactMap(\.string),
                        canReadGatedRepos: fine["canReadGatedRepos"]?.bool)
                })
        }
    }
}

extension HubIdentity {
    /// What can be told of a right before it is tried. Our reading of what the Hub documents: a hint, the Hub decides.
    package enum Right: Sendable, Equatable {
        case yes(String)
        case no(String)
        /// What we know does not tell.
        case unknown(String)

        package var reason: String {
            switch self {
            case .yes(let reason), .no(let reason), .unknown(let reason): reason
            }
        }
        package var isLikely: Bool {
            if case .no = self { return false }
            return true
        }
    }

    /// Whether the token may write to a repo, and why or why not.
    package func canWrite(_ repo: RepoID) -> Right {
        let token = tokenName.map { "token \"\(Redaction.quote($0, limit: 60))\"" } ?? "the token"
        let isOwn = repo.namespace.lowercased() == name.lowercased()
        let organization = organizations.first { $0.name.lowercased() == repo.namespace.lowercased() }
        if let bound = auth?.resource?.sub, bound.contains("/") {
            // "spaces/a/b" or "a/b"
            guard "/\(bound.lowercased())".hasSuffix("/\(repo.description.lowercased())") else {
                return .no("this token is bound to \(Redaction.quote(bound, limit: 120))")
            }
            return .yes("this token is bound to \(repo)")
        }
        if let organization {
            if let restrictions = organization.securityRestrictions, !restrictions.isEmpty {
                let told = restrictions.map { Redaction.quote($0, limit: 40) }.joined(separator: ", ")
                return .no("\(organization.name) does not accept this token now (\(told))")
            }
            if organization.pendingSSO == true { return .no("\(organization.name) wants a sign-in (SSO) first") }
            if organization.missingMFA == true { return .no("\(organization.name) wants two-factor sign-in first") }
            if let role = organization.roleInOrg, role == "read" || role == "no_access" {
                return .no("\(name) has the role \"\(role)\" in \(organization.name)")
            }
        } else if !isOwn {
            return .no("\(repo.namespace) is neither \(name) nor an organisation of \(name)")
        }
        switch role {
        case "read": return .no("\(token) is for reading")
        case "fineGrained": return fineGrained(repo, token, organization)
        case "write", "god":
            if organization?.roleInOrg == "contributor" {
                return .unknown("a contributor of \(repo.namespace) writes only what he made")
            }
            return .yes("\(token) may write")
        case let role?: return .unknown("\(token) has the role \"\(Redaction.quote(role, limit: 40))\"")
        case nil:
            return isLogin ? .unknown("this login's rights are not told") : .unknown("the token's role is not told")
        }
    }

    private func fineGrained(_ repo: RepoID, _ token: String, _ organization: Organization?) -> Right {
        let scopes = auth?.accessToken?.fineGrained?.scoped ?? []
        var seen: [String] = []
        for scope in scopes {
            guard let entity = scope.entity, let type = entity.type else { continue }
            let permissions = scope.permissions ?? []
            let named = entity.name?.lowercased()
            let matches =
                switch type {
                case "user", "org": named == repo.namespace.lowercased()
                default: type == repo.kind.rawValue && named == repo.description.lowercased()
                }
            if matches {
                if permissions.contains("repo.write") {
                    return .yes("\(token) may write to \(type) \(Redaction.quote(entity.name ?? "", limit: 100))")
                }
                seen += permissions
            } else if type == "resource-group", organization?.resourceGroups != nil, permissions.contains("repo.write")
            {
                return .unknown("\(token) may write to a resource group; whether \(repo) is in it is not told")
            }
        }
        if seen.isEmpty { return .no("\(token) has no rights on \(repo)") }
        return .no(
            "\(token) lacks repo.write on \(repo), it has \(seen.map { Redaction.quote($0, limit: 40) }.joined(separator: ", "))"
        )
    }
}
