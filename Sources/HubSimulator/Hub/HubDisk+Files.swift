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

    /// Makes many small files in one go, off the pool that must not block: one by one they would cost a change of thread each. Others may read
    /// meanwhile: what is there stays, and nobody sees half of a new file.
    /// - Parameter folders: parents first.
    static func lay(folders: [String], files: [(path: String, bytes: [UInt8])], in root: String) async throws {
        try await NIOThreadPool.singleton.runIfActive {
            for folder in folders where mkdir(root + folder, 0o755) != 0 && errno != EEXIST {
                throw IOError(errnoCode: errno, reason: "mkdir")
            }
            for (path, bytes) in files where access(root + path, F_OK) != 0 {
                try DraftFile.replace(root + path, with: bytes)
            }
        }
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
