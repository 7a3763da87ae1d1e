import CLinux
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

/// Writes a snapshot's entries into a new folder. Nothing that it is told leads out of it: folders are opened one in the other, and no link is followed.
/// Its calls block.
final class FolderWriter: Sendable {
    struct Trouble: Error, CustomStringConvertible {
        var path: String
        var reason: String
        var code: Int32
        var description: String { "\(path): \(reason)" }
    }

    let folder: String
    private let root: Int32
    private let setsOwners: Bool
    private let warned = Mutex<[String]>([])

    /// - Parameter folder: made; must not exist.
    init(new folder: String, setsOwners: Bool) throws {
        self.folder = folder
        self.setsOwners = setsOwners
        guard mkdir(folder, 0o700) == 0 else {
            throw Trouble(path: folder, reason: String(cString: strerror(errno)), code: errno)
        }
        root = systemOpen(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard root >= 0 else {
            throw Trouble(path: folder, reason: String(cString: strerror(errno)), code: errno)
        }
    }

    deinit { close(root) }

    /// What could not be set; at most 100.
    var warnings: [String] { warned.withLock { $0 } }
    private func warn(_ text: String) { warned.withLock { if $0.count < 100 { $0.append(text) } } }

    private func trouble(_ path: [UInt8]) -> Trouble {
        let code = errno
        return Trouble(path: TreePath.text(path), reason: String(cString: strerror(code)), code: code)
    }

    /// Opens the folder that an entry is in, made when its own entry was not asked for.
    private func parent(of path: [UInt8]) throws -> (descriptor: Int32, name: [UInt8]) {
        var parts = path.split(separator: TreePath.slash).map { Array($0) + [0] }
        guard let name = parts.popLast() else { throw Trouble(path: "", reason: "an empty path", code: EINVAL) }
        var current = dup(root)
        guard current >= 0 else { throw trouble(path) }
        for part in parts {
            let next = Self.open(current, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            if next < 0, errno == ENOENT {
                _ = part.withUnsafeBufferPointer {
                    $0.withMemoryRebound(to: CChar.self) { mkdirat(current, $0.baseAddress!, 0o700) }
                }
                let made = Self.open(current, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                close(current)
                guard made >= 0 else { throw trouble(path) }
                current = made
                continue
            }
            let code = errno
            close(current)
            errno = code
            guard next >= 0 else { throw trouble(path) }
            current = next
        }
        return (current, name)
    }

    private static func open(_ folder: Int32, _ name: [UInt8], _ flags: Int32, _ mode: mode_t = 0o600) -> Int32 {
        name.withUnsafeBufferPointer {
            $0.withMemoryRebound(to: CChar.self) { openat(folder, $0.baseAddress!, flags, mode) }
        }
    }

    private func named<Value>(_ name: [UInt8], _ work: (UnsafePointer<CChar>) -> Value) -> Value {
        name.withUnsafeBufferPointer { $0.withMemoryRebound(to: CChar.self) { work($0.baseAddress!) } }
    }

    func makeFolder(_ entry: TreeEntry) throws {
        let (folder, name) = try parent(of: entry.path)
        defer { close(folder) }
        guard named(name, { mkdirat(folder, $0, 0o700) }) == 0 || errno == EEXIST else { throw trouble(entry.path) }
    }

    func makeLink(_ entry: TreeEntry, to target: [UInt8]) throws {
        let (folder, name) = try parent(of: entry.path)
        defer { close(folder) }
        guard named(target + [0], { target in named(name) { symlinkat(target, folder, $0) } }) == 0 else {
            throw trouble(entry.path)
        }
        if setsOwners, named(name, { fchownat(folder, $0, entry.facts.uid, entry.facts.gid, AT_SYMLINK_NOFOLLOW) }) != 0
        {
            warn("owner of \(TreePath.text(entry.path)): \(String(cString: strerror(errno)))")
        }
        _ = named(name) { utimensat(folder, $0, Self.times(entry.facts), AT_SYMLINK_NOFOLLOW) }
    }

    /// Another name of a file that was made before.
    func makeHardLink(_ entry: TreeEntry, to other: [UInt8]) throws {
        let (from, old) = try parent(of: other)
        defer { close(from) }
        let (folder, name) = try parent(of: entry.path)
        defer { close(folder) }
        guard named(old, { old in named(name) { linkat(from, old, folder, $0, 0) } }) == 0 else {
            throw trouble(entry.path)
        }
    }

    /// A file that is being written. Used by one thread at a time.
    final class File: Sendable {
        let descriptor: Int32
        let entry: TreeEntry
        init(descriptor: Int32, entry: TreeEntry) {
            self.descriptor = descriptor
            self.entry = entry
        }
        deinit { close(descriptor) }
    }

    func makeFile(_ entry: TreeEntry) throws -> File {
        let (folder, name) = try parent(of: entry.path)
        defer { close(folder) }
        let file = Self.open(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw trouble(entry.path) }
        return File(descriptor: file, entry: entry)
    }

    func write(_ bytes: ArraySlice<UInt8>, at offset: Int64, of file: File) throws {
        var done = 0
        try bytes.withUnsafeBytes { all in
            while done < all.count {
                let count = pwrite(
                    file.descriptor, all.baseAddress! + done, all.count - done, off_t(offset) + off_t(done))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw trouble(file.entry.path)
                }
                guard count > 0 else {
                    throw Trouble(path: TreePath.text(file.entry.path), reason: "no room", code: ENOSPC)
                }
                done += count
            }
        }
    }

    /// Gives it its length, which holes at its end need, and its facts; the bytes are on the disk when `syncs`.
    func finish(_ file: File, size: Int64, syncs: Bool) throws {
        let entry = file.entry
        guard ftruncate(file.descriptor, off_t(size)) == 0 else { throw trouble(entry.path) }
        for attribute in entry.facts.attributes {
            let done = named(attribute.name + [0]) { name in
                attribute.value.withUnsafeBytes {
                    stoker_set_file_attribute(file.descriptor, name, $0.baseAddress, UInt($0.count))
                }
            }
            if done != 0 {
                warn(
                    "attribute \(TreePath.text(attribute.name)) of \(TreePath.text(entry.path)): \(String(cString: strerror(errno)))"
                )
            }
        }
        if setsOwners, fchown(file.descriptor, entry.facts.uid, entry.facts.gid) != 0 {
            warn("owner of \(TreePath.text(entry.path)): \(String(cString: strerror(errno)))")
        }
        // No program becomes another's by a restore.
        guard fchmod(file.descriptor, mode_t(entry.facts.mode & 0o1777)) == 0 else { throw trouble(entry.path) }
        if entry.facts.mode & 0o6000 != 0 {
            warn("\(TreePath.text(entry.path)): its setuid or setgid bit is not restored")
        }
        if syncs, fsync(file.descriptor) != 0 { throw trouble(entry.path) }
        if futimens(file.descriptor, Self.times(entry.facts)) != 0 { throw trouble(entry.path) }
    }

    /// Facts of a folder, once everything in it is there.
    func finish(folder entry: TreeEntry) throws {
        let (parent, name) = try parent(of: entry.path)
        defer { close(parent) }
        let own = Self.open(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard own >= 0 else { throw trouble(entry.path) }
        defer { close(own) }
        if setsOwners, fchown(own, entry.facts.uid, entry.facts.gid) != 0 {
            warn("owner of \(TreePath.text(entry.path)): \(String(cString: strerror(errno)))")
        }
        guard fchmod(own, mode_t(entry.facts.mode & 0o1777)) == 0 else { throw trouble(entry.path) }
        _ = futimens(own, Self.times(entry.facts))
    }

    private static func times(_ facts: FileFacts) -> [timespec] {
        let billion: Int64 = 1_000_000_000
        let seconds = facts.modified >= 0 ? facts.modified / billion : (facts.modified - billion + 1) / billion
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(facts.modified - seconds * billion))
        return [time, time]
    }

    /// Everything on the disk.
    func sync() throws {
        guard stoker_sync_file_system(root) == 0 else { throw trouble([]) }
    }

    // MARK: folders on their own

    /// nil when nothing is there or the folder is empty; else what stands in the way.
    static func obstacle(_ path: String) -> String? {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return nil }
        guard facts.st_mode & S_IFMT == S_IFDIR else { return "something that is no folder is there" }
        guard let entries = opendir(path) else { return String(cString: strerror(errno)) }
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != "..", name != "lost+found" { return "the folder is not empty" }
        }
        return nil
    }

    /// Puts a whole folder in place of an empty one, or of nothing.
    static func rename(_ from: String, to: String) throws {
        guard systemRename(from, to) == 0 else {
            throw Trouble(path: to, reason: String(cString: strerror(errno)), code: errno)
        }
        let parent = systemOpen(to.parentFolder.isEmpty ? "." : to.parentFolder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
    }

    static func remove(_ path: String) {
        // Folders without the right to write stop their removal.
        try? FileManager.default.removeItem(atPath: path)
    }
}

private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }
private func systemRename(_ from: String, _ to: String) -> Int32 { rename(from, to) }
