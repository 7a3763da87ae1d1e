import Foundation
import HubClient
import Logging
import NIOCore
import NIOHTTP1
import StokerCore
import TestSupport
import Testing

@testable import Safekeeping

/// Against `moto[server]` of PyPI, which honours both conditions for one request at a time.
@Suite(.serialized) struct S3VaultTests {
    /// - Parameter ignoring: headers of requests, as WSGI names them, that the server does not see.
    private static func served(
        ignoring: [String] = [], _ body: (String, Hub) async throws -> Void
    ) async throws {
        let scratch = Scratch()
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let server = try StokerProcess(
            root.appendingPathComponent(".build/venv/bin/python").path,
            ["-c", script] + ignoring,
            environment: ["PATH": "/usr/bin:/bin"], directory: scratch.path, name: "moto")
        let sign = "Running on "
        do {
            try await eventually("\(server)") { (server.output + server.errors).contains(sign) }
            let said = server.output + server.errors
            let begin = try #require(said.range(of: sign)).upperBound
            let address = String(said[begin...].prefix { !$0.isWhitespace })
            let hub = Hub(Hub.Settings(), logger: Logger(label: "test"))
            // A bucket is made by a PUT of its name.
            let made = await hub.made(address + "/states")
            let result: Result<Void, any Error>
            do { result = .success(try await body(address, hub)) } catch { result = .failure(error) }
            try await hub.shutdown()
            #expect(made)
            try result.get()
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    /// moto looks whether an object is there in one step and writes it in another, on a thread for each request; S3 does both at
    /// once (`PutObject`, "If-None-Match"). So requests that write go one at a time. Headers that are named never arrive.
    private static let script = """
        import sys, threading
        from contextlib import nullcontext
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import run_simple
        app = DomainDispatcherApplication(create_backend_app)
        writing = threading.Lock()
        def served(environ, start):
            for name in sys.argv[1:]: environ.pop(name, None)
            with nullcontext() if environ['REQUEST_METHOD'] in ('GET', 'HEAD') else writing:
                return app(environ, start)
        run_simple('127.0.0.1', 0, served, threaded=True)
        """

    private static func vault(_ address: String, _ hub: Hub, state: String? = nil) throws -> any Vault {
        try VaultOpening(
            environment: ["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"], hub: hub
        ).open(VaultAddress(reading: "s3:\(address)/states/apps"), state: state)
    }

    @Test func contractAndAWholeLife() async throws {
        try await Self.served { address, hub in
            let vault = try Self.vault(address, hub)
            try await VaultContract.check(vault, seenBy: try Self.vault(address, hub))
            try await VaultContract.race(vault, rounds: 3)

            // Another state in the same bucket: published here, restored there.
            let scratch = Scratch()
            var tree = ToldTree()
            tree.file("app.txt", Seeded(1).shuffled(300_000))
            let key = try VaultKey(reading: VaultKey.make().reveal())
            let first = SnapshotStore(vault: try Self.vault(address, hub, state: "owner/bot"), key: key)
            let claim = try await first.claim(as: "one")
            _ = try await first.publish(under: claim) { [tree] in tree.stream }
            let second = SnapshotStore(vault: try Self.vault(address, hub, state: "owner/bot"), key: key)
            let next = try await second.claim(as: "two")
            let newest = try #require(next.newest)
            _ = try await second.restore(newest, to: scratch("back"))
            #expect(Scratch.contents(scratch("back"))["app.txt"] == Seeded(1).shuffled(300_000))
        }
    }

    /// 19: a place that writes in spite of every condition takes no head.
    @Test func aStoreThatIgnoresConditionsIsRefusedAtTheStart() async throws {
        try await Self.served(ignoring: ["HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"]) { address, hub in
            let store = SnapshotStore(vault: try Self.vault(address, hub), key: .open)
            let failure = await #expect(throws: Failure.self) { _ = try await store.claim(as: "one") }
            #expect(failure?.code == .vaultUnsafe && failure?.because.contains("If-None-Match") == true)
            #expect(try await store.summary() == nil)
            #expect(try await store.vault.list("v1/").isEmpty, "what proved it is gone")
        }
    }

    /// Where only the creation of what is not there is conditional, heads are numbered.
    @Test func whereOnlyCreationIsConditionalHeadsAreNumbered() async throws {
        try await Self.served(ignoring: ["HTTP_IF_MATCH"]) { address, hub in
            let vault = try Self.vault(address, hub)
            try await VaultContract.check(vault, seenBy: try Self.vault(address, hub))
            try await VaultContract.race(vault, rounds: 3)
            try await NumberedHeadsTests.prunedNumbers(vault)
            try await VaultCampaign.runs("S3, numbered heads", "STOKER_VAULT_REAL_RUNS", sample: 1, checksEach: 3) {
                seed in { try Self.vault(address, hub, state: "run/\(seed)") }
            }
            // One that honours the tag again does not begin a second line of heads.
            #expect(try await vault.readHead()?.version.text.hasPrefix("#") == true)
        }
    }

    @Test func nothingIsLostOnABadDay() async throws {
        try await Self.served { address, hub in
            try await VaultCampaign.runs("S3", "STOKER_VAULT_REAL_RUNS", sample: 1, checksEach: 3) { seed in
                { try Self.vault(address, hub, state: "run/\(seed)") }
            }
        }
    }

    @Test func withoutKeysNothingIsAsked() {
        let failure = #expect(throws: Failure.self) {
            _ = try VaultOpening(environment: [:], hub: nil).open(
                VaultAddress(reading: "s3:https://user@host/bucket"), state: nil)
        }
        #expect(failure?.code == .usage && failure?.hint?.contains("AWS_ACCESS_KEY_ID") == true)
    }
}

extension Hub {
    /// PUT without a body; moto asks for no signature there.
    fileprivate func made(_ address: String) async -> Bool {
        await (try? send(HubRequest(.PUT, address, doing: "make the bucket"))) != nil
    }
}

@Suite struct VaultAddressTests {
    @Test(arguments: [
        ("folder:/var/lib/x", "folder:/var/lib/x"), ("bucket:owner/name", "bucket:owner/name"),
        ("s3:https://key:secret@host:9000/bucket/a", "s3:https://host:9000/bucket/a"),
        ("dataset:owner/name", "dataset:owner/name"),
        ("postgres://me:secret@db.example/app?sslmode=require", "postgres:postgres://db.example/app"),
        ("git:https://me:secret@host/a/b.git", "git:https://host/a/b.git"), ("git:/srv/a.git", "git:/srv/a.git"),
    ]) func namesTellNoPassword(text: String, name: String) throws {
        #expect(try VaultAddress(reading: text).name == name)
    }

    @Test(arguments: trickyAddresses) func bucketsAreReadByOneGrammar(address: String) {
        let isOne = (try? WebOrigin(address)) != nil && (AddressParts(address)?.path.count ?? 0) > 1
        #expect(((try? VaultAddress(reading: "s3:" + address)) != nil) == isOne)
    }

    @Test(arguments: ["", "folder:", "nfs:/x", "bucket:name", "s3:host/bucket", "s3:https://host", "dataset:a/b/c"])
    func whatIsNoAddressIsRefused(text: String) {
        let failure = #expect(throws: Failure.self) { _ = try VaultAddress(reading: text) }
        #expect(failure?.code == .usage && failure?.hint?.contains("write ") == true)
    }

    @Test(arguments: ["../x", "a//b", "/a", "", "a/..", String(repeating: "x", count: 201)])
    func aStateLeadsNowhereElse(name: String) {
        #expect(throws: Failure.self) { _ = try VaultOpening.part(name) }
    }

    @Test func aStateIsAPartOfAPath() throws {
        #expect(try VaultOpening.part("owner/bot") == "owner/bot")
        #expect(try VaultOpening.part("a b+é") == "a=20b=2b=c3=a9")
    }
}
