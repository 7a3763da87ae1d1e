import Foundation
import StokerCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An exclusive lock beside the database, so that two masters never write one file. The system drops it when the process ends,
/// however it ends. The word inside says how the last owner left.
final class LockFile: Sendable {
    enum Mark: String {
        /// Opened and not closed: what a kill leaves behind. SQLite's own recovery deals with it.
        case open
        case closed
        /// Damage was seen: the next start checks the whole file.
        case suspect
    }

    private let descriptor: Int32
    let previous: Mark
    private let suspect = Mutex(false)
    var isSuspect: Bool { suspect.withLock { $0 } }

    /// - Throws: `conflict` when another process holds it; `ledger.unavailable` when the file cannot be made.
    init(beside path: String) throws(Failure) {
        let doing = "open the ledger \(path)"
        let lock = path + ".lock"
        let descriptor = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure.ledger(doing: doing, system: errno, at: lock) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            Self.shut(descriptor)
            guard code == EWOULDBLOCK else { throw Failure.ledger(doing: doing, system: code, at: lock) }
            throw Failure(
                .conflict, doing: doing, because: "another Stoker is at work on it",
                hint: "stop the other one, or give this one its own ledger (ledger.path in the fleet file)")
        }
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        previous = Mark(rawValue: String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)) ?? .closed
        self.descriptor = descriptor
    }

    deinit { Self.shut(descriptor) }

    /// Best effort: the mark only decides how thoroughly the next start looks.
    func mark(_ mark: Mark) {
        if mark == .suspect { suspect.withLock { $0 = true } }
        let text = Array(mark.rawValue.utf8)
        guard ftruncate(descriptor, 0) == 0 else { return }
        _ = pwrite(descriptor, text, text.count, 0)
    }

    /// Lets the next owner in before this object goes.
    func release() { _ = flock(descriptor, LOCK_UN) }

    private static func shut(_ descriptor: Int32) {
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
        _ = Musl.close(descriptor)
        #else
        _ = Darwin.close(descriptor)
        #endif
    }
}
