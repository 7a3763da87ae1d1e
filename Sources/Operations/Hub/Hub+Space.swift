package import HubClient
import StokerCore

extension Hub {
    /// A Space as people name it: `owner/name`, its page on the Hub, or the name alone for the account's own.
    package func space(named text: String) async throws -> RepoID {
        var id = SpaceName.id(fromPage: text, endpoint: settings.endpoint)
        if !id.contains("/"), !id.isEmpty { id = "\(try await whoami().name)/\(id)" }
        return try RepoID.space(id)
    }
}
