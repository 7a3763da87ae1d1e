import Crypto
import FoundationEssentials
import NIOCore
import Synchronization

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
    ) async throws -> (sha256: String, size: Int) where Bytes.Element == ByteBuffer {
        let (sha256, size, _) = try await take(bytes, expecting: expected, limit: limit, md5: nil)
        return (sha256, size)
    }

    /// The same for S3 clients, who call content by its MD5.
    func receiveWithMD5<Bytes: AsyncSequence>(
        _ bytes: Bytes, expecting expected: String?, limit: Int
    ) async throws -> (sha256: String, size: Int, md5: String) where Bytes.Element == ByteBuffer {
        try await take(bytes, expecting: expected, limit: limit, md5: Insecure.MD5())
    }

    private func take<Bytes: AsyncSequence>(
        _ bytes: Bytes, expecting expected: String?, limit: Int, md5: Insecure.MD5?
    ) async throws -> (sha256: String, size: Int, md5: String) where Bytes.Element == ByteBuffer {
        let draft = "\(incoming)/\(UUID().uuidString)"
        let sha256: String
        let size: Int
        var md5 = md5
        do {
            let file = try await DraftFile.run { try DraftFile(draft) }
            var sha = SHA256()
            size = try await bytes.inStrides { pieces, offset in
                guard offset + pieces.reduce(0, { $0 + $1.readableBytes }) <= limit else { throw Refusal.tooLong }
                (sha, md5) = try await DraftFile.run { [sha, md5] in
                    var (sha, md5) = (sha, md5)
                    for piece in pieces {
                        piece.withUnsafeReadableBytes { bytes in
                            sha.update(bufferPointer: bytes)
                            md5?.update(bufferPointer: bytes)
                        }
                    }
                    try file.write(pieces, at: offset)
                    return (sha, md5)
                }
            }
            sha256 = sha.finalize().hexDigits
            if let expected, expected != sha256 { throw Refusal.otherContent }
        } catch {
            try await HubDisk.remove(draft)
            throw error
        }
        try await file(draft, as: sha256)
        return (sha256, size, md5?.finalize().hexDigits ?? "")
    }

    func file(_ draft: String, as sha256: String) async throws {
        try await HubDisk.makeFolder("\(folder)/\(sha256.prefix(2))")
        try await HubDisk.move(draft, to: path(sha256))
    }
}
