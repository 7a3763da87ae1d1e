import Crypto
package import Logging
import NIOCore
import NIOPosix
package import Runtime
package import StokerCore

/// The snapshots of one state in one vault: claims the pen, publishes, restores, checks, forgets.
///
/// An actor for the conversation with the vault; work on files and ciphers is done on threads that may block.
/// Its calls fail with a `Failure` (codes `vault.…`, `not_found`, `conflict`, `file.…`), and with ``Fenced`` where it is said.
package actor SnapshotStore {
    package nonisolated let vault: any Vault
    let key: VaultKey
    let now: @Sendable () -> Instant
    let logger: Logger
    let retrying: RetryingVault

    private var keyring: (sealed: [UInt8], keyring: Keyring)?
    private var keyringKey: SymmetricKey?
    var index = ChunkIndex()
    /// What ``index`` was read from.
    private var parts: Set<String> = []
    /// Hashes of databases' pages, so that they need not be read back. By what the database is stored as.
    var pageHashes: [ObjectReference: [UInt8]] = [:]
    /// The highest sequence that this process saw: an older head is stale or was put back.
    var seen: UInt64 = 0

    /// - Parameters:
    ///   - now: the wall clock: only shown, and read by keep rules.
    ///   - clock: for waits between attempts.
    ///   - patience: how long a call to the vault is repeated. Default two minutes.
    package init(
        vault: any Vault, key: VaultKey, now: @escaping @Sendable () -> Instant = { Clocks.real.wall() },
        clock: WaitClock = .real, patience: Duration = .seconds(120),
        logger: Logger = Logger(label: "stoker.safekeeping")
    ) {
        self.vault = vault
        self.key = key
        self.now = now
        self.logger = logger
        retrying = RetryingVault(vault, clock: clock, patience: patience)
    }

    // MARK: the head

    /// A head that was read and opened.
    struct Opened: Sendable {
        var head: Head
        var version: HeadVersion
        var keyring: Keyring
    }

    /// What the head says, without the key: for who only looks. nil for an empty vault.
    package func summary() async throws -> HeadSummary? {
        try await withFailureContext("read the vault") {
            guard let stored = try await retrying.readHead() else { return nil }
            let cover = try self.cover(stored)
            return HeadSummary(
                format: cover.format, epoch: cover.epoch, sequence: cover.sequence, newest: cover.newestTime,
                isSealed: cover.isSealed)
        }
    }

    /// nil for an empty vault.
    func readHead() async throws -> Opened? {
        guard let stored = try await retrying.readHead() else { return nil }
        return try await opened(stored)
    }

    /// - Throws: `not_found` for an empty vault.
    func existingHead() async throws -> Opened {
        guard let opened = try await readHead() else {
            throw Failure(
                .notFound, doing: "read \(vault.name)", because: "there is no snapshot in it, nor ever was",
                hint: "look at the address of the vault and the name of the state")
        }
        return opened
    }

    private func cover(_ stored: StoredHead) throws -> Head.Cover {
        do {
            return try Head.cover(of: stored.bytes)
        } catch {
            throw headFailure(error)
        }
    }

    private func headFailure(_ trouble: Head.Trouble) -> Failure {
        switch trouble {
        case .notAHead:
            Failure(
                .vaultDamaged, doing: "read the head of \(vault.name)", because: "it does not begin like one",
                hint: "`stoker snapshots repair` makes a new one from the packs")
        case .newerFormat(let format):
            Failure(
                .vaultFormat, doing: "read the head of \(vault.name)",
                because: "it is of format \(format); this program reads format \(Head.format)",
                hint: "use a newer stoker; nothing was changed")
        case .damaged(let what):
            Failure(
                .vaultDamaged, doing: "read the head of \(vault.name)", because: what,
                hint: "`stoker snapshots repair` makes a new one from the packs")
        }
    }

    private func opened(_ stored: StoredHead) async throws -> Opened {
        let cover = try cover(stored)
        let keyring = try await unwrappedKeyring(cover)
        do {
            let head = try Head(stored.bytes, cover: cover, keyring: keyring)
            seen = max(seen, head.sequence)
            return Opened(head: head, version: stored.version, keyring: keyring)
        } catch {
            throw headFailure(error)
        }
    }

    private func unwrappedKeyring(_ cover: Head.Cover) async throws -> Keyring {
        if let keyring, keyring.sealed == cover.keyring { return keyring.keyring }
        return try await openRing(slots: cover.slots, sealed: cover.keyring, cover.cipher)
    }

    func openRing(slots: [KeySlot], sealed: [UInt8], _ cipher: Cipher) async throws -> Keyring {
        let doing = "open \(vault.name)"
        for slot in slots {
            let key = slot.kind == .open ? VaultKey.open : key
            let opened: SymmetricKey?
            do {
                opened = try await NIOThreadPool.singleton.runIfActive { try slot.open(key, cipher) }
            } catch {
                throw Failure(
                    .vaultDamaged, doing: doing, because: "the key is right, and its slot in the head is damaged")
            }
            guard let opened else { continue }
            do {
                let made = try Keyring(opening: sealed, with: opened, cipher)
                learned(made, sealed: sealed, key: opened)
                return made
            } catch {
                throw Failure(
                    .vaultDamaged, doing: doing, because: "the key is right, and the keyring in the head is damaged")
            }
        }
        let because =
            key.slotKind == .open
            ? "it is sealed, and no key was given" : "the key opens none of its \(slots.count) slots"
        throw Failure(
            .vaultKey, doing: doing, because: because,
            hint: "give the right key in STOKER_KEY or by --key-file; nothing was written")
    }

    func learned(_ made: Keyring, sealed: [UInt8], key opened: SymmetricKey) {
        keyring = (sealed, made)
        keyringKey = opened
    }

    /// The key of the keyring, which slots hold.
    func keyOfRing(_ opened: Opened) async throws -> SymmetricKey {
        guard let keyringKey else { throw Failure(.internal, doing: "open the keyring", because: "it was not opened") }
        return keyringKey
    }

    enum Swapped {
        case done(Opened)
        /// Another head is there; ours did not act and never will.
        case refused(Opened)
    }

    /// Puts a head in place of another, and settles lost answers by looking.
    func swap(_ head: Head, for base: Opened?, keyring: Keyring) async throws -> Swapped {
        let bytes = try head.encoded(with: keyring)
        guard bytes.readableBytes <= Head.limit else {
            throw Failure(
                .vaultRefused, doing: "publish in \(vault.name)",
                because: "the head would be \(bytes.readableBytes) bytes",
                hint: "forget snapshots: `stoker snapshots forget --keep-last 100`")
        }
        let begin = retrying.clock.now()
        var failures = 0
        var version = base?.version
        while true {
            var failure = VaultFailure(
                .transient, vault: vault.name, doing: "read the head", said: "it shows an old version")
            var mayHaveActed = true
            do throws(VaultFailure) {
                if case .swapped(let made) = try await vault.swapHead(bytes, expecting: version) {
                    seen = max(seen, head.sequence)
                    return .done(Opened(head: head, version: made, keyring: keyring))
                }
                // Refused: it may be our own that acted while its answer was lost.
            } catch {
                guard error.isWorthRepeating || error.kind == .unknownOutcome else { throw error }
                failure = error
                mayHaveActed = error.kind == .unknownOutcome
            }
            if mayHaveActed {
                switch try await lookAfter(head, base: base, version) {
                case .done(let opened): return .done(opened)
                case .refused(let found): return .refused(found)
                case .again(let now):
                    if now != version { failure.said = "others commit to it again and again" }
                    version = now
                }
            }
            failures += 1
            try await retrying.wait(after: failure, failures, since: begin)
        }
    }

    private enum Look {
        case done(Opened), refused(Opened)
        /// It has not acted; the same swap is to be made again, for that version.
        case again(HeadVersion?)
    }

    /// What became of a swap whose answer says too little.
    private func lookAfter(_ head: Head, base: Opened?, _ version: HeadVersion?) async throws -> Look {
        guard let found = try await readHead() else {
            guard base == nil else {
                throw Failure(.vaultDamaged, doing: "publish in \(vault.name)", because: "its head is gone")
            }
            return .again(version)
        }
        if found.head.writeID == head.writeID { return .done(found) }
        // The same head under another version: other files of its repository changed. What was sent for the old one can never act.
        if let base, found.head.writeID == base.head.writeID { return .again(found.version) }
        // An old reading.
        if found.head.sequence < head.sequence { return .again(version) }
        return .refused(found)
    }

    // MARK: the index

    /// Brings ``index`` to what a head names.
    func loadIndex(_ opened: Opened) async throws {
        let roots = opened.head.sealed.roots
        let wanted = Set(roots.map(\.identity))
        if !parts.isSubset(of: wanted) {
            index = ChunkIndex()
            parts = []
        }
        let missing = roots.filter { !parts.contains($0.identity) }
        guard !missing.isEmpty else { return }
        let reader = SegmentReader(vault: retrying, keyring: opened.keyring, cipher: opened.head.cipher, capacity: 2)
        for root in missing {
            for directory in try await directories(of: root, reader) { index.add(directory) }
            parts.insert(root.identity)
        }
    }

    func directories(of root: IndexRoot, _ reader: SegmentReader) async throws -> [PackDirectory] {
        // Numbers of segments count from the pack's beginning.
        let empty = PackDirectory.Segment(offset: 0, sealed: 0, raw: 0, isCompressed: false, chunks: [])
        let holder = PackDirectory(
            name: root.pack, master: root.master, salt: root.salt, size: root.size,
            segments: [PackDirectory.Segment](repeating: empty, count: root.first) + root.segments)
        var blob: [UInt8] = []
        for number in root.first..<holder.segments.count { blob += try await reader.segment(number, of: holder) }
        do {
            return try IndexBlob.directories(blob).map { directory in
                var directory = directory
                if directory.name == root.pack { directory.size = root.size }
                return directory
            }
        } catch {
            throw PackTrouble.damaged(pack: root.pack, what: "the index")
        }
    }

    /// The index has what was published just now.
    func learned(_ directories: [PackDirectory], root: IndexRoot, replacing merged: [IndexRoot]) {
        for directory in directories {
            var directory = directory
            if directory.name == root.pack { directory.size = root.size }
            index.add(directory)
        }
        for part in merged { parts.remove(part.identity) }
        parts.insert(root.identity)
    }

    func reader(_ opened: Opened, capacity: Int = 12) -> SegmentReader {
        SegmentReader(vault: retrying, keyring: opened.keyring, cipher: opened.head.cipher, capacity: capacity)
    }

    /// Does it on the head of now, and once more from the beginning when a pack was collected meanwhile.
    func reading<Value: Sendable>(
        _ doing: String, _ work: (isolated SnapshotStore, Opened, SegmentReader) async throws -> Value
    ) async throws -> Value {
        try await withFailureContext(doing) {
            for attempt in 0... {
                let opened = try await existingHead()
                do {
                    try await loadIndex(opened)
                    return try await work(self, opened, reader(opened))
                } catch let trouble as PackTrouble {
                    guard attempt < 3 else { throw trouble }
                    // Collected or lost: a head that is the same names it still.
                    guard case .missing = trouble, let again = try await readHead(),
                        again.head.writeID != opened.head.writeID
                    else { throw trouble }
                }
            }
            throw CancellationError()
        }
    }

    // MARK: failures

    /// Every failure as one that a person can act on.
    func withFailureContext<Value>(_ doing: String, _ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as Failure {
            throw error
        } catch let error as Fenced {
            throw error
        } catch let error as Head.Trouble {
            throw headFailure(error)
        } catch let error as VaultFailure {
            throw Failure(error)
        } catch let error as PackTrouble {
            throw Failure(
                .vaultDamaged, doing: "\(doing) in \(vault.name)", because: error.description,
                hint: "`stoker snapshots verify` lists what is affected; an older snapshot may be whole", cause: error)
        } catch is RecordReader.Damaged {
            throw Failure(
                .vaultDamaged, doing: "\(doing) in \(vault.name)", because: "a record in it is not readable")
        }
    }
}

extension IndexRoot {
    /// Of all parts of all indexes: packs are written once.
    var identity: String { "\(pack)#\(first)" }
}

/// What a head tells without the key.
package struct HeadSummary: Sendable, Equatable {
    package var format: Int
    package var epoch: UInt64
    /// Counts every write of the head.
    package var sequence: UInt64
    /// Of the newest snapshot, by its writer's clock; nil when there is none.
    package var newest: Instant?
    /// A key is needed.
    package var isSealed: Bool
}

/// A publication that waits for somebody's word.
package struct HeldSnapshot: Sendable, Equatable {
    package var snapshot: Snapshot
    package var because: String
}

/// What a fenced holder left.
package struct Stray: Sendable, Equatable {
    package var snapshot: Snapshot
    /// Object in the vault.
    package var name: String
    package var holder: String
}
