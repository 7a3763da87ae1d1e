package import AsyncHTTPClient
package import Ledger
package import Logging
import NIOCore
package import Runtime
import ServiceLifecycle

/// Sends what the outbox holds, and tells what is due because time has passed.
package struct NoticeService: Service {
    private let board: NoticeBoard
    private let writer: LedgerWriter
    private let runner: JobRunner
    private let executor: LoopExecutor

    /// - Parameters:
    ///   - client: follows no redirect. Messages are written on one of its event loops, which takes a millisecond or two for long ones.
    ///   - owner: names this process in what it claims.
    package init(
        board: NoticeBoard, writer: LedgerWriter, client: HTTPClient, owner: String, clocks: Clocks, logger: Logger
    ) {
        self.board = board
        self.writer = writer
        executor = LoopExecutor(client.eventLoopGroup.next())
        let backoff = Backoff(first: .seconds(5), longest: .seconds(900))
        runner = JobRunner(
            store: board.ledger.jobs,
            handlers: [board.handler(DeliveryMeans(http: client, logger: logger, now: clocks.wall))], owner: owner,
            // Most of them wait for their channel, which sends one after the other.
            settings: JobRunner.Settings(concurrency: 64, batch: 16, poll: .seconds(2)), clock: ContinuousClock(),
            now: clocks.wall, backoff: { backoff.wait(after: $0, share: .random(in: 0...1)) }, logger: logger)
        board.setWake { [runner] in runner.wake() }
    }

    package func run() async throws {
        board.tellOfChannels()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: executor) {
                // What earlier processes held is given back before anything is claimed.
                await cancelWhenGracefulShutdown { await board.untilReady() }
                try await runner.run()
            }
            group.addTask { await cancelWhenGracefulShutdown { await keepTime() } }
            try await group.waitForAll()
        }
    }

    private func keepTime() async {
        var seconds = 0
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            await board.tick(writer)
            seconds += 1
            if seconds % 60 == 0 { await board.reconcile() }
        }
    }
}
