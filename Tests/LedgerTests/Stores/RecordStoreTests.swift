import Ledger
import StokerCore
import Testing

@Suite("RecordStore contract")
struct RecordStoreTests {
    private func note(_ key: String, _ body: String = "{}", at: Instant = morning, expires: Instant? = nil) -> NewRecord
    {
        NewRecord(kind: "note", key: key, body: body, at: at, expires: expires)
    }

    @Test("a document takes the place of the one before, and its version rises", arguments: Kind.allCases)
    func putting(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let records = ledger.records
            let found1 = try await records.record(kind: "note", key: "a")
            #expect(found1 == nil)
            let first = try #require(try await records.put(note("a", "1")))
            #expect(first.version == 1)
            let second = try #require(
                try await records.put(note("a", "2", at: morning + .seconds(1), expires: morning + .seconds(9))))
            #expect(second.version == 2)
            let found2 = try await records.record(kind: "note", key: "a")
            #expect(found2 == second)
            #expect(second.body == "2" && second.expires == morning + .seconds(9))
            // Another kind is another document.
            try await records.put(NewRecord(kind: "other", key: "a", at: morning))
            let found3 = try await records.records(kind: "note")
            #expect(found3 == [second])
            let removed = try await records.remove(kind: "note", key: "a")
            #expect(removed)
            let again = try await records.remove(kind: "note", key: "a")
            #expect(!again)
            let found4 = try await records.records(kind: "other").count
            #expect(found4 == 1)
        }
    }

    @Test("who writes on a version that is gone is refused", arguments: Kind.allCases)
    func versions(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let records = ledger.records
            let found5 = try await records.put(note("a", "1"), ifVersion: 1)
            #expect(found5 == nil)
            let found6 = try await records.put(note("a", "1"), ifVersion: 0)?.version
            #expect(found6 == 1)
            let found7 = try await records.put(note("a", "2"), ifVersion: 0)
            #expect(found7 == nil)
            let found8 = try await records.put(note("a", "2"), ifVersion: 1)?.version
            #expect(found8 == 2)
            let found9 = try await records.put(note("a", "3"), ifVersion: 1)
            #expect(found9 == nil)
            let found10 = try await records.record(kind: "note", key: "a")?.body
            #expect(found10 == "2")
        }
    }

    @Test("listed in the order of their bytes, by prefix and in pages", arguments: Kind.allCases)
    func listing(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let records = ledger.records
            for key in ["b/2", "é", "a", "b/1", "B", "b", "b/10", "c%", "c_"] { try await records.put(note(key)) }
            func keys(_ prefix: String = "", after: String? = nil, limit: Int = 99) async throws -> [String] {
                let found = try await records.records(kind: "note", prefix: prefix, after: after, limit: limit)
                return found.map { $0.key }
            }
            let found11 = try await keys()
            #expect(found11 == ["B", "a", "b", "b/1", "b/10", "b/2", "c%", "c_", "é"])
            let found12 = try await keys("b/")
            #expect(found12 == ["b/1", "b/10", "b/2"])
            let found13 = try await keys("b/", after: "b/1", limit: 1)
            #expect(found13 == ["b/10"])
            let found14 = try await keys("c%")
            #expect(found14 == ["c%"])
            let found15 = try await keys("é")
            #expect(found15 == ["é"])
            let found16 = try await keys(limit: 0)
            #expect(found16 == [])
            let found17 = try await keys("z")
            #expect(found17 == [])
        }
    }

    @Test("what is past its time goes, and of each kind the oldest beyond the limit", arguments: Kind.allCases)
    func retaining(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let records = ledger.records
            try await records.put(note("over", expires: morning + .seconds(10)))
            try await records.put(note("on", expires: morning + .seconds(11)))
            try await records.put(note("ever"))
            let found18 = try await records.prune(now: morning + .seconds(10))
            #expect(found18 == 1)
            let found19 = try await records.records(kind: "note").map(\.key)
            #expect(found19 == ["ever", "on"])
            let found20 = try await records.prune(now: morning + .seconds(11))
            #expect(found20 == 1)
            let found21 = try await records.prune(now: morning + .seconds(9_999_999))
            #expect(found21 == 0)
        }
    }

    @Test("sizes are checked", arguments: Kind.allCases)
    func sizes(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let long = String(repeating: "x", count: 201)
            for wrong in [
                note(""), note(long), NewRecord(kind: "", key: "a", at: morning),
                NewRecord(kind: long, key: "a", at: morning),
                note("a", String(repeating: "x", count: Record.maxBody + 1)),
            ] {
                do throws(Failure) {
                    try await ledger.records.put(wrong)
                    Issue.record("accepted")
                } catch {
                    #expect(error.code == .usage)
                }
            }
            try await ledger.records.put(note("a", String(repeating: "x", count: Record.maxBody)))
            let found22 = try await ledger.records.records(kind: "note").count
            #expect(found22 == 1)
        }
    }

    @Test("a copy of the ledger holds them") func backup() async throws {
        let scratch = try Scratch()
        let ledger = try await openLedger(scratch)
        try await ledger.records.put(note("a", "kept"))
        try await ledger.backup(to: scratch.path("copy.sqlite"))
        await ledger.close()
        let copy = try await SQLiteLedger(path: scratch.path("copy.sqlite"), layout: .small, logger: quiet)
        let found23 = try await copy.records.record(kind: "note", key: "a")?.body
        #expect(found23 == "kept")
        await copy.close()
    }
}
