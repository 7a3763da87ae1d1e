import NIOCore
import NIOPosix
package import StokerCore

extension SnapshotStore {
    /// Kept snapshots, newest first.
    package func snapshots() async throws -> [Snapshot] {
        try await withFailureContext("list the snapshots") {
            try await readHead()?.head.sealed.snapshots.reversed() ?? []
        }
    }

    /// The one a restore takes; nil when there is none.
    package func newest() async throws -> Snapshot? {
        try await withFailureContext("look for the newest snapshot") {
            try await readHead()?.head.sealed.newestSnapshot
        }
    }

    package func heldSnapshots() async throws -> [HeldSnapshot] {
        try await withFailureContext("list the held snapshots") {
            try await readHead()?.head.sealed.held.reversed() ?? []
        }
    }

    /// The snapshot of that id, of the one id that begins so, or the `newest`; held ones too.
    package func find(_ id: String) async throws -> Snapshot {
        try await withFailureContext("find the snapshot \(id.cut(to: 40))") {
            let head = try await existingHead().head.sealed
            if id == "newest" || id == "latest" {
                guard let newest = head.newestSnapshot else {
                    throw Failure(.notFound, doing: "find the newest snapshot", because: "\(vault.name) has none yet")
                }
                return newest
            }
            let all = head.snapshots + head.held.map(\.snapshot)
            let fitting = all.filter { $0.id.hasPrefix(id.lowercased()) }
            guard !id.isEmpty, fitting.count == 1, let one = fitting.first else {
                throw Failure(
                    fitting.isEmpty ? .notFound : .usage, doing: "find the snapshot \(id.cut(to: 40))",
                    because: fitting.isEmpty
                        ? "\(vault.name) has none of that id" : "\(fitting.count) ids begin so",
                    hint: "`stoker snapshots list` shows all of them")
            }
            return one
        }
    }

    /// Makes a held snapshot the newest. When another holder took the pen since it was made, that one is fenced and starts anew from it.
    package func accept(_ id: String) async throws -> Snapshot {
        try await withFailureContext("accept \(id.cut(to: 40))") {
            while true {
                let opened = try await existingHead()
                let fitting = opened.head.sealed.held.filter { $0.snapshot.id.hasPrefix(id.lowercased()) }
                guard !id.isEmpty, fitting.count == 1, let held = fitting.first else {
                    throw Failure(
                        .notFound, doing: "accept \(id.cut(to: 40))", because: "no held snapshot has that id",
                        hint: "`stoker snapshots list` shows them")
                }
                var head = opened.head.next()
                // Its holder's state descends from it. Another's does not: it must restore it before it goes on.
                if head.epoch != held.snapshot.epoch || held.snapshot.parent != head.sealed.newest {
                    head.epoch += 1
                    head.sealed.holder = Holder(
                        name: "stoker snapshots accept", epoch: head.epoch, since: now(), hasReleased: true)
                }
                head.sealed.held.removeAll { $0.snapshot.id == held.snapshot.id }
                head.sealed.snapshots.append(held.snapshot)
                head.sealed.newest = held.snapshot.id
                head.newestTime = held.snapshot.time
                switch try await swap(head, for: opened, keyring: opened.keyring) {
                case .done: return held.snapshot
                case .refused: continue
                }
            }
        }
    }

    /// Notes that a restore of a snapshot was proven. One that is no longer kept is let be.
    package func markVerified(_ id: String, at time: Instant) async throws {
        try await withFailureContext("note the proof") {
            while let opened = try await readHead() {
                var head = opened.head.next()
                guard let at = head.sealed.snapshots.firstIndex(where: { $0.id == id }) else { return }
                head.sealed.snapshots[at].verified = time
                if case .done = try await swap(head, for: opened, keyring: opened.keyring) { return }
            }
        }
    }

    /// Entries of a snapshot in tree order.
    package func list(
        _ snapshot: Snapshot, below path: [UInt8] = [], take: @Sendable (TreeEntry) throws -> Void
    ) async throws {
        try await reading("list \(snapshot.id)") { store, _, reader in
            var tree = try await TreeReader(snapshot.root, reader: reader, index: store.index)
            while let entry = try await tree.next() {
                if entry.path.isAt(path) { try take(entry) }
            }
        }
    }

    package struct Difference: Sendable, Equatable {
        package enum Kind: String, Sendable { case added, removed, changed, facts }
        package var kind: Kind
        package var path: [UInt8]
        package var before: Int64?
        package var after: Int64?
    }

    /// What differs between two snapshots, in tree order.
    package func difference(
        from old: Snapshot, to new: Snapshot, take: @Sendable (Difference) throws -> Void
    ) async throws {
        try await reading("compare \(old.id) with \(new.id)") { store, _, reader in
            var left = try await TreeReader(old.root, reader: reader, index: store.index)
            var right = try await TreeReader(new.root, reader: reader, index: store.index)
            var (a, b) = (try await left.next(), try await right.next())
            while a != nil || b != nil {
                if let before = a, b.map({ TreePath.isBefore(before.path, $0.path) }) ?? true {
                    try take(Difference(kind: .removed, path: before.path, before: before.size))
                    a = try await left.next()
                } else if let after = b, a.map({ TreePath.isBefore(after.path, $0.path) }) ?? true {
                    try take(Difference(kind: .added, path: after.path, after: after.size))
                    b = try await right.next()
                } else if let before = a, let after = b {
                    if before.kind != after.kind {
                        try take(
                            Difference(kind: .changed, path: after.path, before: before.size, after: after.size))
                    } else if !before.facts.looksLike(after.facts) {
                        try take(Difference(kind: .facts, path: after.path, before: before.size, after: after.size))
                    }
                    a = try await left.next()
                    b = try await right.next()
                }
            }
        }
    }

    /// What a check of a snapshot found.
    package struct Proof: Sendable, Equatable {
        package var files: Int64 = 0
        package var chunks = 0
        package var bytes: Int64 = 0
        /// Files that cannot be restored as they were; at most 1,000.
        package var damaged: [[UInt8]] = []
        /// What is wrong with packs, each once.
        package var troubles: [String] = []
        package var isWhole: Bool { damaged.isEmpty && troubles.isEmpty }
    }

    /// Reads all that a snapshot needs and checks it against its hashes. Changes nothing.
    package func verify(
        _ snapshot: Snapshot, progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> Proof {
        try await reading("verify \(snapshot.id)") { store, _, reader in
            let index = store.index
            var proof = Proof()
            var good: Set<ChunkID> = []
            var bad: [ChunkID: String] = [:]
            func check(_ id: ChunkID) async throws {
                if good.contains(id) { return }
                if let known = bad[id] { throw PackTrouble.damaged(pack: known, what: "a chunk") }
                do {
                    proof.bytes += Int64(try await reader.chunk(id, in: index).count)
                    good.insert(id)
                } catch let trouble as PackTrouble {
                    let pack = index.place(of: id).flatMap { index.directory($0.pack)?.name } ?? "?"
                    bad[id] = pack
                    throw trouble
                }
            }
            func note(_ trouble: PackTrouble) {
                let text = trouble.description
                if proof.troubles.count < 100, !proof.troubles.contains(text) { proof.troubles.append(text) }
            }
            let pieces: [ChunkID]
            do {
                pieces = try await reader.chunks(of: snapshot.root, in: index)
            } catch let trouble as PackTrouble {
                note(trouble)
                return proof
            }
            for piece in pieces {
                let entries: [TreeEntry]
                do {
                    try await check(piece)
                    entries = try TreeReader.entries(try await reader.chunk(piece, in: index))
                } catch let trouble as PackTrouble {
                    note(trouble)
                    continue
                }
                for entry in entries {
                    guard entry.isFile else { continue }
                    do {
                        for reference in entry.references {
                            for id in try await reader.chunks(of: reference, in: index) { try await check(id) }
                        }
                    } catch let trouble as PackTrouble {
                        note(trouble)
                        if proof.damaged.count < 1000 { proof.damaged.append(entry.path) }
                    }
                    proof.files += 1
                    if proof.files.isMultiple(of: 64) {
                        progress(
                            StoreProgress(
                                .checking, files: proof.files, bytes: proof.bytes, totalFiles: snapshot.files,
                                totalBytes: snapshot.size))
                    }
                }
            }
            proof.chunks = good.count
            return proof
        }
    }
}

extension TreeEntry {
    /// Contents it needs.
    var references: [ObjectReference] {
        switch kind {
        case .file(let content): [content.data]
        case .database(let layers):
            [layers.base, layers.baseHashes] + layers.layers.flatMap { [$0.index, $0.data] }
        default: []
        }
    }
}

extension FileFacts {
    /// For people: where and when it lay on a disk does not count.
    func looksLike(_ other: FileFacts) -> Bool {
        mode == other.mode && modified == other.modified && uid == other.uid && gid == other.gid
            && attributes == other.attributes
    }
}
