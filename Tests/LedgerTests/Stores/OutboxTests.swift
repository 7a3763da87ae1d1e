import Foundation
import GRDB
import StokerCore
import Testing

@testable import Ledger

@Suite("Outbox contract")
struct OutboxTests {
    private func batch(_ number: Int) throws -> Batch {
        let at = morning + .seconds(number)
        return Batch(
            incidents: [Incident(check: 1, began: at, verdict: .down, cause: .status)],
            events: [Event(at: at, check: 1, .incidentBegan(check: "bot", cause: .status))],
            jobs: [
                try NewJob(
                    kind: "notice", payload: #"{"incident":\#(number)}"#, createdAt: at, key: .once("\(number) to ops"))
            ])
    }

    @Test("a job is there exactly when its cause is, and once", arguments: Kind.allCases)
    func together(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            for number in 0..<5 { try await ledger.record(batch(number)) }
            // Recorded twice, as after an answer that was lost.
            try await ledger.record(batch(3))
            try await settle()
            let jobs = try await ledger.jobs.jobs(kind: "notice", states: [.available], before: nil, limit: 100)
            #expect(jobs.map(\.payload) == (0..<5).reversed().map { #"{"incident":\#($0)}"# })
            #expect(try await ledger.incidents(of: 1, openOnly: true, before: nil, limit: 9).count == 5)
            let claimed = try await ledger.jobs.claim(
                ["notice"], by: "a", limit: 9, lease: .seconds(60), now: morning + .seconds(2))
            #expect(claimed.map(\.key) == ["0 to ops", "1 to ops", "2 to ops"])
        }
    }

    @Test("a transaction that fails leaves neither the job nor its cause")
    func atomic() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        try await ledger.write("break") {
            try $0.execute(sql: "CREATE TRIGGER wall BEFORE INSERT ON job BEGIN SELECT RAISE(ABORT, 'no'); END")
        }
        await #expect(throws: Failure.self) { try await ledger.record(try batch(1)) }
        #expect(try await ledger.events(of: nil, before: nil, limit: 9).isEmpty)
        #expect(try await ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9).isEmpty)
        try await ledger.write("mend") { try $0.execute(sql: "DROP TRIGGER wall") }
        try await ledger.record(try batch(1))
        #expect(try await ledger.jobs.jobs(kind: nil, states: [], before: nil, limit: 9).count == 1)
        await ledger.close()
    }

    @Test("what waits in memory keeps a job with its cause, whatever fails in between")
    func backlog() throws {
        var backlog = Backlog(limit: 10)
        for number in 0..<3 { backlog.add(try batch(number)) }
        let taken = backlog.take(observations: 1, states: 1)
        #expect(taken.jobs.count == 3 && taken.incidents.count == 3 && taken.events.count == 3 && backlog.isEmpty)
        backlog.add(try batch(3))
        backlog.putBack(taken)
        let again = backlog.take(observations: 1, states: 1)
        #expect(again.jobs.compactMap(\.key?.text) == (0..<4).map { "\($0) to ops" })
        #expect(again.incidents.count == 4)
    }

    @Test("beyond its bound each kind gives up its oldest, and every one is counted")
    func bound() throws {
        var backlog = Backlog(limit: 10)
        var surplus = Batch()
        surplus.jobs = try (0..<backlog.noteLimit + 2).map {
            try NewJob(kind: "notice", createdAt: morning, key: .once("\($0)"))
        }
        surplus.events = [Event(at: morning, check: 1, .flappingBegan(check: "x"))]
        backlog.add(surplus)
        #expect(backlog.dropped == 2)
        let taken = backlog.take(observations: 1, states: 1)
        #expect(taken.jobs.count == backlog.noteLimit && taken.jobs.first?.key?.text == "2")
        #expect(taken.events.count == 1, "its cause stays")
    }
}
