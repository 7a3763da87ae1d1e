import Foundation
import HubClient
import HubSimulator
import Runtime
import StokerCore
import Testing

@testable import Workshop

/// The dataset on a simulated Hub, read back by the official package.
@Suite struct PublishingTests {
    private static func line(_ number: Int, findings: [Finding] = []) -> String {
        var row = Iteration(
            iteration: number, timestamp: Bench.now, head: "abc", perspective: "security", stageName: "Static analysis",
            summary: "Row \(number)", findings: findings)
        row.insights.lists = [["a timeout"], [], number % 2 == 0 ? ["an empty list"] : []]
        return row.json.text
    }
    private static func rows(_ range: ClosedRange<Int>) -> PendingRows {
        PendingRows(first: range.lowerBound, lines: range.map { line($0, findings: $0 % 7 == 0 ? [finding] : []) })
    }
    private static let finding = Finding(
        id: "f", rule: "workflows", perspective: "security", title: "A title", why: "Why", file: "a.yml", lineStart: 1,
        lineEnd: 2, symbol: "", quote: "on: push", quoteSHA: "0", evidence: ["a.yml:1"], command: "zizmor",
        severity: .high,
        priority: 2.5, confidence: 0.9, state: .new, firstSeen: "2026-11-01T00:00:00.000Z", head: "abc", tools: ["git"],
        source: "evidence")

    struct Loaded: Decodable {
        struct Row: Decodable {
            var iteration: Int
            var timestamp: String
            var summary: String
        }
        var rows: Int
        var newest: Row
        var numbers: Bool
    }

    /// What `load_dataset(name)["train"]` has.
    /// - Parameter python: an interpreter with the package.
    static func load(_ name: String, _ bench: Bench, python: String = Bench.tools + "/python") async throws -> Loaded {
        var environment = ProgramRun.plain
        environment["HF_ENDPOINT"] = try #require(bench.world).endpoint
        environment["HF_TOKEN"] = "hf_maren"
        environment["HOME"] = bench.folder
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "newest.py").path
        let ended = try await ProgramRun(
            path: python, arguments: [script, name, bench.folder + "/cache-\(UUID().uuidString)"],
            environment: environment, within: .seconds(120)
        ).run()
        try #require(ended.status == 0, "\(ended.errors.suffix(2_000))")
        return try JSONDecoder().decode(
            Loaded.self, from: Data(ended.text.split(separator: "\n").last.map { Data($0.utf8) } ?? Data()))
    }

    private static var insights: Iteration.Insights {
        var insights = Iteration.Insights()
        insights.lists = [["a timeout"], [], []]
        return insights
    }

    /// More by STOKER_ITERATIONS, and other versions of the package by STOKER_DATASETS (interpreters, joined by colons), as `make datasets` does.
    @Test func theNewestRowIsTheLastOfTheOfficialPackage() async throws {
        let most = ProcessInfo.processInfo.environment["STOKER_ITERATIONS"].flatMap(Int.init) ?? 101
        let looks: Set = [1, 9, 10, 11, 99, 100, 101, 1_000, most]
        let others = ProcessInfo.processInfo.environment["STOKER_DATASETS"]?.split(separator: ":").map(String.init)
        try await Bench.with(hub: true, makesRepository: false) { bench async throws in
            let publisher = try bench.publisher()
            var number = 0
            while number < most {
                // One by one where it is looked at, and in larger commits between.
                let next = looks.filter { $0 > number }.min() ?? most
                let last = next - number > 12 ? min(next - 2, number + 30) : number + 1
                let outcome = try await publisher.publish(Self.rows((number + 1)...last), insights: Self.insights)
                guard case .published = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                number = last
                guard looks.contains(number) else { continue }
                for python in [Bench.tools + "/python"] + (others ?? []) {
                    let loaded = try await Self.load("maren/tern-analysis", bench, python: python)
                    #expect(loaded.newest.iteration == number && loaded.rows == number && loaded.numbers, "\(python)")
                    #expect(loaded.newest.timestamp == Iteration.text(Bench.now), "\(python)")
                }
            }
            let latest = try await publisher.latest()
            #expect(latest?["iteration"]?.integer == most)
            let hub = try #require(bench.hub)
            let info = try await hub.info(of: publisher.dataset, expand: ["private"])
            #expect(info.isPrivate == true)
            let insights = try JSONValue(reading: try await hub.text(of: "insights.json", in: publisher.dataset))
            #expect(insights["failure_modes_identified"]?.array == ["a timeout"])
        }
    }

    @Test func aCommitWhoseAnswerWasLostIsNotMadeTwice() async throws {
        try await Bench.with(hub: true, makesRepository: false) { bench async throws in
            let publisher = try bench.publisher()
            let first = try await publisher.publish(Self.rows(1...3), insights: Self.insights)
            // The process ended before it wrote down that the rows are there.
            let again = try await publisher.publish(Self.rows(1...3), insights: Self.insights)
            guard case .published(let commit, true) = first, case .published(let same, false) = again else {
                Issue.record("\(first) \(again)")
                return
            }
            #expect(commit == same)
            // Also when the part was put together with others since.
            for number in 4...60 {
                _ = try await publisher.publish(Self.rows(number...number), insights: Self.insights)
            }
            #expect(try await publisher.look()?.layout.parts.first?.first == 1)
            guard case .published = try await publisher.publish(Self.rows(4...4), insights: Self.insights) else {
                Issue.record("row 4 was not found")
                return
            }
            #expect(try await publisher.newest() == 60)
        }
    }

    @Test func twoWritersLoseNoRow() async throws {
        try await Bench.with(hub: true, makesRepository: false) { bench async throws in
            let publisher = try bench.publisher()
            _ = try await publisher.publish(Self.rows(1...1), insights: Self.insights)
            let other = PendingRows(first: 2, lines: [Self.line(2) + " "])
            _ = try await publisher.publish(other, insights: Self.insights)
            #expect(try await publisher.publish(Self.rows(2...2), insights: Self.insights) == .taken(next: 3))
            #expect(try await publisher.newest() == 2)
        }
    }

    // MARK: The worker on it

    @Test func theWorkerPublishesAndGoesOnAfterItsDiskWasLost() async throws {
        try await Bench.with(hub: true) { bench async throws in
            var settings = bench.settings
            settings.dataset = FleetReference("maren/tern-analysis")
            let publisher = try bench.publisher()
            for look in 0..<6 {
                // Rows without news wait for five minutes.
                let now = Bench.now + .seconds(Int64(look) * 400)
                _ = try await bench.run(settings, publisher: publisher, now: now).run()
            }
            let record = try await bench.store().load().record
            #expect(record.iteration == 6 && record.published == 6 && record.sending == nil)
            let loaded = try await Self.load("maren/tern-analysis", bench)
            #expect(loaded.rows == 6 && loaded.newest.iteration == 6)

            // Another disk: the counter goes on where the Hub is.
            let fresh = MemoryRecordsOfTest.make()
            let outcome = try await bench.run(
                settings, publisher: publisher, now: Bench.now + .seconds(9_000), records: fresh
            ).run()
            #expect(outcome.row == 7 && outcome.published == 7...7)
            // The dataset was deleted: it is made again.
            try await #require(bench.hub).delete(publisher.dataset)
            let next = try await bench.run(
                settings, publisher: publisher, now: Bench.now + .seconds(9_500), records: fresh
            ).run()
            #expect(next.row == 8 && next.published == 8...8)
            #expect(try await publisher.newest() == 8)
        }
    }

    @Test func withoutTheRightToWriteRowsWaitAndItIsSaid() async throws {
        try await Bench.with(hub: true) { bench async throws in
            var settings = bench.settings
            settings.dataset = FleetReference("maren/tern-analysis")
            let endpoint = try #require(bench.world).endpoint
            let reader = Hub(
                .init(endpoint: endpoint, token: Secret("hf_maren_read")), logger: Bench.silent, jitter: { 0 })
            let blocked = DatasetPublisher(
                hub: reader, dataset: try RepoID(.dataset, "maren/tern-analysis"), kind: .analysis, isPrivate: true,
                retention: nil, repository: "tern", logger: Bench.silent)
            let failure = await #expect(throws: Failure.self) {
                try await bench.run(settings, publisher: blocked).run()
            }
            #expect(failure?.code == .hubForbidden)
            try await reader.shutdown()
            var record = try await bench.store().load().record
            #expect(record.iteration == 1 && record.published == 0 && record.trouble?.code == "hub.forbidden")
            // With a token that may write all of it goes up.
            _ = try await bench.run(settings, publisher: try bench.publisher()).run()
            record = try await bench.store().load().record
            #expect(record.published == 1 && record.trouble == nil)
        }
    }
}
