package import HubClient

extension Hub {
    /// A Space as people name it: `owner/name`, its page on the Hub, or the name alone for the account's own.
    package func space(named text: String) async throws -> RepoID {
        var id = text
        for start in [
            settings.endpoint + "/spaces/", "https://huggingface.co/spaces/", "https://hf.co/spaces/", "spaces/",
        ]
        where id.hasPrefix(start) {
            id = id.dropFirst(start.count).split(separator: "/").prefix(2).joined(separator: "/")
            break
        }
        if !id.contains("/"), !id.isEmpty { id = "\(try await whoami().name)/\(id)" }
        return try RepoID.space(id)
    }
}
