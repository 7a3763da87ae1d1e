import Foundation
import GRDB
import StokerCore
import Testing

@testable import Ledger

/// Files that older versions wrote are carried forward.
@Suite("Older ledgers")
struct OlderLedgersTests {
    /// A file of an older schema, as it was on disk.
    private func make(_ schema: String, at path: String) async throws {
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("OlderLedgers/002-timeline.sql")
        let sql = try String(contentsOf: fixture, encoding: .utf8)
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try await queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA application_id = \(OpenedDatabase.applicationID)")
            try db.execute(sql: sql)
            guard schema == "001-foundations" else { return }
            for table in ["standing", "standing_hour", "absence"] { try db.execute(sql: "DROP TABLE \(table)") }
            try db.execute(sql: "DELETE FROM progress")
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier <> '001-foundations'")
        }
        try queue.close()
    }

    private func check(_ ledger: SQLiteLedger) async throws {
        #expect(try await ledger.checkNames().count == 16)
        #expect(try await ledger.savedStates().count == 16)
        #expect(try await ledger.statistics().observations == 165)
        let incidents = try await ledger.incidents(of: nil, openOnly: false, before: nil, limit: 50)
        #expect(incidents.count { $0.check != Incident.ofLedger } == 6)
        let events = try await ledger.events(of: nil, before: nil, limit: 500).filter { $0.kind != "ledger.damaged" }
        #expect(events.count == 68)
        #expect(events.last?.text == "Stoker started with 16 checks" && events.last?.kind == "started")
        let restarts = try await ledger.actions.actions(ActionQuery())
        #expect(restarts.map(\.space) == ["kestrel-labs/chat-ui", "kestrel-labs/image-tagger"])
        #expect(restarts.map(\.kind) == [.healing(.restart), .healing(.restart)])
        #expect(restarts.map(\.reason).last == "crashed, 4 failed pings in a row")
        #expect(restarts.map(\.began) == events.filter { $0.kind == "heal.restart" }.map(\.at))
        #expect(restarts.allSatisfy { $0.state == .unknown && $0.actor == "healing" })
        let uptime = try await ledger.tally(
            of: [1], from: events.last?.at ?? .never, to: (events.last?.at ?? .never) + .seconds(60))
        #expect(uptime.first?.uptime == 1)
    }

    @Test(
        "all of it is there afterwards, restarts count as actions, and it is written on",
        arguments: ["001-foundations", "002-timeline"])
    func carriedForward(schema: String) async throws {
        let scratch = try Scratch()
        try await make(schema, at: scratch.path())
        // Only looked at, before the first start with this version.
        let reader = try await SQLiteLedger(path: scratch.path(), readOnly: true, logger: quiet)
        #expect(try await reader.events(of: nil, before: nil, limit: 500).count == 68)
        #expect(try await reader.actions.actions(ActionQuery()).isEmpty)
        await reader.close()

        var ledger = try await openLedger(scratch)
        #expect(ledger.movedAside == nil)
        try await check(ledger)
        #expect(try await ledger.verify() == false && !ledger.wantsCompaction)
        try await ledger.record(
            Batch(
                events: [Event(at: morning, check: 1, .resumed(check: "discord-bot"))],
                jobs: [try NewJob(kind: "mail", createdAt: morning)]))
        await ledger.close()
        ledger = try await openLedger(scratch)
        #expect(try await ledger.events(of: 1, before: nil, limit: 1)[0].payload == .resumed(check: "discord-bot"))
        #expect(try await ledger.jobs.nextDue(["mail"]) == morning)
        await ledger.close()
    }

    @Test("damaged before the first start with this version, its restarts still count")
    func damaged() async throws {
        let scratch = try Scratch()
        try await make("002-timeline", at: scratch.path())
        let queue = try DatabaseQueue(path: scratch.path())
        let root = try await queue.read {
            try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'event_by_time'")
        }
        try queue.close()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.path()))
        let page = (try #require(root) - 1) * 4_096
        bytes.replaceSubrange(page..<page + 4_096, with: Data(repeating: 0xA5, count: 4_096))
        try bytes.write(to: URL(fileURLWithPath: scratch.path()))
        let ledger = try await openLedger(scratch)
        #expect(ledger.movedAside != nil)
        try await check(ledger)
        await ledger.close()
    }
}
