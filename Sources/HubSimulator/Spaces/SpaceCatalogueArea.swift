import FoundationEssentials
package import Hummingbird
import Synchronization

/// What is the same for all Spaces, and how one is found: catalogue, quota, templates, search, host, signed links.
package struct SpaceCatalogueArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        guard let engine = hub.spaces as? SpaceEngine else { return }
        let desk = SpaceLookup(hub: hub, engine: engine)
        // list_spaces_hardware
        router.get("/api/spaces/hardware") { _, _ in try Response.json(HardwareCatalogue.json) }
        // get_zero_gpu_quota: seconds; `current` is what is left. Allowances: hub-docs `spaces-zerogpu.md`.
        router.get("/api/spaces/zero-gpu/quota") { _, context in
            let base = try context.requireCaller().account.plan == .free ? 210 : 2_400
            return try Response.json([
                "base": .int(base), "current": .int(base), "overquotaUsed": 0,
            ])
        }
        // list_space_templates
        router.get("/api/spaces/templates") { _, _ in
            try Response.json(["templates": .array(Self.templates)])
        }
        // gradio's client: the host of an app; static Spaces have another domain.
        router.get("/api/spaces/:ns/:name/host") { request, context in
            try Response.json(["host": .string(engine.host(of: await desk.seen(request, context).space))])
        }
        // The reverse. Names with dots were seen to fail there; here they are found.
        router.get("/api/spaces/by-subdomain/:subdomain") { _, context in
            guard let repo = await hub.state.space(subdomain: try context.decoded("subdomain")),
                await hub.state.right(of: context.caller, on: repo) > .none
            else { throw HubError.noRepo(anonymous: context.caller == nil) }
            return try Response.json(await RepoView(hub: hub).describe(repo, .info(blobs: false)))
        }
        // search_spaces, `hf spaces search`: words of the query in the name.
        router.get("/api/spaces/semantic-search") { request, context in
            try Response.json(await Self.search(request, context, desk))
        }
        // Opens a private app as `?__sign=` (the Hub's OpenAPI document).
        router.get("/api/spaces/:ns/:name/jwt") { request, context in
            let caller = try context.requireCaller()
            let repo = try await desk.seen(request, context).repo
            let seconds = request.query("expiration").flatMap(Int.init) ?? 86_400
            guard (1...86_400).contains(seconds) else { throw HubError.bad("\"expiration\" must be 1 to 86400") }
            let (token, until) = engine.sign(repo: repo, for: caller.account.name, seconds: seconds)
            var answer: [String: JSON] = [
                "token": .string(token), "accessToken": .string("Bearer \(token)"),
                "exp": .int(Int(until.timeIntervalSince1970)),
            ]
            if request.flag("encrypted") { answer["encryptedToken"] = .string(String(token.reversed())) }
            return try Response.json(.object(answer))
        }
    }

    private static let templates: [JSON] = [
        [
            "name": "JupyterLab", "repoId": "SpacesExamples/jupyterlab", "sdk": "docker", "preferredPrivate": true,
        ],
        ["name": "chatbot", "repoId": "gradio-templates/chatbot", "sdk": "gradio", "preferredPrivate": false],
    ]

    private static func search(_ request: Request, _ context: HubContext, _ desk: SpaceLookup) async throws -> JSON {
        let words = (request.query("q") ?? "").lowercased().split(separator: " ")
        if words.isEmpty { throw HubError.bad("\"q\" is required") }
        let sdks = request.queries("sdk")
        var found: [JSON] = []
        for repo in await desk.hub.state.repos(.space) {
            guard await desk.hub.state.right(of: context.caller, on: repo) > .none,
                let space = desk.engine.space(id: repo.id)
            else { continue }
            let plan = space.state.withLock { $0.plan }
            if !sdks.isEmpty, !sdks.contains(plan.sdk ?? "") { continue }
            if !request.flag("includeNonRunning"), !space.live.stage.serves { continue }
            let text = "\(repo.fullName) \(plan.title ?? "")".lowercased()
            let hits = words.count { text.contains($0) }
            if hits == 0 { continue }
            found.append([
                "id": .string(repo.fullName), "author": .string(repo.namespace),
                "title": .string(plan.title ?? repo.name), "sdk": .text(plan.sdk), "likes": .int(repo.likes),
                "private": .bool(repo.isPrivate), "tags": .strings([plan.sdk].compactMap { $0 }),
                "runtime": space.runtime,
                "semanticRelevancyScore": .double(Double(hits) / Double(words.count)), "trendingScore": 0,
            ])
        }
        return .array(found)
    }
}
