import NIOCore
import _NIOFileSystem

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

    static func makeFolder(_ path: String) async throws {
        try await FileSystem.shared.createDirectory(at: FilePath(path), withIntermediateDirectories: true)
    }

    /// Nothing there is fine.
    static func remove(_ path: String) async throws {
        try await FileSystem.shared.removeItem(at: FilePath(path))
    }

    /// Puts a received file in its place; one that is there already stays.
    static func move(_ from: String, to: String) async throws {
        if try await exists(to) { return try await remove(from) }
        try await FileSystem.shared.moveItem(at: FilePath(from), to: FilePath(to))
    }
}
