import Crypto
import FoundationEssentials
import NIOCore
import StokerCore

/// The one thing of a vault that changes. In the open: what is needed without the key. Sealed: what is kept and where it is.
///
/// Bytes: magic, length of the open part (4, little endian), open part (JSON), salt (32), sealed part. The open part is authenticated with the sealed one.
struct Head: Sendable {
    static let format = 1
    /// Bytes; a head beyond it is refused.
    static let limit = 1 << 20
    /// What is told as near the limit.
    static let usual = 64 << 10
    static let mostSnapshots = 500
    private static let magic = Array("stoker-head\n".utf8)

    var cipher: Cipher
    var epoch: UInt64
    /// Counts every write of the head.
    var sequence: UInt64
    /// Random, of this write: no two heads are the same bytes, and a lost answer is settled by it.
    var writeID: String
    /// The wall clock of the newest snapshot; nil when there is none.
    var newestTime: Instant?
    var slots: [KeySlot]
    /// ``Keyring``, sealed with the key that the slots open.
    var keyring: [UInt8]

    var sealed: Contents

    struct Contents: Sendable {
        var holder: Holder?
        /// Counts publications.
        var published: UInt64 = 0
        /// Of the snapshot that a restore takes.
        var newest: String?
        /// Oldest first.
        var snapshots: [Snapshot] = []
        var held: [HeldSnapshot] = []
        var roots: [IndexRoot] = []
        /// Packs that no snapshot needs and that are being deleted.
        var condemned: [String] = []
    }

    /// The open part alone.
    struct Cover: Sendable {
        var format: Int
        var cipher: Cipher
        var epoch: UInt64
        var sequence: UInt64
        var writeID: String
        var newestTime: Instant?
        var slots: [KeySlot]
        var keyring: [UInt8]
        var master: UInt32
        /// Where the open part ends.
        var end: Int
        var isSealed: Bool { !slots.contains { $0.kind == .open } }
    }

    enum Trouble: Error { case notAHead, newerFormat(Int), damaged(String) }

    // MARK: writing

    func encoded(with keyring: Keyring) throws -> ByteBuffer {
        var members: [JSONValue.Member] = [
            .init("format", .integer(Int64(Self.format))), .init("cipher", .string(cipher.rawValue)),
            .init("epoch", .integer(Int64(epoch))), .init("sequence", .integer(Int64(sequence))),
            .init("write", .string(writeID)), .init("master", .integer(Int64(keyring.newest))),
        ]
        if let newestTime { members.append(.init("newest", .string(newestTime.description))) }
        members.append(.init("slots", .array(slots.map(\.json))))
        members.append(.init("ring", .string(Hex.text(self.keyring))))
        let open = JSONValue.object(members).bytes
        var bytes = Self.magic
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: open.count >> (8 * $0)) }
        bytes += open
        let salt = RandomBytes.make(32)
        guard let master = keyring.masters[keyring.newest] else { throw RecordReader.Damaged() }
        let key = DerivedKey.make(from: master, salt: salt, for: "head")
        let text = try cipher.seal(sealed.encoded, key: key, nonce: Self.nonce, authenticating: bytes)
        return ByteBuffer(bytes: bytes + salt + text)
    }

    private static let nonce = [UInt8](repeating: 0, count: 12)

    // MARK: reading

    static func cover(of buffer: ByteBuffer) throws(Trouble) -> Cover {
        let view = buffer.readableBytesView
        guard view.count <= limit else { throw .damaged("it is larger than a head can be") }
        let bytes = Array(view)
        guard bytes.starts(with: magic) else {
            throw bytes.count < magic.count && magic.starts(with: bytes) ? .damaged("it is cut off") : .notAHead
        }
        guard bytes.count >= magic.count + 4 else { throw .damaged("it is cut off") }
        let length = (0..<4).reduce(0) { $0 | Int(bytes[magic.count + $1]) << (8 * $1) }
        let begin = magic.count + 4
        guard length <= bytes.count - begin else { throw .damaged("it is cut off") }
        guard let text = String(validating: bytes[begin..<begin + length], as: UTF8.self),
            let json = try? JSONValue(reading: text)
        else { throw .damaged("its open part is not readable") }
        guard let version = json["format"]?.integer else { throw .damaged("its open part names no format") }
        guard version == format else { throw .newerFormat(version) }
        guard let cipherName = json["cipher"]?.string, let epoch = json["epoch"]?.integer, epoch >= 0,
            let sequence = json["sequence"]?.integer, sequence >= 0, let write = json["write"]?.string,
            let master = json["master"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let slots = json["slots"]?.array?.map({ KeySlot(json: $0) }),
            let keyring = json["ring"]?.string.flatMap({ Hex.bytes($0) })
        else { throw .damaged("its open part is not complete") }
        guard let cipher = Cipher(rawValue: cipherName) else { throw .newerFormat(version) }
        return Cover(
            format: version, cipher: cipher, epoch: UInt64(epoch), sequence: UInt64(sequence), writeID: write,
            newestTime: json["newest"]?.string.flatMap { Instant(rfc3339: $0) }, slots: slots.compactMap { $0 },
            keyring: keyring, master: master, end: begin + length)
    }

    /// - Throws: ``Trouble`` when one bit is another.
    init(_ buffer: ByteBuffer, cover: Cover, keyring: Keyring) throws(Trouble) {
        let bytes = Array(buffer.readableBytesView)
        guard bytes.count >= cover.end + 32 + Cipher.tag else { throw .damaged("it is cut off") }
        guard let master = keyring.masters[cover.master] else { throw .damaged("its master key is not in its keyring") }
        let salt = Array(bytes[cover.end..<cover.end + 32])
        let key = DerivedKey.make(from: master, salt: salt, for: "head")
        do {
            let plain = try cover.cipher.open(
                bytes[(cover.end + 32)...], key: key, nonce: Self.nonce, authenticating: bytes[..<cover.end])
            var reader = RecordReader(plain)
            sealed = try Contents(from: &reader)
        } catch {
            throw .damaged("its seal is broken")
        }
        cipher = cover.cipher
        epoch = cover.epoch
        sequence = cover.sequence
        writeID = cover.writeID
        newestTime = cover.newestTime
        slots = cover.slots
        self.keyring = cover.keyring
    }

    init(cipher: Cipher, slots: [KeySlot], keyring: [UInt8]) {
        self.cipher = cipher
        epoch = 0
        sequence = 0
        writeID = ""
        newestTime = nil
        self.slots = slots
        self.keyring = keyring
        sealed = Contents()
    }

    /// What the next write of the head starts from.
    func next() -> Head {
        var head = self
        head.sequence += 1
        head.writeID = Hex.text(RandomBytes.make(16))
        head.newestTime = sealed.snapshots.first { $0.id == sealed.newest }?.time
        return head
    }
}

extension Head.Contents {
    var encoded: [UInt8] {
        var writer = RecordWriter()
        writer.optional(holder) { writer, holder in
            writer.text(holder.name)
            writer.number(holder.epoch)
            writer.signed(holder.since.milliseconds)
            writer.byte(holder.hasReleased ? 1 : 0)
        }
        writer.number(published)
        writer.optional(newest) { $0.text($1) }
        writer.number(snapshots.count)
        for snapshot in snapshots { snapshot.write(to: &writer) }
        writer.number(held.count)
        for one in held {
            one.snapshot.write(to: &writer)
            writer.text(one.because)
        }
        writer.number(roots.count)
        for root in roots { root.write(to: &writer) }
        writer.number(condemned.count)
        for name in condemned { writer.text(name) }
        return writer.bytes
    }

    init(from reader: inout RecordReader) throws(RecordReader.Damaged) {
        holder = try reader.optional { reader throws(RecordReader.Damaged) in
            Holder(
                name: try reader.text(), epoch: try reader.number(),
                since: Instant(milliseconds: try reader.signed()), hasReleased: try reader.byte() == 1)
        }
        published = try reader.number()
        newest = try reader.optional { reader throws(RecordReader.Damaged) in try reader.text() }
        for _ in 0..<(try reader.count(of: 16)) { snapshots.append(try Snapshot(from: &reader)) }
        for _ in 0..<(try reader.count(of: 16)) {
            held.append(HeldSnapshot(snapshot: try Snapshot(from: &reader), because: try reader.text()))
        }
        for _ in 0..<(try reader.count(of: 8)) { roots.append(try IndexRoot(from: &reader)) }
        for _ in 0..<(try reader.count()) { condemned.append(try reader.text()) }
    }
}

extension Snapshot {
    func write(to writer: inout RecordWriter) {
        writer.text(id)
        writer.number(epoch)
        writer.number(number)
        writer.signed(time.milliseconds)
        writer.optional(parent) { $0.text($1) }
        writer.number(tags.count)
        for tag in tags { writer.text(tag) }
        writer.number(UInt64(size))
        writer.number(UInt64(files))
        writer.number(UInt64(added))
        writer.optional(rows) { $0.number(UInt64($1)) }
        writer.number(doubtful)
        writer.optional(verified) { $0.signed($1.milliseconds) }
        root.write(to: &writer)
    }

    init(from reader: inout RecordReader) throws(RecordReader.Damaged) {
        id = try reader.text()
        epoch = try reader.number()
        number = try reader.number()
        time = Instant(milliseconds: try reader.signed())
        parent = try reader.optional { reader throws(RecordReader.Damaged) in try reader.text() }
        tags = []
        for _ in 0..<(try reader.count()) { tags.append(try reader.text()) }
        size = try reader.int64()
        files = try reader.int64()
        added = try reader.int64()
        rows = try reader.optional { reader throws(RecordReader.Damaged) in try reader.int64() }
        doubtful = try reader.int()
        verified = try reader.optional { reader throws(RecordReader.Damaged) in
            Instant(milliseconds: try reader.signed())
        }
        root = try ObjectReference(from: &reader)
    }
}
