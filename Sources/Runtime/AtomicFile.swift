import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Small files that are whole at any time, and that only their owner may read unless it is said otherwise. Its calls block.
package enum AtomicFile {
    /// Puts a whole file in place of what is there: after a crash the old one is there or the new one, never a part.
    ///
    /// The bytes are on the disk before they take the name `path`, and the name is on the disk when this returns. Two writers of one file
    /// need a lock (``FileLock``): both would use `path.new`.
    /// - Parameter mode: who may do what with it; nil for its owner alone.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32? = nil) throws(SystemError) {
        let new = path + ".new"
        unlink(new)  // left by a run that was killed
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError() }
        do throws(SystemError) {
            do throws(SystemError) {
                if let mode, fchmod(file, mode & 0o7777) != 0 { throw SystemError() }
                try fill(file, with: bytes)
            } catch {
                close(file)
                throw error
            }
            guard close(file) == 0, rename(new, path) == 0 else { throw SystemError() }
        } catch {
            unlink(new)
            throw error
        }
        // The file has its name whatever the folder's own sync says, which not every file system knows.
        try? syncFolder(of: path)
    }

    /// Puts the names in a file's folder on the disk.
    package static func syncFolder(of path: String) throws(SystemError) {
        let parent = path.parentFolder
        let folder = open(parent.isEmpty ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw SystemError() }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw SystemError() }
    }

    private static func fill(_ file: Int32, with bytes: [UInt8]) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || errno != EINTR {
                throw SystemError()
            }
        }
        guard fsync(file) == 0 else { throw SystemError() }
    }
}
