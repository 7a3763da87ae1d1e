import FoundationEssentials
import HTTPTypes
import NIOCore
import Synchronization
import _NIOFileSystem

/// LFS objects that come in parts. Source: huggingface_hub `lfs._upload_multi_part`.
final class PartUploads: Sendable {
    private struct Upload {
        var repo: String
        var sha256: String
        var size: Int
        var partSize: Int
        var parts: [Int: (etag: String, file: String, size: Int)] = [:]
    }
    private let uploads = Mutex<[String: Upload]>([:])
    private let objects: ObjectStore
    private let incoming: String

    init(objects: ObjectStore, incoming: String) {
        self.objects = objects
        self.incoming = incoming
    }

    /// - Returns: an id, and how many parts there will be.
    func begin(repo: String, sha256: String, size: Int, partSize: Int) -> (id: String, parts: Int) {
        let id = UUID().uuidString
        uploads.withLock { $0[id] = Upload(repo: repo, sha256: sha256, size: size, partSize: partSize) }
        return (id, (size + partSize - 1) / partSize)
    }

    /// - Returns: the part's ETag, its MD5.
    func receive<Bytes: AsyncSequence>(
        _ bytes: Bytes, upload id: String, part: Int
    ) async throws -> String where Bytes.Element == ByteBuffer {
        guard let limit = uploads.withLock({ $0[id]?.partSize }) else { throw HubError(.notFound, "NoSuchUpload") }
        let file = "\(incoming)/\(id)-\(part)-\(UUID().uuidString)"
        let (size, _, md5) = try await objects.spool(bytes, to: file, limit: limit)
        let old = uploads.withLock { uploads in
            let old = uploads[id]?.parts[part]?.file
            uploads[id]?.parts[part] = (md5, file, size)
            return old
        }
        if let old { try await HubDisk.remove(old) }
        return md5
    }

    /// Puts the parts together and files the object.
    /// - Throws: 400 when a part is missing, has another ETag, or the whole another hash.
    func complete(_ id: String, oid: String?, parts: [(number: Int, etag: String)], date: Date) async throws {
        guard let upload = uploads.withLock({ $0[id] }), oid == nil || oid == upload.sha256 else {
            throw HubError(.notFound, "No such upload")
        }
        let count = (upload.size + upload.partSize - 1) / upload.partSize
        var files: [String] = []
        for number in 1...max(count, 1) {
            guard let part = upload.parts[number],
                parts.contains(where: { $0.number == number && $0.etag.filter { $0 != "\"" } == part.etag })
            else { throw HubError.bad("Part \(number) is missing or has another ETag") }
            files.append(part.file)
        }
        let (sha256, size): (String, Int)
        do {
            (sha256, size, _) = try await objects.receive(
                FileChain(files: files), expecting: upload.sha256, limit: upload.size)
        } catch is ObjectStore.Refusal {
            throw HubError.bad("The parts together do not have the announced hash")
        }
        objects.grant(.init(sha256: sha256, size: size, pushedAt: date), to: upload.repo)
        uploads.withLock { $0[id] = nil }
        for file in files { try await HubDisk.remove(file) }
    }
}

/// Files one after another, in pieces.
private struct FileChain: AsyncSequence {
    typealias Element = ByteBuffer
    var files: [String]

    struct AsyncIterator: AsyncIteratorProtocol {
        var files: ArraySlice<String>
        var offset: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            while let file = files.first {
                let from = offset
                let chunk = try await FileSystem.shared.withFileHandle(forReadingAt: FilePath(file)) { handle in
                    try await handle.readChunk(fromAbsoluteOffset: from, length: .mebibytes(1))
                }
                if chunk.readableBytes > 0 {
                    offset += Int64(chunk.readableBytes)
                    return chunk
                }
                files = files.dropFirst()
                offset = 0
            }
            return nil
        }
    }
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(files: files[...]) }
}
