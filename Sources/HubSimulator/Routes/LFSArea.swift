import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// git LFS: batch, verify, completion of parts; what the Hub says about stored objects. Source: git-lfs `docs/api/batch.md`;
/// huggingface_hub `lfs.py`, `HfApi.list_lfs_files`, `permanently_delete_lfs_files`, `create_commit` (duplicate).
package struct LFSArea: HubArea {
    package init() {}
    private static let mediaType = "application/vnd.git-lfs+json"

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let git = "/\(kind.webPrefix):ns/:name/info/lfs"
            router.post("\(git)/objects/batch") { request, context in
                try await GitHTTPArea.asking { try await Self.batch(kind, request, context, hub) }
            }
            router.post("\(git)/verify") { request, context in
                try await GitHTTPArea.asking {
                    let repo = try await hub.repo(kind, request, context)
                    let body = try await request.json()
                    guard let oid = body["oid"]?.string, let object = hub.store.objects.object(oid, of: repo.id) else {
                        throw HubError(.notFound, "The object was not uploaded")
                    }
                    guard body["size"]?.int == object.size else {
                        throw HubError(.unprocessableContent, "Size mismatch")
                    }
                    return try Response.json(["message": "ok"])
                }
            }
            let base = "/api/\(kind.plural)/:ns/:name/lfs-files"
            router.get("\(base)") { request, context in try await Self.list(kind, request, context, hub) }
            router.post("\(base)/batch") { request, context in
                let repo = try await hub.repo(kind, request, context, right: .write)
                let body = try await request.json()
                let shas = (body["deletions"]?["sha"]?.array ?? []).compactMap(\.string)
                guard (1...1_000).contains(shas.count) else { throw HubError.bad("1 to 1000 objects") }
                let rewrites = body["deletions"]?["rewriteHistory"]?.bool ?? false
                try await Self.delete(shas, of: repo, rewritesHistory: rewrites, hub)
                return try Response.json(["success": true])
            }
            router.delete("\(base)/:sha") { request, context in
                let repo = try await hub.repo(kind, request, context, right: .write)
                let sha = try context.decoded("sha")
                guard hub.store.objects.object(sha, of: repo.id) != nil else {
                    throw HubError(.notFound, "No such LFS file")
                }
                try await Self.delete([sha], of: repo, rewritesHistory: request.flag("rewriteHistory"), hub)
                return try Response.json(["success": true])
            }
            router.post("\(base)/duplicate") { request, context in
                try await Self.duplicate(kind, request, context, hub)
            }
        }
        // The link itself is the permission: huggingface_hub sends no token here.
        router.post("/api/complete_multipart/:upload") { request, context in
            let id = try context.decoded("upload")
            guard
                hub.isSigned(
                    request.uri.path, expires: request.query("Expires"), signature: request.query("Signature"))
            else { throw HubError.forbidden("Invalid signature") }
            let body = try await request.json()
            let parts = (body["parts"]?.array ?? []).compactMap { part -> (number: Int, etag: String)? in
                guard let number = part["partNumber"]?.int, let etag = part["etag"]?.string else { return nil }
                return (number, etag)
            }
            try await hub.store.uploads.complete(id, oid: body["oid"]?.string, parts: parts, date: hub.date)
            return try Response.json(["success": true])
        }
    }

    /// Objects are gone whether or not a commit names them; with `rewritesHistory` none does any more.
    private static func delete(
        _ shas: [String], of repo: HubRepo, rewritesHistory: Bool, _ hub: SimulatedHub
    ) async throws {
        if rewritesHistory {
            let git = hub.git(repo)
            let moves = try await git.gate.run { try await git.rewrite(without: Set(shas)) }
            for move in moves { await hub.referenceMoved(repo, move.reference, from: move.old, to: move.new) }
        }
        for sha in shas { hub.store.objects.revoke(sha, from: repo.id) }
    }

    private static func batch(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let body = try await request.json()
        let uploads = body["operation"]?.string == "upload"
        // Proposing a pull request needs objects too: reading is enough for who has an account.
        let repo = try await hub.repo(kind, request, context)
        if uploads { _ = try context.requireCaller() } else { try await hub.requireGate(repo, context) }
        let transfers = (body["transfers"]?.array ?? ["basic"]).compactMap(\.string)
        let objects = body["objects"]?.array ?? []
        guard objects.count <= 1_000 else { throw HubError(.contentTooLarge, "Too many objects") }
        var inParts = false
        var answers: [JSON] = []
        for object in objects {
            guard let oid = object["oid"]?.string, let size = object["size"]?.int else {
                throw HubError(.unprocessableContent, "\"objects\" need \"oid\" and \"size\"")
            }
            let (answer, isInParts) = Self.instructions(
                oid: oid.lowercased(), size: size, uploads: uploads, parts: transfers.contains("multipart"),
                authorization: request.headers[.authorization], repo, hub)
            inParts = inParts || isInParts
            answers.append(answer)
        }
        return try lfs(["transfer": inParts ? "multipart" : "basic", "objects": .array(answers), "hash_algo": "sha256"])
    }

    private static func lfs(_ value: JSON) throws -> Response {
        var response = try Response.json(value)
        response.headers[.contentType] = mediaType
        return response
    }

    private static func instructions(
        oid: String, size: Int, uploads: Bool, parts: Bool, authorization: String?, _ repo: HubRepo, _ hub: SimulatedHub
    ) -> (JSON, inParts: Bool) {
        var answer: [String: JSON] = ["oid": .string(oid), "size": .int(size)]
        func fail(_ code: Int, _ message: String) -> (JSON, inParts: Bool) {
            answer["error"] = ["code": .int(code), "message": .string(message)]
            return (.object(answer), false)
        }
        guard oid.isSHA256 else { return fail(422, "Invalid oid") }
        guard size >= 0 else { return fail(422, "Invalid size") }
        let stored = hub.store.objects.object(oid, of: repo.id)
        if !uploads {
            guard stored != nil else { return fail(404, "Object does not exist") }
            answer["authenticated"] = true
            answer["actions"] = [
                "download": ["href": .string(hub.signed("/objects/\(repo.id)/\(oid)")), "expires_in": 3_600]
            ]
            return (.object(answer), false)
        }
        guard size <= hub.configuration.limits.largestObject else { return fail(422, "Object too large") }
        // No actions: it is here already.
        if stored != nil { return (.object(answer), false) }
        answer["authenticated"] = true
        // git-lfs sends what it is told here; huggingface_hub sends its own token.
        let verify = JSON.object(dropping: [
            "href": .string("\(hub.url(repo)).git/info/lfs/verify"),
            "header": authorization.map { ["Authorization": .string($0)] },
        ])
        guard parts, size > hub.configuration.limits.singlePart else {
            answer["actions"] = [
                "upload": [
                    "href": .string(hub.signed("/objects/\(repo.id)/\(oid)", seconds: SimulatedHub.putSeconds))
                ], "verify": verify,
            ]
            return (.object(answer), false)
        }
        let partSize = hub.configuration.limits.part
        guard let upload = hub.store.uploads.begin(repo: repo.id, sha256: oid, size: size, partSize: partSize) else {
            return fail(503, "Too many uploads are under way")
        }
        var header: [String: JSON] = ["chunk_size": .string("\(partSize)")]
        for number in 1...upload.parts {
            let key = String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
            header[key] = .string(hub.signed("/parts/\(upload.id)/\(number)"))
        }
        answer["actions"] = [
            "upload": [
                "href": .string(hub.signed("/api/complete_multipart/\(upload.id)", onHub: true)),
                "header": .object(header),
            ], "verify": verify,
        ]
        return (.object(answer), true)
    }

    private static func list(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context, right: .write)
        // A file that only a branch has is named, too; `main` comes first.
        let git = hub.git(repo)
        let branches = try await git.references().filter { $0.key.text.hasPrefix("refs/heads/") }.sorted {
            ($0.key.text == "refs/heads/main" ? 0 : 1, $0.key) < ($1.key.text == "refs/heads/main" ? 0 : 1, $1.key)
        }
        var names: [String: (path: String, ref: String)] = [:]
        for (ref, sha) in branches {
            for entry in try await git.listing(sha).files {
                guard let pointer = entry.lfs, names[pointer.sha256] == nil else { continue }
                names[pointer.sha256] = (entry.path, ref.text)
            }
        }
        let objects = hub.store.objects.objects(of: repo.id)
        let page = try Page(request, defaultLimit: 100, most: 1_000)
        let answers = page.slice(objects).map { object -> JSON in
            .object(dropping: [
                "fileOid": .string(object.sha256), "oid": .string(object.sha256), "size": .int(object.size),
                "filename": .string(names[object.sha256]?.path ?? object.sha256), "pushedAt": .date(object.pushedAt),
                "ref": names[object.sha256].map { .string($0.ref) },
            ])
        }
        return try Response.json(.array(answers), headers: page.headers(request, total: objects.count, hub))
    }

    private static func duplicate(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let source = try await hub.repo(kind, request, context)
        let body = try await request.json()
        guard let name = body["target"]?["name"]?.string,
            let targetKind = RepoKind(rawValue: body["target"]?["type"]?.string ?? "model")
        else { throw HubError(.unprocessableContent, "\"target\" is required") }
        let target = try await hub.repo(targetKind, name, nil, context, right: .write)
        var failed: [JSON] = []
        for file in body["files"]?.array ?? [] {
            let sha = file["sha256"]?.string ?? ""
            if let object = hub.store.objects.object(sha, of: source.id) {
                hub.store.objects.grant(object, to: target.id)
            } else {
                failed.append(["sha256": .string(sha), "error": "Not found"])
            }
        }
        return try Response.json(["success": .bool(failed.isEmpty), "failed": .array(failed)])
    }
}
