import CLinux
import Runtime

#if canImport(Glibc)
import Glibc
#endif

/// A folder that is held open, so that everything below it is reached without its path being resolved again.
final class OpenFolder: Sendable {
    let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    /// The folder a path is in, reached from the root part by part; no part may be a link.
    /// - Parameter place: absolute.
    convenience init(_ place: String) throws(SystemError) {
        var current = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard current >= 0 else { throw SystemError() }
        for part in place.split(separator: "/") {
            // Above the guarded path links are the machine's own (`/var/run`): followed. Below it none is.
            let next = openat(current, String(part), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
            let code = errno
            close(current)
            guard next >= 0 else { throw SystemError(code) }
            current = next
        }
        self.init(descriptor: current)
    }

    /// Opens what is below by a path of names; no link is followed, and a FIFO is not waited for.
    func openFile(_ path: [[UInt8]], _ flags: Int32) throws(SystemError) -> Int32 {
        var current = descriptor
        for (number, name) in path.enumerated() {
            let isLast = number == path.count - 1
            let way =
                isLast ? flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            let next = name.withCString { openat(current, $0, way, 0) }
            let code = errno
            if current != descriptor { close(current) }
            guard next >= 0 else { throw SystemError(code) }
            current = next
        }
        return current
    }
}

extension [UInt8] {
    /// With a zero behind it.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }
}

/// What tells two moments of one file apart.
struct FileStamp: Equatable, Sendable {
    var size: Int64
    var modified: Int64
    var changed: Int64
    var inode: UInt64

    init(_ facts: stat) {
        size = Int64(facts.st_size)
        modified = Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec)
        changed = Int64(facts.st_ctim.tv_sec) * 1_000_000_000 + Int64(facts.st_ctim.tv_nsec)
        inode = UInt64(facts.st_ino)
    }

    init?(_ descriptor: Int32) {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { return nil }
        self.init(facts)
    }
}

/// A regular file below a guarded path. Each reading is judged by a look before and one behind it: what changed meanwhile is read again, three
/// times in all, and then marked.
///
/// What only grows at its end, such as a log, is cut where it ended at the first look: it counts as whole once two readings of that part were
/// the same.
final class FileSource: ContentSource {
    let size: Int64
    private let root: OpenFolder
    private let path: [[UInt8]]
    private let attempts: Attempts
    private let unreadable: @Sendable (SystemError) -> Void

    /// What is known from one reading to the next. Readers of one source are used one after the other.
    final class Attempts: @unchecked Sendable {
        // Proof: the store opens a source, reads it to its end and only then opens it again, always on one thread at a time.
        var count = 0
        var first: FileStamp?
        var digest: UInt64?
    }
    static let most = 3

    /// - Parameter unreadable: told when it is there and cannot be read.
    init(
        root: OpenFolder, path: [[UInt8]], size: Int64, unreadable: @escaping @Sendable (SystemError) -> Void = { _ in }
    ) {
        self.root = root
        self.path = path
        self.size = size
        self.unreadable = unreadable
        attempts = Attempts()
    }

    func failed(_ error: SystemError) {
        // Gone, or exchanged for a link, since it was looked at: as if the look had come later.
        guard ![ENOENT, ELOOP, ENOTDIR, ESTALE].contains(error.code) else { return }
        unreadable(error)
    }

    func open() throws -> any ContentReader {
        let file = try root.openFile(path, O_RDONLY)
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw SystemError(ESTALE)
        }
        return FileReader(file, FileStamp(facts), blocks: Int64(facts.st_blocks), attempts)
    }
}

private final class FileReader: ContentReader {
    private let file: Int32
    private let begin: FileStamp
    private let limit: Int64
    private let attempts: FileSource.Attempts
    private var position: Int64 = 0
    /// Where the data ends that `position` is in; nil before the first look. All of the file where it has no holes.
    private var dataEnd: Int64?
    private let hasHoles: Bool
    private var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private var isShort = false

    init(_ file: Int32, _ begin: FileStamp, blocks: Int64, _ attempts: FileSource.Attempts) {
        self.file = file
        self.begin = begin
        self.attempts = attempts
        // The end of a file that grows is where it was first.
        limit = min(begin.size, attempts.first.flatMap { $0.inode == begin.inode ? $0.size : nil } ?? begin.size)
        hasHoles = blocks * 512 < begin.size
        if !hasHoles { dataEnd = limit }
        posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit { close(file) }

    func next(into buffer: UnsafeMutableRawBufferPointer) throws -> ContentPiece {
        guard position < limit, !isShort else { return .end }
        if dataEnd == nil || position >= dataEnd ?? 0 {
            let data = stoker_seek_data(file, position)
            if data < 0 {
                // ENXIO: nothing but a hole is left. EINVAL: the file system knows no holes.
                guard errno == ENXIO else {
                    dataEnd = limit
                    return try next(into: buffer)
                }
                return hole(to: limit)
            }
            if data > position { return hole(to: min(data, limit)) }
            let hole = stoker_seek_hole(file, position)
            dataEnd = hole < 0 ? limit : min(max(hole, position + 1), limit)
        }
        let wanted = Int(min(Int64(buffer.count), (dataEnd ?? limit) - position))
        while true {
            let count = pread(file, buffer.baseAddress, wanted, off_t(position))
            if count > 0 {
                position += Int64(count)
                mix(UnsafeRawBufferPointer(start: buffer.baseAddress, count: count))
                return .bytes(count)
            }
            if count == 0 {
                isShort = true
                return .end
            }
            guard errno == EINTR else { throw SystemError() }
        }
    }

    private func hole(to end: Int64) -> ContentPiece {
        let length = end - position
        position = end
        digest = (digest ^ UInt64(bitPattern: length)) &* 0x9E37_79B9_7F4A_7C15
        return .hole(length)
    }

    func end() throws -> ContentEnd {
        guard let after = FileStamp(file) else { throw SystemError() }
        attempts.count += 1
        let previous = attempts.digest
        attempts.digest = digest
        if attempts.first == nil { attempts.first = begin }
        if after == begin, !isShort { return .whole }
        // Twice the same, and only longer: what was read stands.
        if previous == digest, !isShort, after.size >= begin.size { return .whole }
        return attempts.count < FileSource.most ? .readAgain : .torn
    }

    /// Tells two readings apart; no protection against an attacker, who could write what he likes anyway.
    private func mix(_ bytes: UnsafeRawBufferPointer) {
        var state = digest
        var index = 0
        while index + 8 <= bytes.count {
            state = (state ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
            state ^= state >> 29
            index += 8
        }
        while index < bytes.count {
            state = (state ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3
            index += 1
        }
        digest = state
    }
}

/// A copy that nobody else writes.
final class CopySource: ContentSource {
    let size: Int64
    private let path: String

    init(_ path: String, size: Int64) {
        self.path = path
        self.size = size
    }

    func open() throws -> any ContentReader {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemError() }
        guard let stamp = FileStamp(file) else {
            close(file)
            throw SystemError()
        }
        return FileReader(file, stamp, blocks: Int64.max / 512, FileSource.Attempts())
    }
}
