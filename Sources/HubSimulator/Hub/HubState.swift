package import FoundationEssentials
import HTTPTypes

/// What somebody may do with a repository.
package enum RepoRight: Int, Comparable, Sendable {
    case none, read, write
    package static func < (a: RepoRight, b: RepoRight) -> Bool { a.rawValue < b.rawValue }
}

/// Everything the Hub knows besides the content of repositories.
package actor HubState {
    private let configuration: HubConfiguration
    private var accounts: [String: HubAccount] = [:]
    private var organisations: [String: HubOrganisation] = [:]
    private var tokens: [String: HubToken] = [:]
    private var windows = RateWindows()
    private var random: SeededRandom

    private struct Key: Hashable {
        var kind: RepoKind
        var name: String
    }
    private var ids: [Key: String] = [:]
    private var repos: [String: HubRepo] = [:]
    /// Ids, the newest first; forgotten when one comes or goes.
    private var orders: [RepoKind: [String]] = [:]
    /// Old names and what they are now.
    private var moved: [Key: String] = [:]
    private var creating: Set<String> = []
    var webhooks: [String: HubWebhook] = [:]
    var buckets: [String: HubBucket] = [:]

    init(_ configuration: HubConfiguration) {
        self.configuration = configuration
        random = SeededRandom(seed: configuration.seed, name: "repository ids")
        for account in configuration.accounts { accounts[account.name] = account }
        for organisation in configuration.organisations { organisations[organisation.name] = organisation }
        for token in configuration.tokens { tokens[token.secret] = token }
    }

    /// The simulated wall clock.
    package nonisolated var date: Date {
        configuration.epoch.addingTimeInterval(configuration.time.now / .seconds(1))
    }

    package nonisolated var now: Duration { configuration.time.now }

    // MARK: who

    package enum Credentials: Sendable { case none, good, bad }

    /// Bearer as the API wants it, Basic as git sends it (any name, the token as password).
    package func authenticate(_ header: String?) -> (caller: HubCaller?, credentials: Credentials) {
        guard let header else { return (nil, .none) }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return (nil, .bad) }
        var secret = String(parts[1])
        if parts[0].lowercased() == "basic" {
            guard let data = Data(base64Encoded: secret), let pair = String(bytes: data, encoding: .utf8),
                let colon = pair.firstIndex(of: ":")
            else { return (nil, .bad) }
            secret = String(pair[pair.index(after: colon)...])
        }
        guard let token = tokens[secret], let account = accounts[token.account],
            token.expires.map({ configuration.time.now < $0 }) ?? true
        else { return (nil, .bad) }
        return (HubCaller(account: account, token: token), .good)
    }

    package func account(_ name: String) -> HubAccount? { accounts[name] }
    package func organisation(_ name: String) -> HubOrganisation? { organisations[name] }
    package func organisations(of account: String) -> [HubOrganisation] {
        organisations.values.filter { $0.members[account] != nil }.sorted { $0.name < $1.name }
    }
    package func add(_ account: HubAccount) { accounts[account.name] = account }
    package func add(_ organisation: HubOrganisation) { organisations[organisation.name] = organisation }
    package func add(_ token: HubToken) { tokens[token.secret] = token }
    package func revoke(_ secret: String) { tokens[secret] = nil }
    /// The id of a user or an organisation.
    func ownerID(_ namespace: String) -> String? { accounts[namespace]?.id ?? organisations[namespace]?.id }

    /// Whether the owner of a namespace has paid for it.
    package func plan(of namespace: String) -> HubPlan? { accounts[namespace]?.plan ?? organisations[namespace]?.plan }

    // MARK: how much

    func countRequest(_ kind: RateKind, caller: HubCaller?, counts: Bool) -> RateWindows.Reading {
        let plan: HubPlan
        if let caller {
            // Members of paying organisations have its limits. Source: hub-docs `rate-limits.md`.
            let best = organisations(of: caller.account.name).compactMap(\.plan)
                .max { ($0.quotas[kind] ?? 0) < ($1.quotas[kind] ?? 0) }
            plan =
                [caller.account.plan, best].compactMap { $0 }
                .max { ($0.quotas[kind] ?? 0) < ($1.quotas[kind] ?? 0) } ?? .free
        } else {
            plan = .anonymous
        }
        let quota = configuration.limits.quotas[kind] ?? plan.quotas[kind] ?? 0
        return windows.take(
            kind, who: caller?.account.name ?? "anonymous", quota: quota, now: configuration.time.now, counts: counts)
    }

    /// Counts one action against its own quota: the second, undocumented layer, whose 429 comes while `RateLimit` still has
    /// something left.
    /// - Throws: 429.
    package func countAction(_ name: String, who: String, limit: Int?, span: Duration, per: String) throws {
        guard let limit else { return }
        guard windows.takeAction(name, who: who, limit: limit, span: span, now: configuration.time.now) else {
            throw HubError(
                .tooManyRequests,
                "Rate limit for \(name) exceeded (\(limit) per \(per)). Try this action again in about 1 \(per).")
        }
    }

    // MARK: repositories

    package func repo(id: String) -> HubRepo? { repos[id] }
    package func repo(_ kind: RepoKind, _ fullName: String) -> HubRepo? {
        ids[Key(kind: kind, name: fullName.lowercased())].flatMap { repos[$0] }
    }
    /// Every repository of a kind, the newest first.
    package func repos(_ kind: RepoKind) -> [HubRepo] { order(kind).compactMap { repos[$0] } }

    /// Those a caller may see, of one namespace or of all.
    func repos(_ kind: RepoKind, author: String?, for caller: HubCaller?) -> [HubRepo] {
        let author = author?.lowercased()
        return order(kind).compactMap { id in
            guard let repo = repos[id], author == nil || repo.namespace.lowercased() == author,
                right(of: caller, on: repo) > .none
            else { return nil }
            return repo
        }
    }

    private func order(_ kind: RepoKind) -> [String] {
        if let known = orders[kind] { return known }
        let ids = repos.values.filter { $0.kind == kind }.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }.map(
            \.id)
        orders[kind] = ids
        return ids
    }
    package func space(subdomain: String) -> HubRepo? {
        repos.values.first { $0.kind == .space && $0.subdomain == subdomain }
    }
    /// The present name of a repository that had this one.
    package func movedName(_ kind: RepoKind, _ fullName: String) -> String? {
        moved[Key(kind: kind, name: fullName.lowercased())].flatMap { repos[$0]?.fullName }
    }

    package func right(of caller: HubCaller?, on repo: HubRepo) -> RepoRight {
        right(
            of: caller, namespace: repo.namespace, createdBy: repo.createdBy, isOpen: repo.visibility == .public,
            target: (repo.kind.rawValue, repo.fullName))
    }

    func right(
        of caller: HubCaller?, namespace: String, createdBy: String, isOpen: Bool, target: (type: String, name: String)
    ) -> RepoRight {
        let open: RepoRight = isOpen ? .read : .none
        guard let caller else { return open }
        let membership = membership(of: caller.account.name, in: namespace, createdBy: createdBy)
        guard membership > .none else { return open }
        // A blocked token keeps what anybody may do. Source: hub-docs `security-tokens`, `tokens-management`.
        if let organisation = organisations[namespace], !organisation.securityRestrictions.isEmpty { return open }
        let targets = [
            target, (accounts[namespace] == nil ? "org" : "user", namespace),
        ]
        let granted: RepoRight
        switch caller.token.role {
        case .read: granted = .read
        case .write: granted = .write
        case .fineGrained:
            granted =
                caller.token.grants("repo.write", on: targets)
                ? .write : caller.token.grants("repo.content.read", on: targets) ? .read : .none
        case .oauth(let scopes):
            granted =
                scopes.contains("manage-repos") || scopes.contains("write-repos")
                ? .write : scopes.contains("read-repos") ? .read : .none
        }
        return max(open, min(granted, membership))
    }

    /// Whether an account may read a repository, whatever its tokens.
    func mayRead(_ account: String, _ repo: HubRepo) -> Bool {
        repo.visibility == .public || membership(of: account, in: repo.namespace, createdBy: repo.createdBy) > .none
    }

    private func membership(of account: String, in namespace: String, createdBy: String?) -> RepoRight {
        if account == namespace { return .write }
        switch organisations[namespace]?.members[account] {
        case .admin, .write: return .write
        // Contributors write what they made. Source: hub-docs `organizations-security`.
        case .contributor: return createdBy == nil || createdBy == account ? .write : .read
        case .read: return .read
        case .noAccess, nil: return .none
        }
    }

    /// - Throws: 403 when the caller may make nothing there.
    package func requireCreation(_ caller: HubCaller, in namespace: String) throws {
        let membership = membership(of: caller.account.name, in: namespace, createdBy: nil)
        let restricted = organisations[namespace].map { !$0.securityRestrictions.isEmpty } ?? false
        let targets = [(accounts[namespace] == nil ? "org" : "user", namespace)]
        let allowed =
            switch caller.token.role {
            case .read: false
            case .write: true
            case .fineGrained: caller.token.grants("repo.write", on: targets)
            case .oauth(let scopes): scopes.contains("manage-repos")
            }
        guard membership == .write, allowed, !restricted else {
            throw HubError.forbidden("You don't have the rights to create a repo under the namespace \"\(namespace)\"")
        }
    }

    /// A fresh id for something the Hub stores.
    package func freshID() -> String { String((hex(random.next()) + hex(random.next())).prefix(24)) }

    /// Only one creation at a time and account. Source: huggingface_hub `create_repo`, which waits for this very text.
    func beginCreation(_ account: String) throws {
        guard creating.insert(account).inserted else {
            throw HubError(.conflict, "Cannot create repo: another conflicting operation is in progress")
        }
    }
    func endCreation(_ account: String) { creating.remove(account) }

    /// Enters a new repository; a name that only redirects is taken over.
    func insert(_ repo: HubRepo) {
        let key = Key(kind: repo.kind, name: repo.fullName.lowercased())
        repos[repo.id] = repo
        orders[repo.kind] = nil
        ids[key] = repo.id
        moved[key] = nil
    }

    func remove(_ repo: HubRepo) {
        repos[repo.id] = nil
        orders[repo.kind] = nil
        ids[Key(kind: repo.kind, name: repo.fullName.lowercased())] = nil
        moved = moved.filter { $0.value != repo.id }
    }

    /// - Throws: 409 when the name is taken.
    func rename(_ id: String, namespace: String, name: String) throws -> HubRepo {
        guard var repo = repos[id] else { throw HubError.noRepo(anonymous: false) }
        let old = Key(kind: repo.kind, name: repo.fullName.lowercased())
        let new = Key(kind: repo.kind, name: "\(namespace)/\(name)".lowercased())
        guard old == new || ids[new] == nil else {
            // Source: huggingface_hub `test_move_repo_target_already_exists`; the code is ours.
            throw HubError(.conflict, "A \(repo.kind.rawValue) repository called \(namespace)/\(name) already exists")
        }
        repo.namespace = namespace
        repo.name = name
        repo.ownerID = ownerID(namespace) ?? repo.ownerID
        repo.version += 1
        repos[id] = repo
        ids[old] = nil
        ids[new] = id
        moved[new] = nil
        if old != new { moved[old] = id }
        return repo
    }

    /// Changes one repository at once; nil when it is gone.
    @discardableResult
    package func update(_ id: String, _ change: @Sendable (inout HubRepo) -> Void) -> HubRepo? {
        guard var repo = repos[id] else { return nil }
        change(&repo)
        repo.version += 1
        repos[id] = repo
        return repo
    }

    // MARK: webhooks

    func setWebhook(_ webhook: HubWebhook) { webhooks[webhook.id] = webhook }
    func removeWebhook(_ id: String) { webhooks[id] = nil }
}
