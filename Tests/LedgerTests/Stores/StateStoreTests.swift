import Ledger
import StokerCore
import Testing

@Suite("StateStore contract")
struct StateStoreTests {
    @Test("names keep their numbers", arguments: Kind.allCases)
    func names(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let first = try await ledger.register(["bot", "llm", "bot/ready"])
            #expect(Set(first).count == 3)
            #expect(first.allSatisfy { $0 > 0 })
            #expect(
                try await ledger.register(["llm", "new", "bot", "llm"]) == [first[1], first[2] + 1, first[0], first[1]])
            #expect(try await ledger.statistics().checks == 4)
            #expect(try await ledger.register([]) == [])
        }
    }

    @Test("a new name takes all that is remembered along", arguments: Kind.allCases)
    func renames(kind: Kind) async throws {
        try await kind.withLedger { ledger, settle in
            let numbers = try await ledger.register(["old", "other"])
            let rows = (0..<40).map { observation(numbers[0], Double($0)) }
            let saved = SavedState(state: CheckState(), nextDue: Instant(milliseconds: 7_000))
            let incident = Incident(
                check: numbers[0], began: Instant(milliseconds: 1_000), verdict: .down, cause: .status)
            try await ledger.record(
                Batch(observations: rows, states: [(check: numbers[0], state: saved)], incidents: [incident]))
            try await settle()
            let change = Fleet.Rename(from: "old", to: "new")
            let gone = Fleet.Rename(from: "never", to: "seen")
            let both = Fleet.Rename(from: "new", to: "other")
            #expect(
                try await ledger.rename([gone, change, both]) == Renamed(carried: [change], apart: [both]))
            // It may be asked for ever.
            #expect(try await ledger.rename([gone, change]) == Renamed())
            #expect(try await ledger.register(["new", "other"]) == numbers)
            #expect(try await ledger.register(["old"]).first.map { !numbers.contains($0) } == true)
            #expect(try await ledger.savedStates()[numbers[0]] == saved)
            #expect(try await ledger.observations(of: numbers[0], before: nil, limit: 100).count == 40)
            #expect(try await ledger.incidents(of: numbers[0], openOnly: true, before: nil, limit: 9).count == 1)
            // Of several old names the first that is known counts.
            #expect(
                try await ledger.rename([
                    .init(from: "new", to: "newest"), .init(from: "old", to: "newest"),
                ]).carried == [.init(from: "new", to: "newest")])
        }
    }

    @Test("states and due times keep the newest", arguments: Kind.allCases)
    func states(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            var random = SplitMix64(seed: 5)
            var expected: [Int32: SavedState] = [:]
            for round in 0..<5 {
                let states = (1...40).filter { _ in round == 0 || Bool.random(using: &random) }.map { check in
                    (
                        check: Int32(check),
                        state: SavedState(state: randomState(&random), nextDue: morning + .seconds(round))
                    )
                }
                for (check, state) in states { expected[check] = state }
                try await ledger.record(Batch(states: states))
            }
            #expect(try await ledger.savedStates() == expected)
        }
    }
}
