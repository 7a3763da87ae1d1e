import Foundation
import StokerCore
import Testing

/// Sentences that people and their scripts know, and the form that is stored.
struct EventPayloadTests {
    @Test(
        arguments: [
            (
                EventPayload.verdict(check: "bot", from: .up, to: .down, cause: .connectRefused), "verdict",
                "bot is down, was up: the connection was refused: nothing listens there"
            ),
            (.verdict(check: "bot", from: .unknown, to: .up, cause: .none), "verdict", "bot is up, was unknown"),
            (
                .drifted(space: "a/b", check: "b", what: ["hardware", "app.py"], more: 2), "drift.found",
                "a/b is otherwise than the fleet file says: hardware, app.py and 2 more"
            ),
            (.driftEnded(space: "a/b", check: "b"), "drift.ended", "a/b is as the fleet file says again"),
            (
                .incidentEnded(check: "bot", how: .recovered, lastedMilliseconds: 74_900), "incident.ended",
                "bot is well again after 1m14s"
            ),
            (
                .incidentEnded(check: "bot", how: .recovered, lastedMilliseconds: 400), "incident.ended",
                "bot is well again after 400ms"
            ),
            (
                .incidentEnded(check: nil, how: .left, lastedMilliseconds: nil), "incident.ended",
                "A check left the fleet; its incident was closed"
            ),
            (
                .paused(check: "bot", until: Instant(milliseconds: 1_795_248_000_000)), "paused",
                "bot was paused until 2026-11-21T08:00:00.000Z"
            ),
            (
                .spaceStage(space: "a/b", stage: "BUILDING", from: "RUNTIME_ERROR", why: nil, message: nil),
                "space.stage",
                "The Hub says that a/b is BUILDING, was RUNTIME_ERROR"
            ),
            (
                .spaceStage(space: "a/b", stage: "PAUSED", from: "PAUSED", why: .owner, message: "x"), "space.stage",
                "The Hub says that a/b is PAUSED: paused by its owner"
            ),
            (
                .healing(step: .factoryRestart, check: "bot", space: "a/b", because: "crashed"), "heal.factory_restart",
                "bot: factory restart of a/b because of: crashed"
            ),
            (
                .healed(
                    step: .restart, check: "bot", because: "crashed", number: 1, most: 2, withinMilliseconds: 21_600_000
                ),
                "heal.result", "bot: the Hub took the restart (restart 1 of 2 in 6h); it was crashed"
            ),
            (
                .healingFailed(
                    step: .restart, check: "bot", because: "403", hint: "grant it", number: 2, most: 2,
                    withinMilliseconds: 21_600_000), "heal.failed",
                "bot: the Hub refused the restart (restart 2 of 2 in 6h): 403; grant it"
            ),
            (
                .healingExhausted(check: "bot", because: "out of memory", once: true), "heal.exhausted",
                "bot still fails (out of memory); a restart helps that only once, and it was made: somebody should look"
            ),
            (
                .healingExhausted(check: "bot", because: "crashed"), "heal.exhausted",
                "bot still fails (crashed) and its budget of restarts is used up: somebody should look"
            ),
            (.started(checks: 1), "started", "Stoker started with 1 check"),
            (.text(kind: "of.tomorrow", sentence: "Something new"), "of.tomorrow", "Something new"),
        ] as [(EventPayload, String, String)]) func sentences(payload: EventPayload, kind: String, sentence: String)
    {
        #expect(payload.kind == kind)
        #expect(payload.sentence == sentence)
    }

    /// In ledgers that exist: another form would make their rows mere sentences.
    @Test func theStoredFormStays() throws {
        let stored = #"{"verdict":{"cause":50,"check":"bot","from":1,"to":4}}"#
        let read = try JSONDecoder().decode(EventPayload.self, from: Data(stored.utf8))
        #expect(read == .verdict(check: "bot", from: .up, to: .down, cause: .status))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(read), as: UTF8.self) == stored)
        let short = #"{"spaceGone":{"space":"a/b"}}"#
        #expect(
            try JSONDecoder().decode(EventPayload.self, from: Data(short.utf8)) == .spaceGone(space: "a/b", check: nil))
        let restart = #"{"healing":{"because":"crashed","check":"bot","space":"a/b","step":"factory_restart"}}"#
        #expect(
            try JSONDecoder().decode(EventPayload.self, from: Data(restart.utf8))
                == .healing(step: .factoryRestart, check: "bot", space: "a/b", because: "crashed"))
    }
}
