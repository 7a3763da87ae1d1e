/// An entry of a snapshot's tree, as it is stored: a captured entry whose contents are references.
package struct TreeEntry: Sendable, Equatable {
    /// Bytes, relative to the folder that was captured, with slashes between; 1 to 65,536.
    package var path: [UInt8]
    package var kind: Kind
    package var facts: FileFacts
    /// The file changed while it was read, so its contents may be of two moments.
    package var isTorn: Bool
    /// What a person should know of the capture: a sentence.
    package var note: String?

    /// What stands at the path.
    package enum Kind: Sendable, Equatable {
        case folder
        /// A symbolic link, with the bytes of its target.
        case link([UInt8])
        /// Another name of a file: ``TreeEntry/path`` of its first one.
        case hardLink([UInt8])
        case file(FileContent)
        case database(PageLayers)
    }

    /// Bytes a restore writes.
    package var size: Int64 {
        switch kind {
        case .file(let content): content.size
        case .database(let layers): Int64(layers.pageCount) * Int64(layers.pageSize)
        default: 0
        }
    }

    package var isFile: Bool {
        switch kind {
        case .file, .database: true
        default: false
        }
    }
}

/// The bytes of a file: what is between its holes, and where these are.
package struct FileContent: Sendable, Equatable {
    /// A range without data, in bytes.
    package struct Hole: Sendable, Equatable {
        var offset: Int64
        var length: Int64
    }
    /// Length of the file in bytes, its holes included.
    package var size: Int64
    var holes: [Hole] = []
    /// The rest, joined.
    var data: ObjectReference
}

/// An SQLite database by its pages: a base in runs, and over it at most 32 layers of pages that changed since.
package struct PageLayers: Sendable, Equatable {
    /// Bytes: a power of two from 512 to 65,536.
    package var pageSize: Int
    /// At most 2³² − 1.
    package var pageCount: Int
    /// Pages of the base; its chunks are runs of ``runPages(_:)`` pages.
    var basePages: Int
    var base: ObjectReference
    /// 16 bytes a page.
    var baseHashes: ObjectReference
    var layers: [Layer]

    struct Layer: Sendable, Equatable {
        var pages: Int
        /// For each page its number (4 bytes, from 0) and its hash (16 bytes).
        var index: ObjectReference
        /// The pages in that order; chunks of ``runPages(_:)`` pages.
        var data: ObjectReference
    }

    static let mostLayers = 32
    static let hashLength = 16

    /// 64 pages of 4 KiB: 256 KiB.
    static func runPages(_ pageSize: Int) -> Int { max(1, (256 << 10) / pageSize) }

    /// Whether so many more changed pages make a new base worth it: layers would be too many, or half as long as the base.
    func isFull(adding changed: Int) -> Bool {
        layers.count >= Self.mostLayers || layers.reduce(changed) { $0 + $1.pages } > max(basePages / 2, 64)
    }
}

extension TreeEntry {
    static let longestPath = 1 << 16

    func write(to writer: inout RecordWriter) {
        writer.block(path)
        let (number, mark): (UInt8, UInt8) =
            switch kind {
            case .folder: (0, 0)
            case .link: (1, 0)
            case .hardLink: (2, 0)
            case .file: (3, 0)
            case .database: (4, 0)
            }
        writer.byte(number | mark | (isTorn ? 0x80 : 0))
        writer.number(UInt64(facts.mode))
        writer.signed(facts.modified)
        writer.number(UInt64(facts.uid))
        writer.number(UInt64(facts.gid))
        writer.signed(facts.changed)
        writer.number(facts.inode)
        writer.number(facts.attributes.count)
        for attribute in facts.attributes {
            writer.block(attribute.name)
            writer.block(attribute.value)
        }
        writer.optional(note) { $0.text($1) }
        switch kind {
        case .folder: break
        case .link(let target): writer.block(target)
        case .hardLink(let other): writer.block(other)
        case .file(let content):
            writer.number(UInt64(content.size))
            writer.number(content.holes.count)
            for hole in content.holes {
                writer.number(UInt64(hole.offset))
                writer.number(UInt64(hole.length))
            }
            content.data.write(to: &writer)
        case .database(let layers):
            writer.number(layers.pageSize)
            writer.number(layers.pageCount)
            writer.number(layers.basePages)
            layers.base.write(to: &writer)
            layers.baseHashes.write(to: &writer)
            writer.number(layers.layers.count)
            for layer in layers.layers {
                writer.number(layer.pages)
                layer.index.write(to: &writer)
                layer.data.write(to: &writer)
            }
        }
    }

    init(from reader: inout RecordReader) throws(RecordReader.Damaged) {
        path = try reader.block()
        let head = try reader.byte()
        isTorn = head & 0x80 != 0
        facts = FileFacts(
            mode: UInt32(truncatingIfNeeded: try reader.number()), modified: try reader.signed(),
            uid: UInt32(truncatingIfNeeded: try reader.number()), gid: UInt32(truncatingIfNeeded: try reader.number()),
            changed: try reader.signed(), inode: try reader.number())
        for _ in 0..<(try reader.count(of: 2)) {
            facts.attributes.append(FileFacts.Attribute(name: try reader.block(), value: try reader.block()))
        }
        note = try reader.optional { reader throws(RecordReader.Damaged) in try reader.text() }
        switch head & 0x7f {
        case 0: kind = .folder
        case 1: kind = .link(try reader.block())
        case 2: kind = .hardLink(try reader.block())
        case 3:
            var content = FileContent(size: try reader.int64(), data: .empty)
            for _ in 0..<(try reader.count(of: 2)) {
                content.holes.append(FileContent.Hole(offset: try reader.int64(), length: try reader.int64()))
            }
            content.data = try ObjectReference(from: &reader)
            kind = .file(content)
        case 4:
            var layers = PageLayers(
                pageSize: try reader.int(), pageCount: try reader.int(), basePages: try reader.int(),
                base: try ObjectReference(from: &reader), baseHashes: try ObjectReference(from: &reader), layers: [])
            guard (512...65_536).contains(layers.pageSize), layers.pageCount <= Int(UInt32.max),
                layers.basePages <= Int(UInt32.max)
            else { throw RecordReader.Damaged() }
            for _ in 0..<(try reader.count(of: 5)) {
                layers.layers.append(
                    PageLayers.Layer(
                        pages: try reader.int(), index: try ObjectReference(from: &reader),
                        data: try ObjectReference(from: &reader)))
            }
            kind = .database(layers)
        default: throw RecordReader.Damaged()
        }
    }

    /// Why a restore must not make it: a name that leads out of the folder.
    var danger: String? {
        guard !path.isEmpty, path.count <= Self.longestPath, path[0] != TreePath.slash else {
            return "an absolute path"
        }
        for part in path.split(separator: TreePath.slash, omittingEmptySubsequences: false) {
            if part.isEmpty { return "an empty name" }
            if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) { return "a name that leads elsewhere" }
            if part.contains(0) { return "a zero byte" }
        }
        return nil
    }
}
