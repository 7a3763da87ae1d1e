import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Create, delete, move, settings, resource group, duplicate. Source: huggingface_hub `HfApi.create_repo`, `delete_repo`,
/// `move_repo`, `update_repo_settings`, `duplicate_repo`; fields and limits from the Hub's OpenAPI document.
package struct RepoLifecycleArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        router.post("/api/repos/create") { request, context in
            try await Self.create(request, context, hub)
        }
        router.delete("/api/repos/delete") { request, context in
            let (repo, _) = try await Self.named(request, context, hub)
            await hub.state.remove(repo)
            await hub.tell { await $0.onDeleted(repo) }
            try await hub.store.remove(repo)
            // Not JSON: recordings of huggingface_hub have this very text.
            return Response.text("OK")
        }
        router.post("/api/repos/move") { request, context in
            try await Self.move(request, context, hub)
        }
        for kind in RepoKind.allCases {
            let base = "/api/\(kind.plural)/:ns/:name"
            router.put("\(base)/settings") { request, context in
                try await Self.settings(kind, request, context, hub)
            }
            router.get("\(base)/resource-group") { request, context in
                let repo = try await hub.repo(kind, request, context, right: .write)
                return try Response.json(await Self.group(repo, hub))
            }
            router.post("\(base)/resource-group") { request, context in
                let repo = try await hub.repo(kind, request, context, right: .write)
                let wanted = try await request.json()["resourceGroupId"]?.string
                try await Self.requireGroup(wanted, in: repo.namespace, hub)
                let changed = await hub.state.update(repo.id) { $0.resourceGroup = wanted } ?? repo
                await hub.tell { await $0.onSettingsChanged(changed, changed: ["resourceGroupId": .text(wanted)]) }
                return try Response.json(await Self.group(changed, hub))
            }
            router.post("\(base)/duplicate") { request, context in
                try await Self.duplicate(kind, request, context, hub)
            }
        }
    }

    // MARK: create

    private static func create(_ request: Request, _ context: HubContext, _ hub: SimulatedHub) async throws -> Response
    {
        let caller = try context.requireCaller()
        let body = try await request.json(upTo: 64 << 20)
        guard let name = body["name"]?.string else { throw HubError(.unprocessableContent, "\"name\" is required") }
        guard let kind = RepoKind(rawValue: body["type"]?.string ?? "model") else {
            throw HubError.bad("Invalid repo type")
        }
        let organisation = body["organization"]?.string
        var creation = SimulatedHub.Creation(
            kind: kind, namespace: organisation ?? caller.account.name, name: name, visibility: .public)
        if let asked = try await visibility(body, kind: kind, namespace: organisation, caller, hub) {
            creation.visibility = asked
        } else if let organisation, let known = await hub.state.organisation(organisation) {
            creation.visibility = known.defaultVisibility
        }
        creation.resourceGroup = body["resourceGroupId"]?.string
        try await requireGroup(creation.resourceGroup, in: creation.namespace, hub)
        creation.region = body["region"]?.string
        if kind == .space {
            creation.wishes = try wishes(body)
            guard let sdk = creation.wishes.sdk else { throw HubError.bad("\"sdk\" is required") }
            guard ["gradio", "docker", "static"].contains(sdk) else {
                throw HubError.bad("Invalid sdk: \(sdk). Expected one of gradio, docker, static")
            }
        }
        creation.files = try files(body, creation)
        let repo = try await hub.create(creation, by: caller)
        return try Response.json([
            "url": .string(hub.url(repo)), "name": .string(repo.fullName), "id": .string(repo.id),
        ])
    }

    /// What the new repository holds besides `.gitattributes`: static Spaces get a page, the rest what was sent.
    private static func files(_ body: JSON, _ creation: SimulatedHub.Creation) throws -> [(
        path: String, content: [UInt8]
    )] {
        var files: [ExactText: [UInt8]] = [:]
        var card: [String] = []
        if creation.wishes.sdk == "static" {
            card = ["title: \(creation.name)", "sdk: static", "pinned: false"]
            files["index.html"] = Array(
                "<!doctype html>\n<link rel=\"stylesheet\" href=\"style.css\">\n<h1>Static Space</h1>\n".utf8)
            files["style.css"] = Array("body { font-family: sans-serif; }\n".utf8)
        } else if let template = body["template"]?.string {
            card = ["title: \(creation.name)", "sdk: \(creation.wishes.sdk ?? "docker")"]
            files["Dockerfile"] = Array("# from \(template)\nFROM scratch\n".utf8)
        }
        for key in ["short_description", "license", "license_name", "license_link"] {
            guard let value = body[key]?.string else { continue }
            if key == "short_description", value.count > 60 { throw HubError.bad("short_description is too long") }
            if card.isEmpty, let sdk = creation.wishes.sdk { card = ["title: \(creation.name)", "sdk: \(sdk)"] }
            card.append("\(key): '\(value.replacing("'", with: "''"))'")
        }
        if !card.isEmpty { files["README.md"] = Array(("---\n" + card.joined(separator: "\n") + "\n---\n").utf8) }
        for file in body["files"]?.array ?? [] {
            guard let path = file["path"]?.string, let text = file["content"]?.string else {
                throw HubError(.unprocessableContent, "\"files\" need \"path\" and \"content\"")
            }
            try CommitBody.checkPath(path)
            if file["encoding"]?.string == "base64" {
                guard let data = Data(base64Encoded: text) else { throw HubError.bad("\(path) is not base64") }
                files[path] = Array(data)
            } else {
                files[path] = Array(text.utf8)
            }
        }
        if let readme = files["README.md"] { try CardRules.require(readme, kind: creation.kind) }
        return files.sorted { $0.key < $1.key }.map { ($0.key.text, $0.value) }
    }

    static func wishes(_ body: JSON) throws -> SpaceWishes {
        var wishes = SpaceWishes()
        wishes.sdk = body["sdk"]?.string
        wishes.hardware = body["hardware"]?.string
        wishes.sleepTimeSeconds = body["sleepTimeSeconds"]?.int
        wishes.secrets = try settings(body["secrets"])
        wishes.variables = try settings(body["variables"])
        wishes.volumes = body["volumes"]?.array ?? []
        wishes.devModeEnabled = body["devModeEnabled"]?.bool ?? false
        return wishes
    }

    private static func settings(_ list: JSON?) throws -> [SpaceSetting] {
        try (list?.array ?? []).map { entry in
            guard let key = entry["key"]?.string else { throw HubError(.unprocessableContent, "\"key\" is required") }
            return SpaceSetting(
                key: key, value: entry["value"]?.string ?? "", description: entry["description"]?.string)
        }
    }

    /// `visibility` or the older `private`, not both; `protected` is for Spaces of paying owners (hub-docs, March 2026).
    private static func visibility(
        _ body: JSON, kind: RepoKind, namespace: String?, _ caller: HubCaller, _ hub: SimulatedHub
    ) async throws -> RepoVisibility? {
        if let word = body["visibility"]?.string {
            if body["private"]?.bool != nil { throw HubError.bad("\"private\" and \"visibility\" exclude each other") }
            guard let visibility = RepoVisibility(rawValue: word) else {
                throw HubError.bad("Invalid visibility: \(word)")
            }
            if visibility == .protected {
                guard kind == .space else { throw HubError.bad("Only Spaces can be protected") }
                let plan = await hub.state.plan(of: namespace ?? caller.account.name) ?? .free
                guard plan != .free else {
                    throw HubError(
                        .init(code: 402, reasonPhrase: "Payment Required"),
                        "Protected Spaces need a PRO, Team or Enterprise plan")
                }
            }
            return visibility
        }
        return body["private"]?.bool.map { $0 ? .private : .public }
    }

    // MARK: the rest

    /// The repository a body names by `name`, `organization` and `type`.
    private static func named(
        _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> (HubRepo, JSON) {
        let caller = try context.requireCaller()
        let body = try await request.json()
        guard let name = body["name"]?.string, let kind = RepoKind(rawValue: body["type"]?.string ?? "model") else {
            throw HubError(.unprocessableContent, "\"name\" is required")
        }
        let namespace = body["organization"]?.string ?? caller.account.name
        return (try await hub.repo(kind, "\(namespace)/\(name)", nil, context, right: .write), body)
    }

    private static func move(_ request: Request, _ context: HubContext, _ hub: SimulatedHub) async throws -> Response {
        let caller = try context.requireCaller()
        let body = try await request.json()
        let type = body["type"]?.string ?? "model"
        guard let from = body["fromRepo"]?.string, let to = body["toRepo"]?.string,
            let kind = type == "bucket" ? .some(nil) : RepoKind(rawValue: type).map(Optional.some)
        else { throw HubError(.unprocessableContent, "\"fromRepo\", \"toRepo\" and \"type\" are required") }
        let target = to.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard target.count == 2 else { throw HubError.bad("Invalid repo name: \(to)") }
        try SimulatedHub.checkName(target[1])
        guard let kind else {
            // huggingface_hub `HfApi.move_bucket`
            let bucket = try await BucketsArea.find(from, context, hub, right: .write)
            try await hub.state.requireCreation(caller, in: target[0])
            try await hub.state.renameBucket(bucket, namespace: target[0], name: target[1])
            return Response.text("OK")
        }
        let repo = try await hub.repo(kind, from, nil, context, right: .write)
        try await hub.state.requireCreation(caller, in: target[0])
        let moved = try await hub.state.rename(repo.id, namespace: target[0], name: target[1])
        await hub.tell { await $0.onMoved(moved, from: repo.fullName) }
        return Response.text("OK")
    }

    private static func settings(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context, right: .write)
        let body = try await request.json()
        guard let sent = body.object, !sent.isEmpty else { throw HubError.bad("At least one setting must be updated") }
        let visibility = try await visibility(
            body, kind: kind, namespace: repo.namespace, try context.requireCaller(), hub)
        if let gated = body["gated"], ![false, "auto", "manual"].contains(gated) {
            throw HubError.bad("Invalid value for gated")
        }
        if let sorting = body["discussionsSorting"]?.string,
            !["recently-created", "trending", "reactions"].contains(sorting)
        {
            throw HubError.bad("Invalid value for discussionsSorting")
        }
        let changed =
            await hub.state.update(repo.id) { repo in
                if let visibility { repo.visibility = visibility }
                if let gated = body["gated"] { repo.gated = gated }
                if let value = body["discussionsDisabled"]?.bool { repo.discussionsDisabled = value }
                if let value = body["discussionsSorting"]?.string { repo.discussionsSorting = value }
                if let value = body["orgMembersGated"]?.bool { repo.orgMembersGated = value }
                if let value = body["gatedNotificationsEmail"]?.string { repo.gatedNotificationsEmail = value }
                if let value = body["gatedNotificationsMode"]?.string { repo.gatedNotificationsMode = value }
            } ?? repo
        await hub.tell { await $0.onSettingsChanged(changed, changed: sent) }
        return try Response.json(
            .object(dropping: [
                "private": .bool(changed.isPrivate), "visibility": .string(changed.visibility.rawValue),
                "discussionsDisabled": .bool(changed.discussionsDisabled),
                "discussionsSorting": .string(changed.discussionsSorting), "gated": changed.gated,
                "orgMembersGated": .bool(changed.orgMembersGated),
                "gatedNotificationsEmail": changed.gatedNotificationsEmail.map(JSON.string),
                "gatedNotificationsMode": changed.gatedNotificationsMode.map(JSON.string),
            ]))
    }

    static func group(_ repo: HubRepo, _ hub: SimulatedHub) async -> JSON {
        guard let id = repo.resourceGroup, let organisation = await hub.state.organisation(repo.namespace),
            let name = organisation.resourceGroups.first(where: { organisation.resourceGroupID($0) == id })
        else { return .null }
        return ["id": .string(id), "name": .string(name), "numUsers": .int(organisation.members.count)]
    }

    private static func requireGroup(_ id: String?, in namespace: String, _ hub: SimulatedHub) async throws {
        guard let id else { return }
        let organisation = await hub.state.organisation(namespace)
        guard let organisation, organisation.plan != nil else {
            throw HubError.forbidden("Resource groups need a Team or Enterprise plan")
        }
        guard organisation.resourceGroups.contains(where: { organisation.resourceGroupID($0) == id }) else {
            throw HubError(.notFound, "Resource group not found")
        }
    }

    private static func duplicate(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let source = try await hub.repo(kind, request, context)
        let caller = try context.requireCaller()
        let body = try await request.json()
        let target = (body["repository"]?.string ?? "").split(separator: "/").map(String.init)
        guard target.count == 2 else { throw HubError(.unprocessableContent, "\"repository\" must be namespace/name") }
        var creation = SimulatedHub.Creation(
            kind: kind, namespace: target[0], name: target[1],
            visibility: try await visibility(body, kind: kind, namespace: target[0], caller, hub) ?? source.visibility)
        creation.resourceGroup = body["resourceGroupId"]?.string
        try await requireGroup(creation.resourceGroup, in: creation.namespace, hub)
        if kind == .space {
            creation.wishes = try wishes(body)
            // Hardware falls back to cpu-basic, variables come along, secrets do not. Source: hub-docs `spaces-overview`.
            let inherited = await hub.spaces?.inheritance(of: source) ?? SpaceWishes()
            let own = Set(creation.wishes.variables.map(\.key))
            creation.wishes.variables += inherited.variables.filter { !own.contains($0.key) }
            let sha = try await hub.commit("main", of: source)
            creation.wishes.sdk = try await hub.git(source).card(sha)["sdk"]?.string ?? source.sdkAtCreation
        }
        let repo = try await hub.create(creation, by: caller, copying: source)
        return try Response.json(["url": .string(hub.url(repo)), "filesCopyPending": false])
    }
}
