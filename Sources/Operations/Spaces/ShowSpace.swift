import HubClient
import StokerCore

extension Operation {
    package static let showSpace = Operation(
        name: "show-space", summary: "What the Hub knows of a Space", doing: "show the Space", permission: .write,
        path: "/spaces/{owner}/{name}", parameters: Parameter.space, answer: .spaceInfo
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let info = try await hub.info(of: id)
        return info.json.adding([.init("raw", info.raw)])
    }

    package static let spaceRuntime = Operation(
        name: "space-runtime", summary: "What the Hub says a Space is doing. Wakes nothing",
        doing: "show what the Space does", permission: .write, path: "/spaces/{owner}/{name}/runtime",
        parameters: Parameter.space, answer: .spaceRuntime
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        return try await hub.runtime(of: id).json(id)
    }

    package static let spaceFiles = Operation(
        name: "space-files", summary: "Lists the files of a Space's repository", doing: "list the files of the Space",
        permission: .write, path: "/spaces/{owner}/{name}/files",
        parameters: Parameter.space + [
            .init("folder", .query, Parameter.hubText, defaultValue: "", "Only what is in this folder"),
            .revision(.query),
        ], answer: .spaceFiles, paging: Paging("files", by: "path", most: 100_000)
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let revision = arguments.name("revision")
        let files = try await hub.tree(of: id, revision: revision, path: arguments.name("folder")).all()
            .filter { $0.kind == .file }.sorted { $0.path < $1.path }
        return [
            "space": .string("\(id)"), "revision": .string(revision),
            "files": .array(
                files.map {
                    [
                        "path": .string($0.path), "size": .integer($0.size), "oid": .string($0.oid),
                        "lfs": .bool($0.lfs != nil), "sha256": .maybe($0.lfs),
                    ]
                }),
        ]
    }

    package static let spaceDomains = Operation(
        name: "space-domains", summary: "The names a Space answers to, and the DNS record each of its own needs",
        doing: "show the domains of the Space", permission: .write, path: "/spaces/{owner}/{name}/domains",
        parameters: Parameter.space, answer: .spaceDomains, paging: Paging("domains", by: "domain")
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let domains = try await hub.runtime(of: id).domains
        return [
            "space": .string("\(id)"), "settings": .string("\(hub.settings.endpoint)/spaces/\(id)/settings"),
            "domains": .array(
                domains.map {
                    $0.json.adding([
                        .init("dns_record", .maybe($0.record)), .init("explanation", .string($0.explanation)),
                    ])
                }),
        ]
    }

    package static let spaceAddress = Operation(
        name: "space-address", summary: "Where a Space is found: its page on the Hub, or its app",
        doing: "find the address of the Space", permission: .write, path: "/spaces/{owner}/{name}/address",
        parameters: Parameter.space + [.init("app", .query, .flag, "The app itself")], answer: .spaceAddress
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let address =
            arguments.flag("app") ? try await hub.host(of: id) : "\(hub.settings.endpoint)/spaces/\(id)"
        return ["space": .string("\(id)"), "address": .string(address)]
    }
}
