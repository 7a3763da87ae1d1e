import StokerCore
import Synchronization

/// Cuts contents into chunks, names them, leaves out those that are in the vault, and joins the others to segments.
///
/// Its calls block and are made by one thread at a time. A call ends when two segments are full, so that memory stays bounded.
final class ContentCutter: Sendable {
    /// Contents that were read whole.
    struct Stored: Sendable {
        var content: FileContent
        var isTorn: Bool
    }

    enum Step: Sendable {
        /// Segments are full; go on.
        case more([RawSegment])
        case file(Stored, [RawSegment])
        case database(PageLayers, hashes: [UInt8], [RawSegment])
    }

    /// What a publication relies on and did not send.
    struct Ledger: Sendable {
        var relied: Set<ChunkID> = []
        var fresh: Set<ChunkID> = []
    }

    private struct State {
        var data = RawSegment()
        /// What no compression makes smaller.
        var dense = RawSegment(isDense: true)
        /// For the reading of files, handed from one to the next.
        var buffer: [UInt8] = []
        var meta = RawSegment()
        var ready: [RawSegment] = []
        var ledger = Ledger()
        var work: (any CutWork)?
    }

    private let index: ChunkIndex
    let chunker: Chunker
    let naming: ChunkNaming
    // Work holds an open file, which is no value; the mutex hands it to one thread at a time.
    private let state: Mutex<Held>
    private struct Held: @unchecked Sendable { var state = State() }

    init(index: ChunkIndex, chunker: Chunker, naming: ChunkNaming) {
        self.index = index
        self.chunker = chunker
        self.naming = naming
        state = Mutex(Held())
    }

    var ledger: Ledger { state.withLock { $0.state.ledger } }

    /// Names a chunk and keeps it unless it is there.
    private func add(_ bytes: UnsafeRawBufferPointer, isMeta: Bool, to state: inout State) -> ChunkID {
        let id = naming.name(of: bytes)
        if state.ledger.fresh.contains(id) { return id }
        if index.contains(id) {
            state.ledger.relied.insert(id)
            return id
        }
        state.ledger.fresh.insert(id)
        func put(_ segment: inout RawSegment) {
            if segment.bytes.count + bytes.count > RawSegment.size, !segment.bytes.isEmpty {
                state.ready.append(segment)
                segment = RawSegment(isDense: segment.isDense)
            }
            if segment.bytes.isEmpty { segment.bytes.reserveCapacity(max(RawSegment.size, bytes.count)) }
            segment.bytes.append(contentsOf: bytes)
            segment.chunks.append(PackDirectory.Chunk(id: id, length: bytes.count))
        }
        if isMeta {
            var segment = state.meta
            state.meta = RawSegment()
            put(&segment)
            state.meta = segment
        } else if Density.isDense(bytes) {
            var segment = state.dense
            state.dense = RawSegment(isDense: true)
            put(&segment)
            state.dense = segment
        } else {
            var segment = state.data
            state.data = RawSegment()
            put(&segment)
            state.data = segment
        }
        return id
    }

    /// The reference for a list of chunks: itself while it is short, else the list is stored.
    private func reference(_ chunks: [ChunkID], size: Int64, in state: inout State) -> ObjectReference {
        var level: UInt8 = 0
        var list = chunks
        while list.count > 64, level < 3 {
            var shorter: [ChunkID] = []
            var piece: [UInt8] = []
            for (at, id) in list.enumerated() {
                let bytes = id.bytes
                piece += bytes
                let count = piece.count / ChunkID.length
                // Cut where an id says so, so that a change in the midst leaves the lists behind it as they were.
                let isBorder = bytes[0] == 0 && bytes[1] & 1 == 0
                if (isBorder && count >= 64) || count >= 4096 || at == list.count - 1 {
                    shorter.append(piece.withUnsafeBytes { add($0, isMeta: true, to: &state) })
                    piece.removeAll(keepingCapacity: true)
                }
            }
            list = shorter
            level += 1
        }
        return ObjectReference(size: size, level: level, chunks: list)
    }

    /// Stores bytes that are at hand in pieces of one length.
    private func store(_ bytes: [UInt8], piece: Int = 64 << 10, in state: inout State) -> ObjectReference {
        var chunks: [ChunkID] = []
        bytes.withUnsafeBytes { all in
            for begin in stride(from: 0, to: all.count, by: piece) {
                let part = UnsafeRawBufferPointer(rebasing: all[begin..<min(begin + piece, all.count)])
                chunks.append(add(part, isMeta: true, to: &state))
            }
        }
        return reference(chunks, size: Int64(bytes.count), in: &state)
    }

    /// A chunk of a content that was cut before.
    func addPiece(_ bytes: [UInt8]) -> (ChunkID, [RawSegment]) {
        state.withLock { held in
            let id = bytes.withUnsafeBytes { add($0, isMeta: false, to: &held.state) }
            return (id, Self.taken(&held.state))
        }
    }

    /// A list chunk of a tree.
    func addTreePiece(_ bytes: [UInt8]) -> (ChunkID, [RawSegment]) {
        state.withLock { held in
            let id = bytes.withUnsafeBytes { add($0, isMeta: true, to: &held.state) }
            return (id, Self.taken(&held.state))
        }
    }

    func treeReference(_ pieces: [ChunkID], size: Int64) -> ObjectReference {
        state.withLock { reference(pieces, size: size, in: &$0.state) }
    }

    /// What is left in the open segments.
    func finish() -> [RawSegment] {
        state.withLock { held in
            let left = [held.state.data, held.state.dense, held.state.meta].filter { !$0.bytes.isEmpty }
            held.state.data = RawSegment()
            held.state.dense = RawSegment(isDense: true)
            held.state.meta = RawSegment()
            return Self.taken(&held.state) + left
        }
    }

    private static func taken(_ state: inout State) -> [RawSegment] {
        let ready = state.ready
        state.ready = []
        return ready
    }

    // MARK: contents

    func begin(file source: any ContentSource) {
        state.withLock { held in
            var buffer: [UInt8] = []
            swap(&buffer, &held.state.buffer)
            held.state.work = FileWork(source: source, buffer: buffer)
        }
    }

    /// - Parameters:
    ///   - previous: the database in the parent snapshot, and the hashes of its pages.
    func begin(database source: any ContentSource, pageSize: Int, previous: (PageLayers, [UInt8])?) {
        state.withLock { $0.state.work = DatabaseWork(source: source, pageSize: pageSize, previous: previous) }
    }

    func proceed() throws -> Step {
        try state.withLock { held in
            guard let work = held.state.work else { throw RecordReader.Damaged() }
            while true {
                if let end = try work.go(self, &held.state) {
                    held.state.work = nil
                    (work as? FileWork)?.giveBack(&held.state.buffer)
                    let ready = Self.taken(&held.state)
                    switch end {
                    case .file(let stored, _): return .file(stored, ready)
                    case .database(let layers, let hashes, _): return .database(layers, hashes: hashes, ready)
                    case .more: return .more(ready)
                    }
                }
                if held.state.ready.count >= 2 { return .more(Self.taken(&held.state)) }
            }
        }
    }

    private protocol CutWork: AnyObject {
        /// Some of the work; what it came to at its end.
        func go(_ cutter: ContentCutter, _ state: inout State) throws -> Step?
    }

    private final class FileWork: CutWork {
        private let source: any ContentSource
        private var reader: (any ContentReader)?
        private var buffer: [UInt8]
        private var filled = 0
        private var isAtEnd = false
        private var chunks: [ChunkID] = []
        private var holes: [FileContent.Hole] = []
        private var offset: Int64 = 0
        private var data: Int64 = 0

        /// - Parameter buffer: of an earlier file; empty for a new one.
        init(source: any ContentSource, buffer: [UInt8]) {
            self.source = source
            self.buffer = buffer.isEmpty ? [UInt8](repeating: 0, count: 512 << 10) : buffer
        }

        func giveBack(_ buffer: inout [UInt8]) { swap(&buffer, &self.buffer) }

        func go(_ cutter: ContentCutter, _ state: inout State) throws -> Step? {
            let reader = try self.reader ?? source.open()
            self.reader = reader
            while !isAtEnd, filled < buffer.count {
                let piece = try buffer.withUnsafeMutableBytes {
                    try reader.next(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
                }
                switch piece {
                case .bytes(let count):
                    filled += count
                    offset += Int64(count)
                    data += Int64(count)
                case .hole(let length):
                    if length > 0 { holes.append(FileContent.Hole(offset: offset, length: length)) }
                    offset += length
                case .end: isAtEnd = true
                }
            }
            var begin = 0
            buffer.withUnsafeBytes { all in
                while begin < filled, isAtEnd || filled - begin >= cutter.chunker.largest {
                    let rest = UnsafeRawBufferPointer(rebasing: all[begin..<filled])
                    let length = cutter.chunker.cut(rest)
                    chunks.append(
                        cutter.add(UnsafeRawBufferPointer(rebasing: rest[..<length]), isMeta: false, to: &state))
                    begin += length
                }
                if begin > 0, begin < filled {
                    // Moved to the front below.
                }
            }
            if begin > 0 {
                buffer.withUnsafeMutableBytes { all in
                    guard let base = all.baseAddress else { return }
                    base.copyMemory(from: base + begin, byteCount: filled - begin)
                }
                filled -= begin
            }
            guard isAtEnd, filled == 0 else { return nil }
            let end = try reader.end()
            if end == .readAgain {
                self.reader = nil
                isAtEnd = false
                chunks = []
                holes = []
                offset = 0
                data = 0
                return nil
            }
            let content = FileContent(
                size: offset, holes: holes, data: cutter.reference(chunks, size: data, in: &state))
            return .file(Stored(content: content, isTorn: end == .torn), [])
        }
    }

    /// Twice over the pages: once to see what changed, once to take it.
    private final class DatabaseWork: CutWork {
        private let source: any ContentSource
        private let pageSize: Int
        private let previous: (PageLayers, [UInt8])?
        private var reader: (any ContentReader)?
        private var run: [UInt8]
        private var filled = 0
        private var page = 0
        private var hashes: [UInt8] = []
        /// Pages to take, in order; nil: all of them.
        private var changed: [Int]?
        private var nextChanged = 0
        private var isTaking = false
        private var batch: [UInt8] = []
        private var chunks: [ChunkID] = []
        private var isAtEnd = false

        init(source: any ContentSource, pageSize: Int, previous: (PageLayers, [UInt8])?) {
            self.source = source
            self.pageSize = pageSize
            self.previous = previous.flatMap { $0.0.pageSize == pageSize ? $0 : nil }
            run = [UInt8](repeating: 0, count: PageLayers.runPages(pageSize) * pageSize)
            // Without a parent every page is taken, in the first reading.
            isTaking = self.previous == nil
        }

        /// Fills the next run; false at the end.
        private func fill() throws -> Bool {
            let reader = try self.reader ?? source.open()
            self.reader = reader
            filled = 0
            while !isAtEnd, filled < run.count {
                let piece = try run.withUnsafeMutableBytes {
                    try reader.next(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
                }
                switch piece {
                case .bytes(let count): filled += count
                case .hole(let length):
                    // A copy made for us has none that matter; its zeros are pages like others.
                    guard length <= Int64(run.count - filled) else {
                        throw Failure(
                            .vaultDamaged, doing: "read a database copy", because: "a hole of \(length) bytes is in it")
                    }
                    for at in filled..<filled + Int(length) { run[at] = 0 }
                    filled += Int(length)
                case .end: isAtEnd = true
                }
            }
            return filled > 0
        }

        private func again() {
            reader = nil
            isAtEnd = false
            page = 0
            chunks = []
            batch = []
            nextChanged = 0
        }

        func go(_ cutter: ContentCutter, _ state: inout State) throws -> Step? {
            guard try fill() else { return try end(cutter, &state) }
            guard filled.isMultiple(of: pageSize) else {
                throw Failure(
                    .fileUnreadable, doing: "store a database",
                    because: "its copy is no whole number of pages of \(pageSize) bytes")
            }
            let count = filled / pageSize
            if hashes.count <= page * PageLayers.hashLength {
                run.withUnsafeBytes { all in
                    for at in 0..<count {
                        let one = UnsafeRawBufferPointer(rebasing: all[at * pageSize..<(at + 1) * pageSize])
                        hashes += cutter.naming.name(of: one).bytes.prefix(PageLayers.hashLength)
                    }
                }
            }
            if isTaking {
                if let changed {
                    while nextChanged < changed.count, changed[nextChanged] < page + count {
                        let at = (changed[nextChanged] - page) * pageSize
                        batch += run[at..<at + pageSize]
                        nextChanged += 1
                        if batch.count >= run.count { flush(cutter, &state) }
                    }
                } else {
                    let id = run.withUnsafeBytes {
                        cutter.add(UnsafeRawBufferPointer(rebasing: $0[..<filled]), isMeta: false, to: &state)
                    }
                    chunks.append(id)
                }
            }
            page += count
            return nil
        }

        private func flush(_ cutter: ContentCutter, _ state: inout State) {
            guard !batch.isEmpty else { return }
            chunks.append(batch.withUnsafeBytes { cutter.add($0, isMeta: false, to: &state) })
            batch.removeAll(keepingCapacity: true)
        }

        private func end(_ cutter: ContentCutter, _ state: inout State) throws -> Step? {
            let pages = hashes.count / PageLayers.hashLength
            if !isTaking, let (layers, old) = previous {
                let length = PageLayers.hashLength
                let different = (0..<pages).filter { page in
                    let range = page * length..<(page + 1) * length
                    return range.upperBound > old.count || hashes[range] != old[range]
                }
                if different.isEmpty {
                    var same = layers
                    same.pageCount = pages
                    return .database(same, hashes: hashes, [])
                }
                changed = layers.isFull(adding: different.count) ? nil : different
                isTaking = true
                again()
                return nil
            }
            flush(cutter, &state)
            if let changed, var layers = previous?.0 {
                var index: [UInt8] = []
                for page in changed {
                    index += (0..<4).map { UInt8(truncatingIfNeeded: page >> (8 * $0)) }
                    index += hashes[page * PageLayers.hashLength..<(page + 1) * PageLayers.hashLength]
                }
                layers.layers.append(
                    PageLayers.Layer(
                        pages: changed.count, index: cutter.store(index, in: &state),
                        data: cutter.reference(chunks, size: Int64(changed.count * pageSize), in: &state)))
                layers.pageCount = pages
                return .database(layers, hashes: hashes, [])
            }
            let layers = PageLayers(
                pageSize: pageSize, pageCount: pages, basePages: pages,
                base: cutter.reference(chunks, size: Int64(pages * pageSize), in: &state),
                baseHashes: cutter.store(hashes, in: &state), layers: [])
            return .database(layers, hashes: hashes, [])
        }
    }
}

/// Whether compression is worth its time.
enum Density {
    private static let run = 256

    /// Judged by 1,024 bytes from four places. Of bytes at random about 5,100 pairs are alike, of the densest text above 15,000; what is random and repeats
    /// itself is taken for dense, and stored as it is.
    static func isDense(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 8 * run else { return false }
        return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 256) { counts in
            counts.initialize(repeating: 0)
            for part in 0..<4 {
                let begin = (bytes.count - run) / 3 * part
                for at in begin..<begin + run { counts[Int(bytes[at])] &+= 1 }
            }
            return counts.reduce(0) { $0 + Int($1) * Int($1) } < 6_400
        }
    }
}
