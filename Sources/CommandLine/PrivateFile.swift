import Foundation
import StokerCore

/// A small file that only its owner may read.
package enum PrivateFile {
    /// Puts a whole file in place of what is there: after a crash the old one is there or the new one, never a part.
    ///
    /// The bytes are on the disk before they take the name `path`, and the name is on the disk when this returns. Blocks.
    /// - Returns: why it failed, in words; nil when it is done.
    package static func replace(_ path: String, with bytes: [UInt8]) -> String? {
        func reason() -> String { String(cString: strerror(errno)) }
        let new = path + ".new"
        unlink(new)  // left by a run that was killed
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return reason() }
        var rest = bytes[...]
        var isWritten = true
        while !rest.isEmpty, isWritten {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else { isWritten = count < 0 && errno == EINTR }
        }
        isWritten = isWritten && fsync(file) == 0
        guard close(file) == 0, isWritten, rename(new, path) == 0 else {
            let because = reason()
            unlink(new)
            return because
        }
        let parent = path.parentFolder
        let folder = open(parent.isEmpty ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
        return nil
    }
}

/// A folder for what is nobody else's business: the ledger with its addresses and transcripts, backups, the token.
package enum PrivateFolder {
    /// Makes it for its owner alone. One that is there stays as it is: it may be shared on purpose, and what we put into it is
    /// the owner's alone anyway.
    package static func make(_ path: String) throws {
        guard !path.isEmpty, !FileManager.default.fileExists(atPath: path) else { return }
        let parent = path.parentFolder
        if !parent.isEmpty, !FileManager.default.fileExists(atPath: parent) {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
}
