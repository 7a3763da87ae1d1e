import HTTPTypes
package import Hummingbird

/// `/api/settings/webhooks`. Source: huggingface_hub `HfApi.list_webhooks`, `create_webhook`, `update_webhook`,
/// `enable_webhook`, `disable_webhook`, `delete_webhook`.
package struct WebhooksArea: HubArea {
    package init() {}
    private static let types: Set = ["user", "org", "space", "dataset", "model", "bucket", "kernel"]

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        let base: RouterPath = "/api/settings/webhooks"
        router.get(base) { _, context in
            let caller = try Self.caller(context, "user.webhooks.read")
            let own = await hub.state.webhooks.values.filter { $0.owner == caller.account.name }.sorted {
                $0.id < $1.id
            }
            return try Response.json(.array(own.map(\.shown)))
        }
        router.post(base) { request, context in
            let caller = try Self.caller(context, "user.webhooks.write")
            let body = try await request.json()
            guard let url = body["url"]?.string, url.hasPrefix("http") else {
                throw HubError.bad("\"url\" is required")
            }
            guard await hub.state.webhooks.count < Bounds.entries else {
                throw HubError.bad("There are too many webhooks")
            }
            var webhook = HubWebhook(
                id: await hub.state.freshID(), owner: caller.account.name, url: url, watched: [],
                domains: ["repo", "discussion"])
            try Self.apply(body, to: &webhook)
            guard !webhook.watched.isEmpty else { throw HubError.bad("\"watched\" must not be empty") }
            await hub.state.setWebhook(webhook)
            return try Response.json(["webhook": webhook.shown])
        }
        router.get("/api/settings/webhooks/:id") { _, context in
            let webhook = try await Self.find(context, hub, "user.webhooks.read")
            return try Response.json(["webhook": webhook.shown])
        }
        router.post("/api/settings/webhooks/:id") { request, context in
            var webhook = try await Self.find(context, hub, "user.webhooks.write")
            try Self.apply(try await request.json(), to: &webhook)
            await hub.state.setWebhook(webhook)
            return try Response.json(["webhook": webhook.shown])
        }
        for (action, disabled) in [("enable", false), ("disable", true)] {
            router.post("/api/settings/webhooks/:id/\(action)") { _, context in
                var webhook = try await Self.find(context, hub, "user.webhooks.write")
                webhook.disabled = .bool(disabled)
                await hub.state.setWebhook(webhook)
                return try Response.json(["webhook": webhook.shown])
            }
        }
        router.delete("/api/settings/webhooks/:id") { _, context in
            await hub.state.removeWebhook(try await Self.find(context, hub, "user.webhooks.write").id)
            return Response.text("OK")
        }
    }

    private static func caller(_ context: HubContext, _ permission: String) throws -> HubCaller {
        let caller = try context.requireCaller()
        switch caller.token.role {
        case .write: return caller
        case .read where permission.hasSuffix("read"): return caller
        case .oauth(let scopes) where scopes.contains("webhooks"): return caller
        case .fineGrained where caller.token.grants(permission, on: [("user", caller.account.name)]): return caller
        default: throw HubError.forbidden("Your token may not manage webhooks")
        }
    }

    private static func find(_ context: HubContext, _ hub: SimulatedHub, _ permission: String) async throws
        -> HubWebhook
    {
        let caller = try caller(context, permission)
        guard let webhook = await hub.state.webhooks[try context.decoded("id")], webhook.owner == caller.account.name
        else {
            throw HubError(.notFound, "Webhook not found")
        }
        return webhook
    }

    private static func apply(_ body: JSON, to webhook: inout HubWebhook) throws {
        if let url = body["url"]?.string { webhook.url = url }
        if let domains = body["domains"]?.array {
            webhook.domains = domains.compactMap(\.string)
            guard webhook.domains.allSatisfy(["repo", "discussion"].contains) else {
                throw HubError.bad("Invalid domain")
            }
        }
        if let secret = body["secret"]?.string {
            guard secret.utf8.allSatisfy({ $0 < 128 }) else { throw HubError.bad("\"secret\" must be ASCII") }
            webhook.secret = secret
        }
        if let watched = body["watched"]?.array {
            webhook.watched = try watched.map { item in
                guard let type = item["type"]?.string, types.contains(type), let name = item["name"]?.string else {
                    throw HubError.bad("Invalid watched item")
                }
                return HubWebhook.Watched(type: type, name: name)
            }
        }
    }
}
