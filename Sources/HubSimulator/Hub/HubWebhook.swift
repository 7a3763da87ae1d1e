import FoundationEssentials

/// One entry of `/api/settings/webhooks`.
struct HubWebhook: Sendable {
    struct Watched: Sendable {
        var type: String
        var name: String
    }
    var id: String
    /// The account that made it.
    var owner: String
    var url: String
    var watched: [Watched]
    var domains: [String]
    var secret: String?
    var disabled: JSON = false
    var lastTriggerAt: Date?

    /// As the settings routes show it. Source: huggingface_hub `HfApi.create_webhook`.
    var shown: JSON {
        .object(dropping: [
            "id": .string(id), "url": .string(url),
            "watched": .array(watched.map { ["type": .string($0.type), "name": .string($0.name)] }),
            "domains": .strings(domains), "secret": secret.map(JSON.string), "disabled": disabled,
            "lastTriggerAt": lastTriggerAt.map(JSON.date),
        ])
    }

    func watches(_ repo: HubRepo, isUser: Bool) -> Bool {
        watched.contains {
            ($0.type == repo.kind.rawValue && $0.name == repo.fullName)
                || ($0.type == (isUser ? "user" : "org") && $0.name == repo.namespace)
        }
    }
}
