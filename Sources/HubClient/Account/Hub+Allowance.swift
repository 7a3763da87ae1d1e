import NIOHTTP1

extension Hub {
    /// Asks the smallest question there is, because every answer tells what is left of the account's windows.
    /// - Throws: what the Hub refused; a refusal for lack of requests is an answer too.
    package func allowance() async throws(HubFailure) -> HubRateLimiter.Report {
        var request = HubRequest(
            .GET, "/api/spaces", doing: "ask the Hub what is left", query: [("limit", "1"), ("expand", "sha")])
        request.patience = .seconds(5)
        do throws(HubFailure) {
            _ = try await send(request)
        } catch {
            guard error.kind == .throttled else { throw error }
        }
        return pace.report
    }
}
