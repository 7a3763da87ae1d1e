import Crypto
import FoundationEssentials
package import NIOCore
import NIOPosix
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

/// A vault in a folder of this machine: a disk that outlives the container, a volume, a mounted share with locks.
///
/// Heads are swapped under an flock(2): read, compare, write beside, fsync, rename, fsync the folder. On NFS, where a lock may be one of this machine
/// alone, they are numbered files (``NumberedHeads``) that link(2) creates. On hf-mount, where the last writer wins, it is refused.
///
/// A folder that once had numbered heads keeps them wherever it is mounted.
package struct FolderVault: Vault {
    /// How heads are swapped.
    enum Heads: Sendable { case locked, numbered }

    private let root: String
    private let forced: Heads?
    private let mounts: String
    package let name: String
    package let limits = VaultLimits()

    /// - Parameter path: made when it is not there, for its owner alone.
    package init(path: String) { self.init(path: path, heads: nil) }

    /// - Parameters:
    ///   - heads: nil for what the file system asks for.
    ///   - mounts: a list of mounts, as /proc/self/mountinfo is.
    init(path: String, heads: Heads?, mounts: String = "/proc/self/mountinfo") {
        root = path
        forced = heads
        self.mounts = mounts
        name = "folder:\(path)"
    }

    private var head: String { root + "/v1/head" }
    private var numberedFolder: String { root + "/v1/h" }

    /// Blocks.
    private var heads: Heads {
        var facts = stat()
        if stat(numberedFolder, &facts) == 0 { return .numbered }
        return forced ?? (FileSystemKind.of(root, mounts: mounts)?.isShared == true ? .numbered : .locked)
    }

    private var numbered: NumberedHeads {
        NumberedHeads(
            vault: name,
            create: { (bytes, object) async throws(VaultFailure) in
                try await run("write the head") { try Self.create(root + "/" + object, bytes) }
            },
            read: { (object) async throws(VaultFailure) in
                try await run("read the head") { try Self.contents(root + "/" + object, nil) }
            },
            list: { () async throws(VaultFailure) in
                try await run("look which head is the newest") {
                    try files(below: NumberedHeads.prefix).map(\.name)
                }
            },
            delete: { (objects) async throws(VaultFailure) in try await delete(objects) })
    }

    package func probe() async throws(VaultFailure) {
        try await run("look at the folder") {
            try PrivateFolder.make(root + "/v1")
            if FileSystemKind.of(root, mounts: mounts)?.isHubMount == true {
                throw Unfit(
                    because:
                        "hf-mount lets the last writer win and keeps no locks; use the bucket itself: bucket:owner/name"
                )
            }
            guard heads == .numbered else { return }
            // Proven where it is relied on: a second one of a name must be refused.
            let proof = "\(root)/v1/probe/\(Hex.text(RandomBytes.make(8)))"
            defer { unlink(proof) }
            guard try Self.create(proof, ByteBuffer(string: "1")) else {
                throw Unfit(because: "link(2) refused a name that was not there")
            }
            guard try !Self.create(proof, ByteBuffer(string: "2")) else {
                throw Unfit(because: "link(2) made a name that was there")
            }
        }
    }

    private struct Unfit: Error { var because: String }

    package func readHead() async throws(VaultFailure) -> StoredHead? {
        if try await run("read the head", { heads == .numbered }), let newest = try await numbered.head() {
            return newest
        }
        return try await run("read the head") { Self.stored(try Self.contents(head, nil)) }
    }

    /// The first numbered head takes the place of an unnumbered one, or of none.
    private func swapNumbered(
        _ bytes: ByteBuffer, expecting version: HeadVersion?
    ) async throws(VaultFailure) -> HeadSwap {
        if let number = version.flatMap({ NumberedHeads.number($0) }) {
            return try await numbered.swap(bytes, expecting: number)
        }
        // From here on nobody swaps under the lock.
        let isThere = try await run("write the head") {
            try PrivateFolder.make(numberedFolder)
            return Self.stored(try Self.contents(head, nil))?.version == version
        }
        return isThere ? try await numbered.swap(bytes, expecting: 0) : .refused
    }

    package func swapHead(
        _ bytes: ByteBuffer, expecting version: HeadVersion?
    ) async throws(VaultFailure) -> HeadSwap {
        let doing = "write the head"
        let made = Self.version(of: bytes)
        if try await run(doing, { heads == .numbered }) { return try await swapNumbered(bytes, expecting: version) }
        // A holder of the lock needs milliseconds. One that is stopped in the midst of it is waited for, then told.
        for _ in 0..<500 {
            let swapped: Bool? = try await run(doing) {
                try PrivateFolder.make(root + "/v1")
                guard let lock = try FileLock.open(root + "/v1/.lock") else { return nil }
                defer { close(lock) }
                // Numbered meanwhile by a machine whose locks are not ours.
                guard heads == .locked, Self.stored(try Self.contents(head, nil))?.version == version else {
                    return false
                }
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
            try Self.write(path, bytes)
        }
    }

    package func stream(_ object: String) async throws(VaultFailure) -> (any ObjectStream)? {
        try await run("store \(object)") {
            let path = root + "/" + object
            try PrivateFolder.make(path.parentFolder)
            return try FileStream(path, vault: name, doing: "store \(object)")
        }
    }

    package func read(_ object: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        try await run("read \(object)") { try Self.contents(root + "/" + object, range) }
    }

    package func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        try await run("list \(prefix)") {
            try files(below: prefix).filter { !$0.name.hasPrefix(NumberedHeads.prefix) }
        }
    }

    /// In the order of their names. Blocks.
    private func files(below prefix: String) throws -> [StoredObject] {
        let folder = prefix.hasSuffix("/") ? prefix.withoutSlashes : prefix.contains("/") ? prefix.parentFolder : ""
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

    /// Puts a whole file in place of what is there. Packs are large: their bytes are written from where they are.
    private static func write(_ path: String, _ bytes: ByteBuffer) throws(SystemError) {
        let new = path + ".new"
        try fill(new, bytes)
        try place(new, at: path)
    }

    fileprivate static func place(_ new: String, at path: String) throws(SystemError) {
        guard systemRename(new, path) == 0 else {
            let error = SystemError()
            unlink(new)
            throw error
        }
        // The file has its name whatever the folder's own sync says, which not every file system knows.
        try? AtomicFile.syncFolder(of: path)
    }

    /// Makes a file that is whole, unless one of that name is there; false when it is.
    private static func create(_ path: String, _ bytes: ByteBuffer) throws -> Bool {
        try PrivateFolder.make(path.parentFolder)
        // Its name begins with a dot: no list has it.
        let new = "\(path.parentFolder)/.new-\(Hex.text(RandomBytes.make(8)))"
        defer { unlink(new) }
        try fill(new, bytes)
        let isMade = link(new, path) == 0
        let code = errno
        // The answer may be that of a second request whose first one acted: the number of names tells. Source: open(2), O_EXCL on NFS.
        var facts = stat()
        guard isMade || (stat(new, &facts) == 0 && facts.st_nlink == 2) else {
            guard code == EEXIST else { throw SystemError(code) }
            return false
        }
        try AtomicFile.syncFolder(of: path)
        return true
    }

    /// Makes a new file, its bytes on the disk.
    private static func fill(_ path: String, _ bytes: ByteBuffer) throws(SystemError) {
        unlink(path)  // left by a run that was killed
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError() }
        do {
            try bytes.withUnsafeReadableBytes { try writeAll(file, $0) }
        } catch {
            close(file)
            unlink(path)
            throw error as? SystemError ?? SystemError(EIO)
        }
        let isSafe = fsync(file) == 0
        let error = SystemError()
        guard close(file) == 0, isSafe else {
            unlink(path)
            throw error
        }
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
            throw VaultFailure(error, vault: name, doing: doing)
        } catch {
            throw VaultFailure(
                .refused, vault: name, doing: doing, said: "\(error)".cut(to: 200), cause: error)
        }
    }
}

/// A file that is written piece by piece beside its place.
private final class FileStream: ObjectStream {
    private let path: String
    private let vault: String
    private let doing: String
    /// nil once it is finished.
    private let file: Mutex<Int32?>

    init(_ path: String, vault: String, doing: String) throws(SystemError) {
        let new = path + ".new"
        unlink(new)  // left by a run that was killed
        let opened = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw SystemError() }
        file = Mutex(opened)
        self.path = path
        self.vault = vault
        self.doing = doing
    }

    deinit {
        file.withLock { file in
            guard let open = file else { return }
            close(open)
            unlink(path + ".new")
        }
    }

    private func told(_ work: () throws(SystemError) -> Void) throws(VaultFailure) {
        do throws(SystemError) { try work() } catch { throw VaultFailure(error, vault: vault, doing: doing) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(VaultFailure) {
        guard let open = file.withLock({ $0 }) else { return }
        try told { () throws(SystemError) in try writeAll(open, bytes) }
    }

    func finish() throws(VaultFailure) {
        guard let open = file.withLock({ $0 }) else { return }
        try told { () throws(SystemError) in
            guard fsync(open) == 0 else { throw SystemError() }
            // From here on it is closed, whatever close(2) says.
            file.withLock { $0 = nil }
            guard close(open) == 0 else {
                let error = SystemError()
                unlink(path + ".new")
                throw error
            }
            try FolderVault.place(path + ".new", at: path)
        }
    }
}

extension VaultFailure {
    fileprivate init(_ error: SystemError, vault: String, doing: String) {
        let kind: Kind =
            switch error.code {
            case ENOSPC, EDQUOT: .full
            case EACCES, EPERM, EROFS: .refused
            case ENOTDIR, ENAMETOOLONG: .invalid
            default: .transient
            }
        self.init(kind, vault: vault, doing: doing, said: error.description, cause: error)
    }
}

private func writeAll(_ file: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var rest = bytes
    while !rest.isEmpty {
        let count = systemWrite(file, rest)
        if count > 0 { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        guard count > 0 || (count < 0 && errno == EINTR) else { throw SystemError() }
    }
}

private func systemRename(_ from: String, _ to: String) -> Int32 { rename(from, to) }
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(file, bytes.baseAddress, bytes.count)
}
