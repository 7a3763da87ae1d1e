import NIOCore
import NIOPosix
import StokerCore

/// What a collection did.
package struct CollectionReport: Sendable, Equatable {
    /// Ids of snapshots that were dropped.
    package var dropped: [String] = []
    /// Packs that were deleted, and their bytes.
    package var packs = 0
    package var bytes: Int64 = 0
    /// Packs that were rewritten because less than half of them was needed.
    package var rewritten = 0
    /// Packs that nobody ever published and nobody can any more.
    package var orphans = 0

    package init() {}
}

extension SnapshotStore {
    /// Drops snapshots and deletes what only they needed. No clock, no lock: what goes is first listed in the head, then deleted, then taken off the list.
    /// Killed anywhere, the next run goes on. A publication beside it is refused or wins; both start anew.
    /// - Parameter ids: snapshots to drop. The newest, and the last one that was proven, stay whatever is said.
    package func collect(
        dropping ids: Set<String> = [], progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> CollectionReport {
        try await collect(ids, rewritingAll: nil, progress)
    }

    /// - Parameter newest: packs that are sealed with an older master key are rewritten.
    func collect(
        _ ids: Set<String>, rewritingAll newest: UInt32?, _ progress: @Sendable (StoreProgress) -> Void
    ) async throws -> CollectionReport {
        try await withFailureContext("collect what is not needed") {
            var report = CollectionReport()
            var listed: Opened?
            for _ in 0..<8 {
                guard let base = try await readHead() else { return report }
                do {
                    try await loadIndex(base)
                    if let end = try await condemn(ids, base, newest, &report, progress) {
                        listed = end
                        break
                    }
                } catch let trouble as PackTrouble {
                    guard case .missing = trouble, let again = try await readHead(),
                        again.head.writeID != base.head.writeID
                    else { throw trouble }
                }
            }
            guard let listed else {
                throw Failure(
                    .vaultUnavailable, doing: "collect in \(vault.name)",
                    because: "others wrote the head each time it was tried", retry: .soon)
            }
            try await sweep(listed, &report, progress)
            return report
        }
    }

    /// Writes the list of what goes; nil when the head changed meanwhile.
    private func condemn(
        _ ids: Set<String>, _ base: Opened, _ newest: UInt32?, _ report: inout CollectionReport,
        _ progress: @Sendable (StoreProgress) -> Void
    ) async throws -> Opened? {
        let contents = base.head.sealed
        let proven = contents.snapshots.last { $0.verified != nil }?.id
        let kept = contents.snapshots.filter { !ids.contains($0.id) || $0.id == contents.newest || $0.id == proven }
        let dropped = contents.snapshots.filter { snapshot in !kept.contains { $0.id == snapshot.id } }.map(\.id)
        let held = contents.held.filter { !ids.contains($0.snapshot.id) }
        let reader = reader(base)
        let live = try await needed(kept + held.map(\.snapshot), reader, progress)
        // How much of each pack is needed, counted at the one place where each chunk is looked up.
        var used: [String: Int] = [:]
        for id in live {
            guard let place = index.place(of: id), let directory = index.directory(place.pack) else {
                throw PackTrouble.unknownChunk(id)
            }
            used[directory.name, default: 0] += Int(place.length)
        }
        let directories = index.directories
        let poor = directories.filter { directory in
            guard let bytes = used[directory.name], bytes > 0 else { return false }
            return bytes * 2 < directory.chunkBytes || newest.map { directory.master < $0 } == true
        }
        let unused = Set(directories.lazy.map(\.name).filter { used[$0] == nil })
        var leaving = unused.union(poor.map(\.name))
        // A pack that holds a part of the index which stays must stay too.
        let parts = try await partsOfIndex(base)
        while true {
            let staying = parts.filter { part in part.directories.allSatisfy { !leaving.contains($0.name) } }
            let spared = leaving.intersection(staying.map(\.root.pack))
            guard !spared.isEmpty else { break }
            leaving.subtract(spared)
        }
        let rewriting = poor.filter { leaving.contains($0.name) }
        let changed = parts.filter { part in part.directories.contains { leaving.contains($0.name) } }
        if leaving.isEmpty, dropped.isEmpty, held.count == contents.held.count { return base }
        // Packs that hold only parts that are joined anew go with them.
        let uploader = PackUploader(
            vault: retrying, keyring: base.keyring, cipher: base.head.cipher, epoch: base.head.epoch,
            largest: vault.limits.packSize)
        var root: IndexRoot?
        do {
            try await carryOver(rewriting, live, reader, uploader)
            let rest = changed.flatMap(\.directories).filter { !leaving.contains($0.name) }
            if !changed.isEmpty { root = try await uploader.finish(index: rest) }
        } catch {
            await uploader.cancel()
            throw error
        }
        var head = base.head.next()
        head.sealed.snapshots = kept
        head.sealed.held = held
        let gone = Set(changed.map(\.root.identity))
        head.sealed.roots.removeAll { gone.contains($0.identity) }
        if let root { head.sealed.roots.append(root) }
        head.sealed.condemned = Array(Set(head.sealed.condemned).union(leaving)).sorted()
        guard case .done(let opened) = try await swap(head, for: base, keyring: base.keyring) else { return nil }
        report.dropped = dropped
        report.rewritten = rewriting.count
        try await loadIndex(opened)
        return opened
    }

    /// Every chunk that snapshots need: lists, trees and contents.
    private func needed(
        _ snapshots: [Snapshot], _ reader: SegmentReader, _ progress: @Sendable (StoreProgress) -> Void
    ) async throws -> Set<ChunkID> {
        var marks = Marks()
        for snapshot in snapshots {
            for piece in try await follow(snapshot.root, &marks, reader)
            where marks.followed.insert(piece).inserted {
                for entry in try TreeReader.entries(try await reader.chunk(piece, in: index)) {
                    for reference in entry.references { _ = try await follow(reference, &marks, reader) }
                }
            }
            progress(StoreProgress(.checking, files: snapshot.files, bytes: snapshot.size))
        }
        return marks.live
    }

    private struct Marks: Sendable {
        var live: Set<ChunkID> = []
        /// Lists that were followed already.
        var followed: Set<ChunkID> = []
    }

    private func follow(
        _ reference: ObjectReference, _ marks: inout Marks, _ reader: SegmentReader
    ) async throws -> [ChunkID] {
        var list = reference.chunks
        for _ in 0..<reference.level {
            marks.live.formUnion(list)
            var longer: [ChunkID] = []
            for id in list where marks.followed.insert(id).inserted {
                let one = ObjectReference(size: 0, level: 1, chunks: [id])
                longer += try await reader.chunks(of: one, in: index)
            }
            list = longer
        }
        marks.live.formUnion(list)
        return list
    }

    private func partsOfIndex(
        _ opened: Opened
    ) async throws -> [(root: IndexRoot, directories: [PackDirectory])] {
        let reader = reader(opened, capacity: 2)
        var parts: [(root: IndexRoot, directories: [PackDirectory])] = []
        for root in opened.head.sealed.roots { parts.append((root, try await directories(of: root, reader))) }
        return parts
    }

    /// What is needed of packs that go, sent anew.
    private func carryOver(
        _ packs: [PackDirectory], _ live: Set<ChunkID>, _ reader: SegmentReader, _ uploader: PackUploader
    ) async throws {
        var segment = RawSegment()
        for pack in packs {
            for (number, facts) in pack.segments.enumerated() {
                let wanted = facts.chunks.filter { chunk in
                    guard live.contains(chunk.id), let place = index.place(of: chunk.id) else { return false }
                    return index.directory(place.pack)?.name == pack.name && Int(place.segment) == number
                }
                for chunk in wanted {
                    let bytes = try await reader.chunk(chunk.id, in: index)
                    if segment.bytes.count + bytes.count > RawSegment.size, !segment.bytes.isEmpty {
                        try await uploader.take([segment])
                        segment = RawSegment()
                    }
                    segment.bytes += bytes
                    segment.chunks.append(chunk)
                }
            }
        }
        if !segment.bytes.isEmpty { try await uploader.take([segment]) }
    }

    /// Deletes what the head condemned, and packs of lower epochs that it does not know.
    private func sweep(
        _ opened: Opened, _ report: inout CollectionReport, _ progress: @Sendable (StoreProgress) -> Void
    ) async throws {
        let condemned = Set(opened.head.sealed.condemned)
        let known = Set(index.packNames).union(opened.head.sealed.roots.map(\.pack))
        var doomed: [StoredObject] = []
        for object in try await retrying.list(PackDirectory.prefix) {
            if condemned.contains(object.name) {
                guard !known.contains(object.name) else { continue }
                doomed.append(object)
            } else if !known.contains(object.name), let epoch = PackDirectory.epoch(of: object.name),
                epoch < opened.head.epoch
            {
                // Its writer is fenced: it can never be published.
                doomed.append(object)
                report.orphans += 1
            }
        }
        for begin in stride(from: 0, to: doomed.count, by: 100) {
            let some = doomed[begin..<min(begin + 100, doomed.count)]
            try await retrying.delete(some.map(\.name))
            report.packs += some.count
            report.bytes += some.reduce(0) { $0 + Int64($1.size) }
            progress(StoreProgress(.deleting, files: Int64(report.packs), bytes: report.bytes))
        }
        guard !condemned.isEmpty else { return }
        var base = opened
        while true {
            var head = base.head.next()
            head.sealed.condemned.removeAll { condemned.contains($0) }
            guard head.sealed.condemned.count != base.head.sealed.condemned.count else { return }
            switch try await swap(head, for: base, keyring: base.keyring) {
            case .done: return
            case .refused(let found): base = found
            }
        }
    }
}
