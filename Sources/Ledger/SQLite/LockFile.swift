import Dispatch
import Foundation
import Runtime
import StokerCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An exclusive lock, so that two masters never write one file: on the database itself, which holds whatever name it is opened by,
/// and on a file beside it, which earlier versions look at. The system drops both when the process ends, however it ends.
/// The words in the file beside it say how the last owner left and what it had written.
///
/// The descriptor of the database stays open for as long as SQLite's: closing any descriptor of a file drops all POSIX locks
/// that the process has on it (fcntl(2)), and SQLite's are such locks.
final class LockFile: Sendable {
    enum Mark: String {
        /// Opened and not closed: what a kill leaves behind. SQLite's own recovery deals with it.
        case open
        case closed
        /// Damage was seen: the next start checks the whole file.
        case suspect
    }

    /// The last numbers that were committed: a database that ends before them has lost what was written after.
    struct Reached: Equatable {
        var event: Int64 = 0
        var observation: Int64 = 0
    }

    private struct State {
        var mark: Mark = .open
        var reached = Reached()
        var isSuspect = false
    }

    private let path: String
    private let descriptor: Int32
    /// How the last owner left; nil when there was none.
    let previous: Mark?
    let reachedBefore: Reached
    private let state = Mutex(State())
    private let marks = DispatchQueue(label: "ledger.marks", qos: .utility)
    /// Of the database; more than one when a damaged file was moved aside.
    private let held = Mutex<[Int32]>([])
    var isSuspect: Bool { state.withLock { $0.isSuspect } }

    /// - Throws: `conflict` when another process holds it; `ledger.unavailable` when a file cannot be made.
    init(beside path: String) throws(Failure) {
        self.path = path
        let lock = path + ".lock"
        let opened: Int32?
        do { opened = try FileLock.open(lock, flags: O_NONBLOCK) } catch {
            throw Failure.ledger(doing: Self.doing(path), system: error.code, at: lock)
        }
        guard let descriptor = opened else { throw Self.taken(path) }
        self.descriptor = descriptor
        Self.makePrivate(descriptor)
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let words = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            .split { $0 == " " || $0 == "\n" }.map { String($0) }
        previous = words.first.map { Mark(rawValue: $0) ?? .closed }
        reachedBefore =
            words.count >= 3 ? Reached(event: Int64(words[1]) ?? 0, observation: Int64(words[2]) ?? 0) : Reached()
        try holdDatabase()
    }

    deinit {
        for one in held.withLock({ $0 }) { Self.shut(one) }
        Self.shut(descriptor)
    }

    private static func doing(_ path: String) -> String { "open the ledger \(path)" }

    private static func taken(_ path: String) -> Failure {
        Failure(
            .conflict, doing: doing(path), because: "another Stoker is at work on it",
            hint: "stop the other one, or give this one its own ledger (ledger.path in the fleet file)")
    }

    /// Locks the file at the path, which is made when there is none: for its owner alone, as SQLite then makes those beside it.
    func holdDatabase() throws(Failure) {
        var file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
        if file < 0, errno == EACCES { file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard file >= 0 else { throw Failure.ledger(doing: Self.doing(path), system: errno, at: path) }
        var about = stat()
        guard fstat(file, &about) == 0, about.st_mode & S_IFMT == S_IFREG else {
            Self.shut(file)
            throw Failure(
                .ledger, doing: Self.doing(path), because: "it is not a regular file",
                hint: "name a file in ledger.path")
        }
        guard Self.lock(file) else {
            Self.shut(file)
            throw Self.taken(path)
        }
        Self.makePrivate(file)
        // Those of a run before; new ones get the mode of the database from SQLite.
        for beside in ["-wal", "-shm"] { chmod(path + beside, 0o600) }
        held.withLock { $0.append(file) }
    }

    /// A lock of the open file description on a byte that SQLite never locks: it does not meet SQLite's own POSIX locks, and no
    /// other descriptor that the process closes drops it. Source: fcntl(2), "Open file description locks". Where the system or
    /// the file system has none, the lock of the whole file serves.
    private static func lock(_ file: Int32) -> Bool {
        if setLock(file, F_WRLCK) { return true }
        if errno == EAGAIN || errno == EACCES { return false }
        return flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
    }

    private static func setLock(_ file: Int32, _ type: Int32) -> Bool {
        #if canImport(Darwin)
        let command: Int32 = 90  // F_OFD_SETLK
        #else
        let command: Int32 = 37  // F_OFD_SETLK, asm-generic/fcntl.h
        #endif
        var range = flock()
        range.l_type = Int16(type)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = 1 << 50
        range.l_len = 1
        return fcntl(file, command, &range) == 0
    }

    /// Addresses, transcripts and what jobs said are the owner's. A file of somebody else stays as it is.
    private static func makePrivate(_ file: Int32) {
        var about = stat()
        guard fstat(file, &about) == 0, about.st_mode & 0o077 != 0 else { return }
        _ = fchmod(file, 0o600)
    }

    /// Best effort: the mark only decides how thoroughly the next start looks.
    func mark(_ mark: Mark) {
        write {
            if mark == .suspect { $0.isSuspect = true }
            $0.mark = $0.isSuspect ? .suspect : mark
        }
    }

    /// Numbers of a batch that has just been committed; nil where it had none.
    func reached(event: Int64?, observation: Int64?) {
        guard event != nil || observation != nil else { return }
        write {
            if let event { $0.reached.event = event }
            if let observation { $0.reached.observation = observation }
        }
    }

    var lastObservation: Int64 { state.withLock { $0.reached.observation } }

    private func write(_ change: (inout State) -> Void) {
        state.withLock { change(&$0) }
        // Not here: a disk that hangs must not hold up a start or a batch for the sake of a mark.
        marks.async { self.writeDown() }
    }

    private func writeDown() {
        let text = state.withLock { "\($0.mark.rawValue) \($0.reached.event) \($0.reached.observation)" }
        let bytes = Array((text + String(repeating: " ", count: max(0, 60 - text.utf8.count)) + "\n").utf8)
        // In place, so that a full disk takes it too.
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    /// Lets the next owner in before this object goes. - Precondition: SQLite has closed the database.
    func release() {
        marks.sync {}
        held.withLock { files in
            for one in files {
                // Said aloud: a child that is about to be started holds what was open until its program runs.
                _ = Self.setLock(one, F_UNLCK)
                _ = flock(one, LOCK_UN)
                Self.shut(one)
            }
            files = []
        }
        _ = flock(descriptor, LOCK_UN)
    }

    static func shut(_ descriptor: Int32) {
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
        _ = Musl.close(descriptor)
        #else
        _ = Darwin.close(descriptor)
        #endif
    }
}
