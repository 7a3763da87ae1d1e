import NIOHTTP1
import Runtime
import StokerCore
import Synchronization

extension Hub {
    /// Who the token belongs to. Kept for ten minutes, since the Hub limits this call strictly.
    /// - Parameter fresh: asks again.
    package func whoami(fresh: Bool = false) async throws(HubFailure) -> HubIdentity {
        let now = pace.clock.now()
        if !fresh, let kept = remembered.withLock({ $0.whoami }), now - kept.at < .seconds(600) { return kept.value }
        let request = HubRequest(.GET, "/api/whoami-v2", doing: "ask the Hub whose token this is")
        if settings.token == nil {
            throw HubFailure(
                .badToken, doing: request.doing, said: "there is no token",
                hint: "give one: HF_TOKEN, --token or `hf auth login`")
        }
        let identity: HubIdentity = try await value(request)
        remembered.withLock { $0.whoami = (identity, now) }
        return identity
    }

    /// Whether the token may read a repo, or write to it, as the Hub itself says. Throws ``HubFailure`` for other trouble than a plain no.
    package func checkAccess(to repo: RepoID, write: Bool = false) async throws(HubFailure) -> HubAccess {
        let request = HubRequest(
            .GET, "\(repo.api)/auth-check\(write ? "/write" : "")",
            doing: "ask whether \(repo) may be \(write ? "written" : "read")",
            right: write ? "write access to \(repo)" : "read access to \(repo)")
        do {
            _ = try await send(request)
            return .granted
        } catch {
            switch error.kind {
            case .notFound, .forbidden: return .refused(error)
            default: throw error
            }
        }
    }
}

/// The Hub's answer to "may I?".
package enum HubAccess: Sendable {
    case granted
    /// Absent, invisible or not allowed, with the Hub's words.
    case refused(HubFailure)
    package var isGranted: Bool {
        if case .granted = self { return true }
        return false
    }
}
