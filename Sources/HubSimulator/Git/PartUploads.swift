import Crypto
import FoundationEssentials
import HTTPTypes
import NIOCore
import Synchronization

/// LFS objects that come in parts. Source: huggingface_hub `lfs._upload_multi_part`.
final class PartUploads: Sendable {
    private let uploads = Mutex<[String: PartUpload]>([:])
    private let objects: ObjectStore
    private let incoming: String

    init(objects: ObjectStore, incoming: String) {
        self.objects = objects
        self.incoming = incoming
    }

    /// Parts of all uploads that are under way.
    private static let maxParts = 100_000

    /// - Returns: an id, and how many parts there will be; nil when there are too many already.
    func begin(repo: String, sha256: String, size: Int, partSize: Int) -> (id: String, parts: Int)? {
        let id = UUID().uuidString
        let upload = PartUpload(
            repo: repo, sha256: sha256, size: size, partSize: partSize, path: "\(incoming)/\(id)")
        let taken = uploads.withLock { uploads in
            guard uploads.values.reduce(upload.slots.count, { $0 + $1.slots.count }) <= Self.maxParts else {
                return false
            }
            uploads[id] = upload
            return true
        }
        return taken ? (id, upload.slots.count) : nil
    }

    /// - Returns: the part's ETag.
    /// - Throws: ``ObjectStore/Refusal/tooLong``, 404 for an upload or part that is not expected.
    func receive<Bytes: AsyncSequence>(
        _ bytes: Bytes, upload id: String, part: Int
    ) async throws -> String where Bytes.Element == ByteBuffer {
        guard let upload = uploads.withLock({ $0[id] }), upload.slots.indices.contains(part - 1) else {
            throw HubError(.notFound, "NoSuchUpload")
        }
        return try await upload.receive(bytes, part: part - 1)
    }

    /// Files the object when all parts are there.
    /// - Throws: 400 when a part is missing, has another ETag, or the whole another hash.
    func complete(_ id: String, oid: String?, parts: [(number: Int, etag: String)], date: Date) async throws {
        guard let upload = uploads.withLock({ $0[id] }), oid == nil || oid == upload.sha256 else {
            throw HubError(.notFound, "No such upload")
        }
        let named = Dictionary(parts.map { ($0.number, $0.etag.filter { $0 != "\"" }) }) { _, last in last }
        for (index, slot) in upload.slots.enumerated() {
            guard let etag = slot.etag, named[index + 1] == etag else {
                throw HubError.bad("Part \(index + 1) is missing or has another ETag")
            }
        }
        try await upload.completing.run {
            // Somebody asked twice, and the first was quicker.
            guard uploads.withLock({ $0[id] }) != nil else { return }
            guard try await upload.hash() == upload.sha256 else {
                throw HubError.bad("The parts together do not have the announced hash")
            }
            try await objects.file(upload.path, as: upload.sha256)
            objects.grant(.init(sha256: upload.sha256, size: upload.size, pushedAt: date), to: upload.repo)
            uploads.withLock { $0[id] = nil }
        }
    }
}

/// One object on its way. Parts are written to their places in its file at once, in any order; while some still come, those from the
/// beginning on are hashed.
private final class PartUpload: Sendable {
    /// The place of one part. Who begins to send it again takes it over: the earlier attempt writes nothing any more.
    final class Slot: Sendable {
        private struct State {
            var attempt = 0
            var etag: String?
        }
        private let state = Mutex(State())

        /// nil until it has come whole.
        var etag: String? { state.withLock { $0.etag } }

        func begin() -> Int {
            state.withLock { state in
                state.etag = nil
                state.attempt += 1
                return state.attempt
            }
        }
        func ifCurrent(_ attempt: Int, _ work: () throws -> Void) throws {
            try state.withLock { state in
                guard state.attempt == attempt else { throw HubError(.conflict, "The part is sent again") }
                try work()
            }
        }
        /// Named by nothing of its content: S3 promises no more of the ETag of a part.
        func end(_ attempt: Int) throws -> String {
            let etag = UUID().uuidString.filter { $0 != "-" }.lowercased()
            try state.withLock { state in
                guard state.attempt == attempt else { throw HubError(.conflict, "The part is sent again") }
                state.etag = etag
            }
            return etag
        }
        /// From now on nothing is written here.
        func close() { state.withLock { $0.attempt += 1 } }
    }

    private struct Hashing {
        var sha = SHA256()
        /// Parts that are in it.
        var parts = 0
        var busy = false
        /// A part that is in it was sent again.
        var stale = false
    }

    let repo: String
    let sha256: String
    let size: Int
    let path: String
    let slots: [Slot]
    private let partSize: Int
    private let hashing = Mutex(Hashing())
    /// The kernel writes to a file for one at a time, and the others would spin on a core meanwhile.
    private let writing = SerialGate()
    let completing = SerialGate()

    init(repo: String, sha256: String, size: Int, partSize: Int, path: String) {
        self.repo = repo
        self.sha256 = sha256
        self.size = size
        self.partSize = partSize
        self.path = path
        slots = (0..<max(1, (size + partSize - 1) / partSize)).map { _ in Slot() }
    }

    private func range(_ part: Int) -> Range<Int> { part * partSize..<min((part + 1) * partSize, size) }

    func receive<Bytes: AsyncSequence>(
        _ bytes: Bytes, part: Int
    ) async throws -> String where Bytes.Element == ByteBuffer {
        let slot = slots[part]
        let attempt = slot.begin()
        hashing.withLock { hashing in
            if part < hashing.parts || hashing.busy && part == hashing.parts { hashing.stale = true }
        }
        let place = range(part)
        let path = path
        let file = try await DraftFile.run { try DraftFile(path) }
        let length = try await bytes.inStrides { pieces, offset in
            guard offset + pieces.reduce(0, { $0 + $1.readableBytes }) <= place.count else {
                throw ObjectStore.Refusal.tooLong
            }
            try await writing.run {
                try await DraftFile.run {
                    try slot.ifCurrent(attempt) { try file.write(pieces, at: place.lowerBound + offset) }
                }
            }
        }
        guard length == place.count else { throw HubError.bad("The part is shorter than announced") }
        let etag = try slot.end(attempt)
        while let (next, sha) = claim() {
            let hashed = try await DraftFile.run { [range] in
                var sha = sha
                try file.hash(range(next), into: &sha)
                return sha
            }
            hashing.withLock { hashing in
                hashing.sha = hashed
                hashing.parts += 1
                hashing.busy = false
            }
        }
        return etag
    }

    /// The next part to hash, if it is there and nobody is at it.
    private func claim() -> (part: Int, SHA256)? {
        hashing.withLock { hashing in
            guard !hashing.busy, !hashing.stale, slots.indices.contains(hashing.parts),
                slots[hashing.parts].etag != nil
            else { return nil }
            hashing.busy = true
            return (hashing.parts, hashing.sha)
        }
    }

    /// The SHA-256 of all of it.
    func hash() async throws -> String {
        for slot in slots { slot.close() }
        let sha = hashing.withLock { hashing in
            hashing.parts == slots.count && !hashing.stale ? hashing.sha : nil
        }
        if let sha { return sha.finalize().hexDigits }
        let (path, size) = (path, size)
        return try await DraftFile.run {
            var sha = SHA256()
            try DraftFile(path).hash(0..<size, into: &sha)
            return sha.finalize().hexDigits
        }
    }
}
