import Foundation
import Glibc
import Testing

@testable import Safekeeping

/// Copies of databases that other processes use.
@Suite struct DatabaseCopyTests {
    /// A Python program beside the test, which lives until the end of it.
    final class Python {
        private let process = Process()
        private let output = Pipe()

        /// - Parameter script: prints a line when it is ready.
        init(_ script: String, in folder: String) throws {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["python3", "-c", script]
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            process.standardOutput = output
            try process.run()
            _ = output.fileHandleForReading.availableData
        }
        func kill() {
            Glibc.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        deinit { if process.isRunning { kill() } }
    }

    static func question(_ sql: String, _ file: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c", "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())",
            file, sql,
        ]
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static let writing = """
        import sqlite3
        db = sqlite3.connect('app.db', isolation_level=None)
        db.execute('PRAGMA journal_mode=MODE')
        for t in 'abc': db.execute(f'CREATE TABLE {t} (n)')
        n = 0
        while True:
            db.execute('BEGIN')
            for t in 'abc': db.execute(f'INSERT INTO {t} VALUES (?)', (n,))
            db.execute('COMMIT')
            n += 1
            if n == 50: print('ready', flush=True)
        """

    @Test(arguments: ["WAL", "DELETE", "TRUNCATE"]) func aBusyDatabaseIsCopiedAtOneMoment(mode: String) throws {
        let place = try TreeCaptureTests.Place()
        let writer = try Python(Self.writing.replacingOccurrences(of: "MODE", with: mode), in: place.path)
        for round in 0..<3 {
            let copy = place.path + "/copy\(round)"
            let outcome = DatabaseCopy.run(from: place.path + "/app.db", to: copy, within: .seconds(20))
            #expect(outcome.kind == .copied, "\(outcome)")
            let counts = try Self.question(
                "SELECT (SELECT COUNT(*) FROM a), (SELECT COUNT(*) FROM b), (SELECT COUNT(*) FROM c)", copy)
            let numbers = counts.split { !$0.isNumber }.compactMap { Int64($0) }
            #expect(numbers.count == 3 && Set(numbers).count == 1 && numbers[0] >= 50, "\(counts)")
            #expect(outcome.rows == numbers[0] * 3)
        }
        writer.kill()
    }

    /// A killed app's write-ahead log counts.
    @Test func whatIsInTheLogOfAKilledAppIsInTheCopy() throws {
        let place = try TreeCaptureTests.Place()
        let app = try Python(
            """
            import sqlite3, time
            db = sqlite3.connect('app.db', isolation_level=None)
            db.execute('PRAGMA journal_mode=WAL'); db.execute('PRAGMA wal_autocheckpoint=0')
            db.execute('CREATE TABLE a (n)')
            for n in range(1000): db.execute('INSERT INTO a VALUES (?)', (n,))
            print('ready', flush=True); time.sleep(60)
            """, in: place.path)
        app.kill()
        let outcome = DatabaseCopy.run(from: place.path + "/app.db", to: place.path + "/copy", within: .seconds(20))
        #expect(outcome.rows == 1_000, "\(outcome)")
        #expect(try Self.question("SELECT COUNT(*) FROM a", place.path + "/copy") == "[(1000,)]")
        // Never a checkpoint: the log is as it was.
        #expect((try FileManager.default.attributesOfItem(atPath: place.path + "/app.db-wal")[.size] as? Int ?? 0) > 0)
    }

    /// 38: an app that lets nobody in is not waited for beyond the limit.
    @Test func anExclusiveDatabaseIsLocked() throws {
        let place = try TreeCaptureTests.Place()
        let app = try Python(
            """
            import sqlite3, time
            db = sqlite3.connect('app.db', isolation_level=None)
            db.execute('PRAGMA locking_mode=EXCLUSIVE'); db.execute('CREATE TABLE a (n)'); db.execute('INSERT INTO a VALUES (1)')
            print('ready', flush=True); time.sleep(60)
            """, in: place.path)
        let outcome = DatabaseCopy.run(
            from: place.path + "/app.db", to: place.path + "/copy", within: .milliseconds(300))
        #expect(outcome.kind == .locked, "\(outcome)")
        app.kill()
    }

    /// 41
    @Test func aDamagedDatabaseIsToldDamaged() throws {
        let place = try TreeCaptureTests.Place()
        _ = try Self.question("SELECT 1", place.path + "/app.db")
        let app = try Python(
            "import sqlite3; db = sqlite3.connect('app.db'); db.execute('CREATE TABLE a (n)'); db.executemany('INSERT INTO a VALUES (?)', [('x' * 500,)] * 2000); db.commit(); print('ready', flush=True)",
            in: place.path)
        app.kill()
        let file = try #require(FileHandle(forWritingAtPath: place.path + "/app.db"))
        try file.seek(toOffset: 8_192)
        try file.write(contentsOf: Data(repeating: 0xAB, count: 20_000))
        try file.close()
        let outcome = DatabaseCopy.run(from: place.path + "/app.db", to: place.path + "/copy", within: .seconds(5))
        #expect(outcome.kind == .damaged, "\(outcome)")
    }
}
