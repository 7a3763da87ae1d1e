import CZlib
import Crypto
import FoundationEssentials

/// Objects on their way into a repository: a few as files of their own, many as one pack, as git does it.
///
/// Nothing is compressed: half of the work would be to make small what is thrown away soon. Source: git `Documentation/gitformat-loose` and
/// `gitformat-pack`; RFC 1950 and 1951 (stored blocks).
struct NewObjects: Sendable {
    /// As many as git unpacks, too (`fastimport.unpackLimit`).
    private static let mostLoose = 100
    private static let mostLooseBytes = 1 << 20
    /// Bytes that go to the disk at once.
    private static let stride = 1 << 20

    private struct Entry: Sendable {
        var id: ObjectID
        var crc: UInt32
        var offset: Int
    }

    let repository: String
    private var loose: [(id: ObjectID, kind: ObjectID.Kind, content: [UInt8])] = []
    private var looseBytes = 0
    private var known: Set<ObjectID> = []
    /// There from the moment there are too many.
    private var pack: DraftFile?
    private let draft: String
    private var entries: [Entry] = []
    /// Of the pack, not on the disk yet.
    private var pending: [UInt8] = []
    private var length = 12

    /// - Parameter repository: a bare one's folder.
    init(repository: String) {
        self.repository = repository
        draft = "\(repository)/objects/pack/tmp_pack_\(UUID().uuidString)"
    }

    mutating func add(_ kind: ObjectID.Kind, _ content: [UInt8]) -> ObjectID {
        let id = ObjectID(kind, content)
        guard known.insert(id).inserted else { return id }
        if entries.isEmpty, loose.count < Self.mostLoose, looseBytes + content.count <= Self.mostLooseBytes {
            loose.append((id, kind, content))
            looseBytes += content.count
            return id
        }
        // Those that were few until now.
        for (id, kind, content) in loose { enter(id, kind, content) }
        loose = []
        enter(id, kind, content)
        return id
    }

    private mutating func enter(_ id: ObjectID, _ kind: ObjectID.Kind, _ content: [UInt8]) {
        let start = pending.count
        var rest = content.count >> 4
        pending.append(kind.packed << 4 | UInt8(content.count & 15) | (rest > 0 ? 128 : 0))
        while rest > 0 {
            pending.append(UInt8(rest & 127) | (rest > 127 ? 128 : 0))
            rest >>= 7
        }
        Self.store(content, into: &pending)
        let crc = pending.withUnsafeBufferPointer {
            UInt32(crc32_z(0, $0.baseAddress.map { $0 + start }, $0.count - start))
        }
        entries.append(Entry(id: id, crc: crc, offset: length))
        length += pending.count - start
    }

    /// A zlib stream that compresses nothing.
    private static func store(_ content: [UInt8], into stream: inout [UInt8]) {
        stream += [0x78, 0x01]
        var rest = content[...]
        repeat {
            let block = rest.prefix(65_535)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            stream.append(rest.isEmpty ? 1 : 0)
            for number in [length, ~length] { stream += [UInt8(number & 255), UInt8(number >> 8)] }
            stream += block
        } while !rest.isEmpty
        let sum = content.withUnsafeBufferPointer { UInt32(adler32_z(1, $0.baseAddress, $0.count)) }
        stream.append(contentsOf: Self.bytes(sum))
    }

    /// So much waits that it should go to the disk.
    var isFull: Bool { pending.count >= Self.stride }

    mutating func flush() async throws {
        let (bytes, place, file, draft) = (pending, length - pending.count, pack, draft)
        pending = []
        pack = try await DraftFile.run {
            let file = try file ?? DraftFile(draft)
            try file.write(bytes, at: place)
            return file
        }
    }

    /// Puts all of them where git finds them.
    mutating func finish() async throws {
        if entries.isEmpty {
            let (folders, files) = looseFiles()
            return try await HubDisk.lay(folders: folders, files: files, in: repository)
        }
        try await flush()
        guard let pack else { return }
        let (entries, length, draft, folder) = (entries, length, draft, "\(repository)/objects/pack")
        try await DraftFile.run {
            try pack.write(Array("PACK".utf8) + Self.bytes(2) + Self.bytes(UInt32(entries.count)), at: 0)
            var hash = Insecure.SHA1()
            try pack.hash(0..<length, into: &hash)
            let sum = Array(hash.finalize())
            try pack.write(sum, at: length)
            let name = "\(folder)/pack-\(sum.hexDigits)"
            let index = try DraftFile("\(draft).idx")
            try index.write(Self.index(entries, pack: sum), at: 0)
            // git looks for indices, then for their packs.
            try DraftFile.rename(draft, to: name + ".pack")
            try DraftFile.rename("\(draft).idx", to: name + ".idx")
        }
    }

    /// Makes the folders of a repository, with these files besides the objects.
    func found(files: [(path: String, bytes: [UInt8])]) async throws {
        let folders = ["", "/objects", "/objects/pack", "/refs", "/refs/heads", "/refs/tags"]
        if entries.isEmpty {
            let (more, loose) = looseFiles()
            return try await HubDisk.lay(folders: folders + more, files: loose + files, in: repository)
        }
        try await HubDisk.lay(folders: folders, files: [], in: repository)
        var objects = self
        try await objects.finish()
        try await HubDisk.lay(folders: [], files: files, in: repository)
    }

    private func looseFiles() -> (folders: [String], files: [(path: String, bytes: [UInt8])]) {
        let files = loose.map { id, kind, content in
            let name = id.hex
            var stream: [UInt8] = []
            Self.store(kind.header(content.count) + content, into: &stream)
            return (path: "/objects/\(name.prefix(2))/\(name.dropFirst(2))", bytes: stream)
        }
        return (Set(files.map { String($0.path.prefix(11)) }).sorted(), files)
    }

    /// Takes away what was written when nothing comes of it.
    func abandon() async throws {
        let draft = draft
        try await DraftFile.run { for path in [draft, draft + ".idx"] { DraftFile.remove(path) } }
    }

    /// Version 2. A commit's content is at most a gigabyte, so no place needs eight bytes.
    private static func index(_ entries: [Entry], pack: [UInt8]) -> [UInt8] {
        let sorted = entries.sorted { $0.id < $1.id }
        var bytes: [UInt8] = [0xFF, 0x74, 0x4F, 0x63] + Self.bytes(2)
        bytes.reserveCapacity(1_100 + 28 * sorted.count)
        var counts = [UInt32](repeating: 0, count: 256)
        let names = sorted.map(\.id.bytes)
        for name in names { counts[Int(name[0])] += 1 }
        var sum: UInt32 = 0
        for count in counts {
            sum += count
            bytes += Self.bytes(sum)
        }
        for name in names { bytes += name }
        for entry in sorted { bytes += Self.bytes(entry.crc) }
        for entry in sorted { bytes += Self.bytes(UInt32(entry.offset)) }
        bytes += pack
        bytes += Array(Insecure.SHA1.hash(data: bytes))
        return bytes
    }

    /// In the order of the network.
    private static func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
    }
}
