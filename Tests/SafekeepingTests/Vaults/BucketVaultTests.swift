import HubClient
import HubSimulator
import Logging
import StokerCore
import Testing

@testable import Safekeeping

/// `bucket:` against the gateway of the simulated Hub, which signs, redirects and honours conditions as the Hub's does.
@Suite(.serialized) struct BucketVaultTests {
    @Test func contractAndAWholeLife() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = try await SimulatedHub.start(HubConfiguration(), logger: logger)
        let hub = Hub(.init(endpoint: server.endpoint, token: Secret("hf_maren")), logger: logger)
        let result: Result<Void, any Error>
        do { result = .success(try await Self.check(server, hub)) } catch { result = .failure(error) }
        try await hub.shutdown()
        await server.shutdown()
        try result.get()
    }

    private static func check(_ server: SimulatedHub, _ hub: Hub) async throws {
        _ = try await hub.ensureBucket("maren", "state")
        let key = try #require(HubConfiguration().s3Keys.first { $0.account == "maren" })
        let opening = VaultOpening(
            environment: [
                "HF_S3_ENDPOINT": String(server.s3Endpoint("maren").dropLast("/maren".count)),
                "HF_S3_ACCESS_KEY_ID": key.id, "HF_S3_SECRET_ACCESS_KEY": key.secret,
            ], hub: hub)
        func vault(_ state: String) throws -> any Vault {
            try opening.open(VaultAddress(reading: "bucket:maren/state"), state: state)
        }
        try await VaultContract.check(try vault("contract"), seenBy: try vault("contract"))
        try await VaultContract.race(try vault("race"), rounds: 3)

        let scratch = Scratch()
        var tree = ToldTree()
        tree.file("app.txt", Seeded(1).shuffled(300_000))
        let sealing = try VaultKey(reading: VaultKey.make().reveal())
        let first = SnapshotStore(vault: try vault("owner/bot"), key: sealing)
        let claim = try await first.claim(as: "one")
        _ = try await first.publish(under: claim) { [tree] in tree.stream }
        let second = SnapshotStore(vault: try vault("owner/bot"), key: sealing)
        let next = try await second.claim(as: "two")
        await #expect(throws: Fenced.self) { _ = try await first.publish(under: claim) { [tree] in tree.stream } }
        _ = try await second.restore(try #require(next.newest), to: scratch("back"))
        #expect(Scratch.contents(scratch("back"))["app.txt"] == Seeded(1).shuffled(300_000))
        let states = try await opening.states(in: VaultAddress(reading: "bucket:maren/state"))
        #expect(states.contains("owner/bot"), "\(states)")
    }
}
