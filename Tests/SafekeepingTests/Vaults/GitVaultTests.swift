import Foundation
import Runtime
import StokerCore
import Testing

@testable import Safekeeping

/// Against a bare repository of this machine.
@Suite(.serialized) struct GitVaultTests {
    private static func bare(_ scratch: Scratch, _ settings: [String] = []) async throws -> String {
        let git = try #require(Program.find("git"))
        let path = scratch("bare.git")
        _ = try await Program.run(git, ["init", "--quiet", "--bare", path], quiet: true)
        for setting in settings {
            let halves = setting.split(separator: "=").map(String.init)
            _ = try await Program.run(git, ["-C", path, "config"] + halves, quiet: true)
        }
        return path
    }

    private static func vault(_ path: String, state: String? = nil) throws -> any Vault {
        try VaultOpening(environment: [:], hub: nil).open(VaultAddress(reading: "git:\(path)"), state: state)
    }

    @Test(arguments: [[], ["receive.denyNonFastForwards=true"]]) func contract(settings: [String]) async throws {
        let scratch = Scratch()
        let path = try await Self.bare(scratch, settings)
        let (vault, other) = (try Self.vault(path), try Self.vault(path))
        try await VaultContract.check(vault, seenBy: other)
        await vault.shutdown()
        await other.shutdown()
    }

    @Test func aWholeLife() async throws {
        let scratch = Scratch()
        let path = try await Self.bare(scratch)
        var tree = ToldTree()
        tree.file("app.txt", Seeded(1).shuffled(300_000))
        let key = try VaultKey(reading: VaultKey.make().reveal())
        let first = SnapshotStore(vault: try Self.vault(path, state: "owner/bot"), key: key)
        let claim = try await first.claim(as: "one")
        _ = try await first.publish(under: claim) { [tree] in tree.stream }
        tree.file("more.txt", Seeded(2).shuffled(10_000))
        _ = try await first.publish(under: claim) { [tree] in tree.stream }
        let second = SnapshotStore(vault: try Self.vault(path, state: "owner/bot"), key: key)
        let next = try await second.claim(as: "two")
        await #expect(throws: Fenced.self) { _ = try await first.publish(under: claim) { [tree] in tree.stream } }
        let newest = try #require(next.newest)
        _ = try await second.restore(newest, to: scratch("back"))
        #expect(Scratch.contents(scratch("back"))["app.txt"] == Seeded(1).shuffled(300_000))
        _ = try await second.collect(dropping: Set(try await second.snapshots().dropFirst().map(\.id)))
        #expect(try await second.verify(newest).isWhole)
        await first.vault.shutdown()
        await second.vault.shutdown()
    }

    @Test func nothingIsLostOnABadDay() async throws {
        let scratch = Scratch()
        let path = try await Self.bare(scratch)
        try await VaultCampaign.runs("git", "STOKER_VAULT_REAL_RUNS", sample: 1, checksEach: 100) { seed in
            { try Self.vault(path, state: "run/\(seed)") }
        }
    }
}
