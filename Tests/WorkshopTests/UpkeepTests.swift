import Foundation
import HubClient
import Ledger
import StokerCore
import Testing

@testable import Workshop

/// Budgets of a dataset, beginning afresh, squashing, and leads of other tools.
@Suite struct UpkeepTests {
    // MARK: Budgets

    @Test func aDayHasItsBytesAndTheHubMayLagSoFar() {
        var record = WorkerRecord()
        let now = Bench.now
        record.iteration = 10
        #expect(WorkerDecision.obstacle(record, hasDataset: true, now: now) == nil)
        record.day = .init(day: WorkerDecision.day(now), bytes: WorkerDecision.bytesADay / 3 + 1)
        #expect(WorkerDecision.obstacle(record, hasDataset: true, now: now)?.contains("14 MB") == true)
        #expect(WorkerDecision.obstacle(record, hasDataset: true, now: now + .seconds(86_400)) == nil)
        #expect(WorkerDecision.obstacle(record, hasDataset: false, now: now) == nil)
        record.day = nil
        record.iteration = 1_000
        #expect(WorkerDecision.obstacle(record, hasDataset: true, now: now)?.contains("not published") == true)
    }

    /// The oldest parts go when all together are too much, whatever `retention` says.
    @Test func aDatasetStaysBelowItsSize() {
        let parts = (0..<80).map { (path: DatasetPart.path($0 * 500 + 1, $0 * 500 + 500), size: Int64(8_000_000)) }
        let layout = DatasetLayout(paths: parts, filePrefix: "iteration_")
        let expired = layout.expired(retention: nil, newest: 40_000, adding: 1_000)
        let rest = layout.parts.filter { !expired.contains($0) }
        #expect(rest.reduce(0) { $0 + $1.size } <= DatasetLayout.mostInAll)
        #expect(rest.last?.last == 40_000 && expired.map(\.first) == (0..<18).map { $0 * 500 + 1 })
        #expect(layout.expired(retention: 10_000, newest: 40_000).last?.last == 30_000)
        #expect(
            DatasetLayout(paths: Array(parts.suffix(10)), filePrefix: "").expired(retention: nil, newest: 1).isEmpty)
    }

    /// Rows that wait for a Hub that does not answer are kept however many they are.
    @Test func whatIsNotPublishedIsNotForgotten() async throws {
        try await Bench.with { bench async throws in
            var settings = bench.settings
            settings.dataset = FleetReference("maren/tern-analysis")
            settings.tools = []
            let store = bench.store()
            var record = WorkerRecord()
            record.iteration = 300
            record.published = 20
            record.forgotten = 0
            _ = try await store.save(record, version: 0, at: Bench.now)
            for number in [1, 20, 21, 100] { try await store.keep("{}", number: number, at: Bench.now) }
            await #expect(throws: Failure.self) {
                try await bench.run(settings, perspectives: ["architecture"]).run()
            }
            #expect(try await store.load().record.iteration == 301)
            var kept: [Int] = []
            for number in [1, 20, 21, 100] where try await store.line(number) != nil { kept.append(number) }
            #expect(kept == [21, 100])
        }
    }

    // MARK: Wishes

    private static func looks(_ bench: Bench, _ settings: WorkerSettings, _ count: Int, from first: Int64 = 0)
        async throws
    {
        let publisher = try bench.publisher()
        for look in 0..<count {
            _ = try await bench.run(
                settings, perspectives: ["architecture", "test_coverage", "security"], publisher: publisher,
                now: Bench.now + .seconds((first + Int64(look)) * 400)
            ).run()
        }
    }

    @Test func beginningAfreshLeavesNothingAndDismissalsStay() async throws {
        try await Bench.with(hub: true) { bench async throws in
            var settings = bench.settings
            settings.dataset = FleetReference("maren/tern-analysis")
            settings.tools = [.zizmor]
            try await Self.looks(bench, settings, 3)
            let store = bench.store()
            let old = try await store.book()
            let id = try #require(old.open.first?.id)
            var book = old
            let isDismissed = book.dismiss(id, until: Bench.now + .seconds(864_000))
            #expect(isDismissed)
            try await store.save(book, over: old, at: Bench.now)
            let publisher = try bench.publisher()
            #expect(try await publisher.newest() == 3)

            try await store.ask(for: .afresh, at: Bench.now)
            try await Self.looks(bench, settings, 1, from: 10)
            let hub = try #require(bench.hub)
            let rows = try await DatasetReader(hub: hub, dataset: publisher.dataset).rows()
            #expect(rows.map(\.iteration) == [1])
            #expect(!rows.flatMap(\.findings).contains { $0.id == id })
            // The past is gone too: one commit of the squash, one of the row.
            #expect(try await hub.history(of: publisher.dataset, limit: 10).all().count == 2)
            let record = try await store.load().record
            #expect(record.wish == nil && record.iteration == 1 && record.published == 1)
            #expect(try await store.book().entries[id]?.finding.state == .dismissed)
            #expect(try await store.line(2) == nil)
        }
    }

    @Test func squashingKeepsEveryRow() async throws {
        try await Bench.with(hub: true) { bench async throws in
            var settings = bench.settings
            settings.dataset = FleetReference("maren/tern-analysis")
            settings.tools = [.zizmor]
            try await Self.looks(bench, settings, 3)
            let (hub, publisher) = (try #require(bench.hub), try bench.publisher())
            #expect(try await hub.history(of: publisher.dataset, limit: 20).all().count >= 3)
            try await bench.store().ask(for: .squash, at: Bench.now)
            // Nothing new is said of the commit, and the wish is carried out.
            try await Self.looks(bench, settings, 1, from: 10)
            #expect(try await hub.history(of: publisher.dataset, limit: 20).all().count == 1)
            #expect(
                try await DatasetReader(hub: hub, dataset: publisher.dataset).rows().map(\.iteration) == [1, 2, 3])
            #expect(try await bench.store().load().record.wish == nil)
        }
    }

    /// A look that is under way when somebody begins afresh ends without a word.
    @Test func aLookUnderWayIsFenced() async throws {
        try await Bench.with { bench async throws in
            let store = bench.store()
            let (record, version) = try await store.load()
            try await store.ask(for: .afresh, at: Bench.now)
            let failure = await #expect(throws: Failure.self) {
                _ = try await store.save(record, version: version, at: Bench.now)
            }
            #expect(failure?.code == .conflict)
        }
    }

    // MARK: Leads

    private static func document(_ results: String) throws -> JSONValue {
        try JSONValue(
            reading:
                #"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan","semanticVersion":"1.4","rules":[{"id":"first"},{"id":"second"}]}},"results":[\#(results)]}]}"#
        )
    }
    private static func result(_ uri: String, _ line: Int, _ more: String = #""ruleId":"r","#) -> String {
        #"{\#(more)"message":{"text":"token hf_abcdefghijklmnopqrstuvwxyz012345 is here"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"\#(uri)"},"region":{"startLine":\#(line)}}}]}"#
    }

    @Test func resultsOfOtherToolsAreLeads() throws {
        let read = try Lead.read(
            sarif: try Self.document(
                [
                    Self.result("./src/a%20b.py", 3), Self.result("src/c.py", 4, #""ruleIndex":1,"#),
                    Self.result("src/c.py", 4, #""ruleIndex":1,"#), Self.result("../etc/passwd", 1),
                    Self.result("file:///etc/passwd", 1), Self.result("src/d.py", 0),
                    Self.result("src/e.py", 1, #""ruleId":"r","suppressions":[{"kind":"inSource"}],"#),
                ].joined(separator: ",")))
        #expect(read.leads.map(\.file) == ["src/a b.py", "src/c.py"])
        #expect(read.leads.map(\.rule) == ["r", "second"] && read.leads[0].tool == "scan 1.4")
        #expect(read.leftOut == 4)
        #expect(!read.leads[0].message.contains("abcdefghijklmnop"), "\(read.leads[0].message)")
    }

    @Test(arguments: [
        #"{}"#, #"{"version":"1.0.0"}"#, #"{"version":"2.1.0"}"#, #"{"version":"2.1.0","runs":[{}]}"#, "[]",
    ])
    func whatIsNoSARIFIsRefused(_ text: String) throws {
        let failure = #expect(throws: Failure.self) { try Lead.read(sarif: try JSONValue(reading: text)) }
        #expect(failure?.code == .usage)
    }

    @Test func aToolSaysEverythingAnew() async throws {
        let store = WorkerStore(records: MemoryRecordsOfTest.make(), worker: "tern")
        try await store.take(
            try Lead.read(sarif: try Self.document(Self.result("a.py", 1) + "," + Self.result("b.py", 2))),
            at: Bench.now)
        try await store.take(try Lead.read(sarif: try Self.document(Self.result("b.py", 2))), at: Bench.now)
        #expect(try await store.leads().map(\.file) == ["b.py"])
        // One that finds nothing any more has no leads.
        try await store.take(try Lead.read(sarif: try Self.document("")), at: Bench.now)
        #expect(try await store.leads().isEmpty)
    }

    @Test func theImageHasTheVersionsThatTheProjectInstalls() throws {
        let wanted = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../Scripts/worker-tools.txt"), encoding: .utf8)
        for line in wanted.split(separator: "\n") {
            #expect(WorkerAsset.tools.text.contains("\n\(line) \\\n    --hash=sha256:"), "\(line)")
        }
        for asset in WorkerAsset.allCases { #expect(!asset.bytes.isEmpty) }
    }
}
