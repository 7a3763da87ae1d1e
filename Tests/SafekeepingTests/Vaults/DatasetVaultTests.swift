import HubClient
import HubSimulator
import Logging
import StokerCore
import Testing

@testable import Safekeeping

/// Against the simulated Hub, whose commits are on real git.
@Suite(.serialized) struct DatasetVaultTests {
    private static func served(_ body: (Hub) async throws -> Void) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = try await SimulatedHub.start(HubConfiguration(), logger: logger)
        let hub = Hub(.init(endpoint: server.endpoint, token: Secret("hf_maren")), logger: logger)
        let result: Result<Void, any Error>
        do { result = .success(try await body(hub)) } catch { result = .failure(error) }
        try await hub.shutdown()
        await server.shutdown()
        try result.get()
    }

    private static func vault(_ hub: Hub, _ name: String) throws -> any Vault {
        try VaultOpening(environment: [:], hub: hub).open(VaultAddress(reading: "dataset:maren/\(name)"), state: nil)
    }

    @Test func contractAndAWholeLife() async throws {
        try await Self.served { hub in
            try await VaultContract.check(
                try Self.vault(hub, "contract"), seenBy: try Self.vault(hub, "contract"))
            #expect(try await hub.find(RepoID(.dataset, "maren/contract"))?.isPrivate == true)

            let scratch = Scratch()
            var tree = ToldTree()
            tree.file("app.txt", Seeded(1).shuffled(300_000))
            let key = try VaultKey(reading: VaultKey.make().reveal())
            let first = SnapshotStore(vault: try Self.vault(hub, "state"), key: key)
            let claim = try await first.claim(as: "one")
            _ = try await first.publish(under: claim) { [tree] in tree.stream }
            // Packs are large files, so that each can be freed alone.
            let packs = try await hub.tree(of: RepoID(.dataset, "maren/state"), path: "v1/p").all()
                .filter { $0.kind == .file }
            #expect(packs.count == 1 && packs.allSatisfy { $0.lfs != nil })
            let second = SnapshotStore(vault: try Self.vault(hub, "state"), key: key)
            let next = try await second.claim(as: "two")
            await #expect(throws: Fenced.self) {
                _ = try await first.publish(under: claim) { [tree] in tree.stream }
            }
            let newest = try #require(next.newest)
            _ = try await second.restore(newest, to: scratch("back"))
            #expect(Scratch.contents(scratch("back"))["app.txt"] == Seeded(1).shuffled(300_000))
        }
    }
}
