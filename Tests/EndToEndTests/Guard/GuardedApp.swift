import Foundation
import TestSupport

/// Apps for the guard, in Python, and guards around them.
enum GuardedApp {
    /// Writes one row to each of three tables per transaction, and each number to `acknowledged` once its commit has returned.
    static let writer = """
        import os, sqlite3, sys, time
        os.makedirs('data', exist_ok=True)
        db = sqlite3.connect('data/app.db', isolation_level=None, timeout=30)
        db.execute('PRAGMA journal_mode=WAL')
        for table in 'abc':
            db.execute(f'CREATE TABLE IF NOT EXISTS {table} (n INTEGER PRIMARY KEY, word TEXT)')
        found = [db.execute(f'SELECT COUNT(*) FROM {t}').fetchone()[0] for t in 'abc']
        print('found', *found, flush=True)
        log = open('acknowledged', 'a', buffering=1)
        n = db.execute('SELECT COALESCE(MAX(n), 0) FROM a').fetchone()[0]
        while True:
            n += 1
            db.execute('BEGIN IMMEDIATE')
            for t in 'abc':
                db.execute(f'INSERT INTO {t} VALUES (?, ?)', (n, 'x' * 100))
            db.execute('COMMIT')
            log.write(f'{n}\\n')
            time.sleep(0.002)
        """

    /// The last number that was acknowledged to the app.
    static func acknowledged(in folder: String) -> Int {
        let text = (try? String(contentsOfFile: folder + "/acknowledged", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").last.flatMap { Int($0) } ?? 0
    }

    /// Rows of the three tables, as the app found them at its start.
    static func found(_ guarded: StokerProcess) async throws -> [Int] {
        let line = try await guarded.waitForLine("what the app found") { $0.hasPrefix("found ") }
        return line.split(separator: " ").dropFirst().compactMap { Int($0) }
    }
}

extension Scratch {
    /// A container: a folder of its own, in which a guard runs.
    func container(_ name: String) throws -> String {
        let folder = path + "/" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Starts a guard in a container.
    /// - Parameter vault: a folder of the scratch folder.
    func guarded(
        in container: String, vault: String = "vault", paths: [String] = ["data"], more: [String] = ["--every", "1s"],
        environment: [String: String] = [:], name: String? = nil, app: [String]
    ) throws -> StokerProcess {
        let given =
            ["guard", "--vault", "folder:\(path)/\(vault)", "--data", container + "/own", "--log-format", "json"]
            + paths.flatMap { ["--path", $0] } + more + ["--"] + app
        return try start(
            "/bin/sh", ["-c", "cd \"$0\" && exec \"$@\"", container, Binary.path] + given, environment: environment,
            name: name ?? container.split(separator: "/").last.map(String.init))
    }

    /// Ends a container as its machine does: everything at once, without a word.
    func destroy(_ guarded: StokerProcess) async throws {
        let children = Self.descendants(of: guarded.pid)
        for pid in [guarded.pid] + children { kill(pid, SIGKILL) }
        try await guarded.waitForExit()
    }

    static func descendants(of root: Int32) -> [Int32] {
        var parents: [Int32: Int32] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let text = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { continue }
            parents[pid] = text[end...].split(separator: " ").dropFirst(2).first.flatMap { Int32($0) }
        }
        var all: Set<Int32> = [root]
        var grew = true
        while grew {
            grew = false
            for (pid, parent) in parents where all.contains(parent) && all.insert(pid).inserted { grew = true }
        }
        return all.subtracting([root]).sorted()
    }
}

extension StokerProcess {
    /// Waits until the guard has logged a line that holds a text.
    @discardableResult
    func waitForLog(_ text: String, within: Duration = .seconds(20), after count: Int = 0) async throws -> String {
        try await Wait.for("the log line \(text)", within: within) {
            let lines = errorLines.filter { $0.contains(text) }
            if lines.count > count { return lines[count] }
            if let exit { throw Unlike("\(exit): \(tail)") }
            return nil
        }
    }

    struct Unlike: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }
}
