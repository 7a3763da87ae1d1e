import Foundation
import Logging
import NIOCore
import StokerCore
import Synchronization
import Testing

@testable import Safekeeping

/// The master's ledger in a vault: what a start takes, and who may publish. The ledger here is a file of pages that its owner writes.
@Suite struct LedgerKeeperTests {
    let scratch = Scratch()

    /// A machine of its own with a disk; its ledger is `word`, padded to pages.
    struct Machine: Sendable {
        let name: String
        let disk: String
        let damage = Flag()

        final class Flag: Sendable {
            let what = Mutex<String?>(nil)
        }

        init(_ name: String, _ scratch: Scratch) throws {
            self.name = name
            disk = scratch(name)
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        }

        var path: String { disk + "/stoker.sqlite" }
        var word: String? {
            FileManager.default.contents(atPath: path).map {
                String(decoding: $0.dropFirst(32).prefix { $0 != 0 }, as: UTF8.self)
            }
        }

        /// In place, as a database is written.
        func write(_ word: String) throws {
            var bytes = Array("SQLite format 3\0".utf8) + [0x10, 0]
            bytes += [UInt8](repeating: 0, count: 32 - bytes.count) + Array(word.utf8)
            bytes += [UInt8](repeating: 0, count: 8_192 - bytes.count)
            if !FileManager.default.fileExists(atPath: path) {
                #expect(FileManager.default.createFile(atPath: path, contents: nil))
            }
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try file.write(contentsOf: Data(bytes))
            try file.close()
        }

        func wipe() throws {
            try FileManager.default.removeItem(atPath: disk)
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        }

        var kept: [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: disk).filter { $0.contains("-1") }) ?? []
        }

        func keeper(_ vault: any Vault, from source: LedgerSource? = nil) -> LedgerKeeper {
            let (path, damage) = (path, damage)
            var settings = LedgerKeeper.Settings(
                file: LedgerFile(
                    path: path,
                    copy: { try FileManager.default.copyItem(atPath: path, toPath: $0) },
                    damage: { damage.what.withLock { $0 }.map { ($0, Instant(milliseconds: 4_000_000_000_000)) } },
                    setAside: { word in
                        guard FileManager.default.fileExists(atPath: path) else { return nil }
                        let aside = "\(path).\(word)-1"
                        try FileManager.default.moveItem(atPath: path, toPath: aside)
                        return aside
                    }), holder: name, scratch: disk + "/scratch")
            settings.every = .seconds(1)
            settings.source = source
            settings.handover = .zero
            settings.penPoll = .milliseconds(50)
            return LedgerKeeper(
                settings, store: SnapshotStore(vault: vault, key: .open, patience: .milliseconds(200)),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
    }

    private var vault: FolderVault { FolderVault(path: scratch("vault")) }

    /// A first life that publishes a word and ends in order.
    private func lived(_ machine: Machine, _ word: String) async throws {
        try machine.write(word)
        let keeper = machine.keeper(vault)
        _ = try await keeper.bring()
        await keeper.opened()
        await keeper.finish(within: .seconds(20))
        #expect(keeper.health.safeUntil != nil && keeper.health.trouble == nil)
    }

    @Test func anEmptyDiskGetsWhatTheVaultHas() async throws {
        let one = try Machine("one", scratch)
        try await lived(one, "history")
        try one.wipe()
        let arrival = try await one.keeper(vault).bring()
        #expect(one.word == "history")
        #expect(arrival.record?.outcome == .restored && !arrival.isDamage)
        #expect(arrival.told?.contains("There was no ledger on this disk. Restored from folder:") == true)
        #expect(arrival.told?.contains("Lost: nothing") == true, "\(arrival.told ?? "")")
        let facts = try FileManager.default.attributesOfItem(atPath: one.path)
        #expect((facts[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: one.disk).allSatisfy { !$0.contains("restoring") })
    }

    @Test func aKilledMasterGoesOnWithItsDisk() async throws {
        let one = try Machine("one", scratch)
        try one.write("published")
        let killed = one.keeper(vault)
        _ = try await killed.bring()
        await killed.opened()
        try await killed.publishNow()
        try one.write("newer than any snapshot")
        let arrival = try await one.keeper(vault).bring()
        #expect(arrival.record?.outcome == .continued && arrival.told == nil)
        #expect(one.word == "newer than any snapshot")
    }

    @Test func aDamagedOneIsKeptAndRestoredAndTheExtentIsTold() async throws {
        let one = try Machine("one", scratch)
        try one.write("good")
        let killed = one.keeper(vault)
        _ = try await killed.bring()
        await killed.opened()
        try await killed.publishNow()
        try one.write("damaged")
        one.damage.what.withLock { $0 = "a page is not what it was" }
        let arrival = try await one.keeper(vault).bring()
        #expect(one.word == "good" && arrival.isDamage)
        #expect(one.kept == ["stoker.sqlite.damaged-1"])
        let told = arrival.told ?? ""
        #expect(told.hasPrefix("The ledger was damaged (a page is not what it was). It is kept as "), "\(told)")
        #expect(told.contains("Lost: what was written from ") && told.contains(" to 2096-10-02T07:06:40"), "\(told)")
    }

    @Test func aFileFromElsewhereIsTakenOrLeftByTheOwnersWordOnly() async throws {
        try await lived(try Machine("one", scratch), "the vault's")
        let two = try Machine("two", scratch)
        try two.write("the disk's")
        let failure = await #expect(throws: Failure.self) { try await two.keeper(vault).bring() }
        #expect(failure?.code == .conflict && failure?.hint?.contains("--ledger-from vault") == true)
        #expect(two.word == "the disk's" && two.kept.isEmpty)
        // Nobody has to wait for the pen of a start that was refused.
        #expect(try await SnapshotStore(vault: vault, key: .open).holder()?.hasReleased == true)

        let taken = try await two.keeper(vault, from: .vault).bring()
        #expect(two.word == "the vault's" && two.kept == ["stoker.sqlite.replaced-1"])
        #expect(taken.told?.contains("as it was asked for") == true)

        let three = try Machine("three", scratch)
        try three.write("mine")
        let keeper = three.keeper(vault, from: .disk)
        _ = try await keeper.bring()
        await keeper.opened()
        await keeper.finish(within: .seconds(20))
        let four = try Machine("four", scratch)
        _ = try await four.keeper(vault).bring()
        #expect(four.word == "mine")
    }

    /// Two masters: the second asks, the first hands over; the first's old disk is not taken for newer afterwards.
    @Test func theSecondTakesOverAndTheFirstSaysSo() async throws {
        let (one, two) = (try Machine("one", scratch), try Machine("two", scratch))
        try one.write("first")
        let first = one.keeper(vault)
        _ = try await first.bring()
        await first.opened()
        let news = Mutex<[LedgerKeeper.News]>([])
        async let over: Void = first.run { one in news.withLock { $0.append(one) } }
        try await eventually { first.health.safeUntil != nil }
        let second = two.keeper(vault)
        _ = try await second.bring()
        await second.opened()
        try two.write("second")
        try await second.publishNow()
        await over
        #expect(news.withLock { $0 } == [.taken(by: "two")])
        #expect(first.health.trouble?.hasPrefix("two has") == true)
        await first.finish(within: .seconds(5))
        await second.finish(within: .seconds(5))

        try one.write("of an old life")
        let arrival = try await one.keeper(vault).bring()
        #expect(one.word == "second")
        #expect(one.kept == ["stoker.sqlite.replaced-1"])
        #expect(arrival.told?.hasPrefix("Another master had gone on with the ledger since this one did") == true)
    }

    @Test func aFencedOneKeepsWhatItHadNotPublished() async throws {
        let (one, two) = (try Machine("one", scratch), try Machine("two", scratch))
        try one.write("first")
        let first = one.keeper(vault)
        _ = try await first.bring()
        await first.opened()
        try await first.publishNow()
        let second = two.keeper(vault)
        _ = try await second.bring()
        try one.write("never published")
        let news = Mutex<[LedgerKeeper.News]>([])
        await first.run { one in news.withLock { $0.append(one) } }
        #expect(news.withLock { $0 } == [.taken(by: "two")])
        let strays = try await SnapshotStore(vault: vault, key: .open).strays()
        #expect(strays.count == 1 && strays[0].holder == "one")
        #expect(two.word == "first")
    }

    /// 13 and situation "the vault does not answer": closed without a ledger, open with one.
    @Test func aVaultThatDoesNotAnswerStopsOnlyAnEmptyDisk() async throws {
        let away = SilentVault()
        let one = try Machine("one", scratch)
        let failure = await #expect(throws: Failure.self) { try await one.keeper(away).bring() }
        #expect(failure?.hint?.contains("--ledger-from new") == true, "\(String(describing: failure))")
        #expect(!FileManager.default.fileExists(atPath: one.path))

        let fresh = one.keeper(away, from: .new)
        #expect(try await fresh.bring() == LedgerKeeper.Arrival())
        #expect(fresh.health.trouble?.contains("began with an empty ledger") == true)

        try one.write("mine")
        let working = one.keeper(away)
        #expect(try await working.bring() == LedgerKeeper.Arrival())
        #expect(working.health.trouble != nil && one.word == "mine")
    }

    /// It worked without its vault; when that is back, another master has gone on: it publishes nothing over it.
    @Test func aLateClaimGivesWayToWhoWentOn() async throws {
        let (one, two) = (try Machine("one", scratch), try Machine("two", scratch))
        try await lived(one, "first")
        let inner = vault
        let away = SilentVault(inner)
        let late = one.keeper(away)
        _ = try await late.bring()
        #expect(late.health.trouble != nil)
        try two.write("x")
        let second = two.keeper(inner, from: .vault)
        _ = try await second.bring()
        await second.opened()
        try two.write("second")
        await second.finish(within: .seconds(20))
        away.isSilent.withLock { $0 = false }
        let news = Mutex<[LedgerKeeper.News]>([])
        await late.run { one in news.withLock { $0.append(one) } }
        #expect(news.withLock { $0 } == [.taken(by: "two")])
        let three = try Machine("three", scratch)
        _ = try await three.keeper(inner).bring()
        #expect(three.word == "second")
    }

    /// And when nobody has, it goes on publishing.
    @Test func aLateClaimGoesOnWhereNobodyElseDid() async throws {
        let one = try Machine("one", scratch)
        try await lived(one, "first")
        let away = SilentVault(vault)
        let late = one.keeper(away)
        _ = try await late.bring()
        try one.write("worked without its vault")
        away.isSilent.withLock { $0 = false }
        try await late.publishNow()
        #expect(late.health.trouble == nil)
        await late.finish(within: .seconds(20))
        let two = try Machine("two", scratch)
        _ = try await two.keeper(vault).bring()
        #expect(two.word == "worked without its vault")
    }

    private func eventually(_ condition: () -> Bool) async throws {
        for _ in 0..<2_000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }
}

/// A vault behind a line that is dead for a while.
private struct SilentVault: Vault {
    let inner: (any Vault)?
    let isSilent: Line
    final class Line: Sendable {
        private let silent = Mutex(true)
        func withLock<T>(_ body: (inout Bool) -> T) -> T { silent.withLock { body(&$0) } }
    }

    init(_ inner: (any Vault)? = nil) {
        self.inner = inner
        isSilent = Line()
    }

    var name: String { inner?.name ?? "folder:/away" }
    var limits: VaultLimits { VaultLimits() }

    private func reached(_ doing: String) throws(VaultFailure) -> any Vault {
        guard let inner, !isSilent.withLock({ $0 }) else {
            throw VaultFailure(.transient, vault: name, doing: doing, said: "no answer")
        }
        return inner
    }
    func readHead() async throws(VaultFailure) -> StoredHead? { try await reached("read the head").readHead() }
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        try await reached("write the head").swapHead(bytes, expecting: version)
    }
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        try await reached("store \(name)").put(bytes, as: name, visibility)
    }
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        try await reached("read \(name)").read(name, range)
    }
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        try await reached("list \(prefix)").list(prefix)
    }
    func delete(_ names: [String]) async throws(VaultFailure) { try await reached("delete").delete(names) }
}
