import GRDB
import StokerCore
import Testing

@testable import Ledger

@Suite("ActivityStore contract")
struct ActivityStoreTests {
    private func change(
        _ seconds: Int, _ operation: String = "pause", actor: Principal.Kind = .person, by: String = "maren",
        target: String? = "bot"
    ) -> NewActivity {
        NewActivity(
            at: morning + .seconds(seconds), actor: actor, name: by, address: "192.0.2.14", operation: operation,
            target: target, inputs: #"{"for":"2h"}"#)
    }

    @Test("what was asked for comes back, newest first, with what came of it", arguments: Kind.allCases)
    func asking(kind: Kind) async throws {
        try await kind.withLedger { ledger, tend in
            let store = ledger.activities
            let first = try await store.begin(change(0), within: .seconds(5))
            let second = try await store.begin(
                change(60, "delete-space", actor: .agent, by: "ci", target: "acme/bot"), within: .seconds(5))
            let third = try await store.begin(change(90, "reload", target: nil), within: .seconds(5))
            try await store.end(first, as: .done, because: nil)
            try await store.end(second, as: .refused, because: "it needs the scope admin")
            try await tend()
            let all = try await store.activities(ActivityQuery())
            #expect(all.map(\.id) == [third, second, first] && all.map(\.result) == [.begun, .refused, .done])
            #expect(all[2] == Activity(id: first, what: change(0), result: .done, because: nil))
            #expect(all[1].because == "it needs the scope admin" && all[0].what.target == nil)
            func ids(_ query: ActivityQuery) async throws -> [Int64] { try await store.activities(query).map(\.id) }
            #expect(try await ids(ActivityQuery(actors: [.agent, .token])) == [second])
            #expect(try await ids(ActivityQuery(name: "maren")) == [third, first])
            #expect(try await ids(ActivityQuery(results: [.refused, .failed])) == [second])
            #expect(try await ids(ActivityQuery(operation: "reload")) == [third])
            #expect(try await ids(ActivityQuery(target: "acme/bot")) == [second])
            #expect(try await ids(ActivityQuery(from: morning + .seconds(60), to: morning + .seconds(90))) == [second])
            #expect(try await ids(ActivityQuery(before: third, limit: 1)) == [second])
        }
    }

    @Test("it is kept as long as it is told, whatever it says", arguments: Kind.allCases)
    func retention(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let store = ledger.activities
            let long = String(repeating: "ü", count: 5_000)
            _ = try await store.begin(change(0, long, by: long, target: long), within: .seconds(5))
            let kept = try await store.begin(change(100), within: .seconds(5))
            try await store.end(kept, as: .failed, because: long)
            #expect(try await store.activities(ActivityQuery())[0].because?.count == 500)
            #expect(try await store.prune(before: morning + .seconds(100)) == 1)
            #expect(try await store.activities(ActivityQuery()).map(\.id) == [kept])
        }
    }

    @Test("of a damaged row nothing is believed, and the others stay")
    func damage() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        let bad = try await ledger.activities.begin(change(0), within: .seconds(5))
        let good = try await ledger.activities.begin(change(1), within: .seconds(5))
        try await ledger.write("damage a row") { db in
            try db.execute(
                sql: "UPDATE record SET body = '{' WHERE kind = 'activity' AND key = ?",
                arguments: [SQLiteActivities.key(bad)])
        }
        #expect(try await ledger.activities.activities(ActivityQuery()).map(\.id) == [good])
        #expect(try await ledger.compact() || ledger.wantsCompaction == false)
        try await ledger.compactAll()
        #expect(try await ledger.activities.activities(ActivityQuery()).map(\.id) == [good])
        await ledger.close()
    }
}
