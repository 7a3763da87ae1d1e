import FoundationEssentials
import HTTPTypes
package import Hummingbird
import NIOFoundationCompat

/// `preupload` and `commit`. Source: huggingface_hub `_commit_api._fetch_upload_modes`, `_send_commit`.
package struct CommitArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            router.post("/api/\(kind.plural)/:ns/:name/preupload/:rev") { request, context in
                try await Self.preupload(kind, request, context, hub)
            }
            router.post("/api/\(kind.plural)/:ns/:name/commit/:rev") { request, context in
                try await Self.commit(kind, request, context, hub)
            }
        }
    }

    // MARK: preupload

    private struct Preupload: Decodable {
        struct File: Decodable {
            var path: String
            var size: Int
            /// The first 512 bytes, in base64.
            var sample: String?
        }
        var files: [File]
        var gitAttributes: String?
        var gitIgnore: String?
    }

    /// Typed, because it may tell of a thousand files.
    private struct Preuploaded: Encodable {
        struct File: Encodable {
            var path: String
            var uploadMode: String
            var shouldIgnore: Bool
            var oid: String?
        }
        var files: [File]
        var commitOid: String
    }

    private static func preupload(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        // Whoever may read may propose a pull request.
        let repo = try await hub.repo(kind, request, context, right: request.flag("create_pr") ? .read : .write)
        _ = try context.requireCaller()
        let sha = try await hub.commit(try context.decoded("rev"), of: repo)
        let body: Preupload
        do {
            let content = try await request.body.collect(upTo: 32 << 20)
            body = try JSONDecoder().decode(Preupload.self, from: Data(buffer: content, byteTransferStrategy: .noCopy))
        } catch is DecodingError {
            throw HubError(.unprocessableContent, "\"files\" need \"path\" and \"size\"")
        }
        let wanted = body.files
        guard wanted.count <= 1_000 else { throw HubError(.contentTooLarge, "Too many files: at most 1000") }
        let git = hub.git(repo)
        let listing = try await git.listing(sha)
        let attributes = try await text(body.gitAttributes, ".gitattributes", listing, git)
        let ignore = try await text(body.gitIgnore, ".gitignore", listing, git)
        let paths = wanted.map(\.path)
        for path in paths { try CommitBody.checkPath(path) }
        let byRule = try await hub.store.rules.lfs(paths, attributes: attributes)
        let ignored = try await hub.store.rules.ignored(paths, rules: ignore)
        let files = wanted.map { file -> Preuploaded.File in
            // A README is always text. Source: hub-docs `repositories-getting-started`.
            let large =
                byRule.contains(file.path) || file.size > hub.configuration.limits.regularFile
                || GitRules.looksBinary(Array(file.sample.flatMap { Data(base64Encoded: $0) } ?? Data()))
            let stored = listing[file.path].flatMap { $0.isFolder ? nil : $0 }
            return Preuploaded.File(
                path: file.path, uploadMode: large ? "lfs" : "regular", shouldIgnore: ignored.contains(file.path),
                oid: stored.map { $0.lfs?.sha256 ?? $0.oid })
        }
        return try Response.json(encoding: Preuploaded(files: files, commitOid: sha))
    }

    private static func text(
        _ sent: String?, _ path: String, _ listing: GitListing, _ git: GitRepository
    ) async throws -> [UInt8] {
        if let sent { return Array(sent.utf8) }
        return try await git.rules(path, at: listing)
    }

    // MARK: commit

    private static func commit(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let createsPR = request.flag("create_pr")
        let repo = try await hub.repo(kind, request, context, right: createsPR ? .read : .write)
        let caller = try context.requireCaller()
        let git = hub.git(repo)
        let result = try await GitFeed.open(git) { feed in
            let body = try await CommitBody.read(request, into: feed)
            let revision = try context.decoded("rev")
            try await hub.state.countAction(
                "repository commits", who: repo.id, limit: hub.configuration.limits.commitsPerHour,
                span: .seconds(3_600),
                per: "hour")
            try await hub.state.countAction(
                "commits", who: caller.account.id, limit: hub.configuration.limits.commitsPerHourInAll,
                span: .seconds(3_600), per: "hour")
            return try await git.gate.run {
                let references = try await git.references()
                let base = revision.hasPrefix("refs/") ? revision : "refs/heads/" + revision
                guard let head = references[base], !createsPR || base.hasPrefix("refs/heads/"),
                    base.hasPrefix("refs/heads/") || base.hasPrefix("refs/pr/")
                else { throw HubError.noRevision(revision) }
                var parent = head
                if let wanted = body.parent, wanted != head {
                    // Source: huggingface_hub `create_commit`: a pull request begins at any parent, a branch only at its head.
                    guard createsPR, let known = try await git.resolve(wanted) else {
                        throw HubError(
                            .preconditionFailed,
                            "The branch was updated since you opened this page. Please refresh and try again.")
                    }
                    parent = known
                }
                let number = (await hub.state.repo(id: repo.id)?.pullRequests.count ?? 0) + 1
                let target = createsPR ? "refs/pr/\(number)" : base
                let changes = try await Self.changes(body, repo: repo, parent: parent, git: git, hub: hub)
                let sha = try await feed.commit(
                    GitImport(
                        reference: target, parent: parent, author: caller.account, date: hub.date, title: body.summary,
                        body: body.description, changes: changes))
                if createsPR {
                    let comment = await DiscussionsArea.comment(body.description, caller, hub)
                    let request = HubRepo.PullRequest(
                        number: number, title: body.summary, status: "open", author: caller.account.name, target: base,
                        createdAt: hub.date, events: [comment])
                    await hub.state.update(repo.id) { $0.pullRequests.append(request) }
                }
                return (sha: sha, target: target, old: createsPR ? nil : head, number: createsPR ? number : nil)
            }
        }
        await hub.referenceMoved(repo, result.target, from: result.old, to: result.sha)
        return try Response.json(
            .object(dropping: [
                "success": true, "commitOid": .string(result.sha),
                "commitUrl": .string("\(hub.url(repo))/commit/\(result.sha)"), "hookOutput": "",
                "pullRequestUrl": result.number.map { .string("\(hub.url(repo))/discussions/\($0)") },
            ]))
    }

    /// What the commit changes: deletions checked, LFS pointers written, `.gitattributes` brought up to date.
    private static func changes(
        _ body: CommitBody, repo: HubRepo, parent: String, git: GitRepository, hub: SimulatedHub
    ) async throws -> [GitImport.Change] {
        let limits = hub.configuration.limits
        let listing = try await git.listing(parent)
        var changes: [GitImport.Change] = []
        var attributes: [UInt8]?
        var large: [String] = []
        // What this commit has written, for "add, then delete" and renames of it.
        var written: Set<ExactText> = []
        func requireEntry(_ path: String, folder: Bool?) throws {
            let entry = listing[path]
            let found = entry.map { folder == nil || $0.isFolder == folder } ?? false
            guard found || written.contains(path) else {
                throw HubError(
                    .notFound, "A file with this name doesn't exist: \(path)", code: "EntryNotFound",
                    headers: [.repoCommit: parent])
            }
        }
        for operation in body.operations {
            switch operation {
            case .file(let path, let content):
                guard content.blob.size <= limits.regularFile else {
                    throw HubError.bad(
                        "\(path) is larger than \(limits.regularFile / 1_000_000) MB: it must be uploaded with LFS")
                }
                if path == "README.md", let bytes = content.bytes { try CardRules.require(bytes, kind: repo.kind) }
                if path == ".gitattributes" { attributes = content.bytes }
                written.insert(path)
                changes.append(.place(path: path, content.blob))
            case .lfsFile(let file):
                guard let object = hub.store.objects.object(file.oid, of: repo.id) else {
                    throw HubError.bad("LFS object \(file.oid) of \(file.path) was not uploaded")
                }
                guard file.size == nil || file.size == object.size else {
                    throw HubError.bad("\(file.path) has another size than its LFS object")
                }
                large.append(file.path)
                written.insert(file.path)
                let pointer = LFSPointer(sha256: object.sha256, size: object.size)
                changes.append(.write(path: file.path, content: Array(pointer.text.utf8)))
            case .deleteFile(let path):
                // A folder named without its slash is deleted, too. Source: huggingface_hub `test_create_commit_implicit_delete_folder_is_ok`.
                try requireEntry(path, folder: nil)
                changes.append(.delete(path: path))
            case .deleteFolder(let path):
                try requireEntry(path, folder: true)
                changes.append(.delete(path: path))
            case .deleteEntry(let path):
                try requireEntry(path, folder: nil)
                changes.append(.delete(path: path))
            case .rename(let from, let to):
                try requireEntry(from, folder: nil)
                written.insert(to)
                changes.append(.rename(from: from, to: to))
            }
        }
        guard large.count <= 25_000 else { throw HubError(.contentTooLarge, "Too many LFS files: at most 25000") }
        if !large.isEmpty {
            let present: [UInt8]
            if let attributes {
                present = attributes
            } else {
                present = try await text(nil, ".gitattributes", listing, git)
            }
            let covered = try await hub.store.rules.lfs(large, attributes: present)
            let missing = large.filter { !covered.contains($0) }
            if !missing.isEmpty {
                var content = present
                if content.last.map({ $0 != 10 }) ?? false { content.append(10) }
                for path in missing {
                    content += GitRules.attributeLine(path.replacing(" ", with: "[[:space:]]")).utf8
                }
                changes.append(.write(path: ".gitattributes", content: content))
            }
        }
        return changes
    }
}
