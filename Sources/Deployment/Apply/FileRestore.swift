package import HubClient
import StokerCore

/// Gives a Space the files of an earlier commit, by a new commit: the Hub has no way back, and its history stays as it is.
package struct FileRestore: Sendable {
    package let space: RepoID
    /// Whose files are restored.
    package let commit: String
    /// Head of `main` that the new commit stands on; when it moves, nothing is done.
    package let head: String
    /// What differs now, in the order of paths.
    package let files: [FileChanges.File]
    private let changes: [HubChange]

    /// Compares; reads the small files that are to come back.
    package init(of space: RepoID, to commit: String, hub: Hub, head: String? = nil) async throws(HubFailure) {
        self.space = space
        self.commit = commit
        let now: String
        if let head {
            now = head
        } else {
            let info = try await hub.info(of: space, expand: ["sha"])
            guard let sha = info.sha else {
                throw HubFailure(.notFound, doing: "restore files of \(space)", said: "it has no commit")
            }
            now = sha
        }
        self.head = now
        let present = try await Self.files(of: space, at: now, hub)
        let wanted = try await Self.files(of: space, at: commit, hub)
        var files: [FileChanges.File] = []
        var changes: [HubChange] = []
        for (path, entry) in present.sorted(by: { $0.key < $1.key }) where wanted[path] == nil {
            files.append(.init(.delete, path, sizeBefore: entry.size))
            changes.append(.delete(path: path))
        }
        for (path, entry) in wanted.sorted(by: { $0.key < $1.key }) {
            guard present[path]?.content != entry.content else { continue }
            files.append(
                .init(
                    present[path] == nil ? .add : .change, path, sizeBefore: present[path]?.size, sizeAfter: entry.size)
            )
            if let sha256 = entry.lfs {
                // Its content never left the Hub.
                changes.append(.addStored(path: path, sha256: sha256, size: entry.size))
            } else if let found = try await hub.read(path, in: space, revision: commit) {
                changes.append(.add(path: path, .bytes(found.bytes)))
            }
        }
        self.files = files.sorted { $0.path < $1.path }
        self.changes = changes
    }

    private static func files(
        of space: RepoID, at commit: String, _ hub: Hub
    ) async throws(HubFailure) -> [String: HubEntry] {
        let entries = try await hub.tree(of: space, revision: commit).all().filter { $0.kind == .file }
        return Dictionary(entries.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// - Returns: the new head; the one there was when nothing differs.
    package func run(_ hub: Hub) async throws(HubFailure) -> String {
        guard !changes.isEmpty else { return head }
        var options = UploadOptions(summary: "Restore the files of \(commit.prefix(7)) with stoker")
        options.description = "Stoker-Restores: \(commit)"
        options.parent = head
        return try await hub.commit(changes, to: space, options: options).commit
    }
}
