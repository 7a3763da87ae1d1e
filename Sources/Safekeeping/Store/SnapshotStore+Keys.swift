import Crypto
import NIOCore
import NIOPosix
import StokerCore

/// A slot of the head, as it is shown.
package struct KeyFacts: Sendable, Equatable {
    /// 8 hex digits, made by chance.
    package var id: String
    /// `random`, `passphrase` or `open` (no secret: the vault is not encrypted).
    package var kind: String
    /// The owner's name for it; labels need not differ.
    package var label: String
    /// The key that this process was given opens it.
    package var isOwn: Bool
}

extension SnapshotStore {
    private static let copy = "v1/keys"

    /// Reads the head from the vault and tries this process's key on each slot.
    /// - Throws: `vault.key` when the key opens none, `vault.damaged`, `not_found` where there is no head yet.
    package func keys() async throws -> [KeyFacts] {
        try await withFailureContext("list the keys") {
            let opened = try await existingHead()
            let own = try await ownSlots(opened.head)
            return opened.head.slots.map {
                KeyFacts(id: $0.id, kind: $0.kind.rawValue, label: $0.label, isOwn: own.contains($0.id))
            }
        }
    }

    private func ownSlots(_ head: Head) async throws -> Set<String> {
        let key = key
        return try await NIOThreadPool.singleton.runIfActive {
            Set(try head.slots.filter { try $0.open(key, head.cipher) != nil }.map(\.id))
        }
    }

    /// Lets another key open the vault too. A vault that was open to all is sealed from here on only by ``rotate(to:label:repacking:progress:)``.
    ///
    /// Tries again for as long as others write in between.
    /// - Throws: `conflict` when the vault has 16 keys, else as ``keys()``.
    package func add(_ new: VaultKey, label: String) async throws -> KeyFacts {
        try await withFailureContext("add a key") {
            while true {
                let opened = try await existingHead()
                guard opened.head.slots.count < 16 else {
                    throw Failure(
                        .conflict, doing: "add a key", because: "the vault has 16 keys already",
                        hint: "`stoker key rotate` leaves only yours")
                }
                let (keyringKey, cipher) = (try await keyOfRing(opened), opened.head.cipher)
                let slot = try await NIOThreadPool.singleton.runIfActive {
                    try KeySlot.make(new, label: label, keyringKey: keyringKey, cipher)
                }
                var head = opened.head.next()
                head.slots.append(slot)
                if case .done = try await swap(head, for: opened, keyring: opened.keyring) {
                    try await keepCopy(of: head)
                    return KeyFacts(id: slot.id, kind: slot.kind.rawValue, label: slot.label, isOwn: false)
                }
            }
        }
    }

    /// Begins a new master key: packs and heads are sealed with it from here on, and only `new` (nil: this process's key) opens the vault.
    ///
    /// Whoever kept an old head and an old key still opens the packs of then, unless they are rewritten.
    /// - Parameter repacking: rewrites all packs, and forgets the old master keys.
    /// - Returns: labels of the keys that open it no more.
    /// - Throws: as ``keys()``. A failure while packs are rewritten leaves the new key in place; calling it again goes on.
    package func rotate(
        to new: VaultKey?, label: String, repacking: Bool,
        progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> [String] {
        try await withFailureContext("rotate the keys") {
            var dropped: [String] = []
            let given = new ?? key
            while true {
                let opened = try await existingHead()
                let keyring = opened.keyring.rotated()
                let cipher = opened.head.cipher
                let (slot, sealed, keyringKey) = try await NIOThreadPool.singleton.runIfActive {
                    let keyringKey = SymmetricKey(size: .bits256)
                    return (
                        try KeySlot.make(given, label: label, keyringKey: keyringKey, cipher),
                        try keyring.sealed(with: keyringKey, cipher), keyringKey
                    )
                }
                var head = opened.head.next()
                dropped = head.slots.map(\.label)
                head.slots = [slot]
                head.keyring = sealed
                if case .done = try await swap(head, for: opened, keyring: keyring) {
                    learned(keyring, sealed: sealed, key: keyringKey)
                    try await keepCopy(of: head)
                    if repacking { try await repack(keyring.newest, progress) }
                    return dropped
                }
            }
        }
    }

    private func repack(_ newest: UInt32, _ progress: @Sendable (StoreProgress) -> Void) async throws {
        _ = try await collect([], rewritingAll: newest, progress)
        while true {
            let opened = try await existingHead()
            try await loadIndex(opened)
            // A publication with the old one may have come between; its key stays then.
            let needed = Set(index.directories.map(\.master) + opened.head.sealed.roots.map(\.master) + [newest])
            var keyring = opened.keyring
            keyring.masters = keyring.masters.filter { needed.contains($0.key) }
            guard keyring.masters.count < opened.keyring.masters.count else { return }
            let (keyringKey, cipher) = (try await keyOfRing(opened), opened.head.cipher)
            var head = opened.head.next()
            head.keyring = try keyring.sealed(with: keyringKey, cipher)
            if case .done = try await swap(head, for: opened, keyring: keyring) {
                learned(keyring, sealed: head.keyring, key: keyringKey)
                try await keepCopy(of: head)
                return
            }
        }
    }

    // MARK: repair

    /// Slots and keyring once more beside the head: without them no pack could be opened when it is lost.
    func keepCopy(of head: Head) async throws {
        let copy: JSONValue = [
            "cipher": .string(head.cipher.rawValue), "slots": .array(head.slots.map(\.json)),
            "ring": .string(Hex.text(head.keyring)),
        ]
        try await retrying.put(ByteBuffer(bytes: copy.bytes), as: Self.copy, .atOnce)
    }

    /// What a repair found.
    package struct RepairReport: Sendable, Equatable {
        /// Packs that were read and are whole.
        package var packs = 0
        /// Names of objects that cannot be read.
        package var damaged: [String] = []
        /// Complete ones, oldest first: the new head has them. Empty: nothing was written.
        package var snapshots: [Snapshot] = []
        /// Snapshots that were found and miss something.
        package var lost: [String] = []
    }

    /// Makes a head anew from the packs and their records. Refused while the head is whole.
    /// - Parameter writes: false only looks.
    /// - Throws: `conflict` while the head is whole or changes; `vault.damaged` when the copy of the keys is missing too.
    package func repair(writes: Bool) async throws -> RepairReport {
        try await withFailureContext("repair \(vault.name)") {
            let stored = try await retrying.readHead()
            if let stored, let opened = try? await existingHead() {
                guard stored.version == opened.version else {
                    throw Failure(.conflict, doing: "repair \(vault.name)", because: "its head changes just now")
                }
                throw Failure(
                    .conflict, doing: "repair \(vault.name)", because: "its head is whole",
                    hint: "`stoker snapshots verify` looks at the packs")
            }
            guard let bytes = try await retrying.read(Self.copy),
                let json = try? JSONValue(reading: String(buffer: bytes)),
                let cipher = json["cipher"]?.string.flatMap(Cipher.init(rawValue:)),
                let slots = json["slots"]?.array?.compactMap({ KeySlot(json: $0) }),
                let sealed = json["ring"]?.string.flatMap({ Hex.bytes($0) })
            else {
                throw Failure(
                    .vaultDamaged, doing: "repair \(vault.name)", because: "the copy of its keys, v1/keys, is gone too",
                    hint: "without it no pack can be opened")
            }
            var head = Head(cipher: cipher, slots: slots, keyring: sealed)
            let keyring = try await openRing(slots: slots, sealed: sealed, cipher)
            var report = RepairReport()
            var directories: [PackDirectory] = []
            var found: [Snapshot] = []
            for object in try await retrying.list(PackDirectory.prefix) where PackDirectory.isName(object.name) {
                guard let directory = try await self.directory(of: object, keyring, cipher) else {
                    report.damaged.append(object.name)
                    continue
                }
                directories.append(directory)
                if !directory.record.isEmpty {
                    var reader = RecordReader(directory.record)
                    if let snapshot = try? Snapshot(from: &reader) { found.append(snapshot) }
                }
                head.epoch = max(head.epoch, PackDirectory.epoch(of: object.name) ?? 0)
            }
            report.packs = directories.count
            var index = ChunkIndex()
            for directory in directories { index.add(directory) }
            let reader = SegmentReader(vault: retrying, keyring: keyring, cipher: cipher)
            // Records of publications that lost their swap look the same; of two with one number the later epoch's is the published one.
            var byNumber: [UInt64: Snapshot] = [:]
            for snapshot in found {
                if let other = byNumber[snapshot.number], other.epoch >= snapshot.epoch { continue }
                byNumber[snapshot.number] = snapshot
            }
            for snapshot in byNumber.values.sorted(by: { $0.number < $1.number }) {
                if try await isComplete(snapshot, index, reader) {
                    report.snapshots.append(snapshot)
                } else {
                    report.lost.append(snapshot.id)
                }
            }
            guard writes, !report.snapshots.isEmpty else { return report }
            head.epoch += 1
            let uploader = PackUploader(
                vault: retrying, keyring: keyring, cipher: cipher, epoch: head.epoch, largest: vault.limits.packSize)
            guard let root = try await uploader.finish(index: directories) else { return report }
            head.sealed.snapshots = Array(report.snapshots.suffix(Head.mostSnapshots))
            head.sealed.newest = report.snapshots.last?.id
            head.sealed.published = report.snapshots.last?.number ?? 0
            head.sealed.roots = [root]
            head.sealed.holder = Holder(
                name: "stoker snapshots repair", epoch: head.epoch, since: now(), hasReleased: true)
            head = head.next()
            // Beyond every sequence that the lost head can have had.
            head.sequence = max(seen, head.sealed.published * 16 + head.epoch * 16) + 1_000
            let encoded = try head.encoded(with: keyring)
            guard case .swapped = try await vault.swapHead(encoded, expecting: stored?.version) else {
                throw Failure(.conflict, doing: "repair \(vault.name)", because: "somebody wrote a head meanwhile")
            }
            return report
        }
    }

    private func directory(of object: StoredObject, _ keyring: Keyring, _ cipher: Cipher) async throws -> PackDirectory?
    {
        guard object.size > PackWriter.header + PackWriter.trailer,
            let first = try await retrying.read(object.name, 0..<PackWriter.header),
            let last = try await retrying.read(object.name, object.size - PackWriter.trailer..<object.size)
        else { return nil }
        do {
            let (number, salt) = try PackReader.header(Array(first.readableBytesView))
            guard let master = keyring.masters[number] else { return nil }
            let seal = PackSeal(cipher: cipher, master: master, salt: salt, name: object.name)
            let place = try PackReader.place(Array(last.readableBytesView), seal: seal)
            guard let bytes = try await retrying.read(object.name, place) else { return nil }
            return try PackReader.directory(Array(bytes.readableBytesView), seal: seal)
        } catch let failure as VaultFailure {
            throw failure
        } catch {
            return nil
        }
    }

    private func isComplete(_ snapshot: Snapshot, _ index: ChunkIndex, _ reader: SegmentReader) async throws -> Bool {
        do {
            for piece in try await reader.chunks(of: snapshot.root, in: index) {
                for entry in try TreeReader.entries(try await reader.chunk(piece, in: index)) {
                    for reference in entry.references {
                        for id in try await reader.chunks(of: reference, in: index) where !index.contains(id) {
                            return false
                        }
                    }
                }
            }
            return true
        } catch is PackTrouble {
            return false
        }
    }
}
