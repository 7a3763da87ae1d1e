import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Info, lists, access checks. Source: huggingface_hub `HfApi.repo_info`, `list_models`, `list_datasets`, `list_spaces`,
/// `auth_check`, `list_user_repos`; `by-subdomain` and `host` from hub-docs and the Gradio client.
package struct RepoInfoArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/api/\(kind.plural)"
            router.get("\(base)") { request, context in try await Self.list(kind, request, context, hub) }
            router.get("\(base)/:ns/:name") { request, context in
                try await Self.info(kind, "main", request, context, hub)
            }
            router.get("\(base)/:ns/:name/revision/:rev") { request, context in
                try await Self.info(kind, try context.decoded("rev"), request, context, hub)
            }
            router.get("\(base)/:ns/:name/auth-check") { request, context in
                try await hub.requireGate(try await hub.repo(kind, request, context), context)
                return Response.text("OK")
            }
            router.get("\(base)/:ns/:name/auth-check/write") { request, context in
                _ = try await hub.repo(kind, request, context, right: .write)
                return Response.text("OK")
            }
        }
        router.get("/api/settings/repositories") { _, context in
            let caller = try context.requireCaller()
            return try await Self.owned(caller.account.name, hub)
        }
        router.get("/api/organizations/:org/settings/repositories") { _, context in
            let caller = try context.requireCaller()
            let name = try context.decoded("org")
            guard let organisation = await hub.state.organisation(name),
                organisation.members[caller.account.name] != nil
            else { throw HubError.forbidden("You are not a member of this organization") }
            return try await Self.owned(name, hub)
        }
    }

    private static func info(
        _ kind: RepoKind, _ revision: String, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        // What is asked for is looked at before the repo is: a field that is not known is refused of a repo that does not exist, too.
        let names = request.queries("expand")
        let extent: RepoView.Extent =
            names.isEmpty ? .info(blobs: request.flag("blobs")) : .fields(try RepoView.fields(names, kind))
        let repo = try await hub.repo(kind, request, context)
        if revision != "main" { _ = try await hub.commit(revision, of: repo) }
        return try Response.json(try await RepoView(hub: hub).describe(repo, revision: revision, extent))
    }

    private static func list(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let names = request.queries("expand")
        let extent: RepoView.Extent =
            !names.isEmpty
            ? .fields(try RepoView.fields(names, kind)) : request.flag("full") ? .full : .short
        var repos = await hub.state.repos(kind, author: request.query("author"), for: context.caller)
        if let search = request.query("search")?.lowercased(), !search.isEmpty {
            repos = repos.filter { $0.fullName.lowercased().contains(search) }
        }
        let view = RepoView(hub: hub)
        let filters = request.queries("filter").flatMap { $0.split(separator: ",").map(String.init) }
        let linked = [("models", request.queries("models")), ("datasets", request.queries("datasets"))].filter {
            !$0.1.isEmpty
        }
        if !filters.isEmpty || !linked.isEmpty {
            var kept: [HubRepo] = []
            for repo in repos {
                let git = hub.git(repo)
                let card =
                    if let sha = try await git.resolve("main") { try await git.card(sha) } else { JSON.object([:]) }
                let tags = view.tags(repo, card)
                let links = linked.allSatisfy { key, wanted in
                    let named = (card[key]?.array ?? []).compactMap(\.string)
                    return wanted.allSatisfy(named.contains)
                }
                if links, filters.allSatisfy(tags.contains) { kept.append(repo) }
            }
            repos = kept
        }
        switch request.query("sort") {
        case "lastModified", "last_modified": repos.sort { $0.lastModified > $1.lastModified }
        case "likes": repos.sort { ($0.likes, $0.id) > ($1.likes, $1.id) }
        case "createdAt", "created_at", "trendingScore", "trending_score", "downloads", nil: break
        case let other?: throw HubError.bad("Invalid sort: \(other)")
        }
        let most = hub.configuration.limits.listPage
        let page = try Page(request, defaultLimit: most, most: most)
        var rows = Data("[".utf8)
        for repo in page.slice(repos) {
            if rows.count > 1 { rows.append(UInt8(ascii: ",")) }
            rows.append(try await view.row(repo, extent))
        }
        rows.append(UInt8(ascii: "]"))
        return Response.json(rows, headers: page.headers(request, total: repos.count, hub))
    }

    private static func owned(_ namespace: String, _ hub: SimulatedHub) async throws -> Response {
        var answers: [JSON] = []
        let view = RepoView(hub: hub)
        for kind in RepoKind.allCases {
            for repo in await hub.state.repos(kind) where repo.namespace == namespace {
                let storage = try await view.describe(repo, .fields(["usedStorage"]))["usedStorage"]
                answers.append([
                    "id": .string(repo.fullName), "type": .string(kind.rawValue), "storage": storage ?? 0,
                    "visibility": .string(repo.visibility.rawValue), "updatedAt": .date(repo.lastModified),
                    "storagePercent": 0,
                ])
            }
        }
        return try Response.json(.array(answers))
    }
}
