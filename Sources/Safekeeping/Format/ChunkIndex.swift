import StokerCore
import Synchronization

/// Where a part of the index is: some segments of a pack that hold ``PackDirectory`` values.
struct IndexRoot: Sendable, Equatable {
    var pack: String
    var master: UInt32
    var salt: [UInt8]
    /// Bytes of the pack, which the part itself cannot know: it is inside.
    var size: Int
    /// Number of the first segment.
    var first: Int
    /// Their places, without chunks.
    var segments: [PackDirectory.Segment]
    /// Chunks that the part knows, by which parts are joined.
    var chunks: Int

    func write(to writer: inout RecordWriter) {
        writer.text(pack)
        writer.number(UInt64(master))
        writer.raw(salt)
        writer.number(size)
        writer.number(first)
        writer.number(segments.count)
        for segment in segments {
            writer.number(segment.offset)
            writer.number(segment.sealed)
            writer.number(segment.raw)
            writer.byte(segment.isCompressed ? 1 : 0)
        }
        writer.number(chunks)
    }

    init(
        pack: String, master: UInt32, salt: [UInt8], size: Int, first: Int, segments: [PackDirectory.Segment],
        chunks: Int
    ) {
        self.size = size
        self.pack = pack
        self.master = master
        self.salt = salt
        self.first = first
        self.segments = segments
        self.chunks = chunks
    }

    init(from reader: inout RecordReader) throws(RecordReader.Damaged) {
        pack = try reader.text()
        master = UInt32(truncatingIfNeeded: try reader.number())
        salt = try reader.raw(32)
        size = try reader.int()
        first = try reader.int()
        segments = []
        for _ in 0..<(try reader.count(of: 4)) {
            segments.append(
                PackDirectory.Segment(
                    offset: try reader.int(), sealed: try reader.int(), raw: try reader.int(),
                    isCompressed: try reader.byte() == 1, chunks: []))
        }
        chunks = try reader.int()
    }
}

/// Which pack, segment and bytes of it.
struct ChunkPlace: Sendable, Equatable {
    var pack: Int32
    var segment: Int32
    var offset: Int32
    var length: Int32
}

/// All chunks of the packs that the head's index names.
struct ChunkIndex: Sendable {
    /// By number; nil where a pack has left.
    private(set) var packs: [PackDirectory?] = []
    private var numbers: [String: Int32] = [:]
    private var places: [ChunkID: ChunkPlace] = [:]

    var chunkCount: Int { places.count }
    var packNames: Dictionary<String, Int32>.Keys { numbers.keys }
    var directories: [PackDirectory] { packs.compactMap { $0 } }

    func place(of id: ChunkID) -> ChunkPlace? { places[id] }
    func contains(_ id: ChunkID) -> Bool { places[id] != nil }
    func directory(_ number: Int32) -> PackDirectory? { packs[Int(number)] }
    func directory(named name: String) -> PackDirectory? { numbers[name].flatMap { packs[Int($0)] } }

    mutating func add(_ directory: PackDirectory) {
        guard numbers[directory.name] == nil else { return }
        let number = Int32(packs.count)
        packs.append(directory)
        numbers[directory.name] = number
        for (at, segment) in directory.segments.enumerated() {
            var offset = 0
            for chunk in segment.chunks {
                let place = ChunkPlace(
                    pack: number, segment: Int32(at), offset: Int32(offset), length: Int32(chunk.length))
                // The first one stays: what was relied on keeps its place.
                if places[chunk.id] == nil { places[chunk.id] = place }
                offset += chunk.length
            }
        }
    }
}

/// The bytes of an index root.
enum IndexBlob {
    static func bytes(_ directories: [PackDirectory]) -> [UInt8] {
        var writer = RecordWriter()
        writer.number(directories.count)
        for directory in directories { directory.write(to: &writer) }
        return writer.bytes
    }

    static func directories(_ bytes: [UInt8]) throws(RecordReader.Damaged) -> [PackDirectory] {
        var reader = RecordReader(bytes)
        var found: [PackDirectory] = []
        for _ in 0..<(try reader.count(of: 36)) { found.append(try PackDirectory(from: &reader)) }
        return found
    }
}
