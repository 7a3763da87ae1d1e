/// Every area of routes a simulated Hub serves: a new one is a file here (or in a folder of its own) and a line below.
package enum HubAreas {
    package static let all: [any HubArea.Type] = [
        WhoamiArea.self, RepoLifecycleArea.self, RepoInfoArea.self, RefsArea.self, HistoryArea.self, TreeArea.self,
        ResolveArea.self, CommitArea.self, LFSArea.self, GitHTTPArea.self, ValidateYAMLArea.self, DiscussionsArea.self,
        WebhooksArea.self, OAuthArea.self, BucketsArea.self, AccessRequestsArea.self,
        // Spaces/, Admin/
        SpaceCatalogueArea.self, SpaceControlArea.self, SpaceStreamsArea.self, AdminArea.self,
    ]
}
