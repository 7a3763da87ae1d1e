import NIOCore
import NIOPosix
import Runtime
import StokerCore

package struct RestoreOptions: Sendable {
    /// Set owners by their numbers; needs root. Default: when running as root.
    package var setsOwners: Bool?
    /// Leave out what is damaged and say so, in place of ending.
    package var skipsDamaged = false
    package init() {}
}

package struct RestoreReport: Sendable, Equatable {
    package var snapshot: Snapshot
    package var files: Int64 = 0
    package var bytes: Int64 = 0
    /// Bytes read from the vault.
    package var fetched: Int64 = 0
    package var duration: Duration = .zero
    /// What could not be restored, and what could not be set.
    package var warnings: [String] = []
    /// Database files, for those who check them.
    package var databases: [[UInt8]] = []
    /// What was left out because it is damaged.
    package var damaged: [[UInt8]] = []
}

extension SnapshotStore {
    /// Restores into a folder that does not exist or is empty: into a sibling first, every hash checked, then renamed.
    /// When it fails, the folder is as it was and the sibling is gone.
    /// - Parameters:
    ///   - only: paths; with each comes what is below it. All without.
    package func restore(
        _ snapshot: Snapshot, to folder: String, only: [[UInt8]] = [], options: RestoreOptions = RestoreOptions(),
        progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> RestoreReport {
        try await restore(
            snapshot, to: folder, adding: [], from: nil, only: only, options: options, progress: progress)
    }

    /// - Parameters:
    ///   - directories: packs that the index does not have.
    ///   - source: where they are read.
    func restore(
        _ snapshot: Snapshot, to folder: String, adding directories: [PackDirectory], from source: (any Vault)?,
        only: [[UInt8]] = [], options: RestoreOptions, progress: @escaping @Sendable (StoreProgress) -> Void
    ) async throws -> RestoreReport {
        let doing = "restore \(snapshot.id) into \(folder)"
        let begin = retrying.clock.now()
        return try await reading(doing) { store, opened, usual in
            var index = store.index
            for directory in directories { index.add(directory) }
            let reader =
                source.map { SegmentReader(vault: $0, keyring: opened.keyring, cipher: opened.head.cipher) } ?? usual
            let setsOwners = options.setsOwners ?? (geteuid() == 0)
            // Beside the folder itself, so that it can be renamed.
            let sibling = folder.withoutSlashes + ".restoring-" + Hex.text(RandomBytes.make(4))
            do {
                let writer = try await NIOThreadPool.singleton.runIfActive {
                    if let obstacle = FolderWriter.obstacle(folder) {
                        throw Failure(
                            .conflict, doing: doing, because: obstacle,
                            hint: "restore into a new folder, or move away what is there")
                    }
                    try PrivateFolder.make(sibling.parentFolder)
                    return try FolderWriter(new: sibling, setsOwners: setsOwners)
                }
                var report = try await store.write(
                    snapshot, with: writer, only: only, skipsDamaged: options.skipsDamaged, reader, index, progress)
                try await NIOThreadPool.singleton.runIfActive {
                    try writer.sync()
                    try FolderWriter.rename(sibling, to: folder)
                }
                report.warnings += writer.warnings
                report.fetched = await reader.fetched
                report.duration = store.retrying.clock.now() - begin
                return report
            } catch {
                // Also when it was called off: the sibling must not stay.
                await Task { try? await NIOThreadPool.singleton.runIfActive { FolderWriter.remove(sibling) } }.value
                guard let trouble = error as? FolderWriter.Trouble else { throw error }
                throw Failure(
                    .fileUnwritable, doing: doing, because: trouble.description,
                    hint: trouble.code == ENOSPC ? "make room on the disk; the folder is as it was" : nil)
            }
        }
    }

    /// The bytes of a file, in pieces.
    package func contents(
        of path: [UInt8], in snapshot: Snapshot, take: @Sendable (ArraySlice<UInt8>) async throws -> Void
    ) async throws {
        try await reading("read \(TreePath.text(path)) of \(snapshot.id)") { store, opened, reader in
            var tree = try await TreeReader(snapshot.root, reader: reader, index: store.index)
            while let entry = try await tree.next() {
                guard entry.path == path else { continue }
                switch entry.kind {
                case .file(let content):
                    var at: Int64 = 0
                    var holes = content.holes[...]
                    func pass(_ end: Int64?) async throws {
                        while let hole = holes.first, end == nil || hole.offset <= at {
                            holes.removeFirst()
                            at += hole.length
                            var rest = hole.length
                            while rest > 0 {
                                let piece = min(rest, 1 << 18)
                                try await take([UInt8](repeating: 0, count: Int(piece))[...])
                                rest -= piece
                            }
                        }
                    }
                    for id in try await reader.chunks(of: content.data, in: store.index) {
                        var bytes = try await reader.chunk(id, in: store.index)
                        while !bytes.isEmpty {
                            try await pass(at)
                            let room = holes.first.map { Int(min(Int64(bytes.count), $0.offset - at)) } ?? bytes.count
                            try await take(bytes.prefix(room))
                            at += Int64(room)
                            bytes = bytes.dropFirst(room)
                        }
                    }
                    try await pass(nil)
                    return
                case .database(let layers):
                    let pages = try await store.pagePlaces(layers, reader)
                    for run in pages {
                        let bytes = try await reader.chunk(run.chunk, in: store.index)
                        let begin = bytes.startIndex + run.offset
                        try await take(bytes[begin..<min(begin + layers.pageSize, bytes.endIndex)])
                    }
                    return
                default:
                    throw Failure(
                        .conflict, doing: "read \(TreePath.text(path))", because: "it is no file",
                        hint: "`stoker snapshots ls` shows what is there")
                }
            }
            throw Failure(
                .notFound, doing: "read \(TreePath.text(path))", because: "the snapshot \(snapshot.id) has no such file"
            )
        }
    }

    struct PagePlace: Sendable {
        var chunk: ChunkID
        /// Of the page's bytes in the chunk.
        var offset: Int
    }

    /// Where each page of a database is.
    func pagePlaces(_ layers: PageLayers, _ reader: SegmentReader) async throws -> [PagePlace] {
        let run = PageLayers.runPages(layers.pageSize)
        let base = try await reader.chunks(of: layers.base, in: index)
        var places: [PagePlace?] = [PagePlace?](repeating: nil, count: layers.pageCount)
        for page in 0..<min(layers.basePages, layers.pageCount) where page / run < base.count {
            places[page] = PagePlace(chunk: base[page / run], offset: page % run * layers.pageSize)
        }
        let length = 4 + PageLayers.hashLength
        for layer in layers.layers {
            let numbers = try await reader.bytes(of: layer.index, in: index)
            let chunks = try await reader.chunks(of: layer.data, in: index)
            for at in 0..<numbers.count / length {
                let page = (0..<4).reduce(0) { $0 | Int(numbers[at * length + $1]) << (8 * $1) }
                guard page < layers.pageCount, at / run < chunks.count else { continue }
                places[page] = PagePlace(chunk: chunks[at / run], offset: at % run * layers.pageSize)
            }
        }
        let found = places.compactMap { $0 }
        guard found.count == layers.pageCount else { throw RecordReader.Damaged() }
        return found
    }

    private func write(
        _ snapshot: Snapshot, with writer: FolderWriter, only: [[UInt8]], skipsDamaged: Bool, _ reader: SegmentReader,
        _ index: ChunkIndex, _ progress: @Sendable (StoreProgress) -> Void
    ) async throws -> RestoreReport {
        var report = RestoreReport(snapshot: snapshot)
        var tree = try await TreeReader(snapshot.root, reader: reader, index: index)
        var folders: [TreeEntry] = []
        // A few files at a time: some are written while others' segments are opened.
        try await withThrowingTaskGroup(of: (TreeEntry, PackTrouble?).self) { group in
            var running = 0
            func settle(_ ended: (TreeEntry, PackTrouble?)) throws {
                let (entry, trouble) = ended
                if let trouble {
                    guard skipsDamaged else { throw trouble }
                    report.damaged.append(entry.path)
                    report.warnings.append("\(TreePath.text(entry.path)) is left out: \(trouble)")
                    return
                }
                report.files += 1
                report.bytes += entry.size
                if case .database = entry.kind { report.databases.append(entry.path) }
                if report.files.isMultiple(of: 64) {
                    progress(
                        StoreProgress(
                            .fetching, files: report.files, bytes: report.bytes, totalFiles: snapshot.files,
                            totalBytes: snapshot.size))
                }
            }
            while let entry = try await tree.next() {
                guard only.isEmpty || only.contains(where: { entry.path.isAt($0) }) else { continue }
                if let danger = entry.danger {
                    throw Failure(
                        .vaultDamaged, doing: "restore \(TreePath.text(entry.path))",
                        because: "its path has \(danger)",
                        hint: "this snapshot was not made by stoker; nothing was restored")
                }
                switch entry.kind {
                case .folder:
                    folders.append(entry)
                    try await NIOThreadPool.singleton.runIfActive { try writer.makeFolder(entry) }
                case .link(let target):
                    try await NIOThreadPool.singleton.runIfActive { try writer.makeLink(entry, to: target) }
                case .hardLink(let other):
                    while running > 0, let ended = try await group.next() {
                        running -= 1
                        try settle(ended)
                    }
                    guard TreeEntry(path: other, kind: .folder, facts: entry.facts, isTorn: false).danger == nil else {
                        throw RecordReader.Damaged()
                    }
                    if report.damaged.contains(other) {
                        report.warnings.append(
                            "\(TreePath.text(entry.path)) is left out: it is another name of a damaged file")
                        continue
                    }
                    try await NIOThreadPool.singleton.runIfActive { try writer.makeHardLink(entry, to: other) }
                case .file, .database:
                    if running >= 4, let ended = try await group.next() {
                        running -= 1
                        try settle(ended)
                    }
                    running += 1
                    group.addTask {
                        do {
                            try await Self.write(entry, with: writer, reader, index)
                            return (entry, nil)
                        } catch let trouble as PackTrouble {
                            return (entry, trouble)
                        }
                    }
                }
            }
            while running > 0, let ended = try await group.next() {
                running -= 1
                try settle(ended)
            }
        }
        // What is in a folder changes its time, so its facts come last, from the inside out.
        let ordered = Array(folders.reversed())
        try await NIOThreadPool.singleton.runIfActive {
            for folder in ordered { try writer.finish(folder: folder) }
        }
        report.databases.sort { $0.lexicographicallyPrecedes($1) }
        return report
    }

    private static func write(
        _ entry: TreeEntry, with writer: FolderWriter, _ reader: SegmentReader, _ index: ChunkIndex
    ) async throws {
        if case .file(let content) = entry.kind, content.holes.isEmpty, content.size <= 1 << 20 {
            // Most files: all in one go, for each change of threads takes longer than a small file.
            var pieces: [SegmentReader.Piece] = []
            for id in try await reader.chunks(of: content.data, in: index) {
                pieces.append(try await reader.piece(id, in: index))
            }
            return try await NIOThreadPool.singleton.runIfActive { [pieces] in
                let all = try pieces.map { try $0.checked() }
                let file = try writer.makeFile(entry)
                var offset: Int64 = 0
                for bytes in all {
                    try writer.write(bytes, at: offset, of: file)
                    offset += Int64(bytes.count)
                }
                try writer.finish(file, size: content.size, syncs: false)
            }
        }
        let file = try await NIOThreadPool.singleton.runIfActive { try writer.makeFile(entry) }
        switch entry.kind {
        case .file(let content):
            var holes = content.holes[...]
            var offset: Int64 = 0
            for id in try await reader.chunks(of: content.data, in: index) {
                let bytes = try await reader.chunk(id, in: index)
                var pieces: [(Int64, ArraySlice<UInt8>)] = []
                var rest = bytes
                while !rest.isEmpty {
                    while let hole = holes.first, hole.offset <= offset {
                        offset += hole.length
                        holes.removeFirst()
                    }
                    let room = holes.first.map { Int(min(Int64(rest.count), $0.offset - offset)) } ?? rest.count
                    pieces.append((offset, rest.prefix(room)))
                    offset += Int64(room)
                    rest = rest.dropFirst(room)
                }
                try await NIOThreadPool.singleton.runIfActive { [pieces] in
                    for (at, piece) in pieces { try writer.write(piece, at: at, of: file) }
                }
            }
            let size = content.size
            try await NIOThreadPool.singleton.runIfActive { try writer.finish(file, size: size, syncs: false) }
        case .database(let layers):
            try await write(layers, to: file, with: writer, reader, index)
        default: break
        }
    }

    private static func write(
        _ layers: PageLayers, to file: FolderWriter.File, with writer: FolderWriter, _ reader: SegmentReader,
        _ index: ChunkIndex
    ) async throws {
        let size = Int64(layers.pageSize) * Int64(layers.pageCount)
        let run = PageLayers.runPages(layers.pageSize)
        var offset: Int64 = 0
        for id in try await reader.chunks(of: layers.base, in: index) where offset < size {
            let bytes = try await reader.chunk(id, in: index).prefix(Int(min(size - offset, 1 << 30)))
            let at = offset
            try await NIOThreadPool.singleton.runIfActive { try writer.write(bytes, at: at, of: file) }
            offset += Int64(bytes.count)
        }
        let length = 4 + PageLayers.hashLength
        for layer in layers.layers {
            let numbers = try await reader.bytes(of: layer.index, in: index)
            for (group, id) in try await reader.chunks(of: layer.data, in: index).enumerated() {
                let bytes = try await reader.chunk(id, in: index)
                let (pageSize, pageCount) = (layers.pageSize, layers.pageCount)
                try await NIOThreadPool.singleton.runIfActive {
                    for at in 0..<bytes.count / pageSize {
                        let entry = (group * run + at) * length
                        guard entry + 4 <= numbers.count else { throw RecordReader.Damaged() }
                        let page = (0..<4).reduce(0) { $0 | Int(numbers[entry + $1]) << (8 * $1) }
                        guard page < pageCount else { continue }
                        let begin = bytes.startIndex + at * pageSize
                        try writer.write(bytes[begin..<begin + pageSize], at: Int64(page) * Int64(pageSize), of: file)
                    }
                }
            }
        }
        try await NIOThreadPool.singleton.runIfActive { try writer.finish(file, size: size, syncs: false) }
    }
}

extension [UInt8] {
    /// Is that path, or below it.
    func isAt(_ path: [UInt8]) -> Bool {
        path.isEmpty || (starts(with: path) && (count == path.count || self[path.count] == TreePath.slash))
    }
}

extension String {
    var withoutSlashes: String {
        var text = self
        while text.count > 1, text.hasSuffix("/") { text.removeLast() }
        return text
    }
}
