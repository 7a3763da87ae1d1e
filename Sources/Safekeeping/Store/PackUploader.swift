import NIOCore
import NIOPosix
import Synchronization

/// Seals segments into packs and sends these. A few segments are compressed at once and one pack is on its way while the next is filled; whoever brings
/// more waits. Where the vault takes packs as they grow, none is in memory.
///
/// Used by one task. Its own tasks are awaited by ``finish(index:)`` or ``cancel()``, one of which ends its use.
final class PackUploader {
    private let vault: any Vault
    private let keyring: Keyring
    private let cipher: Cipher
    private let epoch: UInt64
    private let largest: Int
    private var compressing: [Task<CompressedSegment, any Error>] = []
    /// Segments that wait for it or are compressed: enough that no core has nothing to do while the next ones are cut.
    private static let most = 4
    private var sending: Task<Void, any Error>?
    private var writer: OpenPack?
    private(set) var directories: [PackDirectory] = []
    private(set) var sent: Int64 = 0

    init(vault: any Vault, keyring: Keyring, cipher: Cipher, epoch: UInt64, largest: Int) {
        self.vault = vault
        self.keyring = keyring
        self.cipher = cipher
        self.epoch = epoch
        self.largest = largest
    }

    func take(_ segments: [RawSegment]) async throws {
        for segment in segments {
            while compressing.count >= Self.most { try await append() }
            compressing.append(
                Task { try await NIOThreadPool.singleton.runIfActive { segment.compressed() } })
        }
    }

    /// The oldest segment that is compressed goes into the pack.
    private func append() async throws {
        let segment = try await compressing[0].value
        compressing.removeFirst()
        try await add(segment)
    }

    private func add(_ segment: CompressedSegment) async throws {
        if let writer, writer.size + segment.bytes.count + (64 << 10) > largest || isGoodEnd(writer) {
            try await close()
        }
        let open = try await openPack(capacity: min(largest, 1 << 20))
        try await NIOThreadPool.singleton.runIfActive { try open.add(segment) }
    }

    /// A pack is filled up to a length that tells little: it ends where that takes few bytes, if there is such a place near its full length.
    private func isGoodEnd(_ writer: OpenPack) -> Bool {
        let (size, filling) = (writer.size, writer.filling)
        for end in Self.goodEnds where size > largest / 100 * end.full && filling < largest / end.share { return true }
        return false
    }

    /// From so many percent of the full length on, a filling below such a part of it is taken. Of several such tables the one that filled least: 0.17 %
    /// of the bytes in packs of 16 MiB, half of them compressed.
    private static let goodEnds: [(full: Int, share: Int)] = [
        (25, 2_000), (40, 1_400), (55, 700), (70, 300), (85, 200),
    ]

    /// The pack that is being filled, or the next one.
    private func openPack(capacity: Int) async throws -> OpenPack {
        if let writer { return writer }
        let name = PackDirectory.newName(epoch: epoch)
        let stream = try await vault.stream(name)
        let (keyring, cipher) = (keyring, cipher)
        let made = try await NIOThreadPool.singleton.runIfActive {
            OpenPack(
                try PackWriter(name: name, keyring: keyring, cipher: cipher, capacity: capacity, stream: stream), stream
            )
        }
        writer = made
        return made
    }

    private func close(record: [UInt8] = []) async throws {
        guard let last = writer else { return }
        writer = nil
        let (bytes, directory) = try await NIOThreadPool.singleton.runIfActive { try last.finish(record: record) }
        directories.append(directory)
        sent += Int64(directory.size)
        try await sending?.value
        let vault = vault
        sending = Task {
            guard let stream = last.stream else { return try await vault.put(bytes, as: directory.name, .withHead) }
            try await NIOThreadPool.singleton.runIfActive { try stream.finish() }
        }
    }

    /// Sends what is left, with the index behind it.
    /// - Parameters:
    ///   - index: what the index is to hold beside the packs that were sent here.
    ///   - record: what is published with it, for repairs.
    /// - Returns: where the index is; nil when nothing was sent and there is nothing to hold.
    func finish(index more: [PackDirectory], record: [UInt8] = []) async throws -> IndexRoot? {
        while !compressing.isEmpty { try await append() }
        guard writer != nil || !directories.isEmpty || !more.isEmpty else { return nil }
        let current = try await openPack(capacity: 64 << 10)
        let listed = directories + [current.directory] + more
        let first = current.directory.segments.count
        let blob = IndexBlob.bytes(listed)
        for begin in stride(from: 0, to: blob.count, by: RawSegment.size) {
            var segment = RawSegment()
            segment.bytes = Array(blob[begin..<min(begin + RawSegment.size, blob.count)])
            // It stays in the pack it describes, which may get longer than others by it.
            try await NIOThreadPool.singleton.runIfActive { [segment] in try current.add(segment.compressed()) }
        }
        let last = current.directory
        try await close(record: record)
        try await sending?.value
        sending = nil
        return IndexRoot(
            pack: last.name, master: last.master, salt: last.salt, size: directories.last?.size ?? 0, first: first,
            segments: Array(last.segments[first...]),
            chunks: listed.reduce(0) { $0 + $1.segments.reduce(0) { $0 + $1.chunks.count } })
    }

    /// Chunks in segments and packs so far.
    var chunksSoFar: Int {
        (directories + [writer?.directory].compactMap { $0 }).reduce(0) {
            $0 + $1.segments.reduce(0) { $0 + $1.chunks.count }
        }
    }

    /// Packs that another uploader sent for the same publication.
    func adopt(_ more: [PackDirectory]) { directories += more }

    func cancel() async {
        writer = nil
        for task in compressing { task.cancel() }
        sending?.cancel()
        for task in compressing { _ = await task.result }
        _ = await sending?.result
    }
}

/// A pack that is being filled, by one thread at a time.
private final class OpenPack: Sendable {
    private let writer: Mutex<PackWriter>
    /// Where the pack goes as it grows; nil: it is in memory.
    let stream: (any ObjectStream)?

    init(_ writer: PackWriter, _ stream: (any ObjectStream)?) {
        self.writer = Mutex(writer)
        self.stream = stream
    }

    var size: Int { writer.withLock { $0.size } }
    var filling: Int { writer.withLock { $0.filling } }
    var directory: PackDirectory { writer.withLock { $0.directory } }
    func add(_ segment: CompressedSegment) throws { try writer.withLock { try $0.add(segment) } }
    func finish(record: [UInt8]) throws -> (ByteBuffer, PackDirectory) {
        try writer.withLock { writer in
            let bytes = try writer.finish(record: record)
            return (bytes, writer.directory)
        }
    }
}
