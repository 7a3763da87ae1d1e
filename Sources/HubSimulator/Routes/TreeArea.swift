import Foundation
import HTTPTypes
package import Hummingbird

/// Trees, single paths, sizes. Source: huggingface_hub `HfApi.list_repo_tree`, `get_paths_info`; `treesize` and the page sizes
/// from the Hub's OpenAPI document.
package struct TreeArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/api/\(kind.plural)/:ns/:name"
            for path in ["\(base)/tree/:rev", "\(base)/tree/:rev/**"] {
                router.get(RouterPath(path)) { request, context in try await Self.tree(kind, request, context, hub) }
            }
            for path in ["\(base)/treesize/:rev", "\(base)/treesize/:rev/**"] {
                router.get(RouterPath(path)) { request, context in
                    let repo = try await hub.repo(kind, request, context)
                    let sha = try await hub.commit(try context.decoded("rev"), of: repo)
                    let path = try context.rest()
                    let listing = try await hub.git(repo).listing(sha)
                    if !path.isEmpty, listing[path] == nil { throw HubError.noEntry(path, commit: sha) }
                    let below = listing.under(path, recursive: true)
                    let size = ((listing[path].map { [$0] } ?? []) + below).reduce(0) {
                        $0.adding(atMost: $1.isFolder ? 0 : $1.size)
                    }
                    return try Response.json(["path": .string("/" + path), "size": .int(size)])
                }
            }
            router.post("\(base)/paths-info/:rev") { request, context in
                try await Self.paths(kind, request, context, hub)
            }
        }
    }

    private static func tree(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context)
        let sha = try await hub.commit(try context.decoded("rev"), of: repo)
        let folder = try context.rest()
        let git = hub.git(repo)
        let listing = try await git.listing(sha)
        if !folder.isEmpty, listing[folder]?.isFolder != true { throw HubError.noEntry(folder, commit: sha) }
        let expands = request.flag("expand")
        let most = expands ? hub.configuration.limits.expandedTreePage : hub.configuration.limits.treePage
        let page = try Page(request, defaultLimit: most, most: most)
        let entries = listing.under(folder, recursive: request.flag("recursive"))
        let last = expands ? try await git.lastCommits(sha) : nil
        return try Response.json(
            .array(page.slice(entries).map { describe($0, last) }),
            headers: page.headers(request, total: entries.count, hub))
    }

    private static func paths(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context)
        let sha = try await hub.commit(try context.decoded("rev"), of: repo)
        // Python sends a form, the OpenAPI document says JSON.
        var paths: [String] = []
        var expands = false
        if request.headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true {
            let form = String(buffer: try await request.body.collect(upTo: 32 << 20))
            for pair in form.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, let value = parts[1].replacing("+", with: " ").removingPercentEncoding else {
                    continue
                }
                if parts[0] == "paths" || parts[0] == "paths%5B%5D" { paths.append(value) }
                if parts[0] == "expand" { expands = value.lowercased() == "true" || value == "1" }
            }
        } else {
            let body = try await request.json()
            paths = body["paths"]?.string.map { [$0] } ?? (body["paths"]?.array ?? []).compactMap(\.string)
            expands = body["expand"]?.bool ?? false
        }
        guard paths.count <= 2_000 else { throw HubError(.contentTooLarge, "Too many paths: at most 2000") }
        let git = hub.git(repo)
        let listing = try await git.listing(sha)
        let last = expands ? try await git.lastCommits(sha) : nil
        return try Response.json(
            .array(
                paths.compactMap { path in
                    listing[path.utf8.last == 47 ? String(Substring(path.utf8.dropLast())) : path].map {
                        describe($0, last)
                    }
                }))
    }

    static func describe(_ entry: GitEntry, _ last: [ExactText: GitCommit]?) -> JSON {
        .object(dropping: [
            "type": entry.isFolder ? "directory" : "file", "oid": .string(entry.oid),
            "size": .int(entry.isFolder ? 0 : entry.size), "path": .string(entry.path),
            "lfs": entry.lfs.map {
                ["oid": .string($0.sha256), "size": .int($0.size), "pointerSize": .int(entry.blobSize)]
            },
            "lastCommit": last?[entry.path].map {
                [
                    "id": .string($0.id), "title": .string($0.title),
                    "date": .date(Date(timeIntervalSince1970: Double($0.time))),
                ]
            },
            "securityFileStatus": last == nil || entry.isFolder
                ? nil : ["status": "safe", "avScan": .null, "pickleImportScan": .null],
        ])
    }
}
