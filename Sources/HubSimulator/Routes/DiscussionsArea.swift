import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Pull requests and discussions: list, read, open, comment, close, merge. Source: huggingface_hub
/// `HfApi.get_repo_discussions`, `get_discussion_details`, `create_discussion`, `merge_pull_request`,
/// `change_discussion_status`; `community.deserialize_event`.
package struct DiscussionsArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/api/\(kind.plural)/:ns/:name/discussions"
            router.get("\(base)") { request, context in try await Self.list(kind, request, context, hub) }
            router.post("\(base)") { request, context in try await Self.open(kind, request, context, hub) }
            router.get("\(base)/:num") { request, context in
                let (repo, discussion) = try await Self.find(kind, request, context, hub)
                return try Response.json(try await Self.details(discussion, repo, hub, diff: request.flag("diff")))
            }
            router.post("\(base)/:num/comment") { request, context in
                let (repo, discussion) = try await Self.find(kind, request, context, hub)
                let caller = try context.requireCaller()
                guard let text = try await request.json()["comment"]?.string else {
                    throw HubError.bad("\"comment\" is required")
                }
                let event = await Self.comment(text, caller, hub)
                await Self.change(repo, discussion.number, hub) { $0.events.append(event) }
                return try Response.json(["newMessage": event])
            }
            router.post("\(base)/:num/status") { request, context in
                let (repo, discussion) = try await Self.find(kind, request, context, hub, right: .write)
                let body = try await request.json()
                guard let status = body["status"]?.string, ["open", "closed"].contains(status) else {
                    throw HubError.bad("\"status\" must be open or closed")
                }
                let event = await Self.event(
                    "status-change", ["status": .string(status)], try context.requireCaller(), hub)
                await Self.change(repo, discussion.number, hub) {
                    $0.status = status
                    $0.events.append(event)
                }
                return try Response.json(["newStatus": event])
            }
            router.post("\(base)/:num/title") { request, context in
                let (repo, discussion) = try await Self.find(kind, request, context, hub)
                let caller = try context.requireCaller()
                try await Self.requireOwn(discussion, repo, caller, hub)
                guard let title = try await request.json()["title"]?.string, Self.isTitle(title) else {
                    throw HubError.bad("\"title\" must have 3 to 200 characters, in one line")
                }
                let event = await Self.event(
                    "title-change", ["from": .string(discussion.title), "to": .string(title)], caller, hub)
                await Self.change(repo, discussion.number, hub) {
                    $0.title = title
                    $0.events.append(event)
                }
                return try Response.json(["newTitle": event])
            }
            for action in ["edit", "hide"] {
                router.post("\(base)/:num/comment/:id/\(RouterPath(action))") { request, context in
                    try await Self.edit(kind, hides: action == "hide", request, context, hub)
                }
            }
            router.post("\(base)/:num/merge") { request, context in
                try await Self.merge(kind, request, context, hub)
            }
        }
    }

    private static func find(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub, right: RepoRight = .read
    ) async throws -> (HubRepo, HubRepo.PullRequest) {
        let repo = try await hub.repo(kind, request, context, right: right)
        let number = Int(try context.decoded("num")) ?? 0
        guard let discussion = repo.pullRequests.first(where: { $0.number == number }) else {
            throw HubError(.notFound, "Discussion not found")
        }
        return (repo, discussion)
    }

    /// Who wrote it, or may write to the repository, changes it.
    private static func requireOwn(
        _ discussion: HubRepo.PullRequest, _ repo: HubRepo, _ caller: HubCaller, _ hub: SimulatedHub
    ) async throws {
        guard discussion.author != caller.account.name else { return }
        guard await hub.state.right(of: caller, on: repo) == .write else {
            throw HubError.forbidden("You may not change this discussion")
        }
    }

    private static func isTitle(_ title: String) -> Bool {
        (3...200).contains(title.count) && !title.hasControlCharacter
    }

    /// Source: huggingface_hub `edit_discussion_comment`, `hide_discussion_comment`, `community.deserialize_event`.
    private static func edit(
        _ kind: RepoKind, hides: Bool, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let (repo, discussion) = try await find(kind, request, context, hub)
        let caller = try context.requireCaller()
        let id = try context.decoded("id")
        guard let index = discussion.events.firstIndex(where: { $0["id"]?.string == id }),
            case .object(var event) = discussion.events[index], case .object(var data)? = event["data"],
            event["type"] == "comment"
        else { throw HubError(.notFound, "Comment not found") }
        if event["author"]?["name"]?.string != caller.account.name {
            guard hides, await hub.state.right(of: caller, on: repo) == .write else {
                throw HubError.forbidden("You may not change this comment")
            }
        }
        if hides {
            data["hidden"] = true
            data["hiddenBy"] = .string(caller.account.name)
            data["latest"] = ["raw": "This comment has been hidden"]
        } else {
            guard let text = try await request.json()["content"]?.string else {
                throw HubError.bad("\"content\" is required")
            }
            data["edited"] = true
            data["numEdits"] = .int((data["numEdits"]?.int ?? 0) + 1)
            data["latest"] = [
                "raw": .string(text), "updatedAt": .date(hub.date),
                "author": ["name": .string(caller.account.name), "type": "user"],
            ]
        }
        event["data"] = .object(data)
        let changed = JSON.object(event)
        await change(repo, discussion.number, hub) { discussion in
            guard let index = discussion.events.firstIndex(where: { $0["id"]?.string == id }) else { return }
            discussion.events[index] = changed
        }
        return try Response.json(["updatedComment": changed])
    }

    private static func change(
        _ repo: HubRepo, _ number: Int, _ hub: SimulatedHub, _ change: @Sendable (inout HubRepo.PullRequest) -> Void
    ) async {
        await hub.state.update(repo.id) { repo in
            guard let index = repo.pullRequests.firstIndex(where: { $0.number == number }) else { return }
            change(&repo.pullRequests[index])
        }
    }

    private static func event(_ type: String, _ data: JSON, _ caller: HubCaller, _ hub: SimulatedHub) async -> JSON {
        [
            "id": .string(await hub.state.freshID()), "type": .string(type), "createdAt": .date(hub.date),
            "author": ["name": .string(caller.account.name), "type": "user"], "data": data,
        ]
    }

    static func comment(_ text: String, _ caller: HubCaller, _ hub: SimulatedHub) async -> JSON {
        await event("comment", ["edited": false, "hidden": false, "latest": ["raw": .string(text)]], caller, hub)
    }

    private static func list(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context)
        var found = repo.pullRequests.sorted { $0.number > $1.number }
        switch request.query("type") {
        case "pull_request": found = found.filter(\.isPullRequest)
        case "discussion": found = found.filter { !$0.isPullRequest }
        default: break
        }
        if let status = request.query("status"), status != "all" {
            // A fresh pull request is a draft, and open. Source: huggingface_hub `test_hf_api.py`.
            found = found.filter { (status == "open") == ($0.status == "open" || $0.status == "draft") }
        }
        if let author = request.query("author") { found = found.filter { $0.author == author } }
        let (first, tooFar) = max(request.query("p").flatMap(Int.init) ?? 0, 0).multipliedReportingOverflow(by: 50)
        let start = tooFar ? found.count : first
        return try Response.json([
            "discussions": .array(found.dropFirst(start).prefix(50).map { summary($0, repo) }),
            "count": .int(found.count),
            "start": .int(start),
        ])
    }

    private static func summary(_ discussion: HubRepo.PullRequest, _ repo: HubRepo) -> JSON {
        [
            "num": .int(discussion.number), "title": .string(discussion.title), "status": .string(discussion.status),
            "author": ["name": .string(discussion.author), "type": "user"], "createdAt": .date(discussion.createdAt),
            "isPullRequest": .bool(discussion.isPullRequest),
            "repo": ["name": .string(repo.fullName), "type": .string(repo.kind.rawValue)],
        ]
    }

    private static func details(
        _ discussion: HubRepo.PullRequest, _ repo: HubRepo, _ hub: SimulatedHub, diff wantsDiff: Bool
    ) async throws -> JSON {
        guard case .object(var members) = summary(discussion, repo) else { return .null }
        var events = discussion.events
        if discussion.isPullRequest {
            let git = hub.git(repo)
            members["changes"] = .object(dropping: [
                "base": .string(discussion.target), "mergeCommitId": discussion.mergeCommit.map(JSON.string),
            ])
            members["filesWithConflicts"] = []
            let references = try await git.references()
            if let head = references["refs/pr/\(discussion.number)"], let base = references[discussion.target] {
                for commit in try await git.commits(from: "\(base)..\(head)", skip: 0, limit: 50).reversed() {
                    events.append([
                        "id": .string(commit.id), "type": "commit",
                        "createdAt": .date(Date(timeIntervalSince1970: Double(commit.time))),
                        "author": ["name": .string(commit.author), "type": "user"],
                        "data": ["subject": .string(commit.title), "oid": .string(commit.id)],
                    ])
                }
                if wantsDiff { members["diff"] = .string(try await git.text(["diff", "\(base)...\(head)"])) }
            }
        }
        members["events"] = .array(events)
        return .object(members)
    }

    private static func open(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context)
        let caller = try context.requireCaller()
        if repo.discussionsDisabled { throw HubError.forbidden("Discussions are disabled for this repo") }
        let body = try await request.json()
        guard let title = body["title"]?.string, isTitle(title) else {
            throw HubError.bad("\"title\" must have 3 to 200 characters, in one line")
        }
        let text = body["description"]?.string ?? ""
        let first = await comment(text, caller, hub)
        let isPullRequest = body["pullRequest"]?.bool ?? false
        let git = hub.git(repo)
        let opened = try await git.gate.run {
            let number = (await hub.state.repo(id: repo.id)?.pullRequests.count ?? 0) + 1
            let head = try await git.references()["refs/heads/main"]
            if isPullRequest { try await git.setReference("refs/pr/\(number)", to: head) }
            let discussion = HubRepo.PullRequest(
                number: number, title: title, isPullRequest: isPullRequest, status: isPullRequest ? "draft" : "open",
                author: caller.account.name, target: "refs/heads/main", createdAt: hub.date, events: [first])
            await hub.state.update(repo.id) { $0.pullRequests.append(discussion) }
            return (number: number, head: head)
        }
        if isPullRequest { await hub.referenceMoved(repo, "refs/pr/\(opened.number)", from: nil, to: opened.head) }
        return try Response.json([
            "num": .int(opened.number), "url": .string("\(hub.url(repo))/discussions/\(opened.number)"),
            "pullRequest": .bool(isPullRequest),
        ])
    }

    private static func merge(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let (repo, discussion) = try await find(kind, request, context, hub, right: .write)
        let caller = try context.requireCaller()
        guard discussion.isPullRequest, discussion.status == "open" || discussion.status == "draft" else {
            throw HubError.bad("This pull request cannot be merged")
        }
        let git = hub.git(repo)
        let (old, new) = try await git.gate.run {
            let references = try await git.references()
            guard let base = references[discussion.target], let head = references["refs/pr/\(discussion.number)"] else {
                throw HubError.noRevision("refs/pr/\(discussion.number)")
            }
            let tree: String
            do { tree = try await git.text(["merge-tree", "--write-tree", base, head]) } catch is GitFailure {
                throw HubError(.conflict, "This pull request has conflicts with \(discussion.target)")
            }
            let who =
                "\(caller.account.name) <\(caller.account.id)@users.noreply.example.org> \(Int(hub.date.timeIntervalSince1970)) +0000"
            let content =
                "tree \(tree)\nparent \(base)\nparent \(head)\nauthor \(who)\ncommitter \(who)\n\n\(discussion.title) (#\(discussion.number))\n"
            let commit = try await git.text(
                ["hash-object", "-t", "commit", "-w", "--stdin"], input: Array(content.utf8))
            try await git.setReference(discussion.target, to: commit)
            return (base, commit)
        }
        let event = await event("status-change", ["status": "merged"], caller, hub)
        await change(repo, discussion.number, hub) {
            $0.status = "merged"
            $0.mergeCommit = new
            $0.events.append(event)
        }
        await hub.referenceMoved(repo, discussion.target, from: old, to: new)
        return try Response.json(["success": true])
    }
}
