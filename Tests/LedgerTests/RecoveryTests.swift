import Foundation

import StokerCore
import Testing

@testable import Ledger

/// What a start does with a ledger's file before it opens it, and what a vault gets of an open one.
@Suite("Recovery of the ledger")
struct RecoveryTests {
    @Test("of an open ledger a page copy differs only where something was written, and is a whole ledger")
    func pageCopy() async throws {
        let scratch = try Scratch()
        let ledger = try await SQLiteLedger(path: scratch.path("stoker.sqlite"), logger: quiet)
        _ = try await ledger.register(["web"])
        try await ledger.record(
            Batch(observations: (0..<20_000).map { observation(1, Double($0)) }, events: [Event(at: morning, .online)]))
        try await ledger.pageCopy(to: scratch.path("one.sqlite"))
        try await ledger.record(Batch(observations: [observation(1, 30_000)]))
        try await ledger.pageCopy(to: scratch.path("two.sqlite"))
        await ledger.close()
        func pages(_ name: String) throws -> [Data] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.path(name)))
            return stride(from: 0, to: bytes.count, by: 4_096).map { bytes[$0..<min($0 + 4_096, bytes.count)] }
        }
        let (one, two) = (try pages("one.sqlite"), try pages("two.sqlite"))
        let differing = zip(one, two).count { $0 != $1 } + abs(one.count - two.count)
        #expect(one.count > 50 && (1..<12).contains(differing), "\(differing) of \(one.count)")
        let copy = try await SQLiteLedger(path: scratch.path("two.sqlite"), logger: quiet)
        #expect(try await copy.statistics().observations == 20_001)
        await copy.close()
    }

    @Test(
        "a closed file is looked at and left as it is; a damaged one is told, set aside, and what comes next is another"
    )
    func damage() async throws {
        let scratch = try Scratch()
        let path = scratch.path("stoker.sqlite")
        #expect(try await SQLiteLedger.damage(at: path, logger: quiet) == nil)
        #expect(!FileManager.default.fileExists(atPath: path), "looking makes nothing")
        #expect(try await SQLiteLedger.setAside(path, as: "replaced") == nil)
        let ledger = try await SQLiteLedger(path: path, logger: quiet)
        _ = try await ledger.register(["web"])
        try await ledger.record(Batch(events: (0..<50).map { Event(at: morning + .seconds($0), .online) }))
        await ledger.close()
        #expect(try await SQLiteLedger.damage(at: path, logger: quiet) == nil)

        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = Int(try file.seekToEnd())
        try file.seek(toOffset: 100)
        try file.write(contentsOf: Data(repeating: 0x5A, count: size - 100))
        try file.close()
        let damage = try #require(try await SQLiteLedger.damage(at: path, logger: quiet))
        #expect(!damage.what.isEmpty && damage.writtenAt != nil)
        #expect(FileManager.default.fileExists(atPath: path), "it is only looked at")
        #expect(try await SQLiteLedger.setAside(path, as: "damaged") == path + ".damaged-1")

        // Nothing is missed in the next one that was written to this one.
        let next = try await SQLiteLedger(path: path, logger: quiet)
        #expect(next.movedAside == nil)
        #expect(try await next.incidents(of: Incident.ofLedger, openOnly: true, before: nil, limit: 5).isEmpty)
        try await next.noteRecovery("The ledger was damaged. Restored from a vault", isDamage: true)
        try await next.noteRecovery("Restored snapshot 1", isDamage: false)
        #expect(try await next.incidents(of: Incident.ofLedger, openOnly: true, before: nil, limit: 5).count == 1)
        let events = try await next.events(of: nil, before: nil, limit: 10).map(\.kind)
        #expect(events.contains("ledger.restored"))
        await next.close()
    }

    @Test("an emptied file is damaged, and one that another process has open is not looked at")
    func emptied() async throws {
        let scratch = try Scratch()
        let path = scratch.path("stoker.sqlite")
        let ledger = try await SQLiteLedger(path: path, logger: quiet)
        let failure = await #expect(throws: Failure.self) {
            _ = try await SQLiteLedger.damage(at: path, logger: quiet)
        }
        #expect(failure?.code == .conflict)
        await ledger.close()
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(try await SQLiteLedger.damage(at: path, logger: quiet)?.what == "the file is empty")
    }
}
