import NIOCore
import NIOPosix
import Runtime
import StokerCore
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file of this machine, read and written in pieces. Its calls block: use them inside ``Disk/run(_:)`` only.
final class LocalFile: Sendable {
    // Closed once, in deinit; pread and pwrite are safe from several threads.
    private let descriptor: Int32
    let path: String

    enum Mode { case read, writeNew, readWrite }

    /// What went wrong with a local file, in the system's words.
    struct Trouble: Error, CustomStringConvertible {
        var path: String
        var doing: String
        var reason: String
        var description: String { "cannot \(doing) \(path): \(reason)" }
    }

    struct Status: Sendable, Equatable {
        enum Kind: Sendable { case file, folder, link, other }
        var kind: Kind
        var size: Int64
        /// Nanoseconds since 1970.
        var changed: Int64
        var device: UInt64
        var inode: UInt64
        /// Names that lead to it, without symbolic links.
        var links: Int
        /// For its owner, which is the one bit that git keeps.
        var isExecutable: Bool

        init(_ raw: stat) {
            kind =
                switch raw.st_mode & S_IFMT {
                case S_IFREG: .file
                case S_IFDIR: .folder
                case S_IFLNK: .link
                default: .other
                }
            size = Int64(raw.st_size)
            #if canImport(Glibc)
            changed = Int64(raw.st_mtim.tv_sec) * 1_000_000_000 + Int64(raw.st_mtim.tv_nsec)
            #else
            changed = Int64(raw.st_mtimespec.tv_sec) * 1_000_000_000 + Int64(raw.st_mtimespec.tv_nsec)
            #endif
            device = UInt64(raw.st_dev)
            inode = UInt64(raw.st_ino)
            links = Int(raw.st_nlink)
            isExecutable = raw.st_mode & S_IXUSR != 0
        }
    }

    /// - Parameter permissions: of a file that is made, before the umask.
    init(_ path: String, _ mode: Mode = .read, permissions: mode_t = 0o644) throws {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .writeNew: O_RDWR | O_CREAT | O_TRUNC
            case .readWrite: O_RDWR | O_CREAT
            }
        let opened = open(path, flags | O_CLOEXEC, permissions)
        guard opened >= 0 else {
            throw Trouble(path: path, doing: mode == .read ? "read" : "write", reason: String(cString: strerror(errno)))
        }
        descriptor = opened
        self.path = path
    }

    private init(_ path: String, _ opened: Int32) {
        descriptor = opened
        self.path = path
    }

    deinit { close(descriptor) }

    func status() throws -> Status {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { throw trouble("read") }
        return Status(raw)
    }

    /// Fills `buffer` from `offset` as far as the file goes. Returns the bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset) + off_t(filled))
            if count < 0 {
                if errno == EINTR { continue }
                throw trouble("read")
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Up to `count` bytes from `offset`.
    func read(_ count: Int, at offset: Int64) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        try read(count, at: offset, into: &buffer)
        return buffer
    }

    /// The same, behind what is in `buffer`.
    func read(_ count: Int, at offset: Int64, into buffer: inout ByteBuffer) throws {
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            try read(into: UnsafeMutableRawBufferPointer(rebasing: space.prefix(count)), at: offset)
        }
    }

    func write(_ buffer: ByteBuffer, at offset: Int64) throws {
        try buffer.withUnsafeReadableBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = pwrite(
                    descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset) + off_t(written))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw trouble("write")
                }
                written += count
            }
        }
    }

    func truncate(to size: Int64) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw trouble("write") }
    }

    func sync() throws {
        guard fsync(descriptor) == 0 else { throw trouble("write") }
    }

    private func trouble(_ doing: String) -> Trouble {
        Trouble(path: path, doing: doing, reason: String(cString: strerror(errno)))
    }
}

extension LocalFile {
    /// Status of a path, nil when nothing is there.
    static func status(of path: String, followLinks: Bool) throws -> Status? {
        var raw = stat()
        let answer = followLinks ? stat(path, &raw) : lstat(path, &raw)
        if answer == 0 { return Status(raw) }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw Trouble(path: path, doing: "read", reason: String(cString: strerror(errno)))
    }

    /// The same of a path that need not be text, and of a link itself.
    static func status(of path: [UInt8]) throws -> Status? {
        var raw = stat()
        let answer = (path + [0]).withUnsafeBytes { bytes in
            bytes.baseAddress.map { lstat($0.assumingMemoryBound(to: CChar.self), &raw) } ?? -1
        }
        if answer == 0 { return Status(raw) }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw Trouble(
            path: String(decoding: path, as: UTF8.self), doing: "read", reason: String(cString: strerror(errno)))
    }

    /// The path with all links resolved; nil when it leads nowhere.
    static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Names in a folder without `.` and `..`, as bytes, in byte order.
    static func names(in folder: String) throws -> [[UInt8]] {
        guard let stream = opendir(folder) else {
            throw Trouble(path: folder, doing: "read", reason: String(cString: strerror(errno)))
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw Trouble(path: folder, doing: "read", reason: String(cString: strerror(errno))) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    static func makeFolders(_ path: String, permissions: mode_t = 0o755) throws {
        if mkdir(path, permissions) == 0 || errno == EEXIST { return }
        if errno == ENOENT, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex {
            try makeFolders(String(path[..<slash]), permissions: permissions)
            if mkdir(path, permissions) == 0 || errno == EEXIST { return }
        }
        throw Trouble(path: path, doing: "make the folder", reason: String(cString: strerror(errno)))
    }

    /// Opens a file to write and read it, made when it is not there, and keeps others who do the same away until it is closed.
    /// - Throws: when somebody has it.
    static func locked(_ path: String) throws -> LocalFile {
        let opened: Int32?
        do { opened = try FileLock.open(path, permissions: 0o644) } catch {
            throw Trouble(path: path, doing: "write", reason: "\(error)")
        }
        guard let opened else {
            throw Trouble(path: path, doing: "write", reason: "another download is writing it")
        }
        return LocalFile(path, opened)
    }

    /// Puts `source` in the place of `target` in one step.
    static func move(_ source: String, to target: String) throws {
        guard rename(source, target) == 0 else {
            throw Trouble(path: target, doing: "write", reason: String(cString: strerror(errno)))
        }
    }

    /// Removes a file; one that is not there is no trouble.
    static func remove(_ path: String) throws {
        if unlink(path) == 0 || errno == ENOENT { return }
        throw Trouble(path: path, doing: "remove", reason: String(cString: strerror(errno)))
    }
}

/// Where files are read, written and hashed: NIO's blocking threads, as many as there are cores, so that the cooperative pool stays free.
enum Disk {
    /// Bytes read and sent at a time: large enough that a hop between threads costs nothing, small enough that many at once stay small.
    static let piece = 128 << 10

    /// Waits until what was handed to the network before has reached its socket or been told to wait there.
    ///
    /// AsyncHTTPClient takes pieces until the connection says that it is full, and on a busy machine a disk is faster than the
    /// event loop that would say so: without this, a file's pieces pile up before it. Its loops are those of the singleton group.
    static func untilHandedOver() async throws {
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try await loop.submit {}.get() }
    }

    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await NIOThreadPool.singleton.runIfActive(work)
    }

    /// The same for long work, which asks its flag now and then whether it was called off: a blocking thread knows of no task.
    static func run<Value: Sendable>(_ work: @escaping @Sendable (CancelFlag) throws -> Value) async throws -> Value {
        let flag = CancelFlag()
        return try await withTaskCancellationHandler {
            try await NIOThreadPool.singleton.runIfActive { try work(flag) }
        } onCancel: {
            flag.set()
        }
    }
}

/// Lets a blocking loop on another thread see that its task was cancelled.
final class CancelFlag: Sendable {
    private let isSet = Mutex(false)
    func set() { isSet.withLock { $0 = true } }
    func check() throws { if isSet.withLock({ $0 }) { throw CancellationError() } }
}

/// Two buffers in turn: one is filled while the other is sent. One that was sent meanwhile is filled again in place, so that
/// gigabytes pass through the same memory and the allocator has nothing to keep.
struct BufferRing {
    private var buffers: [ByteBuffer] = []
    private var next = 0

    /// Gives an empty buffer to `fill`, and hands out what is in it then.
    mutating func filled(capacity: Int, _ fill: (inout ByteBuffer) throws -> Void) rethrows -> ByteBuffer {
        if buffers.count < 2 { buffers.append(ByteBufferAllocator().buffer(capacity: capacity)) }
        next = (next + 1) % buffers.count
        // Allocates anew when somebody still reads what was there.
        buffers[next].clear(minimumCapacity: capacity)
        try fill(&buffers[next])
        return buffers[next]
    }
}

extension HubFailure {
    /// Anything that was caught while `doing`, as a failure of the Hub's kind.
    static func caught(_ error: any Error, doing: String) -> HubFailure {
        switch error {
        case let failure as HubFailure: failure
        case is CancellationError: HubFailure(cancelled: doing)
        case let trouble as LocalFile.Trouble: HubFailure(.local, doing: doing, said: trouble.description)
        default: HubFailure(unexpected: error, doing: doing)
        }
    }
}
