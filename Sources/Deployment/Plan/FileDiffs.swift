package import HubClient
package import StokerCore

/// Fills in the diffs of changed text files.
package enum FileDiffs {
    /// Bytes of a file that is compared by its lines.
    private static let limit: Int64 = 256 << 10
    /// Files of one plan whose old text is fetched.
    package static let mostFiles = 200

    /// - Parameters:
    ///   - budget: files that may still be fetched.
    ///   - secrets: values that no diff shows.
    package static func fill(
        _ changes: [FileChanges.File], wished: DesiredFiles, space: RepoID, commit: String, hub: Hub,
        hiding secrets: [Secret], budget: inout Int
    ) async throws(HubFailure) -> [FileChanges.File] {
        var changes = changes
        for index in changes.indices where changes[index].kind == .change && budget > 0 {
            let path = changes[index].path
            guard changes[index].content?.hasPrefix("sha1:") == true, (changes[index].sizeBefore ?? 0) <= limit,
                let file = wished.contents.files[path]
            else { continue }
            let new = try await FileWork.run(doing: "read \(path)") { try file.text(upTo: limit) }
            guard let new else { continue }
            budget -= 1
            let old = try await hub.text(of: path, in: space, revision: commit)
            guard !old.utf8.contains(0) else { continue }
            changes[index].diff = UnifiedDiff.text(from: old, to: new, hiding: secrets)
        }
        return changes
    }
}
