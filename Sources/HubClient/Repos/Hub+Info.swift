import NIOHTTP1
import StokerCore

extension Hub {
    /// `GET /api/{type}s/{id}`. A renamed repo answers under its new name: compare ``RepoInfo/id``.
    /// - Parameters:
    ///   - revision: branch, tag or commit; nil for `main`.
    ///   - expand: only these fields (`sha`, `runtime`, `private`, …) come back, besides the ids.
    ///   - blobs: sizes and hashes of all files; not together with `expand`.
    package func info(
        of repo: RepoID, revision: String? = nil, expand: [String] = [], blobs: Bool = false, isUrgent: Bool = false
    ) async throws(HubFailure) -> RepoInfo {
        let path = revision.map { "\(repo.api)/revision/\(HubURL.segment($0))" } ?? repo.api
        var request = HubRequest(
            .GET, path, doing: "read \(repo.kind.rawValue) \(repo)", right: "read access to \(repo)")
        request.query = expand.map { ("expand", $0) } + (blobs && expand.isEmpty ? [("blobs", "true")] : [])
        request.isUrgent = isUrgent
        let raw: JSONValue = try await value(request)
        guard let info = RepoInfo(raw) else {
            throw HubFailure(.unreadable, doing: request.doing, said: "the answer names no repo", status: 200)
        }
        return info
    }

    /// The name that the Hub calls a repo by: a person may have written it in other capitals, or as it was called before a move.
    package func canonical(_ repo: RepoID) async throws(HubFailure) -> RepoID {
        let id = try await info(of: repo, expand: ["sha"]).id
        return (try? RepoID(repo.kind, id)) ?? repo
    }

    /// Nil when the repo is absent or not to be seen with this token. A gated one exists.
    package func find(_ repo: RepoID, expand: [String] = []) async throws(HubFailure) -> RepoInfo? {
        do {
            return try await info(of: repo, expand: expand)
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    /// Whether a branch, tag or commit exists.
    package func hasRevision(_ revision: String, in repo: RepoID) async throws(HubFailure) -> Bool {
        do {
            _ = try await info(of: repo, revision: revision, expand: ["sha"])
            return true
        } catch {
            if error.kind == .notFound, error.code == "RevisionNotFound" { return false }
            throw error
        }
    }

    /// `GET /api/{type}s`, page by page. One call tells of many repos: the way to look at a fleet.
    /// - Parameters:
    ///   - author: exact namespace.
    ///   - sort: `createdAt`, `lastModified`, `likes`, `trendingScore`; always descending.
    ///   - pageSize: up to 500 is known to be accepted; nil leaves it to the Hub.
    ///   - limit: repos in all.
    ///   - full: adds files, front matter and times; not together with `expand`.
    package func list(
        _ kind: RepoID.Kind, author: String? = nil, search: String? = nil, filter: [String] = [], sort: String? = nil,
        expand: [String] = [], full: Bool = false, pageSize: Int? = nil, limit: Int? = nil, isUrgent: Bool = false
    ) -> HubList<RepoInfo> {
        let whose = author.map { " of \($0)" } ?? ""
        var request = HubRequest(.GET, "/api/\(kind.plural)", doing: "list the \(kind.plural)\(whose)")
        if let author { request.query.append(("author", author)) }
        if let search { request.query.append(("search", search)) }
        request.query += filter.map { ("filter", $0) }
        if let sort { request.query.append(("sort", sort)) }
        request.query += expand.map { ("expand", $0) }
        if full, expand.isEmpty { request.query.append(("full", "true")) }
        if let pageSize { request.query.append(("limit", "\(pageSize)")) }
        request.isUrgent = isUrgent
        return HubList(hub: self, request, limit: limit, read: RepoInfo.init)
    }

    /// What new Spaces can be made from.
    package func spaceTemplates() async throws(HubFailure) -> [SpaceTemplate] {
        let raw: JSONValue = try await value(.init(.GET, "/api/spaces/templates", doing: "list the Space templates"))
        return (raw["templates"]?.array ?? []).compactMap { item in
            guard let repo = item["repoId"]?.string else { return nil }
            return SpaceTemplate(
                name: item["name"]?.string ?? repo, repo: repo, sdk: item["sdk"]?.string,
                isBetterPrivate: item["preferredPrivate"]?.bool ?? false)
        }
    }
}

/// A start for a new Space, kept by the Hub.
package struct SpaceTemplate: Sendable, Equatable {
    package var name: String
    /// Goes into ``NewRepo/template``.
    package var repo: String
    package var sdk: String?
    /// The Hub's own form makes these private unless told otherwise.
    package var isBetterPrivate: Bool
}
