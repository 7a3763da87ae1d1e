import Foundation
import NIOCore
import Runtime
import StokerCore
import TestSupport
import Testing

@testable import Safekeeping

/// Against a real server of Debian's `postgresql`, with TLS.
@Suite(.serialized) struct PostgresVaultTests {
    /// A server for as long as the body takes. It does not run as root, so root becomes `postgres` for it.
    private static func served(_ body: (String) async throws -> Void) async throws {
        let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").sorted()
        let programs = "/usr/lib/postgresql/\(try #require(versions.last))/bin"
        let scratch = Scratch()
        let own = geteuid() == 0
        let prefix = own ? ["/usr/sbin/runuser", "-u", "postgres", "--"] : []
        let data = scratch("data")
        let reserved = try ReservedPort()
        let port = reserved.number
        let setup = """
            set -e
            openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -out \(scratch.path)/server.crt \
              -keyout \(scratch.path)/server.key 2>/dev/null
            chmod 600 \(scratch.path)/server.key
            \(own ? "chown -R postgres \(scratch.path)" : "")
            \(own ? "runuser -u postgres -- " : "")\(programs)/initdb -D \(data) -U postgres -A trust -N >/dev/null
            """
        let made = try await Program.run("/bin/sh", ["-c", setup], quiet: true)
        try #require(made.status == 0, "\(made.output)")
        let arguments = [
            programs + "/postgres", "-D", data, "-p", "\(port)", "-k", scratch.path, "-c", "listen_addresses=127.0.0.1",
            "-c", "ssl=on", "-c", "ssl_cert_file=\(scratch.path)/server.crt", "-c",
            "ssl_key_file=\(scratch.path)/server.key", "-c", "fsync=off",
        ]
        let all = prefix + arguments
        // Its number goes on the command line: between here and the server's start it is nobody's.
        reserved.release()
        let server = try StokerProcess(
            all[0], Array(all.dropFirst()), environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
            directory: FileManager.default.temporaryDirectory.path, name: "postgres-\(port)")
        do {
            try await eventually(within: .seconds(60), "\(server)") {
                server.errors.contains("ready to accept connections")
            }
            try await body("postgres://postgres@127.0.0.1:\(port)/postgres?sslmode=require")
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    @Test func contractAndAWholeLife() async throws {
        try await Self.served { address in
            func vault(_ state: String?) throws -> any Vault {
                try VaultOpening(environment: [:], hub: nil).open(VaultAddress(reading: address), state: state)
            }
            let (one, other) = (try vault("contract"), try vault("contract"))
            try await VaultContract.check(one, seenBy: other)
            try await VaultContract.race(one, rounds: 3)
            // Objects of several rows.
            let large = Seeded(4).shuffled((2 << 20) + 77)
            try await one.put(.init(bytes: large), as: "v1/p/large", .withHead)
            #expect(try await other.read("v1/p/large").map { Array($0.readableBytesView) } == large)
            let middle = (1 << 20) - 5..<(1 << 20) + 9
            #expect(
                try await other.read("v1/p/large", middle).map { Array($0.readableBytesView) } == Array(large[middle]))
            #expect(try await other.list("v1/p/").map(\.size) == [large.count])
            await one.shutdown()
            await other.shutdown()

            let scratch = Scratch()
            var tree = ToldTree()
            tree.file("app.txt", Seeded(1).shuffled(300_000))
            let key = try VaultKey(reading: VaultKey.make().reveal())
            let first = SnapshotStore(vault: try vault("owner/bot"), key: key)
            let claim = try await first.claim(as: "one")
            _ = try await first.publish(under: claim) { [tree] in tree.stream }
            let second = SnapshotStore(vault: try vault("owner/bot"), key: key)
            let next = try await second.claim(as: "two")
            let newest = try #require(next.newest)
            _ = try await second.restore(newest, to: scratch("back"))
            #expect(Scratch.contents(scratch("back"))["app.txt"] == Seeded(1).shuffled(300_000))
            await first.vault.shutdown()
            await second.vault.shutdown()
        }
    }

    @Test func nothingIsLostOnABadDay() async throws {
        try await Self.served { address in
            try await VaultCampaign.runs("PostgreSQL", "STOKER_VAULT_REAL_RUNS", sample: 1, checksEach: 3) { seed in
                {
                    try VaultOpening(environment: [:], hub: nil).open(
                        VaultAddress(reading: address), state: "run/\(seed)")
                }
            }
        }
    }

    @Test func aServerThatIsNotThereIsTold() async throws {
        let reserved = try ReservedPort()
        defer { reserved.release() }
        let vault = try VaultOpening(environment: [:], hub: nil).open(
            VaultAddress(reading: "postgres://me:hunter22@127.0.0.1:\(reserved.number)/app"), state: nil)
        let failure = await #expect(throws: VaultFailure.self) { _ = try await vault.readHead() }
        #expect(failure?.kind == .transient)
        #expect(failure.map { "\($0)".contains("hunter22") } == false)
        await vault.shutdown()
    }
}

@Suite struct PostgresAddressTests {
    /// Without TLS only to this machine itself: names that look like it are others.
    @Test(arguments: [
        ("postgres://me@localhost/app", true), ("postgres://me:p@127.0.0.1:5432/app", true),
        ("postgresql://[::1]/app", true), ("postgres://localhost:1,127.0.0.1:2/app", true),
        ("postgres://me@127.0.0.1.evil.example/app", false), ("postgres://localhost.evil.example/app", false),
        ("postgres://127.0.0.1@evil.example/app", false), ("postgres://localhost,db.example/app", false),
        ("postgres://localhost/app?host=db.example", false), ("postgres://localhost/app?x=1&hostaddr=192.0.2.1", false),
        ("postgres:///app?host=db.example", false), ("postgres:///app", false), ("host=localhost", false),
    ]) func onlyThisMachineNeedsNoTLS(address: String, isHere: Bool) {
        #expect(PostgresVault.isOfThisMachine(address) == isHere)
    }
}
