import Foundation
import HubSimulator
import Ledger
import StokerCore
import Testing

@testable import Workshop

enum RealModel {
    static let address: String? = ProcessInfo.processInfo.environment["STOKER_TEST_MODEL"]
}

/// The wire against a real llama.cpp server with a generated model of noise: `make model` starts it and names it here. It proves the wire, not
/// wisdom.
@Suite(.enabled(if: RealModel.address != nil)) struct LlamaTests {
    private func client(_ records: any RecordStore) throws -> ModelClient {
        var settings = ModelSettings()
        settings.url = RealModel.address
        settings.name = "noise"
        return ModelClient(
            settings: settings, budget: ModelBudget(), store: ModelStore(records: records, worker: "tern"),
            transport: ModelHTTP(environment: [:]).transport, secrets: [], now: { Bench.now })
    }

    @Test func itsSchemasAreSeenToBeKept() async throws {
        let client = try client(MemoryLedger().records)
        let known = try #require(try await client.known().value)
        #expect(known.format == .schema && (known.context ?? 0) >= 512, "\(known)")
        let book = try await client.store.book().book
        #expect(book.asked == 1 && book.open.isEmpty && book.tokens.spent > 0)
    }

    /// Noise inside a schema is JSON and no sense: what it says is checked as always, and nothing breaks.
    @Test func noiseIsReadWithoutHarm() async throws {
        let records = MemoryLedger().records
        for _ in 0..<5 {
            let outcome = try await ModelBench.ask(try client(records))
            for note in outcome.value?.notes ?? [] { #expect(note.evidence.map(\.id) == ["E1"]) }
            #expect(outcome.until == nil, "\(outcome)")
        }
        #expect(try await ModelStore(records: records, worker: "tern").book().book.asked >= 6)
    }

    @Test func aQuestionBeyondItsContextIsShortened() async throws {
        let records = MemoryLedger().records
        var client = try client(records)
        client.settings.context = 100_000
        let outcome = try await ModelBench.ask(client, text: String(repeating: "z = 1\n", count: 390))
        #expect(outcome.until == nil, "\(outcome)")
    }

    @Test func aWholeWorkerRunsWithIt() async throws {
        try await Bench.with { bench async throws in
            let http = ModelHTTP(environment: [:])
            for _ in 0..<10 {
                var run = ModelWorkerTests.worker(bench, .analysis, ScriptedModel { _ in ScriptedModel.refuses(500) })
                run.settings.model?.url = RealModel.address
                run.settings.model?.token = nil
                run.model = ModelAccess(transport: http.transport, secrets: [])
                _ = try await run.run()
            }
            let record = try await bench.store().load().record
            #expect(record.trouble == nil)
            #expect(try await ModelStore(records: bench.records, worker: "tern").book().book.asked >= 2)
        }
    }
}
