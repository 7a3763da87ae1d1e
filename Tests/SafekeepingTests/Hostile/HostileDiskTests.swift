import Foundation
import Glibc
import Runtime
import StokerCore
import Testing

@testable import Safekeeping

/// Disks that are full, files that are huge or may not be read, file systems that keep no locks. Numbers are those of the table in `docs/safekeeping.md`.
@Suite(.serialized) struct HostileDiskTests {
    private let scratch = Scratch()

    private func publish(_ store: SnapshotStore, _ claim: Claim, _ capture: TreeCapture) async throws -> Publication {
        let report = try await capture.prepare()
        return try await store.publish(under: claim, rows: report.rows, mayCollapse: true) { capture.entries() }
    }

    /// 35
    @Test(arguments: [false, true]) func aFullDiskInARestoreLeavesTheTargetUntouched(isThere: Bool) async throws {
        guard let disk = try SmallDisk(kilobytes: 1_024, in: scratch) else { return }
        let store = SnapshotStore(vault: FolderVault(path: scratch("vault")), key: .open)
        let claim = try await store.claim(as: "one")
        var tree = ToldTree()
        for number in 0..<40 { tree.file("file \(number)", Seeded(UInt64(number)).shuffled(100_000)) }
        guard case .published(let snapshot) = try await store.publish(under: claim, capture: { [tree] in tree.stream })
        else {
            Issue.record("nothing was published")
            return
        }
        let target = disk.folder + "/data"
        if isThere { try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true) }
        let before = Scratch.contents(scratch("vault"))
        let failure = await #expect(throws: Failure.self) { _ = try await store.restore(snapshot, to: target) }
        #expect(failure?.code == .fileUnwritable && failure?.because.contains("No space left") == true)
        #expect(failure?.hint?.contains("the folder is as it was") == true)
        // Neither a part of it nor the folder beside is left, and its room is free again.
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder) == (isThere ? ["data"] : []))
        if isThere { #expect(try FileManager.default.contentsOfDirectory(atPath: target).isEmpty) }
        #expect(Scratch.contents(scratch("vault")) == before)
        #expect(try await store.restore(snapshot, to: scratch("elsewhere")).files == 40)
    }

    /// 36: no room for the copy of a database.
    @Test func aFullDiskInACaptureKeepsTheLastSnapshot() async throws {
        guard let disk = try SmallDisk(kilobytes: 512, in: scratch) else { return }
        let place = try TreeCaptureTests.Place()
        let database = place.path + "/data/app.db"
        _ = try DatabaseCopyTests.question("SELECT 1", database)
        let fill =
            "import sqlite3; d = sqlite3.connect('data/app.db'); d.execute('CREATE TABLE IF NOT EXISTS a (n, w)'); d.executemany('INSERT INTO a VALUES (?, ?)', [(n, 'w' * 500) for n in range(COUNT)]); d.commit(); print('ready', flush=True)"
        let small = try DatabaseCopyTests.Python(fill.replacing("COUNT", with: "100"), in: place.path)
        small.kill()
        // What SQLite itself says of a full disk.
        disk.fill()
        let outcome = DatabaseCopy.run(from: database, to: disk.folder + "/copy", within: .seconds(5))
        #expect(outcome.kind == .failed && outcome.message.contains("full"), "\(outcome)")
        try disk.empty()

        var settings = TreeCapture.Settings(
            paths: try GuardedPath.list(["data"], in: place.path), scratch: disk.folder + "/scratch",
            copier: try TreeCaptureTests.copier(
                #"if cp $1 $2 2>/dev/null; then \#(TreeCaptureTests.copied); else rm -f $2; echo '{"kind":"failed","message":"database or disk is full"}'; fi"#,
                in: place))
        settings.databaseLimit = .seconds(20)
        let capture = try TreeCapture(settings)
        let store = SnapshotStore(vault: FolderVault(path: scratch("vault")), key: .open)
        let claim = try await store.claim(as: "one")
        guard case .published(let first) = try await publish(store, claim, capture) else {
            Issue.record("nothing was published")
            return
        }
        // The app goes on and its database grows beyond what there is room for.
        let large = try DatabaseCopyTests.Python(fill.replacing("COUNT", with: "3000"), in: place.path)
        large.kill()
        try place.write("beside", to: "note")
        if case .published(let second) = try await publish(store, claim, capture) {
            // The copy that was made before stays, with a mark; what has room is new.
            #expect(second.doubtful == 1 && capture.report.notes.first?.contains("the copy of") == true)
            let back = try await store.restore(second, to: scratch("back"))
            #expect(back.databases.count == 1)
            let rows = try DatabaseCopyTests.question("SELECT COUNT(*) FROM a", scratch("back/data/app.db"))
            #expect(rows == "[(100,)]")
        } else {
            Issue.record("what has room was not published")
        }
        // Not even room for an answer of the copying process: nothing is published, and the newest is whole.
        disk.fill()
        let third = try DatabaseCopyTests.Python(fill.replacing("COUNT", with: "5"), in: place.path)
        third.kill()
        _ = try? await publish(store, claim, capture)
        #expect(try await store.verify(try #require(try await store.newest())).isWhole)
        #expect(try await store.verify(first).isWhole)
        try disk.empty()
        try FileManager.default.removeItem(atPath: place.path + "/data/app.db")
        _ = try DatabaseCopyTests.question("CREATE TABLE b (n)", database)
        let end = try await publish(store, claim, capture)
        guard case .published(let last) = end else {
            Issue.record("with room again: \(end)")
            return
        }
        #expect(last.doubtful == 0 && capture.report.notes.isEmpty)
    }

    /// 39: a write-ahead log that was never checkpointed. STOKER_WAL_MB=2048 makes it as large as the table says.
    @Test(.timeLimit(.minutes(20))) func aLargeWriteAheadLogIsWhole() async throws {
        let megabytes = ProcessInfo.processInfo.environment["STOKER_WAL_MB"].flatMap { Int($0) } ?? 24
        let place = try TreeCaptureTests.Place()
        let app = try DatabaseCopyTests.Python(
            """
            import os, sqlite3, time
            db = sqlite3.connect('data/app.db', isolation_level=None)
            db.execute('PRAGMA journal_mode=WAL'); db.execute('PRAGMA wal_autocheckpoint=0'); db.execute('PRAGMA synchronous=OFF')
            for t in 'abc': db.execute(f'CREATE TABLE {t} (n INTEGER PRIMARY KEY, word BLOB)')
            n = 0
            while os.path.getsize('data/app.db-wal') < \(megabytes) << 20:
                db.execute('BEGIN')
                for _ in range(200):
                    n += 1
                    for t in 'abc': db.execute(f'INSERT INTO {t} VALUES (?, ?)', (n, b'w' * 900))
                db.execute('COMMIT')
            open('rows', 'w').write(str(n))
            print('ready', flush=True); time.sleep(600)
            """, in: place.path)
        app.kill()
        let rows = try #require(Int(try String(contentsOfFile: place.path + "/rows", encoding: .utf8)))
        let log = try FileManager.default.attributesOfItem(atPath: place.path + "/data/app.db-wal")[.size] as? Int ?? 0
        #expect(log >= megabytes << 20)
        let outcome = DatabaseCopy.run(
            from: place.path + "/data/app.db", to: place.path + "/copy", within: .seconds(600),
            countingUpTo: Int.max)
        #expect(outcome.kind == .copied && outcome.rows == Int64(rows * 3), "\(outcome)")
        #expect(try DatabaseCopyTests.question("PRAGMA integrity_check", place.path + "/copy") == "[('ok',)]")
        let after = try FileManager.default.attributesOfItem(atPath: place.path + "/data/app.db-wal")[.size] as? Int
        #expect(after == log, "no checkpoint was made")
    }

    /// 42
    @Test func aDatabaseOnAMountOfTheHubIsRefused() async throws {
        let place = try TreeCaptureTests.Place()
        _ = try DatabaseCopyTests.question("CREATE TABLE a (n)", place.path + "/data/app.db")
        try place.write("plain", to: "note")
        let mounts = place.path + "/mounts"
        let line = "36 35 0:60 / \(place.path)/data rw,relatime shared:1 - fuse.hf-mount hf-mount rw,user_id=0\n"
        try ("25 1 8:1 / / rw - ext4 /dev/root rw\n" + line).write(toFile: mounts, atomically: true, encoding: .utf8)
        var settings = TreeCapture.Settings(
            paths: try GuardedPath.list(["data"], in: place.path), scratch: place.path + "/scratch",
            copier: ["/bin/false"])
        settings.mounts = mounts
        let capture = try TreeCapture(settings)
        let failure = await #expect(throws: Failure.self) { _ = try await capture.prepare() }
        #expect(failure?.code == .databaseUncopied && failure?.because.contains("hf-mount") == true)
        #expect(failure?.hint?.contains("bucket:owner/name") == true)
        // Neither is it a place for a vault.
        let vault = FolderVault(path: place.path + "/data/vault", heads: nil, mounts: mounts)
        let refused = await #expect(throws: VaultFailure.self) { try await vault.probe() }
        #expect(refused?.kind == .unsafe && refused?.said.contains("bucket:owner/name") == true)
        // Plain files there are kept.
        try FileManager.default.removeItem(atPath: place.path + "/data/app.db")
        #expect(try await TreeCaptureTests.entries(capture).contains { $0.path == Array("data/note".utf8) })
    }

    /// 47: many empty files. STOKER_EMPTY_FILES=100000 makes as many as the table says.
    @Test func manyEmptyFilesAreKeptAndComeBack() async throws {
        let count = ProcessInfo.processInfo.environment["STOKER_EMPTY_FILES"].flatMap { Int($0) } ?? 5_000
        let place = try TreeCaptureTests.Place()
        for number in 0..<count {
            if number.isMultiple(of: 1_000) {
                mkdir("\(place.path)/data/\(number / 1_000)", 0o755)
            }
            close(open("\(place.path)/data/\(number / 1_000)/\(number)", O_CREAT | O_WRONLY, 0o644))
        }
        let store = SnapshotStore(vault: FolderVault(path: scratch("vault")), key: .open)
        let claim = try await store.claim(as: "one")
        let end = try await publish(store, claim, try place.capture())
        guard case .published(let snapshot) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(snapshot.files == Int64(count) && snapshot.size == 0)
        // Names and facts, a few bytes each.
        #expect(snapshot.added < Int64(count) * 60 + 65_536)
        #expect(try await store.verify(snapshot).files == Int64(count))
    }

    /// 48: a file that is there and cannot be read is left out and told; so is another name of it. What is gone by then is not.
    @Test func whatCannotBeReadIsLeftOutAndTold() async throws {
        let place = try TreeCaptureTests.Place()
        for name in ["a", "b", "c", "z"] { try place.write("of \(name)", to: name) }
        let capture = try place.capture()
        let store = SnapshotStore(vault: FolderVault(path: scratch("vault")), key: .open)
        let claim = try await store.claim(as: "one")
        _ = try await capture.prepare()
        let end = try await store.publish(under: claim) {
            var all: [CapturedEntry] = []
            for try await var entry in capture.entries() {
                switch TreePath.text(entry.path) {
                case "data/b": entry.kind = .file(Unreadable(inner: entry, code: EACCES))
                case "data/c": entry.kind = .file(Unreadable(inner: entry, code: ENOENT))
                case "data/z": entry.kind = .hardLink(Array("data/b".utf8))
                default: break
                }
                all.append(entry)
            }
            return AsyncThrowingStream<CapturedEntry, any Error> { [all] stream in
                for entry in all { stream.yield(entry) }
                stream.finish()
            }
        }
        guard case .published(let snapshot) = end else {
            Issue.record("\(end)")
            return
        }
        _ = try await store.restore(snapshot, to: scratch("back"))
        #expect(Scratch.contents(scratch("back")).keys.sorted() == ["data/a"])
        #expect(capture.report.unreadableCount == 1)
        #expect(capture.report.sentences == ["data/b cannot be read (Permission denied) and is not kept"])
    }

    /// A source that the file system lets nobody open.
    private struct Unreadable: ContentSource {
        let inner: CapturedEntry
        let code: Int32
        var size: Int64 { 4 }
        func open() throws -> any ContentReader { throw SystemError(code) }
        func failed(_ error: SystemError) {
            if case .file(let source) = inner.kind { source.failed(error) }
        }
    }
}
