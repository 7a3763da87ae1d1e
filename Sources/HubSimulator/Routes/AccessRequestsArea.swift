import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Who may read gated repositories. Source: huggingface_hub `HfApi.list_pending_access_requests` and its neighbours, whose "Raises" tell the
/// codes; `ask-access` from the web page's form.
package struct AccessRequestsArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/api/\(kind.plural)/:ns/:name/user-access-request"
            router.get("\(base)/:status") { request, context in
                let repo = try await Self.gated(kind, request, context, hub)
                guard let status = AccessRequest.Status(rawValue: try context.decoded("status")) else {
                    throw HubError(.notFound, "No such list of access requests")
                }
                let found = repo.accessRequests.filter { $0.status == status }
                let page = try Page(request, defaultLimit: 100, most: 1_000)
                var shown: [JSON] = []
                for entry in page.slice(found) { shown.append(await Self.describe(entry, hub)) }
                return try Response.json(.array(shown), headers: page.headers(request, total: found.count, hub))
            }
            router.post("\(base)/grant") { request, context in
                let repo = try await Self.gated(kind, request, context, hub)
                let user = try await Self.user(try await request.json()["user"]?.string, hub)
                guard !repo.accessRequests.contains(where: { $0.user == user && $0.status == .accepted }) else {
                    throw HubError.bad("The user already has access to the repo")
                }
                return try await Self.enter(user, .accepted, sharesEmail: false, repo, hub)
            }
            router.post("\(base)/handle") { request, context in try await Self.handle(kind, request, context, hub) }
            router.post("/\(kind.webPrefix):ns/:name/ask-access") { request, context in
                let repo = try await hub.repo(kind, request, context)
                let caller = try context.requireCaller()
                guard repo.isGated else { throw HubError.bad("This repo is not gated") }
                guard !repo.accessRequests.contains(where: { $0.user == caller.account.name }) else {
                    throw HubError.bad("You already asked for access to this repo")
                }
                let status = repo.gated == "auto" ? AccessRequest.Status.accepted : .pending
                return try await Self.enter(caller.account.name, status, sharesEmail: true, repo, hub)
            }
        }
    }

    private static func gated(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> HubRepo {
        let repo = try await hub.repo(kind, request, context, right: .write)
        guard repo.isGated else { throw HubError.bad("This repo is not gated") }
        return repo
    }

    private static func user(_ name: String?, _ hub: SimulatedHub) async throws -> String {
        guard let name else { throw HubError(.unprocessableContent, "\"user\" is required") }
        guard let account = await hub.state.account(name) else { throw HubError(.notFound, "User not found") }
        return account.name
    }

    private static func enter(
        _ user: String, _ status: AccessRequest.Status, sharesEmail: Bool, _ repo: HubRepo, _ hub: SimulatedHub
    ) async throws -> Response {
        let entry = AccessRequest(
            id: await hub.state.freshID(), user: user, status: status, at: hub.date, sharesEmail: sharesEmail)
        await hub.state.update(repo.id) { repo in
            repo.accessRequests.removeAll { $0.user == user }
            repo.accessRequests.append(entry)
        }
        return try Response.json(await describe(entry, hub))
    }

    private static func handle(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await gated(kind, request, context, hub)
        let body = try await request.json()
        guard let status = body["status"]?.string.flatMap(AccessRequest.Status.init) else {
            throw HubError(.unprocessableContent, "\"status\" must be one of [pending, accepted, rejected]")
        }
        let reason = body["rejectionReason"]?.string
        guard reason?.count ?? 0 <= 200 else { throw HubError.bad("\"rejectionReason\" is too long") }
        let wanted: @Sendable (AccessRequest) -> Bool
        if let id = body["requestId"]?.string {
            wanted = { $0.id == id }
        } else {
            let user = try await user(body["user"]?.string, hub)
            wanted = { $0.user == user }
        }
        guard let entry = repo.accessRequests.first(where: wanted) else {
            throw HubError(.notFound, "Access request not found")
        }
        guard entry.status != status else {
            throw HubError(.notFound, "The access request is already in the \(status.rawValue) list")
        }
        await hub.state.update(repo.id) { repo in
            guard let index = repo.accessRequests.firstIndex(where: { $0.id == entry.id }) else { return }
            repo.accessRequests[index].status = status
            repo.accessRequests[index].rejectionReason = status == .rejected ? reason : nil
        }
        return try Response.json([:])
    }

    private static func describe(_ entry: AccessRequest, _ hub: SimulatedHub) async -> JSON {
        let account = await hub.state.account(entry.user)
        return .object(dropping: [
            "requestId": .string(entry.id), "status": .string(entry.status.rawValue), "timestamp": .date(entry.at),
            "user": .object(dropping: [
                "_id": account.map { .string($0.id) }, "user": .string(entry.user),
                "fullname": account.map { .string($0.fullName) },
                "email": entry.sharesEmail ? account.map { .string($0.email) } : nil,
            ]), "rejectionReason": entry.rejectionReason.map(JSON.string),
        ])
    }
}
