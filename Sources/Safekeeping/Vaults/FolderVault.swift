import Crypto
import FoundationEssentials
package import NIOCore
import NIOPosix
import Runtime
import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A vault in a folder of this machine: a disk that outlives the container, a volume, a mounted share with locks.
///
/// Heads are swapped under an flock(2): read, compare, write beside, fsync, rename, fsync the folder. Where locks do not hold (hf-mount, where the last
/// writer wins) it is refused.
package struct FolderVault: Vault {
    private let root: String
    package let name: String
    package let limits = VaultLimits()

    /// - Parameter path: made when it is not there, for its owner alone.
    package init(path: String) {
        root = path
        name = "folder:\(path)"
    }

    private var head: String { root + "/v1/head" }

    package func probe() async throws(VaultFailure) {
        try await run("look at the folder") {
            try PrivateFolder.make(root + "/v1")
            guard let kind = FileSystemKind.of(root) else { return }
            if let because = kind.unfit { throw Unfit(because: because) }
        }
    }

    private struct Unfit: Error { var because: String }

    package func readHead() async throws(VaultFailure) -> StoredHead? {
        try await run("read the head") { Self.stored(try Self.contents(head, nil)) }
    }

    package func swapHead(
        _ bytes: ByteBuffer, expecting version: HeadVersion?
    ) async throws(VaultFailure) -> HeadSwap {
        let doing = "write the head"
        let made = Self.version(of: bytes)
        // A holder of the lock needs milliseconds. One that is stopped in the midst of it is waited for, then told.
        for _ in 0..<500 {
            let swapped: Bool? = try await run(doing) {
                try PrivateFolder.make(root + "/v1")
                guard let lock = try FileLock.open(root + "/v1/.lock") else { return nil }
                defer { close(lock) }
                guard Self.stored(try Self.contents(head, nil))?.version == version else { return false }
                try AtomicFile.replace(head, with: Array(bytes.readableBytesView))
                return true
            }
            if let swapped { return swapped ? .swapped(made) : .refused }
            do { try await Task.sleep(for: .milliseconds(20)) } catch {
                throw VaultFailure(.cancelled, vault: name, doing: doing, said: "it was called off", cause: error)
            }
        }
        throw VaultFailure(
            .transient, vault: name, doing: doing, said: "another process has held the folder's lock for 10 s")
    }

    package func put(_ bytes: ByteBuffer, as object: String, _ visibility: Visibility) async throws(VaultFailure) {
        try await run("store \(object)") {
            let path = root + "/" + object
            try PrivateFolder.make(path.parentFolder)
            try AtomicFile.replace(path, with: Array(bytes.readableBytesView))
        }
    }

    package func read(_ object: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        try await run("read \(object)") { try Self.contents(root + "/" + object, range) }
    }

    package func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        try await run("list \(prefix)") {
            let folder = prefix.contains("/") ? prefix.parentFolder : ""
            var found: [StoredObject] = []
            var folders = [folder]
            while let next = folders.popLast() {
                guard let entries = opendir(root + "/" + next) else {
                    if errno == ENOENT { continue }
                    throw SystemError()
                }
                defer { closedir(entries) }
                while let entry = readdir(entries) {
                    let part = withUnsafePointer(to: &entry.pointee.d_name) {
                        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    }
                    guard !part.hasPrefix(".") else { continue }
                    let name = next.isEmpty ? part : next + "/" + part
                    var facts = stat()
                    guard stat(root + "/" + name, &facts) == 0 else { continue }
                    if facts.st_mode & S_IFMT == S_IFDIR {
                        folders.append(name)
                    } else if name.hasPrefix(prefix), name != "v1/head", name != "v1/head.new" {
                        found.append(StoredObject(name: name, size: Int(facts.st_size)))
                    }
                }
            }
            return found.sorted { $0.name < $1.name }
        }
    }

    package func delete(_ names: [String]) async throws(VaultFailure) {
        try await run("delete \(names.count) objects") {
            for name in names where unlink(root + "/" + name) != 0 && errno != ENOENT { throw SystemError() }
        }
    }

    // MARK: files

    private static func version(of bytes: ByteBuffer) -> HeadVersion {
        HeadVersion(Hex.text(SHA256.hash(data: Array(bytes.readableBytesView))))
    }

    private static func stored(_ bytes: ByteBuffer?) -> StoredHead? {
        bytes.map { StoredHead(bytes: $0, version: version(of: $0)) }
    }

    private static func contents(_ path: String, _ range: Range<Int>?) throws -> ByteBuffer? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw SystemError()
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { throw SystemError() }
        let whole = 0..<Int(facts.st_size)
        let wanted = range.map { $0.clamped(to: whole) } ?? whole
        var buffer = ByteBufferAllocator().buffer(capacity: wanted.count)
        while buffer.readableBytes < wanted.count {
            let done = buffer.readableBytes
            let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted.count - done) { space in
                max(0, pread(file, space.baseAddress, wanted.count - done, off_t(wanted.lowerBound + done)))
            }
            if count == 0 {
                guard errno == EINTR else { break }
            }
        }
        return buffer
    }

    private func run<Value: Sendable>(
        _ doing: String, _ work: @escaping @Sendable () throws -> Value
    ) async throws(VaultFailure) -> Value {
        do {
            return try await NIOThreadPool.singleton.runIfActive(work)
        } catch let error as Unfit {
            throw VaultFailure(.unsafe, vault: name, doing: doing, said: error.because)
        } catch let error as SystemError {
            let kind: VaultFailure.Kind =
                switch error.code {
                case ENOSPC, EDQUOT: .full
                case EACCES, EPERM, EROFS: .refused
                case ENOTDIR, ENAMETOOLONG: .invalid
                default: .transient
                }
            throw VaultFailure(kind, vault: name, doing: doing, said: error.description, cause: error)
        } catch {
            throw VaultFailure(
                .refused, vault: name, doing: doing, said: "\(error)".cut(to: 200), cause: error)
        }
    }
}

/// What a folder's file system is known not to do.
private struct FileSystemKind {
    var type: String
    var source: String

    /// From the longest mount point that the path is below. Source: proc(5), mountinfo.
    static func of(_ path: String) -> FileSystemKind? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        let place = String(cString: real)
        guard let text = try? PlainFile.read("/proc/self/mountinfo", upTo: 1 << 20) else { return nil }
        var best = ""
        var kind: FileSystemKind?
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let halves = line.split(separator: " - ", maxSplits: 1)
            let fields = halves.first.map { $0.split(separator: " ") } ?? []
            let facts = halves.last.map { $0.split(separator: " ") } ?? []
            guard fields.count > 4, facts.count > 1 else { continue }
            let point = String(fields[4])
            guard place == point || point == "/" || place.hasPrefix(point + "/"), point.count >= best.count else {
                continue
            }
            best = point
            kind = FileSystemKind(type: String(facts[0]), source: String(facts[1]))
        }
        return kind
    }

    /// Why no vault may be in it; nil when it may.
    var unfit: String? {
        if type.hasPrefix("fuse"), source.contains("hf-mount") || type.contains("hf") {
            return "hf-mount lets the last writer win and keeps no locks; use the bucket itself: bucket:owner/name"
        }
        return nil
    }
}
