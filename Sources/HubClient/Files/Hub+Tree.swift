import Logging
import NIOCore
import NIOHTTP1

extension Hub {
    /// Entries of a folder of a repository, page by page as the Hub hands them out (1,000 a page, 100 with `expand`).
    /// - Parameters:
    ///   - path: folder; the root without.
    ///   - expand: with the last commit of each entry, which costs the Hub ten times as much.
    /// Source: hub-docs OpenAPI `…/tree/{rev}`, huggingface_hub `list_repo_tree`.
    package func tree(
        of repo: RepoID, revision: String = "main", path: String = "", recursive: Bool = true, expand: Bool = false
    ) -> HubTree {
        var address = "\(repo.api)/tree/\(HubURL.segment(revision))"
        if !path.isEmpty { address += "/" + HubURL.segment(path) }
        return HubTree(
            hub: self,
            first: HubRequest(
                .GET, address, doing: "list the files of \(repo)",
                query: [("recursive", "\(recursive)"), ("expand", "\(expand)")], right: "read access to \(repo)"))
    }

    /// What is known of these paths; one that does not exist is absent. Asked 500 at a time (the Hub answers 413 to more than 1,000), by a
    /// form as the official client does: the Hub reads JSON too, others do not.
    package func entries(
        at paths: [String], in repo: RepoID, revision: String = "main", expand: Bool = false
    ) async throws(HubFailure) -> [HubEntry] {
        var found: [HubEntry] = []
        var rest = paths[...]
        while !rest.isEmpty {
            let batch = rest.prefix(500)
            rest = rest.dropFirst(500)
            found += try await value(
                HubRequest(
                    .POST, "\(repo.api)/paths-info/\(HubURL.segment(revision))", doing: "look up files of \(repo)",
                    body: .form(batch.map { ("paths", $0) } + [("expand", "\(expand)")]),
                    right: "read access to \(repo)", repeats: .freely),
                as: [Lenient<HubEntry>].self
            )
            .compactMap(\.value)
        }
        return found
    }
}

/// The entries of a tree; the next page is asked for when the last one is read.
package struct HubTree: AsyncSequence, Sendable {
    package typealias Element = HubEntry
    let hub: Hub
    let first: HubRequest

    package func makeAsyncIterator() -> Iterator { Iterator(hub: hub, next: first) }

    package struct Iterator: AsyncIteratorProtocol {
        let hub: Hub
        var next: HubRequest?
        var page: ArraySlice<HubEntry> = []
        private var seen: Set<String> = []

        init(hub: Hub, next: HubRequest) {
            self.hub = hub
            self.next = next
        }

        package mutating func next() async throws -> HubEntry? { try await next(isolation: nil) }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(HubFailure) -> HubEntry? {
            while page.isEmpty, let request = next {
                let answer = try await hub.send(request)
                let entries = try answer.decoded(as: [Lenient<HubEntry>].self, doing: request.doing)
                page = entries.compactMap(\.value)[...]
                if page.count < entries.count {
                    hub.logger.warning(
                        "the Hub lists files that make no sense; they are left out",
                        metadata: ["doing": "\(request.doing)", "count": "\(entries.count - page.count)"])
                }
                next = try hub.page(after: request, answer, &seen)
            }
            return page.popFirst()
        }
    }

    /// All of them at once.
    package func all() async throws(HubFailure) -> [HubEntry] {
        var entries: [HubEntry] = []
        var iterator = makeAsyncIterator()
        while let entry = try await iterator.next(isolation: nil) { entries.append(entry) }
        return entries
    }
}
