import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Commits, comparisons, squashing. Source: huggingface_hub `HfApi.list_repo_commits`, `super_squash_history`; `p`, `limit`,
/// `X-Total-Count` and `compare` from the Hub's OpenAPI document.
package struct HistoryArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/api/\(kind.plural)/:ns/:name"
            router.get("\(base)/commits/:rev") { request, context in
                try await Self.commits(kind, request, context, hub)
            }
            router.get("\(base)/compare/**") { request, context in
                let repo = try await hub.repo(kind, request, context)
                let spec = try context.rest()
                let dots = spec.contains("...") ? "..." : ".."
                let ends = spec.split(separator: dots).map(String.init)
                guard ends.count == 2 else { throw HubError.bad("Invalid compare spec: \(spec)") }
                let from = try await hub.commit(ends[0], of: repo)
                let to = try await hub.commit(ends[1], of: repo)
                let diff = try await hub.git(repo).text(
                    ["diff"] + (request.flag("raw") ? ["--raw"] : []) + ["\(from)\(dots)\(to)"])
                return Response.text(diff.isEmpty ? "" : diff + "\n")
            }
            router.post("\(base)/super-squash/:branch") { request, context in
                try await Self.squash(kind, request, context, hub)
            }
        }
    }

    private static func commits(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context)
        let sha = try await hub.commit(try context.decoded("rev"), of: repo)
        let limit = min(max(request.query("limit").flatMap(Int.init) ?? 50, 1), 1_000)
        let page = max(request.query("p").flatMap(Int.init) ?? 0, 0)
        let git = hub.git(repo)
        let total = try await git.commitCount(sha)
        // A page far behind the last is an empty one.
        let (first, tooFar) = page.multipliedReportingOverflow(by: limit)
        let skip = tooFar ? total : min(first, total)
        let formatted = request.queries("expand").contains("formatted")
        let commits = try await git.commits(from: sha, skip: skip, limit: limit).map { commit -> JSON in
            .object(dropping: [
                "id": .string(commit.id), "title": .string(commit.title), "message": .string(commit.message),
                "date": .date(Date(timeIntervalSince1970: Double(commit.time))),
                "authors": [["user": .string(commit.author), "avatar": .string("/avatars/\(commit.author).svg")]],
                "formatted": formatted
                    ? ["title": .string(escaped(commit.title)), "message": .string(escaped(commit.message))] : nil,
            ])
        }
        var headers: HTTPFields = [.totalCount: "\(total)"]
        if total - skip > limit {
            headers[.link] = Page.link(request, hub, replacing: "p", with: "\(page + 1)")
        }
        return try Response.json(.array(commits), headers: headers)
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private static func squash(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context, right: .write)
        let caller = try context.requireCaller()
        let branch = try context.decoded("branch")
        let message = try await request.json()["message"]?.string ?? "Super-squash branch '\(branch)'"
        guard message.count <= 500 else { throw HubError.bad("\"message\" is too long") }
        let git = hub.git(repo)
        guard !message.utf8.contains(0) else { throw HubError.bad("\"message\" must have no zero byte") }
        // Pull requests are squashed by their whole name. Source: huggingface_hub `test_super_squash_history_on_special_ref`.
        let reference = branch.hasPrefix("refs/pr/") ? branch : "refs/heads/" + branch
        /// Sets the branch to one commit with the tree of what it is at.
        func squashed(_ seen: String?) async throws -> (old: String, new: String) {
            guard let now = try await git.references()[reference] else { throw HubError.noRevision(branch) }
            let old = seen ?? now
            let when = "\(Int(hub.date.timeIntervalSince1970)) +0000"
            let who = "\(caller.account.name) <\(caller.account.id)@users.noreply.example.org> \(when)"
            let tree = try await git.text(["rev-parse", old + "^{tree}"])
            let content = "tree \(tree)\nauthor \(who)\ncommitter \(who)\n\n\(message)\n"
            let new = try await git.text(["hash-object", "-t", "commit", "-w", "--stdin"], input: Array(content.utf8))
            try await git.setReference(reference, to: new)
            return (now, new)
        }
        var seen: String?
        if let pause = hub.configuration.squashPause {
            seen = try await git.references()[reference]
            try await hub.configuration.time.sleep(for: pause, on: context.channel.eventLoop)
        }
        let (old, new) = try await git.gate.run { [seen] in try await squashed(seen) }
        await hub.referenceMoved(repo, reference, from: old, to: new)
        return try Response.json(["commitId": .string(new)])
    }
}
