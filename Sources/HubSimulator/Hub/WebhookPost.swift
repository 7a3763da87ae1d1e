import AsyncHTTPClient
import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1

/// Tells webhooks of changes. Source: hub-docs `webhooks`, payload version 3.
///
/// Deliveries wait for nobody: they are tasks of the hub, at most 1,000 in 24 hours for each webhook (hub-docs). They never leave this
/// machine: a webhook with another address is kept and shown, and nobody is called.
struct WebhookPost: RepoListener {
    let hub: SimulatedHub
    private static let maxPerDay = 1_000

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
                    "webhook triggers", who: webhook.id, limit: Self.maxPerDay, span: .seconds(86_400), per: "day")
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
    /// Under way at the same time; further ones are dropped.
    private static let most = 256

    func post(_ payload: JSON, to webhook: HubWebhook, logger: Logger) {
        guard !closed else { return }
        guard let target = LoopbackTarget(webhook.url) else {
            return logger.notice(
                "a webhook is not told: it is not on this machine", metadata: ["webhook": "\(webhook.id)"])
        }
        guard tasks.count < Self.most else {
            return logger.warning("too many webhooks are under way", metadata: ["webhook": "\(webhook.id)"])
        }
        // A redirect could lead away from here.
        let client =
            client
            ?? HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
        self.client = client
        next += 1
        let number = next
        tasks[number] = Task {
            do {
                var request = HTTPClientRequest(url: target.url)
                request.method = .POST
                request.headers.add(name: "host", value: target.host)
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

/// The address of a webhook on this machine.
struct LoopbackTarget: Sendable, Equatable {
    /// With a number in place of the name, so that no name server is asked.
    var url: String
    /// The name and port as they were written.
    var host: String

    /// nil for an address that is not surely on this machine.
    init?(_ text: String) {
        guard var parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let written = parts.host, parts.user == nil, parts.password == nil
        else { return nil }
        let name = written.hasPrefix("[") ? String(written.dropFirst().dropLast()) : written
        // Source: RFC 6761, section 6.3: names below localhost are this machine, too.
        let isNamed = name.lowercased() == "localhost" || name.lowercased().hasSuffix(".localhost")
        guard isNamed || LocalOnly.isLoopback(name) else { return nil }
        host = (parts.percentEncodedHost ?? written) + (parts.port.map { ":\($0)" } ?? "")
        if isNamed { parts.host = "127.0.0.1" }
        guard let address = parts.string else { return nil }
        url = address
    }
}
