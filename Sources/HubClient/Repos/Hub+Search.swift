import NIOHTTP1
import StokerCore

/// A Space that a search found.
package struct SpaceMatch: Sendable {
    package var space: RepoInfo
    package var title: String?
    /// What it does, in the words of its owner or of the Hub.
    package var description: String?
    /// 0…1, how well it fits.
    package var score: Double?

    init?(_ raw: JSONValue) {
        guard let space = RepoInfo(raw) else { return nil }
        self.space = space
        title = raw["title"]?.string
        description =
            raw["shortDescription"]?.string ?? raw["ai_short_description"]?.string ?? raw["description"]?.string
        score = raw["semanticRelevancyScore"]?.double
    }
}

extension Hub {
    /// Spaces by what they do, the best first; those that do not run only when asked for. One page, as the Hub gives it.
    /// Source: huggingface_hub 2.4 `HfApi.search_spaces` (`GET /api/spaces/semantic-search`).
    package func searchSpaces(
        _ words: String, filter: [String] = [], sdks: [String] = [], includesNonRunning: Bool = false
    ) async throws(HubFailure) -> [SpaceMatch] {
        let request = HubRequest(
            .GET, "/api/spaces/semantic-search", doing: "search for Spaces",
            query: [("q", words)] + filter.map { ("filter", $0) } + sdks.map { ("sdk", $0) }
                + (includesNonRunning ? [("includeNonRunning", "true")] : []))
        let found: [JSONValue] = try await value(request)
        return found.compactMap(SpaceMatch.init)
    }
}
