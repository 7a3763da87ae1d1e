import Ledger
import StokerCore
import Testing

@Suite("EventStore contract")
struct EventStoreTests {
    @Test("events come newest first, in pages", arguments: Kind.allCases)
    func events(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let events = (0..<6).map {
                Event(
                    at: morning + .seconds($0), kind: "verdict", check: $0 % 2 == 0 ? 7 : nil,
                    text: "it's \"\($0)\" – ü")
            }
            try await ledger.record(Batch(events: events))
            let all = try await ledger.events(of: nil, before: nil, limit: 4)
            #expect(all.map(\.text) == events[2...].reversed().map(\.text))
            #expect(
                try await ledger.events(of: nil, before: all[3].id, limit: 9).map(\.at)
                    == events[..<2].reversed().map(\.at))
            #expect(try await ledger.events(of: 7, before: nil, limit: 9).map(\.check) == [7, 7, 7])
        }
    }

    @Test("what happened comes back as values, its sentence made from them", arguments: Kind.allCases)
    func payloads(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let events = EventPayload.samples.enumerated().map { index, payload in
                Event(at: morning + .seconds(index), check: index % 3 == 0 ? nil : 7, payload)
            }
            try await ledger.record(Batch(events: events))
            let stored = try await ledger.events(of: nil, before: nil, limit: 1_000)
            #expect(stored.map(\.payload) == events.reversed().map(\.payload))
            #expect(stored.map(\.check) == events.reversed().map(\.check))
            #expect(stored.allSatisfy { !$0.text.isEmpty && !$0.kind.isEmpty })
        }
    }
}

extension EventPayload {
    /// One of each kind, and of each form that a kind has.
    static let samples: [EventPayload] = [
        .verdict(check: "bot", from: .up, to: .down, cause: .status),
        .verdict(check: "a \"b\" – ü\n", from: .unknown, to: .up, cause: .none),
        .incidentBegan(check: "bot", cause: .connectRefused),
        .incidentEnded(check: "bot", how: .recovered, lastedMilliseconds: 61_700),
        .incidentEnded(check: "bot", how: .paused, lastedMilliseconds: 400),
        .incidentEnded(check: nil, how: .left, lastedMilliseconds: nil),
        .incidentEnded(check: "bot", how: .replaced, lastedMilliseconds: nil),
        .flappingBegan(check: "bot"), .flappingEnded(check: "bot"),
        .paused(check: "bot", until: nil), .paused(check: "bot", until: morning), .moderated(check: "bot"),
        .resumed(check: "bot"), .renamed(from: "a", to: "b", carried: true),
        .renamed(from: "a", to: "b", carried: false),
        .started(checks: 1), .stopped, .offline, .online, .fleetReloaded(checks: 3, added: 1, gone: 0),
        .fleetRejected(problem: "line 3: unknown key"), .fleetNeedsRestart(keys: ["hub.token", "ledger"]),
        .tookOver(from: "http://first"), .steppedBack(to: "http://first"),
        .ledgerStalled(because: "the disk is full", limit: 5), .ledgerRecovered,
        .ledgerMended(what: "A row was mended"),
        .ledgerDamaged(what: "A page was damaged"), .ledgerAcknowledged(incident: 7),
        .ledgerRestored(what: "Restored snapshot 1"), .ledgerUnkept(vault: "folder:/v", because: "the disk is full"),
        .ledgerKept(vault: "folder:/v"), .ledgerTaken(vault: "folder:/v", by: "host, process 7"),
        .spaceStage(space: "a/b", stage: "RUNNING", from: "BUILDING", why: nil, message: nil),
        .spaceStage(space: "a/b", stage: nil, from: nil, why: .owner, message: nil),
        .spaceStage(space: "a/b", stage: "PAUSED", from: "PAUSED", why: .spendLimit, message: "x"),
        .spaceStage(space: "a/b", stage: "PAUSED", from: nil, why: .moderation, message: nil),
        .spaceStage(space: "a/b", stage: "RUNTIME_ERROR", from: nil, why: nil, message: "exit 1"),
        .spaceFound(space: "a/b", check: "b"), .spaceGone(space: "a/b", check: "b"),
        .spaceGone(space: "a/b", check: nil),
        .spaceMoved(space: "a/b", to: "a/c", isWritten: true), .spaceMoved(space: "a/b", to: "a/c", isWritten: false),
        .spaceLeftPaused(space: "a/b", command: "stoker space secrets", at: "2026-11-21", now: "it is started"),
        .spaceAsked(deed: .factoryRestart, space: "a/b", by: "`stoker space restart`"),
        .hubUnreachable(because: "no answer"), .hubBack,
        .platformReported(title: "Spaces are down", since: Instant(milliseconds: 1), page: "https://status.test"),
        .platformReported(title: "Spaces are down", since: nil, page: "https://status.test"),
        .hubNothingFound(namespaces: ["a"], because: "none", hint: "look"),
        .hubSpread(requests: 90, budget: 50, minutes: 10),
        .healing(step: .factoryRestart, check: "bot", space: "a/b", because: "crashed"),
        .healed(step: .restart, check: "bot", because: "crashed", number: 1, most: 2, withinMilliseconds: 21_600_000),
        .healingFailed(
            step: .restart, check: "bot", because: "403", hint: "grant it", number: 1, most: 2,
            withinMilliseconds: 21_600_000),
        .healingSuggested(step: .restart, check: "bot", because: "crashed"),
        .healingExhausted(check: "bot", because: "crashed"),
        .healingExhausted(check: "bot", because: "crashed", once: true),
        .healingHeld(step: .restart, check: "bot", because: "crashed", incident: 3),
        .healingSuspended(spaces: 3, cause: .spaceCrashed),
        .healingSuspended(spaces: 3, cause: .spaceCrashed, platform: "the platform tells of “a”"),
        .healingResumed(cause: .spaceCrashed),
        .text(kind: "of.tomorrow", sentence: "Something new"),
    ]
}
