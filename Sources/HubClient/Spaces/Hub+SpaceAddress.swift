import NIOHTTP1
package import StokerCore

/// A short-lived token that opens one private Space.
package struct SpaceAccessToken: Sendable {
    /// Goes into `?__sign=` on the app's host: whoever has the address may visit.
    package var token: Secret
    /// Seconds since 1970 at which it ends.
    package var ends: Int?
}

extension Hub {
    /// Where the app of a Space answers, such as `https://maren-orbit-api.hf.space`: asked for, never guessed, because upper case, dots,
    /// underscores, static Spaces and renames all change it.
    package func host(
        of space: RepoID, repeats: HubRequest.Repeat = .freely
    ) async throws(HubFailure) -> String {
        let doing = "find the address of \(space)"
        var request = HubRequest(.GET, "\(space.api)/host", doing: doing, right: "read access to \(space)")
        request.repeats = repeats
        let raw: JSONValue = try await value(request)
        guard var host = raw["host"]?.string, !host.isEmpty else { throw .notKnown(doing) }
        while host.hasSuffix("/") { host.removeLast() }
        return host.contains("://") ? host : "https://\(host)"
    }

    /// The Space that answers under this subdomain of hf.space.
    package func space(bySubdomain subdomain: String) async throws(HubFailure) -> RepoID {
        let doing = "find the Space of \(subdomain)"
        let plain = subdomain.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_.".utf8.contains(byte)
        }
        guard plain, !subdomain.isEmpty else {
            throw HubFailure(.refusedByUs, doing: doing, said: "that is no subdomain", hint: "write owner-name")
        }
        let raw: JSONValue = try await value(HubRequest(.GET, "/api/spaces/by-subdomain/\(subdomain)", doing: doing))
        guard let id = raw["id"]?.string, let space = try? RepoID(.space, id) else { throw .notKnown(doing) }
        return space
    }

    /// Asks for a pass to a private Space. It is a credential of the token's owner: for his own browser only.
    package func pass(to space: RepoID) async throws(HubFailure) -> SpaceAccessToken {
        let doing = "get a pass to \(space)"
        let raw: JSONValue = try await value(
            HubRequest(.GET, "\(space.api)/jwt", doing: doing, right: "read access to \(space)"))
        guard let token = raw["token"]?.string else { throw .notKnown(doing) }
        return SpaceAccessToken(token: Secret(token), ends: raw["exp"]?.integer)
    }
}
