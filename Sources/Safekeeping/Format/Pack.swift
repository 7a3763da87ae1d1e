import Crypto
import FoundationEssentials
import NIOCore
import StokerCore

/// What a pack holds and where: sealed at the pack's end, and repeated in the index.
///
/// A pack is: `SKP1`, number of the master key (4), salt (32), segments, directory, trailer (where the directory is). All but the first three are sealed
/// with the pack's own key; nonce = kind and number, authenticated with the pack's name. The directory is filled up with zeros before it is sealed, so that
/// the pack's length says little (Padmé: at most 12 %, usually 3 %).
struct PackDirectory: Sendable, Equatable {
    /// `v1/p/<epoch>-<16 random bytes>`: written once, never used again.
    var name: String
    var master: UInt32
    var salt: [UInt8]
    /// Bytes of the whole pack.
    var size: Int
    var segments: [Segment]
    /// What was published with it, for repairs; only in the pack's own directory, the index has none of it.
    var record: [UInt8] = []

    struct Segment: Sendable, Equatable {
        var offset: Int
        /// Bytes in the pack.
        var sealed: Int
        /// Bytes when opened.
        var raw: Int
        var isCompressed: Bool
        var chunks: [Chunk]
    }

    struct Chunk: Sendable, Equatable {
        var id: ChunkID
        var length: Int
    }

    static let prefix = "v1/p/"

    static func newName(epoch: UInt64) -> String {
        prefix + Hex.text(epoch) + "-" + Hex.text(RandomBytes.make(16))
    }

    /// The epoch in a pack's name; nil when it is none.
    static func epoch(of name: String) -> UInt64? {
        guard name.hasPrefix(prefix), let end = name.lastIndex(of: "-") else { return nil }
        return UInt64(name[name.index(name.startIndex, offsetBy: prefix.count)..<end], radix: 16)
    }

    /// Whether a pack is called so. A folder also has what a killed writer left half-written, under another name.
    static func isName(_ name: String) -> Bool {
        epoch(of: name) != nil && name.split(separator: "-").last?.utf8.count == 32
    }

    var chunkBytes: Int { segments.reduce(0) { $0 + $1.raw } }

    func write(to writer: inout RecordWriter) {
        writer.text(name)
        writer.number(UInt64(master))
        writer.raw(salt)
        // Of one length whatever it is: the padding is reckoned before it is known.
        writer.raw((0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) })
        writer.number(segments.count)
        for segment in segments {
            writer.number(segment.offset)
            writer.number(segment.sealed)
            writer.number(segment.raw)
            writer.byte(segment.isCompressed ? 1 : 0)
            writer.number(segment.chunks.count)
            for chunk in segment.chunks {
                writer.raw(chunk.id.bytes)
                writer.number(chunk.length)
            }
        }
        writer.block(record)
    }

    init(name: String, master: UInt32, salt: [UInt8], size: Int, segments: [Segment]) {
        self.name = name
        self.master = master
        self.salt = salt
        self.size = size
        self.segments = segments
    }

    init(from reader: inout RecordReader) throws(RecordReader.Damaged) {
        name = try reader.text()
        master = UInt32(truncatingIfNeeded: try reader.number())
        salt = try reader.raw(32)
        let length = try reader.raw(8)
        size = (0..<8).reduce(0) { $0 | Int(length[$1]) << (8 * $1) }
        guard size >= 0 else { throw RecordReader.Damaged() }
        segments = []
        for _ in 0..<(try reader.count(of: 5)) {
            var segment = Segment(
                offset: try reader.int(), sealed: try reader.int(), raw: try reader.int(),
                isCompressed: try reader.byte() == 1, chunks: [])
            // No segment is larger than what is asked for by whoever made it.
            guard segment.raw <= 64 << 20, segment.sealed <= 65 << 20, segment.offset <= 1 << 40 else {
                throw RecordReader.Damaged()
            }
            var sum = 0
            for _ in 0..<(try reader.count(of: 33)) {
                let chunk = Chunk(id: ChunkID(try reader.raw(32)), length: try reader.int())
                guard chunk.length <= segment.raw - sum else { throw RecordReader.Damaged() }
                sum += chunk.length
                segment.chunks.append(chunk)
            }
            segments.append(segment)
        }
        record = try reader.block()
    }
}

/// The key of one pack, and how its parts are sealed.
struct PackSeal: Sendable {
    enum Part: UInt8 { case segment, directory, trailer }

    let cipher: Cipher
    let key: SymmetricKey
    let name: [UInt8]

    init(cipher: Cipher, master: SymmetricKey, salt: [UInt8], name: String) {
        self.cipher = cipher
        key = DerivedKey.make(from: master, salt: salt, for: "pack")
        self.name = Array(name.utf8)
    }

    private func nonce(_ part: Part, _ number: Int) -> [UInt8] {
        [part.rawValue, 0, 0, 0] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    func seal(_ plain: some DataProtocol, _ part: Part, _ number: Int = 0) throws -> Data {
        try cipher.sealed(plain, key: key, nonce: nonce(part, number), authenticating: name)
    }

    func open(_ sealed: ArraySlice<UInt8>, _ part: Part, _ number: Int = 0) throws -> Data {
        try cipher.open(sealed, key: key, nonce: nonce(part, number), authenticating: name)
    }
}

/// Chunks that were joined, before they are sealed.
struct RawSegment: Sendable {
    static let size = 1 << 20
    var bytes: [UInt8] = []
    var chunks: [PackDirectory.Chunk] = []
    /// Compression is not tried.
    var isDense = false

    var isFull: Bool { bytes.count >= Self.size }

    /// What goes into the pack before sealing. Costs most of a publication's time.
    func compressed() -> CompressedSegment {
        if isDense { return CompressedSegment(bytes: bytes, raw: bytes.count, isCompressed: false, chunks: chunks) }
        let smaller = bytes.withUnsafeBytes { Zstd.compressed($0) }
        return CompressedSegment(
            bytes: smaller ?? bytes, raw: bytes.count, isCompressed: smaller != nil, chunks: chunks)
    }
}

struct CompressedSegment: Sendable {
    var bytes: [UInt8]
    var raw: Int
    var isCompressed: Bool
    var chunks: [PackDirectory.Chunk]
}

/// Builds a pack: in memory, or straight into its place where that takes it piece by piece.
struct PackWriter {
    static let magic = Array("SKP1".utf8)
    static let header = 4 + 4 + 32
    /// Sealed: offset and length of the directory.
    static let trailer = 16 + Cipher.tag

    fileprivate(set) var directory: PackDirectory
    private let seal: PackSeal
    private let stream: (any ObjectStream)?
    /// All of it; without what went into the stream.
    private var bytes: ByteBuffer

    /// - Parameters:
    ///   - capacity: bytes of memory to begin with.
    ///   - stream: takes the pack as it grows. With one, the writer's calls block.
    init(name: String, keyring: Keyring, cipher: Cipher, capacity: Int, stream: (any ObjectStream)? = nil) throws {
        guard let master = keyring.masters[keyring.newest] else { throw RecordReader.Damaged() }
        let salt = RandomBytes.make(32)
        directory = PackDirectory(name: name, master: keyring.newest, salt: salt, size: 0, segments: [])
        seal = PackSeal(cipher: cipher, master: master, salt: salt, name: name)
        self.stream = stream
        bytes = ByteBufferAllocator().buffer(capacity: stream == nil ? capacity : 0)
        var header = Self.magic
        header += (0..<4).map { UInt8(truncatingIfNeeded: keyring.newest >> (8 * UInt32($0))) }
        try put(header + salt)
    }

    /// Bytes so far.
    private(set) var size = 0

    private mutating func put(_ part: some ContiguousBytes & Collection<UInt8>) throws {
        size += part.count
        if let stream {
            try part.withUnsafeBytes { try stream.write($0) }
        } else {
            bytes.writeBytes(part)
        }
    }
    /// Bytes of the directory, about.
    private var directorySize = 128
    /// Bytes of filling if it ended now, about.
    var filling: Int {
        let length = size + directorySize + Cipher.tag + Self.trailer
        return Self.padded(length) - length
    }

    mutating func add(_ segment: CompressedSegment) throws {
        let sealed = try seal.seal(segment.bytes, .segment, directory.segments.count)
        directory.segments.append(
            PackDirectory.Segment(
                offset: size, sealed: sealed.count, raw: segment.raw, isCompressed: segment.isCompressed,
                chunks: segment.chunks))
        try put(sealed)
        directorySize += 14 + 35 * segment.chunks.count
    }

    /// Pads and ends it. Its directory then has the size.
    /// - Returns: all of it; nothing where a stream has it.
    mutating func finish(record: [UInt8] = []) throws -> ByteBuffer {
        directory.record = record
        defer { directory.record = [] }
        let offset = size
        var writer = RecordWriter()
        directory.write(to: &writer)
        directory.size = Self.padded(offset + writer.bytes.count + Cipher.tag + Self.trailer)
        let length = directory.size - offset - Cipher.tag - Self.trailer
        writer = RecordWriter()
        directory.write(to: &writer)
        let plain = writer.bytes + [UInt8](repeating: 0, count: length - writer.bytes.count)
        let sealed = try seal.seal(plain, .directory)
        try put(sealed)
        var place = RecordWriter()
        place.raw((0..<8).map { UInt8(truncatingIfNeeded: offset >> (8 * $0)) })
        place.raw((0..<8).map { UInt8(truncatingIfNeeded: sealed.count >> (8 * $0)) })
        try put(try seal.seal(place.bytes, .trailer))
        return bytes
    }

    /// Padmé (Nikitin and others, PURBs, 2019): the length tells its magnitude and a few bits.
    static func padded(_ length: Int) -> Int {
        guard length > 1 else { return length }
        let exponent = Int.bitWidth - 1 - length.leadingZeroBitCount
        let kept = Int.bitWidth - exponent.leadingZeroBitCount
        let mask = (1 << max(0, exponent - kept)) - 1
        return (length + mask) & ~mask
    }
}

/// Reads a pack's own directory: for repair, and for strays, which no index knows.
enum PackReader {
    /// Master number and salt of a pack's first bytes.
    static func header(_ bytes: [UInt8]) throws -> (master: UInt32, salt: [UInt8]) {
        guard bytes.count >= PackWriter.header, bytes.starts(with: PackWriter.magic) else {
            throw RecordReader.Damaged()
        }
        let master = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[4 + $1]) << (8 * UInt32($1)) }
        return (master, Array(bytes[8..<40]))
    }

    /// Where the directory is: from a pack's last bytes.
    static func place(_ trailer: [UInt8], seal: PackSeal) throws -> Range<Int> {
        let plain = Array(try seal.open(trailer[...], .trailer))
        guard plain.count == 16 else { throw RecordReader.Damaged() }
        func number(_ at: Int) -> Int { (0..<8).reduce(0) { $0 | Int(plain[at + $1]) << (8 * $1) } }
        let (offset, length) = (number(0), number(8))
        guard offset >= 0, length >= 0, offset < 1 << 40, length < 1 << 32 else { throw RecordReader.Damaged() }
        return offset..<offset + length
    }

    static func directory(_ sealed: [UInt8], seal: PackSeal) throws -> PackDirectory {
        var reader = RecordReader(try seal.open(sealed[...], .directory))
        return try PackDirectory(from: &reader)
    }

    /// The bytes of a segment.
    static func segment(
        _ sealed: ArraySlice<UInt8>, _ facts: PackDirectory.Segment, number: Int, seal: PackSeal
    ) throws -> [UInt8] {
        let plain = try seal.open(sealed, .segment, number)
        guard facts.isCompressed else {
            guard plain.count == facts.raw else { throw RecordReader.Damaged() }
            return Array(plain)
        }
        return try plain.withUnsafeBytes { try Zstd.opened($0, size: facts.raw) }
    }
}
