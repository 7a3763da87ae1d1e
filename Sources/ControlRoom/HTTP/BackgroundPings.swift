import Ledger
import Operations
import ServiceLifecycle
import StokerCore

/// Pings that somebody asked for on a page. A ping with its retries may take minutes, a page must answer at once: the errand runs
/// here, the page waits a moment for it and then goes on without.
final class BackgroundPings: Service {
    private struct Errand: Sendable {
        var name: String
        /// The one who asked.
        var principal: Principal
        var done: AsyncStream<Result<CheckStatus, Failure>>.Continuation
    }
    /// How long a page waits for an answer.
    private static let patience = Duration.milliseconds(1_200)
    private let monitor: any FleetMonitoring
    private let ledger: any Ledger
    private let (backgroundPings, add) = AsyncStream.makeStream(of: Errand.self, bufferingPolicy: .bufferingOldest(64))

    init(monitor: any FleetMonitoring, ledger: any Ledger) {
        self.monitor = monitor
        self.ledger = ledger
    }

    /// The status after the ping, or nil when it takes longer than a page should wait.
    /// - Throws: what the monitor throws; `overloaded` when too many wait.
    func ping(_ name: String) async throws(Failure) -> CheckStatus? {
        let (results, done) = AsyncStream.makeStream(of: Result<CheckStatus, Failure>.self)
        guard case .enqueued = add.yield(Errand(name: name, principal: .current, done: done)) else {
            throw Failure(
                .overloaded, doing: "ping \(name)", because: "too many pings were asked for at once",
                hint: "try again in a moment",
                retry: .after(.seconds(2)))
        }
        let result = await withTaskGroup(of: Result<CheckStatus, Failure>?.self) { group in
            group.addTask { await results.first { _ in true } }
            group.addTask {
                // Cancelled as soon as the result is there.
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        return try result?.get()
    }

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for await errand in backgroundPings.cancelOnGracefulShutdown() {
                group.addTask {
                    do throws(Failure) {
                        let now = await self.monitor.overview().now
                        _ = try await Operation.ping.call(
                            [("name", .string(errand.name))],
                            in: OperationContext(
                                monitor: self.monitor, ledger: self.ledger, now: { now },
                                caller: SilentCaller(errand.principal)))
                        errand.done.yield(.success(try await self.monitor.status(of: errand.name)))
                    } catch {
                        errand.done.yield(.failure(error))
                    }
                    errand.done.finish()
                }
            }
            group.cancelAll()
        }
    }
}
