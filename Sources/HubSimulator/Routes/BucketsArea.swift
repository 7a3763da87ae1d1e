import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Storage buckets. Source: huggingface_hub `HfApi.create_bucket`, `bucket_info`, `list_buckets`, `list_bucket_tree`,
/// `batch_bucket_files`, `delete_bucket`, `_buckets.py`. Bytes come in by the S3 gateway: the native way is Xet, which the
/// simulator does not play.
package struct BucketsArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        let base = "/api/buckets/:ns/:name"
        router.get("/api/buckets/:ns") { request, context in try await Self.list(request, context, hub) }
        router.post(RouterPath(base)) { request, context in try await Self.create(request, context, hub) }
        router.get(RouterPath(base)) { _, context in
            try Response.json(Self.describe(try await Self.find(context, hub)))
        }
        router.delete(RouterPath(base)) { _, context in
            let bucket = try await Self.find(context, hub, right: .write)
            await hub.state.removeBucket(bucket)
            hub.store.objects.forget(bucket.id)
            return Response.text("OK")
        }
        router.put("\(base)/settings") { request, context in
            let bucket = try await Self.find(context, hub, right: .write)
            let body = try await request.json()
            let isPrivate = body["private"]?.bool ?? body["visibility"]?.string.map { $0 != "public" }
            guard let isPrivate else { throw HubError.bad("\"private\" is required") }
            await hub.state.updateBucket(bucket.fullName) { $0.isPrivate = isPrivate }
            return try Response.json(["private": .bool(isPrivate)])
        }
        for path in ["\(base)/tree", "\(base)/tree/**"] {
            router.get(RouterPath(path)) { request, context in
                let bucket = try await Self.find(context, hub)
                let entries = try Self.tree(bucket, prefix: try context.rest(), recursive: request.flag("recursive"))
                let page = try Page(request, defaultLimit: 1_000, most: 1_000)
                return try Response.json(
                    .array(Array(page.slice(entries))), headers: page.headers(request, total: entries.count, hub))
            }
        }
        router.post("\(base)/paths-info") { request, context in
            let bucket = try await Self.find(context, hub)
            let paths = (try await request.json()["paths"]?.array ?? []).compactMap(\.string)
            return try Response.json(
                .array(paths.compactMap { path in bucket.files[path].map { Self.describe(path, $0) } }))
        }
        router.post("\(base)/batch") { request, context in try await Self.batch(request, context, hub) }
        router.get("/buckets/:ns/:name/resolve/**") { _, context in
            let bucket = try await Self.find(context, hub)
            let path = try context.rest()
            guard let file = bucket.files[path] else {
                throw HubError(.notFound, "Entry not found", code: "EntryNotFound")
            }
            return Response(
                status: .found,
                headers: [
                    .location: hub.signed("/objects/\(bucket.id)/\(file.hash)"), .linkedSize: "\(file.size)",
                    .linkedETag: "\"\(file.hash)\"", .acceptRanges: "bytes",
                ])
        }
    }

    /// `me` is the caller's own namespace.
    private static func name(_ context: HubContext) throws -> (namespace: String, name: String) {
        var namespace = try context.decoded("ns")
        if namespace == "me" { namespace = try context.requireCaller().account.name }
        return (namespace, try context.decoded("name"))
    }

    private static func find(
        _ context: HubContext, _ hub: SimulatedHub, right: RepoRight = .read
    ) async throws -> HubBucket {
        let (namespace, name) = try name(context)
        return try await find("\(namespace)/\(name)", context, hub, right: right)
    }

    /// - Throws: 404 or 401 when it is not there or may not be seen, 403 without the right.
    static func find(
        _ fullName: String, _ context: HubContext, _ hub: SimulatedHub, right: RepoRight
    ) async throws -> HubBucket {
        guard let bucket = await hub.state.bucket(fullName) else {
            throw HubError.noRepo(anonymous: context.caller == nil)
        }
        let actual = await hub.state.right(of: context.caller, on: bucket)
        guard actual > .none else { throw HubError.noRepo(anonymous: context.caller == nil) }
        guard actual >= right else { throw HubError.forbidden("You must have write access to the bucket") }
        return bucket
    }

    private static func create(_ request: Request, _ context: HubContext, _ hub: SimulatedHub) async throws -> Response
    {
        let caller = try context.requireCaller()
        let (namespace, name) = try name(context)
        try await hub.state.requireCreation(caller, in: namespace)
        try SimulatedHub.checkName(name)
        let body = try await request.json()
        let bucket = HubBucket(
            id: await hub.state.freshID(), namespace: namespace, name: name,
            ownerID: await hub.state.ownerID(namespace) ?? "",
            isPrivate: body["private"]?.bool ?? (body["visibility"]?.string.map { $0 != "public" } ?? false),
            createdAt: hub.date, createdBy: caller.account.name, resourceGroup: body["resourceGroupId"]?.string,
            region: body["region"]?.string)
        let url = JSON.string("\(hub.endpoint)/buckets/\(bucket.fullName)")
        guard await hub.state.insertBucket(bucket) else {
            throw HubError(
                .conflict, "You already created this bucket",
                body: ["error": "You already created this bucket", "url": url])
        }
        return try Response.json(["url": url, "name": .string(bucket.fullName), "id": .string(bucket.id)])
    }

    private static func list(_ request: Request, _ context: HubContext, _ hub: SimulatedHub) async throws -> Response {
        var namespace = try context.decoded("ns")
        if namespace == "me" { namespace = try context.requireCaller().account.name }
        let search = request.query("search")?.lowercased() ?? ""
        var found: [HubBucket] = []
        for bucket in await hub.state.buckets(of: namespace)
        where search.isEmpty || bucket.name.lowercased().contains(search) {
            if await hub.state.right(of: context.caller, on: bucket) > .none { found.append(bucket) }
        }
        let page = try Page(request, defaultLimit: 100, most: 1_000)
        return try Response.json(
            .array(page.slice(found).map(describe)), headers: page.headers(request, total: found.count, hub))
    }

    private static func describe(_ bucket: HubBucket) -> JSON {
        .object(dropping: [
            "id": .string(bucket.fullName), "private": .bool(bucket.isPrivate), "createdAt": .date(bucket.createdAt),
            "size": .int(bucket.size), "totalFiles": .int(bucket.files.count), "region": bucket.region.map(JSON.string),
        ])
    }

    private static func describe(_ path: String, _ file: HubBucket.File) -> JSON {
        .object(dropping: [
            "type": "file", "path": .string(path), "size": .int(file.size), "xetHash": .string(file.hash),
            "mtime": file.mtime, "uploadedAt": .date(file.uploadedAt),
            "contentType": file.contentType.map(JSON.string),
        ])
    }

    private static func tree(_ bucket: HubBucket, prefix: String, recursive: Bool) throws -> [JSON] {
        let start = prefix.isEmpty ? "" : prefix + "/"
        var folders: Set<ExactText> = []
        var entries: [(path: ExactText, json: JSON)] = []
        for (path, file) in bucket.files where path.text.starts(exactlyWith: start) || path == ExactText(prefix) {
            let rest = Substring(path.text.utf8.dropFirst(start.utf8.count))
            if !recursive, let slash = rest.utf8.firstIndex(of: 47) {
                folders.insert(start + rest[..<slash])
            } else {
                entries.append((path, describe(path.text, file)))
            }
        }
        entries += folders.map { ($0, ["type": "directory", "path": .string($0.text)]) }
        return entries.sorted { $0.path < $1.path }.map(\.json)
    }

    /// Each line on its own: what fails does not hold up the rest.
    private static func batch(_ request: Request, _ context: HubContext, _ hub: SimulatedHub) async throws -> Response {
        let bucket = try await find(context, hub, right: .write)
        let text = String(buffer: try await request.body.collect(upTo: 64 << 20))
        var processed = 0
        var failed: [JSON] = []
        for line in text.split(separator: "\n") where !line.allSatisfy(\.isWhitespace) {
            let operation: JSON
            do { operation = try JSON(decoding: ByteBuffer(substring: line)) } catch {
                throw HubError.bad("Invalid NDJSON line")
            }
            let path = operation["path"]?.string ?? ""
            processed += 1
            do {
                try CommitBody.checkPath(path)
                try await apply(operation, path, bucket, context, hub)
            } catch let error as HubError {
                failed.append(["path": .string(path), "error": .string(error.message)])
            }
        }
        let answer: JSON = [
            "success": .bool(failed.isEmpty), "processed": .int(processed), "succeeded": .int(processed - failed.count),
            "failed": .array(failed),
        ]
        // Source: huggingface_hub `batch_bucket_files`: 200 with some failures, 422 when all failed.
        return try Response.json(
            answer, status: !failed.isEmpty && failed.count == processed ? .unprocessableContent : .ok)
    }

    private static func apply(
        _ operation: JSON, _ path: String, _ bucket: HubBucket, _ context: HubContext, _ hub: SimulatedHub
    ) async throws {
        switch operation["type"]?.string {
        case "deleteFile":
            let removed = await hub.state.updateBucket(bucket.fullName) {
                $0.files.removeValue(forKey: ExactText(path)) != nil
            }
            guard removed == true else { throw HubError.bad("File not found") }
        case "addFile", "copyFile":
            guard let hash = operation["xetHash"]?.string else { throw HubError.bad("\"xetHash\" is required") }
            var owner = bucket.id
            if let source = operation["sourceRepoId"]?.string, let type = operation["sourceRepoType"]?.string {
                owner = try await sourceID(type, source, context, hub)
            }
            guard let object = hub.store.objects.object(hash, of: owner) else { throw HubError.bad("Unknown xetHash") }
            hub.store.objects.grant(object, to: bucket.id)
            let file = HubBucket.File(
                hash: hash, etag: String(hash.prefix(32)), size: object.size, mtime: operation["mtime"],
                uploadedAt: hub.date,
                contentType: operation["contentType"]?.string)
            await hub.state.updateBucket(bucket.fullName) { $0.files[path] = file }
        default: throw HubError.bad("Unknown operation")
        }
    }

    private static func sourceID(
        _ type: String, _ name: String, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> String {
        if let kind = RepoKind(rawValue: type) { return try await hub.repo(kind, name, nil, context).id }
        guard let source = await hub.state.bucket(name), await hub.state.right(of: context.caller, on: source) > .none
        else {
            throw HubError.noRepo(anonymous: context.caller == nil)
        }
        return source.id
    }
}
