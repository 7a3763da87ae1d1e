import NIOPosix
import StokerCore

extension SnapshotStore {
    /// Copies a snapshot into another vault as its newest: it is opened with this one's keys and sealed with the other's. The pen of the other is claimed
    /// for it. Its databases keep their layers, its files their chunks.
    /// - Returns: the copy; when nothing differs from the other's newest, that one.
    package func copy(
        _ snapshot: Snapshot, to target: SnapshotStore, as holder: String, tags: [String]? = nil,
        progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> Snapshot {
        let claim = try await target.claim(as: holder)
        let copy = try await reading("copy \(snapshot.id) to \(target.vault.name)") { store, _, reader in
            try await target.take(
                snapshot, tags: tags ?? snapshot.tags, under: claim, from: reader, index: store.index, progress)
        }
        try await target.release(claim)
        return copy
    }

    /// Publishes what another vault's reader gives.
    func take(
        _ original: Snapshot, tags: [String], under claim: Claim, from source: SegmentReader, index theirs: ChunkIndex,
        _ progress: @Sendable (StoreProgress) -> Void
    ) async throws -> Snapshot {
        for _ in 0..<8 {
            let base = try await head(under: claim)
            try await loadIndex(base)
            let cutter = ContentCutter(
                index: index, chunker: Chunker(identity: base.keyring.identity),
                naming: ChunkNaming(identity: base.keyring.identity))
            let uploader = PackUploader(
                vault: retrying, keyring: base.keyring, cipher: base.head.cipher, epoch: claim.epoch,
                largest: vault.limits.packSize)
            do {
                var tree = try await TreeReader(original.root, reader: source, index: theirs)
                var writer = TreeWriter(cutter: cutter)
                var files: Int64 = 0
                var bytes: Int64 = 0
                while var entry = try await tree.next() {
                    switch entry.kind {
                    case .file(var content):
                        content.data = try await carry(content.data, cutter, uploader, source, theirs)
                        entry.kind = .file(content)
                    case .database(var layers):
                        layers.base = try await carry(layers.base, cutter, uploader, source, theirs)
                        layers.baseHashes = try await carry(layers.baseHashes, cutter, uploader, source, theirs)
                        // Hashes of pages are of the other vault's key; they tell nothing here. All pages are taken anew with the next snapshot.
                        for at in layers.layers.indices {
                            layers.layers[at].index = try await carry(
                                layers.layers[at].index, cutter, uploader, source, theirs)
                            layers.layers[at].data = try await carry(
                                layers.layers[at].data, cutter, uploader, source, theirs)
                        }
                        entry.kind = .database(layers)
                    default: break
                    }
                    if entry.isFile { files += 1 }
                    bytes += entry.size
                    if files.isMultiple(of: 64) {
                        progress(
                            StoreProgress(
                                .sending, files: files, bytes: bytes, totalFiles: original.files,
                                totalBytes: original.size))
                    }
                    try await uploader.take(writer.add(entry))
                }
                let (root, ready) = writer.finish()
                try await uploader.take(ready)
                try await uploader.take(cutter.finish())
                let stored = StoredTree(
                    root: root, size: original.size, files: original.files, doubtful: original.doubtful,
                    relied: cutter.ledger.relied, uploader: uploader)
                if let newest = base.head.sealed.newestSnapshot, newest.root == root {
                    await uploader.cancel()
                    return newest
                }
                var draft = original
                draft.id = Hex.text(RandomBytes.make(8))
                draft.epoch = claim.epoch
                draft.number = base.head.sealed.published + 1
                draft.parent = base.head.sealed.newest
                draft.tags = tags
                draft.verified = nil
                draft.root = root
                switch try await publish(draft, stored, on: base, mayCollapse: true, progress) {
                case .published(let made), .unchanged(let made), .held(let made, _): return made
                case nil: continue
                }
            } catch {
                await uploader.cancel()
                throw error
            }
        }
        throw Failure(
            .vaultUnavailable, doing: "copy to \(vault.name)", because: "others wrote its head each time it was tried",
            retry: .soon)
    }

    private func carry(
        _ reference: ObjectReference, _ cutter: ContentCutter, _ uploader: PackUploader, _ source: SegmentReader,
        _ theirs: ChunkIndex
    ) async throws -> ObjectReference {
        var made: [ChunkID] = []
        for id in try await source.chunks(of: reference, in: theirs) {
            let bytes = Array(try await source.chunk(id, in: theirs))
            let (own, ready) = try await NIOThreadPool.singleton.runIfActive { cutter.addPiece(bytes) }
            made.append(own)
            try await uploader.take(ready)
        }
        return cutter.treeReference(made, size: reference.size)
    }
}
