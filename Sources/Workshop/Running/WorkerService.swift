import Foundation
import HubClient
import Ledger
package import Logging
package import Runtime
import ServiceLifecycle
import StokerCore

/// Runs the workers of a fleet: each is one job of the ledger that comes back at its interval.
package struct WorkerService: Service {
    static let kind = "worker"

    private let board: WorkerBoard
    private let runner: JobRunner
    private let logger: Logger
    private let mayRun: @Sendable () async -> Bool
    private let news = AsyncSignal()

    /// - Parameters:
    ///   - owner: names this process in what it claims.
    ///   - mayRun: false while another master has the fleet.
    package init(
        board: WorkerBoard, owner: String, clocks: Clocks, mayRun: @escaping @Sendable () async -> Bool, logger: Logger
    ) {
        self.board = board
        self.logger = logger
        self.mayRun = mayRun
        let backoff = Backoff(first: .seconds(5), longest: .seconds(300))
        let work = WorkerLook(board: board, mayRun: mayRun)
        runner = JobRunner(
            store: board.ledger.jobs, handlers: [JobHandler(kind: Self.kind) { try await work.run($0) }], owner: owner,
            // Looks are heavy: as many at a time as a small machine has processors.
            settings: JobRunner.Settings(concurrency: 2, lease: .seconds(30), poll: .seconds(5)),
            clock: ContinuousClock(), now: clocks.wall,
            backoff: { backoff.wait(after: $0, share: .random(in: 0...1)) }, logger: logger)
    }

    package func run() async throws {
        board.setWake { [news] in news.fire() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Of looks that were killed.
                let scratch = board.folder + "/scratch"
                try? await BlockingWork.run { try FileManager.default.removeItem(atPath: scratch) }
                // What an earlier process of this ledger held: it is alone, so nobody is at it any more.
                do throws(Failure) { try await board.ledger.jobs.release(kind: Self.kind) } catch {
                    logger.warning("Workers of an earlier run wait for their lease", metadata: ["error": "\(error)"])
                }
                try await runner.run()
            }
            group.addTask { await cancelWhenGracefulShutdown { await keepJobs() } }
            try await group.waitForAll()
        }
    }

    /// Each worker has its job, also one that has just come into the fleet file.
    private func keepJobs() async {
        while !Task.isCancelled {
            var jobs: [NewJob] = []
            for worker in board.workers where worker.value.runsAt == nil {
                let payload: JSONValue = ["worker": .string(worker.name)]
                if let job = try? NewJob(
                    kind: Self.kind, payload: payload.text, createdAt: board.now(), maxAttempts: 1_000,
                    key: .oneAtATime("worker/\(worker.name)"))
                {
                    jobs.append(job)
                }
            }
            if !jobs.isEmpty {
                do throws(Failure) {
                    try await board.ledger.jobs.insert(jobs)
                    runner.wake()
                } catch {
                    logger.warning("Workers could not be planned", metadata: ["error": "\(error)"])
                }
            }
            await news.wait(atMost: .seconds(60), clock: ContinuousClock())
        }
    }

    /// Whose look a job is.
    static func worker(of job: Job) -> String? { (try? JSONValue(reading: job.payload))?["worker"]?.string }
}

/// One look of the worker that a job names.
struct WorkerLook: Sendable {
    let board: WorkerBoard
    let mayRun: @Sendable () async -> Bool

    func run(_ job: Job) async throws -> JobHandler.Outcome {
        guard let name = WorkerService.worker(of: job), let settings = board.worker(name),
            settings.runsAt == nil
        else {
            return .cancelled(because: "the worker left the fleet file")
        }
        let begun = board.now()
        let next = begun + settings.interval
        guard await mayRun() else { return .later(begun + .seconds(10)) }
        let store = board.store(name)
        if try await store.isPausedByHand() ?? settings.isPaused {
            board.rest(name)
            return .later(next)
        }
        defer { board.rest(name) }
        do {
            let outcome = try await look(name, settings, store)
            if let row = outcome.row {
                board.note(
                    name, "iteration \(row)\(outcome.perspective.map { ": \($0.replacing("_", with: " "))" } ?? "")",
                    isRunning: true)
            }
            if let range = outcome.published {
                let rows =
                    range.lowerBound == range.upperBound
                    ? "iteration \(range.upperBound)" : "iterations \(range.lowerBound) to \(range.upperBound)"
                board.note(name, "published \(rows)", isRunning: true)
                // The rows are in the dataset whatever becomes of this.
                let activities = board.ledger.activities
                let dataset = settings.datasetID(namespace: board.namespace).map { "\($0)" } ?? name
                await activities.endOwn(
                    await activities.beginOwn(
                        .publication, on: dataset, because: "\(rows) of \(name)", at: board.now()),
                    as: .done, because: "\(rows) of \(name)")
            }
            // What was asked for meanwhile does not wait for the next look.
            if try await store.load().record.wish != nil { return .later(board.now()) }
            return .later(max(next, board.now() + .seconds(1)))
        } catch is CancellationError { throw CancellationError() } catch {
            let failure = (error as? Failure) ?? Failure(.internal, doing: "look", because: "\(type(of: error))")
            board.note(name, Redaction.text(failure.description), isRunning: true)
            board.logger.warning(
                "A worker's look did not go well", metadata: ["worker": "\(name)", "error": "\(failure)"])
            // Not sooner than what the failure asks for.
            guard case .after(let wait) = failure.retry else { return .later(max(next, board.now() + .seconds(1))) }
            return .later(max(next, board.now() + wait))
        }
    }

    private func look(_ name: String, _ settings: WorkerSettings, _ store: WorkerStore) async throws
        -> WorkerRun.Outcome
    {
        var publisher: DatasetPublisher?
        var obstacle: Failure?
        let source = board.source(settings)
        if settings.dataset != nil {
            do throws(Failure) {
                try await board.learnNamespace()
                guard let hub = board.hub, hub.settings.token != nil else {
                    throw Failure(
                        .hubNoAccount, doing: "publish the results of \(name)", because: "no HF_TOKEN",
                        hint: "start it with HF_TOKEN set, or name the token in `hub.token` of the fleet file")
                }
                guard let dataset = settings.datasetID(namespace: board.namespace) else {
                    throw Failure(
                        .usage, doing: "publish the results of \(name)", because: "the dataset's owner is not known",
                        hint: "write owner/name, or set hub.namespace")
                }
                publisher = DatasetPublisher(
                    hub: hub, dataset: dataset, kind: settings.kind, isPrivate: settings.isPrivate,
                    retention: settings.retention ?? 10_000,
                    repository: Redaction.address(settings.repository?.name ?? ""), logger: board.logger)
            } catch { obstacle = error }
        }
        var run = WorkerRun(
            name: name, settings: settings, perspectives: try await board.perspectives(settings), source: source,
            folder: board.folder, store: store, publisher: publisher, unpublishable: obstacle,
            toolFolders: board.toolFolders, now: board.now, logger: board.logger
        ) { [board] step in board.note(name, step, isRunning: true) }
        run.interpreter = settings.python.map { $0.name.hasPrefix("/") ? $0.name : board.base + "/" + $0.name }
        run.model = ModelAccess(
            transport: board.transport, secrets: [board.hub?.settings.token].compactMap(\.self))
        if !settings.reads.isEmpty { run.reading = { [board] in try await board.work(for: settings) } }
        return try await run.run()
    }
}
