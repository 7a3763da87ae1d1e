import FoundationEssentials
import HTTPTypes
import Hummingbird

/// The info object of a repository, whole or as the fields asked for. Source: huggingface_hub `ModelInfo`, `DatasetInfo`,
/// `SpaceInfo` and `Expand…Property_T`; `xetEnabled` and `gitalyUid` from its recordings and huggingface.js.
struct RepoView: Sendable {
    let hub: SimulatedHub

    enum Extent: Sendable, Equatable {
        /// The info route: everything.
        case info(blobs: Bool)
        /// The list route.
        case short
        /// The list route with `full`.
        case full
        /// Only these, and the ids.
        case fields(Set<String>)
    }

    static func expandable(_ kind: RepoKind) -> [String] {
        let common = [
            "author", "cardData", "createdAt", "disabled", "gitalyUid", "lastModified", "likes", "private",
            "resourceGroup", "sha", "siblings", "tags", "trendingScore", "usedStorage", "xetEnabled",
        ]
        let own =
            switch kind {
            case .space: ["datasets", "models", "region", "runtime", "sdk", "subdomain"]
            case .dataset:
                ["citation", "description", "downloads", "downloadsAllTime", "gated", "mainSize", "paperswithcode_id"]
            case .kernel: ["downloads", "downloadsAllTime", "gated"]
            case .model:
                [
                    "baseModels", "childrenModelCount", "config", "downloads", "downloadsAllTime", "evalResults",
                    "gated",
                    "gguf", "inference", "inferenceProviderMapping", "library_name", "mask_token", "model-index",
                    "pipeline_tag", "safetensors", "spaces", "transformersInfo", "widgetData",
                ]
            }
        return (common + own).sorted()
    }

    /// - Throws: 400 for a field that is not known.
    static func fields(_ names: [String], _ kind: RepoKind) throws -> Set<String> {
        let known = expandable(kind)
        // huggingface_hub sends repeated keys; a comma list is what its command line is given.
        let wanted = names.flatMap { $0.split(separator: ",").map(String.init) }
        for name in wanted where !known.contains(name) {
            throw HubError.bad(
                "Invalid option: expected one of \(known.map { "\"\($0)\"" }.joined(separator: "|")) at expand")
        }
        return Set(wanted)
    }

    /// - Parameter runtime: what was already asked of it; nil asks.
    func describe(
        _ repo: HubRepo, revision: String = "main", _ extent: Extent, runtime: RuntimeFacts? = nil
    ) async throws -> JSON {
        let git = hub.git(repo)
        let sha = try await git.resolve(revision)
        let card = if let sha { try await git.card(sha) } else { JSON.object([:]) }
        var members: [String: JSON] = [
            "_id": .string(repo.id), "id": .string(repo.fullName), "author": .string(repo.namespace), "sha": .text(sha),
            "createdAt": .date(repo.createdAt), "lastModified": .date(repo.lastModified),
            "private": .bool(repo.isPrivate), "visibility": .string(repo.visibility.rawValue),
            "disabled": .bool(repo.disabled), "gated": repo.gated, "likes": .int(repo.likes), "trendingScore": 0,
            "xetEnabled": false, "gitalyUid": .string(repo.id),
            "tags": .strings(tags(repo, card)), "resourceGroup": await RepoLifecycleArea.group(repo, hub),
            "region": .string(repo.region ?? "us"),
        ]
        if case .object(let content) = card, !content.isEmpty { members["cardData"] = card }
        if repo.kind == .model { members["modelId"] = .string(repo.fullName) }
        if repo.kind == .space {
            members["subdomain"] = .string(repo.subdomain)
            members["models"] = card["models"] ?? []
            members["datasets"] = card["datasets"] ?? []
            members["sdk"] = (card["sdk"]?.string ?? repo.sdkAtCreation).map(JSON.string)
            let isStatic = members["sdk"] == "static"
            let name = "https://\(repo.subdomain)\(isStatic ? ".static" : "").hf.space"
            members["host"] = .string(await hub.spaces?.host(of: repo) ?? name)
        } else {
            members["downloads"] = 0
            members["downloadsAllTime"] = 0
        }
        if wants("runtime", extent), repo.kind == .space {
            if let runtime {
                members["runtime"] = runtime.json
            } else {
                members["runtime"] = await hub.spaces?.runtime(of: repo)
            }
        }
        if wants("siblings", extent), let sha {
            var withBlobs = false
            if case .info(let blobs) = extent { withBlobs = blobs }
            members["siblings"] = .array(try await git.listing(sha).files.map { sibling($0, blobs: withBlobs) })
        }
        if wants("usedStorage", extent) {
            members["usedStorage"] = .int(try await usedStorage(repo, sha))
        }
        return .object(trim(members, extent))
    }

    func wants(_ field: String, _ extent: Extent) -> Bool {
        switch extent {
        case .info: true
        case .full: field != "usedStorage"
        case .short: false
        case .fields(let names): names.contains(field)
        }
    }

    private func trim(_ members: [String: JSON], _ extent: Extent) -> [String: JSON] {
        let rare: Set = [
            "trendingScore", "xetEnabled", "gitalyUid", "downloadsAllTime", "resourceGroup", "region", "visibility",
        ]
        switch extent {
        case .info: return members.filter { !rare.contains($0.key) || $0.key == "visibility" }
        case .full: return members.filter { !rare.contains($0.key) && $0.key != "host" }
        case .short:
            return members.filter {
                !rare.contains($0.key)
                    && !["host", "cardData", "lastModified", "models", "datasets", "disabled", "gated"].contains($0.key)
                    || $0.key == "trendingScore"
            }
        case .fields(let names): return members.filter { names.contains($0.key) || $0.key == "id" || $0.key == "_id" }
        }
    }

    func tags(_ repo: HubRepo, _ card: JSON) -> [String] {
        var tags = (card["tags"]?.array ?? []).compactMap(\.string)
        if repo.kind == .space, let sdk = card["sdk"]?.string ?? repo.sdkAtCreation { tags.insert(sdk, at: 0) }
        if let license = card["license"]?.string { tags.append("license:" + license) }
        tags.append("region:" + (repo.region ?? "us"))
        return tags
    }

    private func sibling(_ entry: GitEntry, blobs: Bool) -> JSON {
        guard blobs else { return ["rfilename": .string(entry.path)] }
        return .object(dropping: [
            "rfilename": .string(entry.path), "size": .int(entry.size), "blobId": .string(entry.oid),
            "lfs": entry.lfs.map {
                ["sha256": .string($0.sha256), "size": .int($0.size), "pointerSize": .int(entry.blobSize)]
            },
        ])
    }

    /// Bytes of the newest commit and of every LFS object that ever came.
    private func usedStorage(_ repo: HubRepo, _ sha: String?) async throws -> Int {
        let objects = hub.store.objects.objects(of: repo.id).reduce(0) { $0 + $1.size }
        guard let sha else { return objects }
        return try await hub.git(repo).listing(sha).files.reduce(objects) { $0 + $1.blobSize }
    }
}
