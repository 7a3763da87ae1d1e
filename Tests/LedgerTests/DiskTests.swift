import Foundation
import GRDB
import Ledger
import StokerCore
import Synchronization
import TestSupport
import Testing

/// A small file system of its own; nil where the test may not mount one (it prints why).
final class SmallDisk: Sendable {
    let folder: String
    private let scratch: Scratch

    static func mount(megabytes: Int) throws -> SmallDisk? {
        let disk = try SmallDisk()
        let result = try run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "stoker-test", disk.folder)
        guard result == 0 else {
            print("skipped: a tmpfs cannot be mounted here (needs root)")
            return nil
        }
        return disk
    }

    private init() throws {
        scratch = try Scratch()
        folder = scratch.path("disk")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        // Best effort: it is in memory and in a folder of its own.
        _ = try? Self.run("umount", "-l", folder)
    }

    func remount(_ options: String) throws {
        guard try Self.run("mount", "-o", "remount,\(options)", folder) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
    }

    private static func run(_ command: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

@Suite("Ledger on a disk", .serialized)
struct DiskTests {
    @Test("a full disk stalls the writer; with space it recovers and nothing is missing")
    func full() async throws {
        guard let disk = try SmallDisk.mount(megabytes: 2) else { return }
        let path = disk.folder + "/ledger.sqlite"
        let ledger = try await SQLiteLedger(path: path, logger: quiet)
        let heard = Heard()
        let writer = LedgerWriter(
            ledger: ledger, retention: Fleet.LedgerSettings(), clock: FastClock(), now: { morning },
            logger: heard.logger)
        let running = Task { try await writer.run() }
        var sent = 0
        while writer.health == .healthy {
            writer.enqueue(
                Batch(observations: (sent..<sent + 2_000).map { observation(Int32($0 % 50) + 1, Double($0)) }))
            sent += 2_000
            try await eventually { writer.waiting == 0 || writer.health != .healthy }
            try #require(sent < 400_000)
        }
        guard case .stalled(_, let because, let waiting, _, _) = writer.health else {
            Issue.record("\(writer.health)")
            return
        }
        #expect(because == "the disk is full: no space left on it")
        #expect(waiting == 2_000)
        // Reading goes on meanwhile.
        #expect(try await ledger.observations(of: 1, before: nil, limit: 5).count == 5)
        try disk.remount("size=64m")
        try await eventually { writer.health == .healthy && writer.waiting == 0 }
        #expect(heard.list.filter(Heard.stallAndEnd.contains) == Heard.stallAndEnd)
        #expect(try await ledger.statistics().observations == Int64(sent))
        running.cancel()
        try await running.value
        await ledger.close()
        let again = try await SQLiteLedger(path: path, logger: quiet)
        #expect(again.movedAside == nil)
        #expect(try await again.tally(of: [1], from: morning, to: morning + .seconds(sent))[0].up == sent / 50)
        await again.close()
    }

    @Test("a read-only folder is told as such")
    func readOnly() async throws {
        guard let disk = try SmallDisk.mount(megabytes: 2) else { return }
        try disk.remount("ro")
        let failure = await #expect(throws: Failure.self) {
            try await SQLiteLedger(path: disk.folder + "/ledger.sqlite", logger: quiet)
        }
        #expect(failure?.code == .ledger)
        #expect(failure?.because.contains("Read-only file system") == true)
        #expect(failure?.hint?.contains("ledger.path") == true)
    }

    @Test("a ledger that was closed too early stalls the writer, and nothing is lost silently")
    func closedTooEarly() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let writer = LedgerWriter(
            ledger: ledger, retention: Fleet.LedgerSettings(), clock: FastClock(), now: { morning }, logger: quiet)
        writer.enqueue(Batch(observations: [observation(1, 1)]))
        #expect(await writer.drain(within: .seconds(60)))
        #expect(try await ledger.statistics().observations == 1)
        await ledger.close()
        writer.enqueue(Batch(observations: [observation(1, 2)]))
        #expect(await writer.drain(within: .zero) == false)
        guard case .stalled(_, "the ledger is closed", 1, _, 0) = writer.health else {
            Issue.record("\(writer.health)")
            return
        }
    }

    @Test("a folder that does not exist, a folder, a text file, another program's database: told, and left alone")
    func wrongPaths() async throws {
        let scratch = try Scratch()
        func failure(_ path: String) async throws -> Failure {
            try #require(await #expect(throws: Failure.self) { try await SQLiteLedger(path: path, logger: quiet) })
        }
        #expect(try await failure(scratch.path("no/ledger.sqlite")).because.contains("No such file or directory"))
        #expect(try await failure(scratch.folder).because == "it is a folder")
        let text = scratch.path("fleet.yaml")
        try "spaces:\n  bot: {}\n".write(toFile: text, atomically: true, encoding: .utf8)
        #expect(try await failure(text).because.contains("not a SQLite database"))
        #expect(try String(contentsOfFile: text, encoding: .utf8) == "spaces:\n  bot: {}\n")
        let other = scratch.path("other.sqlite")
        let queue = try DatabaseQueue(path: other)
        try await queue.write { try $0.execute(sql: "CREATE TABLE bookmark (id INTEGER PRIMARY KEY)") }
        try queue.close()
        #expect(try await failure(other).because.contains("another program"))
    }

    @Test("two masters never write one file; a reader may look beside one")
    func locked() async throws {
        let scratch = try Scratch()
        let first = try await openLedger(scratch)
        try await first.record(Batch(observations: [observation(1, 1)]))
        let failure = await #expect(throws: Failure.self) { try await openLedger(scratch) }
        #expect(failure?.code == .conflict)
        let reader = try await SQLiteLedger(path: scratch.path(), readOnly: true, logger: quiet)
        #expect(try await reader.statistics().observations == 1)
        await #expect(throws: Failure.self) { try await reader.record(Batch(observations: [observation(1, 2)])) }
        await reader.close()
        await first.close()
        let second = try await openLedger(scratch)
        #expect(try await second.statistics().observations == 1)
        await second.close()
    }

    @Test("a newer schema is refused and nothing changed")
    func newer() async throws {
        let scratch = try Scratch()
        await (try openLedger(scratch)).close()
        let queue = try DatabaseQueue(path: scratch.path())
        try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999-from-the-future')") }
        try queue.close()
        let failure = await #expect(throws: Failure.self) { try await openLedger(scratch) }
        #expect(failure?.because.contains("newer Stoker") == true)
        #expect(failure?.hint != nil)
        #expect(!FileManager.default.fileExists(atPath: scratch.path() + ".damaged-1"))
    }

    @Test("a damaged file is moved aside, kept, and a new one begun", arguments: ["middle", "cut", "header"])
    func damaged(how: String) async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        for round in 0..<20 {
            try await ledger.record(
                Batch(observations: (0..<500).map { observation(Int32($0 % 7) + 1, Double(round * 500 + $0)) }))
        }
        try await ledger.compactAll()
        await ledger.close()
        let url = URL(fileURLWithPath: scratch.path())
        var bytes = try Data(contentsOf: url)
        switch how {
        case "middle": for index in bytes.count / 4..<bytes.count / 2 { bytes[index] = 0xA5 }
        case "cut": bytes = bytes.prefix(bytes.count / 3 / 4_096 * 4_096)
        default: for index in 100..<4_000 { bytes[index] = 0xFF }
        }
        try bytes.write(to: url)

        let fresh = try await openLedger(scratch)
        #expect(fresh.movedAside == scratch.path() + ".damaged-1")
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.path() + ".damaged-1")) == bytes)
        let saved = try await fresh.statistics().observations
        #expect(saved > 0 && (how == "header" ? saved == 10_000 : saved < 10_000), "what the damage does not touch")
        let told = try await fresh.events(of: Incident.ofLedger, before: nil, limit: 5)
        #expect(told.count == 1 && told.first?.text.contains("ledger.sqlite.damaged-1") == true)
        try await fresh.record(Batch(observations: [observation(1, 1)]))
        #expect(try await fresh.statistics().observations == saved + 1)
        await fresh.close()
    }

    @Test("a backup while writing is whole, and never written over")
    func backup() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let writing = Task {
            var count = 0
            while !Task.isCancelled {
                try await ledger.record(
                    Batch(
                        observations: (0..<100).map { observation(1, Double(count * 100 + $0)) },
                        events: [Event(at: morning, kind: "n", text: "")]))
                count += 1
                _ = try await ledger.compact()
            }
            return count
        }
        try await eventually { try await ledger.statistics().observations > 500 }
        try await ledger.backup(to: scratch.path("copy.sqlite"))
        writing.cancel()
        let written = try await writing.value
        let failure = await #expect(throws: Failure.self) { try await ledger.backup(to: scratch.path("copy.sqlite")) }
        #expect(failure?.code == .conflict)
        await ledger.close()
        let copy = try await SQLiteLedger(path: scratch.path("copy.sqlite"), logger: quiet)
        #expect(copy.movedAside == nil)
        let batches = try await copy.events(of: nil, before: nil, limit: .max).count
        #expect(batches > 5 && batches <= written)
        #expect(try await copy.tally(of: [1], from: .never, to: morning + .seconds(10_000_000))[0].up == batches * 100)
        await copy.close()
        #expect(!FileManager.default.fileExists(atPath: scratch.path("copy.sqlite.partial")))
    }

    @Test("the write-ahead log stays short, with a reader at work, and space is used again")
    func space() async throws {
        let scratch = try Scratch()
        let ledger = try await SQLiteLedger(
            path: scratch.path(), layout: .init(tail: 4_000, slice: 2_000, fanOut: 4), logger: quiet)
        let settings = Fleet.LedgerSettings(
            keepObservations: .seconds(86_400), keepMinutes: .zero, keepHours: .seconds(86_400))
        var sizes: [Int64] = []
        for day in 0..<12 {
            for part in 0..<5 {
                let rows = (0..<4_000).map { row in
                    observation(Int32(row % 20) + 1, Double(day) * 86_400 + Double(part * 4_000 + row) * 4)
                }
                async let reading = ledger.tally(of: Array(1...20), from: morning, to: morning + .seconds(10 * 86_400))
                try await ledger.record(Batch(observations: rows))
                _ = try await reading
                try await ledger.compactAll()
            }
            _ = try await ledger.prune(settings, now: morning + .seconds((day + 1) * 86_400))
            sizes.append(try await ledger.statistics().bytes)
        }
        #expect(sizes[11] < sizes[4] * 13 / 10)
        let log = try FileManager.default.attributesOfItem(atPath: scratch.path() + "-wal")[.size] as? NSNumber
        #expect(try #require(log).intValue < 33 * 1_024 * 1_024)
        await ledger.close()
    }
}
