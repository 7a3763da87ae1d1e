import Foundation
import NIOCore
import StokerCore
import Testing

@testable import Safekeeping

@Suite struct SnapshotStoreTests {
    let scratch = Scratch()
    let key: VaultKey

    init() throws { key = try VaultKey(reading: VaultKey.make().reveal()) }

    private func store(_ key: VaultKey? = nil) -> SnapshotStore {
        SnapshotStore(vault: FolderVault(path: scratch("vault")), key: key ?? self.key, patience: .seconds(5))
    }

    private func tree(_ seed: UInt64 = 1, files: Int = 12) -> ToldTree {
        var random = Seeded(seed)
        var tree = ToldTree()
        tree.folder("data", mode: 0o750)
        for number in 0..<files { tree.file("data/file \(number)", random.bytes(100 + number * 9_000)) }
        tree.file("data/empty", [])
        tree.file("run.sh", Array("#!/bin/sh\n".utf8), mode: 0o755)
        tree.link("data/link", to: "file 1")
        return tree
    }

    private func published(_ end: Publication) throws -> Snapshot {
        guard case .published(let snapshot) = end else {
            throw Failure(.internal, doing: "publish", because: "\(end)")
        }
        return snapshot
    }

    @Test func whatWasPublishedComesBackElsewhere() async throws {
        let first = store()
        #expect(try await first.summary() == nil)
        let claim = try await first.claim(as: "one")
        #expect(claim.epoch == 1 && claim.newest == nil)
        let tree = tree()
        let snapshot = try published(try await first.publish(under: claim) { tree.stream })
        #expect(snapshot.files == 14 && snapshot.parent == nil)

        let second = store()
        let next = try await second.claim(as: "two")
        #expect(next.epoch == 2 && next.newest == snapshot && next.previous?.name == "one")
        let report = try await second.restore(snapshot, to: scratch("back"))
        #expect(report.files == 14 && report.warnings.isEmpty)
        let back = Scratch.contents(scratch("back"))
        for entry in tree.entries {
            guard case .file(let content as ToldContent) = entry.kind else { continue }
            #expect(back[String(decoding: entry.path, as: UTF8.self)] == content.bytes)
        }
        #expect(back["data/link"] == Array("-> file 1".utf8))
        let facts = try FileManager.default.attributesOfItem(atPath: scratch("back/run.sh"))
        #expect((facts[.posixPermissions] as? NSNumber)?.intValue == 0o755)
        #expect(try await second.summary()?.epoch == 2)

        // Who was there before publishes nothing more.
        await #expect(throws: Fenced.self) { _ = try await first.publish(under: claim) { tree.stream } }
    }

    @Test func whatIsThereIsNotSentAgain() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        var tree = tree()
        let first = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        guard case .unchanged(let same) = try await store.publish(under: claim, capture: { [tree] in tree.stream })
        else {
            Issue.record("the same tree was published twice")
            return
        }
        #expect(same == first)
        tree.file("new", Array("new".utf8))
        let second = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        #expect(second.parent == first.id && second.added * 10 < first.added)
        #expect(try await store.snapshots().map(\.id) == [second.id, first.id])

        let found = Differences()
        try await store.difference(from: first, to: second) { found.add($0) }
        #expect(found.all.map { "\($0.kind) \(TreePath.text($0.path))" } == ["added new"])
    }

    private final class Differences: @unchecked Sendable {
        var all: [SnapshotStore.Difference] = []
        func add(_ one: SnapshotStore.Difference) { all.append(one) }
    }

    @Test func databasesAreKeptByPages() async throws {
        var random = Seeded(3)
        var pages = random.bytes(4096 * 1_000)
        let store = store()
        let claim = try await store.claim(as: "one")
        func tree() -> ToldTree {
            var tree = ToldTree()
            tree.database("app.db", pages)
            return tree
        }
        var last = try published(try await store.publish(under: claim) { [tree = tree()] in tree.stream })
        // Past the 32nd layer the base is laid anew; a database that shrinks and grows again is whole too.
        for round in 0..<36 {
            for _ in 0..<5 {
                let page = Int(random.next() % UInt64(pages.count / 4096))
                pages.replaceSubrange(page * 4096..<page * 4096 + 8, with: random.bytes(8))
            }
            if round == 10 { pages.removeLast(4096 * 100) }
            if round == 12 { pages += random.bytes(4096 * 60) }
            last = try published(try await store.publish(under: claim) { [tree = tree()] in tree.stream })
            if round < 9 { #expect(last.added < 64 << 10) }
            if round % 12 == 11 || round == 35 {
                let other = self.store()
                _ = try await other.restore(last, to: scratch("back \(round)"))
                #expect(Scratch.contents(scratch("back \(round)"))["app.db"] == pages)
            }
        }
        // Another process goes on from what is stored.
        let other = self.store()
        let next = try await other.claim(as: "two")
        pages[0] ^= 1
        last = try published(try await other.publish(under: next) { [tree = tree()] in tree.stream })
        #expect(last.added < 64 << 10)
        let bytes = Gathered()
        try await other.contents(of: Array("app.db".utf8), in: last) { bytes.add($0) }
        #expect(bytes.all == pages)
    }

    private final class Gathered: @unchecked Sendable {
        var all: [UInt8] = []
        func add(_ bytes: ArraySlice<UInt8>) { all += bytes }
    }

    @Test func aCollapseIsHeldUntilSomebodyAcceptsIt() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        let full = tree()
        let first = try published(try await store.publish(under: claim) { full.stream })
        let few = tree(files: 1)
        guard case .held(let held, let because) = try await store.publish(under: claim, capture: { few.stream }) else {
            Issue.record("it was not held")
            return
        }
        #expect(because.contains("less than half"))
        #expect(try await store.newest() == first)
        #expect(try await store.heldSnapshots().map(\.snapshot.id) == [held.id])
        #expect(try await store.accept(held.id).id == held.id)
        #expect(try await store.newest()?.id == held.id)
        // The holder's own state: it goes on.
        let more = tree(files: 2)
        #expect(try published(try await store.publish(under: claim) { more.stream }).parent == held.id)
    }

    @Test func whatNobodyNeedsIsDeleted() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        var snapshots: [Snapshot] = []
        for seed in 1...4 as ClosedRange<UInt64> {
            let tree = tree(seed)
            snapshots.append(try published(try await store.publish(under: claim) { tree.stream }))
        }
        let before = try await store.vault.list("v1/p/").reduce(0) { $0 + $1.size }
        try await store.markVerified(snapshots[1].id, at: Instant(milliseconds: 1))
        let report = try await store.collect(dropping: Set(snapshots.map(\.id)))
        // The newest and the last one that was proven stay.
        #expect(Set(report.dropped) == [snapshots[0].id, snapshots[2].id])
        let after = try await store.vault.list("v1/p/").reduce(0) { $0 + $1.size }
        #expect(after < before * 6 / 10)
        for snapshot in [snapshots[1], snapshots[3]] {
            let proof = try await self.store().verify(try await store.find(snapshot.id))
            #expect(proof.isWhole && proof.files == 14)
        }
        // Another collection has nothing to do, and what a fenced holder never published goes in the next epoch.
        #expect(try await store.collect().packs == 0)
        let orphan = PackDirectory.newName(epoch: claim.epoch)
        try await store.vault.put(ByteBuffer(string: "never published"), as: orphan, .atOnce)
        #expect(try await store.collect().orphans == 0)
        let other = self.store()
        _ = try await other.claim(as: "two")
        #expect(try await other.collect().orphans == 1)
    }

    @Test func anotherKeyOpensNothingAndWritesNothing() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        let tree = tree()
        _ = try await store.publish(under: claim) { tree.stream }
        let before = Scratch.contents(scratch("vault"))
        let wrong = self.store(try VaultKey(reading: VaultKey.make().reveal()))
        let failure = await #expect(throws: Failure.self) { _ = try await wrong.claim(as: "two") }
        #expect(failure?.code == .vaultKey)
        await #expect(throws: Failure.self) { _ = try await self.store(.open).snapshots() }
        #expect(Scratch.contents(scratch("vault")) == before)
    }

    @Test func keysComeAndGo() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        let tree = tree()
        let snapshot = try published(try await store.publish(under: claim) { tree.stream })
        let words = try VaultKey(reading: "correct horse battery staple")
        _ = try await store.add(words, label: "words")
        #expect(try await store.keys().map(\.label) == ["first", "words"])
        #expect(try await self.store(words).verify(snapshot).isWhole)
        let new = try VaultKey(reading: VaultKey.make().reveal())
        #expect(try await store.rotate(to: new, label: "next", repacking: true) == ["first", "words"])
        let failure = await #expect(throws: Failure.self) { _ = try await self.store(words).snapshots() }
        #expect(failure?.code == .vaultKey)
        let fresh = self.store(new)
        #expect(try await fresh.verify(try await fresh.find("newest")).isWhole)
    }

    @Test func damageIsNamedAndWhatIsWholeComesBack() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        var tree = tree()
        let first = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        tree.file("later", Seeded(9).shuffled(50_000))
        let second = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        let packs = try await store.vault.list("v1/p/").sorted { $0.size < $1.size }
        let path = scratch("vault/" + packs[0].name)
        var bytes = try #require(FileManager.default.contents(atPath: path))
        bytes[60] ^= 4
        try bytes.write(to: URL(fileURLWithPath: path))
        let proof = try await self.store().verify(second)
        #expect(proof.damaged.map { TreePath.text($0) } == ["later"])
        #expect(proof.troubles.first?.contains(packs[0].name) == true)
        #expect(try await self.store().verify(first).isWhole)
        let failure = await #expect(throws: Failure.self) {
            _ = try await self.store().restore(second, to: self.scratch("all"))
        }
        #expect(failure?.code == .vaultDamaged)
        #expect(!FileManager.default.fileExists(atPath: scratch("all")))
        var options = RestoreOptions()
        options.skipsDamaged = true
        let report = try await self.store().restore(second, to: scratch("some"), options: options)
        #expect(report.damaged.count == 1 && report.files == 14)
        // Nothing is left beside.
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["some", "vault"])
    }

    /// 16: a pack that is gone, and one in the place of another.
    @Test(arguments: [false, true]) func aPackThatIsMissingOrAnotherIsNamed(isSwapped: Bool) async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        var tree = tree()
        _ = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        let large = Set(try await store.vault.list("v1/p/").map(\.name))
        tree.file("later", Seeded(9).shuffled(50_000))
        let second = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        let name = try #require(try await store.vault.list("v1/p/").first { !large.contains($0.name) }?.name)
        let other = try #require(large.first)
        let path = scratch("vault/" + name)
        try FileManager.default.removeItem(atPath: path)
        if isSwapped { try FileManager.default.copyItem(atPath: scratch("vault/" + other), toPath: path) }
        let failure = await #expect(throws: Failure.self) {
            _ = try await self.store().restore(second, to: self.scratch("all"))
        }
        #expect(
            failure?.code == .vaultDamaged && failure?.because.contains(name) == true, "\(String(describing: failure))")
        #expect(!FileManager.default.fileExists(atPath: scratch("all")))
        // Its index went with it: what is whole is found by `repair`, which reads the packs themselves.
        #expect(failure?.hint?.contains("older snapshot") == true)
    }

    @Test func aHeadThatIsLostIsMadeAnew() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        let tree = tree()
        _ = try await store.publish(under: claim) { tree.stream }
        var more = tree
        more.file("more", Seeded(4).shuffled(30_000))
        let second = try published(try await store.publish(under: claim) { [more] in more.stream })
        var failure = await #expect(throws: Failure.self) { _ = try await store.repair(writes: true) }
        #expect(failure?.code == .conflict)
        let path = scratch("vault/v1/head")
        let head = try #require(FileManager.default.contents(atPath: path))
        try head.prefix(head.count / 2).write(to: URL(fileURLWithPath: path))
        failure = await #expect(throws: Failure.self) { _ = try await self.store().snapshots() }
        #expect(failure?.code == .vaultDamaged && failure?.hint?.contains("repair") == true)
        let report = try await self.store().repair(writes: true)
        #expect(report.snapshots.map(\.id).last == second.id && report.lost.isEmpty)
        let next = self.store()
        #expect(try await next.claim(as: "two").newest?.id == second.id)
        #expect(try await next.verify(second).isWhole)
        await #expect(throws: Fenced.self) { _ = try await store.publish(under: claim) { [more] in more.stream } }
    }

    @Test func aNewerFormatIsRefused() async throws {
        let store = store()
        _ = try await store.claim(as: "one")
        let path = scratch("vault/v1/head")
        let head = try #require(FileManager.default.contents(atPath: path))
        let text = try #require(head.range(of: Data("\"format\":1".utf8)))
        var newer = head
        newer.replaceSubrange(text, with: Data("\"format\":2".utf8))
        try newer.write(to: URL(fileURLWithPath: path))
        let failure = await #expect(throws: Failure.self) { _ = try await self.store().snapshots() }
        #expect(failure?.code == .vaultFormat)
    }

    @Test func aRestoreLeavesWhatIsThereAlone() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        let tree = tree()
        let snapshot = try published(try await store.publish(under: claim) { tree.stream })
        try FileManager.default.createDirectory(atPath: scratch("mine"), withIntermediateDirectories: true)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: scratch("mine/file")))
        let failure = await #expect(throws: Failure.self) {
            _ = try await store.restore(snapshot, to: self.scratch("mine"))
        }
        #expect(failure?.code == .conflict)
        #expect(Scratch.contents(scratch("mine")) == ["file": Array("mine".utf8)])
    }

    @Test(arguments: ["../out", "a/../../out", "/out", "a//b", "./a"])
    func aHostileTreeLeadsNowhere(path: String) async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        var tree = ToldTree()
        tree.file(path, Array("x".utf8))
        let snapshot = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        let failure = await #expect(throws: Failure.self) {
            _ = try await store.restore(snapshot, to: self.scratch("back"))
        }
        #expect(failure?.code == .vaultDamaged)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["vault"])
    }

    @Test func noFileIsWrittenThroughALink() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        try FileManager.default.createDirectory(atPath: scratch("elsewhere"), withIntermediateDirectories: true)
        var tree = ToldTree()
        tree.link("a", to: scratch("elsewhere"))
        tree.file("a/file", Array("x".utf8))
        let snapshot = try published(try await store.publish(under: claim) { [tree] in tree.stream })
        await #expect(throws: Failure.self) { _ = try await store.restore(snapshot, to: self.scratch("back")) }
        #expect(Scratch.contents(scratch("elsewhere")).isEmpty)
    }

    @Test func whatAFencedHolderHadIsKept() async throws {
        let store = store()
        let claim = try await store.claim(as: "one")
        var tree = tree()
        _ = try await store.publish(under: claim) { [tree] in tree.stream }
        _ = try await self.store().claim(as: "two")
        tree.file("unpublished", Seeded(5).shuffled(40_000))
        let kept = try await store.keepStray(of: claim) { [tree] in tree.stream }
        let id = try #require(kept)
        let other = self.store()
        #expect(try await other.strays().map(\.snapshot.id) == [id])
        #expect(try await other.strays().first?.holder == "one")
        _ = try await other.restore(stray: id, to: scratch("stray"))
        #expect(Scratch.contents(scratch("stray"))["unpublished"] == Seeded(5).shuffled(40_000))
        try await other.forget(stray: id)
        #expect(try await other.strays().isEmpty)
    }

    @Test func anEmptiedVaultIsNotTakenForANewOne() async throws {
        let failure = await #expect(throws: Failure.self) {
            _ = try await self.store().claim(as: "one", remembering: 90)
        }
        #expect(failure?.code == .vaultDamaged && failure?.because.contains("90") == true)
        #expect(try await store().summary() == nil)
    }
}

extension Seeded {
    /// Bytes of a seed of its own.
    func shuffled(_ count: Int) -> [UInt8] {
        var copy = self
        return copy.bytes(count)
    }
}
