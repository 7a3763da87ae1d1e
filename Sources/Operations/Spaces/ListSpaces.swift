import HubClient
import StokerCore

extension Operation {
    package static let listSpaces = Operation(
        name: "list-spaces",
        summary: "Lists Spaces with their stage; the account's own unless told otherwise. Wakes nothing",
        doing: "list Spaces", permission: .write, path: "/spaces",
        parameters: [
            .init(
                "author", .query, .text(upTo: 100), "A user or an organisation; the account's own without any filter"),
            .init("search", .query, .text(upTo: 200), "Part of a name"),
            .init("filter", .query, .list(.text(upTo: 100), upTo: 50), "A tag"),
            .init(
                "sort", .query, .choice(["createdAt", "lastModified", "likes", "trendingScore"]), "The greatest first"),
            .init(
                "stage", .query, .choices(SpaceStage.known.map(\.rawValue)), "Only these stages"),
        ], answer: .spaceList, paging: spacePaging
    ) { context, arguments in
        let hub = try context.hub
        let (search, filter) = (arguments.text("search"), arguments.texts("filter"))
        let stages = Set(arguments.texts("stage"))
        // The Hub is asked from the beginning, for the pages before as well.
        let limit = spacePaging.rows(upTo: arguments)
        // Everybody's Spaces are no list anybody wants; a search over them may be.
        var author = arguments.text("author")
        if author == nil, search == nil, filter.isEmpty { author = try await hub.whoami().name }
        let found = hub.list(
            .space, author: author, search: search, filter: filter, sort: arguments.text("sort"),
            expand: ["runtime", "sha", "sdk", "private", "lastModified", "disabled"],
            pageSize: min(500, stages.isEmpty ? limit : 500))
        var items: [RepoInfo] = []
        for try await item in found {
            if !stages.isEmpty, !stages.contains(item.runtime?.stage.rawValue ?? "") { continue }
            items.append(item)
            if items.count > limit { break }
        }
        return ["spaces": .array(items.map(\.json)), "more": .bool(items.count > limit)]
    }

    private static let spacePaging = Paging("spaces", by: "space", defaultValue: 100, most: 100_000)

    package static let searchSpaces = Operation(
        name: "search-spaces", summary: "Finds Spaces of everybody by what they do", doing: "search Spaces",
        permission: .write, path: "/spaces/search",
        parameters: [
            .init("q", .query, .text(upTo: 500), required: true, form: Parameter.someText, "What they do, in words"),
            .init("sdk", .query, .list(.choice(["gradio", "docker", "static"]), upTo: 3), "Only these SDKs"),
            .init("filter", .query, .list(.text(upTo: 100), upTo: 50), "A tag"),
            .init("include_non_running", .query, .flag, "Also those that do not run"),
        ], answer: .spaceMatches, paging: Paging("spaces", by: "space", defaultValue: 10)
    ) { context, arguments in
        let found = try await context.hub.searchSpaces(
            arguments.name("q"), filter: arguments.texts("filter"), sdks: arguments.texts("sdk"),
            includesNonRunning: arguments.flag("include_non_running"))
        return [
            "spaces": .array(
                found.map {
                    $0.space.json.adding([
                        .init("title", .maybe($0.title)), .init("description", .maybe($0.description)),
                        .init("score", .maybe($0.score)),
                    ])
                })
        ]
    }
}
