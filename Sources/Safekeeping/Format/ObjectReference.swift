import StokerCore

/// The name of a chunk: HMAC-SHA-256 of its bytes under the vault's own key, so that nobody without it can ask whether a known file is in there.
struct ChunkID: Hashable, Sendable, CustomStringConvertible {
    static let length = 32
    private var words: (UInt64, UInt64, UInt64, UInt64)

    init(_ bytes: some Collection<UInt8>) {
        var made: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.prefix(32).enumerated() {
            made[index / 8] |= UInt64(byte) << (8 * UInt64(index % 8))
        }
        words = (made[0], made[1], made[2], made[3])
    }

    var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
        }
    }

    var description: String { String(Hex.text(bytes).prefix(16)) }

    static func == (a: ChunkID, b: ChunkID) -> Bool {
        a.words.0 == b.words.0 && a.words.1 == b.words.1 && a.words.2 == b.words.2 && a.words.3 == b.words.3
    }
    func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// A run of bytes in the vault, of any length: its chunks in order. A long list of chunks is itself stored as one.
struct ObjectReference: Hashable, Sendable {
    /// Bytes of the content.
    var size: Int64
    /// 0: ``chunks`` are the content. 1: they are the list of the content's chunks, 2: the list of that list.
    var level: UInt8
    var chunks: [ChunkID]

    static let empty = ObjectReference(size: 0, level: 0, chunks: [])

    func write(to writer: inout RecordWriter) {
        writer.number(UInt64(size))
        writer.byte(level)
        writer.number(chunks.count)
        for chunk in chunks { writer.raw(chunk.bytes) }
    }

    init(size: Int64, level: UInt8, chunks: [ChunkID]) {
        self.size = size
        self.level = level
        self.chunks = chunks
    }

    init(from reader: inout RecordReader) throws(RecordReader.Damaged) {
        size = try reader.int64()
        level = try reader.byte()
        guard level <= 3 else { throw RecordReader.Damaged() }
        let count = try reader.count(of: ChunkID.length)
        chunks = []
        chunks.reserveCapacity(count)
        for _ in 0..<count { chunks.append(ChunkID(try reader.raw(ChunkID.length))) }
    }
}
