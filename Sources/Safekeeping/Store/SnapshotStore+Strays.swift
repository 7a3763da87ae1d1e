import NIOCore
import NIOPosix
import Runtime
import StokerCore

extension SnapshotStore {
    private static let strays = "v1/stray/"

    /// Keeps what a fenced holder had not published, as one object beside the snapshots: its chunks that the vault does not have, and its tree.
    /// - Parameter capture: the tree's entries in tree order.
    /// - Returns: its id; nil when nothing differs from what it published last.
    package func keepStray<Entries: AsyncSequence & Sendable>(
        of claim: Claim, capture: @Sendable () async throws -> Entries
    ) async throws -> String? where Entries.Element == CapturedEntry {
        try await withFailureContext("keep what was not published") {
            let base = try await existingHead()
            try await loadIndex(base)
            let own = base.head.sealed.snapshots.last { $0.epoch <= claim.epoch }
            let object = StrayObject()
            let begin = now()
            let stored = try await store(
                try await capture(), after: own, base, epoch: claim.epoch, sendingTo: object, { _ in })
            if let own, own.root == stored.root {
                await stored.uploader.cancel()
                return nil
            }
            let id = Hex.text(RandomBytes.make(8))
            _ = try await stored.uploader.finish(index: [])
            let snapshot = Snapshot(
                id: id, epoch: claim.epoch, number: 0, time: begin, parent: own?.id, tags: [], size: stored.size,
                files: stored.files, added: stored.uploader.sent, rows: nil, doubtful: stored.doubtful, verified: nil,
                root: stored.root)
            let name = Self.strays + Hex.text(claim.epoch) + "-" + id
            var record = RecordWriter()
            record.text(claim.holder)
            snapshot.write(to: &record)
            let packs = await object.packs
            record.block(IndexBlob.bytes(stored.uploader.directories))
            record.number(packs.count)
            for pack in packs { record.number(pack.bytes.readableBytes) }
            let cover = try Self.sealed(record.bytes, name: name, base)
            var bytes = ByteBuffer(integer: UInt32(cover.count), endianness: .little)
            bytes.writeBytes(cover)
            for pack in packs { bytes.writeImmutableBuffer(pack.bytes) }
            try await retrying.put(bytes, as: name, .atOnce)
            return id
        }
    }

    private static func sealed(_ plain: [UInt8], name: String, _ base: Opened) throws -> [UInt8] {
        guard let master = base.keyring.masters[base.keyring.newest] else { throw RecordReader.Damaged() }
        let salt = RandomBytes.make(32)
        let seal = PackSeal(cipher: base.head.cipher, master: master, salt: salt, name: name)
        return (0..<4).map { UInt8(truncatingIfNeeded: base.keyring.newest >> (8 * UInt32($0))) } + salt
            + (try seal.seal(plain, .directory))
    }

    /// Strays that are there, newest first; those that another key sealed or that are damaged are left out.
    package func strays() async throws -> [Stray] {
        try await withFailureContext("list the strays") {
            guard let base = try await readHead() else { return [] }
            var found: [Stray] = []
            for object in try await retrying.list(Self.strays) {
                guard let (stray, _, _) = try await open(stray: object.name, base) else { continue }
                found.append(stray)
            }
            return found.sorted { $0.snapshot.time > $1.snapshot.time }
        }
    }

    /// What a stray holds: the record, its packs' directories, and where each of these begins.
    private func open(
        stray name: String, _ base: Opened
    ) async throws -> (Stray, [PackDirectory], [Int])? {
        guard let size = try await retrying.read(name, 0..<4)?.getInteger(at: 0, endianness: .little, as: UInt32.self),
            size < 64 << 20, let cover = try await retrying.read(name, 4..<4 + Int(size))
        else { return nil }
        let bytes = Array(cover.readableBytesView)
        guard bytes.count == Int(size), bytes.count > 36 else { return nil }
        let number = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * UInt32($1)) }
        guard let master = base.keyring.masters[number] else { return nil }
        let seal = PackSeal(cipher: base.head.cipher, master: master, salt: Array(bytes[4..<36]), name: name)
        guard let plain = try? seal.open(bytes[36...], .directory) else { return nil }
        var reader = RecordReader(plain)
        let holder = try reader.text()
        let snapshot = try Snapshot(from: &reader)
        let directories = try IndexBlob.directories(try reader.block())
        var begins: [Int] = []
        var at = 4 + Int(size)
        for _ in 0..<(try reader.count()) {
            begins.append(at)
            at += try reader.int()
        }
        return (Stray(snapshot: snapshot, name: name, holder: holder), directories, begins)
    }

    /// Restores a stray into a folder of its own: what it shares with its parent snapshot is read from there.
    package func restore(
        stray id: String, to folder: String, options: RestoreOptions = RestoreOptions(),
        progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> RestoreReport {
        try await withFailureContext("restore the stray \(id.cut(to: 40))") {
            let base = try await existingHead()
            let names = try await retrying.list(Self.strays).map(\.name).filter { $0.contains("-" + id.lowercased()) }
            guard !id.isEmpty, names.count == 1, let name = names.first,
                let (stray, directories, begins) = try await open(stray: name, base),
                begins.count == directories.count
            else {
                throw Failure(
                    .notFound, doing: "restore the stray \(id.cut(to: 40))", because: "no readable stray has that id",
                    hint: "`stoker snapshots list` shows them")
            }
            let places = Dictionary(zip(directories.map(\.name), begins)) { first, _ in first }
            let inside = StrayVault(inner: retrying, object: name, places: places)
            return try await restore(
                stray.snapshot, to: folder, adding: directories, from: inside, options: options, progress: progress)
        }
    }

    /// Deletes a stray.
    package func forget(stray id: String) async throws {
        try await withFailureContext("forget the stray \(id.cut(to: 40))") {
            let names = try await retrying.list(Self.strays).map(\.name).filter { $0.hasSuffix("-" + id.lowercased()) }
            guard !names.isEmpty else {
                throw Failure(
                    .notFound, doing: "forget the stray \(id.cut(to: 40))", because: "no stray has that id",
                    hint: "`stoker snapshots list` shows them")
            }
            try await retrying.delete(names)
        }
    }
}

/// Where the packs of a stray are gathered, in place of a vault.
actor StrayObject {
    private(set) var packs: [(name: String, bytes: ByteBuffer)] = []
    func add(_ name: String, _ bytes: ByteBuffer) { packs.append((name, bytes)) }
}

/// A vault as a reader of strays sees it: some packs are parts of one object.
struct StrayVault: Vault {
    let inner: any Vault
    let object: String
    let places: [String: Int]

    var name: String { inner.name }
    var limits: VaultLimits { inner.limits }
    func readHead() async throws(VaultFailure) -> StoredHead? { try await inner.readHead() }
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        .refused
    }
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        throw VaultFailure(.refused, vault: self.name, doing: "store \(name)", said: "a stray is only read")
    }
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        guard let begin = places[name], let range else { return try await inner.read(name, range) }
        return try await inner.read(object, begin + range.lowerBound..<begin + range.upperBound)
    }
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] { try await inner.list(prefix) }
    func delete(_ names: [String]) async throws(VaultFailure) {}
}

/// Takes packs as a vault does and keeps them for a stray.
struct StrayCollector: Vault {
    let inner: any Vault
    let object: StrayObject

    var name: String { inner.name }
    var limits: VaultLimits { inner.limits }
    func readHead() async throws(VaultFailure) -> StoredHead? { try await inner.readHead() }
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        .refused
    }
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        await object.add(name, bytes)
    }
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        try await inner.read(name, range)
    }
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] { try await inner.list(prefix) }
    func delete(_ names: [String]) async throws(VaultFailure) {}
}
