import Crypto
import FoundationEssentials
import NIOCore
import Synchronization
import _NIOFileSystem

/// LFS objects: files named by their sha256, and which repository may have which.
final class ObjectStore: Sendable {
    struct Object: Sendable {
        var sha256: String
        var size: Int
        var pushedAt: Date
    }
    enum Refusal: Error { case otherContent, tooLong }

    private let folder: String
    private let incoming: String
    private let owners = Mutex<[String: [String: Object]]>([:])

    init(folder: String, incoming: String) {
        self.folder = folder
        self.incoming = incoming
    }

    func path(_ sha256: String) -> String { "\(folder)/\(sha256.prefix(2))/\(sha256)" }

    /// What a repository has.
    func objects(of repo: String) -> [Object] {
        owners.withLock { $0[repo].map { Array($0.values) } ?? [] }.sorted {
            ($0.pushedAt, $0.sha256) < ($1.pushedAt, $1.sha256)
        }
    }
    func object(_ sha256: String, of repo: String) -> Object? { owners.withLock { $0[repo]?[sha256] } }
    func grant(_ object: Object, to repo: String) { owners.withLock { $0[repo, default: [:]][object.sha256] = object } }
    func revoke(_ sha256: String, from repo: String) { owners.withLock { $0[repo]?[sha256] = nil } }
    func adopt(from source: String, to repo: String) {
        owners.withLock { owners in
            owners[repo, default: [:]].merge(owners[source] ?? [:]) { own, _ in own }
        }
    }
    func forget(_ repo: String) { owners.withLock { $0[repo] = nil } }

    /// Takes a stream as it comes, never whole in memory, and files it under its hash.
    /// - Parameters:
    ///   - expected: nil accepts any content.
    ///   - limit: bytes.
    /// - Throws: ``Refusal``.
    func receive<Bytes: AsyncSequence>(
        _ bytes: Bytes, expecting expected: String?, limit: Int
    ) async throws -> (sha256: String, size: Int, md5: String) where Bytes.Element == ByteBuffer {
        let draft = "\(incoming)/\(UUID().uuidString)"
        let (size, sha256, md5) = try await spool(bytes, to: draft, limit: limit)
        if let expected, expected != sha256 {
            try await HubDisk.remove(draft)
            throw Refusal.otherContent
        }
        try await file(draft, as: sha256)
        return (sha256, size, md5)
    }

    func file(_ draft: String, as sha256: String) async throws {
        try await HubDisk.makeFolder("\(folder)/\(sha256.prefix(2))")
        try await HubDisk.move(draft, to: path(sha256))
    }

    /// Writes a stream to a file, hashing on the way.
    func spool<Bytes: AsyncSequence>(
        _ bytes: Bytes, to draft: String, limit: Int
    ) async throws -> (size: Int, sha256: String, md5: String) where Bytes.Element == ByteBuffer {
        do {
            let handle = try await FileSystem.shared.openFile(
                forWritingAt: FilePath(draft), options: .newFile(replaceExisting: true))
            var size = 0
            var sha = SHA256()
            var md5 = Insecure.MD5()
            do {
                for try await chunk in bytes {
                    guard size + chunk.readableBytes <= limit else { throw Refusal.tooLong }
                    chunk.withUnsafeReadableBytes {
                        sha.update(bufferPointer: $0)
                        md5.update(bufferPointer: $0)
                    }
                    try await handle.write(contentsOf: chunk, toAbsoluteOffset: Int64(size))
                    size += chunk.readableBytes
                }
            } catch {
                try await handle.close()
                throw error
            }
            try await handle.close()
            return (size, sha.finalize().hexDigits, md5.finalize().hexDigits)
        } catch {
            try await HubDisk.remove(draft)
            throw error
        }
    }
}
