/// One entry of `/api/settings/webhooks`.
struct HubWebhook: Sendable {
    struct Watched: Sendable {
        var type: String
        var name: String
    }
    var id: String
    var owner: String
    var url: String
    var watched: [Watched]
    var domains: [String]
    var secret: String?
    var disabled: JSON = false
    var lastTriggerAt: JSON = .null
}

/// Tells webhooks of changes.
struct WebhookPost: RepoListener {
    let hub: SimulatedHub
}
