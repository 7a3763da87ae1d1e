#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Advisory locks of whole files (flock(2)). They belong to the open file, so they end when it is closed, and with the process however
/// that ends. Nothing here waits.
package enum FileLock {
    /// Any number may hold a shared lock, one alone an exclusive one.
    package enum Kind: Sendable { case exclusive, shared }

    /// Locks an open file.
    /// - Returns: false when another has a lock that does not go with it.
    package static func take(_ descriptor: Int32, _ kind: Kind = .exclusive) throws(SystemError) -> Bool {
        while flock(descriptor, (kind == .exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            guard code == EWOULDBLOCK else { throw SystemError(code) }
            return false
        }
        return true
    }

    /// Opens a file to read and write it, made when it is not there, and locks it.
    /// - Parameters:
    ///   - flags: beside `O_RDWR`, `O_CREAT` and `O_CLOEXEC`.
    ///   - permissions: of a file that is made, before the umask. Default its owner's alone.
    /// - Returns: its descriptor, to be closed by the caller; nil when another holds the lock.
    package static func open(
        _ path: String, flags: Int32 = 0, permissions: UInt32 = 0o600
    ) throws(SystemError) -> Int32? {
        // A holder may remove or replace the file before it gives the lock up: then what we locked has no name any more.
        for _ in 0..<100 {
            let descriptor = systemOpen(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, mode_t(permissions))
            guard descriptor >= 0 else { throw SystemError() }
            do throws(SystemError) {
                guard try take(descriptor) else {
                    close(descriptor)
                    return nil
                }
                if try isNamed(descriptor, path) { return descriptor }
            } catch {
                close(descriptor)
                throw error
            }
            close(descriptor)
        }
        return nil
    }

    private static func isNamed(_ descriptor: Int32, _ path: String) throws(SystemError) -> Bool {
        var opened = stat()
        var named = stat()
        guard fstat(descriptor, &opened) == 0 else { throw SystemError() }
        guard stat(path, &named) == 0 else {
            let code = errno
            guard code == ENOENT else { throw SystemError(code) }
            return false
        }
        return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
    }
}

private func systemOpen(_ path: String, _ flags: Int32, _ permissions: mode_t) -> Int32 {
    open(path, flags, permissions)
}
