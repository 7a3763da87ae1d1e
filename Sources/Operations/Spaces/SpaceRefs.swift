import HubClient
import StokerCore

/// Branches and tags are worked with alike; this is what differs.
private enum RefKind: String, Sendable {
    case branch, tag

    var plural: String { self == .branch ? "branches" : "tags" }

    func list(_ refs: RepoRefs) -> [RepoRefs.Ref] { self == .branch ? refs.branches : refs.tags }

    var listing: Operation {
        Operation(
            name: "list-space-\(plural)", summary: "The \(plural) of a Space, and the commits they point to",
            doing: "list the \(plural) of the Space", permission: .write, path: "/spaces/{owner}/{name}/\(plural)",
            parameters: Operation.Parameter.space, answer: .spaceRefs,
            paging: Paging("refs", by: "ref")
        ) { context, arguments in
            let (hub, id) = try await context.space(arguments)
            let refs = list(try await hub.refs(of: id)).sorted { $0.name < $1.name }
            return [
                "space": .string("\(id)"),
                "refs": .array(
                    refs.map { ["name": .string($0.name), "ref": .string($0.ref), "commit": .string($0.commit)] }),
            ]
        }
    }

    var name: Operation.Parameter { .init(rawValue, .path, .text(upTo: 250), "Name of the \(rawValue)") }

    var existsOK: Operation.Parameter {
        .init("exist_ok", .body, .flag, "One that exists already is no failure, wherever it points")
    }

    func made(_ wasMade: Bool, _ name: String, _ id: RepoID) -> JSONValue {
        .object([
            .init("space", .string("\(id)")), .init(rawValue, .string(name)), .init("created", .bool(wasMade)),
        ])
    }

    var deletion: Operation {
        Operation(
            name: "delete-space-\(rawValue)", summary: "Deletes a \(rawValue) of a Space",
            doing: "delete the \(rawValue) of the Space", effect: .destructive, method: .delete,
            path: "/spaces/{owner}/{name}/\(plural)/{\(rawValue)}",
            parameters: Operation.Parameter.space + [
                name, .init("missing_ok", .query, .flag, "One that is not there is no failure"),
            ], answer: .refDeleted(rawValue)
        ) { context, arguments in
            let (hub, id) = try await context.space(arguments)
            let name = arguments.name(rawValue)
            let doing = "delete the \(rawValue) \(name.shortened) of \(id)"
            try await context.confirm(
                Question(
                    .destroys, doing: doing,
                    "Delete the \(rawValue) \(name.shortened) of \(id)? What only it leads to is lost."))
            let missingOK = arguments.flag("missing_ok")
            let was =
                switch self {
                case .branch: try await hub.deleteBranch(name, of: id, missingOK: missingOK)
                case .tag: try await hub.deleteTag(name, of: id, missingOK: missingOK)
                }
            return .object([
                .init("space", .string("\(id)")), .init(rawValue, .string(name)), .init("deleted", .bool(was)),
            ])
        }
    }
}

extension Operation {
    package static let listBranches: Operation = RefKind.branch.listing
    package static let listTags: Operation = RefKind.tag.listing
    package static let deleteBranch: Operation = RefKind.branch.deletion
    package static let deleteTag: Operation = RefKind.tag.deletion

    package static let createBranch = Operation(
        name: "create-space-branch", summary: "Begins a branch of a Space", doing: "create the branch of the Space",
        effect: .write, method: .put, path: "/spaces/{owner}/{name}/branches/{branch}",
        parameters: Parameter.space + [
            RefKind.branch.name,
            .init(
                "revision", .body, .text(upTo: 200), "Branch, tag or commit to begin at; the head of main unless given"),
            RefKind.branch.existsOK,
        ], answer: .refCreated("branch")
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let name = arguments.name("branch")
        // The Hub takes a branch or a commit to begin at; a tag is one name of a commit.
        var start = arguments.text("revision")
        if let revision = start {
            start = try await hub.info(of: id, revision: revision, expand: ["sha"]).sha ?? revision
        }
        let wasMade = try await hub.createBranch(name, in: id, at: start, existsOK: arguments.flag("exist_ok"))
        return RefKind.branch.made(wasMade, name, id)
    }

    package static let createTag = Operation(
        name: "create-space-tag", summary: "Names a commit of a Space", doing: "create the tag of the Space",
        effect: .write, method: .put, path: "/spaces/{owner}/{name}/tags/{tag}",
        parameters: Parameter.space + [
            RefKind.tag.name, .revision(.body, "Branch, tag or commit to name"),
            .init("message", .body, .text(upTo: 2_000), "Words about it"), RefKind.tag.existsOK,
        ], answer: .refCreated("tag")
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let name = arguments.name("tag")
        let wasMade = try await hub.createTag(
            name, in: id, at: arguments.name("revision"), message: arguments.text("message"),
            existsOK: arguments.flag("exist_ok"))
        return RefKind.tag.made(wasMade, name, id)
    }
}
