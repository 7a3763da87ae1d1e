import FoundationEssentials
import Logging
import NIOPosix
import _NIOFileSystem

/// The folder a simulated Hub keeps its repositories and objects in.
struct HubDisk: Sendable {
    let root: String
    private let isOurs: Bool
    /// Held as long as the folder is used.
    private let lock: FolderLock?

    /// - Throws: the file system's error when the folders cannot be made.
    static func open(_ folder: String?) async throws -> HubDisk {
        let files = FileSystem.shared
        let root: String
        var lock: FolderLock?
        if let folder {
            root = folder
        } else {
            let parent = try await files.temporaryDirectory
            let (place, prefix) = (parent.string, FolderLock.prefix)
            let made = try await files.createTemporaryDirectory(template: parent.appending("\(prefix)XXXXXX")).string
            root = made
            lock = try await NIOThreadPool.singleton.runIfActive {
                // One that was killed could not tidy up.
                FolderLock.sweep(place)
                return FolderLock.mark(made)
            }
        }
        let disk = HubDisk(root: root, isOurs: folder == nil, lock: lock)
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
