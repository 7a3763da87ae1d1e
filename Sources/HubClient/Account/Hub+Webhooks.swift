import NIOHTTP1
package import StokerCore

/// What the Hub calls when something changes. There is no event for stages: those are polled.
package struct HubWebhook: Sendable, Equatable {
    /// Whose changes are told.
    package struct Watched: Sendable, Hashable, Codable {
        /// `user`, `org`, `space`, `dataset`, `model`, `bucket`, `kernel`
        package var type: String
        package var name: String
        package init(type: String, name: String) {
            self.type = type
            self.name = name
        }
    }
    /// Whether the Hub calls it.
    package enum State: Sendable, Equatable {
        case enabled
        case disabled
        /// Too many deliveries failed, or another word of the Hub.
        case suspended(String)
    }
    package var id: String
    /// Nil for one that starts a job.
    package var url: String?
    package var watched: [Watched]
    /// `repo`, `discussion`
    package var domains: [String]
    package var state: State
    /// RFC 3339, as it came; nil when it was never called.
    package var lastTriggerAt: String?

    package init?(_ raw: JSONValue) {
        guard let id = raw["id"]?.string else { return nil }
        self.id = id
        url = raw["url"]?.string
        watched = (raw["watched"]?.array ?? []).compactMap { item in
            guard let type = item["type"]?.string, let name = item["name"]?.string else { return nil }
            return Watched(type: type, name: name)
        }
        domains = (raw["domains"]?.array ?? []).compactMap(\.string)
        switch raw["disabled"] {
        case .bool(true)?: state = .disabled
        case .string(let word)?: state = .suspended(Redaction.quote(word, limit: 60))
        default: state = .enabled
        }
        lastTriggerAt = raw["lastTriggerAt"]?.string
    }
}

extension Hub {
    private static let right = "the right to read and write webhooks"

    /// All of the account. - Throws: `hub.forbidden` for a token without the right.
    package func webhooks() async throws(HubFailure) -> [HubWebhook] {
        let raw: JSONValue = try await value(
            .init(.GET, "/api/settings/webhooks", doing: "list the webhooks", right: Self.right))
        return (raw.array ?? raw["webhooks"]?.array ?? []).compactMap(HubWebhook.init)
    }

    package func webhook(_ id: String) async throws(HubFailure) -> HubWebhook {
        try await webhook(
            .init(.GET, "/api/settings/webhooks/\(HubURL.segment(id))", doing: "read webhook \(id)", right: Self.right))
    }

    /// Creates a webhook unless there is one with the same address that watches the same; two would both be called.
    /// - Parameter secret: ASCII; comes back verbatim in `X-Webhook-Secret`.
    /// - Returns: the webhook, and whether it is new. One that was found is left as it is.
    package func ensureWebhook(
        url: String, watched: [HubWebhook.Watched], domains: [String] = ["repo"], secret: Secret? = nil
    ) async throws(HubFailure) -> (webhook: HubWebhook, isNew: Bool) {
        func same(_ hook: HubWebhook) -> Bool { hook.url == url && Set(hook.watched) == Set(watched) }
        if let there = try await webhooks().first(where: same) { return (there, false) }
        let request = HubRequest(
            .POST, "/api/settings/webhooks", doing: "create the webhook to \(HubURL.shown(url))",
            body: .json(encoding: Wire(url: url, watched: watched, domains: domains, secret: secret?.reveal())),
            right: Self.right)
        do {
            return (try await webhook(request), true)
        } catch {
            guard error.kind == .unreachable || error.kind == .trouble || error.kind == .unreadable,
                let there = try await webhooks().first(where: same)
            else { throw error }
            return (there, true)
        }
    }

    /// Makes a webhook what is given; nil leaves the secret.
    package func update(_ hook: HubWebhook, secret: Secret? = nil) async throws(HubFailure) -> HubWebhook {
        try await webhook(
            .init(
                .POST, "/api/settings/webhooks/\(HubURL.segment(hook.id))", doing: "change webhook \(hook.id)",
                body: .json(
                    encoding: Wire(
                        url: hook.url, watched: hook.watched, domains: hook.domains, secret: secret?.reveal())),
                right: Self.right, repeats: .freely))
    }

    package func setWebhook(_ id: String, enabled: Bool) async throws(HubFailure) -> HubWebhook {
        let verb = enabled ? "enable" : "disable"
        return try await webhook(
            .init(
                .POST, "/api/settings/webhooks/\(HubURL.segment(id))/\(verb)", doing: "\(verb) webhook \(id)",
                right: Self.right, repeats: .freely))
    }

    @discardableResult
    package func deleteWebhook(_ id: String, missingOK: Bool = false) async throws(HubFailure) -> Bool {
        do {
            _ = try await send(
                .init(
                    .DELETE, "/api/settings/webhooks/\(HubURL.segment(id))", doing: "delete webhook \(id)",
                    right: Self.right, repeats: missingOK ? .freely : .never))
            return true
        } catch {
            guard missingOK, error.kind == .notFound else { throw error }
            return false
        }
    }

    private struct Wire: Encodable {
        var url: String?
        var watched: [HubWebhook.Watched]
        var domains: [String]
        var secret: String?
    }

    private func webhook(_ request: HubRequest) async throws(HubFailure) -> HubWebhook {
        let raw: JSONValue = try await value(request)
        guard let hook = HubWebhook(raw["webhook"] ?? raw) else {
            throw HubFailure(.unreadable, doing: request.doing, said: "the answer is no webhook", status: 200)
        }
        return hook
    }
}
