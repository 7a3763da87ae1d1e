import HubClient
import Ledger
import StokerCore
import Testing

@testable import Operations

/// What the doctor tells besides causes.
@Suite(.timeLimit(.minutes(2))) struct DiagnoseSpaceTests {
    private let now = Instant(seconds: 1_790_000_000)

    /// What Stoker did by itself and what somebody asked for: of this Space, of the last day, newest first, without secrets.
    @Test func whatWasDoneIsToldWithWhoAndHowItEnded() async throws {
        try await DeployScratch.with { scratch in
            var new = NewRepo(try RepoID.space("maren/bot"), sdk: "static")
            new.files = [.init(path: "README.md", content: "---\nsdk: static\n---\n")]
            _ = try await scratch.hub.ensure(new)
            let ledger = MemoryLedger()
            func act(
                _ kind: Action.Kind, _ space: String, by actor: String, _ reason: String, before: Duration,
                _ end: Action.State, _ result: String? = nil
            ) async throws {
                let began = now - before
                let action = try await ledger.actions.begin(
                    NewAction(kind, on: space, by: actor, because: reason, began: began), within: .seconds(3))
                guard end != .begun else { return }
                try await ledger.actions.end(
                    action.id, fence: action.fence, as: end, result: result, now: began + .seconds(5))
            }
            try await act(
                .healing(.restart), "maren/bot", by: "healing", "it is down", before: .seconds(90_000), .succeeded)
            try await act(
                .healing(.restart), "maren/bot", by: "healing", "the app crashed", before: .seconds(3_600), .succeeded,
                "it runs")
            try await act(
                .asked(.pause), "maren/bot", by: "kim", "token=hf_abcdefghijklmnopqrstuvwxyz01234567 leaked",
                before: .seconds(600), .failed, "the Hub answered 403")
            try await act(.healing(.wake), "maren/rag", by: "healing", "it is asleep", before: .seconds(60), .succeeded)
            try await act(.healing(.wake), "maren/bot", by: "healing", "it is asleep", before: .seconds(30), .begun)

            let context = OperationContext(ledger: ledger, now: { [now] in now }, hub: scratch.hub)
            let answer = try await Operation.doctor.call(
                [("owner", "maren"), ("name", "bot"), ("lines", 10)], in: context)
            let done = answer["done"]?.array ?? []
            #expect(done.map { $0["action"]?.string } == ["heal.wake", "space.pause", "heal.restart"])
            #expect(done.map { $0["automatic"] } == [true, false, true])
            #expect(done.map { $0["state"]?.string } == ["begun", "failed", "succeeded"])
            #expect(done.map { $0["actor"]?.string } == ["healing", "kim", "healing"])
            #expect(done.map { $0["result"]?.string } == [nil, "the Hub answered 403", "it runs"])
            #expect(done[0]["at"] == .instant(now - .seconds(30)))
            #expect(!answer.text.contains("hf_abcdefghij"), "\(answer.text)")

            // Without a ledger nothing was done, and nothing is missing.
            let bare = try await Operation.doctor.call(
                [("owner", "maren"), ("name", "bot"), ("lines", 10)],
                in: OperationContext(now: { [now] in now }, hub: scratch.hub))
            #expect(bare["done"] == [])
            #expect(bare["not_seen"]?.array?.contains { $0.string?.contains("what was done") == true } == false)
        }
    }
}
