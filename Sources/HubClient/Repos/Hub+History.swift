import NIOCore
import NIOHTTP1
package import StokerCore

/// A commit as the Hub lists it.
package struct RepoCommit: Sendable, Equatable {
    /// SHA-1 of git, 40 hexadecimal digits.
    package var id: String
    package var title: String
    package var message: String
    /// RFC 3339, as the Hub wrote it.
    package var date: String?
    package var authors: [String]

    package init?(_ raw: JSONValue) {
        guard let id = raw["id"]?.string else { return nil }
        self.id = id
        title = raw["title"]?.string ?? ""
        message = raw["message"]?.string ?? ""
        date = raw["date"]?.string
        authors = (raw["authors"]?.array ?? []).compactMap { $0["user"]?.string }
    }
}

/// A large file as the Hub stores it, whatever commits name it.
package struct LFSFile: Sendable, Equatable {
    /// What ``Hub/deleteLFSFiles(_:of:rewritingHistory:)`` takes.
    package var fileOID: String
    /// sha256 of the content.
    package var oid: String?
    package var path: String?
    package var size: Int?
    package var pushedAt: String?
    /// Branches or tags that name it.
    package var ref: String?

    package init?(_ raw: JSONValue) {
        guard let id = raw["fileOid"]?.string ?? raw["oid"]?.string else { return nil }
        fileOID = id
        oid = raw["oid"]?.string
        path = raw["filename"]?.string ?? raw["path"]?.string
        size = raw["size"]?.integer
        pushedAt = raw["pushedAt"]?.string
        ref = raw["ref"]?.string
    }
}

extension Hub {
    /// Newest first. 50 a page unless `pageSize` (up to 1,000) says otherwise.
    package func history(of repo: RepoID, revision: String = "main", pageSize: Int? = nil, limit: Int? = nil)
        -> HubList<RepoCommit>
    {
        let request = HubRequest(
            .GET, "\(repo.api)/commits/\(HubURL.segment(revision))", doing: "read the history of \(repo)",
            query: pageSize.map { [("limit", "\($0)")] } ?? [], right: "read access to \(repo)")
        return HubList(hub: self, request, limit: limit, read: RepoCommit.init)
    }

    /// How many commits a branch has (`X-Total-Count`); nil when the Hub does not say.
    package func commitCount(of repo: RepoID, revision: String = "main") async throws(HubFailure) -> Int? {
        let answer = try await send(
            HubRequest(
                .GET, "\(repo.api)/commits/\(HubURL.segment(revision))", doing: "count the commits of \(repo)",
                query: [("limit", "1")], right: "read access to \(repo)"))
        return answer.headers.first(name: "X-Total-Count").flatMap { Int($0) }
    }

    /// The difference between two revisions as `git diff` writes it. (With `raw=true` the Hub writes as `git diff --raw` does: modes
    /// and ids, no lines.)
    package func compare(_ old: String, _ new: String, in repo: RepoID) async throws(HubFailure) -> String {
        let answer = try await send(
            HubRequest(
                .GET, "\(repo.api)/compare/\(HubURL.segment(old))..\(HubURL.segment(new))",
                doing: "compare \(old) with \(new) in \(repo)", right: "read access to \(repo)"))
        return String(buffer: answer.body)
    }

    /// Makes one commit of a branch's whole history, for good: the old commits are gone. On `main` of a Space it builds anew.
    /// - Parameters:
    ///   - message: at most 500 characters.
    ///   - head: when given, the branch must still be there; a squash whose answer was lost is recognised by the moved head.
    /// - Returns: the new head.
    @discardableResult
    package func superSquash(
        _ repo: RepoID, branch: String = "main", message: String, head: String? = nil
    ) async throws(HubFailure) -> String? {
        struct Body: Encodable { var message: String }
        let doing = "squash the history of \(branch) in \(repo)"
        if let head {
            let now = try await info(of: repo, revision: branch, expand: ["sha"]).sha
            guard now == head else {
                throw HubFailure(
                    .stale, doing: doing, said: "the branch is at \(now ?? "an unknown commit")",
                    hint: "look at what is there now")
            }
        }
        let request = HubRequest(
            .POST, "\(repo.api)/super-squash/\(HubURL.segment(branch))", doing: doing,
            body: .json(encoding: Body(message: String(message.prefix(500)))), right: "write access to \(repo)",
            timeout: .seconds(90), action: .write(repo: repo))
        do {
            let answer = try await send(request)
            let json: JSONValue? = try? answer.decoded(doing: doing)  // older Hubs answer nothing
            return json?["commitId"]?.string
        } catch {
            guard let head, error.kind == .unreachable || error.kind == .trouble else { throw error }
            let newest = try await history(of: repo, revision: branch, pageSize: 2, limit: 2).all()
            // One commit that is not the head we knew: it happened.
            guard newest.count == 1, let first = newest.first, first.id != head else { throw error }
            return first.id
        }
    }

    /// Large files that the Hub stores for a repo, with those that no commit names any more.
    package func lfsFiles(of repo: RepoID) -> HubList<LFSFile> {
        HubList(
            hub: self,
            HubRequest(
                .GET, "\(repo.api)/lfs-files", doing: "list the large files of \(repo)",
                right: "write access to \(repo)"),
            read: LFSFile.init)
    }

    /// Deletes large files for good and frees their storage; deleting them in git does not. In parts of 1,000.
    /// - Parameter rewritingHistory: commits that named them are made anew, with new ids.
    package func deleteLFSFiles(_ ids: [String], of repo: RepoID, rewritingHistory: Bool = true)
        async throws(HubFailure)
    {
        struct Body: Encodable {
            struct Deletions: Encodable {
                var sha: [String]
                var rewriteHistory: Bool
            }
            var deletions: Deletions
        }
        var rest = ids[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(1_000))
            rest = rest.dropFirst(1_000)
            _ = try await send(
                HubRequest(
                    .POST, "\(repo.api)/lfs-files/batch", doing: "delete \(part.count) large files of \(repo)",
                    body: .json(encoding: Body(deletions: .init(sha: part, rewriteHistory: rewritingHistory))),
                    right: "write access to \(repo)", timeout: .seconds(90), action: .write(repo: repo)))
        }
    }
}
