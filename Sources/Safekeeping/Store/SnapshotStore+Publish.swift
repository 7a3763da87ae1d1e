import NIOCore
import NIOPosix
import Runtime
import StokerCore

extension SnapshotStore {
    /// Publishes a tree as the newest snapshot. What is as in the parent (size, mtime, ctime, inode) is not read.
    ///
    /// When chunks that it relies on were collected meanwhile, the tree is captured once more: `capture` may be called several times.
    /// - Parameters:
    ///   - rows: rows of all databases, when counted: a fall to 0 is a collapse.
    ///   - mayCollapse: the owner wants it whatever is missing.
    ///   - capture: the tree's entries in tree order.
    /// - Throws: ``Fenced`` when another has the pen: the caller stops its app and calls ``keepStray(of:capture:)``.
    package func publish<Entries: AsyncSequence & Sendable>(
        under claim: Claim, tags: [String] = [], rows: Int64? = nil, mayCollapse: Bool = false,
        progress: @escaping @Sendable (StoreProgress) -> Void = { _ in },
        capture: @Sendable () async throws -> Entries
    ) async throws -> Publication where Entries.Element == CapturedEntry {
        try await withFailureContext("publish") {
            for _ in 0..<8 {
                let base = try await head(under: claim)
                try await loadIndex(base)
                let begin = now()
                let stored = try await store(
                    try await capture(), after: base.head.sealed.newestSnapshot, base, epoch: claim.epoch, progress)
                do {
                    if let parent = base.head.sealed.newestSnapshot, parent.root == stored.root {
                        await stored.uploader.cancel()
                        return .unchanged(parent)
                    }
                    let snapshot = Snapshot(
                        id: Hex.text(RandomBytes.make(8)), epoch: claim.epoch, number: base.head.sealed.published + 1,
                        time: begin, parent: base.head.sealed.newest, tags: tags, size: stored.size,
                        files: stored.files, added: 0, rows: rows, doubtful: stored.doubtful, verified: nil,
                        root: stored.root)
                    if let end = try await publish(snapshot, stored, on: base, mayCollapse: mayCollapse, progress) {
                        return end
                    }
                } catch {
                    await stored.uploader.cancel()
                    throw error
                }
            }
            throw Failure(
                .vaultUnavailable, doing: "publish in \(vault.name)",
                because: "what it relies on was collected eight times while it was sent", retry: .soon)
        }
    }

    /// A tree whose chunks are in the vault or on their way.
    struct StoredTree {
        var root: ObjectReference
        var size: Int64
        var files: Int64
        var doubtful: Int
        var relied: Set<ChunkID>
        var uploader: PackUploader
    }

    /// Sends the last pack and puts the head; nil when the tree must be captured again.
    func publish(
        _ draft: Snapshot, _ stored: StoredTree, on first: Opened, mayCollapse: Bool,
        _ progress: @Sendable (StoreProgress) -> Void
    ) async throws -> Publication? {
        var snapshot = draft
        let because = mayCollapse ? nil : Collapse.why(snapshot, against: first.head.sealed.newestSnapshot)
        // Parts of the index that are small beside the new one are joined with it.
        let own = stored.uploader.chunksSoFar
        let (merged, more) = try await partsToJoin(first, size: own)
        progress(StoreProgress(.publishing, files: stored.files, bytes: stored.size))
        var record = RecordWriter()
        snapshot.write(to: &record)
        var root = try await stored.uploader.finish(index: more, record: record.bytes)
        snapshot.added = stored.uploader.sent
        var replaced = merged
        var base = first
        while true {
            var head = base.head.next()
            if let root {
                let gone = Set(replaced.map(\.identity))
                head.sealed.roots.removeAll { gone.contains($0.identity) }
                head.sealed.roots.append(root)
            }
            head.sealed.published += 1
            if let because {
                head.sealed.held = head.sealed.held.suffix(Self.mostHeld - 1)
                head.sealed.held.append(HeldSnapshot(snapshot: snapshot, because: because))
            } else {
                head.sealed.snapshots.append(snapshot)
                head.sealed.newest = snapshot.id
                head.newestTime = snapshot.time
                if head.sealed.snapshots.count > Head.mostSnapshots {
                    // Never the last verified one, which a restore may fall back to.
                    let spared = head.sealed.snapshots.last { $0.verified != nil }?.id
                    if let at = head.sealed.snapshots.firstIndex(where: { $0.id != spared }) {
                        head.sealed.snapshots.remove(at: at)
                    }
                }
            }
            switch try await swap(head, for: base, keyring: base.keyring) {
            case .done:
                if let root { learned(stored.uploader.directories, root: root, replacing: replaced) }
                return because.map { .held(snapshot, because: $0) } ?? .published(snapshot)
            case .refused(let found):
                if found.head.epoch > snapshot.epoch {
                    throw Fenced(by: found.head.holderNow)
                }
                // Our own write that acted, and another of our epoch on top of it.
                if found.head.sealed.snapshots.contains(where: { $0.id == snapshot.id }) { return .published(snapshot) }
                if found.head.sealed.held.contains(where: { $0.snapshot.id == snapshot.id }) {
                    return .held(snapshot, because: because ?? "")
                }
                // Collection or an accepted snapshot came between. What was the parent must still be the newest, and what is relied on must still be there.
                try await loadIndex(found)
                guard found.head.sealed.newest == snapshot.parent, stored.relied.allSatisfy({ index.contains($0) })
                else { return nil }
                if !replaced.isEmpty,
                    !replaced.allSatisfy({ part in found.head.sealed.roots.contains { $0.identity == part.identity } })
                {
                    // Parts that were joined have changed: an index of what is new alone.
                    let alone = PackUploader(
                        vault: retrying, keyring: found.keyring, cipher: found.head.cipher, epoch: snapshot.epoch,
                        largest: vault.limits.packSize)
                    root = try await alone.finish(index: stored.uploader.directories)
                    stored.uploader.adopt(alone.directories)
                    replaced = []
                }
                base = found
            }
        }
    }

    static let mostHeld = 8

    /// Parts of the index that are at most twice as large as what comes, smallest first: so their number grows like a logarithm.
    private func partsToJoin(_ opened: Opened, size: Int) async throws -> ([IndexRoot], [PackDirectory]) {
        var sum = max(size, 16)
        var joined: [IndexRoot] = []
        for root in opened.head.sealed.roots.sorted(by: { $0.chunks < $1.chunks }) {
            guard root.chunks <= sum * 2 else { break }
            sum += root.chunks
            joined.append(root)
        }
        // One or two are no burden.
        guard joined.count >= 4 else { return ([], []) }
        let reader = reader(opened, capacity: 2)
        var directories: [PackDirectory] = []
        for root in joined { directories += try await self.directories(of: root, reader) }
        return (joined, directories)
    }

    /// Reads a tree and stores what the vault does not have.
    func store<Entries: AsyncSequence & Sendable>(
        _ entries: Entries, after parent: Snapshot?, _ base: Opened, epoch: UInt64,
        sendingTo stray: StrayObject? = nil, _ progress: @Sendable (StoreProgress) -> Void
    ) async throws -> StoredTree where Entries.Element == CapturedEntry {
        let cutter = ContentCutter(
            index: index, chunker: Chunker(identity: base.keyring.identity),
            naming: ChunkNaming(identity: base.keyring.identity))
        let target: any Vault = stray.map { StrayCollector(inner: retrying, object: $0) } ?? retrying
        let uploader = PackUploader(
            vault: target, keyring: base.keyring, cipher: base.head.cipher, epoch: epoch, largest: vault.limits.packSize
        )
        do {
            let reader = reader(base, capacity: 4)
            var before: TreeReader?
            if let parent { before = try await TreeReader(parent.root, reader: reader, index: index) }
            var old = try await before?.next()
            var tree = TreeWriter(cutter: cutter)
            var result = StoredTree(
                root: .empty, size: 0, files: 0, doubtful: 0, relied: [], uploader: uploader)
            var last: [UInt8]?
            // Files that cannot be read; another name of one has nothing to lead to.
            var leftOut: Set<[UInt8]> = []
            for try await entry in entries {
                if let last, !TreePath.isBefore(last, entry.path) {
                    throw Failure(
                        .internal, doing: "store \(TreePath.text(entry.path))",
                        because: "it came behind \(TreePath.text(last)), against the order of a tree")
                }
                last = entry.path
                while let known = old, TreePath.isBefore(known.path, entry.path) { old = try await before?.next() }
                let parent = old.flatMap { $0.path == entry.path ? $0 : nil }
                guard let stored = try await store(entry, parent, leftOut, cutter, uploader, reader) else {
                    leftOut.insert(entry.path)
                    continue
                }
                if stored.isFile {
                    result.files += 1
                    result.size += stored.size
                }
                if stored.isTorn || stored.note != nil { result.doubtful += 1 }
                try await uploader.take(tree.add(stored))
                if result.files.isMultiple(of: 64) {
                    progress(StoreProgress(.reading, files: result.files, bytes: result.size))
                }
            }
            let (root, ready) = tree.finish()
            result.root = root
            try await uploader.take(ready)
            try await uploader.take(cutter.finish())
            result.relied = cutter.ledger.relied
            progress(StoreProgress(.sending, files: result.files, bytes: result.size))
            return result
        } catch {
            await uploader.cancel()
            throw error
        }
    }

    /// - Returns: nil for a file that cannot be read.
    private func store(
        _ entry: CapturedEntry, _ parent: TreeEntry?, _ leftOut: Set<[UInt8]>, _ cutter: ContentCutter,
        _ uploader: PackUploader, _ reader: SegmentReader
    ) async throws -> TreeEntry? {
        var stored = TreeEntry(
            path: entry.path, kind: .folder, facts: entry.facts, isTorn: entry.isTorn, note: entry.note)
        switch entry.kind {
        case .folder: break
        case .link(let target): stored.kind = .link(target)
        case .hardLink(let other):
            if leftOut.contains(other) { return nil }
            stored.kind = .hardLink(other)
        case .file(let source):
            if let parent, case .file(let content) = parent.kind, content.size == source.size, !parent.isTorn,
                entry.facts.isUnchanged(from: parent.facts)
            {
                stored.kind = parent.kind
                return stored
            }
            cutter.begin(file: source)
            let end: Content
            do { end = try await finish(cutter, uploader) } catch let error as SystemError {
                source.failed(error)
                return nil
            }
            guard case .file(let file) = end else { throw RecordReader.Damaged() }
            stored.kind = .file(file.content)
            stored.isTorn = entry.isTorn || file.isTorn
        case .database(let source, let pageSize):
            var previous: (PageLayers, [UInt8])?
            if let parent, case .database(let layers) = parent.kind, layers.pageSize == pageSize {
                previous = (layers, try await hashes(of: layers, reader))
            }
            cutter.begin(database: source, pageSize: pageSize, previous: previous)
            guard case .database(let layers, let hashes) = try await finish(cutter, uploader) else {
                throw RecordReader.Damaged()
            }
            stored.kind = .database(layers)
            if let previous { pageHashes[previous.0.identity] = nil }
            if pageHashes.count >= 64 { pageHashes.removeAll() }
            pageHashes[layers.identity] = hashes
        }
        return stored
    }

    private enum Content {
        case file(ContentCutter.Stored)
        case database(PageLayers, hashes: [UInt8])
    }

    private func finish(_ cutter: ContentCutter, _ uploader: PackUploader) async throws -> Content {
        while true {
            switch try await NIOThreadPool.singleton.runIfActive({ try cutter.proceed() }) {
            case .more(let ready): try await uploader.take(ready)
            case .file(let stored, let ready):
                try await uploader.take(ready)
                return .file(stored)
            case .database(let layers, let hashes, let ready):
                try await uploader.take(ready)
                return .database(layers, hashes: hashes)
            }
        }
    }

    /// 16 bytes for each page of a database.
    private func hashes(of layers: PageLayers, _ reader: SegmentReader) async throws -> [UInt8] {
        if let known = pageHashes[layers.identity] { return known }
        let length = PageLayers.hashLength
        var hashes = try await reader.bytes(of: layers.baseHashes, in: index)
        for layer in layers.layers {
            let index = try await reader.bytes(of: layer.index, in: index)
            for at in stride(from: 0, to: index.count - index.count % (4 + length), by: 4 + length) {
                let page = (0..<4).reduce(0) { $0 | Int(index[at + $1]) << (8 * $1) }
                let missing = (page + 1) * length - hashes.count
                if missing > 0 { hashes += [UInt8](repeating: 0, count: missing) }
                hashes.replaceSubrange(page * length..<(page + 1) * length, with: index[at + 4..<at + 4 + length])
            }
        }
        let wanted = layers.pageCount * length
        return hashes.count > wanted ? Array(hashes[..<wanted]) : hashes
    }
}

extension PageLayers {
    /// The newest of its lists: no two states of a database share it.
    var identity: ObjectReference { layers.last?.index ?? baseHashes }
}

extension FileFacts {
    /// Whether a file with the same size needs not be read.
    func isUnchanged(from old: FileFacts) -> Bool {
        changed != 0 && old.changed != 0 && modified == old.modified && changed == old.changed && inode == old.inode
    }
}

/// When a state lost so much that it is rather an accident than a wish.
enum Collapse {
    static func why(_ new: Snapshot, against old: Snapshot?) -> String? {
        guard let old else { return nil }
        if let rows = old.rows, rows > 0, new.rows == 0 {
            return "its databases have no rows; \(rows) were in the newest snapshot"
        }
        if old.files > 0, new.files == 0 { return "no file is left of \(old.files)" }
        // In a few files or bytes everything moves at once.
        if old.files >= 8, new.files * 2 < old.files {
            return "it has \(new.files.counted("file")), less than half of \(old.files)"
        }
        if old.size >= 64 << 10, new.size * 2 < old.size {
            return "it has \(new.size.counted("byte")), less than half of \(old.size)"
        }
        return nil
    }
}
