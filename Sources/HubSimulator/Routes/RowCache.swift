import FoundationEssentials
import Synchronization

/// Rows of lists as they were last sent. One that did not change is not written anew: a fleet of a thousand Spaces is read every half
/// minute, and hardly any of them has moved.
final class RowCache: Sendable {
    /// Everything a row is made of. What is equal has the same row.
    struct Stamp: Equatable {
        /// ``HubRepo/version``
        var version: Int
        var head: String?
        var runtime: RuntimeFacts?
        var extent: RepoView.Extent
    }
    private let rows = Mutex<[String: (stamp: Stamp, bytes: Data)]>([:])
    private static let most = 20_000

    func row(of id: String, _ stamp: Stamp) -> Data? {
        rows.withLock { rows in
            guard let known = rows[id], known.stamp == stamp else { return nil }
            return known.bytes
        }
    }

    func keep(_ bytes: Data, of id: String, _ stamp: Stamp) {
        rows.withLock { rows in
            if rows.count >= Self.most { rows = [:] }
            rows[id] = (stamp, bytes)
        }
    }
}

extension RepoView {
    /// One row of a list, encoded.
    func row(_ repo: HubRepo, _ extent: Extent) async throws -> Data {
        guard isSteady(extent) else { return try await describe(repo, extent).encoded() }
        let runtime =
            wants("runtime", extent) && repo.kind == .space ? await hub.spaces?.runtimeFacts(of: repo) : nil
        // A side that has no facts to give is asked each time.
        if wants("runtime", extent), repo.kind == .space, runtime == nil {
            return try await describe(repo, extent).encoded()
        }
        let head = try await hub.git(repo).resolve("main")
        let stamp = RowCache.Stamp(version: repo.version, head: head, runtime: runtime, extent: extent)
        if let known = hub.rows.row(of: repo.id, stamp) { return known }
        let bytes = try await describe(repo, extent, runtime: runtime).encoded()
        hub.rows.keep(bytes, of: repo.id, stamp)
        return bytes
    }

    /// Whether nothing but the repository, its head and its runtime goes in: groups belong to organisations, storage to the objects.
    private func isSteady(_ extent: Extent) -> Bool {
        switch extent {
        case .short: true
        case .fields(let names): names.isDisjoint(with: ["resourceGroup", "usedStorage"])
        case .info, .full: false
        }
    }
}
