import StokerCore
import Testing

@testable import Safekeeping

@Suite struct KeepRulesTests {
    private func snapshot(_ time: String, tags: [String] = [], verified: Bool = false) throws -> Snapshot {
        let at = try #require(Instant(rfc3339: time))
        return Snapshot(
            id: time, epoch: 1, number: UInt64(at.milliseconds / 1_000), time: at, parent: nil, tags: tags, size: 0,
            files: 0, added: 0, rows: nil, doubtful: 0, verified: verified ? at : nil, root: .empty)
    }

    /// As restic's documentation has it: "the last n" counts snapshots, the others count periods that have any.
    @Test func eachRuleKeepsTheLastOfEachOfItsPeriods() throws {
        let all = try [
            "2026-11-30T15:10:00Z", "2026-11-30T15:00:00Z", "2026-11-30T13:00:00Z", "2026-11-29T23:59:00Z",
            "2026-11-29T01:00:00Z", "2026-11-23T00:00:00Z", "2026-11-22T23:00:00Z", "2026-10-01T00:00:00Z",
            "2025-12-31T23:00:00Z",
        ].map { try snapshot($0) }
        func kept(_ change: (inout KeepRules) -> Void) -> [String: [String]] {
            var rules = KeepRules()
            change(&rules)
            return rules.decide(all.shuffled(), newest: all[0].id).filter(\.isKept)
                .reduce(into: [:]) { $0[$1.snapshot.id] = $1.reasons }
        }
        #expect(kept { $0.last = 2 } == [all[0].id: ["newest", "last"], all[1].id: ["last"]])
        #expect(kept { $0.hourly = 2 } == [all[0].id: ["newest", "hourly"], all[2].id: ["hourly"]])
        #expect(Set(kept { $0.daily = 3 }.keys) == [all[0].id, all[3].id, all[5].id])
        // Weeks begin on Monday: the 23rd is one, the 29th its Sunday, the 30th the next Monday.
        #expect(Set(kept { $0.weekly = 3 }.keys) == [all[0].id, all[3].id, all[6].id])
        #expect(Set(kept { $0.monthly = 5 }.keys) == [all[0].id, all[7].id, all[8].id])
        #expect(Set(kept { $0.yearly = 2 }.keys) == [all[0].id, all[8].id])
        #expect(Set(kept { $0.within = .seconds(86_400) }.keys) == Set(all.prefix(4).map(\.id)))
    }

    @Test func theNewestTheProvenAndTheTaggedStay() throws {
        let all = try [
            snapshot("2026-11-30T00:00:00Z"), snapshot("2026-11-29T00:00:00Z", verified: true),
            snapshot("2026-11-28T00:00:00Z", tags: ["release"]), snapshot("2026-11-27T00:00:00Z", verified: true),
        ]
        var rules = KeepRules()
        rules.tags = ["release"]
        let decided = rules.decide(all, newest: all[0].id)
        #expect(decided.map(\.reasons) == [["newest"], ["last verified"], ["tag release"], []])
        #expect(
            KeepRules.decide(all, dropping: Set(all.map(\.id)), newest: all[0].id).map(\.isKept)
                == [true, true, false, false])
    }
}
