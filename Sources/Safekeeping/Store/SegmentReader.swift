import Crypto
import NIOCore
import NIOPosix
import StokerCore

/// What a reader of packs comes across.
enum PackTrouble: Error, Sendable, CustomStringConvertible {
    /// It may have been collected since the head was read: read the head again.
    case missing(pack: String)
    /// Its bytes are not those that were written.
    case damaged(pack: String, what: String)
    /// No pack that the index names has it.
    case unknownChunk(ChunkID)

    var description: String {
        switch self {
        case .missing(let pack): "the pack \(pack) is gone"
        case .damaged(let pack, let what): "\(what) of the pack \(pack) is damaged"
        case .unknownChunk(let id): "the chunk \(id) is in no pack of the index"
        }
    }
}

/// Opens segments of packs, keeps the last few, and checks each chunk against its name.
actor SegmentReader {
    private let vault: any Vault
    private let keyring: Keyring
    private let cipher: Cipher
    private let naming: ChunkNaming
    private let capacity: Int
    private var kept: [Key: Task<[UInt8], any Error>] = [:]
    /// Oldest first.
    private var order: [Key] = []
    private(set) var fetched: Int64 = 0

    private struct Key: Hashable {
        var pack: String
        var segment: Int
    }

    /// - Parameter capacity: segments that are kept, 1 MiB each.
    init(vault: any Vault, keyring: Keyring, cipher: Cipher, capacity: Int = 12) {
        self.vault = vault
        self.keyring = keyring
        self.cipher = cipher
        self.capacity = capacity
        naming = ChunkNaming(identity: keyring.identity)
    }

    func segment(_ number: Int, of directory: PackDirectory) async throws -> [UInt8] {
        let key = Key(pack: directory.name, segment: number)
        if let at = order.lastIndex(of: key), let task = kept[key] {
            order.remove(at: at)
            order.append(key)
            return try await task.value
        }
        // One fetch for all who ask meanwhile; it is awaited by the first of them, here.
        let task = Task { try await fetch(number, directory) }
        kept[key] = task
        order.append(key)
        if order.count > capacity { kept[order.removeFirst()] = nil }
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch {
            if kept[key] == task {
                kept[key] = nil
                order.removeAll { $0 == key }
            }
            throw error
        }
    }

    private func fetch(_ number: Int, _ directory: PackDirectory) async throws -> [UInt8] {
        let facts = directory.segments[number]
        guard let master = keyring.masters[directory.master] else {
            throw PackTrouble.damaged(pack: directory.name, what: "the key")
        }
        guard let bytes = try await vault.read(directory.name, facts.offset..<facts.offset + facts.sealed) else {
            throw PackTrouble.missing(pack: directory.name)
        }
        fetched += Int64(bytes.readableBytes)
        let (cipher, name) = (cipher, directory.name)
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                let seal = PackSeal(cipher: cipher, master: master, salt: directory.salt, name: name)
                return try PackReader.segment(
                    Array(bytes.readableBytesView)[...], facts, number: number, seal: seal)
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw PackTrouble.damaged(pack: name, what: "segment \(number + 1)")
        }
    }

    /// Bytes that are still to be compared with their name, where they are used: on a thread that may work.
    struct Piece: Sendable {
        fileprivate var bytes: ArraySlice<UInt8>
        fileprivate var id: ChunkID
        fileprivate var pack: String
        fileprivate var segment: Int32
        fileprivate var naming: ChunkNaming

        /// The bytes, which are those the chunk is named after.
        func checked() throws -> ArraySlice<UInt8> {
            guard bytes.withUnsafeBytes({ naming.name(of: $0) }) == id else {
                throw PackTrouble.damaged(pack: pack, what: "a chunk in segment \(segment + 1)")
            }
            return bytes
        }
    }

    /// The bytes of a chunk, which are those it is named after.
    func chunk(_ id: ChunkID, in index: ChunkIndex) async throws -> ArraySlice<UInt8> {
        let piece = try await piece(id, in: index)
        return try await NIOThreadPool.singleton.runIfActive { try piece.checked() }
    }

    func piece(_ id: ChunkID, in index: ChunkIndex) async throws -> Piece {
        guard let place = index.place(of: id), let directory = index.directory(place.pack) else {
            throw PackTrouble.unknownChunk(id)
        }
        let segment = try await segment(Int(place.segment), of: directory)
        return Piece(
            bytes: segment[Int(place.offset)..<Int(place.offset + place.length)], id: id, pack: directory.name,
            segment: place.segment, naming: naming)
    }

    /// The chunks of a content, in order.
    func chunks(of reference: ObjectReference, in index: ChunkIndex) async throws -> [ChunkID] {
        var list = reference.chunks
        for _ in 0..<reference.level {
            var longer: [ChunkID] = []
            for id in list {
                let bytes = try await chunk(id, in: index)
                var at = bytes.startIndex
                while at + ChunkID.length <= bytes.endIndex {
                    longer.append(ChunkID(bytes[at..<at + ChunkID.length]))
                    at += ChunkID.length
                }
            }
            list = longer
        }
        return list
    }

    /// All bytes of a content that is small.
    func bytes(of reference: ObjectReference, in index: ChunkIndex) async throws -> [UInt8] {
        var all: [UInt8] = []
        for id in try await chunks(of: reference, in: index) { all += try await chunk(id, in: index) }
        return all
    }
}

/// Reads the entries of a snapshot's tree in their order, a list chunk at a time.
struct TreeReader: Sendable {
    private let reader: SegmentReader
    private let index: ChunkIndex
    private var pieces: ArraySlice<ChunkID>
    private var entries: ArraySlice<TreeEntry> = []

    init(_ root: ObjectReference, reader: SegmentReader, index: ChunkIndex) async throws {
        self.reader = reader
        self.index = index
        pieces = try await reader.chunks(of: root, in: index)[...]
    }

    mutating func next() async throws -> TreeEntry? {
        while entries.isEmpty {
            guard let piece = pieces.popFirst() else { return nil }
            let bytes = try await reader.chunk(piece, in: index)
            entries = try Self.entries(bytes)[...]
        }
        return entries.popFirst()
    }

    static func entries(_ bytes: ArraySlice<UInt8>) throws -> [TreeEntry] {
        var reader = RecordReader(bytes)
        var found: [TreeEntry] = []
        while !reader.isAtEnd { found.append(try TreeEntry(from: &reader)) }
        return found
    }
}

/// Writes the entries of a tree into list chunks. Chunks hold whole entries, and are cut where an entry's path says so: a change touches one of them.
struct TreeWriter {
    private let cutter: ContentCutter
    private var writer = RecordWriter()
    private var pieces: [ChunkID] = []
    private var size: Int64 = 0
    private static let smallest = 1 << 10
    private static let largest = 128 << 10

    init(cutter: ContentCutter) { self.cutter = cutter }

    /// - Returns: segments that are full.
    mutating func add(_ entry: TreeEntry) -> [RawSegment] {
        entry.write(to: &writer)
        guard writer.bytes.count >= Self.smallest else { return [] }
        // One in 8 paths ends a piece: on average 8 entries behind the smallest size. A change sends one piece, and a file more or less in each of many
        // folders one in each of them.
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in entry.path { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        guard (hash >> 40) & 7 == 0 || writer.bytes.count >= Self.largest else { return [] }
        return flush()
    }

    private mutating func flush() -> [RawSegment] {
        guard !writer.bytes.isEmpty else { return [] }
        let (id, ready) = cutter.addTreePiece(writer.bytes)
        size += Int64(writer.bytes.count)
        pieces.append(id)
        writer = RecordWriter()
        return ready
    }

    mutating func finish() -> (ObjectReference, [RawSegment]) {
        let ready = flush()
        return (cutter.treeReference(pieces, size: size), ready)
    }
}
