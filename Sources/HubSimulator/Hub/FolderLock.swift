import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Says that a folder is in use: the kernel drops the lock when this process ends, however it ends. Its calls block.
final class FolderLock: Sendable {
    private let descriptor: CInt
    private static let name = "lock"
    static let prefix = "stoker-hub-"

    private init(_ descriptor: CInt) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    /// Marks a folder that was just made.
    /// - Returns: nil when the file system has no locks.
    static func mark(_ folder: String) -> FolderLock? {
        // Locked before it has its name: whoever sweeps never sees one that is free and in use.
        let draft = "\(folder)/\(name).new"
        let descriptor = open(draft, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, DraftFile.renamed(draft, to: "\(folder)/\(name)") else {
            close(descriptor)
            return nil
        }
        return FolderLock(descriptor)
    }

    /// Removes the folders of simulators that ended without doing so. Those that run, other people's, and links stay.
    static func sweep(_ parent: String) {
        // A folder that cannot be listed has nothing to sweep.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for name in names where name.hasPrefix(prefix) { sweepOne("\(parent)/\(name)") }
    }

    private static func sweepOne(_ folder: String) {
        var facts = stat()
        guard lstat(folder, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == getuid() else { return }
        let descriptor = open("\(folder)/\(Self.name)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return }
        // Somebody else may be at it; what is left is left to the next start.
        try? FileManager.default.removeItem(atPath: folder)
    }
}
