import FoundationEssentials
import HTTPTypes
package import Hummingbird

/// Branches, tags, references. Source: huggingface_hub `HfApi.list_repo_refs`, `create_branch`, `delete_branch`, `create_tag`,
/// `delete_tag`.
package struct RefsArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        for kind in RepoKind.allCases {
            let base = "/api/\(kind.plural)/:ns/:name"
            router.get("\(base)/refs") { request, context in
                let repo = try await hub.repo(kind, request, context)
                let references = try await hub.git(repo).references()
                func list(_ prefix: String) -> JSON {
                    .array(
                        references.filter { $0.key.text.hasPrefix(prefix) }.sorted { $0.key < $1.key }.map {
                            [
                                "name": .string(String($0.key.text.dropFirst(prefix.count))),
                                "ref": .string($0.key.text),
                                "targetCommit": .string($0.value),
                            ]
                        })
                }
                return try Response.json(
                    .object(dropping: [
                        "branches": list("refs/heads/"), "tags": list("refs/tags/"), "converts": list("refs/convert/"),
                        "pullRequests": request.flag("include_prs") ? list("refs/pr/") : nil,
                    ]))
            }
            router.post("\(base)/branch/:branch") { request, context in
                try await Self.createBranch(kind, request, context, hub)
            }
            router.delete("\(base)/branch/:branch") { request, context in
                let name = try context.decoded("branch")
                if name == "main" { throw HubError.forbidden("Cannot delete refs/heads/main") }
                return try await Self.delete("refs/heads/" + name, kind, request, context, hub)
            }
            router.post("\(base)/tag/:rev") { request, context in
                try await Self.createTag(kind, request, context, hub)
            }
            router.delete("\(base)/tag/:rev") { request, context in
                try await Self.delete("refs/tags/" + (try context.decoded("rev")), kind, request, context, hub)
            }
        }
    }

    private static func createBranch(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context, right: .write)
        let caller = try context.requireCaller()
        let name = try context.decoded("branch")
        let reference = "refs/heads/" + name
        // Source: huggingface_hub `create_branch`: `refs/…` is refused with 400.
        guard !name.hasPrefix("refs/"), await isValid(reference) else {
            throw HubError.bad("Invalid branch name: \(name)")
        }
        let body = try await request.json()
        let git = hub.git(repo)
        let moved = try await git.gate.run {
            let old = try await git.references()[reference]
            if old != nil, body["overwrite"]?.bool != true {
                throw HubError(.conflict, "Reference \(reference) already exists")
            }
            if body["emptyBranch"]?.bool == true {
                let sha = try await GitImport(
                    reference: reference, parent: nil, author: caller.account, date: hub.date, title: "initial commit",
                    body: "", changes: [.write(path: ".gitattributes", content: GitRules.defaultAttributes)]
                ).write(to: git)
                return (old: old, new: sha)
            }
            let start = body["startingPoint"]?.string ?? "main"
            guard let sha = try await git.resolve(start) else { throw HubError.noRevision(start) }
            try await git.setReference(reference, to: sha)
            return (old: old, new: sha)
        }
        await hub.referenceMoved(repo, reference, from: moved.old, to: moved.new)
        return Response.text("OK")
    }

    private static func createTag(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context, right: .write)
        let caller = try context.requireCaller()
        let body = try await request.json()
        let revision = try context.decoded("rev")
        let git = hub.git(repo)
        // The revision is looked for first. Source: huggingface_hub `test_create_tag_on_missing_revision`.
        guard try await git.resolve(revision) != nil else { throw HubError.noRevision(revision) }
        guard let tag = body["tag"]?.string, await isValid("refs/tags/" + tag) else {
            throw HubError.bad("Invalid tag name")
        }
        let message = body["message"]?.string ?? ""
        guard !message.utf8.contains(0) else { throw HubError.bad("\"message\" must have no zero byte") }
        let sha = try await git.gate.run {
            guard let sha = try await git.resolve(revision) else { throw HubError.noRevision(revision) }
            if try await git.references()["refs/tags/" + tag] != nil {
                throw HubError(.conflict, "Tag reference exists already")
            }
            if !message.isEmpty {
                // An annotated tag points to its own object, which points to the commit.
                let content =
                    "object \(sha)\ntype commit\ntag \(tag)\ntagger \(caller.account.name) <\(caller.account.id)@users.noreply.example.org> \(Int(hub.date.timeIntervalSince1970)) +0000\n\n\(message)\n"
                let object = try await git.text(["mktag"], input: Array(content.utf8))
                try await git.setReference("refs/tags/" + tag, to: object)
                git.noteReference("refs/tags/" + tag, sha)
            } else {
                try await git.setReference("refs/tags/" + tag, to: sha)
            }
            return sha
        }
        await hub.referenceMoved(repo, "refs/tags/" + tag, from: nil, to: sha)
        return Response.text("OK")
    }

    private static func delete(
        _ reference: String, _ kind: RepoKind, _ request: Request, _ context: HubContext, _ hub: SimulatedHub
    ) async throws -> Response {
        let repo = try await hub.repo(kind, request, context, right: .write)
        let git = hub.git(repo)
        let old = try await git.gate.run {
            guard let old = try await git.references()[reference] else {
                // Source: huggingface_hub `test_delete_branch_on_missing_branch_fails`.
                throw HubError.noRevision(reference.split(separator: "/").dropFirst(2).joined(separator: "/"))
            }
            try await git.setReference(reference, to: nil)
            return old
        }
        await hub.referenceMoved(repo, reference, from: old, to: nil)
        return Response.text("OK")
    }

    private static func isValid(_ reference: String) async -> Bool {
        // A program's argument ends at a zero byte.
        if reference.hasControlCharacter { return false }
        do {
            try await Git.run(["check-ref-format", reference])
            return true
        } catch {
            return false
        }
    }
}
