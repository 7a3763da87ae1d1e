package import Foundation

/// Opens files that may be anything.
package enum PlainFile {
    /// The first bytes of a regular file. A descriptor that was handed over on purpose (`/dev/stdin`, `/dev/fd/63` of a shell's
    /// `<(…)`) may be of another kind.
    /// - Throws: `CocoaError` or `POSIXError` when it cannot be opened or read, ``NotPlain`` when it is no regular file.
    package static func read(_ path: String, upTo limit: Int) throws -> Data {
        let isHandedOver = path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/") || path == "/dev/stdin"
        // Without O_NONBLOCK the opening of a FIFO waits for somebody who writes.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (isHandedOver ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        if !isHandedOver, let kind = kind(facts.st_mode) { throw NotPlain(kind: kind) }
        return try file.read(upToCount: limit) ?? Data()
    }

    /// What stands at a path that is no regular file; nil for a regular file and for nothing at all.
    package static func obstacle(at path: String) -> String? {
        var facts = stat()
        return stat(path, &facts) == 0 ? kind(facts.st_mode) : nil
    }

    /// The path names a folder, a device, a pipe or a socket.
    package struct NotPlain: Error {
        /// "a folder", "a FIFO".
        package var kind: String
    }

    private static func kind(_ mode: mode_t) -> String? {
        switch mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: "a folder"
        case S_IFIFO: "a FIFO"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        default: "no regular file"
        }
    }
}
