import Foundation
import HubClient
import Runtime

/// The modes of files on the Hub, which only git tells.
enum GitModes {
    /// Which of these files are executable in a branch.
    ///
    /// Fetches the newest commit with its folders and, from a Hub that can leave them out, no contents, into a folder that is removed again.
    /// - Returns: nil when there is no git, or it could not be asked.
    static func executables(among paths: [String], of id: RepoID, revision: String, hub: Hub) async -> Set<String>? {
        guard let git = Program.find("git") else { return nil }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stoker-modes-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }  // what is left is in the temporary folder
        let before = ProcessInfo.processInfo.environment["GIT_CONFIG_COUNT"].flatMap { Int($0) } ?? 0
        let environment = GitPush.environment(hub, before: before)
        let url = "\(hub.settings.endpoint)/spaces/\(id)"
        let reference = revision.hasPrefix("refs/") ? revision : "refs/heads/\(revision)"
        do {
            guard
                try await Program.run(git, ["init", "--quiet", "--bare", folder], quiet: true).status == 0,
                try await Program.run(
                    git,
                    [
                        "-C", folder, "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=15", "fetch", "--quiet",
                        "--depth", "1", "--no-tags", "--filter=blob:none", url, reference,
                    ], environment: environment, quiet: true
                ).status == 0
            else { return nil }
            var found: Set<String> = []
            // 64 KiB of answer are kept.
            for start in stride(from: 0, to: min(paths.count, 2_000), by: 50) {
                let some = paths[start..<min(start + 50, paths.count)]
                let listed = try await Program.run(
                    git,
                    ["-C", folder, "--literal-pathspecs", "ls-tree", "-r", "-z", "FETCH_HEAD", "--"] + some,
                    environment: environment, quiet: true)
                guard listed.status == 0 else { return nil }
                for line in listed.output.split(separator: "\0") where line.hasPrefix("100755 ") {
                    if let tab = line.firstIndex(of: "\t") { found.insert(String(line[line.index(after: tab)...])) }
                }
            }
            return found
        } catch {
            return nil
        }
    }
}
