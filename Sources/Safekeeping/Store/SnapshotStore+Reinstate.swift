import NIOCore
import Runtime
import StokerCore

extension SnapshotStore {
    /// Makes a kept snapshot the newest once more: a new one with its contents, in a higher epoch. Whoever has the pen is fenced, keeps what it had
    /// not published as a stray, and brings this one back when it starts anew. Nothing is deleted: the one before stays kept.
    ///
    /// It happens once: a swap that may have acted is made again only while nobody has taken the pen since.
    /// - Parameter holder: who asks, for people.
    /// - Throws: `not_found` for an id that is not kept, `conflict` for the newest itself, and where another took the pen at the same time.
    package func reinstate(_ id: String, as holder: String) async throws -> Snapshot {
        try await withFailureContext("put back \(id.cut(to: 40))") {
            let doing = "put back \(id.cut(to: 40))"
            var tried: (id: String, epoch: UInt64)?
            var opened = try await existingHead()
            while true {
                if let tried {
                    if let own = opened.head.sealed.snapshots.first(where: { $0.id == tried.id }) { return own }
                    guard opened.head.epoch < tried.epoch else {
                        throw Failure(
                            .conflict, doing: doing,
                            because: "\(GuardHolder.shown(opened.head.holderNow.name)) took the pen at the same time",
                            hint: "look at `stoker snapshots list`, and ask again if it is still wanted")
                    }
                }
                let (head, again) = try reinstated(id, in: opened, as: holder, doing)
                tried = (again.id, head.epoch)
                switch try await swap(head, for: opened, keyring: opened.keyring) {
                case .done: return again
                case .refused(let found): opened = found
                }
            }
        }
    }

    private func reinstated(
        _ id: String, in opened: Opened, as holder: String, _ doing: String
    ) throws(Failure) -> (Head, Snapshot) {
        var head = opened.head.next()
        let fitting = head.sealed.snapshots.filter { $0.id.hasPrefix(id.lowercased()) }
        guard !id.isEmpty, fitting.count == 1, let old = fitting.first else {
            throw Failure(
                .notFound, doing: doing, because: "no kept snapshot has that id",
                hint: "`stoker snapshots list` shows them")
        }
        guard old.id != head.sealed.newest else {
            throw Failure(.conflict, doing: "put back \(old.id)", because: "it is the newest already")
        }
        guard head.sealed.snapshots.count < Head.mostSnapshots else {
            throw Failure(
                .conflict, doing: "put back \(old.id)",
                because: "\(vault.name) keeps \(Head.mostSnapshots) snapshots, the most it can",
                hint: "drop some first: `stoker snapshots forget --keep-last 100`")
        }
        head.epoch += 1
        head.sealed.published += 1
        var again = old
        again.id = Hex.text(RandomBytes.make(8))
        again.epoch = head.epoch
        again.number = head.sealed.published
        again.time = now()
        again.parent = old.id
        again.added = 0
        head.sealed.holder = Holder(name: holder, epoch: head.epoch, since: now(), hasReleased: true)
        head.sealed.snapshots.append(again)
        head.sealed.newest = again.id
        head.newestTime = again.time
        return (head, again)
    }

    /// The highest sequence of the head that this process has seen; 0 for none.
    package var highestSequence: UInt64 { seen }
}
