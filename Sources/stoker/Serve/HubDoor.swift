import HubClient
import KeepAlive
import Logging
import StokerCore

/// The Hub's client as keeping warm needs it.
struct HubDoor: HubWatching {
    var hub: Hub

    /// The Hub of a fleet file.
    /// - Throws: `usage` when the environment names a Hub or a switch that cannot be meant: nothing is sent elsewhere in its place.
    static func open(_ fleet: Fleet.Hub, agent: String, logger: Logger) throws(Failure) -> Hub {
        let environment = Surroundings.process.environment
        if let text = environment["HF_ENDPOINT"], !text.isEmpty, [HubEndpoint.official, text].contains(fleet.endpoint) {
            _ = try HubEndpoint.read(text, from: "HF_ENDPOINT")
        }
        let isOffline = try HubCredentials.isOffline(environment)
        return Hub(
            Hub.Settings(endpoint: fleet.endpoint, token: fleet.token, offline: isOffline, agent: agent), logger: logger
        )
    }

    /// What one row of a listing has to say. `host` is not among what can be asked for.
    private static let fields = ["runtime", "sha", "subdomain", "private", "sdk", "tags"]
    /// Rows of a page: the most that is known to be accepted.
    private static let page = 500

    func spaces(of namespace: String) async throws(Failure) -> HubListing {
        let list = hub.list(.space, author: namespace, expand: Self.fields, pageSize: Self.page)
        do {
            var rows = list.makeAsyncIterator()
            var spaces: [SpaceFacts] = []
            while let info = try await rows.next() { spaces.append(Self.facts(info)) }
            return HubListing(spaces: spaces, calls: max(1, rows.pages))
        } catch let failure as HubFailure {
            throw failure.failure
        } catch {
            throw Failure(
                .internal, doing: "list the Spaces of \(namespace)", because: "\(error)", retry: .soon, cause: error)
        }
    }

    func space(_ id: String) async throws(Failure) -> SpaceFacts? {
        let repo = try RepoID.space(id)
        do { return try await hub.find(repo, expand: Self.fields).map(Self.facts) } catch { throw error.failure }
    }

    func restart(_ id: String, factory: Bool) async throws(Failure) {
        let repo = try RepoID.space(id)
        do { _ = try await hub.restart(repo, factory: factory) } catch { throw error.failure }
    }

    func use(at now: Instant) -> HubUse? {
        let report = hub.pace.report
        return HubUse(
            endpoint: hub.settings.endpoint,
            windows: report.windows.map {
                HubUse.Window(
                    bucket: $0.bucket, quota: $0.quota, remaining: $0.remaining, endsAt: now + $0.endsIn, sent: $0.sent)
            }, calls: report.calls, refusals: report.refusals, waited: report.waited)
    }

    private static func facts(_ info: RepoInfo) -> SpaceFacts {
        let runtime = info.runtime
        return SpaceFacts(
            id: info.id, stage: runtime?.stage, runningSHA: runtime?.sha, repoSHA: info.sha,
            // Often the app's last words, and shown on pages that others may read.
            errorMessage: runtime?.errorMessage.map { HubClient.Redaction.secrets(in: String($0.prefix(2_000))) },
            host: info.host, subdomain: info.subdomain,
            visibility: visibility(info), hardware: runtime?.hardware, sleepAfterSeconds: runtime?.sleepSeconds,
            devMode: runtime?.devMode ?? false,
            abuse: runtime?.abuse.map { $0.reason ?? $0.detector ?? "flagged by the platform" }, sdk: info.sdk,
            tags: info.tags)
    }

    private static func visibility(_ info: RepoInfo) -> SpaceFacts.Visibility {
        switch info.visibility {
        case .some(.protected): .protected
        case .some(.private): .private
        case .some(.public): .public
        default: info.isPrivate == true ? .private : .public
        }
    }
}
