import FoundationEssentials
import NIOCore
import NIOPosix
import _NIOFileSystem

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension HubDisk {
    static func exists(_ path: String) async throws -> Bool {
        try await FileSystem.shared.info(forFileAt: FilePath(path)) != nil
    }

    /// Bytes of a file; nil when there is none.
    static func size(_ path: String) async throws -> Int? {
        try await FileSystem.shared.info(forFileAt: FilePath(path)).map { Int($0.size) }
    }

    static func write(_ bytes: [UInt8], to path: String, executable: Bool = false) async throws {
        let permissions: FilePermissions = executable ? [.ownerReadWriteExecute] : [.ownerReadWrite]
        try await FileSystem.shared.withFileHandle(
            forWritingAt: FilePath(path), options: .newFile(replaceExisting: true, permissions: permissions)
        ) { handle in
            _ = try await handle.write(contentsOf: bytes, toAbsoluteOffset: 0)
        }
    }

    static func read(_ path: String, upTo limit: Int) async throws -> ByteBuffer {
        try await ByteBuffer(contentsOf: FilePath(path), maximumSizeAllowed: .bytes(Int64(limit)))
    }

    /// Makes many small files in one go, off the pool that must not block: one by one they would cost a change of thread each.
    /// - Parameters:
    ///   - folders: parents first; those that are there stay.
    ///   - besides: to what others read meanwhile: a file that is there stays, and nobody sees half of a new one.
    static func lay(
        folders: [String], files: [(path: String, bytes: [UInt8])], in root: String, besides: Bool = false
    ) async throws {
        try await NIOThreadPool.singleton.runIfActive { try layBlocking(folders, files, in: root, besides) }
    }

    /// A folder with all that is in it; nothing there is fine.
    static func removeFolder(_ path: String) async throws {
        try await NIOThreadPool.singleton.runIfActive {
            do { try FileManager.default.removeItem(atPath: path) } catch let error as CocoaError
                where error.code == .fileNoSuchFile
            {}
        }
    }

    static func makeFolder(_ path: String) async throws {
        try await FileSystem.shared.createDirectory(at: FilePath(path), withIntermediateDirectories: true)
    }

    /// Nothing there is fine.
    static func remove(_ path: String) async throws {
        try await FileSystem.shared.removeItem(at: FilePath(path))
    }

    /// Puts a received file in its place. Files are named by their content, so one that is there already, or comes at the same time,
    /// is the same.
    static func move(_ from: String, to: String) async throws {
        try await DraftFile.run { try DraftFile.rename(from, to: to) }
    }
}

private func layBlocking(
    _ folders: [String], _ files: [(path: String, bytes: [UInt8])], in root: String, _ besides: Bool
) throws {
    func failed(_ call: String) -> IOError { IOError(errnoCode: errno, reason: call) }
    for folder in folders where mkdir(root + folder, 0o755) != 0 && errno != EEXIST { throw failed("mkdir") }
    for (path, bytes) in files {
        if besides {
            if access(root + path, F_OK) != 0 { try DraftFile.replace(root + path, with: bytes) }
            continue
        }
        let file = open(root + path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw failed("open") }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw failed("write") }
            rest = rest.dropFirst(count)
        }
    }
}
