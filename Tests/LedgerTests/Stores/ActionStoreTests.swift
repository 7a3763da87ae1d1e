import Ledger
import StokerCore
import Testing

@Suite("ActionStore contract")
struct ActionStoreTests {
    private func restart(
        _ space: String, _ seconds: Int, kind: Action.Kind = .healing(.restart), owner: String? = nil, lease: Int? = nil
    ) -> NewAction {
        NewAction(
            kind, on: space, by: "healing", because: "crashed, 3 failed pings", began: morning + .seconds(seconds),
            owner: owner, leaseUntil: lease.map { morning + .seconds($0) }, details: ["check": "bot", "ü": "\"x\""])
    }

    @Test("what was done comes back, newest first, by Space whatever its case", arguments: Kind.allCases)
    func asking(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let actions = ledger.actions
            let first = try await actions.begin(restart("Acme/Bot", 0), within: .seconds(5))
            #expect(first.state == .begun && first.space == "Acme/Bot" && first.details["ü"] == "\"x\"")
            let second = try await actions.begin(
                restart("acme/bot", 60, kind: .healing(.factoryRestart)), within: .seconds(5))
            _ = try await actions.begin(restart("acme/other", 90), within: .seconds(5))
            let now = morning + .seconds(100)
            #expect(
                try await actions.end(first.id, fence: first.fence, as: .failed, result: "403", now: now))
            #expect(
                try await !actions.end(first.id, fence: first.fence, as: .succeeded, result: nil, now: now), "once")
            let own = try await actions.actions(ActionQuery(space: "ACME/BOT"))
            #expect(own.map(\.id) == [second.id, first.id])
            #expect(own[1].state == .failed && own[1].result == "403" && own[1].ended == now)
            #expect(own[0] == second)
            #expect(own[0].kind.healingStep == .factoryRestart && Action.Kind.suggestion.healingStep == nil)
            #expect(try await actions.actions(ActionQuery(openOnly: true)).map(\.space) == ["acme/other", "acme/bot"])
            #expect(
                try await actions.actions(ActionQuery(kinds: [.healing(.restart)], since: morning + .seconds(1)))
                    .map(\.space) == ["acme/other"])
            #expect(try await actions.actions(ActionQuery(before: second.id, limit: 5)).map(\.id) == [first.id])
        }
    }

    @Test("what was done follows a Space to its new name", arguments: Kind.allCases)
    func renaming(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let actions = ledger.actions
            for space in ["acme/old", "Acme/Old", "acme/other"] {
                _ = try await actions.begin(restart(space, 0), within: .seconds(5))
            }
            #expect(try await actions.rename(space: "ACME/old", to: "acme/New") == 2)
            #expect(try await actions.rename(space: "acme/old", to: "acme/new") == 0)
            #expect(try await actions.rename(space: "acme/other", to: "Acme/other") == 0, "only its case")
            #expect(try await actions.actions(ActionQuery(space: "acme/new")).map(\.space) == ["acme/New", "acme/New"])
            #expect(try await actions.actions(ActionQuery(space: "acme/old")).isEmpty)
        }
    }

    @Test("one at a time, until its lease is over; a late end is refused", arguments: Kind.allCases)
    func alone(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let actions = ledger.actions
            func begin(_ seconds: Int, by owner: String, lease: Int) async throws -> ExclusiveAction {
                try await actions.beginAlone(
                    restart("acme/bot", seconds, kind: .environment, owner: owner, lease: lease), within: .seconds(5))
            }
            guard case .begun(let first) = try await begin(0, by: "a", lease: 30) else {
                Issue.record("nobody held it")
                return
            }
            #expect(try await begin(10, by: "b", lease: 40) == .held(first))
            // Other Spaces and kinds do not count.
            _ = try await actions.begin(restart("acme/bot", 11), within: .seconds(5))
            #expect(try await actions.extend(first.id, fence: first.fence, until: morning + .seconds(60)))
            guard case .held = try await begin(45, by: "b", lease: 75) else {
                Issue.record("its lease was extended")
                return
            }
            guard case .begun(let second) = try await begin(61, by: "b", lease: 91) else {
                Issue.record("its lease was over")
                return
            }
            #expect(
                try await !actions.end(
                    first.id, fence: first.fence, as: .succeeded, result: nil, now: morning + .seconds(62)))
            let own = try await actions.actions(ActionQuery(kinds: [.environment]))
            #expect(own.map(\.state) == [.begun, .unknown] && own.map(\.id) == [second.id, first.id])
            // Taken over only when it is left, or its owner is known to be gone.
            let now = morning + .seconds(70)
            let until = morning + .seconds(200)
            #expect(try await actions.takeOver(second.id, by: "c", until: until, gone: nil, now: now) == nil)
            #expect(try await actions.takeOver(second.id, by: "c", until: until, gone: "x", now: now) == nil)
            let taken = try #require(
                try await actions.takeOver(second.id, by: "c", until: until, gone: "b", now: now))
            #expect(taken.owner == "c" && taken.fence > second.fence && taken.leaseUntil == until)
            #expect(
                try await actions.takeOver(second.id, by: "d", until: until, gone: nil, now: until)?.owner == "d")
            #expect(
                try await !actions.end(second.id, fence: taken.fence, as: .succeeded, result: nil, now: until))
        }
    }

    @Test("what ended long ago goes, what is open stays", arguments: Kind.allCases)
    func retention(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let actions = ledger.actions
            let old = try await actions.begin(restart("a/b", 0), within: .seconds(5))
            try await actions.end(old.id, fence: old.fence, as: .succeeded, result: nil, now: morning)
            let open = try await actions.begin(restart("a/b", 1), within: .seconds(5))
            #expect(try await actions.prune(endedBefore: morning) == 0)
            #expect(try await actions.prune(endedBefore: morning + .seconds(5)) == 1)
            #expect(try await actions.actions(ActionQuery()) == [open])
        }
    }
}
