import ArgumentParser
import AsyncHTTPClient
import Foundation
import Ledger
import NIOPosix
import Notices
import Runtime
import StokerCore

/// Messages through the outbox to a webhook: written to the ledger, claimed, sent, noted as done.
struct NoticesBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notices", abstract: "Delivers messages from the ledger to a webhook on loopback.")

    @Option var messages = 10_000
    @Option(help: "Messages per transaction.") var batch = 100
    @Option var port: Int
    @Option var data: String

    func run() async throws {
        let logger = quietLogger()
        let ledger = try await SQLiteLedger(path: try folder(data) + "/bench.sqlite", logger: logger)
        let text = """
            channels: { hook: { webhook: "http://127.0.0.1:\(port)/hook", secret: bench } }
            notify: [ { to: hook, on: [down] } ]
            """
        let sections = FleetSections.standard.adding(ChannelsSection.section).adding(NotifySection.section)
        let fleet = try FleetFile.read(text: text, name: "fleet.yaml", environment: [:], sections: sections).get()
        let clocks = Clocks.real
        let board = NoticeBoard(fleet: fleet, ledger: ledger, now: clocks.wall, logger: logger)
        let writer = LedgerWriter(
            ledger: ledger, retention: fleet.ledger, clock: ContinuousClock(), now: clocks.wall, outbox: board.outbox,
            logger: logger)
        let http = DeliveryMeans.client(on: MultiThreadedEventLoopGroup.singleton)
        let service = NoticeService(
            board: board, writer: writer, client: http, owner: "bench", clocks: clocks, logger: logger)
        let jobs = try (0..<messages).map { number in
            let target = "target-\(number % 1_000)"
            let notice = Notice(
                key: "bench-\(number)", kind: .down, at: clocks.wall(),
                subjects: [.init(check: target, verdict: .down, since: clocks.wall())], sentence: "connection refused")
            return try OutgoingMessage(channel: "hook", notice: notice).job(createdAt: clocks.wall())
        }
        let (messages, batch) = (messages, batch)
        let figures = try await withThrowingTaskGroup(of: (wall: Double, cpu: Double, delivered: Int)?.self) { group in
            group.addTask {
                try await service.run()
                return nil
            }
            group.addTask {
                let meter = Meter()
                for first in stride(from: 0, to: jobs.count, by: batch) {
                    try await ledger.record(Batch(jobs: Array(jobs[first..<min(jobs.count, first + batch)])))
                    board.wake()
                }
                let kind = OutgoingMessage.jobKind
                while try await ledger.jobs.nextDue([kind]) != nil { try await Task.sleep(for: .milliseconds(5)) }
                let (wall, cpu) = (meter.wallSeconds, meter.cpuSeconds)
                var delivered = 0
                var last: Int64?
                while true {
                    let page = try await ledger.jobs.jobs(kind: kind, states: [.completed], before: last, limit: 1_000)
                    delivered += page.count
                    last = page.last?.id
                    if page.count < 1_000 { break }
                }
                return (wall, cpu, delivered)
            }
            var found: (wall: Double, cpu: Double, delivered: Int)?
            while found == nil, let next = try await group.next() { found = next }
            group.cancelAll()
            return found
        }
        try await http.shutdown()
        await ledger.close()
        guard let figures else { throw ExitCode.failure }
        try say([
            "messages": messages, "delivered": figures.delivered, "wall_seconds": figures.wall,
            "cpu_seconds": figures.cpu,
        ])
    }
}
