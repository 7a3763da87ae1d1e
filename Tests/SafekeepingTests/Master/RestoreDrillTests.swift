import Foundation
import StokerCore
import Testing

@testable import Safekeeping

/// Restores that are tried to prove a snapshot, good ones and hostile ones.
@Suite struct RestoreDrillTests {
    let scratch = Scratch()
    let key: VaultKey

    init() throws { key = try VaultKey(reading: VaultKey.make().reveal()) }

    private func store(_ key: VaultKey? = nil) -> SnapshotStore {
        SnapshotStore(vault: FolderVault(path: scratch("vault")), key: key ?? self.key, patience: .seconds(1))
    }

    private func drill(_ check: String? = nil, app: String? = nil) -> RestoreDrill {
        RestoreDrill(state: "acme/bot", scratch: scratch("drills"), check: check, appFolder: app)
    }

    /// Publishes a database made by these statements.
    private func publish(_ statements: String) async throws -> Snapshot {
        try FileManager.default.createDirectory(atPath: scratch("data"), withIntermediateDirectories: true)
        let file = scratch("data/app.db")
        try? FileManager.default.removeItem(atPath: file)
        let python = try DatabaseCopyTests.Python(
            "import sqlite3; d=sqlite3.connect('data/app.db'); d.executescript('''\(statements)'''); d.commit(); print('done')",
            in: scratch.path)
        defer { python.kill() }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        var tree = ToldTree()
        tree.folder("data")
        tree.database("data/app.db", Array(bytes))
        tree.file("data/notes", Array("one\n".utf8))
        let store = store()
        let claim = try await store.claim(as: "guard")
        let told = tree
        guard case .published(let snapshot) = try await store.publish(under: claim, capture: { told.stream }) else {
            throw Failure(.internal, doing: "publish", because: "it was not")
        }
        return snapshot
    }

    private static let tables =
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (p INTEGER REFERENCES parent(id));"

    private var leftovers: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: scratch("drills"))) ?? []
    }

    @Test func aGoodSnapshotIsProvenAndTheVaultKnowsIt() async throws {
        let snapshot = try await publish(Self.tables + "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);")
        try FileManager.default.createDirectory(atPath: scratch("app"), withIntermediateDirectories: true)
        try Data("test -s data/app.db && test \"$STOKER_STATE\" = acme/bot && test -z \"$HF_TOKEN\"".utf8).write(
            to: URL(fileURLWithPath: scratch("app/check.sh")))
        let now = Instant(milliseconds: 1_800_000_000_000)
        let report = try await drill("sh check.sh", app: scratch("app")).run(store(), now: { now })
        #expect(report.isProven && report.isChecked, "\(report)")
        #expect(report.snapshot == snapshot.id && report.files == 2 && report.databases == 1 && report.at == now)
        #expect(try await store().newest()?.verified == now)
        #expect(leftovers.isEmpty)
        // The app's own files are where they were.
        #expect(FileManager.default.fileExists(atPath: scratch("app/check.sh")))
    }

    @Test func rowsThatPointNowhereProveNothing() async throws {
        _ = try await publish(Self.tables + "INSERT INTO child VALUES (7);")
        let report = try await drill().run(store(), now: { .never })
        #expect(report.failure?.contains("point to rows that are not there") == true, "\(report)")
        #expect(report.failure?.contains("child") == true)
        #expect(try await store().newest()?.verified == nil && leftovers.isEmpty)
    }

    @Test func theOwnersNoProvesNothing() async throws {
        _ = try await publish(Self.tables)
        let report = try await drill("exit 3").run(store(), now: { .never })
        #expect(report.failure == "the owner's check ended with 3" && report.isChecked)
        var slow = drill("sleep 60")
        slow.checkLimit = .milliseconds(200)
        #expect(try await slow.run(store(), now: { .never }).failure?.contains("was killed") == true)
        #expect(leftovers.isEmpty)
    }

    @Test func aWrongKeyIsSaidAndNothingIsWritten() async throws {
        _ = try await publish(Self.tables)
        let before = Scratch.contents(scratch("vault"))
        let other = try VaultKey(reading: VaultKey.make().reveal())
        let report = try await drill().run(store(other), now: { .never })
        #expect(report.failure?.contains("the key opens none") == true, "\(report)")
        #expect(Scratch.contents(scratch("vault")) == before)
        // Without any key a look still tells how far it is.
        let reading = try await StateReading.read(store(.open), now: .never)
        #expect(reading.epoch == 1 && reading.sequence != nil && reading.newestTime != nil && reading.isSealed)
        #expect(reading.inside == nil && reading.keyTrouble?.contains("no key was given") == true)
    }

    @Test func aDamagedSnapshotIsNamed() async throws {
        _ = try await publish(Self.tables + "INSERT INTO parent VALUES (1);")
        for (name, bytes) in Scratch.contents(scratch("vault")) where name.contains("v1/p/") {
            var bytes = bytes
            for at in stride(from: 100, to: bytes.count, by: 211) { bytes[at] ^= 0x40 }
            try Data(bytes).write(to: URL(fileURLWithPath: scratch("vault/" + name)))
        }
        let report = try await drill().run(store(), now: { .never })
        #expect(!report.isProven && report.failure?.isEmpty == false)
        #expect(try await store().newest()?.verified == nil && leftovers.isEmpty)
    }

    @Test func aVaultThatIsGoneIsSaid() async throws {
        let report = try await drill().run(store(), now: { .never })
        #expect(report.failure?.contains("no snapshot") == true, "\(report)")
        #expect(try await StateReading.read(store(), now: .never).epoch == nil)
    }

    @Test func aSnapshotThatIsPutBackIsTheNewestAndFencesWhoRuns() async throws {
        let first = try await publish(Self.tables)
        let second = try await publish(Self.tables + "INSERT INTO parent VALUES (1);")
        let running = store()
        let claim = try await running.claim(as: "running")
        let back = try await store().reinstate(first.id, as: "a person")
        #expect(back.id != first.id && back.parent == first.id && back.number > second.number)
        #expect(try await store().newest() == back)
        #expect(try await store().snapshots().map(\.id).contains(second.id))
        await #expect(throws: Fenced.self) {
            _ = try await running.publish(under: claim) { ToldTree().stream }
        }
        let report = try await store().restore(back, to: scratch("back"))
        #expect(report.files == first.files)
        await #expect(throws: Failure.self) { _ = try await self.store().reinstate(back.id, as: "a person") }
        await #expect(throws: Failure.self) { _ = try await self.store().reinstate("ffff", as: "a person") }
    }
}
