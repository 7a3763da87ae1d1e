import NIOHTTP1
import StokerCore
import Synchronization

/// What came of fetching a repository.
package struct RepoDownload: Sendable, Equatable {
    /// The commit that is there now.
    package var commit: String
    package var files: Int
    /// Files that were there with the right content.
    package var unchanged: Int
    package var received: Int64
}

extension Hub {
    /// Fetches the files of one commit into a folder. The list of the repository tells sizes and hashes, so that files which are there
    /// cost no request and none is asked about twice. Files the repository does not have are left alone.
    /// - Parameters:
    ///   - filter: which files; all without.
    ///   - lanes: files fetched at once, 1–32.
    package func snapshot(
        of repo: RepoID, revision: String = "main", to folder: String, filter: PathFilter = PathFilter(),
        lanes: Int = 8,
        progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
    ) async throws(HubFailure) -> RepoDownload {
        let doing = "download \(repo)"
        let commit = try await head(of: repo, revision: revision)
        let files = try await tree(of: repo, revision: commit).all()
            .filter { $0.kind == .file && filter.takes($0.path) }
        let meter = TransferMeter(
            files: files.count, bytes: files.reduce(0) { Self.sum($0, $1.size) }, phase: .downloading, report: progress)
        do {
            return try await withThrowingTaskGroup(of: Download.self) { group in
                var rest = files[...]
                func begin() {
                    guard let file = rest.popFirst() else { return }
                    group.addTask {
                        try await self.fetch(
                            file.path, of: repo, revision: commit, size: file.size, content: file.content, to: folder
                        ) { meter.moved($0) }
                    }
                }
                for _ in 0..<max(1, min(lanes, 32)) { begin() }
                var done = RepoDownload(commit: commit, files: files.count, unchanged: 0, received: 0)
                while let one = try await group.next() {
                    begin()
                    done.received += one.received
                    if one.received == 0, one.size > 0 {
                        done.unchanged += 1
                        meter.skipped(bytes: one.size)
                    } else {
                        meter.finishedFile()
                    }
                }
                meter.end()
                return done
            }
        } catch {
            throw HubFailure.caught(error, doing: doing)
        }
    }

    /// Paths at which the folder has something else than the repository: what ``snapshot(of:revision:to:filter:lanes:progress:)`` would replace.
    package func differing(_ entries: [HubEntry], from folder: String) async throws(HubFailure) -> [String] {
        do {
            return try await Disk.run { flag in
                try entries.filter { entry in
                    try flag.check()
                    let path = folder + "/" + entry.path
                    guard try LocalFile.status(of: path, followLinks: true) != nil else { return false }
                    guard let content = entry.content else { return true }
                    return try !PartialFile.holds(path, content, size: entry.size, check: { try flag.check() })
                }.map(\.path)
            }
        } catch {
            throw HubFailure.caught(error, doing: "look at the files in \(folder)")
        }
    }

    /// Sizes are told by others: a sum that is no number any more stays the largest.
    private static func sum(_ one: Int64, _ other: Int64) -> Int64 {
        let (sum, isTooLarge) = one.addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }

    /// The commit a revision stands for now.
    func head(of repo: RepoID, revision: String) async throws(HubFailure) -> String {
        struct Info: Decodable { var sha: String }
        return try await value(
            HubRequest(
                .GET, "\(repo.api)/revision/\(HubURL.segment(revision))", doing: "find the head of \(repo)",
                query: [("expand", "sha")], right: "read access to \(repo)"),
            as: Info.self
        ).sha
    }
}
