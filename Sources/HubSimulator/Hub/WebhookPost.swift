import AsyncHTTPClient
import FoundationEssentials
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1

/// Tells webhooks of changes. Source: hub-docs `webhooks`, payload version 3.
///
/// Deliveries wait for nobody: they are tasks of the hub, at most 1,000 in 24 hours for each webhook (hub-docs).
struct WebhookPost: RepoListener {
    let hub: SimulatedHub
    private static let mostPerDay = 1_000

    func onCreated(_ repo: HubRepo, wishes: SpaceWishes, by caller: HubAccount) async {
        await send(repo, action: "create", scope: "repo")
    }
    func onReferenceMoved(_ repo: HubRepo, ref: String, from: String?, to: String?) async {
        await send(
            repo, action: "update", scope: "repo.content",
            more: ["updatedRefs": [["ref": .string(ref), "oldSha": .text(from), "newSha": .text(to)]]])
    }
    func onSettingsChanged(_ repo: HubRepo, changed: [String: JSON]) async {
        await send(repo, action: "update", scope: "repo.config", more: ["updatedConfig": .object(changed)])
    }
    func onMoved(_ repo: HubRepo, from oldName: String) async {
        await send(
            repo, action: "move", scope: "repo",
            more: ["movedTo": ["name": .string(repo.fullName), "owner": ["id": .string(repo.ownerID)]]])
    }
    func onDeleted(_ repo: HubRepo) async { await send(repo, action: "delete", scope: "repo") }

    private func send(_ repo: HubRepo, action: String, scope: String, more: [String: JSON] = [:]) async {
        let isUser = await hub.state.account(repo.namespace) != nil
        for webhook in await hub.state.webhooks.values
        where webhook.domains.contains("repo") && webhook.disabled == false && webhook.watches(repo, isUser: isUser) {
            do {
                try await hub.state.countAction(
                    "webhook triggers", who: webhook.id, limit: Self.mostPerDay, span: .seconds(86_400), per: "day")
            } catch {
                continue
            }
            // What the webhook's owner may not read stays unsaid.
            guard await hub.state.mayRead(webhook.owner, repo) else { continue }
            var payload = await describe(repo, deleted: action == "delete")
            payload["event"] = ["action": .string(action), "scope": .string(scope)]
            payload["webhook"] = ["id": .string(webhook.id), "version": 3]
            payload.merge(more) { _, new in new }
            var triggered = webhook
            triggered.lastTriggerAt = hub.date
            await hub.state.setWebhook(triggered)
            await hub.deliveries.post(.object(payload), to: webhook, logger: hub.logger)
        }
    }

    private func describe(_ repo: HubRepo, deleted: Bool) async -> [String: JSON] {
        var head: String?
        if !deleted {
            do { head = try await hub.git(repo).resolve("main") } catch {
                hub.logger.debug("no head for a webhook", metadata: ["error": "\(error)"])
            }
        }
        return [
            "repo": .object(dropping: [
                "type": .string(repo.kind.rawValue), "name": .string(repo.fullName), "id": .string(repo.id),
                "private": .bool(repo.isPrivate), "headSha": head.map(JSON.string),
                "subdomain": repo.kind == .space ? .string(repo.subdomain) : nil,
                "url": [
                    "web": .string(hub.url(repo)),
                    "api": .string("\(hub.endpoint)/api/\(repo.kind.plural)/\(repo.fullName)"),
                ],
                "owner": ["id": .string(repo.ownerID)],
            ])
        ]
    }
}

/// The requests that are under way; `close` ends them.
actor WebhookDeliveries {
    private var client: HTTPClient?
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var next = 0
    private var closed = false

    func post(_ payload: JSON, to webhook: HubWebhook, logger: Logger) {
        guard !closed else { return }
        let client = client ?? HTTPClient(eventLoopGroupProvider: .singleton)
        self.client = client
        next += 1
        let number = next
        tasks[number] = Task {
            do {
                var request = HTTPClientRequest(url: webhook.url)
                request.method = .POST
                request.headers.add(name: "content-type", value: "application/json")
                if let secret = webhook.secret { request.headers.add(name: "x-webhook-secret", value: secret) }
                request.body = .bytes(ByteBuffer(bytes: try payload.encoded()))
                _ = try await client.execute(request, timeout: .seconds(30))
            } catch {
                logger.debug("a webhook was not delivered", metadata: ["url": "\(webhook.url)", "error": "\(error)"])
            }
            self.done(number)
        }
    }

    private func done(_ number: Int) { tasks[number] = nil }

    func close() async {
        closed = true
        for task in tasks.values {
            task.cancel()
            await task.value
        }
        guard let client else { return }
        // It has nothing left to do; being shut down twice is all that could go wrong.
        try? await client.shutdown()
        self.client = nil
    }
}
