import Foundation
import NIOCore
import StokerCore
import Testing

@testable import Safekeeping

/// Heads of places that can only create what is not there.
@Suite struct NumberedHeadsTests {
    private let scratch = Scratch()

    private func vault() -> FolderVault { FolderVault(path: scratch("vault"), heads: .numbered) }

    @Test func contract() async throws {
        try await VaultContract.check(vault(), seenBy: vault())
    }

    @Test func ofSeveralWritersOneWins() async throws {
        try await VaultContract.race(vault(), rounds: 10)
    }

    /// Numbers that were pruned can be made once more; who does it is refused, and the newest stays.
    static func prunedNumbers(_ vault: any Vault) async throws {
        var version = try await vault.readHead()?.version
        let old = version
        for number in 0..<40 {
            let end = try await vault.swapHead(ByteBuffer(string: "head \(number)"), expecting: version)
            guard case .swapped(let made) = end else {
                Issue.record("head \(number) was refused")
                return
            }
            version = made
        }
        let late = ByteBuffer(string: "from long ago")
        #expect(try await vault.swapHead(late, expecting: old) == .refused)
        #expect(try await vault.swapHead(late, expecting: nil) == .refused)
        #expect(try await vault.readHead().map { String(buffer: $0.bytes) } == "head 39")
        #expect(try await vault.readHead()?.version == version)
    }

    @Test func aRequestForAPrunedNumberIsRefused() async throws {
        try await Self.prunedNumbers(vault())
        let kept = Scratch.contents(scratch("vault")).keys.filter { $0.hasPrefix("v1/h/") && !$0.contains("/.") }
        #expect(kept.count <= 20, "the others are pruned: \(kept.count)")
    }

    /// A folder that is mounted by NFS is one; a vault that was made on the disk itself goes on there, and its old holder is fenced.
    @Test func aVaultThatMovesToNFSGoesOnWithNumbers() async throws {
        let place = scratch("vault")
        let first = SnapshotStore(vault: FolderVault(path: place), key: .open)
        let claim = try await first.claim(as: "one")
        var tree = ToldTree()
        tree.file("a", Seeded(1).shuffled(20_000))
        _ = try await first.publish(under: claim) { [tree] in tree.stream }

        let mounts = scratch("mounts")
        try "36 35 0:60 / \(scratch.path) rw,relatime - nfs4 server:/export rw,vers=4.2\n".write(
            toFile: mounts, atomically: true, encoding: .utf8)
        let second = SnapshotStore(vault: FolderVault(path: place, heads: nil, mounts: mounts), key: .open)
        let next = try await second.claim(as: "two")
        #expect(next.epoch == 2 && next.newest?.number == 1)
        #expect(try await second.vault.readHead()?.version == HeadVersion("#1"))
        tree.file("b", Seeded(2).shuffled(20_000))
        _ = try await second.publish(under: next) { [tree] in tree.stream }
        // On the disk itself its heads stay numbered.
        await #expect(throws: Fenced.self) { _ = try await first.publish(under: claim) { [tree] in tree.stream } }
        let third = SnapshotStore(vault: FolderVault(path: place), key: .open)
        let last = try await third.claim(as: "three")
        #expect(last.epoch == 3 && last.newest?.number == 2)
        #expect(try await third.verify(try #require(last.newest)).isWhole)
    }
}
