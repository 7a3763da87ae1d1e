import Foundation
import HubClient
import HubSimulator
import Ledger
import Logging
import StokerCore
import Testing

@testable import Workshop

/// A folder, a repository to look at, a ledger in memory, and a simulated Hub where one is asked for.
struct Bench: Sendable {
    let folder: String
    let records = MemoryLedger().records
    var repository: String { folder + "/tern.git" }
    var hub: Hub?
    var world: SimulatedHub?

    static let now = Instant(seconds: Double(PracticeRepository.headTime)) + .seconds(86_400)
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func with<Value>(
        hub isWithHub: Bool = false, configuration: HubConfiguration = HubConfiguration(),
        pace: HubRateLimiter = HubRateLimiter(),
        more: [PracticeRepository.Commit] = [], makesRepository: Bool = true,
        _ work: (Bench) async throws -> Value
    ) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.path + "/workshop-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // in the temporary folder anyway
        var bench = Bench(folder: folder)
        if makesRepository { try await PracticeRepository.make(at: bench.repository, more: more) }
        if isWithHub {
            let world = try await SimulatedHub.start(configuration, logger: silent)
            bench.world = world
            bench.hub = Hub(
                .init(endpoint: world.endpoint, token: Secret("hf_maren")), pace: pace, logger: silent, jitter: { 0 })
        }
        do {
            let value = try await work(bench)
            try await bench.hub?.shutdown()
            await bench.world?.shutdown()
            return value
        } catch {
            try await bench.hub?.shutdown()
            await bench.world?.shutdown()
            throw error
        }
    }

    /// Where the tests' Python packages are, lizard and zizmor among them.
    static let tools: String = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../.build/venv/bin").standardized.path

    var settings: WorkerSettings {
        var settings = WorkerSettings()
        settings.repository = FleetReference(repository)
        // Its tests are run where a test is about that.
        settings.tools = [.ctags, .lizard, .zizmor]
        return settings
    }

    func run(
        _ settings: WorkerSettings? = nil, perspectives: [String]? = nil, publisher: DatasetPublisher? = nil,
        now: Instant = Bench.now, tools: [String] = [Bench.tools], records: (any RecordStore)? = nil
    ) -> WorkerRun {
        let all = PerspectiveFile.builtIn.perspectives(of: .analysis)
        var run = WorkerRun(
            name: "tern", settings: settings ?? self.settings,
            perspectives: perspectives.map { ids in ids.compactMap { id in all.first { $0.id == id } } } ?? all,
            source: repository, folder: folder + "/data", store: store(records), publisher: publisher,
            toolFolders: tools, now: { now }, logger: Self.silent)
        run.rules = Self.everyRule
        return run
    }

    /// All rules publish: what they see does not depend on what was measured of them.
    static let everyRule = RuleTable(
        Dictionary(uniqueKeysWithValues: EvidenceRule.all.map { ($0.id, .shown("in tests")) }))

    func store(_ other: (any RecordStore)? = nil) -> WorkerStore {
        WorkerStore(records: other ?? records, worker: "tern")
    }

    func publisher(_ name: String = "maren/tern-analysis", retention: Int? = nil) throws -> DatasetPublisher {
        DatasetPublisher(
            hub: try #require(hub), dataset: try RepoID(.dataset, name), kind: .analysis, isPrivate: true,
            retention: retention, repository: "tern", logger: Self.silent)
    }
}
