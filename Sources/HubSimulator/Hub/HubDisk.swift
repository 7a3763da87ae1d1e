import FoundationEssentials
import Logging
import _NIOFileSystem

/// The folder a simulated Hub keeps its repositories and objects in.
struct HubDisk: Sendable {
    let root: String
    private let isOurs: Bool

    /// - Throws: the file system's error when the folders cannot be made.
    static func open(_ folder: String?) async throws -> HubDisk {
        let files = FileSystem.shared
        let root: String
        if let folder {
            root = folder
        } else {
            let parent = try await files.temporaryDirectory
            root = try await files.createTemporaryDirectory(template: parent.appending("stoker-hub-XXXXXX")).string
        }
        let disk = HubDisk(root: root, isOurs: folder == nil)
        for folder in [disk.repos, disk.objects, disk.incoming, disk.buckets, disk.rules] {
            try await files.createDirectory(at: FilePath(folder), withIntermediateDirectories: true)
        }
        return disk
    }

    /// Bare repositories by id.
    var repos: String { root + "/repos" }
    /// LFS objects by sha256.
    var objects: String { root + "/objects" }
    /// What is still being received.
    var incoming: String { root + "/incoming" }
    var buckets: String { root + "/buckets" }
    /// A work tree without files, for git to judge paths by attributes and ignore rules.
    var rules: String { root + "/rules" }

    func close(logger: Logger) async {
        guard isOurs else { return }
        do { try await Self.removeFolder(root) } catch {
            logger.warning("could not remove the simulator's folder", metadata: ["error": "\(error)"])
        }
    }
}
